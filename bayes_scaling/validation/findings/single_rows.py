"""Levels with a single row: their effect and the scatter of the row are one number."""

from collections.abc import Iterator
from itertools import groupby

import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.finding import Finding, finding
from bayes_scaling.data.runs import Runs
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.parameters import Varying
from bayes_scaling.model.specification import Model, varyings

LISTED = 3
"""So many levels are named where there are more."""


def lone_levels(model: Model, runs: Runs) -> tuple[Finding, ...]:
    """Return the groups with levels of a single row, over which something of the model varies."""
    return tuple(_finding(dims, parameters, runs) for dims, parameters in _over(model) if len(_alone(runs, dims)) > 0)


def _over(model: Model) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield groups that the law varies over, or that have group effects, with what does so."""
    terms = [(term.dims, owner) for owner, term in varyings(model) if isinstance(term, Varying) and owner != NOISE_SD]
    for dims, pairs in groupby(sorted(terms), key=lambda pair: pair[0]):
        yield dims, [owner for _, owner in pairs]


def _alone(runs: Runs, dims: tuple[str, ...]) -> pd.Series:
    counts = runs.table.groupby(list(dims), observed=True).size()
    return counts[counts == 1]


def _finding(dims: tuple[str, ...], parameters: list[str], runs: Runs) -> Finding:
    """Return the finding of a group with levels of a single row."""
    alone = _alone(runs, dims)
    levels = [" ".join(map(str, level)) if isinstance(level, tuple) else format_value(level) for level in alone.index[:LISTED]]
    more = f" and {len(alone) - LISTED} more" if len(alone) > LISTED else ""
    return finding(
        "single-rows",
        f"{_named(dims)} has a single row at {', '.join(levels)}{more}, and {_listed(parameters)} over it: what a level with "
        "one row does cannot be told from scatter",
        "take what is said of such a level for a guess from the others, or add rows to it",
    )


def _named(dims: tuple[str, ...]) -> str:
    return " x ".join(dims)


def _listed(parameters: list[str]) -> str:
    called = ["the group effect" if owner == "residual" else owner for owner in parameters]
    return f"{' and '.join(called)} {'varies' if len(called) == 1 else 'vary'}"
