"""Saving, loading, and the table of parameters."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from gates import clean

import bayes_scaling as bs
from bayes_scaling.inference.parameters import parameter_table, parameter_values, published_values
from bayes_scaling.model.studies.study import study_runs

LAW_OF_ITS_OWN = "E + A * params**-alpha + B * tokens**-beta"


@pytest.mark.parametrize("name", ["moba", "chinchilla"])
def test_predictions_after_loading_are_the_same_to_the_last_bit(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fit: bs.Fit = request.getfixturevalue(name)
    loaded = bs.load(bs.save(fit, tmp_path / "fit.nc"))
    points = fit.runs.table.head(20)
    xr.testing.assert_identical(bs.predict(loaded, points), bs.predict(fit, points))
    xr.testing.assert_identical(bs.predict_runs(loaded, points, seed=2), bs.predict_runs(fit, points, seed=2))
    assert loaded.health == fit.health
    assert loaded.settings == fit.settings
    assert loaded.model.noise == fit.model.noise
    pd.testing.assert_frame_equal(loaded.runs.table, fit.runs.table)


def test_a_law_of_the_users_own_is_stored_as_text(chinchilla: bs.Fit, tmp_path: Path) -> None:
    def own(params, tokens, *, E, A, alpha, B, beta):  # type: ignore[no-untyped-def]
        return E + A * params**-alpha + B * tokens**-beta

    fit = replace(chinchilla, model=replace(chinchilla.model, law=own))
    loaded = bs.load(bs.save(fit, tmp_path / "fit.nc"))
    points = fit.runs.table.head(5)
    xr.testing.assert_identical(bs.predict(loaded, points), bs.predict(chinchilla, points))


def test_an_interrupted_save_keeps_the_good_file(chinchilla: bs.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bs.save(chinchilla, tmp_path / "fit.nc")
    before = path.read_bytes()

    def dies(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", dies)
    with pytest.raises(KeyboardInterrupt):
        bs.save(chinchilla, path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["fit.nc"]


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_a_file_that_is_no_fit_is_refused_in_one_line(content: bytes | None, chinchilla: bs.Fit, tmp_path: Path) -> None:
    path = tmp_path / "fit.nc"
    if content is None:
        bs.save(chinchilla, path)
        content = path.read_bytes()[:-2000]
    path.write_bytes(content)
    with pytest.raises(bs.InputError, match=r"fit\.nc") as caught:
        bs.load(path)
    assert "\n" not in str(caught.value)


def test_another_netcdf_file_is_not_taken_for_a_fit(tmp_path: Path) -> None:
    xr.Dataset({"x": ("y", np.zeros(3))}).to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with pytest.raises(bs.InputError, match="format"):
        bs.load(tmp_path / "fit.nc")


def test_the_table_of_parameters_has_every_level_and_both_conventions(moba: bs.Fit) -> None:
    table = parameter_table(moba)
    assert list(table) == ["name", "dims", "mean", "sd", "q05", "q50", "q95", "r_hat", "ess_bulk", "ess_tail"]
    assert not table.duplicated(["name", "dims"]).any()
    assert (table["name"] == "a").sum() == 1 + 32
    assert (table["name"] == "a_published").sum() == 32
    assert table.notna().all(axis=None)


def test_published_coefficients_give_the_same_curve_without_references(chinchilla: bs.Fit) -> None:
    published = published_values(chinchilla)
    assert set(published) == {"A", "B"}
    values = {name: parameter_values(chinchilla, name) for name in chinchilla.model.parameters} | published
    point = {"params": 7e9, "tokens": 1.4e12}
    direct = bs.laws.chinchilla(**point, **values)
    asked = bs.predict(chinchilla, pd.DataFrame([point])).isel(row=0)
    np.testing.assert_allclose(direct.to_numpy(), asked.to_numpy(), rtol=1e-12)


def test_an_unknown_parameter_is_refused(chinchilla: bs.Fit) -> None:
    with pytest.raises(bs.InputError, match="gamma"):
        parameter_values(chinchilla, "gamma")


def test_the_240_runs_give_the_published_refit_within_its_standard_errors(chinchilla: bs.Fit, epoch_runs: Path) -> None:
    study = bs.read_study("chinchilla_law")
    runs = study_runs(study, epoch_runs)
    assert (len(runs), runs.dropped) == (240, 5)
    fit = clean(lambda seed: bs.refit(chinchilla, runs, bs.Settings(draws=1000, seed=seed, progress=False)), seed=2)
    assert fit.health is not None
    assert fit.health.ok
    values = {name: parameter_values(fit, name) for name in fit.model.parameters} | published_values(fit)
    besiroglu = {
        "E": (1.8172, 0.03),
        "A": (482.01, 124.58),
        "alpha": (0.3478, 0.02),
        "B": (2085.43, 1293.23),
        "beta": (0.3658, 0.02),
    }
    for name, (value, error) in besiroglu.items():
        assert abs(float(values[name].median()) - value) < error, name


def test_a_study_is_fitted_as_its_model_and_runs_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def sample(model: Any, runs: Any, settings: Any) -> Any:
        given.append((model, runs, settings))
        raise bs.InputError("enough")

    monkeypatch.setattr("bayes_scaling.inference.fit.sample_until_clean", sample)
    table = pd.DataFrame({"params": [1e8, 1e9, 1e10], "tokens": 2e10, "loss": [3.1, 2.7, 2.4]})
    study = bs.read_study("chinchilla")
    settings = bs.Settings(draws=7)
    runs = bs.read_runs(table, study.columns)
    for call in ((study, table), ("chinchilla", table), ("chinchilla", runs, settings), ("chinchilla", table, settings)):
        with pytest.raises(bs.InputError, match="enough"):
            bs.fit(*call)
        assert given[-1][0].law is study.model.law
        pd.testing.assert_frame_equal(given[-1][1].table, runs.table)
        assert given[-1][2] == (settings if settings in call[2:] else study.settings)


def test_what_cannot_be_fitted_is_said_with_both_sides() -> None:
    study = bs.read_study("chinchilla")
    with pytest.raises(bs.InputError, match=r"a Model is fitted to Runs, given was a DataFrame; bs.read_runs"):
        bs.fit(study.model, pd.DataFrame())
    with pytest.raises(bs.InputError, match="given was no runs"):
        bs.fit(study.model)
    with pytest.raises(bs.InputError, match="not a DataFrame first"):
        bs.fit(pd.DataFrame(), study.model)  # type: ignore[arg-type]


def test_settings_that_are_none_are_refused() -> None:
    for wrong in (3, {"draws": 3}):
        with pytest.raises(bs.InputError, match=r"^settings are a bs\.Settings, not a (int|dict)"):
            bs.fit("moba_vs_full", None, wrong)  # type: ignore[arg-type]


def test_the_prior_takes_a_study_as_fit_does() -> None:
    assert bs.prior("moba_vs_full", draws=5).posterior.sizes["draw"] == 5


@pytest.mark.parametrize(
    "call",
    [
        lambda: bs.refit(3, 3),
        lambda: bs.save(3, "fit.nc"),
        lambda: bs.load(3),
        lambda: bs.findings(3),
        lambda: bs.write_report(3, "report.html"),
        lambda: bs.backtest(3, 3),
        lambda: bs.calibrate(3, 3),
        lambda: bs.compare(3, 3),
        lambda: bs.read_runs("runs.csv", 3),
        lambda: bs.read_study(3),
        lambda: bs.multiverse(3, {"params": [1.0]}),
        lambda: bs.forecast(3, "log.csv", 3.0),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_in_one_line(call) -> None:
    with pytest.raises(bs.InputError, match=r"^\w+: \w+ cannot be (3|a int); expected "):
        call()


def test_a_study_takes_runs_at_the_references_of_its_priors() -> None:
    table = pd.DataFrame({"N": [1e7, 3e7, 1e8], "D": [2e8, 1e9, 4e9], "loss": [5.0, 4.2, 3.6]})
    columns = bs.Columns({"params": bs.Input("N"), "tokens": bs.Input("D")}, bs.Response("loss", "nats/token"))
    runs = bs.read_runs(table, columns)
    before = bs.prior("chinchilla", runs, draws=300)
    assert dict(before.runs.references) == {"params": 1e9, "tokens": 2e10}
    renamed = table.rename(columns={"N": "params", "D": "tokens"})
    own = bs.prior("chinchilla", renamed, draws=300)
    at = pd.DataFrame({"params": [3e7], "tokens": [1e9]})
    assert bs.predict(before, at).median() == pytest.approx(bs.predict(own, at).median())
