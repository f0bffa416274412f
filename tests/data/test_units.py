"""Units of counts and losses: read, recognised or asked for, converted once, and answers that do not depend on them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, PUBLISHED, fit_of, sweep
from matplotlib.figure import Figure
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli.commands import app
from bayes_scaling.data.base_units import with_units
from bayes_scaling.data.columns import Curve, MeasurementError, Schedule
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.plan_sentences import plan_sentence
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.inference.batch.worker import model_text, read_model
from bayes_scaling.inference.parameters import published_values
from bayes_scaling.laws.misspelt_units import meant
from bayes_scaling.laws.units import column_unit, conversion, loss_factor, loss_unit, read_unit, response_unit, stem
from bayes_scaling.model.defaults import sweep_model
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.specification import parameters_with_priors
from bayes_scaling.model.studies.reading import parse_study, read_study
from bayes_scaling.model.studies.study import Study, study_for, study_runs
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.report.sentences import summary_sentences

CASES = Path(__file__).parents[1] / "cases"


# What texts and names say


@pytest.mark.parametrize(
    ("text", "factor", "base"),
    [
        ("tokens", 1.0, "tokens"),
        ("B tokens", 1e9, "tokens"),
        ("b tokens", 1e9, "tokens"),
        ("1e9 tokens", 1e9, "tokens"),
        ("1,000 tokens", 1e3, "tokens"),
        ("2 x 10^9 tokens", 2e9, "tokens"),
        ("billions of tokens", 1e9, "tokens"),
        ("Btokens", 1e9, "tokens"),
        ("M parameters", 1e6, "parameters"),
        ("million params", 1e6, "parameters"),
        ("M non-embedding parameters", 1e6, "non-embedding parameters"),
        ("parameters, non-embedding", 1.0, "parameters, non-embedding"),
        ("M", 1e6, ""),
        ("k steps", 1e3, "steps"),
        ("GB", 1e9, "bytes"),
        ("GiB", 2.0**30, "bytes"),
        ("0.23 tokens", 0.23, "tokens"),
        ("FLOPs", 1.0, "FLOP"),
        ("EFLOP", 1e18, "FLOP"),
        ("exaFLOPs", 1e18, "FLOP"),
        ("1e18 FLOP", 1e18, "FLOP"),
        ("PFLOP/s-days", 1.0, "PFLOP/s-days"),
        ("PF-days", 1.0, "PFLOP/s-days"),
        ("EFLOP/s-days", 1e3, "PFLOP/s-days"),
        ("k GPU hours", 1e3, "GPU hours"),
        ("6ND", 1.0, "6ND"),
        ("nats/token at 1 PFLOP/s-day", 1.0, "nats/token at 1 PFLOP/s-day"),
        ("learning rate x steps", 1.0, "learning rate x steps"),
        ("tokens/parameter", 1.0, "tokens/parameter"),
        ("thousand million tokens", 1e9, "tokens"),
        ("%", 1.0, "%"),
        ("", 1.0, ""),
    ],
)
def test_a_unit_is_a_factor_and_what_it_counts(text: str, factor: float, base: str) -> None:
    found = read_unit(text)
    assert found.factor == pytest.approx(factor, rel=1e-12)
    assert found.name == base


@pytest.mark.parametrize("text", ["1e999 tokens", "0 tokens", "-3 M tokens", "0"])
def test_units_that_are_no_positive_number_of_anything_are_refused(text: str) -> None:
    with pytest.raises(bs.InputError, match="must be a positive number"):
        bs.Input("x", text)


@pytest.mark.parametrize(
    ("column", "factor", "base", "called"),
    [
        ("params_m", 1e6, "parameters", "params"),
        ("params_M", 1e6, "parameters", "params"),
        ("tokens (B)", 1e9, "tokens", "tokens"),
        ("Tokens [billions]", 1e9, "tokens", "Tokens"),
        ("n_params_millions", 1e6, "parameters", "params"),
        ("num_tokens_b", 1e9, "tokens", "tokens"),
        ("paramsM", 1e6, "parameters", "params"),
        ("training_tokens_billion", 1e9, "tokens", "training_tokens"),
        ("tokens in billions", 1e9, "tokens", "tokens"),
        ("tokens/1e9", 1e9, "tokens", "tokens"),
        ("million_params", 1e6, "parameters", "params"),
        ("D (1e9 tokens)", 1e9, "tokens", "D"),
        ("N (millions)", 1e6, "", "N"),
        ("compute_eflops", 1e18, "FLOP", "compute"),
        ("steps_k", 1e3, "steps", "steps"),
    ],
)
def test_names_of_columns_say_units(column: str, factor: float, base: str, called: str) -> None:
    found = column_unit(column)
    assert found is not None
    assert (found.factor, found.name, stem(column)) == (factor, base, called)


@pytest.mark.parametrize(
    "column", ["params", "tokens", "top_k", "run_b", "m", "t", "x", "lr_sum", "tokens_6nd", "flops_6nd", "gpu_hours", "model_t"]
)
def test_other_names_say_none(column: str) -> None:
    assert column_unit(column) is None
    assert bs.Input(column).scale is None


def test_units_of_compute_lead_to_each_other_and_hours_to_none() -> None:
    assert conversion(read_unit("PFLOP/s-days"), "FLOP") == 8.64e19
    assert conversion(read_unit("EFLOP"), "PFLOP/s-days") == pytest.approx(1e18 / 8.64e19, rel=1e-12)
    assert conversion(read_unit("GPU hours"), "FLOP") is None
    assert conversion(read_unit("bytes"), "tokens") is None
    assert conversion(read_unit("M"), "tokens") == 1e6


# The door


def test_an_input_is_declared_in_its_columns_unit_and_counts_in_base_units() -> None:
    one = bs.Input("d", "B tokens", 20.0)
    assert one == bs.Input("d", "tokens", 2e10, scale=1e9)
    assert replace(one) == one
    assert bs.Input("params_m", reference=400.0) == bs.Input("params_m", "parameters", 4e8, scale=1e6)
    assert replace(bs.Input("N (millions)")) == bs.Input("N (millions)", "", scale=1e6)
    assert bs.Input("params_m", "parameters").factor == 1.0  # what is declared holds
    with pytest.raises(bs.InputError, match="scale of 'x' must be a positive number"):
        bs.Input("x", scale=0.0)


TABLE = pd.DataFrame(
    {
        "params": [1e8, 4e8, 1.6e9, 6.4e9],
        "tokens": [2e9, 8e9, 3.2e10, 1.28e11],
        "loss": [3.4, 2.95, 2.6, 2.35],
        "size": list("abcd"),
    }
)


def counted(params: float, tokens: float, names: tuple[str, str] = ("params", "tokens")) -> pd.DataFrame:
    table = TABLE.assign(params=TABLE["params"] / params, tokens=TABLE["tokens"] / tokens)
    return table.rename(columns={"params": names[0], "tokens": names[1]})


@pytest.mark.parametrize(
    ("names", "units", "said"),
    [
        (("n", "d"), ("M parameters", "B tokens"), 0),
        (("params_m", "tokens (B)"), ("", ""), 2),
        (("N (millions)", "tokens_billions"), ("", ""), 2),
        (("params", "tokens"), ("1e6 parameters", "billions of tokens"), 0),
    ],
)
def test_tables_in_millions_and_billions_are_the_same_runs(names: tuple[str, str], units: tuple[str, str], said: int) -> None:
    inputs = {name: bs.Input(column, unit) for name, column, unit in zip(("params", "tokens"), names, units, strict=True)}
    runs = bs.read_runs(counted(1e6, 1e9, names), bs.Columns(inputs))
    plain = bs.read_runs(TABLE, bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}))
    pd.testing.assert_frame_equal(runs.table, plain.table)
    assert runs.references == plain.references
    assert len(runs.notes) == said
    assert all("as its name says" in note for note in runs.notes)


def test_a_column_with_its_unit_in_its_name_stands_for_the_one_a_study_asks_for() -> None:
    study = bs.read_study("chinchilla")
    runs = study_runs(study, counted(1e6, 1e9, ("n_params_millions", "Tokens (B)")))
    pd.testing.assert_frame_equal(runs.table, study_runs(study, TABLE).table)
    assert runs.notes == (
        "column 'n_params_millions' is read as params, in M parameters, as its name says",
        "column 'Tokens (B)' is read as tokens, in B tokens, as its name says",
    )


def test_what_a_table_says_of_its_units_is_taken_and_said() -> None:
    table = counted(1e6, 1.0)
    table.attrs["units"] = {"params": "M parameters", "tokens": "tokens", "loss": "nats/token"}
    runs = study_runs(bs.read_study("chinchilla"), table)
    assert list(runs.table["params"]) == list(TABLE["params"])
    assert runs.notes == ("column 'params' is in 'M parameters', as the table says, and converted",)


def test_a_filter_sees_columns_as_they_are_declared_and_checked_runs_in_base_units() -> None:
    inputs = {"params": bs.Input("n", "M parameters"), "tokens": bs.Input("tokens")}
    runs = bs.read_runs(counted(1e6, 1.0, ("n", "tokens")), bs.Columns(inputs, where="n < 1000"))
    assert list(runs.table["params"]) == [1e8, 4e8]
    assert len(subset(runs, "params < 2e8")) == 1
    study = bs.read_study("chinchilla")
    columns = replace(with_units(study.columns, {"params": "M", "tokens": "B"}), where="params < 1e9")
    assert list(bs.read_runs(counted(1e6, 1e9), columns).table["tokens"]) == [2e9, 8e9]


def test_labels_stay_as_they_are_written() -> None:
    columns = bs.Columns({"params": bs.Input("params", "M"), "tokens": bs.Input("tokens")}, groups={"kind": "params"})
    assert list(bs.read_runs(counted(1e6, 1.0), columns).levels["kind"]) == [100.0, 400.0, 1600.0, 6400.0]
    said = with_units(
        bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}, groups={"kind": "params"}), {"params": "M"}
    )
    assert list(bs.read_runs(counted(1e6, 1.0), said).levels["kind"]) == [100.0, 400.0, 1600.0, 6400.0]


def test_bytes_become_tokens_and_hours_flop_where_it_is_said_how_many() -> None:
    columns = bs.Columns({"compute": bs.Input("hours", "1.4e18 FLOP", 10.0)})
    runs = bs.read_runs(pd.DataFrame({"hours": [10.0, 100.0], "loss": [3.0, 2.5]}), columns)
    assert list(runs.table["compute"]) == [1.4e19, 1.4e20]
    assert (runs.columns.inputs["compute"].unit, runs.references["compute"]) == ("FLOP", 1.4e19)
    study = bs.read_study("chinchilla")
    with pytest.raises(
        bs.InputError, match=r"tokens is declared in 'tokens', and how many .* 'bytes' is, is not known: .* '0.25 tokens'"
    ):
        with_units(study.columns, {"tokens": "bytes"})
    one = with_units(study.columns, {"tokens": "0.25 tokens"}).inputs["tokens"]
    assert (one.factor, one.reference) == (0.25, 2e10)


def test_published_priors_are_at_their_reference_in_any_unit_of_compute() -> None:
    text = """
    data.inputs.compute = { column = "c", unit = "EFLOP" }
    law = { name = "power_law", priors = "published" }
    noise.sd = { median = 0.01, factor = 3.0 }
    """
    one = parse_study(text, "mine.toml").columns.inputs["compute"]
    assert (one.unit, one.scale) == ("FLOP", 1e18)
    assert one.reference == pytest.approx(8.64e19, rel=1e-12)
    with pytest.raises(bs.InputError, match="has GPU hours"):
        parse_study(text.replace("EFLOP", "GPU hours"), "mine.toml")


def test_warm_up_and_the_steps_of_a_schedule_count_as_their_columns_do() -> None:
    table = pd.DataFrame({"run": "a", "tokens": np.arange(1.0, 9.0), "loss": np.linspace(4, 3, 8)})
    columns = bs.Columns({"tokens": bs.Input("tokens", "B tokens")}, run="run", curve=Curve("tokens", warmup=3.0))
    assert bs.read_runs(table, columns).table["tokens"].min() == 3e9
    steps = pd.DataFrame({"step": [1000.0, 2000.0, 3000.0], "lr": 1e-3, "loss": [4.0, 3.5, 3.2]})
    inputs = {"lr_sum": bs.Input("lr_sum"), "step": bs.Input("step")}
    plain = bs.read_runs(steps, bs.Columns(inputs, schedule=Schedule()))
    inputs["step"] = bs.Input("step", "k steps")
    runs = bs.read_runs(steps.assign(step=[1.0, 2.0, 3.0]), bs.Columns(inputs, where="step > 1", schedule=Schedule()))
    pd.testing.assert_frame_equal(runs.table, plain.table.iloc[1:].reset_index(drop=True))


# What no unit can be


@pytest.mark.parametrize(
    ("params", "tokens", "words"),
    [
        (1e6, 1e6, ["column 'params' runs from 100 to 6400, too few parameters for a sweep", "M (100M to 6.4B)"]),
        (1e9, 1e9, ["column 'params' runs from 0.1 to 6.4", "if they are B (100M to 6.4B)", "--unit params=B"]),
        (1.0, 1e9, ["column 'tokens' runs from 2 to 128, too few tokens", "--unit tokens=B; --unit tokens=ones keeps them"]),
        (1.0, 1e6, ["column 'tokens' runs from 2000 to 128k, too few tokens", "M (2B to 128B)", 'unit = "M tokens"']),
        (1e6, 1.0, ["column 'params' runs from 100 to 6400"]),
        (1.0, 1e3, ["column 'tokens' runs from 2M to 128M: 0.02 to 0.02 tokens a parameter, as no run has"]),
        (100.0, 1e-4, ["tokens a parameter, as no run has"]),
    ],
)
def test_counts_that_no_run_has_are_refused_with_what_they_look_like(params: float, tokens: float, words: list[str]) -> None:
    with pytest.raises(bs.InputError) as refused:
        study_runs(bs.read_study("chinchilla"), counted(params, tokens))
    assert "\n" not in str(refused.value)
    for word in words:
        assert word in str(refused.value)


def test_a_table_of_columns_of_ones_own_is_read_with_a_note() -> None:
    columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")})
    small = bs.read_runs(counted(1e7, 1e7), columns)
    assert "too few parameters for a sweep" in small.notes[0]
    fit = in_units((1e6, 1e9), ("", ""), ("n", "d"))
    for call in (lambda: bs.plan(fit, 1e20), lambda: compute_optimal(fit, 1e20), lambda: bs.compute_needed(fit, 2.5)):
        with pytest.raises(bs.InputError, match=r"column 'n' \(params\) runs from 100 to 3000, .* say unit = .M parameters."):
            call()
    assert not any("train" in sentence for sentence in summary_sentences(fit))
    said = with_units(columns, {"params": "ones", "tokens": "ones"})
    assert bs.read_runs(counted(1e7, 1e7), said).notes == ()


def test_names_that_numbers_belie_are_not_followed_in_silence() -> None:
    inputs = {"params": bs.Input("params_m"), "tokens": bs.Input("tokens")}
    study = replace(bs.read_study("chinchilla_law"), columns=bs.Columns(inputs))
    with pytest.raises(
        bs.InputError, match=r"'params_m' \(params\) runs from 100T to .* parameters, too many .* --unit params=ones"
    ):
        study_runs(study, TABLE.rename(columns={"params": "params_m"}))
    said = replace(study, columns=with_units(study.columns, {"params": "ones"}))
    assert list(study_runs(said, TABLE.rename(columns={"params": "params_m"})).table["params"]) == list(TABLE["params"])


def test_losses_that_no_unit_has_are_refused() -> None:
    columns = bs.read_study("chinchilla").columns
    with pytest.raises(bs.InputError, match=r'if they are perplexities, say unit = "perplexity" or --unit loss=perplexity'):
        bs.read_runs(TABLE.assign(loss=np.exp(TABLE["loss"])), columns)
    more = pd.concat([TABLE, TABLE.assign(params=2 * TABLE["params"])], ignore_index=True).sort_values("params")
    with pytest.raises(bs.InputError, match=r"rises with scale from 0\.2 to 0\.55, as accuracies do"):
        bs.read_runs(more.assign(loss=0.2 + 0.05 * np.arange(8)), columns)
    with pytest.raises(bs.InputError, match='if they are per cent, say unit = "% error rate"'):
        bs.read_runs(TABLE.assign(loss=[60.0, 50.0, 45.0, 40.0]), replace(columns, response=bs.Response("loss", "error rate")))


# Answers, whatever a table counts in


def in_units(factors: tuple[float, float], units: tuple[str, str], names: tuple[str, str]) -> bs.Fit:
    """Return a fit of Chinchilla's law with two architectures to a table that counts in some units, and its draws by hand."""
    rng = np.random.default_rng(4)
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 3e9, 4), np.geomspace(2e9, 1e11, 6), indexing="ij"))
    parts = []
    for arch, level in {"dense": 1.0, "sparse": 0.97}.items():
        loss = level * (1.8 + 0.37 * (params / 1e9) ** -0.35 + 0.46 * (tokens / 1e10) ** -0.37)
        runs = [f"{arch} {size:.2g}" for size in params]
        parts.append(pd.DataFrame({"run": runs, "arch": arch, names[0]: params, names[1]: tokens, "loss": loss}))
    table = pd.concat(parts, ignore_index=True)
    table["loss"] *= np.exp(rng.normal(0, 0.01, len(table)))
    table[names[0]], table[names[1]] = table[names[0]] / factors[0], table[names[1]] / factors[1]
    inputs = {
        "params": bs.Input(names[0], units[0], 1e9 / factors[0]),
        "tokens": bs.Input(names[1], units[1], 1e10 / factors[1]),
    }
    columns = bs.Columns(inputs, bs.Response("loss", "nats/token"), {"arch": "arch"}, run="run")
    priors = {name: bs.Prior(median=of, factor=2.0) for name, of in PUBLISHED.items()}
    parameters = priors | {"E": priors["E"] + bs.Varying("arch", 0.05)}
    model = bs.Model(bs.laws.chinchilla, parameters, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"))
    draws: dict[str, Any] = {
        n: of * np.exp(rng.normal(0, 0.02, (2, 100))) for n, of in (PUBLISHED | {"noise_sd": 0.01}).items()
    }
    draws |= {"E_sd_arch": np.abs(rng.normal(0, 0.05, (2, 100))), "E_by_arch": rng.normal([0.0, -0.03], 0.005, (2, 100, 2))}
    return fit_of(model, bs.read_runs(table, columns), draws, CLEAN, {"E_by_arch": ("arch",)})


PLAIN = ((1.0, 1.0), ("parameters", "tokens"), ("params", "tokens"))
OTHERS = [
    ((1e6, 1e9), ("M parameters", "B tokens"), ("n", "d")),
    ((1e6, 1e9), ("M parameters", "B tokens"), ("params", "tokens")),
    ((1e3, 1e3), ("K parameters", "1e3 tokens"), ("params", "tokens")),
    ((1e9, 1e12), ("", ""), ("params_b", "tokens (T)")),
    ((1e6, 1.0), ("millions", "tokens"), ("params", "tokens")),
]


@pytest.fixture(scope="module")
def plain() -> bs.Fit:
    return in_units(*PLAIN)


@pytest.fixture(scope="module", params=OTHERS, ids=[f"{one[1]} {one[2]}" for one in OTHERS])
def other(request: pytest.FixtureRequest) -> bs.Fit:
    return in_units(*request.param)


def places(fit: bs.Fit, *, named: bool = True) -> pd.DataFrame:
    """Return three points: by the names of the runs' columns, in their units; or by the law's names in base units."""
    at = pd.DataFrame({"params": [2e8, 2e9, 1e12], "tokens": [4e9, 4e10, 2e13], "arch": ["dense", "sparse", "dense"]})
    if not named:
        return at
    inputs = fit.runs.columns.inputs
    return pd.DataFrame({one.column: at[name] / one.factor for name, one in inputs.items()} | {"arch": at["arch"]})


ANSWERS: dict[str, Callable[[bs.Fit], Any]] = {
    "predict": lambda fit: bs.predict(fit, places(fit)),
    "predict at runs": lambda fit: bs.predict(fit, fit.runs.table),
    "predict_runs": lambda fit: bs.predict_runs(fit, places(fit), seed=1),
    "distance": lambda fit: bs.predict(fit, places(fit))["distance"],
    "bands": lambda fit: summarize_at(fit, places(fit))[["mean", "q05", "q95"]],
    "parts": lambda fit: decompose(fit, places(fit))["law"],
    "contrast": lambda fit: bs.contrast(fit, "arch", "dense", "sparse", places(fit))["ratio"],
    "multiplier": lambda fit: compute_ratio(
        fit, "arch", "dense", "sparse", places(fit).head(2), {"params": 0.5, "tokens": 0.5}
    ),
    "crossover": lambda fit: bs.crossover(fit, "arch", "sparse", "dense", places(fit).head(1), 1e13, "tokens")["crossing"],
    "optimal": lambda fit: compute_optimal(fit, [1e20, 1e22], points=pd.DataFrame({"arch": ["dense"]}))["params"],
    "plan": lambda fit: bs.plan(fit, 1e21, points=pd.DataFrame({"arch": ["dense"]})).choice[["params", "tokens", "compute"]],
    "plan of a size": lambda fit: bs.plan(fit, 1e21, params=1e9, points=pd.DataFrame({"arch": ["dense"]})).choice["tokens"],
    "plan, serving": lambda fit: bs.plan(
        fit, 1e21, cost=bs.Cost(served_tokens=1e11), points=pd.DataFrame({"arch": ["dense"]})
    ).choice["params"],
    "plan in words": lambda fit: plan_sentence(bs.plan(fit, 1e21, points=pd.DataFrame({"arch": ["dense"]}))),
    "needed": lambda fit: bs.compute_needed(fit, 2.5, points=pd.DataFrame({"arch": ["sparse"]})),
    "rank": lambda fit: bs.rank(fit, "arch", "dense", pd.DataFrame({"compute": [1e20, 1e22]})).loss,
    "rank in words": lambda fit: rank_sentences(bs.rank(fit, "arch", "dense", pd.DataFrame({"compute": [1e21]}))),
    "rank along": lambda fit: bs.rank(fit, "arch", "dense", places(fit).head(2), along="tokens").compute_ratio,
    "next": lambda fit: bs.next_runs(fit, places(fit).assign(run=["x", "y", "z"]), "plan at compute=1e22, arch=dense").flop,
    "sentences": lambda fit: summary_sentences(fit),
    "published": lambda fit: published_values(fit)["A"],
    "subset": lambda fit: len(subset(fit.runs, "params < 2e8 and tokens > 1e10")),
}


def same(one: Any, two: Any) -> None:
    """Check that two answers are the same to rounding."""
    if isinstance(one, xr.DataArray):
        np.testing.assert_allclose(one.to_numpy(), two.to_numpy(), rtol=1e-8)
        assert one.attrs == two.attrs
    elif isinstance(one, pd.DataFrame | pd.Series | np.ndarray):
        np.testing.assert_allclose(np.asarray(one, float), np.asarray(two, float), rtol=1e-8)
    else:
        assert one == two


@cache
def in_ones(answer: str) -> Any:
    return ANSWERS[answer](in_units(*PLAIN))


@pytest.mark.parametrize("answer", sorted(ANSWERS))
def test_an_answer_is_the_same_whatever_the_table_counts_in(answer: str, other: bs.Fit) -> None:
    same(ANSWERS[answer](other), in_ones(answer))


@pytest.mark.parametrize("which", [0, 3])
def test_points_by_the_laws_names_are_in_base_units(which: int, plain: bs.Fit) -> None:
    fit = in_units(*OTHERS[which])
    same(bs.predict(fit, places(fit, named=False)), bs.predict(plain, places(plain, named=False)))


def test_points_that_the_tables_unit_puts_out_of_the_world_are_in_base_units() -> None:
    fit = in_units(*OTHERS[1])
    same(bs.predict(fit, places(fit, named=False).head(2)), bs.predict(fit, places(fit).head(2)))


def test_figures_are_in_base_units(plain: bs.Fit, other: bs.Fit) -> None:
    from bayes_scaling.plots.overview import contrast_figure, figures
    from bayes_scaling.plots.plan import plan_figure

    def planned(fit: bs.Fit) -> Figure:
        return plan_figure(fit, bs.plan(fit, 1e21, points=pd.DataFrame({"arch": ["dense"]})))

    for draw in (lambda fit: figures(fit)["bands"], lambda fit: contrast_figure(fit, "arch", "dense", "sparse"), planned):
        drawn = [[(ax.get_xlabel(), ax.get_xlim(), ax.get_ylim()) for ax in draw(fit).axes] for fit in (other, plain)]
        for one, two in zip(*drawn, strict=True):
            assert one[0] == two[0]
            np.testing.assert_allclose(np.array(one[1:]), np.array(two[1:]), rtol=1e-6)


@pytest.mark.slow
def test_the_report_of_a_fit_says_the_same(plain: bs.Fit, other: bs.Fit) -> None:
    from bayes_scaling.report.budget import plan_budget

    one, two = (plan_budget(fit) for fit in (other, plain))
    assert one is not None
    assert two is not None
    assert one.steps == two.steps


def test_questions_count_as_their_names_do(plain: bs.Fit) -> None:
    asked = draw_estimand(plain, "loss at params=2e9, tokens=4e10, arch=dense").to_numpy()
    for which, held in ((0, "params=2e9, tokens=4e10"), (0, "n=2000, d=40"), (1, "params=2000, tokens=40")):
        found = draw_estimand(in_units(*OTHERS[which]), f"loss at {held}, arch=dense")
        np.testing.assert_allclose(found.to_numpy(), asked, rtol=1e-8)


def test_the_end_of_a_run_is_in_base_units_or_in_those_of_its_column(plain: bs.Fit) -> None:
    def log_of(fit: bs.Fit) -> pd.DataFrame:
        inputs = fit.runs.columns.inputs
        at = {"params": np.full(4, 1e9), "tokens": np.geomspace(2e9, 2e10, 4)}
        table = pd.DataFrame({one.column: at[name] / one.factor for name, one in inputs.items()})
        return table.assign(run="mine", arch="dense", loss=[3.0, 2.8, 2.65, 2.55])

    ahead = pd.DataFrame({"tokens": [5e10, 1e11]})
    expected, planned = (bs.forecast(plain, log_of(plain), end, refit_below=0).final for end in (1e11, ahead))
    for which in (0, 1):
        fit = in_units(*OTHERS[which])
        for end in (1e11, 100.0):
            found = bs.forecast(fit, log_of(fit), end, refit_below=0)
            np.testing.assert_allclose(found.final, expected, rtol=1e-8)
            assert found.unit == "tokens"
        plan = pd.DataFrame({fit.runs.columns.inputs["tokens"].column: [50.0, 100.0]})
        np.testing.assert_allclose(bs.forecast(fit, log_of(fit), plan, refit_below=0).final, planned, rtol=1e-8)
        with pytest.raises(bs.InputError, match="expected an end beyond it"):
            bs.forecast(fit, log_of(fit), 1e9, refit_below=0)


def test_a_fit_is_saved_with_its_units(other: bs.Fit, tmp_path: Path) -> None:
    again = bs.load(bs.save(other, tmp_path / "fit.nc"))
    assert again.runs.columns == other.runs.columns
    same(bs.predict(again, places(again)), bs.predict(other, places(other)))
    same(bs.predict(again, again.runs.table), bs.predict(other, other.runs.table))


def test_a_fit_stored_in_the_units_of_its_columns_means_the_same(tmp_path: Path) -> None:
    """Files from before counts were converted: the table, the references and the study in the columns' own units."""
    fit = in_units(*OTHERS[0])
    path = bs.save(fit, tmp_path / "fit.nc")
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        tree = opened.load()
    record = json.loads(tree.attrs["record"])
    del record["in_base_units"], record["prior_unit"]
    record["references"] = {"params": 1e3, "tokens": 10.0}
    text = tree.attrs["study"]
    for base, reference, scale, unit, own in (
        ("parameters", "1000000000.0", "1000000.0", "M parameters", "1000.0"),
        ("tokens", "10000000000.0", "1000000000.0", "B tokens", "10.0"),
    ):
        lines = f'unit = "{base}"\nreference = {reference}\nscale = {scale}'
        assert lines in text
        text = text.replace(lines, f'unit = "{unit}"\nreference = {own}')
    runs = tree["runs"].to_dataset()
    tree["runs"] = xr.DataTree(runs.assign(params=runs["params"] / 1e6, tokens=runs["tokens"] / 1e9))
    tree.attrs |= {"format": "bayes_scaling fit 2", "study": text, "record": json.dumps(record)}
    tree.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    with pytest.warns(UserWarning, match="saved by an earlier version"):
        old = bs.load(tmp_path / "old.nc")
    pd.testing.assert_frame_equal(old.runs.table, fit.runs.table)
    assert old.runs.references == fit.runs.references
    assert old.runs.columns == fit.runs.columns
    same(bs.predict(old, places(fit)), bs.predict(fit, places(fit)))


# Losses


def test_names_of_losses_say_their_unit() -> None:
    said = {
        "val_bpb": "bits/byte",
        "bits_per_byte": "bits/byte",
        "loss (bits/byte)": "bits/byte",
        "nats_per_token": "nats/token",
        "ppl": "perplexity",
        "val_perplexity": "perplexity",
        "error_rate": "error rate",
        "hellaswag_acc": "accuracy",
        "error (%)": "%",
        "val_error_pct": "%",
    }
    assert {name: response_unit(name) for name in said} == said
    assert all(response_unit(name) is None for name in ("loss", "val_loss", "train_loss_last", "x", "error_bar", "acc_std"))
    assert (loss_unit("bits per byte"), loss_unit("bpb"), loss_unit("whatever")) == ("bits/byte", "bits/byte", "whatever")
    assert (bs.Response("val_bpb").unit, bs.Response("loss").unit, bs.Response("val_bpb", "").unit) == (
        "bits/byte",
        "nats/token",
        "",
    )


def test_units_of_losses_lead_to_each_other() -> None:
    assert loss_factor("nats/token", "bits/token") == (pytest.approx(1 / log(2)), 1.0)
    assert loss_factor("nats/token", "bits/byte", 4.2) == (pytest.approx(1 / log(2) / 4.2), 1.0)
    there, back = loss_factor("nats/token", "bits/byte"), loss_factor("bits/byte", "nats/token")
    assert there is not None
    assert back is not None
    assert there[0] * back[0] == pytest.approx(1.0)
    assert 1.1 < there[1] < 1.3
    assert loss_factor("error rate", "%") == (100.0, 1.0)
    assert loss_factor("nats/token", "accuracy") is None
    assert loss_factor("nats/token", "nats/word") is None


def drawn(model: bs.Model, runs: Runs) -> bs.Fit:
    return bs.prior(model, runs, draws=4000, seed=2)


def test_draws_from_a_prior_in_bits_are_those_in_nats_scaled() -> None:
    study = bs.read_study("chinchilla_law")
    bits = replace(study.columns, response=bs.Response("loss", "bits/token"))
    runs, other = bs.read_runs(TABLE, study.columns), bs.read_runs(TABLE.assign(loss=TABLE["loss"] / log(2)), bits)
    one, two = drawn(study.model, runs), drawn(study.model, other)
    assert two.model.unit == "bits/token"
    for name in ("E", "A", "B"):
        np.testing.assert_allclose(two.posterior[name], one.posterior[name] / log(2), rtol=1e-10)
    np.testing.assert_allclose(two.posterior["alpha"], one.posterior["alpha"], rtol=1e-10)
    np.testing.assert_allclose(bs.predict(two, TABLE), bs.predict(one, TABLE) / log(2), rtol=1e-10)


def test_additive_terms_noise_on_the_loss_and_every_kind_of_prior_follow() -> None:
    law = bs.parse_law("level + slope * log(params) + half * params**-b + g + e", ["params"])
    parameters = {
        "level": bs.Prior(between=(-1.0, 3.0)) + bs.Varying("arch", 0.2) + bs.Trend("params", 0.1),
        "slope": bs.Prior(distribution="Normal", arguments={"mu": -0.2, "sigma": 0.1}),
        "half": bs.Prior(distribution="HalfNormal", arguments={"sigma": 0.5}) + bs.Varying("arch", 0.3),
        "g": bs.Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 4.0}),
        "e": bs.Prior(distribution="LogNormal", arguments={"mu": 0.5, "sigma": 0.3}),
        "b": bs.Prior(between=(0.1, 0.4)),
    }
    noise = bs.Noise(bs.Prior(median=0.02, factor=2.0), on="loss", effects=(bs.Varying("arch", 0.05),), distribution="normal")
    model = bs.Model(law, parameters, noise, unit="nats/token")
    table = pd.DataFrame({"params": [1e8, 1e9, 1e10] * 2, "arch": ["x"] * 3 + ["y"] * 3, "loss": 3.0})
    runs = [
        bs.read_runs(
            table, bs.Columns({"params": bs.Input("params", reference=1e9)}, bs.Response("loss", unit), {"arch": "arch"})
        )
        for unit in ("nats/token", "bits/token")
    ]
    one, two = (drawn(model, of) for of in runs)
    np.testing.assert_allclose(bs.predict(two, table), bs.predict(one, table) / log(2), rtol=1e-8)
    np.testing.assert_allclose(bs.predict_runs(two, table, seed=1), bs.predict_runs(one, table, seed=1) / log(2), rtol=1e-8)


