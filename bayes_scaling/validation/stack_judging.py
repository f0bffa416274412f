"""Laws of a stack judged by larger runs: fits to the smaller ones, scores of the others, and the weights that follow."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.numbers import fixed
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.fit import fit
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Stack, Weighing, stack
from bayes_scaling.inference.stacking_weights import stacking_weights
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.validation.scores import score_points
from bayes_scaling.validation.splits import Fold

JUDGING_DRAWS = 500
"""Draws of each chain, at most, of fits to a part of the runs: their mean density of held-out rows needs no more."""


NO_DENSITY = "it gives no density to a run held out"


@dataclass
class Spent:
    """What fits of laws have cost so far."""

    seconds: dict[str, float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, law: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[law] = self.seconds.get(law, 0.0) + perf_counter() - start

    def sampled(self, law: str, health: Health | None) -> None:
        rounds = health.rounds if health is not None else ()
        self.steps[law] = self.steps.get(law, 0) + sum(int(one["leapfrog_steps"]) for one in rounds)


@dataclass(frozen=True)
class Judged:
    """Held-out rows of each cut as a law predicted them, and what its sampler said against it."""

    points: pd.DataFrame
    doubts: Mapping[str, str]
    failed: str = ""


def judge(model: Model, runs: Runs, parts: Sequence[Fold], settings: Settings, spent: Spent, name: str) -> Judged:
    """Return how a law fitted to the lower part of the runs predicts those above."""
    steps, scores = judging(settings), []
    doubts: dict[str, str] = {}
    before = spent.seconds[name]
    for part in parts:
        try:
            with spent.timed(name):
                # With the levels of all runs one compiled density serves every part.
                trained = fit(model, replace(part.train, levels=runs.levels), steps)
                scores.append(score_points(trained, part.held))
        except InputError as error:
            return Judged(pd.DataFrame(), doubts, f"trained where {part.where} it has no draws: {one_line(error)}")
        spent.sampled(name, trained.health)
        if trained.health is not None and not trained.health.ok:
            doubts[f"{name} where {part.where}"] = "; ".join(one.what for one in trained.health.remarks)
    if parts:
        say(settings, f"{name} judged by larger runs: {fixed(spent.seconds[name] - before, 1)} s")
    return Judged(pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(), doubts)


def judging(settings: Settings) -> Settings:
    """Return settings for a fit to a part of the runs that is to be judged by the others."""
    return replace(settings, draws=min(settings.draws, JUDGING_DRAWS), rounds=0, progress=False)


def weigh(
    fits: Mapping[str, Fit],
    judged: Mapping[str, Judged],
    parts: Sequence[Fold],
    settings: Settings,
    weighing: Weighing,
    spent: Spent,
    evenly: float,
) -> Stack:
    """Return the laws stacked by how well their refits foresaw the parts left out; `evenly`: as in `fit_stack`."""
    lost = {name: of.failed or NO_DENSITY for name, of in judged.items() if parts and (of.failed or not _finite(of))}
    lost = lost if len(lost) < len(fits) else {}
    fits = {name: of for name, of in fits.items() if name not in lost}
    scores = {name: of.points["log_score"].to_numpy() for name, of in judged.items() if name in fits and parts and _finite(of)}
    weights = _weights(scores, evenly / max(len(parts), 1), {name: weighing.prior[name] for name in fits})
    found = replace(
        weighing,
        train=tuple(part.where for part in parts) if judged else (),
        held=sum(len(part.held) for part in parts) if judged else 0,
        log_scores={name: float(of.mean()) for name, of in scores.items()},
        crps={name: float(judged[name].points["crps"].mean()) for name in scores},
        left_out={**weighing.left_out, **lost},
        doubts={where: why for of in judged.values() for where, why in of.doubts.items()},
        seconds={name: round(of, 2) for name, of in spent.seconds.items()},
        steps=dict(spent.steps),
    )
    return replace(stack(fits, weights, settings.draws * settings.chains), weighing=found)


def _finite(of: Judged) -> bool:
    return not of.failed and bool(np.isfinite(of.points["log_score"]).all())


def _weights(scores: Mapping[str, np.ndarray], share: float, prior: Mapping[str, float]) -> dict[str, float]:
    """Return weights by scores of held-out rows, with a prior worth a share of them; those of the prior without scores."""
    if len(scores) < 2:
        total = sum(prior.values())
        return {name: of / total for name, of in prior.items()}
    return stacking_weights(scores, share * len(next(iter(scores.values()))), prior)


def say(settings: Settings, line: str) -> None:
    """Print a line of progress, where it is asked for."""
    if settings.progress:
        print(line, file=sys.stderr)
