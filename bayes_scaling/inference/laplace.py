"""Laplace's approximation with importance resampling: the mode, the curvature there, draws, and whether they may be trusted.

The log density is maximised in the coordinates of the sampler. Proposals come from a split Student-t distribution about the
mode: along each axis of the curvature's Cholesky factor it has a scale for either side, so that skewed posteriors are covered
(Geweke 1989). They are weighted by Pareto-smoothed importance sampling. Proposals with the mean and covariance that the weights
give are added, as often as the weights' tail is too heavy, and all are resampled. The shape k of that tail says whether draws
stand for the posterior: above .7 they do not (Vehtari et al. 2024), and the model is sampled by NUTS.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling._base.blas import one_thread
from bayes_scaling._base.random import resampled, stream
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.expansion import expand
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.sampling import compiled
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model, groups_used

if TYPE_CHECKING:
    from bayes_scaling.inference.compiling import Compiled

PROPOSALS = 1_000
"""Of each round, and as many draws are kept."""
LEAST_ROUNDS, ROUNDS = 2, 4
"""A posterior along a curve reaches where the first proposal does not, and k, which is of points that were proposed, does not
see what was missed: draws of one round are narrower than such a posterior, of small curves by 1 % on average."""
STARTS, STEPS = 6, 200
"""Places that the search of the mode starts from, and its steps at most."""
MOST_NUMBERS = 80
"""Of posteriors in more dimensions hardly any proposal has weight."""
DEGREES = 7.0
"""Of freedom of the proposals."""
STEP = 1e-4
"""Of finite differences, in the sampler's coordinates, whose unit is about a standard deviation."""
DISTANCES = (1.0, 2.0, 3.5)
"""At which the log density says how wide a side is, in standard deviations."""
NARROWEST, WIDEST = 0.3, 4.0
"""Bounds of the scale of one side of an axis, over the scale that the curvature at the mode says."""
WIDER = 2.0
"""By so much over the number of dimensions, as a share, later proposals are wider than the points so far: a constant factor of
proposals is lost to it, whatever the dimensions."""
FLATTEST = 1e-2
"""The least curvature along any direction."""


@dataclass(frozen=True)
class Proposal:
    """A split Student-t distribution.

    Parameters
    ----------
    centre, root
        Where it is, and the axes along which it is split, as columns.
    up, down
        Scale of either side of each axis.
    """

    centre: np.ndarray
    root: np.ndarray
    up: np.ndarray
    down: np.ndarray

    def draw(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Return draws, one a row."""
        size = (count, len(self.centre))
        far = np.abs(random.standard_normal(size)) * np.sqrt(DEGREES / random.chisquare(DEGREES, (count, 1)))
        above = random.uniform(size=size) < self.up / (self.up + self.down)
        return np.asarray(self.centre + np.where(above, far * self.up, -far * self.down) @ self.root.T)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Return the log density at points, one a row."""
        from scipy.special import gammaln

        size = len(self.centre)
        z = np.linalg.solve(self.root, (x - self.centre).T).T
        squared = ((z / np.where(z > 0, self.up, self.down)) ** 2).sum(axis=1)
        known = gammaln((DEGREES + size) / 2) - gammaln(DEGREES / 2) - size / 2 * np.log(DEGREES * np.pi)
        known += np.log(2.0 / (self.up + self.down)).sum() - np.log(np.abs(np.diag(self.root))).sum()
        return np.asarray(known - (DEGREES + size) / 2 * np.log1p(squared / DEGREES))


@dataclass(frozen=True)
class Weighted:
    """Points with importance weights.

    Parameters
    ----------
    weights
        They add up to one.
    density
        The log density at each point.
    pareto_k
        Shape of the tail of the weights; infinite where there is none to fit.
    """

    points: np.ndarray
    weights: np.ndarray
    density: np.ndarray
    pareto_k: float

    @property
    def size(self) -> float:
        """The effective number of points."""
        return float(1.0 / np.sum(self.weights**2))


def approximate(model: Model, runs: Runs, settings: Settings) -> tuple[xr.DataTree, Health] | Health:
    """Return draws by Laplace's approximation with their health; the health alone where they do not stand for the posterior.

    Raises
    ------
    InputError
        Where the runs do not fit the model.
    """
    from bayes_scaling.inference.compiling import split

    own = compiled(model, runs)
    found = _weighted(own, settings.seed)
    health = _health(found)
    if found is None or not health.ok:
        return health
    random = stream(settings.seed, "importance resampling")
    kept = resampled(found.weights, PROPOSALS, random)
    levels = {dim: runs.levels[dim] for dim in groups_used(model)}
    with one_thread():
        posterior = expand(model, split(own, found.points[kept]), own.arrays, levels, 1, settings.seed)
    stats = xr.Dataset({"lp": (("chain", "draw"), found.density[kept][None])})
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats}), health


