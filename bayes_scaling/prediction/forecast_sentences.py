"""What a forecast says, in sentences."""

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import amount, band, exact, number, percent, probability, unit_beside
from bayes_scaling._base.views import note_lines
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.first_passage import FirstPassage
from bayes_scaling.prediction.forecast_record import Forecast
from bayes_scaling.prediction.goal import more_is_better
from bayes_scaling.prediction.joint_forecast import Forecasts

SELDOM = 0.005
"""Of a loss that is reached with less probability it is not said where."""


@carried
def forecast_sentence(found: Forecast, target: float | None = None) -> str:
    """Return what a forecast says as one paragraph, with the probability of a target where one is given."""
    return " ".join(_end(found, target))


def said_of_forecast(found: Forecast, target: float | None = None) -> list[str]:
    """Return the sentences of a forecast, and what to know of it."""
    return [*_end(found, target), *_outlier(found), *note_lines(found.level_notes)]


def said_of_forecasts(found: Forecasts, target: float | None = None) -> list[str]:
    """Return the sentences of forecasts of several jobs, a job a line, then which of them ends best."""
    said = [" ".join([*_end(one, target), *_outlier(one)]) for one in found.jobs]
    return [*said, *best_sentences(found), *note_lines(note for one in found.jobs for note in one.level_notes)]


def best_sentences(found: Forecasts) -> list[str]:
    """Return which job ends lowest, of an accuracy highest, and with which probability it ends beyond the next."""
    if len(found.jobs) < 2:
        return []
    best, sign = found.p_best, -1.0 if found.rising else 1.0
    order = sorted(found.labels, key=lambda label: (-best[label], sign * float(found[label].final.mean())))
    first, second = order[:2]
    gap = (found[first].final - found[second].final).to_numpy()
    said = band(np.quantile(gap, [0.05, 0.5, 0.95]).tolist(), str(found.finals.attrs.get("units", "")), signed=True)
    chances = ", ".join(f"{label} with probability {probability(best[label])}" for label in order[:4])
    most, beyond = ("Highest", "above") if found.rising else ("Lowest", "below")
    of_all = [f"{most} of {len(order)} ends {chances}."] if len(order) > 2 else []
    below = found.probability(first, second)
    chance = probability(1.0 - below if found.rising else below)
    return [*of_all, f"{first} ends {beyond} {second} with probability {chance}; the difference is {said}."]


def said_of_passage(found: FirstPassage) -> list[str]:
    """Return with which probability a loss is reached, and where and when if it is."""
    comes = "rises to" if found.rising else "falls below"
    what = f"The expected {found.name} of {found.label}" if found.kind == "expected" else f"A row of {found.label}"
    end, unit = found.end, found.unit or found.along
    reached = 1.0 - found.p_never
    at_end = f" by its end, at {amount(end, unit, 3)}{_on(found.date(end))}"
    said = [f"{what} {comes} {exact(found.target)}{at_end}, with probability {probability(reached)}."]
    if reached < SELDOM:
        return said
    of = found.quantiles(reached=True)
    if of["q50"] <= found.reached * (1 + 1e-9):
        return [*said, f"It lies there already, at {amount(found.reached, unit, 3)}."]
    where = f"If it does, it is there at {band([of['q05'], of['q50'], of['q95']], unit)}"
    dates = [found.date(of[name]) for name in ("q50", "q05", "q95")]
    if found.pace is not None and None not in dates:
        middle, low, high = map(_day, dates)
        where += f": on {middle} (90 %: {low} to {high})"
    return [*said, f"{where}."]


def pace_sentence(found: FirstPassage) -> str:
    """Return by which pace dates are told; "" where there is none."""
    if found.pace is None:
        return ""
    by = f"as column {found.pace.column} has it in the second half of the log" if found.pace.column else "as said"
    since = "" if found.pace.since is None else f", from {_day(found.pace.since)} on"
    pace = f"{number(found.pace.per_day)} {found.unit or found.along} a day, {by}{since}"
    return f"Dates are at {pace}; that the pace may change is left out."


def _on(date: pd.Timestamp | None) -> str:
    return "" if date is None else f" on {_day(date)}"


def _day(date: pd.Timestamp | None) -> str:
    return "" if date is None else f"{date:%Y-%m-%d}"


def _outlier(found: Forecast) -> list[str]:
    return [f"{found.outlier[:1].upper()}{found.outlier[1:]}."] if found.outlier else []


def _end(found: Forecast, target: float | None) -> list[str]:
    """Return where the run will end, and with what probability below a target."""
    low, middle, high = np.quantile(found.final.to_numpy(), [0.05, 0.5, 0.95])
    end = float(found.path[found.along][-1])
    unit = unit_beside(str(found.label), str(found.path.attrs.get("units", "")))
    reached = float(found.seen[found.along].iloc[-1])
    said = [
        f"At {exact(end)} {found.unit or found.along} {found.label} will show {band((low, middle, high), unit)}.",
        f"It has come {percent(reached / end)} of the way.",
    ]
    if target is None:
        return said
    below = found.probability(target)
    if more_is_better(found.path):
        return [*said, f"It ends above {exact(target)} with probability {probability(1.0 - below)}."]
    return [*said, f"It ends below {exact(target)} with probability {probability(below)}."]
