"""What a plan says, in sentences."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling._base.numbers import amount, band, decades, exact, interval, number, percent, place_words, probability
from bayes_scaling.decisions.plan import Plan
from bayes_scaling.inference.health_line import carried

CHOSEN = ("compute", "params", "tokens", "epochs", "params_low", "params_high", "excess", "regret", "cost", "extrapolated")
"""Columns of a choice that are no part of the point it is for."""


@carried
def plan_sentence(found: Plan, row: int = 0, target: float | None = None) -> str:
    """Return what a plan says at one of its rows, with the probability of a target where one is given."""
    optimum, loss = found.optimum.isel(row=[row]), found.loss.isel(row=[row])
    return plan_sentences(replace(found, choice=found.choice.iloc[[row]], optimum=optimum, loss=loss, health=None), target)[0]


@carried
def plan_sentences(found: Plan, target: float | None = None) -> tuple[str, ...]:
    """Return what a plan says at each of its rows, see `plan_sentence`."""
    return tuple(" ".join(of) for of in said_of_plan(found, target))


def said_of_plan(found: Plan, target: float | None = None) -> list[list[str]]:
    """Return the sentences of each row of a plan."""
    rows = [{str(name): of for name, of in row.items()} for row in found.to_frame(target).to_dict("records")]
    return [[f"{one}." for one in _said(found, at, row, target)] for row, at in enumerate(rows)]


def plan_place(found: Plan, row: int) -> str:
    """Return what a row of a plan holds for beside its budget, as "arch moba, position 32K"; "" where nothing is."""
    return place_words({name: of for name, of in found.choice.iloc[row].items() if name not in CHOSEN})


def _said(found: Plan, at: Mapping[str, Any], row: int, target: float | None) -> list[str]:
    """Return what a plan says of one budget and point, a sentence each."""
    loss, place = found.loss.attrs, plan_place(found, row)
    spent = f"{amount(at['compute'], found.cost.base_unit, 4)} ({found.cost.counted})"
    budget = f"{'For ' + place + ', with' if place else 'With'} {spent}"
    counted = str(found.optimum["params"].attrs.get("counted", ""))
    what, *further = _settled_words(at, loss["long_name"], counted) if at["excess"] else _chosen_words(at, counted)
    said = [f"{budget} {what}", *further]
    said.append(f"{_range_words(at)} less than {percent(found.within)} of {loss['long_name']}")
    said.append(f"One run of it will show {band([at[f'loss_{q}'] for q in ('q05', 'q50', 'q95')], loss['units'])}")
    if target is not None:
        said[-1] += f", at most {exact(target)} with probability {probability(at['probability'])}"
    if at.get("extrapolated"):
        said.append("What a token of it costs lies beyond what the runs say, and is extrapolated")
    if at["distance"] != "inside":
        said.append(f"The plan lies {decades(float(found.loss['distance'][row]))} beyond the runs")
    if found.cost.price is not None:
        said.append(f"It costs {number(at['price'], 4)}, in the unit of the price")
    return said


def _chosen_words(at: Mapping[str, Any], counted: str) -> list[str]:
    return [
        f"train {number(at['params'])} {_parameters(counted)} on {number(at['tokens'])} tokens, "
        f"{number(at['tokens_per_param'])} a parameter",
        f"The best size is {interval((at['best_params_q05'], at['best_params_q95']))} (90 %)",
    ]


def _settled_words(at: Mapping[str, Any], loss: str, counted: str) -> list[str]:
    return [
        f"{number(at['params'])} {_parameters(counted)} see {number(at['tokens'])} tokens",
        f"Their expected {loss} lies {percent(at['excess'])} above the lowest",
    ]


def _parameters(counted: str) -> str:
    return f"parameters ({counted})" if counted else "parameters"


def _range_words(at: Mapping[str, Any]) -> str:
    low, high = at["params_low"], at["params_high"]
    if np.isinf(high):
        return f"Sizes from {number(low)} on cost" if low > 0 else "Any size costs"
    return f"Sizes from {number(low)} to {number(high)} cost" if low > 0 else f"Sizes up to {number(high)} cost"