FILE = """
[data]
response = { column = "val_bpb" }
[data.inputs]
params = { column = "params" }
tokens = { column = "tokens" }
[law]
name = "chinchilla"
priors = "public_sweeps"
[parameters.E]
prior = { median = 0.6, factor = 1.3 }
"""


def test_a_model_files_own_priors_are_in_the_unit_of_its_response_and_the_librarys_follow() -> None:
    study = parse_study(FILE, "mine.toml")
    assert study.model.unit == "bits/byte"
    assert as_parameter(study.model.parameters["E"]).prior == bs.Prior(median=0.6, factor=1.3)
    moved = as_parameter(in_unit_of(sweep_model("chinchilla"), bs.Response("bpb")).parameters["A"]).prior
    assert as_parameter(study.model.parameters["A"]).prior == moved
    assert parse_study(study_text(study), "again.toml").model == study.model
    assert study_runs(study, TABLE.assign(val_bpb=0.3 * TABLE["loss"])).notes == (
        "column 'val_bpb' is in bits/byte, as its name says",
        *study.notes,
    )
    assert len(study.notes) == 1
    exact = FILE.replace('"val_bpb"', '"val_bpb", bytes_per_token = 4.2')
    assert parse_study(exact, "mine.toml").notes == ()
    with pytest.raises(
        bs.InputError, match=r"mine.toml: the priors of chinchilla are for a response in 'nats/token'; .* 'accuracy'"
    ):
        parse_study(FILE.replace("val_bpb", "val_acc"), "mine.toml")


