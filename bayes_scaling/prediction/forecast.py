"""What an unfinished run will end at: the posterior of a fit, conditioned on the rows that a run has shown so far.

Where the rows leave only few of the fit's draws with any weight, the model is fitted again with them among its runs.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import band, exact, format_count, percent, probability
from bayes_scaling._base.paths import is_file
from bayes_scaling._base.quantiles import QUANTILES
from bayes_scaling.data.binning import cell_means
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.distance import regions
from bayes_scaling.data.joining import MAX_RANGE_FACTOR
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.points import in_base_units, read_points
from bayes_scaling.data.rates import UNREAD_FALL
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.runs import Runs, concat_runs
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.inference.fit import refit
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import law_groups, model_inputs
from bayes_scaling.prediction.conditioning import Conditioned, conditioned
from bayes_scaling.prediction.planned_rates import continued
from bayes_scaling.prediction.predict import Kind, labelled
from bayes_scaling.prediction.shared_misfit import shared_misfits

MOST_ROWS = 40
"""Rows seen are averaged to so many at most before they are conditioned on."""

MOST_DRAWS = 2000
STEPS = 24
FURTHEST = 1e6
"""A run ends at most so many times further than it has come."""
"""Places of the path between the last row seen and the end."""

SURPRISING = 0.005
"""Runs that stray as few of the fit's would are said to be unlike them."""

FEW_DRAWS = 200.0
"""With fewer effective draws the ends of a band hang on a dozen of them: the model is fitted again."""


@dataclass(frozen=True)
class Forecast:
    """What a run will show.

    Parameters
    ----------
    path
        Draws of its loss at places from the last row seen to the end, the last point; dimensions chain, draw, row.
    seen
        The rows conditioned on, a column for each input and group and `response`.
    along
        The input along which it trains, and its unit.
    label
        The run's name.
    surprise
        The probability that a run of the fit's family strays from what the fit expects at least as far as these rows do.
    effective
        The effective number of the fit's draws after the rows, 1 / sum of their squared weights.
    refitted
        Whether those were too few, and the path is that of a fit with the rows among its runs.
    health
        Of the fit, or of that other one.
    notes
        On the learning rate: that its fall is read by nothing, or how it is taken to go on.
    """

    path: xr.DataArray
    seen: pd.DataFrame
    along: str
    unit: str
    label: str
    surprise: float
    health: Health | None = None
    effective: float = np.inf
    refitted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def final(self) -> xr.DataArray:
        """Draws of the loss at the end; dimensions chain, draw."""
        return self.path.isel(row=-1)

    @property
    def unlike(self) -> str:
        """Say that the run is unlike those of the fit, where its rows lie further out than theirs would; else nothing."""
        if self.surprise >= SURPRISING:
            return ""
        return (
            f"of the fit's runs {percent(self.surprise)} would stray as far as {self.label} has: "
            "it is unlike them, and the band may be too narrow"
        )

    @property
    def basis(self) -> str:
        """Say of how many draws the forecast is made, and whether the model was fitted again for it."""
        drawn = self.path.sizes["chain"] * self.path.sizes["draw"]
        of = f"the rows so far leave {format_count(round(max(self.effective, 1)))} of {format_count(drawn)} draws effective"
        return f"{of}, too few: the model was fitted again with them among its runs" if self.refitted else of

    def probability(self, target: "float | Forecast") -> float:
        """Return the probability that the run ends below a loss, or below another run; the two are taken as independent."""
        own = np.sort(self.final.to_numpy().ravel())
        others = target.final.to_numpy().ravel() if isinstance(target, Forecast) else np.array([target])
        return float(np.searchsorted(own, others).mean() / len(own))


