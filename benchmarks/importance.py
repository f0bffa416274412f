"""Posteriors of a law over size and data by importance sampling: a tenth of a second where the sampler takes ten.

    log L = log law + delta + e,   delta ~ GP(0, amplitude^2 k),   e ~ Normal(0, noise_sd)

The process is exact and integrated out; left are the parameters of the law, scatter, amplitude and lengths. They are
drawn from Student-t distributions about the prior's middle, the posterior's mode, and the weighted draws so far (adaptive
multiple importance sampling, Cornuet et al. 2012). Unlike the bundled study's, scatter is normal: rows astray pull more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
import pandas as pd
from judge import Forecast

import bayes_scaling as bs
from bayes_scaling.model.discrepancy import CORRELATIONS
from bayes_scaling.model.priors import Z90, distribution

type Floats = np.ndarray
type Density = Callable[[Floats], Floats]
"""Of log amplitudes, for each."""

LAW = ("E", "A", "alpha", "B", "beta")
NOISE, AMPLITUDE, LENGTHS, DELTA, SIZE = 5, 6, (7, 8), 9, 10
"""Where in a vector scatter, amplitude, lengths and the interaction are; logarithms, but for the last."""

DRAWS, ROUNDS, KEPT, BLOCK = 2500, 4, 800, 400
TAIL = 5.0
JITTER = 1e-8
WIDER, NARROWEST = 1.3, 0.3
"""Proposals are wider than Laplace's approximation by the first, and no direction of it is less curved than the second."""


@dataclass(frozen=True)
class Plain:
    """The process as it is shipped."""

    def covariance(self, at: Floats, x: Floats, z: Floats) -> Floats:
        """Return its correlation between places in each draw: draw, x, z."""
        found: Floats = np.ones((len(at), len(x), len(z)))
        for i, place in enumerate(LENGTHS):
            apart = np.abs(x[:, None, i] - z[None, :, i]) / np.exp(at[:, place])[:, None, None]
            found *= CORRELATIONS["matern52"](apart, np.exp)
        return found


@dataclass(frozen=True)
class Orthogonal(Plain):
    """The process without what the law's tangents take of it over a measure (Plumlee 2017).

    k'(x, z) = k(x, z) - h(x)' H^-1 h(z),   h(x) = sum_m g_m k(m, x),   H = sum_mn g_m k(m, n) g_n'

    Parameters
    ----------
    measure
        Places of equal weight.
    tangents
        Of the law at its mode there, orthonormal columns.
    """

    measure: Floats
    tangents: Floats

    def covariance(self, at: Floats, x: Floats, z: Floats) -> Floats:
        """Return its correlation between places in each draw."""
        of = super().covariance
        left, right = (self.tangents.T @ of(at, self.measure, places) for places in (x, z))
        inner = self.tangents.T @ of(at, self.measure, self.measure) @ self.tangents
        inner += 1e-9 * np.trace(inner, axis1=1, axis2=2)[:, None, None] * np.eye(inner.shape[1])
        return np.asarray(of(at, x, z) - left.swapaxes(1, 2) @ np.linalg.solve(inner, right))


def places(table: pd.DataFrame) -> Floats:
    """Return log(params / 1e9) and log(tokens / 2e10) of runs, a run a row."""
    return np.log(table[["params", "tokens"]].to_numpy() / [1e9, 2e10])


def law(at: Floats, x: Floats) -> Floats:
    """Return the log loss of the law at places, a draw a row."""
    e, a, alpha, b, beta = (np.exp(at[:, [i]]) for i in range(5))
    with np.errstate(over="ignore"):
        return np.asarray(np.log(e + a * np.exp(-alpha * x[:, 0]) + b * np.exp(at[:, [DELTA]] * x[:, 0] - beta * x[:, 1])))


def student(z2: Floats, nu: float, size: int) -> Floats:
    """Return the log density of a multivariate Student-t, but for its scale, from squared distances."""
    constant = lgamma((nu + size) / 2) - lgamma(nu / 2) - size / 2 * log(nu * pi)
    return np.asarray(constant - (nu + size) / 2 * np.log1p(z2 / nu))


