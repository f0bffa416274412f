"""Several laws fitted as one: weights by extrapolation within the runs, and everything that a fit can."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.inference.parameters import parameter_table, parameters_of
from bayes_scaling.inference.stacking import Stack, stack, whole_fits
from bayes_scaling.inference.stacking_weights import stacking_weights
from bayes_scaling.report.sentences import stack_sentences
from bayes_scaling.validation.splits import HELD, TRAINED, extrapolations
from bayes_scaling.validation.stack_judging import judging
from bayes_scaling.validation.stack_sentences import weighing_sentences

NOISE = bs.Noise(sd=bs.Prior(median=0.01, factor=3.0))
A, B, E = bs.Prior(median=1.0, factor=2.0), bs.Prior(median=0.2, factor=2.0), bs.Prior(median=1.5, factor=1.5)
LINE = bs.Model(bs.laws.power_law, {"a": bs.Prior(median=2.5, factor=1.5), "b": B}, NOISE)
FLOOR = bs.Model(bs.laws.power_law_floor, {"E": E, "a": A, "b": B}, NOISE)
LAWS = {"line": LINE, "floor": FLOOR}
QUICK = bs.Settings(draws=250, tune=300, chains=2, progress=False)


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Runs over four decades of compute, on a law with a floor."""
    compute = np.geomspace(0.01, 100, 30)
    scatter = np.random.default_rng(3).normal(0, 0.008, compute.size)
    table = pd.DataFrame({"compute": compute, "loss": (1.6 + 0.9 * compute**-0.2) * np.exp(scatter)})
    return bs.read_runs(table, bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}))


@pytest.fixture(scope="module")
def fitted(runs: Runs) -> Stack:
    return bs.fit_stack(LAWS, runs, QUICK)


