"""What moves an answer: against closed forms of linear normal models, invariances, stacks, and on wrong input."""

import re
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from commands import refused, run
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.multiverse import Multiverse
from bayes_scaling.decisions.sensitivity.factors import Components, Factor, law_terms
from bayes_scaling.decisions.sensitivity.power_scaling import k_limit
from bayes_scaling.decisions.sensitivity.record import Sensitivity
from bayes_scaling.decisions.sensitivity.sentences import PLANNED
from bayes_scaling.decisions.sensitivity.variance import moments, owen_values, regressors, share_table, shares
from bayes_scaling.inference.stacking import stack
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.plots.sensitivity import plot_shifts
from bayes_scaling.prediction.predict import decompose

MEAN, SD = np.array([0.0, 0.1]), np.array([0.03, 0.01])
NOISE, DRAWS = 0.02, 8000
LAW = bs.parse_law("a * tokens**-b", ["tokens"])
ROWS = np.array([20.0, 40.0, 100.0, 300.0, 1000.0])
PLACE = 1e5
QUESTION = f"loss at tokens={PLACE:g}"


def basis(tokens: object) -> np.ndarray:
    """Return what log a and b add to the log loss."""
    return np.column_stack([np.ones(np.size(tokens)), -np.log(np.asarray(tokens, dtype=float) / 100)])


