"""Rankings of levels at a budget, against closed forms: multipliers, crossovers, probabilities, verdicts, words."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from commands import refused, run

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.inference.stacking import stack
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import contrast_at

mpl.use("Agg")
LEVELS = ["base", "other", "third"]
DRAWS = 60
BUDGETS = [1e19, 1e22]


@pytest.fixture(scope="module")
def arms() -> bs.Fit:
    """Draws of Chinchilla's law by hand: arms of one pair of exponents, whose A and B differ by the same factor, and E too."""
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 1e10, 4), np.geomspace(2e9, 2e11, 4)))
    table = pd.concat(
        [pd.DataFrame({"params": params, "tokens": tokens, "loss": 2.5, "arm": arm}) for arm in LEVELS], ignore_index=True
    )
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}, groups={"arm": "arm"}
    )
    varying = bs.Varying("arm", 0.1)
    model = bs.Model(
        bs.laws.chinchilla,
        {
            "E": bs.Prior(median=1.7, factor=1.2) + varying,
            "A": bs.Prior(median=0.4, factor=1.5) + varying,
            "alpha": bs.Prior(median=0.35, factor=1.3),
            "B": bs.Prior(median=0.4, factor=1.5) + varying,
            "beta": bs.Prior(median=0.3, factor=1.3),
        },
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    return bs.prior(model, bs.read_runs(table, columns), draws=DRAWS, seed=3)


def gains(fit: bs.Fit, a: float, b: float, e: float = 0.0) -> bs.Fit:
    """Return a fit whose "other" arm has A, B and E of the base times exp(a), exp(b), exp(e); "third" is the base."""
    terms = {
        f"{name}_by_arm": xr.full_like(fit.posterior[f"{name}_by_arm"], 0.0) + xr.DataArray([0.0, of, 0.0], dims="arm")
        for name, of in {"A": a, "B": b, "E": e}.items()
    }
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.assign(terms)}))


def at(*budgets: float) -> pd.DataFrame:
    return pd.DataFrame({"compute": list(budgets)})


