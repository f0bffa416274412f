"""The search behind a plan: sizes tried, the lowest expected loss among them, and the range that is nearly as good."""

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, number
from bayes_scaling.data.run_costs import UNIQUE
from bayes_scaling.decisions.allocation import runs_compute
from bayes_scaling.decisions.cost import moved_inputs
from bayes_scaling.decisions.optimum import vertex
from bayes_scaling.decisions.sizes import Sizes
from bayes_scaling.decisions.spending import Spent
from bayes_scaling.inference.stacking import Posterior, whole_fits

FINE = 16
"""Between two sizes tried the expected loss is interpolated at so many."""


NEAR = 17
"""Sizes tried anew between the neighbours of the best of them."""


DECADES = 6.0
"""A budget this far beyond the compute of the runs, or below it, is beyond what a fit to them can be asked."""


def check_reach(fit: Posterior, budgets: np.ndarray, cost: Spent) -> None:
    """Refuse budgets too far from the compute of the runs for a plan to mean anything."""
    trained = np.log10(runs_compute(fit, cost))
    off = np.maximum(np.log10(budgets) - trained.max(), trained.min() - np.log10(budgets))
    if np.any(off > DECADES):
        raise InputError(
            f"compute {exact(budgets[off.argmax()])} {cost.base_unit} lies {number(off.max(), 2)} decades from the runs, "
            f"which took {number(10 ** trained.min())} to {number(10 ** trained.max())}; "
            f"expected a budget within {exact(DECADES)} decades of them"
        )


def with_unique(fit: Posterior, rows: pd.DataFrame, unique_tokens: float | None) -> pd.DataFrame:
    """Return points with a number of unique tokens; refuse it for a law that does not read one."""
    if unique_tokens is None:
        return rows
    checks.positive(unique_tokens, "unique_tokens")
    if moved := [name for name in UNIQUE if name not in moved_inputs(fit)]:
        laws = list(whole_fits(fit))
        do = "does" if len(laws) == 1 else "do"
        raise InputError(
            f"{' and '.join(laws)} {do} not read {moved}, so that what repeated tokens are worth is not known; "
            "expected a fit of a law that does, as data_constrained"
        )
    return rows.assign(**{UNIQUE[0]: unique_tokens})


def settled_size(params: float, compute: np.ndarray, cost: Spent) -> np.ndarray:
    """Return a settled model size at each budget; refuse one that leaves nothing to train with."""
    sizes = np.full(len(compute), float(checks.positive(params, "params")))
    if np.any(bare := cost.tokens(sizes, compute) <= 0):
        raise InputError(
            f"{exact(compute[bare][0])} {cost.base_unit} do not serve {exact(cost.served_tokens)} tokens with "
            f"{exact(params)} parameters; expected a smaller model or a larger budget"
        )
    return sizes


def around_lowest(sizes: Sizes) -> np.ndarray:
    """Return a finer grid between the neighbours of the size of the lowest expected loss; a budget a row.

    Raises
    ------
    InputError
        Where that is at an end of the sizes tried.
    """
    rows, lowest = np.arange(len(sizes.mean)), sizes.mean.argmin(axis=1)
    if np.isinf(sizes.mean.min(axis=1)).any():
        raise InputError(
            "the law gives nothing finite at any of the sizes that a budget could train; expected one within its reach"
        )
    last = sizes.mean.shape[1] - 1
    if np.any(end := (lowest == 0) | (lowest == last)):
        row = int(np.flatnonzero(end)[0])
        raise InputError(
            f"what the law expects only falls towards {'larger' if lowest[row] else 'smaller'} models, as far as "
            f"{number(np.exp(sizes.log_params[row, lowest[row]]))} parameters: there is no split to plan"
        )
    return np.linspace(sizes.log_params[rows, lowest - 1], sizes.log_params[rows, lowest + 1], NEAR, axis=1)


def lowest_place(near: Sizes) -> np.ndarray:
    """Return the logarithm of the size of the lowest expected loss, by the parabola through the three lowest places."""
    rows = np.arange(len(near.mean))
    i = np.clip(near.mean.argmin(axis=1), 1, NEAR - 2)
    left, middle, right = (near.mean[rows, i + step] for step in (-1, 0, 1))
    return np.asarray(near.log_params[rows, i] + vertex(left, middle, right) * (near.log_params[:, 1] - near.log_params[:, 0]))


def nearly_lowest(sizes: Sizes, limit: np.ndarray) -> np.ndarray:
    """Return the logarithms of the ends of the range about the lowest expected loss in which it is below a limit."""
    return np.array([_dip(*row) for row in zip(sizes.log_params, sizes.mean, limit, strict=True)]).T


def _dip(at: np.ndarray, mean: np.ndarray, limit: float) -> tuple[float, float]:
    known = np.isfinite(mean)  # a law may overflow at sizes that leave hardly a token
    fine = np.linspace(at[known][0], at[known][-1], FINE * (len(at) - 1) + 1)
    values = PchipInterpolator(at[known], mean[known])(fine)
    i = int(values.argmin())
    below, above = np.flatnonzero(values[:i] > limit), np.flatnonzero(values[i:] > limit)
    low = _crossing(fine, values, int(below[-1]), limit) if len(below) else -np.inf
    return low, _crossing(fine, values, i + int(above[0]) - 1, limit) if len(above) else np.inf


def other_choices(sizes: Sizes, best: np.ndarray, compute: np.ndarray, cost: Spent) -> pd.DataFrame:
    """Return what each size tried would cost above the plan, and above what could be had if the truth were known."""
    count = sizes.log_params.shape[1]
    params, every = np.exp(sizes.log_params).ravel(), np.repeat(compute, count)
    lowest, known = best[:, None], sizes.lowest.mean(axis=1, keepdims=True)
    columns = {"row": np.repeat(np.arange(len(compute)), count), "compute": every, "params": params}
    excess = (sizes.mean - lowest) / np.abs(lowest)
    return pd.DataFrame(
        columns | {"tokens": cost.tokens(params, every), "excess": excess.ravel(), "regret": (sizes.mean - known).ravel()}
    )


def _crossing(at: np.ndarray, values: np.ndarray, i: int, limit: float) -> float:
    """Return where a curve passes a limit between two neighbouring points."""
    return float(at[i] + (limit - values[i]) / (values[i + 1] - values[i]) * (at[i + 1] - at[i]))
