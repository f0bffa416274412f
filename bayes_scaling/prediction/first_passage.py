"""Where, and when, a running job first falls below a loss, or comes to an accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import number
from bayes_scaling._base.quantiles import QUANTILES
from bayes_scaling._base.views import draws_of, in_a_line, lines, show, view
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.goal import more_is_better
from bayes_scaling.prediction.pace import Pace, as_date
from bayes_scaling.prediction.predict import Kind


@dataclass(frozen=True)
class FirstPassage:
    """Where a run first falls below a loss, or rises to an accuracy, in each draw of its path.

    Parameters
    ----------
    at
        Draws of the place, in base units of what the run trains along; infinite where it does not fall so low before its end.
        The last row seen where it lies below already. Dimensions chain, draw.
    target
        The loss.
    kind
        "expected": the curve, without what single rows scatter by; "observed": the first of the places to come at which a row
        lies below, which is sooner, and the sooner the more places there are.
    along, unit
        The input along which it trains, and its unit.
    reached, end
        How far it has come, and where it ends.
    pace
        How fast it goes; None where that is not known.
    rising
        Whether more is better, as of an accuracy: it is then reached from below.
    name
        What is reached, see `Response.name`.

    Examples
    --------
    >>> found = bs.forecast(fit, "running.csv", at=3e11).first_passage(2.4, per_day=5e9)  # doctest: +SKIP
    >>> found.p_never, found.by(2e11), found.by_date("2026-12-01")  # doctest: +SKIP
    """

    at: xr.DataArray
    target: float
    label: str
    kind: Kind
    along: str
    unit: str
    reached: float
    end: float
    pace: Pace | None = None
    health: Health | None = None
    rising: bool = False
    name: str = "loss"

    @property
    def p_never(self) -> float:
        """The probability that it does not fall so low before its end."""
        return float(np.isinf(self.at.to_numpy()).mean())

    @asked
    def by(self, place: float) -> float:
        """Return the probability that the loss is reached by a place: tokens, or what else the run trains along, in base units.

        Raises
        ------
        InputError
            Where the run ends before: the path is known to its end only.
        """
        place = checks.positive(place, self.along)
        if place > self.end * (1 + 1e-9):
            raise InputError(
                f"{self.label} ends at {self.along} {number(self.end, 6)}; expected a place up to there, not {number(place, 6)}"
            )
        return float((self.at.to_numpy() <= place * (1 + 1e-12)).mean())

    def by_date(self, date: Any) -> float:
        """Return the probability that the loss is reached by a date, at the run's pace; a date past its end is its end.

        Parameters
        ----------
        date
            As "2026-12-01", which is the beginning of that day, UTC; or any date of pandas or the standard library.

        Raises
        ------
        InputError
            Where the pace is not known, or from when on it counts.
        """
        when = as_date(date, "date")
        if self.pace is None or self.pace.since is None:
            missing = "per_day" if self.pace is None else "since, the date of the last row seen"
            raise InputError(f"when {self.label} will be where is not known: its log has no times; expected {missing}")
        days = (when - self.pace.since) / pd.Timedelta(days=1)
        return self.by(min(self.reached + self.pace.per_day * days, self.end)) if days >= 0 else self.by(self.reached)

    @carried
    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return quantiles of the place, and of the date where the pace is known, the probability of never, in one row.

        Quantiles are those of all draws: infinite (of dates NaT) where as many never fall so low.
        """
        places = self.quantiles()
        row: dict[str, Any] = {"run": self.label, "target": self.target, "kind": self.kind, **places, "p_never": self.p_never}
        row |= {"p_already": float((self.at.to_numpy() <= self.reached * (1 + 1e-9)).mean()), "end": self.end}
        if self.pace is not None and self.pace.since is not None:
            row |= {f"date_{name}": self.date(of) or pd.NaT for name, of in places.items()}
        return pd.DataFrame([row])

    def quantiles(self, *, reached: bool = False) -> dict[str, float]:
        """Return quantiles of the place; reached: of the draws only that fall so low, NaN where none does."""
        draws = np.sort(self.at.to_numpy().ravel())
        draws = draws[np.isfinite(draws)] if reached else draws
        if not len(draws):
            return dict.fromkeys(QUANTILES, np.nan)
        return {name: float(draws[min(int(np.ceil(q * len(draws))), len(draws)) - 1]) for name, q in QUANTILES.items()}

    def date(self, place: float) -> pd.Timestamp | None:
        """Return when the run is at a place, None where that is not known."""
        return None if self.pace is None else self.pace.date(place - self.reached)

    @asked
    def summary(self) -> str:
        """Return with which probability, where and when the loss is reached, a sentence a line."""
        return lines(view("bayes_scaling.prediction.forecast_sentences:said_of_passage")(self), self)

    @asked
    def plot(self) -> Any:
        """Return the figure: the probability that the loss has been reached, along the run."""
        return view("bayes_scaling.plots.first_passage:first_passage_figure")(self)

    def __repr__(self) -> str:
        return in_a_line(
            self,
            f"First passage of {self.label} {'above' if self.rising else 'below'} {number(self.target)}",
            draws_of(self.at),
        )

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, f"First passage of {self.label}")


def passage_places(path: xr.DataArray, along: str, target: float, kind: Kind) -> xr.DataArray:
    """Return where each draw of a path first lies at or below a loss, or at or above an accuracy; infinite where nowhere.

    Between places a curve is a line over the logarithm of `along`; of rows the place itself counts.

    Parameters
    ----------
    path
        Dimensions chain, draw, row, with the coordinate `along`.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> path = xr.DataArray([[[3.0, 2.0], [3.0, 2.8]]], dims=("chain", "draw", "row"), coords={"d": ("row", [1.0, 100.0])})
    >>> passage_places(path, "d", 2.5, "expected").to_numpy().round(6).tolist()
    [[10.0, inf]]
    """
    at = path[along].to_numpy().astype(float)
    values = path.transpose("chain", "draw", "row").to_numpy()
    below = values >= target if more_is_better(path) else values <= target
    first = below.argmax(axis=-1)
    place = at[first]
    if kind == "expected":
        before = np.maximum(first - 1, 0)
        high, low = (np.take_along_axis(values, one[..., None], -1)[..., 0] for one in (before, first))
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(first > 0, (high - target) / (high - low), 1.0)
            place = at[before] * (at[first] / at[before]) ** share
    return xr.DataArray(np.where(below.any(axis=-1), place, np.inf), dims=("chain", "draw"))
