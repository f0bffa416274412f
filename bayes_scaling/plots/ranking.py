"""Levels of a group against one of them at a budget: in compute, in loss, and with what probability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayes_scaling._base.numbers import number, percent, probability, tick
from bayes_scaling.decisions.rank_sentences import SAME_BUDGET, place
from bayes_scaling.decisions.ranking import BETTER, WORSE, Ranking
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_intervals
from bayes_scaling.plots.style import COLOURS, INK, PAGE, SHOWN, axes_of, log_ticks, paper

WIDTH, ROW, FRAME = PAGE, 0.165, 0.85
"""Inches: of the figure, of a level, and of a panel's title and axis."""

MAX_LEVELS = 16
"""Levels shown at a budget, the best by expected loss; the baseline is always among them."""

AXIS_ENDS = 100.0
"""The axis of compute ratios ends there on either side, however far intervals reach; arrows say that they go on."""

MARGIN = 1.08
"""Room left on an axis of compute ratios, as a factor."""

VERDICTS = {BETTER: COLOURS[2], WORSE: COLOURS[1]}


@footed
def ranking_figure(found: Ranking, *, most: int = MAX_LEVELS) -> Figure:
    """Return a forest of levels for each point, the best on top; most: how many levels to show.

    Parameters
    ----------
    found
        What `rank` returns.
    most
        How many levels to show.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.ranking_figure(bs.rank(fit, "attention", "full", points)).savefig("ranking.png")  # doctest: +SKIP
    """
    shown = min(most, found.loss.sizes["level"])
    points = len(found.points)
    with paper():
        figure = Figure(figsize=(WIDTH, points * (FRAME + ROW * shown)))
        axes = figure.subplots(points, 2, squeeze=False, width_ratios=(1.0, 1.0))
        for point, pair in enumerate(axes):
            plot_ranking(found, pair, point=point, most=most)
    return figure


@footed
def plot_ranking(
    found: Ranking, axes: Sequence[Axes] | None = None, *, point: int = 0, most: int = MAX_LEVELS
) -> Sequence[Axes]:
    """Draw levels at a point, the lowest expected loss on top: compute ratios, and what switching does to the loss.

    Dot, thick and thin line are median, 50 and 90 % credible interval of draws that have a ratio; the share of the others
    stands beside them. To the right P(L < L_against), and the verdict where a
    region of equivalence was set, which is shaded. The baseline is the row at 1 and at 0; arrows go on beyond the axis, and a
    dotted line says where the runs of the baseline end.

    Parameters
    ----------
    found
        What `rank` returns.
    axes
        Two, side by side; new ones unless given.
    point
        Which of the points.
    most
        How many levels to show.

    Returns
    -------
    Sequence[Axes]
        The axes.

    Examples
    --------
    >>> plots.plot_ranking(bs.rank(fit, "attention", "full", points))  # doctest: +SKIP
    """
    axes = axes_of(axes, 1, 2, (WIDTH, FRAME + ROW * min(most, found.loss.sizes["level"])))
    left, right = axes
    table = found.to_frame()
    rows = [{str(name): of for name, of in row.items()} for row in table.to_dict("records")]
    here = len(found.others)
    rows = rows[point * here : (point + 1) * here]
    kept = found.defined.isel(row=point)
    order, hidden = _order(found, rows, most)
    at = {level: i for i, level in enumerate(order)}
    colours = {row["level"]: VERDICTS.get(str(row.get("verdict")), COLOURS[0]) for row in rows}
    times = found.compute_ratio.isel(row=point)
    times = times.where(kept & (times > 0))
    change = 100 * found.relative.isel(row=point).where(kept)
    for level in (one for one in order if one != found.against):
        _interval(times.sel(level=level), at[level], left, colours[level])
        _interval(change.sel(level=level), at[level], right, colours[level])
    _ratio_axis(found, left)
    _never(rows, at, left)
    _runs_end(found, point, left)
    _change_axis(found, right)
    for ax, neutral in ((left, 1.0), (right, 0.0)):
        ax.axvline(neutral, color=INK, linewidth=0.7, zorder=1)
        ax.plot([neutral], [at[found.against]], "s", ms=3.6, color=INK, zorder=3)
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.grid(axis="x", linewidth=0.3, alpha=0.5)
        ax.tick_params(axis="y", length=0)
    left.set_yticks(range(len(order)), [_label(found, point, level) for level in order])
    right.set_yticks([])
    said = f"the best {len(order)} of {len(order) + hidden}; " if hidden else ""
    left.set_title(f"{said}{place(found, rows[0], beyond=False)}", loc="left")
    _probabilities(found, rows, at, right)
    return axes


