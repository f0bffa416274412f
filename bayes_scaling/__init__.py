"""Posteriors over neural scaling laws: fit, predict, contrast.

    runs -> model -> fit -> predict / contrast / plan / check -> tables, plots, report

Names are imported on first use, so that `import bayes_scaling` is instant; `__init__.pyi` says where each lives.
"""

from importlib import import_module
from typing import Any

import lazy_loader

_of_today, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """Return a name of the front door, or, with a warning, what one that it had before has become."""
    if name == "__version__":
        return import_module("importlib.metadata").version("bayes-scaling")
    if name not in __all__ and not name.startswith("__"):
        deprecated = import_module("bayes_scaling._deprecated")  # by name: rooms may import the package, and not this
        if name in deprecated.BEFORE:
            return deprecated.before(name)
    return _of_today(name)
