"""The natural figure of each record, for its method `.plot()`."""

import numpy as np
from matplotlib.figure import Figure

from bayes_scaling._base.errors import InputError
from bayes_scaling.plots.contrast import plot_contrast
from bayes_scaling.plots.style import paper
from bayes_scaling.prediction.contrast import Contrast


def contrast_of(found: Contrast, x: str | None = None) -> Figure:
    """Return a contrast against an input or numeric group, the first that differs between its points unless given."""
    across = x or _across(found)
    with paper():
        figure = Figure(figsize=(3.4, 2.3))
        plot_contrast(found, across, figure.subplots(), unit=found.units.get(across, ""))
    return figure


def _across(found: Contrast) -> str:
    coords = found["difference"].coords
    numeric = [str(name) for name, of in coords.items() if np.issubdtype(of.dtype, np.number) and name != "distance"]
    if not numeric:
        raise InputError("the points have no numeric input or group to draw the contrast against")
    return next((name for name in numeric if len(np.unique(coords[name])) > 1), numeric[0])
