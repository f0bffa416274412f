"""Where a law is lowest: the best value of an input, the range that costs little, and prices.

All as draws; summaries come last.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, log

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.functions import on_arrays
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.schedules import check_logarithms, log_input
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.laws.formula import law_value
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parameters import Prior, Trend, as_parameter, distribution, link
from bayes_scaling.model.specification import model_inputs
from bayes_scaling.prediction.predict import parameters_at

WIDER = 30.0
"""An optimum is sought from a thirtieth of the smallest value seen to thirty times the largest."""
GRID = 65
HALVINGS = 10
BISECTIONS = 36
ROUNDING = 1e-12
"""A dip shallower than this share of the loss is taken for rounding."""
PRIOR_DRAWS = 4000
SEED = 0

type Curve = Callable[[np.ndarray], np.ndarray]
"""Log of the input's value -> loss, both with chain, draw, row, or what broadcasts to that."""

_DRAW: dict[str, Callable[[np.random.Generator, Mapping[str, float], int], np.ndarray]] = {
    "Normal": lambda rng, of, size: rng.normal(of["mu"], of["sigma"], size),
    "StudentT": lambda rng, of, size: of["mu"] + of["sigma"] * rng.standard_t(of["nu"], size),
    "LogNormal": lambda rng, of, size: rng.lognormal(of["mu"], of["sigma"], size),
    "HalfNormal": lambda rng, of, size: np.abs(rng.normal(0.0, of["sigma"], size)),
    "Gamma": lambda rng, of, size: rng.gamma(of["alpha"], 1 / of["beta"], size),
    "Exponential": lambda rng, of, size: rng.exponential(1 / of["lam"], size),
}


@carried
@asked
def optimum(fit: Fit, points: Table, along: str) -> xr.DataArray:
    """Return draws of the value of an input at which the expected loss is lowest, all else as in the points.

    x* = argmin_x L(x)        (chain, draw, row; in the unit of the input)

    L is the expected loss, with the discrepancy where the model has one. Sought from a thirtieth of the smallest value among
    the runs to thirty times the largest, on 65 values equally far apart in the logarithm, then narrowed down to about 1e-6 of
    the value. NaN in draws whose loss is lowest at an end of that range: a law that only falls with an input has no optimum.

    Parameters
    ----------
    points
        As for `predict`; a column for `along` is not needed and not used.
    along
        An input of the model.

    Raises
    ------
    InputError
        As `predict` does, and where `along` names no input.
    """
    at = parameters_along(fit, points, (along,))
    place = lowest(_curve(fit, at, along), *sought(fit, along))
    return labelled_as(np.exp(place), at, *named_unit(fit, along)).rename("optimum")


@carried
@asked
def tolerance(fit: Fit, points: Table, along: str, below: float) -> xr.Dataset:
    """Return draws of the range of an input around the optimum in which the loss is less than `below` above its lowest.

    L(x) < L(x*) + below        for low < x < high

    Variables low and high, with dimensions chain, draw, row, in the unit of the input: the first values on either side of the
    optimum where the loss is that much higher; 0 or inf where it is not so within the range of `optimum`, NaN without an
    optimum. The attributes `below` and `units` say what was asked for.

    Parameters
    ----------
    below
        What missing the optimum may cost, in the unit of the response (nats/token; per cent for a penalty in per cent). For a
        share of a loss multiply that loss by it.
    points, along
        As for `optimum`.

    Raises
    ------
    InputError
        As `optimum` does, and where `below` is not a positive number.
    """
    if not (isfinite(below) and below > 0):
        raise InputError(
            f"below must be a positive number, in {fit.runs.columns.response.unit or 'the response'}; it is {below}"
        )
    at = parameters_along(fit, points, (along,))
    curve, (low, high) = _curve(fit, at, along), sought(fit, along)
    place = lowest(curve, low, high)
    limit = curve(place) + below
    ends = {"low": _edge(curve, place, low, limit), "high": _edge(curve, place, high, limit)}
    found = xr.Dataset({name: labelled_as(np.exp(end), at, *named_unit(fit, along)) for name, end in ends.items()})
    return found.assign_attrs(below=below, units=fit.runs.columns.response.unit)


