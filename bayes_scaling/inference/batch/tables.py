"""Tables of a batch whose tasks came from one table: a row for each task, and the parameters of all."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.spreadsheets import unescape_formulas
from bayes_scaling.inference.batch.fits import MISSING
from bayes_scaling.inference.batch.from_table import TableTasks
from bayes_scaling.inference.batch.record import Batch
from bayes_scaling.inference.parameters import parameter_table, parameters_of
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.saving import load

FAILED = "failed"
"""The grade of a task without a result."""
QUANTILES = {"q50": "", "q05": "_q05", "q95": "_q95"}


def parameters_kept(fit: Fit, extra: Any) -> pd.DataFrame:
    """Return the parameters of a fit, as a `keep` of `fit_many`."""
    return parameter_table(fit)


def with_tables(batch: Batch[Any]) -> Batch[pd.DataFrame]:
    """Return a batch whose results are tables of parameters; files of fits are read one after the other."""
    tables = {
        name: of if isinstance(of, pd.DataFrame) else parameters_of(load(of) if isinstance(of, Path) else of)
        for name, of in batch.results.items()
    }
    return replace(batch, results=tables)


def task_rows(batch: Batch[pd.DataFrame], tasks: TableTasks) -> pd.DataFrame:
    """Return a row for each task: its levels, rows, grade, method, seconds, parameters with 90 % intervals, problems.

    Columns NAME, NAME_q05 and NAME_q95 have the median and the ends of the interval of a parameter. Levels of a column that has
    the name of another are in NAME_label.
    """
    names = [name for name in tasks if name in batch.results or name in batch.failures]
    known = pd.DataFrame({"task": names}, dtype="str")
    found = pd.DataFrame(
        {
            "rows": [len(tasks.rows[name]) for name in names],
            "grade": [_grade(batch, name) for name in names],
            "method": [batch.healths[name].method if name in batch.healths else "" for name in names],
            "seconds": [batch.seconds.get(name) for name in names],
        }
    )
    numbers = _numbers(batch, names)
    problem = pd.DataFrame({"problem": [batch.failures.get(name, batch.problems.get(name, "")) for name in names]})
    taken = {"task", *found, *numbers, *problem}
    labels = tasks.labels.reindex(names).reset_index(drop=True)
    labels = labels.rename(columns={name: f"{name}_label" for name in labels if name in taken})
    return pd.concat([known, labels, found, numbers, problem], axis=1)


def _grade(batch: Batch[Any], name: str) -> str:
    if name in batch.failures:
        return FAILED
    return batch.healths[name].grade if name in batch.healths else ""


def _numbers(batch: Batch[pd.DataFrame], names: Iterable[str]) -> pd.DataFrame:
    """Return columns for each parameter of the population; empty cells where a task has no result."""
    rows = []
    for name in names:
        table = batch.results.get(name)
        own = {} if table is None else table[table["dims"] == ""].set_index("name")[list(QUANTILES)].to_dict("index")
        rows.append({f"{of}{end}": values[q] for of, values in own.items() for q, end in QUANTILES.items()})
    return pd.DataFrame(rows)


def with_reasons(batch: Batch[Any], earlier: Iterable[Path]) -> Batch[Any]:
    """Return a batch in which tasks without a stored result have the reason that an earlier table of tasks gives.

    Raises
    ------
    InputError
        Where such a table cannot be read.
    """
    reasons: dict[str, str] = {}
    for path in earlier:
        try:
            table = unescape_formulas(pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8"))
            failed = table[table["grade"] == FAILED]
            reasons |= dict(zip(failed["task"], failed["problem"], strict=True))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: is no table of tasks ({error}); remove it, or run its part again") from None
    failures = {name: reasons.get(name, why) if why.startswith(MISSING) else why for name, why in batch.failures.items()}
    return replace(batch, failures=failures)
