"""What a model costs, and how each draw of a law would split a budget between its size and its tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import InputError
from bayes_scaling.fitting import Fit
from bayes_scaling.laws import law_inputs
from bayes_scaling.optima import held_at, labelled_as, lowest, moved_law, named_unit, sought
from bayes_scaling.runs import Table, read_table

UNIQUE = ("unique_tokens", "epochs")
"""What a law of limited data reads instead of tokens."""

HOLDS = 1e-9
"""A law is a sum of powers where that predicts it to this share of the loss."""

type Losses = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Logs of params and tokens -> loss, all with chain, draw, point, or what broadcasts to that."""


@dataclass(frozen=True)
class Cost:
    """What a model costs to train on its tokens and to serve over its life.

    C = k N D + s N T        (training: Kaplan et al. 2020, sec. 2.1; serving: Sardana et al. 2023, arXiv 2401.00448, eq. 3)

    flops_per_param_token: k, in FLOP: 6 for a forward and a backward pass.
    served_tokens: T, tokens that the model will read and write when it is used; 0 counts training alone.
    flops_per_param_served: s, in FLOP: 2 for a forward pass.
    price: of a FLOP, in any currency; None where money is not asked about.

    Raises InputError where one of them is not positive, or the served tokens are negative.
    """

    flops_per_param_token: float = 6.0
    served_tokens: float = 0.0
    flops_per_param_served: float = 2.0
    price: float | None = None

    def __post_init__(self) -> None:
        for name in ("flops_per_param_token", "flops_per_param_served", "price"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise InputError(f"{name} must be a positive number, not {value}")
        if not (isfinite(self.served_tokens) and self.served_tokens >= 0):
            raise InputError(f"served_tokens must be a number from 0 on, not {self.served_tokens}")

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


def compute_optimal(
    fit: Fit, compute: float | Sequence[float], cost: Cost | None = None, points: Table | None = None
) -> xr.Dataset:
    """Return draws of the sizes and tokens that reach the lowest loss with given compute, and of that loss.

    min L(N, D)  subject to  C = k N D + s N T        (Hoffmann et al. 2022, eq. 4; see `Cost`)

    L is the law, without a discrepancy: where draws of that bend, a lowest point far beyond the runs would be one of its bends.
    Where L = E + A N^-alpha + B D^-beta, however it is written, and nothing is served, the split is the closed form

    N* = (alpha A / (beta B))^(1 / (alpha + beta)) (C / k)^(beta / (alpha + beta))

    and otherwise sought as by `optimum`, in a range that is longer by the factor that the compute lies beyond that of the runs.

    Variables params, tokens, tokens_per_param and loss, with dimensions chain, draw, point and the coordinate compute. NaN in
    draws that would put all compute into one of the two.

    compute: in FLOP, a number or several.
    cost: what a model costs; 6 FLOP a parameter and token unless given. Params and tokens must be counted in ones.
    points: levels of the groups between which the law varies, and values of further inputs, as for `predict`; each row is
        taken at each compute, in this order. Not needed where the law has neither. For a law of `unique_tokens` and `epochs`
        a column unique_tokens says how many there are: more tokens are repeated ones.

    Raises InputError as `predict` does, and where the law lacks the inputs params and tokens or a number is not positive.
    """
    cost = Cost() if cost is None else cost
    budgets = read_budgets(fit, compute)
    rows = pd.DataFrame(index=[0]) if points is None else read_table(points)
    repeated = rows.loc[rows.index.repeat(len(budgets))]
    every = np.tile(budgets, len(rows))
    at = held_at(fit, repeated, moved_inputs(fit))
    losses = _losses(fit, at, np.repeat(unique_limit(fit, rows), len(budgets)))
    log_params = _closed_form(fit, rows, budgets, cost)
    if log_params is None:
        log_params = _sought_split(fit, losses, every, cost)
    log_tokens = _log_tokens(cost, log_params, every)
    response = fit.runs.columns.response
    found = {
        "params": labelled_as(np.exp(log_params), at, *named_unit(fit, "params")),
        "tokens": labelled_as(np.exp(log_tokens), at, "tokens", tokens_unit(fit)),
        "tokens_per_param": labelled_as(np.exp(log_tokens - log_params), at, "tokens per parameter", ""),
        "loss": labelled_as(losses(log_params, log_tokens), at, response.name, response.unit),
    }
    return xr.Dataset(found).assign_coords(compute=("point", every, {"units": "FLOP"}))


def moved_inputs(fit: Fit) -> tuple[str, ...]:
    """Return the inputs that a split of compute decides.

    Raises InputError where the law does not read params and tokens.
    """
    inputs = law_inputs(fit.model.law)
    for moved in (("params", "tokens"), ("params", *UNIQUE)):
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


def read_budgets(fit: Fit, compute: float | Sequence[float]) -> np.ndarray:
    """Return budgets as an array.

    Raises InputError where the law is not one of params and tokens, or a budget is not positive.
    """
    moved_inputs(fit)
    budgets = np.atleast_1d(np.asarray(compute, dtype=float))
    if not (np.isfinite(budgets).all() and (budgets > 0).all()):
        raise InputError(f"compute must be positive numbers in FLOP; it is {compute}")
    return budgets


def _losses(fit: Fit, at: xr.Dataset, unique: np.ndarray) -> Losses:
    law = moved_law(fit, at, moved_inputs(fit))

    def losses(log_params: np.ndarray, log_tokens: np.ndarray) -> np.ndarray:
        return law(_log_inputs(fit, log_params, log_tokens, unique))

    return losses


def _log_inputs(fit: Fit, log_params: np.ndarray, log_tokens: np.ndarray, unique: np.ndarray) -> Mapping[str, np.ndarray]:
    if "tokens" in moved_inputs(fit):
        return {"params": log_params, "tokens": log_tokens}
    fresh = np.minimum(np.log(unique), log_tokens)
    return {"params": log_params, "unique_tokens": fresh, "epochs": log_tokens - fresh}


def _log_tokens(cost: Cost, log_params: np.ndarray, compute: np.ndarray) -> np.ndarray:
    """Return the logarithm of the tokens that a budget leaves, -inf where serving takes it all."""
    if not cost.served_tokens:
        return np.asarray(np.log(compute / cost.flops_per_param_token) - log_params)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.maximum(cost.tokens(np.exp(log_params), compute), 0.0)))


