"""What candidate runs cost, in FLOP."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling.data.cells import column_numbers
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.cost_axis import named_cost
from bayes_scaling.data.labels import level_index, number_as_text
from bayes_scaling.data.plausible import refuse_implausible_counts
from bayes_scaling.data.run_costs import cost_amounts
from bayes_scaling.decisions.design.sets import SetUp
from bayes_scaling.inference.stacking import Posterior, law_reads
from bayes_scaling.laws.inputs import has_params_and_tokens
from bayes_scaling.laws.units import DAYS, FLOP, conversion, read_unit
from bayes_scaling.prediction.token_cost import token_cost

COLUMN = "flop"


def flop(
    fit: Posterior, table: pd.DataFrame, frame: pd.DataFrame, labels: np.ndarray, column: str | None, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows are those of most compute of their candidate, and what each candidate costs in FLOP.

    A column of the table, or a cost of the runs by its name, else 6 x params x tokens, else an input compute whose unit is FLOP
    or PFLOP/s-days. Of the rows of a run the largest counts, since they are places along it; a candidate of several runs costs
    their sum.

    Parameters
    ----------
    table
        As it was given.
    frame
        Its checked rows, with `run`.
    labels
        Which candidate each row is of.

    Raises
    ------
    InputError
        Where none of these is there, or a cost is no positive number.
    """
    each = _of_rows(fit, table, frame, column, source)
    code, names = pd.factorize(labels)
    of_runs = pd.DataFrame({"candidate": code, "run": frame["run"].astype(str).to_numpy(), "flop": each})
    total = of_runs.groupby(["candidate", "run"], sort=False)["flop"].max().groupby("candidate").sum()
    dearest = of_runs["flop"] == of_runs.groupby("candidate")["flop"].transform("max")
    return dearest.to_numpy(), total.reindex(range(len(names))).to_numpy()


def set_ups(
    fit: Posterior, table: pd.DataFrame, frame: pd.DataFrame, labels: np.ndarray, given: Mapping[str, float] | None, source: str
) -> tuple[SetUp, ...]:
    """Return what is paid once for runs that share a value of a column: nothing for what runs of the fit have.

    Raises
    ------
    InputError
        Where there is no such column, a candidate has several of its values, or the FLOP are no positive number.
    """
    found = []
    for name, amount in (given or {}).items():
        column = frame[name] if name in frame and name not in table else table.get(name)
        if column is None:
            raise InputError(f"{source}: no column {name!r} to set up; the table has {list(map(str, table.columns))}")
        values = column.map(number_as_text).to_numpy()
        codes, names = pd.factorize(values)
        of_candidate = pd.Series(codes).groupby(labels, sort=False)
        if (several := of_candidate.min() < of_candidate.max()).any():
            raise InputError(f"{source}: candidate {several.index[several][0]} has several values of {name!r}; expected one")
        own = [dim for dim in (name, *fit.runs.columns.dims) if dim == name or tuple(fit.runs.columns.dims[dim]) == (name,)]
        dim = next((one for one in own if one in fit.runs.levels), None)
        if dim is not None:
            there = level_index(pd.Series(names), fit.runs.levels[dim]) >= 0
        else:
            there = (
                np.isin(names, fit.runs.table[name].map(number_as_text))
                if name in fit.runs.table
                else np.zeros(len(names), bool)
            )
        once = checks.positive(amount, f"what {name!r} takes to set up, in FLOP,")
        found.append(SetUp(of_candidate.first().to_numpy(), np.where(there, 0.0, once)))
    return tuple(found)


def _of_rows(fit: Posterior, table: pd.DataFrame, frame: pd.DataFrame, column: str | None, source: str) -> np.ndarray:
    if column is not None and column not in table and fit.runs.columns.costs:
        return _at_cost(fit, named_cost(fit.runs, column)[1], table, frame, source)
    if column is not None or COLUMN in table:
        return _column(table, column or COLUMN, source)
    inputs = law_reads(fit)
    if has_params_and_tokens(inputs):
        refuse_implausible_counts(fit.runs)
        return Cost().compute(frame["params"].to_numpy(), frame["tokens"].to_numpy())
    unit = read_unit(fit.runs.columns.inputs["compute"].unit if "compute" in inputs else "")
    if unit.name in (FLOP, DAYS) and (factor := conversion(unit, FLOP)) is not None:
        return np.asarray(frame["compute"] * factor)
    raise InputError(
        f"{source}: what a candidate costs is not known: the law has neither params and tokens nor a compute in FLOP or "
        f"PFLOP/s-days; add a column {COLUMN!r}"
    )


def _at_cost(fit: Posterior, cost: Cost, table: pd.DataFrame, frame: pd.DataFrame, source: str) -> np.ndarray:
    """Return what candidates take under a cost of the runs: by its formula where they have its columns, else as runs took."""
    factor = conversion(read_unit(cost.base_unit), FLOP) if cost.base_unit in (FLOP, DAYS) else None
    if factor is None:
        raise InputError(f"{source}: candidates are ranked by what they take in FLOP; {cost.quoted} is in {cost.base_unit}")
    columns, rows = fit.runs.columns, table.index.to_numpy()
    if set(cost.reads) <= {*map(str, table), *frame, "tokens"} and (cost.group is None or cost.group in frame):
        return factor * cost_amounts(cost, table.reset_index(drop=True), frame, columns, source, rows, [])
    if not has_params_and_tokens(law_reads(fit)):
        missing = [name for name in cost.reads if name not in table and name not in frame]
        raise InputError(f"{source}: {cost.quoted} reads {missing}, which the candidates do not have")
    points = frame.drop(columns=["run"], errors="ignore").to_dict("records")
    rates = [token_cost(fit, cost, {str(name): of for name, of in point.items()})[0] for point in points]
    each = np.array([float(rate(np.array([at]))[0]) for rate, at in zip(rates, frame["params"], strict=True)])
    return np.asarray(factor * each * frame["tokens"].to_numpy())


def _column(table: pd.DataFrame, column: str, source: str) -> np.ndarray:
    if column not in table:
        raise InputError(f"{source}: no column {column!r} for the cost in FLOP; the table has {list(map(str, table.columns))}")
    numbers = column_numbers(table[column], source, table.index.to_numpy())[0]
    wrong = ~(np.isfinite(numbers) & (numbers > 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{source}: column {column!r}, row {row + 1}: {format_value(table[column].iloc[row])} is no cost; "
            "expected a positive number of FLOP"
        )
    return numbers
