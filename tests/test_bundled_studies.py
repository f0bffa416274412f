"""Every bundled study: it builds, believes sane things, samples well, recovers simulated truth; and what each says."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from gates import clean
from public_tables import path_of
from study_tables import learning_rates

import bayes_scaling as bs
from bayes_scaling.data import datasets
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.compute_equivalent import compute_equivalent
from bayes_scaling.decisions.optimum import optimum, tolerance
from bayes_scaling.inference import sampling
from bayes_scaling.inference.parameters import parameter_values, published_values
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.model.specification import model_inputs, trends, varyings
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.prediction.forecast import Forecast
from bayes_scaling.prediction.predict import parameters_at, published_at
from bayes_scaling.prediction.simulate import simulated

type Studied = Callable[[str], bs.Fit]
of_study = pytest.mark.xdist_group
"""Tests of a study run in one worker, so that it is fitted once."""
QUICK = {"chinchilla_law", "moba_panels", "routed_lm"}
"""Studies that are fitted in the fast suite as well: a plain law, group effects, a ranking."""
every_study = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=(of_study(name), *(() if name in QUICK else (pytest.mark.slow,)))) for name in bundled()]
)
SHARES = (0.05, 0.5, 0.95)


def quantiles(draws: object) -> np.ndarray:
    """Return 5, 50 and 95 % quantiles over chains and draws."""
    return draws.quantile(SHARES, ("chain", "draw")).to_numpy()


def held_out(fit: bs.Fit, where: str) -> tuple[bs.Fit, pd.DataFrame, np.ndarray]:
    """Return the refit without the rows that a filter names, those rows, and quantiles of what new runs would show there."""
    rows = subset(fit.runs, where).table
    settings = bs.Settings(draws=500, tune=500, seed=2, progress=False, target_accept=0.97)
    again = bs.refit(fit, subset(fit.runs, f"not ({where})"), settings)
    points = rows.assign(run="new " + rows["run"].astype(str))
    return again, rows, bs.predict_runs(again, points).quantile([0.05, 0.25, 0.5, 0.75, 0.95], ("chain", "draw")).to_numpy()


def coverage(rows: pd.DataFrame, band: np.ndarray) -> tuple[float, float]:
    seen = rows["response"].to_numpy()
    return float(np.mean((band[1] <= seen) & (seen <= band[3]))), float(np.mean((band[0] <= seen) & (seen <= band[4])))


@pytest.mark.parametrize("scale", [1, 2048])  # batches in sequences, or in tokens
def test_the_study_of_learning_rates_reads_all_runs_of_any_table(scale: int) -> None:
    table = learning_rates()
    table = table.assign(batch=scale * table["batch"], loss=table["loss"] + 1.0)
    runs = study_runs(bs.read_study("learning_rate_batch"), table)
    assert len(runs) == len(table)
    assert 0.2 < runs.references["batch"] / np.exp(np.log(table["batch"]).mean()) < 5


@every_study
def test_a_study_has_a_finite_log_probability(name: str, studied: Studied) -> None:
    fit = studied(name)
    compiled = sampling.compiled(fit.model, fit.runs)
    found = [compiled.evaluate(compiled.start(seed)) for seed in range(20)]
    finite = [bool(np.isfinite(value) and np.isfinite(gradient).all()) for value, gradient in found]
    # Chains of models without groups start all over the prior, where a law may fall below zero; the sampler then tries again.
    assert all(finite) if varyings(fit.model) else np.mean(finite) > 0.5
    assert len(compiled.start(0)) == compiled.n_dim


@every_study
def test_a_study_believes_its_runs_possible_and_not_much_else(name: str, studied: Studied) -> None:
    fit = studied(name)
    before = bs.prior(fit.model, fit.runs, draws=4000, seed=1)  # of 400 the hundredth part is a matter of luck
    assert before.health is None
    assert set(before.posterior.data_vars) == set(fit.posterior.data_vars)
    low, high = bs.predict(before, fit.runs.table).quantile([0.01, 0.99]).to_numpy()
    seen = fit.runs.table["response"]
    if name == "learning_curve":  # of any unit
        assert low < seen.min() / 6
        assert high > 15 * seen.max()
    elif fit.model.noise.on == "log_odds":  # any share
        assert 0.0 < low < 0.05
        assert 0.95 < high < 1.0
    elif fit.runs.columns.response.positive:
        assert seen.min() / 6 < low < seen.min()
        assert seen.max() < high < 15 * seen.max()
    elif name == "vocabulary":  # below a unigram model, which no run is far above
        assert 3 * seen.min() < low < seen.min()
        assert seen.max() < high < 5
    else:  # penalties of zero to some tens of percent
        assert low >= 0
        assert seen.max() < high < 50 * seen.max()


@every_study
def test_a_study_passes_the_gate(name: str, studied: Studied) -> None:
    health = studied(name).health
    assert health is not None
    assert health.ok, health.problems


@every_study
def test_a_study_recovers_simulated_truth(name: str, studied: Studied) -> None:
    fit = studied(name)
    found = [recovered(fit, draw=7)]
    found += [recovered(fit, draw=7 + 6 * i) for i in range(1, -(-ENOUGH // len(found[0])))]
    for z in found:
        assert abs(z.mean()) < 2.5
        assert np.abs(z).max() < 4.5
    # The law at neighbouring rows errs together: one error in many rows.
    assert np.mean([np.mean(np.abs(z - z.mean()) < 1.645) for z in found]) >= 0.6


ENOUGH = 40
"""Of fewer quantities, which err together, one simulation says little: more are made, each of a truth of its own."""


def recovered(fit: bs.Fit, draw: int) -> np.ndarray:
    """Return how far a fit to runs simulated from a draw lies from that draw."""
    settings = bs.Settings(draws=400, tune=500, seed=5, progress=False, target_accept=0.97)
    return deviations(bs.refit(fit, simulated(fit, draw=draw, seed=draw), settings), fit, draw=draw)


def deviations(fit: bs.Fit, truth: bs.Fit, draw: int) -> np.ndarray:
    """Return (posterior mean - truth) / posterior sd of every parameter, drift and noise, and of the law at the runs."""
    names = [*fit.model.parameters, "noise_sd", *(f"{owner}_trend_{term.on}" for owner, term in trends(fit.model))]
    names += ["noise_length"] if "noise_length" in fit.posterior else []
    pairs = [(fit.posterior[name], truth.posterior[name]) for name in names]
    rows = fit.runs.table.iloc[:: max(1, len(fit.runs) // 40)]
    curves = [(bs.predict(fit, rows), bs.predict(truth, rows))] if varyings(fit.model) else []
    found = [
        ((one.mean(("chain", "draw")) - true.isel(chain=0, draw=draw)) / one.std(("chain", "draw"))).to_numpy().ravel()
        for one, true in pairs + curves
    ]
    return np.concatenate(found)


@every_study
def test_a_study_draws_its_figures(name: str, studied: Studied) -> None:
    from bayes_scaling.plots import figures
    from bayes_scaling.plots.style import with_unit

    study = bs.read_study(name)
    drawn = figures(studied(name), study.figure)
    assert {"bands", "check"} <= set(drawn)
    assert ("curves" in drawn) == (name == "training_curves")
    for ax in drawn["bands"].axes:
        if ax.get_visible() and ax.get_subplotspec().is_last_row():
            x = study.figure.x if study.figure else model_inputs(study.model)[0]
            assert ax.get_xlabel() == with_unit(x.replace("_", " "), study.columns.inputs[x].unit)
            assert len(ax.get_xlabel()) >= (4 if study.columns.inputs[x].unit else 1)


@of_study("learning_curve")
@pytest.mark.slow
def test_a_curve_is_carried_on_from_its_last_point(studied: Studied) -> None:
    fit = studied("learning_curve")
    assert fit.runs.references == {"x": 100.0}
    assert fit.runs.table["x"].min() > 13.0
    ahead = pd.DataFrame({"x": np.geomspace(110.0, 1000.0, 20)})
    low, middle, high = bs.predict(fit, ahead).quantile([0.05, 0.5, 0.95], ("chain", "draw")).to_numpy()
    truth = 0.2 * (1 + ahead["x"].to_numpy() ** -0.5)
    assert ((low < truth) & (truth < high)).all()
    assert np.abs(np.log(middle / truth))[:8].max() < 0.02
    assert ((high / low)[1:] > (high / low)[:-1]).all()
    slope = 0.5 * 0.1 / 1.1
    assert quantiles(fit.posterior["slope"])[0] < slope < quantiles(fit.posterior["slope"])[2]


@pytest.mark.slow
def test_a_rising_accuracy_is_said_to_be_one_although_the_discrepancy_follows_it() -> None:
    x = np.geomspace(100.0, 1e4, 25)
    scatter = np.random.default_rng(0).normal(0, 0.004, 25)
    curve = pd.DataFrame({"x": x, "accuracy": (0.95 - 0.6 * (x / 100.0) ** -0.35) * np.exp(scatter)})
    settings = bs.Settings(method="laplace", seed=1, draws=200, tune=300, chains=2, progress=False)
    first, *_ = bs.findings(bs.fit("learning_curve", curve, settings, columns={"y": "accuracy"}))
    assert first.code == "rising"
    assert "the accuracy rises with x" in first.sentence
    assert "accuracy_curve, or give 1 - accuracy as an error rate" in first.sentence


@of_study("kaplan_shape")
@pytest.mark.slow
def test_shape_optima_and_tolerances_are_what_the_figure_shows(studied: Studied) -> None:
    fit = studied("kaplan_shape")
    points = pd.DataFrame(
        {
            "shape": ["aspect_ratio", "aspect_ratio", "feed_forward_ratio", "attention_head_dimension"],
            "series": ["50M params", "1.5B params", "d_model/n_head = 64", "d_model = 512"],
        }
    )
    low, middle, high = quantiles(optimum(fit, points, "ratio"))
    lowest = {"aspect 50M": 50.0, "aspect 1.5B": 33.3, "feed-forward": 1.0, "head": 128.0}
    assert (middle / np.array(list(lowest.values())) < 3).all()
    assert (middle / np.array(list(lowest.values())) > 1 / 3).all()
    assert (high / low < 3).all()
    range_ = tolerance(fit, points, "ratio", below=1.0)
    below, above = quantiles(range_["low"])[1], quantiles(range_["high"])[1]
    assert (above / below > 10).all()  # a ratio may be off by a factor of three or more for one percent
    assert float((fit.posterior["skew"] > 0).mean()) > 0.9
    new = points.assign(series=[f"never trained {i}" for i in range(4)])
    wide = quantiles(optimum(fit, new, "ratio"))
    assert (wide[2] / wide[0] > high / low).all()


def test_one_percent_costs_about_22_percent_of_compute() -> None:
    low, middle, high = quantiles(compute_equivalent(0.01, bs.Prior(median=0.05, factor=1.15)))
    assert 0.2 < middle < 0.24
    assert low < 0.2
    assert high > 0.24


@of_study("token_position")
@pytest.mark.slow
def test_published_fits_over_tokens_lie_near_the_intervals(studied: Studied) -> None:
    fit = studied("token_position")
    printed = datasets.load("kaplan_fig20_left_fits")
    size = printed["params_non_embedding"]
    values = published_at(fit, pd.DataFrame({"token_index": 50.0, "params": size, "size": size}))
    # The drawn lines weigh all tokens alike and have no discrepancy: as the law is wrong, they need not be its posterior's.
    inside = 0
    for name, column in {"a": "floor", "b": "amplitude", "c": "exponent"}.items():
        low, middle, high = quantiles(values[name])
        value = printed[f"{column}_from_dashed_line"].to_numpy()
        inside += int(((low < value) & (value < high)).sum())
        assert np.abs(middle / value - 1).max() < 0.3, name
    assert inside >= 9, f"{inside} of 18"
    assert float((fit.posterior["a_trend_params"] < 0).mean()) > 0.99
    assert float((fit.posterior["c_trend_params"] > 0).mean()) > 0.95


@of_study("token_position")
@pytest.mark.slow
def test_a_size_never_seen_lies_in_its_band_over_tokens(studied: Studied) -> None:
    fit = studied("token_position")
    shares = []
    for size in fit.runs.levels["size"]:
        again, rows, _ = held_out(fit, f"params == {size}")
        points = rows.assign(run="new", size="new")
        band = bs.predict_runs(again, points).quantile([0.05, 0.25, 0.5, 0.75, 0.95], ("chain", "draw")).to_numpy()
        shares.append(coverage(rows, band))
    half, most = np.mean(shares, axis=0)
    assert 0.4 <= half <= 0.95
    assert 0.85 <= most <= 1.0


@of_study("token_position_training")
@pytest.mark.slow
def test_tokens_learn_as_far_as_they_have_context(studied: Studied) -> None:
    fit = studied("token_position_training")
    tokens = fit.runs.levels["token"]
    at = parameters_at(fit, pd.DataFrame({"step": 2e4, "token_index": tokens, "token": tokens}))
    floor = quantiles(at["level"] - at["A"])[1]
    assert (np.diff(floor[:-1]) < 0).all()
    assert 7.0 < floor[0] < 8.0
    assert 1.9 < floor[-1] < 2.5
    assert float((fit.posterior["A_trend_token_index"] > 0).mean()) > 0.95


@of_study("loop_depth")
@pytest.mark.slow
def test_looped_runs_refuse_to_add_size_and_data(studied: Studied) -> None:
    fit = studied("loop_depth")
    low, _, high = quantiles(fit.posterior["size_gain_trend_tokens"])
    assert 0.0 < low < high < 0.7
    depth = bs.predict(fit, pd.DataFrame({"params": 1e5, "tokens": 2e6, "loops": [2.0, 8.0]}))
    gain = depth.isel(row=0) - depth.isel(row=1)
    assert 0.0 < float(gain.median()) < 0.06
    assert float((gain > 0).mean()) > 0.9


@of_study("loop_depth")
@pytest.mark.slow
def test_a_depth_or_a_size_held_out_lies_in_its_band(studied: Studied) -> None:
    fit = studied("loop_depth")
    for where in ("loops == 4", "params == 99009"):
        _, rows, band = held_out(fit, where)
        half, most = coverage(rows, band)
        assert most >= 0.8, where
        assert half >= 0.3, where
        seen = rows["response"].to_numpy()
        assert 1 - ((seen - band[2]) ** 2).sum() / ((seen - seen.mean()) ** 2).sum() > 0.95


@of_study("loop_depth")
@pytest.mark.slow
def test_without_the_entropy_bonus_loops_gain_nothing_that_shows(studied: Studied) -> None:
    study = bs.read_study("loop_depth")
    columns = replace(study.columns, response=replace(study.columns.response, column="expected_step_loss"))
    runs = bs.read_runs(datasets.load(str(study.source)), columns)
    bare = bs.refit(studied("loop_depth"), runs, bs.Settings(draws=500, tune=500, seed=1, progress=False))
    low, _, high = quantiles(bare.posterior["loop_gain"])
    assert high < quantiles(studied("loop_depth").posterior["loop_gain"])[1] + 0.02
    assert low < 0.0


def astray(side: np.ndarray) -> int:
    """Return the most neighbours in a row that are off a band on the same side: -1 below, 0 inside, 1 above."""
    ends = np.flatnonzero(np.diff(side, prepend=np.nan, append=np.nan))
    return max((int(b - a) for a, b in pairwise(ends) if side[a]), default=0)


def test_neighbours_off_a_band_are_counted_on_one_side() -> None:
    assert astray(np.array([0, 1, 1, 0, -1, -1, -1, 1])) == 3
    assert astray(np.array([1, -1, 1, -1])) == 1
    assert astray(np.zeros(4)) == 0


@pytest.mark.parametrize(
    ("name", "panel", "along"),
    [
        pytest.param("token_position", ["size"], "token_index", marks=(of_study("token_position"), pytest.mark.slow)),
        pytest.param("loop_depth", ["params"], "tokens", marks=(of_study("loop_depth"), pytest.mark.slow)),
        pytest.param("loop_worth", ["params"], "tokens", marks=(of_study("loop_worth"), pytest.mark.slow)),
    ],
)
def test_the_band_of_a_curve_holds_the_curve(name: str, panel: list[str], along: str, studied: Studied) -> None:
    fit = studied(name)
    table = fit.runs.table.assign(step=fit.runs.table.groupby("run").cumcount())
    shown = bs.predict_runs(fit, table.assign(run="new " + table["run"].astype(str)), seed=1)
    low, high = shown.quantile([0.05, 0.95], ("chain", "draw")).to_numpy()
    held = pd.Series((low <= table["response"]) & (table["response"] <= high))
    assert 0.85 <= held.mean() <= 0.995
    # Of runs that differ in their seeds alone the curve is their mean.
    curve = table.groupby([*panel, "step"], as_index=False).mean(numeric_only=True).sort_values(along)
    below, _, above = quantiles(bs.predict(fit, curve))
    off = (curve["response"] > above).astype(int) - (curve["response"] < below)
    for level, side in off.groupby([curve[of] for of in panel]):
        assert astray(side.to_numpy()) <= max(3, len(side) // 3), level
    assert held.groupby([table[of].to_numpy() for of in panel]).mean().min() >= 0.65


@of_study("loop_worth")
@pytest.mark.slow
def test_a_loop_is_worth_less_than_layers_of_its_own(studied: Studied) -> None:
    for name in ("loop_worth", "loop_worth_kaplan"):
        low, middle, high = quantiles(studied(name).posterior["phi"])
        assert 0.0 < low < middle < high < 0.5, name


@of_study("moba_vs_full")
@pytest.mark.slow
def test_a_free_floor_moves_the_crossover_closer(studied: Studied) -> None:
    at = pd.DataFrame({"compute": [1.5], "position": 30720})
    chance = {}
    for name in ("moba_vs_full", "moba_floor"):
        found = bs.crossover(studied(name), "attention", "moba", "full", at, below=100)
        chance[name] = float(found["exists"].mean())
        penalty = quantiles(bs.contrast(studied(name), "attention", "moba", "full", at)["ratio"])
        assert 1.035 < penalty[0, 0] < penalty[2, 0] < 1.06
    assert chance["moba_vs_full"] < 0.25
    assert chance["moba_floor"] > chance["moba_vs_full"]


@of_study("moba_vs_full")
@pytest.mark.slow
def test_a_size_of_moba_left_out_lies_in_its_band(studied: Studied) -> None:
    fit = studied("moba_vs_full")
    shares = [coverage(*held_out(fit, f"size == {size}")[1:]) for size in fit.runs.levels["size"]]
    half, most = np.mean(shares, axis=0)  # rows of a size err together: these are five trials
    assert 0.15 <= half <= 0.85
    assert most >= 0.85


@of_study("moba_shared_floor")
@pytest.mark.slow
def test_a_shared_floor_foretells_the_largest_models_better_than_none(studied: Studied) -> None:
    off = {}
    for name in ("moba_vs_full", "moba_shared_floor"):
        _, rows, band = held_out(studied(name), "size > 2e9")
        off[name] = float(np.abs(band[2] / rows["response"] - 1).mean())
        assert coverage(rows, band)[1] >= 0.9
    assert off["moba_shared_floor"] < off["moba_vs_full"] < 0.035


@of_study("moba_shared_floor")
@pytest.mark.slow
def test_a_shared_floor_leaves_what_moba_costs_within_the_runs(studied: Studied) -> None:
    at = pd.DataFrame({"compute": [1.5], "position": [30720]})
    low, middle, high = quantiles(bs.contrast(studied("moba_shared_floor"), "attention", "moba", "full", at)["ratio"])[:, 0]
    assert 1.035 < low < middle < high < 1.06
    assert {one.name for one in bs.read_study("moba_shared_floor").stack} == {"shared floor", "no floor", "free floor"}


TOKENS_A_PARAMETER = 16.5
"""Where every run of Fig. 8 ends."""


def ends(compute: float, fit: bs.Fit) -> pd.DataFrame:
    """Return points at the end of a run of so many PFLOP/s-days, C = 6 N D, in each bucket."""
    params = np.sqrt(compute * 8.64e19 / (6 * TOKENS_A_PARAMETER))
    return pd.DataFrame({"params": params, "tokens": TOKENS_A_PARAMETER * params, "position": fit.runs.levels["position"]})


@of_study("moba_curves")
@pytest.mark.slow
def test_whole_curves_say_of_the_penalty_what_their_ends_do(studied: Studied) -> None:
    curves, at_ends = studied("moba_curves"), studied("moba_vs_full")
    for compute in (1.5, 10.0):
        points = ends(compute, curves)
        one = quantiles(bs.contrast(curves, "attention", "moba", "full", points)["ratio"])
        points = pd.DataFrame({"compute": compute, "position": curves.runs.levels["position"]})
        other = quantiles(bs.contrast(at_ends, "attention", "moba", "full", points)["ratio"])
        assert ((one[0] < other[1]) & (other[1] < one[2])).all()
        assert (one[2] - one[0] < 2 * (other[2] - other[0])).all()
    now = quantiles(bs.contrast(curves, "attention", "moba", "full", ends(1.5, curves))["ratio"])
    assert now[0, 0] < 1.0 < now[2, 0]
    assert 1.02 < now[0, -1] < now[2, -1] < 1.07
    position = curves.runs.levels["position"]
    exponent = parameter_values(curves, "c").sel(position=position) / 2  # C grows as N^2 along the ends
    low, _, high = quantiles(exponent)
    _, middle, _ = quantiles(parameter_values(at_ends, "b").sel(position=position).transpose(*exponent.dims))
    assert ((low < middle) & (middle < high)).all()


@of_study("moba_curves")
@pytest.mark.slow
def test_the_largest_models_curves_lie_in_the_bands_of_the_smaller(studied: Studied) -> None:
    fit = studied("moba_curves")
    where = "params > 2e9"
    rows = subset(fit.runs, where).table
    settings = replace(fit.settings, draws=500, seed=2)
    again = bs.refit(fit, subset(fit.runs, f"not ({where})"), settings)
    points = rows.assign(run="new " + rows["run"].astype(str), size="new", model="new " + rows["attention"])
    band = bs.predict_runs(again, points).quantile([0.05, 0.25, 0.5, 0.75, 0.95], ("chain", "draw")).to_numpy()
    _, most = coverage(rows, band)
    assert most >= 0.85
    assert np.abs(band[2] / rows["response"] - 1).mean() < 0.05


def unfinished(fit: bs.Fit, log: pd.DataFrame, share: float, seed: int = 0) -> tuple[float, float, bool, Forecast]:
    """Return a forecast from part of a log: its error and half the width of its 90 % interval in percent; is the end inside?"""
    last = bs.read_runs(log, fit.runs.columns).table.iloc[-1]
    found = bs.forecast(fit, log[log["tokens"] <= share * log["tokens"].max()], float(last["tokens"]), seed=seed)
    low, middle, high = found.final.quantile(SHARES).to_numpy()
    off, half = 100 * (middle / last["response"] - 1), 50 * (high - low) / middle
    return float(off), float(half), bool(low <= last["response"] <= high), found


@of_study("training_curves")
@pytest.mark.slow
def test_unfinished_curves_are_forecast_within_a_percent(studied: Studied, logs: pd.DataFrame) -> None:
    fit = studied("training_curves")
    left = bs.refit(fit, subset(fit.runs, "params < 1e9"), bs.Settings(draws=500, seed=3, progress=False, target_accept=0.98))
    off, half, inside, found = unfinished(left, logs[logs["run"] == "run 9"], 0.4)
    assert not found.outlier
    assert inside
    assert abs(off) < half < 1.0
    new = bs.predict_runs(left, found.seen.drop(columns=["count", "mean_lag"]).iloc[-1:].assign(run="another"))
    low, middle, high = quantiles(new)[:, 0]
    assert 50 * (high - low) / middle > 2 * half  # a run's own rows say more than those of its family


@pytest.mark.slow
def test_the_gemstones_are_forecast_from_the_smaller_of_them(gemstones: pd.DataFrame) -> None:
    study = bs.read_study("training_curves")
    largest = gemstones.groupby("run")["params"].first().nlargest(4).index
    runs = study_runs(study, gemstones[~gemstones["run"].isin(largest)])
    settings = replace(study.settings, draws=1000, progress=False)
    fit = clean(lambda seed: bs.fit(study.model, runs, replace(settings, seed=seed)))
    assert fit.health is not None
    assert fit.health.ok, fit.health.problems
    shown = []
    for run in largest:
        log = gemstones[gemstones["run"] == run]
        rows = study_runs(study, log).table
        band = bs.predict_runs(fit, rows.assign(run="new")).quantile([0.05, 0.25, 0.5, 0.75, 0.95], ("chain", "draw"))
        assert coverage(rows, band.to_numpy())[1] >= 0.9, run
        shown += [unfinished(fit, log, share)[:3] for share in (0.3, 0.5, 0.7)]
    off, half, inside = map(np.array, zip(*shown, strict=True))
    assert np.abs(off).max() < 0.8
    assert half.max() < 0.8
    assert inside.mean() >= 0.75


@of_study("moba_panels")
def test_panels_of_figure_3_agree_with_the_printed_lines(studied: Studied) -> None:
    values = published_values(studied("moba_panels")) | {"b": parameter_values(studied("moba_panels"), "b")}
    printed = {
        ("Fig. 3a", "moba"): (2.625, 0.063),
        ("Fig. 3a", "full"): (2.622, 0.063),
        ("Fig. 3b", "moba"): (1.546, 0.108),
        ("Fig. 3b", "full"): (1.464, 0.097),
    }
    for (panel, attention), pair in printed.items():
        for name, value in zip("ab", pair, strict=True):
            low, _, high = quantiles(values[name].sel(panel=panel, attention=attention))
            assert low < value < high, (panel, attention, name)


RESIDUALS = {"baseline": (1.891, 0.057), "block_attnres": (1.870, 0.058), "full_attnres": (1.865, 0.057)}
"""Lines as printed with the table, over the paper's own count of compute."""