def forecast(
    fit: Fit, curve: Table, at: float | Table, *, kind: Kind = "observed", seed: int = 0, refit_below: float = FEW_DRAWS
) -> Forecast:
    """Return the posterior of what an unfinished run will show, given a fitted family of runs and its rows so far.

    Parameters
    ----------
    curve
        The log so far, with the columns of the fit's table (groups that the law does not vary over may be missing); or the name
        of a run that the fit has seen. The log is filtered, checked and averaged as the fit's runs were, and its measurement
        errors count.
    at
        Where along the run it ends, in base units (tokens, steps), as a forecast says it; a number that the run has passed is
        taken to be in the unit of its column where it then lies ahead. Or a table of places to come, the end last, for inputs
        that change along the run. A planned schedule is such a table.
    kind
        "observed" is what a row will show, as the fit's rows are; "expected" leaves out what single rows scatter by.
    refit_below
        With fewer effective draws than this the model is fitted again with the rows among its runs, by the settings of the fit,
        which takes as long as that did; 0 never does.

    Raises
    ------
    InputError
        As `read_runs` does, and where the log holds several runs, reaches beyond `at`, counts in another unit than the fit's
        runs, or carries the name of a run that the fit has seen.
    """
    along, seed = along_runs(fit), checks.seed(seed, "seed")
    known = isinstance(curve, str) and curve in set(fit.runs.table.get("run", pd.Series()).astype(str))
    seen, unread = (_known_rows(fit, str(curve)), ()) if known else _read_seen(fit, curve)
    seen = seen.sort_values(along, ignore_index=True)
    label = str(seen["run"].iloc[-1])
    ahead, planned = _ahead(fit, seen, curve, at, along)
    seen = seen if known else _warmed_up(fit, seen, float(ahead[along].max()), along)
    frame = pd.concat([_fewer(seen, fit.runs.columns, along), ahead.assign(mean_lag=0.0)], ignore_index=True)
    n = len(frame) - len(ahead)
    found = _likeliest(_thinned(fit), frame, n, along, known=known, kind=kind, seed=seed)
    effective, surprise, refitted = found.effective, found.surprise, found.effective < refit_below and not known
    if refitted:
        fit = refit(fit, concat_runs(fit.runs, replace(fit.runs, table=seen, dropped=0, averaged=len(seen), notes=())))
        found = _likeliest(_thinned(fit), frame, n, along, known=True, kind=kind, seed=seed)
    path = labelled(fit, found.ahead, ahead[[*model_inputs(fit.model), *(dim for dim in fit.runs.levels if dim in ahead)]])
    unit = fit.runs.columns.inputs[along].unit
    return Forecast(path, seen, along, unit, label, surprise, fit.health, effective, refitted, (*unread, *planned))


def _likeliest(fit: Fit, frame: pd.DataFrame, n: int, along: str, *, known: bool, kind: Kind, seed: int) -> Conditioned:
    """Return what a run will show, given what it shares with finished runs if its rows are then likelier than without."""
    shared = [*shared_misfits(fit, along, str(frame["run"].iloc[-1])), None]
    found = [conditioned(fit, frame, n, known=known, kind=kind, seed=seed, shared=one) for one in shared]
    return max(found, key=lambda one: one.evidence)


def along_runs(fit: Fit) -> str:
    """Return the input along which runs train."""
    columns = fit.runs.columns
    for said in (fit.model.noise.correlation, columns.curve, columns.average):
        if said is not None:
            return said.along
    inputs = list(fit.runs.columns.inputs)
    if len(inputs) > 1 and "tokens" not in inputs:
        raise InputError(f"which of {format_names(inputs)} runs train along is not said: give the noise a correlation along it")
    return "tokens" if "tokens" in inputs else inputs[0]


def _known_rows(fit: Fit, label: str) -> pd.DataFrame:
    return fit.runs.table[fit.runs.table["run"].astype(str) == label]


