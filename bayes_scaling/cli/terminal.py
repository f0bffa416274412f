"""What commands print: lines and tables in which names that others gave are text and nothing else."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from bayes_scaling._base.escaping import visible

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = 140
"""Characters of a table's line where nobody watches."""


def say(*lines: str, err: bool = False) -> None:
    """Print lines; err: on stderr."""
    for line in lines:
        typer.echo(visible(line), err=err)


def say_table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Sequence[str] = (),
    bold: Sequence[int] = (),
    wide: bool = False,
    spare: Sequence[str] = (),
) -> None:
    """Print a table. No number is cut or broken: what does not fit runs over the line.

    heads: of its columns. rows: a text for each. left: heads of columns that are no numbers. bold: places of rows. wide: for
    many columns. spare: heads of columns that are left out, one after the other, until the rest fits.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=COLUMNS if wide and not sys.stdout.isatty() else None)
    shown, cells = list(heads), [list(row) for row in rows]
    for head in spare:
        if _width(shown, cells) <= console.width:
            break
        at = shown.index(head)
        shown, cells = shown[:at] + shown[at + 1 :], [row[:at] + row[at + 1 :] for row in cells]
    words = [
        [max(cell.split(), key=len, default="") if head in left else cell for head, cell in zip(shown, row, strict=True)]
        for row in cells
    ]
    width = max(console.width, _width(shown, words))
    wide_enough = Console(highlight=False, width=width)
    wide_enough.print(Text(visible(title), "italic"))
    wide_enough.print(_table(shown, cells, left, bold))


def _width(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how wide a table is whose cells do not wrap."""
    from rich.cells import cell_len

    return sum(max(cell_len(visible(cell)) for cell in of) + 2 for of in zip(heads, *rows, strict=True))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str], bold: Sequence[int]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for head in heads:
        table.add_column(Text(visible(head)), justify="left" if head in left else "right", no_wrap=head not in left)
    for i, row in enumerate(rows):
        table.add_row(*(Text(visible(cell)) for cell in row), style="bold" if i in bold else None)
    return table