def test_printed_lines_of_attention_residuals_are_over_more_compute_than_6nd() -> None:
    table = datasets.load("attention_residuals_table2")
    for variant, (a, b) in RESIDUALS.items():
        runs = table[table["variant"] == variant]
        compute, loss = runs["compute_6nd_pflops_days"], runs["loss"]
        theirs = (a / loss) ** (1 / b)
        assert 1.15 < (theirs / compute).min() < (theirs / compute).max() < 1.45
        slope, level = np.polyfit(np.log(compute), np.log(loss), 1)
        assert abs(-slope - b) < 0.0025
        assert 0.98 < np.exp(level) / a < 0.99
        assert 5.2 < theirs.iloc[-1] < 5.6  # the largest runs lie at their 5.6 PFLOP/s-days


@of_study("attention_residuals")
@pytest.mark.slow
def test_attention_residuals_save_what_the_paper_says(studied: Studied) -> None:
    fit = studied("attention_residuals")
    table = fit.runs.table
    values = published_values(fit) | {"b": parameter_values(fit, "b")}
    for variant in fit.runs.levels["variant"]:
        runs = table[table["variant"] == variant]
        slope, level = np.polyfit(np.log(runs["compute"]), np.log(runs["response"]), 1)
        assert abs(quantiles(values["a"].sel(variant=variant))[1] / np.exp(level) - 1) < 0.002
        assert abs(quantiles(values["b"].sel(variant=variant))[1] + slope) < 0.001
    at = pd.DataFrame({"compute": [table["compute"].max(), 5.6]})
    low, middle, high = quantiles(bs.compute_ratio(fit, "variant", "baseline", "block_attnres", at))
    assert (low > 1.15).all()
    assert (np.abs(middle - 1.25) < 0.02).all()
    assert (high < 1.37).all()


