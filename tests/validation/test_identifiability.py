"""Findings: each where it should be, and nowhere else."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli.commands import app
from bayes_scaling.data.runs import Runs
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.parameters import Parameter, as_parameter
from bayes_scaling.model.priors import distribution
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.validation.findings.every import floors

Z = stats.norm.ppf((np.arange(2000) + 0.5) / 2000).reshape(2, 1000)
"""Draws as a standard normal has them, without the luck of drawing."""

LADDER = np.geomspace(1e8, 1e10, 9)


def sweep(params: np.ndarray, tokens: np.ndarray | float, **groups: object) -> Runs:
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": 3.0, **groups})
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}
    return bs.read_runs(frame, bs.Columns(inputs=inputs, groups={name: name for name in groups}))


def crossed(size: int = 5) -> Runs:
    params, tokens = np.meshgrid(np.geomspace(1e8, 1e10, size), np.geomspace(1e9, 1e11, size))
    return sweep(params.ravel(), tokens.ravel())


def chinchilla_with(**parameters: bs.Prior | Parameter) -> bs.Model:
    model = bs.read_study("chinchilla_law").model
    return replace(model, parameters={**model.parameters, **parameters})


def known(model: bs.Model, runs: Runs, narrowed: Mapping[str, tuple[float, float]], **more: xr.DataArray) -> bs.Fit:
    """Return a fit whose posterior is each prior, this many times as wide and moved by so many of its sd; 0.1 as wide else."""
    draws = {}
    for name, parameter in model.parameters.items():
        _, of = distribution(as_parameter(parameter).prior)
        width, moved = narrowed.get(name, (0.1, 0.0))
        draws[name] = xr.DataArray(np.exp(of["mu"] + of["sigma"] * (moved + width * Z)), dims=("chain", "draw"))
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws | more)})
    return bs.Fit(model, runs, tree, bs.Settings(), None)


def codes(fit: bs.Fit) -> list[str]:
    return [finding.code for finding in bs.findings(fit)]


def test_a_fit_that_knows_its_parameters_from_a_crossed_sweep_leaves_nothing_open() -> None:
    assert bs.findings(known(chinchilla_with(), crossed(), {})) == ()


@pytest.mark.parametrize(
    ("width", "moved", "found"),
    [(1.0, 0.0, True), (0.92, 0.1, True), (1.08, -0.1, True), (0.85, 0.0, False), (1.15, 0.0, False), (1.0, 0.3, False)],
)
def test_a_posterior_is_its_prior_where_neither_width_nor_place_changed(width: float, moved: float, found: bool) -> None:
    fit = known(chinchilla_with(), crossed(), {"alpha": (width, moved)})
    assert codes(fit) == ["prior-only"] * found
    if found:
        sentence = bs.findings(fit)[0].sentence
        assert "alpha" in sentence
        assert "in 0.165 .. 0.66 by its prior" in sentence


def test_draws_from_a_prior_of_any_kind_are_known_for_it() -> None:
    rng, size = np.random.default_rng(1), (4, 5000)
    kinds = {
        "a": ("Normal", {"mu": 1.0, "sigma": 0.2}, rng.normal(1.0, 0.2, size)),
        "b": ("StudentT", {"nu": 3.0, "mu": 0.5, "sigma": 0.1}, 0.5 + 0.1 * rng.standard_t(3.0, size)),
        "c": ("LogNormal", {"mu": 0.0, "sigma": 0.3}, np.exp(rng.normal(0.0, 0.3, size))),
        "d": ("HalfNormal", {"sigma": 0.3}, abs(rng.normal(0.0, 0.3, size))),
        "f": ("Gamma", {"alpha": 0.7, "beta": 2.0}, rng.gamma(0.7, 1 / 2.0, size)),
        "g": ("Exponential", {"lam": 2.0}, rng.exponential(1 / 2.0, size)),
    }
    model = bs.Model(
        law=bs.parse_law("(a + b + c + d + f + g) * params * tokens", ["params", "tokens"]),
        parameters={name: bs.Prior(distribution=kind, arguments=of) for name, (kind, of, _) in kinds.items()},
        noise=bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), on="loss"),
    )
    draws = xr.Dataset({name: (("chain", "draw"), of) for name, (_, _, of) in kinds.items()})
    fit = bs.Fit(model, crossed(), xr.DataTree.from_dict({"posterior": draws}), bs.Settings(), None)
    assert codes(fit) == ["prior-only"] * len(kinds)
    squeezed = draws.map(lambda values: values.clip(*values.quantile([0.15, 0.85]).to_numpy()))
    assert codes(replace(fit, draws=xr.DataTree.from_dict({"posterior": squeezed}))) == []


def test_slopes_and_the_population_are_judged_but_spreads_levels_and_noise_are_not() -> None:
    runs = replace(crossed(6), table=crossed(6).table.assign(corpus=np.tile(["web", "code"], 18)))
    runs = replace(runs, levels={"corpus": np.array(["code", "web"])})
    varying = bs.Prior(median=0.4, factor=2.5) + bs.Varying("corpus", 0.2) + bs.Trend("tokens", 0.1)
    model = chinchilla_with(A=varying)
    noisy = replace(model, noise=replace(model.noise, sd=bs.Prior(median=0.01, factor=2.0) + bs.Trend("tokens", 0.1)))
    found = bs.findings(bs.prior(noisy, runs, draws=4000, seed=2))
    told = {finding.sentence.split(":")[0].removeprefix("the runs say next to nothing about ") for finding in found[:6]}
    assert told == {
        "E",
        "alpha",
        "beta",
        "B",
        "the population's A (its levels may be known)",
        "how A drifts with tokens (A_trend_tokens)",
    }
    assert [finding.code for finding in found[6:]] == ["floor-from-prior"]


def test_the_floor_of_a_law_is_what_it_adds_as_it_is() -> None:
    expected = {"power_law": [], "power_law_floor": ["E"], "chinchilla": ["E"], "m1": [], "m2": ["e_inf"], "m3": ["e_inf"]}
    expected |= {"m4": ["e_inf"], "token_position": ["a"], "annealing": ["L0"], "shape_penalty": [], "bnsl1": ["a"]}
    assert {name: floors(LAWS[name]) for name in expected} == expected
    text = bs.parse_law("a * x**-b + (c - d * x) + x", ["x"])
    assert floors(text) == ["c"]
    accuracy = bs.parse_law("chance + (1 - chance) * C**s / (1 + C**s)", ["C"])
    assert floors(accuracy) == ["chance"]
    assert floors(accuracy, rising=True) == []
    assert floors(bs.parse_law("top - b * C**-s", ["C"]), rising=True) == ["top"]


@pytest.mark.parametrize(("width", "found"), [(0.8, True), (0.72, True), (0.68, False), (0.3, False)])
def test_a_floor_that_the_runs_say_less_about_than_its_prior_rests_on_it(width: float, found: bool) -> None:
    fit = known(chinchilla_with(), crossed(), {"E": (width, 2.0), "alpha": (width, 2.0)})
    assert codes(fit) == ["floor-from-prior"] * found
    if found:
        sentence = bs.findings(fit)[0].sentence
        assert sentence.startswith("E, which the law tends to,")
        assert "nats/token with them, in 1.06 .. 2.72 by its prior" in sentence


def test_a_floor_is_judged_at_the_level_with_runs_where_it_is_least_known() -> None:
    corpora = ["books", "code", "web"]
    params, tokens = np.repeat(LADDER, 3), np.tile([1e9, 1e10, 1e11], 9) * np.repeat(np.linspace(1, 2, 9), 3)
    runs = sweep(params, tokens, corpus=np.tile(["code", "web", "web"], 9))
    model = chinchilla_with(E=bs.Prior(median=1.7, factor=1.6) + bs.Varying("corpus", 0.2))

    def fit(*widths: float) -> bs.Fit:
        shifts = np.stack([width * np.roll(Z, 500, axis=1) for width in widths], axis=-1)
        effects = xr.DataArray(shifts, dims=("chain", "draw", "corpus"), coords={"corpus": corpora})
        return known(model, runs, {"E": (0.1, 0.0)}, E_by_corpus=effects)

    (finding,) = bs.findings(fit(9.0, 0.01, 0.3))
    assert finding.code == "floor-from-prior"
    assert finding.sentence.startswith("E at corpus web, which")
    assert bs.findings(fit(9.0, 0.01, 0.01)) == ()


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (20 * LADDER, "tokens / params is 20 in the runs"),
        (0.05 * LADDER, "params / tokens is 20 in the runs"),
        (20 * LADDER * (1 + 0.04 * (-1) ** np.arange(9)), "tokens / params is 19.2 .. 20.8 in the runs"),
        (1e10 * (LADDER / 1e9) ** 0.7, "tokens goes as params^0.7 in the runs"),
        (1e19 / LADDER, "tokens goes as params^-1 in the runs"),
    ],
)
def test_inputs_on_one_line_are_named_with_what_they_keep(tokens: np.ndarray, said: str) -> None:
    (finding,) = bs.findings(known(chinchilla_with(), sweep(LADDER, tokens), {}))
    assert finding.code == "fixed-ratio"
    assert finding.sentence.startswith(said + ": ")


@pytest.mark.parametrize(
    "tokens",
    [
        20 * LADDER * np.exp(0.5 * (-1) ** np.arange(9)),
        20 * LADDER * np.where(np.arange(9) < 6, 1.0, 4.0),
        np.roll(20 * LADDER, 3),
    ],
)
def test_inputs_off_one_line_are_not_named(tokens: np.ndarray) -> None:
    assert codes(known(chinchilla_with(), sweep(LADDER, tokens), {})) == []


def test_two_ladders_a_factor_of_two_apart_are_not_one_line_however_long() -> None:
    long = np.geomspace(1e6, 1e11, 20)
    runs = sweep(np.tile(long, 2), np.concatenate([20 * long, 40 * long]))
    assert np.corrcoef(np.log(runs.table["params"]), np.log(runs.table["tokens"]))[0, 1] > 0.99
    assert codes(known(chinchilla_with(), runs, {})) == []


def test_an_input_that_stands_still_has_too_few_sizes_and_no_ratio() -> None:
    (finding,) = bs.findings(known(chinchilla_with(), sweep(LADDER, 2e10), {}))
    assert finding.code == "few-sizes"
    assert finding.sentence.startswith("tokens has 1 different value in the runs (20B tokens), which")


def test_values_within_a_few_percent_are_one_size() -> None:
    jitter = 1 + 0.02 * np.sin(np.arange(36))
    sizes = np.repeat([1e8, 1e9, 1e10], 12) * jitter
    tokens = np.tile(np.geomspace(1e9, 1e11, 12), 3)
    (finding,) = bs.findings(known(chinchilla_with(), sweep(sizes, tokens), {}))
    assert finding.code == "few-sizes"
    assert finding.sentence.startswith(
        "params has 36 different values in the runs (98M to 10.2B parameters), only 3 of them more"
    )
    four = np.repeat([1e8, 1e9, 1.1e9, 1e10], 9) * jitter
    assert codes(known(chinchilla_with(), sweep(four, np.tile(np.geomspace(1e9, 1e11, 9), 4)), {})) == []


def test_a_curve_of_many_close_points_has_many_sizes() -> None:
    steps = np.tile(np.geomspace(1e9, 1e11, 500), 5)
    assert codes(known(chinchilla_with(), sweep(np.repeat(np.geomspace(1e8, 1e10, 5), 500), steps), {})) == []


def test_a_trend_over_few_sizes_is_named() -> None:
    trend = bs.Trend("params", 0.1)
    model = bs.Model(
        law=bs.parse_law("a + b * tokens**-c", ["tokens"]),
        parameters={
            "a": bs.Prior(median=2.0, factor=1.5) + trend,
            "b": bs.Prior(median=1.0, factor=2.0),
            "c": bs.Prior(median=0.5, factor=2.0) + trend,
        },
        noise=bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    runs = sweep(np.repeat([1e8, 1e9], 9), np.tile(np.geomspace(1e9, 1e11, 9), 2))
    slopes = {f"{name}_trend_params": xr.DataArray(0.01 * Z, dims=("chain", "draw")) for name in "ac"}
    (finding,) = bs.findings(known(model, runs, {}, **slopes))
    assert finding.code == "few-sizes"
    assert finding.sentence.startswith("params, with which a and c may drift, has 2 different values")


def test_a_sound_fit_of_a_crossed_sweep_has_no_findings_and_one_of_a_ladder_has(chinchilla: bs.Fit) -> None:
    assert bs.findings(chinchilla) == ()
    quick = bs.Settings(draws=300, tune=300, chains=2, seed=3, progress=False)
    ladder = bs.refit(chinchilla, study_runs(bs.read_study("chinchilla_law"), ladder_runs()), quick)
    assert "fixed-ratio" in codes(ladder)
    assert "few-sizes" not in codes(ladder)


def test_fit_writes_and_prints_its_findings(chinchilla: bs.Fit, tmp_path: Path) -> None:
    ladder_runs().to_csv(tmp_path / "ladder.csv", index=False)
    words = ["fit", "chinchilla_law", "--runs", tmp_path / "ladder.csv", "--out", tmp_path / "o", "--draws", 500, "--seed", 3]
    result = CliRunner().invoke(app, [str(word) for word in words])
    written = json.loads((tmp_path / "o" / "diagnostics.json").read_text())
    assert result.exit_code == (0 if written["ok"] else 3), result.output
    assert written["findings"][0].keys() == {"code", "sentence"}
    lines = [f"note [{finding['code']}]: {finding['sentence']}" for finding in written["findings"]]
    assert [line for line in result.stdout.splitlines() if line.startswith("note [")] == lines
    assert "fixed-ratio" in {finding["code"] for finding in written["findings"]}
    assert "note" not in result.stderr


def ladder_runs() -> pd.DataFrame:
    """Five runs at twenty tokens a parameter, over a factor of five."""
    params = np.geomspace(1e9, 5e9, 5)
    loss = 1.82 + 482 * params**-0.348 + 2085 * (20 * params) ** -0.366
    return pd.DataFrame({"params": params, "tokens": 20 * params, "loss": loss})
