"""What runs and posterior leave open: parameters that are their priors, inputs that cannot be told apart."""

import ast
from collections.abc import Iterator
from itertools import combinations
from math import hypot, sqrt

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.finding import Finding, finding
from bayes_scaling._base.numbers import number, percent
from bayes_scaling._base.quantiles import INTERVAL, median_interval
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.laws.formula import law_tree
from bayes_scaling.laws.library import Law, law_inputs
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parameters import Parameter, Pooled, as_parameter, own_prior
from bayes_scaling.model.priors import Z90, Prior, link, prior_quantiles
from bayes_scaling.model.specification import marginal_priors, trends

QUANTILES = tuple(INTERVAL.values())

UNCHANGED = 0.1
"""A posterior as wide as its prior within 10 %: runs that say a fraction i of what the prior says narrow it by
sqrt(1 + i), so that i is below a quarter."""

UNMOVED = 0.2
"""A posterior that is not only as wide as its prior lies within 0.2 of the prior's standard deviations from it."""

HALF_KNOWN = 1 / sqrt(2)
"""Where a posterior is wider than this share of its prior, the runs say less than the prior does."""

ON_A_LINE = 0.99
"""From this correlation of the logarithms of two inputs on, 1 / sqrt(1 - 0.99^2), their exponents are known seven times less
well than from runs spread as widely but independently."""

OFF_THE_LINE = 0.15
"""Runs that leave the line by more e-folds tell the exponents apart, however long the line: where a fourth of the loss falls
with an exponent of a third, 0.15 moves it by 1 %, as much as single runs scatter."""

ONE_RATIO = 0.1
"""Two inputs that keep a line keep a ratio if 90 % of the runs have it within 10 %."""

SAME_VALUE = 1.05
"""Values of an input within 5 % count as one."""

ENOUGH = 4
"""A curve of three parameters goes through three points, whatever they are."""


def left_open(fit: Fit) -> tuple[Finding, ...]:
    """Return what the runs leave open about the law, and what they lack to say more; empty where nothing."""
    return (*_prior_only(fit), *_floors(fit), *_fixed_ratios(fit), *_few_sizes(fit))


def floors(law: Law, *, rising: bool = False) -> list[str]:
    """Return the parameters that a law adds to the loss as they are: E in E + A N^-alpha.

    rising: of a response that rises, as an accuracy, only what is subtracted from: what is added to is where it begins.
    """
    parts, found = [law_tree(law)], []
    while parts:
        match parts.pop():
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                parts += [] if rising else [right, left]
            case ast.BinOp(left=left, op=ast.Sub()):
                parts.append(left)
            case ast.Name(id=name) if name not in law_inputs(law):
                found.append(name)
    return found


def _prior_only(fit: Fit) -> Iterator[Finding]:
    """Yield parameters whose posteriors are their priors."""
    posterior = fit.posterior
    for name, prior in _priors(fit):
        before, after = prior_quantiles(prior, QUANTILES), median_interval(posterior[name].to_numpy())
        if _is_prior(_on_link(before, prior), _on_link(after, prior)):
            yield finding(
                "prior-only",
                f"the runs say next to nothing about {_described(fit, name)}: 90 % in {_interval(after)} with them, in "
                f"{_interval(before)} by its prior",
                "call it an assumption, or add runs to which it makes a difference",
            )


def _priors(fit: Fit) -> Iterator[tuple[str, Prior]]:
    """Yield what the runs may say nothing about: parameters of the law at the population, and slopes of their trends."""
    known = marginal_priors(fit.model)
    yield from ((name, known[name]) for name, of in fit.model.parameters.items() if own_prior(as_parameter(of)) is None)
    for owner, term in trends(fit.model):
        if owner in fit.model.parameters:
            yield term_name(owner, term), Prior(distribution="Normal", arguments={"mu": 0.0, "sigma": term.sd})


def _described(fit: Fit, name: str) -> str:
    slopes = {term_name(owner, term): f"how {owner} drifts with {term.on} ({name})" for owner, term in trends(fit.model)}
    varies = name not in slopes and _spread(as_parameter(fit.model.parameters[name])) > 0
    return slopes.get(name, f"the population's {name} (its levels may be known)" if varies else name)


def _is_prior(before: np.ndarray, after: np.ndarray) -> bool:
    width = before[2] - before[0]
    as_wide = abs((after[2] - after[0]) / width - 1) <= UNCHANGED
    return bool(as_wide and abs(after[1] - before[1]) <= UNMOVED * width / (2 * Z90))


def _floors(fit: Fit) -> Iterator[Finding]:
    """Yield floors of which the runs say little more than the prior."""
    unit = f" {fit.runs.columns.response.unit}".rstrip()
    for name in floors(fit.model.law, rising=fit.runs.columns.response.rising):
        parameter = as_parameter(fit.model.parameters[name])
        if own_prior(parameter) is not None:
            continue
        own = prior_quantiles(marginal_priors(fit.model)[name], QUANTILES)
        before = _widened(_on_link(own, parameter.prior), _spread(parameter))
        levels = _seen_levels(fit, name)
        after = _on_link(median_interval(levels.to_numpy(), axis=(0, 1)), parameter.prior)
        least = int(np.argmax(after[2] - after[0]))
        if after[2, least] - after[0, least] > HALF_KNOWN * (before[2] - before[0]):
            known, expected = (_from_link(ends, parameter.prior) for ends in (after[:, least], before))
            yield finding(
                "floor-from-prior",
                f"{name}{_at(levels, least)}, which the law tends to, is known little better than before the runs: 90 % in "
                f"{_interval(known)}{unit} with them, in {_interval(expected)} by its prior: predictions far beyond the runs "
                "rest on that prior",
                "add runs nearer to the floor, or say where its prior comes from",
            )


