"""What moves an answer: shares of its variance, its median and band as priors and laws change, and what further runs leave."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_scaling._base.numbers import tick
from bayes_scaling.decisions.design.sentences import form_of, in_own_unit
from bayes_scaling.decisions.sensitivity.factors import BETWEEN, DISCREPANCY, EFFECTS, LAW, SCATTER
from bayes_scaling.decisions.sensitivity.power_scaling import LIKELIHOOD, PRIOR
from bayes_scaling.decisions.sensitivity.record import Sensitivity
from bayes_scaling.decisions.sensitivity.sentences import outermost
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axis_of, log_ticks, paper, with_short_labels

COLOUR = {LAW: COLOURS[0], EFFECTS: COLOURS[4], DISCREPANCY: COLOURS[1], SCATTER: COLOURS[3], BETWEEN: COLOURS[2]}
ROW = 0.2
"""Height of a row, in inches."""
LEAST_SHARE = 0.005
"""Parts with smaller shares of the variance are not drawn."""
MOST_ROWS = 11
"""Parts, or components, that are drawn."""
LESS, MORE = COLOURS[5], COLOURS[0]
"""Colours of what counts less, and more."""
SMALL_STEP = "by 0.8 or 1.25"
"""What hollow marks are: powers of a component as far as weighted draws can say."""
FEW_COLUMNS = 2
LONGEST = 30
WIDE = 3.0
"""Answers that differ by a larger factor are drawn on a logarithmic axis."""


@footed
def sensitivity_figure(found: Sensitivity) -> Figure:
    """Return the figure: shares by part, what further runs leave of them, and shifts of median and band.

    Parameters
    ----------
    found
        What `sensitivity` returns.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.sensitivity_figure(bs.sensitivity(fit, "loss at compute=100")).savefig("moves.png")  # doctest: +SKIP
    """
    parts, bars = len(_told(found)), 1 + len(found.runs)
    rows = max(parts + bars + 8, min(len(_shifted(found)), MOST_ROWS) + 4)
    with paper():
        figure = Figure(figsize=(PAGE, 0.3 + ROW * rows))
        halves: Any = figure.subfigures(1, 2)
        quarters: Any = halves[0].subfigures(2, 1, height_ratios=(parts + 3, bars + 5))
        panels = {plot_shares: quarters[0], plot_further: quarters[1], plot_shifts: halves[1]}
        for draw, panel in panels.items():
            _titled(panel, draw(found, panel.subplots()))
    return with_short_labels(figure)


def _titled(panel: Any, ax: Axes) -> None:
    """Let the title and the legend of an axis stand at the left edge of its panel, where there is room for them."""
    legend, title = ax.get_legend(), ax.get_title(loc="left")
    ax.set_title("", loc="left", pad=2)
    if legend is not None:
        named = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
        legend.remove()
        how: Any = {"ncols": _columns(len(named[0])), "columnspacing": 0.9, "handlelength": 1.0, "handletextpad": 0.4}
        panel.legend(*named, title=title, alignment="left", title_fontsize=8, loc="outside upper left", **how)


@footed
def plot_shares(found: Sensitivity, ax: Axes | None = None) -> Axes:
    """Draw the share of each part in the variance of an answer, a bar each, with what sampling leaves open.

    A mark stands at the share that would go were the part alone known.

    Parameters
    ----------
    found
        What `sensitivity` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_shares(bs.sensitivity(fit, "loss at compute=100"))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    table = _told(found)
    colours = [COLOUR[of] for of in table["source"]]
    whiskers: Any = {"linewidth": 0.8, "ecolor": INK}
    ax.barh(table.index, 100 * table["share"], 0.7, color=colours, xerr=200 * table["share_sd"], error_kw=whiskers)
    known: Any = {"color": "white", "markeredgecolor": INK, "markersize": 3.2, "linestyle": ""}
    ax.plot(100 * table["first_order"], table.index, "D", label="would go were it alone known", **known)
    ax.set_yticks(table.index, [_label(row) for row in table.to_dict("records")])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(0, None)
    ax.set_xlabel("share of the variance (%)")
    ax.set_title("what it is made of", loc="left", pad=16)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1, handlelength=0.8)
    return ax


def _told(found: Sensitivity) -> pd.DataFrame:
    """Return the parts that are drawn, the largest first: those of half a per cent and more, and three at least."""
    ordered = found.shares.sort_values("share", ascending=False, kind="stable").reset_index(drop=True)
    return ordered.head(min(MOST_ROWS, max(3, int((ordered["share"] >= LEAST_SHARE).sum()))))


