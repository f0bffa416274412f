"""An answer under many specifications: each is the fit it says it is, failures are told, the curve shows the variants."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.cli.commands import app
from bayes_scaling.decisions.multiverse import Multiverse, multiverse
from bayes_scaling.decisions.specifications import (
    Specification,
    Variants,
    as_it_is,
    counted_by,
    fixed,
    noise,
    only,
    prior,
    standard_variants,
    without_smallest,
)
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.worker import model_text, read_model
from bayes_scaling.model.defaults import default_priors, sweep_discrepancy

mpl.use("Agg")
QUICK = bs.Settings(draws=200, tune=400, chains=2, seed=1, progress=False)
COMPUTE = np.geomspace(1e-3, 1e3, 16)
NOISE = bs.Noise(bs.Prior(median=0.005, factor=3.0), distribution="normal")
AT = pd.DataFrame({"compute": [1.0, 1e4], "compute_non_embedding": [1.0, 1e4]})


def specification() -> Specification:
    """Sixteen runs whose small ones bend away, with compute counted in two ways."""
    loss = (1.5 + 0.8 * COMPUTE**-0.15) * np.exp(np.random.default_rng(5).normal(0, 0.003, len(COMPUTE)))
    table = pd.DataFrame({"compute": COMPUTE, "loss": loss * np.where(COMPUTE < 0.01, 1.03, 1.0)})
    table["compute_non_embedding"] = table["compute"] * (1 - 0.5 * table["compute"] ** -0.1 / 2)
    table["last"] = np.arange(len(table)) % 2
    model = bs.Model(bs.laws.power_law_floor, default_priors("power_law_floor"), NOISE)
    return Specification(model, table, bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}))


@pytest.fixture(scope="module")
def found() -> Multiverse:
    alternatives, filters = {"compute": "compute_non_embedding"}, {"last": "last == 1", "none": "last > 2"}
    variants = dict(standard_variants(specification(), alternatives=alternatives, filters=filters))
    del variants["discrepancy"]  # which takes the longest to compile
    return multiverse(specification(), AT, variants, QUICK, InProcess())


def answer(found: Multiverse, name: str, point: int = 0) -> pd.Series:
    table = found.table
    return table[(table["universe"] == name) & (table["point"] == point)].iloc[0]


def test_each_variant_is_taken_once(found: Multiverse) -> None:
    assert found.variants == {
        "noise": ("normal", "student-t"),
        "runs": ("all", "without the smallest quarter"),
        "compute": ("compute", "compute_non_embedding"),
        "points": ("all", "last", "none"),
        "floor": ("free", "zero"),
    }
    base = {what: names[0] for what, names in found.variants.items()}
    for row in found.table.to_dict("records"):
        differing = [f"{what}: {row[what]}" for what in base if row[what] != base[what]]
        assert differing == ([] if row["universe"] == "base" else [row["universe"]])
    assert (found.table.groupby("universe").size() == 2).all()
    assert (found.label, found.unit) == ("loss", "nats/token")


def test_the_base_is_the_fit_itself(found: Multiverse) -> None:
    of = specification()
    compiled = read_model(model_text(of.model))
    fit = bs.fit(compiled, bs.read_runs(of.table, of.columns), QUICK)
    draws = bs.predict(fit, AT)
    for point in (0, 1):
        row = answer(found, "base", point)
        expected = np.quantile(draws.isel(row=point), (0.05, 0.5, 0.95))
        np.testing.assert_allclose(row[["q05", "q50", "q95"]].astype(float), expected, rtol=1e-12)
    own = found.parameters[found.parameters["universe"] == "base"].set_index("parameter")
    assert list(own.index) == ["E", "a", "b"]
    assert own["q50"]["b"] == pytest.approx(float(fit.posterior["b"].median()), rel=1e-12)


def test_choices_move_the_answer_the_way_they_should(found: Multiverse) -> None:
    rows = {name: answer(found, name)["rows"] for name in found.table["universe"]}
    assert rows["base"] == 16
    assert rows["runs: without the smallest quarter"] == 12
    assert rows["points: last"] == 8
    assert answer(found, "floor: zero", 1)["q50"] < answer(found, "base", 1)["q05"]
    floors = found.parameters[found.parameters["parameter"] == "E"].set_index("universe")["q50"]
    assert floors["floor: zero"] < 1e-5 < floors["base"]


def test_a_specification_without_an_answer_says_why(found: Multiverse) -> None:
    assert list(found.failures) == ["points: none"]
    assert "keeps none of its 16 rows" in found.failures["points: none"]
    assert "points: none" not in set(found.table["universe"])


def floor(fit: bs.Fit, points: pd.DataFrame) -> object:
    return fit.posterior["E"].expand_dims(row=1).rename("floor")


def test_all_combinations_and_another_answer() -> None:
    variants: Variants = {
        "runs": {"all": as_it_is, "large": without_smallest(0.5, "compute")},
        "counted": {"all": as_it_is, "less": counted_by("compute", "compute_non_embedding")},
        "kept": {"all": as_it_is, "last": only("last == 1")},
    }
    found = multiverse(specification(), AT, variants, QUICK, InProcess(), answer=floor, full=True)
    assert len(found.table) == 8
    assert {"base", "runs: large, counted: less, kept: last"} < set(found.table["universe"])
    assert answer(found, "runs: large, kept: last")["rows"] == 4
    floors = found.parameters[found.parameters["parameter"] == "E"].set_index("universe")
    np.testing.assert_array_equal(found.table.set_index("universe")["q50"], floors["q50"][found.table["universe"]])
    assert found.label == "floor"


def test_variants_change_what_they_say_and_nothing_else() -> None:
    base = specification()
    trending = {**base.model.parameters, "b": bs.Prior(median=1, factor=2) + bs.Trend("compute", 0.1)}
    terms = replace(base, model=replace(base.model, parameters=trending))
    changed = prior("b", bs.Prior(median=0.5, factor=2))(terms)
    assert changed.model.parameters["b"] == bs.Prior(median=0.5, factor=2) + bs.Trend("compute", 0.1)
    assert fixed("E", 1.5)(base).model.parameters["E"] == bs.Prior(median=1.5, factor=1.001)
    assert only("last == 1")(only("compute > 1")(base)).columns.where == "(compute > 1) and (last == 1)"
    smooth = standard_variants(base)["discrepancy"]["smooth"](base)
    assert smooth.model == replace(base.model, discrepancy=(sweep_discrepancy(),))
    assert "discrepancy" not in standard_variants(smooth)
    assert noise("student_t")(base).model.noise == replace(NOISE, distribution="student_t")
    with pytest.raises(bs.InputError, match=r"^no parameter 'F'; the law has \['E', 'a', 'b'\]"):
        fixed("F", 1.0)(base)


def test_names_of_what_varies_are_not_those_of_columns() -> None:
    with pytest.raises(bs.InputError, match=r"^what varies cannot be called 'rows'"):
        multiverse(specification(), AT, {"rows": {"all": as_it_is}}, QUICK, InProcess())


def test_a_multiverse_without_an_answer_is_refused() -> None:
    with pytest.raises(bs.InputError, match=r"^no specification has an answer: the data frame: the filter"):
        multiverse(specification(), AT, {"kept": {"none": only("last > 2")}}, QUICK, InProcess())


def test_the_curve_shows_every_specification_and_variant(found: Multiverse) -> None:
    with plots.paper():
        figure = plots.multiverse_figure(found, point=1)
        figure.canvas.draw()
    above, below = figure.axes
    assert above.get_ylabel() == "loss (nats/token)"
    assert below.get_xlabel() == f"{found.table['universe'].nunique()} specifications, by their median"
    labels = [label.get_text() for label in below.get_yticklabels()]
    assert len(labels) == len(found.variants) + sum(map(len, found.variants.values()))
    assert {"noise", "student-t", "without the smallest quarter"} < set(labels)


def test_the_command_writes_the_answers_and_a_figure_for_each_point(
    found: Multiverse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answers(*arguments: object, **options: object) -> Multiverse:
        asked.append((*arguments, options))
        return found

    monkeypatch.setattr("bayes_scaling.decisions.multiverse.multiverse", answers)
    table = tmp_path / "runs.csv"
    pd.DataFrame({"params": [1e8, 1e9], "tokens": [1e9, 1e10], "active": 1.0, "loss": 3.0}).to_csv(table, index=False)
    words = ["multiverse", "chinchilla", "--runs", table, "--at", table, "--alternative", "params=active", "--keep", "loss < 4"]
    done = CliRunner().invoke(app, [str(word) for word in [*words, "--out", tmp_path / "out"]])
    doubtful = (found.table["problem"] != "").any()
    assert done.exit_code == (3 if doubtful else 0), done.output
    _, _, choices, _, options = asked[0]
    assert list(choices["params"]) == ["params", "active"]
    assert list(choices["points"]) == ["all", "loss < 4"]
    assert options == {"full": False, "answer": bs.predict}
    written = {path.name for path in (tmp_path / "out").rglob("*.*")}
    assert written == {"multiverse.csv", "parameters.csv", "multiverse_1.png", "multiverse_2.png"}
    assert "loss at point 1, base: " in done.output
    wrong = CliRunner().invoke(app, [str(word) for word in [*words, "--alternative", "size=active"]])
    assert wrong.exit_code == 2
    assert "no input 'size'; there are ['params', 'tokens']" in wrong.output
