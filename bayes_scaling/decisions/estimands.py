"""Estimands in a line of text, answered as draws: a contrast, a multiplier, a loss, a run, a plan, a parameter.

    contrast GROUP=A:B at NAME=VALUE, ...      log(L_A / L_B)
    multiplier GROUP=A:B at NAME=VALUE, ...    log m,  L_A(m C) = L_B(C), see `compute_ratio`
    loss at NAME=VALUE, ...                    log L, with the discrepancy
    run at NAME=VALUE, ...                     log of what one new run shows: new group effects and scatter
    plan at compute=VALUE                      log of the compute-optimal params, C = 6 N D
    parameter NAME [at GROUP=LEVEL, ...]       the parameter on its link scale

A text is taken apart, never evaluated. Where a law over params and tokens has no input called compute, `at compute=...` means
the split of so many FLOP that is best in each draw, for each arm of a contrast its own. Where the noise is on the loss itself,
a loss is the loss, and a contrast L_A - L_B. A multiplier at given params and tokens is that of a budget that both grow with
alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.notation import PLAIN_NUMBER
from bayes_scaling._base.numbers import percent
from bayes_scaling.data.counts import mark_base_units
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.points import in_base_units, read_points
from bayes_scaling.decisions.allocation import compute_optimal, read_budgets
from bayes_scaling.decisions.plan_search import check_reach
from bayes_scaling.decisions.rank import rank
from bayes_scaling.decisions.spending import spending
from bayes_scaling.inference.expectation import at, log_inputs
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import noise_parts
from bayes_scaling.inference.stacking import (
    Posterior,
    Stack,
    groups_needed,
    inputs_read,
    law_reads,
    map_components,
    noise_scale,
    parts,
)
from bayes_scaling.laws.inputs import has_params_and_tokens
from bayes_scaling.model.parameters import as_parameter, link
from bayes_scaling.model.specification import smooths
from bayes_scaling.prediction.budget_curves import Path
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.notes import notes_on, scatter_notes

FORMS = (
    "contrast GROUP=A:B at NAME=VALUE, ...; multiplier GROUP=A:B at NAME=VALUE, ...; loss at NAME=VALUE, ...; "
    "run at NAME=VALUE, ...; plan at compute=FLOP; parameter NAME [at GROUP=LEVEL, ...]"
)

_QUOTED = r"\"[^\"]*\"|'[^']*'"
_PAIR_OF_LEVELS = rf"\s+(?P<name>[^=:]+?)\s*=\s*(?P<a>{_QUOTED}|[^:]+?)\s*:\s*(?P<b>{_QUOTED}|.+?)(?:\s+at\s+(?P<at>.+))?"
_SHAPES = {
    "contrast": re.compile(f"contrast{_PAIR_OF_LEVELS}"),
    "multiplier": re.compile(f"multiplier{_PAIR_OF_LEVELS}"),
    "loss": re.compile(r"loss\s+at\s+(?P<at>.+)"),
    "run": re.compile(r"run\s+at\s+(?P<at>.+)"),
    "plan": re.compile(r"plan\s+at\s+(?P<at>.+)"),
    "parameter": re.compile(r"parameter\s+(?P<name>\S+)(?:\s+at\s+(?P<at>.+))?"),
}
_PAIR = re.compile(rf"\s*([^=,]+?)\s*=\s*({_QUOTED}|[^,=]+?)\s*(?:,|$)")

type Kind = Literal["contrast", "multiplier", "loss", "run", "plan", "parameter"]


@dataclass(frozen=True)
class Estimand:
    """A question as it was asked.

    Parameters
    ----------
    name
        The group of a contrast or multiplier, or a parameter.
    a, b
        The levels of a contrast or multiplier.
    held
        What holds, name -> value as written.
    """

    text: str
    kind: str
    name: str = ""
    a: str = ""
    b: str = ""
    held: Mapping[str, str] = field(default_factory=dict)


def parse_estimand(text: str) -> Estimand:
    """Return the parts of a question.

    Raises
    ------
    InputError
        Where it has none of the forms.
    """
    text = " ".join(text.split())
    for kind, shape in _SHAPES.items():
        if found := shape.fullmatch(text):
            parts = {name: _bare(of) for name, of in found.groupdict().items() if name != "at" and of}
            return Estimand(text, kind, held=_pairs(text, found.groupdict().get("at")), **parts)
    raise InputError(f"the question {text!r} has no form that is known; expected one of: {FORMS}")


def every_question(fit: Posterior, text: str) -> list[Estimand]:
    """Return a question, or one for every level of each group that it says nothing of and the answer depends on."""
    asked = parse_estimand(text)
    missing = [] if asked.kind == "parameter" else [dim for dim in groups_needed(fit) if dim not in (asked.name, "run")]
    said = {_names(fit).get(name, name) for name in asked.held}
    missing = [dim for dim in missing if dim not in said]
    if not missing:
        return [asked]
    levels = fit.runs.table[missing].drop_duplicates().sort_values(missing).astype(str)
    cells = [dict(zip(missing, row, strict=True)) for row in levels.itertuples(index=False)]
    return [replace(asked, text=_with(asked, cell), held={**asked.held, **cell}) for cell in cells]


def _with(asked: Estimand, cell: Mapping[Any, str]) -> str:
    pairs = ", ".join(f"{name}={_quoted(level)}" for name, level in cell.items())
    return f"{asked.text}{', ' if asked.held else ' at '}{pairs}"


def _quoted(level: str) -> str:
    if not re.search(r"[,=\"']|^\s|\s$", level):
        return level
    return f"'{level}'" if '"' in level else f'"{level}"'


@carried
def draw_estimand(fit: Posterior, question: str | Estimand) -> xr.DataArray:
    """Return draws of what is asked, (chain, draw), with the attributes `question`, `kind`, `scale` and `units`.

    scale: "log" where the draws are logarithms of what has the units, "identity" elsewhere. A draw without an answer (no
    optimum, a loss at or below zero) is NaN.

    Raises
    ------
    InputError
        Where the text has none of the forms, names what does not exist or leaves out what is needed, and where most draws have
        no answer, and where a plan is asked for that `plan` refuses as too far from the runs.
    """
    asked = parse_estimand(question) if isinstance(question, str) else question
    draws, scale, units = _ANSWER[asked.kind](fit, asked)
    share = float(np.isfinite(draws).mean())
    if share < 0.5:
        why = "no compute-optimal split within reach" if "compute" in asked.held else "no positive loss there"
        if asked.kind == "multiplier":
            why = f"{asked.a} does not reach the loss of {asked.b} with a million times the compute, or does with a millionth"
        raise InputError(f"the question {asked.text!r} has no answer in {percent(1 - share)} of the draws: {why}")
    attrs = {"question": asked.text, "kind": asked.kind, "scale": scale, "units": units}
    bare = draws.reset_coords(drop=True).transpose("chain", "draw").rename("asked")
    return bare.where(np.isfinite(bare)).drop_attrs().assign_attrs(attrs)


def question_notes(fit: Posterior, asked: Estimand) -> tuple[str, ...]:
    """Return what `predict` says of the levels that a question holds or contrasts: which are not those of the runs."""
    if asked.kind == "parameter":
        return ()
    names = _names(fit)
    held = {names[name]: of for name, of in asked.held.items() if names.get(name) in fit.runs.levels}
    cells = [held | {asked.name: level} for level in (asked.a, asked.b)] if asked.name else [held]
    frame = pd.DataFrame(cells, index=range(len(cells)))
    return scatter_notes(fit, frame) if asked.kind == "run" else notes_on(fit, frame)


type Answer = tuple[xr.DataArray, str, str]


def _contrast(fit: Posterior, asked: Estimand) -> Answer:
    group = checked_group(fit, asked)
    one, other = (_loss_at(fit, {**asked.held, group: level}, asked.text) for level in (asked.a, asked.b))
    if noise_scale(fit) == "log_loss":
        return _log(one) - _log(other), "log", ""
    return one - other, "identity", fit.runs.columns.response.unit


def checked_group(fit: Posterior, asked: Estimand) -> str:
    """Return the group whose levels are held against each other; raises InputError where the law has none, or it is held."""
    group = asked.name
    if group not in groups_needed(fit):
        raise InputError(f"the law does not vary over {group!r}; it varies over {groups_needed(fit)}")
    if group in asked.held:
        raise InputError(f"{group!r} is contrasted, and cannot be held at {asked.held[group]!r} too")
    return group


def _multiplier(fit: Posterior, asked: Estimand) -> Answer:
    group, where = checked_group(fit, asked), {**asked.held, asked.name: asked.b}
    if splits_compute(fit, where):
        rest = {name: of for name, of in where.items() if name != "compute"}
        held = _held(fit, rest, asked.text, ("params", "tokens"))
        assert held is not None  # it says the group
        points = held.assign(compute=_number("compute", where["compute"]))
        times = rank(fit, group, asked.a, points, levels=[asked.b]).compute_ratio.isel(row=0, level=0)
    else:
        held = _held(fit, where, asked.text, ())
        assert held is not None
        times = compute_ratio(fit, group, asked.a, asked.b, held, multiplier_path(fit)).isel(row=0)
    return _log(times), "log", ""


def multiplier_path(fit: Posterior) -> Path:
    """Return what grows with the budget of a multiplier: compute, or the only input, or params and tokens alike."""
    inputs = inputs_read(fit)
    if "compute" in inputs or len(inputs) == 1:
        return "compute" if "compute" in inputs else inputs[0]
    if has_params_and_tokens(inputs):
        return {"params": 0.5, "tokens": 0.5}
    raise InputError(f"a multiplier of compute needs a law over compute, or params and tokens; this one reads {list(inputs)}")


def _run(fit: Posterior, asked: Estimand) -> Answer:
    place, unit = asked_place(fit, asked.held, asked.text), fit.runs.columns.response.unit
    noise = map_components(fit, lambda one, _: _noise_at(one, place.frame)).isel(row=0)
    if noise_scale(fit) == "log_loss":
        return _log(loss_at_place(fit, place)) + noise, "log", unit
    return loss_at_place(fit, place) + noise, "identity", unit


def _noise_at(fit: Fit, frame: pd.DataFrame) -> xr.DataArray:
    effects, scatter = noise_parts(fit, frame, fit.settings.seed)
    return effects + scatter


def _loss(fit: Posterior, asked: Estimand) -> Answer:
    loss, unit = _loss_at(fit, asked.held, asked.text), fit.runs.columns.response.unit
    return (_log(loss), "log", unit) if noise_scale(fit) == "log_loss" else (loss, "identity", unit)


def _plan(fit: Posterior, asked: Estimand) -> Answer:
    if "compute" not in asked.held:
        raise InputError(f"the question {asked.text!r} needs compute, in FLOP: plan at compute=1e21")
    rest = {name: of for name, of in asked.held.items() if name != "compute"}
    compute = _number("compute", asked.held["compute"])
    held = _held(fit, rest, asked.text, ("params", "tokens"))
    rows = mark_base_units(pd.DataFrame(index=[0])) if held is None else held
    check_reach(fit, read_budgets(fit, compute), spending(fit, None, rows))
    params = compute_optimal(fit, compute, points=held)["params"]
    return _log(params.isel(row=0)), "log", fit.runs.columns.inputs["params"].unit


def _parameter(fit: Posterior, asked: Estimand) -> Answer:
    if isinstance(fit, Stack):
        raise InputError(f"{asked.name} is a parameter of one law; ask one of the stack's fits: {format_names(fit.fits)}")
    if asked.name not in fit.model.parameters:
        raise InputError(f"no parameter {asked.name!r}; the law has {list(fit.model.parameters)}")
    scale = link(as_parameter(fit.model.parameters[asked.name]).prior)
    values = fit.posterior[asked.name]
    if asked.held:
        values = parameter_values(fit, asked.name)
        dims = [str(dim) for dim in values.dims if dim not in ("chain", "draw")]
        if set(asked.held) != set(dims):
            raise InputError(f"{asked.name} varies over {dims}; the question says {format_names(asked.held)}")
        where = {dim: _level(fit, dim, asked.held[dim], known=True) for dim in dims}
        values = values.isel({dim: int(level_index(pd.Series([of]), values[dim].to_numpy())[0]) for dim, of in where.items()})
    return (_log(values) if scale == "log" else values), scale, ""


_ANSWER = {
    "contrast": _contrast,
    "multiplier": _multiplier,
    "loss": _loss,
    "run": _run,
    "plan": _plan,
    "parameter": _parameter,
}


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
    return "compute" in where and not _names(fit).get("compute") and has_params_and_tokens(law_reads(fit))


def asked_place(fit: Posterior, where: Mapping[str, str], text: str) -> Place:
    """Return where a question asks for a loss; raises InputError where it names what does not exist or leaves something out."""
    split = splits_compute(fit, where)
    moved = ("params", "tokens") if split else ()
    held = _held(fit, {name: of for name, of in where.items() if not (split and name == "compute")}, text, moved)
    base = mark_base_units(pd.DataFrame(index=[0])) if held is None else held
    if not split:
        frame = read_points(base, fit.runs, groups_needed(fit))
        return Place(frame, log_inputs(fit, frame))
    best = compute_optimal(fit, _number("compute", where["compute"]), points=held)[["params", "tokens"]]
    best = best.reset_coords(drop=True).drop_vars("row", errors="ignore")
    there = best["params"].copy(data=np.isfinite(best["params"].to_numpy()))
    references = {name: fit.runs.references[name] for name in moved}
    middle = {name: float(best[name].median()) if bool(there.any()) else references[name] for name in moved}
    frame = read_points(base.assign(**middle), fit.runs, groups_needed(fit))
    drawn = {name: _log(best[name].where(there, references[name]) / references[name]).drop_attrs() for name in moved}
    return Place(frame, log_inputs(fit, frame) | drawn, there)


def loss_at_place(fit: Posterior, place: Place) -> xr.DataArray:
    """Return draws of the expected loss at a place, with the discrepancy; NaN where a draw has no best split."""
    found = at(fit, place.frame, place.logs)
    return (found if place.there is None else found.where(place.there)).isel(row=0)


def _loss_at(fit: Posterior, where: Mapping[str, str], text: str) -> xr.DataArray:
    return loss_at_place(fit, asked_place(fit, where, text))


def _held(fit: Posterior, where: Mapping[str, str], text: str, moved: tuple[str, ...]) -> pd.DataFrame | None:
    """Return what holds as a point of one row, None where nothing is to be said; names are those of the law.

    Parameters
    ----------
    moved
        Inputs that are not held.
    """
    names, needed = _names(fit), [*(n for n in inputs_read(fit) if n not in moved), *groups_needed(fit)]
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
    if missing := [name for name in needed if name not in said]:
        raise InputError(f"the question {text!r} needs a value of {format_names(missing)} too")
    row = {called[n]: _level(fit, n, of) if n in fit.runs.levels else _number(n, of) for n, of in said.items()}
    return in_base_units(pd.DataFrame([row]), fit.runs) if row else None


def _names(fit: Posterior) -> dict[str, str]:
    """Return every name that a question may hold -> the input or group it is."""
    inputs, dims = fit.runs.columns.inputs, fit.runs.columns.dims
    columns = {one.column: name for name, one in inputs.items()} | {of[0]: dim for dim, of in dims.items() if len(of) == 1}
    return columns | {name: name for name in (*inputs, *dims)}


def _level(fit: Posterior, dim: str, said: str, *, known: bool = False) -> str:
    """Return a level as it was said; one that the runs do not have only where a smooth term goes over the group.

    Parameters
    ----------
    known
        Whether it has to be one that the runs have all the same.
    """
    levels = fit.runs.levels[dim]
    between = not known and any(term.over == dim for one, _ in parts(fit) for _, term in smooths(one.model))
    if level_index(pd.Series([said]), levels)[0] < 0 and not (between and PLAIN_NUMBER.fullmatch(said)):
        raise InputError(f"group {dim!r} has no level {said!r}; its levels are {[str(one) for one in levels]}")
    return said


def _number(name: str, said: str) -> float:
    try:
        value = float(said)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and value > 0):
        raise InputError(f"{name}={said}: expected a positive number")
    return value


@np.errstate(invalid="ignore", divide="ignore")
def _log(values: xr.DataArray) -> xr.DataArray:
    return values.copy(data=np.log(values.to_numpy()))


def _pairs(text: str, said: str | None) -> dict[str, str]:
    """Return the NAME=VALUE pairs after `at`."""
    found, place = {}, 0
    while said is not None and place < len(said):
        pair = _PAIR.match(said, place)
        if pair is None:
            raise InputError(f"the question {text!r}: {said[place:].strip()!r} is no NAME=VALUE")
        if pair[1] in found:
            raise InputError(f"the question {text!r} says {pair[1]!r} twice")
        found[pair[1]], place = _bare(pair[2]), pair.end()
    return found


def _bare(said: str) -> str:
    return said[1:-1] if len(said) > 1 and said[0] == said[-1] and said[0] in "'\"" else said