def test_a_model_travels_to_workers_in_its_own_unit() -> None:
    for model in (in_unit_of(sweep_model("chinchilla"), bs.Response("bpb")), sweep_model("chinchilla"), in_units(*PLAIN).model):
        again = read_model(model_text(model))
        assert again.unit == model.unit
        assert parameters_with_priors(again) == parameters_with_priors(model)


def test_of_perplexities_the_logarithm_is_the_loss() -> None:
    inputs = {"params": bs.Input("params"), "tokens": bs.Input("tokens")}
    table = TABLE.assign(ppl=np.exp(TABLE["loss"]), error=0.02 * np.exp(TABLE["loss"]))
    plain = bs.read_runs(TABLE, bs.Columns(inputs))
    runs = bs.read_runs(
        table, bs.Columns(inputs, bs.Response("ppl"), measurement_error=MeasurementError("error", relative=False))
    )
    np.testing.assert_allclose(runs.table["response"], plain.table["response"])
    np.testing.assert_allclose(runs.table["measurement_error"], 0.02)
    assert runs.columns.response.unit == "nats/token"
    assert runs.notes == ("column 'ppl' holds perplexities: their logarithm, in nats/token, is the loss",)
    with pytest.raises(bs.InputError, match=r"0\.9, which is no perplexity"):
        bs.read_runs(table.assign(ppl=[9.0, 5.0, 3.0, 0.9]), bs.Columns(inputs, bs.Response("ppl")))
    study = Study("p", bs.read_study("chinchilla_law").model, bs.Columns(inputs, bs.Response("ppl")))
    assert parse_study(study_text(study), "p.toml").columns.response == study.columns.response