def _health(found: Weighted | None) -> Health:
    size, k = (0.0, float("inf")) if found is None else (found.size, found.pareto_k)
    return Health(0, None, size, size, None, "", draws=PROPOSALS, chains=1, method="laplace", pareto_k=k)


def _weighted(own: "Compiled", seed: int) -> Weighted | None:
    """Return weighted points of a posterior; None where there is no mode to speak of."""
    if own.n_dim > MOST_NUMBERS:
        return None
    density, random = own.evaluator(), stream(seed, "proposals")
    first = _at_mode(own, density, seed)
    if first is None:
        return None
    proposals, points, densities = [first], [], []
    found: Weighted | None = None
    for done in range(1, ROUNDS + 1):
        points.append(proposals[-1].draw(PROPOSALS, random))
        densities.append(own.evaluate_many(points[-1]))
        found = _smoothed(np.concatenate(points), np.concatenate(densities), proposals)
        if found is None or (done >= LEAST_ROUNDS and _health(found).ok):
            break
        proposals.append(_moved(first, found))
    return found


def _at_mode(own: "Compiled", density: Any, seed: int) -> Proposal | None:
    """Return a proposal about the mode, as wide on each side as the log density says; None where none is found."""
    from scipy.optimize import minimize

    def downhill(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = density(x)
        return (-value, -slope) if np.isfinite(value) else (np.inf, np.zeros(len(x)))

    starts = [np.asarray(own.start(seed + i)) for i in range(STARTS)]
    best = max(starts, key=lambda x: density(x)[0])
    if not np.isfinite(density(best)[0]):
        return None
    with np.errstate(all="ignore"):
        mode = minimize(downhill, best, jac=True, method="BFGS", options={"gtol": 1e-3, "maxiter": STEPS}).x
    size = len(mode)
    steps = STEP * np.eye(size)
    curvature = np.array([density(mode + step)[1] - density(mode - step)[1] for step in steps]) / (-2.0 * STEP)
    if not np.isfinite(curvature).all():
        return None
    widths, axes = np.linalg.eigh((curvature + curvature.T) / 2.0)
    root = np.linalg.cholesky((axes / np.maximum(widths, FLATTEST)) @ axes.T)
    top = density(mode)[0]
    up, down = (np.array([_width(density, top, mode, side * axis) for axis in root.T]) for side in (1.0, -1.0))
    return Proposal(mode, root, up, down)


def _width(density: Any, top: float, mode: np.ndarray, axis: np.ndarray) -> float:
    """Return the scale of one side of an axis: the largest of those for which a normal falls as the log density does."""
    falls = [max(top - density(mode + distance * axis)[0], 1e-3) for distance in DISTANCES]
    widths = [distance / np.sqrt(2.0 * fall) for distance, fall in zip(DISTANCES, falls, strict=True)]
    return float(np.clip(max(widths), NARROWEST, WIDEST))


def _smoothed(points: np.ndarray, densities: np.ndarray, proposals: list[Proposal]) -> Weighted | None:
    """Return points with smoothed weights, those of a mixture of all proposals; None where none has a density."""
    from arviz_stats.base import array_stats
    from scipy.special import logsumexp

    proposed = logsumexp([one.log_density(points) for one in proposals], axis=0) - np.log(len(proposals))
    known = np.isfinite(densities)
    if known.sum() < len(points) // 2:
        return None
    points, densities, ratios = points[known], densities[known], densities[known] - proposed[known]
    try:
        with np.errstate(over="ignore"):  # of a tail so heavy that its quantiles are not finite: k says so
            logs, k = array_stats.psislw(ratios.max() - ratios)  # it takes what is to be taken off, as of leaving out
    except ValueError:  # all weights of the tail are alike
        logs, k = ratios, float("inf")
    weights = np.exp(logs - logsumexp(logs))
    return Weighted(points, weights, densities, float(k) if np.isfinite(k) else float("inf"))


def _moved(first: Proposal, found: Weighted) -> Proposal:
    """Return a proposal with the mean and covariance that weights give, as far as they are known, and somewhat wider."""
    size, mean = len(first.centre), found.weights @ found.points
    known = found.size / (found.size + size)
    apart = found.points - mean
    covariance = known * (apart * found.weights[:, None]).T @ apart + (1.0 - known) * first.root @ first.root.T
    scale = np.full(size, 1.0 + WIDER / size)
    return Proposal(mean, np.linalg.cholesky(covariance), scale, scale)
