"""What a model costs, and how each draw of a law would split a budget between its size and its tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, number
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.convention_words import input_words
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.plausible import refuse_implausible_counts
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.run_costs import UNIQUE
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.cost import moved_inputs, tokens_unit, unique_limit
from bayes_scaling.decisions.flat_runs import refuse_flat
from bayes_scaling.decisions.law_along import labelled_as, law_along, named_unit, parameters_along, search_bounds
from bayes_scaling.decisions.optimum import lowest
from bayes_scaling.decisions.optimum_notes import with_notes
from bayes_scaling.decisions.sizes import Sizes, over_sizes, size_grid
from bayes_scaling.decisions.spending import Spending, Spent, spending
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, map_components, parts
from bayes_scaling.prediction.costs import Costed
from bayes_scaling.prediction.goal import refuse_rising

HOLDS = 1e-9
"""A law is a sum of powers where that predicts it to this share of the loss."""


@dataclass(frozen=True)
class Split:
    """Draws of the logarithm of the best size, and of the loss there; chain, draw, row."""

    log_params: np.ndarray
    loss: np.ndarray


@carried
@asked
def compute_optimal(
    fit: Posterior, compute: float | Sequence[float], points: Table | None = None, *, cost: Costed | Spending = None
) -> xr.Dataset:
    """Return draws of the sizes and tokens that reach the lowest loss with given compute, and of that loss.

    min L(N, D)  subject to  C = k N D + s N T        (Hoffmann et al. 2022, eq. 4; see `Cost`)

    Where L = E + A N^-alpha + B D^-beta, however it is written, and nothing is served, the split is the closed form

    N* = (alpha A / (beta B))^(1 / (alpha + beta)) (C / k)^(beta / (alpha + beta))

    and otherwise searched for as by `optimum`; in either case within a thirtieth of the smallest model and thirty times
    the largest, and further by the factor that the compute lies beyond that of the runs.
    Where the model has a discrepancy L is the law with it, as only their sum is known well, over sizes within a factor of
    thirty of the middle of the law's. Far beyond the runs draws of the discrepancy bend, and their lowest points spread widely.

    Parameters
    ----------
    fit
        A fit, or draws from a prior.
    compute
        In FLOP, or the unit of the cost; a number or several.
    points
        Levels of the groups between which the law varies, and values of further inputs, as for `predict`; each row is taken at
        each compute, in this order. Not needed where the law has neither. For a law of `unique_tokens` and `epochs` a column
        unique_tokens says how many there are: more tokens are repeated ones.
    cost
        What a model costs: a name of `Columns.costs`, or a `Cost`; 6 FLOP a parameter and token unless given. Budgets are in
        its unit, and each level spends them at its own cost. Params and tokens must be counted in ones.

    Returns
    -------
    Dataset
        Draws of params, tokens, tokens_per_param and loss, with dimensions chain, draw, row and the coordinate compute. NaN in
        draws that would put all compute into one of the two.

    Raises
    ------
    InputError
        As `predict` does, and where the law lacks the inputs params and tokens, a number is not positive, or the loss of the
        runs does not depend on their inputs.

    References
    ----------
    .. [1] Hoffmann et al. (2022). Training compute-optimal large language models. arXiv 2203.15556, eq. 4.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> sizes = {"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]}
    >>> study = bs.read_study("chinchilla_law")
    >>> before = bs.prior(study.model, study_runs(study, sizes), draws=200)
    >>> found = compute_optimal(before, [1e20, 1e21])
    >>> list(found), found["params"].dims
    (['params', 'tokens', 'tokens_per_param', 'loss'], ('chain', 'draw', 'row'))
    """
    refuse_rising(fit, "a split of compute", points)
    refuse_flat(fit)
    rows = mark_base_units(pd.DataFrame(index=[0])) if points is None else in_base_units(points, fit.runs)
    cost = spending(fit, cost, rows)
    budgets = read_budgets(fit, compute)
    found = map_components(fit, lambda one, _: _optimal(one, rows, budgets, cost))
    return with_notes(fit, found, {name: found[name] for name in moved_inputs(fit) if name in found})


def _optimal(fit: Fit, rows: pd.DataFrame, budgets: np.ndarray, cost: Spent) -> xr.Dataset:
    found = law_split(fit, rows, budgets, cost)
    if fit.model.discrepancy:
        every = np.tile(budgets, len(rows))
        found = best_split(fit, found, over_sizes(fit, size_grid(found.log_params, every, cost), every, cost, rows))
    return split_as_dataset(fit, rows, budgets, cost, found)


def law_split(fit: Posterior, rows: pd.DataFrame, budgets: np.ndarray, cost: Spent) -> Split:
    """Return the best split of the law alone, of a stack of each law in its own draws; all else is checked."""
    found = [_law_split(one, rows, budgets, cost) for one, _ in parts(fit)]
    return Split(*(np.concatenate(of, axis=1) for of in zip(*((one.log_params, one.loss) for one in found), strict=True)))


def _law_split(fit: Fit, rows: pd.DataFrame, budgets: np.ndarray, cost: Spent) -> Split:
    """Return the best split of the law alone, in closed form where it has one."""
    at = parameters_along(fit, rows.loc[rows.index.repeat(len(budgets))], moved_inputs(fit))
    law = law_along(fit, at, moved_inputs(fit))
    log_unique = np.log(np.repeat(unique_limit(fit, rows), len(budgets)))
    every = np.tile(budgets, len(rows))

    def losses(log_params: np.ndarray) -> np.ndarray:
        return law(_log_inputs(fit, log_params, _log_tokens(cost, log_params, every), log_unique))

    low, high = _affordable(fit, every, cost)
    log_params = _closed_form(fit, rows, budgets, cost)
    if log_params is None:
        log_params = lowest(losses, low, high)
    else:
        log_params = np.where((log_params > low) & (log_params < high), log_params, np.nan)
    return Split(log_params, losses(log_params))


def best_split(fit: Posterior, of_law: Split, sizes: Sizes) -> Split:
    """Return the best split of each draw: that of its law, or among the sizes tried where the law has a discrepancy."""
    log_params, loss = of_law.log_params.copy(), of_law.loss.copy()
    places, lowest = (of.T.reshape(log_params.shape) for of in (sizes.best, sizes.lowest))
    for one, draws in parts(fit):
        if one.model.discrepancy:
            log_params[:, draws], loss[:, draws] = places[:, draws], lowest[:, draws]
    return Split(log_params, loss)


def split_as_dataset(fit: Posterior, rows: pd.DataFrame, budgets: np.ndarray, cost: Spent, found: Split) -> xr.Dataset:
    """Return a split as `compute_optimal` does."""
    return map_components(
        fit,
        lambda one, draws: _as_dataset(one, rows, budgets, cost, Split(found.log_params[:, draws], found.loss[:, draws])),
    )


def _as_dataset(fit: Fit, rows: pd.DataFrame, budgets: np.ndarray, cost: Spent, found: Split) -> xr.Dataset:
    every = np.tile(budgets, len(rows))
    at = parameters_along(fit, rows.loc[rows.index.repeat(len(budgets))], moved_inputs(fit))
    log_tokens = _log_tokens(cost, found.log_params, every)
    response = fit.runs.columns.response
    shown = {
        "params": (np.exp(found.log_params), *named_unit(fit, "params")),
        "tokens": (np.exp(log_tokens), "tokens", tokens_unit(fit)),
        "tokens_per_param": (np.exp(log_tokens - found.log_params), "tokens per parameter", ""),
        "loss": (found.loss, response.name, fit.runs.columns.unit_of(rows)),
    }
    best = {name: labelled_as(values, at, *of) for name, (values, *of) in shown.items()}
    best["params"].attrs["counted"] = input_words(fit.runs.columns, "params")
    return xr.Dataset(best).assign_coords(compute=("row", every, {"units": cost.base_unit}))


def read_budgets(fit: Posterior, compute: float | Sequence[float]) -> np.ndarray:
    """Return budgets as an array.

    Raises
    ------
    InputError
        Where the law is not one of params and tokens, these are such as no run has in ones, or a budget is not positive.
    """
    moved_inputs(fit)
    refuse_implausible_counts(fit.runs)
    budgets = np.atleast_1d(np.asarray(compute, dtype=object)).ravel()
    if not len(budgets) or not all(checks.is_number(of) and of > 0 for of in budgets):
        raise InputError(f"compute must be positive numbers in FLOP; it is {compute}")
    return np.array([checks.positive(of, "compute") for of in budgets], dtype=float)


def _log_inputs(
    fit: Posterior, log_params: np.ndarray, log_tokens: np.ndarray, log_unique: np.ndarray
) -> Mapping[str, np.ndarray]:
    if "tokens" in moved_inputs(fit):
        return {"params": log_params, "tokens": log_tokens}
    fresh = np.minimum(log_unique, log_tokens)
    return {"params": log_params, "unique_tokens": fresh, "epochs": log_tokens - fresh}


def _log_tokens(cost: Spent, log_params: np.ndarray, compute: np.ndarray) -> np.ndarray:
    """Return the logarithm of the tokens that a budget leaves, -inf where serving takes it all."""
    if isinstance(cost, Cost) and not cost.served_tokens and cost.formula is None:
        return np.asarray(np.log(compute / cost.flops_per_param_token) - log_params)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.maximum(cost.tokens(np.exp(log_params), compute), 0.0)))


def _affordable(fit: Posterior, compute: np.ndarray, cost: Spent) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of sizes to seek in, longer by as much as the compute leaves that of the runs.

    Raises
    ------
    InputError
        Where the smallest of them could not be served.
    """
    low, high = search_bounds(fit, "params")
    beyond, seen = np.log(compute), np.log(runs_compute(fit, cost))
    low, high = low + np.minimum(0.0, beyond - seen.min()), high + np.maximum(0.0, beyond - seen.max())
    high = np.minimum(high, np.log(cost.largest(compute)))
    if np.any(low >= high):
        raise InputError(
            f"{exact(compute[low >= high][0])} {cost.base_unit} do not serve {exact(cost.served_tokens)} tokens even with "
            f"{number(np.exp(low[low >= high][0]))} parameters, left untrained; expected a larger budget"
        )
    return low, high


def runs_compute(fit: Posterior, cost: Spent) -> np.ndarray:
    """Return what it took to train each run, in the unit of the cost.

    Raises
    ------
    InputError
        Where the law does not read params and tokens.
    """
    moved_inputs(fit)
    if isinstance(cost, Spending):
        return cost.trained
    table = fit.runs.table
    tokens = table["tokens"] if "tokens" in table else table[UNIQUE[0]] * table[UNIQUE[1]]
    return np.asarray(cost.per_token(table["params"].to_numpy()) * tokens.to_numpy())


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _closed_form(fit: Fit, rows: pd.DataFrame, budgets: np.ndarray, cost: Spent) -> np.ndarray | None:
    """Return draws of the log of the best sizes where the law is a sum of two powers and nothing is served, else None."""
    if isinstance(cost, Spending) or cost.served_tokens or moved_inputs(fit) != ("params", "tokens"):
        return None
    law = law_along(fit, parameters_along(fit, rows, ("params", "tokens")), ("params", "tokens"))
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
