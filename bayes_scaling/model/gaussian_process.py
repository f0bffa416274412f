"""The discrepancy's Gaussian process on a grid of knots: weights of knots at rows, draws, extrapolation beyond the runs.

It lives on knots over the runs and is interpolated between them by its own covariance (inducing points; structured kernel
interpolation, Wilson and Nickisch 2015), at a cost linear in the runs. Predictions beyond the runs extend the grid, draw by
draw, by the process's exact conditional, so that bands widen with distance at the rate the length says.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.model.discrepancy import CORRELATIONS, Discrepancy, Terms, knot_counts, knot_dim, name
from bayes_scaling.model.priors import Prior, median

JITTER = 1e-6
"""Added to the diagonal of correlations between knots, so that Cholesky's factor exists for the smoothest process."""


UP, DOWN = np.log(1e3), np.log(10.0)
"""The grid is extended by three decades above and one below the runs; further out a discrepancy stays what it is there."""


STEP = np.log(5.0)
"""Distance of the knots beyond the runs, in e-folds."""


NARROWEST = 1.0
"""Where the runs hardly differ in an input, its knots span an e-fold."""


WEIGHTS, PRODUCTS = "discrepancy_weights", "discrepancy_products"
"""Every knot's weight at each row, and the weights' products over rows."""


WORTH = "discrepancy_worth"
"""How many rows each row is worth in the coordinates of the knots; one each where it is not given."""


SAMPLED = "discrepancy_w"
"""What the knots are sampled as, see `draw_discrepancy`."""


