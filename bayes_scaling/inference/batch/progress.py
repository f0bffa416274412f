"""How far a batch is: a bar on a terminal, elsewhere a line now and then, with the rate and the time left."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from bayes_scaling._base.numbers import format_count, number

EVERY = 30.0
"""Seconds between lines where nobody watches."""
WINDOW = 4_096
"""The rate is that of the last so many fits."""
AT_ONCE = 0.01
"""Fits that come within this share of the time passed are of one batch, as the first of several workers are."""


class Advance(Protocol):
    """Counts a task: whether it was fitted here and now, and whether there is no result."""

    def __call__(self, *, made: bool, failed: bool) -> None: ...


@dataclass
class Pace:
    """What has been counted of a batch, and when.

    Parameters
    ----------
    total
        How many tasks there are.
    """

    total: int
    clock: Callable[[], float] = monotonic
    done: int = 0
    loaded: int = 0
    failed: int = 0
    times: "deque[float]" = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, *, made: bool, failed: bool) -> None:
        """Count a task; those that were stored before, or refused at once, say nothing about the rate."""
        self.done, self.failed = self.done + 1, self.failed + failed
        self.loaded += not made and not failed
        if made:
            self.times.append(self.clock())

    @property
    def rate(self) -> float:
        """Fits a second since the first ones, for which a model was compiled; 0 where none is known."""
        if not self.times:
            return 0.0
        until = self.times[0] + AT_ONCE * (self.times[-1] - self.times[0])
        first = max(at for at in self.times if at <= until)
        passed = self.times[-1] - first
        return sum(at > first for at in self.times) / passed if passed > 0 else 0.0

    @property
    def line(self) -> str:
        """All of it, as "fits: 120 of 400, 2.5 a second, 2 min left, 3 failed"."""
        rate, left = self.rate, self.total - self.done
        said = [f"fits: {format_count(self.done)} of {format_count(self.total)}"]
        said += [f"{format_count(self.loaded)} stored before"] if self.loaded else []
        if rate:
            said.append(f"{number(rate, 2)} a second" if rate >= 1 else f"one in {number(1 / rate, 2)} s")
        said += [f"{duration(left / rate)} left"] if rate and left else []
        said += [f"{format_count(self.failed)} failed"] if self.failed else []
        return ", ".join(said)


def duration(seconds: float) -> str:
    """Return a span of time as people say it.

    Examples
    --------
    >>> duration(8.4), duration(140), duration(8000), duration(300_000)
    ('8 s', '2 min', '2.2 h', '3.5 days')
    """
    for length, unit in ((86_400.0, "days"), (3_600.0, "h")):
        if seconds >= 1.5 * length:
            return f"{number(seconds / length, 2)} {unit}"
    return f"{round(seconds / 60.0)} min" if seconds >= 90.0 else f"{round(seconds)} s"


@contextmanager
def progress(shown: bool, total: int, clock: Callable[[], float] = monotonic, stream: Any = None) -> Iterator[Advance]:
    """Give what counts a task: a bar on a terminal or in a notebook, elsewhere lines on stderr."""
    if shown and total and not _watched():
        with _lines(total, clock, stream or sys.stderr) as advance:
            yield advance
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc="fits", disable=not shown) as bar:
        count = 0

        def advance(*, made: bool, failed: bool) -> None:
            nonlocal count
            if failed:
                count += 1
                bar.set_postfix_str(f"{count} failed", refresh=False)
            bar.update()

        yield advance


def _watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def _lines(total: int, clock: Callable[[], float], stream: Any) -> Iterator[Advance]:
    """Give what counts finished tasks, and prints a line every half a minute."""
    pace, said = Pace(total, clock), clock()

    def advance(*, made: bool, failed: bool) -> None:
        nonlocal said
        pace.add(made=made, failed=failed)
        if clock() - said >= EVERY:
            said = clock()
            print(pace.line, file=stream, flush=True)

    try:
        yield advance
    finally:
        print(pace.line, file=stream, flush=True)
