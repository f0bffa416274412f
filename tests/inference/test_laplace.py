"""Laplace's approximation: the posterior that NUTS finds, or NUTS itself; and it says so wherever it goes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling._base.random import resampled
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference import health as health_module, laplace
from bayes_scaling.inference.batch.record import Batch
from bayes_scaling.inference.laplace import Proposal
from bayes_scaling.inference.retries import rounds_line
from bayes_scaling.inference.sampling import compiled

COLUMNS = bs.Columns({"compute": bs.Input("compute", "FLOP", 1e20)}, groups={"family": "family"})
MODEL = bs.Model(
    bs.parse_law("scale * compute ** -slope", ("compute",)),
    {"scale": bs.Prior(median=3, factor=2) + bs.Varying("family", 0.1), "slope": bs.Prior(median=0.05, factor=3)},
    bs.Noise(bs.Prior(median=0.01, factor=3.0), distribution="normal"),
)
APPROXIMATE = bs.Settings(draws=1000, tune=300, chains=4, seed=3, progress=False, method="laplace")


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Two dozen runs of three families."""
    random, compute = np.random.default_rng(1), np.geomspace(1e18, 1e22, 24)
    family = np.array(list("abc") * 8)
    loss = 3.0 * (compute / 1e20) ** -0.05 * np.exp(random.normal(0.0, 0.01, 24) + np.where(family == "a", 0.05, 0.0))
    return bs.read_runs(pd.DataFrame({"compute": compute, "loss": loss, "family": family}), COLUMNS)


@pytest.fixture(scope="module")
def fit(runs: Runs) -> bs.Fit:
    return bs.fit(MODEL, runs, APPROXIMATE)


def test_it_has_the_posterior_that_nuts_has(fit: bs.Fit, runs: Runs) -> None:
    exact = bs.fit(MODEL, runs, replace(APPROXIMATE, method="nuts"))
    assert exact.health is not None
    assert exact.health.method == "nuts"
    assert set(fit.posterior) == set(exact.posterior)
    for name in ("scale", "slope", "noise_sd"):
        one, other = (np.log(of.posterior[name].to_numpy().ravel()) for of in (fit, exact))
        assert abs(one.mean() - other.mean()) < 0.4 * other.std()
        assert 0.65 < one.std() / other.std() < 1.5
    at = {"compute": [1e20, 1e23], "family": "a"}
    one, other = (bs.predict(of, at) for of in (fit, exact))
    np.testing.assert_allclose(one.median(("chain", "draw")), other.median(("chain", "draw")), rtol=0.005)


def test_it_says_so_everywhere_and_when_loaded(fit: bs.Fit, tmp_path: Path) -> None:
    assert fit.health is not None
    assert fit.health.grade == "noted"
    assert fit.health.pareto_k is not None
    assert fit.health.pareto_k <= 0.7
    assert fit.health.line.startswith("note [sampler]: approximate: Laplace with importance resampling, Pareto k ")
    assert "approximate" in repr(fit.health)
    assert "approximate" in bs.predict(fit, {"compute": [1e23], "family": "b"}).attrs["health"]
    assert "approximate" in fit.summary()
    bs.save(fit, tmp_path / "fit.nc")
    stored = bs.load(tmp_path / "fit.nc")
    assert isinstance(stored, bs.Fit)
    assert (stored.health, stored.settings) == (fit.health, fit.settings)
    xr.testing.assert_identical(stored.posterior, fit.posterior)
    table = stored.to_frame()
    assert table["r_hat"].isna().all()
    assert (table["ess_bulk"] == fit.health.ess_bulk).all()
    assert "log_likelihood" in fit.to_datatree().children


def test_the_same_seed_gives_the_same_draws(fit: bs.Fit, runs: Runs) -> None:
    xr.testing.assert_identical(bs.fit(MODEL, runs, APPROXIMATE).posterior, fit.posterior)
    assert not bs.fit(MODEL, runs, replace(APPROXIMATE, seed=4)).posterior["slope"].equals(fit.posterior["slope"])


