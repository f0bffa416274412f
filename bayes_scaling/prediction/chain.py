"""A response of a response: what a second fit says where its input is what runs of a first fit show, as accuracy over loss."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import number, percent
from bayes_scaling._base.random import stream
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.points import read_points
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.health_line import mark
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior, groups_needed, inputs_read, stack
from bayes_scaling.laws.units import loss_unit
from bayes_scaling.prediction.chain_record import ChainedResponse
from bayes_scaling.prediction.notes import bound_notes, noted, scatter_notes
from bayes_scaling.prediction.predict import labelled, predict, predict_runs

__all__ = ["ChainedResponse", "chain"]

MOST_DRAWS = 1000
"""Draws of a chain: the second law is evaluated at the losses of all of them in each."""


@asked
def chain(
    first: Posterior,
    second: Posterior,
    points: Table,
    through: str | None = None,
    seed: int = 0,
    *,
    expected: bool = False,
    error: float | None = None,
) -> ChainedResponse:
    """Return what a second fit says at points of a first one, whose response is an input of the second: draws of both.

    x ~ p(x | point, runs of the first),   z ~ p(z | x, runs of the second)

    x is what a new run of the first fit shows, with its scatter, its group effects and the error that it is read with: such an
    input is what the second fit's runs had. Draws of the two fits are independent, as their data are. Points that name one
    `run` and agree in what the first fit reads are one reading of x.

    Parameters
    ----------
    first
        A fit of the response that the second reads, or a stack.
    second
        A fit, one of whose inputs is that response, or a stack.
    points
        Columns for the first fit, as for `predict`, and for what else the second reads.
    through
        The input of the second fit that is the response of the first, in its unit; the one that is called as the response, or
        as its column, unless given.
    seed
        Of the scatter, and of which draws meet.
    expected
        Whether the scatter of the second response is left out: that of the first is part of what is not known of the input.
    error
        Standard error with which the input is read, in its unit. That of the first fit's runs, in the middle, unless given;
        0 where they have none.

    Returns
    -------
    ChainedResponse
        `.draws` are those of the second response (at most a thousand), `.through` those of what lies between; `.to_frame()`,
        `.summary()` and `.plot()` show them. Distances are from the runs of the first fit; how many draws of x lie beyond those
        of the second is a note.

    Raises
    ------
    InputError
        Where the second fit has no such input, the units of the two differ, or x is not positive where the input has to be; and
        as `predict` does.

    Examples
    --------
    The accuracy of runs at a compute, by way of their loss, from draws of two priors:

    >>> import bayes_scaling as bs
    >>> near, noise = bs.Prior(median=1.0, factor=1.5), bs.Noise(sd=bs.Prior(median=0.01, factor=2.0))
    >>> law = bs.parse_law("a * compute**-b", ["compute"])
    >>> sweep = {"compute": [1.0, 10.0], "loss": [1.0, 0.8]}
    >>> runs = bs.read_runs(sweep, bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, bs.Response("loss", "nats/token")))
    >>> first = bs.prior(bs.Model(law, {"a": near, "b": bs.Prior(median=0.1, factor=1.5)}, noise), runs, draws=100)
    >>> tasks = {"loss": [1.0, 0.8], "accuracy": [0.5, 0.6]}
    >>> response = bs.Response("accuracy", "accuracy")
    >>> columns = bs.Columns({"loss": bs.Input("loss", "nats/token", 1.0)}, response)
    >>> sigmoid = bs.parse_law("1 / (1 + (k * loss)**2)", ["loss"])
    >>> second = bs.prior(bs.Model(sigmoid, {"k": near}, noise), bs.read_runs(tasks, columns), draws=100)
    >>> found = bs.chain(first, second, {"compute": [30.0]})
    >>> found.to_frame()[["loss_q50", "q50"]].shape
    (1, 2)
    """
    given = read_table(points, labels=second.runs.columns.labels).reset_index(drop=True)
    name = _input_between(first, second, through, given)
    given, unused = _without(given, first, name, second.runs.columns.inputs[name].column)
    seed = checks.seed(seed, "seed")
    error = None if error is None else checks.at_least(0.0)(error, "error")
    shown = _readings(first, points, seed, error)
    count = min(MOST_DRAWS, as_rows(shown).shape[1])
    kept = stream(seed, "which draws of a chain meet").permutation(as_rows(shown).shape[1])[:count]
    x = as_rows(shown)[:, kept]
    _check_values(second, name, x)
    found = _second_response(_fewer(second, count), given, name, x, seed, expected=expected)
    notes = [*unused, *_taken_unit(first, second, name, given), *shown.attrs.get("notes", ()), *_beyond(second, name, x)]
    notes += bound_notes(second, given, (found > 1).mean(axis=0))
    of, coords = second.runs.columns.response, {str(n): at for n, at in shown.coords.items() if at.dims == ("row",)}
    coords |= {dim: ("row", given[dim].to_numpy()) for dim in groups_needed(second) if dim in given and dim not in coords}
    draws = xr.DataArray(
        found[None], coords, dims=("chain", "draw", "row"), name=of.name, attrs=_attrs(second.runs, of.name, given)
    )
    between = xr.DataArray(x.T[None], coords, ("chain", "draw", "row"), name, _attrs(first.runs, name, given))
    units = {n: of.unit for runs in (second.runs, first.runs) for n, of in runs.columns.inputs.items()}
    health = _health(first, second)
    made = ChainedResponse(noted(draws, notes), between, given, first.runs, second.runs, units, health)
    return replace(made, draws=mark(made.draws, made), through=mark(made.through, made))


def _without(given: pd.DataFrame, first: Posterior, name: str, column: str) -> tuple[pd.DataFrame, list[str]]:
    """Return points without what is drawn from the first fit, and a sentence on columns left out."""
    there = [of for of in dict.fromkeys((name, column)) if of in given and of not in inputs_read(first)]
    said = [f"column {of!r} of the points is left out: {name} is what runs of the first fit show" for of in there]
    return given.drop(columns=there), said


def _health(first: Posterior, second: Posterior) -> Health | None:
    """Return the health of two fits together; of the one that was sampled where the other is draws from a prior."""
    known = {which: one.health for which, one in (("first", first), ("second", second)) if one.health is not None}
    return next(iter(known.values())) if len(known) == 1 else combined(known)


def _attrs(runs: Runs, name: str, given: pd.DataFrame) -> dict[str, str]:
    return {"units": runs.columns.unit_of(given), "long_name": name}


def _input_between(first: Posterior, second: Posterior, through: str | None, given: pd.DataFrame) -> str:
    """Return the input of the second fit that is the first's response."""
    if OUTPUT in groups_needed(first) and OUTPUT in groups_needed(second):
        raise InputError(
            f"both fits differ between outputs, and points have one column {OUTPUT!r}; expected a first fit of one output"
        )
    known, response = inputs_read(second), first.runs.columns.response
    alike = [name for name in known if name in (response.name, response.column)]
    if through is None and not alike:
        raise InputError(
            f"no input of the second fit is called {response.name!r} as the response of the first; expected through = one of "
            f"{format_names(known)}"
        )
    name = alike[0] if through is None else through
    if name not in known:
        raise InputError(f"the second fit has no input {name!r}; its inputs are {format_names(known)}")
    unit, read = first.runs.columns.unit_of(given) or first.runs.columns.all_units, second.runs.columns.inputs[name].unit
    if read and unit and not (isinstance(unit, str) and loss_unit(read) == loss_unit(unit)):
        raise InputError(f"the first fit is of {response.name} in {unit}, the second reads {name} in {read}")
    return name


