"""The importers, in the order they are asked: the first that recognises a file reads it."""

from collections.abc import Iterator
from typing import Protocol

from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling.data.importers import (
    grid,
    json_document,
    json_lines,
    lightning,
    megatron,
    mlflow_db,
    mlflow_folder,
    nanochat,
    nanogpt,
    parquet_table,
    speedrun,
    table,
    tensorboard,
    tensorboard_csv,
    text_log,
    trackio,
    trainer_state,
    wandb_chart,
    wandb_history,
    wandb_offline,
    wandb_runs,
)
from bayes_scaling.data.importers.columnar import column_names
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sqlite import tables_in


class Importer(Protocol):
    """What a file of this folder is that reads a format."""

    NAME: str
    """What the format is called, as in "W&B chart export (CSV)"."""

    def recognises(self, head: Head) -> bool:
        """Return whether a file is in the format, by what it holds."""
        ...

    def read(self, head: Head) -> Iterator[Part]:
        """Yield what a file holds, a part a run; raises InputError where it is damaged, with file and place."""
        ...


IMPORTERS: tuple[Importer, ...] = (
    tensorboard,
    wandb_offline,
    wandb_history,
    parquet_table,
    mlflow_db,
    trackio,
    mlflow_folder,
    trainer_state,
    json_lines,
    json_document,
    wandb_chart,
    wandb_runs,
    tensorboard_csv,
    nanochat,
    lightning,
    megatron,
    speedrun,
    nanogpt,
    grid,
    text_log,
    table,
)


EXPECTED = "; expected one of: "
"""What an error says before the formats that there are."""


def importer_of(head: Head) -> Importer:
    """Return the importer of a file.

    Raises
    ------
    InputError
        Where none recognises it: says what was seen, and which formats there are.
    """
    if not head.start:
        raise InputError(f"{head.source}: the file is empty; expected a log")
    found = next((one for one in IMPORTERS if one.recognises(head)), None)
    if found is None:
        if why := _no_table(head):
            raise InputError(f"{head.source}: {why}")
        names = ", ".join(one.NAME for one in IMPORTERS)
        raise InputError(f"{head.source}: no known log, {_seen(head)}{EXPECTED}{names}")
    return found


def _no_table(head: Head) -> str:
    """Return why a file that nobody recognises is no table, where it nearly is one."""
    if not head.start.strip():
        return "the file is blank; expected a log"
    if not head.text and b"\0" not in head.start:
        return head.described
    words = [line.split() for line in head.lines[:2]]
    if len(words) == 1 and len(head.header) > 1:
        return f"has a header, {format_value(head.lines[0])}, and no rows; expected rows below"
    if len(words) == 2 and len(head.header) == 1 and 1 < len(words[0]) == len(words[1]) and all(map(table.is_number, words[1])):
        return "its columns are split at spaces; expected commas, semicolons, tabs or |"
    return ""


def _seen(head: Head) -> str:
    """Return what a file that nobody recognises holds."""
    if tables := tables_in(head):
        return f"it is SQLite with the tables {format_names(tables)}"
    if columns := column_names(head):
        return f"it is Parquet with the columns {format_names(columns)}"
    return head.described
