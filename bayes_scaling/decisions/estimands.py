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

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import percent
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.labels import level_index
from bayes_scaling.decisions.allocation import compute_optimal, read_budgets
from bayes_scaling.decisions.estimand_places import (
    askable,
    asked_place,
    held_level,
    held_number,
    held_point,
    log_draws,
    loss_at_place,
    splits_compute,
)
from bayes_scaling.decisions.estimand_text import Estimand, held_too, parse_estimand
from bayes_scaling.decisions.plan_search import check_reach
from bayes_scaling.decisions.rank import rank
from bayes_scaling.decisions.spending import spending
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import noise_parts
from bayes_scaling.inference.stacking import (
    Posterior,
    Stack,
    groups_needed,
    inputs_read,
    map_components,
    noise_scale,
)
from bayes_scaling.laws.inputs import has_params_and_tokens
from bayes_scaling.model.noise_scale import moved
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import link
from bayes_scaling.prediction.arms import refuse_unlike_units
from bayes_scaling.prediction.budget_curves import Path
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.notes import notes_on, scatter_notes


def every_question(fit: Posterior, text: str) -> list[Estimand]:
    """Return a question, or one for every level of each group that it says nothing of and the answer depends on."""
    asked = parse_estimand(text)
    missing = [] if asked.kind == "parameter" else [dim for dim in groups_needed(fit) if dim not in (asked.name, "run")]
    said = {askable(fit).get(name, name) for name in asked.held}
    missing = [dim for dim in missing if dim not in said]
    if not missing:
        return [asked]
    levels = fit.runs.table[missing].drop_duplicates().sort_values(missing).astype(str)
    cells = [dict(zip(missing, row, strict=True)) for row in levels.itertuples(index=False)]
    return [held_too(asked, cell) for cell in cells]


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
        why = _no_answer(asked, fit.runs.columns.response.name)
        raise InputError(f"the question {asked.text!r} has no answer in {percent(1 - share)} of the draws: {why}")
    attrs = {"question": asked.text, "kind": asked.kind, "scale": scale, "units": units}
    attrs["response"] = fit.runs.columns.response.name
    bare = draws.reset_coords(drop=True).transpose("chain", "draw").rename("asked")
    return bare.where(np.isfinite(bare)).drop_attrs().assign_attrs(attrs)


def _no_answer(asked: Estimand, response: str) -> str:
    """Return why most draws have no answer."""
    if asked.kind == "multiplier":
        often = "with a million times the compute, or does with a millionth"
        return f"{asked.a} does not reach the {response} of {asked.b} {often}"
    return "no compute-optimal split within reach" if "compute" in asked.held else f"no positive {response} there"


def question_notes(fit: Posterior, asked: Estimand) -> tuple[str, ...]:
    """Return what `predict` says of the levels that a question holds or contrasts: which are not those of the runs."""
    if asked.kind == "parameter":
        return ()
    names = askable(fit)
    held = {names[name]: of for name, of in asked.held.items() if names.get(name) in fit.runs.levels}
    cells = [held | {asked.name: level} for level in (asked.a, asked.b)] if asked.name else [held]
    frame = pd.DataFrame(cells, index=range(len(cells)))
    return scatter_notes(fit, frame) if asked.kind == "run" else notes_on(fit, frame)


type Answer = tuple[xr.DataArray, str, str]


def _contrast(fit: Posterior, asked: Estimand) -> Answer:
    group = checked_group(fit, asked)
    refuse_unlike_units(fit, group, asked.a, asked.b)
    one, other = (_loss_at(fit, {**asked.held, group: level}, asked.text) for level in (asked.a, asked.b))
    if noise_scale(fit) == "log_loss":
        return log_draws(one) - log_draws(other), "log", ""
    return one - other, "identity", fit.runs.columns.unit_of(pd.DataFrame(asked.held, index=[0]))


def checked_group(fit: Posterior, asked: Estimand) -> str:
    """Return the group whose levels are held against each other; raises InputError where the law has none, or it is held."""
    group = asked.name
    if group not in groups_needed(fit):
        raise InputError(f"the law does not vary over {group!r}; it varies over {groups_needed(fit)}")
    if group in asked.held:
        raise InputError(f"{group!r} is contrasted, and cannot be held at {asked.held[group]!r} too")
    return group


