"""Where a law is lowest in several inputs at once, such as learning rate and batch, and what other values of them cost.

All as draws; summaries come last.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, log

import numpy as np
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.law_along import columns_of, labelled_as, law_along, named_unit, parameters_along, search_bounds
from bayes_scaling.decisions.optimum import Curve, edge, lowest
from bayes_scaling.decisions.optimum_notes import with_notes
from bayes_scaling.inference.expectation import at as expected_at, log_inputs
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, map_components
from bayes_scaling.prediction.goal import refuse_rising
from bayes_scaling.prediction.predict import predict

SWEEPS = 2
"""Searches of each input's whole range in turn, before steps that move all inputs at once."""
STEPS = 6
"""Steps of Newton's method, after each input was searched in turn."""
APART = 1e-3
"""Between values of which differences are taken, in the logarithm of an input."""
FARTHEST = 0.5
"""That one step goes, in the logarithm of an input."""

type Places = Mapping[str, np.ndarray]
"""Input -> logarithm of its value, with chain, draw, row, or what broadcasts to that."""
type Surface = Callable[[Places], np.ndarray]


@carried
@asked
def joint_optimum(fit: Posterior, points: Table, along: Sequence[str]) -> xr.Dataset:
    """Return draws of the values of several inputs at which the expected loss is lowest, all else as in the points.

    (lr*, batch*) = argmin L(lr, batch)        (chain, draw, row; each in the unit of its input)

    A variable for each input, and `loss`, the loss there. Each input is searched for as `optimum` does, in turn and twice;
    Newton's steps then move all of them. NaN in draws whose loss is lowest at an end of a range.

    Parameters
    ----------
    fit
        A fit.
    points
        As for `predict`; columns for `along` are not needed and not used.
    along
        Inputs of the model, two or more.

    Returns
    -------
    Dataset
        Draws with dimensions chain, draw, row.

    Raises
    ------
    InputError
        As `optimum` does, and where `along` does not name two inputs or more.

    Examples
    --------
    >>> joint_optimum(fit, {"params": [1e9], "tokens": [2e10]}, ["lr", "batch"])["lr"]  # doctest: +SKIP
    """
    refuse_rising(fit, "an optimum", points)
    _check_several(along)
    found = map_components(fit, lambda one, _: _optimum(one, points, along))
    return with_notes(fit, found, {name: found[name] for name in along})


@carried
@asked
def joint_tolerance(fit: Posterior, points: Table, along: Sequence[str], below: float) -> xr.Dataset:
    """Return draws of the range of each input, others at their best, in which the loss is less than `below` above its lowest.

    L(lr, batch*) < L(lr*, batch*) + below        for lr_low < lr < lr_high

    Variables NAME_low and NAME_high for each input, with dimensions chain, draw, row, in its unit; 0 or inf where the loss is
    not so much higher within the range that is searched, NaN without an optimum.

    Parameters
    ----------
    fit, points, along
        As for `joint_optimum`.
    below
        What missing the optimum may cost, in the unit of the response.

    Returns
    -------
    Dataset
        Draws of the ends of each range.

    Raises
    ------
    InputError
        As `joint_optimum` does, and where `below` is not a positive number.

    Examples
    --------
    >>> joint_tolerance(fit, {"params": [1e9], "tokens": [2e10]}, ["lr", "batch"], 0.005)["lr_high"]  # doctest: +SKIP
    """
    refuse_rising(fit, "an optimum", points)
    _check_several(along)
    if not (isfinite(below) and below > 0):
        unit = fit.runs.columns.response.unit or "the response"
        raise InputError(f"below must be a positive number, in {unit}; it is {below}")
    return map_components(fit, lambda one, _: _tolerance(one, points, along, below))


@carried
@asked
def excess_loss(fit: Posterior, points: Table, along: Sequence[str]) -> xr.DataArray:
    """Return draws of what the values of inputs in the points cost over the best ones: the regret of a rule for them.

    L(lr, batch) - L(lr*, batch*)        (chain, draw, row; in the unit of the response)

    Parameters
    ----------
    fit, along
        As for `joint_optimum`.
    points
        As for `predict`, with the values of the inputs `along` that are to be judged.

    Returns
    -------
    DataArray
        Draws with dimensions chain, draw, row.

    Raises
    ------
    InputError
        As `joint_optimum` and `predict` do.

    Examples
    --------
    >>> excess_loss(fit, {"params": [1e9], "tokens": [2e10], "lr": [1e-3], "batch": [256]}, ["lr", "batch"])  # doctest: +SKIP
    """
    best = joint_optimum(fit, points, along)["loss"]
    found = predict(fit, points)
    over = best.copy(data=found.transpose(*best.dims).to_numpy() - best.to_numpy()).rename("excess loss")
    return over.assign_attrs(
        long_name=f"{fit.runs.columns.response.name} above the lowest", units=fit.runs.columns.response.unit
    )


