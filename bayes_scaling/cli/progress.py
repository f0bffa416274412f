"""What a long step is at, on stderr, while a command waits for it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bayes_scaling._base.log import LOG
from bayes_scaling.cli.terminal import say


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), err=True)


@contextmanager
def progress_lines() -> Iterator[None]:
    """Print what the package logs, until the block ends."""
    lines, before, passed_on = _Lines(), LOG.level, LOG.propagate
    LOG.addHandler(lines)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    try:
        yield
    finally:
        LOG.removeHandler(lines)
        LOG.setLevel(before)
        LOG.propagate = passed_on