@dataclass(frozen=True)
class Beforehand:
    """The prior: Student-t or normal about `middle` for what is positive, and of the interaction by itself."""

    middle: Floats
    scale: Floats
    nu: float
    delta: tuple[float, float, float]
    amplitude: Density | None = None

    @property
    def covariance(self) -> Floats:
        """Of all parameters, the interaction last."""
        found = np.zeros((SIZE, SIZE))
        found[:DELTA, :DELTA], found[DELTA, DELTA] = self.scale, self.delta[2] ** 2
        return found

    def density(self, at: Floats) -> Floats:
        """Return the log density of each draw; that of the amplitude may take the place of its own marginal one."""
        root = np.linalg.cholesky(self.scale)
        z = np.linalg.solve(root, (at[:, :DELTA] - self.middle).T)
        nu, mu, sigma = self.delta
        found = student((z**2).sum(0), self.nu, DELTA) + student(((at[:, DELTA] - mu) / sigma) ** 2, nu, 1)
        if self.amplitude is None:
            return found
        own = ((at[:, AMPLITUDE] - self.middle[AMPLITUDE]) / np.sqrt(self.scale[AMPLITUDE, AMPLITUDE])) ** 2
        return np.asarray(found - student(own, self.nu, 1) + self.amplitude(at[:, AMPLITUDE]))


NORMAL, NEVER = 1e6, (1e6, 0.0, 1e-4)
"""Degrees of freedom that are none; and the interaction of a law without one."""


def beforehand(priors: Mapping[str, bs.Prior], joint: bs.JointPrior | None, amplitude: Density | None = None) -> Beforehand:
    """Return the priors of a law as this file has them."""
    names = [*LAW, "noise_sd", "discrepancy_amplitude", "discrepancy_length", "discrepancy_length"]
    each = [distribution(priors[name])[1] for name in names] if joint is None else []
    middle, sd = np.array([one["mu"] for one in each]), np.array([one["sigma"] for one in each])
    correlation, nu, delta = np.eye(DELTA), NORMAL, NEVER
    if joint is not None:
        middle, sd, correlation = np.log(joint.median), np.log(joint.factor) / Z90, np.array(joint.correlation)
        nu = joint.nu or NORMAL
    if "delta" in priors:
        arguments = distribution(priors["delta"])[1]
        delta = (arguments.get("nu", NORMAL), arguments["mu"], arguments["sigma"])
    return Beforehand(middle, sd[:, None] * correlation * sd, nu, delta, amplitude)


def likelihood(at: Floats, x: Floats, y: Floats, process: Plain) -> Floats:
    """Return the log density of runs in each draw, but for a constant."""
    return np.concatenate([_likelihood(at[i : i + BLOCK], x, y, process) for i in range(0, len(at), BLOCK)])


def _likelihood(at: Floats, x: Floats, y: Floats, process: Plain) -> Floats:
    whole, found = _covariance(at, x, process), np.full(len(at), -np.inf)
    try:
        root = np.linalg.cholesky(whole)
    except np.linalg.LinAlgError:
        if len(at) > 1:
            return np.concatenate([_likelihood(one[None], x, y, process) for one in at])
        return found - 1e10
    z = np.linalg.solve(root, (y - law(at, x))[..., None])[..., 0]
    found = -(z**2).sum(1) / 2 - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1)
    return np.where(np.isfinite(found), found, -1e10)


def _covariance(at: Floats, x: Floats, process: Plain) -> Floats:
    own = np.eye(len(x))
    amplitude, noise = (np.exp(2 * at[:, i])[:, None, None] for i in (AMPLITUDE, NOISE))
    return np.asarray(amplitude * (process.covariance(at, x, x) + JITTER * own) + noise * own)


def mode(density: Density, start: Floats, most: int = 40) -> tuple[Floats, Floats]:
    """Return the mode of a density and a covariance about it, by Newton's method with differences."""
    at, best = start, float(density(start[None])[0])
    for _ in range(most):
        slope, curvature = _differences(density, at)
        values, vectors = np.linalg.eigh(-curvature)
        step = np.clip(vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), 1e-2)), -1.5, 1.5)
        tried = at + np.array([1, 0.5, 0.25, 0.1, 0.03, 0.01, 0.003])[:, None] * step
        found = density(tried)
        if found.max() <= best + 1e-4:
            break
        at, best = tried[found.argmax()], float(found.max())
    values, vectors = np.linalg.eigh(-_differences(density, at)[1])
    return at, (vectors / np.maximum(values, NARROWEST)) @ vectors.T


def _differences(density: Density, at: Floats, step: float = 1e-3) -> tuple[Floats, Floats]:
    """Return slope and curvature of a density at a place."""
    size = len(at)
    moves = np.eye(size) * step
    pairs = [(i, j) for i in range(size) for j in range(i)]
    found = density(at + np.concatenate([np.zeros((1, size)), moves, -moves, *_corners(moves, pairs)]))
    middle, up, down = found[0], found[1 : size + 1], found[size + 1 : 2 * size + 1]
    curvature = np.diag((up + down - 2 * middle) / step**2)
    for k, (i, j) in enumerate(pairs):
        both = found[2 * size + 1 + 2 * k : 2 * size + 3 + 2 * k].sum()
        curvature[i, j] = curvature[j, i] = (both + 2 * middle - up[i] - down[i] - up[j] - down[j]) / (2 * step**2)
    return (up - down) / (2 * step), curvature


