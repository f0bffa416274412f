"""Candidate runs and sets of them by what they save of the loss of a decision: the record, and its tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import calls
from bayes_scaling._base.numbers import several
from bayes_scaling._base.views import draws_of, in_a_line, lines, show, view
from bayes_scaling.decisions.design.candidates import LABEL
from bayes_scaling.decisions.design.criteria import Criterion
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.summary import beside


@dataclass(frozen=True)
class RunSet:
    """Candidates to be trained together.

    Parameters
    ----------
    members
        Their places among the candidates.
    flop
        What they take together, with what is set up for them.
    information
        What they tell together, in nats.
    reduction
        What they save of the criterion, see `NextRuns`.
    """

    members: tuple[int, ...]
    flop: float
    information: float
    reduction: float = 0.0


def undominated(sets: Sequence[RunSet]) -> tuple[RunSet, ...]:
    """Return sets without those that save no more than another that costs no more; of two alike the first stays."""

    def beaten(i: int) -> bool:
        one = sets[i]
        others = (
            of for j, of in enumerate(sets) if j < i or (j > i and (of.flop, -of.reduction) != (one.flop, -one.reduction))
        )
        return any(of.flop <= one.flop and of.reduction >= one.reduction for of in others)

    return tuple(one for i, one in enumerate(sets) if not beaten(i))


@dataclass(frozen=True)
class NextRuns:
    """What candidate runs would save of the loss of a decision.

    Parameters
    ----------
    asked
        Draws of the question, (chain, draw), as `draw_estimand` gives them; NaN in draws left out. Of several questions
        (chain, draw, question).
    candidates
        The candidates' own columns, those that its rows of most compute have in common; labelled by `candidate`.
    flop
        What each takes by itself, in FLOP, with what is set up for it.
    information
        What each alone tells of the question, in nats; 0 where it is no more than chance shows.
    sets
        Of each size the set within the budget that saves most; last one of as many as a budget pays for, where that is more.
        Sets that save no more than one that costs no more are left out.
    budget
        In FLOP; infinite where there is none.
    least
        Information below which nothing is measurable, in nats, for a candidate of one row.
    left_out
        Draws without a loss at some candidate, or without an answer.
    notes
        What to know before relying on it, a sentence each.
    health
        Of the fit.
    criterion
        "variance", "information" or "regret".
    expected
        The criterion now: the question's variance, its entropy in nats, or the regret of the option that is best on average.
    reduction
        What each candidate alone is expected to save of it; 0 where it is no more than chance shows.
    worth
        Share of `expected` that a set must save to be worth training.
    value
        What it would be worth to save all of `expected`, in FLOP; None where that is not known.
    unit
        Of a regret; empty where it is relative, as log losses are.
    room
        Whether the budget pays for one more candidate beside the last set.
    response
        What a relative regret is a share of, see `Response.name`.
    """

    asked: xr.DataArray
    candidates: pd.DataFrame
    flop: np.ndarray
    information: np.ndarray
    sets: tuple[RunSet, ...]
    budget: float
    least: float
    left_out: int
    notes: tuple[str, ...] = ()
    health: Health | None = None
    criterion: Criterion = "information"
    expected: float = float("nan")
    reduction: np.ndarray = field(default_factory=lambda: np.empty(0))
    worth: float = 0.0
    value: float | None = None
    unit: str = ""
    room: bool = False
    response: str = "loss"

    @property
    def order(self) -> np.ndarray:
        """Places of the candidates, first those within the budget, by what they save over FLOP^power, ties by cost."""
        found: np.ndarray = np.lexsort((self.flop, -self.reduction / self.flop**self.power, self.flop > self.budget))
        return found

    @property
    def power(self) -> float:
        """To which the cost counts in the ranking: information is ranked per FLOP, all else over FLOP^0.4."""
        return 1.0 if self.criterion == "information" else COST_POWER

    @property
    def best(self) -> RunSet:
        """The set within the budget that saves most; the smaller of two that differ by less than is measurable.

        With a `value` the set of the largest value x share saved - cost.
        """
        if self.value is not None:
            return max(self.sets, key=self.net)
        if self.criterion == "regret":
            most = max(one.reduction for one in self.sets)
            return next(one for one in self.sets if one.reduction >= most - REGRET_NOISE * max(self.expected, 0.0))
        told = max(one.information for one in self.sets)
        return next(one for one in self.sets if one.information > told - self.least)

    @property
    def stop(self) -> bool:
        """Whether no set is worth training: none saves a share `worth`, or what it costs, or measurably anything."""
        best = self.best
        if self.value is not None and self.net(best) <= 0:
            return True
        return bool(best.information <= self.least or best.reduction <= 0 or self.saved(best.reduction) < self.worth)

    @property
    def enough(self) -> RunSet | None:
        """The smallest set beyond which each run more saves less than 1 % of the criterion; None where it still does."""
        for i, one in enumerate(self.sets[:-1]):
            more = [(of, len(of.members) - len(one.members)) for of in self.sets[i + 1 :]]
            if all(self.saved(of.reduction) - self.saved(one.reduction) < PAYS * runs for of, runs in more if runs > 0):
                return one
        return None

    def net(self, of: RunSet) -> float:
        """Return what a set is worth beyond what it costs, value x share saved - cost, in FLOP."""
        return float((self.value or 0.0) * self.saved(of.reduction)) - of.flop

    def saved(self, reduction: Any) -> Any:
        """Return what is saved as a share of the criterion now; of information, the share of the question's variance."""
        if self.criterion == "information":
            return -np.expm1(-2 * np.asarray(reduction))
        return np.asarray(reduction) / max(self.expected, 1e-300)

    @carried
    @calls.asked
    def to_frame(self) -> pd.DataFrame:
        """Return the candidates as a table, the one to be trained first on top.

        Returns
        -------
        DataFrame
            A row a candidate: its own columns, as NAME_given where one of these is called so; rank, by what is saved over
            FLOP^0.4 (information per FLOP), those within the budget first; flop; within_budget; information in nats and per
            1e18 FLOP; saved, the share of the criterion; sd_before and the sd_after of the question, on the scale it was asked
            on (relative, where that is the logarithm), of several the root of their mean squared error; width_before and
            width_after of its 90 % interval on the same scale; for the regret regret_before and regret_after, on the scale of
            the noise.
        """
        order = self.order
        own = self.candidates.iloc[order].reset_index(drop=True).drop(columns="flop", errors="ignore")
        information, flop = self.information[order], self.flop[order]
        added = {
            "rank": np.arange(1, len(order) + 1),
            "flop": flop,
            "within_budget": flop <= self.budget,
            "information": information,
        }
        added["information_per_1e18_flop"] = information / flop * EXA
        return beside(own, pd.DataFrame(added | _spread(self, information, self.reduction[order])))

    @carried
    @calls.asked
    def sets_to_frame(self) -> pd.DataFrame:
        """Return a row for the best set of each size: runs, candidates, flop, information in nats, spreads as `to_frame`.

        With a `value` also net, what the set is worth beyond its cost.
        """
        names = self.candidates[LABEL].astype(str).to_numpy()
        information = np.array([one.information for one in self.sets])
        rows = {
            "runs": [len(one.members) for one in self.sets],
            "candidates": ["; ".join(names[list(one.members)]) for one in self.sets],
            "flop": [one.flop for one in self.sets],
            "information": information,
            "information_per_1e18_flop": [one.information / one.flop * EXA for one in self.sets],
        }
        rows |= {} if self.value is None else {"net": [self.net(one) for one in self.sets]}
        return pd.DataFrame(rows | _spread(self, information, np.array([one.reduction for one in self.sets])))

    @calls.asked
    def summary(self) -> str:
        """Return what is known of the question, what the best run and the best set would make of it, and notes, a line each."""
        said = view("bayes_scaling.decisions.design.sentences:said_of_next")(self)
        return lines([*said, *(f"note [next]: {note}." for note in self.notes)], self)

    @calls.asked
    def plot(self) -> Any:
        """Return the figure: the candidates' expected information gain over what they cost."""
        return view("bayes_scaling.plots.next_run:next_figure")(self)

    def __repr__(self) -> str:
        return in_a_line(self, "Next runs", several(len(self.candidates), "candidate"), draws_of(self.asked))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Next runs")


EXA = 1e18
"""Information is given per so many FLOP."""


COST_POWER = 0.4
"""Per FLOP the smallest runs come first, from which least is learnt of a far target: see benchmarks/choosing_runs.md."""
PAYS = 0.01
"""A run more pays while it saves such a share of the criterion."""
REGRET_NOISE = 0.02
"""Sets whose regret differs by less than this share are alike: it is a mean over a few hundred normals."""


def _spread(found: NextRuns, information: np.ndarray, reduction: np.ndarray) -> dict[str, np.ndarray]:
    """Return sd and width of the answer before and after each candidate, and the share saved."""
    low, high = np.nanquantile(found.asked, [0.05, 0.95], axis=(0, 1))
    variance = found.asked.var(("chain", "draw"), ddof=1)
    before = {"sd": float(np.sqrt(variance.mean())), "width": float(np.mean(high - low))}
    left = np.exp(-information)
    after = {f"{of}_after": by * left for of, by in before.items()}
    spread = {"saved": found.saved(reduction)} | {f"{of}_before": np.full(len(left), by) for of, by in before.items()} | after
    if found.criterion == "regret":
        spread |= {"regret_before": np.full(len(left), found.expected), "regret_after": found.expected - reduction}
    return spread
