"""Effects of levels from the coordinates in which they were sampled together, whitened by what the rows say of them."""

from collections.abc import Mapping
from math import prod

import numpy as np

from bayes_scaling.inference.named_draws import Draws, Levels
from bayes_scaling.inference.row_residuals import BLOCK, mean_precision
from bayes_scaling.model import by_level, smooth
from bayes_scaling.model.names import (
    JOINT_INFORMATION,
    JOINT_LINEAR,
    axis_name,
    information_name,
    length_name,
    own_names,
    spread_name,
    term_name,
)
from bayes_scaling.model.parameters import ByLevel, Effect, Smooth
from bayes_scaling.model.parametrization import joint_parameters, joint_slopes, jointly_sampled
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import Model, parameters_with_priors, smooths

type _Terms = list[tuple[str, Effect, tuple[int, ...]]]
"""What a term belongs to, the term, and how many levels it has of each group."""


def from_joint(model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], levels: Levels) -> Draws:
    """Return draws of the parameters, slopes and effects that were sampled together, from their whitened coordinates w."""
    terms = [(*of, tuple(len(levels[dim]) for dim in of[1].dims)) for of in jointly_sampled(model, arrays)]
    z, effects = (_correlated if smooths(model) else _independent)(model, draws, w, arrays, terms)
    return _beside_levels(model, z) | _by_term(effects, terms, arrays)


def _independent(
    model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], terms: _Terms
) -> tuple[np.ndarray, np.ndarray]:
    """Return standard numbers, and effects on the link scale, of a model whose levels are independent beforehand."""
    from bayes_scaling.model.whitening import unwhiten

    alone = _without_levels(model)
    sds = [np.ones(len(w)) if isinstance(term, ByLevel) else draws[spread_name(owner, term)] for owner, term, _ in terms]
    each = [np.repeat(sd[:, None], prod(shape), axis=1) for sd, (_, _, shape) in zip(sds, terms, strict=True)]
    spread = np.concatenate([np.ones((len(w), alone)), *each], axis=1)
    ratio = spread / _prior_sds(terms, alone)
    precision = mean_precision(model, draws, arrays)[:, None]
    information = precision[..., None] * ratio[:, :, None] * arrays[JOINT_INFORMATION] * ratio[:, None, :]
    z = unwhiten(w, information, precision * ratio * arrays[JOINT_LINEAR])
    return z, (spread * z)[:, alone:]


def _correlated(
    model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], terms: _Terms
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `_independent` does for a model with smooth terms, whose levels are correlated beforehand."""
    from bayes_scaling.model.whitening import unwhiten

    alone = _without_levels(model)
    prior_sd = _prior_sds(terms, alone)[:, None]
    precision, step = mean_precision(model, draws, arrays), max(1, BLOCK // w.shape[1] ** 2)
    z, effects = [], []
    for first in range(0, len(w), step):
        part = slice(first, first + step)
        root = _root_of_all(terms, draws, part, arrays, np.tile(np.eye(w.shape[1]), (len(w[part]), 1, 1)), alone)
        scaled = root / prior_sd
        across, p = scaled.swapaxes(-1, -2), precision[part]
        information = p[:, None, None] * (across @ arrays[JOINT_INFORMATION] @ scaled)
        z.append(unwhiten(w[part], information, p[:, None] * (across @ arrays[JOINT_LINEAR])))
        effects.append((root @ z[-1][..., None])[..., 0][:, alone:])
    return np.concatenate(z), np.concatenate(effects)


def _without_levels(model: Model) -> int:
    """Return how many parameters and slopes were sampled together with effects; they come first."""
    return len(joint_parameters(model)) + len(joint_slopes(model))


def _prior_sds(terms: _Terms, alone: int) -> np.ndarray:
    """Return, for each coordinate, the sd by which the information of the rows is scaled: the prior's of a pooled term."""
    sds = [1.0 if isinstance(term, ByLevel) else term.sd for _, term, _ in terms]
    return np.repeat([1.0, *sds], [alone, *(prod(shape) for *_, shape in terms)])


def _by_term(effects: np.ndarray, terms: _Terms, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return effects, side by side as the terms come, by the name of each term's draws."""
    found, start = {}, 0
    for owner, term, shape in terms:
        own = effects[:, start : start + prod(shape)].reshape(-1, *shape)
        own = by_level.effects(own, *(arrays[name] for name in own_names(owner, term))) if isinstance(term, ByLevel) else own
        found[term_name(owner, term)] = own
        start += prod(shape)
    return found


def _beside_levels(model: Model, z: np.ndarray) -> Draws:
    """Return draws of the parameters and slopes that were sampled jointly, which come first."""
    parameters, slopes = joint_parameters(model), joint_slopes(model)
    found: Draws = {}
    for i, (name, (middle, sd)) in enumerate(parameters.items()):
        value = middle + sd * z[:, i]
        found[name] = np.exp(value) if link(parameters_with_priors(model)[name].prior) == "log" else value
    return found | {name: sd * z[:, len(parameters) + i] for i, (name, sd) in enumerate(slopes.items())}


def _root_of_all(
    terms: _Terms, draws: Draws, part: slice, arrays: Mapping[str, np.ndarray], identity: np.ndarray, alone: int
) -> np.ndarray:
    """Return the root of the covariance of all coordinates in some draws, block by block; `identity` is written to."""
    root, start = identity, alone
    for owner, term, shape in terms:
        end = start + prod(shape)
        root[:, start:end, start:end] = _root(owner, term, draws, part, shape, arrays)
        start = end
    return root


def _root(
    owner: str, term: Effect, draws: Draws, part: slice, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the root of the covariance of a term's effects in some draws."""
    size = prod(shape)
    if isinstance(term, ByLevel):
        return np.eye(size)
    sd = draws[spread_name(owner, term)][part, None, None]
    if not isinstance(term, Smooth):
        return np.asarray(sd * np.eye(size))
    own = smooth.roots(arrays[axis_name(owner, term)], draws[length_name(owner, term)][part])
    return np.asarray(sd * np.kron(own, np.eye(size // shape[0])))


def from_smooth(owner: str, term: Smooth, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return draws of the effects of a smooth term that was sampled alone."""
    from bayes_scaling.model.whitening import unwhiten

    known, shape, found = arrays[information_name(owner, term)].ravel(), w.shape[1:], []
    flat, step = w.reshape(len(w), -1), max(1, BLOCK // len(known) ** 2)
    for first in range(0, len(w), step):
        root = _root(owner, term, draws, slice(first, first + step), shape, arrays)
        information = root.swapaxes(-1, -2) @ (known[:, None] * root)
        z = unwhiten(flat[first : first + step], information, np.zeros((len(root), len(known))))
        found.append((root @ z[..., None])[..., 0])
    return np.concatenate(found).reshape(w.shape)
