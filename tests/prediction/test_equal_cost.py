"""Comparisons at equal cost: ladders, multiples in another compute, penalties at equal cost, against closed forms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.stacking import stack
from bayes_scaling.prediction.contrast import contrast_at

C = np.array([1.0, 2.0, 4.0, 8.0])
FULL = np.array([2.2, 4.0, 7.4, 14.0])
"""What full attention costs at those: a falling multiple, 2.2 to 1.75."""
ARMS = ("attention", "moba", "full")
COSTS = {
    "counted": bs.Cost(formula="cost", unit="PFLOP/s-days", name="attention counted"),
    "6 N D": bs.Cost(formula="compute", unit="PFLOP/s-days"),
    "twice": bs.Cost(formula={"attention": {"full": "2 * compute", "moba": "compute"}}),
}


def runs(costs: dict[str, bs.Cost] = COSTS, **changed: object) -> Runs:
    both = [
        pd.DataFrame({"attention": arm, "compute": C, "cost": of, "loss": 2.0})
        for arm, of in {"full": FULL, "moba": 1.1 * C}.items()
    ]
    table = pd.concat(both, ignore_index=True).assign(**changed)  # type: ignore[arg-type]
    columns = bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, groups={"attention": "attention"}, costs=costs)
    return bs.read_runs(table, columns)


def power_laws(data: Runs, draws: int = 40) -> bs.Fit:
    """Return draws of a C^-b, moba 5 % above full at C = 1, with the same exponents."""
    model = bs.Model(
        bs.laws.power_law,
        {"a": bs.Prior(median=2.0, factor=1.1) + bs.Varying("attention", 0.05), "b": bs.Prior(median=0.1, factor=1.2)},
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    fit = bs.prior(model, data, draws=draws, seed=1)
    term = xr.full_like(fit.posterior["a_by_attention"], 0.0) + xr.DataArray([0.0, np.log(1.05)], dims="attention")
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.assign(a_by_attention=term)}))


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    return power_laws(runs())


def exponent(fit: bs.Fit) -> np.ndarray:
    return fit.posterior["b"].to_numpy()


def full_cost(compute: np.ndarray) -> np.ndarray:
    """Return the ladder of full attention by hand: linear in logarithms between runs and beyond them."""
    at, x, y = np.log(compute), np.log(C), np.log(FULL)
    inside = np.interp(at, x, y)
    below = y[0] + (at - x[0]) * (y[1] - y[0]) / (x[1] - x[0])
    above = y[-1] + (at - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])
    return np.exp(np.where(at < x[0], below, np.where(at > x[-1], above, inside)))


def test_beyond_the_runs_what_a_formula_reads_is_carried_on() -> None:
    """Attention's share of the FLOP falls as compute to the -.2: counted so at any distance, where a line falls below 6 N D."""
    share = 1.2 * C**-0.2
    costs = {"counted": bs.Cost(formula="compute * (1 + share)", unit="PFLOP/s-days"), "line": bs.Cost(formula="took")}
    both = [pd.DataFrame({"attention": arm, "compute": C, "share": of, "loss": 2.0}) for arm, of in _shares(share).items()]
    table = pd.concat(both, ignore_index=True)
    table["took"] = table["compute"] * (1 + table["share"])
    columns = bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, groups={"attention": "attention"}, costs=costs)
    fit = power_laws(bs.read_runs(table, columns))
    m = 1.05 ** (1 / exponent(fit))
    for compute in (0.01, 3.0, 1e5):
        found = bs.compute_ratio(fit, *ARMS, {"compute": [compute]}, cost="counted")
        by_hand = m * 1.5 / (1 + 1.2 * compute**-0.2)
        np.testing.assert_allclose(found[..., 0], by_hand, rtol=2e-3)  # a straight line between places on the way
        assert found["extrapolated"].to_numpy().tolist() == [compute != 3.0 or bool((m * compute > 8 * 1.02).mean() > 0.5)]
    line = bs.compute_ratio(fit, *ARMS, {"compute": [1e5]}, cost="line")
    assert float((line[..., 0] / (m * 1.5)).min()) > 1.0  # full attention at less than 6 N D


