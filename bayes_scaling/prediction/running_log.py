"""The log of an unfinished run as it is read, and the places that are still to come."""

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.binning import cell_means
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.joining import MAX_RANGE_FACTOR
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.points import in_base_units, read_points
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.data.table_conventions import refuse_other_conventions
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import law_groups
from bayes_scaling.prediction.known_rates import known_log, of_schedule
from bayes_scaling.prediction.planned_rates import GoesOn, continued, refuse_without_peak

OWN = "this run"

MAX_ROWS_CONDITIONED = 40
"""Rows seen are averaged to so many at most before they are conditioned on."""

PLACES_AHEAD = 24
"""Places of the path between the last row seen and the end."""

FURTHEST = 1e6
"""A run ends at most so many times further than it has come."""


def known_rows(fit: Fit, label: str) -> pd.DataFrame:
    return fit.runs.table[fit.runs.table["run"].astype(str) == label]


def read_log(fit: Fit, log: pd.DataFrame, source: str, own: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the checked rows of one run's log, columns that the law can do without filled in, and what was found in it.

    It goes through the doors that the fit's runs went through: filter, units, schedule, cleaning, averages, measurement errors.

    Parameters
    ----------
    source
        What to call the log in errors.
    own
        What to call the run where the log does not say.

    Raises
    ------
    InputError
        As `read_runs` does, and where the fit has seen the run, or counts otherwise.
    """
    columns = fit.runs.columns
    refuse_other_conventions(log, columns, source)
    runs = read_runs(_filled(fit, log, own), columns, source)
    table = runs.table if "run" in runs.table else runs.table.assign(run=own)
    if "run" in fit.runs.levels and level_index(table["run"].iloc[:1], fit.runs.levels["run"])[0] >= 0:
        raise InputError(
            f"{source}: the fit has seen run {str(table['run'].iloc[0])!r}; give its name to carry it on from there, "
            "or the log another name where it is another run"
        )
    _check_unit(fit.runs, table, source)
    return table, runs.notes


def past_warm_up(fit: Fit, seen: pd.DataFrame, end: float, along: str) -> pd.DataFrame:
    """Return the rows past the warm-up, which is a fraction of the planned end: finished runs have left as much out."""
    curve = fit.runs.columns.curve
    fraction = 0.0 if curve is None or curve.warmup_fraction is None else curve.warmup_fraction
    late = seen[seen[along] >= fraction * end]
    return late.reset_index(drop=True) if len(late) else seen


FARTHEST_END = 1e3
"""No run is planned to be so many times as long as any before it."""


def _filled(fit: Fit, frame: pd.DataFrame, own: str = OWN) -> pd.DataFrame:
    """Return a log with levels of its own for the run and for groups it does not say and the law has no need of."""
    needed = set(law_groups(fit.model)) - {"run"}
    parts = {part for dim, of in fit.runs.columns.dims.items() if dim not in needed for part in of}
    return frame.assign(**{part: own for part in sorted(parts) if part not in frame})


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


def places_ahead(
    fit: Fit,
    seen: pd.DataFrame,
    log: pd.DataFrame | None,
    at: float | Table,
    along: str,
    most: int = PLACES_AHEAD,
    goes_on: GoesOn | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the places to come, from the last row seen to the end, and how the learning rate is taken to go on.

    Parameters
    ----------
    log
        As it was written; None for a run that the fit has seen.
    most
        Places between the last row seen and the end.
    goes_on
        What is said of its learning rate.
    """
    last = seen.iloc[[-1]]
    own = last.drop(columns=["response", "count", "mean_lag", "measurement_error"], errors="ignore")
    if isinstance(at, int | float | np.number):
        at = _end(fit, along, float(last[along].iloc[0]), float(at))
        places = np.geomspace(float(last[along].iloc[0]), at, most)
        _refuse_moving(fit, seen, along)
        if not of_schedule(fit.runs.columns):
            return own.loc[own.index.repeat(most)].assign(**{along: places}), ()
        rows = known_log(fit, seen, along) if log is None else _log_in_base(fit, log)
        plan, among, said = continued(fit, rows, places, along, goes_on or GoesOn(OWN))
        return _planned(fit, own, rows, plan)[among].reset_index(drop=True), (said,)
    plan = in_base_units(at, fit.runs)
    if log is None and fit.runs.learning_rates and not set(of_schedule(fit.runs.columns)) <= set(plan):
        log = known_log(fit, seen, along)
    points = _planned(fit, own, log, plan)
    if log is not None and of_schedule(fit.runs.columns):
        refuse_without_peak(fit, _log_in_base(fit, log), plan, str(last["run"].iloc[0]))
    if points[along].min() < last[along].iloc[0]:
        reached = last[along].iloc[0]
        raise InputError(f"a place to come lies at {along} {exact(points[along].min())}; the run has reached {exact(reached)}")
    return points.sort_values(along, ignore_index=True), ()


def _end(fit: Fit, along: str, reached: float, at: float) -> float:
    """Return where a run ends in base units; raises InputError where it cannot end there."""
    at = end_in_base(fit, along, reached, at)
    if not (np.isfinite(at) and at >= reached):
        end = exact(at) if np.isfinite(at) else at
        raise InputError(f"the run has reached {along} {exact(reached)}; expected an end beyond it, not {end}")
    if at > reached * FURTHEST:
        raise InputError(f"the run has reached {along} {exact(reached)}; {exact(at)} is over {exact(FURTHEST)} times as far")
    return at


def _refuse_moving(fit: Fit, seen: pd.DataFrame, along: str) -> None:
    """Raise InputError where inputs change along a run that nothing says how to carry on."""
    others = [name for name in fit.runs.columns.inputs if name != along and name not in of_schedule(fit.runs.columns)]
    if moving := [name for name in others if (seen[name] != seen[name].iloc[0]).any()]:
        raise InputError(
            f"{format_names(moving)} change along the run too: give the places to come as a table with their columns"
        )


def end_in_base(fit: Fit, along: str, reached: float, at: float) -> float:
    """Return where a run ends in base units: as given, or what the unit of its column makes of it where that lies ahead."""
    counted = at * fit.runs.columns.inputs[along].factor
    farthest = FARTHEST_END * max(reached, float(fit.runs.table[along].max()))
    return counted if at < reached <= counted <= farthest else at


def _planned(fit: Fit, own: pd.DataFrame, log: pd.DataFrame | None, plan: pd.DataFrame) -> pd.DataFrame:
    """Return the places of a table, with what does not change along the run; a schedule goes on from that of the log."""
    columns, label = fit.runs.columns, own["run"].iloc[0]
    constant = {dim: own[dim].iloc[0] for dim in fit.runs.levels if not set(columns.dims[dim]) <= set(plan)}
    still = {name: own[name].iloc[0] for name, one in columns.inputs.items() if not {name, one.column} & set(plan)}
    if not any(columns.inputs[name].column in DERIVED for name in still):
        return read_points(plan.assign(**constant, **still), fit.runs, list(constant)).assign(run=label)
    if log is None:
        raise InputError(f"the places to come of run {label} need the columns {format_names(still)}, see `schedule_inputs`")
    log = _log_in_base(fit, log)
    same = {name: log[name].iloc[0] for name in columns.read & set(log) - set(plan) if (log[name] == log[name].iloc[0]).all()}
    both = pd.concat([log, plan.assign(**same)], ignore_index=True).assign(**constant)
    return read_points(both, fit.runs, list(constant), past=len(log)).assign(run=label)


def _log_in_base(fit: Fit, log: pd.DataFrame) -> pd.DataFrame:
    """Return a log as it is, but for its units."""
    return in_base_units(_filled(fit, log), fit.runs)


def averaged_to_few(seen: pd.DataFrame, columns: Columns, along: str, most: int = MAX_ROWS_CONDITIONED) -> pd.DataFrame:
    """Return the rows seen, averaged in bins of equal width in the logarithm where there are many."""
    alone = {"count": 1.0, "mean_lag": 0.0}
    seen = seen.assign(**{name: of for name, of in alone.items() if name not in seen})
    if len(seen) <= most:
        return seen
    at = np.log(seen[along])
    bins = np.floor((at - at.iloc[0]) / (at.iloc[-1] - at.iloc[0]) * (1 - 1e-9) * most)
    return cell_means(seen, pd.Series(pd.factorize(bins)[0]), list(columns.dims) or ["run"], columns.scales, along)