def posterior(prior: float = 1.0, likelihood: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of log a and b given the rows, where prior and likelihood count to a power."""
    seen = basis(ROWS)
    precision = prior * np.diag(1 / SD**2) + likelihood * seen.T @ seen / NOISE**2
    off = likelihood * seen.T @ (observed() - seen @ MEAN) / NOISE**2
    return MEAN + np.linalg.solve(precision, off), np.linalg.inv(precision)


def observed() -> np.ndarray:
    """Return log losses of the rows, which the prior does not quite expect."""
    return basis(ROWS) @ np.array([0.05, 0.115]) + np.array([0.01, -0.02, 0.015, 0.0, -0.01])


def conjugate(draws: int = DRAWS, seed: int = 1, unit: float = 1.0) -> bs.Fit:
    """Return a fit of a power law with exact draws of its posterior, its noise known; unit: of the loss, in nats."""
    rng = np.random.default_rng(seed)
    mean, covariance = posterior()
    both = rng.multivariate_normal(mean, covariance, draws)
    values = {"a": np.exp(both[:, 0]) / unit, "b": both[:, 1], "noise_sd": np.full(draws, NOISE)}
    data = xr.Dataset({name: (("chain", "draw"), of.reshape(4, -1)) for name, of in values.items()})
    priors = {
        "a": bs.Prior(distribution="LogNormal", arguments={"mu": MEAN[0] - np.log(unit), "sigma": SD[0]}),
        "b": bs.Prior(distribution="Normal", arguments={"mu": MEAN[1], "sigma": SD[1]}),
    }
    noise = bs.Noise(sd=bs.Prior(median=NOISE, factor=1.5), distribution="normal")
    table = pd.DataFrame({"tokens": ROWS, "loss": np.exp(observed()) / unit})
    runs = bs.read_runs(table, bs.Columns({"tokens": bs.Input("tokens", "tokens", 100.0)}))
    return bs.Fit(bs.Model(LAW, priors, noise), runs, xr.DataTree.from_dict({"posterior": data}), bs.Settings(), None)


FIT = conjugate()


@pytest.fixture(scope="module")
def found() -> Sensitivity:
    return bs.sensitivity(FIT, QUESTION.replace("loss", "run"))


def shapley(covariance: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the Shapley effects of log a and b on their weighted sum, by both orders."""
    variance = float(at @ covariance @ at)
    alone = (covariance @ at) ** 2 / np.diag(covariance)
    return np.array([alone[0] + variance - alone[1], alone[1] + variance - alone[0]]) / 2


def test_shares_are_the_closed_form_of_a_linear_normal_model(found: Sensitivity) -> None:
    covariance = np.cov(np.log(FIT.posterior["a"]).to_numpy().ravel(), FIT.posterior["b"].to_numpy().ravel())
    at = basis(PLACE)[0]
    of_law, whole = shapley(covariance, at), float(at @ covariance @ at) + NOISE**2
    table = found.shares.set_index("part")
    np.testing.assert_allclose(table.loc[["a", "b"], "share"], of_law / whole, rtol=2e-3)
    np.testing.assert_allclose(table["share"].sum(), 1.0, rtol=1e-12)
    alone = (covariance @ at) ** 2 / np.diag(covariance) / whole
    np.testing.assert_allclose(table.loc[["a", "b"], "first_order"], alone, rtol=2e-2, atol=2e-4)
    np.testing.assert_allclose(
        table.loc[["a", "b"], "total"], (at @ covariance @ at / whole - alone)[::-1], rtol=2e-2, atol=2e-4
    )
    sources = found.sources.set_index("source")
    assert list(sources.index) == ["law", "scatter"]
    assert sources.loc["scatter", "share"] == pytest.approx(NOISE**2 / whole, rel=2e-3)
    exact = shapley(posterior()[1], at) / (float(at @ posterior()[1] @ at) + NOISE**2)
    assert (np.abs(table.loc[["a", "b"], "share"] - exact) < 5 * table.loc[["a", "b"], "share_sd"] + 1e-9).all()
    assert (table.loc[["a", "b"], "share_sd"] > 0).all()


def test_power_scaled_priors_and_likelihood_shift_as_the_exact_posteriors_do(found: Sensitivity) -> None:
    at, half = basis(PLACE)[0], 1.645 * np.sqrt(basis(PLACE)[0] @ posterior()[1] @ basis(PLACE)[0] + NOISE**2)
    table = found.shifts.set_index(["moved_by", "power"])
    now = at @ posterior()[0]
    for power in (0.5, 0.8, 1.25, 2.0):
        mean, covariance = posterior(prior=power)
        row = table.loc[("prior", power)]
        assert row["reliable"]
        assert row["shift"] == pytest.approx((at @ mean - now) / half, abs=5 * row["shift_sd"] + 0.01)
        wide = 1.645 * np.sqrt(at @ covariance @ at + NOISE**2) / half
        assert row["width"] == pytest.approx(wide, rel=0.06)
        assert row["q50"] == pytest.approx(np.exp(at @ mean), rel=0.01)
    for power in (1.25, 2.0):
        mean, covariance = posterior(likelihood=power)
        row = table.loc[("likelihood", power)]
        assert row["reliable"]
        assert row["shift"] == pytest.approx((at @ mean - now) / half, abs=5 * row["shift_sd"] + 0.01)
    assert table.loc[("prior of the noise", 2.0), "shift"] == 0.0
    assert table.loc[("prior", 2.0), "sensitivity"] > table.loc[("prior of the noise", 2.0), "sensitivity"] == 0.0


def test_a_shift_that_the_draws_cannot_say_is_not_printed() -> None:
    few = bs.sensitivity(conjugate(draws=200), QUESTION)
    lost = few.shifts[~few.shifts["reliable"].astype(bool)]
    assert len(lost)
    assert lost[["q05", "q50", "q95", "shift", "width"]].isna().all().all()
    assert ((lost["pareto_k"] > k_limit(200)) | (few.asked.size < 400)).all()
    assert "cannot say" in few.summary()


def test_further_runs_leave_what_conditioning_leaves() -> None:
    candidates = pd.DataFrame({"tokens": [1e3, 1e4, 3e4], "flop": [1.0, 2.0, 3.0]})
    found = bs.sensitivity(FIT, QUESTION.replace("loss", "run"), candidates)
    covariance = np.cov(np.log(FIT.posterior["a"]).to_numpy().ravel(), FIT.posterior["b"].to_numpy().ravel())
    at, told = basis(PLACE)[0], {}
    every = {"tokens 1000": [1e3], "tokens 10k": [1e4], "tokens 30k": [3e4]}
    for name, tokens in (every | {"; ".join(every): [1e3, 1e4, 3e4]}).items():
        shown = basis(tokens)
        noise = NOISE**2 * np.eye(len(tokens))
        told[name] = covariance - covariance @ shown.T @ np.linalg.solve(
            shown @ covariance @ shown.T + noise, shown @ covariance
        )
    whole = float(at @ covariance @ at) + NOISE**2
    assert len(found.runs) >= 3
    for row in found.runs.to_dict("records"):
        left = float(at @ told[row["runs"]] @ at)
        assert row["left law"] == pytest.approx(left / whole, rel=1e-2)
        assert row["left scatter"] == pytest.approx(NOISE**2 / whole, rel=2e-3)
        assert row["width"] == pytest.approx(np.sqrt((left + NOISE**2) / whole), rel=5e-3)
    known = bs.next_runs(FIT, candidates, QUESTION)
    singles = found.runs[found.runs["count"] == 1].set_index("runs")["information"]
    expected = dict(zip(known.candidates["candidate"], known.information, strict=True))
    np.testing.assert_allclose(singles, [expected[name] for name in singles.index], rtol=1e-3)


def test_owen_values_are_means_over_orders_that_keep_unions_together() -> None:
    rng = np.random.default_rng(0)
    worth, unions = np.concatenate([[0.0], rng.uniform(size=31)]), [[0, 1, 2], [3], [4]]
    total = np.zeros(5)
    orders = [
        order
        for order in permutations(range(5))
        if max(order.index(i) for i in range(3)) - min(order.index(i) for i in range(3)) == 2
    ]
    for order in orders:
        before = 0
        for i in order:
            total[i] += worth[before | 1 << i] - worth[before]
            before |= 1 << i
    np.testing.assert_allclose(owen_values(worth, unions), total / len(orders), rtol=1e-12)
    assert owen_values(worth, unions).sum() == pytest.approx(worth[-1])


def made_up(order: list[int], columns: np.ndarray, weights: np.ndarray, sources: list[str]) -> Components:
    core = columns @ weights
    factors = tuple(Factor(sources[i], f"part {i}", columns[:, [i]]) for i in order)
    asked = xr.DataArray(core.reshape(4, -1), dims=("chain", "draw"))
    return Components(asked, np.ones(len(core), dtype=bool), core, factors, None, {})


def test_shares_do_not_hang_on_the_order_of_parts_and_a_source_not_on_their_number() -> None:
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(4000, 4)) @ rng.normal(size=(4, 4))
    weights, sources = np.array([1.0, -0.5, 2.0, 0.3]), ["law", "law", "law", "discrepancy"]
    tables = []
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        of = made_up(order, columns, weights, sources)
        layout, table = regressors(of, 4000.0)
        tables.append(shares(moments(layout, table, {})).factors)
    for other in tables[1:]:
        assert other == pytest.approx(tables[0], rel=1e-8)
    assert sum(tables[0].values()) == pytest.approx(float((columns @ weights).var()))
    whole = replace(of, factors=(Factor("law", "all", columns[:, :3]), Factor("discrepancy", "part 3", columns[:, [3]])))
    layout, table = regressors(whole, 4000.0)
    one = shares(moments(layout, table, {})).factors
    of_law = sum(variance for (source, _), variance in tables[0].items() if source == "law")
    assert one["law", "all"] == pytest.approx(of_law, rel=1e-2)
    assert min(tables[0].values()) >= 0


