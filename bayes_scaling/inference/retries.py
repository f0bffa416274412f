"""Sampling again by itself where draws are not clean: smaller steps, more draws, or all chains anew.

Stan, brms, PyMC and ArviZ warn of a divergence and leave the rest to the user. With a compiled sampler another round takes
seconds. What is kept is the draws of one round, all with the same settings; every round is on record in `Health.rounds`, so
that nothing is hidden.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling._base.log import LOG
from bayes_scaling._base.numbers import exact, format_count, number
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.diagnostics import health
from bayes_scaling.inference.health import ESS_LIMIT, GRADES, LAPLACE, Health
from bayes_scaling.inference.memory import MOST, draw_bytes, draws_line, refuse_draws
from bayes_scaling.inference.sampling import sample
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model

SMALLER = (0.98, 0.99, 0.995)
"""Acceptance rates that are tried where trajectories diverged, one after the other."""
LEAST_MORE, MOST_MORE, MARGIN = 1.5, 4.0, 1.3
"""How many times the draws of the round before, with a margin above what effective sample sizes ask for."""
APART = 1.1
"""R-hat above which chains are taken to be at different places, or one of them not to have arrived."""
NEAR = 3.0
"""Two chains are at one place where their medians differ by no more than so many standard deviations."""


@dataclass(frozen=True)
class Round:
    """One round of sampling.

    Parameters
    ----------
    settings
        As sampled.
    restarts
        How often chains have been started anew.
    tried
        What is other than in the round before.
    deep
        Whether trajectories might be as long as the sampler makes them, see `sampling.depth_of`.
    """

    draws: xr.DataTree
    health: Health
    settings: Settings
    restarts: int
    tried: str
    deep: bool = False

    @property
    def steps(self) -> int:
        """Leapfrog steps, those of tuning taken to be like those of its draws."""
        mean = float(self.draws["sample_stats"]["n_steps"].mean())
        return round(mean * self.settings.chains * (self.settings.draws + self.settings.tune))

    @property
    def rank(self) -> tuple[float, ...]:
        """How good its draws are beside those of other rounds, smaller is better."""
        found = self.health
        r_hat = found.r_hat if found.r_hat is not None else 1.0
        return GRADES.index(found.grade), found.divergences / max(found.draws, 1), r_hat, -found.ess_bulk


def sample_until_clean(model: Model, runs: Runs, settings: Settings) -> tuple[xr.DataTree, Health, Settings]:
    """Return draws, their health and the settings they were made with; sample again where they are not clean.

    There are at most `settings.rounds` further rounds, of at most `settings.effort` times the leapfrog steps of the first.
    """
    refuse_draws(model, runs, settings)
    if settings.method == LAPLACE:
        return _approximated(model, runs, settings)
    start = perf_counter()
    rounds = [_sampled(model, runs, settings, 0, "")]
    ended = ""
    while not rounds[-1].health.clean and not ended:
        asked = _next(rounds[-1])
        ended = _end(rounds, asked, perf_counter() - start, settings)
        if asked is not None and draw_bytes(model, runs, asked[0]) > MOST:
            ended = draws_line(model, runs, asked[0])
        if asked is not None and not ended:
            _say(rounds[-1].health, asked[2], settings)
            deep = rounds[-1].deep or rounds[-1].health.max_depth > 0
            rounds.append(_sampled(model, runs, *asked, deep=deep))
    kept = min(reversed(rounds), key=lambda one: one.rank)
    records = tuple(_record(one, kept=one is kept, ended=ended if one is rounds[-1] else "") for one in rounds)
    return kept.draws, replace(kept.health, rounds=records, modes=_modes(rounds)), kept.settings


def _approximated(model: Model, runs: Runs, settings: Settings) -> tuple[xr.DataTree, Health, Settings]:
    """Return draws by Laplace's approximation, or by NUTS where those do not stand for the posterior; both are on record."""
    from bayes_scaling.inference.laplace import approximate

    found = approximate(model, runs, settings)
    if not isinstance(found, Health):
        return *found, settings
    draws, health_of, used = sample_until_clean(model, runs, replace(settings, method="nuts"))
    tried: dict[str, Any] = dict.fromkeys(("tune", "restarts", "leapfrog_steps"), 0) | {
        "tried": LAPLACE,
        "target_accept": None,
        "draws": found.draws,
        "pareto_k": found.pareto_k,
        "grade": found.grade,
        "found": [one.what for one in found.remarks],
        "kept": False,
        "ended": "",
    }
    first, *others = health_of.rounds
    return draws, replace(health_of, rounds=(tried, {**first, "tried": "NUTS"}, *others)), used


def rounds_line(health: Health) -> str:
    """Return what the rounds of sampling found and tried, in one line; empty where there was one."""
    if len(health.rounds) < 2:
        return ""
    said = [
        (f"then with {one['tried']}: " if one["tried"] else "") + ("; ".join(one["found"]) or "clean") for one in health.rounds
    ]
    kept = next(i for i, one in enumerate(health.rounds) if one["kept"])
    which = "" if kept == len(said) - 1 else f"; kept is round {kept + 1}"
    ended = f"; no further round: {health.rounds[-1]['ended']}" if health.rounds[-1]["ended"] else ""
    return f"sampled {len(said)} times: {'; '.join(said)}{which}{ended}"


def _sampled(model: Model, runs: Runs, settings: Settings, restarts: int, tried: str, *, deep: bool = False) -> Round:
    draws = sample(model, runs, settings, restarts, deep=deep)
    used = float(draws["sample_stats"].attrs["target_accept"])
    return Round(draws, health(draws), replace(settings, target_accept=used), restarts, tried, deep)