def _corners(moves: Floats, pairs: Sequence[tuple[int, int]]) -> list[Floats]:
    return [np.stack([moves[i] + moves[j], -moves[i] - moves[j]]) for i, j in pairs]


def posterior(before: Beforehand, x: Floats, y: Floats, process: Plain, seed: int = 0) -> tuple[Floats, float]:
    """Return equally likely draws of the parameters, and how many independent ones the weighted draws are worth."""
    random = np.random.default_rng(seed)

    def density(at: Floats) -> Floats:
        return before.density(at) + likelihood(at, x, y, process)

    middle, spread = mode(density, np.append(before.middle, before.delta[1]))
    proposals = [(np.append(before.middle, before.delta[1]), before.covariance), (middle, WIDER * spread)]
    every = _drawn(random, *proposals[0])
    heights = density(every)
    for left in reversed(range(ROUNDS)):
        fresh = _drawn(random, *proposals[-1])
        every, heights = np.concatenate([every, fresh]), np.concatenate([heights, density(fresh)])
        mixture = np.logaddexp.reduce([_proposed(every, *of) for of in proposals], axis=0) - log(len(proposals))
        weights = _weights(heights - mixture, 20 if left else 10)
        if left:
            off = every - weights @ every
            proposals.append((weights @ every, 1.2 * (off.T * weights) @ off + 1e-6 * np.diag(np.diag(spread))))
    picked = np.searchsorted(np.cumsum(weights), (random.uniform() + np.arange(KEPT)) / KEPT)
    return every[np.minimum(picked, len(every) - 1)], float(1 / (weights**2).sum())


def _weights(logs: Floats, cut: int) -> Floats:
    """Return weights that sum to one, the largest of them cut."""
    weights = np.exp(np.minimum(logs, np.sort(logs)[-cut]) - logs.max())
    return np.asarray(weights / weights.sum())


def _drawn(random: np.random.Generator, middle: Floats, scale: Floats) -> Floats:
    normal = np.linalg.cholesky(scale) @ random.standard_normal((SIZE, DRAWS))
    return np.asarray(middle + (normal / np.sqrt(random.chisquare(TAIL, DRAWS) / TAIL)).T)


def _proposed(at: Floats, middle: Floats, scale: Floats) -> Floats:
    root = np.linalg.cholesky(scale)
    return student((np.linalg.solve(root, (at - middle).T) ** 2).sum(0), TAIL, SIZE) - np.log(np.diag(root)).sum()


def forecast(before: Beforehand, train: pd.DataFrame, held: pd.DataFrame, process: Plain | None = None) -> Forecast:
    """Return what runs that were seen say of the log loss of others."""
    process = process or Plain()
    x, y, beyond = places(train), np.log(train["loss"].to_numpy()), places(held)
    at, worth = posterior(before, x, y, process)
    means, variances = zip(*(_beyond(at[i : i + BLOCK], x, y, beyond, process) for i in range(0, len(at), BLOCK)), strict=True)
    mean, variance = np.concatenate(means), np.concatenate(variances)
    normal = np.random.default_rng(1).standard_normal((2 * len(mean), len(held)))
    draws = np.repeat(mean, 2, axis=0) + np.sqrt(np.repeat(variance, 2, axis=0)) * normal
    each = -((np.log(held["loss"].to_numpy()) - mean) ** 2) / (2 * variance) - np.log(2 * pi * variance) / 2
    return Forecast(draws.T, np.logaddexp.reduce(each, axis=0) - log(len(mean)), {"worth": worth})


def _beyond(at: Floats, x: Floats, y: Floats, beyond: Floats, process: Plain) -> tuple[Floats, Floats]:
    """Return mean and variance of a run at other places in each draw."""
    amplitude, noise = np.exp(2 * at[:, AMPLITUDE])[:, None, None], np.exp(2 * at[:, [NOISE]])
    root = np.linalg.cholesky(_covariance(at, x, process))
    across = np.linalg.solve(root, amplitude * process.covariance(at, x, beyond))
    z = np.linalg.solve(root, (y - law(at, x))[..., None])
    own = np.stack([process.covariance(at, one[None], one[None])[:, 0, 0] for one in beyond], axis=1)
    left = amplitude[:, 0] * own - (across**2).sum(1)
    return law(at, beyond) + (across * z).sum(1), np.maximum(left, 0.0) + noise
