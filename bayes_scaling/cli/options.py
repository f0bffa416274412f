"""Options that several commands have, and how they are read."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.paths import is_folder
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.inference.posterior import Fit
    from bayes_scaling.inference.stacking import Posterior
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
ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="ROLE=COLUMN",
        help="What FILE calls a column that MODEL reads, as params=N, loss=eval/loss, run=id, lr=rate; may be repeated.",
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
Method = Annotated[
    Literal["nuts", "laplace"] | None,
    typer.Option(help="nuts, or laplace: an approximation for many small fits, with nuts where its Pareto k is above 0.7."),
]
NamedCost = Annotated[
    str | None,
    typer.Option("--cost", metavar="NAME", help="What to compare at: one of \\[data.costs]; the law's own unless given."),
]
FittedCost = Annotated[
    str | None,
    typer.Option("--cost", metavar="NAME", help="One of \\[data.costs] that the law's input compute is to read."),
]
SingleLaw = Annotated[bool, typer.Option("--single", help="The study's own law alone, where it names several laws to stack.")]
OneLaw = Annotated[str | None, typer.Option("--law", metavar="NAME", help="Of a stack of several laws the one to ask.")]
TokensPerStep = Annotated[
    list[str] | None,
    typer.Option(metavar="[RUN=]TOKENS", help="Tokens a step, as 524288 or .5M; of all runs or of one. May be repeated."),
]
ParamsOfRuns = Annotated[
    list[str] | None,
    typer.Option(metavar="[RUN=]PARAMETERS", help="Parameters, as 124M; of all runs or of one. May be repeated."),
]
NamePattern = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help="What names of runs and files say, as 'N(?P<params>\\d+)_D(?P<tokens>\\d+)'."),
]
Joined = Annotated[Path | None, typer.Option(metavar="TABLE", help="What else is known of runs, in a column run.")]
LastRows = Annotated[bool, typer.Option("--last", help="One row a run: the last value of each metric.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 3 on anything but clean draws, noted ones too.")]
Independent = Annotated[
    bool, typer.Option("--independent", help="Take rows that look like checkpoints of runs for runs of their own.")
]
SEED = "The same seed gives the same numbers on the same machine"
Seed = Annotated[int | None, typer.Option(help=f"{SEED}; 0 unless MODEL says otherwise.")]
AnySeed = Annotated[int, typer.Option(help=f"{SEED}.")]


def for_table(
    study: "Study", columns: list[str] | None, units: list[str] | None, conventions: list[str] | None = None
) -> "Study":
    """Return a study for a table whose columns are called, and count, as was said: ROLE=COLUMN, NAME=UNIT, FIELD=VALUE."""
    from bayes_scaling.data.conventions import with_conventions
    from bayes_scaling.model.studies.study import study_for

    named = pairs("--column", columns, "ROLE=COLUMN, as in loss=eval/loss")
    found = study_for(study, named, pairs("--unit", units, "NAME=UNIT, as in params=M"))
    said = pairs("--convention", conventions, "FIELD=VALUE, as in embeddings=without")
    counted = with_conventions(found.columns.conventions, said)
    return replace(found, columns=replace(found.columns, conventions=counted)) if said else found


def pairs(option: str, said: list[str] | None, expected: str) -> dict[str, str]:
    """Return what was said as NAME=TEXT by an option that may be repeated, once for each name."""
    found: dict[str, str] = {}
    for one in said or ():
        name, _, text = one.partition("=")
        if not (name and text):
            raise InputError(f"{option} {one}: expected {expected}")
        if found.setdefault(name, text) != text:
            raise InputError(f"{option} {one}: {name} is given as {found[name]!r} already; give one of them")
    return found


def read_fit(folder: Path, law: str | None = None) -> "Fit":
    """Return the fit of a folder, of a stack that of one of its laws; see `read_posterior`."""
    from bayes_scaling.inference.stacking import Stack

    fitted = read_posterior(folder)
    if not isinstance(fitted, Stack):
        if law is not None:
            raise InputError(f"--law {law}: {folder} holds the fit of a single law, {fitted.model.law.__name__}")
        return fitted
    if law is None:
        raise InputError(f"{folder} holds several laws, and this asks for one: --law with one of {format_names(fitted.fits)}")
    if law not in fitted.fits:
        raise InputError(f"--law {law}: {folder} has no such law; expected one of {format_names(fitted.fits)}")
    return fitted.fits[law]


def read_posterior(folder: Path) -> "Posterior":
    """Return the fit or stack of a folder, and say on stderr what is to be known of its file and of the fit."""
    from bayes_scaling.cli.messages import say_findings_once
    from bayes_scaling.inference.loading import load

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        fitted = load(folder if folder.suffix == ".nc" or is_folder(folder) else folder / "fit.nc")
    for one in told:
        say(f"note [file]: {one.message}", err=True)
    say_findings_once(folder.parent if folder.suffix == ".nc" else folder)
    return fitted


def given(**asked: int | str | None) -> dict[str, Any]:
    """Return the options that were said."""
    return {name: of for name, of in asked.items() if of is not None}
