"""Plans against brute force over the draws, what they cost and are sure of, and the compute that a target asks for."""

from collections.abc import Callable
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
from bayes_scaling._base.quantiles import reached
from bayes_scaling.decisions import allocation
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.cost import split_inputs
from bayes_scaling.decisions.plan_sentences import plan_sentence
from bayes_scaling.decisions.rank_sentences import needs
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.report.sentences import summary_sentences

mpl.use("Agg")
PRIORS = {
    "E": bs.Prior(median=1.8, factor=1.05),
    "A": bs.Prior(median=0.4, factor=1.3),
    "alpha": bs.Prior(median=0.34, factor=1.5),
    "B": bs.Prior(median=0.4, factor=1.3),
    "beta": bs.Prior(median=0.3, factor=1.5),
}
NOISE = bs.Noise(sd=bs.Prior(median=0.005, factor=1.5), distribution="normal")
UNIT = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}


def believed(grid: pd.DataFrame, law: object = bs.laws.chinchilla, *, bends: bool = False, **more: bs.Prior) -> bs.Fit:
    """Return draws from wide beliefs about a law, as a fit: what differs between draws is large."""
    bent = (bs.Discrepancy(amplitude=bs.Prior(median=0.01, factor=1.5), length=bs.Prior(median=4.0, factor=1.2)),)
    model = bs.Model(law, PRIORS | more, NOISE, bent if bends else ())  # type: ignore[arg-type]
    inputs = UNIT if "tokens" in UNIT and law is not bs.laws.data_constrained else LIMITED
    table = grid.assign(unique=grid["tokens"] / 2, epochs=2.0)
    return bs.prior(model, bs.read_runs(table, bs.Columns(inputs, bs.Response("loss", "nats/token"))), draws=300, seed=3)


LIMITED = {
    "params": UNIT["params"],
    "unique_tokens": bs.Input("unique", "tokens", 2e10),
    "epochs": bs.Input("epochs", "", 1.0),
}


@pytest.fixture(scope="module")
def fit(grid: pd.DataFrame) -> bs.Fit:
    return believed(grid)


@pytest.fixture(scope="module")
def limited(grid: pd.DataFrame) -> bs.Fit:
    repeats = {"R_D": bs.Prior(median=15.0, factor=1.2), "R_N": bs.Prior(median=5.0, factor=1.2)}
    return believed(grid, bs.laws.data_constrained, **repeats)


