"""Where a law varies over runs, what is asked without one is asked of a new run; levels of an order need no runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, PUBLISHED

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.sensitivity.further_runs import proposed
from bayes_scaling.prediction.predict import predict

LAW = "E + A * params**-alpha + B * tokens**-beta"
INPUTS = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 1e10)}
AT = "params=4e9, tokens=1e11, arch=sparse"


def grid() -> pd.DataFrame:
    sizes = [(a, p, t) for a in ("dense", "sparse") for p in (1e8, 5e8, 2e9) for t in (3e9, 1.2e10, 5e10)]
    table = pd.DataFrame(sizes, columns=["arch", "params", "tokens"])
    loss = 1.8 + 0.37 * (table["params"] / 1e9) ** -0.35 + 0.46 * (table["tokens"] / 1e10) ** -0.37
    run = table["arch"] + table["params"].map("{:g}".format)
    return table.assign(
        loss=loss, run=run, voc=np.where(table["tokens"] < 1e10, "32k", "64k"), pos=np.where(table["params"] < 1e9, 512, 1024)
    )


def narrow(term: bs.Varying | bs.Ordered | bs.Smooth, name: str, groups: dict[str, str]) -> bs.Fit:
    """Return draws of narrow priors as a fit, where `name` has a further term."""
    priors = {one: bs.Prior(median=of, factor=1.02) for one, of in PUBLISHED.items()}
    priors["E"] = priors["E"] + bs.Varying("arch", 0.1)
    model = bs.Model(
        bs.parse_law(LAW, ["params", "tokens"]),
        priors | {name: priors[name] + term},
        bs.Noise(bs.Prior(median=0.01, factor=1.02), "normal"),
    )
    columns = bs.Columns(INPUTS, bs.Response("loss", "nats/token"), {"arch": "arch", **groups}, run="run")
    return replace(bs.prior(model, bs.read_runs(grid(), columns), draws=40), health=CLEAN)


@pytest.fixture(scope="module")
def over_runs() -> bs.Fit:
    return narrow(bs.Varying("run", 0.1), "A", {})


@pytest.fixture(scope="module")
def over_order() -> bs.Fit:
    return narrow(bs.Ordered("voc", 0.05, levels=("32k", "64k", "128k"), direction="decreasing"), "A", {"voc": "voc"})


def test_a_ranking_and_a_question_without_a_run_are_of_a_new_one(over_runs: bs.Fit) -> None:
    found = bs.rank(over_runs, "arch", "dense", {"compute": [1e21]})
    assert "run" not in found.points
    assert "a new one" not in found.summary()
    asked = draw_estimand(over_runs, f"loss at {AT}")
    named = predict(over_runs, {"params": [4e9], "tokens": [1e11], "arch": ["sparse"], "run": ["a new one"]})
    np.testing.assert_allclose(np.exp(asked), named.isel(row=0))
    assert proposed(over_runs)["run"].is_unique


def test_what_moves_an_answer_is_said_where_the_law_varies_over_runs(over_runs: bs.Fit) -> None:
    found = bs.sensitivity(over_runs, f"loss at {AT}")
    assert "run new" not in found.summary()
    assert found.summary().startswith(f"loss at {AT}")


@pytest.mark.slow
def test_a_report_of_a_law_that_varies_over_runs_is_written(over_runs: bs.Fit, tmp_path: Path) -> None:
    page = bs.write_report(over_runs, tmp_path / "report.html", compute=1e21).read_text()
    assert "Its uncertainty, and what moves it" in page


def test_levels_that_an_order_lists_are_ranked_without_runs(over_order: bs.Fit) -> None:
    found = bs.rank(over_order, "voc", "32k", {"compute": [1e21], "arch": ["sparse"]}, levels=["128k"])
    assert found.others == ["128k"]
    assert np.isnan(found.largest["128k"])
    assert np.isfinite(found.to_frame()["beyond_runs"]).all()
    assert any("voc 128k lies beyond the levels of the runs" in note for note in found.notes)
    assert "128k instead of 32k" in found.summary()
    found.plot()
    base = bs.rank(over_order, "voc", "128k", {"compute": [1e21], "arch": ["sparse"]})
    assert base.others == ["32k", "64k"]
    assert "nan" not in base.summary()
    with pytest.raises(InputError, match="group 'voc' has no level '256k'"):
        bs.rank(over_order, "voc", "32k", {"compute": [1e21], "arch": ["sparse"]}, levels=["256k"])


def test_levels_that_an_order_lists_are_asked_about_without_runs(over_order: bs.Fit) -> None:
    question = f"contrast voc=128k:32k at {AT}"
    assert bs.sensitivity(over_order, question).notes
    assert np.isfinite(draw_estimand(over_order, question)).all()
    candidates = {"params": [4e9, 8e9], "tokens": [1e11, 1e11], "arch": "sparse", "voc": ["128k", "64k"]}
    found = bs.next_runs(over_order, candidates, question)
    assert len(found.to_frame()) == 2


def test_places_between_the_levels_of_a_smooth_term_are_ranked() -> None:
    fit = narrow(bs.Smooth("pos", 0.05, bs.Prior(median=1.0, factor=1.5), log=True), "A", {"pos": "pos"})
    found = bs.rank(fit, "pos", 512, {"compute": [1e21], "arch": ["sparse"]}, levels=[700, 800.5])
    assert [str(one) for one in found.others] == ["700", "800.5"]
    assert any("pos 700 lies between the levels of the runs" in note for note in found.notes)
    assert "700 instead of 512" in found.summary()
