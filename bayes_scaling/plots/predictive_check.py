"""Posterior predictive check: do the bands hold the runs they were fitted to?

ArviZ's `plot_ppc_interval` draws intervals in the order of the rows; here they stand at their predicted loss, relative to it,
and the title counts those that hold.
"""

import numpy as np
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import percent
from bayes_scaling._base.quantiles import QUANTILES
from bayes_scaling.inference.stacking import Posterior, noise_scale
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, axis_of, with_unit
from bayes_scaling.validation.predictive_check import predictive_check


@footed
def plot_check(fit: Posterior, ax: Axes | None = None, *, seed: int = 0) -> Axes:
    """Draw each run's residual from its predicted median, with the 50 and 90 % intervals of replicated data.

    In percent where the noise is on the log loss, in the unit of the response where it is on the loss itself.

    Replications are of the same runs: they keep the group effects, and draw the scatter of single rows and their measurement
    errors anew. The title says which share of the runs lies inside; for a right model about 50 and 90 %.

    Parameters
    ----------
    fit
        A fit.
    ax
        Where to draw; a new axis unless given.
    seed
        Of the replications.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_check(fit)  # doctest: +SKIP
    """
    ax = axis_of(ax)
    found = predictive_check(fit, seed=seed)
    seen, q05, q25, q50, q75, q95 = (found[name].to_numpy() for name in ("observed", *QUANTILES))
    order = np.argsort(q50)
    response, relative = fit.runs.columns.response, noise_scale(fit) == "log_loss"

    def residual(values: np.ndarray) -> np.ndarray:
        away: np.ndarray = 100 * (values / q50 - 1) if relative else values - q50
        return away

    for low, high, width, opacity in ((q05, q95, 0.6, 0.35), (q25, q75, 1.4, 0.3)):
        ax.vlines(q50[order], residual(low)[order], residual(high)[order], color=COLOURS[0], linewidth=width, alpha=opacity)
    ax.scatter(q50, residual(seen), s=7, color=COLOURS[1], edgecolors="white", linewidths=0.3, zorder=3)
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xlabel(with_unit(f"predicted {response.name}", response.unit))
    ax.set_ylabel(with_unit("observed - predicted", "%" if relative else response.unit))
    half, most = (percent(found[name].mean()) for name in ("inside_50", "inside_90"))
    ax.set_title(f"of {len(seen)} points, 50 % intervals hold {half},\n90 % intervals {most}")
    return ax
