"""W&B runs table: a row a run, with its state, settings and last values."""

from collections.abc import Iterator
from dataclasses import replace

from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sheet import Column, read_sheet
from bayes_scaling.data.importers.wandb_chart import HOME
from bayes_scaling.data.importers.wording import some

NAME = "W&B runs table (CSV)"
KNOWN = {"State", "Created", "Runtime", "User", "Tags", "Notes", "Sweep", "ID", "Group", "Job Type"}
"""Columns that W&B gives, beside those of the runs themselves."""


def recognises(head: Head) -> bool:
    """Return whether the header has the columns that W&B gives."""
    return "Name" in head.header and len(KNOWN.intersection(head.header)) >= 2


def read(head: Head) -> Iterator[Part]:
    """Yield a part a run: what is known of it, without rows of metrics."""
    sheet = read_sheet(head)
    name = next(one for one in sheet.columns if one.name == "Name")
    kept = [one for one in sheet.columns if one is not name and one.there.any()]
    seen: dict[str, int] = {}
    notes = (*sheet.notes, *_states(sheet.source, name.cells.tolist(), [one for one in kept if one.name == "State"]))
    for row in range(sheet.rows):
        run = str(name.cells.iloc[row])
        seen[run] = seen.get(run, 0) + 1
        config = {one.name: of for one in kept if (of := one.at(row)) is not None}
        home = HOME if seen[run] == 1 else f"{HOME}#{seen[run]}"
        part = Part(run, f"{head.source}#row {row + 1}", NAME, config=config, home=home)
        yield replace(part, notes=notes if row == 0 else ())


def _states(source: str, names: list[str], state: list[Column]) -> tuple[str, ...]:
    """Return a note on runs that did not finish."""
    pairs = [(name, of) for one in state for name, of in zip(names, one.cells, strict=True) if of and of.lower() != "finished"]
    if not pairs:
        return ()
    return (f"{source}: {several(len(pairs), 'run')} did not finish: {some([f'{name} ({of})' for name, of in pairs], 3)}",)
