"""How an answer shifts where a prior, or the likelihood, counts more or less: power-scaling, without sampling again.

    p_a(theta | y) ~ p(y | theta) p(theta)^a,   or   p(y | theta)^a p(theta)

for a = 1/2, 0.8, 1.25 and 2, by draws weighted with p^(a - 1), smoothed by Pareto's tail (PSIS; Kallioinen et al. 2024). Where
the tail's k-hat is above what so many draws allow the weighted draws say nothing reliable (Vehtari et al. 2024).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling._base.quantiles import INTERVAL
from bayes_scaling.inference.densities import joint_name, log_prior
from bayes_scaling.inference.log_likelihood import log_likelihood
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.names import NOISE_SD

POWERS = (0.5, 0.8, 1.25, 2.0)
NEAR = (0.99, 1.01)
"""Powers at which the sensitivity is taken, as `arviz_stats.psense` does."""
MOST_K = 0.7
TERMS = ("trend", "sd", "smooth")
"""What slopes, scales and lengths of a parameter's terms are called, between its name and that of what they are over."""
MOST_NAMED = 6
"""Parameters of a joint prior that are named."""
NEGLIGIBLE = 0.01
"""Laws with a smaller share of the draws need no sound weights."""
FEWEST = 50.0
"""Weighted draws must be worth so many."""

PRIOR, LIKELIHOOD = "prior", "likelihood"


@dataclass(frozen=True)
class Scaled:
    """A question under one power of a component.

    Parameters
    ----------
    power
        Of the component: 2 where it counts twice.
    quantiles
        5, 50 and 95 % of the question, on its scale.
    error
        Standard deviation of the median's shift over repeated sampling.
    k_hat
        Of the Pareto tail of the weights.
    reliable
        Whether the weighted draws may be trusted.
    """

    power: float
    quantiles: np.ndarray
    error: float
    k_hat: float
    reliable: bool


def log_densities(fit: Fit) -> dict[str, np.ndarray]:
    """Return for each component that may be scaled its log density in each draw, chains after each other.

    "prior", all of it; "prior of NAME" for each parameter of the law with its slopes and scales of groups, for the noise, for
    the discrepancy, and for parameters with a joint prior; "likelihood", of all rows.
    """
    densities = log_prior(fit)
    each: dict[str, np.ndarray] = {}
    for name in densities:
        owner = f"prior of {_owner(fit, str(name))}"
        values = densities[name].transpose("chain", "draw", ...).to_numpy()
        flat = values.reshape(values.shape[0] * values.shape[1], -1).sum(axis=1)
        each[owner] = each.get(owner, 0.0) + flat
    found = {PRIOR: np.sum(list(each.values()), axis=0)} | (each if len(each) > 1 else {})
    if NOISE_SD in fit.posterior:
        rows = log_likelihood(fit).astype(float).sum("row")
        found[LIKELIHOOD] = rows.transpose("chain", "draw").to_numpy().ravel()
    return found


def _owner(fit: Fit, name: str) -> str:
    """Return what a density is of: a parameter of the law, the noise, the discrepancy, or several of a joint prior."""
    joint = {joint_name(number): one.parameters for number, one in enumerate(fit.model.joint)}
    if name in joint:
        named = len(joint[name]) <= MOST_NAMED
        return f"{', '.join(joint[name]) if named else f'{len(joint[name])} parameters'} together"
    if name in fit.model.parameters:
        return name
    begins = [owner for owner in fit.model.parameters if name.startswith(tuple(f"{owner}_{what}_" for what in TERMS))]
    if begins:
        return max(begins, key=len)
    return (
        "the discrepancy" if name.startswith("discrepancy") else "the noise" if name.startswith(("noise", "residual")) else name
    )


