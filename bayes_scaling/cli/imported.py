"""Imported tables as files."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import atomic_write, write_csv, write_text
from bayes_scaling._base.moves import write_together

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.importers.record import Logs

WRITER = "bayes-scaling import"
"""What Parquet files say that they were written by."""


def require_replaceable(out: Path, sources: Sequence[str], *, force: bool) -> None:
    """Refuse to write over a source, or unless forced over a file that `import` did not write."""
    from bayes_scaling.data.importers.files import is_source

    if not os.path.lexists(out):
        return
    if is_source(out, sources):
        raise InputError(f"{out}: is one of the sources; expected another name, outside of folders that are read")
    if not (force or _is_own(out)):
        raise InputError(f"{out}: is there already; --force replaces it")


def _is_own(out: Path) -> bool:
    """Return whether a file says that `import` wrote it; only Parquet can."""
    import pyarrow as pa
    from pyarrow import parquet

    if out.suffix != ".parquet":
        return False
    try:
        found = json.loads((parquet.read_schema(out).metadata or {}).get(b"PANDAS_ATTRS", b"{}"))
    except (pa.ArrowInvalid, OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("written_by") == WRITER


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
    table = table.copy(deep=False)
    table.attrs = {**table.attrs, "written_by": WRITER}
    with atomic_write(out) as partial:
        table.to_parquet(partial, index=False)
