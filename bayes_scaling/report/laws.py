"""What a page says of each law: one of a fit, several of a stack."""

from collections.abc import Mapping
from dataclasses import dataclass

from bayes_scaling._base.numbers import fixed, number, probability
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, Stack
from bayes_scaling.model.description import joint_lines, model_priors
from bayes_scaling.model.settings import Settings
from bayes_scaling.report import words
from bayes_scaling.report.prior_posterior import PriorPosterior, prior_posterior
from bayes_scaling.report.tables import Parameters, parameters


@dataclass(frozen=True)
class LawOnPage:
    """A law with its priors, parameters and draws.

    Parameters
    ----------
    name
        What it is called in a stack; "" for the one law of a fit.
    weight
        Its weight in a stack, in words.
    """

    name: str
    weight: str
    formula: words.Formula
    parameters: Parameters
    prior_posterior: list[PriorPosterior]
    likelihood: list[str]
    priors: list[tuple[str, str]]
    joint_priors: list[str]
    health: Health | None
    settings: Settings


@dataclass(frozen=True)
class Weighed:
    """A row of the table of weights, in words."""

    name: str
    weight: str
    prior: str
    log_score: str
    crps: str
    grade: str
    seconds: str


def laws_on_page(fit: Posterior) -> list[LawOnPage]:
    """Return what a page says of each law."""
    if isinstance(fit, Fit):
        return [_law("", "", fit)]
    return [_law(name, probability(fit.weights[name]), one) for name, one in fit.fits.items()]


def weights_on_page(fit: Posterior) -> list[Weighed]:
    """Return the weights of the laws of a stack, and what they were found by; none of a fit."""
    if not isinstance(fit, Stack):
        return []
    found = fit.weighing
    return [
        Weighed(
            name,
            probability(weight),
            probability(found.prior[name]) if found else "",
            _known(found.log_scores if found else {}, name),
            _known(found.crps if found else {}, name),
            health.grade if (health := fit.fits[name].health) else "",
            fixed(found.seconds[name], 1) if found and name in found.seconds else "",
        )
        for name, weight in fit.weights.items()
    ]


def _known(of: Mapping[str, float], name: str) -> str:
    return number(of[name]) if name in of else ""


def _law(name: str, weight: str, fit: Fit) -> LawOnPage:
    """Return what the page says of one law."""
    return LawOnPage(
        name,
        weight,
        words.formula(fit),
        parameters(fit),
        prior_posterior(fit),
        words.likelihood(fit),
        list(model_priors(fit.model)),
        list(joint_lines(fit.model)),
        fit.health,
        fit.settings,
    )
