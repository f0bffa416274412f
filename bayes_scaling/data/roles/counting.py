"""What the columns of roles count in: as people, the table or a name say, else as their numbers tell together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from shlex import quote

import pandas as pd

from bayes_scaling._base.numbers import number
from bayes_scaling.data.roles.copies import COUNTED as TWICE, unit_by_copy
from bayes_scaling.data.roles.record import Question, Role
from bayes_scaling.data.roles.units import ONES, infer_units, unit_evidence, unit_text
from bayes_scaling.laws.units import DAYS, FLOP_A_DAY, column_unit, loss_unit, read_unit, response_unit

COUNTED = ("params", "tokens", "unique_tokens", "compute")
"""Roles of counts."""


def with_role_units(
    frame: pd.DataFrame,
    roles: Mapping[str, Role],
    tentative: Mapping[str, str],
    numbers: Mapping[str, pd.Series],
    said: Mapping[str, str],
) -> tuple[dict[str, Role], dict[str, str], list[Question]]:
    """Return roles with the units of their columns, and questions where numbers leave them open, with the likeliest of each."""
    columns = {role: one.column for role, one in roles.items()} | dict(tentative)
    known = _known_units(frame, columns, numbers, said)
    factors = {role: _factor(role, unit) for role, (unit, _) in known.items() if role in COUNTED}
    values = {role: numbers[column] for role, column in columns.items() if column in numbers and role in (*COUNTED, "loss")}
    values = _ends(frame, values, columns)
    loss_said = loss_unit(known["loss"][0]) if "loss" in known else None
    found = infer_units(values, factors, loss_said)
    units = {role: (unit_text(role, factor), "") for role, factor in found.factor.items()} | known
    if found.loss is not None and "loss" not in units:
        units["loss"] = (found.loss, "")
    if "unique_tokens" in columns and "unique_tokens" not in units and "tokens" in found.factor:
        units["unique_tokens"] = (unit_text("tokens", found.factor["tokens"]), "as tokens are")
    full = dict(roles)
    for role in roles.keys() & units.keys():
        unit, why = units[role]
        every = numbers[roles[role].column]
        ends = role in values and len(values[role]) < int(every.notna().sum())
        factor, per_param = _factor(role, unit) if role in COUNTED else ONES, _per_param(role, values, found.factor)
        seen = unit_evidence(role, every, factor, per_param, ends=ends) if role in values and role != "loss" else ""
        full[role] = replace(roles[role], unit=unit, evidence=", ".join(part for part in (why, seen) if part))
    left = {role: of for role, of in found.open.items() if role in columns}
    likeliest = {role: units[role][0] for role in tentative if role in units and role in COUNTED}
    likeliest |= {role: of[0] for role, of in left.items() if of and role != "loss"}
    return full, likeliest, [_unit_question(role, columns[role], numbers.get(columns[role]), of) for role, of in left.items()]


def _known_units(
    frame: pd.DataFrame, columns: Mapping[str, str], numbers: Mapping[str, pd.Series], said: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return role -> the unit that people, the table, a name or a copy in another unit says, and who does."""
    known = {role: told for role, column in columns.items() if (told := _said_unit(frame, role, column, said)) is not None}
    for role in set(TWICE) & set(columns) - set(known):
        copy = unit_by_copy(role, columns[role], numbers) if columns[role] in numbers else None
        if copy is not None:
            known[role] = _unit_words(role, copy[0]), f"as {copy[1]!r} says"
    return known


def _said_unit(frame: pd.DataFrame, role: str, column: str, said: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the unit of a column that people, the table or its name say, and who does."""
    for name in (role, column):
        if name in said:
            return said[name], "as was said"
    of_table = frame.attrs.get("units")
    if isinstance(of_table, Mapping) and column in of_table:
        return str(of_table[column]), "as the table says"
    if role == "loss":
        named = response_unit(column)
        return None if named is None else (named, "as its name says")
    unit = column_unit(column) if role in COUNTED else None
    if role in COUNTED and (unit is None or not unit.explicit) and has_suffixes(frame[column]):
        return _unit_words(role, ONES), "as its suffixes say"
    if unit is None or not (unit.explicit or unit.name == DAYS):
        return None
    return _unit_words(role, unit.factor * (FLOP_A_DAY if unit.name == DAYS else 1.0)), "as its name says"


def has_suffixes(column: pd.Series) -> bool:
    """Return whether counts are written with their units, as "1.5B" is: then they are ones."""
    return not pd.api.types.is_numeric_dtype(column) and bool(
        column.dropna().astype(str).str.contains(r"\d\s*[kKMBGT]\s*$").any()
    )


def _unit_words(role: str, factor: float) -> str:
    return unit_text("tokens" if role == "unique_tokens" else role, factor)


def _factor(role: str, unit: str) -> float:
    one = read_unit(unit)
    return one.factor * (FLOP_A_DAY if one.name == DAYS and role == "compute" else 1.0)


def _ends(frame: pd.DataFrame, values: Mapping[str, pd.Series], columns: Mapping[str, str]) -> dict[str, pd.Series]:
    """Return the values at the last row of each run, which is what sweeps are known by; all where no column says the runs."""
    if "run" not in columns or "tokens" not in values:
        return dict(values)
    there = pd.concat(values, axis=1).notna().all(axis=1)
    order = values["tokens"][there].sort_values(kind="stable").index
    last = order[~frame[columns["run"]].loc[order].duplicated(keep="last").to_numpy()]
    return {role: of.loc[last] for role, of in values.items()} if len(last) else dict(values)


def _per_param(role: str, values: Mapping[str, pd.Series], factor: Mapping[str, float]) -> tuple[float, float] | None:
    if role != "tokens" or "params" not in factor or "tokens" not in factor:
        return None
    ratio = (values["tokens"] * factor["tokens"] / (values["params"] * factor["params"])).dropna()
    return (float(ratio.min()), float(ratio.max())) if len(ratio) else None


def _unit_question(role: str, column: str, values: pd.Series | None, left: Sequence[str]) -> Question:
    """Return the question what a column counts in, with options for the units that remain."""
    seen = "" if values is None else f" runs from {number(float(values.min()), 4)} to {number(float(values.max()), 4)}"
    called = "" if column == role else f" ({role})"
    text = (
        f"column {column!r}{called}{seen}: what does it count in? {' or '.join(left)}."
        if len(left) > 1
        else f"column {column!r}{called}{seen}: does it count in {left[0]}? No sweep has such numbers in any unit."
        if left
        else f"in what does {column!r} count?"
    )
    return Question(f"unit of {role}", text, tuple(f"--unit {quote(f'{role}={unit}')}" for unit in left))