@carried
def compute_price(penalty: float | xr.DataArray, exponent: xr.DataArray | Prior) -> xr.DataArray:
    """Return draws of the compute that makes up for a relative penalty on the loss, as a share of the compute spent.

    (1 + penalty)^(1 / exponent) - 1        (from L ~ C^-exponent; Kaplan et al. 2020, Fig. 5: 1 % costs 22 % at 0.05)

    The two are taken for independent, as draws of different fits are: where both are draws, those of the exponent are put in
    random order, with a fixed seed, then cut or repeated to the number of the penalty's. Dimensions: chain, draw, and those of
    the penalty.

    Parameters
    ----------
    penalty
        0.01 for a loss 1 % higher; a number, or draws.
    exponent
        Of compute, in a power law without floor: draws with dimensions chain, draw (`b` of such a fit), or a `Prior`, of which
        draws with a fixed seed are taken, as many as the penalty has.

    Raises
    ------
    InputError
        Where a penalty is not above -1, or the exponent is not positive or has other dimensions.
    """
    if np.any(np.asarray(penalty) <= -1):
        raise InputError(
            f"a penalty is a share of the loss above -1, such as 0.01 for 1 %; the lowest is {exact(np.min(penalty))}"
        )
    draws = _exponent_draws(exponent, penalty)
    if not np.all(draws > 0):
        raise InputError(f"an exponent of compute must be positive; the lowest of its draws is {exact(float(draws.min()))}")
    price: xr.DataArray = (1.0 + penalty) ** (1.0 / draws) - 1.0
    return price.transpose("chain", "draw", ...).rename("compute_price").assign_attrs(units="", long_name="price in compute")


def parameters_along(fit: Fit, points: Table, moved: Sequence[str]) -> xr.Dataset:
    """Return draws of the parameters at points, with the moved inputs at their reference, where trends on them add nothing."""
    for name in moved:
        if name not in model_inputs(fit.model):
            raise InputError(f"along {name!r} names no input; the model's inputs are {list(model_inputs(fit.model))}")
        check_logarithms(fit.runs.columns, {"what is to be varied": (name,)})
    columns = [fit.runs.columns.inputs[name].column for name in moved]
    frame = in_base_units(points, fit.runs).drop(columns=[*moved, *columns], errors="ignore")
    at = parameters_at(fit, frame.assign(**{name: fit.runs.references[name] for name in moved}))
    return at.drop_vars(list(moved))


def law_along(fit: Fit, at: xr.Dataset, moved: Sequence[str]) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Return the law as a function of the logarithms of the moved inputs' values; bare arrays, as it is called often.

    Parameters
    ----------
    at
        What `parameters_along` returns.
    """
    references = fit.runs.references
    inputs = model_inputs(fit.model)
    frame = _columns_of(at)
    logs_of = {name: log_input(frame, fit.runs.columns, references, name) for name in inputs if name not in moved}
    held = {name: log if log.ndim == 1 else log.T[:, None, None, :] for name, log in logs_of.items()}  # parts stand first
    values = {name: at[name].to_numpy() for name in fit.model.parameters}
    drifts = {name: slopes for name in fit.model.parameters if (slopes := _slopes(fit, name, moved))}

    def law(places: Mapping[str, np.ndarray]) -> np.ndarray:
        logs = held | {name: place - log(references[name]) for name, place in places.items()}
        drifted = {name: _drifted(fit, name, values[name], slopes, logs) for name, slopes in drifts.items()}
        loss: np.ndarray = law_value(fit.model.law, logs, values | drifted, on_arrays(3))
        return loss

    return law


def _slopes(fit: Fit, name: str, moved: Sequence[str]) -> dict[str, np.ndarray]:
    """Return draws of a parameter's trends on the moved inputs; chain, draw, and one for the point."""
    terms = as_parameter(fit.model.parameters[name]).terms
    return {
        term.on: fit.posterior[term_name(name, term)].to_numpy()[..., None]
        for term in terms
        if isinstance(term, Trend) and term.on in moved
    }


def _drifted(
    fit: Fit, name: str, value: np.ndarray, slopes: Mapping[str, np.ndarray], logs: Mapping[str, np.ndarray]
) -> np.ndarray:
    drift: np.ndarray = sum((slope * logs[on] for on, slope in slopes.items()), start=np.zeros(1))
    return value * np.exp(drift) if link(as_parameter(fit.model.parameters[name]).prior) == "log" else value + drift


def _curve(fit: Fit, at: xr.Dataset, along: str) -> Curve:
    if fit.model.discrepancy:
        return _bent_curve(fit, at, along)
    law = law_along(fit, at, (along,))
    return lambda place: law({along: place})


def _columns_of(at: xr.Dataset) -> pd.DataFrame:
    """Return the checked points behind parameters at points."""
    columns = {str(name): of.to_numpy() for name, of in at.coords.items() if of.dims == ("row",)}
    return pd.DataFrame(columns, index=range(at.sizes["row"]))


