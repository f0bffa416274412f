"""Which conventions of counting hold for the columns that are read, and whether tables share them.

What the columns say goes first, their units included. Then, of a table, comes what it says of a column, the column's unit, its
name, and what the table says of itself as a whole. In a table's `attrs["conventions"]` are fields of `Conventions`, and names
of columns, each with such fields.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.conventions import MIXED, ROLES, Conventions, alike, read_conventions
from bayes_scaling.data.input_column import Input
from bayes_scaling.laws.units import COUNT_WORDS, DAYS, FLOP, column_unit, counted_by_name, kind

ATTRIBUTE = "conventions"
"""Where a table keeps its conventions, in `attrs`."""

NAMES = {"params": ("params", "n", "parameters"), "tokens": ("tokens", "d"), "compute": ("compute", "c", "flops")}
"""What is counted -> what laws call such an input."""
COUNTED = {"parameters": "params", "tokens": "tokens", FLOP: "compute", DAYS: "compute"}
"""Unit -> what is counted."""
WORDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "params": (
        (r"non[ _-]?emb|(?<![a-z])(without|no|w/o|excl\w*)[ _-]*emb", "embeddings", "without"),
        (r"with[ _-]*(in)?[ _-]*emb|incl\w*[ _-]*emb", "embeddings", "with"),
        (r"(without|no|excl\w*)[ _-]*(output[ _-]*)?head", "head", "without"),
        (r"(with|incl\w*)[ _-]*(output[ _-]*)?head", "head", "with"),
        (r"(?<![a-z])(active|activated)(?![a-z])", "experts", "active"),
    ),
    "compute": (
        (r"6[ _*x]*n[ _*x]*d(?![a-z])", "compute", "6ND"),
        (r"(?<!no_)(?<!without )attention", "compute", "attention"),
        (r"(?<![a-z])(logged|hardware|measured)(?![a-z])", "compute", "logged"),
    ),
    "tokens": (
        (r"(?<![a-z])unique(?![a-z])", "tokens", "unique"),
        (r"(?<![a-z])(seen|processed)(?![a-z])", "tokens", "seen"),
    ),
    "loss": ((r"(?<![a-z])(ema|smooth(ed)?|avg)(?![a-z])", "smoothing", "smoothed"),),
}
"""What is counted -> words in a column's name or unit, each with the field and the value that they say."""


def role_of(name: str, one: Input) -> str | None:
    """Return what an input counts: "params", "tokens" or "compute"; None for anything else, as a position in tokens."""
    if named := [role for role, words in NAMES.items() if name.lower() in words]:
        return named[0]
    unit = COUNTED.get(plain_unit(one.unit), "")
    by_name = column_unit(one.column)
    said = COUNTED.get(by_name.name if by_name is not None else counted_by_name(one.column), "")
    if unit == "tokens":  # positions and contexts are tokens too
        return "tokens" if re.search(r"(?i)(train\w*|total|seen|n|num)[_ -]?tokens", one.column) else None
    return unit or (said if said in ("params", "compute") else "") or None


def roles(columns: Columns) -> dict[str, str]:
    """Return what is counted -> the column that it is read from: inputs, each once, and the loss."""
    inputs = {role: columns.inputs[name].column for role, name in counted_inputs(columns).items()}
    return inputs | {"loss": columns.response.column}


def counted_inputs(columns: Columns) -> dict[str, str]:
    """Return what is counted -> the input that counts it."""
    named: dict[str, str] = {}
    for name, one in columns.inputs.items():
        role = role_of(name, one)
        if role is not None:
            named.setdefault(role, name)
    return {role: named[role] for role in ROLES if role in named}


def read_fields(columns: Columns) -> tuple[str, ...]:
    """Return the fields that are about columns which are read."""
    return tuple(name for role in roles(columns) for name in ROLES[role])


def exact_fields(columns: Columns) -> tuple[str, ...]:
    """Return the fields of which two values cannot stand in one table: counts of inputs, and the token that a loss is of."""
    counts = tuple(name for role in roles(columns) if role != "loss" for name in ROLES[role])
    per_token = columns.response.unit.endswith("/token") or "tokens" in roles(columns)
    return (*counts, *(("tokenizer",) if per_token else ()))


def declared_conventions(columns: Columns) -> Conventions:
    """Return the conventions that columns say, by themselves and by the units of their inputs.

    Raises
    ------
    InputError
        Where the two say different things.
    """
    found = columns.conventions.known
    for role, name in counted_inputs(columns).items():
        unit = columns.inputs[name].unit
        for field, of in _said_by(role, unit).items():
            if not alike(found.setdefault(field, of), of) and found[field] != MIXED:
                said = f"input {name!r} is in {unit!r}, and {field} is declared {found[field]!r}"
                raise InputError(f"{said}; give it the unit {plain_unit(unit)!r}")
    return Conventions(**found)


def plain_unit(unit: str) -> str:
    """Return a unit without what it says of how its units are counted: "parameters" of "parameters, non-embedding"."""
    base = unit.partition(",")[0].strip()
    return kind(base) if kind(base) in COUNT_WORDS else base


def uncounted(columns: Columns, moved: Collection[str]) -> Columns:
    """Return columns without what they say of how some are counted, which others take the place of."""
    gone = [role for role, column in roles(columns).items() if column in moved]
    inputs = {name: columns.inputs[name] for role, name in counted_inputs(columns).items() if role in gone}
    plain = {name: replace(one, unit=plain_unit(one.unit)) for name, one in inputs.items()}
    unknown = replace(columns.conventions, **{name: None for role in gone for name in ROLES[role]})
    return replace(columns, inputs={**columns.inputs, **plain}, conventions=unknown)