@pytest.fixture(scope="module")
def sizes() -> pd.DataFrame:
    return pd.DataFrame({"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]})


@pytest.fixture(scope="module")
def of_prior(sizes: pd.DataFrame) -> Stack:
    """Two laws of params and tokens, one with a discrepancy; draws of the prior do as well as any, and cost nothing."""
    study = bs.read_study("chinchilla_law")
    runs = bs.read_runs(sizes, study.columns)
    priors = {
        name: bs.Prior(median=median, factor=1.1)
        for name, median in {"E": 1.8, "A": 0.4, "alpha": 0.35, "B": 0.4, "beta": 0.35, "delta": 0.05}.items()
    }
    bent = (bs.Discrepancy(bs.Prior(median=0.02, factor=1.5), bs.Prior(median=4.0, factor=1.5)),)
    laws = {
        "bent": replace(study.model, parameters={n: of for n, of in priors.items() if n != "delta"}, discrepancy=bent),
        "interaction": replace(study.model, law=bs.laws.interaction, parameters=priors),
    }
    fits = {name: bs.prior(model, runs, 300, seed=i) for i, (name, model) in enumerate(laws.items())}
    return stack(fits, {"bent": 0.75, "interaction": 0.25})


def test_the_law_that_extrapolates_has_more_weight(fitted: Stack) -> None:
    found = fitted.weighing
    assert found is not None
    assert fitted.weights["floor"] > fitted.weights["line"]
    assert sum(fitted.weights.values()) == pytest.approx(1.0)
    assert fitted.weights["line"] >= 0.5 / (2 + 1) - 1e-6  # what a prior worth one of two cuts leaves
    assert found.log_scores["floor"] > found.log_scores["line"]
    assert found.prior == {"line": 0.5, "floor": 0.5}
    assert len(found.train) == 2
    assert found.held == sum(len(part.held) for part in extrapolations(fitted.runs))
    assert set(found.seconds) == set(found.steps) == set(LAWS)
    assert min(found.steps.values()) > 0


def test_a_stack_has_at_most_the_draws_of_one_law(fitted: Stack) -> None:
    assert sum(fitted.counts.values()) <= QUICK.draws * QUICK.chains + 1
    assert {name: of.posterior.sizes["chain"] for name, of in fitted.fits.items()} == {"line": 2, "floor": 2}


def test_prior_weights_are_the_centre() -> None:
    lost = {"a": np.zeros(10), "b": np.full(10, -50.0)}
    even = stacking_weights(lost, 5.0)
    uneven = stacking_weights(lost, 5.0, {"a": 1.0, "b": 9.0})
    assert even["b"] == pytest.approx(0.5 * 5 / 15, abs=1e-4)
    assert uneven["b"] == pytest.approx(0.9 * 5 / 15, abs=1e-4)
    same = {"a": np.zeros(4), "b": np.zeros(4)}
    assert stacking_weights(same, 4.0, {"a": 1.0, "b": 3.0})["b"] == pytest.approx(0.75, abs=1e-4)
    with pytest.raises(bs.InputError, match="above 0"):
        stacking_weights(same, 1.0, {"a": 0.0, "b": 1.0})


def test_runs_too_few_to_be_cut_leave_the_prior_weights(runs: Runs) -> None:
    few = subset(runs, "compute < 0.06")
    assert len(few) < TRAINED + HELD
    found = bs.fit_stack(LAWS, few, replace(QUICK, draws=150), prior={"line": 1.0, "floor": 3.0})
    assert found.weights == pytest.approx({"line": 0.25, "floor": 0.75})
    assert found.weighing is not None
    assert found.weighing.train == ()
    assert any("too few" in one for one in weighing_sentences(found))


def test_cuts_leave_enough_rows_to_train_on_and_to_predict(runs: Runs) -> None:
    crowded = replace(runs, table=runs.table.assign(compute=[0.01, *np.geomspace(50, 100, len(runs) - 1)]))
    parts = extrapolations(crowded)
    assert parts
    for part in (*parts, *extrapolations(runs)):
        assert len(part.train) >= TRAINED
        assert len(part.held) >= HELD
        assert part.train.table["compute"].max() < part.held["compute"].min()
    flat = replace(runs, table=runs.table.assign(compute=1.0))
    assert extrapolations(flat) == ()


def test_a_law_that_is_not_to_be_trusted_is_left_out(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from bayes_scaling.validation import fit_stack as module

    whole = module.fit

    def wary(model: bs.Model, of: Runs, settings: bs.Settings) -> bs.Fit:
        return replace(whole(model, of, settings), health=replace(CLEAN, r_hat=1.5) if model is LINE else CLEAN)

    monkeypatch.setattr(module, "fit", wary)
    found = bs.fit_stack(LAWS, runs, QUICK)
    assert found.weights == {"floor": 1.0}
    assert found.weighing is not None
    assert "R-hat" in found.weighing.left_out["line"]
    assert any(one.startswith("line is left out") for one in weighing_sentences(found))


def test_wrong_calls_are_refused(runs: Runs) -> None:
    with pytest.raises(bs.InputError, match="two laws or more"):
        bs.fit_stack({"line": LINE}, runs, QUICK)
    with pytest.raises(bs.InputError, match="names no stack"):
        bs.fit_stack("chinchilla_law")
    with pytest.raises(bs.InputError, match="mapping from names"):
        bs.fit_stack(LINE, runs)  # type: ignore[arg-type]
    with pytest.raises(bs.InputError, match="above 0"):
        bs.fit_stack(LAWS, runs, QUICK, prior={"line": 1.0})
    with pytest.raises(bs.InputError, match="noise on"):
        bs.fit_stack({"line": LINE, "floor": replace(FLOOR, noise=replace(NOISE, on="loss"))}, runs, QUICK)


def test_parts_are_judged_with_fewer_draws_once() -> None:
    asked = judging(bs.Settings(draws=2000, rounds=3))
    assert (asked.draws, asked.rounds, asked.progress) == (500, 0, False)
    assert judging(QUICK).draws == QUICK.draws


def test_a_stack_reads_back_from_its_file_to_the_last_bit(fitted: Stack, tmp_path: Path) -> None:
    again = bs.load(bs.save(fitted, tmp_path / "fit.nc"))
    assert isinstance(again, Stack)
    assert again.weights == fitted.weights
    assert again.weighing == fitted.weighing
    assert again.health == fitted.health
    for name in LAWS:
        assert again.fits[name].draws.identical(fitted.fits[name].draws)
        assert again.members[name].posterior.identical(fitted.members[name].posterior)
        assert again.members[name].settings == fitted.members[name].settings
    points = {"compute": [0.5, 900.0]}
    assert bs.predict_runs(again, points, seed=1).identical(bs.predict_runs(fitted, points, seed=1))


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_stack_is_refused(of_prior: Stack, tmp_path: Path, place: float) -> None:
    path = bs.save(of_prior, tmp_path / "fit.nc")
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(bs.InputError, match=r"fit\.nc"):
        bs.load(path)


def test_a_plan_is_of_the_mixture(of_prior: Stack) -> None:
    found = bs.plan(of_prior, [1e20])
    count = sum(of_prior.counts.values())
    assert found.loss.sizes["draw"] == count
    assert found.optimum.sizes["draw"] == count
    alone = {name: bs.plan(one, [1e20]).choice["params"].iloc[0] for name, one in of_prior.members.items()}
    assert min(alone.values()) <= found.choice["params"].iloc[0] <= max(alone.values())
    point = found.choice[["params", "tokens"]].iloc[[0]]
    others = [float(bs.predict(of_prior, point.assign(params=p, tokens=1e20 / 6 / p)).mean()) for p in alone.values()]
    assert float(bs.predict(of_prior, point).mean()) <= min(others) * (1 + 1e-6)


def test_a_stack_of_one_law_twice_plans_as_the_law_does(of_prior: Stack) -> None:
    law = of_prior.fits["interaction"]
    twice = stack({"a": law, "b": law}, {"a": 0.5, "b": 0.5})
    one, other = bs.plan(law, 1e21), bs.plan(twice, 1e21)
    assert other.choice["params"].iloc[0] == pytest.approx(one.choice["params"].iloc[0], rel=1e-6)
    assert float(other.optimum["params"].median()) == pytest.approx(float(one.optimum["params"].median()), rel=1e-6)


def test_what_to_run_next_is_of_the_mixture(of_prior: Stack) -> None:
    candidates = pd.DataFrame({"params": [3e8, 3e9], "tokens": [6e9, 6e10]})
    found = bs.next_runs(of_prior, candidates, "loss at params=1e10, tokens=2e11")
    assert found.to_frame()["information"].max() > 0
    with pytest.raises(bs.InputError, match="'bent', 'interaction'"):
        bs.next_runs(of_prior, candidates, "parameter E")


def test_what_asks_for_one_law_names_the_fits(of_prior: Stack) -> None:
    with pytest.raises(bs.InputError, match="'bent', 'interaction'"):
        of_prior.model  # type: ignore[attr-defined]  # noqa: B018


def test_parameters_have_a_column_for_the_law(fitted: Stack) -> None:
    table = parameters_of(fitted)
    assert next(iter(table)) == "law"
    for name, one in whole_fits(fitted).items():
        own = table[table["law"] == name].drop(columns="law").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, parameter_table(one))
    assert list(parameters_of(fitted.fits["floor"])) == list(parameter_table(fitted.fits["floor"]))


def test_a_stack_says_its_weights_and_how_they_were_found(fitted: Stack) -> None:
    said = stack_sentences(fitted)
    assert said[0].startswith("Weights of the laws: line 0.")
    assert any("predictions of larger runs" in one for one in said)
    assert any("leapfrog steps" in one for one in said)
    assert any(one.startswith("Loss at ten times") for one in said)


def test_findings_of_a_stack_name_the_law(fitted: Stack) -> None:
    for one in bs.findings(fitted):
        assert one.sentence.startswith("floor: ") or one in bs.findings(fitted.fits["floor"])


def test_a_stack_has_a_page(fitted: Stack, tmp_path: Path) -> None:
    page = bs.write_report(fitted, tmp_path / "page.html").read_text()
    assert "Laws and their weights" in page
    for name in LAWS:
        assert f"<h3>{name}, weight" in page
    assert "figure-laws" in page
    data = page[page.index('id="data">') + len('id="data">') :]
    assert json.loads(data[: data.index("</script>")])["figures"]
