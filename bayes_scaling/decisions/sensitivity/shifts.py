"""What shifts an answer: priors and likelihood that count more or less, each law alone, other specifications."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import band
from bayes_scaling._base.quantiles import INTERVAL
from bayes_scaling.decisions.multiverse import BASE, Multiverse
from bayes_scaling.decisions.sensitivity.member import Member
from bayes_scaling.decisions.sensitivity.power_scaling import (
    LIKELIHOOD,
    POWERS,
    PRIOR,
    log_densities,
    scaled,
    sense,
    weighted_quantiles,
)
from bayes_scaling.inference.posterior import is_prior

SPECIFICATION, LAW_ALONE = "specification", "law"
"""Kinds of shifts beside prior and likelihood."""

COLUMNS = [
    *("moved_by", "kind", "power", *INTERVAL, "shift", "shift_sd", "width", "pareto_k", "reliable", "sensitivity"),
]


def shift_table(
    members: Sequence[Member], asked: Mapping[Any, Any], multiverse: Multiverse | None, point: int
) -> tuple[pd.DataFrame, list[str]]:
    """Return the shifts of a question's median and band, a row for each component and power, and what to know of them.

    Parameters
    ----------
    asked
        The attributes of the question's draws: its scale and unit.

    Raises
    ------
    InputError
        Where a multiverse analysis has another answer, or no such point.
    """
    pooled = np.concatenate([one.draws for one in members])
    now = weighted_quantiles(pooled, np.full(len(pooled), 1.0 / len(pooled)))
    rows = [*_powers(members, now), *_laws(members, now)]
    if multiverse is not None:
        rows += _specifications(multiverse, point, now, str(asked.get("scale", "")))
    table = pd.DataFrame(rows, columns=COLUMNS)
    if asked.get("scale") == "log":
        table[list(INTERVAL)] = np.exp(table[list(INTERVAL)])
    notes = ["power-scaled priors leave the weights of the laws as they are"] if len(members) > 1 else []
    return table, notes


def _powers(members: Sequence[Member], now: np.ndarray) -> list[dict[str, Any]]:
    """Return a row for each component and power."""
    draws, worth = {one.law: one.draws for one in members}, {one.law: one.worth for one in members}
    rows = []
    for name, densities in _components(members).items():
        kind, sensitivity = LIKELIHOOD if name == LIKELIHOOD else PRIOR, sense(draws, densities)
        for power in POWERS:
            found = scaled(draws, densities, power, worth)
            known = found.quantiles if found.reliable else np.full(3, np.nan)
            row = _row(name, kind, known, now) | {"power": power, "pareto_k": found.k_hat, "reliable": found.reliable}
            rows.append(row | {"shift_sd": _relative(found.error, now), "sensitivity": sensitivity})
    return rows


def _components(members: Sequence[Member]) -> dict[str, dict[str, np.ndarray]]:
    """Return component -> law -> its log density; of a stack all priors, those of each law, and the likelihood.

    Draws from a prior know no likelihood.
    """
    each = {
        one.law: {
            name: of[one.of.known]
            for name, of in log_densities(one.fit).items()
            if not (name == LIKELIHOOD and is_prior(one.fit))
        }
        for one in members
    }
    if len(members) == 1:
        law, own = next(iter(each.items()))
        return {name: {law: of} for name, of in own.items()}
    found = {PRIOR: {law: of[PRIOR] for law, of in each.items()}}
    found |= {f"prior of law {law}": {law: of[PRIOR]} for law, of in each.items()}
    likelihoods = {law: of[LIKELIHOOD] for law, of in each.items() if LIKELIHOOD in of}
    return found | ({LIKELIHOOD: likelihoods} if likelihoods else {})


def _laws(members: Sequence[Member], now: np.ndarray) -> list[dict[str, Any]]:
    """Return a row for each law of a stack: the answer were it the only one."""
    if len(members) == 1:
        return []
    found = []
    for one in members:
        own = weighted_quantiles(one.draws, np.full(len(one.draws), 1.0 / len(one.draws)))
        found.append(_row(f"law {one.law} alone", LAW_ALONE, own, now) | {"reliable": True})
    return found


def _specifications(multiverse: Multiverse, point: int, now: np.ndarray, scale: str) -> list[dict[str, Any]]:
    """Return a row for each specification of a multiverse analysis but the base."""
    table = multiverse.table[multiverse.table["point"] == point]
    if table.empty:
        raise InputError(f"the multiverse analysis has no point {point}; it has {sorted(set(multiverse.table['point']))}")
    quantiles = table[list(INTERVAL)].to_numpy(dtype=float)
    if scale == "log" and (quantiles <= 0).any():
        raise InputError("the multiverse analysis answers with numbers below zero; the question is of a positive one")
    values = np.log(quantiles) if scale == "log" else quantiles
    base = values[(table["universe"] == BASE).to_numpy()]
    if len(base) and not now[0] <= base[0, 1] <= now[2]:
        shown, own = (band((np.exp(of) if scale == "log" else of).tolist()) for of in (base[0], now))
        raise InputError(
            f"the multiverse analysis answers {shown} in its base; the question is {own}: expected the same answer"
        )
    rows = []
    for (_, row), of in zip(table.iterrows(), values, strict=True):
        if row["universe"] != BASE:
            sound = row["problem"] == ""
            rows.append(
                _row(str(row["universe"]), SPECIFICATION, of if sound else np.full(3, np.nan), now) | {"reliable": sound}
            )
    return rows


def _row(name: str, kind: str, quantiles: np.ndarray, now: np.ndarray) -> dict[str, Any]:
    shift, width = _relative(quantiles[1] - now[1], now), (quantiles[2] - quantiles[0]) / (now[2] - now[0])
    return {"moved_by": name, "kind": kind, **dict(zip(INTERVAL, quantiles, strict=True)), "shift": shift, "width": width}


def _relative(shift: float, now: np.ndarray) -> float:
    """Return a shift in half widths of the band."""
    return float(shift / ((now[2] - now[0]) / 2))
