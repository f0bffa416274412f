"""Laws side by side: stacking weights, LOO, folds, and a stack that predicts as the mixture of its members does."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import arviz_stats
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from typer.testing import CliRunner, Result

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.cli.commands import app
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.parameters import parameter_table
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Stack, parts, stack
from bayes_scaling.inference.stacking_weights import stacking_weights
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import write_study
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.validation.compare import Comparison, bad_k, loo
from bayes_scaling.validation.scores import log_mean_exp, score_points
from bayes_scaling.validation.splits import folds

mpl.use("Agg")
NOISE = bs.Noise(sd=bs.Prior(median=0.01, factor=3.0))
A, B, E = bs.Prior(median=1.0, factor=2.0), bs.Prior(median=0.2, factor=2.0), bs.Prior(median=1.5, factor=1.5)
LINE = bs.Model(bs.laws.power_law, {"a": bs.Prior(median=2.5, factor=1.5), "b": B}, NOISE)
FLOOR = bs.Model(bs.laws.power_law_floor, {"E": E, "a": A, "b": B}, NOISE)
LAWS = {"line": LINE, "floor": FLOOR}
QUICK = bs.Settings(draws=250, tune=300, chains=2, progress=False)
COLUMNS = bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, groups={"arch": "arch"})
POINTS = pd.DataFrame({"compute": [0.5, 20.0, 900.0], "arch": "a"})


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Two architectures over four decades of compute, on a law with a floor."""
    compute = np.tile(np.geomspace(0.01, 100, 18), 2)
    arch = np.repeat(["a", "b"], 18)
    scatter = np.random.default_rng(3).normal(0, 0.008, compute.size)
    loss = (1.6 + 0.9 * compute**-0.2) * np.exp(scatter)
    return bs.read_runs(pd.DataFrame({"compute": compute, "arch": arch, "loss": loss}), COLUMNS)


@pytest.fixture(scope="module")
def compared(runs: Runs) -> Comparison:
    return bs.compare(LAWS, runs, ["compute < 1", "compute < 10"], QUICK)


@pytest.fixture(scope="module")
def before(runs: Runs) -> dict[str, bs.Fit]:
    """Two laws of which one differs between architectures; draws of the prior do as well as any, and cost nothing."""
    varied = replace(FLOOR, parameters={"E": E, "a": A + bs.Varying("arch", 0.3), "b": B})
    return {name: bs.prior(model, runs, 400, seed=5) for name, model in {"line": LINE, "varied": varied}.items()}


def test_each_law_gets_the_share_of_points_that_it_alone_predicts() -> None:
    scores = {"x": np.repeat([0.0, -60.0], [30, 10]), "y": np.repeat([-60.0, 0.0], [30, 10])}
    assert stacking_weights(scores, evenly=0.0)["x"] == pytest.approx(30 / 40, abs=1e-5)
    assert stacking_weights(scores, evenly=2.0)["x"] == pytest.approx(31 / 42, abs=1e-5)


def test_weights_solve_the_closed_form_of_two_laws() -> None:
    """n log(1 + 2 w) + m log(1 - w / 2), for n points with p / q = 3 and m with 1/2, is highest at (2 n - m / 2) / (n + m)."""
    n, m = 5, 8
    scores = {"p": np.log(np.repeat([3.0, 0.5], [n, m])) + 700, "q": np.full(n + m, 700.0)}
    assert stacking_weights(scores, evenly=0.0)["p"] == pytest.approx((2 * n - m / 2) / (n + m), abs=1e-5)


def test_one_law_better_everywhere_gets_nearly_all() -> None:
    scores = {"good": np.full(50, -1.0), "bad": np.full(50, -9.0), "worse": np.full(50, -10.0)}
    weights = stacking_weights(scores)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["bad"] == pytest.approx(1 / 3 / 51, rel=0.1)
    assert weights["good"] > 0.98