def table_conventions(frame: pd.DataFrame, columns: Columns, source: str) -> tuple[Conventions, tuple[str, ...]]:
    """Return the conventions of the columns that are read of a table, and a sentence for each that a name says."""
    of_table, of_columns = _stated(frame, source)
    units = frame.attrs.get("units")
    units = units if isinstance(units, Mapping) else {}
    found = {name: of for name, of in of_table.known.items() if name in read_fields(columns)}
    declared, notes = declared_conventions(columns).known, []
    for role, column in roles(columns).items():
        by_unit = _said_by(role, str(units.get(column, ""))) | of_columns.get(column, {})
        told = found | by_unit if role == "loss" else by_unit  # "smoothed" says less than how
        by_name = {name: of for name, of in _said_by(role, column).items() if name not in told}
        found |= by_name | by_unit
        new = {name: of for name, of in by_name.items() if name not in declared}
        notes += [f"column {column!r} counts {name} {of!r}, as its name says" for name, of in new.items()]
    return Conventions(**found), tuple(notes)


def _stated(frame: pd.DataFrame, source: str) -> tuple[Conventions, dict[str, dict[str, Any]]]:
    """Return what a table states of itself, and of columns."""
    said = frame.attrs.get(ATTRIBUTE)
    if said is not None and not isinstance(said, Mapping):
        raise InputError(f"{source}: conventions must be fields and their values, not a {type(said).__name__}")
    of_table = {name: of for name, of in (said or {}).items() if not isinstance(of, Mapping)}
    of_columns = {str(name): of for name, of in (said or {}).items() if isinstance(of, Mapping)}
    own = {name: read_conventions(of, f"{source}: column {name!r}").known for name, of in of_columns.items()}
    return read_conventions(of_table, source), own


def _said_by(role: str, text: str) -> dict[str, str]:
    """Return field -> value that words of a name or a unit say; of one field the first."""
    found: dict[str, str] = {}
    for pattern, name, value in WORDS[role]:
        if re.search(pattern, text.lower()):
            found.setdefault(name, value)
    return found


def joined_conventions(columns: Columns, tables: Sequence[tuple[str, Conventions]]) -> tuple[Conventions, tuple[str, ...]]:
    """Return the conventions of several tables as one, and a sentence for each that is not known of all.

    Parameters
    ----------
    tables
        Source -> its conventions, see `table_conventions`.

    Raises
    ------
    InputError
        Where a count of an input, or the tokenizer of a loss per token, is one in a table and another in the next or in the
        columns, unless the columns say that it is mixed.
    """
    known = declared_conventions(columns)
    found: dict[str, Any] = known.known
    notes: list[str] = []
    for name in read_fields(columns):
        declared = getattr(known, name)
        stated = {source: of for source, one in tables if (of := getattr(one, name)) is not None}
        if declared is not None:  # rows of a table that is mixed may have been picked
            stated = {source: of for source, of in stated.items() if of != MIXED}
        if declared == MIXED or not stated:
            continue
        every = ({"the declared conventions": declared} if declared is not None else {}) | stated
        if clash := _clash(every):
            notes.append(_refused_or_said(name, every, clash, name in exact_fields(columns)))
            found[name] = MIXED if declared is None else declared
        elif declared is None and len(stated) < len(tables):
            source, value = next(iter(stated.items()))
            silent = next(other for other, _ in tables if other not in stated)
            notes.append(f"{source} states {name} {str(value)!r}, {silent} does not state it: taken as unknown")
        elif declared is None:
            found[name] = next(iter(stated.values()))
    return Conventions(**found), tuple(notes)


def _clash(every: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the first two sources that state a convention differently."""
    return next(((a, b) for a, b in combinations(every, 2) if not alike(every[a], every[b])), None)


def _refused_or_said(name: str, every: Mapping[str, Any], clash: tuple[str, str], refused: bool) -> str:
    one, other = clash
    said = f"{other}: {name} is {str(every[other])!r}, in {one} {str(every[one])!r}"
    if refused:
        raise InputError(f'{said}; where both are meant the conventions say {name} = "{MIXED}" (--convention {name}={MIXED})')
    return f"{said}: losses that were measured differently stand side by side"


def unlike_conventions(one: Columns, other: Columns) -> tuple[str, Any, Any] | None:
    """Return the first count that two fits or tables are known to differ in, with both values."""
    shared = [name for name in exact_fields(one) if name in exact_fields(other)]
    pairs = ((name, getattr(one.conventions, name), getattr(other.conventions, name)) for name in shared)
    return next(((name, a, b) for name, a, b in pairs if None not in (a, b) and not alike(a, b)), None)


def refuse_other_conventions(frame: pd.DataFrame, columns: Columns, source: str) -> None:
    """Refuse points that state another count of an input than the runs have."""
    if not frame.attrs.get(ATTRIBUTE):
        return
    own = replace(columns, conventions=table_conventions(frame, columns, source)[0])
    found = unlike_conventions(columns, own)
    if found is not None and MIXED not in found[1:]:
        name, runs, points = found
        raise InputError(f"{source}: {name} is {str(points)!r}, in the runs {str(runs)!r}; give the points as the runs count")


def mixed_notes(columns: Columns) -> tuple[str, ...]:
    """Return a sentence where rows are known to be counted in different ways: a difference may be one of counting."""
    mixed = [name for name in read_fields(columns) if getattr(columns.conventions, name) == MIXED]
    return (f"{' and '.join(mixed)} differ between rows, so that a difference may be one of counting",) if mixed else ()