@footed
def plot_further(found: Sensitivity, ax: Axes | None = None) -> Axes:
    """Draw the variance of an answer by source, now and after further runs, a bar each.

    Parameters
    ----------
    found
        What `sensitivity` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_further(bs.sensitivity(fit, "loss at compute=100"))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    now = found.sources.set_index("source")["share"]
    rows = [("now", now.to_dict())]
    for _, one in found.runs.iterrows():
        name = str(one["runs"]) if one["count"] == 1 else f"a set of {one['count']} runs"
        rows.append((name, {name: float(one[f"left {name}"]) for name in now.index}))
    for source in now.index:
        starts = [sum(of[name] for name in now.index[: now.index.get_loc(source)]) for _, of in rows]
        values = [100 * of[source] for _, of in rows]
        ax.barh(range(len(rows)), values, 0.7, left=100 * np.array(starts), color=COLOUR[source], label=source)
    ax.set_yticks(range(len(rows)), [_short(name) for name, _ in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0, 100)
    ax.set_xlabel("of the variance now (%)")
    ax.set_title("what further runs would leave of it", loc="left", pad=16)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, borderaxespad=0.1, columnspacing=0.8, handlelength=0.8)
    return ax


@footed
def plot_shifts(found: Sensitivity, ax: Axes | None = None) -> Axes:
    """Draw median and 90 % interval of an answer as it is, and under each prior, law and specification that was tried.

    Of a power-scaled component the lowest and the highest power whose weighted draws are reliable; a row without one is empty.

    Parameters
    ----------
    found
        What `sensitivity` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_shifts(bs.sensitivity(fit, "loss at compute=100"))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    known = found.asked.to_numpy()[np.isfinite(found.asked.to_numpy())]
    low, middle, high = in_own_unit(found.asked, np.quantile(known, [0.05, 0.5, 0.95]))
    ax.axvspan(low, high, color=INK, alpha=0.1, linewidth=0, label="now (90 %)")
    ax.axvline(middle, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    names = _shifted(found)[:MOST_ROWS]
    kept = pd.concat([outermost(found.shifts), found.shifts[~found.shifts["kind"].isin([PRIOR, LIKELIHOOD])]])
    for place, name in enumerate(names):
        rows = kept[kept["moved_by"] == name].to_dict("records")
        if not any(np.isfinite(row["q50"]) for row in rows):
            ax.text(middle, place, "not reliable", ha="center", va="center", size=6, color=INK)
        for row in rows:
            off = 0.0 if len(rows) == 1 else -0.17 if row["power"] < 1 else 0.17
            _interval(found, row, place + off, ax)
    hollow = any(not _full(row) for row in kept[kept["moved_by"].isin(names) & kept["q50"].notna()].to_dict("records"))
    ax.plot([], [], "o-", color=LESS, markersize=3, linewidth=1.0, label="counts less")
    if hollow:
        ax.plot([], [], "o", color=INK, markerfacecolor="white", markersize=3, label=SMALL_STEP)
    ax.plot([], [], "o-", color=MORE, markersize=3, linewidth=1.0, label="more")
    ax.set_yticks(range(len(names)), [_short(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    _name_axis(found, ax)
    ax.set_title("what moves it", loc="left", pad=16)
    columns = _columns(len(ax.get_legend_handles_labels()[1]))
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, borderaxespad=0.1, columnspacing=0.8, handlelength=1.0
    )
    if columns == FEW_COLUMNS:
        ax.set_title(ax.get_title(loc="left"), loc="left", pad=30)
    return ax


def _columns(entries: int) -> int:
    """Return in how many columns a legend stands above half a page; four entries in two rows."""
    return FEW_COLUMNS if entries == FEW_COLUMNS**2 else 3


def _interval(found: Sensitivity, row: Mapping[Any, Any], place: float, ax: Axes) -> None:
    own = np.array([row[q] for q in ("q05", "q50", "q95")], dtype=float)
    if not np.isfinite(own).all():
        return
    low, middle, high = in_own_unit(found.asked, np.log(own) if found.asked.attrs.get("scale") == "log" else own)
    colour = {PRIOR: MORE, LIKELIHOOD: MORE}.get(row["kind"], COLOURS[1]) if not row["power"] < 1 else LESS
    ax.hlines(place, low, high, color=colour, linewidth=1.2)
    ax.plot(middle, place, "o", color=colour, markerfacecolor=colour if _full(row) else "white", markersize=3.2)


def _full(row: Mapping[Any, Any]) -> bool:
    """Return whether a row is of a power of a half or two, or of no power."""
    return row["kind"] not in (PRIOR, LIKELIHOOD) or row["power"] in (0.5, 2.0)


def _name_axis(found: Sensitivity, ax: Axes) -> None:
    """Name the axis of an answer, in its unit; logarithmic where the answer is and its range is wide."""
    form, asked = form_of(found.asked), found.asked.attrs
    response = str(asked.get("response", "loss"))
    what = {"contrast": f"{response} of one over the other", "multiplier": "multiplier", "plan": "best size"}
    name = what.get(str(asked.get("kind")), response if asked.get("kind") in ("loss", "run") else "answer")
    ax.set_xlabel(f"{name} ({form['unit']})" if form["unit"] else name)
    low, high = ax.get_xlim()
    if not form["signed"] and asked.get("scale") == "log" and ax.dataLim.xmax > WIDE * ax.dataLim.xmin > 0:
        ax.set_xscale("log")
        ax.set_xlim(max(low, 0.8 * ax.dataLim.xmin), high)
        log_ticks(ax, "x")
        return
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, signed=bool(form["signed"]))))


def _shifted(found: Sensitivity) -> list[str]:
    """Return what was tried: all priors and the likelihood, then laws and specifications, then single priors by effect."""
    table = found.shifts.assign(size=found.shifts["shift"].abs().fillna(0.0))
    largest = table.groupby("moved_by", sort=False)["size"].max()
    lead = [name for name in (PRIOR, LIKELIHOOD) if name in largest.index]
    others = table.loc[~table["kind"].isin([PRIOR, LIKELIHOOD]), "moved_by"].drop_duplicates().tolist()
    ordered = largest.sort_values(ascending=False, kind="stable").index
    singles = [str(name) for name in ordered if name not in {*lead, *others}]
    return [*lead, *others, *singles]


def _label(row: Mapping[Any, Any]) -> str:
    name = row["part"] if row["source"] in (LAW, DISCREPANCY) else " ".join(of for of in (row["source"], row["part"]) if of)
    return _short(f"{row['law']}: {name}" if row["law"] else str(name))


def _short(name: str) -> str:
    return "\n".join(one if len(one) <= LONGEST else f"{one[: LONGEST - 1]}…" for one in name.split("\n"))
