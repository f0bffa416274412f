"""Priors of a loss in another unit than the runs: parameters that scale with the loss follow it.

    L(x; s theta) = s L(x; theta)        for the theta that scale with the loss

found by trying the law, so that it does not matter how it is written.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import log
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, number
from bayes_scaling._base.random import stream
from bayes_scaling.laws.formula import called
from bayes_scaling.laws.library import Law, law_inputs
from bayes_scaling.laws.units import TOKEN_BYTES, loss_factor, loss_unit, widen_factor
from bayes_scaling.model.parameters import ByLevel, Parameter, Term, as_parameter
from bayes_scaling.model.priors import Prior, distribution, link, median

if TYPE_CHECKING:
    from bayes_scaling.data.response import Response
    from bayes_scaling.data.runs import Runs
    from bayes_scaling.model.joint_prior import JointPrior
    from bayes_scaling.model.specification import Model


PLACES = 24
"""Places at which a law is tried."""


PER_BYTE = (0.22, 0.5)
"""Losses of so many times what a prior per token expects are losses per byte, or of something far easier than text."""


def in_unit_of(model: "Model", response: "Response") -> "Model":
    """Return a model with its priors of the loss in the unit of a response.

    Raises
    ------
    InputError
        Where no factor leads there from the unit of its priors, or the law's parameters cannot follow.
    """
    if not (model.unit and response.unit) or loss_unit(model.unit) == loss_unit(response.unit):
        return model
    if model.noise.on == "log_odds" and response.unit == "%":
        raise InputError(f'noise on the log odds is of shares: of per cent say unit = "% {loss_unit(model.unit)}"')
    found = loss_factor(model.unit, response.unit, response.bytes_per_token)
    if found is None:
        raise InputError(
            f"the priors of {called(model.law)} are for a response in {model.unit!r}; from it no factor leads to "
            f"{response.unit!r}, which the runs have: give every parameter a prior of its own"
        )
    return rescaled(model, *found, response.unit)


def moved_notes(unit: str, response: "Response") -> tuple[str, ...]:
    """Return a sentence on what is assumed where priors for a unit are taken to that of a response; none where nothing is."""
    found = loss_factor(unit, response.unit, response.bytes_per_token)
    if found is None or found[1] == 1.0:
        return ()
    return (
        f"priors for {unit} are multiplied by {number(found[0])} to be for {response.unit}, as a token has about "
        f"{exact(TOKEN_BYTES)} bytes, and are wider by a factor of {exact(found[1])}; bytes_per_token, or "
        "--unit bytes_per_token=4.2, says it",
    )


def rescaled(model: "Model", factor: float, within: float, unit: str) -> "Model":
    """Return a model for losses that are multiplied by a factor known within another at 90 %, and in another unit."""
    scaling = loss_like(model.law, {name: median(as_parameter(of).prior) for name, of in model.parameters.items()})
    if scaling is None:
        raise InputError(
            f"the priors of {called(model.law)} are for a response in {model.unit!r} and cannot follow it to {unit!r}: its "
            "parameters do not scale with the loss; give each a prior of its own"
        )
    parameters = {
        name: _scaled(of, factor**power, within ** abs(power)) if (power := scaling.get(name, 0.0)) else of
        for name, of in model.parameters.items()
    }
    noise, discrepancy = model.noise, model.discrepancy
    if noise.on == "loss":
        white = noise.correlation and noise.correlation.white
        correlation = replace(noise.correlation, white=_scaled(white, factor).prior) if noise.correlation and white else None
        noise = replace(
            noise,
            sd=_scaled(noise.sd, factor) if isinstance(noise.sd, Parameter) else _scaled(noise.sd, factor).prior,
            effects=tuple(replace(term, sd=term.sd * factor) for term in noise.effects),
            correlation=correlation or noise.correlation,
        )
        discrepancy = tuple(replace(term, amplitude=_scaled(term.amplitude, factor).prior) for term in discrepancy)
    alone = replace(model, joint=(), parameters=parameters, noise=noise, discrepancy=discrepancy, unit=unit)
    return replace(alone, joint=_moved(model, alone, scaling, within))


def _moved(model: "Model", alone: "Model", scaling: Mapping[str, float], within: float) -> "tuple[JointPrior, ...]":
    """Return the joint priors of a model with the medians of another: what is unsure of the factor, its parameters share."""
    from bayes_scaling.model.joint_prior import restricted, with_shared
    from bayes_scaling.model.specification import scalar_priors

    return restricted((with_shared(one, scaling, within) for one in model.joint), scalar_priors(alone))


def _scaled(value: Prior | Parameter, factor: float, within: float = 1.0) -> Parameter:
    """Return a parameter whose values are multiplied by a factor, known within another."""
    parameter = as_parameter(value)
    additive = link(parameter.prior) == "identity"
    terms: list[Term] = []
    for term in parameter.terms:
        if isinstance(term, ByLevel):
            own = {level: _scaled_prior(prior, factor, within) for level, prior in term.priors.items()}
            terms.append(replace(term, priors=own))
        else:
            terms.append(replace(term, sd=term.sd * factor) if additive else term)
    return Parameter(_scaled_prior(parameter.prior, factor, within), tuple(terms))


def _scaled_prior(prior: Prior, factor: float, within: float) -> Prior:
    """Return the prior of a quantity that is multiplied by a factor, which is known within another."""
    if prior.median is not None and prior.factor is not None:
        return Prior(median=prior.median * factor, factor=widen_factor(prior.factor, within))
    if prior.between is not None:
        low, high = prior.between
        if low > 0:
            middle, half = (low * high) ** 0.5 * factor, widen_factor((high / low) ** 0.5, within)
            return Prior(between=(middle / half, middle * half))
        return Prior(between=(low * factor, high * factor))
    kind, of = distribution(prior)
    logarithmic = ("LogNormal", "LogStudentT")
    scaled = {
        "mu": lambda at: at + log(factor) if kind in logarithmic else at * factor,
        "sigma": lambda at: at if kind in logarithmic else at * factor,
        "beta": lambda at: at / factor,
        "lam": lambda at: at / factor,
    }
    return Prior(distribution=kind, arguments={name: scaled[name](at) if name in scaled else at for name, at in of.items()})


def loss_like(law: Law, values: Mapping[str, float]) -> dict[str, float] | None:
    """Return the parameters that the loss of a law scales with, each with its power; None where there are none that do.

    Parameters
    ----------
    values
        Name -> where the law is tried, and about it.
    """
    names, rng = list(values), stream(0, "places where a law is tried")
    logs = rng.normal(0.0, 1.0, (len(law_inputs(law)), PLACES))
    inputs = dict(zip(law_inputs(law), np.exp(logs), strict=True))
    near = {name: (value or 0.1) * np.exp(rng.normal(0.0, 0.1, PLACES)) for name, value in values.items()}
    with np.errstate(all="ignore"):
        loss = _at(law, inputs, near)
        steps = [
            (_at(law, inputs, near | {n: near[n] * 1.0001}) - _at(law, inputs, near | {n: near[n] / 1.0001})) for n in names
        ]
    slopes = np.array(steps).T / (2 * np.log(1.0001)) / loss[:, None]
    if not np.isfinite(slopes).all():
        return None
    powers: np.ndarray = np.linalg.lstsq(slopes, np.ones(PLACES), rcond=None)[0]
    found = {name: float(power) for name, power in zip(names, powers, strict=True) if abs(power) > 1e-3}
    whole = {name: round(2 * power) / 2 for name, power in found.items()}
    twice = near | {name: near[name] * 2.0**power for name, power in whole.items()}
    return whole if np.allclose(_at(law, inputs, twice), 2.0 * loss, rtol=1e-8) else None


def _at(law: Law, inputs: Mapping[str, Any], values: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(law(**inputs, **values), dtype=float) * np.ones(PLACES)


def recognised(model: "Model", runs: "Runs") -> "Runs":
    """Return runs whose losses nobody has said the unit of, as losses per byte where they are so for the model's priors.

    Priors per token expect about three times as much as bits per byte are. Losses of another kind that are as low are read so
    too: what matters to the priors is the scale.
    """
    columns = runs.columns
    runs = replace(runs, notes=(*runs.notes, *moved_notes(model.unit, columns.response))) if model.unit else runs
    if not columns.response.assumed or model.unit != columns.response.unit or model.unit != "nats/token":
        return runs
    if set(law_inputs(model.law)) - set(columns.scales):
        return runs
    values = {name: median(as_parameter(of).prior) for name, of in model.parameters.items()}
    at = {name: runs.table[name].to_numpy() / runs.references[name] for name in law_inputs(model.law)}
    expected = np.asarray(model.law(**at, **values), dtype=float)
    ratio = float(np.median(runs.table["response"] / expected)) if (expected > 0).all() else 1.0
    if not PER_BYTE[0] < ratio < PER_BYTE[1]:
        return runs
    seen, column = runs.table["response"], columns.response.column
    note = (
        f"losses of {number(seen.min())} to {number(seen.max())} are {number(ratio, 2)} times what priors in nats/token "
        f'expect: read as bits/byte; if they are nats/token, say unit = "nats/token" or --unit {quote(f"{column}=nats/token")}'
    )
    response = replace(columns.response, unit="bits/byte", assumed=False)
    notes = (*runs.notes, note, *moved_notes(model.unit, response))
    return replace(runs, columns=replace(columns, response=response), notes=notes)