@pytest.mark.parametrize("why", ["k", "numbers"])
def test_where_it_does_not_stand_for_the_posterior_nuts_does(why: str, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "k":
        monkeypatch.setattr(health_module, "K_LIMIT", -10.0)
    else:
        monkeypatch.setattr(laplace, "MOST_NUMBERS", 3)
    fit = bs.fit(MODEL, runs, APPROXIMATE)
    assert fit.health is not None
    assert (fit.health.method, fit.settings.method) == ("nuts", "nuts")
    assert fit.posterior.sizes["chain"] == 4
    assert [one["tried"] for one in fit.health.rounds[:2]] == ["laplace", "NUTS"]
    assert fit.health.rounds[0]["grade"] == "not to be trusted"
    assert "Pareto k" in rounds_line(fit.health)
    batch = Batch(
        {"a": 1, "b": 2}, {}, {}, {}, healths={"a": fit.health, "b": replace(fit.health, rounds=fit.health.rounds[1:])}
    )
    assert batch.sampled_instead == ["a"]
    assert batch.summary().startswith("2 of 2 tasks have a result. 1 of them by NUTS")


def test_losses_that_no_draw_explains_are_refused_as_by_nuts(runs: Runs) -> None:
    nothing = replace(runs, table=runs.table.assign(response=np.nan))
    with pytest.raises(bs.InputError, match="no draw could be made"):
        bs.fit(MODEL, nothing, APPROXIMATE)


def test_many_points_have_the_densities_that_each_has(runs: Runs) -> None:
    own = compiled(MODEL, runs)
    one, points = own.evaluator(), np.random.default_rng(0).normal(0.0, 0.3, (20, own.n_dim)) + own.start(1)
    points[3], points[7] = 1e6, np.nan
    found = own.evaluate_many(points)
    np.testing.assert_array_equal(found, [one(x)[0] for x in points])
    assert np.isneginf(found).sum() == 2
    with pytest.raises(ValueError, match=f"no density of 2 numbers: it is one of {own.n_dim}"):
        own.evaluate_many(points[:, :2])


def test_proposals_have_the_density_that_they_are_drawn_from() -> None:
    root = np.array([[1.0, 0.0], [0.8, 0.5]])
    proposal = Proposal(np.array([1.0, -2.0]), root, np.array([1.5, 0.7]), np.array([0.6, 1.1]))
    points = proposal.draw(40_000, np.random.default_rng(0))
    target = stats.multivariate_normal([1.0, -2.0], 0.7 * root @ root.T)
    weights = np.exp(target.logpdf(points) - proposal.log_density(points))
    assert weights.mean() == pytest.approx(1.0, abs=0.03)
    assert (weights @ points / weights.sum()) == pytest.approx([1.0, -2.0], abs=0.03)


def test_resampling_keeps_each_point_as_often_as_its_weight_says() -> None:
    weights = np.random.default_rng(0).dirichlet(np.full(50, 0.3))
    places = resampled(weights, 1000, np.random.default_rng(1))
    counts = np.bincount(places, minlength=50)
    assert (abs(counts - 1000 * weights) < 1.0).all()


def test_a_mode_on_a_ridge_or_without_density_is_no_approximation() -> None:
    class Nowhere:
        n_dim = 2

        def evaluator(self) -> object:
            return lambda x: (-np.inf, np.zeros(2))

        def start(self, seed: int) -> np.ndarray:
            return np.zeros(2)

    assert laplace._weighted(Nowhere(), 0) is None  # type: ignore[arg-type]


class Curved:
    """A posterior along a parabola: y = x^2 / 2 + 1/2 e; its standard deviations are 1, .87 and 1."""

    n_dim = 3
    sd = np.array([1.0, 0.75**0.5, 1.0])

    def evaluator(self) -> object:
        def density(at: np.ndarray) -> tuple[float, np.ndarray]:
            x, y, z = at
            e = 2.0 * (y - x**2 / 2.0)
            return -(x**2 + e**2 + z**2) / 2.0, np.array([-x + 2.0 * x * e, -2.0 * e, -z])

        return density

    def evaluate_many(self, points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        return np.asarray(-(x**2 + 4.0 * (y - x**2 / 2.0) ** 2 + z**2) / 2.0)

    def start(self, seed: int) -> np.ndarray:
        return np.full(3, 0.1)


def test_draws_are_as_wide_as_a_posterior_that_lies_along_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    def widths() -> np.ndarray:
        found = [laplace._weighted(Curved(), seed) for seed in range(20)]  # type: ignore[arg-type]
        good = [one for one in found if one is not None and laplace._health(one).ok]
        assert len(good) > 15
        means = [one.weights @ one.points for one in good]
        sds = [np.sqrt(one.weights @ (one.points - mean) ** 2) for one, mean in zip(good, means, strict=True)]
        return np.asarray(np.mean(sds, axis=0) / Curved.sd)

    assert widths()[1] > 0.9
    monkeypatch.setattr(laplace, "LEAST_ROUNDS", 1)
    assert widths()[1] < 0.85  # what a good Pareto k does not see


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["student_t", "normal"])
def test_a_discrepancy_and_measurement_errors_are_part_of_it(noise: str, runs: Runs) -> None:
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1e20)})
    table = pd.DataFrame({"compute": runs.table["compute"], "loss": runs.table["response"]})
    model = bs.Model(
        bs.parse_law("scale * compute ** -slope", ("compute",)),
        {"scale": bs.Prior(median=3, factor=2), "slope": bs.Prior(median=0.05, factor=3)},
        bs.Noise(bs.Prior(median=0.01, factor=3.0), distribution=noise),
        discrepancy=(bs.Discrepancy(bs.Prior(median=0.02, factor=2.0), bs.Prior(median=2.0, factor=2.0), knots=6),),
    )
    own = bs.read_runs(table, columns)
    own = replace(own, table=own.table.assign(measurement_error=0.001))
    one, other = (bs.fit(model, own, replace(APPROXIMATE, method=method)) for method in ("laplace", "nuts"))
    for of in (one, other):
        assert of.health is not None
        assert of.health.ok
    at = {"compute": [1e20, 1e23]}
    widths = [np.diff(bs.predict(of, at).quantile([0.05, 0.95], ("chain", "draw")), axis=0).ravel() for of in (one, other)]
    assert (abs(np.log(widths[0] / widths[1])) < 0.35).all()