def _read_seen(fit: Fit, curve: Table) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the checked rows of a log, those of its columns that the law can do without filled in, and falls unread."""
    columns, source = fit.runs.columns, source_of(curve)
    frame = _filled(fit, read_table(curve, labels=fit.runs.columns.labels))
    runs = read_runs(frame, columns, source)
    if len(runs.levels.get("run", ["one"])) > 1:
        raise InputError(f"{source} holds the runs {format_names(map(str, runs.levels['run']))}; expected the log of one")
    table = runs.table if "run" in runs.table else runs.table.assign(run=OWN)
    if "run" in fit.runs.levels and level_index(table["run"].iloc[:1], fit.runs.levels["run"])[0] >= 0:
        raise InputError(
            f"{source}: the fit has seen run {str(table['run'].iloc[0])!r}; give its name to carry it on from there, "
            "or the log another name where it is another run"
        )
    _check_unit(fit.runs, table, source)
    return table, tuple(note for note in runs.notes if UNREAD_FALL in note)


def _warmed_up(fit: Fit, seen: pd.DataFrame, end: float, along: str) -> pd.DataFrame:
    """Return the rows past the warm-up, which is a fraction of the planned end: finished runs have left as much out."""
    curve = fit.runs.columns.curve
    fraction = 0.0 if curve is None or curve.warmup_fraction is None else curve.warmup_fraction
    late = seen[seen[along] >= fraction * end]
    return late.reset_index(drop=True) if len(late) else seen


OWN = "this run"
FARTHEST_END = 1e3
"""No run is planned to be so many times as long as any before it."""


def _filled(fit: Fit, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a log with levels of its own for the run and for groups it does not say and the law has no need of."""
    needed = set(law_groups(fit.model)) - {"run"}
    parts = {part for dim, of in fit.runs.columns.dims.items() if dim not in needed for part in of}
    return frame.assign(**{part: OWN for part in sorted(parts) if part not in frame})


def _check_unit(runs: Runs, table: pd.DataFrame, source: str) -> None:
    """Raise InputError where a log lies so far from the runs that it must count in another unit."""
    for name in runs.columns.scales:
        low, high = runs.table[name].min(), runs.table[name].max()
        first, last = table[name].min(), table[name].max()
        if last * MAX_RANGE_FACTOR < low or first > high * MAX_RANGE_FACTOR:
            one = runs.columns.inputs[name]
            raise InputError(
                f"{source}: column {one.column!r} lies between {exact(first)} and {exact(last)}, "
                f"that of the fit's runs between {exact(low)} and {exact(high)} {one.unit}".rstrip()
                + "; does it count in the same unit?"
            )


