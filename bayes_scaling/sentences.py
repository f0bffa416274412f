"""What a fit says, in a few sentences with numbers and intervals; what they rest on is for `findings` and the health to say."""

from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling.allocation import runs_compute
from bayes_scaling.costs import SPLITS, UNIQUE, Cost
from bayes_scaling.counts import marked
from bayes_scaling.decisions import rank
from bayes_scaling.errors import InputError
from bayes_scaling.fitting import Fit
from bayes_scaling.health import carried
from bayes_scaling.laws import law_inputs
from bayes_scaling.model import law_groups, model_inputs
from bayes_scaling.planning import plan, plan_sentence
from bayes_scaling.prediction import predict
from bayes_scaling.ranking import rank_sentences
from bayes_scaling.wording import short

BEYOND = 10.0
"""Sentences are about the largest run, and ten times beyond."""

FEW = 6
"""Groups with more levels than this are no alternatives to choose between."""


@carried
def summary_sentences(fit: Fit) -> tuple[str, ...]:
    """Return what a fit says: how alternatives compare, the best split of compute, the loss at and beyond the largest run.

    alternatives: each group of two to six named levels against the one with most rows, where the runs end, see
        `rank_sentences`; other groups at their last level.
    split: for laws of params and tokens, at the largest run's compute and ten times that, see `plan_sentence`.
    loss: at the last level of each group; the median with its 90 % interval.

    Levels of runs are not compared, and what cannot be computed for a law, such as a split that has no optimum, is left out.
    """
    bare = replace(fit, health=None)  # its line is said once, not with each sentence
    return (*(said for group in _alternatives(fit) for said in _compared(bare, group)), *_splits(bare), *_losses(fit))


def _losses(fit: Fit) -> list[str]:
    """Return what the loss is at the largest run, and where every scale is ten times larger."""
    columns = fit.runs.columns
    if columns.schedule is not None:
        return []
    inputs, said = model_inputs(fit.model), []
    numbers = fit.runs.table[list(inputs)]
    largest = numbers.iloc[int(np.log(numbers.to_numpy()).sum(axis=1).argmax())]
    grow = [name for name in inputs if name in columns.scales]
    for times, region in ((1.0, "at the largest run"), (BEYOND, "ten times beyond")):
        values = {name: largest[name] * (times if name in grow else 1.0) for name in inputs}
        point = marked(pd.DataFrame(values | _last_levels(fit, ()), index=[0]))
        curve = predict(fit, point)
        low, middle, high = curve.quantile([0.05, 0.5, 0.95]).to_numpy()
        place = ", ".join(
            f"{short(float(f'{point[name].iloc[0]:.3g}'))} {columns.inputs[name].unit or name}" for name in inputs
        )
        levels = "".join(f", {name} {short(level)}" for name, level in _last_levels(fit, ()).items())
        response = columns.response
        name = response.name[:1].upper() + response.name[1:]
        said.append(f"{name} {region} ({place}{levels}): {middle:.4g} {response.unit} (90 %: {low:.4g} to {high:.4g}).")
    return said


def _splits(fit: Fit) -> list[str]:
    """Return the best split of the largest run's compute, and of ten times that."""
    reads = set(law_inputs(fit.model.law))
    if not any(set(split) <= reads for split in SPLITS):
        return []
    largest = float(runs_compute(fit, Cost()).max())
    rest = [name for name in model_inputs(fit.model) if name not in ("params", "tokens", *UNIQUE)]
    held = {name: fit.runs.references[name] for name in rest} | _last_levels(fit, ())
    try:
        found = plan(
            fit, [float(f"{times * largest:.2g}") for times in (1.0, BEYOND)], points=marked(pd.DataFrame(held, index=[0]))
        )
    except InputError:
        return []
    return [plan_sentence(found, row) for row in range(2)]


def _alternatives(fit: Fit) -> list[str]:
    """Return the groups whose levels are named alternatives."""
    levels = fit.runs.levels
    return [
        group
        for group in law_groups(fit.model)
        if group != "run" and len(levels[group]) <= FEW and not np.issubdtype(levels[group].dtype, np.number)
    ]


def _compared(fit: Fit, group: str) -> tuple[str, ...]:
    inputs = law_inputs(fit.model.law)
    baseline = fit.runs.table[group].value_counts(sort=True).sort_index(kind="stable").idxmax()
    if len(inputs) == 1:
        place = {inputs[0]: float(fit.runs.table[inputs[0]].max())}
    elif {"params", "tokens"} <= set(inputs):
        place = {"compute": float(f"{runs_compute(fit, Cost()).max():.2g}")}
    else:
        return ()
    rest = {name: fit.runs.references[name] for name in model_inputs(fit.model) if name not in ("params", "tokens", *place)}
    try:
        point = marked(pd.DataFrame(place | rest | _last_levels(fit, (group,)), index=[0]))
        return rank_sentences(rank(fit, group, baseline, point))
    except InputError:
        return ()


def _last_levels(fit: Fit, apart: tuple[str, ...]) -> dict[str, object]:
    return {dim: fit.runs.levels[dim][-1] for dim in law_groups(fit.model) if dim not in apart}
