"""Tables of a batch whose tasks came from one table: a row for each task, and the parameters of all."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.spreadsheets import unescape_formulas
from bayes_scaling.inference.batch.fits import MISSING
from bayes_scaling.inference.batch.from_table import TableTasks
from bayes_scaling.inference.batch.record import Batch
from bayes_scaling.inference.health import LAPLACE, Health
from bayes_scaling.inference.loading import load
from bayes_scaling.inference.parameters import parameter_table
from bayes_scaling.inference.posterior import Fit

FAILED = "failed"
"""The grade of a task without a result."""
QUANTILES = {"q50": "", "q05": "_q05", "q95": "_q95"}


def parameters_kept(fit: Fit, extra: Any) -> pd.DataFrame:
    """Return the parameters of a fit, as a `keep` of `fit_many`."""
    return parameter_table(fit)


def with_tables(batch: Batch[Any], kept: Callable[[str, Fit], pd.DataFrame]) -> Batch[pd.DataFrame]:
    """Return a batch whose results are tables; of files of fits, read one after the other, what is kept of each.

    A fit of which that raises InputError has failed.
    """
    tables: dict[str, pd.DataFrame] = {}
    failures = dict(batch.failures)
    for name, of in batch.results.items():
        try:
            tables[name] = of if isinstance(of, pd.DataFrame) else kept(name, _fit(of))
        except InputError as error:
            failures[name] = one_line(error)
    return replace(batch, results=tables, failures=failures)


def _fit(of: Any) -> Fit:
    found = load(of) if isinstance(of, Path) else of
    if not isinstance(found, Fit):
        raise InputError(f"{of}: is no fit of a single law")
    return found


def with_labels(table: pd.DataFrame, tasks: TableTasks) -> pd.DataFrame:
    """Return a table of all tasks with the levels of each after its name; NAME_label where the table has such a column."""
    labels = tasks.labels.reindex(table["task"]).reset_index(drop=True)
    labels = labels.rename(columns={name: f"{name}_label" for name in labels if name in table})
    return pd.concat([table[["task"]], labels, table.drop(columns="task")], axis=1)


def task_rows(batch: Batch[pd.DataFrame], tasks: TableTasks) -> pd.DataFrame:
    """Return a row for each task: its levels, rows, grade, method, Pareto k, seconds, parameters with 90 % intervals, problems.

    `pareto_k` is that of an approximation, whether its draws were taken or NUTS sampled instead; `sampled_again` says what was
    found in the first round where there were others. Columns NAME, NAME_q05 and NAME_q95 have the median and the ends of the
    interval of a parameter. Levels of a column that has the name of another are in NAME_label.
    """
    names = [name for name in tasks if name in batch.results or name in batch.failures]
    known = pd.DataFrame({"task": names}, dtype="str")
    found = pd.DataFrame(
        {
            "rows": [len(tasks.rows[name]) for name in names],
            "grade": [_grade(batch, name) for name in names],
            "method": [batch.healths[name].method if name in batch.healths else "" for name in names],
            "pareto_k": pd.Series([_pareto_k(batch.healths.get(name)) for name in names], dtype=float),
            "seconds": [batch.seconds.get(name) for name in names],
        }
    )
    numbers = _numbers(batch, names)
    problem = pd.DataFrame(
        {
            "problem": [batch.failures.get(name, batch.problems.get(name, "")) for name in names],
            "sampled_again": [_first_found(batch.healths.get(name)) for name in names],
        }
    )
    taken = {"task", *found, *numbers, *problem}
    labels = tasks.labels.reindex(names).reset_index(drop=True)
    labels = labels.rename(columns={name: f"{name}_label" for name in labels if name in taken})
    return pd.concat([known, labels, found, numbers, problem], axis=1)


def _grade(batch: Batch[Any], name: str) -> str:
    if name in batch.failures:
        return FAILED
    return batch.healths[name].grade if name in batch.healths else ""


def _pareto_k(health: Health | None) -> float | None:
    """Return the Pareto k of an approximation: of the draws, or of those that were not taken."""
    if health is None:
        return None
    return health.pareto_k if health.method == LAPLACE else next((one.get("pareto_k") for one in health.rounds[:1]), None)


def _first_found(health: Health | None) -> str:
    return "; ".join(health.rounds[0]["found"]) if health is not None and len(health.rounds) > 1 else ""


def _numbers(batch: Batch[pd.DataFrame], names: Iterable[str]) -> pd.DataFrame:
    """Return columns for each parameter of the population; empty cells where a task has no result."""
    rows = []
    for name in names:
        table = batch.results.get(name)
        own = {} if table is None else table[table["dims"].eq("")].set_index("name")[list(QUANTILES)].to_dict("index")
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
