"""`bayes-scaling backtest`: refit on the small runs, and score the bands of the large ones."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.files import write_csv, write_json
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.naming import file_name
from bayes_scaling._base.numbers import format_count, number, percent
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import counted, judge, judged
from bayes_scaling.cli.options import (
    Chains,
    ColumnNames,
    Counts,
    Draws,
    FittedCost,
    ModelFile,
    Seed,
    SingleLaw,
    Tables,
    Train,
    Tune,
    Units,
    for_table,
    given,
)
from bayes_scaling.cli.terminal import say, say_table
from bayes_scaling.inference.batch.executors import pool

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.runs import Runs
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.studies.study import Study
    from bayes_scaling.validation.backtest import Backtest

SHOWN: dict[str, tuple[Callable[[Any], str], str]] = {
    "runs": (format_count, "runs"),
    "coverage_50": (percent, "in 50 %"),
    "coverage_80": (percent, "in 80 %"),
    "coverage_90": (percent, "in 90 %"),
    "crps": (number, "CRPS"),
    "log_score": (number, "log score"),
    "are": (percent, "mean |error|"),
    "rmsle": (number, "RMSLE"),
}
"""Columns of the table that are printed: how, and under which head."""

ALL = "all"
"""What stands for a cut-off, or a class of distance, in rows that are of all of them."""
BINS = 10
"""Bins of the PIT histogram in the record."""


def backtest(
    model: ModelFile,
    runs: Tables = None,
    column: ColumnNames = None,
    unit: Units = None,
    convention: Counts = None,
    cost: FittedCost = None,
    train: Train = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; out/MODEL/backtest unless given.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes that share the cut-offs; each compiles its own model.")
    ] = 1,
    single: SingleLaw = False,
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    seed: Seed = None,
) -> None:
    """Backtest a model: train on the runs that each --train keeps, predict the held-out ones, and score the bands.

    Without --train: on the lower two thirds, and on the lower half, of the range of the product of all inputs.

    Writes to DIR: backtest.csv (held-out runs), scores.csv (coverage, CRPS, log score), backtest.json, figures/backtest.png.
    """
    from bayes_scaling.data.cost_axis import at_cost
    from bayes_scaling.model.studies.reading import read_study
    from bayes_scaling.model.studies.study import study_runs
    from bayes_scaling.plots.backtest import backtest_figure
    from bayes_scaling.validation.backtest import backtest as score

    study = for_table(read_study(model), column, unit, convention)
    settings = replace(study.settings, **given(draws=draws, tune=tune, chains=chains, seed=seed), progress=False)
    data = study_runs(study, runs or None)
    data = data if cost is None else at_cost(data, cost)
    folder = out if out is not None else Path("out") / file_name(study.name) / "backtest"
    folder_to_write(folder, "backtest.csv", "scores.csv", "backtest.json", "figures/backtest.png")
    say(study.title or study.name, *counted(data))
    say("compiling (up to half a minute the first time), then sampling")
    models = {one.name: one.model for one in study.stack} if not single else {}
    prior = {one.name: one.weight for one in study.stack} or None
    if models:
        say(f"stack of {len(models)} laws, weighed anew at each cut-off: {', '.join(models)}")
    with pool(workers) as executor:
        found = score(models or study.model, data, train or (), settings, executor, prior=prior)
    scores = _scores(found.points)
    record = _record(found, study if models else replace(study, stack=()), data, settings, scores)
    with write_together():
        write_csv(found.points, folder / "backtest.csv")
        write_csv(scores, folder / "scores.csv")
        write_json(record, folder / "backtest.json")
        write_figure(backtest_figure(found.points, data), folder / "figures" / "backtest.png")
    _summary(found, study, scores)
    say(f"written -> {folder}")
    failed = {where: why for where, why in found.problems.items() if where not in found.healths}
    judge(found.health, settings.strict, failed={f"trained on {where}": why for where, why in failed.items()})


def _scores(points: "pd.DataFrame") -> "pd.DataFrame":
    """Return the scores of each cut-off and of each class of distance within it, and of all cut-offs together."""
    import pandas as pd

    from bayes_scaling.validation.scores import score_table

    cuts = list(points["train"].cat.categories)
    parts = [(cut, points[points["train"] == cut]) for cut in cuts] + ([(ALL, points)] if len(cuts) > 1 else [])
    tables = [
        table.assign(train=cut, decades=table["decades"].astype(str) if "decades" in table else ALL)
        for cut, part in parts
        for table in (score_table(part), score_table(part, ["decades"]))
    ]
    return pd.concat(tables, ignore_index=True)[["train", "decades", *SHOWN]]


def _record(found: "Backtest", study: "Study", data: "Runs", settings: "Settings", scores: "pd.DataFrame") -> dict[str, Any]:
    """Return what the JSON file says: the model, scores of each cut-off by distance, the PIT, and how it was sampled."""
    import numpy as np

    from bayes_scaling.model.studies.writing import study_text

    trained = found.points.groupby("train", observed=True)["training_runs"].first()
    sums = {
        str(cut): {str(row.pop("decades")): row for row in part.drop(columns="train").to_dict("records")}
        for cut, part in scores.groupby("train", sort=False)
    }
    said = judged(found.health) | {"ok": not found.problems, "problems": dict(found.problems)}
    return said | {
        "rows": len(data),
        "source": data.source,
        "model": study_text(study),
        "scores_of": study.model.noise.on,
        "cutoffs": {str(cut): {"training_runs": int(count), "scores": sums[str(cut)]} for cut, count in trained.items()},
        "scores": sums.get(ALL, sums[scores["train"].iloc[0]]),
        "pit_histogram": np.histogram(found.points["pit"], BINS, (0.0, 1.0))[0].tolist(),
        "settings": asdict(settings),
    }


def _summary(found: "Backtest", study: "Study", scores: "pd.DataFrame") -> None:
    """Print the scores, and of which cut-offs the priors said more than the runs."""
    trained = found.points.groupby("train", observed=True)["training_runs"].first().to_dict()
    rows, sums = [], []
    for i, row in enumerate(scores.to_dict("records")):
        cut, total = str(row["train"]), row["decades"] == ALL
        name = f"{trained[cut]} runs, {cut}" if cut in trained else "all of these"
        sums += [i] * total
        rows.append([name if total else "", str(row["decades"]), *(write(row[of]) for of, (write, _) in SHOWN.items())])
    heads, texts = [head for _, head in SHOWN.values()], ("trained on", "decades")
    say_table("held-out runs, by decades from those trained on", [*texts, *heads], rows, left=texts, bold=sums, wide=True)
    count = len(study.model.parameters)
    for where, runs in trained.items():
        if runs < count:
            say(
                f"note: trained on {runs} runs where {where}, fewer than the law's {count} parameters: "
                "what these do not tell, the priors do"
            )