def test_losses_as_low_as_bits_a_byte_are_read_as_such_unless_their_unit_is_said() -> None:
    study = bs.read_study("chinchilla")
    runs = study_runs(study, CASES / "bpb.csv")
    assert runs.columns.response.unit == "bits/byte"
    assert "are 0.33 times what priors in nats/token expect: read as bits/byte" in runs.notes[0]
    assert runs.notes[1].startswith(
        "priors for nats/token are multiplied by 0.336 to be for bits/byte, as a token has about 4.3"
    )
    said = replace(study, columns=with_units(study.columns, {"loss": "nats/token"}))
    assert study_runs(said, CASES / "bpb.csv").columns.response.unit == "nats/token"
    assert study_runs(study, TABLE).columns.response.unit == "nats/token"
    own = parse_study(FILE.replace("val_bpb", "loss"), "mine.toml")
    low = TABLE.assign(loss=0.3 * TABLE["loss"])
    assert study_runs(own, low).columns.response.unit == "nats/token"  # its own floor is low


@pytest.mark.slow
def test_bits_a_byte_are_predicted_near_the_truth(tmp_path: Path) -> None:
    """By the command line; with priors for nats a token predictions rise with scale, .712 and .778."""
    out = tmp_path / "bpb"
    words = ["fit", "chinchilla", "--runs", CASES / "bpb.csv", "--out", out, "--draws", 500, "--chains", 2]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code in (0, 3), done.output
    assert "read as bits/byte" in done.output
    points = pd.DataFrame({"params": [1.6e10, 1e12], "tokens": [6.4e11, 2e13]})
    table = summarize_at(bs.load(out / "fit.nc"), points)
    truth = np.array([0.683, 0.612])
    assert (np.abs(table["q50"] - truth) < 0.02 * truth + (table["q95"] - table["q05"]) / 2).all()
    assert (table["q05"] < truth).all()
    assert (truth < table["q95"]).all()