def _multiplier(fit: Posterior, asked: Estimand) -> Answer:
    """Return draws of how much more compute one level needs than another."""
    group, where = checked_group(fit, asked), {**asked.held, asked.name: asked.b}
    if splits_compute(fit, where):
        rest = {name: of for name, of in where.items() if name != "compute"}
        held = held_point(fit, rest, asked.text, ("params", "tokens"))
        assert held is not None  # it says the group
        points = held.assign(compute=held_number("compute", where["compute"]))
        times = rank(fit, group, asked.a, points, levels=[asked.b]).compute_ratio.isel(row=0, level=0)
    else:
        held = held_point(fit, where, asked.text, ())
        assert held is not None
        times = compute_ratio(fit, group, asked.a, asked.b, held, multiplier_path(fit)).isel(row=0)
    return log_draws(times), "log", ""


def multiplier_path(fit: Posterior) -> Path:
    """Return what grows with the budget of a multiplier: compute, or the only input, or params and tokens alike."""
    inputs = inputs_read(fit)
    if "compute" in inputs or len(inputs) == 1:
        return "compute" if "compute" in inputs else inputs[0]
    if has_params_and_tokens(inputs):
        return {"params": 0.5, "tokens": 0.5}
    raise InputError(f"a multiplier of compute needs a law over compute, or params and tokens; this one reads {list(inputs)}")


def _run(fit: Posterior, asked: Estimand) -> Answer:
    place = asked_place(fit, asked.held, asked.text)
    unit = fit.runs.columns.unit_of(place.frame)
    noise = map_components(fit, lambda one, _: _noise_at(one, place.frame)).isel(row=0)
    if noise_scale(fit) == "log_loss":
        return log_draws(loss_at_place(fit, place)) + noise, "log", unit
    return moved(loss_at_place(fit, place), noise, noise_scale(fit)), "identity", unit


def _noise_at(fit: Fit, frame: pd.DataFrame) -> xr.DataArray:
    effects, scatter = noise_parts(fit, frame, fit.settings.seed)
    return effects + scatter


def _loss_at(fit: Posterior, where: Mapping[str, str], text: str) -> xr.DataArray:
    return loss_at_place(fit, asked_place(fit, where, text))


def _loss(fit: Posterior, asked: Estimand) -> Answer:
    place = asked_place(fit, asked.held, asked.text)
    loss, unit = loss_at_place(fit, place), fit.runs.columns.unit_of(place.frame)
    return (log_draws(loss), "log", unit) if noise_scale(fit) == "log_loss" else (loss, "identity", unit)


def _plan(fit: Posterior, asked: Estimand) -> Answer:
    """Return draws of the compute-optimal size at a budget."""
    if "compute" not in asked.held:
        raise InputError(f"the question {asked.text!r} needs compute, in FLOP: plan at compute=1e21")
    rest = {name: of for name, of in asked.held.items() if name != "compute"}
    compute = held_number("compute", asked.held["compute"])
    held = held_point(fit, rest, asked.text, ("params", "tokens"))
    rows = mark_base_units(pd.DataFrame(index=[0])) if held is None else held
    check_reach(fit, read_budgets(fit, compute), spending(fit, None, rows))
    params = compute_optimal(fit, compute, points=held)["params"]
    return log_draws(params.isel(row=0)), "log", fit.runs.columns.inputs["params"].unit


def _parameter(fit: Posterior, asked: Estimand) -> Answer:
    """Return draws of a parameter of the law."""
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
        where = {dim: held_level(fit, dim, asked.held[dim], known=True) for dim in dims}
        values = values.isel({dim: int(level_index(pd.Series([of]), values[dim].to_numpy())[0]) for dim, of in where.items()})
    return (log_draws(values) if scale == "log" else values), scale, ""


_ANSWER = {
    "contrast": _contrast,
    "multiplier": _multiplier,
    "loss": _loss,
    "run": _run,
    "plan": _plan,
    "parameter": _parameter,
}
