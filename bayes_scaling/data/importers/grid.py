"""A grid in Markdown, such as sizes down and budgets of compute across: a cell a run."""

import re
from collections.abc import Iterator

import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.notation import read_numbers
from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.rows import parts_of
from bayes_scaling.data.importers.sheet import Column, Sheet, sheet_of

NAME = "Markdown table"
RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
EMPTY = {"", "-", "--", "—", "–", "x", "n/a", "N/A", "NA", "OOM", "diverged"}


def recognises(head: Head) -> bool:
    """Return whether a line of bars and dashes follows one of bars."""
    return any(
        RULE.fullmatch(rule) and "|" in rule and "|" in line for line, rule in zip(head.lines, head.lines[1:], strict=False)
    )


def read(head: Head) -> Iterator[Part]:
    """Yield a part a cell of a grid, or a row of another table."""
    text, notes = head.whole_text()
    lines = text.splitlines()
    found = 0
    for i in range(len(lines) - 1):
        if RULE.fullmatch(lines[i + 1]) and "|" in lines[i + 1] and "|" in lines[i]:
            found += 1
            more = notes if found == 1 else ()
            cut = not text.endswith("\n") and lines[i].rstrip().endswith("|")
            yield from _table(lines, i, head.source, more, cut=cut)


def _table(lines: list[str], start: int, source: str, notes: tuple[str, ...], *, cut: bool) -> Iterator[Part]:
    """Yield the table that a line of a text begins, with rows that do not fit it noted and left out."""
    names = _cells(lines[start])
    rows: list[list[str]] = []
    said = [*notes]
    for number in range(start + 2, len(lines)):
        if "|" not in lines[number]:
            break
        row = _cells(lines[number])
        where = f"{source}, line {number + 1}: {format_value(lines[number])}"
        if number == len(lines) - 1 and cut and not lines[number].rstrip().endswith("|"):
            row = [*row[:-1], *[""] * (len(names) - len(row) + 1)]
            said.append(f"{where} was cut: its last cell is left out")
        if len(row) == len(names):
            rows += [row] if any(row) else []
        else:
            said.append(f"{where} has {len(row)} cells, not {len(names)}: left out")
    frame = pd.DataFrame(rows, columns=names).map(lambda cell: "" if cell in EMPTY else cell)
    sheet = sheet_of(frame.astype("str"), source, tuple(said))
    yield from _grid(sheet, names) if _is_grid(names) else parts_of(sheet, run_name(source), NAME)


def _cells(line: str) -> list[str]:
    """Return the cells of a line, without emphasis."""
    return [re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", cell).strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _is_grid(names: list[str]) -> bool:
    """Return whether all columns but the first are numbers: levels of something."""
    found = read_numbers(names[1:]) if len(names) > 2 else None
    return found is not None and not found.doubt and not found.missing.any() and bool(pd.notna(found.numbers).all())


def _grid(sheet: Sheet, names: list[str]) -> Iterator[Part]:
    """Yield the runs of a table with one input down and one across, a run a cell."""
    down, _, across = (part.strip() for part in names[0].partition("\\" if "\\" in names[0] else "/"))
    down, across = down or "row", across or "column"
    levels = dict(zip(names[1:], read_numbers(names[1:]).numbers, strict=True))
    first = sheet.columns[0]
    bare, prefix = _without_prefix(first)
    empty = sum(int((~one.there).sum()) for one in sheet.columns[1:])
    notes = [
        *sheet.notes,
        f"{sheet.source}: a grid of {down} by {across}, a run a cell; what its cells are it does not say: 'value'",
    ]
    notes += [f"{sheet.source}: {several(empty, 'cell')} without a number: no run"] if empty else []
    notes += [f"{sheet.source}: {down} is read without its {prefix!r}"] if prefix else []
    for row in range(sheet.rows):
        for column in sheet.columns[1:]:
            value = column.at(row)
            if value is not None:
                run = f"{first.cells.iloc[row]} {column.name}"
                config = {down: bare[row], across: float(levels[column.name]), "value": value}
                yield Part(run, f"{sheet.source}#row {row + 1}, {column.name}", NAME, config=config, notes=tuple(notes))
                notes = []


def _without_prefix(column: Column) -> tuple[list[object], str]:
    """Return levels as numbers where all are a number behind the same letters: 512 of d512."""
    cells = [str(cell) for cell in column.cells]
    found = [re.fullmatch(r"([A-Za-z]+)[-_=]?(\d+)", cell) for cell in cells]
    prefixes = {match[1] for match in found if match}
    if all(found) and len(prefixes) == 1:
        return [float(match[2]) for match in found if match], prefixes.pop()
    return [column.at(row) for row in range(len(cells))], ""
