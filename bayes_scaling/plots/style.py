"""What all figures share: colours, type sizes, axes with units, quantiles of draws."""

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import format_count, tick
from bayes_scaling._base.quantiles import QUANTILES

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Six of the eight colours of Okabe and Ito, told apart by colour-blind readers."""

INK = "#333333"
LEVELS = {"90 %": (0.05, 0.95, 0.18), "50 %": (0.25, 0.75, 0.38)}
"""Credible intervals shown: lower and upper quantile, and opacity."""
SHOWN = tuple(QUANTILES.values())
"""Quantiles that bands and intervals are made of."""

COLUMN, PAGE = 3.4, 6.8
"""Width of a paper's column and of its page, in inches."""


def paper() -> AbstractContextManager[None]:
    """Return the style of figures in the width of a paper's column.

    Returns
    -------
    AbstractContextManager[None]
        The style, for as long as it is entered.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> from bayes_scaling import plots
    >>> with plots.paper():
    ...     mpl.rcParams["font.size"]
    8.0
    """
    settings: Any = {
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.titlesize": 8,
        "legend.fontsize": 7,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.2,
        "figure.constrained_layout.use": True,
        "text.parse_math": False,  # a column may be called "a$b$"
        "figure.dpi": 150,
        "savefig.dpi": 200,
    }
    context: AbstractContextManager[None] = mpl.rc_context(settings)
    return context


def axis_of(ax: Axes | None, size: tuple[float, float] = (COLUMN, 2.6)) -> Axes:
    """Return an axis as it is; where there is none, that of a new figure of a size in inches."""
    if ax is not None:
        return ax
    from matplotlib.pyplot import subplots

    return subplots(figsize=size)[1]


def axes_of(
    axes: Sequence[Axes] | None, rows: int, columns: int, size: tuple[float, float] = (PAGE, 2.6), **how: Any
) -> Sequence[Axes]:
    """Return axes as they are; where there are none, those of a new figure, row by row."""
    if axes is not None:
        return axes
    from matplotlib.pyplot import subplots

    made: list[Axes] = subplots(rows, columns, figsize=size, squeeze=False, **how)[1].ravel().tolist()
    return made


def quantiles(draws: xr.DataArray, *, method: Any = "linear") -> dict[float, np.ndarray]:
    """Return the median and the ends of the intervals shown, over chains and draws that are known; NaN where none is.

    Parameters
    ----------
    method
        "inverted_cdf" where draws may be infinite: between those there is no middle.
    """
    dims = [dim for dim in ("chain", "draw") if dim in draws.dims]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        found = draws.quantile(SHOWN, dims, method=method).to_numpy()
    return dict(zip(SHOWN, np.asarray(found), strict=True))


def with_unit(name: str, unit: str) -> str:
    """Return an axis label such as "compute (PFLOP/s-days)"."""
    return f"{name} ({unit})" if unit and unit.removesuffix("s") != name.removesuffix("s") else name


def without_controls(figure: Figure) -> Figure:
    """Return a figure in which control characters of names stand as what they are: `escaping.visible`."""
    for text in figure.findobj(Text):
        text.set_text(visible(text.get_text(), keep="\n"))
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        written = axis.get_major_formatter()
        if isinstance(written, FuncFormatter):  # labels of ticks come from it whenever the figure is drawn
            axis.set_major_formatter(FuncFormatter(partial(_visible_tick, written)))
    return figure


MAX_LABEL = 40
"""Letters of a label of a legend, or of a panel's title, that are shown."""


def with_short_labels(figure: Figure) -> Figure:
    """Return a figure in which long names in legends and titles are cut, and control characters stand as what they are."""
    for ax in without_controls(figure).axes:
        legend = ax.get_legend()
        for text in [ax.title, *(() if legend is None else (*legend.get_texts(), legend.get_title()))]:
            if len(of := text.get_text()) > MAX_LABEL * (2 if text is ax.title else 1):
                text.set_text(f"{of[: MAX_LABEL - 3]}...")
    return figure


def _visible_tick(written: FuncFormatter, value: float, place: int | None) -> str:
    return visible(written(value, place), keep="\n")


def spread(levels: Sequence[Any] | np.ndarray, most: int) -> list[Any]:
    """Return at most so many levels, evenly spread over all of them, the first and the last among them."""
    return [levels[i] for i in np.unique(np.linspace(0, len(levels) - 1, min(most, len(levels))).astype(int))]


def some(shown: int, of: int) -> str:
    """Return " (24 of 5,000)" where not all are shown."""
    return f" ({shown} of {format_count(of)})" if shown < of else ""


def _fits(ax: Axes, subs: Sequence[float]) -> bool:
    """Return whether labels at these multiples of powers of ten stand side by side below an axis."""
    low, high = np.log10(ax.get_xlim())
    places = [of * 10.0**power for power in range(int(np.floor(low)), int(np.ceil(high)) + 1) for of in subs]
    letters = sum(len(tick(of)) + BETWEEN for of in places if low <= np.log10(of) <= high)
    size = float(ax.xaxis.get_major_ticks()[0].label1.get_fontsize()) * WIDTH_OF_LETTER
    return bool(letters * size <= 72 * ax.get_window_extent().width / ax.figure.dpi)


BETWEEN, WIDTH_OF_LETTER = 1.0, 0.6
"""Letters between two labels of an axis, and the width of one over the size of its font."""


def log_where_positive(ax: Axes) -> None:
    """Make the vertical axis logarithmic, if all that is drawn lies above zero, as losses below a unigram's do not."""
    if float(np.min(ax.dataLim.intervaly)) > 0:
        ax.set_yscale("log")
        log_ticks(ax, "y")
    else:
        ax.set_yscale("linear")


def log_ticks(ax: Axes, which: str) -> None:
    """Label a logarithmic axis with plain numbers, at 1, 2 and 5 where it spans little."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    if decades > 0.5:
        subs: tuple[float, ...] = (1.0,) if decades > 2.5 else (1.0, 2.0, 5.0) if decades > 0.8 else tuple(range(1, 10))
        subs = subs if which == "y" or _fits(ax, subs) else (1.0, 3.0) if _fits(ax, (1.0, 3.0)) else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=20))
    else:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axis.set_minor_formatter(NullFormatter())
