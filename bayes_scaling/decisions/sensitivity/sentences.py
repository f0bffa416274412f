"""What moves an answer, in sentences."""

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import amount, band, number, percent
from bayes_scaling._base.quantiles import INTERVAL, median_interval
from bayes_scaling.decisions.design.sentences import form_of, in_own_unit
from bayes_scaling.decisions.sensitivity.factors import BETWEEN, DISCREPANCY, LAW
from bayes_scaling.decisions.sensitivity.power_scaling import LIKELIHOOD, PRIOR
from bayes_scaling.decisions.sensitivity.record import Sensitivity
from bayes_scaling.decisions.sensitivity.shifts import LAW_ALONE, SPECIFICATION

WORTH_A_WORD = 0.05
"""A shift below this share of the band's half width is none."""

NARROWER = 0.01
"""Runs that would narrow the band by less are not worth a sentence."""
ONLY_TOGETHER = 0.5
"""Law and discrepancy are uncertain together where less than this share of theirs would go were each known."""

TIMES = {0.5: "half as much", 0.8: "0.8 times as much", 1.25: "1.25 times as much", 2.0: "twice as much"}

PLANNED = (
    "This is the median of the best sizes of the draws; `plan` has the one size whose mean over all draws is lowest, and the "
    "two differ where it costs more to be on one side of the best size than on the other."
)
"""Why the size of a plan is another than the median here."""

NAMED = {BETWEEN: "which law holds"}


def said_of_sensitivity(found: Sensitivity) -> list[str]:
    """Return what an answer's uncertainty is made of, what shifts it, and what would shrink it."""
    known = median_interval(found.asked.to_numpy())
    now = band(in_own_unit(found.asked, known), **form_of(found.asked))
    return [
        f"{found.asked.attrs.get('question', 'the question')}: {now}.",
        *([PLANNED] if found.asked.attrs.get("kind") == "plan" else []),
        *_made_of(found),
        *_scaled(found, PRIOR),
        *_scaled(found, LIKELIHOOD),
        *_others(found, LAW_ALONE, "law"),
        *_others(found, SPECIFICATION, "specification"),
        *_runs(found),
    ]


def _made_of(found: Sensitivity) -> list[str]:
    """Return what the variance of the answer is made of."""
    ordered = found.sources.sort_values("share", ascending=False, kind="stable")
    said = ", ".join(f"{NAMED.get(one['source'], one['source'])} {_share(one['share'])}" for _, one in ordered.iterrows())
    lines = [f"Of its variance: {said}."]
    if pair := _together(found):
        lines.append(pair)
    parts = found.shares[(found.shares["part"] != "") & (found.shares["share"] >= 0.01)]
    if len(parts) > 1:
        largest = parts.sort_values("share", ascending=False, kind="stable").head(4)
        each = "; ".join(
            f"{_part(one)} {_share(one['share'])} ({_share(one['first_order'])} would go were it alone known)"
            for _, one in largest.iterrows()
        )
        lines.append(f"Most of it by part: {each}.")
    return lines


def _together(found: Sensitivity) -> str:
    """Say that of law and discrepancy the sum is known better than either, where that is so; else nothing."""
    of = found.sources.set_index("source")
    if not {LAW, DISCREPANCY} <= set(of.index):
        return ""
    both = of.loc[[LAW, DISCREPANCY]]
    if both["first_order"].sum() >= ONLY_TOGETHER * both["share"].sum():
        return ""
    law, other = (_share(of) for of in both["first_order"].astype(float))
    return f"Law and discrepancy can hardly be told apart: were the one known, {law} would go, were the other, {other}."


def _share(of: float) -> str:
    return percent(round(float(of), 4)) if of >= 0.005 else "<0.5 %"


def _part(row: pd.Series) -> str:
    return f"{row['law']}: {row['part']}" if row["law"] else str(row["part"])


def outermost(shifts: pd.DataFrame) -> pd.DataFrame:
    """Return of each power-scaled component the lowest and the highest power at which its shift is reliable."""
    of = shifts[shifts["kind"].isin([PRIOR, LIKELIHOOD]) & shifts["reliable"].astype(bool)]
    kept = [
        one
        for _, rows in of.groupby("moved_by", sort=False)
        for one in ([rows[rows["power"] < 1].head(1), rows[rows["power"] > 1].tail(1)])
    ]
    return pd.concat(kept) if kept else of