@of_study("attention_residuals")
@pytest.mark.slow
def test_one_run_a_cell_ranks_attention_residuals_likely_not_surely(studied: Studied) -> None:
    fit = studied("attention_residuals")
    largest = pd.DataFrame({"compute": [fit.runs.table["compute"].max()]})
    table = bs.rank(fit, "variant", "baseline", largest).to_frame().set_index("level")
    assert (table["p_better"] > 0.99).all()
    assert 0.8 < table.loc["full_attnres", "p_best"] < 0.97
    low, _, high = quantiles(bs.contrast(fit, "variant", "block_attnres", "mhc_lite", largest)["ratio"])
    assert 0.995 < low[0] < 1.0 < high[0] < 1.005


@of_study("attention_residuals")
@pytest.mark.slow
def test_a_second_seed_tells_little_and_one_of_every_run_a_quarter(studied: Studied) -> None:
    fit = studied("attention_residuals")
    again = fit.runs.table[["variant", "size", "compute"]].query("variant in ['full_attnres', 'block_attnres']")
    one = again[again["size"] == "528M"].assign(candidate=lambda rows: rows["variant"])
    question = f"contrast variant=full_attnres:block_attnres at compute={again['compute'].max()}"
    found = bs.next_runs(fit, pd.concat([one, again.assign(candidate="all")]), question).to_frame().set_index("candidate")
    narrower = 1 - np.exp(-found["information"])
    assert (narrower[["full_attnres", "block_attnres"]] < 0.12).all()
    assert 0.15 < narrower["all"] < 0.32  # twice the runs: at most 1 - 1 / sqrt(2)