def test_weights_agree_with_arviz(compared: Comparison) -> None:
    found = arviz_stats.compare({name: loo(fit) for name, fit in compared.fits.items()}, method="stacking", round_to="none")
    own = stacking_weights({name: compared.inside[name].to_numpy() for name in LAWS}, evenly=0.0)
    for name in LAWS:
        assert own[name] == pytest.approx(found.loc[name, "weight"], abs=1e-3)
        assert compared.table.set_index("law").loc[name, "elpd_diff"] == pytest.approx(found.loc[name, "elpd_diff"])
        assert compared.table.set_index("law").loc[name, "se_diff"] == pytest.approx(found.loc[name, "dse"])


def test_weights_refuse_scores_that_are_not_of_the_same_points() -> None:
    with pytest.raises(bs.InputError, match="same points"):
        stacking_weights({"x": np.zeros(3), "y": np.zeros(4)})
    with pytest.raises(bs.InputError, match="finite"):
        stacking_weights({"x": np.zeros(3), "y": np.full(3, -np.inf)})


def test_loo_is_that_of_arviz_called_by_hand(compared: Comparison) -> None:
    fit = compared.fits["floor"]
    density = log_density(fit, fit.runs.table, new=False)
    tree = {"posterior": fit.posterior, "log_likelihood": xr.Dataset({"y": density})}
    by_hand = arviz_stats.loo(xr.DataTree.from_dict(tree), pointwise=True)
    row = compared.table.set_index("law").loc["floor"]
    assert (row["elpd_loo"], row["se_loo"], row["p_loo"]) == pytest.approx((by_hand.elpd, by_hand.se, by_hand.p))
    np.testing.assert_allclose(compared.inside["floor"], by_hand.elpd_i)


def test_runs_that_loo_cannot_leave_out_are_counted_without_a_warning(runs: Runs) -> None:
    fit = bs.prior(FLOOR, runs, 100)  # a prior lets single runs weigh far too much
    assert bad_k(loo(fit)) > 0


def test_the_true_law_wins_by_both_scores(compared: Comparison) -> None:
    assert list(compared.table["law"]) == ["floor", "line"]
    assert compared.weights["floor"] == pytest.approx(1 - 1 / (2 * (2 + 1)), abs=0.03)  # as good as all of two folds
    assert compared.weights_loo["floor"] > 0.9
    assert list(compared.table.columns[:7]) == ["law", "elpd_loo", "se_loo", "elpd_diff", "se_diff", "p_loo", "bad_k"]
    assert compared.table["held"].tolist() == [18 + 10, 18 + 10]
    assert compared.points.groupby(["law", "fold"]).size().tolist() == [18, 10] * 2


def test_laws_that_predict_alike_are_called_equal() -> None:
    table = pd.DataFrame({"law": ["a", "b", "c"], "log_score": [1.5, 1.5, 0.2], "elpd_loo": [10.0, 9.0, 10.0]})
    table = table.assign(weight_held=[0.4, 0.4, 0.2], weight_loo=[0.4, 0.2, 0.4])
    said = Comparison(table, pd.DataFrame(), pd.DataFrame(), {}, (), ()).summary().splitlines()
    assert said[:2] == [
        "Beyond the runs a and b predict equally well: mean log score 1.5.",
        "Among them a and c predict equally well: elpd_loo 10.",
    ]


def test_folds_are_filters_the_largest_level_or_each_group(runs: Runs) -> None:
    found = {fold.where: len(fold.held) for fold in folds(runs, ["compute < 1", "compute", "arch"])}
    assert found == {"compute < 1": 18, "compute < 100": 2, "arch != 'a'": 18, "arch != 'b'": 18}
    for fold in folds(runs, ["compute < 1", "arch"]):
        assert len(fold.train) + len(fold.held) == len(runs)
        assert fold.train.references == runs.references