def _scaled(found: Sensitivity, kind: str) -> list[str]:
    """Return what happens to the answer when the prior, or the likelihood, counts for more or less."""
    rows = found.shifts[found.shifts["kind"] == kind]
    if rows.empty:
        return []
    doubtful = rows[(rows["moved_by"] == kind) & ~rows["reliable"].astype(bool)]
    every = outermost(rows)
    said = [_moved(rows_of, found) for _, rows_of in every[every["moved_by"] == kind].groupby("moved_by")]
    singles = every[(every["moved_by"] != kind) & (every["shift"].abs() > np.maximum(2 * every["shift_sd"], WORTH_A_WORD))]
    if len(singles):
        most = singles["moved_by"].iloc[int(singles["shift"].abs().argmax())]
        said.append(_moved(every[every["moved_by"] == most], found))
    if len(doubtful):
        powers = " or ".join(TIMES[one] for one in doubtful["power"])
        worst = float(doubtful["pareto_k"].max())
        tail = f" (Pareto k {number(worst, 2)})" if np.isfinite(worst) else ""
        said.append(f"What the answer is where the {kind} counts {powers} these draws cannot say{tail}.")
    return said


def _moved(rows: pd.DataFrame, found: Sensitivity) -> str:
    """Return how the median and the band move where a component counts less or more."""
    name, shift = str(rows["moved_by"].iloc[0]), rows["shift"].to_numpy(dtype=float)
    powers = " or ".join(TIMES[one] for one in rows["power"])
    lead = f"Were the {name} to count {powers}"
    largest = float(np.abs(shift).max())
    widths = dict.fromkeys(number(100 * of, 2) for of in (float(rows["width"].min()), float(rows["width"].max())))
    wide = f"the band be {' to '.join(widths)} % as wide"
    if largest <= max(WORTH_A_WORD, 2 * float(rows["shift_sd"].max())):
        return (
            f"{lead}, the median would hardly move (below {percent(max(largest, 0.01))} of the band's half width), and {wide}."
        )
    ends = _values(found, rows["q50"].to_numpy(dtype=float))
    to = " or ".join(amount(of, form_of(found.asked)["unit"], 4) for of in ends)
    return f"{lead}, the median would be {to}, {percent(largest)} of the band's half width away at most, and {wide}."


def _values(found: Sensitivity, own: np.ndarray) -> list[float]:
    """Return quantiles of the table of shifts as sentences have them: ratios of losses in per cent."""
    return in_own_unit(found.asked, np.log(own) if found.asked.attrs.get("scale") == "log" else own)


def _others(found: Sensitivity, kind: str, what: str) -> list[str]:
    """Return the lowest and the highest answer under other laws or specifications."""
    rows = found.shifts[(found.shifts["kind"] == kind) & found.shifts["reliable"].astype(bool)]
    lost = found.shifts[(found.shifts["kind"] == kind) & ~found.shifts["reliable"].astype(bool)]
    said = []
    for row in dict.fromkeys([int(rows["shift"].argmin()), int(rows["shift"].argmax())] if len(rows) else []):
        one = rows.iloc[row]
        shown = band(_values(found, one[list(INTERVAL)].to_numpy(dtype=float)), **form_of(found.asked))
        where = "lower" if one["shift"] < 0 else "higher"
        said.append(f"{one['moved_by']}: {shown}, {percent(abs(float(one['shift'])))} of the half width {where}.")
    if len(lost):
        said.append(f"Draws of {len(lost)} other {what}s are not to be trusted, and are left out.")
    return said


def _runs(found: Sensitivity) -> list[str]:
    """Return which further runs would make the band narrower, and by how much."""
    said = []
    rows = found.runs[found.runs["width"] < 1 - NARROWER] if len(found.runs) else found.runs
    if rows.empty:
        return ["No further run that was looked at would make the band 1 % narrower."]
    for _, row in rows.iterrows():
        cost = f" ({amount(float(row['flop']), 'FLOP')})" if np.isfinite(row["flop"]) else ""
        left = {name.removeprefix("left "): float(row[name]) for name in map(str, rows) if name.startswith("left ")}
        now = found.sources.set_index("source")["share"]
        most = max(left, key=lambda name: float(now[name]) - left[name])
        fell = f"{NAMED.get(most, most)} from {_share(float(now[most]))} of the variance now to {_share(left[most])}"
        verb = "would make" if row["count"] == 1 else "together would make"
        said.append(f"{row['runs']}{cost} {verb} the band {percent(1 - float(row['width']))} narrower: {fell}.")
    return said
