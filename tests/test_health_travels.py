"""What speaks against draws goes wherever they go: into every table, sentence, figure and record, and what commands print."""

import json
from collections.abc import Callable
from dataclasses import replace
from html import escape
from importlib import import_module
from inspect import signature
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import BAD, CLEAN, NOTED, sweep
from matplotlib.figure import Figure
from typer.testing import CliRunner, Result

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling._deprecated import BEFORE
from bayes_scaling.cli.commands import app
from bayes_scaling.cli.messages import judge
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.design.ranked import NextRuns
from bayes_scaling.decisions.design.sentences import next_sentence
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.multiverse import Multiverse
from bayes_scaling.decisions.plan import Plan
from bayes_scaling.decisions.plan_sentences import plan_sentence
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.decisions.ranking import Ranking
from bayes_scaling.decisions.sensitivity.record import Sensitivity
from bayes_scaling.decisions.specifications import Specification
from bayes_scaling.decisions.stopping import stopping
from bayes_scaling.decisions.targets import needed_sentence
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.fits import Batch
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import line_of
from bayes_scaling.inference.parameters import parameter_table, parameter_values, published_values
from bayes_scaling.inference.stacking import Stack, stack
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.plots import overview
from bayes_scaling.prediction.chain_record import ChainedResponse
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import Contrast, contrast_at
from bayes_scaling.prediction.forecast import Forecast
from bayes_scaling.prediction.forecast_sentences import forecast_sentence
from bayes_scaling.prediction.joint_forecast import Forecasts
from bayes_scaling.prediction.predict import decompose, parameters_at, published_at
from bayes_scaling.prediction.residuals import run_residuals
from bayes_scaling.prediction.summary import summarize, summarize_at
from bayes_scaling.report import write as report
from bayes_scaling.report.sentences import summary_sentences
from bayes_scaling.validation.backtest import Backtest
from bayes_scaling.validation.calibration import Calibration
from bayes_scaling.validation.compare import Comparison
from bayes_scaling.validation.scores import score_points, score_table

POINTS = pd.DataFrame({"params": [1e9, 3e9], "tokens": [2e10, 6e10], "arch": ["dense", "sparse"]})
PLACE = POINTS[["params", "tokens"]]
ALONG = {"params": 0.5, "tokens": 0.5}
HEALTHS = {"clean": CLEAN, "noted": NOTED, "bad": BAD}
FITS = {name: sweep(health) for name, health in HEALTHS.items()}
LOG = FITS["clean"].runs.table.query("run == 'dense 1e+08'").head(5).rename(columns={"response": "loss"}).assign(run="new")


def plan(fit: bs.Fit) -> Plan:
    return bs.plan(fit, [1e20, 1e21], points=pd.DataFrame({"arch": ["dense"]}))


def ranking(fit: bs.Fit) -> Ranking:
    return bs.rank(fit, "arch", "dense", pd.DataFrame({"compute": [1e20]}))


def forecast(fit: bs.Fit) -> Forecast:
    return bs.forecast(fit, LOG, at=2e11)


def next_runs(fit: bs.Fit) -> NextRuns:
    return bs.next_runs(fit, POINTS, "loss at params=3e9, tokens=1e11, arch=dense")


def sensitivity(fit: bs.Fit) -> Sensitivity:
    return bs.sensitivity(fit, "run at params=3e9, tokens=1e11, arch=dense")


def mixture(fit: bs.Fit) -> Stack:
    return stack({"one": FITS["clean"], "law": fit}, {"one": 0.5, "law": 0.5})


def backtest(fit: bs.Fit) -> Backtest:
    """Return a backtest whose first cut-off has a clean fit, and whose second has this one."""
    made = {"params < 2e8": FITS["clean"], "params < 1e9": fit}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "bayes_scaling.validation.backtest.fit", lambda model, runs, settings: made[runs.columns.where or "params < 2e8"]
        )
        patch.setattr("bayes_scaling.validation.backtest.fit", _one_by_one(list(made.values())))
        return bs.backtest(fit.model, fit.runs, list(made))


