"""Prior against data: losses that the priors do not expect, parameters in the far tails, scales far above their priors."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.finding import Finding, finding
from bayes_scaling._base.numbers import interval, number, unit_beside
from bayes_scaling._base.quantiles import median_interval
from bayes_scaling.inference.densities import LOG_PRIOR, frozen, log_prior, top_priors
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.fit import prior as from_prior
from bayes_scaling.inference.log_likelihood import LOG_LIKELIHOOD, log_likelihood
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.joint_density import squared_distance
from bayes_scaling.model.joint_prior import subset
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.noise_scale import from_scale, on_scale
from bayes_scaling.model.priors import Prior, prior_quantiles
from bayes_scaling.model.specification import law_groups, model_inputs
from bayes_scaling.prediction.predict import predict

FAR = 0.01
"""A posterior's median beyond its prior's 99 %: outside 0.5 to 99.5 % of it, that share divided among the parameters."""

TOGETHER = 0.005
"""Parameters that are all somewhat out of the way: probability of as much under the prior, by chi square."""

TOGETHER_ONLY = "; each alone is possible, all together are not what the priors expect"

ABOVE = 0.99
"""Quantile of its prior above which the median of a scale is far above it."""

UNEXPECTED = 0.005
"""Probability, on either side, of losses as low or as high under the prior."""

PRIOR_DRAWS, SEED = 1000, 17
MAX_ROWS_CHECKED = 200

SENSITIVE = 0.05
"""Power-scaling sensitivity from which on prior, or likelihood, matter (Kallioinen et al. 2024)."""
MOVED = 0.5
"""Share of the half width of a 90 % band that the loss beyond the runs must move by where the prior counts half as much, or
twice: less is not worth a word."""
BEYOND = 10.0
FEWEST_DRAWS = 100


@dataclass(frozen=True)
class Place:
    """Where a posterior lies in its prior: its median as a normal score, and both in the user's units."""

    name: str
    score: float
    before: np.ndarray
    after: np.ndarray


def conflicts(fit: Fit) -> tuple[Finding, ...]:
    """Return where prior and runs contradict each other; empty where they do not."""
    return (*_loss(fit), *_far(fit), *_scales(fit), *_sensitive(fit))


