"""In which coordinates a model is sampled: which group effects are integrated out, which sampled jointly with the law."""

from collections.abc import Container, Sequence

import numpy as np

from bayes_scaling._base.functions import on_arrays
from bayes_scaling._base.random import stream
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.names import JOINT_INFORMATION, NOISE_SD, STRUCTURE, between_name, information_name, term_name
from bayes_scaling.model.noise import heavy_tailed
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.parameters import Effect, Ordered, Varying
from bayes_scaling.model.priors import distribution, link
from bayes_scaling.model.specification import Model, parameters_with_priors, trends, varyings

TRIED = 5
"""Places at which a law is tried for whether a parameter shifts it."""


def integrated(model: Model) -> list[tuple[str, Varying]]:
    """Return the varying terms whose effects are integrated out of the likelihood, and drawn afterwards.

    Under normal noise those that shift rows by themselves on the scale of the noise: group effects, and levels of
    a parameter that is a factor of the law, where the noise is on the log loss, or a summand of it, where it is on the loss.
    Where the noise is correlated and has a white part, or is correlated between outputs, or has outliers, effects are sampled;
    those of smooth and ordered terms always are.
    """
    noise = model.noise
    if (
        heavy_tailed(noise)
        or noise.residual_correlation is not None
        or (noise.correlation is not None and noise.correlation.white is not None)
    ):
        return []
    shifting = {name for name in model.parameters if _shifts(model, name)} | {"residual"}
    return [(owner, term) for owner, term in varyings(model) if owner in shifting and isinstance(term, Varying)]


def sampled(model: Model) -> list[tuple[str, Effect]]:
    """Return the varying and smooth terms whose effects are sampled."""
    gone: list[tuple[str, Effect]] = [*integrated(model)]
    return [pair for pair in varyings(model) if pair not in gone]


def _shifts(model: Model, name: str) -> bool:
    """Return whether a step of a parameter, on its link scale, is that step of the loss on the scale of the noise.

    The law is tried at some places, so that it does not matter how it is written.
    """
    positive = link(parameters_with_priors(model)[name].prior) == "log"
    if (model.noise.on == "log_loss") is not positive and model.noise.on != "log_odds":
        return False
    random = stream(0, "places where a law is tried")
    logs = {x: random.normal(size=TRIED) for x in law_inputs(model.law)}
    values = {other: random.uniform(0.5, 1.5, TRIED) for other in model.parameters}
    step = 0.7
    with np.errstate(all="ignore"):
        before = law_value(model.law, logs, values, on_arrays(1))
        moved = values | {name: values[name] * np.exp(step) if positive else values[name] + step}
        after = law_value(model.law, logs, moved, on_arrays(1))
        steps = on_scale(after, model.noise.on) - on_scale(before, model.noise.on)
    return bool(np.allclose(steps, step, rtol=0.0, atol=1e-9))


def joint_parameters(model: Model) -> dict[str, tuple[float, float]]:
    """Return the parameters of the law that may be sampled jointly, with their prior's mean and sd on the link scale."""
    priors = {name: distribution(parameters_with_priors(model)[name].prior) for name in model.parameters}
    return {name: (of["mu"], of["sigma"]) for name, (kind, of) in priors.items() if kind in ("Normal", "LogNormal")}


def joint_slopes(model: Model) -> dict[str, float]:
    """Return the slopes of the law's parameters, with the sd of their prior."""
    return {term_name(owner, term): term.sd for owner, term in trends(model) if owner != NOISE_SD}


def joint_terms(model: Model) -> list[tuple[str, Effect]]:
    """Return the varying and smooth terms that may be sampled jointly."""
    return [(owner, term) for owner, term in sampled(model) if owner != NOISE_SD and not isinstance(term, Ordered)]


def levelwise(model: Model, jointly: Container[tuple[str, Effect]], *, every: bool = False) -> list[list[tuple[str, Varying]]]:
    """Return the varying terms sampled level by level, those of the law over the same groups together.

    What a run's level, gain and saving are of its own makes up for each other: afterwards they are correlated, run by run.

    Parameters
    ----------
    jointly
        Terms that are sampled jointly with the law.
    every
        Those that may be integrated out, too.
    """
    found: dict[tuple[bool, tuple[str, ...]], list[tuple[str, Varying]]] = {}
    for owner, term in varyings(model) if every else sampled(model):
        if isinstance(term, Varying) and (owner, term) not in jointly:
            found.setdefault((owner == NOISE_SD, term.dims), []).append((owner, term))
    return list(found.values())


def blocks(model: Model, arrays: Container[str]) -> list[list[tuple[str, Varying]]]:
    """Return the varying terms sampled level by level: together where a compiled model reads what rows say of them together."""
    of_groups = levelwise(model, jointly_sampled(model, arrays), every=STRUCTURE not in arrays)
    together = [all(name in arrays for name in entries(block).values()) for block in of_groups]
    return [
        part
        for block, whole in zip(of_groups, together, strict=True)
        for part in ([block] if whole else [[of] for of in block])
    ]


def entries(block: Sequence[tuple[str, Effect]]) -> dict[tuple[int, int], str]:
    """Return what the information about a level is called that each two terms of a block share, by their places in it."""
    return {(i, j): between_name(one, other) for i, one in enumerate(block) for j, other in enumerate(block[: i + 1])}


def jointly_sampled(model: Model, arrays: Container[str]) -> list[tuple[str, Effect]]:
    """Return the terms that are sampled jointly, given what a compiled model reads: those not sampled level by level."""
    if JOINT_INFORMATION not in arrays:
        return []
    return [(owner, term) for owner, term in joint_terms(model) if information_name(owner, term) not in arrays]