def _sought_split(fit: Fit, losses: Losses, compute: np.ndarray, cost: Cost) -> np.ndarray:
    """Return draws of the log of the best sizes; sought where something is left to train with."""
    low, high = _affordable(fit, np.log(compute / cost.flops_per_param_token))
    high = np.minimum(high, np.log(cost.largest(compute)))
    if np.any(low >= high):
        raise InputError(
            f"a budget of {compute[low >= high][0]:g} FLOP does not serve {cost.served_tokens:g} tokens "
            "with the smallest model that could be thought of; expected a larger one"
        )
    return lowest(lambda place: losses(place, _log_tokens(cost, place, compute)), low, high)


def _affordable(fit: Fit, log_product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of sizes to seek in, longer by as much as params * tokens leaves that of the runs."""
    low, high = sought(fit, "params")
    seen = np.log(runs_product(fit))
    return low + np.minimum(0.0, log_product - seen.min()), high + np.maximum(0.0, log_product - seen.max())


def runs_product(fit: Fit) -> np.ndarray:
    """Return params times tokens of each run."""
    table = fit.runs.table
    tokens = table["tokens"] if "tokens" in table else table[UNIQUE[0]] * table[UNIQUE[1]]
    return (table["params"] * tokens).to_numpy()


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _closed_form(fit: Fit, rows: pd.DataFrame, budgets: np.ndarray, cost: Cost) -> np.ndarray | None:
    """Return draws of the log of the best sizes where the law is a sum of two powers and nothing is served, else None."""
    if cost.served_tokens or moved_inputs(fit) != ("params", "tokens"):
        return None
    law = moved_law(fit, held_at(fit, rows, ("params", "tokens")), ("params", "tokens"))
    references = [log(fit.runs.references[name]) for name in ("params", "tokens")]

    def at(size: float, data: float) -> np.ndarray:
        return law({"params": np.array(references[0] + size), "tokens": np.array(references[1] + data)})

    sizes = [at(step, 0.0) for step in (-1.0, 0.0, 1.0, 2.0)]
    data = [at(0.0, step) for step in (-1.0, 0.0, 1.0, 2.0)]
    together = at(1.0, 1.0) - sizes[2] - data[2] + sizes[1]
    powers = [_power(sizes), _power(data)]
    if powers[0] is None or powers[1] is None or not np.all(np.abs(together) < HOLDS * np.abs(sizes[1])):
        return None
    (a, alpha), (b, beta) = powers[0], powers[1]
    falls = (a > 0) & (alpha > 0) & (b > 0) & (beta > 0)
    log_ratio = np.log(np.where(falls, alpha * a / (beta * b), np.nan))[..., None]
    product = np.log(budgets / cost.flops_per_param_token) - sum(references)
    split = references[0] + (log_ratio + beta[..., None] * product) / (alpha + beta)[..., None]
    return np.asarray(split.reshape(*split.shape[:2], -1))


def _power(values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a and b of c + a x^-b from its values at x = 1/e, 1, e and e^2, None where it is no such law."""
    ratio = (values[0] - values[1]) / (values[1] - values[2])
    exponent = np.log(ratio)
    scale = (values[1] - values[2]) / (1.0 - 1.0 / ratio)
    expected = values[1] - scale * (1.0 - ratio**-2)
    return (scale, exponent) if np.all(np.abs(values[3] - expected) < HOLDS * np.abs(values[1])) else None
