"""Imported tables as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling._base.files import atomic_write, write_csv, write_text
from bayes_scaling._base.moves import write_together

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.importers.record import Logs


def write_imported(table: "pd.DataFrame", logs: "Logs", out: Path, long: Path | None) -> None:
    """Write a table, and where asked what it is made of."""
    with write_together():
        write_table(table, out)
        if long is not None:
            write_table(logs.metrics, long / "metrics.parquet")
            write_csv(logs.configs, long / "configs.csv")
            write_csv(logs.sources, long / "sources.csv")
            write_text("".join(f"{note}\n" for note in logs.notes), long / "notes.txt")


def write_table(table: "pd.DataFrame", out: Path) -> None:
    """Write a table as Parquet, with its units, or as CSV."""
    if out.suffix == ".csv":
        write_csv(table, out)
        return
    with atomic_write(out) as partial:
        table.to_parquet(partial, index=False)
