"""W&B history in Parquet, as wandb exports it: a row a step, a column a metric; a file a run, or several in one folder."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from bayes_scaling.data.importers.columnar import column_names, columns_of, read_rows
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NAME = "W&B history (Parquet)"

STEP = "_step"
OWN = ("_step", "_timestamp", "_wandb")
"""What wandb adds and is no metric. `_runtime`, in seconds, is kept: hours are a cost."""

NUMBERED = re.compile(r"((part|history|chunk|shard)[-_.]?)?\d+")
"""The name of a file that is one of several of a run."""


def recognises(head: Head) -> bool:
    """Return whether a file is Parquet with a column `_step`, and no table of several runs."""
    names = column_names(head)
    return STEP in names and "run" not in names


def is_metric(name: str) -> bool:
    """Return whether a name in a history is no step or time of wandb's own."""
    return name.partition(".")[0] not in OWN


def read(head: Head) -> Iterator[Part]:
    """Yield the run of a file; files that are numbered are one run with the others of their folder."""
    columns, path = columns_of(head), PurePath(head.source)
    keys = [name for name in columns.numbers if is_metric(name)]
    numbered = NUMBERED.fullmatch(path.stem) is not None and bool(path.parent.name)
    called = run_name(str(path.parent)) if numbered else run_name(head.source)
    rows = read_rows(head, STEP, None, keys)
    others = [name for name in (*columns.texts, *columns.others) if not name.startswith("_")]
    notes = (f"{head.source}: columns without numbers are left out: {', '.join(others)}",) if others else ()
    home = f"{NAME} {path.parent if numbered else path}"
    yield Part(called, head.source, NAME, rows.metrics(""), notes=notes, home=home)