def _shares(full: np.ndarray) -> dict[str, np.ndarray]:
    return {"full": full, "moba": np.full(len(full), 0.5)}


def test_a_column_that_is_zero_is_no_power_of_compute() -> None:
    shares = {"full": 0.1 * C, "moba": np.array([0.0, 0.0, 0.1, 0.2])}
    both = [pd.DataFrame({"attention": arm, "compute": C, "share": of, "loss": 2.0}) for arm, of in shares.items()]
    costs = {"counted": bs.Cost(formula="compute * (1 + share)", unit="PFLOP/s-days")}
    columns = bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, groups={"attention": "attention"}, costs=costs)
    fit = power_laws(bs.read_runs(pd.concat(both, ignore_index=True), columns))
    found = bs.compute_ratio(fit, *ARMS, {"compute": [2.0]}, cost="counted")
    at, logs = np.log(C), np.log(C * (1 + shares["moba"]))
    slope = (logs[-1] - logs[-2]) / (at[-1] - at[-2])
    place = np.log(2.0 * 1.05 ** (1 / exponent(fit)))
    took = np.where(place > at[-1], logs[-1] + slope * (place - at[-1]), np.interp(place, at, logs))
    np.testing.assert_allclose(found[..., 0], np.exp(took) / (2.0 * 1.2), rtol=1e-9)


@pytest.mark.parametrize("compute", [1.0, 3.0, 20.0])
def test_a_multiple_in_another_cost_is_what_the_arms_took(fit: bs.Fit, compute: float) -> None:
    m = 1.05 ** (1 / exponent(fit))
    own = bs.compute_ratio(fit, *ARMS, {"compute": [compute]})
    np.testing.assert_allclose(own[..., 0], m, rtol=1e-9)
    assert own.attrs["cost"] == "6 N D"
    counted = bs.compute_ratio(fit, *ARMS, {"compute": [compute]}, cost="counted")
    np.testing.assert_allclose(counted[..., 0], 1.1 * m * compute / full_cost(np.array(compute)), rtol=1e-9)
    assert counted.attrs["cost"] == "attention counted"
    assert counted["extrapolated"].to_numpy().tolist() == [compute * np.median(m) > 8 * 1.02]
    table = bs.summarize(counted)
    assert table["extrapolated"].tolist() == counted["extrapolated"].to_numpy().tolist()
    swapped = bs.compute_ratio(fit, "attention", "full", "moba", {"compute": [compute]}, cost="counted")
    np.testing.assert_allclose(swapped[..., 0], full_cost(compute / m) / (1.1 * compute), rtol=1e-9)
    exact = bs.compute_ratio(fit, *ARMS, {"compute": [compute]}, cost="twice")
    np.testing.assert_allclose(exact[..., 0], m / 2, rtol=1e-9)
    assert not exact["extrapolated"].any()  # a formula of the axis is known everywhere


def test_at_equal_cost_a_stands_where_it_costs_as_much(fit: bs.Fit) -> None:
    points = {"compute": [2.0, 3.0, 30.0]}
    found = bs.contrast(fit, *ARMS, points, cost="counted")
    moved = full_cost(np.array(points["compute"])) / 1.1
    b = exponent(fit)[..., None]
    np.testing.assert_allclose(found["ratio"], 1.05 * (moved / np.array(points["compute"])) ** -b, rtol=1e-9)
    assert found.to_frame()["extrapolated"].tolist() == [False, False, True]
    assert set(found.to_frame()["cost"]) == {"attention counted"}
    assert any("it is extrapolated" in note for note in found.notes)
    pd.testing.assert_frame_equal(found.to_frame(), contrast_at(fit, *ARMS, points, cost="counted"))
    twice = bs.contrast(fit, *ARMS, points, cost="twice")
    np.testing.assert_allclose(twice["ratio"][..., 0], 1.05 * 2 ** -exponent(fit), rtol=1e-5)


