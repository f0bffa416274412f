"""Parameters and tokens of runs that are no numbers: kept as they are under another name, and said, and never taken."""

import re

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling.data.cells import column_numbers

ROLES = {"params": "--params", "tokens_per_step": "--tokens-per-step", "tokens": "--join"}
"""What is counted of runs, and the option that gives it."""


def without_text_roles(configs: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return configurations whose counts are numbers; a column of text goes by `config.params`, and it is said why."""
    for role in [role for role in ROLES if role in configs and not _is_number(configs[role])]:
        column = configs[role].map(lambda cell: None if pd.isna(cell) else cell)
        if column.isna().all():
            notes.append(f"{role} of runs are empty")
            configs = configs.drop(columns=role)
            continue
        numbers, why = _numbers(column, configs["run"], role)
        if why:
            notes.append(f"{why}: none of the column is read, give {ROLES[role]}")
            configs = configs.rename(columns={role: f"config.{role}"})
        else:
            configs = configs.assign(**{role: numbers})
    return configs


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numbers(column: pd.Series, runs: pd.Series, role: str) -> tuple[np.ndarray, str]:
    """Return counts, or why they are none: the first cell that is no number, with its run."""
    try:
        numbers, missing = column_numbers(column, "", np.arange(len(column)))
    except InputError as error:
        row, why = re.findall(r", row (\d+): (.*); expected", str(error))[0]
        return np.empty(0), f"{role} of run {runs.iloc[int(row) - 1]!r}: {why}"
    wrong = np.isnan(numbers) & ~missing
    if wrong.any():
        row = int(np.argmax(wrong))
        return numbers, f"{role} of run {runs.iloc[row]!r} is {format_value(column.iloc[row])}, no number"
    return numbers, ""