def place_knots(term: Discrepancy, inputs: Sequence[str], logs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the knots along each input over the range of log(input / reference) of the runs.

    Evenly; where no more different values than knots are there, at the values, further knots halving the widest gaps.
    """
    return [_placed(count, np.unique(at)) for count, at in zip(knot_counts(term, inputs), logs, strict=True)]


def _placed(count: int, values: np.ndarray) -> np.ndarray:
    """Return so many knots for an input whose values, in order, are given."""
    low, high = values[0], values[-1]
    if len(values) > count or high - low < NARROWEST:
        middle, half = (low + high) / 2, max(high - low, NARROWEST) / 2
        return np.linspace(middle - half, middle + half, count)
    parts = np.ones(len(values) - 1, dtype=int)
    for _ in range(count - len(values)):
        parts[np.argmax(np.diff(values) / parts)] += 1
    gaps = zip(values[:-1], values[1:], parts, strict=True)
    return np.concatenate([*(np.linspace(below, above, n, endpoint=False) for below, above, n in gaps), values[-1:]])


def extended(knots: np.ndarray) -> np.ndarray:
    """Return knots along an input, followed by those beyond the runs: the first stay first, see `extrapolate`."""
    above = knots[-1] + np.linspace(0.0, UP, round(UP / STEP) + 1)[1:]
    below = knots[0] - np.linspace(0.0, DOWN, round(DOWN / STEP) + 1)[1:]
    return np.concatenate([knots, above, below])


def extended_size(term: Discrepancy, inputs: Sequence[str]) -> int:
    """Return how many knots the grid of a term has, those beyond the runs among them."""
    return prod(len(extended(np.zeros(count))) for count in knot_counts(term, inputs))


def interpolation(term: Discrepancy, knots: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the weights of the knots along an input at values of log(input / reference), in a further, last axis.

    w = k(at, knots) k(knots, knots)^-1 with the length its prior expects: between knots closer than the length, weights hardly
    depend on it. Beyond the outermost knots a discrepancy stays what it is there.
    """
    length, correlation = median(term.length), CORRELATIONS[term.kernel]
    within = np.clip(at, knots.min(), knots.max())
    between = correlation(np.abs(knots[:, None] - knots) / length, np.exp) + JITTER * np.eye(len(knots))
    across = correlation(np.abs(within[..., None] - knots) / length, np.exp)
    weights: np.ndarray = np.linalg.solve(between, across[..., None])[..., 0]
    return weights


def tensor_product(weights: Sequence[np.ndarray]) -> np.ndarray:
    """Return the weights of a grid's knots, from those along each of its inputs; the last axis runs over the grid."""
    return reduce(lambda a, b: (a[..., :, None] * b[..., None, :]).reshape(*a.shape[:-1], -1), weights)


def arrays(terms: Terms, rows: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a compiled model reads: each term's knots, every knot's weight at each row, and the weights' products.

    Parameters
    ----------
    rows
        `log_INPUT`, the log(input / reference), and `index_GROUP`, the number of each row's level.
    """
    found: dict[str, np.ndarray] = {}
    weights = []
    for term, inputs in terms:
        logs = [rows[f"log_{x}"] for x in inputs]
        knots = place_knots(term, inputs, logs)
        found |= {f"{name(term)}_knots_{x}": z for x, z in zip(inputs, knots, strict=True)}
        own = [np.eye(len(levels[dim]))[rows[f"index_{dim}"]] for dim in term.dims]
        weights.append(tensor_product([*own, *(interpolation(term, z, at) for z, at in zip(knots, logs, strict=True))]))
    joint = np.concatenate(weights, axis=1)
    return found | {WEIGHTS: joint, PRODUCTS: joint.T @ joint}


def draw_discrepancy(terms: Terms, held: Mapping[str, Any], levels: Mapping[str, int], left: Any, precision: Any) -> Any:
    """Return the discrepancy at rows, as a symbol, having registered their random variables in the model at hand.

    It is W R u: whitened knots u ~ Normal(0, I), R the root of their covariance, W their weights at rows. Rows of
    precision p say of u what a Gaussian of precision R'W'W R p and linear term R'W' left p does, exactly so for normal noise of
    one scale: in the coordinates of `whitening` the sampler's path is that of the law alone.

    Parameters
    ----------
    held
        What `arrays` returns.
    levels
        Group -> how many levels it has.
    left
        What the law leaves of each row.
    precision
        Of the rows' scatter, on average: 1 / scale^2.
    """
    from pytensor.tensor.linalg import block_diag

    from bayes_scaling.model.whitening import draw_whitened

    roots = [root for term, inputs in terms for root in [_root(term, inputs, held)] * prod(levels[d] for d in term.dims)]
    size = sum(prod((*(levels[dim] for dim in term.dims), *knot_counts(term, inputs))) for term, inputs in terms)
    root = block_diag(*roots) if len(roots) > 1 else roots[0]
    information = precision * (root.T @ held[PRODUCTS] @ root)
    worth = left * held[WORTH] if WORTH in held else left
    u = draw_whitened(SAMPLED, information, precision * (root.T @ (held[WEIGHTS].T @ worth)), shape=size)
    return held[WEIGHTS] @ (root @ u)


def whitened(
    terms: Terms,
    draws: Mapping[str, np.ndarray],
    held: Mapping[str, np.ndarray],
    levels: Mapping[str, np.ndarray],
    left: np.ndarray,
    precision: np.ndarray,
) -> np.ndarray:
    """Return draws of the whitened knots u from those of the coordinates sampled, as in `draw_discrepancy`; a draw a row.

    Parameters
    ----------
    left
        What the law leaves of each row, a draw a row.
    precision
        Of the rows' scatter on average, in each draw.
    """
    from bayes_scaling.model.whitening import unwhiten

    root = joint_root(terms, draws, held, levels)
    across, p = root.swapaxes(-1, -2), precision[:, None, None]
    information = p * (across @ held[PRODUCTS] @ root)
    linear = p * (across @ ((left * held.get(WORTH, 1.0)) @ held[WEIGHTS])[..., None])
    return unwhiten(draws[SAMPLED], information, linear[..., 0])


def at_rows(
    terms: Terms,
    draws: Mapping[str, np.ndarray],
    u: np.ndarray,
    held: Mapping[str, np.ndarray],
    levels: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return the discrepancy at rows from whitened knots, a draw a row."""
    knots = joint_root(terms, draws, held, levels) @ u[..., None]
    return np.asarray(knots[..., 0] @ held[WEIGHTS].T)


def joint_root(
    terms: Terms, draws: Mapping[str, np.ndarray], held: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the root of the covariance of the knots of all terms in each draw."""
    size, start = held[WEIGHTS].shape[1], 0
    root = np.zeros((len(draws[f"{name(terms[0][0])}_amplitude"]), size, size))
    for term, inputs in terms:
        own = _roots(term, inputs, draws, held)
        for _ in range(prod(len(levels[dim]) for dim in term.dims)):
            stop = start + own.shape[-1]
            root[:, start:stop, start:stop] = own
            start = stop
    return root


def weighted(held: Mapping[str, np.ndarray], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is other in `arrays` where rows are worth more or less than one."""
    joint = held[WEIGHTS]
    return {WORTH: weights, PRODUCTS: joint.T @ (weights[:, None] * joint)}


def _roots(term: Discrepancy, inputs: Sequence[str], draws: Mapping[str, np.ndarray], held: Mapping[str, Any]) -> np.ndarray:
    """Return the lower triangular root of the covariance of a term's knots in each draw."""
    found = draws[f"{name(term)}_amplitude"][:, None, None]
    for x in inputs:
        knots, length = held[f"{name(term)}_knots_{x}"], draws[f"{name(term)}_length_{x}"][:, None, None]
        correlation = CORRELATIONS[term.kernel](np.abs(knots[:, None] - knots) / length, np.exp)
        root = np.linalg.cholesky(correlation + JITTER * np.eye(len(knots)))
        size = found.shape[-1] * root.shape[-1]
        found = (found[:, :, None, :, None] * root[:, None, :, None, :]).reshape(len(root), size, size)
    return np.asarray(found)


def _root(term: Discrepancy, inputs: Sequence[str], held: Mapping[str, Any]) -> Any:
    """Return the lower triangular root of the covariance of a term's knots."""
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import cholesky, kron

    from bayes_scaling.model.likelihood import draw_scalar

    def prior(suffix: str, of: Prior) -> Any:
        return draw_scalar(f"{name(term)}_{suffix}", of).values

    roots = []
    for x in inputs:
        knots, length = held[f"{name(term)}_knots_{x}"], prior(f"length_{x}", term.length)
        apart = pt.abs(knots[:, None] - knots[None, :]) / length
        roots.append(cholesky(CORRELATIONS[term.kernel](apart, pt.exp) + JITTER * pt.eye(knots.shape[0])))
    return prior("amplitude", term.amplitude) * reduce(kron, roots)


def extrapolate(
    terms: Terms,
    draws: xr.Dataset,
    whitened: np.ndarray,
    held: Mapping[str, np.ndarray],
    levels: Any,
    random: np.random.Generator,
) -> xr.Dataset:
    """Return draws with each term's discrepancy at its knots and at those beyond the runs.

    With the knots of the runs first, Cholesky's factor of the extended grid has that of the runs as its corner: new whitened
    knots, Normal(0, 1), carry the process on exactly.

    Parameters
    ----------
    whitened
        Draws at the knots of the runs, all terms one after the other; chain, draw, knot.
    """
    start = 0
    for term, inputs in terms:
        shape = tuple(len(levels[dim]) for dim in term.dims)
        knots = [held[f"{name(term)}_knots_{x}"] for x in inputs]
        stop = start + prod(shape) * prod(len(z) for z in knots)
        known = whitened[..., start:stop].reshape(*whitened.shape[:-1], *shape, *(len(z) for z in knots))
        start = stop
        grid = [extended(z) for z in knots]
        full = random.standard_normal((*known.shape[: 2 + len(shape)], *(len(z) for z in grid)))
        corner: tuple[Any, ...] = (Ellipsis, *(slice(len(z)) for z in knots))
        full[corner] = known
        values = unwhitened(term, inputs, draws, grid, full)
        dims = ("chain", "draw", *term.dims, *(knot_dim(x) for x in inputs))
        ordered = values[np.ix_(*(np.arange(n) for n in values.shape[: -len(grid)]), *(np.argsort(z) for z in grid))]
        coords = {knot_dim(x): np.sort(z) for x, z in zip(inputs, grid, strict=True)} | {dim: levels[dim] for dim in term.dims}
        # One layout in memory, so that sums over knots have the same bits after a fit was saved and loaded.
        draws = draws.assign({name(term): xr.DataArray(np.ascontiguousarray(ordered), dims=dims, coords=coords)})
    return draws


def unwhitened(
    term: Discrepancy, inputs: Sequence[str], draws: xr.Dataset, grid: Sequence[np.ndarray], whitened: np.ndarray
) -> np.ndarray:
    """Return the discrepancy at a grid, dimensions chain, draw, groups, knots, from whitened ones."""
    values = whitened
    for axis, (x, knots) in enumerate(zip(inputs, grid, strict=True), start=whitened.ndim - len(inputs)):
        length = draws[f"{name(term)}_length_{x}"].to_numpy()[..., None, None]
        correlation = CORRELATIONS[term.kernel](np.abs(knots[:, None] - knots) / length, np.exp)
        root = np.linalg.cholesky(correlation + JITTER * np.eye(len(knots)))
        last = np.moveaxis(values, axis, -1)
        flat = last.reshape(*last.shape[:2], -1, last.shape[-1])
        values = np.moveaxis((flat @ root.swapaxes(-1, -2)).reshape(last.shape), -1, axis)
    amplitude = draws[f"{name(term)}_amplitude"].to_numpy()
    scaled: np.ndarray = values * amplitude.reshape(amplitude.shape + (1,) * (values.ndim - 2))
    return scaled
