"""Posteriors of learning curves by importance sampling, up to what comes after the last point: a tenth of a second a curve.

Of the model of the study `learning_curve` three things differ: scatter is normal up to the last point, Student-t with 4
degrees of freedom beyond it; neighbours are averaged where there are more than 30 rows (their variance about a local line
says the scatter); and rows that repeat the best so far are values. Level, discrepancy and, on a grid, the slope are
integrated exactly; bend, scatter and the discrepancy's amplitude and length are drawn from their prior, then twice about
what was found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from learning_curves import DIVIDED
from sweeps import DATA

BINS, ROWS, KEPT, DRAWS, ROUNDS = 30, 20, 1_500, 1_200, 3
DEGREES = 4.0
FRACTION, AT_LEAST = 0.13, 6
CENTRE = np.array([-0.2, np.log(0.01), np.log(2.0), np.log(0.006)])
WIDTH = np.array([0.4, np.log(3.2) / 1.645, np.log(2.3) / 1.645, np.log(8.0) / 1.645])
"""Normal priors of bend, log amplitude, log length and log scatter."""
SLOPE = (np.log(0.1), np.log(5.2) / 1.645)


@dataclass(frozen=True)
class Points:
    """Averages of neighbours: u = log(x / x_last), log y, how many, and the sum of squares about local lines."""

    u: np.ndarray
    y: np.ndarray
    count: np.ndarray
    squares: float
    freedom: int


@dataclass(frozen=True)
class Curve:
    """A curve's draws at its held-out rows: log y = level - ahead * fall + scatter * t.

    `numbers` are draws of bend, log amplitude, log length, log scatter and log slope.
    """

    name: str
    domain: str
    family: str
    log_y: np.ndarray
    unit: float
    last: float
    level: np.ndarray
    fall: np.ndarray
    scatter: np.ndarray
    numbers: np.ndarray
    size: float


def binned(u: np.ndarray, y: np.ndarray) -> Points:
    """Return rows as they are, or, of many, averages over equal parts of log x."""
    if len(u) <= BINS:
        return Points(u, y, np.ones(len(u)), 0.0, 0)
    part = np.minimum(((u - u[0]) / (u[-1] - u[0]) * BINS).astype(int), BINS - 1)
    found, squares, freedom = [], 0.0, 0
    for of in np.unique(part):
        at, of_y = u[part == of], y[part == of]
        found.append((at.mean(), of_y.mean(), len(at)))
        if len(at) > 2 and np.ptp(at) > 0:
            squares += float(((of_y - np.polyval(np.polyfit(at, of_y, 1), at)) ** 2).sum())
            freedom += len(at) - 2
    return Points(*np.array(found).T, squares, freedom)


def _matern(apart: np.ndarray, amplitude: np.ndarray, length: np.ndarray) -> np.ndarray:
    z = np.sqrt(5.0) * np.abs(apart) / length[:, None, None]
    return np.asarray(amplitude[:, None, None] ** 2 * (1.0 + z + z**2 / 3.0) * np.exp(-z))


def bent(u: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return (e^(bend u) - 1) / bend, a row for each draw."""
    bend = np.where(np.abs(bend) < 1e-6, 1e-6, bend)[:, None]
    return np.asarray(np.expm1(bend * u) / bend)


