"""Runs in two parts: those to train on, and those left out to be predicted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor, log10

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.expressions import quoted_name
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.model.settings import Settings

SHARES = (2 / 3, 1 / 2)
"""The range of the runs trained on, from the smallest up, where nobody says which; the rest is left out and predicted."""

CAREFUL = 0.98
"""Acceptance rate aimed at for parts of the runs, which leave a law's posterior narrower places than all of them do: of 8,000
draws of Chinchilla's law from the runs below 1e9 parameters 36 diverged at 0.9, one at 0.95 and none at 0.98."""


@dataclass(frozen=True)
class Fold:
    """Runs to train on, and those left out.

    Parameters
    ----------
    where
        The filter that keeps the training runs.
    held
        The rows left out, in the shape of a table of runs.
    """

    where: str
    train: Runs
    held: pd.DataFrame


def split(runs: Runs, where: str) -> Fold:
    """Return the runs that a filter keeps, and the rows of those it does not.

    Raises
    ------
    InputError
        Where the filter is none, names no column, or leaves no row to train on or to predict.
    """
    kept = subset(runs, where)
    if runs.columns.outputs and OUTPUT not in parse_filter(where).columns:  # type: ignore[attr-defined]
        held = set(runs.table["run"]) - set(kept.table["run"])
        if len(kept) + int(runs.table["run"].isin(held).sum()) != len(runs):
            raise InputError(
                f"{runs.source}: {where!r} keeps some outputs of a run and leaves others out; "
                f"expected a filter that takes runs as a whole, or one that names {OUTPUT!r}"
            )
    if len(kept) == len(runs):
        raise InputError(f"{runs.source}: {where!r} keeps all {len(runs)} rows to train on; none is left to predict")
    return Fold(where, kept, subset(runs, f"not ({where})").table)


def folds(runs: Runs, train: Sequence[str] = ()) -> tuple[Fold, ...]:
    """Return the ways to train on a part of the runs and predict the others.

    Parameters
    ----------
    train
        Each entry is one of a filter on inputs and groups, such as "params < 1e9": what it keeps is trained on; an input: its
        largest level is left out; a group: each of its levels is left out in turn. None given: the product of all inputs, a
        stand-in for compute, up to two thirds and up to half of its range in the logarithm; two rows at least are left out.

    Raises
    ------
    InputError
        Where a filter is none, or leaves no row to train on or to predict.
    """
    asked = [text for entry in train for text in _filters(runs, entry)] or _default_filters(runs)
    return tuple(split(runs, text) for text in dict.fromkeys(asked))


TRAINED, HELD = 6, 2
"""Rows that a cut leaves to train on, and to predict, at least."""


def extrapolations(runs: Runs, train: Sequence[str] = ()) -> tuple[Fold, ...]:
    """Return the ways to train on the lower part of the runs that leave enough of them to tell laws apart.

    Those of `folds`; where the lower part of the range has too few rows, as many shares of the rows by rank. None where there
    are fewer than eight rows.

    Parameters
    ----------
    train
        As for `folds`; what is asked for is taken as it is.

    Raises
    ------
    InputError
        As `folds` does.
    """
    if train:
        return folds(runs, train)
    if len(_a_row_each(runs)) < TRAINED + HELD:
        return ()
    found: dict[int, Fold] = {}
    for by_range, by_rank in zip(_default_filters(runs), _rank_filters(runs), strict=True):
        for text in (by_range, by_rank):
            part = _split_or_none(runs, text)
            if part is None:
                continue
            held = part.held["run"].nunique() if runs.columns.outputs else len(part.held)
            if len(_a_row_each(part.train)) >= TRAINED and held >= HELD:
                found.setdefault(len(part.train), part)
                break
    return tuple(found.values())


def _a_row_each(runs: Runs) -> pd.DataFrame:
    """Return the rows that shares and least numbers of rows are of: one of each run, where those have several outputs."""
    return runs.table.drop_duplicates("run") if runs.columns.outputs else runs.table


def _split_or_none(runs: Runs, where: str) -> Fold | None:
    try:
        return split(runs, where)
    except InputError:  # runs of one size
        return None


def _rank_filters(runs: Runs) -> list[str]:
    """Return filters that keep shares of the rows in the order of the product of all inputs."""
    inputs, rows = list(runs.columns.scales), _a_row_each(runs)
    scale = np.sort(np.log10(rows[inputs].to_numpy()).sum(axis=1))
    places = [min(round(share * len(scale)), len(scale) - HELD) for share in SHARES]
    return [f"{' * '.join(map(quoted_name, inputs))} < {_rounded_down(10 ** scale[at]):g}" for at in places]


def _filters(runs: Runs, entry: str) -> list[str]:
    if entry in runs.columns.inputs:
        return [f"{quoted_name(entry)} < {repr(float(runs.table[entry].max())).removesuffix('.0')}"]
    if entry in runs.levels:
        return [f"{quoted_name(entry)} != {level!r}" for level in runs.levels[entry].tolist()]
    return [entry]


def _default_filters(runs: Runs) -> list[str]:
    inputs, rows = list(runs.columns.scales), _a_row_each(runs)
    scale = np.sort(np.log10(rows[inputs].to_numpy()).sum(axis=1))
    cuts = [min(scale[0] + share * (scale[-1] - scale[0]), scale[-2:][0]) for share in SHARES]
    return [f"{' * '.join(map(quoted_name, inputs))} < {_rounded_down(10**cut):g}" for cut in cuts]


def _rounded_down(value: float) -> float:
    """Return a number with three digits that is not larger."""
    unit = 10.0 ** (floor(log10(value)) - 2)
    return floor(value / unit * (1 + 1e-12)) * unit


def careful(settings: Settings) -> Settings:
    """Return settings for a part of the runs: unless they say a target_accept, with that of `CAREFUL`."""
    return replace(settings, target_accept=settings.target_accept or CAREFUL)
