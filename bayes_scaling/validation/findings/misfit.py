"""Law against data: patterns in what a fit leaves of its rows, along inputs, by group, at one place of all runs, in order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.finding import Finding, finding
from bayes_scaling._base.numbers import number
from bayes_scaling.data.best_so_far import without_bounds
from bayes_scaling.data.flatness import is_share, scaled_response, slopes
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.specification import changed, model_inputs, ordereds
from bayes_scaling.prediction.forecast import along_runs
from bayes_scaling.prediction.shared_misfit import shared_sentence
from bayes_scaling.validation.standardized_residuals import CLIPPED, Standardized, Trial, standardized, trial

BY_CHANCE = 0.02
"""Probability that any pattern at all is found in rows that have none."""

MIN_ROWS_FOR_A_PATTERN = 6
"""Rows below which no pattern is looked for."""

PLACES = 12
"""Rows of runs are compared at as many places along them, unless they share fewer."""
ENOUGH_RUNS = 3
"""Runs that a place must have for a pattern there to be one of all runs."""

REPEATS = 2
"""So many rows more than levels with several are needed to compare levels of a group."""

SORTED = 8
"""Neighbours are compared along an input with as many different values."""

AGAINST = 4.0
"""Standard errors by which the loss must move with an input, and by which the law must fail to follow."""


@dataclass(frozen=True)
class Suspect:
    """A pattern that is looked for: code and subject of its finding, and its columns, one number a row."""

    code: str
    what: str
    patterns: np.ndarray


def misfits(fit: Fit) -> tuple[Finding, ...]:
    """Return where the law leaves a pattern in the rows; empty where what it leaves is scatter."""
    if len(without_bounds(fit.runs.table)) < MIN_ROWS_FOR_A_PATTERN:
        return ()
    left = standardized(fit)
    suspects = [*_along_inputs(fit, left), *_by_group(fit, left), *_shared(fit, left)]
    trials = [(one, trial(left, one.patterns)) for one in suspects]
    neighbours = list(_in_order(fit, left))
    limit = BY_CHANCE / max(len(trials) + len(neighbours), 1)
    found = [_finding(fit, left, one, of) for one, of in sorted(trials, key=lambda pair: pair[1].p) if of.p < limit]
    found += _along_correlated(fit)
    against = list(_against(fit))
    return (*against, *found, *(_chained(name, r) for name, r, p in neighbours if p < limit and not found and not against))


def _along_inputs(fit: Fit, left: Standardized) -> Iterator[Suspect]:
    """Yield a straight and a bent line along each input, and what two of them do together."""
    logs = {name: _standard(np.log(left.table[name].to_numpy())) for name in _scales(fit)}
    logs = {name: of for name, of in logs.items() if np.ptp(of) > 0}
    for name, x in logs.items():
        yield Suspect("misfit", name, np.column_stack([x, x**2 - (x**2).mean()]))
    for (one, x), (other, y) in combinations(logs.items(), 2):
        both = x * y
        straight = np.column_stack([np.ones(len(x)), x, y, x**2, y**2])
        at, _, _, _ = np.linalg.lstsq(straight, both, rcond=None)
        if (both - straight @ at).std() > 0.1:
            yield Suspect("misfit", f"{one} x {other}", (both - straight @ at)[:, None])


def _scales(fit: Fit) -> list[str]:
    return [name for name in model_inputs(fit.model) if name in fit.runs.columns.scales]


def _standard(x: np.ndarray) -> np.ndarray:
    return np.asarray((x - x.mean()) / x.std()) if np.ptp(x) > 0 else np.zeros(len(x))


def _by_group(fit: Fit, left: Standardized) -> Iterator[Suspect]:
    """Yield the levels of every group with rows enough, whether or not the model knows of the group."""
    for dim in fit.runs.levels:
        labels = left.table[dim].astype(str)
        count = labels.map(labels.value_counts())
        several = labels.where(count > 1)
        repeats = several.notna().sum() - len(several.dropna().unique())
        if len(labels.unique()) > 1 and repeats >= REPEATS:
            yield Suspect("misfit-by-group", dim, pd.get_dummies(several).to_numpy(float))


def _shared(fit: Fit, left: Standardized) -> Iterator[Suspect]:
    """Yield the places that several runs pass."""
    single = "run" not in fit.runs.levels or bool(fit.runs.columns.outputs) or not left.table["run"].duplicated().any()
    if single or fit.model.noise.correlation is not None:
        return
    try:
        along = along_runs(fit)
    except InputError:
        return
    at = _places(np.log(left.table[along].to_numpy()))
    runs = left.table["run"].groupby(at).transform("nunique").to_numpy()
    if len(np.unique(at[runs >= ENOUGH_RUNS])) > 1:
        yield Suspect("shared-misfit", along, pd.get_dummies(pd.Series(at).where(runs >= ENOUGH_RUNS)).to_numpy(float))


def _along_correlated(fit: Fit) -> list[Finding]:
    """Return what runs with correlated noise leave the law by at the same place of their course."""
    correlation = fit.model.noise.correlation
    sentence = shared_sentence(fit, correlation.along) if correlation is not None else ""
    return [Finding("shared-misfit", sentence)] if sentence else []


def _places(at: np.ndarray) -> np.ndarray:
    """Return the number of each row's place: its value where those are few, else a part of equal length."""
    values, index = np.unique(at.round(9), return_inverse=True)
    if len(values) <= PLACES:
        return np.asarray(index)
    span = max(float(np.ptp(at)), 1e-12)
    return np.asarray(np.minimum(((at - at.min()) / span * PLACES).astype(int), PLACES - 1))


