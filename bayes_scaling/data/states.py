"""Columns that say how a run came to its end: which rows of a table of runs are not finished."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.expressions import quoted_name

STATES = ("state", "status")
"""Columns of these names, in any case and behind any slash or point, say it where their labels are such as below."""
FINISHED = frozenset({"finished", "complete", "completed", "done", "success", "succeeded"})
UNFINISHED = frozenset(
    {
        *("crashed", "failed", "failure", "killed", "running", "preempted", "preempting", "pending", "queued", "scheduled"),
        *("canceled", "cancelled", "aborted", "stopped", "interrupted", "timeout", "oom"),
    }
)


@dataclass(frozen=True)
class Unfinished:
    """Rows of runs that did not come to their end.

    Parameters
    ----------
    column
        The column that says so.
    rows
        Which rows they are.
    text
        How many there are of each state, as "2 crashed".
    where
        The filter that leaves them out.
    """

    column: str
    rows: pd.Series
    text: str
    where: str


def find_unfinished(frame: pd.DataFrame, unread: Collection[str] | None = None) -> Unfinished | None:
    """Return the rows of runs that did not finish; None where no column says so, or says it of all.

    unread: the columns to look at; all unless given.
    """
    for name in [str(name) for name in frame if unread is None or str(name) in unread]:
        if not is_state_name(name) or pd.api.types.is_numeric_dtype(frame[name]):
            continue
        label = frame[name].dropna().astype(str)
        plain = label.str.strip().str.lower()
        finished = sorted(label[plain.isin(FINISHED)].unique())
        if not finished or not plain.isin(FINISHED | UNFINISHED).all():
            continue
        rows = frame[name].notna() & ~frame[name].astype(str).isin(finished)
        if not rows.any():
            continue
        counts = frame.loc[rows, name].astype(str).value_counts(sort=True).sort_index(kind="stable")
        kept = " or ".join(f'{quoted_name(name)} == "{one}"' for one in finished)
        return Unfinished(name, rows, ", ".join(f"{count} {format_value(state)}" for state, count in counts.items()), kept)
    return None


def is_state_name(name: str) -> bool:
    """Return whether a column is called as states of runs are."""
    return name.lower().replace("/", ".").rpartition(".")[2].strip("_ ") in STATES


def unfinished_note(found: Unfinished) -> str:
    """Return a sentence on rows of runs that did not finish."""
    count = int(found.rows.sum())
    return (
        f"{count} of the {len(found.rows)} runs {'is' if count == 1 else 'are'} not finished by column {found.column!r} "
        f"({found.text}), and a run that ends early shows a higher loss than one planned so: "
        f"leave them out, as by where = {found.where!r}"
    )
