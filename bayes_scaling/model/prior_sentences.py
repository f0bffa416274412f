"""A prior as sentences that a person can agree or disagree with: intervals, differences of levels, and what goes with what."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import exp, log

import numpy as np

from bayes_scaling._base.numbers import exact, number, percent, shared
from bayes_scaling.model import discrepancy
from bayes_scaling.model.joint_prior import JointPrior, location, scale_matrix
from bayes_scaling.model.loss_units import loss_like
from bayes_scaling.model.names import NOISE_LENGTH, NOISE_SD, NOISE_WHITE, OUTLIER_ODDS, OUTLIER_SCALE
from bayes_scaling.model.parameters import ByLevel, Effect, Ordered, Pooled, Smooth, Trend, Varying, own_prior
from bayes_scaling.model.priors import Z90, Prior, link, median, prior_quantiles
from bayes_scaling.model.specification import Model, discrepancy_terms, marginal_priors, parameters_with_priors

WORTH_SAYING = 0.3
"""Correlations from this size on have a sentence each."""
MOST_SAID = 6
"""Of them at most, the largest first."""
HALF_NORMAL_10 = 2.33
MEDIAN_DIFFERENCE = 0.5
"""Two levels differ by more than so many times the sd of their term with probability 10 %, and 50 %."""
ORDERED_10, MEDIAN_STEP = 2.05, 0.379
"""A step of an ordered term, half-normal times exponential, is more than so many times its sd with these probabilities."""


def prior_sentences(model: Model) -> list[str]:
    """Return what a model expects before it sees runs, a sentence each.

    Parameters
    ----------
    model
        A model.

    Returns
    -------
    list[str]
        The interval that holds 90 % of each number; by how much levels differ and parameters drift; which numbers of a joint
        prior go together, and how heavy its tails are.

    Examples
    --------
    >>> from bayes_scaling.model.defaults import sweep_model
    >>> print("\\n".join(prior_sentences(sweep_model("chinchilla"))[:3]))  # doctest: +ELLIPSIS
    E lies between ... and ... nats/token with probability 90 %; its median is ...
    A lies between ... and ... nats/token with probability 90 %; its median is ...
    alpha lies between ... and ... with probability 90 %; its median is ...
    """
    units = _units(model)
    return [
        *(_interval(_whose(model, name), prior, units.get(name, "")) for name, prior in marginal_priors(model).items()),
        *differences(model),
    ]


def _whose(model: Model, name: str) -> str:
    """Return what an interval is of: of a parameter whose levels have priors of their own, of those without runs."""
    parameter = parameters_with_priors(model).get(name)
    own = None if parameter is None else own_prior(parameter)
    return name if own is None else f"{name} of levels of {own.over} without runs"


def differences(model: Model) -> list[str]:
    """Return the sentences of a prior beside its intervals: how levels differ, parameters drift, and what goes together."""
    said, units = [], _units(model)
    for name, parameter in parameters_with_priors(model).items():
        log_link = link(parameter.prior) == "log"
        said += [
            _drifts(name, of, log_link) if isinstance(of, Trend) else _varies(name, of, log_link) for of in parameter.terms
        ]
    said += [_shared(effect, relative=model.noise.on == "log_loss") for effect in model.noise.effects]
    return [*said, *(one for joint in model.joint for one in joint_sentences(joint, units))]


def prior_summary(model: Model) -> str:
    """Return `prior_sentences`, a line each."""
    return "\n".join(prior_sentences(model))


def joint_sentences(joint: JointPrior, units: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield which parameters of a joint prior go together, the closest first, and how heavy the tails are.

    Parameters
    ----------
    units
        Name -> unit of the parameter; "%" for one that is said in percent.
    """
    pairs = closest_pairs(joint)
    for i, j in pairs:
        yield _pair(joint, i, j, units or {})
    others = len(joint.parameters) * (len(joint.parameters) - 1) // 2 - len(pairs)
    if others and not pairs:
        yield f"No two of {_listed(joint.parameters)} have a correlation of {exact(WORTH_SAYING)} or more."
    if joint.nu is not None and len(joint.parameters) > 1:
        yield (
            f"The tails of {_listed(joint.parameters)} are heavy (Student-t, {exact(joint.nu)} degrees of freedom): where one "
            "is far out, others are likelier to be as well."
        )


def closest_pairs(joint: JointPrior) -> list[tuple[int, int]]:
    """Return the places of the pairs whose correlation is worth saying, the closest first; of a pair the better known last."""
    size = len(joint.parameters)
    pairs = [pair for pair in combinations(range(size), 2) if abs(joint.correlation[pair[0]][pair[1]]) >= WORTH_SAYING]
    return sorted(pairs, key=lambda pair: -abs(joint.correlation[pair[0]][pair[1]]))[:MOST_SAID]


def together(joint: JointPrior, i: int, j: int) -> str:
    """Return that a large i goes with a small j, or a large one, and their correlation."""
    one, other, r = joint.parameters[i], joint.parameters[j], joint.correlation[i][j]
    return f"a large {one} goes with a {'small' if r < 0 else 'large'} {other} (correlation {number(r, 2)})"


