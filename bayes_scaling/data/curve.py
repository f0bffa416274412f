"""How the rows of a run are read: as one log, or averaged in bins."""

from dataclasses import dataclass
from typing import Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError


@dataclass(frozen=True)
class Curve:
    """The rows of a run are one log, in the order they were written.

    A step back is a restart. Rows of the attempt before, at or beyond its place, are replaced by the later ones. Of rows at the
    same place that follow one another the last is kept. What was found is in `Runs.notes`.

    Parameters
    ----------
    along
        The input that orders a log.
    warmup
        Rows with less of it are left out.
    warmup_fraction
        Rows with less than this fraction of their run's last value are left out. Give either this or `warmup`.
    skip
        What to leave out. "missing": rows without a finite response, which are an error otherwise. "spikes": rows that rise and
        fall again by more than 5 % and 8 robust standard deviations, which are kept otherwise. Both are reported.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Curve
    >>> columns = bs.Columns({"tokens": bs.Input("tokens")}, run="run", curve=Curve("tokens", warmup=1e8))
    """

    along: str
    warmup: float | None = None
    warmup_fraction: float | None = None
    skip: tuple[Literal["missing", "spikes"], ...] = ()

    def __post_init__(self) -> None:
        if self.warmup is not None and self.warmup_fraction is not None:
            raise InputError("give either warmup or warmup_fraction")
        checks.check(
            self,
            "of a curve",
            along=checks.name,
            warmup=checks.optional(checks.positive),
            warmup_fraction=checks.optional(checks.within(0, 1)),
        )
        checks.check(self, "of a curve", skip=checks.several(checks.one_of(["missing", "spikes"])))


@dataclass(frozen=True)
class Tail:
    """Only the last stretch of a run is read, or of the table where there are no runs.

    What a curve did long ago says little of where it goes, and more than it should to a law that has to hold for both.

    Parameters
    ----------
    along
        The input that orders the rows.
    fraction
        Rows with less than this fraction of the largest value are left out, and counted in `Runs.notes`.
    at_least
        So many of the last rows stay, however far back they lie.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Tail
    >>> columns = bs.Columns({"x": bs.Input("x")}, tail=Tail("x", fraction=0.1, at_least=8))
    """

    along: str
    fraction: float
    at_least: int = 2

    def __post_init__(self) -> None:
        least = checks.integer(1, 10**9)
        checks.check(self, "of a tail", along=checks.name, fraction=checks.within(0, 1), at_least=least)


@dataclass(frozen=True)
class Average:
    """Neighbouring rows of a run are replaced by their mean.

    What rows scatter by averages out, what they share stays. Bins are equal in the logarithm of an input. A bin has the mean
    response of its rows, the geometric mean of each input, the arithmetic one where it comes from a schedule and may be zero,
    and the measurement error of a mean of independent measurements.

    Parameters
    ----------
    along
        The input that orders the rows of a run.
    per_decade
        Bins for each factor of ten of it.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Average
    >>> columns = bs.Columns({"tokens": bs.Input("tokens")}, run="run", average=Average("tokens", per_decade=20))
    """

    along: str
    per_decade: float

    def __post_init__(self) -> None:
        checks.check(self, "", along=checks.name, per_decade=checks.positive)
