"""What moves an answer: against closed forms of linear normal models, invariances, stacks, and on wrong input."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.multiverse import Multiverse
from bayes_scaling.decisions.sensitivity.factors import Components, Factor, law_terms
from bayes_scaling.decisions.sensitivity.power_scaling import k_limit
from bayes_scaling.decisions.sensitivity.record import Sensitivity
from bayes_scaling.decisions.sensitivity.variance import moments, owen_values, regressors, share_table, shares
from bayes_scaling.inference.stacking import stack

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
    for name, tokens in {"1": [1e3], "2": [1e4], "3": [3e4], "1; 2; 3": [1e3, 1e4, 3e4]}.items():
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
