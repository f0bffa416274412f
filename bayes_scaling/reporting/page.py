"""From what is said to a page: the template, with every text escaped, and style and script within it."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from bayes_scaling.reporting.numbers import interval, number


def render(context: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    Texts of the context are escaped wherever they stand; SVG comes from `drawing`, which escapes its own.
    """
    page = Environment(loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"number": number, "interval": interval, "drawn": _drawn, "breakable": _breakable}
    page.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    own = {"style": Markup(_read("report.css")), "script": Markup(_read("report.js"))}
    return page.from_string(_read("report.html.j2")).render({**context, **own})


def _read(name: str) -> str:
    return files("bayes_scaling.reporting").joinpath(name).read_text(encoding="utf-8")


def _drawn(svg: str) -> Markup:
    return Markup(svg)


def _breakable(name: str) -> Markup:
    """Return a name, escaped, that may go on in the next line after each "_"."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
