"""`bayes-scaling compare`: several laws on one table, by LOO and by runs beyond those trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.files import write_csv, write_json
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import exact, fixed, format_count, number, percent, probability
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import counted, judge, judged
from bayes_scaling.cli.options import Chains, ColumnNames, Counts, Draws, Seed, Tables, Train, Tune, Units, for_table, given
from bayes_scaling.cli.terminal import say, say_table

if TYPE_CHECKING:
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.specification import Model
    from bayes_scaling.model.studies.study import Study
    from bayes_scaling.validation.compare import Comparison
    from bayes_scaling.validation.splits import Fold

SHOWN: dict[str, tuple[Callable[[Any], str], str]] = {
    "elpd_loo": (partial(fixed, places=1), "LOO"),
    "elpd_diff": (partial(fixed, places=1), "- best"),
    "se_diff": (partial(fixed, places=1), "se"),
    "p_loo": (partial(fixed, places=1), "p"),
    "bad_k": (format_count, "bad k"),
    "log_score": (number, "log score"),
    "crps": (number, "CRPS"),
    "are": (percent, "error"),
    "coverage_50": (percent, "in 50 %"),
    "coverage_90": (percent, "in 90 %"),
    "weight_loo": (probability, "by LOO"),
    "weight_held": (probability, "held out"),
}
"""Columns of the table that are printed: how, and under which head."""


def compare(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Bundled names, TOML files, or laws of the library.")],
    runs: Tables = None,
    column: ColumnNames = None,
    unit: Units = None,
    convention: Counts = None,
    train: Train = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = Path("out/comparison"),
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    seed: Seed = None,
) -> None:
    """Compare laws on the same runs: LOO, the largest runs predicted from the others, and stacking weights by either.

    Table, columns and settings are those of the first model file. A law of the library has its published priors, and the noise
    of that file. Of a single model that names several laws to stack these are compared.

    Writes to DIR: comparison.csv, comparison.json, figures/comparison.png.
    """
    from bayes_scaling.model.studies.study import study_runs
    from bayes_scaling.plots.comparison import comparison_figure
    from bayes_scaling.validation.compare import compare as weigh

    laws, study = _read(models)
    study = for_table(study, column, unit, convention)
    settings = replace(study.settings, **given(draws=draws, tune=tune, chains=chains, seed=seed), progress=False)
    data = study_runs(study, runs or None)
    folder_to_write(out, "comparison.csv", "comparison.json", "figures/comparison.png")
    say(*counted(data), "compiling (up to half a minute a law the first time), then sampling")
    found = weigh(laws, data, train or (), settings)
    with write_together():
        write_csv(found.table, out / "comparison.csv")
        write_json(_record(found, settings), out / "comparison.json")
        write_figure(comparison_figure(found), out / "figures" / "comparison.png")
    _summary(found)
    say(f"written -> {out}")
    judge(found.health, settings.strict)


def _read(names: Sequence[str]) -> "tuple[dict[str, Model], Study]":
    """Return the model of each name, and the study whose table and settings serve for all."""
    from bayes_scaling.laws.library import LAWS
    from bayes_scaling.model.studies.bundled import bundled
    from bayes_scaling.model.studies.reading import read_study

    short = [Path(name).name.removesuffix(".toml") for name in names]
    if repeated := [name for name in short if short.count(name) > 1]:
        raise InputError(f"{repeated[0]!r} is given twice; a comparison is of laws with different names")
    of_library = [name for name in names if name in LAWS and name not in bundled()]
    studies = {name: read_study(name) for name in names if name not in of_library}
    if not studies:
        raise InputError(f"{list(names)} are laws of the library; give a model file beside them that says what the columns are")
    first, *others = studies
    study = studies[first]
    for other in others:
        study = _merged(study, studies[other], first, other)
    if len(names) == 1 and study.stack:
        return {one.name: one.model for one in study.stack}, study
    models = [studies[name].model if name in studies else _library_model(name, study) for name in names]
    return dict(zip(short, models, strict=True)), study


def _merged(one: "Study", two: "Study", first: str, other: str) -> "Study":
    """Return the first study with the groups of both and the smaller steps, having checked that they read the table alike."""
    from bayes_scaling.data.conventions import Conventions
    from bayes_scaling.data.table_conventions import unlike_conventions

    a, b = one.columns, two.columns
    if set(a.inputs) != set(b.inputs):
        raise InputError(
            f"{first} reads {format_names(a.inputs)}, {other} {format_names(b.inputs)}; laws of the same table are compared"
        )
    parts = ("inputs", "response", "where", "run", "measurement_error", "average", "tail", "best_so_far")
    differ = [(part, x, y) for part in parts if (x := getattr(a, part)) != (y := getattr(b, part))]
    if found := next(iter(differ), None) or unlike_conventions(a, b):
        part, x, y = found
        raise InputError(f"{first} and {other} must read the same table alike; {part} is {x} in {first}, {y} in {other}")
    if clash := [dim for dim in set(a.groups) & set(b.groups) if a.groups[dim] != b.groups[dim]]:
        raise InputError(f"group {clash[0]!r} is {a.groups[clash[0]]} in {first}, {b.groups[clash[0]]} in {other}")
    accept = max(of.settings.target_accept or 0.0 for of in (one, two)) or None
    conventions = Conventions(**b.conventions.known | a.conventions.known)
    columns = replace(a, groups={**b.groups, **a.groups}, conventions=conventions)
    return replace(one, columns=columns, settings=replace(one.settings, target_accept=accept))


def _library_model(name: str, study: "Study") -> "Model":
    """Return a law of the library with its published priors, where the study's inputs are at their references."""
    from bayes_scaling.data.references import stated_references
    from bayes_scaling.laws.library import library_law
    from bayes_scaling.model.defaults import at_references, default_priors, default_response
    from bayes_scaling.model.loss_units import in_unit_of
    from bayes_scaling.model.specification import Model, with_prior_references

    inputs = study.columns.inputs
    if at_references(name, inputs) != dict(inputs):
        raise InputError(
            f"the published priors of {name} are at the references {_references(at_references(name, inputs))}; "
            f"[data.inputs] of {study.name} has {_references(inputs)}"
        )
    model = Model(library_law(name), default_priors(name), study.model.noise, unit=default_response(name))
    model = with_prior_references(model, stated_references(inputs))
    return replace(in_unit_of(model, study.columns.response), noise=study.model.noise)


