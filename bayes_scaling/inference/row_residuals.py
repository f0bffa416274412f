"""What the law and sampled effects leave of each row, and the scale of its scatter, at draws as plain arrays."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bayes_scaling._base.functions import on_arrays
from bayes_scaling.inference.named_draws import Draws
from bayes_scaling.model.evaluation import evaluate, group_effects, parameter_at
from bayes_scaling.model.names import NOISE_SD, term_name
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.parameters import Effect
from bayes_scaling.model.specification import Model, model_inputs

BLOCK = 2**21
"""So many numbers are held at a time, draws by rows: 16 MB an array."""


def row_residuals(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the law and sampled effects leave of each row, and the scale of its scatter; a draw a row."""
    level, logs, scalars = _level(model, draws, arrays), _logs(model, arrays), _scalars(draws)
    with np.errstate(all="ignore"):
        loss = evaluate(model, scalars, logs, level, on_arrays(2))
        centre = on_scale(loss, model.noise.on)
    left = arrays["response"] - centre - group_effects(model, level)
    return left, np.broadcast_to(_scale(model, draws, arrays), left.shape)


def _scale(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scale of each row's scatter, with its measurement error unless that is part of a white part."""
    level, logs = _level(model, draws, arrays), _logs(model, arrays)
    scale = parameter_at(model, NOISE_SD, _scalars(draws), logs, level, on_arrays(2))
    if model.noise.correlation is not None and model.noise.correlation.white is not None:
        return np.asarray(scale)
    return np.asarray(np.sqrt(scale**2 + arrays.get("measurement_error", 0.0) ** 2))


def _logs(model: Model, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return log(input / reference) of the inputs; parts of a fall stand first, before draws and rows."""
    logs = {x: arrays[f"log_{x}"] for x in model_inputs(model)}
    return {x: of.T[:, None, :] if of.ndim > 1 else of for x, of in logs.items()}


def _scalars(draws: Draws) -> Draws:
    return {name: of[:, None] for name, of in draws.items() if of.ndim == 1}


def _level(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> Callable[[str, Effect], Any]:
    """Return the function that gives a term's effect at each row; none where it is integrated out."""

    def level(owner: str, term: Effect) -> Any:
        if term_name(owner, term) not in draws:
            return 0.0
        cells: tuple[Any, ...] = (slice(None), *(arrays[f"index_{dim}"] for dim in term.dims))
        return np.asarray(draws[term_name(owner, term)][cells])

    return level


def blocks(draws: Draws, arrays: Mapping[str, np.ndarray]) -> Iterator[Draws]:
    """Yield some draws after the other, as many as are held at a time."""
    widest = max(len(arrays["response"]), *(of[0].size for of in draws.values()))
    step = max(1, BLOCK // widest)
    for start in range(0, len(draws[NOISE_SD]), step):
        yield {name: of[start : start + step] for name, of in draws.items()}


def mean_precision(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the precision of the rows' scatter on average, in each draw."""
    return np.concatenate([(1.0 / _scale(model, part, arrays) ** 2).mean(axis=1) for part in blocks(draws, arrays)])
