"""Records of JSON as runs: nested names are joined with dots; a list of rows inside a record is its curve."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.curves import curve_of, parts_of_curves
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.rows import parts_of
from bayes_scaling.data.importers.sheet import Column, Sheet, sheet_of
from bayes_scaling.data.importers.steps import STEPS

NOT_FINITE = {"nan", "inf", "-inf", "infinity", "-infinity", "+inf"}

CLOCKS = {"time", "timestamp", "ts", "_timestamp", "wall_time", "elapsed", "_runtime", "pid", "rank"}
"""What loggers say in every record."""

METRIC = re.compile(
    r"loss|bp[bc]|ppl|perplex|bits_per|nll|entropy|acc|score|error|metric|val|test|f1|mse|mae|tokens", re.IGNORECASE
)
"""What names of metrics hold, and of tokens that a run has seen."""

VOCABULARY = re.compile(r"(tokenizer.*|vocab|added_tokens|special_tokens_map|generation_config)\.json")

type Record = Mapping[str, Any]


def parts_of_records(
    records: Sequence[Record], called: str, source: str, format_name: str, notes: tuple[str, ...]
) -> Iterator[Part]:
    """Yield the runs of records: one each where they hold curves, else as of a table with a row each."""
    flat = [flattened(record) for record in records]
    if settled := leading_settings(records):
        rows = [record for record in flat[settled:] if step_of(record) is not None]
        left = len(flat) - settled - len(rows)
        notes += (f"{source}: {several(left, 'record')} without a step after the first that has one: left out",) * (left > 0)
        known = {name: of for record in flat[:settled] for name, of in record.items() if isinstance(of, int | float | str)}
        found = parts_of_records(rows, called, source, format_name, notes)
        yield from (replace(part, config={**known, **part.config}) for part in found)
        return
    if (curve := curve_of(flat)) is not None:
        yield from parts_of_curves(flat, curve, called, source, format_name, notes)
        return
    lists = {name for record in flat for name, of in record.items() if isinstance(of, list)}
    more = (f"{source}: {', '.join(sorted(lists))} are lists: left out",) if lists else ()
    names = dict.fromkeys(name for record in flat for name in record if name not in lists)
    columns = tuple(column for name in names if (column := _column(name, flat)) is not None)
    yield from parts_of(Sheet(source, columns, len(flat), (*notes, *more)), called, format_name)


def refuse_settings(records: Sequence[Record], head: Head) -> None:
    """Refuse a document in a folder that is one record without a metric, a curve or a step: settings of a run or a model."""
    if not head.folder or len(records) != 1:
        return
    flat = flattened(records[0])
    vocabulary = VOCABULARY.fullmatch(head.path.name) is not None
    holds = any(isinstance(of, list) and any(isinstance(one, list | dict | int | float) for one in of) for of in flat.values())
    measured = any(METRIC.search(name) for name, of in flat.items() if as_number(of) is not None)
    if vocabulary or not (holds or measured or step_of(flat) is not None):
        raise InputError(f"{head.source}: a JSON document without a metric; given by itself it is read as a run")


def leading_settings(records: Sequence[Record]) -> int:
    """Return how many records come before the first with a step, and say nothing that rows do: what the run was set to."""
    flat = [flattened(record) for record in records]
    first = next((i for i, record in enumerate(flat) if step_of(record) is not None), 0)
    logged = {name for record in flat[first:] for name, of in record.items() if as_number(of) is not None} - CLOCKS
    said = {name for record in flat[:first] for name, of in record.items() if as_number(of) is not None}
    return 0 if said & logged else first


def step_of(record: Record) -> float | None:
    """Return the step of a record without nesting; None where it says none."""
    return next((as_number(of) for name, of in record.items() if name.strip().lower() in STEPS), None)


def flattened(record: Record, above: str = "") -> dict[str, Any]:
    """Return a record without nesting: {"train": {"lr": 1}} is {"train.lr": 1}."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value
    return found


def _column(name: str, records: Sequence[Record]) -> Column | None:
    """Return an entry of all records as a column: numbers where all are."""
    values = [record.get(name) for record in records]
    there = np.array([value is not None and value != "" for value in values], dtype=bool)
    if not there.any():
        return None
    numbers = [as_number(value) for value in values]
    cells = pd.Series(["" if value is None else str(value) for value in values], dtype="str")
    if all(number is not None for number, known in zip(numbers, there, strict=True) if known):
        return Column(name, np.array([np.nan if number is None else number for number in numbers]), there, cells)
    if all(isinstance(value, str) for value, known in zip(values, there, strict=True) if known):
        return sheet_of(cells.to_frame(name), "").columns[0]
    return Column(name, np.empty(0), there, cells)


def as_number(value: object) -> float | None:
    """Return a number, also one that is none as JSON writers spell it; None for text, truth values and others."""
    if isinstance(value, str) and value.strip().lower() in NOT_FINITE:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