@of_study("chinchilla_law")
def test_compute_optimal_tokens_per_parameter_of_the_published_runs(studied: Studied, epoch_runs: Runs) -> None:
    study = bs.read_study("chinchilla_law")
    fit = bs.refit(studied("chinchilla_law"), study_runs(study, epoch_runs), bs.Settings(draws=500, seed=1, progress=False))
    best = compute_optimal(fit, [5.76e23])
    low, middle, high = quantiles(best["tokens_per_param"])[:, 0]
    assert 10 < low < 20 < high < 35 or 10 < low < middle < high < 35
    assert 5e10 < quantiles(best["params"])[1, 0] < 1e11


@of_study("loop_depth")
@pytest.mark.slow
def test_new_runs_of_a_correlated_study_scatter_about_the_curve(studied: Studied) -> None:
    fit = studied("loop_depth")
    rows = fit.runs.table.iloc[:30]
    spread = posterior_predictive(fit, rows.assign(run="new"), seed=1).std(("chain", "draw"))
    assert (spread > bs.predict(fit, rows).std(("chain", "draw")).to_numpy()).all()


@of_study("routed_lm")
def test_routers_are_ranked_as_they_were_simulated(studied: Studied) -> None:
    fit, at = studied("routed_lm"), 57369600.0
    found = bs.rank(fit, "variant", "Dense 1", pd.DataFrame({"params": [at]}), equivalent=0.005)
    table = found.to_frame().set_index("level")
    assert list(table.index[:3]) == ["S-Base 512", "RL-R 512", "Hash 512"]
    assert (table["verdict"] == "better").all()

    def loss(experts: float, gain: float, params: float) -> float:
        level, slope = 2.72 * experts**-gain, 0.078 * experts ** (-2 * gain)
        return float(level * (1 - slope * (1 - (params / 1e8) ** -0.19) / 0.19))

    row = table.loc["RL-R 64"]
    true = 100 * (loss(64, 0.027, at) / loss(1, 0.0, at) - 1)
    assert row["change_percent_q05"] - 0.2 < true < row["change_percent_q95"] + 0.2
    sizes = np.geomspace(at, 100 * at, 4001)
    dense = np.array([loss(1, 0.0, size) for size in sizes])
    times = sizes[int(np.argmin(np.abs(dense - loss(64, 0.027, at))))] / at
    assert row["multiplier_q05"] / 1.1 < times < 1.1 * row["multiplier_q95"]