def _references(inputs: "Mapping[str, Any]") -> str:
    return ", ".join(
        f"{name} {'of the data' if one.reference is None else exact(one.reference)}" for name, one in inputs.items()
    )


def _record(found: "Comparison", settings: "Settings") -> dict[str, Any]:
    """Return what the JSON file says: the table, each fold by law, and how it was sampled."""
    from bayes_scaling.validation.scores import score_table

    def fold(of: "Fold") -> dict[str, Any]:
        rows = score_table(found.points[found.points["fold"] == of.where], ["law"]).to_dict("records")
        said = {"train": of.where, "training_rows": len(of.train), "held": len(of.held)}
        return said | {"laws": {str(row.pop("law")): row for row in rows}}

    one = next(iter(found.fits.values()))
    return (
        judged(found.health)
        | {"rows": len(one.runs), "source": one.runs.source}
        | {
            "scores_of": one.model.noise.on,
            "laws": {str(row.pop("law")): row for row in found.table.to_dict("records")},
            "folds": [fold(of) for of in found.folds],
            "settings": asdict(settings),
        }
    )


def _summary(found: "Comparison") -> None:
    held = "; ".join(f"{len(of.train)} where {of.where}, {len(of.held)} beyond" for of in found.folds)
    rows = found.table.to_dict("records")
    told = [[str(row["law"]), *(write(row[of]) for of, (write, _) in SHOWN.items())] for row in rows]
    heads = ["law", *(head for _, head in SHOWN.values())]
    say_table(f"trained on {held}", heads, told, left=("law",), wide=True)
    for row in rows:
        if row["bad_k"]:
            say(f"note: LOO of {row['law']} is not to be trusted at {row['bad_k']} runs, whose Pareto k is too high")
