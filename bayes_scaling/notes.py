"""What to know of an answer before relying on it: it goes with the answer, in `attrs["notes"]`, a sentence each."""

import difflib
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.labels import level_index
from bayes_scaling.model import NOISE_SD, varyings
from bayes_scaling.numbers import percent
from bayes_scaling.stacking import Posterior, groups_needed, parts

NAMED = 3
"""Most new levels of a group that are named."""


def noise_groups(fit: Posterior) -> list[str]:
    """Return the groups between which the scale of the scatter differs, in any of the laws."""
    terms = [(owner, term) for one, _ in parts(fit) for owner, term in varyings(one.model)]
    return sorted({dim for owner, term in terms if owner == NOISE_SD for dim in term.dims})


def notes_on(fit: Posterior, frame: pd.DataFrame, groups: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return which levels of checked points the runs do not have, with a near spelling where there is one.

    groups: to be looked at; those that the expected loss differs between unless given. One that the points do not name is said
        to be taken for levels never seen.
    """
    return tuple(note for dim in (groups_needed(fit) if groups is None else groups) for note in _new_levels(fit, frame, dim))


def scatter_notes(fit: Posterior, frame: pd.DataFrame) -> tuple[str, ...]:
    """Return what `notes_on` does for a prediction of new runs: of the groups of the scatter too."""
    return notes_on(fit, frame, sorted({*groups_needed(fit), *noise_groups(fit)}))


def _new_levels(fit: Posterior, frame: pd.DataFrame, dim: str) -> list[str]:
    if dim not in frame:
        known = dim not in groups_needed(fit)
        return [
            f"the points do not say {dim}, between whose levels runs scatter differently: each is a level never seen"
        ] * known
    levels = fit.runs.levels[dim]
    fresh = list(dict.fromkeys(str(one) for one in frame[dim][level_index(frame[dim], levels) < 0]))
    if not fresh:
        return []
    names = [str(level) for level in levels]
    nearest = {name: difflib.get_close_matches(name, names, 1) for name in fresh[:NAMED]}
    said = [f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name) for name, near in nearest.items()]
    more = f" and {len(fresh) - NAMED} more" if len(fresh) > NAMED else ""
    is_new = "is a level" if len(fresh) == 1 else "are levels"
    return [f"{dim} {', '.join(said)}{more} {is_new} that the runs do not have: drawn from the population"]


def left_out(gone: np.ndarray, why: str) -> tuple[str, ...]:
    """Return in which share of draws there is no answer, and why; nothing where all have one."""
    share = float(np.mean(gone))
    return (f"in {percent(share)} of draws {why}",) if share > 0 else ()


def noted[T](made: T, notes: Sequence[str]) -> T:
    """Return a table or draws with notes, beside those that they have; as they are without any."""
    if not notes:
        return made
    changed: Any = made.copy(deep=False) if isinstance(made, pd.DataFrame | xr.DataArray | xr.Dataset) else made
    every = tuple(dict.fromkeys((*changed.attrs.get("notes", ()), *notes)))
    if isinstance(changed, xr.Dataset):
        changed = changed.assign({name: one.assign_attrs(notes=every) for name, one in changed.items()})
    changed.attrs = {**changed.attrs, "notes": every}
    return cast("T", changed)
