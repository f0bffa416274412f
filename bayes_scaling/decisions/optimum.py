"""Where a law is lowest: the best value of an input, and the range around it that costs little.

All as draws; summaries come last.
"""

from collections.abc import Callable
from math import isfinite, log

import numpy as np
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.law_along import columns_of, labelled_as, law_along, named_unit, parameters_along, search_bounds
from bayes_scaling.decisions.optimum_notes import with_notes
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, map_components
from bayes_scaling.prediction import crossings
from bayes_scaling.prediction.goal import refuse_rising

PLACES_OF_A_CURVE = 65
"""Places of the range at which a curve is looked at, equally far apart in the logarithm."""
HALVINGS = 10
"""Times that the step about a minimum is halved."""
ROUNDING = 1e-12
"""A dip shallower than this share of the loss is taken for rounding."""

type Curve = Callable[[np.ndarray], np.ndarray]
"""Log of the input's value -> loss, both with chain, draw, row, or what broadcasts to that."""


@carried
@asked
def optimum(fit: Posterior, points: Table, along: str) -> xr.DataArray:
    """Return draws of the value of an input at which the expected loss is lowest, all else as in the points.

    x* = argmin_x L(x)        (chain, draw, row; in the unit of the input)

    L is the expected loss, with the discrepancy where the model has one. It is searched for from a thirtieth of the smallest
    value among the runs to thirty times the largest, on 65 values equally far apart in the logarithm, then narrowed down to
    about 1e-6 of the value. NaN in draws whose loss is lowest at an end of that range: a law that only falls with an input has
    no optimum.

    Parameters
    ----------
    fit
        A fit.
    points
        As for `predict`; a column for `along` is not needed and not used.
    along
        An input of the model.

    Returns
    -------
    DataArray
        Draws with dimensions chain, draw, row, in the unit of the input.

    Raises
    ------
    InputError
        As `predict` does, and where `along` names no input.

    Examples
    --------
    >>> optimum(fit, {"compute": [1e21]}, "depth").median(("chain", "draw"))  # doctest: +SKIP
    """
    refuse_rising(fit, "an optimum", points)
    found = map_components(fit, lambda one, _: _optimum(one, points, along))
    return with_notes(fit, found, {along: found})


def _optimum(fit: Fit, points: Table, along: str) -> xr.DataArray:
    at = parameters_along(fit, points, (along,))
    place = lowest(_curve(fit, at, along), *search_bounds(fit, along))
    return labelled_as(np.exp(place), at, *named_unit(fit, along)).rename("optimum")


@carried
@asked
def tolerance(fit: Posterior, points: Table, along: str, below: float) -> xr.Dataset:
    """Return draws of the range of an input around the optimum in which the loss is less than `below` above its lowest.

    L(x) < L(x*) + below        for low < x < high

    Variables low and high, with dimensions chain, draw, row, in the unit of the input: the first values on either side of the
    optimum where the loss is that much higher; 0 or inf where it is not so within the range of `optimum`, NaN without an
    optimum. The attributes `below` and `units` say what was asked for.

    Parameters
    ----------
    fit, points, along
        As for `optimum`.
    below
        What missing the optimum may cost, in the unit of the response (nats/token; per cent for a penalty in per cent). For a
        share of a loss multiply that loss by it.

    Returns
    -------
    Dataset
        Draws of low and high.

    Raises
    ------
    InputError
        As `optimum` does, and where `below` is not a positive number.

    Examples
    --------
    >>> tolerance(fit, {"compute": [1e21]}, "depth", below=0.01)["high"]  # doctest: +SKIP
    """
    if not (isfinite(below) and below > 0):
        raise InputError(
            f"below must be a positive number, in {fit.runs.columns.response.unit or 'the response'}; it is {below}"
        )
    return map_components(fit, lambda one, _: _tolerance(one, points, along, below))


