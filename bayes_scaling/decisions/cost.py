"""What a model costs to train and to serve, and what of a law's inputs a budget is split over."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount, exact
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.laws.library import law_inputs

UNIQUE = ("unique_tokens", "epochs")
"""What a law of limited data reads instead of tokens."""

SPLITS = (("params", "tokens"), ("params", *UNIQUE))
"""Inputs over which a budget is split."""


@dataclass(frozen=True)
class Cost:
    """What a model costs to train on its tokens and to serve over its life.

    C = k N D + s N T        (training: Kaplan et al. 2020, sec. 2.1; serving: Sardana et al. 2023, arXiv 2401.00448, eq. 3)

    Parameters
    ----------
    flops_per_param_token
        k, in FLOP: 6 for a forward and a backward pass.
    served_tokens
        T, tokens that the model will read and write when it is used; 0 counts training alone.
    flops_per_param_served
        s, in FLOP: 2 for a forward pass.
    price
        Of a FLOP, in any currency; None where money is not asked about.

    Raises
    ------
    InputError
        Where one of them is not positive, or the served tokens are negative.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> float(bs.Cost().compute(1e9, 2e10))
    1.2e+20
    >>> bs.Cost(served_tokens=1e12).counted
    '6 N D + 2 N T, T = 1T tokens served'
    """

    flops_per_param_token: float = 6.0
    served_tokens: float = 0.0
    flops_per_param_served: float = 2.0
    price: float | None = None

    def __post_init__(self) -> None:
        checks.check(
            self,
            "",
            flops_per_param_token=checks.positive,
            flops_per_param_served=checks.positive,
            price=checks.optional(checks.positive),
        )
        checks.check(self, "", served_tokens=checks.at_least(0))

    @property
    def counted(self) -> str:
        """How compute is counted, as sentences say it: "6 N D"."""
        served = f" + {exact(self.flops_per_param_served)} N T, T = {amount(self.served_tokens, 'tokens')} served"
        return f"{exact(self.flops_per_param_token)} N D" + (served if self.served_tokens else "")

    def compute(self, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return what models cost, in FLOP."""
        return np.asarray(self.flops_per_param_token * params * tokens + self.serving(params))

    def serving(self, params: np.ndarray) -> np.ndarray:
        """Return what is left to do after training, in FLOP."""
        return np.asarray(self.flops_per_param_served * params * self.served_tokens)

    def tokens(self, params: np.ndarray, compute: np.ndarray) -> np.ndarray:
        """Return the tokens to train on that a budget leaves to models of a size; none or less where serving takes it all."""
        return np.asarray((compute - self.serving(params)) / (self.flops_per_param_token * params))

    def largest(self, compute: np.ndarray) -> np.ndarray:
        """Return the size that a budget could only just serve, untrained; inf where nothing is served."""
        with np.errstate(divide="ignore"):
            return np.asarray(compute / (self.flops_per_param_served * self.served_tokens))


def moved_inputs(fit: Fit) -> tuple[str, ...]:
    """Return the inputs that a split of compute decides.

    Raises
    ------
    InputError
        Where the law does not read params and tokens.
    """
    inputs = law_inputs(fit.model.law)
    for moved in SPLITS:
        if set(moved) <= set(inputs):
            return moved
    raise InputError(f"compute is split over the inputs ['params', 'tokens']; {fit.model.law.__name__} has {list(inputs)}")


def unique_limit(fit: Fit, rows: pd.DataFrame) -> np.ndarray:
    """Return how many unique tokens there are at most at each of some rows, inf where that is not said."""
    if not set(UNIQUE) <= set(moved_inputs(fit)) or UNIQUE[0] not in rows:
        return np.full(len(rows), np.inf)
    return rows[UNIQUE[0]].to_numpy(dtype=float)


def split_inputs(fit: Fit, params: np.ndarray, tokens: np.ndarray, unique: np.ndarray) -> dict[str, np.ndarray]:
    """Return the values of the inputs that a split decides, for sizes and tokens: those beyond the unique ones are repeated."""
    if "tokens" in moved_inputs(fit):
        return {"params": params, "tokens": tokens}
    fresh = np.minimum(unique, tokens)
    return {"params": params, "unique_tokens": fresh, "epochs": tokens / fresh}


def tokens_unit(fit: Fit) -> str:
    """Return the unit of the tokens trained on."""
    inputs = fit.runs.columns.inputs
    return inputs["tokens" if "tokens" in inputs else UNIQUE[0]].unit