def test_parts_without_a_say_have_no_share_and_independent_ones_sobols() -> None:
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(20_000, 3))
    of = made_up([0, 1, 2], columns, np.array([1.0, 2.0, 0.0]), ["law", "law", "discrepancy"])
    of = replace(of, core=of.core + columns[:, 0] * columns[:, 1])
    layout, table = regressors(of, 20_000.0)
    found = shares(moments(layout, table, {}))
    total = found.variance
    np.testing.assert_allclose(
        [found.first["law", "part 0"] / total, found.first["law", "part 1"] / total], [1 / 6, 4 / 6], atol=0.02
    )
    np.testing.assert_allclose(
        [found.total["law", "part 0"] / total, found.total["law", "part 1"] / total], [2 / 6, 5 / 6], atol=0.02
    )
    assert found.factors["discrepancy", "part 2"] / total == pytest.approx(0.0, abs=2e-3)
    assert found.factors["law", "part 0"] / total == pytest.approx(0.25, abs=0.02)


def test_another_unit_of_the_loss_changes_quantiles_alone() -> None:
    one, other = bs.sensitivity(FIT, QUESTION), bs.sensitivity(conjugate(unit=np.log(2)), QUESTION)
    np.testing.assert_allclose(one.shares["share"], other.shares["share"], rtol=1e-8)
    numbers = ["shift", "width", "pareto_k", "sensitivity"]
    np.testing.assert_allclose(one.shifts[numbers], other.shifts[numbers], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(one.shifts["q50"], np.log(2) * other.shifts["q50"], rtol=1e-8)


def shifted(by: float) -> bs.Fit:
    return replace(FIT, draws=xr.DataTree.from_dict({"posterior": FIT.posterior.assign(a=FIT.posterior["a"] * np.exp(by))}))


def test_a_stack_obeys_the_law_of_total_variance() -> None:
    both = stack({"one": FIT, "two": shifted(0.05)}, {"one": 0.75, "two": 0.25})
    found = bs.sensitivity(both, QUESTION)
    draws = [draw_estimand(one, QUESTION).to_numpy().ravel() for one in both.members.values()]
    pooled = np.concatenate(draws)
    middle = pooled.mean()
    between = sum(len(one) * (one.mean() - middle) ** 2 for one in draws) / len(pooled)
    assert found.sources.set_index("source").loc["between laws", "share"] == pytest.approx(between / pooled.var(), rel=1e-9)
    assert found.shares["share"].sum() == pytest.approx(1.0)
    for law, of in zip(both.members, draws, strict=True):
        mine = found.shares[found.shares["law"] == law]["share"].sum()
        assert mine == pytest.approx(len(of) * of.var() / len(pooled) / pooled.var(), rel=1e-9)
    alone = found.shifts[found.shifts["kind"] == "law"].set_index("moved_by")
    assert alone.loc["law two alone", "shift"] > 0 > alone.loc["law one alone", "shift"]
    assert found.asked.size == len(pooled)
    left = found.runs.filter(like="left").sum(axis=1)
    np.testing.assert_allclose(left, found.runs["width"] ** 2, rtol=1e-2)


def test_one_law_twice_is_that_law() -> None:
    both = stack({"one": FIT, "two": FIT}, {"one": 0.5, "two": 0.5})
    found, single = bs.sensitivity(both, QUESTION), bs.sensitivity(FIT, QUESTION)
    assert found.sources.set_index("source").loc["between laws", "share"] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found.shares.groupby("part")["share"].sum()[["a", "b"]], single.shares["share"], rtol=1e-6)


