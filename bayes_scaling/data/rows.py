"""The rows of a table that a filter keeps."""

import re

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.expressions import quoted_name
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.data.cells import named_column


def filter_rows(frame: pd.DataFrame, where: str | None, source: str) -> pd.DataFrame:
    """Return the rows that a filter keeps, with how many it does not in `attrs["dropped"]`; raises InputError for none."""
    before = len(frame)
    if where is not None:
        where = _with_ticks(where, frame)
        keep = parse_filter(where)
        for name in sorted(keep.columns):  # type: ignore[attr-defined]
            _named_in(where, frame, name, source)
        frame = frame[keep({str(name): frame[name] for name in keep.columns}).to_numpy(dtype=bool)]  # type: ignore[attr-defined]
    if not len(frame):
        why = f"the filter {where!r} keeps none of its {before} rows" if before else "it has no rows"
        raise InputError(f"{source}: {why}")
    frame.attrs["dropped"] = before - len(frame)
    return frame


def _with_ticks(where: str, frame: pd.DataFrame) -> str:
    """Return a filter with back-ticks about columns whose names are no plain words, where nothing else can be meant."""
    words = parse_filter(where).columns  # type: ignore[attr-defined]
    odd = [name for name in map(str, frame) if not name.isidentifier() and name in where and "`" not in name]
    if "`" in where or not odd or any(word in frame for word in words):
        return where
    ticked = re.sub("|".join(map(re.escape, sorted(odd, key=len, reverse=True))), lambda found: f"`{found[0]}`", where)
    try:
        meant = parse_filter(ticked).columns  # type: ignore[attr-defined]
    except InputError:
        return where
    return ticked if set(meant) <= set(map(str, frame)) else where


def _named_in(where: str, frame: pd.DataFrame, name: str, source: str) -> None:
    """Refuse a column that the table lacks, in the name of one that stands in the filter without back-ticks."""
    meant = [of for of in map(str, frame) if name not in frame and of in where and quoted_name(of) != of and name in of]
    if meant:
        raise InputError(
            f"{source}: no column {name!r}; in a filter the column {max(meant, key=len)!r} is written in back-ticks: "
            f"{quoted_name(max(meant, key=len))}"
        )
    named_column(frame, name, source, in_filter=True)