def test_the_command_line_is_told_what_a_table_counts_in(tmp_path: Path) -> None:
    def run(*units: str) -> Any:
        said = [word for unit in units for word in ("--unit", unit)]
        words = ["prior", "chinchilla", "--runs", CASES / "millions.csv", "--out", tmp_path / "out", "--draws", 50, *said]
        return CliRunner().invoke(app, [str(word) for word in words])

    refused = run()
    assert refused.exit_code == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert 'say unit = "M parameters" or --unit params=M' in refused.stderr
    assert run("params=M", "tokens=M").exit_code == 0
    assert run("params=M", "tokens=M tokens", "loss=bits/token").exit_code == 0
    assert "expected NAME=UNIT" in run("params").stderr
    assert "expected one of ['loss', 'params', 'tokens']" in run("sizes=M").stderr


def test_points_of_a_table_that_was_told_apart_count_as_it_does() -> None:
    study = bs.read_study("chinchilla")
    runs = bs.read_runs(CASES / "millions.csv", with_units(study.columns, {"params": "M", "tokens": "M"}))
    points = in_base_units(pd.DataFrame({"params": [16000.0], "tokens": [640000.0]}), runs)
    assert points.iloc[0].to_dict() == {"params": 1.6e10, "tokens": 6.4e11}
    named = in_base_units(pd.DataFrame({"params_b": [16.0], "tokens (T)": [0.64]}), runs)
    assert named[["params", "tokens"]].iloc[0].to_dict() == {"params": 1.6e10, "tokens": 6.4e11}