def _bent_curve(fit: Fit, at: xr.Dataset, along: str) -> Curve:
    """Return the law with its discrepancy along an input."""
    from bayes_scaling.inference.expectation import at as expected_at, log_inputs

    frame = _columns_of(at).assign(**{along: fit.runs.references[along]})
    logs = log_inputs(fit, frame)

    def curve(place: np.ndarray) -> np.ndarray:
        moved = np.asarray(place) - log(fit.runs.references[along])
        dims = ("row",) if moved.ndim < 3 else ("chain", "draw", "row")
        moved = np.broadcast_to(moved, len(frame)) if moved.ndim < 3 else moved
        return expected_at(fit, frame, logs | {along: xr.DataArray(moved, dims=dims)}).to_numpy()

    return curve


def sought(fit: Fit, along: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the range in which an optimum is sought, as logarithms."""
    seen = np.log(fit.runs.table[along].to_numpy())
    return seen.min(keepdims=True) - log(WIDER), seen.max(keepdims=True) + log(WIDER)


# Laws may overflow towards the ends of a range this wide; what is infinite there is no optimum.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def lowest(curve: Curve, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the place between low and high where a curve is lowest, NaN where that is an end.

    The deepest dip of a grid is halved around its lowest point, then a parabola through the last three points gives the place:
    comparing losses alone could not tell places apart below the square root of their rounding.
    """
    step = (high - low) / (GRID - 1)
    first, before, here = curve(low), curve(low), curve(low + step)
    place, value = np.full(first.shape, np.nan), np.full(first.shape, np.inf)
    for i in range(1, GRID - 1):
        after = curve(low + (i + 1) * step)
        dip = (here < before) & (here <= after) & (here < value)
        place, value = np.where(dip, low + i * step, place), np.where(dip, here, value)
        before, here = here, after
    place, value = _refined(curve, place, value, step)
    end = np.fmin(first, here)
    return np.where(value + ROUNDING * np.abs(value) < end, place, np.nan)


def _refined(curve: Curve, place: np.ndarray, value: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
def _edge(curve: Curve, start: np.ndarray, end: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return the first place from start towards end where a curve is not below a limit, infinite where there is none."""
    inner, outer, found = start, start, np.zeros(limit.shape, dtype=bool)
    for share in np.linspace(0.0, 1.0, GRID)[1:]:
        here = start + share * (end - start)
        beyond = ~found & (curve(here) >= limit)
        outer, found = np.where(beyond, here, outer), found | beyond
        inner = np.where(found, inner, here)
    for _ in range(BISECTIONS):
        middle = (inner + outer) / 2
        beyond = curve(middle) >= limit
        inner, outer = np.where(beyond, inner, middle), np.where(beyond, middle, outer)
    return np.where(found, outer, start + np.inf * np.sign(end - start))


def labelled_as(values: np.ndarray, at: xr.Dataset, name: str, unit: str) -> xr.DataArray:
    """Return draws with the coordinates of the points, but for the inputs that were moved."""
    return xr.DataArray(values, at.coords, ("chain", "draw", "row"), attrs={"long_name": name, "units": unit})


def named_unit(fit: Fit, name: str) -> tuple[str, str]:
    return name.replace("_", " "), fit.runs.columns.inputs[name].unit


def _exponent_draws(exponent: xr.DataArray | Prior, penalty: float | xr.DataArray) -> xr.DataArray:
    """Return draws of an exponent in the shape of a penalty's, in an order that has nothing to do with theirs."""
    rng = np.random.default_rng(SEED)
    like = penalty if isinstance(penalty, xr.DataArray) and {"chain", "draw"} <= set(penalty.dims) else None
    shape = (1, PRIOR_DRAWS) if like is None else (like.sizes["chain"], like.sizes["draw"])
    if isinstance(exponent, Prior):
        kind, arguments = distribution(exponent)
        values = _DRAW[kind](rng, arguments, shape[0] * shape[1])
    elif set(exponent.dims) != {"chain", "draw"}:
        raise InputError(f"an exponent needs draws with the dimensions ['chain', 'draw']; it has {format_names(exponent.dims)}")
    elif like is None:
        return exponent.reset_coords(drop=True)
    else:
        values = np.resize(rng.permutation(exponent.to_numpy().ravel()), shape[0] * shape[1])
    coords = {} if like is None else {dim: like[dim] for dim in ("chain", "draw") if dim in like.coords}
    return xr.DataArray(values.reshape(shape), coords, ("chain", "draw"))
