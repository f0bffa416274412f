"""A model in words: its formula, its columns, how runs scatter, and every prior."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count, interval, number
from bayes_scaling.data.convention_words import counted_parts, not_stated
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.table_conventions import roles
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import LAWS
from bayes_scaling.laws.units import Unit
from bayes_scaling.model.defaults import equation, summary
from bayes_scaling.model.description import scatter_sentences


@dataclass(frozen=True)
class Formula:
    """A law as text, and where it is from the library its name, what it says, and its equation with the source."""

    text: str
    name: str = ""
    summary: str = ""
    equation: str = ""


@dataclass(frozen=True)
class Column:
    """What one column of the table was read as."""

    role: str
    name: str
    column: str
    unit: str
    reference: str
    seen: str


def formula(fit: Fit) -> Formula:
    """Return the formula of a fit's law."""
    law = fit.model.law
    try:
        text = law_text(law)
    except InputError:
        text = "too long to be written as one line"
    if LAWS.get(law.__name__) is not law:
        return Formula(text)
    return Formula(text, law.__name__, summary(law.__name__), equation(law.__name__))


def columns(fit: Posterior) -> list[Column]:
    """Return the response, inputs and groups of a fit, with units, references and what the runs have of them."""
    of, table = fit.runs.columns, fit.runs.table
    response = of.response
    seen = interval([table["response"].min(), table["response"].max()])
    found = [Column("response", response.name, response.column, of.all_units, "", seen)]
    for name, one in of.inputs.items():
        seen = interval([table[name].min(), table[name].max()])
        found.append(Column("input", name, one.column, _counted(one), number(fit.runs.references[name]), seen))
    for dim, parts in of.dims.items():
        found.append(Column("group", dim, " and ".join(parts), "", "", f"{len(fit.runs.levels[dim])} levels"))
    if of.measurement_error is not None:
        scale = "share of the response" if of.measurement_error.relative else response.unit
        found.append(Column("measurement error", "", of.measurement_error.column, scale, "", ""))
    return found


def _counted(one: Input) -> str:
    """Return the unit of an input, and what its column counts in where that is another."""
    return one.unit if one.factor == 1.0 else f"{one.unit}; the column is in {Unit(one.factor, one.unit, True).label}"


def likelihood(fit: Fit) -> list[str]:
    """Return how runs scatter about the law, a sentence for each part."""
    columns = fit.runs.columns
    return scatter_sentences(fit.model, columns.response, columns.measurement_error)


def rows(fit: Posterior) -> list[str]:
    """Return how many rows there are and what became of the others, a sentence each."""
    runs, of = fit.runs, fit.runs.columns
    known = f" of {len(runs.levels['run'])} runs" if "run" in runs.levels else ""
    found = [f"{len(runs)} rows{known} were used, read from {basenames(runs.source)}."]
    if of.where is not None:
        found.append(f"The filter {of.where} was applied: it removed {runs.dropped} rows.")
    else:
        found.append(
            "No filter was applied: every row of the table was used."
            if not runs.dropped
            else f"{runs.dropped} rows were removed."
        )
    if runs.averaged > len(runs):
        how = f", along {of.average.along}, {number(of.average.per_decade)} to a factor of ten" if of.average else ""
        found.append(f"The rows are means of neighbours: {runs.averaged} rows of the file stand behind them{how}.")
    found += list(_logs(fit))
    found += [_without_folders(note, runs.source) + "." * (not note.endswith(".")) for note in runs.notes]
    return found


def counting(fit: Posterior) -> list[tuple[str, str]]:
    """Return how parameters, compute, tokens and the loss were counted, and what of it is not stated, by what is counted."""
    of, missing = fit.runs.columns, not_stated(fit.runs.columns)
    known, read = counted_parts(of), roles(of)
    found = []
    for role, column in read.items():
        said = [f"column {column}", *([known[role]] if role in known else [])]
        said += [f"{missing[role]}: not stated"] if role in missing else []
        found.append((capitalized(of.response.name if role == "loss" else role), "; ".join(said)))
    averaged = fit.runs.averaged > len(fit.runs)
    smoothing = of.conventions.smoothing or ("rows are averaged here" if averaged else "not stated")
    rest = {f"Smoothing of the {of.response.name}": smoothing} | {
        label: _stated(getattr(of.conventions, name)) for label, name in UNSAID.items()
    }
    costs = [(f"Cost: {one.name}", "; ".join([*one.formulas, one.base_unit])) for one in of.costs.values()]
    return [*found, *rest.items(), *costs]


def _stated(value: str | int | None) -> str:
    return "not stated" if value is None else f"{format_count(value)} tokens" if isinstance(value, int) else value


UNSAID = {"Tokenizer": "tokenizer", "Context length": "context", "Evaluated on": "evaluation"}
"""What a report says of a loss beside its unit and schedule -> the convention."""


def title(fit: Posterior) -> str:
    """Return what a page on a fit is called where nobody said."""
    return f"{capitalized(fit.runs.columns.response.name)} of {basenames(fit.runs.source)}"


def capitalized(name: str) -> str:
    """Return a name as a sentence begins with it."""
    return name[:1].upper() + name[1:]


def basenames(source: str) -> str:
    """Return the names of files without their folders."""
    return ", ".join(Path(part).name if "/" in part or "\\" in part else part for part in source.split(", "))


def _without_folders(text: str, source: str) -> str:
    for part in source.split(", "):
        text = text.replace(part, Path(part).name) if "/" in part else text
    return text


def _logs(fit: Posterior) -> Iterator[str]:
    curve = fit.runs.columns.curve
    if curve is not None:
        yield f"Whole learning curves along {curve.along} were checked and mended as logs before they were used."
    elif "run" in fit.runs.levels and not fit.runs.columns.outputs and len(fit.runs) > 2 * len(fit.runs.levels["run"]):
        yield "Several rows of each run were used, not its end alone."
