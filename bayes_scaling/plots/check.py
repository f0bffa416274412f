"""Posterior predictive check: do the bands hold the runs they were fitted to?"""

import numpy as np
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import percent
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, with_unit
from bayes_scaling.prediction.summary import summaries


@footed
def plot_check(fit: Fit, ax: Axes, *, seed: int = 0) -> Axes:
    """Draw each run's departure from its predicted median, with the 50 and 90 % intervals of replicated data.

    In percent where the noise is on the log loss, in the unit of the response where it is on the loss itself.

    Replications are of the same runs: they keep the departures that rows share, and draw the scatter of single rows
    and the errors that they are read with anew.
    The title says which share of the runs lies inside; for a right model about 50 and 90 %.
    """
    table = fit.runs.table
    bands, _ = summaries(fit, table, lambda rows: as_rows(replicated(fit, rows, seed)))
    q05, q25, q50, q75, q95 = (bands[name] for name in ("q05", "q25", "q50", "q75", "q95"))
    seen = table["response"].to_numpy()
    order = np.argsort(q50)
    response, relative = fit.runs.columns.response, fit.model.noise.on == "log_loss"

    def departure(values: np.ndarray) -> np.ndarray:
        away: np.ndarray = 100 * (values / q50 - 1) if relative else values - q50
        return away

    for low, high, width, opacity in ((q05, q95, 0.6, 0.35), (q25, q75, 1.4, 0.3)):
        ax.vlines(q50[order], departure(low)[order], departure(high)[order], color=COLOURS[0], linewidth=width, alpha=opacity)
    ax.scatter(q50, departure(seen), s=7, color=COLOURS[1], edgecolors="white", linewidths=0.3, zorder=3)
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xlabel(with_unit(f"predicted {response.name}", response.unit))
    ax.set_ylabel(with_unit("observed - predicted", "%" if relative else response.unit))
    share = {50: np.mean((q25 <= seen) & (seen <= q75)), 90: np.mean((q05 <= seen) & (seen <= q95))}
    ax.set_title(f"of {len(seen)} points, 50 % intervals hold {percent(share[50])},\n90 % intervals {percent(share[90])}")
    return ax
