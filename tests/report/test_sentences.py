"""Sentences: which run, which level, which compute, which target; digits that follow the band; no form for two questions."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, fit_of, fit_with, sweep
from typer.testing import CliRunner, Result

import bayes_scaling as bs
from bayes_scaling._base.numbers import band, number
from bayes_scaling.cli.commands import app
from bayes_scaling.decisions.estimand_text import parse_estimand
from bayes_scaling.decisions.estimands import every_question
from bayes_scaling.decisions.group_cells import every_cell
from bayes_scaling.decisions.plan_sentences import plan_sentence
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.decisions.targets import needed_sentences
from bayes_scaling.model.studies.reading import read_study
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.report.sentences import summary_sentences

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    return sweep(CLEAN)


@pytest.fixture(scope="module")
def narrow() -> bs.Fit:
    """Twenty seeds near the end of their training, known to a ten-thousandth."""
    study = read_study(CASES / "narrow.toml")
    runs = study_runs(study)
    rng, shape = np.random.default_rng(1), (2, 400)
    draws = {
        "level": rng.normal(3.27842, 0.00015, shape),
        "slope": rng.normal(0.0645, 0.002, shape),
        "noise_sd": np.full(shape, 1e-4),
        "residual_sd_run": np.full(shape, 2e-4),
        "residual_by_run": rng.normal(0, 1e-4, (*shape, 12)),
    }
    return fit_of(study.model, runs, draws, CLEAN, {"residual_by_run": ("run",)})


@pytest.fixture(scope="module")
def of_runs() -> bs.Fit:
    """A law whose level differs between runs, the largest of which is not the last by name."""
    names = ["a 100M", "b 3B", "c 800M", "d"]
    table = pd.DataFrame({"params": [1e8, 3e9, 8e8, 2e8], "loss": [3.0, 2.5, 2.7, 2.9], "run": names})
    columns = bs.Columns({"params": bs.Input("params", "parameters", 1e9)}, bs.Response("loss", "nats"), run="run")
    model = bs.Model(
        bs.parse_law("a * params**-b", ["params"]),
        {"a": bs.Prior(median=2.6, factor=1.5) + bs.Varying("run", sd=0.1), "b": bs.Prior(median=0.05, factor=2.0)},
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"),
    )
    rng, shape = np.random.default_rng(2), (2, 200)
    draws = {"a": rng.normal(2.6, 0.01, shape), "b": rng.normal(0.05, 0.001, shape), "noise_sd": np.full(shape, 0.01)}
    draws |= {"a_sd_run": np.full(shape, 0.02), "a_by_run": np.broadcast_to([0.0, 0.01, -0.01, 0.02], (*shape, 4))}
    return fit_of(model, bs.read_runs(table, columns), draws, CLEAN, {"a_by_run": ("run",)})


def saved(fit: bs.Fit, folder: Path) -> Path:
    bs.save(fit, folder / "fit.nc")
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_digits_follow_a_narrow_band_and_steps_are_whole(narrow: bs.Fit) -> None:
    largest = summary_sentences(narrow)[0]
    values = bs.predict(narrow, pd.DataFrame({"step": [2775.0]})).quantile([0.05, 0.5, 0.95])
    assert largest == f"Loss at the largest run (2775 steps): {band(values.to_numpy(), 'nats/token')}."
    middle, low, high = (float(text) for text in re.findall(r"\d\.\d+", largest))
    assert 3.276 < low < middle < high < 3.277


def test_a_note_counts_the_values_there_are(narrow: bs.Fit) -> None:
    (note,) = [one.sentence for one in bs.findings(narrow) if one.code == "few-sizes"]
    assert note.startswith("step has 4 different values in the runs (2745 to 2775 steps), no two more than 5 % apart")


def test_the_run_named_is_that_run(of_runs: bs.Fit) -> None:
    largest, beyond = summary_sentences(of_runs)[-3:-1]
    assert largest.startswith("Loss at the largest run (3B parameters, run b 3B): ")
    assert beyond.startswith("Loss at ten times its params (30B parameters, run a new one): ")
    known = bs.predict(of_runs, pd.DataFrame({"params": [3e9], "run": ["b 3B"]})).quantile([0.05, 0.5, 0.95])
    assert band(known.to_numpy(), "nats") in largest


def test_a_law_over_a_loss_is_asked_at_the_best_one_and_not_at_ten_times_it() -> None:
    table = pd.DataFrame({"dclm": [3.5, 2.7, 3.0, 2.8], "task": [0.7, 0.4, 0.6, 0.5]})
    columns = bs.Columns({"loss": bs.Input("dclm", "nats/token", 1.0)}, bs.Response("task", "error rate"))
    priors = {"a": bs.Prior(median=0.1, factor=2.0), "b": bs.Prior(median=1.2, factor=1.5)}
    noise = bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal")
    said = summary_sentences(
        bs.prior(bs.Model(bs.parse_law("a * loss**b", ["loss"]), priors, noise), bs.read_runs(table, columns), draws=50)
    )
    (one,) = [sentence for sentence in said if "runs (" in sentence or "ten times" in sentence]
    assert "at the lowest loss of the runs (2.7 nats/token): " in one


def test_plans_where_no_level_was_said_are_of_every_level(fit: bs.Fit) -> None:
    found = bs.plan(fit, [1e21, 1e22])
    assert found.choice["arch"].tolist() == ["dense", "dense", "sparse", "sparse"]
    said = [plan_sentence(found, row) for row in range(4)]
    assert [one.split(" train ")[0] for one in said] == [
        f"For arch {arch}, with {budget} FLOP (6 N D)" for arch in ("dense", "sparse") for budget in ("1e21", "1e22")
    ]
    alone = bs.plan(fit, [1e22], points=pd.DataFrame({"arch": ["sparse"]}))
    assert plan_sentence(alone) == said[3]
    assert set(said) & set(summary_sentences(fit)) == set()  # those are at the runs' own budgets
    assert not any(" train " in one for one in summary_sentences(fit))  # its rows are no ends of runs


def test_a_headline_has_three_digits_of_the_largest_compute() -> None:
    table = pd.DataFrame({"compute": [1.12345, 2.56789, 5.07809] * 2, "arch": ["dense"] * 3 + ["sparse"] * 3})
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, groups={"arch": "arch"})
    model = bs.Model(
        bs.parse_law("a * compute**-b", ["compute"]),
        {"a": bs.Prior(median=3.0, factor=1.5) + bs.Varying("arch", sd=0.1), "b": bs.Prior(median=0.1, factor=2.0)},
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"),
    )
    runs = bs.read_runs(table.assign(loss=3.0 * table["compute"] ** -0.1), columns)
    first = summary_sentences(fit_with(model, runs, {"a_by_arch": [0.0, -0.03]}, health=CLEAN))[0]
    assert first.startswith("sparse instead of dense at compute 5.08 FLOP: loss ")


@pytest.mark.parametrize(
    ("group", "ranked"), [("arch", True), ("evalSet", False), ("dataset", False), ("languages", False), ("corpus", False)]
)
def test_headlines_rank_choices_and_not_what_losses_are_measured_on(group: str, ranked: bool) -> None:
    table = pd.DataFrame({"compute": [1.0, 2.0, 5.0] * 2, group: ["a"] * 3 + ["b"] * 3})
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, groups={"kind": group})
    assert any(" instead of " in one for one in summary_sentences(_of_kinds(table, columns))) == ranked


def test_a_group_that_runs_are_measured_on_is_no_choice() -> None:
    table = pd.DataFrame({"compute": [1.0, 2.0, 5.0] * 2, "kind": ["a"] * 3 + ["b"] * 3, "run": ["x", "y", "z"] * 2})
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, groups={"kind": "kind"}, run="run")
    assert not any(" instead of " in one for one in summary_sentences(_of_kinds(table, columns)))


def _of_kinds(table: pd.DataFrame, columns: bs.Columns) -> bs.Fit:
    model = bs.Model(
        bs.parse_law("a * compute**-b", ["compute"]),
        {"a": bs.Prior(median=3.0, factor=1.5) + bs.Varying("kind", sd=0.1), "b": bs.Prior(median=0.1, factor=2.0)},
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"),
    )
    runs = bs.read_runs(table.assign(loss=3.0 * table["compute"] ** -0.1), columns)
    return fit_with(model, runs, {"a_by_kind": [0.0, -0.03]}, health=CLEAN)


def test_compute_counted_otherwise_is_said_so(fit: bs.Fit) -> None:
    cost = bs.Cost(flops_per_param_token=7.5, served_tokens=1e12, price=2e-18)
    said = plan_sentence(bs.plan(fit, 1e23, cost=cost, params=7e9), 0, target=2.1)
    assert said.startswith("For arch dense, with 1e23 FLOP (7.5 N D + 2 N T, T = 1T tokens served) 7B parameters see ")
    assert said.endswith("It costs 200k, in the unit of the price.")
    assert "at most 2.1 with probability" in said


def test_what_a_target_takes_is_said_of_every_level(fit: bs.Fit, tmp_path: Path) -> None:
    dense, sparse = needed_sentences(fit, 2.1, 0.9, every_cell(fit))
    assert dense.startswith("For arch dense: ")
    assert sparse.startswith("For arch sparse: ")
    needed = bs.compute_needed(fit, 2.1, points=pd.DataFrame({"arch": ["sparse"]}))
    asked = np.quantile(needed, 0.9, method="inverted_cdf")
    assert f"{number(asked)} FLOP (6 N D), split as planned, reach 2.1 nats/token with probability 0.9." in sparse
    with pytest.raises(bs.InputError, match=r"asked for one point at a time; there are 2: arch dense; arch sparse$"):
        bs.compute_needed(fit, 2.1)
    out = run("plan", saved(fit, tmp_path), "--compute", 1e21, "--target", 2.1)
    assert out.exit_code == 0, out.output
    assert dense in out.stdout
    assert sparse in out.stdout
    assert out.stdout.count("One run of it will show") == 2


def test_of_several_levels_one_that_cannot_reach_a_target_says_so(fit: bs.Fit) -> None:
    said = needed_sentences(fit, 1.5, 0.9, every_cell(fit))
    assert [one.split(":")[0] for one in said] == ["For arch dense", "For arch sparse"]
    assert all("no draw reaches 1.5 nats/token" in one for one in said)
    with pytest.raises(bs.InputError, match=r"^no draw reaches 1\.5 nats/token"):
        needed_sentences(fit, 1.5, 0.9, every_cell(fit).iloc[[0]])


def test_a_question_without_a_level_is_asked_of_each(fit: bs.Fit, tmp_path: Path) -> None:
    texts = [one.text for one in every_question(fit, "plan at compute=1e21")]
    assert texts == ["plan at compute=1e21, arch=dense", "plan at compute=1e21, arch=sparse"]
    for text in ("contrast arch=sparse:dense at compute=1e21", "plan at arch=dense, compute=1e21", "parameter E"):
        assert [one.text for one in every_question(fit, text)] == [text]
    table = pd.DataFrame({"params": [1e9, 4e9], "tokens": [2e11, 1e11], "arch": ["dense", "sparse"]})
    table.to_csv(tmp_path / "c.csv", index=False)
    out = run("next", saved(fit, tmp_path), "--candidates", tmp_path / "c.csv", "--decide", "plan at compute=1e21")
    assert out.exit_code == 0, out.output
    for text in texts:
        assert f"{text}: now " in out.stdout
    assert set(pd.read_csv(tmp_path / "next.csv")["question"]) == set(texts)
    assert (tmp_path / "next_2.png").exists()


def test_levels_of_questions_are_quoted_where_they_must_be(fit: bs.Fit) -> None:
    table = fit.runs.table.assign(arch=fit.runs.table["arch"].map({"dense": "a, b=c", "sparse": 'say "x"'}))
    named = replace(fit, runs=replace(fit.runs, table=table))
    first, other = every_question(named, "plan at compute=1e21")
    assert first.held["arch"] == "a, b=c"
    assert parse_estimand(first.text).held == first.held
    assert other.text.endswith("""arch='say "x"'""")


def test_no_two_answers_share_a_form_of_words(fit: bs.Fit) -> None:
    """With numbers and names taken out, what is left says which question was answered."""
    point = pd.DataFrame({"arch": ["dense"]})
    answers = {
        "loss": summary_sentences(fit)[-2],
        "plan": plan_sentence(bs.plan(fit, 1e21, points=point)),
        "settled": plan_sentence(bs.plan(fit, 1e21, points=point, params=1e9)),
        "needed": needed_sentences(fit, 2.1, 0.9, point)[0],
        "rank": rank_sentences(bs.rank(fit, "arch", "dense", pd.DataFrame({"compute": [1e21]})))[0],
    }
    bare = [re.sub(r"[\d.]+[kMBT]?(e\d+)?", "#", said) for said in answers.values()]
    parts = [part for said in bare for part in set(re.split(r"[.:;] |\.$", said))]
    shared = {part for part in parts if len(part) > 25 and parts.count(part) > 1}
    assert shared <= {part for part in shared if part.startswith(("Sizes from", "One run of it", "The plan lies", "For arch"))}
    assert all(not said.endswith("..") and "nan" not in said and "inf" not in said for said in answers.values())


def test_sentences_hold_no_more_than_seven_digits(fit: bs.Fit) -> None:
    ranked = rank_sentences(bs.rank(fit, "arch", "dense", pd.DataFrame({"compute": [1e21 / 3]})))
    for said in (*summary_sentences(fit), *ranked):
        for digits in re.findall(r"\d[\d.]*\d", said):
            assert len(digits.replace(".", "").lstrip("0")) <= 7, said
    assert "at 3.333e20 FLOP" in ranked[0]
