"""A model in words: its law, how runs scatter about it, and every prior with the interval that holds 90 %."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bayes_scaling._base.numbers import amount, interval, number
from bayes_scaling._base.views import page
from bayes_scaling.data.measurement_error import MeasurementError
from bayes_scaling.data.references import Reference
from bayes_scaling.data.response import Response
from bayes_scaling.laws.formula import equation
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model import discrepancy
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.joint_prior import JointPrior
from bayes_scaling.model.names import NOISE_LENGTH, NOISE_WHITE, OUTLIER_ODDS, OUTLIER_SCALE
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import ByLevel, Effect, Ordered, Parameter, Smooth, Trend, Varying
from bayes_scaling.model.prior_sentences import closest_pairs, together
from bayes_scaling.model.priors import Prior, distribution, link, prior_quantiles
from bayes_scaling.model.specification import (
    Model,
    discrepancy_terms,
    marginal_priors,
    parameters_with_priors,
    prior_references,
)

NINETY = (0.05, 0.95)
"""Probabilities at the ends of a 90 % interval."""
NAMES = {"LogNormal": "log-normal", "HalfNormal": "half-normal", "StudentT": "Student-t", "LogStudentT": "log-Student-t"}


def prior_words(of: Prior) -> str:
    """Return a prior in words: its kind, and the interval that holds 90 %.

    Examples
    --------
    >>> prior_words(Prior(median=1.7, factor=1.6))
    'log-normal, 90 % in 1.1 to 2.7'
    """
    kind, arguments = distribution(of)
    told = {"nu": arguments["nu"]} if kind == "LogStudentT" else {} if of.distribution is None else arguments
    given = "(" + ", ".join(f"{name} {number(at)}" for name, at in told.items()) + ")" if told else ""
    return f"{NAMES.get(kind, kind.lower())}{given}, 90 % in {interval(prior_quantiles(of, NINETY).tolist())}"


def parameter_words(of: Parameter) -> str:
    """Return a parameter in words: its prior, and how it varies and drifts.

    Examples
    --------
    >>> parameter_words(Prior(between=(-1, 1)) + Trend("tokens", sd=0.1))
    'normal, 90 % in -1.0 to 1.0; it drifts with the logarithm of tokens, slope normal(0, 0.1)'
    """
    log = link(of.prior) == "log"
    terms = [_drifts(term, log=log) if isinstance(term, Trend) else _varies(term, log=log) for term in of.terms]
    return "; ".join([prior_words(of.prior), *terms])


def model_priors(model: Model) -> list[tuple[str, str]]:
    """Return each thing that has a prior, by the name of its draws, and the prior in words."""
    known, noise = marginal_priors(model), model.noise
    found = [(name, parameter_words(replace(of, prior=known[name]))) for name, of in parameters_with_priors(model).items()]
    if noise.distribution == "student_t":
        found.append(("noise_nu - 1", prior_words(noise.nu)))
    if noise.correlation is not None:
        found.append(("noise_length", f"{prior_words(known[NOISE_LENGTH])}; in e-folds of {noise.correlation.along}"))
        if noise.correlation.white is not None:
            found.append(("noise_white", prior_words(known[NOISE_WHITE])))
    if noise.outliers is not None:
        found += [(OUTLIER_ODDS, prior_words(known[OUTLIER_ODDS])), (OUTLIER_SCALE, prior_words(known[OUTLIER_SCALE]))]
    for term, inputs in discrepancy_terms(model):
        own = discrepancy.name(term)
        lengths = dict.fromkeys(f"{prior_words(known[f'{own}_length_{x}'])}; in e-folds" for x in inputs)
        found += [
            ("discrepancy amplitude", prior_words(known[f"{own}_amplitude"])),
            ("discrepancy length", "; or ".join(lengths)),
        ]
    return found


def joint_lines(model: Model) -> list[str]:
    """Return which parameters hang together before the runs are seen, a sentence for each joint prior."""
    return [_joint_line(joint) for joint in model.joint]


def _joint_line(joint: JointPrior) -> str:
    kind = "normal" if joint.nu is None else f"Student-t with {number(joint.nu)} degrees of freedom"
    pairs = [together(joint, i, j) for i, j in closest_pairs(joint)]
    said = f": {'; '.join(pairs)}" if pairs else ""
    return f"The prior of {', '.join(joint.parameters)} is a joint one, {kind} on the log scale{said}."


def scatter_sentences(model: Model, response: Response | None = None, error: MeasurementError | None = None) -> list[str]:
    """Return how runs scatter about the law, a sentence for each part.

    Parameters
    ----------
    response
        What it is called, and its unit; None where no runs are at hand.
    error
        The column of measurement errors; None where there is none.
    """
    noise, name, unit = model.noise, "the loss", "the unit of the loss"
    if response is not None:
        name, unit = response.name, response.unit or f"the unit of {response.name}"
    what = {"log_loss": f"the logarithm of {name}", "log_odds": f"the log odds of {name}"}.get(noise.on, name)
    how = "normal" if noise.distribution == "normal" else "Student-t, with its degrees of freedom learnt,"
    scale = {"log_loss": "a relative error", "log_odds": "in log odds"}.get(noise.on, f"in {unit}")
    found = [f"Single rows scatter about the law in {what}: {how} of scale noise_sd, {scale}."]
    if error is not None:
        found.append(
            f"The measurement error of column {error.column}, {error.words(name, unit)}, is added to it in quadrature."
        )
    found += [_shared(effect) for effect in noise.effects]
    found += list(_correlated(noise))
    if noise.residual_correlation is not None:
        between = noise.residual_correlation
        found.append(f"The scatter of one run is correlated between levels of {between.over}: LKJ({number(between.eta)}).")
    found += [_discrepancy(term) for term in model.discrepancy]
    if not (noise.effects or noise.correlation or noise.residual_correlation or model.discrepancy):
        found.append("Rows are independent given the law. There is no discrepancy: the law is taken for the truth.")
    elif not model.discrepancy:
        found.append("There is no discrepancy: the law is taken for the truth.")
    return found


def model_frame(model: Model) -> pd.DataFrame:
    """Return the parameters of a model and their priors in words, a row each."""
    return pd.DataFrame(model_priors(model), columns=["parameter", "prior"])


def model_summary(model: Model) -> str:
    """Return a model in words, a line each: its law, its priors, and how runs scatter."""
    width = max(len(name) for name, _ in model_priors(model))
    return "\n".join([_law_line(model), *(f"  {n:<{width}}  {of}" for n, of in model_priors(model)), *_about(model)])


def model_page(model: Model) -> str:
    """Return a model as notebooks show it; all texts are escaped."""
    return page("Model", [_law_line(model), *_about(model)], model_frame(model))


def _law_line(model: Model) -> str:
    return f"L = {equation(model.law)}, over {' and '.join(law_inputs(model.law))}"


def _place(name: str, of: Reference) -> str:
    return amount(of.value, "" if of.unit in (name, "parameters") else of.unit)


def _about(model: Model) -> list[str]:
    """Return where priors are, how parameters are correlated and how runs scatter, a sentence each."""
    at = "Inputs are divided by their references before the law sees them, so that coefficients are losses there."
    places = ", ".join(f"{name} {_place(name, of)}" for name, of in prior_references(model).items())
    return [
        at,
        *([f"Priors are at {places}."] if places else []),
        *joint_lines(model),
        *scatter_sentences(model),
        *([f"Priors are for losses in {model.unit}."] if model.unit else []),
    ]


def _correlated(noise: Noise) -> Iterator[str]:
    """Yield how the scatter of rows is correlated, and which rows are outliers, a sentence each."""
    if noise.correlation is not None:
        yield (
            "The scatter of neighbouring rows of a run is correlated, by exp(-distance / noise_length) in the "
            f"logarithm of {noise.correlation.along}."
        )
        if noise.correlation.white is not None:
            yield "Each row also has a white part of its own, of scale noise_white."
    if noise.outliers is not None:
        own = "noise_sd" if noise.correlation is None else "noise_white"
        yield (
            f"Some rows are outliers, noise_outlier_odds to each other row: to their scatter of scale {own} they add "
            "noise_outlier_scale times as much."
        )


def _discrepancy(term: Discrepancy) -> str:
    over = f"of {_joined(term.over)}" if term.over else "of the inputs"
    within = f", one for each {_joined(term.dims)}" if term.dims else ""
    knots = f", its knots {_knots(term.knots)}" if term.knots is not None else ""
    return (
        f"The discrepancy from the law is a smooth function {over}{within}: a Gaussian process, {term.kernel}{knots}. "
        "It widens the bands beyond the runs."
    )


def _knots(knots: int | Mapping[str, int]) -> str:
    """Return how many knots there are along inputs."""
    if not isinstance(knots, Mapping):
        return f"{knots} along each input"
    return ", ".join(f"{count} along {x}" for x, count in knots.items())


def _shared(effect: Varying | Smooth) -> str:
    said = f"All rows of one {_joined(effect.dims)} share a group effect, normal about 0"
    said += f" and {_alike(effect)}" if isinstance(effect, Smooth) else ""
    return f"{said}. The prior of its standard deviation is half-normal({number(effect.sd)})."


def _alike(term: Smooth) -> str:
    """Return how the levels of a smooth term resemble each other."""
    unit = f"e-folds of {term.over}" if term.log else term.over
    within = f", for each {_joined(term.dims[1:])}" if term.dims[1:] else ""
    return f"smooth along {term.over}{within}: a Gaussian process of length {prior_words(term.length)}, in {unit}"


def _varies(term: Effect, *, log: bool) -> str:
    """Return how the levels of a term are distributed, in words."""
    scale = " on the log scale" if log else ""
    if isinstance(term, ByLevel):
        own = ", ".join(f"{level} {prior_words(of)}" for level, of in term.priors.items())
        return f"that is of levels of {term.over} without runs; of their own {own}"
    spread = f"half-normal({number(term.sd)})"
    if isinstance(term, Ordered):
        how = "rises" if term.direction == "increasing" else "falls"
        first = f"of {term.levels[0]}" if term.levels else "of the lowest level"
        return f"that is {first}; along the order of {term.over} it {how} by exponential steps{scale}, of mean {spread}"
    if isinstance(term, Smooth):
        return f"levels are {_alike(term)}; their standard deviation{scale} {spread}"
    return f"levels of {_joined(term.dims)} are partially pooled about it{scale}, their standard deviation {spread}"


def _drifts(term: Trend, *, log: bool) -> str:
    what = "its logarithm" if log else "it"
    return f"{what} drifts with the logarithm of {term.on}, slope normal(0, {number(term.sd)})"


def _joined(names: Sequence[str]) -> str:
    return " x ".join(names)