def specified(base: float, other: float, problem: str = "") -> Multiverse:
    rows = [("base", base, ""), ("noise: normal", other, problem)]
    table = pd.DataFrame(
        [{"universe": n, "point": 0, "q05": 0.9 * q, "q50": q, "q95": 1.1 * q, "problem": why} for n, q, why in rows]
    )
    return Multiverse(table, pd.DataFrame(), {}, "loss", "", {})


def test_specifications_stand_beside_power_scaled_priors() -> None:
    middle = float(np.exp(draw_estimand(FIT, QUESTION).median()))
    found = bs.sensitivity(FIT, QUESTION, multiverse=specified(middle, 1.2 * middle))
    row = found.shifts[found.shifts["kind"] == "specification"].iloc[0]
    low, high = np.quantile(draw_estimand(FIT, QUESTION), [0.05, 0.95])
    assert row["shift"] == pytest.approx(np.log(1.2) / ((high - low) / 2), rel=1e-3)
    assert "noise: normal" in found.summary()
    doubtful = bs.sensitivity(FIT, QUESTION, multiverse=specified(middle, 1.2 * middle, "R-hat 1.2"))
    assert np.isnan(doubtful.shifts[doubtful.shifts["kind"] == "specification"].iloc[0]["q50"])
    with pytest.raises(bs.InputError, match=r"answers 30 \(90 %: 27 to 33\) in its base; .* expected the same answer"):
        bs.sensitivity(FIT, QUESTION, multiverse=specified(30.0, 31.0))
    with pytest.raises(bs.InputError, match=r"no point 3; it has \[0\]"):
        bs.sensitivity(FIT, QUESTION, multiverse=specified(middle, middle), point=3)


