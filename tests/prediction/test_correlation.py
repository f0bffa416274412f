"""Curves: noise that neighbouring rows share, rows averaged, parameters that drift along them, laws with exp and log."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling._base.functions import exp, log
from bayes_scaling.data.columns import Average, MeasurementError
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.parameters import parameter_values, published_values
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.laws.coefficients import in_units
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import Law, law_inputs, law_parameters
from bayes_scaling.model.arrays import data
from bayes_scaling.model.build import build
from bayes_scaling.model.parameters import Parameter, as_parameter
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.predict import parameters_at, published_at

WIDE = bs.Prior(median=0.5, factor=3.0)
SCALE = bs.Prior(median=0.02, factor=3.0)
LAW = bs.parse_law("a * tokens**-b", ["tokens"])
POINT = {"a": 3.1, "b": 0.12, "noise_sd": 0.03, "noise_length": 0.7, "noise_sd_trend_tokens": -0.2}
ALONG = bs.Correlation("tokens", WIDE)


def curves(per_run: dict[str, int], seed: int = 3) -> pd.DataFrame:
    """Return runs of different lengths, at places of their own, with their rows in no order."""
    rng = np.random.default_rng(seed)
    rows = [
        {"tokens": at, "run": run, "loss": rng.uniform(2.0, 4.0), "error": rng.uniform(0.0, 0.1)}
        for run, rows in per_run.items()
        for at in np.exp(rng.uniform(0.0, 5.0, rows))
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=seed).reset_index(drop=True)


def runs_of(frame: pd.DataFrame, **more: object) -> Runs:
    columns = bs.Columns(inputs={"tokens": bs.Input("tokens", "tokens", 10.0)}, **{"run": "run", **more})
    return bs.read_runs(frame, columns)


def model_of(**noise: object) -> bs.Model:
    kinds = {"sd": SCALE, "distribution": "normal", "correlation": ALONG}
    priors = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)}
    return bs.Model(LAW, priors, bs.Noise(**{**kinds, **noise}))


def log_likelihood(model: bs.Model, runs: Runs, point: dict[str, float]) -> float:
    """Return what the model as it is sampled gives for the rows, at a point in the user's units."""
    built = build(model, data(model, runs, runs.levels), {})
    names = {value.name: value.name.removesuffix("_log__") for value in built.value_vars}
    at = {name: np.log(point[of]) if name != of else np.array(point[of]) for name, of in names.items()}
    return float(built.compile_logp(vars=built.observed_RVs, jacobian=False, mode="FAST_COMPILE")(at))


