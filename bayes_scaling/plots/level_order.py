"""The order in which the levels of a group stand in legends, panels and forests."""

import numpy as np

from bayes_scaling.inference.stacking import Posterior, parts
from bayes_scaling.model.ordered import places
from bayes_scaling.model.specification import ordereds


def levels_in_order(fit: Posterior, group: str) -> np.ndarray:
    """Return a group's levels of the runs, as an `Ordered` term lists them; else numbers by value and texts by letter."""
    levels = fit.runs.levels[group]
    terms = [term for one, _ in parts(fit) for _, term in ordereds(one.model)]
    listed = next((term for term in terms if term.over == group and term.levels is not None), None)
    return levels if listed is None else levels[np.argsort(places(listed, levels), kind="stable")]