def _solved(points: Points, at: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return, for draws of four numbers, log likelihood, slopes on a grid with log weights, and what they were solved by."""
    bend, amplitude, length, scatter = at[:, 0], *np.exp(at[:, 1:]).T
    kernel = _matern(points.u[:, None] - points.u, amplitude, length)
    kernel = kernel + np.eye(len(points.u)) * (scatter[:, None, None] ** 2 / points.count + 1e-12)
    root = np.linalg.cholesky(kernel)
    ones, values = np.ones((len(at), len(points.u))), np.broadcast_to(points.y, (len(at), len(points.u)))
    columns = np.stack([ones, bent(points.u, bend), values], -1)
    white = np.linalg.solve(root, columns)
    gram = np.swapaxes(white, 1, 2) @ white
    ones = gram[:, 0, 0]
    c = gram[:, 1, 1] - gram[:, 0, 1] ** 2 / ones
    b = gram[:, 1, 2] - gram[:, 0, 1] * gram[:, 0, 2] / ones
    a = gram[:, 2, 2] - gram[:, 0, 2] ** 2 / ones
    c = np.maximum(c, 1e-12)
    best, wide = -b / c, 1.0 / np.sqrt(c)
    near = best[:, None] + wide[:, None] * np.linspace(-5.0, 5.0, 41)
    grid = np.sort(np.concatenate([np.maximum(near, 1e-6), np.broadcast_to(np.geomspace(1e-4, 8.0, 80), (len(at), 80))], 1), 1)
    log_slope = -0.5 * ((np.log(grid) - SLOPE[0]) / SLOPE[1]) ** 2 - np.log(grid)
    value = log_slope - 0.5 * (a[:, None] + 2.0 * b[:, None] * grid + c[:, None] * grid**2)
    value += np.log(np.gradient(grid, axis=1) + 1e-300)
    top = value.max(1)
    total = top + np.log(np.exp(value - top[:, None]).sum(1))
    total += -np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1) - 0.5 * np.log(ones)
    total += -points.freedom * np.log(scatter) - 0.5 * points.squares / scatter**2
    return total, grid, value, root, white, gram


def _log_prior(at: np.ndarray) -> np.ndarray:
    return np.asarray(-0.5 * (((at - CENTRE) / WIDTH) ** 2).sum(1) - np.log(WIDTH).sum() - 2.0 * np.log(2.0 * np.pi))


def _student(at: np.ndarray, centre: np.ndarray, root: np.ndarray, nu: float = 5.0) -> np.ndarray:
    from math import lgamma

    z = np.linalg.solve(root, (at - centre).T)
    d = len(centre)
    known = lgamma((nu + d) / 2) - lgamma(nu / 2) - d / 2 * np.log(nu * np.pi) - np.log(np.diag(root)).sum()
    return np.asarray(known - (nu + d) / 2 * np.log1p((z**2).sum(0) / nu))


def sampled(
    points: Points, ahead: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Return draws of level and discrepancy, the fall, the scatter and the five numbers; and their effective number."""
    ats = [CENTRE + WIDTH * random.standard_normal((DRAWS, 4))]
    proposals: list[Callable[[np.ndarray], np.ndarray]] = [_log_prior]
    kept = [_solved(points, ats[0])[0]]
    for _ in range(ROUNDS - 1):
        at, likelihood = np.concatenate(ats), np.concatenate(kept)
        weight = _weights(at, likelihood, proposals)
        mean = weight @ at
        spread = (at - mean).T @ ((at - mean) * weight[:, None])
        size = 1.0 / (weight**2).sum()
        share = size / (size + 8.0)
        root = np.linalg.cholesky(share * 1.3 * spread + (1.0 - share) * np.diag((0.5 * WIDTH) ** 2))
        proposals.append(lambda x, mean=mean, root=root: _student(x, mean, root))
        step = random.standard_normal((DRAWS, 4)) * np.sqrt(5.0 / random.chisquare(5.0, (DRAWS, 1)))
        ats.append(mean + step @ root.T)
        kept.append(_solved(points, ats[-1])[0])
    at, likelihood = np.concatenate(ats), np.concatenate(kept)
    weight = _weights(at, likelihood, proposals)
    at = at[random.choice(len(at), KEPT, p=weight)]
    _, grid, value, root, white, gram = _solved(points, at)
    share = np.exp(value - value.max(1, keepdims=True)).cumsum(1)
    pick = (share < share[:, -1:] * random.uniform(size=(KEPT, 1))).sum(1)
    slope = grid[np.arange(KEPT), np.minimum(pick, grid.shape[1] - 1)]
    numbers = np.column_stack([at, np.log(slope)])
    return *_beyond(points, ahead, at, slope, root, white, gram, random), numbers, float(1.0 / (weight**2).sum())


def _weights(at: np.ndarray, likelihood: np.ndarray, proposals: Sequence[Callable[[np.ndarray], np.ndarray]]) -> np.ndarray:
    proposed = np.logaddexp.reduce([of(at) for of in proposals], axis=0) - np.log(len(proposals))
    ratio = likelihood + _log_prior(at) - proposed
    weight = np.exp(ratio - ratio.max())
    return np.asarray(weight / weight.sum())


def _beyond(
    points: Points,
    ahead: np.ndarray,
    at: np.ndarray,
    slope: np.ndarray,
    root: np.ndarray,
    white: np.ndarray,
    gram: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bend, amplitude, length, scatter = at[:, 0], *np.exp(at[:, 1:]).T
    ones = gram[:, 0, 0]
    level = (gram[:, 0, 2] + slope * gram[:, 0, 1]) / ones + random.standard_normal(len(at)) / np.sqrt(ones)
    left = white[:, :, 2] + slope[:, None] * white[:, :, 1] - level[:, None] * white[:, :, 0]
    cross = np.linalg.solve(root, _matern(points.u[:, None] - ahead, amplitude, length))
    mean = level[:, None] + np.einsum("dn,dnr->dr", left, cross)
    variance = np.maximum(amplitude[:, None] ** 2 - (cross**2).sum(1), 0.0)
    # Rows are scored one by one: what they share beyond the last point need not be drawn together.
    shared = random.standard_normal((len(at), 1))
    return mean + shared * np.sqrt(variance), slope[:, None] * bent(ahead, bend), scatter


def curves(only: str, few: int = 0) -> list[Curve]:
    """Return the draws of each curve; of so few of its points up to the last, where `few` is given."""
    table = pd.read_csv(DATA / "fleet_curves.csv.gz", encoding="utf-8")
    found = []
    for name, curve in table[table["domain"].str.contains(only)].groupby("run_id"):
        curve = curve.sort_values("x", kind="stable")
        train = (curve["split"] == "train").to_numpy()
        x, y = curve["x"].to_numpy(), curve["y"].to_numpy()
        known = x[train]
        near = known >= min(FRACTION * known.max(), np.sort(known)[-min(AT_LEAST, len(known))])
        near = spread(np.log(known), few) if few else near
        u = np.log(x / known.max())
        points = binned(u[train][near], np.log(y[train])[near])
        held = np.flatnonzero(~train)
        held = held[np.unique(np.linspace(0, len(held) - 1, ROWS).astype(int))]
        drawn = sampled(points, u[held], np.random.default_rng(1))
        domain = str(curve["domain"].iloc[0])
        unit = float(y[train].max()) if domain in DIVIDED else 1.0
        last = float(np.log(y[train][-1]))
        family = str(curve["task_family"].iloc[0])
        found.append(Curve(str(name), domain, family, np.log(y[held]), unit, last, *drawn))
    return found


def spread(at: np.ndarray, few: int) -> np.ndarray:
    """Return which of ordered places are few, about evenly far apart over the last two e-folds, the last among them."""
    wanted = at[-1] - np.linspace(min(2.0, np.ptp(at)), 0.0, few)
    found = np.zeros(len(at), dtype=bool)
    found[np.abs(at[:, None] - wanted).argmin(0)] = True
    return found