def scaled(
    draws: Mapping[str, np.ndarray], densities: Mapping[str, np.ndarray], power: float, worth: Mapping[str, float]
) -> Scaled:
    """Return a question where a component counts with a power; of a stack each law by itself, with its own share of the draws.

    Parameters
    ----------
    draws
        Law -> draws of the question.
    densities
        Law -> log density of the component in the same draws; laws that are left out stay as they are.
    worth
        Law -> how many independent draws these are worth.
    """
    count = sum(map(len, draws.values()))
    every, tails, sound = [], [float("-inf")], True
    for law, of in draws.items():
        share = len(of) / count
        if law not in densities:
            every.append(np.full(len(of), 1.0 / count))
            continue
        weights, k_hat = _smoothed((power - 1.0) * densities[law], worth[law] / len(of))
        left = min(1.0, worth[law] / len(of)) / float((weights**2).sum())
        if share >= NEGLIGIBLE:
            tails, sound = [*tails, k_hat], sound and k_hat <= k_limit(worth[law]) and left >= FEWEST
        every.append(share * weights)
    pooled, weights = np.concatenate(list(draws.values())), np.concatenate(every)
    return Scaled(power, weighted_quantiles(pooled, weights), _error(pooled, weights, sum(worth.values())), max(tails), sound)


def k_limit(worth: float) -> float:
    """Return up to which k-hat so many draws may be weighted: min(1 - 1 / log10 S, 0.7) (Vehtari et al. 2024)."""
    return float(min(1.0 - 1.0 / np.log10(max(worth, 10.1)), MOST_K))


def sense(draws: Mapping[str, np.ndarray], densities: Mapping[str, np.ndarray]) -> float:
    """Return the power-scaling sensitivity of a question to a component: how fast it changes with log2 of the power.

    As `arviz_stats.psense` has it; arguments as for `scaled`.
    """
    pooled = np.concatenate(list(draws.values()))
    if np.ptp(pooled) <= 0:
        return 0.0
    two = [np.concatenate([_nearby(of, densities.get(law), power) for law, of in draws.items()]) for power in NEAR]
    low, high = (of / of.sum() for of in two)
    if np.ptp(low) <= 1e-15:
        return 0.0
    rows = [of[None, :] for of in (pooled, low, high)]
    return float(_tools().power_scale_sense(*rows, lower_alpha=NEAR[0], upper_alpha=NEAR[1]))


def _nearby(draws: np.ndarray, densities: np.ndarray | None, power: float) -> np.ndarray:
    """Return the weights of the draws of one law under a power near 1, which sum to their number."""
    if densities is None or np.ptp(densities) <= 1e-12:
        return np.ones(len(draws))
    return len(draws) * _normalized(np.asarray(_tools().power_scale_lw(densities, alpha=power)))


def _tools() -> Any:
    from arviz_stats.base import array_stats

    return array_stats


def _smoothed(log_ratios: np.ndarray, r_eff: float) -> tuple[np.ndarray, float]:
    """Return normalized importance weights with their tail smoothed, and the tail's k-hat."""
    if np.ptp(log_ratios) <= 1e-12:
        return np.full(len(log_ratios), 1.0 / len(log_ratios)), float("-inf")
    with np.errstate(all="ignore"):
        log_weights, k_hat = _tools().psislw(-log_ratios, r_eff=min(1.0, r_eff))
    k_hat = float(k_hat)
    return _normalized(np.asarray(log_weights)), k_hat if np.isfinite(k_hat) else float("inf")


def _normalized(log_weights: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def weighted_quantiles(draws: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return 5, 50 and 95 % of weighted draws."""
    order = np.argsort(draws)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return np.asarray(np.interp(list(INTERVAL.values()), reached, draws[order]))


def _error(draws: np.ndarray, weights: np.ndarray, worth: float) -> float:
    """Return the standard deviation of a median's shift: of sum (w - 1/n) 1[q < m], over the density at the median."""
    low, high = np.quantile(draws, [0.4, 0.6])
    slope = (high - low) / 0.2
    spread = np.sqrt(((weights - 1.0 / len(draws)) ** 2).sum()) / 2
    return float(slope * spread * np.sqrt(len(draws) / min(worth, len(draws))))