def test_a_unit_said_by_the_role_of_a_renamed_response() -> None:
    study = study_for(read_study("accuracy_curve"), {"accuracy": "exact_match"}, {"accuracy": "% accuracy"})
    assert (study.columns.response.column, study.columns.response.percent) == ("exact_match", True)
    inputs = study_for(read_study("chinchilla"), {"params": "N"}, {"params": "M", "loss": "bits/byte"})
    assert (inputs.columns.inputs["params"].counts, inputs.columns.response.unit) == (1e6, "bits/byte")


@pytest.mark.parametrize("params", [[125.0, 350.0, 1.3e9, 7e9], [0.125, 0.35, 1.3e9, 2.7e9]])
def test_counts_in_two_units_in_one_column_are_refused(params: list[float]) -> None:
    table = pd.DataFrame({"params": params, "tokens": [2e9, 7e9, 3e10, 1e11], "loss": [3.4, 3.1, 2.9, 2.5]})
    for study in map(read_study, ("chinchilla", "chinchilla_law")):
        with pytest.raises(bs.InputError, match=r"column 'params' has [0-9.]+, then 1.3B, and none between"):
            study_runs(study, table)
    swapped = table.assign(params=[1e8, 3.5e8, 1.3e9, 7e9], tokens=[2.0, 7.0, 3e10, 1e11])
    with pytest.raises(bs.InputError, match=r"column 'tokens' has 7, then 30B, and none between: tokens counted in two units"):
        study_runs(read_study("chinchilla"), swapped)


