"""Several outputs of a run: columns side by side are read as rows, cells may be missing, and a run stays whole."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.base_units import with_units
from bayes_scaling.data.curve import Average
from bayes_scaling.data.roles.names import roles_of, with_columns
from bayes_scaling.data.runs import subset
from bayes_scaling.laws.formula import law_text
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import study_for, study_runs
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.validation.splits import extrapolations, folds

FLOORS = {"web": 1.8, "code": 1.0, "math": 1.3}
OUTPUTS = {name: f"loss_{name}" for name in FLOORS}
COLUMNS = bs.Columns({"params": bs.Input("N", "parameters", 1e8)}, bs.Response(unit="nats/token"), outputs=OUTPUTS)
LAW = bs.parse_law("E + A * params**-alpha", ["params"])
MODEL = bs.Model(
    LAW,
    {
        "E": bs.Prior(median=1.5, factor=2) + bs.Varying("output", 0.5),
        "A": bs.Prior(median=0.5, factor=2),
        "alpha": bs.Prior(median=0.3, factor=1.5),
    },
    bs.Noise(bs.Prior(median=0.01, factor=3), distribution="normal", effects=(bs.Varying("run", 0.01),)),
)


def table(rows: int = 24) -> pd.DataFrame:
    """Return runs with three losses each, six cells of which are missing, and a whole row."""
    rng = np.random.default_rng(1)
    params = np.geomspace(1e7, 1e9, rows)
    shared = 0.01 * rng.standard_normal(rows)
    found = pd.DataFrame({"N": params})
    for name, floor in FLOORS.items():
        scatter = shared + 0.005 * rng.standard_normal(rows)
        found[OUTPUTS[name]] = (floor + 0.5 * (params / 1e8) ** -0.3) * np.exp(scatter)
    found.loc[3:7, "loss_math"] = np.nan
    found.loc[10, "loss_web"] = np.nan
    found.loc[rows - 1, list(OUTPUTS.values())] = np.nan
    return found


def test_columns_become_rows_and_missing_cells_none() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    assert len(runs) == 23 * 3 - 6
    assert runs.levels["output"].tolist() == ["code", "math", "web"]
    assert len(runs.levels["run"]) == 23
    assert runs.table["run"].iloc[:3].tolist() == ["row 1"] * 3
    for row, output, response in runs.table[["run", "output", "response"]].itertuples(index=False):
        assert response == table()[OUTPUTS[output]].iloc[int(row.removeprefix("row ")) - 1]
    assert runs.notes == (
        "outputs without a value in some runs, which are fitted to the others: 2 of web, 1 of code, 6 of math; "
        "1 row without any is left out",
    )


def test_the_runs_may_have_names_and_a_filter_sees_columns_and_outputs() -> None:
    named = bs.read_runs(table().assign(run=[f"r{i}" for i in range(24)]), COLUMNS)
    assert "r7" in named.levels["run"]
    ids = bs.read_runs(table().assign(id=np.arange(24)), replace(COLUMNS, run="id"))
    assert ids.levels["run"].tolist() == list(range(23))
    some = bs.read_runs(table(), replace(COLUMNS, where="output != 'math' and N < 1e8"))
    assert set(some.levels["output"]) == {"web", "code"}
    assert some.table["params"].max() < 1e8
    two = bs.read_runs([table().iloc[:12], table().iloc[12:]], COLUMNS)
    assert len(two) == 63
    assert len(two.levels["run"]) == 23


def test_a_table_with_a_row_for_each_output_is_read_too() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    rows = runs.table.rename(columns={"response": "loss", "params": "N"})
    again = bs.read_runs(rows, COLUMNS)
    pd.testing.assert_frame_equal(again.table, runs.table)
    with pytest.raises(InputError, match=r"nothing says which rows are one run: expected a column 'run'"):
        bs.read_runs(rows.drop(columns="run"), COLUMNS)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (-1.0, r"column 'loss_code', row 5: -1.0 is not positive"),
        ("bad", r"column 'loss_code', row 5: 'bad' is text; expected a number"),
        (np.inf, r"column 'loss_code', row 5: inf is not finite"),
    ],
)
def test_a_wrong_cell_is_named_by_its_column_and_row(cell: object, said: str) -> None:
    wrong = table().astype(object)
    wrong.loc[4, "loss_code"] = cell
    with pytest.raises(InputError, match=said):
        bs.read_runs(wrong, COLUMNS)
    assert len(bs.read_runs(wrong, replace(COLUMNS, where="N > 5e7"))) > 0


def test_what_outputs_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"no column 'loss_code'; the table has"):
        bs.read_runs(table().drop(columns="loss_code"), COLUMNS)
    with pytest.raises(InputError, match=r"column 'loss_code', of the output 'code', has no value"):
        bs.read_runs(table().assign(loss_code=np.nan), COLUMNS)
    with pytest.raises(InputError, match="expected two or more columns, or a response alone"):
        replace(COLUMNS, outputs=["loss_web"])
    with pytest.raises(InputError, match="a column is given for two outputs"):
        replace(COLUMNS, outputs={"a": "x", "b": "x"})
    with pytest.raises(InputError, match="'output' is that of the group of the outputs"):
        replace(COLUMNS, groups={"output": "kind"})
    with pytest.raises(InputError, match=r"expected no average"):
        replace(COLUMNS, run="id", average=Average("params", 10.0))
    with pytest.raises(InputError, match=r"'N' is an input and an output"):
        replace(COLUMNS, outputs=["N", "loss_web"])
    loss = {"loss": bs.Input("loss", "nats/token", 1.0)}
    with pytest.raises(InputError, match=r"column 'loss' is read beside the outputs, .* expected response = "):
        bs.Columns(loss, bs.Response(unit="accuracy"), outputs=["task_a", "task_b"])
    with pytest.raises(InputError, match="column 'output' says which output a row is of"):
        replace(COLUMNS, groups={"kind": "output"})


def test_outputs_over_an_input_that_is_called_loss() -> None:
    loss = {"loss": bs.Input("loss", "nats/token", 1.0)}
    columns = bs.Columns(loss, bs.Response("accuracy", "accuracy"), outputs=["task_a", "task_b"])
    runs = bs.read_runs({"loss": [2.0, 3.0], "task_a": [0.5, 0.4], "task_b": [0.7, 0.6]}, columns)
    assert runs.table["loss"].tolist() == [2.0, 2.0, 3.0, 3.0]
    assert runs.table["response"].tolist() == [0.5, 0.7, 0.4, 0.6]


def test_the_names_of_columns_say_the_units_of_outputs() -> None:
    inputs = {"params": bs.Input("N", "parameters")}
    assert bs.Columns(inputs, outputs=["web_bpb", "code_bpb"]).response.unit == "bits/byte"
    with pytest.raises(
        InputError,
        match="outputs are in several units; expected output_units for each",
    ):
        bs.Columns(inputs, outputs=["web_bpb", "code_loss"])
    assert bs.Columns(inputs, bs.Response(unit="bits/byte"), outputs=["web_bpb", "code"]).response.unit == "bits/byte"


def test_a_unit_is_said_of_all_outputs() -> None:
    assert with_units(COLUMNS, {"loss": "bits/byte"}).response.unit == "bits/byte"
    assert with_units(COLUMNS, dict.fromkeys(OUTPUTS.values(), "bits/byte")).response.unit == "bits/byte"
    assert with_units(COLUMNS, {"loss_code": "bits/byte"}).response.unit == "bits/byte"
    with pytest.raises(InputError, match="outputs are given units that differ"):
        with_units(COLUMNS, {"loss_web": "nats/token", "loss_code": "bits/byte", "loss_math": "bits/byte"})


def test_roles_are_the_columns_of_outputs() -> None:
    assert set(roles_of(COLUMNS)) == {"params", *OUTPUTS.values()}
    moved = with_columns(COLUMNS, {"loss_web": "eval/web"})
    assert moved.by_output == OUTPUTS | {"web": "eval/web"}
    assert len(bs.read_runs(table().rename(columns={"loss_web": "eval/web"}), moved)) == 63


STUDY = """
[data]
response = { unit = "nats/token" }
[data.outputs]
web = "loss_web"
code = "loss_code"
math = "loss_math"
[data.inputs]
params = { column = "N", unit = "parameters", reference = 1e8 }
[law]
text = "E + A * params**-alpha"
[parameters.E]
prior = { median = 1.5, factor = 2.0 }
varying = [{ over = "output", sd = 0.5 }]
[parameters.A]
prior = { median = 0.5, factor = 2.0 }
[parameters.alpha]
prior = { median = 0.3, factor = 1.5 }
[noise]
distribution = "normal"
sd = { median = 0.01, factor = 3.0 }
sd_varying = [{ over = "output", sd = 0.3 }]
effects = [{ over = "run", sd = 0.01 }]
"""


def test_a_model_file_has_outputs() -> None:
    study = parse_study(STUDY, "mine.toml")
    assert study.columns == COLUMNS
    assert parse_study(study_text(study), "again.toml").columns == COLUMNS
    lines = STUDY.split("\n")
    first = lines.index("[data.outputs]")
    listed = "\n".join([*lines[:first], *lines[first + 4 :]]).replace("[data]", '[data]\noutputs = ["loss_web", "loss_code"]')
    study = parse_study(listed, "mine.toml")
    assert study.columns.by_output == {"loss_web": "loss_web", "loss_code": "loss_code"}
    study = study_for(study, {"loss_web": "w"}, {"loss_code": "bits/token"})
    runs = study_runs(study, table().rename(columns={"loss_web": "w"}))
    assert set(runs.levels["output"]) == {"loss_web", "loss_code"}
    assert runs.columns.response.unit == "bits/token"


def test_cuts_take_runs_as_a_whole() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    for part in (*folds(runs), *folds(runs, ["params"]), *extrapolations(runs)):
        assert not set(part.train.table["run"]) & set(part.held["run"])
    assert all(part.held["run"].nunique() >= 2 for part in folds(runs))
    with pytest.raises(InputError, match=r"keeps some outputs of a run and leaves others out; expected .* names 'output'"):
        folds(runs, ["response < 2.0"])
    (part,) = folds(runs, ["output != 'web' or params < 3e8"])
    assert set(part.held["output"]) == {"web"}
    few = bs.read_runs(table().iloc[:7], COLUMNS)
    assert len(few) > 8
    assert extrapolations(few) == ()


def test_outputs_are_no_alternatives() -> None:
    fit = bs.prior(MODEL, bs.read_runs(table(), COLUMNS), draws=40)
    with pytest.raises(InputError, match=r"'output' is no choice: each run has all of"):
        bs.rank(fit, "output", "web", {"params": [1e9]})
    with pytest.raises(InputError, match="no column 'output'"):
        bs.predict(fit, {"params": [1e9]})
    draws = bs.predict(fit, {"params": [1e9, 1e9], "output": ["web", "code"]})
    assert draws.sizes["row"] == 2


@pytest.mark.slow
def test_outputs_are_fitted_kept_scored_and_reported(tmp_path) -> None:
    study = parse_study(STUDY, "mine.toml")
    runs = bs.read_runs(table(), study.columns)
    settings = bs.Settings(draws=500, tune=500, seed=1, progress=False)
    fit = bs.fit(study.model, runs, settings)
    at = {"params": [1e9] * 3, "output": list(FLOORS)}
    found = np.median(bs.predict(fit, at).to_numpy(), axis=(0, 1))
    np.testing.assert_allclose(found, [floor + 0.5 * 10**-0.3 for floor in FLOORS.values()], rtol=0.02)
    effects = fit.posterior["residual_sd_run"].median().item()
    assert 0.005 < effects < 0.02
    bs.save(fit, tmp_path / "fit.nc")
    again = bs.load(tmp_path / "fit.nc")
    assert again.runs.columns == study.columns
    assert len(bs.score(again, table().assign(N=2 * table()["N"])).points) == 63
    assert not any("web instead of" in one for one in fit.summary().split("\n"))
    bs.write_report(fit, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "63 rows of 23 runs" in page
    assert "not its end alone" not in page
    assert set(bs.plots.figures(fit)) >= {"bands", "check"}
    more = bs.refit(fit, bs.read_runs(table(20), study.columns))
    assert len(more.runs) == len(bs.read_runs(table(20), study.columns))
    tested = bs.backtest(study.model, runs, settings=settings)
    assert set(tested.points["output"]) == set(FLOORS)


@pytest.mark.parametrize("written", ["t[j]", "t[output, j]"])
def test_coefficients_by_output_and_by_member_are_a_family_that_varies(written: str) -> None:
    shares = table().assign(web=np.linspace(0, 1, 24), code=np.linspace(1, 0, 24))
    columns = replace(COLUMNS, mixtures={"r": ["web", "code"]})
    law = bs.parse_law(f"E + exp(sum({written} * r[j])) * params**-alpha", list(columns.inputs))
    t = bs.Prior(between=(-2.0, 1.0)) + bs.Varying("output", 0.5)
    priors = {"E": bs.Prior(median=1.5, factor=2), "alpha": bs.Prior(median=0.3, factor=1.5), "t": t}
    fit = bs.prior(bs.Model(law, priors, bs.Noise(bs.Prior(median=0.01, factor=3))), bs.read_runs(shares, columns), draws=30)
    at = {"params": [1e9] * 3, "r_web": [0.25] * 3, "r_code": [0.75] * 3, "output": ["web", "math", "code"]}
    draws = fit.posterior.isel(chain=0)
    for row, output in enumerate(at["output"]):
        own = {name: draws[name] + draws[f"{name}_by_output"].sel(output=output) for name in ("t_web", "t_code")}
        power = np.exp(0.25 * own["t_web"] + 0.75 * own["t_code"])
        expected = draws["E"] + power * 10.0 ** -draws["alpha"]
        np.testing.assert_allclose(bs.predict(fit, at)[0, :, row], expected, rtol=1e-10)
    again = bs.parse_law(law_text(law), list(columns.inputs))
    assert law_text(again) == law_text(law)
    assert written in bs.laws.equation(law)


def test_a_coefficient_that_is_written_by_output_needs_a_term_over_it() -> None:
    law = bs.parse_law("E + exp(sum(t[output, j] * r[j]))", ["r_web", "r_code"])
    priors = {"E": bs.Prior(median=1.5, factor=2), "t": bs.Prior(between=(-2.0, 1.0))}
    said = r"t\[output, \.\.\.\], and nothing lets t_web differ between levels of 'output': .* \+ Varying\('output', sd=1.0\)"
    with pytest.raises(bs.InputError, match=said):
        bs.Model(law, priors, bs.Noise(bs.Prior(median=0.01, factor=3)))
    own = {"t": priors["t"] + bs.Varying("output", 0.5), "t_code": priors["t"] + bs.Ordered("output", 0.5)}
    assert set(bs.Model(law, priors | own, bs.Noise(bs.Prior(median=0.01, factor=3))).parameters) == {"E", "t_web", "t_code"}


def test_outputs_are_refused_to_a_model_that_takes_them_for_one() -> None:
    runs, alike = bs.read_runs(table(), COLUMNS), bs.Prior(median=1.0, factor=2.0)
    law = bs.parse_law("E + A * params**-alpha", ["params"])
    model = bs.Model(law, dict.fromkeys(("E", "A", "alpha"), alike), bs.Noise(alike))
    with pytest.raises(InputError, match=r"the outputs \['code', 'math', 'web'\].* expected what varies over 'output'"):
        check_runs(model, runs)
    check_runs(model, subset(runs, "output == 'web'"))
    check_runs(replace(model, noise=replace(model.noise, sd=alike + bs.Varying("output", 0.5))), runs)
