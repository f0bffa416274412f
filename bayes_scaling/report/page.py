"""From what is said to a page: the template, with every text escaped, and style and script within it."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from bayes_scaling._base.escaping import visible
from bayes_scaling._base.files import json_text
from bayes_scaling._base.numbers import fixed, interval, number, percent, shared


def render(context: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    Texts of the context are escaped wherever they stand; SVG comes from `drawing`, which escapes its own.
    """
    page = Environment(
        loader=BaseLoader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalised,
    )
    page.filters |= {"number": number, "interval": interval, "percent": percent, "fixed": fixed, "shared": shared}
    page.filters |= {"drawn": _drawn, "breakable": _breakable}
    page.policies["json.dumps_function"] = lambda record, **_: json_text(_visible(record))
    own = {"style": Markup(_read("report.css")), "script": Markup(_read("report.js"))}
    return page.from_string(_read("report.html.j2")).render({**context, **own})


def _read(name: str) -> str:
    return files("bayes_scaling.report").joinpath(name).read_text(encoding="utf-8")


def _drawn(svg: str) -> Markup:
    return Markup(svg)


def _breakable(name: str) -> Markup:
    """Return a name, escaped, that may go on in the next line after each "_"."""
    return Markup(str(escape(visible(name))).replace("_", "_<wbr>"))


def _visible(record: Any) -> Any:
    """Return a record whose texts have no control characters."""
    match record:
        case str():
            return visible(record)
        case Mapping():
            return {_visible(name): _visible(of) for name, of in record.items()}
        case list() | tuple():
            return [_visible(of) for of in record]
    return record


def _finalised(said: Any) -> Any:
    """Return a text without control characters; markup of our own comes as it is."""
    return visible(said, keep="\n\N{NO-BREAK SPACE}") if isinstance(said, str) and not isinstance(said, Markup) else said