@pytest.mark.parametrize("unit", ["parameters", "M parameters"])
def test_a_single_size_in_another_unit_is_refused_where_several_runs_have_it(unit: str) -> None:
    sizes = np.repeat([30.0, 72.1, 173.2, 416.2, 1e9], 3)
    table = pd.DataFrame({"params": sizes, "tokens": np.tile([1e9, 4e9, 2e10], 5), "loss": np.linspace(4.9, 2.6, 15)})
    study = read_study("chinchilla")
    study = replace(study, columns=with_units(study.columns, {} if unit == "parameters" else {"params": "M"}))
    with pytest.raises(
        bs.InputError, match=r"column 'params' has 416\.2, then 1B, and none between: parameters counted in two"
    ):
        study_runs(study, table)
    assert bs.propose_study(table).study is None or bs.propose_study(table).problem


USUAL = pd.DataFrame({"params": [1e7, 1e8, 3e8, 1e9, 1e9], "tokens": [3e8, 2e9, 7e9, 3e10, 1e11]}).assign(
    loss=[3.9, 3.4, 3.1, 2.9, 2.5]
)


def test_counts_right_as_they_stand_are_kept_where_that_is_said() -> None:
    small = USUAL.assign(params=[768.0, 1500.0, 3000.0, 1e8, 1e9])
    study = read_study("chinchilla")
    with pytest.raises(
        bs.InputError, match=r"mend the cells; if they are right .* unit = .ones of parameters. or --unit params="
    ):
        study_runs(study, small)
    kept = replace(study, columns=with_units(study.columns, {"params": "ones"}))
    assert study_runs(kept, small).table["params"].tolist() == small["params"].tolist()
    in_millions = replace(study, columns=with_units(study.columns, {"params": "M"}))
    with pytest.raises(bs.InputError, match=r"column 'params' has 350, then 1.3B, .* mend the cells$"):
        study_runs(in_millions, USUAL.assign(params=[70.0, 125.0, 350.0, 1.3e9, 2.7e9]))


