"""Levels of a group as a fit knows them: in their order, those that runs have, and those that have a place without runs."""

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.notation import PLAIN_NUMBER
from bayes_scaling.data.labels import level_index
from bayes_scaling.inference.stacking import Posterior, groups_needed, parts
from bayes_scaling.model.ordered import places
from bayes_scaling.model.parameters import Ordered
from bayes_scaling.model.specification import ordereds, smooths


def levels_in_order(fit: Posterior, group: str) -> np.ndarray:
    """Return a group's levels of the runs, as an `Ordered` term lists them; else numbers by value and texts by letter."""
    levels, listed = fit.runs.levels[group], _listed(fit, group)
    return levels if listed is None else levels[np.argsort(places(listed, levels), kind="stable")]


def known_levels(fit: Posterior, group: str, *asked_for: object) -> tuple[Any, ...]:
    """Return levels of a group as the runs have them.

    Raises
    ------
    InputError
        Listing those there are, where the law lacks the group or it lacks a level.
    """
    if group not in groups_needed(fit):
        raise InputError(f"the law does not vary over {group!r}; it varies over {groups_needed(fit)}")
    levels = fit.runs.levels[group]
    found = level_index(pd.Series(asked_for, dtype=object), levels)
    for level, place in zip(asked_for, found, strict=True):
        if place < 0:
            raise InputError(
                f"group {group!r} has no level {str(level)!r}; its levels are {_names(levels_in_order(fit, group))}"
            )
    return tuple(levels[found].tolist())


def asked_levels(fit: Posterior, group: str, *asked_for: object) -> tuple[Any, ...]:
    """Return levels of a group as the runs have them, and others that have a place, see `has_place`, as they are asked for.

    Raises
    ------
    InputError
        Listing those there are, where the law lacks the group or a level has no place.
    """
    if group not in groups_needed(fit):
        return known_levels(fit, group, *asked_for)
    return tuple(_asked(fit, group, level) for level in asked_for)


def _asked(fit: Posterior, group: str, level: object) -> Any:
    if not unseen(fit, group, level):
        return known_levels(fit, group, level)[0]
    if not has_place(fit, group, level):
        raise no_level(fit, group, level)
    return _number(str(level)) if np.issubdtype(fit.runs.levels[group].dtype, np.number) else str(level)


def _number(level: str) -> float | int:
    value = float(level)
    return int(value) if value.is_integer() else value


def no_level(fit: Posterior, group: str, level: object) -> InputError:
    """Return the error for a level that a group lacks, with those that it has: of the runs, and further ones in its order."""
    listed = _listed(fit, group)
    further = [] if listed is None else [one for one in listed.levels or () if unseen(fit, group, one)]
    more = f", without runs {_names(further)}" if further else ""
    return InputError(
        f"group {group!r} has no level {str(level)!r}; its levels are {_names(levels_in_order(fit, group))}{more}"
    )


def has_place(fit: Posterior, group: str, level: object) -> bool:
    """Return whether a level that the runs lack has a place all the same: on the axis of a smooth term, or in an order."""
    if smooth_group(fit, group):
        return PLAIN_NUMBER.fullmatch(str(level)) is not None
    listed = _listed(fit, group) if len(fit.runs.columns.dims[group]) == 1 else None
    return listed is not None and str(level) in map(str, listed.levels or ())


def smooth_group(fit: Posterior, group: str) -> bool:
    """Return whether a smooth term goes over a group: it has a value between its levels and beyond them."""
    return any(term.over == group for one, _ in parts(fit) for _, term in smooths(one.model))


def unseen(fit: Posterior, group: str, level: object) -> bool:
    """Return whether the runs lack a level."""
    return bool(level_index(pd.Series([level], dtype=object), fit.runs.levels[group])[0] < 0)


def _listed(fit: Posterior, group: str) -> Ordered | None:
    """Return the term that lists the levels of a group in their order; None where none does."""
    terms = [term for one, _ in parts(fit) for _, term in ordereds(one.model)]
    return next((term for term in terms if term.over == group and term.levels is not None), None)


def _names(levels: Any) -> list[str]:
    return [str(one) for one in levels]
