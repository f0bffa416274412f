"""Columns of labels between whose levels runs may differ: architecture, optimizer, corpus."""

import re
from collections.abc import Mapping
from math import sqrt

import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.numbers import format_count
from bayes_scaling.data.reserved import ANSWERED, ANSWERS, OF_AVERAGES, RESERVED
from bayes_scaling.data.roles.words import meanings, split_words

GROUP_WORDS = {
    *(
        "arch",
        "architecture",
        "variant",
        "attention",
        "attn",
        "optimizer",
        "optimiser",
        "opt",
        "optim",
        "dataset",
        "corpus",
        "data",
    ),
    *(
        "mixture",
        "tokenizer",
        "schedule",
        "scheduler",
        "setting",
        "recipe",
        "method",
        "activation",
        "act",
        "norm",
        "router",
        "family",
    ),
    *(
        "suite",
        "team",
        "source",
        "precision",
        "dtype",
        "domain",
        "benchmark",
        "set",
        "split",
        "model",
        "type",
        "kind",
        "decay",
        "warmup",
    ),
    *("hparams", "config", "cfg", "mixer", "table", "task", "group", "language", "lang", "style", "experiment", "ablation"),
}
CERTAIN = {"arch", "architecture", "variant", "optimizer", "optimiser", "dataset", "corpus", "tokenizer"}
"""Words of groups, whether their labels are numbers or not."""
BOOKKEEPING = {
    *(
        "state",
        "status",
        "user",
        "username",
        "host",
        "hostname",
        "tags",
        "tag",
        "notes",
        "note",
        "comment",
        "comments",
        "created",
    ),
    *(
        "created at",
        "updated",
        "updated at",
        "date",
        "time",
        "timestamp",
        "commit",
        "git commit",
        "branch",
        "sweep",
        "sweep id",
    ),
    *("job type", "project", "entity", "machine", "node", "cluster", "author", "owner", "url", "path", "lifecycle stage"),
}
"""Names of columns in which trackers keep books: levels of these are no kinds of runs."""
SETTINGS = ("context",)
MAX_LEVELS = 24
"""Columns with more different labels are no groups: names of runs are."""
LISTED = 6
"""So many levels are listed; a setting that is a number has no more."""


def find_groups(
    frame: pd.DataFrame, numbers: Mapping[str, pd.Series], taken: set[str], run: str | None, said: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return name -> column and reason of the columns of labels that tell kinds of runs apart.

    Left out are those that repeat what another says, that have a level for nearly each run, and labels of what is counted.
    """
    kinds = {
        str(name): _levels(frame, str(name)) for name in frame if str(name) not in taken and _is_kind(frame, numbers, str(name))
    }
    runs = len(frame) if run is None else frame[run].nunique()
    kinds = {
        name: of for name, of in kinds.items() if 2 <= of.nunique() <= min(MAX_LEVELS, max(2.0, runs / 2, sqrt(len(frame))))
    }
    kept: dict[str, pd.Series] = {}
    for name, of in sorted(kinds.items(), key=lambda item: -item[1].nunique()):
        if not any(_follows(of, other) for other in kept.values()) and not _counts_again(of, numbers, taken):
            kept[name] = of
    found: dict[str, tuple[str, str]] = {}
    for name in (name for name in map(str, frame) if name in kept):
        called = group_name(name, {*found, *said})
        found[called] = (name, levels_text(kept[name], None if run is None else frame[run]))
    return found


def _is_kind(frame: pd.DataFrame, numbers: Mapping[str, pd.Series], name: str) -> bool:
    if frame[name].isna().any() or _keeps_books(name):
        return False
    if name not in numbers and _is_count(frame[name]):
        return False
    if name not in numbers:
        return not any(one.role == "run" and one.strength > 0.9 for one in meanings(name)) or frame[name].nunique() <= LISTED
    if set(split_words(name)) & CERTAIN:
        return True
    return any(one.role in SETTINGS for one in meanings(name)) and 2 <= numbers[name].nunique() <= LISTED


def _is_count(column: pd.Series) -> bool:
    """Return whether a column is called as a count and written as numbers, though as none that are understood."""
    roles = {one.role for one in meanings(str(column.name)) if one.strength >= SURE_NAME}
    sure = bool(roles & {"params", "tokens", "compute"})
    return sure and bool(column.dropna().astype(str).str.fullmatch(COUNT_CELL).all())


SURE_NAME = 0.9
COUNT_CELL = r"\s*[~≈<>]?\s*\d[\d.,_' ]*\s*[A-Za-z]*\s*"
"""Cells such as ~30M, 3,00,000 and 30mn, and no labels such as 30M-base."""


def _keeps_books(name: str) -> bool:
    return (
        " ".join(word for word in split_words(name) if word not in {"wandb", "run", "meta", "metadata", "info"}) in BOOKKEEPING
    )


def _levels(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name].astype(str)


def _follows(of: pd.Series, other: pd.Series) -> bool:
    """Return whether another column says all that one says."""
    return bool(pd.crosstab(of, other).gt(0).sum(axis=0).max() == 1)


def _counts_again(of: pd.Series, numbers: Mapping[str, pd.Series], taken: set[str]) -> bool:
    """Return whether labels only repeat a count, as size labels do."""
    for column in taken & set(numbers):
        one = numbers[column].round(12)
        if 1 < one.nunique() <= MAX_LEVELS and one.groupby(of).nunique().max() == 1 and of.nunique() == one.nunique():
            return True
    return False


def group_name(column: str, taken: set[str]) -> str:
    """Return what to call a group: its column's name in plain words, another where that is taken."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_") or "group"
    name = name if name[0].isalpha() else f"group_{name}"
    clash = RESERVED | OF_AVERAGES | ANSWERS | ANSWERED | taken | {"params", "tokens", "compute", "step"}
    return f"{name}_group" if name in clash else name


def levels_text(of: pd.Series, run: pd.Series | None) -> str:
    """Return the levels of a group with the runs of each; a level of one run is said to be one."""
    counts = of.value_counts() if run is None else run.groupby(of).nunique().sort_values(ascending=False, kind="stable")
    shown = [f"{format_value(str(level))} {format_count(int(count))}" for level, count in counts.items()][:LISTED]
    more = ", ..." if len(counts) > LISTED else ""
    single = int((counts == 1).sum())
    alone = f"; {single} of one run, which cannot be told from scatter" if single else ""
    return f"{len(counts)} levels ({', '.join(shown)}{more}: runs of each){alone}"


def is_group_name(column: str) -> bool:
    """Return whether a column is called as kinds of runs are."""
    return bool(set(split_words(column)) & GROUP_WORDS)