def test_a_contrast_names_its_compute_and_shows_the_others(fit: bs.Fit) -> None:
    found = bs.contrast(fit, *ARMS, {"compute": [4.0]})
    said = found.summary().splitlines()
    assert "(at equal 6 N D)" in said[0]
    assert said[2].startswith("By 6 N D, moba needs 1.6")
    assert said[3].startswith("By attention counted, moba needs 0.9")
    assert "at equal cost its loss is " in said[3]
    table = found.costs_to_frame().set_index("cost")
    assert table.index.tolist() == ["6 N D", "attention counted", "twice"]
    for name in ("counted", "twice"):
        row = table.loc[fit.runs.columns.costs[name].name]
        alone = bs.contrast(fit, *ARMS, {"compute": [4.0]}, cost=name).to_frame().iloc[0]
        assert row["ratio_q50"] == pytest.approx(alone["ratio_q50"], rel=1e-12)
        times = bs.summarize(bs.compute_ratio(fit, *ARMS, {"compute": [4.0]}, cost=name)).iloc[0]
        assert row["multiplier_q05"] == pytest.approx(times["q05"], rel=1e-12)
    assert found.cost == "6 N D"
    assert "cost" not in found.to_frame()


def test_without_costs_nothing_is_said_of_them() -> None:
    found = bs.contrast(power_laws(runs({})), *ARMS, {"compute": [4.0]})
    assert "By " not in found.summary()
    assert "cost" not in found.to_frame()
    with pytest.raises(bs.InputError, match="the runs have no costs"):
        found.costs_to_frame()
    with pytest.raises(bs.InputError, match="no cost is called 'counted'; the runs have none"):
        bs.contrast(power_laws(runs({})), *ARMS, {"compute": [4.0]}, cost="counted")


def test_a_cost_may_be_given_that_the_runs_do_not_have() -> None:
    fit = power_laws(runs({}))
    cost = bs.Cost(formula={"attention": {"full": "2 * compute**0.9", "moba": "compute"}})
    found = bs.compute_ratio(fit, *ARMS, {"compute": [8.0]}, cost=cost)
    np.testing.assert_allclose(found[..., 0], 1.05 ** (1 / exponent(fit)) * 8.0 / (2 * 8.0**0.9), rtol=1e-9)
    assert found.attrs["cost"] == "a formula for each attention"
    with pytest.raises(bs.InputError, match=r"reads \['hours'\], which checked runs do not keep"):
        bs.compute_ratio(fit, *ARMS, {"compute": [8.0]}, cost=bs.Cost(formula="hours"))


def laddered(cost: object, **changed: object) -> bs.Fit:
    return power_laws(runs({"counted": bs.Cost(formula="cost")}, cost=cost, **changed))


def test_ladders_that_cannot_say_it_are_refused() -> None:
    ask = {"compute": [3.0]}
    falling = laddered([1.0, 2.0, 4.0, 8.0, 1.0, 3.0, 2.5, 8.0])
    with pytest.raises(bs.InputError, match="of attention moba does not grow with compute all along: it goes from 3 to"):
        bs.contrast(falling, *ARMS, ask, cost="counted")
    assert np.isfinite(bs.compute_ratio(falling, *ARMS, ask, cost="counted")).all()  # what it costs is known all the same
    found = bs.contrast(falling, *ARMS, ask)
    assert any("nothing is said by counted" in note for note in found.notes)
    tied = laddered([1.0, 2.0, 4.0, 8.0, 1.0, 3.0, 4.0, 8.0], compute=[1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 2.0, 8.0])
    with pytest.raises(bs.InputError, match="moba goes from 3 to 4 among runs of compute 2: it is no function of compute"):
        bs.compute_ratio(tied, *ARMS, ask, cost="counted")
    near = laddered([1.0, 2.0, 4.0, 8.0, 1.0, 3.9, 4.0, 8.0], compute=[1.0, 2.0, 4.0, 8.0, 1.0, 4.0, 4.0, 8.0])
    assert np.isfinite(bs.compute_ratio(near, *ARMS, ask, cost="counted")).all()


