"""Figures as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling._base.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a figure at the resolution of print; a "$" in a label is a "$"."""
    import matplotlib as mpl

    from bayes_scaling.plots.style import without_controls

    plain: Any = {"text.parse_math": False}
    with atomic_write(path) as partial, mpl.rc_context(plain):
        without_controls(figure).savefig(partial, dpi=200)
