"""What to know of an answer before relying on it: it goes with the answer, in `attrs["notes"]`, a sentence each."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.numbers import decades, number, percent, several
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.inference.stacking import Posterior, groups_needed, parts
from bayes_scaling.laws.units import SHARES, loss_unit
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.ordered import places
from bayes_scaling.model.parameters import ByLevel, Ordered, Smooth
from bayes_scaling.model.smooth import axis
from bayes_scaling.model.specification import varyings

MAX_ABOVE = 0.01
"""Of a share so many draws may be above 1 before it is said."""

MANY_DECADES = 2.0
"""From so far beyond the runs, a hundred times their inputs, it is said of points how far they lie."""

NEW_RUN = "a new one"
"""The level of runs in a point that is about no run of the fit: nothing is to be said of its not being there."""

MAX_NAMED = 3
"""Most new levels of a group that are named."""


def noise_groups(fit: Posterior) -> list[str]:
    """Return the groups between which the scale of the scatter differs, in any of the laws."""
    terms = [(owner, term) for one, _ in parts(fit) for owner, term in varyings(one.model)]
    return sorted({dim for owner, term in terms if owner == NOISE_SD for dim in term.dims})


def notes_on(fit: Posterior, frame: pd.DataFrame, groups: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return which levels of checked points the runs do not have, with near spellings, and which inputs lie outside the runs.

    Of inputs those that may be 0: how far the others lie outside is the distance.

    Parameters
    ----------
    groups
        To be looked at; those that the expected loss differs between unless given. One that the points do not name is said to
        be taken for levels never seen.
    """
    looked_at = groups_needed(fit) if groups is None else groups
    fresh = (note for dim in looked_at for note in new_levels(fit, frame, dim))
    return (*fresh, *_never_met(fit, frame, looked_at), *_out_of_range(fit, frame))


def scatter_notes(fit: Posterior, frame: pd.DataFrame) -> tuple[str, ...]:
    """Return what `notes_on` does for a prediction of new runs: of the groups of the scatter too."""
    return notes_on(fit, frame, sorted({*groups_needed(fit), *noise_groups(fit)}))


def new_levels(fit: Posterior, frame: pd.DataFrame, dim: str) -> list[str]:
    """Return which levels of a group the runs do not have, and where what is said of them comes from."""
    if dim not in frame:
        known = dim not in groups_needed(fit)
        return [
            f"the points do not say {dim}, between whose levels runs scatter differently: each is a level never seen"
        ] * known
    levels = fit.runs.levels[dim]
    fresh = list(dict.fromkeys(str(one) for one in frame[dim][level_index(frame[dim], levels) < 0]))
    fresh = [one for one in fresh if (dim, one) != ("run", NEW_RUN)]
    if not fresh:
        return []
    terms = [of for one, _ in parts(fit) for of in varyings(one.model) if dim in of[1].dims]
    if along := [term for _, term in terms if isinstance(term, Smooth) and term.over == dim]:
        return _off_levels(along[0], levels, fresh, own=len(along) < len(terms))
    if ordered := [term for _, term in terms if isinstance(term, Ordered)]:
        return _in_order(ordered[0], levels, fresh, own=len(ordered) < len(terms))
    names = [str(level) for level in levels]
    nearest = {name: difflib.get_close_matches(name, names, 1) for name in fresh[:MAX_NAMED]}
    said = [f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name) for name, near in nearest.items()]
    more = f" and {len(fresh) - MAX_NAMED} more" if len(fresh) > MAX_NAMED else ""
    is_new = "is a level" if len(fresh) == 1 else "are levels"
    own = [isinstance(term, ByLevel) for _, term in terms]
    sources = ["the population"] * (not all(own) or not own) + ["the prior of levels without runs"] * any(own)
    return [f"{dim} {', '.join(said)}{more} {is_new} that the runs do not have: drawn from {' and '.join(sources)}"]


def _in_order(term: Ordered, levels: np.ndarray, fresh: Sequence[str], *, own: bool) -> list[str]:
    """Say which levels of an ordered term lie between those of the runs, and which before or after them."""
    low, high = np.sort(places(term, levels))[[0, -1]]
    inside = [low <= at <= high for at in places(term, fresh)]
    how = {
        "between": "the step between their neighbours is divided",
        "beyond": "further steps are drawn from their prior",
    }
    return _where(
        term.over, fresh, inside, {where: f" in the order: {of}{_of_own(term.over, own)}" for where, of in how.items()}
    )


def _of_own(dim: str, own: bool) -> str:
    """Say where what levels have beside a place comes from, where they have any."""
    return f"; what levels of {dim} have of their own is drawn from the population" if own else ""


def _off_levels(term: Smooth, levels: np.ndarray, fresh: Sequence[str], *, own: bool) -> list[str]:
    """Say which places on the axis of a smooth term lie between the levels of the runs, and which beyond them.

    Parameters
    ----------
    own
        Whether levels have a part beside the smooth one.
    """
    low, high = np.sort(axis(term, levels))[[0, -1]]
    inside = [low <= at <= high for at in axis(term, fresh)]
    said = {
        "between": "what is smooth along it is interpolated",
        "beyond": "what is smooth along it is carried on by its prior's scale and length, not by runs",
    }
    return _where(term.over, fresh, inside, {where: f": {how}{_of_own(term.over, own)}" for where, how in said.items()})


