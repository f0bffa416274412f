"""How records show themselves: sentences, tables and figures of rooms above them, found when they are asked for.

Records lie below plots and sentences, and yet have `.plot()` and `.summary()`. A method that needs a room above its own names
the place here: the one exception of the rule that no room imports one further right.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib import import_module
from math import isnan
from typing import Any

import pandas as pd

from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import PLACE_DIGITS, number, several

MOST_ROWS = 20
"""Rows of a table that a notebook shows."""


def view(place: str) -> Callable[..., Any]:
    """Return a function of a room above, which is imported when it is called.

    Parameters
    ----------
    place
        As "bayes_scaling.plots.plan:plan_figure".

    Examples
    --------
    In a class it is a method: `plot = view("bayes_scaling.plots.plan:plan_figure")`.

    >>> view("bayes_scaling._base.numbers:percent")(0.25)
    '25 %'
    """
    module, _, name = place.partition(":")

    def shown(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(module), name)(*args, **kwargs)

    shown.__name__ = shown.__qualname__ = name
    shown.__doc__ = f"See `{module}.{name}`."
    return shown


def lines(sentences: Iterable[str], record: object = None) -> str:
    """Return sentences a line each, and last what speaks against the draws of the record that says them.

    Examples
    --------
    >>> print(lines(["The loss is 2.1.", "It lies inside the runs."]))
    The loss is 2.1.
    It lies inside the runs.
    """
    line = health_of(record)
    return "\n".join([*sentences, *([f"{line}."] if line else [])])


def note_lines(notes: Iterable[str]) -> list[str]:
    """Return notes of a record as lines of its summary: what the command line prints beside it.

    Examples
    --------
    >>> note_lines(["arch 'new' is a level that the runs do not have"] * 2)
    ["note: arch 'new' is a level that the runs do not have."]
    """
    return [visible(f"note: {note}.") for note in dict.fromkeys(notes)]


def health_of(record: object) -> str:
    """Return what speaks against the draws of a record in one line; "" where they are clean, or none are behind it."""
    return str(getattr(getattr(record, "health", None), "line", ""))


def in_a_line(record: object, what: str, *counts: str) -> str:
    """Return a record as a console shows it: what it is, how much of what, and the grade of its draws.

    Examples
    --------
    >>> in_a_line(None, "Plan", "3 rows", "8,000 draws")
    'Plan: 3 rows, 8,000 draws'
    """
    grade = getattr(getattr(record, "health", None), "grade", "")
    return visible(f"{what}: {', '.join([*counts, *([grade] if grade else [])])}")


def draws_of(draws: Any) -> str:
    """Return how many draws there are, of what has the dimensions chain and draw."""
    return several(draws.sizes["chain"] * draws.sizes["draw"], "draw")


def show(record: Any, title: str) -> str:
    """Return a record as notebooks show it: its summary, its table, and its health."""
    return page(title, record.summary().splitlines(), record.to_frame(), health_of(record))


def page(title: str, sentences: Sequence[str], table: pd.DataFrame | None = None, health: str = "") -> str:
    """Return a record as notebooks show it: what it is, its answer in sentences, its table, and what speaks against its draws.

    Parameters
    ----------
    sentences
        Lines, as `.summary()` has them. All texts are escaped.
    health
        The line of its fit; "" where that is clean.

    Examples
    --------
    >>> page("Plan", ["Train <1B> parameters."])
    '<div><p><b>Plan</b></p><p>Train &lt;1B&gt; parameters.</p></div>'
    """
    said = [f"<p>{_text(one)}</p>" for one in sentences if one.rstrip(".") != health.rstrip(".")]
    shown = [] if table is None else [table.map(_cell).rename(columns=_text).to_html(max_rows=MOST_ROWS, index=False, border=0)]
    warned = [f'<p role="alert"><b>{_text(health)}</b></p>'] if health else []
    return f"<div><p><b>{_text(title)}</b></p>{''.join([*said, *shown, *warned])}</div>"


def _text(of: object) -> str:
    return escape(visible(str(of)))


def _cell(of: object) -> object:
    """Return a cell as people read it: missing ones are empty, numbers have four digits."""
    if isinstance(of, str):
        return visible(of)
    if isinstance(of, float):
        return "" if isnan(of) else number(of, PLACE_DIGITS)
    return of
