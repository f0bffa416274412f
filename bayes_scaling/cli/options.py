"""What several commands have in common: their option for tables, and what they say of the rows read."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.data.runs import Runs
    from bayes_scaling.inference.health import Health
    from bayes_scaling.inference.posterior import Fit
    from bayes_scaling.model.studies import Study

Tables = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="CSV, .csv.gz or Parquet in place of its own runs; may be repeated."),
]


Units = Annotated[
    list[str] | None,
    typer.Option(
        "--unit",
        metavar="NAME=UNIT",
        help="What a column of FILE counts in, as params=M, tokens='B tokens', loss=bits/byte; may be repeated.",
    ),
]


def recounted(study: "Study", units: list[str] | None) -> "Study":
    """Return a study for a table whose columns count in the units that were said, NAME=UNIT."""
    from bayes_scaling.data.counts import units_said

    pairs = [one.partition("=") for one in units or ()]
    if wrong := [name for name, _, unit in pairs if not (name and unit)]:
        raise InputError(f"--unit {wrong[0]}: expected NAME=UNIT, as in params=M")
    said = {name: unit for name, _, unit in pairs}
    return replace(study, columns=units_said(study.columns, said)) if said else study


def read_fit(folder: Path) -> "Fit":
    """Return the fit of a folder, and say on stderr what is to be known of its file."""
    from bayes_scaling.inference.saving import load

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        fitted = load(folder / "fit.nc")
    for one in told:
        say(f"note [file]: {one.message}", err=True)
    return fitted


def counted(data: "Runs") -> list[str]:
    """Return how many rows there are, what became of others of their table, and a line for each thing found in them."""
    averaged = f", averaged from {data.averaged}" if data.averaged > len(data) else ""
    dropped = f", {data.dropped} rows removed by the filter {data.columns.where!r}" if data.dropped else ""
    kind = "table" if data.columns.curve is None else "log"
    return [f"{len(data)} rows of {data.source}{averaged}{dropped}", *(f"note [{kind}]: {note}" for note in data.notes)]


def given(**asked: int | None) -> dict[str, Any]:
    """Return the options that were said."""
    return {name: of for name, of in asked.items() if of is not None}


def say_health(health: "Health | None") -> None:
    """Print the line of a stored fit: on stderr where it is not to be trusted, among the notes where it is; none if clean."""
    if health is not None and health.line:
        say(health.line, err=not health.ok)


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
