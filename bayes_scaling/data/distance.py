"""How far points lie from the data, in decades."""

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import fixed
from bayes_scaling.data.runs import Runs

NEAR_DECADES = 0.5
"""Up to half a decade, a factor of three, beyond the data a point is "near"; further away it is "far"."""


def distance(runs: Runs, points: pd.DataFrame) -> np.ndarray:
    """Return how far each point lies outside the convex hull of the runs in log10 of the inputs, in decades.

    Of inputs from a schedule only `lr_sum` counts: how unlike another a schedule is has no such measure. Inputs that may be 0
    have no logarithm and do not count: where there are no others every point lies inside.
    """
    inputs = list(runs.columns.scales)
    if not inputs:
        return np.zeros(len(points))
    seen = np.unique(np.log10(runs.table[inputs].to_numpy()), axis=0)
    asked = np.log10(points[inputs].to_numpy())
    below, above = seen.min(axis=0) - asked, asked - seen.max(axis=0)
    if len(inputs) == 1:
        outside: np.ndarray = np.maximum(0.0, np.maximum(below, above)).ravel()
        return outside
    return _from_hull(asked, seen)


def regions(decades: np.ndarray) -> list[str]:
    """Return "inside", "near (0.21 decades)" or "far (1.30 decades)" for each distance."""
    return [f"{region(d)} ({fixed(d, 2)} decades)" if d > 0 else "inside" for d in decades]


def region(decades: float) -> str:
    """Return "inside", "near" (up to half a decade) or "far"."""
    if decades <= 0:
        return "inside"
    return "near" if decades <= NEAR_DECADES else "far"


def _from_hull(asked: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the distance of points from the convex hull of others; 0 inside."""
    from scipy.optimize import nnls
    from scipy.spatial import ConvexHull, QhullError

    outside = np.ones(len(asked), dtype=bool)
    try:
        hull = ConvexHull(seen)
        corners = seen[hull.vertices]
        outside = (asked @ hull.equations[:, :-1].T + hull.equations[:, -1]).max(axis=1) > 1e-9
    except QhullError:  # the runs lie on a line, or are fewer than a hull needs
        corners = seen
    found, middle = np.zeros(len(asked)), corners.mean(axis=0)
    asked, corners = asked - middle, corners - middle  # so that it does not matter what inputs are counted in
    heavy = 1e4  # holds the weights of the corners to a sum of one
    system = np.vstack([corners.T, np.full(len(corners), heavy)])
    for i in np.flatnonzero(outside):
        weights, _ = nnls(system, np.append(asked[i], heavy))
        found[i] = np.linalg.norm(corners.T @ weights - asked[i])
    found[found < 1e-6] = 0.0
    return found