def test_one_run_of_an_arm_says_what_it_costs_there_and_no_more() -> None:
    data = runs({"counted": bs.Cost(formula="cost")})
    table = data.table[(data.table["attention"] == "full") | (data.table["compute"] == 4.0)].reset_index(drop=True)
    fit = power_laws(replace(data, table=table))
    with pytest.raises(bs.InputError, match="cost 'counted' of attention moba is known of one size or budget only"):
        bs.compute_ratio(fit, *ARMS, {"compute": [4.0]}, cost="counted")
    at = bs.compute_ratio(fit, "attention", "full", "moba", {"compute": [4.0]}, cost="counted")
    np.testing.assert_allclose(at[..., 0], full_cost(4.0 / 1.05 ** (1 / exponent(fit))) / 4.4, rtol=1e-9)


def test_runs_at_other_levels_are_told_apart_where_they_cost_otherwise() -> None:
    short, long = runs().table, runs().table.assign(cost=0.0)
    table = pd.concat([short.assign(panel="8K"), long.assign(panel="32K")], ignore_index=True)
    raw = table.assign(cost=np.r_[1.2 * C, 1.1 * C, FULL, 1.1 * C], loss=2.0)[["attention", "panel", "compute", "cost", "loss"]]
    columns = bs.Columns(
        {"compute": bs.Input("compute", "PFLOP/s-days", 1.0)},
        groups={"attention": "attention", "panel": "panel"},
        costs={"counted": bs.Cost(formula="cost")},
    )
    model = bs.Model(
        bs.laws.power_law,
        {"a": bs.Prior(median=2.0, factor=1.1) + bs.Varying(("attention", "panel"), 0.05), "b": bs.Prior(0.1, 1.2)},
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    fit = bs.prior(model, bs.read_runs(raw, columns), draws=20)
    at = bs.compute_ratio(fit, *ARMS, {"compute": [2.0, 2.0], "panel": ["8K", "32K"]}, cost="counted")
    own = bs.compute_ratio(fit, *ARMS, {"compute": [2.0, 2.0], "panel": ["8K", "32K"]})
    np.testing.assert_allclose((at / own).median(("chain", "draw")), [1.1 / 1.2, 2.2 / 4.0], rtol=1e-9)
    with pytest.raises(bs.InputError, match="is known of no run at attention full, panel 64K"):
        bs.compute_ratio(fit, *ARMS, {"compute": [2.0], "panel": ["64K"]}, cost="counted")


def test_a_law_of_params_and_tokens_has_the_cost_of_a_token_over_params() -> None:
    n, kappa = np.array([1e8, 1e9, 1e10]), {"full": np.array([9e8, 8e9, 7e10]), "moba": np.array([6e8, 6e9, 6e10])}
    rows = [
        {"arm": arm, "params": size, "tokens": d, "flop": each * d, "loss": 2.5}
        for arm, of in kappa.items()
        for size, each in zip(n, of, strict=True)
        for d in (1e9, 1e10)
    ]
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 1e10)},
        groups={"arm": "arm"},
        costs={"counted": bs.Cost(formula="flop")},
    )
    varying = bs.Varying("arm", 0.1)
    model = bs.Model(
        bs.laws.chinchilla,
        {
            "E": bs.Prior(median=1.7, factor=1.1),
            "A": bs.Prior(median=0.4, factor=1.2) + varying,
            "alpha": bs.Prior(median=0.35, factor=1.1),
            "B": bs.Prior(median=0.4, factor=1.2) + varying,
            "beta": bs.Prior(median=0.3, factor=1.1),
        },
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    fit = bs.prior(model, bs.read_runs(pd.DataFrame(rows), columns), draws=20)
    place, along = {"params": [1e9], "tokens": [2e10]}, {"params": 0.5, "tokens": 0.5}
    own = bs.compute_ratio(fit, "arm", "moba", "full", place, along)
    counted = bs.compute_ratio(fit, "arm", "moba", "full", place, along, cost="counted")
    np.testing.assert_allclose(counted, own * 6 / 8, rtol=1e-9)
    tokens = bs.contrast(fit, "arm", "moba", "full", place, cost="counted", along="tokens")
    longer = bs.predict(fit, {"params": [1e9], "tokens": [2e10 * 8 / 6], "arm": ["moba"]})
    base = bs.predict(fit, {"params": [1e9], "tokens": [2e10], "arm": ["full"]})
    np.testing.assert_allclose(tokens["ratio"][..., 0], (longer / base)[..., 0], rtol=1e-9)
    with pytest.raises(bs.InputError, match="say along which one"):
        bs.contrast(fit, "arm", "moba", "full", place, cost="counted")
    assert bs.contrast(fit, "arm", "moba", "full", place).by_cost is None


def test_a_stack_is_asked_as_a_fit_is(fit: bs.Fit) -> None:
    both = stack({"one": fit, "two": fit}, {"one": 0.5, "two": 0.5})
    assert bs.compute_ratio(both, *ARMS, {"compute": [4.0]}, cost="counted").sizes["row"] == 1
    assert bs.contrast(both, *ARMS, {"compute": [4.0]}, cost="counted").by_cost is not None


def test_costs_are_saved_with_a_fit(fit: bs.Fit, tmp_path: object) -> None:
    again = bs.load(bs.save(fit, f"{tmp_path}/fit.nc"))
    assert again.runs.columns.costs == fit.runs.columns.costs
    one, other = (bs.compute_ratio(of, *ARMS, {"compute": [4.0]}, cost="counted") for of in (fit, again))
    np.testing.assert_array_equal(one, other)


def test_served_tokens_are_for_plans(fit: bs.Fit) -> None:
    with pytest.raises(bs.InputError, match="what is served is part of plans"):
        bs.compute_ratio(fit, *ARMS, {"compute": [4.0]}, cost=bs.Cost(served_tokens=1e12))


def test_a_crossover_is_of_the_cost_that_is_asked_for(fit: bs.Fit) -> None:
    """By "twice" full pays double: at equal cost moba, 5 % worse, is ahead where 2^b > 1.05, and stays so."""
    slopes = xr.full_like(fit.posterior["a_by_attention"], 0.0) + xr.DataArray([0.0, np.log(1.05)], dims="attention")
    changing = replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.assign(a_by_attention=slopes)}))
    found = bs.crossover(changing, *ARMS, {"compute": [2.0]}, below=1e4, cost="twice")
    np.testing.assert_array_equal(found["a_ahead"][..., 0], 2 ** exponent(fit) > 1.05)
    assert not found["exists"].any()
    assert found.attrs["cost"] == "twice"
    # on the ladder the multiple falls from 2.0 at C = 2 on: moba's lead is lost where 1.05 (K_full(C) / 1.1 C)^-b = 1
    bent = bs.crossover(changing, *ARMS, {"compute": [2.0]}, below=1e4, cost="counted")
    lead = 1.05 ** (1 / exponent(fit))
    place = full_cost_inverse(bent["crossing"].to_numpy()[..., 0])
    there = bent["exists"].to_numpy()[..., 0]
    assert there.any()
    np.testing.assert_allclose((bent["crossing"].to_numpy()[..., 0] / (1.1 * place))[there], lead[there], rtol=1e-6)
    assert bent["extrapolated"].all()
    with pytest.raises(bs.InputError, match="the largest attention counted is 4"):
        bs.crossover(changing, *ARMS, {"compute": [2.0]}, below=3.0, cost="counted")