def _in_order(fit: Fit, left: Standardized) -> Iterator[tuple[str, float, float]]:
    """Yield inputs along which neighbouring rows are compared, how alike they are, and the probability of that by chance."""
    from scipy import stats

    if fit.model.noise.correlation is not None:
        return
    score = np.clip(left.score, -CLIPPED, CLIPPED) / np.sqrt(left.free)
    for name in _scales(fit):
        x = left.table[name].to_numpy()
        if len(np.unique(x)) < max(SORTED, len(x) / 2):
            continue
        ordered = score[np.argsort(x, kind="stable")]
        alike = float((ordered[1:] * ordered[:-1]).sum() / (ordered**2).sum())
        yield name, alike, float(stats.norm.sf(alike * np.sqrt(len(x))))


def _chained(name: str, alike: float) -> Finding:
    return finding(
        "misfit-in-order",
        f"rows that are neighbours along {name} leave the law alike (correlation {number(alike, 2)}): it bends otherwise than "
        "the runs do, or rows belong together",
        "try another law or a discrepancy; where rows are of one run say run, and correlate its noise",
    )


def _finding(fit: Fit, left: Standardized, of: Suspect, found: Trial) -> Finding:
    """Return the finding of a pattern that passed its test."""
    match of.code:
        case "misfit":
            return _line(fit, left, of, found)
        case "misfit-by-group":
            return _group(fit, left, of, found)
        case _:
            worst, size = _extreme(left.table[of.what], found.size)
            place = f"{number(float(str(worst)))} {fit.runs.columns.inputs[of.what].unit}".rstrip()
            return finding(
                of.code,
                f"all runs leave the law at the same places along {of.what}: by {_off(fit, size)} at {place}{_chance(found.p)}",
                "what they share there, such as a schedule, is not in the law: give it a term, or leave those rows out",
            )


def _line(fit: Fit, left: Standardized, of: Suspect, found: Trial) -> Finding:
    """Return the finding of a pattern of residuals along inputs."""
    names = of.what.split(" x ")
    where = " and ".join(names)
    if len(names) > 1:
        said = f"along {where} together, by up to {_off(fit, found.size[np.argmax(np.abs(found.size))])}"
    else:
        ends = _ends(left.table[names[0]].to_numpy(), found.size)
        middle = "" if len(ends) < 3 else f", {_off(fit, ends[1])} in the middle"
        said = (
            f"along {where}: runs lie {_off(fit, ends[0])} off it at the smallest{middle}, {_off(fit, ends[-1])} at the largest"
        )
    return finding(
        "misfit",
        f"the law misses a pattern {said}{_chance(found.p)}",
        "beyond the runs it will miss by more: try another law, or a discrepancy, or look for what else changes with it",
    )


def _ends(x: np.ndarray, size: np.ndarray) -> list[float]:
    """Return a pattern at the least, the middle and the largest value of an input."""
    logs = np.log(x)
    middle = int(np.argmin(np.abs(logs - (logs.min() + logs.max()) / 2)))
    return [float(size[i]) for i in (int(np.argmin(x)), middle, int(np.argmax(x)))]


