"""What a long step is at, on stderr, while a command waits for it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bayes_scaling.cli.terminal import say


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), err=True)


@contextmanager
def progress_lines() -> Iterator[None]:
    """Print what the package logs, until the block ends."""
    logger, lines = logging.getLogger("bayes_scaling"), _Lines()
    before, passed_on = logger.level, logger.propagate
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before)
        logger.propagate = passed_on
