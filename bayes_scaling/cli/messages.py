"""What several commands say: of the rows they read, of parameters, of draws and whether to trust them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import fixed, interval, number, percent, probability, several, shared
from bayes_scaling.cli.terminal import say, say_table

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling._base.finding import Finding
    from bayes_scaling.data.runs import Runs
    from bayes_scaling.inference.health import Health
    from bayes_scaling.inference.posterior import Fit
    from bayes_scaling.inference.stacking import Stack


READ_BY_COMMAND: ContextVar[dict[Path, None] | None] = ContextVar("read_by_command", default=None)
"""The folders of fits that the command at hand has read; None outside of one."""


def counted(data: "Runs") -> list[str]:
    """Return how many rows there are, what became of others of their table, and a line for each thing found in them."""
    averaged = f", averaged from {data.averaged}" if data.averaged > len(data) else ""
    dropped = f", {several(data.dropped, 'row')} removed by the filter {data.columns.where!r}" if data.dropped else ""
    kind = "table" if data.columns.curve is None else "log"
    return [
        f"{several(len(data), 'row')} of {data.source}{averaged}{dropped}",
        *_measured(data),
        *(f"note [{kind}]: {note}" for note in data.notes),
    ]


def _measured(data: "Runs") -> list[str]:
    """Return how measurement errors were taken, and how large that makes them, in a line; none where none are known."""
    error, response = data.columns.measurement_error, data.columns.response
    if error is None or "measurement_error" not in data.table:
        return []
    share = (data.table["measurement_error"] / data.table["response"].abs()).replace([float("inf")], float("nan")).dropna()
    name = f"the {response.name}"
    said = f"measurement error: column {error.column!r}, {error.words(name, response.unit)}"
    if share.empty:
        return [said]
    low, high = float(share.min()), float(share.max())
    span = percent(low) if percent(low) == percent(high) else f"{interval([100 * low, 100 * high])} %"
    return [f"{said}; {span} of {name}"]


def say_health(health: "Health | None") -> None:
    """Print the line of a stored fit: on stderr where it is not to be trusted, among the notes where it is; none if clean."""
    if health is not None and health.line:
        say(health.line, err=not health.ok)


def say_findings(folder: Path) -> None:
    """Print on stderr, in short, the worst of what `fit` found that puts every answer of a fit in doubt."""
    from bayes_scaling._base.finding import SERIOUS
    from bayes_scaling.report.record import RECORD, read_record

    try:
        found = [one for one in read_record(folder).findings if one.code in SERIOUS]
    except InputError:  # a record of another fit, or none that can be read: `report` says so
        return
    if found:
        more = f"; {len(found) - 1} more" if len(found) > 1 else ""
        short = re.split("[:;] ", found[0].sentence)[0]
        say(f"note [{found[0].code}]: of the fit, {short} ({folder / RECORD} has what to do{more})", err=True)


@contextmanager
def findings_last() -> Iterator[None]:
    """Say what `fit` found of the fits that a command reads once it has answered; one that fails says its error alone."""
    read: dict[Path, None] = {}
    token = READ_BY_COMMAND.set(read)
    try:
        yield
        for folder in read:
            say_findings(folder)
    finally:
        READ_BY_COMMAND.reset(token)


def say_findings_once(folder: Path) -> None:
    """Print what `fit` found, in a command at its end."""
    read = READ_BY_COMMAND.get()
    if read is None:
        say_findings(folder)
    else:
        read[folder] = None


def finding_line(found: "Finding") -> str:
    """Return a finding as every command prints it."""
    return f"note [{found.code}]: {found.sentence}"


def say_notes(made: Any) -> None:
    """Print on stderr what to know of an answer before relying on it, see `notes`."""
    for note in made.attrs.get("notes", ()):
        say(f"note: {note}", err=True)


def judge(health: "Health | None", strict: bool, failed: Mapping[str, str] = MappingProxyType({})) -> None:
    """Print what speaks against draws just sampled, and exit with 3 where they are not accepted.

    What is only noted is said among the notes, the rest on stderr with what to try.

    Parameters
    ----------
    failed
        What gave no draws -> why.
    """
    from bayes_scaling.inference.health import accepted

    for remark in health.remarks if health is not None else ():
        noted = remark.grade == "noted" and not strict
        say(f"{'note [sampler]' if noted else 'not to be trusted'}: {remark.sentence}", err=not noted)
    for name, why in failed.items():
        say(f"not to be trusted: {name}: {why}", err=True)
    if failed or not accepted(health, strict):
        raise typer.Exit(3)


def judged(health: "Health | None") -> dict[str, Any]:
    """Return what records say of draws: their grade, whether they may be trusted, and what speaks against them."""
    if health is None:
        return {}
    return {"grade": health.grade, "ok": health.ok, "problems": health.problems}


def say_weights(fitted: "Stack") -> None:
    """Print the laws of a stack: weights, before the runs and by them, scores of held-out runs, grade and cost."""
    found, rows = fitted.weighing, []
    for name, weight in fitted.weights.items():
        health = fitted.fits[name].health
        scored = found is not None and name in found.log_scores
        told = [number(found.log_scores[name]), number(found.crps[name])] if found is not None and scored else ["", ""]
        before = probability(found.prior[name]) if found is not None else ""
        seconds = fixed(found.seconds[name], 1) if found is not None else ""
        rows.append([name, probability(weight), before, *told, health.grade if health else "", seconds])
    heads = ("law", "weight", "prior", "log score", "CRPS", "draws", "s")
    say_table("laws, with the mean scores of runs held out", heads, rows, left=("law", "draws"))


def say_parameters(fitted: "Fit", parameters: "pd.DataFrame") -> None:
    """Print the parameters of the population, and where coefficients are stated."""
    shown = parameters[parameters["dims"] == ""].to_dict("records")
    rows = [[str(row["name"]), *shared([float(row[q]) for q in ("q50", "q05", "q95")])] for row in shown]
    heads = ("parameter", "median", "5 %", "95 %")
    say_table("population (median, 90 % interval)", heads, rows, left=("parameter",))
    inputs = fitted.runs.columns.inputs
    references = ", ".join(
        f"{name} {number(value, 4)} {inputs[name].unit}".strip() for name, value in fitted.runs.references.items()
    )
    say(f"reference: {references}; NAME_published is in the inputs' own units")
