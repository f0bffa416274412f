"""Forecasts of several running jobs, conditioned on all of their logs together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import several
from bayes_scaling._base.quantiles import sorted_quantiles
from bayes_scaling._base.views import draws_of, in_a_line, lines, show, view
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.forecast_record import Forecast
from bayes_scaling.prediction.goal import checked_target, more_is_better


@dataclass(frozen=True)
class Forecasts:
    """What several running jobs will show, in common draws of the law.

    Parameters
    ----------
    jobs
        The forecast of each, in the order of their logs; draw i of one is made with the same parameters as draw i of another.
    anew
        Job -> draws of the expected loss at its end of a new run of its settings, which begins from nothing.

    Examples
    --------
    >>> both = bs.forecast(fit, ["one.csv", "two.csv"], at=3e11)  # doctest: +SKIP
    >>> print(both.summary())  # doctest: +SKIP
    >>> both["one"].plot()  # doctest: +SKIP
    """

    jobs: tuple[Forecast, ...]
    anew: Mapping[str, xr.DataArray] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """Names of the jobs."""
        return [one.label for one in self.jobs]

    @property
    def health(self) -> Health | None:
        """Of the fit behind them."""
        return self.jobs[0].health

    @property
    def basis(self) -> str:
        """Say of how many draws the forecasts are made, and whether the model was fitted again for them."""
        return self.jobs[0].basis

    def __len__(self) -> int:
        return len(self.jobs)

    def __iter__(self) -> Iterator[Forecast]:
        return iter(self.jobs)

    def __getitem__(self, label: str) -> Forecast:
        found = next((one for one in self.jobs if one.label == label), None)
        if found is None:
            raise InputError(f"no job is called {label!r}; expected one of {format_names(self.labels)}")
        return found

    @property
    def finals(self) -> xr.DataArray:
        """Draws of the loss at each job's end; dimensions job, chain, draw."""
        return _side_by_side(self.labels, [one.final for one in self.jobs])

    @property
    def expected_finals(self) -> xr.DataArray:
        """Draws of the expected loss at each job's end, without what single rows scatter by; dimensions job, chain, draw."""
        return _side_by_side(
            self.labels, [(one.expected if one.expected is not None else one.path).isel(row=-1) for one in self]
        )

    def probability(self, one: str, other: "str | float") -> float:
        """Return the probability that a job ends below another, draw by draw, or below a loss."""
        return self[one].probability(self[other] if isinstance(other, str) else other)

    @property
    def p_lowest(self) -> dict[str, float]:
        """Job -> the probability that it ends lowest of all."""
        first = self.finals.argmin("job").to_numpy().ravel()
        return {label: float((first == i).mean()) for i, label in enumerate(self.labels)}

    @property
    def rising(self) -> bool:
        """Whether more of the response is better, as of an accuracy."""
        return more_is_better(self.jobs[0].path)

    @property
    def p_best(self) -> dict[str, float]:
        """Job -> the probability that it ends best of all: lowest, or of an accuracy highest."""
        if not self.rising:
            return self.p_lowest
        first = self.finals.argmax("job").to_numpy().ravel()
        return {label: float((first == i).mean()) for i, label in enumerate(self.labels)}

    def probabilities(self) -> pd.DataFrame:
        """Return the probability that the job of a row ends below that of a column."""
        of = [[self.probability(one, other) if one != other else np.nan for other in self.labels] for one in self.labels]
        return pd.DataFrame(of, self.labels, self.labels).rename_axis(index="job", columns="ends below")

    @carried
    @asked
    def to_frame(self, target: float | None = None) -> pd.DataFrame:
        """Return a row a job: where it is and ends, quantiles of its loss there, and probabilities.

        p_lowest is that of ending lowest of all, p_below that of ending below a target. Of accuracies there is p_highest
        too.
        """
        rows, best = [], self.p_best
        for one in self.jobs:
            values = np.sort(one.final.to_numpy().ravel())
            along = {f"{one.along}_reached": float(one.seen[one.along].iloc[-1]), one.along: float(one.path[one.along][-1])}
            quantiles = {name: float(of[0]) for name, of in sorted_quantiles(values[None]).items()}
            below = {} if target is None else {"p_below": one.probability(checked_target(target, one.path))}
            row = {"run": one.label, **along, "last_seen": float(one.seen["response"].iloc[-1]), "mean": float(values.mean())}
            first = {"p_lowest": self.p_lowest[one.label]} | ({"p_highest": best[one.label]} if self.rising else {})
            rows.append(row | {"sd": float(values.std())} | quantiles | first | below)
        return pd.DataFrame(rows)

    @carried
    def paths(self) -> pd.DataFrame:
        """Return the paths of all jobs as one table, see `Forecast.to_frame`."""
        return pd.concat([one.to_frame().assign(run=one.label) for one in self.jobs], ignore_index=True)

    @asked
    def summary(self, target: float | None = None) -> str:
        """Return what is forecast of each job, a sentence a line, and which ends best, with what probability."""
        return lines(view("bayes_scaling.prediction.forecast_sentences:said_of_forecasts")(self, target), self)

    @asked
    def plot(self, target: float | None = None) -> Any:
        """Return the figure: the rows of each job so far, the bands to their ends, and how those are distributed."""
        target = None if target is None else checked_target(target, self.jobs[0].path)
        return view("bayes_scaling.plots.forecasts:forecasts_figure")(self, target=target)

    def __repr__(self) -> str:
        rows = several(sum(len(one.seen) for one in self.jobs), "row") + " seen"
        return in_a_line(self, f"Forecasts of {', '.join(self.labels)}", rows, draws_of(self.jobs[0].path))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, f"Forecasts of {several(len(self), 'job')}")


def _side_by_side(labels: list[str], finals: list[xr.DataArray]) -> xr.DataArray:
    values = np.stack([one.transpose("chain", "draw").to_numpy() for one in finals])
    return xr.DataArray(values, dims=("job", "chain", "draw"), coords={"job": labels}, attrs=finals[0].attrs)
