"""Backtest: did the bands hold the runs they had not seen?

The PIT is a histogram with the band of independent runs, and not ArviZ's `plot_ecdf_pit`: of ten or twenty held-out runs a
reader can count the bars, and see on which side they miss.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from bayes_scaling._base.numbers import tick
from bayes_scaling.data.runs import Runs
from bayes_scaling.model.priors import Z90
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axis_of, log_ticks, paper, with_unit
from bayes_scaling.validation.scores import BANDS, score_table
from bayes_scaling.validation.splits import split

WIDTH, ROW, LOWER = PAGE, 1.25, 2.0
"""Width of the figure, height of a cut-off's panel and of the panels below, in inches."""

SIDE_BY_SIDE = 0.004
"""Runs of nearly the same size are drawn at least this share of the axis apart."""

REACH_TIMES = 4.0
"""The vertical axis reaches up to so many times what 19 of 20 bands and runs reach."""

ROOM = 1.06
"""Room above and below the outermost bar, as a factor of its length."""


@footed
def backtest_figure(points: pd.DataFrame, runs: Runs) -> Figure:
    """Return the figure of a backtest: held-out runs against their bands, a row a cut-off; coverage by distance; the PIT.

    Parameters
    ----------
    points
        The points of what `backtest` returns.
    runs
        All runs of the backtest, those trained on among them.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.backtest_figure(bs.backtest(model, runs).points, runs).savefig("backtest.png")  # doctest: +SKIP
    """
    cuts = list(points["train"].cat.categories)
    with paper():
        heights = (ROW * len(cuts) + 0.5, LOWER)
        figure = Figure(figsize=(WIDTH, sum(heights)))
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
        axes = upper.subplots(len(cuts), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        size, reach = _size(points, runs), _reach(_residuals(points))
        for cut, ax in zip(cuts, axes, strict=True):
            plot_held_out(points[points["train"] == cut], runs, ax, reach=reach)
            ax.label_outer(remove_inner_ticks=False)
        axes[0].set_xlim(size.min() / 1.15, size.max() * 1.15)
        log_ticks(axes[0], "x")
        if len(cuts) > 1:
            upper.supylabel(axes[0].get_ylabel().replace("\n", " "), fontsize=8)
            for ax in axes:
                ax.set_ylabel("")
        axes[0].legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.1, handletextpad=0.2, columnspacing=1.0
        )
        left, right = lower.subplots(1, 2)
        plot_coverage(points, left)
        plot_pit(points, right)
    return figure


@footed
def plot_held_out(
    points: pd.DataFrame, runs: Runs, ax: Axes | None = None, *, reach: tuple[float, float] | None = None
) -> Axes:
    """Draw how far each run held out by one cut-off lay from its predicted median, with its 50 and 90 % intervals.

    Runs stand along the product of the inputs, which for params and tokens is compute / 6, grey where it is that of runs
    trained on; side by side where they are of nearly the same size. What lies far outside all else is a triangle at the edge.

    Parameters
    ----------
    points
        Rows of what `backtest` returns with the same `train`.
    runs
        All runs of the backtest.
    ax
        Where to draw; a new axis unless given.
    reach
        Lowest and highest residual shown, in percent; None: what holds all but those far outside.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_held_out(found.points.query("train == 'params < 1e9'"), runs)  # doctest: +SKIP
    """
    ax = axis_of(ax, (WIDTH, ROW + 0.5))
    cut = points["train"].iloc[0]
    points = points.iloc[np.argsort(_size(points, runs))]
    size = _size(points, runs)
    x = _side_by_side(size)
    away = _residuals(points)
    for low, high, width, opacity in (("q05", "q95", 0.9, 0.5), ("q25", "q75", 2.4, 0.4)):
        ax.vlines(x, away[low], away[high], color=COLOURS[0], linewidth=width, alpha=opacity)
    bottom, top = reach or _reach(away)
    seen = away["response"].to_numpy()
    inside = (away["q05"] <= seen) & (seen <= away["q95"])
    shown, beyond = np.clip(seen, bottom, top), (seen < bottom) | (seen > top)
    for rows, colour, label in ((inside, COLOURS[0], "inside the 90 % band"), (~inside, COLOURS[1], "outside")):
        for part, marker, named in (
            (rows & ~beyond, "o", label),
            (rows & (seen > top), "^", ""),
            (rows & (seen < bottom), "v", ""),
        ):
            ax.plot(x[part], shown[part], marker, ms=3.4, color=colour, mec="white", mew=0.4, zorder=3, label=named)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    ax.set_xscale("log")
    ax.set_xlim(size.min() / 1.15, size.max() * 1.15)
    ax.set_ylim(ROOM * bottom, ROOM * top)
    log_ticks(ax, "x")
    trained = _size(split(runs, cut).train.table, runs)
    ax.axvspan(trained.min(), trained.max(), color="0.93", linewidth=0, zorder=0)
    inputs = list(runs.columns.scales)
    ax.set_xlabel(with_unit(" × ".join(inputs), runs.columns.inputs[inputs[0]].unit if len(inputs) == 1 else ""))
    unit = "%" if _relative(points) else runs.columns.response.unit
    ax.set_ylabel(f"{runs.columns.response.name} against\n{with_unit('predicted median', unit)}")
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, signed=True)))
    ax.set_title(f"trained on {points['training_runs'].iloc[0]} runs: {cut}", loc="left", fontsize=7)
    return ax