def test_without_folds_the_upper_third_and_half_of_the_range_are_left_out(runs: Runs) -> None:
    third, half = folds(runs)
    assert third.train.table["compute"].max() < 0.01 * 1e4 ** (2 / 3) <= third.held["compute"].min()
    assert half.train.table["compute"].max() < 0.01 * 1e4 ** (1 / 2) <= half.held["compute"].min()


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ("compute < 1e9", ["keeps all 36 rows", "compute < 1e9"]),
        ("compute < 1e-9", ["keeps none of its 36 rows"]),
        ("size < 3", ["'size'", "compute"]),
        ("compute <", ["not an expression"]),
    ],
)
def test_a_fold_without_training_or_test_rows_is_refused(runs: Runs, train: str, words: list[str]) -> None:
    with pytest.raises(bs.InputError) as raised:
        folds(runs, [train])
    assert all(word in str(raised.value) for word in words)


def test_what_cannot_be_compared_is_refused_before_sampling(runs: Runs) -> None:
    with pytest.raises(bs.InputError, match="two laws or more"):
        bs.compare({"line": LINE}, runs)
    on_loss = replace(LINE, noise=replace(NOISE, on="loss"))
    with pytest.raises(bs.InputError, match="'floor' has noise on 'log_loss', 'line' 'loss'"):
        bs.compare({"floor": FLOOR, "line": on_loss}, runs)
    other = bs.Model(bs.laws.kaplan_tokens, {"L_D": A, "alpha_D": B}, NOISE)
    with pytest.raises(bs.InputError, match=r"kaplan_tokens needs inputs \['tokens'\]; the table has \['compute'\]"):
        bs.compare({"line": LINE, "tokens": other}, runs)
    correlated = replace(LINE, noise=replace(NOISE, correlation=bs.Correlation("compute", bs.Prior(median=0.5, factor=3.0))))
    with pytest.raises(bs.InputError, match="independent given the law"):
        bs.compare({"line": correlated, "floor": FLOOR}, runs)