def _group(fit: Fit, left: Standardized, of: Suspect, found: Trial) -> Finding:
    """Return the finding of residuals that differ between the levels of a group."""
    worst, size = _extreme(left.table[of.what], found.size)
    rows = int((left.table[of.what] == worst).sum())
    known = any(of.what in term for term in _groups_of(fit))
    ordered = sorted({owner for owner, term in ordereds(fit.model) if term.over == of.what} - {NOISE_SD})
    if ordered:
        advice = (
            f"{' and '.join(ordered)} may only go one way along the order that is assumed of {of.what}: see that it is theirs"
        )
    elif known:
        advice = f"the terms over {of.what} do not take it: let more parameters vary"
    else:
        advice = f"let a parameter vary over {of.what}, or fit its levels apart"
    return finding(
        of.code,
        f"what the law leaves differs by {of.what}: runs of {format_value(worst)} lie {_off(fit, size)} off it, {rows} rows"
        f"{_chance(found.p)}",
        advice,
    )


def _groups_of(fit: Fit) -> list[tuple[str, ...]]:
    from bayes_scaling.model.specification import varyings

    return [term.dims for _, term in varyings(fit.model)]


def _extreme(labels: pd.Series, size: np.ndarray) -> tuple[object, float]:
    """Return where a pattern that is one number a level is furthest from zero."""
    at = int(np.argmax(np.abs(size)))
    return labels.iloc[at], float(size[at])


def _off(fit: Fit, size: float) -> str:
    if fit.model.noise.on == "log_loss":
        return f"{number(100 * float(np.expm1(size)), 2, signed=True)} %"
    if fit.model.noise.on == "log_odds":
        return f"{number(size, 2, signed=True)} in log odds"
    return f"{number(size, 2, signed=True)} {fit.runs.columns.response.unit}".rstrip()


def _chance(p: float) -> str:
    return f" (by chance with probability {'below 1e-6' if p < 1e-6 else number(p, 1)})"


def _against(fit: Fit) -> Iterator[Finding]:
    """Yield inputs with which the response moves, the others held, against the law; a discrepancy would to no avail."""
    seen, response = slopes(fit.runs), fit.runs.columns.response
    if seen is None:
        return
    bare = replace(fit, model=changed(fit.model, discrepancy=()))
    law = posterior_expectation(bare, fit.runs.table).median(("chain", "draw")).to_numpy()
    if response.positive and (law <= 0).any():
        return
    follows, _, _, _ = np.linalg.lstsq(seen.design, scaled_response(fit.runs, law), rcond=None)
    held = " with the other inputs held" if len(seen.names) > 1 else ""
    for name, slope, se, own in zip(seen.names, seen.slope, seen.se, follows, strict=False):
        up = slope > 0
        apart = (slope - own if up else own - slope) > AGAINST * se
        least = slope / 2 if up != response.rising else 0.0  # one that goes the right way, if not as far, is a misfit
        if abs(slope) > AGAINST * se and apart and (own < least if up else own > least):
            law_up = "rises" if own > 0 else "falls"
            yield finding(
                "rising" if up else "falling",
                f"the {response.name} {'rises' if up else 'falls'} with {name}, by {_slope(fit, abs(slope))} an e-fold{held}, "
                f"where the law {law_up} by {_slope(fit, abs(own))}",
                f"{_instead(fit, name, up=up)}; this law cannot describe these rows",
            )


def _slope(fit: Fit, of: float) -> str:
    return f"{number(of, 2)} in log odds" if is_share(fit.runs) else f"{number(100 * of, 2)} %"


def _instead(fit: Fit, name: str, *, up: bool) -> str:
    """Return what to do about a response that goes the other way than the law: that between 0 and 1 may be an accuracy."""
    column, seen = fit.runs.columns.response.column, fit.runs.table["response"]
    if not seen.between(0.0, 1.0).all():
        better = "less is better" if up else "the law may fall"
        return f"see that {name} and {column!r} are the right columns, and that {better}"
    left = f"{100 if fit.runs.columns.response.percent else 1} - {column}"
    if up:
        return (
            "if more is better, as of an accuracy, fit a law that rises, as that of the study accuracy_curve, "
            f"or give {left} as an error rate"
        )
    return (
        "if less is better, as of an error rate, fit a law that falls, as that of the study error_rate_curve, "
        f"or give {left} as an accuracy"
    )
