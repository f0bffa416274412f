"""Whether the loss depends on the inputs at all, from the table alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base.finding import Finding, finding
from bayes_scaling._base.numbers import number
from bayes_scaling.data.rounding import is_constant
from bayes_scaling.data.runs import Runs
from bayes_scaling.laws.units import SHARES, loss_unit

STEEP = 0.01
"""A loss that moves by less than this share for each e-fold of every input follows no scaling law: published exponents of the
loss itself begin at .03."""

SPAN = 2.0
"""An input that spans less than such a factor says nothing of whether the loss depends on it."""

MIN_VALUES = 3
"""Runs from which on dependence on an input is looked for."""
MIN_SIGMAS = 2.0
"""Slopes are known to so many standard errors."""
FEW_LEVELS = 6
"""Groups of so many levels at most may shift the loss beside the inputs."""


@dataclass(frozen=True)
class Slopes:
    """How the loss moves with the logarithm of each input, the others and the groups held.

    Parameters
    ----------
    names
        Inputs that span a factor.
    slope, se
        Of the log loss, of the log odds of a share, or of the loss in units of its mean size, for an e-fold.
    p
        Of the loss not depending on any of them, straight or bent.
    design
        Columns of the regression, the inputs first.
    """

    names: tuple[str, ...]
    slope: np.ndarray
    se: np.ndarray
    p: float
    design: np.ndarray


def flat(runs: Runs) -> Finding | None:
    """Return the finding that the loss does not depend on the inputs, None where it does or where the runs cannot tell."""
    names, response = _spread_inputs(runs), runs.table["response"].to_numpy()
    if not names or len(runs) < MIN_VALUES or runs.columns.schedule is not None:
        return None
    spans = " and ".join(f"{name} spans a factor of {number(_span(runs, name))}" for name in names)
    unit, low, high = runs.columns.response.unit, response.min(), response.max()
    if is_constant(response):
        which = f"is {number(low)} {unit}".rstrip() + f" in all {len(runs)} rows"
    else:
        found = slopes(runs, names)
        if found is None or found.p < 0.01 or (np.abs(found.slope) + MIN_SIGMAS * found.se > STEEP).any():
            return None
        which = f"lies between {number(low, 4)} and {number(high, 4)} {unit}".rstrip() + f" in all {len(runs)} rows"
    return finding(
        "flat",
        f"the {runs.columns.response.name} does not depend on the inputs: it {which}, while {spans}",
        f"see that {runs.columns.response.column!r} is the right column: these rows teach nothing of a scaling law",
    )


def slopes(runs: Runs, names: tuple[str, ...] | None = None) -> Slopes | None:
    """Return how the loss moves with each input, by least squares; None where rows are too few to tell."""
    names = _spread_inputs(runs) if names is None else names
    y, logs = scaled_response(runs, runs.table["response"].to_numpy()), np.log(runs.table[list(names)].to_numpy())
    logs = (logs - logs.mean(axis=0)).reshape(len(runs), -1)
    beside = _beside(runs)
    bent = np.hstack([logs, logs**2, beside])
    straight = np.hstack([logs, beside])
    rank, bent_rank = np.linalg.matrix_rank(straight), np.linalg.matrix_rank(bent)
    if rank < straight.shape[1] or len(y) <= rank + 1 or not names:
        return None
    at, _, _, _ = np.linalg.lstsq(straight, y, rcond=None)
    variance = _squares(straight, y) / (len(y) - rank)
    se = np.sqrt(variance * np.diag(np.linalg.inv(straight.T @ straight)))[: len(names)]
    whole = straight if len(y) <= bent_rank + 1 else bent
    return Slopes(tuple(names), at[: len(names)], se, _p(_squares(beside, y), _squares(whole, y), beside, whole), straight)


def is_share(runs: Runs) -> bool:
    """Return whether the response is between 0 and 1 by its unit, and so in every row."""
    seen = runs.table["response"]
    return loss_unit(runs.columns.response.unit) in SHARES and bool(((seen > 0) & (seen < 1)).all())


def scaled_response(runs: Runs, response: np.ndarray) -> np.ndarray:
    """Return log losses, log odds of shares, or where losses may be negative these in units of their mean size.

    Near 1 an accuracy hardly moves, whatever becomes of its errors: the odds do.
    """
    if is_share(runs):
        inside = np.clip(response, 1e-9, 1.0 - 1e-9)
        return np.asarray(np.log(inside) - np.log1p(-inside))
    if runs.columns.response.positive:
        return np.asarray(np.log(response))
    return np.asarray(response / max(np.abs(response).mean(), 1e-300))


def _spread_inputs(runs: Runs) -> tuple[str, ...]:
    return tuple(name for name in runs.columns.scales if _span(runs, name) >= SPAN)


def _span(runs: Runs, name: str) -> float:
    return float(runs.table[name].max() / runs.table[name].min())


def _beside(runs: Runs) -> np.ndarray:
    """Return a constant, and columns for the levels of groups that are few."""
    few = [dim for dim, of in runs.levels.items() if 1 < len(of) <= FEW_LEVELS and len(of) < len(runs) / 2]
    shifts = [pd.get_dummies(runs.table[dim].astype(str), drop_first=True).to_numpy(float) for dim in few]
    return np.hstack([np.ones((len(runs), 1)), *shifts])


def _squares(design: np.ndarray, y: np.ndarray) -> float:
    at, _, _, _ = np.linalg.lstsq(design, y, rcond=None)
    return float(((y - design @ at) ** 2).sum())


def _p(before: float, after: float, design: np.ndarray, whole: np.ndarray) -> float:
    """Return the probability that further columns explain as much of what is left by chance (F test)."""
    from scipy import stats

    less, more = np.linalg.matrix_rank(design), np.linalg.matrix_rank(whole)
    left = len(design) - more
    if more == less or left <= 0:
        return 1.0
    return float(stats.f.sf((before - after) / (more - less) / max(after / left, 1e-300), more - less, left))
