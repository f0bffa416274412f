"""In which units the counts and losses of a table are: all of them weighed together.

A unit is likely where models, tokens for each of their parameters and losses are such as sweeps have,

    log p = log p(unit) - 1/2 z(N)^2 - 1/2 z(D / N)^2 - 1/2 z(C / 6 N D)^2 - 1/2 z(L / L_chinchilla(N, D))^2

with z the distance of the table's middle from that of sweeps, over what sweeps differ by. It decides nothing else than which
prefix of a unit is meant; where two remain, people are asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import exp, log

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import exact, number
from bayes_scaling.laws.units import FLOP_A_DAY, LETTER_OF_FACTOR, TOKEN_BYTES

ONES = 1.0
COUNTS = {1.0: 0.0, 1e3: -5.0, 1e6: -1.5, 1e9: -1.5, 1e12: -3.0}
"""Factor of a unit of parameters or tokens -> how usual it is, as a logarithm."""
COMPUTES = {1.0: 0.0, 1e9: -4.0, 1e12: -3.0, 1e15: -2.5, 1e18: -2.0, FLOP_A_DAY: -2.0, 1e21: -2.0}
LOSSES = {"nats/token": 0.0, "bits/byte": -2.0, "bits/token": -4.5, "nats/byte": -4.5, "nats/character": -4.5}
PER_NAT = {
    "nats/token": 1.0,
    "bits/token": log(2),
    "bits/byte": log(2) * TOKEN_BYTES,
    "nats/byte": TOKEN_BYTES,
    "nats/character": TOKEN_BYTES,
}
"""Unit of losses -> nats per token in one of it."""

PARAMS_MIDDLE, PARAMS_SPREAD = 3e8, log(30.0)
TOKENS_MIDDLE, TOKENS_SPREAD = 1e10, log(30.0)
PER_PARAM_MIDDLE, PER_PARAM_SPREAD = 30.0, log(6.0)
COMPUTE_MIDDLE, COMPUTE_SPREAD = 1e20, log(300.0)
SIX_SPREAD, LOSS_SPREAD = 0.5, 0.25
"""Standard deviations of log(compute / (params x tokens)) about log 6, and of the log loss about Chinchilla's law."""
SMALLEST, LARGEST = 1e3, 2e13
"""Parameters, and tokens, that no table's middle leaves."""
WRITTEN_OUT = -6.0
"""Numbers written to the last digit are ones."""
SURE = 0.97
WORST, IMPOSSIBLE = -12.0, -1e6
TYPICAL, MOST_NATS = 0.35, 8.0
"""What limited size, or data, costs where they are not known; and the loss before anything is learnt, in nats/token."""
CHINCHILLA = (1.8172, 482.01, 0.3478, 2085.43, 0.3658)
"""E, A, alpha, B, beta of Besiroglu et al. 2024."""


@dataclass(frozen=True)
class Units:
    """What the columns of a table count in, as far as numbers tell.

    Parameters
    ----------
    factor
        Role -> how many ones one of the column is; roles that stay open are left out.
    loss
        The unit of the loss; None where it stays open.
    open
        Role -> the units that remain, the likeliest first, as texts.
    """

    factor: Mapping[str, float]
    loss: str | None
    open: Mapping[str, tuple[str, ...]]


def infer_units(numbers: Mapping[str, pd.Series], said: Mapping[str, float], loss_said: str | None) -> Units:
    """Return the units of params, tokens, compute and loss that fit each other and what sweeps have.

    Parameters
    ----------
    numbers
        Role -> the numbers of its column; ends of runs, where rows are checkpoints.
    said
        Role -> the factor that a name, the table or a user says.
    loss_said
        The unit of the loss that they say.
    """
    given = {role: _some(of) for role, of in numbers.items() if role in JOINT and (of > 0).any()}
    roles = [role for role in JOINT[:3] if role in given]
    choices = [{said[r]: 0.0} if r in said else COMPUTES if r == "compute" else COUNTS for r in roles]
    losses = {loss_said: 0.0} if loss_said is not None or "loss" not in given else LOSSES
    exact = [_exact(given[role]) for role in roles]
    weights: dict[tuple[float | str | None, ...], float] = {}
    for factors in product(*choices):
        own = sum(of[f] for of, f in zip(choices, factors, strict=True))
        logs = {role: np.log(given[role]) + log(f) for role, f in zip(roles, factors, strict=True)}
        logs = _with_six_n_d(logs)
        own += _counts(logs) + sum(WRITTEN_OUT for one, f in zip(exact, factors, strict=True) if one and f != ONES)
        for unit, usual in losses.items():
            weights[(*factors, unit)] = own + usual + _loss(logs, given.get("loss"), unit)
    best = max(weights.values())
    share = {key: exp(of - best) for key, of in weights.items()}
    return _told(roles, share, "loss" in given and loss_said is None, best, said)