def _spread(parameter: Parameter) -> float:
    """Return the standard deviation of levels about the population that the priors of a parameter's terms expect."""
    return hypot(*(term.sd for term in parameter.terms if isinstance(term, Pooled)))


def _widened(quantiles: np.ndarray, sd: float) -> np.ndarray:
    """Return quantiles to which an effect of a known standard deviation is added, near enough."""
    low, middle, high = quantiles
    widened: np.ndarray = middle + (quantiles - middle) * hypot(1.0, 2 * Z90 * sd / (high - low))
    return widened


def _seen_levels(fit: Fit, name: str) -> xr.DataArray:
    """Return draws of a parameter for the levels that have rows; dimensions chain, draw, cell."""
    values = parameter_values(fit, name)
    dims = [str(dim) for dim in values.dims if dim not in ("chain", "draw")]
    if not dims:
        return values.expand_dims("cell", -1)
    cells = fit.runs.table[dims].drop_duplicates()
    return values.sel({dim: xr.DataArray(cells[dim].to_numpy(), dims="cell") for dim in dims}).transpose(
        "chain", "draw", "cell"
    )


def _at(levels: xr.DataArray, cell: int) -> str:
    named = ", ".join(f"{dim} {levels[dim].to_numpy()[cell]}" for dim in levels.coords if levels[dim].dims == ("cell",))
    return f" at {named}" if named else ""


def _fixed_ratios(fit: Fit) -> Iterator[Finding]:
    """Yield pairs of inputs that the runs change only together."""
    scales = [name for name in law_inputs(fit.model.law) if name in fit.runs.columns.scales]
    for one, other in combinations(scales, 2):
        kept = _kept(fit.runs.table, one, other)
        if kept:
            yield finding(
                "fixed-ratio",
                f"{kept} in the runs: what {one} and {other} each do to the {fit.runs.columns.response.name} cannot be told "
                "apart, and predictions off that line rest on the priors",
                "add runs off it",
            )


def _kept(table: pd.DataFrame, one: str, other: str) -> str:
    """Return what two inputs keep to in the runs, as "tokens / params is 20"; "" where they do not."""
    x, y = np.log(table[one].to_numpy()), np.log(table[other].to_numpy())
    if min(x.std(), y.std()) < np.log(SAME_VALUE):  # an input that stands still has too few sizes
        return ""
    together = float(np.corrcoef(x, y)[0, 1])
    off = min(x.std(), y.std()) * sqrt(max(0.0, 1 - together**2))
    if abs(together) < ON_A_LINE or off > OFF_THE_LINE:
        return ""
    low, middle, high = median_interval(y - x)
    if high - low > 2 * ONE_RATIO:
        return f"{other} goes as {one}^{number(np.sign(together) * y.std() / x.std(), 2)}"
    return (
        f"{other} / {one} is {_interval(np.exp([low, middle, high]))}"
        if middle > 0
        else (f"{one} / {other} is {_interval(np.exp([-high, -middle, -low]))}")
    )


def _few_sizes(fit: Fit) -> Iterator[Finding]:
    """Yield inputs with so few values that nearly any curve goes through them."""
    inputs = [name for name in law_inputs(fit.model.law) if name in fit.runs.columns.scales]
    drifting: dict[str, list[str]] = {name: [] for name in inputs}
    for owner, term in trends(fit.model):
        drifting.setdefault(term.on, []).append(owner)
    for name, drift in drifting.items():
        sizes = _sizes(fit.runs.table[name].to_numpy())
        if len(sizes) < ENOUGH:
            seen = _values(fit.runs.table[name], sizes, fit.runs.columns.inputs[name].unit)
            who = name if name in inputs else f"{name}, with which {' and '.join(drift)} may drift,"
            yield finding(
                "few-sizes",
                f"{who} has {seen}, which nearly any curve goes through: they do not test the law",
                "add sizes",
            )


def _values(column: pd.Series, sizes: list[float], unit: str) -> str:
    """Return how many values an input has and which; of those that count as fewer, between what they lie."""
    count = column.nunique()
    said = f"{count} different value{'s' * (count > 1)} in the runs"
    if count == len(sizes):
        return f"{said} ({', '.join(number(size, 4) for size in sizes)} {unit}".rstrip() + ")"
    ends = f"{number(column.min(), 4)} to {number(column.max(), 4)} {unit}".rstrip()
    many = f"only {len(sizes)} of them" if len(sizes) > 1 else "no two"
    return f"{said} ({ends}), {many} more than {percent(SAME_VALUE - 1)} apart"


def _sizes(values: np.ndarray) -> list[float]:
    """Return the different values of an input, or the first of them where they are enough."""
    found: list[float] = []
    ordered, at = np.sort(values), 0
    while at < len(ordered) and len(found) < ENOUGH:
        found.append(float(ordered[at]))
        at = int(np.searchsorted(ordered, SAME_VALUE * ordered[at], side="right"))
    return found


def _on_link(values: np.ndarray, prior: Prior) -> np.ndarray:
    return np.asarray(np.log(values)) if link(prior) == "log" else values


def _from_link(values: np.ndarray, prior: Prior) -> np.ndarray:
    return np.asarray(np.exp(values)) if link(prior) == "log" else values


def _interval(quantiles: np.ndarray) -> str:
    low, high = (number(end) for end in (quantiles[0], quantiles[-1]))
    return low if low == high else f"{low} .. {high}"
