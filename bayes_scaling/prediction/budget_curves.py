"""Losses at points as a budget grows: which inputs grow with it, and the curves along it."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.direction import rising_rows
from bayes_scaling.data.schedules import check_logarithms
from bayes_scaling.inference.expectation import at, log_inputs
from bayes_scaling.inference.stacking import Posterior, draws_of, inputs_read
from bayes_scaling.prediction.crossings import Curve

type Path = str | Mapping[str, float] | None


def powers_along(fit: Posterior, along: Path) -> dict[str, float]:
    """Return input -> the power with which it grows with the budget; raises InputError where that is not clear."""
    inputs = inputs_read(fit)
    if along is None and len(inputs) > 1:
        raise InputError(
            f"the model has the inputs {list(inputs)}; say along which one, or with which power each, compute grows"
        )
    powers = {along or inputs[0]: 1.0} if not isinstance(along, Mapping) else dict(along)
    if not powers or not set(powers) <= set(inputs) or not all(power > 0 for power in powers.values()):
        raise InputError(f"along {along!r} must give positive powers of inputs; the model's inputs are {list(inputs)}")
    check_logarithms(fit.runs.columns, {"what grows with compute": tuple(powers)})
    return powers


def moved_by(
    fit: Posterior, frame: pd.DataFrame, powers: Mapping[str, float], log_factor: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Return log(input / reference) with each input multiplied by factor^power."""
    logs = log_inputs(fit, frame)
    return {name: log + powers[name] * log_factor if name in powers else log for name, log in logs.items()}


def along_curve(
    fit: Posterior,
    frame: pd.DataFrame,
    powers: Mapping[str, float],
    unit: np.ndarray | None = None,
    warp: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Curve:
    """Return the losses of points as a budget grows, an element for each draw and point.

    Parameters
    ----------
    unit
        For each point, the step in the logarithm of the factor that a place of 1 is; 1 unless given.
    warp
        Steps, a point a column last -> logarithms of the factor, where budgets are counted in another cost.
    """
    steps, bent = np.ones(len(frame)) if unit is None else unit, warp or (lambda moved: moved)
    shape = (*draws_of(fit), len(frame))

    def of(place: np.ndarray) -> np.ndarray:
        factors = xr.DataArray(bent(place.reshape(shape) * steps), dims=("chain", "draw", "row"))
        return _losses(fit, frame, moved_by(fit, frame, powers, factors)).reshape(-1)

    def at_places(places: np.ndarray) -> np.ndarray:
        rows = frame.loc[frame.index.repeat(len(places))]
        factors = xr.DataArray(bent(places[:, None] * steps).T.ravel(), dims="row")
        return _losses(fit, rows, moved_by(fit, rows, powers, factors)).reshape(-1, len(places))

    return Curve(int(np.prod(shape)), at_places, of)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _losses(fit: Posterior, rows: pd.DataFrame, logs: dict[str, xr.DataArray]) -> np.ndarray:
    """Return losses at rows, chain, draw, row; a law may overflow, or not be defined, far from its runs."""
    return at(fit, rows, logs).transpose("chain", "draw", "row").to_numpy()


def rising_elements(fit: Posterior, frame: pd.DataFrame) -> np.ndarray:
    """Return of each element of a curve of points whether more of its response is better, see `along_curve`."""
    return np.tile(rising_rows(fit.runs.columns, frame), int(np.prod(draws_of(fit))))


def to_reach(curve: Curve, *, positive: bool) -> np.ndarray:
    """Return the losses at the points themselves; NaN in elements where there is none."""
    losses = curve.of(np.zeros(curve.count))
    return np.where(losses > 0, losses, np.nan) if positive else losses
