"""The importers, in the order they are asked: the first that recognises a file reads it."""

from collections.abc import Iterator
from typing import Protocol

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers import (
    grid,
    json_lines,
    lightning,
    megatron,
    nanochat,
    nanogpt,
    speedrun,
    table,
    tensorboard_csv,
    text_log,
    trainer_state,
    wandb_chart,
    wandb_runs,
)
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head


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
    trainer_state,
    json_lines,
    wandb_chart,
    wandb_runs,
    tensorboard_csv,
    nanochat,
    lightning,
    megatron,
    speedrun,
    nanogpt,
    grid,
    table,
    text_log,
)


def importer_of(head: Head) -> Importer:
    """Return the importer of a file.

    Raises
    ------
    InputError
        Where none recognises it: says what was seen, and which formats there are.
    """
    found = next((one for one in IMPORTERS if one.recognises(head)), None)
    if found is None:
        names = ", ".join(one.NAME for one in IMPORTERS)
        raise InputError(f"{head.source}: no known log, {head.described}; expected one of: {names}")
    return found
