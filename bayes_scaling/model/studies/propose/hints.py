"""Columns that may tell what a table lacks, and columns whose numbers are none of what they are called."""

from collections.abc import Sequence
from shlex import quote

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import number
from bayes_scaling.data.cells import error_hint
from bayes_scaling.data.roles.names import logarithms
from bayes_scaling.data.roles.preferences import MIN_STRENGTH
from bayes_scaling.data.roles.words import logarithm_of, meanings, split_words
from bayes_scaling.model.studies.propose.shape import Shape

SEQUENCES = {"sequences", "seqs", "samples", "examples", "documents", "docs"}
TIMES = {"hours", "days", "seconds", "minutes", "hour", "walltime", "runtime"}
SIZE_LABEL = r"(?i)(?<![a-z\d.])\d[\d.]*\s*[kmbt]\b"
"""Texts such as "pythia-410m", which name a size."""
GOOD = {"acc", "accuracy", "accuracies", "score", "f1", "bleu", "em"}
FIRST_ROW = 1
"""Rows are counted from 1, without the header."""


def quoted_names(names: Sequence[str]) -> str:
    """Return columns by name: 'a', 'b' and 'c'."""
    quoted = list(map(repr, names))
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _left(shape: Shape) -> list[str]:
    named = ("params", "tokens", "loss", "seed", "lr")
    taken = {shape.roles.column(role) for role in named}
    return [name for name in map(str, shape.frame) if name not in taken and not shape.frame[name].isna().all()]


def may_tell(shape: Shape, role: str) -> list[str]:
    """Return the columns that may tell sizes, or tokens, together with others."""
    return [name for name in _left(shape) if (_tells_tokens if role == "tokens" else _tells_size)(shape, name)]


def _roles(name: str) -> set[str]:
    return {one.role for one in meanings(name) if one.strength >= MIN_STRENGTH}


def _tells_tokens(shape: Shape, name: str) -> bool:
    if name not in shape.roles.numbers:
        return False
    told = {"step", "batch", "context", "ratio", "compute"} if _steps(shape) else {"ratio", "compute"}
    return bool(_roles(name) & told or set(split_words(name)) & (SEQUENCES | TIMES))


def _steps(shape: Shape) -> bool:
    return any("step" in _roles(name) for name in _left(shape))


def _tells_size(shape: Shape, name: str) -> bool:
    if name in shape.roles.numbers:
        return bool(_roles(name) & {"width", "depth", "ratio", "compute"})
    return bool(shape.frame[name].dropna().astype(str).str.contains(SIZE_LABEL).mean() > 0.5)


def options_for(shape: Shape, role: str) -> tuple[str, ...]:
    """Return the options that answer what a column lacks: one named, or compute that stands in for it."""
    compute = [name for name in _left(shape) if "compute" in _roles(name) and shape.roles.column("compute") is None]
    found = (f"--column {role}=COLUMN",)
    return (*found, *(f"--column {quote(f'compute={name}')}" for name in compute if name in shape.roles.numbers))


def unfit(shape: Shape, role: str) -> str:
    """Return why a column with a name of a role cannot be it, with the first row that tells; "" where there is none."""
    for name in _left(shape):
        if role in ("params", "tokens") and (of := logarithm_of(name)) and role in _roles(of[0]):
            return f"column {logarithms(name)}"
        if any(one.role == role and one.strength >= MIN_STRENGTH for one in meanings(name)) and not _is_group(shape, name):
            values = shape.roles.numbers.get(name)
            if values is None:
                place, seen = _first_word(shape.frame[name])
                return f"column {name!r} is called as {role} is, but row {place} has {seen!r}, which is no number"
            wrong = values < 0 if role != "loss" else ~(values > 0)
            if wrong.any():
                place = int(np.argmax(wrong.to_numpy()))
                seen = number(float(values.iloc[place]), 4)
                return (
                    f"column {name!r} is called as {role} is, but row {place + FIRST_ROW} has {seen}, which is no {WHAT[role]}"
                )
    return ""


WHAT = {"params": "number of parameters", "tokens": "number of tokens", "loss": "loss above zero"}


def _is_group(shape: Shape, name: str) -> bool:
    return any(one.column == name for one in shape.roles.groups.values()) or shape.roles.column("run") == name


def _first_word(column: pd.Series) -> tuple[int, str]:
    """Return the first cell that is no number, with its row."""
    wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    place = int(np.argmax(wrong.to_numpy()))
    return place + FIRST_ROW, str(column.iloc[place])


def instead_of_loss(shape: Shape) -> str:
    """Return what a table has where a loss is expected, and what to do; "" where there is nothing like it."""
    wrong = unfit(shape, "loss")
    if wrong and (hint := next((of for name in _left(shape) if (of := error_hint(shape.frame[name]))), "")):
        return f"{wrong}{hint}"
    if wrong:
        return (
            f"{wrong}: of log likelihoods, give the table a column with their negatives; losses less that of a unigram model "
            "are read with positive = false, as in the study vocabulary"
        )
    good = [name for name in _left(shape) if name in shape.roles.numbers and set(split_words(name)) & GOOD]
    if good:
        return f"{quoted_names(good)} grows as models get better: give the table a column of what falls, such as 1 - accuracy"
    return ""
