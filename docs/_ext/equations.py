"""Equations: as MathML, which browsers draw themselves, without a script or a network; in docstrings as they are written."""

import re
from html import escape
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

EQUATION = re.compile(r"(?![A-Z][a-z]{2,})[^\s.][^.=\n]{0,30}? = ")
"""How a paragraph begins that is an equation: something short, and what it equals."""
LOGGER = getLogger(__name__)


def inline(writer: Any, node: nodes.math) -> None:
    """Write an equation within a line."""
    writer.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """Write an equation of its own."""
    writer.body.append(f'<div class="math-block">{mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def mathml(node: nodes.Element, *, as_block: bool) -> str:
    """Return an equation as MathML; one that docutils cannot read is shown as it is written, with a warning."""
    try:
        return str(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        LOGGER.warning("equation %r: %s", node.astext(), error, location=node)
        return f"<code>{escape(node.astext())}</code>"


def keep_equations(app: Sphinx, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Make paragraphs of a docstring that are equations literal blocks, whatever marks of reStructuredText they hold."""
    parts = "\n".join(lines).split("\n\n")
    lines[:] = "\n\n".join(literal(part) if EQUATION.match(part) else part for part in parts).split("\n")


def literal(part: str) -> str:
    """Return a paragraph as a literal block."""
    return "::\n\n" + "\n".join(f"    {line}" for line in part.splitlines())


def setup(app: Sphinx) -> dict[str, bool]:
    """Make `html_math_renderer = "mathml"` known, and look after docstrings before numpydoc does."""
    app.connect("autodoc-process-docstring", keep_equations, priority=400)
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
