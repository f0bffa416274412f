"""Early stopping of running jobs: which to stop now, by the expected regret of doing without them.

Jobs are candidates for one place: the one that ends lowest is used. With draws f_i of the expected loss at the end of each,
made together, a set K that goes on has

    expected regret   E[min_(i in K) f_i - min_i f_i]
    cost to go        sum_(i in K) c_i (end_i - reached_i)

Kept is the cheapest set within a tolerated regret, or the set of least regret within a budget. The rule looks one step ahead:
it takes those kept to be trained to their ends. Asked again later it stops more of them, so that they cost less than it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import decades, number, several
from bayes_scaling._base.views import in_a_line, lines, note_lines, show, view
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.forecast_record import Forecast
from bayes_scaling.prediction.goal import more_is_better
from bayes_scaling.prediction.jobs import AGAIN
from bayes_scaling.prediction.joint_forecast import Forecasts

MOST_SETS = 12
"""Of so many candidates every set is tried; of more, one after the other is left out."""

FLOP_A_PARAMETER = 6.0
"""Training FLOP a parameter and token."""


@dataclass(frozen=True)
class Stopping:
    """Which running jobs to stop, and what that costs and saves.

    Parameters
    ----------
    candidates
        Names of the jobs, then of those begun once more.
    finals
        Draws of the expected loss at their ends; candidate, draw.
    cost_to_go
        Of each, in `cost_unit`.
    keep
        Which go on; None where neither a tolerance nor a budget says what is enough.
    tolerance, budget
        The expected regret that is tolerated, in `unit`, and what may still be spent, in `cost_unit`.
    unit
        Of the loss.
    cost_unit
        Of costs: FLOP where sizes are known, else what jobs train along.
    jobs
        How many of the candidates are running jobs; the rest are those begun once more.
    health
        Of the fit behind the forecasts.
    notes
        What to know before relying on it, a sentence each: how far ends lie beyond the runs, levels never seen, jobs unlike
        the runs, what was left out of logs, and how the learning rate is taken to go on.
    """

    candidates: tuple[str, ...]
    finals: np.ndarray
    cost_to_go: np.ndarray
    keep: tuple[str, ...] | None
    tolerance: float | None
    budget: float | None
    unit: str
    cost_unit: str
    jobs: int
    health: Health | None = None
    notes: tuple[str, ...] = ()

    @property
    def p_best(self) -> dict[str, float]:
        """Candidate -> the probability that it ends lowest of all."""
        first = self.finals.argmin(axis=0)
        return {name: float((first == i).mean()) for i, name in enumerate(self.candidates)}

    def regret(self, keep: Sequence[str]) -> float:
        """Return the expected regret of letting only some candidates go on.

        Raises
        ------
        InputError
            Where one is no candidate, or none is named.
        """
        unknown = [name for name in keep if name not in self.candidates]
        if unknown or not len(keep):
            raise InputError(f"the candidates are {format_names(self.candidates)}; expected some of them, not {list(keep)}")
        return regret_of(self.finals, [self.candidates.index(name) for name in keep])

    @property
    def saved(self) -> float:
        """The share of the jobs' cost to go that stopping saves; below 0 where what is begun once more costs more."""
        total = float(self.cost_to_go[: self.jobs].sum())
        kept = [self.candidates.index(name) for name in self.keep or self.candidates[: self.jobs]]
        return 1.0 - float(self.cost_to_go[kept].sum()) / total if total > 0 else 0.0

    @carried
    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return a row a candidate: decision, chance of being the best, regret of stopping it alone, cost to go."""
        every, rows = list(range(len(self.candidates))), []
        for i, name in enumerate(self.candidates):
            others = [other for other in every if other != i]
            row = {"run": name, "decision": self._decision(i), "p_best": self.p_best[name]}
            row |= {"regret_if_stopped": regret_of(self.finals, others) if others else np.inf}
            row |= {"regret_if_alone": regret_of(self.finals, [i]), "cost_to_go": float(self.cost_to_go[i])}
            rows.append(row | {"mean": float(self.finals[i].mean()), "sd": float(self.finals[i].std())})
        return pd.DataFrame(rows)

    def _decision(self, place: int) -> str:
        if self.keep is None:
            return ""
        kept = self.candidates[place] in self.keep
        if place >= self.jobs:
            return "restart" if kept else ""
        return "go on" if kept else "stop"

    @asked
    def summary(self) -> str:
        """Return which jobs to stop, with the regret and the saving of that, a sentence a line."""
        said = view("bayes_scaling.decisions.stopping_sentences:said_of_stopping")(self)
        return lines([*said, *note_lines(self.notes)], self)

    def __repr__(self) -> str:
        return in_a_line(self, "Stopping", several(len(self.candidates), "candidate"))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Early stopping")


@asked
def stopping(
    found: Forecasts,
    *,
    tolerance: float | None = None,
    budget: float | None = None,
    cost_per_token: Mapping[str, float] | None = None,
    restart: bool = False,
) -> Stopping:
    """Return which running jobs to stop now, by the expected regret of doing without them.

    Parameters
    ----------
    found
        What `forecast` returns of several logs, which are candidates for one place: the one that ends lowest is used.
    tolerance
        Expected regret that is tolerated, in the unit of the loss: kept is the cheapest set within it.
    budget
        What may still be spent, in the unit of the costs: kept is the set of least regret within it. Given both, the cheapest
        within the tolerance, where one is within the budget too. Given neither, no decision is made.
    cost_per_token
        Job -> what a token (or what else it trains along) costs; None: 6 FLOP a parameter where the fit has an input params,
        else one.
    restart
        Whether each job may also be begun once more, with the same settings and effects of a new run, at the cost of a whole
        run: worth it where one has fallen behind its kin.

    Returns
    -------
    Stopping
        `.keep` goes on, `.to_frame()` has the chance of each to be the best and the regret of stopping it, `.summary()` says
        it.

    Raises
    ------
    InputError
        For a regret or budget below 0, costs that are not those of the jobs, and a budget that no candidate is within.

    References
    ----------
    .. [1] Swersky, Snoek and Adams (2014). Freeze-thaw Bayesian optimization. arXiv 1406.3896.
    .. [2] Golovin et al. (2017). Google Vizier: a service for black-box optimization. KDD. The median stopping rule.

    Examples
    --------
    >>> jobs = bs.forecast(fit, ["a.csv", "b.csv", "c.csv"], at=3e11)  # doctest: +SKIP
    >>> print(stopping(jobs, tolerance=0.002).summary())  # doctest: +SKIP
    """
    if more_is_better(found.jobs[0].path):
        raise InputError('stopping takes the job that ends lowest for the best: give 1 - accuracy, with unit = "error rate"')
    tolerance = None if tolerance is None else checks.at_least(0)(tolerance, "tolerance")
    budget = None if budget is None else checks.at_least(0)(budget, "budget")
    finals = found.expected_finals.transpose("job", "chain", "draw").to_numpy().reshape(len(found), -1)
    rate, cost_unit = _rates(found, cost_per_token)
    ends = np.array([float(one.path[one.along][-1]) for one in found.jobs])
    reached = np.array([float(one.seen[one.along].iloc[-1]) for one in found.jobs])
    names, costs = list(found.labels), rate * (ends - reached)
    if restart:
        names += [label + AGAIN for label in found.labels]
        anew = np.stack([found.anew[label].to_numpy().ravel() for label in found.labels])
        finals, costs = np.concatenate([finals, anew]), np.concatenate([costs, rate * ends])
    kept = None if tolerance is None and budget is None else _kept(finals, costs, tolerance, budget)
    keep = None if kept is None else tuple(names[i] for i in kept)
    unit = str(found.finals.attrs.get("units", ""))
    return Stopping(
        tuple(names), finals, costs, keep, tolerance, budget, unit, cost_unit, len(found), found.health, _notes(found)
    )


def _notes(found: Forecasts) -> tuple[str, ...]:
    """Return what to know of the forecasts that a decision rests on."""
    each = [(*one.level_notes, *([one.outlier] if one.outlier else []), *one.log_notes, *one.notes) for one in found.jobs]
    return tuple(dict.fromkeys([*ends_beyond(found), *(note for of in each for note in of)]))


def ends_beyond(found: Forecasts) -> list[str]:
    """Return which jobs end beyond the runs of the fit, and how far, a sentence each."""
    far = [float(one.path["distance"][-1]) if "distance" in one.path.coords else 0.0 for one in found.jobs]
    return [f"{one.label} ends {decades(of)} beyond the runs" for one, of in zip(found.jobs, far, strict=True) if of > 0]


def regret_of(finals: np.ndarray, keep: Sequence[int]) -> float:
    """Return the expected regret of a set of candidates.

    Examples
    --------
    >>> import numpy as np
    >>> regret_of(np.array([[1.0, 3.0], [2.0, 2.0]]), [1])
    0.5
    """
    return float((finals[list(keep)].min(axis=0) - finals.min(axis=0)).mean())


def _rates(found: Forecasts, given: Mapping[str, float] | None) -> tuple[np.ndarray, str]:
    """Return what a token of each job costs, and the unit."""
    first = found.jobs[0]
    if given is not None:
        if set(given) != set(found.labels):
            raise InputError(f"cost_per_token is given for {format_names(given)}; the jobs are {format_names(found.labels)}")
        return np.array([checks.positive(given[label], f"cost_per_token of {label}") for label in found.labels]), ""
    if all(_params(one) is not None for one in found.jobs) and first.along == "tokens":
        return np.array([FLOP_A_PARAMETER * (_params(one) or 0.0) for one in found.jobs]), "FLOP"
    return np.ones(len(found)), first.unit or first.along


def _params(one: Forecast) -> float | None:
    return float(one.path["params"][-1]) if "params" in one.path.coords else None


def _kept(finals: np.ndarray, costs: np.ndarray, tolerance: float | None, budget: float | None) -> tuple[int, ...]:
    """Return which candidates to let go on: by least cost within a tolerance, by least regret within a budget."""
    every = [(regret_of(finals, keep), float(costs[list(keep)].sum()), keep) for keep in _sets(finals, costs)]
    within = [one for one in every if budget is None or one[1] <= budget * (1 + 1e-12)]
    if budget is not None and not within:
        raise InputError(
            f"no job can be trained to its end within a budget of {number(budget)}; the cheapest takes {number(costs.min())}"
        )
    good = [one for one in within if tolerance is not None and one[0] <= tolerance]
    if good:
        return min(good, key=lambda one: (one[1], one[0]))[2]
    return min(within, key=lambda one: (one[0], one[1]))[2]


def _sets(finals: np.ndarray, costs: np.ndarray) -> list[tuple[int, ...]]:
    """Return sets of candidates: all of them, or of many those left as the least regret for its cost is taken out each time."""
    count = len(finals)
    if count <= MOST_SETS:
        return [keep for size in range(1, count + 1) for keep in combinations(range(count), size)]
    keep, found = tuple(range(count)), [tuple(range(count))]
    while len(keep) > 1:
        smaller = [tuple(one for one in keep if one != out) for out in keep]
        now = regret_of(finals, keep)
        worth = [(regret_of(finals, one) - now) / max(costs[out], 1e-300) for out, one in zip(keep, smaller, strict=True)]
        keep = smaller[int(np.argmin(worth))]
        found.append(keep)
    return [*found, *((one,) for one in range(count))]
