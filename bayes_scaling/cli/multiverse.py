"""`bayes-scaling multiverse`: how far a prediction moves under other specifications, each as defensible."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import band
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import judge
from bayes_scaling.cli.options import Chains, ColumnNames, Draws, ModelFile, Points, Seed, Tune, Units, for_table, given, pairs
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.decisions.multiverse import Multiverse

Pairs = list[str] | None


def multiverse(
    model: ModelFile,
    at: Points,
    runs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV, .csv.gz or Parquet in place of the study's runs.")
    ] = None,
    column: ColumnNames = None,
    unit: Units = None,
    alternative: Annotated[
        Pairs, typer.Option(metavar="INPUT=COLUMN", help="Another column for an input; may be repeated.")
    ] = None,
    params_from: Annotated[
        Pairs, typer.Option(metavar="COLUMN", help="Another count of parameters: a column for params; may be repeated.")
    ] = None,
    keep: Annotated[
        Pairs, typer.Option(metavar="FILTER", help="Rows in place of all, as 'step > 1000'; may be repeated.")
    ] = None,
    answer: Annotated[
        Literal["loss", "size", "exponent", "tokens-per-param"],
        typer.Option(
            help="What is expected of the response, as its loss; or of POINTS with a column compute, in FLOP, the best size, "
            "its exponent over compute, the best tokens per parameter."
        ),
    ] = "loss",
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    seed: Seed = None,
    full: Annotated[bool, typer.Option("--full/--one", help="Every combination of variants, or one at a time.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = Path("out/multiverse"),
) -> None:
    """Multiverse analysis: answer under other specifications of noise, small runs, floor, discrepancy, and those named.

    Writes to DIR: multiverse.csv, parameters.csv, figures/multiverse_1.png and so on, one for each point.
    """
    from bayes_scaling.decisions.answers import ANSWERS
    from bayes_scaling.decisions.multiverse import multiverse as answers
    from bayes_scaling.decisions.specifications import Specification, standard_variants
    from bayes_scaling.model.studies.reading import read_study
    from bayes_scaling.model.studies.study import study_runs, study_table
    from bayes_scaling.plots import multiverse_figure

    study = for_table(read_study(model), column, unit)
    base = Specification(study.model, study_table(study, runs), study_runs(study, runs).columns)
    others = {text: text for text in keep or ()}
    counted = pairs("--alternative", alternative, "INPUT=COLUMN, as in params=params_non_embedding")
    every = {name: [column] for name, column in counted.items()}
    every |= {"params": [*every.get("params", []), *params_from]} if params_from else {}
    variants = standard_variants(base, alternatives=every, filters=others)
    folder_to_write(out, "multiverse.csv", "parameters.csv", "figures/multiverse_1.png")
    say("compiling each model (up to half a minute the first time), then sampling")
    settings = replace(study.settings, **given(draws=draws, tune=tune, chains=chains, seed=seed), progress=True)
    found = answers(base, at, variants, settings, answer=ANSWERS[answer], full=full)
    points = sorted(set(found.table["point"]))
    with write_together():
        write_csv(found.table, out / "multiverse.csv")
        write_csv(found.parameters, out / "parameters.csv")
        for point in points:
            write_figure(multiverse_figure(found, point=point), out / "figures" / f"multiverse_{point + 1}.png")
    say(f"written -> {out}")
    _summary(found, points)
    judge(found.health, study.settings.strict)


def _summary(found: "Multiverse", points: Sequence[int]) -> None:
    """Say for each point where the base lies, and which specifications have the lowest and the highest median."""
    from bayes_scaling.decisions.multiverse import BASE

    for point in points:
        rows = found.table[found.table["point"] == point].sort_values("q50")
        told = {f"lowest, {rows['universe'].iloc[0]}": rows.iloc[0], f"highest, {rows['universe'].iloc[-1]}": rows.iloc[-1]}
        base = rows[rows["universe"] == BASE]
        for name, row in (({BASE: base.iloc[0]} if len(base) else {}) | told).items():
            say(f"{found.label} at point {point + 1}, {name}: {band([row[q] for q in ('q05', 'q50', 'q95')], found.unit)}")
    for name, why in found.failures.items():
        say(f"no answer: {name}: {why}", err=True)