def _never(rows: Sequence[dict[str, Any]], at: dict[object, int], ax: Axes) -> None:
    """Write at the end of the axis in which share of draws a million times is not enough, or a millionth is, with an arrow."""
    ends = (("p_never_reached", "never", ">", 1.0, "right"), ("p_always_reached", "always", "<", 0.0, "left"))
    across: Any = {"transform": ax.get_yaxis_transform(), "clip_on": False, "mec": "none", "color": INK}
    for row in (one for one in rows if one["level"] in at):
        for name, word, mark, end, side in ends:
            if row[name] > 0:
                ax.plot([end], [at[row["level"]]], mark, ms=4, **across)
                beside: Any = {"xycoords": ("axes fraction", "data"), "size": 5, "ha": side, "va": "bottom", "color": INK}
                ax.annotate(f"{word} {percent(row[name])}", (abs(end - 0.02), at[row["level"]] - 0.08), **beside)


def _label(found: Ranking, point: int, level: object) -> str:
    """Return a level, with how far the budget lies beyond its own largest run."""
    beyond = found.budgets[point] / found.largest[str(level)]
    said = [f"{number(beyond, 2)}x beyond"] if beyond > SAME_BUDGET else []
    said = ["baseline", *said] if level == found.against else said
    return f"{level} ({', '.join(said)})" if said else str(level)


def _order(found: Ranking, rows: Sequence[dict[str, Any]], most: int) -> tuple[list[object], int]:
    """Return the levels to show, the best first, the baseline among them, and how many are left out."""
    places = {row["level"]: row["rank"] for row in rows}
    free = set(range(1, len(rows) + 2)) - set(places.values())
    order: list[object] = sorted([*places, found.against], key=lambda level: places.get(level, min(free)))
    shown = order[:most]
    if found.against not in shown:
        shown = [*order[: most - 1], found.against]
    return shown, len(order) - len(shown)


def _interval(draws: xr.DataArray, height: int, ax: Axes, colour: str) -> None:
    values = draws.to_numpy().ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return
    of = dict(zip(SHOWN, np.quantile(values, SHOWN, method="inverted_cdf"), strict=True))
    paint_intervals(ax, height, of, colour=colour)


def _ratio_axis(found: Ranking, ax: Axes) -> None:
    """Fit a logarithmic axis to ratios; mark intervals that go on beyond it."""
    ax.set_xscale("log")
    ends = [np.ones(1), *(np.asarray(line.get_xdata(), float) for line in ax.lines)]
    ends += [np.asarray(one, float)[:, 0] for of in ax.collections for one in of.get_segments()]  # type: ignore[attr-defined]
    reached = np.concatenate([[1.0], *ends])
    low = max(1 / AXIS_ENDS, min(1.0, float(reached.min()))) / MARGIN
    high = min(AXIS_ENDS, max(1.0, float(reached.max()))) * MARGIN
    ax.set_xlim(low, high)
    log_ticks(ax, "x")
    ax.set_xlabel(f"{found.budget.replace('_', ' ')} ratio", color=INK)
    for of in list(ax.collections):
        for (start, height), (stop, _) in of.get_segments():  # type: ignore[attr-defined]
            for place_of, outside, mark in ((0.0, start < low, "<"), (1.0, stop > high, ">")):
                if outside:
                    across: Any = {"transform": ax.get_yaxis_transform(), "clip_on": False, "mec": "none"}
                    ax.plot([place_of], [height], mark, ms=4, color=of.get_color()[0], **across)  # type: ignore[attr-defined]


def _runs_end(found: Ranking, point: int, ax: Axes) -> None:
    """Mark where the runs of the baseline end: ratios beyond rest on the law alone."""
    end = found.runs_end[point]
    if ax.get_xlim()[0] < end < ax.get_xlim()[1]:
        ax.axvline(end, color=INK, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
        right = end > float(np.sqrt(np.prod(ax.get_xlim())))
        beside: Any = {"textcoords": "offset points", "size": 6, "xytext": (-2 if right else 2, 2)}
        said = ax.annotate("baseline's runs end", (end, 0.0), xycoords=("data", "axes fraction"), color=INK, **beside)
        said.set(ha="right" if right else "left", in_layout=False)


def _change_axis(found: Ranking, ax: Axes) -> None:
    if found.equivalent is not None:
        region = 100 * found.equivalent
        ax.axvspan(-region, region, color=INK, alpha=0.12, linewidth=0, zorder=0)
    ax.margins(x=0.06)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(lambda value, _: tick(value, signed=True))
    ax.set_xlabel(f"{found.response} difference (%)", color=INK)


def _probabilities(found: Ranking, rows: Sequence[dict[str, Any]], at: dict[object, int], ax: Axes) -> None:
    """Write to the right of each level the probability of a lower loss, and the verdict where there is one."""
    beside: Any = {"xycoords": ("axes fraction", "data"), "size": 7, "va": "center", "annotation_clip": False}
    for row in rows:
        if row["level"] in at:
            verdict = f"  {row['verdict']}" if "verdict" in row else ""
            ax.annotate(f"{probability(row['p_better'])}{verdict}", (1.02, at[row["level"]]), **beside)
    head: Any = {"xycoords": "axes fraction", "size": 7, "va": "bottom"}
    ax.annotate(f"P(lower {found.response})", (1.02, 1.0), **head)
