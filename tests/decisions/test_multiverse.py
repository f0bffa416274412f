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
from bayes_scaling.data.roles.names import with_columns
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.answers import optimal_params, size_exponent
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
from bayes_scaling.model.parameters import Parameter, as_parameter

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


def test_the_command_reads_parameters_from_several_columns_and_asks_for_the_exponent(
    found: Multiverse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answers(*arguments: object, **options: object) -> Multiverse:
        asked.append((*arguments, options))
        return found

    monkeypatch.setattr("bayes_scaling.decisions.multiverse.multiverse", answers)
    table = tmp_path / "runs.csv"
    counted_in_three_ways().to_csv(table, index=False)
    words = ["multiverse", "chinchilla_law", "--runs", table, "--at", table, "--column", "params=params_with_head"]
    words += [part for column in COUNTS for part in ("--params-from", column)] + ["--answer", "exponent"]
    words += ["--draws", "30", "--tune", "20", "--chains", "1", "--seed", "5"]
    done = CliRunner().invoke(app, [str(word) for word in [*words, "--out", tmp_path / "out"]])
    assert done.exit_code in (0, 3), done.output
    base, _, choices, settings, options = asked[0]
    assert (settings.draws, settings.tune, settings.chains, settings.seed, settings.progress) == (30, 20, 1, 5, True)
    assert list(choices["params"]) == ["params_with_head", "params_total", "params_non_embedding"]
    assert base.columns.inputs["params"].column == "params_with_head"
    assert options["answer"] is size_exponent


COUNTS = ("params_total", "params_non_embedding", "params_with_head")


def counted_in_three_ways() -> pd.DataFrame:
    """Return a sweep over depth whose loss follows layers and head, with parameters counted in three ways."""
    random = np.random.default_rng(0)
    depth, ratio = (of.ravel() for of in np.meshgrid(np.arange(6.0, 25.0, 2.0), [4.0, 8.0, 16.0, 32.0, 64.0]))
    width = 64 * depth
    layers, table = 12 * depth * width**2, 50304 * width
    size, tokens = layers + table, ratio * (layers + table)
    loss = 1.7 + 0.5 * (size / 1e8) ** -0.34 + 0.6 * (tokens / 1e9) ** -0.3
    counts = {"params_total": size + table, "params_non_embedding": layers, "params_with_head": size}
    return pd.DataFrame({**counts, "tokens": tokens, "loss": loss * np.exp(random.normal(0, 0.002, len(loss)))})


@pytest.fixture(scope="module")
def counts() -> dict[str, Multiverse]:
    """The exponent of the best size over compute, and the best size, of one sweep under three counts."""
    study = bs.read_study("chinchilla_law")
    base = Specification(study.model, counted_in_three_ways(), with_columns(study.columns, {"params": "params_with_head"}))
    variants = {"params": standard_variants(base, alternatives={"params": COUNTS})["params"]}
    at = pd.DataFrame({"compute": [1e20]})
    answers = {"exponent": size_exponent, "size": optimal_params}
    return {name: multiverse(base, at, variants, QUICK, InProcess(), answer=of) for name, of in answers.items()}


def test_one_sweep_under_three_counts_has_three_exponents(counts: dict[str, Multiverse]) -> None:
    table = counts["exponent"].table.set_index("params")
    assert list(table["universe"]) == ["base", "params: params_total", "params: params_non_embedding"]
    true = 0.3 / (0.34 + 0.3)
    assert table["q05"]["params_with_head"] - 0.02 < true < table["q95"]["params_with_head"] + 0.02
    assert table["q95"]["params_total"] < table["q05"]["params_with_head"]  # the fewer are counted, the faster they grow
    assert table["q95"]["params_with_head"] < table["q05"]["params_non_embedding"]
    assert table["conventions"].to_dict() == {
        "params_with_head": "parameters with the output head",
        "params_total": "",
        "params_non_embedding": "parameters without embeddings",
    }
    said = counts["exponent"].summary()
    assert "exponent of the compute-optimal size over compute is 0.4" in said
    assert "The highest is that of params: params_non_embedding: 0.6" in said


def test_the_best_size_of_one_sweep_differs_by_how_it_is_counted(counts: dict[str, Multiverse]) -> None:
    found = counts["size"]
    assert (found.label, found.unit) == ("compute-optimal params", "parameters")
    lowest, *_, highest = found.table.sort_values("q50").to_dict("records")
    assert lowest["q95"] < highest["q05"]


def test_answers_of_a_law_with_groups_are_at_the_level_of_each_point() -> None:
    study = bs.read_study("chinchilla_law")
    pooled = Parameter(as_parameter(study.model.parameters["A"]).prior, (bs.Varying("arch", sd=0.5),))
    parameters = {**study.model.parameters, "A": pooled}
    table = pd.concat([counted_in_three_ways().assign(arch=arch) for arch in ("dense", "sparse")])
    of = replace(with_columns(study.columns, {"params": "params_total"}), groups={"arch": "arch"})
    runs = bs.read_runs(table, of)
    before = bs.prior(replace(study.model, parameters=parameters), runs, draws=50)
    points = pd.DataFrame({"compute": [1e20, 1e21], "arch": ["sparse", "dense"]})
    sizes, exponents = optimal_params(before, points), size_exponent(before, points)
    assert exponents.dims == ("chain", "draw", "row")
    for row, point in enumerate(points.to_dict("records")):
        alone = compute_optimal(before, point["compute"], pd.DataFrame({"arch": [point["arch"]]}))["params"]
        np.testing.assert_allclose(sizes.isel(row=row), alone.isel(row=0))
    draws = before.posterior
    expected = (draws["beta"] / (draws["alpha"] + draws["beta"])).transpose("chain", "draw")
    np.testing.assert_allclose(exponents.isel(row=0), expected, rtol=1e-6)
