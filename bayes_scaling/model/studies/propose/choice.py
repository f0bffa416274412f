"""Which law a table can support."""

from collections.abc import Mapping

from bayes_scaling.model.studies.propose.curves import curve_draft
from bayes_scaling.model.studies.propose.draft import Draft, Read
from bayes_scaling.model.studies.propose.ends import (
    compute_alone,
    data_alone,
    loops,
    repeated,
    size_alone,
    size_and_data,
    steps_alone,
    with_compute,
)
from bayes_scaling.model.studies.propose.shape import Shape

UNITS = {"step": "steps", "epochs": "epochs", "loops": "loops"}
REPEATED = 1.01
"""Data are repeated where a run has more epochs than this; less is rounding."""


def reads_of(shape: Shape) -> dict[str, Read]:
    """Return the inputs that a law may read, by role, with unit and evidence."""
    found = {}
    for role in shape.numbers:
        column = shape.roles.column(role)
        one = shape.roles.roles.get(role)
        if column is not None and role != "loss":
            found[role] = Read(column, UNITS.get(role, shape.roles.unit(role)), None, "" if one is None else one.evidence)
    return found


def choose_law(shape: Shape) -> Draft | None:
    """Return the study that a table can support; None where it has no loss or nothing that the loss may follow."""
    if "loss" not in shape.numbers or not shape.usable.any():
        return None
    reads = reads_of(shape)
    loss = shape.roles.roles.get("loss")
    unit = _of_losses(loss.unit) if loss is not None else None
    if shape.along is not None:
        return curve_draft(shape, reads, unit)
    return _of_ends(shape, reads, unit)


def _of_losses(unit: str) -> str | None:
    return {"perplexity": None, "": None}.get(unit, unit)


def _of_ends(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft | None:
    """Return the study of the ends of runs that their inputs allow; None where they allow none."""
    sizes, lengths = shape.levels("params"), shape.levels("tokens")
    if "loops" in shape.roles.roles and shape.levels("loops") > 1 and sizes and lengths:
        return loops(shape, reads, unit)
    if "unique_tokens" in reads and "epochs" in reads and shape.numbers["epochs"].max() > REPEATED and sizes:
        return repeated(shape, reads, unit)
    if sizes > 1 and lengths > 1:
        return size_and_data(shape, reads, unit)
    if sizes <= 1 and lengths > 1:
        return (
            with_compute(shape, reads, unit, "tokens")
            if not sizes and shape.levels("compute") > 1
            else data_alone(shape, reads, unit)
        )
    if sizes > 1:
        return (
            with_compute(shape, reads, unit, "params")
            if not lengths and shape.levels("compute") > 1
            else size_alone(shape, reads, unit)
        )
    if sizes and lengths:
        return size_and_data(shape, reads, unit)
    if shape.levels("compute"):
        return compute_alone(shape, reads, unit)
    if sizes or lengths:
        return data_alone(shape, reads, unit) if lengths else size_alone(shape, reads, unit)
    return steps_alone(shape, reads, unit) if "step" in reads else None