def _next(last: Round) -> tuple[Settings, int, str] | None:
    """Return what to sample with next, how often chains have then been started anew, and that in words; None for nothing."""
    found, settings = last.health, last.settings
    tried, restarts = [], last.restarts
    accept, draws, tune = settings.target_accept or SMALLER[0], settings.draws, settings.tune
    if (found.divergences or found.stuck) and (smaller := [one for one in SMALLER if one > accept]):
        accept = smaller[0]
        tried.append(f"smaller steps (target_accept {exact(accept)})")
    if found.stuck or found.not_finite or (found.r_hat or 1.0) > APART:
        restarts, tune = restarts + 1, 2 * tune
        tried.append("all chains started anew")
    elif times := _more(found, settings):
        draws, tune = round(times * draws), max(tune, round(times * tune / 2))
        tried.append(f"{format_count(draws)} draws a chain")
    if found.max_depth or (found.bfmi is not None and any("BFMI" in one.what for one in found.remarks)):
        tune = max(tune, 2 * settings.tune)
        tried.append(f"{format_count(tune)} draws of tuning")
    if not tried:
        return None
    return replace(settings, target_accept=accept, draws=draws, tune=tune), restarts, " and ".join(tried)


def _more(found: Health, settings: Settings) -> float:
    """Return how many times the draws would make effective sample sizes large enough; 0 where they are, or cannot be meant to.

    Who asks for fewer draws than twice the limit is given them.
    """
    smallest = min(found.ess_bulk, found.ess_tail)
    short = smallest < ESS_LIMIT or (found.r_hat or 1.0) > 1.01
    if not short or settings.draws * settings.chains < 2 * ESS_LIMIT or settings.chains == 1:
        return 0.0
    return float(np.clip(MARGIN * ESS_LIMIT / max(smallest, 1.0), LEAST_MORE, MOST_MORE))


def _end(rounds: Sequence[Round], asked: tuple[Settings, int, str] | None, seconds: float, settings: Settings) -> str:
    """Return why there is no further round; empty where there is to be one."""
    if asked is None:
        return "nothing to try"
    if len(rounds) > settings.rounds:
        return f"{settings.rounds} further rounds at most"
    if _modes(rounds):
        return "chains of several rounds, or of one, end at the same two places"
    last, (own, _, _) = rounds[-1], asked
    ahead = last.steps * (own.draws + own.tune) / (last.settings.draws + last.settings.tune)
    if sum(one.steps for one in rounds[1:]) + ahead > settings.effort * rounds[0].steps:
        return f"{exact(settings.effort)} times the leapfrog steps of the first round at most"
    if settings.seconds is not None and seconds > settings.seconds:
        return f"{exact(settings.seconds)} seconds at most"
    return ""


def _record(one: Round, *, kept: bool, ended: str) -> Mapping[str, Any]:
    """Return what a health keeps of a round of sampling."""
    return {
        "tried": one.tried,
        "target_accept": one.settings.target_accept,
        "draws": one.settings.draws,
        "tune": one.settings.tune,
        "restarts": one.restarts,
        "leapfrog_steps": one.steps,
        "grade": one.health.grade,
        "found": [remark.what for remark in one.health.remarks],
        "kept": kept,
        "ended": ended,
    }


def _say(found: Health, tried: str, settings: Settings) -> None:
    said = f"{'; '.join(one.what for one in found.remarks)}: sampling again, {tried}"
    if settings.progress:
        print(said, file=sys.stderr)
    else:
        LOG.info("%s", said)


def _modes(rounds: Sequence[Round]) -> tuple[str, ...]:
    """Return the places at which two chains or more have ended, of one round or several, where there are two or more.

    One chain apart may be stuck. A place found twice is a mode of the posterior.
    """
    if not any((one.health.r_hat or 1.0) > APART for one in rounds):
        return ()
    chains = [chain for one in rounds for chain in _chains(one.draws["posterior"].to_dataset())]
    places: list[list[dict[str, tuple[float, float]]]] = []
    for chain in chains:
        home = next((place for place in places if _alike(place[0], chain)), None)
        if home is None:
            places.append([chain])
        else:
            home.append(chain)
    found = [place for place in places if len(place) > 1]
    return tuple(_named(place[0], found[0][0], found[1][0]) for place in found) if len(found) > 1 else ()


def _chains(posterior: xr.Dataset) -> list[dict[str, tuple[float, float]]]:
    """Return the median and the standard deviation of every number, chain by chain."""
    numbers = {str(name): of.transpose("chain", "draw") for name, of in posterior.items() if set(of.dims) == {"chain", "draw"}}
    summaries = {name: (of.median("draw").to_numpy(), of.std("draw").to_numpy()) for name, of in numbers.items()}
    count = posterior.sizes["chain"]
    return [{name: (float(m[i]), float(sd[i])) for name, (m, sd) in summaries.items()} for i in range(count)]


def _alike(one: Mapping[str, tuple[float, float]], other: Mapping[str, tuple[float, float]]) -> bool:
    return all(abs(m - other[name][0]) <= NEAR * max(sd, other[name][1]) for name, (m, sd) in one.items())


def _named(place: Mapping[str, tuple[float, float]], one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return a place by the parameter in which two are furthest apart."""
    name = max(one, key=lambda n: abs(one[n][0] - other[n][0]) / max(one[n][1], other[n][1], 1e-300))
    return f"{name} {number(place[name][0], 4)}"
