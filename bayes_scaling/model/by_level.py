"""Levels with priors of their own: where each lies and how wide it is, on the link scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling.data.labels import level_index
from bayes_scaling.model.parameters import ByLevel
from bayes_scaling.model.priors import distribution


def own_priors(term: ByLevel, levels: Sequence[Any] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the prior of each level of the runs, on the link scale.

    Raises
    ------
    InputError
        For the first level without a prior.
    """
    named = np.array(list(term.priors), dtype=object)
    places = level_index(pd.Series(list(levels), dtype=object), named)
    if (places < 0).any():
        level = format_value(levels[int(np.argmax(places < 0))])
        raise InputError(f"{term.over} {level} has no prior of its own; there are those of {format_names(term.priors)}")
    every = [distribution(term.priors[named[place]])[1] for place in places]
    return np.array([of["mu"] for of in every]), np.array([of["sigma"] for of in every])


def effects(z: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return draws of the levels' parameters on the link scale, mean + sd z, from standard normal numbers, levels last."""
    return np.asarray(mean + sd * z)