def _taken_unit(first: Posterior, second: Posterior, name: str, given: pd.DataFrame) -> list[str]:
    """Return a sentence on an input of the second fit that has no unit."""
    unit, response = first.runs.columns.unit_of(given), first.runs.columns.response
    if second.runs.columns.inputs[name].unit or not unit:
        return []
    return [f"{name} has no unit in the second fit: it is taken to be in {unit}, as {response.name} is in the first"]


def _readings(first: Posterior, points: Table, seed: int, error: float | None) -> xr.DataArray:
    """Return draws of what new runs of the first fit show at points, read with an error."""
    frame = read_points(points, first.runs, groups_needed(first))
    rows: np.ndarray = np.arange(len(frame))
    if "run" in (given := read_table(points, labels=first.runs.columns.labels)):
        own = frame.assign(run=given["run"].astype(str).to_numpy())
        rows = own.groupby(list(own), sort=False, dropna=False).ngroup().to_numpy()
    once = frame.iloc[np.unique(rows, return_index=True)[1]].reset_index(drop=True)
    draws = posterior_predictive(first, _with_errors(once, first.runs, error), seed).isel(row=rows)
    return noted(labelled(first, draws, frame), scatter_notes(first, frame))


def _with_errors(points: pd.DataFrame, runs: Runs, error: float | None) -> pd.DataFrame:
    """Return points with the error that a run is read with there: of each output its own; as they are where there is none."""
    if error == 0.0 or (error is None and "measurement_error" not in runs.table):
        return points
    outputs = points[OUTPUT] if OUTPUT in points else [None] * len(points)
    middle = {output: _middle(runs.table, output) for output in set(outputs)}
    response = np.array([middle[output][0] for output in outputs])
    relative = np.array([middle[output][1] for output in outputs])
    return points.assign(measurement_error=relative * response if error is None else error, response=response)


