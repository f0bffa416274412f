"""The table that a study is proposed for: a table as it is, or the rows of logs."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.paths import is_file
from bayes_scaling.data.tables import TABLE_ENDINGS

if TYPE_CHECKING:
    from bayes_scaling.data.importers.record import Logs

TABLES = ("table (CSV)", "table (Parquet)", "Markdown table", "text log")
"""Formats that a file which ends as tables do may as well be read from as it is."""


def logs_of(sources: Sequence[str | PathLike[str]]) -> "Logs | None":
    """Return the logs that sources hold; None where they are one table, which is read as it is."""
    from bayes_scaling.data.importers.formats import importer_of
    from bayes_scaling.data.importers.read_logs import read_logs
    from bayes_scaling.data.importers.recognise import Head

    if len(sources) == 1 and is_file(path := Path(sources[0])) and path.name.endswith(TABLE_ENDINGS):
        try:
            if importer_of(Head(path, str(path))).NAME in TABLES:
                return None
        except InputError:
            return None
    return read_logs([str(source) for source in sources])
