"""nanochat's results.csv: a row a run, by its budget of compute and its depth."""

from collections.abc import Iterator

from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sheet import read_sheet

NAME = "nanochat results (CSV)"


def recognises(head: Head) -> bool:
    """Return whether the header has a budget, a depth, and what came of it."""
    return head.header[:2] == ["flops_budget", "depth"] and any(cell.startswith("val_") for cell in head.header)


def read(head: Head) -> Iterator[Part]:
    """Yield a part a run; a run that stands there again, as after a restart of the sweep, replaces the first."""
    sheet = read_sheet(head)
    named = {"flops_budget", "depth"} | {one.name for one in sheet.columns if not one.is_number}
    labels = [one for one in sheet.columns if one.name in named]
    for row in range(sheet.rows):
        config = {one.name: of for one in sheet.columns if (of := one.at(row)) is not None}
        run = " ".join(
            [*(f"{one.name[:1]}{one.cells.iloc[row]}" for one in labels[:2]), *(x.cells.iloc[row] for x in labels[2:])]
        )
        yield Part(run, f"{head.source}#row {row + 1}", NAME, config=config, notes=sheet.notes if row == 0 else ())