def full_cost_inverse(cost: np.ndarray) -> np.ndarray:
    """Return the compute at which full attention costs so much."""
    grid = np.geomspace(0.01, 1e6, 200_001)
    return np.exp(np.interp(np.log(cost), np.log(full_cost(grid)), np.log(grid)))


def test_a_ranking_spends_budgets_of_a_cost(fit: bs.Fit) -> None:
    at = bs.rank(fit, "attention", "full", {"compute": [8.0]}, cost="counted")
    full, moba = full_cost_inverse(np.array(8.0)), 8.0 / 1.1
    b = exponent(fit)
    ratio = at.loss.sel(level="moba") / at.loss.sel(level="full")
    np.testing.assert_allclose(ratio[..., 0], 1.05 * (moba / full) ** -b, rtol=1e-6)
    needed = full_cost(moba / 1.05 ** (1 / b)) / 8.0
    np.testing.assert_allclose(at.compute_ratio[..., 0, 0], needed, rtol=1e-6)
    assert (at.unit, at.counted, at.largest) == (
        "PFLOP/s-days",
        "attention counted",
        {"full": 14.0, "moba": pytest.approx(8.8)},
    )
    assert at.runs_end == (14.0 / 8.0,)
    assert "at 8 PFLOP/s-days (attention counted)" in at.summary()
    own = bs.rank(fit, "attention", "full", {"compute": [8.0]})
    assert own.counted == ""