@pytest.mark.parametrize("chains", [1, 4])
def test_a_stack_of_one_law_is_that_law(before: dict[str, bs.Fit], chains: int) -> None:
    flat = before["varied"].posterior.isel(chain=0, drop=True)
    chained = flat.assign_coords(draw=np.arange(400)).coarsen(draw=400 // chains).construct(draw=("chain", "draw"))
    draws = xr.DataTree.from_dict({"posterior": chained.transpose("chain", "draw", ...)})
    alone = replace(before["varied"], draws=draws)
    stacked = stack({"line": before["line"], "varied": alone}, {"line": 0.0, "varied": 1.0})
    assert list(stacked.members) == ["varied"]
    for function in (bs.predict, partial(bs.predict_runs, seed=0)):
        np.testing.assert_array_equal(function(stacked, POINTS).to_numpy().ravel(), function(alone, POINTS).to_numpy().ravel())
    for kind in ("expected", "observed"):
        pd.testing.assert_frame_equal(summarize_at(stacked, POINTS, kind), summarize_at(alone, POINTS, kind))
    held = alone.runs.table.iloc[:6]
    pd.testing.assert_frame_equal(score_points(stacked, held), score_points(alone, held))


def test_a_stack_has_its_weights_in_draws_evenly_spaced(before: dict[str, bs.Fit]) -> None:
    stacked = stack(before, {"line": 0.8, "varied": 0.2})
    assert stacked.shares == {"line": slice(0, 400), "varied": slice(400, 500)}
    kept = stacked.members["varied"].posterior["E"].to_numpy().ravel()
    np.testing.assert_array_equal(kept, before["varied"].posterior["E"].to_numpy().ravel()[2::4])


QUESTIONS: dict[str, Callable[[Any], xr.DataArray | xr.Dataset]] = {
    "predict": lambda fit: bs.predict(fit, POINTS),
    "predict at a new level": lambda fit: bs.predict(fit, POINTS.assign(arch="c")),
    "predict_runs": lambda fit: bs.predict_runs(fit, POINTS, seed=0),
    "contrast": lambda fit: bs.contrast(fit, "arch", "a", "b", POINTS).draws,
    "compute_ratio": lambda fit: compute_ratio(fit, "arch", "b", "a", POINTS),
    "crossover": lambda fit: bs.crossover(fit, "arch", "a", "b", POINTS, below=1e6),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_a_stack_says_is_what_its_members_say_one_after_the_other(before: dict[str, bs.Fit], question: str) -> None:
    stacked = stack(before, {"line": 0.25, "varied": 0.75})
    found = QUESTIONS[question](stacked)
    for name, share in stacked.shares.items():
        # A law that is the same for both architectures may be asked for their contrast in a stack only.
        alone = Stack({name: stacked.members[name], "x": stacked.members["varied"]}, {})
        expected = QUESTIONS[question](alone).isel(draw=slice(0, share.stop - share.start))
        xr.testing.assert_allclose(
            *(of.drop_vars("draw", errors="ignore") for of in (found.isel(draw=share), expected)), rtol=1e-9
        )
    if question == "compute_ratio":
        np.testing.assert_allclose(found.isel(draw=stacked.shares["line"]), 1.0, rtol=1e-9)


def test_tables_and_scores_of_a_stack_are_those_of_its_draws(before: dict[str, bs.Fit]) -> None:
    stacked = stack(before, {"line": 0.5, "varied": 0.5})
    curve = bs.predict(stacked, POINTS)
    np.testing.assert_allclose(summarize_at(stacked, POINTS)["q95"], curve.quantile(0.95, ("chain", "draw")))
    table = contrast_at(stacked, "arch", "a", "b", POINTS)
    np.testing.assert_allclose(
        table["diff_mean"], bs.contrast(stacked, "arch", "a", "b", POINTS)["difference"].mean(("chain", "draw"))
    )
    held = stacked.runs.table.iloc[:5]
    members = [log_mean_exp(log_density(one, held)) for one, _ in parts(stacked)]
    scores = score_points(stacked, held)
    np.testing.assert_allclose(scores["log_score"], np.log(np.mean(np.exp(members), axis=0)))
    assert posterior_predictive(stacked, held, 0).sizes["draw"] == 800


def test_members_scatter_each_by_numbers_of_their_own(before: dict[str, bs.Fit]) -> None:
    stacked = stack({"one": before["line"], "two": before["line"]}, {"one": 0.5, "two": 0.5})
    runs = (bs.predict_runs(stacked, POINTS) / bs.predict(stacked, POINTS)).isel(chain=0, row=0).to_numpy()
    assert abs(np.corrcoef(runs[:400], runs[400:])[0, 1]) < 0.3


SINGLE = {
    "decompose": lambda one: decompose(one, pd.DataFrame({"params": [1e9], "tokens": [1e10]})),
    "loo": loo,
    "parameter_table": parameter_table,
}


@pytest.mark.parametrize("what", list(SINGLE))
def test_what_only_a_single_fit_has_is_refused_in_one_line(before: dict[str, bs.Fit], what: str) -> None:
    both = stack(before, dict.fromkeys(before, 1 / len(before)))
    one = r"a stack has no \w+ of its own, which this asks for; ask one of its fits: \["
    with pytest.raises(bs.InputError, match=rf"^({one}|\w+: fit cannot be a Stack; expected \w+\(fit)"):
        SINGLE[what](both)


def test_a_stack_of_unlike_fits_or_weights_is_refused(before: dict[str, bs.Fit], runs: Runs) -> None:
    half = {"x": 0.5, "y": 0.5}
    fit = before["line"]
    other = bs.prior(LINE, subset(runs, "compute < 10"), 50)
    with pytest.raises(bs.InputError, match="'x' has rows '36 of the data frame', 'y' '26 of the data frame'"):
        stack({"x": fit, "y": other}, half)
    columns = replace(runs.columns, response=bs.Response(unit="bits/byte"))
    with pytest.raises(bs.InputError, match="'x' has responses in 'nats/token', 'y' 'bits/byte'"):
        stack({"x": fit, "y": replace(fit, runs=replace(runs, columns=columns))}, half)
    on_loss = replace(fit, model=replace(LINE, noise=replace(NOISE, on="loss")))
    with pytest.raises(bs.InputError, match="'x' has noise on 'log_loss', 'y' 'loss'"):
        stack({"x": fit, "y": on_loss}, half)
    with pytest.raises(bs.InputError, match="sum to 1"):
        stack(before, {"line": 0.5, "varied": 0.2})
    with pytest.raises(bs.InputError, match="weights are given for"):
        stack(before, half)


def test_the_figure_has_each_law_and_its_unit(compared: Comparison) -> None:
    with plots.paper():
        figure = Figure()
        ax = figure.subplots()
        assert plots.plot_comparison(compared, ax) is ax
        figure.canvas.draw()
    assert ax.get_xlabel() == "log score less that of the best law (nats/run)"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["floor", "line"]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["compare", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def files(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and a model file for each law, in a folder."""
    folder = tmp_path_factory.mktemp("compare")
    runs.table.rename(columns={"response": "loss"}).to_csv(folder / "runs.csv", index=False)
    shifted = replace(runs.columns, inputs={"compute": bs.Input("compute", "PFLOP/s-days", 2.0)})
    write_study(Study("elsewhere", LINE, shifted), folder / "elsewhere.toml")
    for name, model in LAWS.items():
        write_study(Study(name, model, runs.columns), folder / f"{name}.toml")
    return folder


def test_the_command_writes_table_record_and_figure(files: Path, tmp_path: Path) -> None:
    words = ("--train", "compute < 10", "--draws", 700, "--seed", 1)
    result = run(files / "line.toml", files / "floor.toml", "--runs", files / "runs.csv", *words, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "comparison.csv")
    assert table["law"].tolist() == ["floor", "line"]
    record = json.loads((tmp_path / "comparison.json").read_text())
    assert record["ok"] is True
    assert record["folds"][0]["train"] == "compute < 10"
    assert record["folds"][0]["laws"]["line"]["log_score"] == pytest.approx(table["log_score"][1])
    assert (tmp_path / "figures" / "comparison.png").stat().st_size > 5000
    assert "26 where compute < 10, 10 beyond" in result.stdout


def test_a_law_of_the_library_takes_the_columns_of_the_model_file_beside_it(files: Path, tmp_path: Path) -> None:
    words = ("--train", "compute < 1", "--draws", 50, "--chains", 2)
    result = run(files / "line.toml", "power_law_floor", "--runs", files / "runs.csv", *words, "--out", tmp_path)
    assert result.exit_code == 3, result.output
    assert "not to be trusted: " in result.stderr
    assert set(pd.read_csv(tmp_path / "comparison.csv")["law"]) == {"line", "power_law_floor"}
    assert json.loads((tmp_path / "comparison.json").read_text())["ok"] is False


def test_wrong_input_to_compare_is_one_line_and_writes_nothing(files: Path, tmp_path: Path) -> None:
    line, floor, table, out = files / "line.toml", files / "floor.toml", files / "runs.csv", tmp_path / "out"
    wrong: list[tuple[list[object], list[str]]] = [
        ([line], ["two laws or more", "'line'"]),
        ([line, line], ["given twice"]),
        ([line, "nothing"], ["no bundled model is called 'nothing'"]),
        (["power_law", "power_law_floor"], ["give a model file beside them"]),
        ([line, "kaplan_params"], ["kaplan_params needs inputs ['params']", "the table has ['compute']"]),
        ([line, "chinchilla"], ["line.toml reads ['compute']", "chinchilla ['params', 'tokens']"]),
        ([line, files / "elsewhere.toml"], ["read the same table alike", "reference=2.0"]),
        ([files / "elsewhere.toml", "power_law_floor"], ["published priors of power_law_floor are at", "2 PFLOP/s-days"]),
        ([line, "bnsl1"], ["bnsl1", "response in"]),
        ([line, floor, "--train", "compute < 1e9"], ["none is left to predict"]),
        ([line, floor, "--train", "compute < 0"], ["keeps none"]),
        ([line, floor, "--train", "size < 3"], ["'size'"]),
        ([line, floor, "--draws", 1], ["draws"]),
    ]
    for words, expected in wrong:
        result = run(*words, "--runs", table, "--out", out)
        assert result.exit_code == 2, (words, result.output)
        assert len(result.stderr.strip().splitlines()) == 1
        for word in expected:
            assert word in result.stderr, (words, result.stderr)
    assert not out.exists()
