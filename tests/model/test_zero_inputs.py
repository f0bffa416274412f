"""Inputs that may be 0: read as they are, kept away from logarithms, and right where they are 0."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.starting_points import starting_points

LAW = "E + A * params**-alpha + k * exp(-t * share)"
TRUTH = {"E": 1.5, "A": 0.8, "alpha": 0.3, "k": 0.4, "t": 3.0}
COLUMNS = bs.Columns(
    inputs={"params": bs.Input("params", "parameters", 1e8), "share": bs.Input("share", "share of a domain", zero=True)},
    response=bs.Response("loss", "nats/token"),
)
NOISE = bs.Noise(bs.Prior(median=0.01, factor=3))


def table(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"params": rng.choice([1e7, 1e8, 1e9, 3e9], rows), "share": rng.choice([0, 0.1, 0.25, 0.5], rows)})
    law = bs.parse_law(LAW, ["params", "share"])
    return found.assign(loss=law(found["params"] / 1e8, found["share"], **TRUTH) * np.exp(0.005 * rng.standard_normal(rows)))


def model(text: str = LAW, **more: object) -> bs.Model:
    law = bs.parse_law(text, ["params", "share"])
    names = [name for name in TRUTH if name in law.__signature__.parameters]
    return bs.Model(law, {name: bs.Prior(median=TRUTH[name], factor=3) for name in names}, NOISE, **more)


def test_zeros_are_read_where_the_input_says_so_and_its_reference_is_one() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    assert (runs.table["share"] == 0).any()
    assert runs.references == {"params": 1e8, "share": 1.0}
    assert runs.columns.scales == ("params",)
    with pytest.raises(InputError, match=r"'share', row 1: -.* is negative; expected 0 or more"):
        bs.read_runs(table().assign(share=-0.5), COLUMNS)
    strict = bs.Columns({"params": bs.Input("params"), "share": bs.Input("share")}, bs.Response("loss", "nats/token"))
    with pytest.raises(InputError, match=r"column 'share'.* is not positive, and its logarithm is taken"):
        bs.read_runs(table(), strict)
    with pytest.raises(InputError, match=r"an input that may be 0 says so: zero = true$"):
        bs.read_runs(table().assign(share=0.0), strict)


def test_a_value_outside_the_runs_is_said_where_distances_do_not_count_it() -> None:
    fit = bs.prior(model(), bs.read_runs(table(), COLUMNS), draws=20)
    at = pd.DataFrame({"params": 1e8, "share": [0.25, 1.0, 0.0]})
    (note,) = bs.predict(fit, at).attrs["notes"]
    assert note == "share 1 lies outside the runs, which have 0 to 0.5: distances do not count it"
    assert "notes" not in bs.predict(fit, at.iloc[[0, 2]]).attrs


def test_an_input_that_may_be_zero_is_held_as_in_the_largest_run() -> None:
    rows = table().assign(share=np.where(table()["params"] == 3e9, 0.25, 0.5))
    runs = bs.read_runs(rows, COLUMNS)
    assert runs.held == {"params": 1e8, "share": 0.25}
    points = starting_points(bs.prior(model(), runs, draws=20))
    assert set(points["share"]) == {0.25}
    assert sorted(points["params"]) == [1e8, 3e9, 3e10]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("E + A * params**-alpha + k * share**-t", r"takes share\^-t, and 'share' may be 0"),
        ("E + A * params**-alpha + k * share**t", r"takes share\^t, and 'share' may be 0"),
        ("E + A * params**-alpha + k * log(share)", r"takes log\(share\), and 'share' may be 0"),
        ("E + A * params**-alpha + k / share", r"takes 1 / share, and 'share' may be 0"),
        ("E + A * params**-alpha + k * (t * share)**-alpha", r"is inf at the middle of its priors where 'share' is 0"),
        ("E + A * params**-alpha + k * (t * share)**alpha", r"takes \(t share\)\^alpha, which has no slope where 'share' is 0"),
        ("E + A * params**-alpha + sqrt(k * share)", r"takes sqrt\(k share\), which has no slope where 'share' is 0"),
        ("s = k * share\nE + A * params**-alpha + s**0.5", r"takes \(k share\)\^0.5, which has no slope where 'share' is 0"),
        ("E + A * params**-alpha * exp(-1 / (t * share))", r"takes -1 / \(t share\), which has no slope where 'share' is 0"),
    ],
)
def test_a_law_without_a_value_at_zero_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"^law text {said}"):
        check_runs(model(text), bs.read_runs(table(), COLUMNS))


@pytest.mark.parametrize(
    "text",
    [
        LAW,
        "E + A * params**-alpha + k * share**2",
        "E + A * params**-alpha + k * log(1 + t * share)",
        "E + A * params**-alpha + k * sqrt(share) + (t * share)**2",
    ],
)
def test_a_law_with_a_value_at_zero_is_not(text: str) -> None:
    check_runs(model(text), bs.read_runs(table(), COLUMNS))


def test_neither_a_discrepancy_nor_a_trend_is_on_an_input_that_may_be_zero() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    off = bs.Discrepancy(bs.Prior(median=0.01, factor=2), bs.Prior(median=1.0, factor=2))
    with pytest.raises(
        InputError, match=r"discrepancy is on \['share'\], which may be 0 or has parts; expected one of \['params'\]"
    ):
        check_runs(model(discrepancy=(off,)), runs)


def test_a_model_file_says_which_inputs_may_be_zero() -> None:
    said = """
[data]
response = { column = "loss", unit = "nats/token" }
[data.inputs]
params = { column = "params", reference = 1e8 }
share = { column = "share", zero = true }
[law]
text = "E + A * params**-alpha + k * exp(-t * share)"
[parameters]
"""
    said += "".join(f"{name}.prior = {{ median = {value}, factor = 3.0 }}\n" for name, value in TRUTH.items())
    study = parse_study(said + "[noise]\nsd = { median = 0.01, factor = 3.0 }\n", "mine.toml")
    assert study.columns.inputs["share"].zero
    again = parse_study(study_text(study), "again.toml")
    assert again.columns == study.columns


@pytest.mark.slow
def test_a_fit_at_zero_is_right_and_goes_through_what_follows(tmp_path) -> None:
    runs = bs.read_runs(table(), COLUMNS)
    fit = bs.fit(model(), runs, settings=bs.Settings(draws=400, tune=400, chains=2, seed=1))
    draws = bs.predict(fit, {"params": [1e9], "share": [0.0]}).to_numpy()
    law = bs.parse_law(LAW, ["params", "share"])
    assert np.median(draws) == pytest.approx(law(10.0, 0.0, **TRUTH), rel=0.01)
    assert np.isfinite(draws).all()
    bs.findings(fit)
    bs.save(fit, tmp_path / "fit.nc")
    assert bs.load(tmp_path / "fit.nc").runs.columns == fit.runs.columns
    bs.write_report(fit, tmp_path / "report.html")
    assert set(bs.plots.figures(fit)) >= {"bands", "check"}
