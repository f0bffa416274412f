"""Tables of any source as runs: rows of logs, or a row a run."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import several
from bayes_scaling.data.checkpoints import find_checkpoints
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.importers.known import plays
from bayes_scaling.data.importers.long_tables import long_columns, parts_of_long, run_column
from bayes_scaling.data.importers.mended import (
    is_measurement,
    refuse_nothing,
    require_steps,
    text_notes,
    with_numbers,
    without_repeats,
)
from bayes_scaling.data.importers.metric_names import is_metric_name
from bayes_scaling.data.importers.part import NOTHING, Part, long_rows
from bayes_scaling.data.importers.sheet import Column, Sheet, first_column
from bayes_scaling.data.importers.side_by_side import parts_beside, runs_beside
from bayes_scaling.data.importers.steps import STEPS
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.roles.words import meanings


def parts_of(sheet: Sheet, called: str, format_name: str, config: Mapping[str, object] = NOTHING) -> Iterator[Part]:
    """Yield the runs of a table: of a log, where it has steps or counts tokens along runs; else a row each.

    Parameters
    ----------
    called
        What the run is called where no column says it.
    config
        What else is known of all of them.
    """
    sheet = without_repeats(sheet)
    step = first_column(sheet.columns, STEPS)
    if step is not None:
        require_steps(step, sheet.source)
        sheet = with_numbers(sheet)
    if step is not None and (long := long_columns(sheet.columns)) is not None:
        yield from parts_of_long(sheet, step, long, called, format_name)
        return
    first = True
    for part in _parts(sheet, called, format_name, step):
        yield replace(part, config={**config, **part.config}, notes=(*(sheet.notes if first else ()), *part.notes))
        first = False


def _parts(sheet: Sheet, called: str, format_name: str, step: Column | None) -> Iterable[Part]:
    """Return the runs of a table that has a column a key."""
    run = run_column(sheet, step)
    if run is None and (beside := runs_beside(sheet, step)) is not None:
        return parts_beside(sheet, beside, step, format_name)
    along = step or next((one for one in sheet.columns if one.is_number and plays(one.name, "tokens")), None)
    if along is None or not _runs_along(sheet, run, along):
        return _row_each(sheet, called, format_name)
    found = list(_logs(sheet, called, format_name, run, step))
    if not any(len(part.metrics) or part.config for part in found):
        refuse_nothing(sheet, run, step)
    return found


def _runs_along(sheet: Sheet, run: Column | None, along: Column) -> bool:
    """Return whether a column counts along runs: it differs within one; a table of final values has one row a run."""
    is_step = along.name.strip().lower() in STEPS
    if run is not None:
        return bool(run.cells[run.there].duplicated().any()) or is_step
    if sheet.rows == 1:
        return is_step
    labels = [one for one in sheet.columns if not one.is_number and one.there.any() and not _marks_rows(one, along)]
    if is_step and bool((np.diff(along.numbers) > 0).all()):
        labels = []
    alone = any(not one.cells[one.there].duplicated().any() for one in labels)
    risen = np.diff(along.numbers[along.there]) >= 0
    rising = bool(2 * risen.sum() > len(risen))
    return not alone and (is_step or (rising and _are_checkpoints(sheet, along))) and _unlike_sizes(sheet)


TIME = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})?[T ,]*"
    r"(?:\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?"
)
"""A date, a time of day, or both."""


def _marks_rows(column: Column, along: Column) -> bool:
    """Return whether a text says when a row was written, or at which step, as ckpt-100 does at step 100: no run."""
    cells = column.cells[column.there]
    if bool(cells.str.fullmatch(TIME).all()):
        return True
    steps = [str(round(step)) if np.isfinite(step) else "nan" for step in along.numbers[column.there]]
    return all(step in re.findall(r"\d+", cell) for cell, step in zip(cells, steps, strict=True))


def _unlike_sizes(sheet: Sheet) -> bool:
    """Return whether parameters, where a column has them, are the same in some rows running: those of a sweep differ."""
    sizes = [one.numbers[one.there] for one in sheet.columns if one.is_number and plays(one.name, "params")]
    return all(bool((np.diff(of) == 0).any()) for of in sizes if len(of) > 2)


def _are_checkpoints(sheet: Sheet, along: Column) -> bool:
    """Return whether rows of several sizes are checkpoints by what they show, as those of a table are, see `checkpoints`."""
    numbers = [one for one in sheet.columns if one.is_number and one.there.all()]
    sizes = [one.numbers for one in numbers if plays(one.name, "params")]
    losses = [one.numbers for one in numbers if any(of.role == "loss" for of in meanings(one.name))]
    if not sizes or len(np.unique(sizes[0])) == 1 or not losses or not (losses[0] > 0).all() or not (along.numbers > 0).all():
        return True
    texts = {one.name: one.cells.to_numpy() for one in sheet.columns if not one.is_number and one.there.all()}
    checked = pd.DataFrame({"params": sizes[0], "tokens": along.numbers, "response": losses[0]})
    columns = Columns({"params": Input("params"), "tokens": Input("tokens")})
    return find_checkpoints(checked.assign(**texts), checked, columns) is not None


def _logs(sheet: Sheet, called: str, format_name: str, run: Column | None, step: Column | None) -> Iterator[Part]:
    """Yield the runs of a table whose rows are steps."""
    labels = [] if run is not None else _labels(sheet, step)
    names = run.cells.where(run.there, called) if run is not None else _named_by(labels, sheet.rows, called)
    groups = {str(name): np.asarray(rows) for name, rows in names.groupby(names, sort=False).groups.items()}
    kept = [one for one in sheet.columns if one is not run and one is not step and one.there.any()]
    settled = {one.name for one in kept if _is_settled(one, groups.values())}
    told = ", ".join(one.name for one in labels)
    for name, at in groups.items():
        own = [_rows_of(one, at) for one in kept]
        fixed = {
            one.name: one.at(int(np.argmax(one.there)) if one.is_number else 0)
            for one in own
            if one.there.any() and (one.name in settled or _is_one_text(one))
        }
        varying = [one for one in own if one.is_number and one.name not in fixed]
        steps = np.arange(1.0, len(at) + 1) if step is None else step.numbers[at]
        metrics = long_rows(steps, [(one.name, one.numbers, one.there) for one in varying])
        notes = _left_out(sheet.source, name, [one for one in own if not one.is_number and one.name not in fixed])
        notes += () if len(metrics) or fixed else (f"{sheet.source}: {name} has nothing but steps",)
        notes += (f"{sheet.source}: rows are of {several(len(groups), 'run')}, told apart by {told}",) if told else ()
        same = frozenset(one.name for one in own if one.is_number and one.name in fixed and not plays(one.name, "params"))
        yield Part(name, sheet.source, format_name, metrics, fixed, notes, numbered=step is None, settled=same)
        told = ""


def _left_out(source: str, run: str, columns: Sequence[Column]) -> tuple[str, ...]:
    """Return a sentence on texts that change along a run, if there are."""
    left = [one.name for one in columns if one.there.any()]
    return (f"{source}: {', '.join(left)} of {run} is text that changes along the run: left out",) if left else ()


def _labels(sheet: Sheet, step: Column | None) -> list[Column]:
    """Return the columns that tell runs apart where steps do not only rise: of text, and of parameters."""
    if step is not None and bool((np.diff(step.numbers) > 0).all()):
        return []
    telling = [one for one in sheet.columns if one.there.any() and (not one.is_number or plays(one.name, "params"))]
    telling = [one for one in telling if step is None or one.is_number or not _marks_rows(one, step)]
    telling = [one for one in telling if not is_metric_name(one.name)]
    return [one for one in telling if len(one.cells[one.there].unique()) > 1 and one.cells.duplicated().any()]


def _named_by(labels: Sequence[Column], rows: int, called: str) -> pd.Series:
    names = pd.Series([called] * rows, dtype=object)
    for one in labels:
        names = names + " " + pd.Series(one.cells.to_numpy(dtype=object))
    return names


def _rows_of(column: Column, rows: np.ndarray) -> Column:
    numbers = column.numbers[rows] if len(column.numbers) else column.numbers
    return Column(column.name, numbers, column.there[rows], column.cells.iloc[rows])


def _is_settled(column: Column, groups: Iterable[np.ndarray]) -> bool:
    """Return whether a column of numbers is the same in all rows of each run: a setting, and no metric.

    Of runs with a row each nothing shows it but the name: parameters are a setting, those too that only some rows of a run say.
    """
    several, is_size = [rows for rows in groups if len(rows) > 1], plays(column.name, "params")
    sure = column.is_number and (bool(column.there.all()) or is_size) and not is_metric_name(column.name)
    whole = sure and (bool(several) or is_size)
    return whole and all(len(np.unique(column.numbers[rows][column.there[rows]])) <= 1 for rows in several)


def _is_one_text(column: Column) -> bool:
    return not column.is_number and len(column.cells[column.there].unique()) == 1


def _row_each(sheet: Sheet, called: str, format_name: str) -> Iterator[Part]:
    """Yield a run a row, of which all is known that the row has."""
    run = run_column(sheet, None)
    if run is None or run.cells[run.there].duplicated().any() or not run.there.all():
        run = next((one for one in sheet.columns if _tells_rows(one)), None)
    kept = [one for one in sheet.columns if one is not run and one.there.any()]
    notes = text_notes(replace(sheet, columns=tuple(kept)))
    for row in range(sheet.rows):
        name = f"{called} row {row + 1}" if run is None else str(run.cells.iloc[row])
        config = {one.name: of for one in kept if (of := one.at(row)) is not None}
        yield Part(name, f"{sheet.source}#row {row + 1}", format_name, config=config, notes=notes)
        notes = ()


def _tells_rows(column: Column) -> bool:
    """Return whether a column is text that is another in each row."""
    if column.is_number or not column.there.all() or column.cells.duplicated().any():
        return False
    return not is_metric_name(column.name) and not column.cells.map(is_measurement).any()
