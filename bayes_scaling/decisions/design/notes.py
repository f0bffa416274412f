"""What to know before relying on a ranking of candidate runs."""

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import format_names
from bayes_scaling._base.numbers import decades, number, several
from bayes_scaling.data.distance import NEAR_DECADES, distance
from bayes_scaling.data.labels import number_as_text
from bayes_scaling.decisions.design.candidates import LABEL
from bayes_scaling.decisions.design.ranked import NextRuns
from bayes_scaling.inference.stacking import Posterior, groups_needed, inputs_read
from bayes_scaling.prediction.notes import new_levels

ENOUGH_DRAWS = 1000
"""With fewer draws a note says that sets of several runs want more."""


MEASURABLE = 2.0
"""Information below so many times 1 / draws, for each direction a candidate can tell apart, is no more than chance shows."""


MAX_FAR = 3
"""Most candidates far from the runs that are named."""


def notes_of(fit: Posterior, frame: pd.DataFrame, labels: np.ndarray, possible: np.ndarray, worth: float) -> tuple[str, ...]:
    """Return what to know before relying on it. worth: how many independent draws those of the question are worth."""
    notes = []
    if possible.sum() < ENOUGH_DRAWS:
        notes.append(f"{possible.sum()} draws: sets of several runs want {ENOUGH_DRAWS} and more")
    if worth < possible.sum() / MEASURABLE:
        least = MEASURABLE / worth
        notes.append(
            f"the draws of the question are worth {number(worth)} independent ones: "
            f"less than {number(least, 2)} nats is not measurable"
        )
    if not possible.all():
        notes.append(f"{(~possible).sum()} of {len(possible)} draws are left out: no answer, or no value at some candidate")
    notes += [note for dim in groups_needed(fit) for note in new_levels(fit, frame, dim)]
    if again := _repeats(fit, frame, labels):
        notes.append(
            f"{format_names(again)} have the inputs and groups of runs of the fit: they count as repeats, with new scatter"
        )
    return tuple(notes)


def _repeats(fit: Posterior, frame: pd.DataFrame, labels: np.ndarray) -> list[str]:
    """Return the first candidates all of whose rows have the inputs and groups of a row of the fit's runs."""
    names = [name for name in (*inputs_read(fit), *groups_needed(fit)) if name in frame and name in fit.runs.table]
    known = {tuple(map(number_as_text, row)) for row in fit.runs.table[names].itertuples(index=False)}
    there = np.array([tuple(map(number_as_text, row)) in known for row in frame[names].itertuples(index=False)])
    whole = pd.Series(there).groupby(labels, sort=False).all()
    return [str(name) for name in whole.index[whole][:3]]


def far_notes(fit: Posterior, frame: pd.DataFrame, rows: np.ndarray, found: NextRuns) -> list[str]:
    """Say how far candidates lie from the runs where what they tell rests on the law: those proposed, and how many others."""
    far = distance(fit.runs, frame)
    off = np.array([far[of[of >= 0]].max() for of in rows])
    proposed = {int(found.order[0]), *found.best.members}
    beyond = np.flatnonzero(off > NEAR_DECADES)
    named = [i for i in sorted(proposed, key=lambda i: -off[i]) if i in beyond]
    others = [i for i in beyond if i not in proposed]
    names = found.candidates[LABEL].astype(str).to_numpy()
    said = [f"candidate {names[i]} ({decades(off[i])})" for i in named[:MAX_FAR]]
    said += [f"{several(len(named) - MAX_FAR, 'more proposed', 'more proposed')} by less"] if len(named) > MAX_FAR else []
    if others:
        more = several(len(others), "candidate" if not said else "other candidate")
        said.append(f"{more} not proposed ({'up to ' if len(others) > 1 else ''}{decades(max(off[others]))})")
    on_law = "what they tell rests on the law holding there as at the question"
    return [f"far from the runs lie {'; '.join(said)}: {on_law}"] if said else []
