"""Prior against posterior of the population's parameters: intervals, and where they lie on a scale of their own."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base.quantiles import INTERVAL, median_interval
from bayes_scaling.data.labels import level_index
from bayes_scaling.inference.parameters import parameter_values, without_runs
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model import discrepancy as gp
from bayes_scaling.model.names import NOISE_LENGTH, NOISE_SD, NOISE_WHITE, OUTLIER_ODDS, OUTLIER_SCALE, spread_name, term_name
from bayes_scaling.model.priors import Prior, link, prior_quantiles
from bayes_scaling.model.specification import by_levels, discrepancy_terms, marginal_priors, pooled, smooth_lengths, trends

"""Quantiles of a median with its 90 % interval."""

ROOM = 0.06


@dataclass(frozen=True)
class PriorPosterior:
    """Prior and posterior of one quantity.

    Parameters
    ----------
    name
        As in the table of parameters.
    prior, posterior
        Their 5, 50 and 95 % quantiles.
    prior_at, posterior_at
        Where those lie, in percent of a scale that holds both; logarithmic for positive quantities.
    """

    name: str
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    prior_at: tuple[float, float, float]
    posterior_at: tuple[float, float, float]


def prior_posterior(fit: Fit) -> list[PriorPosterior]:
    """Return prior and posterior of the law's parameters at the population, of their spreads and slopes, and of the scatter.

    Of a parameter in a joint prior the prior is its margin. One whose levels have priors of their own has no population: it
    stands there for each level.
    """
    posterior = fit.posterior
    known = [(name, prior) for name, prior in _priors(fit) if name in posterior and not without_runs(fit, name)]
    return [_compared(name, prior, median_interval(posterior[name].to_numpy())) for name, prior in known] + list(_levels(fit))


def _levels(fit: Fit) -> Iterator[PriorPosterior]:
    """Yield the levels of parameters that have a prior for each, where they differ between nothing else."""
    for name, term in by_levels(fit.model):
        draws = parameter_values(fit, name) if name in fit.model.parameters else None
        if draws is None or set(draws.dims) != {"chain", "draw", term.over}:
            continue
        for level, prior in term.priors.items():
            place = int(level_index(pd.Series([level], dtype=object), draws[term.over].to_numpy())[0])
            if place >= 0:
                yield _compared(
                    f"{name}, {term.over} {level}", prior, median_interval(draws.isel({term.over: place}).to_numpy())
                )


def _priors(fit: Fit) -> Iterator[tuple[str, Prior]]:
    """Yield each parameter of the population with its prior."""
    known = marginal_priors(fit.model)
    yield from ((name, known[name]) for name in (*fit.model.parameters, NOISE_SD))
    for owner, varying in pooled(fit.model):
        yield spread_name(owner, varying), Prior(distribution="HalfNormal", arguments={"sigma": varying.sd})
    yield from smooth_lengths(fit.model).items()
    for owner, trend in trends(fit.model):
        yield term_name(owner, trend), Prior(distribution="Normal", arguments={"mu": 0.0, "sigma": trend.sd})
    correlation = fit.model.noise.correlation
    if correlation is not None:
        yield NOISE_LENGTH, known[NOISE_LENGTH]
        if correlation.white is not None:
            yield NOISE_WHITE, known[NOISE_WHITE]
    if fit.model.noise.outliers is not None:
        yield from ((name, known[name]) for name in (OUTLIER_ODDS, OUTLIER_SCALE))
    yield from ((name, known[name]) for name in gp.scales(discrepancy_terms(fit.model)))


def _compared(name: str, prior: Prior, after: np.ndarray) -> PriorPosterior:
    before = prior_quantiles(prior, tuple(INTERVAL.values()))
    both = np.concatenate([before, after])
    scaled = np.log(both) if link(prior) == "log" else both
    low, high = scaled.min(), scaled.max()
    room = ROOM * (high - low or 1.0)
    places = tuple(float(at) for at in np.round(100 * (scaled - low + room) / (high - low + 2 * room), 2))
    return PriorPosterior(name, _three(before), _three(after), _three(places[:3]), _three(places[3:]))


def _three(values: object) -> tuple[float, float, float]:
    low, middle, high = (float(at) for at in values)  # type: ignore[attr-defined]
    return low, middle, high