def _pair(joint: JointPrior, i: int, j: int, units: Mapping[str, str]) -> str:
    """Return what is expected of one parameter where another is at the upper end of its interval."""
    one, other = joint.parameters[i], joint.parameters[j]
    mu, matrix = location(joint), scale_matrix(joint)
    at = Z90 * np.sqrt(matrix[i, i])
    expected = exp(mu[j] + matrix[i, j] / matrix[i, i] * at)
    said = together(joint, i, j)
    where = _rather(exp(mu[i] + at), joint.median[i], units.get(one, ""))
    then = _rather(expected, joint.median[j], units.get(other, ""))
    return f"{said[0].upper()}{said[1:]}: where {one} is {where}, {other} is expected at {then}."


def _rather(value: float, usual: float, unit: str) -> str:
    times = 100.0 if unit == "%" else 1.0
    low, high = shared([times * usual, times * value])
    return f"{high} rather than {low} {unit}".rstrip()


def _units(model: Model) -> dict[str, str]:
    """Return the unit of each number that has one: of the loss, percent of it, e-folds."""
    loss = loss_like(
        model.law, {name: median(of.prior) for name, of in parameters_with_priors(model).items() if name != NOISE_SD}
    )
    found = {name: model.unit for name, power in (loss or {}).items() if power == 1}
    relative = {"log_loss": "%", "log_odds": "log odds"}.get(model.noise.on, model.unit)
    found |= {NOISE_SD: relative, NOISE_WHITE: relative}
    if model.noise.outliers is not None:
        own = NOISE_SD if model.noise.correlation is None else NOISE_WHITE
        found |= {OUTLIER_ODDS: "outliers to each other row", OUTLIER_SCALE: f"times {own}"}
    if model.noise.correlation is not None:
        found[NOISE_LENGTH] = f"e-folds of {model.noise.correlation.along}"
    for term, inputs in discrepancy_terms(model):
        found[f"{discrepancy.name(term)}_amplitude"] = relative
        found |= {f"{discrepancy.name(term)}_length_{x}": f"e-folds of {x}" for x in inputs}
    return found


def _interval(name: str, prior: Prior, unit: str) -> str:
    times = 100.0 if unit == "%" else 1.0
    low, middle, high = shared((times * prior_quantiles(prior, (0.05, 0.5, 0.95))).tolist())
    of = f" {unit}" if unit else ""
    return f"{name} lies between {low} and {high}{of} with probability 90 %; its median is {middle}{of if unit == '%' else ''}."


def _varies(name: str, term: Effect, log_link: bool) -> str:
    if isinstance(term, ByLevel):
        return " ".join(_interval(f"{name} of {term.over} {level}", prior, "") for level, prior in term.priors.items())
    often, seldom = (MEDIAN_STEP, ORDERED_10) if isinstance(term, Ordered) else (MEDIAN_DIFFERENCE, HALF_NORMAL_10)
    return _differ(term, name, *(_step(times * term.sd, log_link) for times in (often, seldom)))


def _shared(term: Varying | Smooth, *, relative: bool) -> str:
    return _differ(term, "loss", *(_step(times * term.sd, relative) for times in (MEDIAN_DIFFERENCE, HALF_NORMAL_10)))


def _differ(term: Pooled, what: str, often: str, seldom: str) -> str:
    """Return by how much a term lets levels differ, often and seldom."""
    if isinstance(term, Ordered):
        how = "above" if term.direction == "increasing" else "below"
        return (
            f"Along the order of {term.over}, {what} lies {how} that of the level before, by {often}, as likely less as more; "
            f"by more than {seldom} with probability 10 %."
        )
    if isinstance(term, Smooth):
        low, high = shared(prior_quantiles(term.length, (0.05, 0.95)).tolist())
        within = f", for each {' x '.join(term.dims[1:])}" if term.dims[1:] else ""
        unit = "e-folds of " if term.log else ""
        return (
            f"Along {term.over}{within}, {what} is smooth: places many lengths apart differ by {often}, as likely less as more;"
            f" by more than {seldom} with probability 10 %; the length lies between {low} and {high} ({unit}{term.over}) with "
            "probability 90 %."
        )
    return (
        f"Two levels of {' x '.join(term.dims)} differ in {what} by {often}, as likely less as more; "
        f"by more than {seldom} with probability 10 %."
    )


def _step(step: float, log_link: bool) -> str:
    if not log_link:
        return number(step, 2)
    return percent(exp(step) - 1) if step < log(1.5) else f"a factor of {number(exp(step), 2)}"


def _drifts(name: str, term: Trend, log_link: bool) -> str:
    step = Z90 * term.sd * log(10.0)
    change = (
        f"by a factor between {number(exp(-step), 2)} and {number(exp(step), 2)}" if log_link else f"by up to {number(step, 2)}"
    )
    return f"Where {term.on} is ten times as large, {name} changes {change}, with probability 90 %."


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
