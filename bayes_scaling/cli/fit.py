"""`bayes-scaling fit`: sample the posterior of a model given runs, and write what follows from it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bayes_scaling._base.checksums import read_checksum
from bayes_scaling._base.files import write_csv, write_json
from bayes_scaling._base.folders import atomic_folder
from bayes_scaling._base.naming import file_name
from bayes_scaling._base.numbers import fixed, format_count, number
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import counted, finding_line, judge, judged, say_parameters, say_weights
from bayes_scaling.cli.options import (
    Chains,
    ColumnNames,
    Counts,
    Draws,
    FittedCost,
    Independent,
    Method,
    ModelFile,
    Seed,
    SingleLaw,
    Strict,
    StudyDir,
    Tables,
    Tune,
    Units,
    for_table,
    given,
)
from bayes_scaling.cli.progress import progress_lines
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.runs import Runs
    from bayes_scaling.inference.posterior import Fit
    from bayes_scaling.inference.stacking import Posterior
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.specification import Model
    from bayes_scaling.model.studies.study import Study
    from bayes_scaling.validation.findings.every import Finding

OWN = ("fit.nc", "diagnostics.json", "parameters.csv", "points.csv")
"""What `fit` writes beside figures."""


def fit(
    model: ModelFile,
    runs: Tables = None,
    column: ColumnNames = None,
    unit: Units = None,
    convention: Counts = None,
    cost: FittedCost = None,
    out: StudyDir = None,
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    seed: Seed = None,
    method: Method = None,
    single: SingleLaw = False,
    strict: Strict = False,
    independent: Independent = False,
) -> None:
    """Sample the posterior of a model given runs.

    Of a model that names several laws all are fitted, and weighed by how each predicts larger runs from smaller ones: every
    command takes such a stack as it takes a fit. --single fits the law of \\[law] alone.

    Writes to DIR: fit.nc (the draws), parameters.csv, diagnostics.json, points.csv (points to predict at), figures/.
    """
    # Imported before nutpie: it goes through all modules that are imported by then, which are half as many.
    import arviz_base  # noqa: F401

    from bayes_scaling.data.cost_axis import at_cost
    from bayes_scaling.inference.fit import fit as sample
    from bayes_scaling.inference.memory import refuse_draws
    from bayes_scaling.inference.parameters import parameters_of
    from bayes_scaling.model.curves import taken_as_curves
    from bayes_scaling.model.studies.reading import read_study
    from bayes_scaling.model.studies.study import study_runs
    from bayes_scaling.validation.findings.every import findings
    from bayes_scaling.validation.fit_stack import fit_stack

    study = for_table(read_study(model), column, unit, convention)
    options = given(draws=draws, tune=tune, chains=chains, seed=seed, method=method, strict=strict or None)
    settings = replace(study.settings, **options, progress=sys.stderr.isatty())
    data = study_runs(study, runs or None)
    study, data = (study, data) if independent else taken_as_curves(study, data, runs or None)
    data = data if cost is None else at_cost(data, cost)
    folder = out if out is not None else Path("out") / file_name(study.name)
    folder_to_write(folder, *OWN, "figures/bands.png")
    models = {one.name: one.model for one in study.stack} if study.stack and not single else {study.name: study.model}
    for one in models.values():
        refuse_draws(one, data, settings)
    before = _announced(study, models, data, settings)
    say("compiling (up to a minute when a model is new to this machine, seconds after that), then sampling")
    start = perf_counter()
    with progress_lines():
        fitted: Posterior = fit_stack(study, data, settings) if len(models) > 1 else sample(study.model, data, settings)
    made = _made(study, perf_counter() - start) | {"asked": _asked(model, runs, column, unit, cost)}
    parameters, notes = parameters_of(fitted), findings(fitted)
    _write(folder, study, fitted, parameters, _diagnostics(fitted, notes) | made)
    _summary(fitted, parameters, settings, [note for note in notes if note not in before], folder)


def _announced(study: "Study", models: Mapping[str, "Model"], data: "Runs", settings: "Settings") -> list["Finding"]:
    """Say what is fitted, how much that takes, and what the runs show before; return the last."""
    from bayes_scaling.inference.memory import WORTH_SAYING, draw_bytes, draws_line
    from bayes_scaling.validation.findings.every import beforehand, refuse_constant

    say(study.title or study.name, *counted(data))
    largest = max(models.values(), key=lambda one: draw_bytes(one, data, settings))
    if draw_bytes(largest, data, settings) > WORTH_SAYING:
        say(f"note [size]: {draws_line(largest, data, settings)}")
    refuse_constant(study.model, data)
    before = beforehand(study.model, data)
    for note in before:
        say(finding_line(note))
    if len(models) > 1:
        say(f"stack of {len(models)} laws: {', '.join(models)} (--single for {study.model.law.__name__} alone)")
    return list(before)


def _write(folder: Path, study: "Study", fitted: "Posterior", parameters: "pd.DataFrame", diagnostics: dict[str, Any]) -> None:
    """Write the folder of a fit as one: draws, tables, diagnostics and figures."""
    from bayes_scaling.inference.saving import save
    from bayes_scaling.plots.overview import figures
    from bayes_scaling.prediction.starting_points import starting_points
    from bayes_scaling.report.record import earlier_figures

    drawn = {f"figures/{file_name(name)}.png": figure for name, figure in figures(fitted, study.figure).items()}
    old = _answers_of_earlier_fit(folder)
    with atomic_folder(folder, earlier=(*OWN, *earlier_figures(folder))) as new:
        save(fitted, new / "fit.nc")
        belongs = {"fit_sha256": read_checksum(new / "fit.nc"), "figures": list(drawn)}
        write_json(diagnostics | belongs, new / "diagnostics.json")
        write_csv(parameters, new / "parameters.csv")
        write_csv(starting_points(fitted), new / "points.csv")
        for name, figure in drawn.items():
            write_figure(figure, new / name)
    if old:
        say(
            f"note [earlier answers]: {', '.join(old)} in {folder}: written from the fit that this one replaces; make them anew"
        )


def _answers_of_earlier_fit(folder: Path) -> list[str]:
    """Return tables and pages that other commands wrote into a folder after the fit in it."""
    if not (folder / "fit.nc").is_file():
        return []
    fitted = (folder / "fit.nc").stat().st_mtime_ns
    answers = (path for path in folder.iterdir() if path.suffix in (".csv", ".html") and path.name not in OWN)
    return sorted(path.name for path in answers if path.is_file() and path.stat().st_mtime_ns > fitted)


def _diagnostics(fitted: "Posterior", notes: "tuple[Finding, ...]") -> dict[str, Any]:
    """Return what diagnostics.json says of draws, rows and findings."""
    health = fitted.health
    assert health is not None
    return {**judged(health), **asdict(health), **_laws(fitted)} | {
        "rows": len(fitted.runs),
        "rows_before_averaging": fitted.runs.averaged,
        "rows_removed_by_filter": fitted.runs.dropped,
        "notes": list(fitted.runs.notes),
        "references": dict(fitted.runs.references),
        "findings": [asdict(note) for note in notes],
    }


def _laws(fitted: "Posterior") -> dict[str, Any]:
    """Return the settings of a fit; of a stack its weights, how they were found, and for each law its settings and grade."""
    from bayes_scaling.inference.stacking import Stack

    if not isinstance(fitted, Stack):
        return {"settings": asdict(fitted.settings)}
    laws = {
        name: {"weight": fitted.weights[name], "draws": fitted.counts.get(name, 0), "settings": asdict(one.settings)}
        | judged(one.health)
        for name, one in fitted.fits.items()
    }
    return {"laws": laws, "weighing": asdict(fitted.weighing) if fitted.weighing else None}


def _made(study: "Study", seconds: float) -> dict[str, Any]:
    """Return what a report of the fit will say of how it was made."""
    from bayes_scaling._base.versions import versions

    figure = asdict(study.figure) if study.figure else None
    return {"model": study.name, "title": study.title, "figure": figure, "seconds": round(seconds, 1), "versions": versions()}


def _asked(
    model: str, runs: list[Path] | None, columns: list[str] | None, units: list[str] | None, cost: str | None
) -> dict[str, Any]:
    """Return the options that say what is fitted, from which a report makes the command of a backtest."""
    asked = {"model": model, "runs": [str(path) for path in runs or []], "columns": columns or [], "units": units or []}
    return asked | ({"cost": [cost]} if cost is not None else {})


def _summary(
    fitted: "Posterior", parameters: "pd.DataFrame", settings: "Settings", notes: "Sequence[Finding]", folder: Path
) -> None:
    """Print what was found, the parameters and what they say; exit with 3 where draws are not accepted."""
    from bayes_scaling.inference.stacking import Stack, without_health
    from bayes_scaling.report.sentences import stack_sentences, summary_sentences

    for note in notes:
        say(finding_line(note))
    bare = without_health(fitted)  # what the sampler says comes last, with what to try
    if isinstance(fitted, Stack):
        say_weights(fitted)
    else:
        _say_draws(fitted, parameters)
    for sentence in stack_sentences(bare, str(folder)) if isinstance(bare, Stack) else summary_sentences(bare, str(folder)):
        say(sentence)
    say(f"written -> {folder} (points for predict and contrast: {folder / 'points.csv'})")
    judge(fitted.health, settings.strict)


def _say_draws(fitted: "Fit", parameters: "pd.DataFrame") -> None:
    """Print the parameters of a fit, and how its chains went."""
    from bayes_scaling.inference.health import LAPLACE
    from bayes_scaling.inference.retries import rounds_line

    say_parameters(fitted, parameters)
    health = fitted.health
    assert health is not None
    if health.method == LAPLACE:
        say(repr(health))
        return
    agree = "" if health.r_hat is None else f"R-hat {fixed(health.r_hat, 3)}, "
    say(
        f"{fitted.settings.chains} x {format_count(fitted.settings.draws)} draws, "
        f"{format_count(health.divergences)} divergences, "
        f"{agree}smallest effective sample size {number(min(health.ess_bulk, health.ess_tail))}: {health.grade}"
    )
    if rounds := rounds_line(health):
        say(rounds)
