"""Methods of records that live in a room above: documented by the function that they call, see `bayes_scaling._base.views`."""

import inspect
import re
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docstrings import prepare_docstring

PLACE = re.compile(r"See `(bayes_scaling[\w.]*)\.(\w+)`\.")
"""What the docstring of such a method says."""


def called(of: Any) -> Any:
    """Return the function that a method of a record calls; None where it is no view."""
    found = PLACE.fullmatch((getattr(of, "__doc__", None) or "").strip())
    return getattr(import_module(found[1]), found[2]) if found else None


def its_text(app: Sphinx, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Put the docstring of the function in place of the method's."""
    if function := called(of):
        lines[:] = prepare_docstring(function.__doc__ or "")


def its_signature(app: Sphinx, what: str, name: str, of: Any, options: Any, args: str, returns: str) -> Any:
    """Show the parameters of the function, but for the record itself."""
    if not (function := called(of)):
        return None
    signature = inspect.signature(function)
    kept = signature.replace(parameters=list(signature.parameters.values())[1:], return_annotation=inspect.Signature.empty)
    return str(kept), returns


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx; before numpydoc, which reads the sections of docstrings."""
    app.connect("autodoc-process-docstring", its_text, priority=100)
    app.connect("autodoc-process-signature", its_signature, priority=100)
    return {"version": "1", "parallel_read_safe": True}
