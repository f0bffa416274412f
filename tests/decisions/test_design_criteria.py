"""What runs save of a squared error or a regret: exact answers, several questions, set-up costs, and when to stop."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm
from test_design import QUESTION, SD, basis, exact, made

import bayes_scaling as bs
from bayes_scaling.decisions.design.criteria import expected_regret, gains_of, regret_gains
from bayes_scaling.decisions.design.information import joint
from bayes_scaling.decisions.design.ranked import RunSet, undominated
from bayes_scaling.decisions.design.sets import Prices, SetUp, best_sets, within_budget
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.plots import next_figure

PLACES = [1.0, 10.0, 100.0, 1000.0, 1e4, 3e4]
TABLE = pd.DataFrame({"tokens": PLACES, "flop": [1.0 + 0.01 * of for of in PLACES]})


def test_the_variance_that_a_run_saves_is_exact() -> None:
    fit = made()
    found = bs.next_runs(fit, TABLE, QUESTION)
    variance = float(draw_estimand(fit, QUESTION).var(ddof=1))
    told = np.array([exact(fit, [at], np.eye(1) * SD**2) for at in PLACES])
    assert found.expected == pytest.approx(variance)
    np.testing.assert_allclose(found.reduction, variance * -np.expm1(-2 * told), rtol=1e-7)
    for one in found.sets:
        assert one.reduction == pytest.approx(variance * -np.expm1(-2 * one.information), rel=1e-7)
    same = bs.next_runs(fit, TABLE, QUESTION, criterion="information")
    np.testing.assert_allclose(same.reduction, told, rtol=1e-7)
    assert [one.members for one in same.sets] == [one.members for one in found.sets]  # of one question both order sets alike


def test_several_questions_count_by_the_mean_of_their_squared_errors() -> None:
    fit, ends = made(), [1.0, 1e5]
    questions = [f"loss at tokens={at:g}" for at in ends]
    found = bs.next_runs(fit, TABLE, questions)
    own = np.cov(np.log(fit.posterior["a"]).to_numpy().ravel(), fit.posterior["b"].to_numpy().ravel())
    asked = basis(ends)
    for place, at in enumerate(PLACES):
        row = basis(at)
        after = own - own @ row.T @ row @ own / (row @ own @ row.T + SD**2)
        saved = np.trace(asked @ (own - after) @ asked.T) / 2
        assert found.reduction[place] == pytest.approx(saved, rel=1e-6)
    draws = xr.concat([draw_estimand(fit, one).drop_attrs() for one in questions], "end")
    np.testing.assert_allclose(bs.next_runs(fit, TABLE, draws).reduction, found.reduction)
    assert "2 questions" in found.summary()
    assert {"saved", "sd_after"} <= set(found.to_frame())
    # The ends of the range are known best from both of them, which no single question says.
    assert {PLACES[i] for i in found.sets[1].members} >= {3e4}
    with pytest.raises(bs.InputError, match="information is of one question"):
        bs.next_runs(fit, TABLE, questions, criterion="information")
    with pytest.raises(bs.InputError, match="different units"):
        bs.next_runs(fit, TABLE, [QUESTION, "parameter b"])


def test_the_regret_of_two_options_is_the_unit_normal_loss() -> None:
    """E max(0, d) of a normal difference d, before and after: for two options the value of information in closed form."""
    rng = np.random.default_rng(2)
    difference = 0.02 + 0.03 * rng.standard_normal(20_000)
    losses = np.column_stack([np.zeros_like(difference), difference])
    shown = np.column_stack([difference, 0.2 * difference + 0.1 * rng.standard_normal(20_000)])
    of = joint(losses, shown, np.arange(2)[:, None], np.full((2, 1, 1), 0.02**2))
    gains = regret_gains(of, losses, 0)
    now, found = gains(())
    assert now == pytest.approx(0.0, abs=1e-12)
    for place in range(2):
        both = np.cov(difference, shown[:, place])
        moved = abs(both[0, 1]) / np.sqrt(both[1, 1] + 0.02**2)
        middle = abs(difference.mean())
        value = moved * norm.pdf(middle / moved) - middle * norm.cdf(-middle / moved)
        assert found[place] == pytest.approx(value, rel=0.05, abs=2e-6)
    apart = losses + np.array([0.0, 1.0])
    sure = regret_gains(joint(apart, shown, np.arange(2)[:, None], np.full((2, 1, 1), 0.02**2)), apart, 0)
    np.testing.assert_allclose(sure(())[1], 0.0, atol=1e-9)  # what changes no decision is worth nothing
    together = gains([0, 1])
    assert together[0] >= found.max() * 0.99


def test_the_regret_of_more_options_than_there_are_normals() -> None:
    rng = np.random.default_rng(0)
    level = rng.standard_normal((2000, 1))
    losses = 0.1 * level * np.linspace(-1.0, 1.0, 600)
    of = joint(losses, level, np.zeros((1, 1), dtype=int), np.full((1, 1, 1), 1e-6))
    saved = regret_gains(of, losses, 0)(())[1]
    assert saved[0] == pytest.approx(expected_regret(losses), rel=0.05)  # the run tells all there is to know


def test_a_choice_that_is_settled_has_no_regret() -> None:
    fit = made()
    loss = draw_estimand(fit, QUESTION).drop_attrs()
    found = bs.next_runs(fit, TABLE, xr.concat([loss, 1.1 * loss + 9.0, 1.3 * loss + 9.0], "option"), criterion="regret")
    assert found.expected == 0.0
    assert found.stop
    assert "no set within the budget is expected to save anything of the regret" in found.summary()
    np.testing.assert_array_equal(found.to_frame()["saved"], 0.0)


def test_outputs_of_a_run_are_no_choice() -> None:
    inputs = {"tokens": bs.Input("tokens", "tokens", 1.0)}
    runs = bs.read_runs(
        {"tokens": [1.0, 10.0, 100.0], "web": [3.0, 2.0, 1.0], "code": [2.0, 1.5, 1.0]},
        bs.Columns(inputs, bs.Response(unit="nats/token"), outputs=["web", "code"]),
    )
    a, noise = bs.Prior(median=3.0, factor=1.5) + bs.Varying("output", 0.2), bs.Noise(bs.Prior(median=0.01, factor=3.0))
    model = bs.Model(bs.parse_law("a * tokens**-b", ["tokens"]), {"a": a, "b": bs.Prior(median=0.1, factor=2.0)}, noise)
    fit = bs.prior(model, runs, draws=50)
    candidates = pd.DataFrame({"candidate": "one", "tokens": 30.0, "output": ["web", "code"], "flop": 1.0})
    with pytest.raises(bs.InputError, match="'output' is no choice"):
        bs.next_runs(fit, candidates, "contrast output=web:code at tokens=1000", criterion="regret")
    assert len(bs.next_runs(fit, candidates, "loss at tokens=1000, output=web").to_frame()) == 1


def test_the_regret_of_a_plan_and_of_questions_that_decide_nothing(chinchilla: bs.Fit) -> None:
    candidates = pd.DataFrame({"params": [1e8, 1e9, 4e9], "tokens": [2e9, 2e10, 8e10]})
    found = bs.next_runs(chinchilla, candidates, "plan at compute=1e22", criterion="regret")
    assert 0 < found.expected < 0.05
    assert (found.reduction >= 0).all()
    assert found.best.reduction <= found.expected
    frame = found.to_frame()
    assert (frame["regret_after"] <= frame["regret_before"]).all()
    assert "expected regret" in found.summary()
    assert "regret" in next_figure(found).axes[0].get_ylabel()
    with pytest.raises(bs.InputError, match="decides nothing"):
        bs.next_runs(chinchilla, candidates, "loss at params=1e10, tokens=2e11", criterion="regret")
    with pytest.raises(bs.InputError, match="one decision"):
        bs.next_runs(chinchilla, candidates, ["plan at compute=1e22", "plan at compute=1e23"], criterion="regret")
    with pytest.raises(bs.InputError, match="criterion must be"):
        bs.next_runs(chinchilla, candidates, "plan at compute=1e22", criterion="entropy")  # type: ignore[arg-type]


def test_the_regret_of_a_contrast(moba: bs.Fit) -> None:
    asked = "contrast attention=moba:full at compute=10, position=30720"
    new = pd.DataFrame({"compute": [3.0, 10.0], "position": 30720, "attention": ["moba", "full"]})
    found = bs.next_runs(moba, new, asked, criterion="regret")
    draws = draw_estimand(moba, asked)
    assert found.expected == pytest.approx(
        float(min(draws.clip(min=0).mean(), (-draws).clip(min=0).mean())), rel=1e-6, abs=1e-12
    )


def test_what_is_set_up_is_paid_once() -> None:
    fit = made()
    table = TABLE.assign(cluster=["old", "old", "new", "new", "new", "other"])
    found = bs.next_runs(fit, table, QUESTION, set_up={"cluster": 1000.0})
    each = table["flop"].to_numpy()
    np.testing.assert_allclose(found.flop, each + 1000.0)
    for one in found.sets:
        of = list(one.members)
        assert one.flop == pytest.approx(each[of].sum() + 1000.0 * table["cluster"].iloc[of].nunique())
    limited = bs.next_runs(fit, table, QUESTION, 1250.0, set_up={"cluster": 1000.0})
    assert all(one.flop <= 1250.0 for one in limited.sets)
    assert all(len(set(table["cluster"].iloc[list(one.members)])) == 1 for one in limited.sets)
    with pytest.raises(bs.InputError, match="no column 'team' to set up"):
        bs.next_runs(fit, table, QUESTION, set_up={"team": 1.0})
    with pytest.raises(bs.InputError, match="the cheapest candidate takes"):
        bs.next_runs(fit, table, QUESTION, 900.0, set_up={"cluster": 1000.0})
    with pytest.raises(bs.InputError, match="several values of 'cluster'"):
        bs.next_runs(fit, table.assign(candidate="all"), QUESTION, set_up={"cluster": 1.0})


def test_what_a_fit_does_not_keep_is_paid_for_and_said_and_empty_cells_are_refused(moba: bs.Fit) -> None:
    found = bs.next_runs(made(), TABLE.assign(cluster="old"), QUESTION, set_up={"cluster": 1000.0})
    said = "the fit keeps no column 'cluster' of its runs: each of its values is set up and paid for"
    assert any(note.startswith(said) for note in found.notes)
    assert f"note [next]: {said}" in found.summary()
    known = pd.DataFrame({"compute": [3.0], "position": 30720, "attention": ["moba"], "flop": 5.0})
    asked = "contrast attention=moba:full at compute=10, position=30720"
    assert not any("keeps no column" in note for note in bs.next_runs(moba, known, asked, set_up={"attention": 7.0}).notes)
    empty = TABLE.assign(cluster=["old", None, "new", "new", "new", "other"])
    with pytest.raises(bs.InputError, match="column 'cluster', row 2: what to set up is missing; expected a value"):
        bs.next_runs(made(), empty, QUESTION, set_up={"cluster": 1000.0})


def test_levels_that_the_runs_have_are_set_up_already(moba: bs.Fit) -> None:
    asked = "contrast attention=moba:full at compute=10, position=30720"
    new = pd.DataFrame({"compute": [3.0, 3.0], "position": 30720, "attention": ["moba", "sliding"], "flop": 5.0})
    found = bs.next_runs(moba, new, asked, set_up={"attention": 7.0})
    assert found.flop.tolist() == [5.0, 12.0]


def test_a_budget_pays_for_more_than_five_runs() -> None:
    fit = made()
    table = pd.DataFrame({"tokens": np.geomspace(100.0, 1e3, 30), "flop": 1.0})
    found = bs.next_runs(fit, table, QUESTION, 12.0)
    assert len(found.sets) == 6
    largest = found.sets[-1]
    assert 5 < len(largest.members) <= 12
    assert largest.flop <= 12.0
    assert largest.information > found.sets[-2].information
    assert len(bs.next_runs(fit, table, QUESTION).sets) == 5


def test_stopping_where_nothing_is_worth_it() -> None:
    fit = made()
    assert not bs.next_runs(fit, TABLE, QUESTION, 2.0).stop
    found = bs.next_runs(fit, TABLE, QUESTION, 2.0, worth=0.95)
    assert found.stop
    assert "Stop: no set within the budget" in found.summary()
    share = float(found.saved(max(one.reduction for one in found.sets)))
    assert not bs.next_runs(fit, TABLE, QUESTION, 2.0, worth=0.9 * share).stop
    with pytest.raises(bs.InputError, match="worth"):
        bs.next_runs(fit, TABLE, QUESTION, worth=1.5)


def test_sets_of_as_many_runs_as_are_asked_for() -> None:
    table = pd.DataFrame({"tokens": np.geomspace(1e4, 1e5, 30), "flop": 1.0})
    found = bs.next_runs(made(), table, QUESTION, most=12)
    assert [len(one.members) for one in found.sets] == list(range(1, 13))
    assert [len(one.members) for one in bs.next_runs(made(), table, QUESTION, 12.0, most=3).sets] == [1, 2, 3]
    assert found.enough is not None
    share = np.diff([found.saved(one.reduction) for one in found.sets])
    assert (share[len(found.enough.members) - 1 :] < 0.01).all()
    assert share[len(found.enough.members) - 2] >= 0.01
    assert f"Beyond {len(found.enough.members)} runs" in found.summary()
    assert "larger sets may pay" in bs.next_runs(made(), table, QUESTION, most=2).summary()
    assert "larger sets may pay" not in bs.next_runs(made(), table, QUESTION, 2.5).summary()  # the budget pays for two
    once = bs.next_runs(made(), table.assign(arch="new"), QUESTION, 2.5 + 1.0, most=2, set_up={"arch": 1.0})
    assert "larger sets may pay" not in once.summary()  # 1 to set up and 2 to run leave 0.5
    once = bs.next_runs(made(), table.assign(arch="new"), QUESTION, 4.0, most=2, set_up={"arch": 1.0})
    assert "The last of 2 runs still saves" in once.summary()  # by itself the third takes 2, of which 1 is paid for
    for wrong in (0, 21, 2.5):
        with pytest.raises(bs.InputError, match="most"):
            bs.next_runs(made(), table, QUESTION, most=wrong)  # type: ignore[arg-type]


def test_a_set_that_costs_more_and_saves_less_is_not_offered() -> None:
    sets = [
        RunSet((0,), 5.0, 1.0, 3.0),
        RunSet((1, 2), 6.0, 0.5, 2.0),
        RunSet((1, 3), 4.0, 0.4, 1.0),
        RunSet((4,), 5.0, 1.0, 3.0),
    ]
    assert undominated(sets) == (sets[0], sets[2])
    # One dear run tells more than two that the budget pays for beside it.
    table = pd.DataFrame({"tokens": [1e5, 12.0, 13.0, 14.0], "flop": [10.0, 5.0, 5.5, 6.0]})
    found = bs.next_runs(made(), table, QUESTION, 11.0)
    assert [one.members for one in found.sets] == [(0,)]


def test_what_saving_all_of_it_is_worth_bounds_what_is_paid() -> None:
    table = pd.DataFrame({"tokens": [1e4, 1e4, 1e4], "flop": 5.0, "place": ["x", "x", "y"]})
    free = bs.next_runs(made(), table, QUESTION)
    for value in (6.0, 30.0, 1e4):
        found = bs.next_runs(made(), table, QUESTION, value=value)
        net = [value * float(free.saved(one.reduction)) - one.flop for one in free.sets]
        np.testing.assert_allclose(found.sets_to_frame()["net"], net)
        assert found.best == found.sets[int(np.argmax(net))]
        assert found.stop == (max(net) <= 0)
    assert not bs.next_runs(made(), table, QUESTION, value=8.0).stop
    dear = bs.next_runs(made(), table, QUESTION, value=8.0, set_up={"place": 5.0})
    assert dear.stop
    assert "worth what it costs" in dear.summary()
    # A cheap run is worth its cost where the one that tells most is not.
    unlike = pd.DataFrame({"tokens": [1e4, 1e5], "flop": [1.0, 50.0]})
    cheap = bs.next_runs(made(), unlike, QUESTION, value=10.0)
    assert cheap.best.members == (0,)
    assert not cheap.stop
    assert bs.next_runs(made(), unlike, QUESTION, value=1e5).best.members == (0, 1)
    with pytest.raises(bs.InputError, match="value"):
        bs.next_runs(made(), table, QUESTION, value=0.0)


def test_runs_that_exist_count_as_repeats() -> None:
    found = bs.next_runs(
        made(), pd.DataFrame({"candidate": ["again", "new"], "tokens": [1000.0, 2000.0], "flop": 1.0}), QUESTION
    )
    assert any("'again'" in note and "repeats" in note for note in found.notes)


def test_a_discrepancy_makes_far_small_runs_worth_less() -> None:
    """Draws of law and discrepancy: certainty about the law at small runs is not certainty about the target."""
    rng = np.random.default_rng(0)
    at = np.log(np.array([1.0, 10.0, 100.0, 1e3, 1e4, 1e5]))
    law = rng.normal(0, 0.05, (4000, 1)) + rng.normal(0, 0.02, (4000, 1)) * (at - at.mean())
    far = np.abs(at[:, None] - at) / 3.0
    off = rng.multivariate_normal(np.zeros(6), 0.03**2 * (1 + 5**0.5 * far + 5 / 3 * far**2) * np.exp(-(5**0.5) * far), 4000)
    rows, noise = np.arange(5)[:, None], np.full((5, 1, 1), 0.005**2)
    alone = gains_of(joint(law[:, -1], law[:, :-1], rows, noise), "variance")
    both = gains_of(joint((law + off)[:, -1], (law + off)[:, :-1], rows, noise), "variance")
    share = lambda gains, members: gains(members)[0] / gains([0, 1, 2, 3, 4])[0]  # noqa: E731
    assert share(alone, [0, 1]) > 0.9  # two small runs fix a straight line
    assert share(both, [0, 1]) < 0.8
    assert share(both, [4]) > share(alone, [4]) - 0.05


def test_prices_of_sets() -> None:
    prices = Prices(np.array([1.0, 2.0, 3.0]), (SetUp(np.array([0, 0, 1]), np.array([10.0, 0.0])),), 20.0)
    assert prices.alone.tolist() == [11.0, 12.0, 3.0]
    assert prices.total([0, 1]) == 13.0
    assert prices.beside([0]).tolist() == [1.0, 2.0, 3.0]
    rng = np.random.default_rng(1)
    shown = rng.normal(size=(500, 3))
    gains = gains_of(joint(shown.sum(axis=1), shown, np.arange(3)[:, None], np.ones((3, 1, 1))), "variance")
    assert best_sets(gains, Prices(prices.each, prices.set_up, 12.0))[0] in {(0,), (1,), (2,)}
    assert within_budget(gains, Prices(prices.each, prices.set_up, 13.0), 0.0) == (0, 1)
    assert within_budget(gains, Prices(prices.each, prices.set_up, 16.0), 0.0) == (0, 1, 2)
