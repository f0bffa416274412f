"""ArviZ's own functions on a fit as it is, from memory and from its file; values against those of the fit."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.inference.densities import with_densities
from bayes_scaling.inference.log_likelihood import log_density, log_likelihood
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.inference.stacking import stack
from tests.by_hand import CLEAN, fit_with

PLOTS = (
    "plot_trace",
    "plot_trace_dist",
    "plot_forest",
    "plot_ppc_dist",
    "plot_loo_pit",
    "plot_prior_posterior",
    "plot_psense_dist",
)
OF_PRIOR = {"plot_prior_posterior"}
SD = bs.Prior(median=0.02, factor=2.0)
DISCREPANCY = bs.Discrepancy(bs.Prior(median=0.02, factor=2.0), bs.Prior(median=2.0, factor=1.5), knots=4)
COLUMNS: dict[str, Any] = {"groups": {"arm": "arm"}, "run": "run"}


def frame(rows: int = 24) -> pd.DataFrame:
    rng, x = np.random.default_rng(4), np.tile(np.geomspace(1, 50, rows // 4), 4)
    arm = np.repeat(["a b", "é,1"], rows // 2)
    loss = (3.0 + 0.3 * (arm == "a b")) * x**-0.1 * np.exp(rng.normal(0, 0.02, rows))
    run = np.repeat(["p", "q", "r[0]", "s"], rows // 4)
    return pd.DataFrame({"x": x, "loss": loss, "arm": arm, "run": run, "error": 0.01})


def made(noise: bs.Noise, table: pd.DataFrame | None = None, *, discrepancy: Any = (), **columns: Any) -> bs.Fit:
    on = noise.on
    response = bs.Response("loss", "nats/token", positive=on == "log_loss")
    told = bs.Columns({"x": bs.Input("x", "", 1.0)}, response, **(COLUMNS | columns))
    a = bs.Prior(median=3.0, factor=2.0) + bs.Varying("arm", 0.1)
    model = bs.Model(bs.parse_law("a * x**-b", ["x"]), {"a": a, "b": bs.Prior(between=(0.0, 0.3))}, noise, discrepancy)
    runs = bs.read_runs(frame() if table is None else table, told)
    values = {"a": 3.15, "b": 0.1, "noise_sd": 0.02 if on == "log_loss" else 0.05, "a_by_arm": [0.048, -0.048]}
    fit = fit_with(model, runs, values, shape=(2, 250), spread=0.003, health=CLEAN)
    rng = np.random.default_rng(5)
    made_up = {"diverging": rng.uniform(size=(2, 250)) < 0.01, "energy": rng.normal(size=(2, 250))}
    known = xr.Dataset(
        {name: (("chain", "draw"), of) for name, of in made_up.items()}, {"chain": [0, 1], "draw": np.arange(250)}
    )
    posterior = fit.posterior.assign_coords(chain=[0, 1], draw=np.arange(250))
    return with_densities(replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior, "sample_stats": known})))


FITS: dict[str, Callable[[], bs.Fit]] = {
    "normal": lambda: made(bs.Noise(SD, distribution="normal")),
    "student-t": lambda: made(bs.Noise(SD)),
    "varying noise": lambda: made(bs.Noise(SD + bs.Varying("arm", 0.3))),
    "measurement error": lambda: made(bs.Noise(SD), measurement_error=MeasurementError("error")),
    "discrepancy": lambda: made(bs.Noise(SD), discrepancy=(DISCREPANCY,)),
    "correlated": lambda: made(bs.Noise(SD, correlation=bs.Correlation("x", bs.Prior(median=1.0, factor=2.0)))),
    "group effects": lambda: made(bs.Noise(SD, effects=(bs.Varying("run", 0.02),))),
    "below zero": lambda: made(bs.Noise(SD, on="loss"), frame().assign(loss=lambda of: of["loss"] - 3.0)),
}


@cache
def fit_of_kind(kind: str) -> bs.Fit:
    return FITS[kind]()


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("kind", FITS)
def test_groups_hold_what_the_fit_says(kind: str, tmp_path: Path) -> None:
    fit = fit_of_kind(kind)
    tree = fit.to_datatree()
    assert set(tree.children) - {"discrepancy"} == {
        *("posterior", "sample_stats", "log_prior", "log_likelihood", "posterior_predictive", "observed_data", "constant_data")
    }
    table = fit.runs.table
    np.testing.assert_array_equal(tree["observed_data"]["response"], table["response"])
    np.testing.assert_array_equal(tree["observed_data"]["run"], table["run"])
    np.testing.assert_array_equal(tree["constant_data"]["x"], table["x"])
    np.testing.assert_array_equal(tree["posterior"]["a_by_arm"]["arm"], fit.runs.levels["arm"])
    np.testing.assert_array_equal(tree["posterior_predictive"]["response"], replicated(fit, table, 0))
    density = tree["log_likelihood"]["response"]
    assert density.dims == ("chain", "draw", "row")
    if kind != "correlated":
        own = log_density(fit, table, new=False).to_numpy()
        shift = np.log(table["response"].to_numpy()) if fit.model.noise.on == "log_loss" else 0.0
        np.testing.assert_allclose(density, own - shift, rtol=1e-4, atol=1e-4)
    assert ("rows before it" in density.attrs["given"]) == (kind == "correlated")
    assert ("measurement error" in density.attrs.get("noise", "")) == (kind == "measurement error")
    bs.save(fit, tmp_path / "fit.nc")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as stored:
        for name in tree.children:
            for variable, of in tree[name].to_dataset().items():
                same = np.testing.assert_allclose if of.dtype.kind in "fiub" else np.testing.assert_array_equal
                same(stored[name][variable].to_numpy(), of.to_numpy().astype(stored[name][variable].dtype))
                assert set(of.coords) == set(stored[name][variable].coords)
    again = bs.load(tmp_path / "fit.nc")
    assert set(again.draws.children) == set(fit.draws.children)
    xr.testing.assert_identical(again.posterior[sorted(fit.posterior)], fit.posterior[sorted(fit.posterior)].drop_attrs())
    xr.testing.assert_identical(log_likelihood(again), log_likelihood(fit))


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto", "ignore:The estimated")
def test_arviz_summarizes_and_leaves_out_rows(kind: str) -> None:
    tree = fit_of_kind(kind).to_datatree()
    summary = az.summary(tree, fmt="wide")
    assert {"a", "b", "noise_sd", "a_by_arm[a b]", "a_by_arm[é,1]"} <= set(summary.index)
    assert not any("knot" in name for name in summary.index)
    assert np.isfinite(az.loo(tree).elpd)


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_draws_a_fit_as_it_is(name: str, tmp_path: Path, *, stored: bool) -> None:
    fit = fit_of_kind("normal")
    tree = fit.to_datatree(prior=200)
    if stored and name not in OF_PRIOR:
        tree = az.from_netcdf(bs.save(fit, tmp_path / "fit.nc"))
    assert getattr(az, name)(tree) is not None


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_models_are_compared_whatever_their_noise_is_on() -> None:
    on_log, on_loss = fit_of_kind("normal"), made(bs.Noise(bs.Prior(median=0.06, factor=2.0), distribution="normal", on="loss"))
    table = az.compare({"log": on_log.to_datatree(), "loss": on_loss.to_datatree()})
    assert set(table.index) == {"log", "loss"}
    assert abs(float(np.diff(table["elpd"])[0])) < 60.0  # without the change of variables the loss would be 27 ahead of itself
    density = on_log.to_datatree()["log_likelihood"]["response"].isel(chain=0, draw=0)
    sd, loss = float(on_log.posterior["noise_sd"][0, 0]), on_log.runs.table["response"].to_numpy()
    mean = float(on_log.posterior["a"][0, 0]) * on_log.runs.table["x"].to_numpy() ** -float(on_log.posterior["b"][0, 0])
    effect = on_log.posterior["a_by_arm"][0, 0].sel(arm=on_log.runs.table["arm"].to_numpy()).to_numpy()
    np.testing.assert_allclose(density, stats.lognorm(sd, scale=mean * np.exp(effect)).logpdf(loss), rtol=1e-4, atol=1e-4)


def test_draws_of_the_prior_are_called_so(tmp_path: Path) -> None:
    fit = fit_of_kind("normal")
    before = bs.prior(fit.model, fit.runs, draws=50)
    for tree in (before.to_datatree(), az.from_netcdf(bs.save(before, tmp_path / "prior.nc"))):
        assert "posterior" not in tree.children
        assert {"prior", "observed_data", "constant_data"} <= set(tree.children)
    assert before.to_datatree()["prior_predictive"]["response"].sizes == {"chain": 1, "draw": 50, "row": 24}
    xr.testing.assert_identical(bs.load(tmp_path / "prior.nc").posterior, before.posterior)


def test_on_demand_there_are_draws_of_the_prior() -> None:
    tree = fit_of_kind("discrepancy").to_datatree(prior=30)
    assert {"prior", "prior_predictive", "prior_discrepancy"} <= set(tree.children)
    assert set(tree["prior"].data_vars) == set(tree["posterior"].data_vars)
    with pytest.raises(bs.InputError, match="prior"):
        fit_of_kind("discrepancy").to_datatree(prior=-1)


def test_a_stack_sends_to_its_members() -> None:
    fits = {"one": fit_of_kind("normal"), "two": fit_of_kind("student-t")}
    with pytest.raises(bs.InputError, match=r"no to_datatree of its own.*one"):
        stack(fits, {"one": 0.5, "two": 0.5}).to_datatree()


def test_a_fit_of_one_file_made_before_says_its_densities_of_the_loss() -> None:
    fit = fit_of_kind("normal")
    groups = {name: node.to_dataset() for name, node in fit.draws.children.items()}
    older = log_density(fit, fit.runs.table, new=False).drop_attrs().astype(np.float32)
    groups["log_likelihood"] = older.to_dataset(name="response")
    found = log_likelihood(replace(fit, draws=xr.DataTree.from_dict(groups)))
    np.testing.assert_allclose(found, log_likelihood(fit), rtol=1e-4, atol=1e-4)


def test_a_fit_prints_as_a_page_of_five_lines() -> None:
    fit = fit_of_kind("normal")
    lines = repr(fit).split("\n")
    assert [line.split(":")[0].split()[0] for line in lines] == ["Fit", "Runs", "Draws", "Known", "Next"]
    assert "a * x ** (-b)" in lines[0]
    odd = replace(fit, runs=replace(fit.runs, source="<b>&.csv"))
    assert "&lt;b&gt;&amp;.csv" in odd._repr_html_()
    assert fit.to_frame()["name"].tolist()[:2] == ["a", "b"]


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_a_parameter_is_renamed_where_arviz_has_a_use_for_its_name() -> None:
    runs = bs.read_runs(frame(), bs.Columns({"x": bs.Input("x", "", 1.0)}))
    priors = {"a": bs.Prior(median=3.0, factor=2.0), "alpha": bs.Prior(between=(0.0, 0.3))}
    model = bs.Model(bs.parse_law("a * x**-alpha", ["x"]), priors, bs.Noise(SD, distribution="normal"))
    fit = with_densities(fit_with(model, runs, {"a": 3.15, "alpha": 0.1}, shape=(2, 250), spread=0.003, health=CLEAN))
    tree = fit.to_datatree(prior=20, rename={"alpha": "alpha_x"})
    for group in ("posterior", "prior", "log_prior"):
        assert set(tree[group].data_vars) == {"a", "alpha_x", "noise_sd"}
    assert az.plot_psense_dist(tree) is not None
    with pytest.raises(bs.InputError, match=r"no parameters.*beta"):
        fit.to_datatree(rename={"beta": "b"})
    with pytest.raises(bs.InputError, match=r"two would be called.*a"):
        fit.to_datatree(rename={"alpha": "a"})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_leaves_out_rows_of_sampled_fits_and_compares_them() -> None:
    runs = bs.read_runs(frame(), bs.Columns({"x": bs.Input("x", "", 1.0)}))
    noise, a = bs.Noise(SD, distribution="normal"), bs.Prior(median=3.0, factor=2.0)
    power = bs.Model(bs.parse_law("a * x**-b", ["x"]), {"a": a, "b": bs.Prior(between=(0.0, 0.3))}, noise)
    level = bs.Model(bs.parse_law("a + 0 * x", ["x"]), {"a": a}, noise)
    settings = bs.Settings(draws=500, tune=500, chains=2, seed=1, progress=False)
    trees = {name: bs.fit(of, runs, settings).to_datatree() for name, of in {"power": power, "level": level}.items()}
    found = az.loo(trees["power"])
    assert 1.0 < found.p < 5.0
    table = az.compare(trees)
    assert list(table.index) == ["power", "level"]
    assert table["elpd"]["power"] == pytest.approx(found.elpd, abs=0.5)  # a table rounds to what its standard error allows