def test_a_ranking_names_its_compute_and_shows_the_others(fit: bs.Fit) -> None:
    found = bs.rank(fit, "attention", "full", {"compute": [4.0]})
    table = found.costs_to_frame()
    assert table["cost"].tolist() == ["6 N D", "attention counted", "twice"]
    for name, cost in (("6 N D", None), ("attention counted", "counted")):
        ratio = bs.compute_ratio(fit, "attention", "full", "moba", {"compute": [4.0]}, cost=cost).to_numpy().ravel()
        middle = float(np.quantile(ratio, 0.5, method="inverted_cdf"))
        assert table.set_index("cost").loc[name, "multiplier_q50"] == pytest.approx(middle, rel=1e-9)
    said = found.summary()
    assert "at compute 4 PFLOP/s-days by 6 N D" in said
    assert "By attention counted full needs 1.0" in said
    with pytest.raises(bs.InputError, match="there are no other costs"):
        bs.rank(fit, "attention", "full", {"compute": [4.0]}, cost="counted").costs_to_frame()


def test_the_figure_has_a_line_for_each_cost_dashed_where_it_is_extrapolated(fit: bs.Fit) -> None:
    found = bs.contrast(fit, *ARMS, {"compute": np.geomspace(1.0, 30.0, 9)})
    ax = Figure().subplots()
    assert plots.plot_costs(found, "compute", ax, unit="PFLOP/s-days") is ax
    assert ax.get_xlabel() == "compute by 6 N D (PFLOP/s-days)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["6 N D", "attention counted", "twice"]
    dashed = [line for line in ax.lines if line.get_linestyle() == "--" and np.isfinite(line.get_ydata()).any()]  # type: ignore[arg-type]
    assert len(dashed) == 1
    assert len(found.plot().axes) == 2
    alone = bs.contrast(fit, *ARMS, {"compute": [4.0]}).plot().axes
    assert [text.get_text() for text in alone[0].get_yticklabels()] == ["6 N D", "attention counted", "twice"]
    assert len(bs.contrast(power_laws(runs({})), *ARMS, {"compute": [1.0, 4.0]}).plot().axes) == 1
    with pytest.raises(bs.InputError, match="the runs have no costs to draw"):
        plots.plot_costs(bs.contrast(power_laws(runs({})), *ARMS, {"compute": [1.0, 4.0]}), "compute", ax)


def test_a_loss_that_may_be_negative_has_differences_at_equal_cost() -> None:
    table = runs({}).table.assign(cost=np.r_[FULL, 1.1 * C])
    columns = bs.Columns(
        {"compute": bs.Input("compute", "PFLOP/s-days", 1.0)},
        bs.Response("response", "nats", positive=False),
        groups={"attention": "attention"},
        costs={"counted": bs.Cost(formula="cost")},
    )
    model = bs.Model(
        bs.parse_law("E + a * compute**-b", ("compute",)),
        {
            "E": bs.Prior(distribution="Normal", arguments={"mu": -3.0, "sigma": 0.1}),
            "a": bs.Prior(median=2.0, factor=1.1) + bs.Varying("attention", 0.05),
            "b": bs.Prior(median=0.3, factor=1.2),
        },
        bs.Noise(on="loss", sd=bs.Prior(median=0.01, factor=2.0)),
    )
    negative = bs.prior(model, bs.read_runs(table, columns), draws=20)
    found = bs.contrast(negative, *ARMS, {"compute": [4.0]}, cost="counted")
    assert "ratio" not in found
    assert "at equal cost its loss is " in found.summary()
    assert found.costs_to_frame()["diff_q50"].notna().all()


def test_a_contrast_of_very_many_points_is_of_one_cost(fit: bs.Fit) -> None:
    found = bs.contrast(fit, *ARMS, {"compute": np.geomspace(1.0, 8.0, 501)})
    assert found.by_cost is None
    assert "costs are compared at up to 500 points; there are 501" in found.notes
