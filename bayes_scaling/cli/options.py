"""Options that several commands have, and how they are read."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.inference.posterior import Fit
    from bayes_scaling.model.studies.study import Study

ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A bundled name (see `models`) or a TOML file.")]
FitDir = Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote.")]
StudyDir = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to write; out/MODEL unless given.")]
Points = Annotated[Path, typer.Option("--at", metavar="POINTS.csv", help="Inputs, and levels of groups, to predict at.")]
Tables = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="CSV, .csv.gz or Parquet in place of the study's runs; may be repeated."),
]
Units = Annotated[
    list[str] | None,
    typer.Option(
        "--unit",
        metavar="NAME=UNIT",
        help="What a column of FILE counts in, as params=M, tokens='B tokens', loss=bits/byte; may be repeated.",
    ),
]
Counts = Annotated[
    list[str] | None,
    typer.Option(
        "--convention",
        metavar="FIELD=VALUE",
        help="How FILE was counted, as embeddings=without, compute=6ND, schedule=finished, or =mixed; may be repeated.",
    ),
]
Train = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILTER",
        help='What to train on, as "params < 1e9"; or an input or group to leave levels out of. May be repeated.',
    ),
]
Draws = Annotated[int | None, typer.Option(help="Draws kept of each chain; 2000 unless MODEL says otherwise.")]
Tune = Annotated[
    int | None, typer.Option(help="Draws of each chain to adapt, then discarded; 500 unless MODEL says otherwise.")
]
Chains = Annotated[int | None, typer.Option(help="Independent chains; 4 unless MODEL says otherwise.")]
SEED = "The same seed gives the same numbers on the same machine"
Seed = Annotated[int | None, typer.Option(help=f"{SEED}; 0 unless MODEL says otherwise.")]
AnySeed = Annotated[int, typer.Option(help=f"{SEED}.")]


def recounted(study: "Study", units: list[str] | None, conventions: list[str] | None = None) -> "Study":
    """Return a study for a table whose columns count in units, NAME=UNIT, and by conventions, FIELD=VALUE, that were said."""
    from bayes_scaling.data.conventions import with_conventions
    from bayes_scaling.data.counts import with_units

    pairs = [one.partition("=") for one in units or ()]
    if wrong := [name for name, _, unit in pairs if not (name and unit)]:
        raise InputError(f"--unit {wrong[0]}: expected NAME=UNIT, as in params=M")
    said = {name: unit for name, _, unit in pairs}
    columns = with_units(study.columns, said) if said else study.columns
    counted = with_conventions(columns.conventions, conventions or ())
    return replace(study, columns=replace(columns, conventions=counted)) if said or conventions else study


def read_fit(folder: Path) -> "Fit":
    """Return the fit of a folder, and say on stderr what is to be known of its file and of the fit."""
    from bayes_scaling.cli.messages import say_findings
    from bayes_scaling.inference.saving import load

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        fitted = load(folder / "fit.nc")
    for one in told:
        say(f"note [file]: {one.message}", err=True)
    say_findings(folder)
    return fitted


def given(**asked: int | None) -> dict[str, Any]:
    """Return the options that were said."""
    return {name: of for name, of in asked.items() if of is not None}