@pytest.mark.parametrize(
    "table",
    [
        USUAL.assign(tokens=[8192.0, 81.92e6, 163.84e6, 1e10, 2e10], params=1e8),
        USUAL.assign(tokens=[1.0, 2.0, 7e9, 3e10, 1e11], params=[1e8, 1e9, 1e8, 1e9, 1e9]),
        USUAL.assign(params=[768.0, *USUAL["params"][1:]]),
        USUAL.assign(params=[9.0, 10.0, 2.9e8, 3e8, 3.1e8]),
    ],
    ids=["first step", "first evaluations", "a single one", "in no unit of its own"],
)
def test_counts_far_apart_that_no_second_unit_explains_are_read(table: pd.DataFrame) -> None:
    assert len(study_runs(read_study("chinchilla"), table)) > 2  # its filter leaves out runs of few tokens a parameter


def test_tokens_of_logs_are_in_one_unit() -> None:
    steps = USUAL.assign(run="a", params=[1e7, 2e7, 3e8, 1e9, 1e9], tokens=[2.0, 5.0, 7e9, 3e10, 1e11])
    columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}, run="run")
    assert not any("two units" in note for note in bs.read_runs(steps, columns).notes)


@pytest.mark.parametrize("where", ["params > 1e6 and tokens > 1e3", "tokens > params"])
@pytest.mark.parametrize("odd", [1.0, np.inf])
def test_a_row_that_the_filter_leaves_out_is_no_second_unit(where: str, odd: float) -> None:
    table = USUAL.assign(tokens=[*USUAL["tokens"][:4], odd])
    columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}, where=where)
    if odd == np.inf:
        columns = replace(columns, where=f"{where} and tokens < 1e12")
    assert len(bs.read_runs(table, columns)) == 4


def test_a_filter_of_one_input_against_another_needs_them_in_one_unit() -> None:
    table = USUAL.assign(tokens=[3.0, 7.0, 7e9, 3e10, 1e11])
    inputs = {"params": bs.Input("params"), "tokens": bs.Input("tokens")}
    with pytest.raises(bs.InputError, match=r"column 'tokens' has 7, then 7B, and none between: tokens counted in two units"):
        bs.read_runs(table, bs.Columns(inputs, where="tokens > 0.45 * params"))
    assert len(bs.read_runs(table, bs.Columns(inputs, where="tokens > 1e6 and params > 1e6"))) == 3


@pytest.mark.parametrize(
    ("column", "factor", "unit", "said"),
    [
        ("val_bpb", 1 / 3, "bits/byte", "column 'val_bpb' is in bits/byte, as its name says"),
        ("ppl_a", None, "nats/token", "column 'ppl_a' holds perplexities"),
        ("mean", 1.0, "nats/token", ""),
    ],
)
def test_another_column_of_an_unsaid_unit_is_in_that_of_its_name(column, factor, unit, said) -> None:
    study = study_for(bs.read_study("chinchilla_law"), {"loss": column})
    losses = np.exp(TABLE["loss"]) if factor is None else factor * TABLE["loss"]
    runs = study_runs(study, TABLE.drop(columns="loss").assign(**{column: losses}))
    assert runs.columns.response.unit == unit
    assert said in " ".join(runs.notes)
    assert not any("see that this is meant" in note or "read as bits/byte" in note for note in runs.notes)


@pytest.mark.parametrize(
    ("slip", "known"),
    [
        ("nats/tokn", "nats/token"),
        ("nets/token", "nats/token"),
        ("bits per bytee", "bits/byte"),
        ("bpp/byte", None),
        ("accurac", "accuracy"),
        ("% error rte", "% error rate"),
        ("perplexty", "perplexity"),
        ("nat/tok", None),
        ("bits/base", None),
        ("bits/pixel", None),
        ("accuracy@5", None),
        ("ms", None),
        ("log accuracy", None),
    ],
)
def test_a_slip_of_a_unit_of_losses_is_refused_and_units_of_ones_own_are_not(slip: str, known: str | None) -> None:
    assert meant(slip) == known
    if known is None:
        assert bs.Response("y", slip).unit == loss_unit(slip)
        return
    with pytest.raises(bs.InputError, match=re.escape(f"unit {slip!r} of column 'y': did you mean {known!r}?")):
        bs.Response("y", slip)
    units = {"a": "nats/token", "b": slip}
    with pytest.raises(bs.InputError, match=re.escape(f"of output 'b': did you mean {known!r}?")):
        bs.Columns({"x": bs.Input("x")}, outputs={"a": "a", "b": "b"}, output_units=units)


def test_a_unit_of_losses_has_one_spelling() -> None:
    assert [bs.Response("y", of).unit for of in ("nat/tok", "bits per byte", "error-rate", "Acc")] == [
        "nats/token",
        "bits/byte",
        "error rate",
        "accuracy",
    ]


def test_points_are_told_to_follow_the_fit_not_their_own_spelling() -> None:
    fit = sweep(CLEAN)
    for own, name in (("parms", "params"), ("Arch", "arch")):
        points = {own if one == name else one: of for one, of in {"params": 1e9, "tokens": 1e10, "arch": "dense"}.items()}
        with pytest.raises(bs.InputError, match=f"if its '{own}' is that, call it '{name}'$"):
            bs.predict(fit, {one: [of] for one, of in points.items()})