def frontier(fit: bs.Fit, budget: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return E, K and g of the base arm, L*(C) = E + K (C / budget)^-g."""
    of = {name: fit.posterior[name].to_numpy() for name in ("E", "A", "alpha", "B", "beta")}
    product = budget / 6 / (1e9 * 2e10)
    ratio = (of["alpha"] * of["A"] / (of["beta"] * of["B"])) ** (1 / (of["alpha"] + of["beta"]))
    n = ratio * product ** (of["beta"] / (of["alpha"] + of["beta"]))
    k = of["A"] * n ** -of["alpha"] + of["B"] * (product / n) ** -of["beta"]
    return of["E"], k, of["alpha"] * of["beta"] / (of["alpha"] + of["beta"])


def test_multipliers_of_chinchillas_law_are_the_closed_form(arms: bs.Fit) -> None:
    fit = gains(arms, -0.1, -0.1)  # both terms times exp(-0.1): K too
    found = bs.rank(fit, "arm", "base", at(*BUDGETS))
    for i, budget in enumerate(BUDGETS):
        _, _, g = frontier(fit, budget)
        np.testing.assert_allclose(found.compute_ratio.isel(row=i).sel(level="other"), np.exp(0.1 / g), rtol=1e-4)
        np.testing.assert_allclose(found.compute_ratio.isel(row=i).sel(level="third"), 1.0, rtol=1e-9)


def test_multipliers_and_crossovers_with_floors_are_the_closed_form(arms: bs.Fit) -> None:
    fit = gains(arms, 0.1, 0.1, -0.02)  # higher terms, lower floor: behind at first, ahead beyond the crossover
    found = bs.rank(fit, "arm", "base", at(1e20), below=1e26)
    floor, k, g = frontier(fit, 1e20)
    reached = floor * np.exp(-0.02) + k * np.exp(0.1) - floor
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.where(reached > 0, (np.maximum(reached, 0) / k) ** (-1 / g), np.inf)
    times = np.where(times > 1e6, np.inf, np.where(times < 1e-6, 0.0, times))
    np.testing.assert_allclose(found.compute_ratio.isel(row=0).sel(level="other"), times, rtol=1e-4)
    crossing = 1e20 * (k * np.expm1(0.1) / (floor * -np.expm1(-0.02))) ** (1 / g)
    expected = np.where((crossing > 1e20) & (crossing < 1e26), crossing, np.nan)
    assert np.isfinite(expected).mean() > 0.1
    np.testing.assert_allclose(found.crossing.isel(row=0).sel(level="other"), expected, rtol=1e-4)
    row = found.to_frame().set_index("level").loc["other"]
    assert row["p_no_crossover"] == pytest.approx(np.isnan(expected).mean())


def test_levels_are_ranked_by_expected_loss_with_their_chances(arms: bs.Fit) -> None:
    found = bs.rank(arms, "arm", "base", at(*BUDGETS))
    np.testing.assert_allclose(found.p_best.sum("level"), 1.0)
    table = found.to_frame()
    assert list(table["compute"]) == [1e19, 1e19, 1e22, 1e22]
    for i, (_, rows) in enumerate(table.groupby("compute", sort=False)):
        means = found.loss.isel(row=i).mean(("chain", "draw")).to_series().sort_values()
        places = {level: place for place, level in enumerate(means.index, 1)}
        assert list(rows["rank"]) == [places[level] for level in rows["level"]] == sorted(rows["rank"])
        assert rows["p_best"].sum() + rows["p_best_against"].iloc[0] == pytest.approx(1.0)
    one = found.loss.sel(level="other") < found.loss.sel(level="base")
    np.testing.assert_allclose(table[table["level"] == "other"]["p_better"], one.mean(("chain", "draw")))
    best = compute_optimal(arms, BUDGETS, points=pd.DataFrame({"arm": ["third"]}))["loss"]
    np.testing.assert_allclose(found.loss.sel(level="third"), best, rtol=1e-12)


def test_few_levels_of_many_may_be_asked_for(arms: bs.Fit) -> None:
    few, every = (bs.rank(arms, "arm", "third", at(1e20), levels=levels) for levels in (["base"], None))
    assert few.others == ["base"]
    assert every.others == ["base", "other"]
    np.testing.assert_array_equal(few.compute_ratio.sel(level="base"), every.compute_ratio.sel(level="base"))
    np.testing.assert_allclose(few.p_best.sum("level"), 1.0)
    assert float(few.p_best.sel(level="base")[0]) > float(every.p_best.sel(level="base")[0])


def test_there_is_no_verdict_without_a_region(arms: bs.Fit) -> None:
    found = bs.rank(arms, "arm", "base", at(1e20))
    table, said = found.to_frame(), " ".join(rank_sentences(found))
    assert not {"verdict", "p_worse", "p_equivalent", "p_better_by_more"} & set(table)
    for word in ("better", "worse", "equivalent", "undecided"):
        assert word not in said


@pytest.mark.parametrize(
    ("gain", "equivalent", "verdict"), [(-0.3, 0.005, "better"), (0.3, 0.005, "worse"), (-0.001, 0.005, "equivalent")]
)
def test_the_verdict_is_what_reaches_the_certainty(arms: bs.Fit, gain: float, equivalent: float, verdict: str) -> None:
    found = bs.rank(gains(arms, gain, gain), "arm", "base", at(1e19), equivalent=equivalent, certainty=0.9)
    row = found.to_frame().set_index("level").loc["other"]
    relative = found.relative.sel(level="other").to_numpy().ravel()
    shares = {
        "better": (relative < -equivalent).mean(),
        "equivalent": (abs(relative) <= equivalent).mean(),
        "worse": (relative > equivalent).mean(),
    }
    assert row["verdict"] == verdict
    assert [row[name] for name in ("p_better_by_more", "p_equivalent", "p_worse")] == pytest.approx(list(shares.values()))
    assert any(f"as equal: {verdict}, at a certainty of 0.9" in one for one in rank_sentences(found))


def test_it_is_undecided_where_nothing_reaches_the_certainty(arms: bs.Fit) -> None:
    found = bs.rank(arms, "arm", "base", at(1e20), equivalent=0.01, certainty=0.95)
    shares = found.to_frame()[["p_better_by_more", "p_equivalent", "p_worse"]]
    assert (shares.max(axis=1) < 0.95).all()
    assert (found.to_frame()["verdict"] == "undecided").all()


def test_what_is_never_reached_is_said_in_words(arms: bs.Fit) -> None:
    lower = bs.rank(gains(arms, -3.0, -3.0, -0.3), "arm", "base", at(1e22))
    row = lower.to_frame().set_index("level").loc["other"]
    assert np.isnan(row["multiplier_q50"])  # no draw has one
    assert row["p_never_reached"] == 1.0
    assert any("base cannot reach that loss by any compute up to a million times as much" in s for s in rank_sentences(lower))
    higher = bs.rank(gains(arms, 3.0, 3.0, 3.0), "arm", "base", at(1e22))
    row = higher.to_frame().set_index("level").loc["other"]
    assert row["p_always_reached"] == 1.0
    assert any("base needs under a millionth times the compute" in s for s in rank_sentences(higher))


def test_each_level_may_have_a_cost_of_its_own(arms: bs.Fit) -> None:
    costs = {level: bs.Cost(flops_per_param_token=k) for level, k in zip(LEVELS, (12.0, 6.0, 12.0), strict=True)}
    found = bs.rank(gains(arms, 0.0, 0.0), "arm", "base", at(1e20), cost=costs)
    np.testing.assert_allclose(found.compute_ratio.isel(row=0).sel(level="other"), 2.0, rtol=1e-4)
    np.testing.assert_allclose(found.compute_ratio.isel(row=0).sel(level="third"), 1.0, rtol=1e-9)


def test_draws_without_a_best_split_are_left_out_and_counted(arms: bs.Fit) -> None:
    fit = gains(arms, -0.1, -0.1)
    flat = fit.posterior["B"].copy(data=np.where(np.arange(DRAWS) % 4 == 0, 0.0, fit.posterior["B"]))
    found = bs.rank(
        replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.assign(B=flat)})), "arm", "base", at(1e20)
    )
    table = found.to_frame()
    np.testing.assert_allclose(table["left_out"], 0.25)
    assert np.isfinite(table["change_mean"]).all()
    np.testing.assert_allclose(found.p_best.sum("level"), 1.0)
    assert "25 % of draws" in rank_sentences(found)[0]


POSITIONS = pd.DataFrame({"compute": [1.5, 10.0], "position": [0, 30720]})


def test_a_law_of_compute_is_solved_as_contrasts_are(moba: bs.Fit) -> None:
    found = bs.rank(moba, "attention", "full", POSITIONS, below=1e4)
    times = compute_ratio(moba, "attention", "full", "moba", POSITIONS)
    np.testing.assert_allclose(found.compute_ratio.sel(level="moba"), times, rtol=1e-9)
    crossing = bs.crossover(moba, "attention", "moba", "full", POSITIONS, below=1e4)["crossing"]
    np.testing.assert_allclose(found.crossing.sel(level="moba"), crossing, rtol=1e-8)
    table, contrast = found.to_frame(), contrast_at(moba, "attention", "moba", "full", POSITIONS)
    np.testing.assert_allclose(table["change_mean"], contrast["diff_mean"])
    np.testing.assert_allclose(table["p_better"], contrast["p_a_better"])
    assert list(table["below"]) == [1e4, 1e4]
    assert table["beyond_runs"].iloc[1] == pytest.approx(10 / moba.runs.table["compute"].max())
    assert "times the largest run" in rank_sentences(found)[1]
    np.testing.assert_allclose(found.runs_end, moba.runs.table["compute"].max() / POSITIONS["compute"])


def test_any_input_may_be_the_one_that_grows(arms: bs.Fit) -> None:
    fit = gains(arms, -0.1, 0.0)
    points = pd.DataFrame({"params": [1e9], "tokens": [2e10]})
    found = bs.rank(fit, "arm", "base", points, along="params")
    times = np.exp(0.1 / fit.posterior["alpha"])
    np.testing.assert_allclose(found.compute_ratio.isel(row=0).sel(level="other"), times, rtol=1e-9)
    assert found.budget == "params"
    assert found.runs_end == pytest.approx((10.0,))
    together = bs.rank(fit, "arm", "base", points, along={"params": 0.5, "tokens": 0.5})
    assert together.runs_end == pytest.approx((100.0,))
    far = bs.rank(fit, "arm", "base", points.assign(params=1e10), along="params")
    assert "times its largest run" in rank_sentences(far)[0]
    assert "times its largest run" not in rank_sentences(found)[0]
    assert rank_sentences(found)[0].count("times the params") == 1


WRONG = {
    "group": (lambda fit: bs.rank(fit, "router", "base", at(1e20)), "router.*arm"),
    "level": (lambda fit: bs.rank(fit, "arm", "bass", at(1e20)), "'bass'.*base.*other.*third"),
    "levels": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), levels=["4th"]), "'4th'.*base.*other.*third"),
    "no levels": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), levels=["base"]), "one level or more beside 'base'"),
    "no budget": (lambda fit: bs.rank(fit, "arm", "base", pd.DataFrame({"params": [1e9]})), "column 'compute', in FLOP"),
    "negative budget": (lambda fit: bs.rank(fit, "arm", "base", at(-1e20)), "positive numbers, in FLOP"),
    "no such input": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), along="depth"), "depth"),
    "region": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), equivalent=-0.1), "between 0 and 1"),
    "certainty": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), certainty=0.5), "above 0.5"),
    "below": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), below=1e19), "above every budget.*1e20 FLOP"),
    "costs": (lambda fit: bs.rank(fit, "arm", "base", at(1e20), cost={"base": bs.Cost()}), "levels of 'arm'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named_in_one_line(case: str, arms: bs.Fit) -> None:
    call, words = WRONG[case]
    with pytest.raises(bs.InputError, match=words) as caught:
        call(arms)
    assert "\n" not in str(caught.value)


def test_a_point_lacks_a_level_of_another_group(moba: bs.Fit) -> None:
    with pytest.raises(bs.InputError, match="position"):
        bs.rank(moba, "attention", "full", pd.DataFrame({"compute": [1.5]}))


def test_the_forest_shows_levels_region_and_chances(arms: bs.Fit) -> None:
    found = bs.rank(gains(arms, -3.0, -3.0, -0.3), "arm", "base", at(*BUDGETS), equivalent=0.005)
    figure = plots.ranking_figure(found, most=2)
    figure.canvas.draw()
    assert len(figure.axes) == 4
    left, right = figure.axes[:2]
    assert left.get_xlabel() == "compute ratio"
    assert right.get_xlabel() == "loss difference (%)"
    assert [label.get_text().split()[0] for label in left.get_yticklabels()] == ["other", "base"]
    assert "the best 2 of 3" in left.get_title(loc="left")
    assert left.get_xlim()[0] < 1 < left.get_xlim()[1] < 200
    assert any("better" in text.get_text() for text in right.texts)
    assert any(line.get_marker() == ">" for line in left.lines)  # the base never gets there


@pytest.fixture(scope="module")
def folder(arms: bs.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(gains(arms, -0.3, -0.3), tmp_path_factory.mktemp("arms") / "fit.nc").parent


def test_the_command_writes_a_table_and_a_figure_and_says_it(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "ranking.csv"
    result = run("rank", folder, "arm=base", "--compute", 1e20, "--compute", 1e21, "--equivalent", 0.005, "--out", out)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out)
    assert list(table["compute"]) == [1e20, 1e20, 1e21, 1e21]
    assert table["verdict"].iloc[0] == "better"
    assert out.with_suffix(".png").stat().st_size > 5_000
    assert result.stdout.startswith("other instead of base at 1e20 FLOP (6 N D): loss -")
    again = run("rank", folder, "arm=base", "--compute", 1e20, "--flops", "base=12", "--out", out)
    assert again.exit_code == 0, again.output
    assert "FLOP a parameter and token: base 12, other 6, third 6" in again.stdout
    assert "verdict" not in pd.read_csv(out)
    assert pd.read_csv(out)["multiplier_q50"].iloc[0] > table["multiplier_q50"].iloc[0] * 1.9


def test_the_command_takes_the_last_level_of_other_groups_and_says_so(moba: bs.Fit, tmp_path: Path) -> None:
    bs.save(moba, tmp_path / "fit.nc")
    result = run("rank", tmp_path, "attention=full", "--compute", 10)
    assert result.exit_code == 0, result.output
    assert "other groups, as --at does not say them: position 30720" in result.stdout
    assert pd.read_csv(tmp_path / "ranking.csv")["position"].tolist() == [30720]
    pd.DataFrame({"position": [0, 16384]}).to_csv(tmp_path / "points.csv", index=False)
    result = run("rank", tmp_path, "attention=full", "--compute", 10, "--at", tmp_path / "points.csv")
    assert "other groups" not in result.stdout
    assert pd.read_csv(tmp_path / "ranking.csv")["position"].tolist() == [0, 16384]


def test_the_command_refuses_wrong_input_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "none.csv"
    refused(run("rank", folder, "arm=bass", "--compute", 1e20, "--out", out), "no level 'bass'")
    refused(run("rank", folder, "arm", "--compute", 1e20, "--out", out), "GROUP=BASELINE")
    refused(run("rank", folder, "arm=base", "--out", out), "--compute 10")
    refused(run("rank", folder, "arm=base", "--compute", 1e20, "--flops", "six=6", "--out", out), "LEVEL=K")
    refused(run("rank", folder, "arm=base", "--compute", 1e20, "--flops", "base=many", "--out", out), "--flops base=many")
    refused(run("rank", folder, "arm=base", "--compute", 1e20, "--along", "depth", "--out", out), "along 'depth'", "tokens")
    refused(run("rank", tmp_path, "arm=base", "--compute", 1e20, "--out", out), "fit.nc", "no such file")
    assert not list(tmp_path.iterdir())


def test_a_stack_is_ranked_as_its_members_are(arms: bs.Fit) -> None:
    first, second = gains(arms, -0.1, 0.0), gains(arms, 0.1, 0.0)
    both = stack({"first": first, "second": second}, {"first": 0.5, "second": 0.5})
    found = bs.rank(both, "arm", "base", at(1e20))
    members = [bs.rank(one, "arm", "base", at(1e20)).compute_ratio for one in (first, second)]
    np.testing.assert_allclose(found.compute_ratio, np.concatenate(members, axis=1), rtol=1e-12)
    along = bs.rank(both, "arm", "base", pd.DataFrame({"params": [1e9], "tokens": 2e10}), along="params")
    expected = np.concatenate([np.exp(0.1 / arms.posterior["alpha"]), np.exp(-0.1 / arms.posterior["alpha"])], axis=1)
    np.testing.assert_allclose(along.compute_ratio.isel(row=0).sel(level="other"), expected, rtol=1e-9)