@of_study("xlstm_isoflop")
@pytest.mark.slow
def test_token_mixers_are_ranked_at_equal_flop_as_they_were_simulated(studied: Studied) -> None:
    fit, against = studied("xlstm_isoflop"), "transformer 16384"
    level = {"mlstm 16384": 3.04, "transformer 2048": 3.06, "transformer 8192": 3.07, against: 3.09}
    at = pd.DataFrame({"compute": [1e19]})
    found = bs.rank(fit, "variant", against, at, cost="attention_counted")
    table = found.to_frame().set_index("level")

    def lowest(variant: str) -> float:
        params = np.geomspace(1e7, 1e10, 4001)
        flops = fit.runs.columns.costs["attention_counted"].of_level(variant).of({"params": params, "tokens": np.ones(4001)})
        size, data = (params / 3e8) ** -0.6, (1e19 / flops / 6e9) ** -0.8
        return float((level[variant] - 0.16 * (1 - size) / 0.6 - 0.2 * (1 - data) / 0.8).min())

    assert list(table.index) == ["mlstm 16384", "transformer 2048", "transformer 8192"]
    for variant, row in table.iterrows():
        true = 100 * (lowest(str(variant)) / lowest(against) - 1)
        assert row["change_percent_q05"] - 0.2 < true < row["change_percent_q95"] + 0.2
    alike = bs.rank(fit, "variant", against, at, cost="six_n_d").to_frame().set_index("level")
    assert abs(alike.loc["mlstm 16384", "change_percent_mean"]) < 0.6 * abs(table.loc["mlstm 16384", "change_percent_mean"])


def test_costs_of_token_mixers_are_those_of_their_runs_on_average() -> None:
    study = bs.read_study("xlstm_isoflop")
    table = pd.read_csv(path_of("xlstm_isoflop")).query(str(study.columns.where))
    runs = study_runs(study, table).table
    off = np.log(runs["cost_attention_counted"].to_numpy() / table["flops_est"].to_numpy())
    by_variant = pd.Series(off).groupby(runs["variant"].to_numpy()).agg(["mean", "std"])
    assert (by_variant["mean"].abs() < 0.03).all(), by_variant
    assert (by_variant["std"] < 0.09).all(), by_variant