def _loss(fit: Fit) -> Iterator[Finding]:
    """Yield that the losses of the runs are not those that the priors expect."""
    table = fit.runs.table.iloc[:: max(1, len(fit.runs) // MAX_ROWS_CHECKED)]
    expected = posterior_expectation(from_prior(fit.model, fit.runs, PRIOR_DRAWS, SEED), table)
    on = fit.model.noise.on
    with np.errstate(all="ignore"):
        level = on_scale(expected, on).mean("row").to_numpy().ravel()
    seen = float(on_scale(table["response"], on).mean())
    level = level[np.isfinite(level)]
    if not len(level):
        return
    low, middle, high = np.quantile(level, [UNEXPECTED, 0.5, 1 - UNEXPECTED])
    half = max(high - middle, 1e-300) if seen > middle else max(middle - low, 1e-300)
    if abs(seen - middle) > half:
        response = fit.runs.columns.response
        unit = f" {unit_beside(response.name, response.unit)}".rstrip()
        mean, least, usual, most = (float(from_scale(of, on)) for of in (seen, low, middle, high))
        yield finding(
            "prior-loss",
            f"the {response.name} of the runs is not what the priors expect of it: on average {number(mean, 4)}{unit}, "
            f"by the priors {interval([least, most])}{unit} (99 %)",
            _other_unit(mean, usual, response.name, on_log=on == "log_loss"),
        )


UNITS = {
    "bits a byte where the priors are for nats a token": (0.28, 0.42),
    "nats a byte where the priors are for nats a token": (0.2, 0.28),
    "bits a token where the priors are for nats a token": (1.38, 1.52),
    "a perplexity where the priors are for its logarithm": (4.0, 20.0),
}
"""What runs show over what priors expect, where the two have different units."""


def _other_unit(seen: float, expected: float, name: str, *, on_log: bool) -> str:
    ratio = seen / expected if on_log and expected > 0 else np.nan
    guess = next((what for what, (low, high) in UNITS.items() if low <= ratio <= high), "")
    hint = f" (they could be {guess})" if guess else ""
    return f"see that the {name} is in the unit of the priors{hint}, and inputs in theirs, or give priors for this {name}"


def places(fit: Fit) -> list[Place]:
    """Return where the posterior of each parameter lies in its prior."""
    posterior, found = fit.posterior, []
    for name, prior in top_priors(fit.model).items():
        if name in posterior:
            values = posterior[name].to_numpy().ravel()
            after = median_interval(values)
            shifted = after[1] - 1.0 if name == "noise_nu" else after[1]
            found.append(Place(name, _score(prior, float(shifted)), _quantiles(name, prior), after))
    return found


def _quantiles(name: str, prior: Prior) -> np.ndarray:
    return prior_quantiles(prior, [0.05, 0.5, 0.95]) + (1.0 if name == "noise_nu" else 0.0)


def _score(prior: Prior, value: float) -> float:
    """Return the normal score of a value under a prior; of one beyond the arithmetic a large one."""
    from scipy import stats

    of = frozen(prior)
    upper = of.sf(value) < 0.5
    return float(stats.norm.isf(max(of.sf(value), 1e-300)) if upper else -stats.norm.isf(max(of.cdf(value), 1e-300)))


def _far(fit: Fit) -> Iterator[Finding]:
    """Yield parameters of the law, and slopes, whose posterior is in the far tail of its prior."""
    from scipy import stats

    scales = _scale_names(fit)
    own = [one for one in places(fit) if one.name not in scales]
    if not own:
        return
    limit = float(stats.norm.isf(FAR / (2 * len(own))))
    far = sorted((one for one in own if abs(one.score) > limit), key=lambda one: -abs(one.score))
    together = stats.chi2.sf(_squared_distance(fit, own), len(own)) < TOGETHER
    told = far or (sorted(own, key=lambda one: -abs(one.score))[:2] if together else [])
    if told:
        said = "; ".join(
            f"{one.name} is {interval(one.after.tolist())} with them, {interval(one.before.tolist())} by its prior (90 %), "
            f"{number(abs(one.score), 2)} sd {'above' if one.score > 0 else 'below'} its middle"
            for one in told
        )
        yield finding(
            "prior-conflict",
            f"the runs contradict the priors: {said}{'' if far else TOGETHER_ONLY}",
            "see that units and references are those of the priors; if they are, widen the priors and fit again",
        )


def _squared_distance(fit: Fit, own: Sequence[Place]) -> float:
    """Return how far medians lie from the middle of their priors together: of the priors' own draws a chi square."""
    from scipy import stats

    found, single = 0.0, {one.name: one for one in own}
    for joint in fit.model.joint:
        names = [name for name in joint.parameters if name in single]
        if not names:
            continue
        medians = np.log([single.pop(name).after[1] for name in names])
        distance, size = float(squared_distance(subset(joint, names), medians)), len(names)
        if joint.nu is not None:  # of a Student-t, distance / size has an F distribution
            distance = float(stats.chi2.isf(stats.f.sf(distance / size, size, joint.nu), size))
        found += distance
    return found + sum(one.score**2 for one in single.values())


def _scale_names(fit: Fit) -> set[str]:
    """Return the names of scales, lengths and degrees of freedom: of noise, groups and discrepancy."""
    return (
        set(top_priors(fit.model))
        - set(fit.model.parameters)
        - {name for name in top_priors(fit.model) if "_trend_" in name and not name.startswith(NOISE_SD)}
    )


def _scales(fit: Fit) -> Iterator[Finding]:
    """Yield scales of noise and discrepancy that are far above their priors."""
    from scipy import stats

    limit = float(stats.norm.ppf(ABOVE))
    amplitudes = {name for name in _scale_names(fit) if name.endswith("_amplitude") and name.startswith("discrepancy")}
    percent = fit.model.noise.on == "log_loss"
    for one in places(fit):
        if one.score <= limit or one.name not in {NOISE_SD, "noise_white", *amplitudes}:
            continue
        seen, expected = (_share(of, percent=percent) for of in (one.after, one.before))
        if one.name in amplitudes:
            yield finding(
                "discrepancy-above-prior",
                f"the discrepancy from the law is far above its prior: {seen} with the runs, {expected} by the "
                f"prior of {one.name} (90 %)",
                "the law is not that of these runs: try another, or look for what else differs between them",
            )
        else:
            yield finding(
                "noise-above-prior",
                f"runs scatter about the law by {seen}, where the prior of {one.name} expects {expected} (90 %)",
                "look for rows astray, a law of the wrong shape, or something that differs between runs; else widen that prior",
            )


def _share(values: np.ndarray, *, percent: bool) -> str:
    return f"{interval((100 * values).tolist())} %" if percent else interval(values.tolist())


def sensitivity(fit: Fit, points: pd.DataFrame) -> xr.Dataset:
    """Return how the loss at points moves with the weight of the prior, and with that of the runs.

    Variables `prior` and `likelihood`: power-scaling sensitivities of `arviz_stats.psense`, along "row"; `shift`: by how much
    the median moves, in half widths of the 90 % band, where the prior counts half as much or twice, whichever moves it more.
    """
    import arviz_stats

    loss = predict(fit, points)
    dim = next(str(d) for d in loss.dims if d not in ("chain", "draw"))
    loss = loss.transpose("chain", "draw", dim).drop_vars([c for c in loss.coords if c not in ("chain", "draw")]).drop_attrs()
    total = log_likelihood(fit).astype(float).sum("row").to_dataset(name="response")
    groups = {
        "posterior": loss.rename({dim: "row"}).to_dataset(name="loss"),
        LOG_PRIOR: log_prior(fit),
        LOG_LIKELIHOOD: total,
    }
    tree = xr.DataTree.from_dict(groups)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few draws in the tails of weights that are all but equal
        senses = {of: arviz_stats.psense(tree, var_names=["loss"], group=of)["loss"] for of in ("prior", "likelihood")}
    return xr.Dataset(senses | {"shift": ("row", _shift(loss.to_numpy(), log_prior(fit)))})


def _shift(loss: np.ndarray, densities: xr.Dataset) -> np.ndarray:
    """Return how far medians move, in half widths of their bands, where the prior counts half as much, or twice."""
    from scipy.special import softmax

    total = np.sum([densities[name].to_numpy() for name in densities], axis=0).ravel()
    draws = loss.reshape(-1, loss.shape[-1])
    order = np.argsort(draws, axis=0)
    ordered = np.take_along_axis(draws, order, axis=0)
    low, middle, high = median_interval(draws, axis=0)
    moved = []
    for power in (-0.5, 1.0):
        weights = softmax(power * total)
        at = (np.cumsum(weights[order], axis=0) < 0.5).sum(axis=0).clip(0, len(draws) - 1)
        moved.append(np.abs(np.take_along_axis(ordered, at[None], axis=0)[0] - middle))
    return np.asarray(np.max(moved, axis=0) / np.maximum((high - low) / 2, 1e-300))


def _sensitive(fit: Fit) -> Iterator[Finding]:
    """Yield that the loss ten times beyond the largest run hangs on how much the prior counts."""
    point = beyond(fit)
    if point is None or fit.posterior[NOISE_SD].size < FEWEST_DRAWS:
        return
    loss = predict(fit, point)
    if not np.isfinite(loss).all() or float(loss.max() - loss.min()) == 0.0:
        return
    found = sensitivity(fit, point).isel(row=0)
    prior, runs, shift = (float(found[name]) for name in ("prior", "likelihood", "shift"))
    if prior >= SENSITIVE and runs >= SENSITIVE and shift >= MOVED:
        yield finding(
            "prior-sensitive",
            f"the {fit.runs.columns.response.name} ten times beyond the largest run hangs on the priors: were they to count "
            f"half as much, or twice, its median would move by {number(100 * shift, 2)} % of the half width of its band "
            f"(power-scaling sensitivity {number(prior, 2)} to the prior, {number(runs, 2)} to the runs)",
            "say where these priors come from, or show the prediction under others beside it",
        )


def beyond(fit: Fit) -> pd.DataFrame | None:
    """Return the point where every scale is ten times that of the largest run; None without one, or with a schedule."""
    columns = fit.runs.columns
    if columns.schedule is not None:
        return None
    inputs = list(model_inputs(fit.model))
    numbers = fit.runs.table[inputs]
    scales = [name for name in inputs if name in columns.scales]
    if not scales:
        return None
    largest = numbers.iloc[int(np.log(numbers[scales].to_numpy()).sum(axis=1).argmax())]
    place = {name: largest[name] * (BEYOND if name in columns.scales else 1.0) for name in inputs}
    return pd.DataFrame(place | {dim: fit.runs.levels[dim][-1] for dim in law_groups(fit.model)}, index=[0])
