"""What commands print: lines and tables in which names that others gave are text and nothing else."""

import sys
from collections.abc import Iterable, Sequence

import typer

from bayes_scaling._base.escaping import visible

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
) -> None:
    """Print a table.

    heads: of its columns. rows: a text for each. left: heads of columns that are no numbers. bold: places of rows. wide: for
    many columns.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible(title), "italic"), title_justify="left", box=None)
    for head in heads:
        table.add_column(Text(visible(head)), justify="left" if head in left else "right")
    for i, row in enumerate(rows):
        table.add_row(*(Text(visible(cell)) for cell in row), style="bold" if i in bold else None)
    Console(highlight=False, width=COLUMNS if wide and not sys.stdout.isatty() else None).print(table)