def _check_several(along: Sequence[str]) -> None:
    if len(set(along)) < 2:
        raise InputError(f"along names two inputs or more, as ['lr', 'batch']; it is {list(along)}: for one input see optimum")


def _optimum(fit: Fit, points: Table, along: Sequence[str]) -> xr.Dataset:
    at = parameters_along(fit, points, along)
    surface = _surface(fit, at, along)
    places = _lowest(surface, {name: search_bounds(fit, name) for name in along})
    best = {name: labelled_as(np.exp(place), at, *named_unit(fit, name)) for name, place in places.items()}
    return xr.Dataset(
        best | {"loss": labelled_as(surface(places), at, fit.runs.columns.response.name, fit.runs.columns.response.unit)}
    )


def _tolerance(fit: Fit, points: Table, along: Sequence[str], below: float) -> xr.Dataset:
    """Return for each input how far it may move alone from the joint optimum."""
    at = parameters_along(fit, points, along)
    surface, bounds = _surface(fit, at, along), {name: search_bounds(fit, name) for name in along}
    places = _lowest(surface, bounds)
    limit, found = surface(places) + below, {}
    for name in along:
        for side, end in zip(("low", "high"), bounds[name], strict=True):
            place = edge(_along(surface, places, name), places[name], end, limit)
            found[f"{name}_{side}"] = labelled_as(np.exp(place), at, *named_unit(fit, name))
    return xr.Dataset(found).assign_attrs(below=below, units=fit.runs.columns.response.unit)


def _surface(fit: Fit, at: xr.Dataset, along: Sequence[str]) -> Surface:
    """Return the expected loss as a function of the logarithms of the moved inputs."""
    law = law_along(fit, at, along)
    if not fit.model.discrepancy:
        shape = (fit.posterior.sizes["chain"], fit.posterior.sizes["draw"], at.sizes["row"])
        return lambda places: np.broadcast_to(law(places), shape)
    frame = columns_of(at).assign(**{name: fit.runs.references[name] for name in along})
    logs = log_inputs(fit, frame)

    def bent(places: Places) -> np.ndarray:
        moved = {name: np.asarray(place) - log(fit.runs.references[name]) for name, place in places.items()}
        whole = {
            name: xr.DataArray(np.broadcast_to(of, len(frame)), dims="row")
            if of.ndim < 3
            else xr.DataArray(of, dims=("chain", "draw", "row"))
            for name, of in moved.items()
        }
        return expected_at(fit, frame, {**logs, **whole}).to_numpy()

    return bent


def _along(surface: Surface, places: Places, name: str) -> Curve:
    """Return a surface along one of its inputs, the others where they are."""
    held = dict(places)
    return lambda there: surface({**held, name: there})


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _lowest(surface: Surface, bounds: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return where a surface is lowest: each input in turn, then Newton's steps with all.

    In the first sweep an input whose best value lies at an end stays where it is: others are not at theirs yet.
    """
    places = {name: (low + high) / 2 for name, (low, high) in bounds.items()}
    for sweep in range(SWEEPS):
        for name, (low, high) in bounds.items():
            found = lowest(_along(surface, places, name), low, high)
            places[name] = np.where(np.isnan(found), places[name], found) if sweep == 0 else found
    for _ in range(STEPS):
        places = _stepped(surface, places)
    inside = [(low < places[name]) & (places[name] < high) for name, (low, high) in bounds.items()]
    return {name: np.where(np.all(inside, axis=0), place, np.nan) for name, place in places.items()}


def _stepped(surface: Surface, places: Places) -> dict[str, np.ndarray]:
    """Return places after one of Newton's steps; none where the surface does not curve upwards."""
    names = list(places)

    def moved(**by: float) -> np.ndarray:
        return surface({name: place + APART * by.get(name, 0.0) for name, place in places.items()})

    here, ahead, behind = moved(), [moved(**{name: 1.0}) for name in names], [moved(**{name: -1.0}) for name in names]
    slope = np.stack([(a - b) / 2 for a, b in zip(ahead, behind, strict=True)], axis=-1)
    bend = np.empty((*slope.shape, len(names)))
    for i, one in enumerate(names):
        bend[..., i, i] = ahead[i] - 2 * here + behind[i]
        for j in range(i):
            both = moved(**{one: 1.0, names[j]: 1.0}) - ahead[i] - ahead[j] + here
            bend[..., i, j] = bend[..., j, i] = both
    upwards = np.isfinite(bend).all((-1, -2)) & np.isfinite(slope).all(-1)
    upwards[upwards] = np.linalg.eigvalsh(bend[upwards])[..., 0] > 0
    step = np.zeros_like(slope)
    step[upwards] = -APART * np.linalg.solve(bend[upwards], slope[upwards][..., None])[..., 0]
    step = np.clip(step, -FARTHEST, FARTHEST)
    return {name: place + step[..., i] for i, (name, place) in enumerate(places.items())}
