"""Where a question asks: a checked point; where compute is split between params and tokens, a point of each draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.points import in_base_units, read_points
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.inference.expectation import at, log_inputs
from bayes_scaling.inference.stacking import Posterior, groups_needed, inputs_read, law_reads
from bayes_scaling.laws.inputs import has_params_and_tokens
from bayes_scaling.prediction.levels import has_place, no_level, unseen
from bayes_scaling.prediction.notes import NEW_RUN


@dataclass(frozen=True)
class Place:
    """Where a loss is asked for.

    Parameters
    ----------
    frame
        A checked point; where compute is split in each draw, at the medians of the splits.
    logs
        log(input / reference) of each input; of those of a split draw by draw.
    there
        Draws that have a split; None where nothing is split.
    """

    frame: pd.DataFrame
    logs: dict[str, xr.DataArray]
    there: xr.DataArray | None = None


def splits_compute(fit: Posterior, where: Mapping[str, str]) -> bool:
    """Return whether a compute that is held is to be split between params and tokens, draw by draw."""
    return "compute" in where and not askable(fit).get("compute") and has_params_and_tokens(law_reads(fit))


def asked_place(fit: Posterior, where: Mapping[str, str], text: str) -> Place:
    """Return where a question asks for a loss; raises InputError where it names what does not exist or leaves something out."""
    split = splits_compute(fit, where)
    moved = ("params", "tokens") if split else ()
    held = held_point(fit, {name: of for name, of in where.items() if not (split and name == "compute")}, text, moved)
    base = mark_base_units(pd.DataFrame(index=[0])) if held is None else held
    if not split:
        frame = read_points(base, fit.runs, groups_needed(fit))
        return Place(frame, log_inputs(fit, frame))
    best = compute_optimal(fit, held_number("compute", where["compute"]), points=held)[["params", "tokens"]]
    best = best.reset_coords(drop=True).drop_vars("row", errors="ignore")
    there = best["params"].copy(data=np.isfinite(best["params"].to_numpy()))
    references = {name: fit.runs.references[name] for name in moved}
    middle = {name: float(best[name].median()) if bool(there.any()) else references[name] for name in moved}
    frame = read_points(base.assign(**middle), fit.runs, groups_needed(fit))
    drawn = {name: log_draws(best[name].where(there, references[name]) / references[name]).drop_attrs() for name in moved}
    return Place(frame, log_inputs(fit, frame) | drawn, there)


def loss_at_place(fit: Posterior, place: Place) -> xr.DataArray:
    """Return draws of the expected loss at a place, with the discrepancy; NaN where a draw has no best split."""
    found = at(fit, place.frame, place.logs)
    return (found if place.there is None else found.where(place.there)).isel(row=0)


def held_point(fit: Posterior, where: Mapping[str, str], text: str, moved: tuple[str, ...]) -> pd.DataFrame | None:
    """Return what holds as a point of one row, None where nothing is to be said; names are those of the law.

    Where the law varies over runs and no run is said, the point is of a new one.

    Parameters
    ----------
    moved
        Inputs that are not held.
    """
    names, needed = askable(fit), [*(n for n in inputs_read(fit) if n not in moved), *groups_needed(fit)]
    said: dict[str, str] = {}
    called: dict[str, str] = {}
    for name, value in where.items():
        if name not in names or names[name] in moved:
            asked = sorted(set(names) | ({"compute"} if has_params_and_tokens(names) else set()))
            raise InputError(
                f"the question {text!r} holds {name!r}, which is none of {[one for one in asked if one not in moved]}"
            )
        if names[name] in said:
            raise InputError(f"the question {text!r} says {names[name]!r} twice")
        said[names[name]], called[names[name]] = value, name if names[name] in fit.runs.columns.inputs else names[name]
    new = "run" in needed and "run" not in said
    if missing := [name for name in needed if name not in said and not (new and name == "run")]:
        raise InputError(f"the question {text!r} needs a value of {format_names(missing)} too")
    row = {called[n]: held_level(fit, n, of) if n in fit.runs.levels else held_number(n, of) for n, of in said.items()}
    row |= {"run": NEW_RUN} if new else {}
    return in_base_units(pd.DataFrame([row]), fit.runs) if row else None


def askable(fit: Posterior) -> dict[str, str]:
    """Return every name that a question may hold -> the input or group it is."""
    inputs, dims = fit.runs.columns.inputs, fit.runs.columns.dims
    columns = {one.column: name for name, one in inputs.items()} | {of[0]: dim for dim, of in dims.items() if len(of) == 1}
    return columns | {name: name for name in (*inputs, *dims)}


def held_level(fit: Posterior, dim: str, said: str, *, known: bool = False) -> str:
    """Return a level as it was said; one that the runs do not have only where it has a place all the same.

    Parameters
    ----------
    known
        Whether it has to be one that the runs have all the same.
    """
    if unseen(fit, dim, said) and (known or not has_place(fit, dim, said)):
        raise no_level(fit, dim, said)
    return said


def held_number(name: str, said: str) -> float:
    """Return a value as a number; raises InputError where it is not positive."""
    try:
        value = float(said)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and value > 0):
        raise InputError(f"{name}={said}: expected a positive number")
    return value


@np.errstate(invalid="ignore", divide="ignore")
def log_draws(values: xr.DataArray) -> xr.DataArray:
    """Return logarithms; NaN where there is none."""
    return values.copy(data=np.log(values.to_numpy()))