def comparison(fit: bs.Fit) -> Comparison:
    """Return a comparison in which one training part of one of two laws has this fit, all others clean ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_scaling.validation.compare.fit", lambda *_: FITS["clean"])
        patch.setattr("bayes_scaling.validation.compare.refit", _one_by_one([FITS["clean"], fit]))
        return bs.compare({"one": fit.model, "law": fit.model}, fit.runs, ["params < 1e9"])


def _one_by_one(fits: list[bs.Fit]) -> Callable[..., bs.Fit]:
    left = iter(fits)
    return lambda *_: next(left)


def multiverse(fit: bs.Fit) -> Multiverse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_scaling.inference.batch.worker.fit", _one_by_one([FITS["clean"], fit, FITS["clean"]]))
        base = Specification(fit.model, fit.runs.table.rename(columns={"response": "loss"}), fit.runs.columns)
        variants = {"noise": dict.fromkeys(("as given", "other", "a third"), _same)}
        return bs.multiverse(base, POINTS, variants, executor=InProcess())


def _same(base: Specification) -> Specification:
    return base


def batch(fit: bs.Fit) -> Batch[pd.DataFrame]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_scaling.inference.batch.worker.fit", _one_by_one([FITS["clean"], fit]))
        tasks = {"one": fit.runs, "two": fit.runs}
        return bs.fit_many(fit.model, tasks, InProcess(), keep=_medians)


def _medians(fit: bs.Fit, extra: Any) -> pd.DataFrame:
    return pd.DataFrame({"E": [float(fit.posterior["E"].median())]})


def calibration(fit: bs.Fit) -> Calibration:
    pit = np.linspace(0.01, 0.99, 40)
    ranks = pd.DataFrame({"task": [f"{i}" for i in range(40)], "quantity": "E", "pit": pit, "truth": pit, "draws": 99})
    assert fit.health is not None
    return Calibration(ranks.assign(divergences=0, r_hat=1.0, ess=400.0), 0, {}, {"0": CLEAN, "1": fit.health})


def unseen(fit: bs.Fit) -> Runs:
    """Return runs like those of a fit that it has not seen."""
    return replace(fit.runs, table=fit.runs.table.assign(run=fit.runs.table["run"] + " again"))


def held_out(fit: bs.Fit) -> pd.DataFrame:
    return score_points(fit, fit.runs.table)


def contrast(fit: bs.Fit) -> Contrast:
    return bs.contrast(fit, "arch", "dense", "sparse", PLACE)


def chained(fit: bs.Fit) -> ChainedResponse:
    """Return an accuracy over the loss of a fit, in draws from a prior."""
    law = bs.Model(
        bs.parse_law("c - k * loss", ["loss"]),
        {"c": bs.Prior(between=(0.8, 0.9)), "k": bs.Prior(median=0.1, factor=1.5)},
        bs.Noise(bs.Prior(median=0.01, factor=2.0), on="loss"),
    )
    unit = fit.runs.columns.response.unit
    columns = bs.Columns({"loss": bs.Input("loss", unit, 1.0)}, bs.Response("accuracy", "accuracy", name="accuracy"))
    runs = bs.read_runs({"loss": [2.0, 2.5, 3.0], "accuracy": [0.6, 0.5, 0.4]}, columns)
    return bs.chain(fit, bs.prior(law, runs, draws=100), POINTS)


def forecasts(fit: bs.Fit) -> Forecasts:
    return bs.forecast(fit, [LOG, LOG.assign(run="other", loss=LOG["loss"] * 1.01)], at=2e11)


RECORDS: dict[str, Callable[[bs.Fit], Any]] = {
    "contrast": contrast,
    "chain": chained,
    "fit": lambda fit: fit,
    "stack": mixture,
    "plan": plan,
    "ranking": ranking,
    "forecast": forecast,
    "forecasts": forecasts,
    "first_passage": lambda fit: forecast(fit).first_passage(2.4, per_day=1e10, since="2026-12-01"),
    "stopping": lambda fit: stopping(forecasts(fit), tolerance=0.01),
    "next_runs": next_runs,
    "sensitivity": sensitivity,
    "backtest": backtest,
    "score": lambda fit: bs.score(fit, unseen(fit)),
    "comparison": comparison,
    "multiverse": multiverse,
    "batch": batch,
    "calibration": calibration,
}

MADE: dict[str, Callable[[bs.Fit], Any]] = {
    "predict": lambda fit: bs.predict(fit, POINTS),
    "predict of a stack": lambda fit: bs.predict(mixture(fit), POINTS),
    "predict_runs": lambda fit: bs.predict_runs(fit, points=POINTS),
    "summarize_at": lambda fit: summarize_at(fit=fit, points=POINTS),
    "parameters_at": lambda fit: parameters_at(fit, POINTS),
    "published_at": lambda fit: published_at(fit, POINTS)["E"],
    "decompose": lambda fit: decompose(fit, POINTS),
    "contrast": lambda fit: contrast(fit).draws,
    "contrast's ratio": lambda fit: contrast(fit)["ratio"],
    "contrast as a table": lambda fit: contrast(fit).to_frame(),
    "chain": lambda fit: chained(fit).draws,
    "chain's input": lambda fit: chained(fit).through,
    "chain as a table": lambda fit: chained(fit).to_frame(),
    "contrast_at": lambda fit: contrast_at(fit, "arch", "dense", "sparse", PLACE),
    "compute_ratio": lambda fit: compute_ratio(fit, "arch", "dense", "sparse", PLACE, ALONG),
    "crossover": lambda fit: bs.crossover(fit, "arch", "dense", "sparse", PLACE, 1e12, ALONG),
    "summarize": lambda fit: summarize(MADE["compute_ratio"](fit)),
    "parameter_table": parameter_table,
    "parameter_values": lambda fit: parameter_values(fit, "E"),
    "parameter without levels": lambda fit: parameter_values(fit, "A"),
    "published_values": lambda fit: published_values(fit)["A"],
    "compute_optimal": lambda fit: compute_optimal(fit, 1e21, points=POINTS[["arch"]])["tokens_per_param"],
    "compute_needed": lambda fit: bs.compute_needed(fit, 2.2, points=pd.DataFrame({"arch": ["dense"]})),
    "ask": lambda fit: draw_estimand(fit, "loss at params=3e9, tokens=1e11, arch=dense"),
    "run_residuals": run_residuals,
    "plan_table": lambda fit: plan(fit).to_frame(),
    "plan's optimum": lambda fit: plan(fit).optimum,
    "plan's loss": lambda fit: plan(fit).loss,
    "rank_table": lambda fit: ranking(fit).to_frame(),
    "ranking's loss": lambda fit: ranking(fit).loss,
    "forecast_table": lambda fit: forecast(fit).to_frame(),
    "forecast's path": lambda fit: forecast(fit).path,
    "forecasts' table": lambda fit: forecasts(fit).to_frame(),
    "forecasts' paths": lambda fit: forecasts(fit).paths(),
    "first passage's table": lambda fit: RECORDS["first_passage"](fit).to_frame(),
    "stopping's table": lambda fit: RECORDS["stopping"](fit).to_frame(),
    "table of what moves an answer": lambda fit: sensitivity(fit).to_frame(),
    "candidate_table": lambda fit: next_runs(fit).to_frame(),
    "set_table": lambda fit: next_runs(fit).sets_to_frame(),
    "score_points": held_out,
    "scores of a table": lambda fit: bs.score(fit, unseen(fit)).to_frame(),
    "score_table": lambda fit: score_table(held_out(fit)),
    "backtest's points": lambda fit: backtest(fit).points,
    "scores of a backtest": lambda fit: score_table(backtest(fit).points, ["train", "decades"]),
    "comparison's table": lambda fit: comparison(fit).table,
    "comparison's points": lambda fit: comparison(fit).points,
    "multiverse's table": lambda fit: multiverse(fit).table,
    "multiverse's parameters": lambda fit: multiverse(fit).parameters,
    "stack's table": lambda fit: mixture(fit).to_frame(),
    "batch's table": lambda fit: batch(fit).to_frame(),
    "calibration_table": lambda fit: calibration(fit).to_frame(),
}

SENTENCES: dict[str, Callable[[bs.Fit], str | tuple[str, ...]]] = {
    "summary": summary_sentences,
    "fit": lambda fit: fit.summary(),
    "contrast": lambda fit: contrast(fit).summary(),
    "chain": lambda fit: chained(fit).summary(),
    "rank": lambda fit: rank_sentences(ranking(fit)),
    "plan": lambda fit: plan_sentence(plan(fit), 1, 2.2),
    "needed": lambda fit: needed_sentence(MADE["compute_needed"](fit), 2.2, 0.9, "nats/token"),
    "forecast": lambda fit: forecast_sentence(forecast(fit), 2.4),
    "next": lambda fit: next_sentence(next_runs(fit)),
}


def axis(draw: Callable[..., Any], *what: Any, many: int = 0, **asked: Any) -> Figure:
    figure = Figure(layout="constrained")
    draw(*what, figure.subplots(many or 1, 1) if many else figure.subplots(), **asked)
    return figure


FIGURES: dict[str, Callable[[bs.Fit], Figure]] = {
    "bands": overview.bands_figure,
    "all": lambda fit: plots.figures(fit)["bands"],
    "check in all": lambda fit: plots.figures(fit)["check"],
    "contrast itself": lambda fit: contrast(fit).plot(),
    "chain": lambda fit: chained(fit).plot(),
    "forest": lambda fit: overview.forest_figure(fit, "E"),
    "contrast": lambda fit: overview.contrast_figure(fit, "arch", "sparse", "dense"),
    "sheet": lambda fit: plots.sheet_figure(fit, Sheet(x="params", hue="arch")),
    "plot_band": lambda fit: axis(plots.plot_band, bs.predict(fit, POINTS), "params"),
    "plot_check": lambda fit: axis(plots.plot_check, fit),
    "plot_contrast": lambda fit: axis(plots.plot_contrast, contrast(fit), "params"),
    "plot_multiplier": lambda fit: axis(plots.plot_multiplier, MADE["compute_ratio"](fit), "params"),
    "plot_forest": lambda fit: axis(plots.plot_forest, parameter_values(fit, "E")),
    "plot_coefficient": lambda fit: axis(plots.plot_coefficient, parameter_values(fit, "A"), {"printed": (1.8, 0.1)}),
    "plot_decomposition": lambda fit: axis(plots.plot_decomposition, decompose(fit, POINTS), "params"),
    "plot_curves": lambda fit: axis(plots.plot_curves, fit),
    "plan": lambda fit: plots.plan_figure(fit, plan(fit)),
    "plot_excess": lambda fit: axis(plots.plot_excess, plan(fit)),
    "plot_path": lambda fit: axis(plots.plot_path, fit, plan(fit)),
    "ranking": lambda fit: plots.ranking_figure(ranking(fit)),
    "forecast": lambda fit: plots.forecast_figure(forecast(fit)),
    "plot_fan": lambda fit: axis(plots.plot_fan, forecast(fit)),
    "plot_forecast": lambda fit: axis(plots.plot_forecast, forecast(fit)),
    "forecasts": lambda fit: plots.forecasts_figure(forecasts(fit), target=2.4),
    "plot_forecasts": lambda fit: axis(plots.plot_forecasts, forecasts(fit)),
    "plot_finals": lambda fit: axis(plots.plot_finals, forecasts(fit)),
    "first passage": lambda fit: plots.first_passage_figure(RECORDS["first_passage"](fit)),
    "plot_first_passage": lambda fit: axis(plots.plot_first_passage, RECORDS["first_passage"](fit)),
    "ridgeline": lambda fit: plots.forecast_ridgeline(fit, LOG, 1e11, fractions=(0.3, 1.0)),
    "next": lambda fit: plots.next_figure(next_runs(fit)),
    "sensitivity": lambda fit: plots.sensitivity_figure(sensitivity(fit)),
    "plot_shares": lambda fit: axis(plots.plot_shares, sensitivity(fit)),
    "plot_further": lambda fit: axis(plots.plot_further, sensitivity(fit)),
    "plot_shifts": lambda fit: axis(plots.plot_shifts, sensitivity(fit)),
    "backtest": lambda fit: plots.backtest_figure(backtest(fit).points, fit.runs),
    "plot_coverage": lambda fit: axis(plots.plot_coverage, held_out(fit)),
    "plot_pit": lambda fit: axis(plots.plot_pit, held_out(fit)),
    "comparison": lambda fit: axis(plots.plot_comparison, comparison(fit)),
    "multiverse": lambda fit: plots.multiverse_figure(multiverse(fit)),
    "calibration": lambda fit: axis(plots.plot_calibration, calibration(fit)),
}


NO_FIT = {"COLOURS", "paper", "prior_figure", "plot_runs", "size_colours"}
BY_THE_WAY = {"predict", "predict_runs"}
"""What `prediction.labelled` marks."""


def test_nothing_public_that_is_made_from_a_fit_is_left_out() -> None:
    drawing = set(plots.__all__) - NO_FIT
    assert {name for name in drawing if not hasattr(getattr(plots, name), "__wrapped__")} == set()
    tables = (pd.DataFrame, xr.DataArray, xr.Dataset, str, tuple[str, ...], dict[str, xr.DataArray])
    found = [getattr(bs, name) for name in bs.__all__]
    places = [place.split(":") for place, _ in BEFORE.values() if not place.startswith("_deprecated")]
    found += [attrgetter(name)(import_module(f"bayes_scaling.{file}")) for file, name in places]
    functions = {of.__qualname__: of for of in found if callable(of) and not isinstance(of, type)}
    made = {name: signature(of) for name, of in functions.items()}
    of_fits = {name for name, of in made.items() if list(of.parameters)[:1] in (["fit"], ["found"], ["self"], ["draws"])}
    answers = {name for name in of_fits if made[name].return_annotation in tables}
    carrying = "carried.<locals>.marked"  # other decorators carry nothing
    assert {name for name in answers if functions[name].__code__.co_qualname != carrying} == BY_THE_WAY
    assert len(answers) > 25


def health_in(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


@pytest.mark.parametrize("name", RECORDS)
def test_records_carry_the_health_of_their_fits(name: str) -> None:
    for grade, fit in FITS.items():
        health = RECORDS[name](fit).health
        assert health.grade == HEALTHS[grade].grade
        assert (NOTED.remarks[0].what in health.line) == (grade == "noted")
        assert (BAD.remarks[0].what in health.line) == (grade == "bad")


SHOWN = (
    *("contrast", "plan", "ranking", "forecast", "next_runs", "sensitivity", "backtest", "score", "comparison", "multiverse"),
    *("calibration", "forecasts", "first_passage", "chain"),
)
"""Records of answers, which show themselves."""


@pytest.mark.parametrize("name", SHOWN)
def test_records_have_a_table_sentences_a_figure_and_a_page_with_their_health(name: str) -> None:
    clean, bad = (RECORDS[name](FITS[grade]) for grade in ("clean", "bad"))
    for record in (clean, bad):
        assert isinstance(record.to_frame(), pd.DataFrame)
        assert len(record.to_frame())
        said = record.summary().splitlines()
        assert all(line.endswith(".") and not line.endswith("..") for line in said)
        assert "nan" not in record.summary()
        assert isinstance(record.plot(), Figure)
        page = record._repr_html_()
        assert page.startswith("<div><p><b>")
        assert "<table" in page
    line = bad.health.line
    assert bad.summary().splitlines()[-1] == f"{line}."
    assert "trusted" not in clean.summary()
    assert bad._repr_html_().count(escape(line)) == 1
    assert 'role="alert"' in bad._repr_html_()
    assert bad.to_frame().attrs["health"] == line
    assert "not to be trusted" in health_in(bad.plot())


@pytest.mark.parametrize("name", MADE)
def test_tables_and_draws_carry_the_line_and_clean_ones_none(name: str) -> None:
    for grade, fit in FITS.items():
        made = MADE[name](fit)
        assert isinstance(made, pd.DataFrame | xr.DataArray | xr.Dataset)
        if grade == "clean":
            assert "health" not in made.attrs
        else:
            assert HEALTHS[grade].remarks[0].what in made.attrs["health"]
            assert made.attrs["health"].startswith("note [sampler]: " if grade == "noted" else "not to be trusted: ")


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_say_it_once_and_last(name: str) -> None:
    said = {grade: SENTENCES[name](fit) for grade, fit in FITS.items()}
    for grade, of in said.items():
        text = of if isinstance(of, str) else " ".join(of)
        if grade == "clean":
            assert "sampler" not in text
            assert "trusted" not in text
        else:
            assert text.count(HEALTHS[grade].line) == 1
            assert text.endswith(f"{HEALTHS[grade].line}.")
    if isinstance(said["bad"], tuple):
        assert len(said["bad"]) == len(said["clean"]) + 1


@pytest.mark.parametrize("name", FIGURES)
def test_figures_say_it_at_their_foot_below_all_else(name: str) -> None:
    clean = FIGURES[name](FITS["clean"])
    assert "trusted" not in health_in(clean)
    figure = FIGURES[name](FITS["bad"])
    figure.draw_without_rendering()
    (foot,) = [text for text in figure.texts if "not to be trusted" in text.get_text()]
    assert " ".join(foot.get_text().split()).count("40 divergences") == 1
    place = foot.get_window_extent()
    assert place.y0 >= 0
    assert place.x1 <= figure.bbox.x1
    for other in [*figure.axes, *figure.legends]:
        box = other.get_tightbbox()
        assert box is None or not other.get_visible() or box.y0 >= place.y1 - 1.0, other


@pytest.mark.parametrize("layout", ["none", "constrained", "tight"])
def test_a_figure_with_several_panels_says_it_once_whatever_its_layout(layout: Any) -> None:
    figure = Figure(layout=layout)
    axes = figure.subplots(1, 3)
    for ax, name in zip(axes, ("clean", "bad", "noted"), strict=True):
        for _ in range(2):
            plots.plot_band(bs.predict(FITS[name], POINTS), "params", ax)
    figure.draw_without_rendering()
    (foot,) = [text for text in figure.texts if text.get_text()]
    said = " ".join(foot.get_text().split())
    assert said == f"{BAD.line} {NOTED.line}"
    assert min(ax.get_tightbbox().y0 for ax in axes) >= foot.get_window_extent().y1


def test_draws_from_the_prior_say_nothing() -> None:
    before = sweep(None)
    for make in MADE.values():
        if make not in (MADE["calibration_table"],):
            assert line_of(make(before)) == ""
    assert summary_sentences(before) == summary_sentences(FITS["clean"])


def test_marking_what_was_made_leaves_the_fit_as_it_was() -> None:
    fit = FITS["bad"]
    parameter_values(fit, "A")
    published_values(fit)
    assert all("health" not in of.attrs for of in fit.posterior.values())


def test_a_batch_counts_its_fits_by_grade() -> None:
    assert batch(FITS["clean"]).report == []
    assert batch(FITS["noted"]).report == ["1 clean, 1 noted"]
    lines = batch(FITS["bad"]).report
    assert lines[0].startswith("two: not to be trusted: 40 divergences")
    assert lines[-1] == "1 clean, 1 not to be trusted"
    assert calibration(FITS["noted"]).report == ["1 clean, 1 noted"]


def test_stored_results_of_a_batch_keep_their_health(tmp_path: Path) -> None:
    def made() -> Batch[pd.DataFrame]:
        fit = FITS["noted"]
        return bs.fit_many(fit.model, {"one": fit.runs}, InProcess(), keep=_medians, folder=tmp_path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_scaling.inference.batch.worker.fit", lambda *_: FITS["noted"])
        first = made()
    again = made()
    assert again.loaded == {"one"}
    assert again.healths == first.healths == {"one": NOTED}
    assert again.problems == {}


# The command line


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("stored")
    LOG.to_csv(folder / "log.csv", index=False)
    POINTS.to_csv(folder / "points.csv", index=False)
    return {name: bs.save(fit, folder / name / "fit.nc").parent for name, fit in FITS.items()}


COMMANDS: dict[str, tuple[str, ...]] = {
    "predict": ("--at", "{}/points.csv", "--out", "{}/out.csv"),
    "contrast": ("arch=sparse:dense", "--at", "{}/points.csv", "--out", "{}/out.csv"),
    "plan": ("--compute", "1e20", "--compute", "1e21", "--at", "{}/points.csv", "--out", "{}/plan.csv"),
    "rank": ("arch=dense", "--compute", "1e20", "--out", "{}/rank.csv"),
    "forecast": ("--run", "{}/log.csv", "--at", "2e11", "--target", "2.4"),
    "stop": ("--run", "dense 1e+08", "--run", "sparse 1e+08", "--at", "2e11", "--tolerance", "0.01"),
    "next": ("--candidates", "{}/points.csv", "--decide", "loss at params=3e9, tokens=1e11, arch=dense"),
    "sensitivity": ("--of", "run at params=3e9, tokens=1e11, arch=dense"),
    "report": (),
}


@pytest.mark.parametrize("command", [*sorted(set(COMMANDS) - {"report"}), pytest.param("report", marks=pytest.mark.slow)])
def test_commands_that_use_a_stored_fit_say_it_once(command: str, stored: dict[str, Path]) -> None:
    words = [word.format(stored["bad"].parent) for word in COMMANDS[command]]
    results = {name: run(command, folder, *words) for name, folder in stored.items()}
    assert {result.exit_code for result in results.values()} == {0}, [result.output for result in results.values()]
    assert "[sampler]" not in results["clean"].output
    assert "trusted" not in results["clean"].output
    assert results["noted"].stdout.splitlines().count(NOTED.line) == 1
    assert results["noted"].output.count("[sampler]") == 1
    assert [line for line in results["bad"].stderr.splitlines() if not line.startswith("note: ")] == [BAD.line]
    assert "to be trusted" not in results["bad"].stdout


STUDY = """
[data]
response = {{ column = "loss", unit = "nats/token" }}
source = "{}"
[data.inputs]
params = {{ column = "params", unit = "parameters", reference = 1e9 }}
tokens = {{ column = "tokens", unit = "tokens", reference = 2e10 }}
[data.groups]
arch = "arch"
[law]
name = "chinchilla"
priors = "published"
[noise]
distribution = "normal"
sd = {{ median = 0.01, factor = 3.0 }}
"""


def study(folder: Path) -> Path:
    table = FITS["clean"].runs.table.rename(columns={"response": "loss"})
    table.to_csv(folder / "runs.csv", index=False)
    path = folder / "mine.toml"
    path.write_text(STUDY.format(folder / "runs.csv"))
    return path


@pytest.mark.parametrize(
    ("name", "strict", "code"),
    [("clean", False, 0), ("clean", True, 0), ("noted", False, 0), ("noted", True, 3), ("bad", False, 3), ("bad", True, 3)],
)
def test_fit_ends_with_the_code_of_its_grade(name: str, strict: bool, code: int, tmp_path: Path) -> None:
    asked: list[bs.Settings] = []

    def fitted(model: bs.Model, runs: Runs, settings: bs.Settings) -> bs.Fit:
        asked.append(settings)
        return replace(FITS[name], settings=settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_scaling.inference.fit.fit", fitted)
        result = run("fit", study(tmp_path), "--out", tmp_path / "out", *(["--strict"] if strict else []))
    assert result.exit_code == code, result.output
    assert [of.strict for of in asked] == [strict]
    record = json.loads((tmp_path / "out" / "diagnostics.json").read_text(), parse_constant=pytest.fail)
    assert record["grade"] == HEALTHS[name].grade
    assert record["ok"] == (name != "bad")
    assert record["problems"] == HEALTHS[name].problems
    assert len(result.stderr.splitlines()) == (len(HEALTHS[name].problems) if code else 0)
    assert all(line.startswith("not to be trusted: ") for line in result.stderr.splitlines())
    if name == "noted" and not strict:
        assert [line for line in result.stdout.splitlines() if "[sampler]" in line] == [f"{NOTED.line}."]
    assert (tmp_path / "out" / "fit.nc").is_file()
    assert bs.load(tmp_path / "out" / "fit.nc").settings.strict == strict


def test_one_chain_is_fitted_without_complaint_of_nan(tmp_path: Path) -> None:
    one = Health(0, None, 900.0, 800.0, 0.9, "a", 2000, 1, (0,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayes_scaling.inference.fit.fit", lambda *_: replace(FITS["clean"], health=one))
        result = run("fit", study(tmp_path), "--out", tmp_path / "out", "--chains", 1)
    assert result.exit_code == 0, result.output
    assert "nan" not in result.output.lower()
    assert "one chain cannot be judged" in result.stdout
    record = json.loads((tmp_path / "out" / "diagnostics.json").read_text(), parse_constant=pytest.fail)
    assert record["r_hat"] is None


@pytest.mark.parametrize(("health", "strict", "code"), [(CLEAN, True, 0), (NOTED, False, 0), (NOTED, True, 3), (BAD, False, 3)])
def test_commands_that_sample_several_fits_judge_them_together(health: Health, strict: bool, code: int) -> None:
    assert _exit(RECORDS["backtest"](sweep(health)).health, strict) == code
    assert _exit(RECORDS["comparison"](sweep(health)).health, strict) == code
    assert _exit(RECORDS["multiverse"](sweep(health)).health, strict) == code
    assert _exit(CLEAN, strict, {"params < 1e8": "no draw could be made"}) == 3


def _exit(health: Health | None, strict: bool, failed: dict[str, str] | None = None) -> int:
    import typer

    try:
        judge(health, strict, failed or {})
    except typer.Exit as end:
        return end.exit_code
    return 0


@pytest.mark.slow
def test_a_report_has_a_banner_or_a_note() -> None:
    said = {name: report.render(report.report_context(fit)) for name, fit in FITS.items()}
    assert 'id="problems"' in said["bad"]
    assert 'id="noted"' not in said["bad"]
    assert 'id="problems"' not in said["noted"]
    assert NOTED.line in said["noted"]
    assert 'id="problems"' not in said["clean"]
    assert 'id="noted"' not in said["clean"]
