"""A figure as text for a page: an SVG without fonts, links or names of its own, and in numbers what its panels show."""

import io
import re
import warnings
from dataclasses import dataclass
from math import isfinite
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import amount, quantile_name, rounded, shared
from bayes_scaling.plots.shown import Shown, shown
from bayes_scaling.plots.style import SHOWN, paper, without_controls

FIGURES = 7
"""Figures of what marks are placed by."""

POINTS = 72.0
"""Units of an SVG to an inch."""


@dataclass(frozen=True)
class Drawing:
    """A figure on the page.

    Parameters
    ----------
    name
        Unlike that of any other on the page.
    title, caption
        What it shows, in words.
    svg
        The picture.
    width
        In units of the SVG.
    panels
        What lies where, for `report.js`.
    """

    name: str
    title: str
    caption: str
    svg: str
    width: float
    panels: list[dict[str, Any]]


def drawing(figure: Figure, name: str, title: str, caption: str, units: dict[str, str] | None = None) -> Drawing:
    """Return a figure for the page.

    Parameters
    ----------
    name
        Letters, digits and "_".
    units
        Quantity on a horizontal axis -> unit.
    """
    width, height = figure.get_size_inches() * POINTS
    text = _svg(figure, name)
    panels = [panel for ax in figure.axes if (panel := _panel(ax, width, height, units or {}))]
    return Drawing(name, title, caption, text, float(width), panels)


def _svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG within HTML, its text as text in the font of the page."""
    written = io.BytesIO()
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False}
    with paper(), mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing")  # the page has other fonts than the layout
        without_controls(figure).savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = written.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", lambda tag: _renamed(tag.group(), name), text)
    return visible(re.sub(r"\n\s*", "\n", text).strip(), keep="\n")


def _renamed(tag: str, name: str) -> str:
    """Return a tag without namespaces and its size, its identifiers those of one figure of the page."""
    if tag.startswith("<svg"):
        box = re.search(r'viewBox="[^"]*"', tag)
        assert box is not None
        return f'<svg {box.group()} aria-hidden="true">'
    tag = tag.replace("xlink:href=", "href=")
    return re.sub(r'(\bid="|\bhref="#|url\(#)', rf"\g<1>{name}-", tag)


def _panel(ax: Axes, width: float, height: float, units: dict[str, str]) -> dict[str, Any] | None:
    """Return where an axis lies, its limits, and the bands on it; None where it has none."""
    bands = shown(ax)
    if not bands or not ax.get_visible():
        return None
    place, quantity = ax.get_position(), bands[0].quantity
    box = [place.x0 * width, (1 - place.y1) * height, place.width * width, place.height * height]
    return {
        "box": _rounded(box),
        "x": [*_rounded(ax.get_xlim()), ax.get_xscale()],
        "y": [*_rounded(ax.get_ylim()), ax.get_yscale()],
        "title": ax.get_title(),
        "quantity": quantity,
        "unit": units.get(quantity, ""),
        "series": [
            {"name": band.name, "colour": band.colour, "at": _rounded(band.x)}
            | {quantile_name(q): _rounded(values) for q, values in band.quantiles.items()}
            | {"said": _said(band, units.get(quantity, ""))}
            | ({} if band.inside is None else {"beyond": [not inside for inside in band.inside.tolist()]})
            for band in bands
        ],
    }


def _said(band: Shown, unit: str) -> list[list[str]]:
    """Return what the page says under a pointer at each place: where it is, the median, the 50 and the 90 % interval."""
    ends = [q for q in SHOWN if q in band.quantiles]
    found = []
    for i, at in enumerate(band.x.tolist()):
        texts = dict(zip(ends, shared([float(band.quantiles[q][i]) for q in ends]), strict=True))
        pairs = [f"{texts[low]} to {texts[high]}" if low in texts else "" for low, high in ((0.25, 0.75), (0.05, 0.95))]
        found.append([amount(at, unit, 4), texts[0.5], *pairs])
    return found


def _rounded(values: Any) -> list[float | None]:
    """Return numbers to a few figures; None for those that are none, which JSON does not know."""
    return [rounded(value, FIGURES) if isfinite(value) else None for value in np.asarray(values, dtype=float).tolist()]