def _ahead(fit: Fit, seen: pd.DataFrame, curve: Table, at: float | Table, along: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the places to come, from the last row seen to the end, and how the learning rate is taken to go on."""
    last = seen.iloc[[-1]]
    own = last.drop(columns=["response", "count", "mean_lag", "measurement_error"], errors="ignore")
    if isinstance(at, int | float | np.number):
        at = end_in_base(fit, along, float(last[along].iloc[0]), float(at))
        if not (np.isfinite(at) and at >= last[along].iloc[0]):
            end = exact(at) if np.isfinite(at) else at
            raise InputError(f"the run has reached {along} {exact(last[along].iloc[0])}; expected an end beyond it, not {end}")
        if at > last[along].iloc[0] * FURTHEST:
            reached = exact(last[along].iloc[0])
            raise InputError(f"the run has reached {along} {reached}; {exact(at)} is over {exact(FURTHEST)} times as far")
        places = np.geomspace(float(last[along].iloc[0]), float(at), STEPS)
        of_schedule = {name for name, one in fit.runs.columns.inputs.items() if one.column in DERIVED}
        others = [name for name in fit.runs.columns.inputs if name != along and name not in of_schedule]
        if moving := [name for name in others if (seen[name] != seen[name].iloc[0]).any()]:
            raise InputError(
                f"{format_names(moving)} change along the run too: give the places to come as a table with their columns"
            )
        if of_schedule and not (isinstance(curve, str) and not is_file(curve)):
            plan, said = continued(fit, _log_in_base(fit, curve), places, along)
            return _planned(fit, own, curve, plan), (said,)
        return own.loc[own.index.repeat(STEPS)].assign(**{along: places}), ()
    points = _planned(fit, own, curve, in_base_units(at, fit.runs))
    if points[along].min() < last[along].iloc[0]:
        reached = last[along].iloc[0]
        raise InputError(f"a place to come lies at {along} {exact(points[along].min())}; the run has reached {exact(reached)}")
    return points.sort_values(along, ignore_index=True), ()


def end_in_base(fit: Fit, along: str, reached: float, at: float) -> float:
    """Return where a run ends in base units: as given, or what the unit of its column makes of it where that lies ahead."""
    counted = at * fit.runs.columns.inputs[along].factor
    farthest = FARTHEST_END * max(reached, float(fit.runs.table[along].max()))
    return counted if at < reached <= counted <= farthest else at


def _planned(fit: Fit, own: pd.DataFrame, curve: Table, plan: pd.DataFrame) -> pd.DataFrame:
    """Return the places of a table, with what does not change along the run; a schedule goes on from that of the log."""
    columns, label = fit.runs.columns, own["run"].iloc[0]
    constant = {dim: own[dim].iloc[0] for dim in fit.runs.levels if not set(columns.dims[dim]) <= set(plan)}
    still = {name: own[name].iloc[0] for name, one in columns.inputs.items() if not {name, one.column} & set(plan)}
    if not any(columns.inputs[name].column in DERIVED for name in still):
        return read_points(plan.assign(**constant, **still), fit.runs, list(constant)).assign(run=label)
    if isinstance(curve, str) and not is_file(curve):
        raise InputError(f"the places to come of run {curve} need the columns {format_names(still)}, see `schedule_inputs`")
    log = _log_in_base(fit, curve)
    same = {name: log[name].iloc[0] for name in columns.read & set(log) - set(plan) if (log[name] == log[name].iloc[0]).all()}
    both = pd.concat([log, plan.assign(**same)], ignore_index=True).assign(**constant)
    return read_points(both, fit.runs, list(constant), past=len(log)).assign(run=label)


def _log_in_base(fit: Fit, curve: Table) -> pd.DataFrame:
    """Return a log as it is, but for its units."""
    return in_base_units(_filled(fit, read_table(curve, labels=fit.runs.columns.labels)), fit.runs)


def _fewer(seen: pd.DataFrame, columns: Columns, along: str) -> pd.DataFrame:
    """Return the rows seen, averaged in bins of equal width in the logarithm where there are many."""
    alone = {"count": 1.0, "mean_lag": 0.0}
    seen = seen.assign(**{name: of for name, of in alone.items() if name not in seen})
    if len(seen) <= MOST_ROWS:
        return seen
    at = np.log(seen[along])
    bins = np.floor((at - at.iloc[0]) / (at.iloc[-1] - at.iloc[0]) * (1 - 1e-9) * MOST_ROWS)
    return cell_means(seen, pd.Series(pd.factorize(bins)[0]), list(columns.dims) or ["run"], columns.scales, along)


def _thinned(fit: Fit) -> Fit:
    """Return a fit with every k-th of its draws, as many as a forecast needs."""
    posterior = fit.posterior
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // MOST_DRAWS)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior.isel(draw=slice(None, None, step))}))


@carried
def forecast_table(found: Forecast) -> pd.DataFrame:
    """Return the path of a forecast as a table: inputs and groups of each place, mean, sd, quantiles of the loss, distance."""
    rows = found.path.stack(sample=("chain", "draw")).transpose("row", "sample").to_numpy()
    columns = {str(name): of.to_numpy() for name, of in found.path.coords.items() if of.dims == ("row",)}
    distance = columns.pop("distance")
    columns.pop("region")
    quantiles = dict(zip(QUANTILES, np.quantile(rows, list(QUANTILES.values()), axis=1), strict=True))
    bands = {"mean": rows.mean(axis=1), "sd": rows.std(axis=1, ddof=1)} | quantiles | {"distance": regions(distance)}
    return pd.DataFrame(columns | bands)


@carried
def forecast_sentence(found: Forecast, target: float | None = None) -> str:
    """Return what a forecast says in one sentence, with the probability of a target where one is given."""
    low, middle, high = np.quantile(found.final.to_numpy(), [0.05, 0.5, 0.95])
    end = float(found.path[found.along][-1])
    unit = str(found.path.attrs.get("units", ""))
    reached = float(found.seen[found.along].iloc[-1])
    said = (
        f"At {exact(end)} {found.unit or found.along} {found.label} will show {band((low, middle, high), unit)}. "
        f"It has come {percent(reached / end)} of the way."
    )
    if target is None:
        return said
    return f"{said} It ends below {exact(target)} with probability {probability(found.probability(target))}."
