"""The likelihood of rows is that of densities of scipy, with the covariance of a run in full where its noise is correlated."""

from typing import Any

import numpy as np
import pymc as pm
import pymc.dims as pmd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.model.likelihood import observe, white_scale, with_measurement_error
from bayes_scaling.model.names import NOISE_LENGTH, NOISE_WHITE, NU_BEYOND_ONE

ROWS, RUN = 6, np.repeat([0, 1], 3)
GAP = np.array([np.inf, 0.5, 0.2, np.inf, 1.0, 0.3])
RESPONSE, CENTRE = np.array([1.2, 1.1, 0.7, 1.4, 1.0, 0.9]), np.array([1.1, 1.0, 0.9, 1.2, 1.1, 0.8])
ERROR = np.linspace(0.05, 0.2, ROWS)
SCALE, WHITE, LENGTH = 0.2, 0.1, 0.7
POSITIVE = bs.Prior(median=1.0, factor=3.0)


def density(noise: bs.Noise, at: dict[str, float], *, error: bool = False) -> float:
    """Return the log density of the rows about their centre, as the package has it."""
    model = bs.Model(bs.laws.power_law, {"a": POSITIVE, "b": POSITIVE}, noise)
    held: dict[str, Any] = {"response": RESPONSE, "gap": GAP, "count": np.ones(ROWS), "mean_lag": np.zeros(ROWS)}
    held |= {"previous": np.maximum(np.arange(ROWS) - 1, 0)} | ({"measurement_error": ERROR} if error else {})
    with pm.Model(coords={"row": range(ROWS)}) as built:
        rows = {name: pmd.Data(name, xr.DataArray(of, dims="row")) for name, of in held.items()}
        centre = pmd.Data("centre", xr.DataArray(CENTRE, dims="row"))
        white = white_scale(noise, rows)
        scale = pmd.Data("scale", xr.DataArray(np.full(ROWS, SCALE), dims="row"))
        observe(model, centre, scale if white is not None else with_measurement_error(scale, rows), white, rows, {})
    return float(
        built.compile_logp(vars=[built["observed"]], mode="FAST_COMPILE")({f"{k}_log__": np.log(of) for k, of in at.items()})
    )


def process() -> np.ndarray:
    """Return the covariance of an Ornstein-Uhlenbeck process at the rows."""
    place = np.where(np.isfinite(GAP), GAP, 0.0).reshape(2, 3).cumsum(1).ravel()
    return SCALE**2 * np.where(RUN[:, None] == RUN, np.exp(-np.abs(place[:, None] - place) / LENGTH), 0.0)


@pytest.mark.parametrize("error", [False, True])
def test_rows_that_are_independent_are_normal_with_errors_in_quadrature(error: bool) -> None:
    scale = np.hypot(SCALE, ERROR if error else 0.0)
    found = density(bs.Noise(POSITIVE, "normal"), {}, error=error)
    assert found == pytest.approx(stats.norm(CENTRE, scale).logpdf(RESPONSE).sum(), rel=1e-9)


def test_outliers_have_the_tail_of_student() -> None:
    found = density(bs.Noise(POSITIVE, "student_t", nu=POSITIVE), {NU_BEYOND_ONE: 2.5})
    assert found == pytest.approx(stats.t(3.5, CENTRE, SCALE).logpdf(RESPONSE).sum(), rel=1e-9)


def test_rows_of_a_run_have_the_covariance_of_the_process() -> None:
    noise = bs.Noise(POSITIVE, "normal", correlation=bs.Correlation("compute", POSITIVE))
    expected = stats.multivariate_normal(CENTRE, process()).logpdf(RESPONSE)
    assert density(noise, {NOISE_LENGTH: LENGTH}) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("error", [False, True])
def test_a_white_part_and_errors_add_to_the_diagonal(error: bool) -> None:
    noise = bs.Noise(POSITIVE, "normal", correlation=bs.Correlation("compute", POSITIVE, POSITIVE))
    own = WHITE**2 + (ERROR**2 if error else np.zeros(ROWS))
    expected = stats.multivariate_normal(CENTRE, process() + np.diag(own)).logpdf(RESPONSE)
    assert density(noise, {NOISE_LENGTH: LENGTH, NOISE_WHITE: WHITE}, error=error) == pytest.approx(expected, rel=1e-9)
