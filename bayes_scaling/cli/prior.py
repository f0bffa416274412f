"""`bayes-scaling prior`: what a model expects before it sees the runs (prior predictive)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling._base.files import write_csv, write_text
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.naming import file_name
from bayes_scaling._base.numbers import band, number, unit_beside
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import counted, say_parameters
from bayes_scaling.cli.options import AnySeed, ColumnNames, Counts, ModelFile, StudyDir, Tables, Units, for_table
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayes_scaling.inference.posterior import Fit
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.studies.study import Study


def prior(
    model: ModelFile,
    runs: Tables = None,
    column: ColumnNames = None,
    unit: Units = None,
    convention: Counts = None,
    out: StudyDir = None,
    draws: Annotated[int, typer.Option(help="Draws from the prior.")] = 1000,
    seed: AnySeed = 0,
) -> None:
    """Draw from the prior of a model: what it expects before it sees the runs (prior predictive).

    Writes to DIR: prior.csv (the parameters), prior.txt (sentences), figures/prior.png (its bands, and the runs) and
    figures/prior_curves.png (curves along each input). Without runs figures/prior.png has the curves.
    """
    from bayes_scaling.inference.parameters import parameter_table
    from bayes_scaling.model.prior_sentences import differences, prior_summary
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.studies.reading import read_study

    settings = Settings(draws=draws, seed=seed)
    study = for_table(read_study(model), column, unit, convention)
    folder = out if out is not None else Path("out") / file_name(study.name)
    folder_to_write(folder, "prior.csv", "prior.txt", "figures/prior.png", "figures/prior_curves.png")
    alone = not runs and study.source is None
    before, figures = _alone(study, settings) if alone else _beside_runs(study, runs, settings)
    parameters = parameter_table(before).drop(columns=["r_hat", "ess_bulk", "ess_tail"])
    with write_together():
        write_csv(parameters, folder / "prior.csv")
        write_text(prior_summary(before.model) + "\n", folder / "prior.txt")
        for name, figure in figures.items():
            write_figure(figure, folder / "figures" / f"{name}.png")
    say_parameters(before, parameters)
    say(*differences(before.model))
    _say_prior_loss(before, alone=alone)
    say(f"written -> {folder}")


def _alone(study: "Study", settings: "Settings") -> "tuple[Fit, dict[str, Figure]]":
    """Return draws from a prior and its figure where there are no runs."""
    from bayes_scaling.plots.prior import curves_figure
    from bayes_scaling.prediction.prior_curves import prior_alone

    before = prior_alone(study.model, study.columns, settings.draws, settings.seed)
    say(study.title or study.name, "the prior, without runs")
    return before, {"prior": curves_figure(before)}


def _beside_runs(study: "Study", runs: "list[Path] | None", settings: "Settings") -> "tuple[Fit, dict[str, Figure]]":
    """Return draws from a prior and its figures beside runs."""
    from bayes_scaling.inference.fit import prior as draw
    from bayes_scaling.model.studies.study import study_runs
    from bayes_scaling.plots.overview import figures
    from bayes_scaling.plots.prior import curves_figure

    data = study_runs(study, runs or None)
    before = draw(study.model, data, settings.draws, settings.seed)
    count, *notes = counted(data)
    say(study.title or study.name, f"the prior, beside {count}", *notes)
    drawn = {"prior": figures(before, study.figure)["bands"]}
    _legible(before, drawn["prior"])
    return before, drawn if data.columns.schedule else drawn | {"prior_curves": curves_figure(before)}


def _say_prior_loss(before: "Fit", *, alone: bool) -> None:
    """Say which loss the prior expects at the reference, for levels never seen, and where the runs lie if there are any."""
    import pandas as pd

    from bayes_scaling.data.base_units import mark_base_units
    from bayes_scaling.model.specification import law_groups
    from bayes_scaling.prediction.predict import predict

    place = dict(before.runs.references) | dict.fromkeys(law_groups(before.model), "another")
    low, middle, high = predict(before, mark_base_units(pd.DataFrame([place]))).quantile([0.05, 0.5, 0.95]).to_numpy()
    seen, response = before.runs.table["response"], before.runs.columns.response
    beside = "" if alone else f"; the runs lie between {number(seen.min(), 4)} and {number(seen.max(), 4)}"
    say(f"{response.name} at the reference: {band((low, middle, high), unit_beside(response.name, response.unit))}{beside}")


LEGIBLE = 3.0
"""The band of a prior is shown up to so many times the largest loss of the runs, and down to that fraction of the smallest."""


def _legible(before: "Fit", figure: "Figure") -> None:
    """Set the vertical axes to hold all runs, and the 90 % band at their inputs unless it is far wider."""
    from bayes_scaling.plots.style import log_ticks
    from bayes_scaling.prediction.predict import predict

    low, high = predict(before, before.runs.table).quantile([0.05, 0.95], ("chain", "draw")).to_numpy()
    least, most = _around(before, LEGIBLE)
    below, above = _around(before, 1.05)
    bottom, top = max(least, min(below, low.min())), min(most, max(above, high.max()))
    for ax in figure.axes:
        ax.set_ylim(bottom if bottom > 0 or ax.get_yscale() == "linear" else None, top)
        if ax.get_yscale() == "log":
            log_ticks(ax, "y")


def _around(before: "Fit", times: float) -> tuple[float, float]:
    """Return the range of the runs' losses, so many times as far as it goes; by differences where losses may be negative."""
    low, high = float(before.runs.table["response"].min()), float(before.runs.table["response"].max())
    room = (times - 1) / 2 * (high - low)
    return (low / times, high * times) if before.runs.columns.response.positive else (low - room, high + room)