def _with_six_n_d(logs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return counts with that of params and tokens that is missing, where compute tells it: C = 6 N D."""
    if "compute" in logs and len(logs) == len(("compute", "other")):
        one, other = ("params", "tokens") if "params" in logs else ("tokens", "params")
        return logs | {other: logs["compute"] - logs[one] - log(6.0)}
    return logs


JOINT = ("params", "tokens", "compute", "loss")
MOST_ROWS = 300


def _some(values: pd.Series) -> np.ndarray:
    """Return some of the numbers of a column, NaN where they are no counts."""
    found = values.to_numpy(dtype=float)[:: 1 + len(values) // MOST_ROWS]
    return np.where((found > 0) & np.isfinite(found), found, np.nan)


def _told(
    roles: list[str],
    share: Mapping[tuple[float | str | None, ...], float],
    ask_loss: bool,
    best: float,
    said: Mapping[str, float],
) -> Units:
    """Return the likeliest unit of each role, and which of several remain open, from the shares of combinations."""
    whole, factor, left = sum(share.values()), {}, {}
    for place, role in enumerate([*roles, "loss"]):
        of: dict[float | str | None, float] = {}
        for key, weight in share.items():
            of[key[place]] = of.get(key[place], 0.0) + weight / whole
        ranked = sorted(of, key=lambda unit: -of[unit])
        if role == "loss" and not ask_loss:
            continue
        likely = [unit for unit in ranked if of[unit] > 1 - SURE]
        sure = of[ranked[0]] >= SURE and best > WORST
        if sure or (role == "loss" and len(likely) == 1):  # it is counts that make all units unlikely, no loss
            factor[role] = ranked[0]
        elif role not in said:
            left[role] = tuple(unit_text(role, unit) for unit in likely)
    loss = factor.pop("loss", None)
    return Units({role: float(of) for role, of in factor.items()}, None if loss is None else str(loss), left)  # type: ignore[arg-type]


def unit_text(role: str, unit: float | str | None) -> str:
    """Return a unit as options and files say it: M parameters, B tokens, EFLOP, bits/byte."""
    if not isinstance(unit, float):
        return str(unit)
    if role == "compute":
        named = {
            1.0: "FLOP",
            1e9: "GFLOP",
            1e12: "TFLOP",
            1e15: "PFLOP",
            1e18: "EFLOP",
            1e21: "ZFLOP",
            FLOP_A_DAY: "PFLOP/s-days",
        }
        return named.get(unit, f"{exact(unit)} FLOP")
    what = "parameters" if role == "params" else "tokens"
    letter = LETTER_OF_FACTOR.get(unit)
    return what if unit == ONES else f"{letter} {what}" if letter else f"{exact(unit)} {what}"


def _exact(values: np.ndarray) -> bool:
    """Return whether numbers are written to the last digit, as counts in ones are: whole, of five digits and more."""
    seen = values[np.isfinite(values)]
    if not len(seen) or (seen != np.round(seen)).any() or seen.max() >= 2**53:
        return False
    digits = [len(f"{int(of)}".rstrip("0")) for of in np.unique(seen)]
    return float(np.mean(np.array(digits) >= LONG)) > 0.5


LONG = 5


def _far(logs: np.ndarray, middle: float, spread: float) -> float:
    """Return how far the middle of numbers is from that of sweeps, as a logarithm of a normal density; 0 without numbers."""
    seen = logs[np.isfinite(logs)]
    return -0.5 * ((float(np.median(seen)) - log(middle)) / spread) ** 2 if len(seen) else 0.0


def _counts(of: Mapping[str, np.ndarray]) -> float:
    """Return how usual sizes, tokens, tokens a parameter and compute are, as a logarithm."""
    score = 0.0
    if "params" in of:
        middle = float(np.nanmedian(of["params"]))
        score += _far(of["params"], PARAMS_MIDDLE, PARAMS_SPREAD) if log(SMALLEST) < middle < log(LARGEST) else IMPOSSIBLE
    if "tokens" in of:
        score += _far(of["tokens"], TOKENS_MIDDLE, TOKENS_SPREAD) * (0.3 if "params" in of else 1.0)
    if {"params", "tokens"} <= set(of):
        score += _far(of["tokens"] - of["params"], PER_PARAM_MIDDLE, PER_PARAM_SPREAD)
    if "compute" in of and {"params", "tokens"} <= set(of):
        return score + max(_far(of["compute"] - of["params"] - of["tokens"], 6.0, SIX_SPREAD), -30.0)
    return score + (_far(of["compute"], COMPUTE_MIDDLE, COMPUTE_SPREAD) if "compute" in of else 0.0)


def _loss(of: Mapping[str, np.ndarray], loss: np.ndarray | None, unit: str | None) -> float:
    """Return how usual losses are for the sizes and tokens, as a logarithm; heavy tails, as data differ."""
    if loss is None or unit not in PER_NAT:
        return 0.0
    params, tokens = of.get("params"), of.get("tokens")
    if params is None and tokens is None and "compute" in of:
        params = 0.5 * (of["compute"] - log(120.0))
        tokens = params + log(20.0)
    floor, size, alpha, data, beta = CHINCHILLA
    rest = [TYPICAL if x is None else a * np.exp(-b * x) for a, b, x in ((size, alpha, params), (data, beta, tokens))]
    expected = np.minimum(floor + rest[0] + rest[1], MOST_NATS)
    apart = np.log(loss * PER_NAT[unit] / expected)
    apart = apart[np.isfinite(apart)]
    z = float(np.median(apart)) / LOSS_SPREAD if len(apart) else 0.0
    return -2.5 * log(1.0 + z**2 / 4.0)  # Student's t with 4 degrees of freedom


def unit_evidence(
    role: str, values: pd.Series, factor: float, per_param: tuple[float, float] | None = None, *, ends: bool = False
) -> str:
    """Return what a column's numbers are in a unit: 70M to 1B parameters.

    Parameters
    ----------
    per_param
        Least and most tokens a parameter.
    ends
        Whether those are of the last rows of runs, and the numbers of all.
    """
    seen = values[values > 0] * factor
    what = {"params": "parameters", "compute": "FLOP"}.get(role, "tokens")
    low, high = number(float(seen.min())), number(float(seen.max()))
    text = f"{low} {what}" if low == high else f"{low} to {high} {what}"
    if per_param is None:
        return text
    least, most = number(per_param[0], 2), number(per_param[1], 2)
    span = least if least == most else f"{least} to {most}"
    return f"{text}, {span} a parameter{' at the ends of runs' if ends else ''}"
