"""What candidate runs cost, in FLOP."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.notation import number_of_text
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
ROUNDING = 1e-6
"""Numbers of a column that differ by no more than this share are one: files round."""


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
        Where there is no such column, a cell of it is empty, a candidate has several of its values, or the FLOP are no positive
        number.
    """
    found = []
    for name, amount in (given or {}).items():
        values, known = _to_set_up(fit, table, frame, name, source)
        codes, there = _coded(values, known)
        of_candidate = pd.Series(codes).groupby(labels, sort=False)
        if (several := of_candidate.min() < of_candidate.max()).any():
            raise InputError(f"{source}: candidate {several.index[several][0]} has several values of {name!r}; expected one")
        once = checks.positive(amount, f"what {name!r} takes to set up, in FLOP,")
        found.append(SetUp(of_candidate.first().to_numpy(), np.where(there, 0.0, once)))
    return tuple(found)


def unknown_set_ups(fit: Posterior, given: Mapping[str, float] | None) -> list[str]:
    """Say of which columns the fit does not keep what its runs had, so that each of their values is paid for."""
    columns = fit.runs.columns
    kept = {*fit.runs.table, *columns.inputs, *(of.column for of in columns.inputs.values()), *columns.dims}
    kept |= {parts[0] for parts in columns.dims.values() if len(parts) == 1}
    return [
        f"the fit keeps no column {name!r} of its runs: each of its values is set up and paid for, those that runs had too"
        for name in given or {}
        if name not in kept
    ]


def _to_set_up(
    fit: Posterior, table: pd.DataFrame, frame: pd.DataFrame, name: str, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the rows of candidates have to be set up, and what runs of the fit have of it.

    Inputs are numbers in base units, whatever they are called and counted in in the table; groups are labels, those of a level
    spelt as the level is; any other column is numbers where all of it is.
    """
    columns = fit.runs.columns
    own = next((one for one, of in columns.inputs.items() if name in (one, of.column) and one in frame), None)
    if own is not None and name not in columns.dims:
        return frame[own].to_numpy(dtype=float), fit.runs.table[own].to_numpy(dtype=float)
    column = frame[name] if name in frame and name not in table else table.get(name)
    if column is None:
        raise InputError(f"{source}: no column {name!r} to set up; the table has {list(map(str, table.columns))}")
    if (gone := column.isna().to_numpy()).any():
        raise InputError(
            f"{source}: column {name!r}, row {int(np.argmax(gone)) + 1}: what to set up is missing; expected a value"
        )
    dims = [dim for dim in (name, *columns.dims) if dim == name or tuple(columns.dims[dim]) == (name,)]
    dim = next((one for one in dims if one in fit.runs.levels), None)
    if dim is not None:
        levels = fit.runs.levels[dim]
        place = level_index(column, levels)
        spelt = np.array([number_as_text(level) for level in levels], dtype=object)
        return np.where(place >= 0, spelt[place], column.map(number_as_text)), spelt
    known = fit.runs.table[name] if name in fit.runs.table else column[:0]
    numbers, of_runs = _all_numbers(column), _all_numbers(known)
    if numbers is not None and of_runs is not None:
        return numbers, of_runs
    return column.map(number_as_text).to_numpy(dtype=object), known.map(number_as_text).to_numpy(dtype=object)


def _all_numbers(column: pd.Series) -> np.ndarray | None:
    """Return a column as numbers where each cell is one, as programs spell it."""
    numbers = [number_of_text(cell) if isinstance(cell, str) else cell for cell in column]
    real = all(isinstance(of, int | float | np.integer | np.floating) and np.isfinite(of) for of in numbers)
    return np.array(numbers, dtype=float) if real else None


def _coded(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a number from 0 on for what each row has, and which of these are known; numbers within rounding are one."""
    if values.dtype.kind != "f":
        codes, names = pd.factorize(values)
        return codes, np.isin(names, known)
    every = np.unique(np.concatenate([values, known]))
    apart = np.concatenate([[0], np.cumsum(np.diff(every) > ROUNDING * np.abs(every[1:]))])
    of_values, of_known = (apart[np.searchsorted(every, of)] for of in (values, known))
    codes, found = pd.factorize(of_values)
    return codes, np.isin(found, of_known)


def _of_rows(fit: Posterior, table: pd.DataFrame, frame: pd.DataFrame, column: str | None, source: str) -> np.ndarray:
    """Return what each row of candidates takes in FLOP: by a column, a cost of the runs, or its params and tokens."""
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
    """Return a column of costs; refuse what is not above 0."""
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