def _tolerance(fit: Fit, points: Table, along: str, below: float) -> xr.Dataset:
    at = parameters_along(fit, points, (along,))
    curve, (low, high) = _curve(fit, at, along), search_bounds(fit, along)
    place = lowest(curve, low, high)
    limit = curve(place) + below
    ends = {"low": edge(curve, place, low, limit), "high": edge(curve, place, high, limit)}
    found = xr.Dataset({name: labelled_as(np.exp(end), at, *named_unit(fit, along)) for name, end in ends.items()})
    return found.assign_attrs(below=below, units=fit.runs.columns.response.unit)


def _curve(fit: Fit, at: xr.Dataset, along: str) -> Curve:
    if fit.model.discrepancy:
        return _bent_curve(fit, at, along)
    law = law_along(fit, at, (along,))
    return lambda place: law({along: place})


def _bent_curve(fit: Fit, at: xr.Dataset, along: str) -> Curve:
    """Return the law with its discrepancy along an input."""
    from bayes_scaling.inference.expectation import at as expected_at, log_inputs

    frame = columns_of(at).assign(**{along: fit.runs.references[along]})
    logs = log_inputs(fit, frame)

    def curve(place: np.ndarray) -> np.ndarray:
        moved = np.asarray(place) - log(fit.runs.references[along])
        dims = ("row",) if moved.ndim < 3 else ("chain", "draw", "row")
        moved = np.broadcast_to(moved, len(frame)) if moved.ndim < 3 else moved
        return expected_at(fit, frame, logs | {along: xr.DataArray(moved, dims=dims)}).to_numpy()

    return curve


# Laws may overflow towards the ends of a range this wide; what is infinite there is no optimum.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def lowest(curve: Curve, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the place between low and high where a curve is lowest, NaN where that is an end.

    The deepest dip of a grid is halved around its lowest point, then a parabola through the last three points gives the place:
    comparing losses alone could not tell places apart below the square root of their rounding.
    """
    step = (high - low) / (PLACES_OF_A_CURVE - 1)
    first, before, here = curve(low), curve(low), curve(low + step)
    place, value = np.full(first.shape, np.nan), np.full(first.shape, np.inf)
    for i in range(1, PLACES_OF_A_CURVE - 1):
        after = curve(low + (i + 1) * step)
        dip = (here < before) & (here <= after) & (here < value)
        place, value = np.where(dip, low + i * step, place), np.where(dip, here, value)
        before, here = here, after
    place, value = _refined(curve, place, value, step)
    end = np.fmin(first, here)
    return np.where(value + ROUNDING * np.abs(value) < end, place, np.nan)


def _refined(curve: Curve, place: np.ndarray, value: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a minimum more closely: steps are halved, then a parabola is laid through three places."""
    for _ in range(HALVINGS):
        step = step / 2
        left, right = curve(place - step), curve(place + step)
        side = np.where(left < np.fmin(value, right), -1.0, np.where(right < value, 1.0, 0.0))
        place, value = place + side * step, np.fmin(value, np.fmin(left, right))
    left, right = curve(place - step), curve(place + step)
    return place + vertex(left, value, right) * step, value


def vertex(left: np.ndarray, middle: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return where the parabola through three values a step apart is lowest, in steps from the middle one and at most one."""
    bend = left - 2 * middle + right
    return np.asarray(np.clip(0.5 * (left - right) / np.where(bend > 0, bend, np.inf), -1.0, 1.0))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def edge(curve: Curve, start: np.ndarray, end: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return the first place from start towards end where a curve is not below a limit, infinite where there is none."""

    def excess(share: np.ndarray) -> np.ndarray:
        above = curve(start + share * (end - start)) - limit
        return np.where(share == 0, -1.0, above).ravel()

    way = crossings.Curve(
        limit.size,
        lambda shares: np.stack([excess(np.full(limit.shape, one)) for one in shares], axis=1),
        lambda shares: excess(shares.reshape(limit.shape)),
    )
    share = crossings.first_change(way, np.linspace(0.0, 1.0, PLACES_OF_A_CURVE)).place.reshape(limit.shape)
    nowhere = start + np.inf * np.sign(end - start)
    return np.asarray(np.where(np.isnan(share), nowhere, start + share * (end - start)))