@pytest.fixture(scope="module")
def arms() -> bs.Fit:
    """Draws of a power law of compute in two arms, of which one needs about 1.5 times the compute."""
    table = pd.DataFrame(
        {"compute": [0.5, 1.0, 2.0, 5.0] * 2, "arm": ["full"] * 4 + ["moba"] * 4, "loss": [2.2, 2.0, 1.9, 1.7] * 2}
    )
    a = bs.Prior(median=2.0, factor=1.02) + bs.Varying("arm", 0.1)
    model = bs.Model(bs.laws.power_law, {"a": a, "b": bs.Prior(median=0.1, factor=1.1)}, NOISE)
    columns = bs.Columns(
        {"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, bs.Response("loss", "nats/token"), {"arm": "arm"}
    )
    drawn = bs.prior(model, bs.read_runs(table, columns), draws=300)
    effect = drawn.posterior["a_by_arm"] * 0.01 + xr.DataArray([-0.02, 0.02], {"arm": ["full", "moba"]}, "arm")
    return replace(drawn, draws=xr.DataTree.from_dict({"posterior": drawn.posterior.assign(a_by_arm=effect)}))


def brute(fit: bs.Fit, compute: float, cost: bs.Cost, unique: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Return sizes and the draws of the loss that each would have; a size a row."""
    sizes = np.geomspace(1e7, 0.99 * min(1e12, float(cost.largest(np.array(compute)))), 1500)
    tokens = cost.tokens(sizes, np.full(len(sizes), compute))
    points = pd.DataFrame(split_inputs(fit, sizes, tokens, np.full(len(sizes), unique)))
    return sizes, bs.predict(fit, points).transpose("row", "chain", "draw").to_numpy().reshape(len(sizes), -1)


@pytest.mark.parametrize(
    ("which", "cost", "unique"),
    [
        ("fit", bs.Cost(), None),
        ("fit", bs.Cost(served_tokens=3e11, price=2e-18), None),
        ("bent", bs.Cost(), None),
        ("limited", bs.Cost(), 2e10),
    ],
)
def test_the_plan_has_the_lowest_expected_loss(
    which: str, cost: bs.Cost, unique: float | None, fit: bs.Fit, limited: bs.Fit, grid: pd.DataFrame
) -> None:
    asked = {"fit": fit, "limited": limited}.get(which) or believed(grid, bends=True)
    found = bs.plan(asked, [1e20, 3e22], cost=cost, unique_tokens=unique)
    for row, compute in enumerate((1e20, 3e22)):
        sizes, losses = brute(asked, compute, cost, unique or np.inf)
        mean, best = losses.mean(axis=1), int(losses.mean(axis=1).argmin())
        at = found.to_frame().iloc[row]
        assert np.interp(np.log(at["params"]), np.log(sizes), mean) <= mean[best] * (1 + 1e-5)
        assert at["params"] == pytest.approx(sizes[best], rel=0.02)
        assert cost.compute(at["params"], at["tokens"]) == pytest.approx(compute)
        within = sizes[mean < 1.003 * mean[best]]
        assert (at["params_low"], at["params_high"]) == pytest.approx((within[0], within[-1]), rel=0.02)
        assert at["regret"] == pytest.approx(mean[best] - losses.min(axis=0).mean(), rel=0.05, abs=2e-5)
        assert at["best_params_q50"] == pytest.approx(np.median(sizes[losses.argmin(axis=0)]), rel=0.03)
        assert at["excess"] == 0.0
        other = found.choices.query(f"row == {row}").iloc[30]
        there = np.interp(np.log(other["params"]), np.log(sizes), mean)
        assert other["excess"] == pytest.approx(there / mean[best] - 1, abs=1e-4)


def test_the_plan_is_not_that_of_mean_parameters(fit: bs.Fit) -> None:
    steep = xr.DataArray(np.arange(300) % 2 == 0, dims="draw")  # whether data help much or little is not known
    either = fit.posterior.assign(alpha=xr.full_like(fit.posterior["alpha"], 0.3))
    either = either.assign(beta=fit.posterior["beta"] * 0 + xr.where(steep, 0.7, 0.1))
    torn = replace(fit, draws=xr.DataTree.from_dict({"posterior": either}))
    means = xr.Dataset({name: xr.full_like(of, float(of.mean())) for name, of in either.items()})
    plugged = bs.plan(replace(fit, draws=xr.DataTree.from_dict({"posterior": means})), 1e24).choice["params"].iloc[0]
    chosen = bs.plan(torn, 1e24).choice["params"].iloc[0]
    sizes, losses = brute(torn, 1e24, bs.Cost())
    mean = losses.mean(axis=1)
    lost = np.interp(np.log(plugged), np.log(sizes), mean) / mean.min() - 1
    assert abs(np.log(plugged / chosen)) > 0.1
    assert lost > 1e-4
    assert bs.plan(torn, 1e24, params=plugged).choice["excess"].iloc[0] == pytest.approx(lost, rel=0.02)


@pytest.mark.parametrize(
    "text",
    [
        "E + A * params**-alpha + B * tokens**-beta",
        "E + A + B - A * (1 - params**-alpha) - B * (1 - tokens**-beta)",
        "E + A * params**-alpha / 2 + B / tokens**beta + A * params**-alpha / 2",
    ],
)
def test_sums_of_powers_have_the_closed_form_however_they_are_written(text: str, fit: bs.Fit, grid: pd.DataFrame) -> None:
    law = bs.parse_law(text, ["params", "tokens"])
    written = replace(fit, model=replace(fit.model, law=law))
    budgets = np.array([1e20, 1e24])
    assert allocation._closed_form(written, pd.DataFrame(index=[0]), budgets, bs.Cost()) is not None
    np.testing.assert_allclose(compute_optimal(written, [1e20, 1e24])["params"], compute_optimal(fit, [1e20, 1e24])["params"])


def test_the_closed_form_is_what_is_found_by_seeking(fit: bs.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = compute_optimal(fit, [1e20, 1e22])
    monkeypatch.setattr(allocation, "_closed_form", lambda *_: None)
    sought = compute_optimal(fit, [1e20, 1e22])
    for name in ("params", "tokens", "loss"):
        np.testing.assert_allclose(sought[name], closed[name], rtol=1e-6)


def test_a_law_that_is_no_sum_of_powers_has_no_closed_form(grid: pd.DataFrame) -> None:
    law = bs.parse_law("E + (A * params**-alpha + B * tokens**-beta)**1.1", ["params", "tokens"])
    joint = believed(grid, law)
    assert allocation._closed_form(joint, pd.DataFrame(index=[0]), np.array([1e21]), bs.Cost()) is None
    assert np.isfinite(compute_optimal(joint, 1e21)["params"]).all()


def test_a_settled_size_costs_what_the_best_would_have_saved(fit: bs.Fit) -> None:
    best = bs.plan(fit, 1e22)
    settled = bs.plan(fit, 1e22, params=1e9)
    assert settled.choice["params"].iloc[0] == 1e9
    assert settled.choice["tokens"].iloc[0] == pytest.approx(1e22 / 6e9)
    points = settled.choice[["params", "tokens"]]
    lowest = float(bs.predict(fit, best.choice[["params", "tokens"]]).mean())
    assert settled.choice["excess"].iloc[0] == pytest.approx(float(bs.predict(fit, points).mean()) / lowest - 1, abs=1e-6)
    assert "above the lowest" in plan_sentence(settled)


def test_serving_makes_models_smaller_and_few_tokens_are_repeated(fit: bs.Fit, limited: bs.Fit) -> None:
    free, served = (bs.plan(fit, 1e22, cost=cost).choice.iloc[0] for cost in (bs.Cost(), bs.Cost(served_tokens=1e12)))
    assert served["params"] < free["params"]
    assert served["tokens"] / served["params"] > free["tokens"] / free["params"]
    few, plenty = (bs.plan(limited, 1e22, unique_tokens=of).choice.iloc[0] for of in (2e10, 1e13))
    assert few["unique_tokens"] == 2e10
    assert few["epochs"] == pytest.approx(few["tokens"] / 2e10)
    assert plenty["epochs"] == 1.0


def test_new_runs_scatter_and_budgets_share_it(fit: bs.Fit) -> None:
    found = bs.plan(fit, [1e21, 1e22])
    ratio = found.loss.isel(row=0) / bs.predict(fit, found.choice[["params", "tokens"]]).isel(row=0)
    assert float(np.log(ratio).std()) == pytest.approx(float(np.sqrt((fit.posterior["noise_sd"] ** 2).mean())), rel=0.15)
    other = found.loss.isel(row=1) / bs.predict(fit, found.choice[["params", "tokens"]]).isel(row=1)
    np.testing.assert_allclose(ratio, other)


def test_the_compute_needed_reaches_the_target_as_often_as_it_says(fit: bs.Fit) -> None:
    needed = bs.compute_needed(fit, 2.2)
    for q in (0.25, 0.5, 0.9):
        budget = float(np.quantile(needed, q, method="inverted_cdf"))
        assert bs.plan(fit, budget).probability(2.2)[0] == pytest.approx(q, abs=0.01)


def test_where_runs_differ_the_plan_is_of_a_new_one(grid: pd.DataFrame) -> None:
    model = bs.Model(bs.laws.chinchilla, PRIORS | {"A": PRIORS["A"] + bs.Varying("run", 0.1)}, NOISE)  # type: ignore[arg-type]
    table = grid.assign(name=[f"r{row % 5}" for row in range(len(grid))])
    fitted = bs.prior(model, bs.read_runs(table, bs.Columns(UNIT, bs.Response("loss", "nats/token"), run="name")), draws=100)
    found = bs.plan(fitted, 1e21, points=pd.DataFrame(index=[0]))
    assert found.choice["params"].equals(bs.plan(fitted, 1e21).choice["params"])
    plots.plan_figure(fitted, found)
    bs.compute_needed(fitted, 3.0, points=pd.DataFrame(index=[0]))


def test_levels_are_planned_for_each(grid: pd.DataFrame) -> None:
    model = bs.Model(bs.laws.chinchilla, PRIORS | {"B": PRIORS["B"] + bs.Varying("corpus", 0.3)}, NOISE)
    table = pd.concat([grid.assign(corpus=name) for name in ("web", "code")])
    columns = bs.Columns(UNIT, bs.Response("loss", "nats/token"), groups={"corpus": "corpus"})
    two = bs.prior(model, bs.read_runs(table, columns), draws=200)
    both = bs.plan(two, [1e21, 1e22], points=pd.DataFrame({"corpus": ["web", "code"]}))
    assert both.choice["corpus"].tolist() == ["web", "web", "code", "code"]
    alone = bs.plan(two, [1e21, 1e22], points=pd.DataFrame({"corpus": ["code"]}))
    np.testing.assert_allclose(both.choice["params"].tail(2), alone.choice["params"])
    with pytest.raises(bs.InputError, match="one point at a time"):
        bs.compute_needed(two, 2.2, points=pd.DataFrame({"corpus": ["web", "code"]}))


WRONG: dict[str, tuple[Callable[[bs.Fit, bs.Fit], object], str]] = {
    "budget far out": (lambda fit, _: bs.plan(fit, 1e40), "decades from the runs, which took"),
    "budget tiny": (lambda fit, _: bs.plan(fit, 1e5), "expected a budget within 6 decades"),
    "budget negative": (lambda fit, _: bs.plan(fit, [1e20, -1.0]), "must be positive"),
    "no params": (lambda _, arms: bs.plan(arms, 1e21), r"power_law has \['compute'\]"),
    "served too many": (lambda fit, _: bs.plan(fit, 1e19, cost=bs.Cost(served_tokens=1e16)), "do not serve 1e16 tokens"),
    "size too large": (
        lambda fit, _: bs.plan(fit, 1e21, params=1e20, cost=bs.Cost(served_tokens=1e12)),
        "do not serve 1T tokens with 1e20 parameters",
    ),
    "size negative": (lambda fit, _: bs.plan(fit, 1e21, params=-1.0), "params must be a positive"),
    "unique tokens unread": (lambda fit, _: bs.plan(fit, 1e21, unique_tokens=1e9), "chinchilla does not read"),
    "share": (lambda fit, _: bs.plan(fit, 1e21, within=3.0), "within is a share"),
    "cost": (lambda *_: bs.Cost(price=-1.0), "price must be a positive"),
    "target too low": (lambda fit, _: bs.compute_needed(fit, 0.5), "no draw reaches 0.5 nats/token with up to"),
    "target too high": (lambda fit, _: bs.compute_needed(fit, 20.0), "every draw is below 20"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_planned_is_said(case: str, fit: bs.Fit, arms: bs.Fit) -> None:
    ask, message = WRONG[case]
    with pytest.raises(bs.InputError, match=message):
        ask(fit, arms)


def test_draws_that_put_all_into_one_have_no_plan(fit: bs.Fit) -> None:
    rising = fit.posterior.assign(beta=-fit.posterior["beta"])  # more tokens only harm
    with pytest.raises(bs.InputError, match="there is no best split"):
        bs.plan(replace(fit, draws=xr.DataTree.from_dict({"posterior": rising})), 1e21)


@pytest.fixture(scope="module")
def folder(fit: bs.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(fit, tmp_path_factory.mktemp("planned") / "fit.nc").parent


def test_the_command_plans(folder: Path, fit: bs.Fit) -> None:
    result = run("plan", folder, "--compute", 1e21, "--compute", 1e22, "--target", 2.2, "--cost", "price=1e-18")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(folder / "plan.csv")
    found = bs.plan(fit, [1e21, 1e22], cost=bs.Cost(price=1e-18))
    np.testing.assert_allclose(table["params"], found.choice["params"])
    np.testing.assert_allclose(table["probability"], found.probability(2.2))
    assert table["price"].tolist() == pytest.approx([1e3, 1e4])
    assert plan_sentence(found, 1, 2.2) in result.stdout
    assert "reach 2.2 nats/token with probability 0.9. What it takes is" in result.stdout
    assert set(pd.read_csv(folder / "plan_choices.csv")["row"]) == {0, 1}
    assert (folder / "plan.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--compute", "1e40"), "decades from the runs"),
        (("--compute", "1e21", "--cost", "prize=3"), "expected NAME=NUMBER with one of"),
        (("--compute", "1e21", "--cost", "price=much"), "'much' is no number"),
        (("--compute", "1e21", "--probability", "2"), "expected a number between 0 and 1"),
    ],
)
def test_wrong_input_is_one_line(options: tuple[str, ...], message: str, folder: Path, tmp_path: Path) -> None:
    refused(run("plan", folder, *options, "--out", tmp_path / "plan.csv"), message)
    assert not list(tmp_path.iterdir())


def test_a_fit_is_summed_up_in_sentences(fit: bs.Fit, arms: bs.Fit) -> None:
    said = summary_sentences(fit)
    assert len(said) == 5
    assert said[4].startswith("Counted: loss in nats per token. Not stated: ")
    assert said[2].startswith("Loss at the largest run (10B parameters, 300B tokens): ")
    assert said[0] == plan_sentence(bs.plan(fit, float(f"{6 * 1e10 * 3e11:.2g}")))
    compared = summary_sentences(arms)[0]
    point = pd.DataFrame({"compute": [5.0]})
    of = reached((1 / compute_ratio(arms, "arm", "full", "moba", point)).to_numpy())
    assert 1.3 < of["q50"] < 1.7
    assert needs("moba", "full", "compute", of) in compared


def test_the_figure_shows_plans_and_paths(fit: bs.Fit, limited: bs.Fit) -> None:
    for asked in (bs.plan(fit, [1e21, 1e22]), bs.plan(limited, 1e21, unique_tokens=2e10)):
        left, right = plots.plan_figure(fit if "epochs" not in asked.choice else limited, asked).axes
        assert left.get_xlabel() == "model size (parameters)"
        assert right.get_xlabel() == "budget (FLOP)"
        assert len(left.lines) == 2 * len(asked.choice)
        left.figure.canvas.draw()
        labels = [label.get_text() for ax in (left, right) for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()]
        assert "1e20" in labels
        assert not [label for label in labels if "$" in label]