def departures(model: bs.Model, runs: Runs, point: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return how far rows lie from the law, on the scale of the noise, and the sd of their scatter."""
    table = runs.table
    along = np.log(table["tokens"] / 10.0)
    law = point["a"] * np.exp(-point["b"] * along)
    sd = point["noise_sd"] * np.exp((point["noise_sd_trend_tokens"] if as_parameter(model.noise.sd).terms else 0.0) * along)
    error = table["measurement_error"] if "measurement_error" in table else 0.0 * sd
    if model.noise.on == "log_loss":
        return np.log(table["response"] / law).to_numpy(), np.hypot(sd, error / table["response"]).to_numpy()
    return (table["response"] - law).to_numpy(), np.hypot(sd, error).to_numpy()


@pytest.mark.parametrize("errors", [False, True], ids=["", "measurement errors"])
@pytest.mark.parametrize("sd", [SCALE, SCALE + bs.Trend("tokens", 0.3)], ids=["even", "drifting"])
@pytest.mark.parametrize("on", ["log_loss", "loss"])
def test_the_likelihood_of_correlated_rows_is_the_dense_normal_of_each_run(
    on: str, sd: bs.Prior | Parameter, errors: bool
) -> None:
    frame = curves({"long": 9, "short": 4, "single": 1, "pair": 2})
    more = {"measurement_error": MeasurementError("error", relative=False)} if errors else {}
    runs, model = runs_of(frame, **more), model_of(on=on, sd=sd)
    off, scale = departures(model, runs, POINT)
    at, run = np.log(runs.table["tokens"].to_numpy()), runs.table["run"].to_numpy()
    expected = 0.0
    for name in np.unique(run):
        own = run == name
        apart = np.abs(at[own][:, None] - at[own])
        covariance = np.outer(scale[own], scale[own]) * np.exp(-apart / POINT["noise_length"])
        expected += stats.multivariate_normal.logpdf(off[own], np.zeros(own.sum()), covariance)
    assert log_likelihood(model, runs, POINT) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sd", [SCALE, SCALE + bs.Trend("tokens", 0.3)], ids=["even", "drifting"])
@pytest.mark.parametrize("on", ["log_loss", "loss"])
def test_with_white_noise_it_is_the_dense_normal_with_a_diagonal(on: str, sd: bs.Prior | Parameter) -> None:
    frame = curves({"long": 9, "short": 4, "single": 1, "pair": 2})
    runs = runs_of(frame, measurement_error=MeasurementError("error", relative=False))
    runs.table["count"] = np.random.default_rng(1).integers(1, 9, len(frame)).astype(float)
    model = model_of(on=on, sd=sd, correlation=bs.Correlation("tokens", WIDE, white=SCALE))
    off, with_error = departures(model, runs, POINT)
    table = runs.table
    error = table["measurement_error"] / (table["response"] if on == "log_loss" else 1.0)
    scale = np.sqrt(with_error**2 - error**2).to_numpy()
    at, run = np.log(table["tokens"].to_numpy()), table["run"].to_numpy()
    expected = 0.0
    for name in np.unique(run):
        own = run == name
        apart = np.abs(at[own][:, None] - at[own])
        shared = np.outer(scale[own], scale[own]) * np.exp(-apart / POINT["noise_length"])
        white = 0.017**2 / table["count"][own] + error[own] ** 2
        expected += stats.multivariate_normal.logpdf(off[own], np.zeros(own.sum()), shared + np.diag(white))
    assert log_likelihood(model, runs, POINT | {"noise_white": 0.017}) == pytest.approx(expected, rel=1e-9)


def test_with_heavy_tails_it_is_the_steps_between_rows_that_go_astray() -> None:
    runs, model = runs_of(curves({"a": 5, "b": 3})), model_of(distribution="student_t")
    off, scale = departures(model, runs, POINT)
    table = runs.table.assign(off=off, scale=scale)
    expected = 0.0
    for _, rows in table.sort_values("tokens").groupby("run"):
        kept = np.exp(-np.diff(np.log(rows["tokens"])) / POINT["noise_length"])
        step = stats.t(4.5)
        expected += step.logpdf(rows["off"].iloc[0] / rows["scale"].iloc[0]) - np.log(rows["scale"].iloc[0])
        narrow = POINT["noise_sd"] * np.sqrt(1 - kept**2)
        left = rows["off"].to_numpy()[1:] - kept * rows["off"].to_numpy()[:-1]
        expected += (step.logpdf(left / narrow) - np.log(narrow)).sum()
    assert log_likelihood(model, runs, POINT | {"noise_nu_beyond_one": 3.5}) == pytest.approx(expected, rel=1e-9)


def test_rows_far_apart_are_as_good_as_independent() -> None:
    runs = runs_of(curves({"a": 6, "b": 3}))
    alone = log_likelihood(model_of(correlation=None), runs, POINT)
    assert log_likelihood(model_of(), runs, POINT | {"noise_length": 1e-6}) == pytest.approx(alone, rel=1e-12)


def test_two_rows_of_a_run_at_one_place_are_refused() -> None:
    frame = pd.DataFrame({"tokens": [1.0, 7.0, 7.0, 7.0], "run": ["p", "p", "q", "p"], "loss": [3.0, 3.0, 3.0, 3.1]})
    with pytest.raises(bs.InputError, match=r"^the data frame: run 'p' has two rows at tokens 7; expected one$"):
        bs.prior(model_of(), runs_of(frame), draws=4)
    with pytest.raises(bs.InputError, match="two rows at tokens 7"):
        bs.fit(model_of(), runs_of(frame), bs.Settings(draws=4, progress=False))
    assert len(bs.prior(model_of(correlation=None), runs_of(frame), draws=4).posterior["a"]) == 1


def test_correlated_noise_needs_runs_an_input_and_a_positive_length() -> None:
    with pytest.raises(bs.InputError, match=r"correlated noise needs to know which rows are one run; say run = ") as error:
        bs.prior(model_of(), runs_of(curves({"p": 4, "q": 4}), run=None), draws=4)
    assert "\n" not in str(error.value)
    with pytest.raises(bs.InputError, match=r"needs inputs \['steps', 'tokens'\]; the table has \['tokens'\]"):
        bs.prior(model_of(correlation=bs.Correlation("steps", WIDE)), runs_of(curves({"p": 4})), draws=4)
    with pytest.raises(bs.InputError, match="correlation length must be of a positive quantity"):
        bs.Correlation("tokens", bs.Prior(between=(-1.0, 1.0)))


def certain(model: bs.Model, runs: Runs, values: dict[str, float], draws: int = 6000) -> bs.Fit:
    """Return a fit that is sure of its parameters: what draws differ by is scatter alone."""
    sure = {name: xr.DataArray(np.full((2, draws // 2), value), dims=("chain", "draw")) for name, value in values.items()}
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": xr.Dataset(sure)}), bs.Settings(), None)


def test_new_runs_show_white_scatter_that_averages_out() -> None:
    model = model_of(correlation=bs.Correlation("tokens", WIDE, white=SCALE))
    runs = runs_of(curves({"a": 4, "b": 3}))
    runs.table["count"] = np.array([1.0, 4.0, 9.0, 1.0, 100.0, 4.0, 4.0])
    fit = certain(model, runs, POINT | {"noise_white": 0.06})
    off = np.log(posterior_predictive(fit, runs.table, 0) / bs.predict(fit, runs.table).reset_coords(drop=True))
    off = off.stack(sample=("chain", "draw")).transpose("sample", "row").to_numpy()
    at, run = np.log(runs.table["tokens"].to_numpy()), runs.table["run"].to_numpy()
    shared = 0.03**2 * np.exp(-np.abs(at[:, None] - at) / POINT["noise_length"]) * (run[:, None] == run)
    np.testing.assert_allclose(np.cov(off.T), shared + np.diag(0.06**2 / runs.table["count"]), atol=2e-4)
    usual = np.log(bs.predict_runs(fit, pd.DataFrame({"tokens": [20.0]})) / bs.predict(fit, pd.DataFrame({"tokens": [20.0]})))
    assert float(usual.std()) == pytest.approx(np.hypot(0.03, 0.06 / 2.0), rel=0.05)


@pytest.mark.parametrize("on", ["log_loss", "loss"])
def test_new_runs_are_correlated_along_themselves_and_not_with_each_other(on: str) -> None:
    model = model_of(on=on, sd=SCALE + bs.Trend("tokens", 0.3))
    runs = runs_of(curves({"a": 4, "b": 3}))
    fit = certain(model, runs, POINT)
    curve, drawn = bs.predict(fit, runs.table), bs.predict_runs(fit, runs.table)
    off = np.log(drawn / curve) if on == "log_loss" else drawn - curve
    off = off.stack(sample=("chain", "draw")).transpose("sample", "row").to_numpy()
    _, sd = departures(model, runs, POINT)
    np.testing.assert_allclose(off.std(axis=0), sd, rtol=0.05)
    at, run = np.log(runs.table["tokens"].to_numpy()), runs.table["run"].to_numpy()
    alike = np.exp(-np.abs(at[:, None] - at) / POINT["noise_length"]) * (run[:, None] == run)
    np.testing.assert_allclose(np.corrcoef(off.T), alike, atol=0.05)


def test_points_that_name_no_run_are_runs_of_their_own() -> None:
    fit = certain(model_of(), runs_of(curves({"a": 4})), POINT)
    close = pd.DataFrame({"tokens": [10.0, 10.1, 10.2]})
    for points, alike in [(close, 0.0), (close.assign(run="mine"), np.exp(-np.log(1.01) / POINT["noise_length"]))]:
        off = np.log(bs.predict_runs(fit, points)).stack(sample=("chain", "draw")).transpose("row", "sample")
        assert np.corrcoef(off)[0, 1] == pytest.approx(alike, abs=0.05)


def test_replications_of_the_runs_are_correlated_too() -> None:
    runs = runs_of(curves({"a": 30}))
    fit = certain(model_of(), runs, POINT, draws=400)
    order = np.argsort(runs.table["tokens"].to_numpy())
    off = np.log(posterior_predictive(fit, runs.table, 0, new=False) / bs.predict(fit, runs.table).drop_vars("run"))
    steps = np.diff(off.to_numpy()[..., order])
    assert steps.std() < 0.75 * np.sqrt(2) * POINT["noise_sd"]


AVERAGE = Average("tokens", per_decade=2.0)


def test_rows_of_a_run_in_one_bin_are_averaged() -> None:
    frame = pd.DataFrame(
        {
            "tokens": [9.0, 100.0, 11.0, 10.0, 100.0, 100.0],
            "run": ["p", "p", "p", "q", "q", "p"],
            "loss": [3.0, 2.0, 4.0, 5.0, 6.0, 2.5],
            "error": [0.1, 0.2, 0.3, 0.4, 0.5, 0.2],
        }
    )
    runs = runs_of(frame, average=AVERAGE, measurement_error=MeasurementError("error", relative=False))
    assert runs.table["run"].tolist() == ["p", "p", "q", "q"]
    np.testing.assert_allclose(runs.table["tokens"], [np.sqrt(99.0), 100.0, 10.0, 100.0], rtol=1e-15)
    np.testing.assert_allclose(runs.table["response"], [3.5, 2.25, 5.0, 6.0], rtol=1e-15)
    np.testing.assert_allclose(
        runs.table["measurement_error"], [np.hypot(0.1, 0.3) / 2, 0.2 / np.sqrt(2), 0.4, 0.5], rtol=1e-15
    )
    assert runs.table["count"].tolist() == [2.0, 2.0, 1.0, 1.0]
    columns = list(runs_of(frame, measurement_error=MeasurementError("error", relative=False)).table)
    assert list(runs.table) == [*columns, "count", "mean_lag"]
    np.testing.assert_allclose(runs.table["mean_lag"], [np.log(11 / 9) / 2, 0.0, 0.0, 0.0], rtol=1e-12)
    assert (len(runs), runs.averaged) == (4, 6)
    assert runs_of(frame.drop(columns="error")).averaged == 6


def test_no_row_is_lost_where_rows_are_averaged() -> None:
    frame = curves({"a": 200, "b": 50})
    runs = runs_of(frame, average=AVERAGE)
    assert len(runs) < 30
    counts = (np.log10(frame["tokens"]) * 2 + 0.5).map(np.floor).groupby(frame["run"]).value_counts()
    assert len(runs) == len(counts)
    means = runs.table.assign(bin=np.floor(np.log10(runs.table["tokens"]) * 2 + 0.5)).set_index(["run", "bin"])["response"]
    weights = counts.to_numpy()
    assert (means.loc[counts.index] * weights).sum() == pytest.approx(frame["loss"].sum())


def test_averaging_needs_runs_and_an_input_of_the_table() -> None:
    for wrong in ({"run": None, "average": AVERAGE}, {"average": Average("steps", 5.0)}):
        with pytest.raises(bs.InputError, match=r"^average needs run, and an input to average along, one of \['tokens'\]$"):
            runs_of(curves({"a": 3}), **wrong)
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(bs.InputError, match="per_decade must be a positive number"):
            Average("tokens", wrong)


def test_a_fit_of_averaged_correlated_runs_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    runs = runs_of(curves({"a": 40, "b": 30}), average=AVERAGE, measurement_error=MeasurementError("error"))
    model = model_of(sd=SCALE + bs.Trend("tokens", 0.3))
    fit = certain(model, runs, POINT, draws=20)
    again = bs.load(bs.save(fit, tmp_path / "fit.nc"))
    assert again.runs.columns == runs.columns
    assert again.runs.columns.average == AVERAGE
    assert again.runs.averaged == 70
    assert again.model.noise == model.noise
    pd.testing.assert_frame_equal(again.runs.table, runs.table)
    np.testing.assert_array_equal(bs.predict_runs(again, runs.table, seed=0), bs.predict_runs(fit, runs.table, seed=0))


TEXT = """
[data]
source = "curves.csv"
run = ["model", "seed"]
average = { along = "tokens", per_decade = 10.0 }

[data.inputs]
tokens = { column = "tokens", unit = "tokens", reference = 1e10 }
params = { column = "n", unit = "parameters", reference = 1e9 }

[data.groups]
corpus = "corpus"

[law]
text = "a + b * tokens**-c"

[parameters.a]
prior = { median = 2.0, factor = 2.0 }
trend = [{ on = "params", sd = 0.1 }]

[parameters.b]
prior = { median = 1.0, factor = 2.0 }

[parameters.c]
prior = { median = 0.3, factor = 2.0 }

[noise]
sd = { median = 0.01, factor = 3.0 }
sd_trend = [{ on = "tokens", sd = 0.3 }]
sd_varying = [{ over = "corpus", sd = 0.5 }]
correlation = { along = "tokens", length = { median = 0.5, factor = 4.0 } }

[figure]
x = "tokens"
rows = "corpus"
hue = "params"
beyond = 3.0
"""


def test_a_file_says_how_curves_scatter_and_are_shown() -> None:
    study = parse_study(TEXT, "curves")
    assert study.columns.average == Average("tokens", 10.0)
    sd = bs.Prior(median=0.01, factor=3.0) + bs.Varying("corpus", 0.5) + bs.Trend("tokens", 0.3)
    assert study.model.noise == bs.Noise(sd, correlation=bs.Correlation("tokens", bs.Prior(median=0.5, factor=4.0)))
    assert study.figure == Sheet("tokens", rows="corpus", hue="params", beyond=3.0)
    assert law_inputs(study.model.law) == ("tokens",)
    assert study.model.parameters["a"] == bs.Prior(median=2.0, factor=2.0) + bs.Trend("params", 0.1)


def test_such_a_file_reads_back_from_its_text() -> None:
    study = parse_study(TEXT, "curves")
    again = parse_study(study_text(study), "curves")
    assert (again.columns, again.figure, again.model.noise) == (study.columns, study.figure, study.model.noise)
    assert {name: as_parameter(of) for name, of in again.model.parameters.items()} == {
        name: as_parameter(of) for name, of in study.model.parameters.items()
    }
    assert law_inputs(again.model.law) == law_inputs(study.model.law)
    assert study_text(again) == study_text(study)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("per_decade", "per_decades", "data.average.per_decades: no such key; did you mean 'per_decade'?"),
        ("average =", "averages =", "data.averages: no such key; did you mean 'average'?"),
        ("sd_trend", "sd_trends", "noise.sd_trends: no such key; did you mean 'sd_trend'?"),
        ('sd_trend = [{ on', "sd_trend = [{ onn", "noise.sd_trend.0.onn: no such key; did you mean 'on'?"),
        ('sd_varying = [{ over', "sd_varying = [{ ovr", "noise.sd_varying.0.ovr: no such key; did you mean 'over'?"),
        ("length =", "lenght =", "noise.correlation.lenght: no such key; did you mean 'length'?"),
        ("{ along = \"tokens\", length", "{ alon = \"tokens\", length", "noise.correlation.alon: no such key; did you mean"),
        ("length = { median", "length = { medain", "noise.correlation.length.medain: no such key; did you mean 'median'?"),
        ("hue =", "hues =", "figure.hues: no such key; did you mean 'hue'?"),
        (
            "beyond = 3.0",
            "zzz = 3.0",
            "figure.zzz: no such key; expected ['x', 'rows', 'columns', 'hue', 'beyond', 'single_runs']",
        ),
        ('x = "tokens"\nrows', 'x = "corpus"\nrows', "figure.x is 'corpus'; expected one of ['params', 'tokens']"),
        ('hue = "params"', 'hue = "paams"', "figure.hue is 'paams'; expected one of ['corpus', 'params', 'run', 'tokens']"),
        ('sd_trend = [{ on = "tokens"', 'sd_trend = [{ on = "step"', "the model reads ['step']; [data.inputs] has ['params'"),
        ("{ along = \"tokens\", length", "{ along = \"step\", length", "the model reads ['step']; [data.inputs] has"),
        ('average = { along = "tokens"', 'average = { along = "step"', "data: average needs run, and an input"),
        ('trend = [{ on = "params", sd = 0.1 }]', "", "does not use the inputs ['params']; its names are ['a', 'b'"),
        ("per_decade = 10.0", "per_decade = -1.0", "data.average: per_decade must be a positive number, not -1.0"),
        ("{ median = 0.5, factor = 4.0 }", "{ between = [-1, 1] }", "noise.correlation: the prior of the noise's corr"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_such_a_file_is_said_with_its_key(old: str, new: str, said: str) -> None:
    assert TEXT.count(old) == 1, old
    with pytest.raises(bs.InputError) as error:
        parse_study(TEXT.replace(old, new), "mine.toml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def drifting() -> bs.Fit:
    """Certain of a law whose level falls with a size that it does not read, and whose exponent drifts with its own input."""
    rows = [{"tokens": t, "params": n, "corpus": k, "loss": 3.0} for t in (1e9, 1e10) for n in (1e8, 1e9) for k in "pq"]
    inputs = {"tokens": bs.Input("tokens", "tokens", 5e9), "params": bs.Input("params", "parameters", 2e8)}
    model = bs.Model(
        law=bs.parse_law("a + b * tokens**-c", ["tokens"]),
        parameters={
            "a": bs.Prior(median=2.0, factor=2.0) + bs.Trend("params", 0.1),
            "b": bs.Prior(median=1.0, factor=2.0) + bs.Varying("corpus", 0.2),
            "c": bs.Prior(between=(-1.0, 1.0)) + bs.Trend("tokens", 0.1),
        },
        noise=bs.Noise(SCALE),
    )
    runs = bs.read_runs(pd.DataFrame(rows), bs.Columns(inputs, groups={"corpus": "corpus"}))
    values = {"a": 2.1, "b": 0.8, "c": 0.35, "a_trend_params": -0.07, "c_trend_tokens": 0.02, "noise_sd": 0.01, "noise_nu": 5.0}
    fit = certain(model, runs, values, draws=20)
    effects = xr.DataArray(np.full((2, 10, 2), [0.1, -0.3]), dims=("chain", "draw", "corpus"), coords={"corpus": ["p", "q"]})
    spread = xr.DataArray(np.full((2, 10), 0.2), dims=("chain", "draw"))
    posterior = fit.posterior.assign(b_by_corpus=effects, b_sd_corpus=spread)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior}))


PLACES = pd.DataFrame({"tokens": [5e9, 5e9, 3e11], "params": [2e8, 7e10, 7e10], "corpus": ["p", "q", "q"]})


def test_parameters_at_points_are_those_that_the_law_has_there(drifting: bs.Fit) -> None:
    found = parameters_at(drifting, PLACES)
    assert found["a"].dims == ("chain", "draw", "row")
    assert set(found.data_vars) == {"a", "b", "c"}
    one = found.isel(chain=1, draw=3)
    np.testing.assert_allclose(one["a"], 2.1 * np.array([1.0, 350.0**-0.07, 350.0**-0.07]), rtol=1e-14)
    np.testing.assert_allclose(one["b"], 0.8 * np.exp([0.1, -0.3, -0.3]), rtol=1e-14)
    np.testing.assert_allclose(one["c"], 0.35 + 0.02 * np.array([0.0, 0.0, np.log(60.0)]), rtol=1e-14)
    np.testing.assert_array_equal(found["params"], PLACES["params"])
    curve = one["a"] + one["b"] * (PLACES["tokens"].to_numpy() / 5e9) ** -one["c"]
    np.testing.assert_allclose(bs.predict(drifting, PLACES).isel(chain=1, draw=3), curve, rtol=1e-14)


def test_published_parameters_at_points_give_the_curve_in_the_inputs_own_units(drifting: bs.Fit) -> None:
    published, at_reference = published_at(drifting, PLACES), parameters_at(drifting, PLACES)
    np.testing.assert_allclose(published["b"], at_reference["b"] * 5e9 ** at_reference["c"], rtol=1e-12)
    for name in "ac":
        np.testing.assert_array_equal(published[name], at_reference[name])
    curve = published["a"] + published["b"] * PLACES["tokens"].to_numpy() ** -published["c"]
    np.testing.assert_allclose(bs.predict(drifting, PLACES).to_numpy(), curve.to_numpy(), rtol=1e-12)


def test_parameters_at_points_of_a_level_never_seen_are_drawn(drifting: bs.Fit) -> None:
    new = parameters_at(drifting, PLACES.assign(corpus="r"))
    assert float(np.log(new["b"] / 0.8).std()) == pytest.approx(0.2, rel=0.5)
    np.testing.assert_array_equal(new["b"].isel(row=0), new["b"].isel(row=2))


def test_where_nothing_drifts_parameters_at_points_are_those_of_the_fit(chinchilla: bs.Fit) -> None:
    points = pd.DataFrame({"params": [1e9, 7e10], "tokens": [2e10, 1.4e12]})
    found, published = parameters_at(chinchilla, points), published_values(chinchilla)
    for name in chinchilla.model.parameters:
        for point in range(2):
            np.testing.assert_array_equal(found[name].isel(row=point), parameter_values(chinchilla, name))
    for name in ("A", "B"):
        np.testing.assert_allclose(published_at(chinchilla, points)[name].isel(row=1), published[name], rtol=1e-12)


def penalty(ratio: object, *, k: object, optimum: object, skew: object) -> object:
    return k * log(ratio / optimum) ** 2 * exp(skew * log(ratio / optimum))  # type: ignore[operator]


PENALTY = "k * log(ratio / optimum)**2 * exp(skew * log(ratio / optimum))"


@pytest.mark.parametrize("law", [penalty, bs.parse_law(PENALTY, ["ratio"])], ids=["function", "text"])
def test_exp_and_log_in_a_law_are_those_of_arithmetic(law: Law) -> None:
    u = np.log(6.0 / 1.5)
    assert law(6.0, k=2.0, optimum=1.5, skew=0.3) == pytest.approx(2.0 * u**2 * np.exp(0.3 * u), rel=1e-15)
    many = law(np.array([6.0, 1.5]), k=2.0, optimum=1.5, skew=0.3)
    np.testing.assert_allclose(many, [2.0 * u**2 * np.exp(0.3 * u), 0.0], rtol=1e-15)
    assert law_inputs(law) == ("ratio",)
    assert set(law_parameters(law)) == {"k", "optimum", "skew"}


def test_a_law_with_exp_and_log_reads_back_from_its_text() -> None:
    for law in (penalty, bs.parse_law(PENALTY, ["ratio"])):
        text = law_text(law)
        assert text.replace("2.0", "2").replace(" ** 2", "**2") == PENALTY
        again = bs.parse_law(text, ["ratio"])
        assert again(6.0, k=2.0, optimum=1.5, skew=0.3) == law(6.0, k=2.0, optimum=1.5, skew=0.3)
        assert law_text(again) == text


@pytest.mark.parametrize(
    "x", ["log(x, a)", "exp()", "log(x=1)", "log(*x)", "sin(x)", "min(x)", "np.log(x)", "log(x)(x)", "(log)(x, x)"]
)
def test_other_calls_than_exp_and_log_of_one_value_are_refused(x: str) -> None:
    with pytest.raises(bs.InputError, match=r"is not allowed; use \+ - \* / \*\*, exp\(\), log\(\)") as error:
        bs.parse_law(f"a * x + {x}", ["x"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["__import__('os')", "a * x * __import__('os').system('x')", "a * x + log('x')"])
def test_nothing_is_called_but_exp_and_log(text: str) -> None:
    with pytest.raises(bs.InputError, match="is not allowed"):
        bs.parse_law(text, ["x"])


@pytest.mark.parametrize("text", ["a * x * log", "log * x", "exp(log) * a * x", "exp**x * a"])
def test_a_function_is_no_parameter(text: str) -> None:
    with pytest.raises(bs.InputError, match=re.escape("it is a function and takes values in brackets")):
        bs.parse_law(text, ["x"])


@pytest.mark.parametrize("text", ["a * x + log(0)", "a * x * log(-1)", "a * x * exp(1000)"])
def test_a_function_of_a_number_must_be_a_number(text: str) -> None:
    with pytest.raises(bs.InputError, match="is not a finite real number"):
        bs.parse_law(text, ["x"])


def test_a_filter_may_name_a_column_like_a_function() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 9.0], "log": [1.0, 5.0, 50.0], "loss": 3.0})
    for where, kept in [("log > 3", 2), ("log(log) > 3", 1), ("log(x) < 1", 2), ("log(x - 2) > 0", 1)]:
        assert len(bs.read_runs(frame, bs.Columns({"x": bs.Input("x")}, where=where))) == kept
    with pytest.raises(bs.InputError, match=r"filter 'log\(1\) < 2' compares no column"):
        bs.Columns({"x": bs.Input("x")}, where="log(1) < 2")


def in_own_units(law: Law, values: dict[str, float], reference: float) -> dict[str, float]:
    draws = {name: xr.DataArray(value) for name, value in values.items()}
    return {name: float(of) for name, of in in_units(law, draws, {law_inputs(law)[0]: reference}).items()}


def test_what_log_takes_an_input_over_is_converted_to_its_unit() -> None:
    found = in_own_units(bs.parse_law(PENALTY, ["ratio"]), {"k": 2.0, "optimum": 1.5, "skew": 0.3}, 20.0)
    assert found == {"optimum": pytest.approx(30.0)}


def test_the_rate_in_an_exponential_is_converted_to_one_over_the_unit() -> None:
    found = in_own_units(bs.parse_law("e - k * exp(-g * loss)", ["loss"]), {"e": 0.8, "k": 2.0, "g": 3.0}, 4.0)
    assert found == {"g": pytest.approx(0.75)}


def test_a_law_that_takes_the_log_of_an_input_itself_has_no_own_units() -> None:
    assert in_own_units(bs.parse_law("a + b * log(x)", ["x"]), {"a": 3.0, "b": -0.1}, 50.0) == {}


TRUE = {"a": 3.0, "b": 0.1, "noise_sd": 0.02, "noise_length": 0.8, "noise_white": 0.01}


def logged(rows: int, seed: int, runs: int = 5, truth: dict[str, float] = TRUE) -> pd.DataFrame:
    """Return logs of a law with the noise of the model, evenly spaced in tokens as logs are."""
    rng = np.random.default_rng(seed)
    curves = []
    for i in range(runs):
        at = np.linspace(0.02, 1.0, rows) * 500.0
        kept, state = np.exp(-np.diff(np.log(at)) / truth["noise_length"]), np.empty(rows)
        state[0] = rng.normal()
        for row, keep in enumerate(kept, start=1):
            state[row] = keep * state[row - 1] + np.sqrt(1 - keep**2) * rng.normal()
        off = truth["noise_sd"] * state + truth["noise_white"] * rng.normal(size=rows)
        loss = truth["a"] * (at / 10) ** -truth["b"] * np.exp(off)
        curves.append(pd.DataFrame({"tokens": at, "run": f"r{i}", "loss": loss}))
    return pd.concat(curves, ignore_index=True)


def white_model() -> bs.Model:
    return model_of(
        sd=bs.Prior(median=0.02, factor=3.0),
        correlation=bs.Correlation("tokens", WIDE, white=bs.Prior(median=0.01, factor=3.0)),
    )


@pytest.mark.slow
def test_a_thinned_log_has_the_posterior_of_the_full_one() -> None:
    """2,000 rows and the 130 or 255 they are averaged to say the same of the law; of the noise, all that rows far apart say."""
    full = runs_of(logged(400, 4))
    settings = bs.Settings(draws=4000, progress=False)
    every = bs.fit(white_model(), full, settings).posterior
    for per_decade, rows in ((15, 130), (30, 255)):
        thin = full.thin(per_decade=per_decade, along="tokens")
        assert (len(full), thin.averaged, len(thin)) == (2000, 2000, rows)
        fewer = bs.fit(white_model(), thin, settings).posterior
        for name in ("a", "b", "noise_sd"):
            error = float(every[name].std()) / np.sqrt(600)  # what a mean of draws strays by, of 600 effective ones
            assert float(fewer[name].mean()) == pytest.approx(float(every[name].mean()), abs=5 * error), name
            assert float(fewer[name].std()) == pytest.approx(float(every[name].std()), rel=0.12), name
        for name in ("noise_length", "noise_white"):
            assert float(fewer[name].mean()) == pytest.approx(float(every[name].mean()), abs=0.8 * float(fewer[name].std())), (
                name
            )


@pytest.mark.slow
def test_averages_that_touch_do_not_slow_the_process_down() -> None:
    """Over 8 logs: what averaging takes of the process is accounted for; else its length comes out half as long again."""
    fitted = {"full": [], "thin": [], "unaware": []}
    for seed in range(8):
        full = runs_of(logged(400, 20 + seed))
        thin = full.thin(per_decade=20, along="tokens")
        unaware = replace(thin, table=thin.table.drop(columns="mean_lag"))
        for name, runs in {"full": full, "thin": thin, "unaware": unaware}.items():
            fit = bs.fit(white_model(), runs, bs.Settings(draws=400, chains=2, progress=False))
            fitted[name].append(float(np.log(fit.posterior["noise_length"]).mean()))
    thin, unaware = (np.mean(fitted[name]) - np.mean(fitted["full"]) for name in ("thin", "unaware"))
    assert abs(thin) < 0.12
    assert unaware > thin + 0.15


@pytest.mark.slow
def test_independent_rows_are_far_too_sure_where_correlated_ones_are_right() -> None:
    """A truth drawn from the prior 24 times: in how many 90 % bands the curve lies at 10 times the last tokens."""
    right, wrong = white_model(), model_of(sd=bs.Prior(median=0.02, factor=3.0), correlation=None)
    drawn = bs.prior(right, runs_of(logged(10, 0)), draws=24, seed=6).posterior
    beyond, held = pd.DataFrame({"tokens": [5000.0]}), {"right": 0, "wrong": 0}
    for i in range(24):
        truth = {name: float(drawn[name][0, i]) for name in TRUE}
        runs = runs_of(logged(100, 100 + i, runs=3, truth=truth))
        for name, model in {"right": right, "wrong": wrong}.items():
            fit = bs.fit(model, runs, bs.Settings(draws=400, chains=2, progress=False))
            low, high = bs.predict(fit, beyond).quantile([0.05, 0.95], ("chain", "draw")).to_numpy().ravel()
            held[name] += int(low < truth["a"] * 500.0 ** -truth["b"] < high)
    assert held["right"] >= 19
    assert held["wrong"] <= 12
