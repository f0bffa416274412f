"""Responses that laws of losses are none of: losses below zero, accuracies and error rates; and the studies that take them."""

from shlex import quote

import numpy as np

from bayes_scaling._base.numbers import format_count, number
from bayes_scaling.laws.units import SHARES, loss_unit, percent_of, response_unit
from bayes_scaling.model.studies.propose.shape import Shape

MOSTLY = 0.5
"""Where so many losses are at or below zero, they are no mistakes of single rows."""
STUDIES = {"accuracy": "accuracy_curve", "error rate": "error_rate_curve"}
"""What carries on a single curve of each."""


def no_loss_above_zero(shape: Shape) -> str:
    """Return what to do where losses lie below zero, as those less the loss of a unigram model; "" where they do not."""
    loss = shape.numbers["loss"]
    seen = loss[np.isfinite(loss)]
    below = int((seen <= 0).sum())
    if not below or below <= MOSTLY * len(seen):
        return ""
    where = f"in {format_count(below)} of {format_count(len(seen))} rows, down to {number(float(seen.min()), 4)}"
    return (
        f"column {shape.roles.column('loss')!r} (loss) is at or below zero {where}, and the laws proposed here are of losses "
        "above zero; losses less that of a unigram model are read by the study vocabulary (`bayes-scaling fit vocabulary "
        "--runs FILE`), a law of your own reads them with positive = false in the response of its model file"
    )


def share_of_answers(shape: Shape) -> str:
    """Return what to do with an accuracy or an error rate, to which the priors of losses say nothing; "" for a loss."""
    column = str(shape.roles.column("loss"))
    unit = shape.roles.roles["loss"].unit if "loss" in shape.roles.roles else ""
    said = loss_unit(percent_of(unit) or unit)
    named = response_unit(column)
    share = said if said in SHARES else named if named in SHARES else "error rate" if "%" in (said, named) else None
    if share is None:
        return ""
    study, role = STUDIES[share], share.replace(" ", "_")
    percent = "%" in unit or named == "%" or float(shape.numbers["loss"].max()) > 1
    units = f" --unit {quote(f'{role}=% {share}')}" if percent else ""
    along = next(
        (of for name in (shape.along, "tokens", "params", "compute") if (of := shape.roles.column(name or ""))), "COLUMN"
    )
    how = f"bayes-scaling fit {study} --runs FILE --column {quote(f'{role}={column}')} --column {quote(f'x={along}')}{units}"
    return (
        f"column {column!r} is an {share}, and the laws proposed here, and their priors, are of losses; the curve of one run "
        f"is carried on by `{how}`, and accuracies of runs of several sizes are read over their loss by the study "
        "downstream_ladder (columns task, loss, accuracy, chance): propose a study of the loss, and chain the two"
    )