def test_terms_of_laws_are_told_apart() -> None:
    assert law_terms(bs.laws.chinchilla) == [("E",), ("A", "alpha"), ("B", "beta")]
    assert law_terms(LAW) == [("a",), ("b",)]
    assert law_terms(bs.parse_law("E + A * n**-c + B * d**-c", ["n", "d"])) == [("A", "B", "c"), ("E",)]
    many = bs.parse_law(" + ".join(f"p{i} * n" for i in range(9)), ["n"])
    assert [len(of) for of in law_terms(many)] == [1, 1, 1, 1, 5]


def test_share_tables_of_laws_sum_to_the_variance_of_the_mixture() -> None:
    rng = np.random.default_rng(2)
    laws, draws = {}, []
    for i in range(3):
        columns = rng.normal(size=(2000, 2)) + i
        of = made_up([0, 1], columns, np.array([1.0, i]), ["law", "law"])
        laws[str(i)] = moments(*regressors(of, 2000.0), {})
        draws.append(of.core)
    table = share_table(laws, dict.fromkeys(laws, 1 / 3))
    assert table["variance"].sum() == pytest.approx(np.concatenate(draws).var(), rel=1e-9)


REFUSED = {
    "what is it": "has no form that is known",
    "loss at tokens=-1": "expected a positive number",
    "loss at params=1": "none of",
    "run at tokens=x": "expected a positive number",
    "multiplier arm=x:y at tokens=1e3": "the law does not vary over 'arm'",
}


@pytest.mark.parametrize("question", REFUSED)
def test_wrong_questions_are_refused(question: str) -> None:
    with pytest.raises(bs.InputError, match=REFUSED[question]):
        bs.sensitivity(FIT, question)


def test_an_answer_that_is_the_same_in_every_draw_is_refused() -> None:
    flat = FIT.posterior.assign(a=xr.full_like(FIT.posterior["a"], 2.0), b=xr.full_like(FIT.posterior["b"], 0.1))
    with pytest.raises(bs.InputError, match="nothing moves it"):
        bs.sensitivity(replace(FIT, draws=xr.DataTree.from_dict({"posterior": flat})), QUESTION)
    with pytest.raises(bs.InputError, match="the cheapest candidate takes 5 FLOP; the budget is 1"):
        bs.sensitivity(FIT, QUESTION, pd.DataFrame({"tokens": [1e3], "flop": [5.0]}), 1.0)
    with pytest.raises(bs.InputError, match="what a candidate costs is not known"):
        bs.sensitivity(FIT, QUESTION, pd.DataFrame({"tokens": [1e3]}))


