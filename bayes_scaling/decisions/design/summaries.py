"""What is said of candidate runs: a table of them, a table of sets, and a sentence."""

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import amount, band, interval, number, percent
from bayes_scaling.decisions.design.candidates import LABEL
from bayes_scaling.decisions.design.next_runs import NextRuns, RunSet
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.summary import beside

EXA = 1e18
"""Information is given per so many FLOP."""


@carried
def candidate_table(found: NextRuns) -> pd.DataFrame:
    """Return a row for each candidate, the one to be trained first on top.

    Its own columns, as NAME_given where one of these is called so; rank, by information per FLOP, those within the budget
    first; flop; within_budget; information in nats and per 1e18 FLOP; sd_before and the expected sd_after of the question, on
    the scale it was asked on (relative, where that is the logarithm); width_before and width_after of its 90 % interval on the
    same scale.
    """
    order = found.order
    own = found.candidates.iloc[order].reset_index(drop=True).drop(columns="flop", errors="ignore")
    information, flop = found.information[order], found.flop[order]
    added = {
        "rank": np.arange(1, len(order) + 1),
        "flop": flop,
        "within_budget": flop <= found.budget,
        "information": information,
    }
    added["information_per_1e18_flop"] = information / flop * EXA
    return beside(own, pd.DataFrame(added | _spread(found, information)))


@carried
def set_table(found: NextRuns) -> pd.DataFrame:
    """Return a row for the best set of each size: runs, candidates, flop, information in nats, spreads as `candidate_table`."""
    names = found.candidates[LABEL].astype(str).to_numpy()
    information = np.array([one.information for one in found.sets])
    rows = {
        "runs": [len(one.members) for one in found.sets],
        "candidates": ["; ".join(names[list(one.members)]) for one in found.sets],
        "flop": [one.flop for one in found.sets],
        "information": information,
        "information_per_1e18_flop": [one.information / one.flop * EXA for one in found.sets],
    }
    return pd.DataFrame(rows | _spread(found, information))


@carried
def next_sentence(found: NextRuns) -> str:
    """Return what is known of the question, and what the best run and the best set within the budget would make of it."""
    first, best = int(found.order[0]), found.best
    name, said = str(found.asked.attrs.get("question", "the question")), f"{_now(found)}."
    if found.information[first] <= 0 and best.information <= found.least:
        least = number(found.least, 2)
        return f"{name}: {said} No candidate within the budget is expected to tell measurably more (below {least} nats)."
    single = RunSet((first,), float(found.flop[first]), float(found.information[first]))
    if single.information > 0:
        said += f" Candidate {_named(found, single)} tells most for its compute. {_then(found, single)}."
    if best.members != single.members:
        count = f"the {len(best.members)} candidates" if len(best.members) > 1 else "candidate"
        limit = f"Within {amount(found.budget, 'FLOP', 4)}" if np.isfinite(found.budget) else "Without a budget"
        verb = "tell" if len(best.members) > 1 else "tells"
        said += f" {limit} {count} {_named(found, best)} {verb} most. {_then(found, best)}."
    return f"{name}: {said}"


def _spread(found: NextRuns, information: np.ndarray) -> dict[str, np.ndarray]:
    low, high = np.nanquantile(found.asked, [0.05, 0.95])
    before = {"sd": float(found.asked.std(ddof=1)), "width": float(high - low)}
    left = np.exp(-information)
    after = {f"{of}_after": by * left for of, by in before.items()}
    return {f"{of}_before": np.full(len(left), by) for of, by in before.items()} | after


def _named(found: NextRuns, one: RunSet) -> str:
    """Return the labels of candidates, and what they take."""
    names = found.candidates[LABEL].astype(str).to_numpy()[list(one.members)]
    return f"{', '.join(names)} ({amount(one.flop, 'FLOP')})"


def _now(found: NextRuns) -> str:
    return f"now {band(_shown(found, np.nanquantile(found.asked, [0.05, 0.5, 0.95])), **_form(found))}"


def _then(found: NextRuns, one: RunSet) -> str:
    """Return the width of the interval to be expected, as the interval about what is now the median."""
    low, middle, high = np.nanquantile(found.asked, [0.05, 0.5, 0.95])
    left = np.exp(-one.information)
    values = _shown(found, np.array([middle + left * (end - middle) for end in (low, middle, high)]))
    unit, signed = _form(found).values()
    return (
        f"The 90 % interval would be {percent(1 - left)} narrower ({number(one.information, 2)} nats). "
        f"About the same middle it is {interval(values, signed=bool(signed))} {unit}".rstrip()
    )


def _shown(found: NextRuns, values: np.ndarray) -> list[float]:
    """Return values of the question in its own unit, a ratio of losses in per cent."""
    if found.asked.attrs.get("scale") != "log":
        return [float(of) for of in values]
    return [float(of) for of in (100 * np.expm1(values) if _is_change(found) else np.exp(values))]


def _is_change(found: NextRuns) -> bool:
    return found.asked.attrs.get("kind") == "contrast" and found.asked.attrs.get("scale") == "log"


def _form(found: NextRuns) -> dict[str, Any]:
    """Return the unit of the question, and whether its values are changes, written with a sign."""
    change = found.asked.attrs.get("kind") == "contrast"
    return {"unit": "%" if _is_change(found) else str(found.asked.attrs.get("units", "")), "signed": change}
