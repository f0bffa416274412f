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
    texts = [one for one in sheet.columns if not one.is_number]
    cells = {one.name: one.cells for one in sheet.columns}
    for row in range(sheet.rows):
        config = {one.name: of for one in sheet.columns if (of := one.at(row)) is not None}
        labels = [one.cells.iloc[row] for one in texts]
        run = " ".join([str(cells["flops_budget"].iloc[row]), f"d{cells['depth'].iloc[row]}", *labels])
        yield Part(run, f"{head.source}#row {row + 1}", NAME, config=config, notes=sheet.notes if row == 0 else ())
