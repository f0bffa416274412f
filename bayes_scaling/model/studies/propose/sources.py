"""The table that a study is proposed for: a table as it is, or the rows of logs."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.paths import is_file
from bayes_scaling.data.tables import TABLE_ENDINGS

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.importers.record import Logs

TABLES = ("table (CSV)", "table (Parquet)", "Markdown table", "text log")
"""Formats that a file which ends as tables do may as well be read from as it is."""


def logs_of(sources: Sequence[str | PathLike[str]], **known: Any) -> "Logs | None":
    """Return the logs that sources hold; None where they are one table, which is read as it is. known: as to `read_logs`."""
    from bayes_scaling.data.importers.formats import importer_of
    from bayes_scaling.data.importers.read_logs import read_logs
    from bayes_scaling.data.importers.recognise import Head

    if len(sources) == 1 and is_file(path := Path(sources[0])) and path.name.endswith(TABLE_ENDINGS):
        try:
            if importer_of(Head(path, str(path))).NAME in TABLES:
                return None
        except InputError:
            return None
    return read_logs([str(source) for source in sources], **known)


def rows_of(logs: "Logs", *, last: bool = False) -> "tuple[pd.DataFrame, tuple[str, ...]]":
    """Return the rows of logs, with learning rates on a line between those that were logged, and what was filled."""
    from bayes_scaling.data.rates import is_rate_name

    frame, notes = logs.to_frame(last=last), []
    for name in [name for name in frame if is_rate_name(str(name)) and frame[name].dtype.kind == "f"]:
        gaps = frame[name].isna() & frame["step"].notna()
        filled = frame[name].where(~gaps, _between(frame, str(name)))
        if count := int((frame[name].isna() & filled.notna()).sum()):
            frame[name] = filled
            notes.append(f"{count} rows have no {name}: between those that were logged it is taken to be a line along steps")
    return frame, tuple(notes)


def _between(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """Return a column along the steps of each run, between its values on a line and beyond them as the nearest."""
    import numpy as np
    import pandas as pd

    found = pd.Series(np.nan, frame.index)
    for _, rows in frame[frame["step"].notna()].groupby("run", observed=True):
        of = rows[rows[name].notna()].sort_values("step", kind="stable")
        if len(of):
            found.loc[rows.index] = np.interp(rows["step"], of["step"], of[name])
    return found
