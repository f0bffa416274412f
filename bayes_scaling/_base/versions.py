"""The versions of the software that something was made with."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("bayes-scaling", "pymc", "nutpie", "arviz", "numpy")


def versions() -> dict[str, str]:
    """Return the versions of Python and of what draws depend on, by name; "not installed" for what is not."""
    return {"python": platform.python_version()} | {name.replace("-", "_"): _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
