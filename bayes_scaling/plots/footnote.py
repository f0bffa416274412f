"""The line of a fit that is not clean, at the foot of every figure made from it."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import wraps
from inspect import signature
from textwrap import fill
from typing import Any, cast
from weakref import WeakKeyDictionary

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine, TightLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Text

from bayes_scaling.inference.health_line import line_of
from bayes_scaling.plots.style import INK, paper

SIZE = 5.5
LETTERS = 24.0
"""Of that size stand beside each other in an inch."""
HEIGHT = 1.35 * SIZE / 72
"""Of a line, in inches."""
PAD = 0.04
DOUBT = "#B3261E"

# Beside the figures rather than on them, as in `shown`: the text, the lines in it, and the share of the height kept for it.
_FEET: "WeakKeyDictionary[Figure, tuple[Text, tuple[str, ...], float]]" = WeakKeyDictionary()
_RAISED: "WeakKeyDictionary[Legend, float]" = WeakKeyDictionary()


def footed[**P, T](draw: Callable[P, T]) -> Callable[P, T]:
    """Let a figure that a function draws, or draws on, say at its foot what speaks against the fits behind its arguments.

    Where the function is given no axis it draws in the style of `paper`.
    """
    asked = signature(draw)
    place = next((name for name in ("ax", "axes") if name in asked.parameters), None)

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        own = place is not None and asked.bind(*args, **kwargs).arguments.get(place) is None
        with paper() if own else nullcontext():
            made = draw(*args, **kwargs)
        lines = [line for one in (*args, *kwargs.values()) if (line := line_of(one))]
        for figure in _figures(made):
            footnote(figure, lines)
        return made

    return drawn


def _figures(made: object) -> set[Figure]:
    """Return the figures behind a figure, an axis, or several of these."""
    if isinstance(made, Figure):
        return {made}
    if isinstance(made, Artist):
        figure = made.get_figure(root=True)
        return {figure} if isinstance(figure, Figure) else set()
    every: Iterable[Any] = made.values() if isinstance(made, dict) else cast("Iterable[Any]", made)
    return {figure for one in every for figure in _figures(one)}


def footnote(figure: Figure, lines: Iterable[str]) -> None:
    """Write lines at the foot of a figure, each once, below all that it holds, and make room for them.

    Of a figure that has such lines already those not yet there are added; what was added to it since is moved too.
    """
    text, said, before = _FEET.get(figure, (None, (), 0.0))
    said = tuple(dict.fromkeys([*said, *(line for line in lines if line)]))
    if not said:
        return
    width, height = figure.get_size_inches()
    wrapped = "\n".join(fill(line, int(LETTERS * (width - 2 * PAD))) for line in said)
    share = min(0.5, (PAD + HEIGHT * (wrapped.count("\n") + 1)) / height)
    if text is None:
        text = figure.text(PAD / width, PAD / height / 2, "", fontsize=SIZE, va="bottom", ha="left", parse_math=False)
    text.set_text(wrapped)
    text.set_color(DOUBT if any(line.startswith("not ") for line in said) else INK)
    _make_room(figure, before, share)
    _FEET[figure] = (text, said, share)


def _make_room(figure: Figure, before: float, share: float) -> None:
    """Move all that a figure holds into what is above a share of its height."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, share, 1.0, 1.0 - share))
    elif isinstance(engine, TightLayoutEngine):
        engine.set(rect=(0.0, share, 1.0, 1.0))
    else:
        bottom, top = (
            share + (1 - share) * (of - before) / (1 - before) for of in (figure.subplotpars.bottom, figure.subplotpars.top)
        )
        figure.subplots_adjust(bottom=bottom, top=top)
    for legend in figure.legends:
        if getattr(legend, "_outside_loc", None) == "lower":  # such stand at the figure's edge, whatever its layout
            raised = share * figure.get_figheight() * 72 / legend.prop.get_size()
            legend.borderaxespad += raised - _RAISED.get(legend, 0.0)
            _RAISED[legend] = raised
