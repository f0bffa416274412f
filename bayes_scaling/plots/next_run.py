"""Candidate runs: what each saves of the loss of a decision against what it costs, and the best sets within the budget."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from bayes_scaling.decisions.design.candidates import LABEL
from bayes_scaling.decisions.design.ranked import NextRuns, RunSet
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, COLUMN, INK, axis_of, log_ticks, paper

WIDTH, HEIGHT = COLUMN, 2.9
NAMED = 3
"""So many of the best single runs are named."""

CLOSE = (0.35, 0.05)
"""Names of points nearer than these shares of the axes would stand on each other."""

SMALL, LARGE, MANY = 8, 18, 100
"""Areas of points, in points squared: the small ones where there are more candidates than that."""

OUTLINE = [withStroke(linewidth=1.5, foreground="white")]

LONGEST = 18
"""Longer names are cut."""


@footed
def next_figure(found: NextRuns) -> Figure:
    """Return the figure of candidates in the width of a column, see `plot_next`.

    Parameters
    ----------
    found
        What `next_runs` returns.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.next_figure(bs.next_runs(fit, candidates, "loss at compute=100")).savefig("next.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        plot_next(found, figure.subplots())
    return figure


@footed
def plot_next(found: NextRuns, ax: Axes | None = None) -> Axes:
    """Draw what each candidate saves against its cost, the best for their compute named, and the sets.

    What is saved is a share of the expected squared error, or of the regret; information is in nats. Candidates that save
    nothing measurable lie on the lower edge, hollow; those beyond the budget are grey. Dotted lines join what ranks as
    high as the best run, and a tenth of it.

    Parameters
    ----------
    found
        What `next_runs` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_next(bs.next_runs(fit, candidates, "loss at params=7e10, tokens=1.4e12"))  # doctest: +SKIP
    """
    ax = axis_of(ax, (WIDTH, HEIGHT))
    told, flop, names = _height(found, found.reduction), found.flop, found.candidates[LABEL].astype(str).to_numpy()
    within = flop <= found.budget
    heights = {one.members: float(_height(found, one.reduction)) for one in found.sets}
    positive = [*told[told > 0], *(of for of in heights.values() if of > 0)]
    floor = min(positive, default=found.least) / 2.0
    at = np.where(told > 0, told, floor)
    _single_runs(ax, flop, at, within, told > 0)
    sets = [one for one in found.sets if len(one.members) > 1 and heights[one.members] > 0]
    _sets(ax, sets, found.best, heights)
    ax.set_xscale("log")
    ax.set_yscale("log")
    _room(ax, [*flop, *(one.flop for one in sets)], [*at, *(heights[one.members] for one in sets)])
    _rays(ax, told, found)
    for i in _apart(ax, [i for i in found.order if told[i] > 0 and within[i]], flop, told)[:NAMED]:
        _named(ax, flop[i], told[i], _short(names[i]), (4, 0), ha="left", va="center", color=INK)
    if np.isfinite(found.budget) and found.budget <= ax.get_xlim()[1]:
        ax.axvline(found.budget, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1, label="budget")
    log_ticks(ax, "x")
    log_ticks(ax, "y")
    ax.set_xlabel("compute (FLOP)")
    ax.set_ylabel(HEIGHTS[found.criterion])
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handletextpad=0.3, columnspacing=1.0, borderaxespad=0.1)
    return ax


def _single_runs(ax: Axes, flop: np.ndarray, at: np.ndarray, within: np.ndarray, measurable: np.ndarray) -> None:
    """Draw each candidate: hollow where nothing measurable is saved, grey beyond the budget."""
    size = SMALL if len(flop) > MANY else LARGE
    for mask, colour, face, label in (
        (within & measurable, COLOURS[0], COLOURS[0], "one run"),
        (within & ~measurable, COLOURS[0], "none", "one run, not measurable"),
        (~within, "#999999", "none", "beyond the budget"),
    ):
        if mask.any():
            how: Any = {"facecolors": face, "edgecolors": colour, "linewidths": 0.7, "label": label, "zorder": 3}
            ax.scatter(flop[mask], at[mask], size, **how)


def _sets(ax: Axes, sets: Sequence[RunSet], best: RunSet, heights: Mapping[tuple[int, ...], float]) -> None:
    """Draw sets of runs as diamonds, the best one filled and named."""
    for one in sets:
        face = COLOURS[1] if one == best else "white"
        how: Any = {"marker": "D", "facecolors": face, "edgecolors": COLOURS[1], "linewidths": 0.8, "zorder": 4 + (one == best)}
        ax.scatter(one.flop, heights[one.members], 26, label="set of runs" if one is sets[0] else None, **how)
    if best in sets:
        said = f"best set: {len(best.members)} runs"
        _named(ax, best.flop, heights[best.members], said, (-5, 4), ha="right", color=COLOURS[1])


def _room(ax: Axes, x: Any, y: Any) -> None:
    """Leave room for names about the outermost points."""
    low, high = np.log10([min(x), max(x)])
    ax.set_xlim(10 ** (low - 0.06 * (high - low) - 0.05), 10 ** (high + 0.06 * (high - low) + 0.05))
    low, high = np.log10([min(y), max(y)])
    ax.set_ylim(10 ** (low - 0.04 * (high - low) - 0.02), 10 ** (high + 0.12 * (high - low) + 0.05))


HEIGHTS = {
    "variance": "expected squared error saved (%)",
    "regret": "expected regret saved (%)",
    "information": "information about the question (nats)",
}


def _height(found: NextRuns, reduction: Any) -> Any:
    """Return where something lies: the share that is saved in per cent, information in nats."""
    return np.asarray(reduction) if found.criterion == "information" else 100.0 * found.saved(reduction)


def _rays(ax: Axes, told: np.ndarray, found: NextRuns) -> None:
    """Draw lines of candidates that rank as high as the best run, and a tenth of it."""
    best = float((told / found.flop**found.power)[found.flop <= found.budget].max())
    x = np.array(ax.get_xlim())
    for share in (1.0, 0.1) if best > 0 else ():
        thin: Any = {"linewidth": 0.5, "linestyle": (0, (1, 2)), "alpha": 0.7, "scalex": False, "scaley": False}
        thin |= {"label": "equal rank"} if share == 1.0 else {}
        ax.plot(x, share * best * x**found.power, color=INK, zorder=1, **thin)


def _apart(ax: Axes, order: list[int], flop: np.ndarray, told: np.ndarray) -> list[int]:
    """Return those of the best candidates whose names do not stand on each other."""
    places = {i: (np.log(flop[i]), np.log(told[i])) for i in order[: 3 * NAMED]}
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    near = CLOSE[0] * np.log(right / left), CLOSE[1] * np.log(top / bottom)
    kept: list[int] = []
    for i, (x, y) in places.items():
        if all(abs(x - places[j][0]) > near[0] or abs(y - places[j][1]) > near[1] for j in kept):
            kept.append(i)
    return kept


def _named(ax: Axes, x: float, y: float, said: str, off: tuple[float, float], **how: Any) -> None:
    ax.annotate(said, (x, y), xytext=off, textcoords="offset points", size=7, zorder=6, path_effects=OUTLINE, **how)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