@footed
def plot_coverage(points: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of held-out runs inside the 50, 80 and 90 % bands by distance from the training runs.

    Bars are 90 % intervals of the share (Wilson), as if the runs of a class were independent; those of one sweep are less so.

    Parameters
    ----------
    points
        The points of what `backtest` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_coverage(bs.backtest(model, runs).points)  # doctest: +SKIP
    """
    ax = axis_of(ax)
    table = score_table(points, ["decades"])
    x = np.arange(len(table))
    for i, (level, colour, marker) in enumerate(zip(BANDS, COLOURS, "os^", strict=False)):
        share, n = table[f"coverage_{level}"].to_numpy(), table["runs"].to_numpy()
        low, high = _wilson(share, n)
        at = x + 0.16 * (i - 1)
        ax.axhline(int(level) / 100, color=colour, linewidth=0.7, linestyle=":", zorder=0)
        ax.errorbar(
            at, share, (share - low, high - share), fmt=marker, ms=4, linewidth=1.0, color=colour, label=f"{level} % band"
        )
    ax.set_xticks(x, [f"{label}\n{runs} runs" for label, runs in zip(table["decades"], table["runs"], strict=True)])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(table) - 0.5)
    ax.set_xlabel("distance from the training runs (decades)")
    ax.set_ylabel("held-out runs inside the band")
    ax.set_ylim(-0.03, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.8, 0.9, 1.0])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.0, handletextpad=0.2, borderaxespad=0.2)
    return ax


@footed
def plot_pit(points: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the histogram of where held-out runs fell in their predictive distributions: flat for calibrated predictions.

    The grey band holds nine of ten bars of a calibrated forecast of so many independent runs.

    Parameters
    ----------
    points
        The points of what `backtest` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from bayes_scaling import plots
    >>> plots.plot_pit(pd.DataFrame({"pit": np.linspace(0.01, 0.99, 40)})).get_ylabel()
    'held-out runs'
    """
    from scipy import stats

    ax = axis_of(ax)
    bins = int(np.clip(len(points) // 5, 5, 10))
    ax.hist(points["pit"], bins=bins, range=(0.0, 1.0), color=COLOURS[0], alpha=0.7, edgecolor="white", linewidth=0.6, zorder=2)
    low, high = (float(stats.binom.ppf(q, len(points), 1 / bins)) for q in (0.05, 0.95))
    ax.axhspan(low, high, color="0.85", zorder=0, linewidth=0)
    ax.axhline(len(points) / bins, color=INK, linewidth=0.6, zorder=3)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel("share of the prediction below the run (PIT)")
    ax.set_ylabel("held-out runs")
    return ax


def _size(table: pd.DataFrame, runs: Runs) -> np.ndarray:
    size: np.ndarray = table[list(runs.columns.scales)].prod(axis=1).to_numpy()
    return size


def _relative(points: pd.DataFrame) -> bool:
    """Return whether residuals are in percent: of a response that may be negative they are in its unit."""
    return bool(points["relative_error"].notna().all() and (points["q50"] > 0).all())


def _residuals(points: pd.DataFrame) -> pd.DataFrame:
    """Return what was seen and the ends of bands, as residuals from the predicted median, see `_relative`."""
    ends = points[["response", "q05", "q25", "q75", "q95"]]
    away: pd.DataFrame = 100 * (ends.div(points["q50"], axis=0) - 1) if _relative(points) else ends.sub(points["q50"], axis=0)
    return away


def _reach(away: pd.DataFrame) -> tuple[float, float]:
    """Return a range that holds all residuals, but for what lies far outside all others."""
    low, high = away[["response", "q05"]].to_numpy(), away[["response", "q95"]].to_numpy()
    bottom, top = np.quantile(low, 0.05), np.quantile(high, 0.95)
    return max(low.min(), REACH_TIMES * min(bottom, 0.0)), min(high.max(), REACH_TIMES * max(top, 0.0))


def _side_by_side(size: np.ndarray) -> np.ndarray:
    """Return sizes in order, moved as little as keeps neighbours `SIDE_BY_SIDE` on a logarithmic axis (least squares)."""
    from scipy.optimize import isotonic_regression

    log = np.log(size)
    steps = SIDE_BY_SIDE * max(float(log[-1] - log[0]), 1e-3) * np.arange(len(log))
    apart: np.ndarray = np.exp(isotonic_regression(log - steps).x + steps)
    return apart


def _wilson(share: np.ndarray, n: np.ndarray, z: float = Z90) -> tuple[np.ndarray, np.ndarray]:
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.minimum(middle - half, share), np.maximum(middle + half, share)