def with_noise(noise: bs.Noise, **known: float) -> bs.Fit:
    """Return the conjugate fit with another noise whose parameters are known."""
    draws = FIT.posterior.assign({name: xr.full_like(FIT.posterior["a"], of) for name, of in known.items()})
    model = replace(FIT.model, noise=noise)
    table = FIT.runs.table.assign(size=["p", "q", "p", "q", "p"], run=[f"run {i}" for i in range(len(ROWS))])
    columns = bs.Columns({"tokens": bs.Input("tokens", "tokens", 100.0)}, groups={"size": "size"}, run="run")
    runs = bs.read_runs(table.rename(columns={"response": "loss"})[["tokens", "loss", "size", "run"]], columns)
    if noise.effects:
        levels = 0.01 * np.random.default_rng(0).normal(size=(4, DRAWS // 4, 2))
        draws = draws.assign_coords(size=["p", "q"]).assign(residual_by_size=(("chain", "draw", "size"), levels))
    return replace(FIT, model=model, runs=runs, draws=xr.DataTree.from_dict({"posterior": draws}))


SCALE = bs.Prior(median=NOISE, factor=1.5)


def added(fit: bs.Fit) -> dict[str, float]:
    """Return the variance of the sources of a new run's loss, in units of that of the expected loss."""
    found = bs.sensitivity(fit, f"run at tokens={PLACE:g}").sources.set_index("source")["share"]
    return {name: float(of / found["law"]) for name, of in found.items()}


def test_a_new_run_adds_its_group_effects_and_scatter_of_every_kind() -> None:
    expected = float(draw_estimand(FIT, QUESTION).var())
    plain = added(with_noise(bs.Noise(sd=SCALE, distribution="normal")))
    assert plain == pytest.approx({"law": 1.0, "scatter": NOISE**2 / expected}, rel=2e-3)
    grouped = bs.Noise(sd=SCALE, effects=(bs.Varying("size", 0.1),), distribution="normal")
    assert added(with_noise(grouped, residual_sd_size=0.05))["group effects"] == pytest.approx(0.05**2 / expected, rel=0.1)
    path = bs.Noise(sd=SCALE, correlation=bs.Correlation("tokens", bs.Prior(median=1.0, factor=2)), distribution="normal")
    assert added(with_noise(path, noise_length=0.7))["scatter"] == pytest.approx(NOISE**2 / expected, rel=2e-3)
    tailed = bs.Noise(sd=SCALE, nu=bs.Prior(median=3.0, factor=2))
    wide = stats.t.ppf(0.95, 1.5) / stats.norm.ppf(0.95)  # a Student-t without a variance
    assert added(with_noise(tailed, noise_nu=1.5))["scatter"] == pytest.approx((wide * NOISE) ** 2 / expected, rel=2e-3)


def test_losses_that_may_be_negative_are_asked_for_as_they_are() -> None:
    own = with_noise(bs.Noise(sd=SCALE, on="loss", distribution="normal"))
    found = bs.sensitivity(own, QUESTION)
    loss = bs.predict(own, {"tokens": [PLACE]}).isel(row=0)
    np.testing.assert_allclose(found.asked, loss, rtol=1e-12)
    assert found.shifts["q50"].iloc[-1] == pytest.approx(float(loss.median()), rel=0.1)
    assert found.shares["share"].sum() == pytest.approx(1.0)
    assert added(own)["scatter"] == pytest.approx(NOISE**2 / float(loss.var()), rel=2e-3)


@pytest.fixture(scope="module")
def arms() -> bs.Fit:
    """Draws from the prior of two arms that meet sixteen positions, with group effects."""
    study = bs.read_study("moba_vs_full")
    return bs.prior(study.model, study_runs(study), draws=600)


def test_contrasts_and_multipliers_of_crossed_groups(arms: bs.Fit) -> None:
    place = "compute=10, position=30720"
    one = bs.sensitivity(arms, f"contrast attention=moba:full at {place}")
    other = bs.sensitivity(arms, f"contrast attention=full:moba at {place}")
    np.testing.assert_allclose(one.asked, -other.asked, atol=1e-12)
    np.testing.assert_allclose(one.shares["share"], other.shares["share"], rtol=1e-6)
    assert "likelihood" not in set(one.shifts["kind"])  # draws of a prior have none
    times = bs.sensitivity(arms, f"multiplier attention=moba:full at {place}")
    ratio = bs.compute_ratio(arms, "attention", "moba", "full", {"compute": [10.0], "position": 30720}).isel(row=0)
    np.testing.assert_allclose(np.exp(times.asked), ratio, rtol=1e-9)
    assert times.shares["share"].sum() == pytest.approx(1.0)
    assert "times the compute" in times.summary()
    assert one.fitted > 0.95
    with pytest.raises(bs.InputError, match="has no level '99'"):
        bs.sensitivity(arms, "loss at compute=10, position=99, attention=moba")


def test_levels_beyond_those_of_the_runs_may_be_asked_for_along_a_smooth_axis(arms: bs.Fit) -> None:
    b = bs.Prior(median=0.08, factor=1.6) + bs.Smooth("position", sd=0.1, length=bs.Prior(median=8192, factor=2))
    own = bs.prior(replace(arms.model, parameters={"a": bs.Prior(median=1.8, factor=1.6), "b": b}), arms.runs, draws=400)
    found = bs.sensitivity(own, "loss at compute=10, position=61440")
    place = {"compute": [10.0], "position": 61440}
    np.testing.assert_allclose(np.exp(found.asked), bs.predict(own, place).isel(row=0), rtol=1e-10)
    assert found.shares["share"].sum() == pytest.approx(1.0)
    assert set(found.shares["part"]) == {"a", "b"}
    assert "prior of b" in set(found.shifts["moved_by"])
    notes = bs.predict(own, place).attrs["notes"]
    assert "position 61440 lies beyond the levels of the runs" in notes[0]
    assert found.notes[: len(notes)] == notes
    contrasted = bs.sensitivity(own, "contrast position=61440:30720 at compute=10")
    assert contrasted.notes[: len(notes)] == notes
    assert not [
        note for note in bs.sensitivity(own, "loss at compute=10, position=30720").notes if "levels of the runs" in note
    ]
    with pytest.raises(bs.InputError, match="has no level '61440'"):
        draw_estimand(own, "parameter b at position=61440")
    with pytest.raises(bs.InputError, match="has no level 'far'"):
        bs.sensitivity(own, "loss at compute=10, position=far")


@pytest.fixture(scope="module")
def swept(grid: pd.DataFrame) -> bs.Fit:
    """Draws from the prior of Chinchilla's law with a discrepancy."""
    study = bs.read_study("chinchilla")
    return bs.prior(study.model, study_runs(study, grid), draws=600)


def test_a_discrepancy_is_a_source_and_plans_and_splits_have_shares(swept: bs.Fit) -> None:
    fixed = bs.sensitivity(swept, "loss at params=1e9, tokens=2e10")
    law, off = (fixed.asked * 0 + of for of in _law_and_discrepancy(swept))
    sources = fixed.sources.set_index("source")
    assert {"law", "discrepancy"} <= set(sources.index)
    whole = float(fixed.asked.var())
    assert sources.loc["discrepancy", "share"] == pytest.approx(float(off.var()) / whole, abs=0.1)
    assert sources.loc["law", "share"] == pytest.approx(float(law.var()) / whole, abs=0.1)
    assert fixed.fitted > 0.9
    for question in ("plan at compute=1e21", "loss at compute=1e21", "run at compute=1e21"):
        found = bs.sensitivity(swept, question)
        assert found.shares["share"].sum() == pytest.approx(1.0)
        assert (found.shares["share"] >= 0).all()
        assert {"law", "discrepancy"} <= set(found.sources["source"])
        assert (PLANNED in found.summary()) == question.startswith("plan")


def test_the_legend_says_what_hollow_marks_are(found: Sensitivity) -> None:
    rows = {"prior": (0.8, 2.0), "likelihood": (0.5, 2.0)}
    for hollow, kinds in {True: ["prior", "likelihood"], False: ["likelihood"]}.items():
        kept = found.shifts[found.shifts["moved_by"].isin(kinds)].drop_duplicates("moved_by")
        table = pd.concat([kept[kept["moved_by"] == of].assign(power=power) for of in kinds for power in rows[of]])
        shown = replace(found, shifts=table.assign(reliable=True, q05=2.0, q50=2.1, q95=2.2))
        legend = plot_shifts(shown).get_legend()
        assert legend is not None
        assert ("by 0.8 or 1.25" in [text.get_text() for text in legend.get_texts()]) == hollow


def _law_and_discrepancy(fit: bs.Fit) -> tuple[xr.DataArray, xr.DataArray]:
    parts = decompose(fit, {"params": [1e9], "tokens": [2e10]})
    return parts["law"].isel(row=0).drop_vars("row", errors="ignore"), parts["discrepancy"].isel(row=0)


def test_parameters_with_a_joint_prior_are_scaled_together() -> None:
    rows = ((1.0, 0.5), (0.5, 1.0))
    joint = bs.JointPrior(("a", "noise_sd"), (1.0, NOISE), (1.1, 1.5), rows)
    priors = {
        "a": bs.Prior(median=1.0, factor=1.1),
        "b": bs.Prior(distribution="Normal", arguments={"mu": MEAN[1], "sigma": SD[1]}),
    }
    model = bs.Model(LAW, priors, FIT.model.noise, joint=(joint,))
    found = bs.sensitivity(replace(FIT, model=model), QUESTION)
    assert {"prior of a, noise_sd together", "prior of b", "prior"} <= set(found.shifts["moved_by"])
    whole = found.shifts.set_index(["moved_by", "power"])
    assert whole.loc[("prior of a, noise_sd together", 2.0), "shift"] != 0.0


def test_the_command_writes_a_table_and_a_figure(tmp_path: Path) -> None:
    folder = bs.save(FIT, tmp_path / "fit" / "fit.nc").parent
    middle = float(np.exp(draw_estimand(FIT, QUESTION).median()))
    specified(middle, 1.1 * middle).table.to_csv(tmp_path / "multiverse.csv", index=False)
    pd.DataFrame({"tokens": [1e3, 1e4], "flop": [1.0, 2.0]}).to_csv(tmp_path / "runs.csv", index=False)
    options = ("--candidates", tmp_path / "runs.csv", "--multiverse", tmp_path / "multiverse.csv")
    done = run("sensitivity", folder, "--of", QUESTION, *options)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(folder / "sensitivity.csv")
    assert set(table["about"]) == {"share", "shift", "run"}
    assert table.loc[table["about"] == "share", "share"].sum() == pytest.approx(1.0)
    assert "noise: normal" in set(table["moved_by"])
    assert (folder / "sensitivity.png").stat().st_size > 1000
    assert "Of its variance" in done.output
    refused(run("sensitivity", folder, "--of", "what"), "has no form that is known")
    wrong = run("sensitivity", folder, "--of", QUESTION, "--multiverse", tmp_path / "runs.csv")
    refused(wrong, "expected what `bayes-scaling multiverse` writes")


def test_the_command_takes_a_stack(tmp_path: Path) -> None:
    both = stack({"one": FIT, "two": shifted(0.05)}, {"one": 0.75, "two": 0.25})
    folder = bs.save(both, tmp_path / "stack" / "fit.nc").parent
    done = run("sensitivity", folder, "--of", QUESTION)
    assert done.exit_code == 0, done.output
    assert "which law holds" in done.output
    table = pd.read_csv(folder / "sensitivity.csv")
    shares = bs.sensitivity(both, QUESTION).shares["share"]
    np.testing.assert_allclose(table.loc[table["about"] == "share", "share"], shares, rtol=1e-6)


def test_widths_and_tables_have_no_more_digits_than_they_are_known_to() -> None:
    found = bs.sensitivity(FIT, QUESTION)
    said = re.findall(r"the band be ([\d.]+)(?: to ([\d.]+))? % as wide", found.summary())
    assert said
    assert all("." not in number for of in said for number in of)
    cells = re.findall(r"<td>(-?\d[\d.]*)</td>", found._repr_html_())
    assert cells
    assert all(len(cell.replace(".", "").strip("-0")) <= 4 for cell in cells)