def _middle(table: pd.DataFrame, output: str | None) -> tuple[float, float]:
    """Return the response in the middle and its relative error, of one output where the table has it."""
    of = table[table[OUTPUT] == output] if output is not None and (table[OUTPUT] == output).any() else table
    errors = of["measurement_error"] / of["response"] if "measurement_error" in of else 0.0 * of["response"]
    return float(of["response"].median()), float(errors.median())


def _check_values(second: Posterior, name: str, x: np.ndarray) -> None:
    of = second.runs.columns.inputs[name]
    if not np.isfinite(x).all() or (x < 0).any() or (not of.zero and (x == 0).any()):
        low = number(float(x[np.isfinite(x)].min(initial=np.inf)))
        raise InputError(
            f"the first fit has draws of {name} down to {low}, and the second reads it above 0: expected points nearer to "
            f'its runs, a first fit that stays above 0 (noise on = "log_loss"), or one constant added to {name} in both tables'
        )


def _fewer(second: Posterior, count: int) -> Posterior:
    """Return a fit or a stack with so many of its draws, evenly spaced."""
    if isinstance(second, Fit):
        return stack({"": second}, {"": 1.0}, count).members[""]
    return stack(second.fits, second.weights, count)


def _second_response(
    second: Posterior, given: pd.DataFrame, name: str, x: np.ndarray, seed: int, *, expected: bool
) -> np.ndarray:
    """Return draws of the second response; dimensions draw, row. Rows of one run are drawn together.

    Parameters
    ----------
    x
        Draws of the input between, dimensions row, draw.
    """
    of, count = second.runs.columns.inputs[name], x.shape[1]
    beside = given.drop(columns=[name, of.column, "response"], errors="ignore")
    order, found = stream(seed, "which draws of the second law meet").permutation(count), np.empty((count, len(x)))
    for rows in _runs_of(given):
        alike = beside.iloc[np.tile(rows, count)].reset_index(drop=True)
        alike[of.column] = x[rows].T.ravel() / of.factor
        if "run" in alike:  # each draw is a run of its own
            alike["run"] = [f"{run} {draw}" for draw in range(count) for run in given["run"].iloc[rows]]
        draws = as_rows(predict(second, alike) if expected else predict_runs(second, alike, (seed + rows[0]) % 2**32))
        places = np.arange(count * len(rows)).reshape(count, len(rows))
        found[:, rows] = draws[places, (order % draws.shape[1])[:, None]]
    return found


def _runs_of(given: pd.DataFrame) -> Sequence[list[int]]:
    """Return the rows of each run: those that name one, and each other by itself."""
    if "run" not in given:
        return [[row] for row in range(len(given))]
    return [list(map(int, rows)) for rows in given.groupby(given["run"].astype(str), sort=False).indices.values()]


def _beyond(second: Posterior, through: str, x: np.ndarray) -> tuple[str, ...]:
    """Return a sentence on draws of the input that lie beyond the second fit's runs."""
    seen = second.runs.table[through]
    share = float(((x < seen.min()) | (x > seen.max())).mean())
    return (f"{percent(share)} of the draws of {through} lie beyond the runs of the second fit",) if share > 0.05 else ()
