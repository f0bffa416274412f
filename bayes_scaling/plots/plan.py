"""A plan: what other sizes would cost, and how the best split moves with the budget."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.numbers import amount, percent
from bayes_scaling.decisions.allocation import runs_compute
from bayes_scaling.decisions.plan import Plan, plan
from bayes_scaling.decisions.plan_sentences import plan_place
from bayes_scaling.decisions.spending import spending
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_band
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axis_of, log_ticks, paper, with_unit

SHOWN = 6
"""Budgets with a curve of their own at most."""

TALLEST = 3.0
"""The excess shown, in per cent, unless the region of near-equal choices asks for more."""

PATH = 25
"""Budgets of the path."""

ABOVE: Any = {
    "loc": "lower left",
    "bbox_to_anchor": (0.0, 1.0),
    "ncols": 2,
    "alignment": "left",
    "borderaxespad": 0.2,
    "columnspacing": 1.2,
}
"""Legends stand above the axes, where no curve is."""


@footed
def plan_figure(fit: Posterior, found: Plan) -> Figure:
    """Return a plan as two panels: the excess of other sizes at each budget, and the split over a range of budgets.

    The path beside the budgets is for the first row of the points, at the costs of the plan.

    Parameters
    ----------
    fit
        The fit that the plan is made from.
    found
        What `plan` returns.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.plan_figure(fit, bs.plan(fit, 1e21)).savefig("plan.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(PAGE, 2.7))
        left, right = figure.subplots(1, 2)
        plot_excess(found, left)
        plot_path(fit, found, right)
    return figure


@footed
def plot_excess(found: Plan, ax: Axes | None = None) -> Axes:
    """Draw what each size would cost above the lowest expected loss, in per cent; dot: the plan, bar: what is as good.

    Parameters
    ----------
    found
        What `plan` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_excess(bs.plan(fit, [1e21, 1e22]))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    rows = [int(i) for i in np.unique(np.linspace(0, len(found.choice) - 1, SHOWN).astype(int))]
    tall = max(TALLEST, 300 * found.within)
    places = {row: plan_place(found, row) for row in rows}
    apart = len(set(places.values())) > 1
    ends = []
    for colour, row in zip(COLOURS, rows, strict=False):
        one, at = found.choices[found.choices["row"] == row], found.choice.iloc[row]
        above = 100 * one["excess"].to_numpy()
        label = ", ".join(filter(None, [amount(at["compute"], found.cost.base_unit, 4), places[row] if apart else ""]))
        ax.plot(one["params"], above, color=colour, label=label)
        ax.hlines(100 * found.within, at["params_low"], at["params_high"], color=colour, linewidth=2.4, alpha=0.6)
        ax.plot(at["params"], 100 * at["excess"], "o", color=colour, mec="white", ms=5, zorder=3)
        ends += list(one["params"][above < tall])
    ax.set_xscale("log")
    ax.set_xlim(min(ends), max(ends))
    ax.set_ylim(-0.04 * tall, tall)
    log_ticks(ax, "x")
    ax.set_xlabel("model size (parameters)", color=INK)
    ax.set_ylabel(f"expected {found.loss.attrs['long_name']} above the lowest (%)", color=INK)
    shared = "" if apart or not places[rows[0]] else f"{places[rows[0]]}. "
    key = ax.legend(title=f"{shared}Dot: the plan. Bar: within {percent(found.within)}", **ABOVE)
    key.get_title().set_fontsize(7)
    return ax


@footed
def plot_path(fit: Posterior, found: Plan, ax: Axes | None = None) -> Axes:
    """Draw the best size and tokens over budgets with 90 % intervals, and the size and tokens of the runs.

    Parameters
    ----------
    fit
        The fit that the plan is made from.
    found
        What `plan` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_path(fit, bs.plan(fit, [1e21, 1e22]))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    budgets = found.choice["compute"]
    decided = ["params", "tokens", "epochs", "unique_tokens", "cost", "extrapolated"]
    points = found.choice.iloc[[0]].drop(columns=decided, errors="ignore")
    trained = runs_compute(fit, spending(fit, found.cost, points))
    low, high = min(float(budgets.min()), float(trained.min())), max(float(budgets.max()), float(trained.max()))
    unique = float(found.choice["unique_tokens"].max()) if "epochs" in found.choice else None
    least = 2.0 * float(found.cost.serving(np.asarray(fit.runs.table["params"].min())))
    path = [float(of) for of in np.geomspace(max(low, least), high, PATH)]
    table = plan(fit, path, cost=found.cost, within=found.within, points=points, unique_tokens=unique).to_frame()
    for name, colour, marker in (("params", COLOURS[0], "o"), ("tokens", COLOURS[1], "s")):
        paint_band(ax, table["compute"], table[f"best_{name}_q05"], table[f"best_{name}_q95"], colour=colour)
        ax.plot(table["compute"], table[name], color=colour, label="parameters" if name == "params" else name)
        ax.plot(budgets, found.choice[name], marker, color=colour, mec="white", ms=5, zorder=3)
        if name in fit.runs.table:
            ax.scatter(trained, fit.runs.table[name], s=3, color=colour, alpha=0.35, linewidths=0)
    ax.set(xscale="log", yscale="log")
    log_ticks(ax, "x")
    log_ticks(ax, "y")
    ax.set_xlabel(with_unit("budget", found.cost.base_unit), color=INK)
    ax.set_ylabel("model size, tokens", color=INK)
    key = ax.legend(title="The best split, 90 %. Small points: the runs", **ABOVE)
    key.get_title().set_fontsize(7)
    return ax
