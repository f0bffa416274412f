"""What of a law's inputs a budget is split over."""

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.run_costs import UNIQUE
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, parts
from bayes_scaling.laws.formula import called
from bayes_scaling.laws.library import law_inputs

SPLITS = (("params", "tokens"), ("params", *UNIQUE))
"""Inputs over which a budget is split."""


def moved_inputs(fit: Posterior) -> tuple[str, ...]:
    """Return the inputs that a split of compute decides.

    Raises
    ------
    InputError
        Where the law, or one of a stack, does not read params and tokens.
    """
    found = [_moved(one) for one, _ in parts(fit)]
    if len(set(found)) > 1:
        raise InputError(f"one law splits compute over {list(found[0])}, another over {list(found[1])}; ask one of them")
    return found[0]


def _moved(fit: Fit) -> tuple[str, ...]:
    inputs = law_inputs(fit.model.law)
    for moved in SPLITS:
        if set(moved) <= set(inputs):
            return moved
    own = ", which splits nothing: predict at budgets says what they reach" if "compute" in inputs else ""
    raise InputError(f"compute is split over the inputs ['params', 'tokens']; {called(fit.model.law)} has {list(inputs)}{own}")


def unique_limit(fit: Posterior, rows: pd.DataFrame) -> np.ndarray:
    """Return how many unique tokens there are at most at each of some rows, inf where that is not said."""
    if not set(UNIQUE) <= set(moved_inputs(fit)) or UNIQUE[0] not in rows:
        return np.full(len(rows), np.inf)
    return rows[UNIQUE[0]].to_numpy(dtype=float)


def split_inputs(fit: Posterior, params: np.ndarray, tokens: np.ndarray, unique: np.ndarray) -> dict[str, np.ndarray]:
    """Return the values of the inputs that a split decides, for sizes and tokens: those beyond the unique ones are repeated."""
    if "tokens" in moved_inputs(fit):
        return {"params": params, "tokens": tokens}
    fresh = np.minimum(unique, tokens)
    return {"params": params, "unique_tokens": fresh, "epochs": tokens / fresh}


def tokens_unit(fit: Posterior) -> str:
    """Return the unit of the tokens trained on."""
    inputs = fit.runs.columns.inputs
    return inputs["tokens" if "tokens" in inputs else UNIQUE[0]].unit
