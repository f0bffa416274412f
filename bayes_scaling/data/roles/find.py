"""What each column of a table of training runs is for, as far as its name and its numbers tell.

A role is given where one column remains that a name of the role fits and whose numbers do not speak against it. Where several
remain there is a question, with the option that answers it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from shlex import quote

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.cells import column_numbers
from bayes_scaling.data.roles.choices import choose
from bayes_scaling.data.roles.counting import has_suffixes, with_role_units
from bayes_scaling.data.roles.groups import find_groups
from bayes_scaling.data.roles.preferences import Candidate
from bayes_scaling.data.roles.record import Question, Role
from bayes_scaling.data.roles.words import HEADS, WEAK, meanings, split_words
from bayes_scaling.laws.units import column_unit

NAMED = (
    "run",
    "params",
    "tokens",
    "unique_tokens",
    "loss",
    "compute",
    "step",
    "lr",
    "seed",
    "batch",
    "loops",
    "experts",
    "epochs",
)
"""Roles of single columns, in the order in which they choose; a run is known by its name, and tells what grows along it."""
SOME_CELLS, FEW_WORDS = 1000, 0.2
"""Cells of a column of numbers that are words, such as "diverged", at most."""
TEXTS = ("run",)


@dataclass(frozen=True)
class Roles:
    """The roles that the columns of a table have.

    Parameters
    ----------
    roles
        Name -> role, for those that are sure.
    groups
        Name -> role, for columns of labels between whose levels runs may differ.
    questions
        What stays open.
    tentative
        Role -> the column that a question is about first, of roles that stay open.
    numbers
        Column -> its numbers, of those that are numbers.
    notes
        What else was seen, a sentence each.
    likeliest
        Role -> the likeliest unit, of those that stay open.
    """

    roles: Mapping[str, Role]
    groups: Mapping[str, Role]
    questions: tuple[Question, ...]
    tentative: Mapping[str, str]
    numbers: Mapping[str, pd.Series] = field(repr=False)
    notes: tuple[str, ...] = ()
    likeliest: Mapping[str, str] = field(default_factory=dict)

    def unit(self, role: str) -> str:
        """Return the unit of a role, of one that stays open the likeliest; "" where there is nothing to say."""
        return (self.roles[role].unit if role in self.roles else "") or self.likeliest.get(role, "")

    def column(self, role: str) -> str | None:
        """Return the column of a role, of one that stays open the likeliest."""
        return self.roles[role].column if role in self.roles else self.tentative.get(role)


def find_roles(frame: pd.DataFrame, columns: Mapping[str, str] | None = None, units: Mapping[str, str] | None = None) -> Roles:
    """Return what each column of a table is for, each with the reason.

    Parameters
    ----------
    frame
        A table, as `read_table` returns it.
    columns
        Role -> column, where people have said it.
    units
        Role, or column -> unit, where they have said it.

    Raises
    ------
    InputError
        Where a column that was said is none of the table's.
    """
    said = _said_columns(frame, columns or {})
    numbers, notes = numeric_columns(frame)
    roles: dict[str, Role] = {role: Role(role, column, "as was said") for role, column in said.items()}
    roles, tentative, questions = _chosen(frame, numbers, roles)
    roles, likeliest, of_units = with_role_units(frame, roles, tentative, numbers, dict(units or {}))
    taken = {one.column for one in roles.values()} | set(tentative.values())
    run = roles["run"].column if "run" in roles else None
    kinds = {} if frame.empty else find_groups(frame, numbers, taken, run, said)
    groups = {name: Role(name, column, reason, 0.8) for name, (column, reason) in kinds.items() if name not in roles}
    extra = {name: role for name, role in roles.items() if name not in HEADS}
    roles = {name: role for name, role in roles.items() if name in HEADS}
    return Roles(roles, groups | extra, (*questions, *of_units), tentative, numbers, notes, likeliest)


def _said_columns(frame: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, str]:
    """Return role -> column as people have said it; refuse a column that the table lacks."""
    said = dict(columns)
    if "response" in said:
        said["loss"] = said.pop("response")
    for role, column in said.items():
        if column not in frame:
            raise InputError(f"no column {column!r} for {role!r}; the table has {[str(name) for name in frame]}")
    return said


def _chosen(
    frame: pd.DataFrame, numbers: Mapping[str, pd.Series], said: Mapping[str, Role]
) -> tuple[dict[str, Role], dict[str, str], list[Question]]:
    """Return the roles that are known, the likeliest column of each that stays open, and the questions on the latter."""
    roles, tentative, questions = dict(said), dict[str, str](), list[Question]()
    candidates = _candidates(frame, numbers, {one.column for one in said.values()})
    for role in [role for role in NAMED if role not in said]:
        taken = {one.column for one in roles.values()} | set(tentative.values())
        found = choose(role, [one for one in candidates.get(role, []) if one.column not in taken], frame, numbers, roles)
        if found is None:
            continue
        if found.open:
            tentative[role] = found.column
            options = tuple(f"--column {quote(f'{role}={column}')}" for column in found.open)
            questions.append(Question(role, found.reason, options))
        else:
            roles[role] = Role(role, found.column, found.reason, found.confidence)
    return roles, tentative, questions


def numeric_columns(frame: pd.DataFrame) -> tuple[dict[str, pd.Series], tuple[str, ...]]:
    """Return the columns that are numbers, as floats, and what to say of those that are written unlike plain ones."""
    found: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name in map(str, frame):
        if pd.api.types.is_bool_dtype(frame[name]) or not _may_be_numbers(frame[name]):
            continue
        odd: list[str] = []
        try:
            unit = column_unit(name)  # "0.41M" in a column of millions is .41 of them
            scale = unit.factor if unit is not None and unit.explicit else 1.0
            values, missing = column_numbers(frame[name], "the table", frame.index.to_numpy(), scale=scale, notes=odd)
        except InputError:
            continue
        wrong = pd.isna(values[~missing]).mean() if (~missing).any() else 1.0
        if wrong > (0.0 if pd.api.types.is_numeric_dtype(frame[name]) else FEW_WORDS) and wrong > 0:
            continue
        found[name] = pd.Series(values, frame.index)
        notes += odd
    return found, tuple(notes)


def _may_be_numbers(column: pd.Series) -> bool:
    """Return whether the first cells of a text begin as numbers do, most of them: names of runs are not read one by one."""
    if pd.api.types.is_numeric_dtype(column):
        return True
    some = pd.Series(column.dropna().astype(str).head(SOME_CELLS).unique())
    return (
        len(some) > 0
        and float(some.str.match(r"(?i)\s*([-+]?[.,]?\d|[-+]?inf|nan|na|none|null|-?\s*$)").mean()) >= 1 - FEW_WORDS
    )


def _candidates(frame: pd.DataFrame, numbers: Mapping[str, pd.Series], said: set[str]) -> dict[str, list[Candidate]]:
    """Return the columns that may have each role by their names, of numbers or labels as it takes them."""
    found: dict[str, list[Candidate]] = {}
    for name in map(str, frame):
        if name in said or frame[name].isna().all():
            continue
        for one in meanings(name):
            if one.role in TEXTS or name in numbers:
                label = one.role not in TEXTS and not pd.api.types.is_numeric_dtype(frame[name])
                found.setdefault(one.role, []).append(Candidate(name, one.strength, one.beside, label))
        if name in numbers and has_suffixes(frame[name]) and "model" in split_words(name):  # model "70M"
            found.setdefault("params", []).append(Candidate(name, WEAK, frozenset(), label=True))
    return found