def _where(dim: str, fresh: Sequence[str], inside: Sequence[bool], said: Mapping[str, str]) -> list[str]:
    """Return a note on the levels that lie between those of the runs, and one on those beyond; said: what follows of each."""
    found = []
    for where, how in said.items():
        names = [name for name, within in zip(fresh, inside, strict=True) if within == (where == "between")]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        lie = "lies" if len(names) == 1 else "lie"
        if names:
            found.append(f"{dim} {', '.join(names[:MAX_NAMED])}{more} {lie} {where} the levels of the runs{how}")
    return found


def _out_of_range(fit: Posterior, frame: pd.DataFrame) -> list[str]:
    """Say which inputs that may be 0 lie outside the runs, as distances are measured along the others alone."""
    said = []
    for name, one in fit.runs.columns.inputs.items():
        if not one.zero or name not in frame:
            continue
        low, high = float(fit.runs.table[name].min()), float(fit.runs.table[name].max())
        if len(apart := np.unique(frame[name][(frame[name] < low) | (frame[name] > high)])):
            shown = f"{', '.join(map(number, apart[:MAX_NAMED]))}{' and more' if len(apart) > MAX_NAMED else ''}"
            lie = "lies" if len(apart) == 1 else "lie"
            span = f"{number(low)} to {number(high)}"
            said.append(f"{name} {shown} {lie} outside the runs, which have {span}: distances do not count it")
    return said


def _never_met(fit: Posterior, frame: pd.DataFrame, groups: Sequence[str]) -> list[str]:
    """Say which known levels of groups that interact have no row of the runs together."""
    terms = [term.dims for one, _ in parts(fit) for _, term in varyings(one.model) if len(term.dims) > 1]
    said = []
    for dims in dict.fromkeys(of for of in terms if set(of) <= set(frame) and set(of) & set(groups)):
        places = {dim: level_index(frame[dim], fit.runs.levels[dim]) for dim in dims}
        seen = set(zip(*(level_index(fit.runs.table[dim], fit.runs.levels[dim]) for dim in dims), strict=True))
        asked = dict.fromkeys(zip(*places.values(), strict=True))
        apart = [cell for cell in asked if min(cell) >= 0 and cell not in seen]
        names = [" and ".join(str(fit.runs.levels[dim][i]) for dim, i in zip(dims, cell, strict=True)) for cell in apart]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        said += [
            f"{'; '.join(names[:MAX_NAMED])}{more} never met in the runs: what is theirs alone is drawn from the population"
        ] * (len(names) > 0)
    return said


def loss_notes(fit: Posterior, undefined: np.ndarray, below: np.ndarray) -> tuple[str, ...]:
    """Return in which share of draws a law is not defined, or gives no loss above 0 where only those are any."""
    response = fit.runs.columns.response
    said = left_out(undefined, "the law is not defined; they are left out")
    why = f"{response.name} is not above 0, where the law has lost its meaning"
    return said + (left_out(below, why) if response.positive else ())


def value_notes(fit: Posterior, frame: pd.DataFrame, draws: xr.DataArray) -> tuple[str, ...]:
    """Return what to know of the values of draws at points: undefined, not above 0, or beyond the bounds of a share."""
    values = draws.to_numpy()
    above = np.broadcast_to((draws > 1).mean(("chain", "draw")).to_numpy(), len(frame))
    return loss_notes(fit, np.isnan(values), values <= 0) + bound_notes(fit, frame, above)


def bound_notes(fit: Posterior, frame: pd.DataFrame, above: np.ndarray) -> tuple[str, ...]:
    """Return where bands of accuracies and error rates pass 1, and what to declare instead.

    Parameters
    ----------
    above
        Of each row, the share of draws above 1.
    """
    columns = fit.runs.columns
    several = bool(columns.output_units) and OUTPUT in frame
    units = (
        [columns.output_units.get(str(one), "") for one in frame[OUTPUT]] if several else [columns.response.unit] * len(frame)
    )
    outputs = list(frame[OUTPUT].astype(str)) if several else [None] * len(frame)
    passing = [i for i, unit in enumerate(units) if loss_unit(unit) in SHARES and above[i] > MAX_ABOVE]
    passing = [i for i in passing if not _passes_1(fit, outputs[i])]
    if not passing:
        return ()
    worst = max(passing, key=lambda i: above[i])
    row = f"of the points, row {worst + 1}, " if len(frame) > 1 else ""
    where = row if len(passing) == 1 else f"of {len(passing)} of {len(frame)} points up to "
    of, how = (f"output {frame[OUTPUT].iloc[worst]!r}", "fit it by itself with") if several else ("the fit", "expected")
    return (
        f"{where}{percent(float(above[worst]))} of draws are above 1, which no {loss_unit(units[worst])} is: law and noise of "
        f'{of} have no such bound; {how} noise on = "log_odds" and a law between 0 and 1, as sigmoid(a - b * log(x))',
    )


def _passes_1(fit: Posterior, output: str | None) -> bool:
    """Return whether the runs' own response passes 1, as error rates of words may."""
    seen = fit.runs.table
    return bool(((seen["response"] > 1) & (output is None or seen[OUTPUT].astype(str) == output)).any())


def far_notes(apart: np.ndarray) -> tuple[str, ...]:
    """Return how many points lie many decades beyond the runs; nothing where none does."""
    far = apart >= MANY_DECADES
    if not far.any():
        return ()
    of = f" of {several(len(far), 'point')}" if len(far) > 1 else " point"
    lie = "lies" if far.sum() == 1 else "lie up to"
    return (f"{far.sum()}{of} {lie} {decades(float(apart.max()))} beyond the runs: bands there rest on the law and its priors",)


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
