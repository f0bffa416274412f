"""A fit in five lines: its law, its runs, its health, what is known best and least, what to do next; a stack in four."""

from collections.abc import Iterator

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count, percent, probability, with_error
from bayes_scaling.inference.densities import frozen
from bayes_scaling.inference.posterior import Fit, is_prior
from bayes_scaling.inference.stacking import Stack
from bayes_scaling.laws.formula import law_text
from bayes_scaling.model.joint_prior import margins
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import link

WIDEST = 400
"""Characters of a law's equation."""


def lines(fit: Fit) -> tuple[str, ...]:
    """Return a fit in five lines, which take no computing to speak of."""
    return (_law(fit), _runs(fit), _health(fit), _known(fit), _next(fit))


def stack_lines(stack: Stack) -> tuple[str, ...]:
    """Return a stack in four lines: its laws with their weights, its runs, its draws and their grade, what to do next."""
    laws = ", ".join(f"{law} {probability(weight)}" for law, weight in stack.weights.items())
    count = format_count(sum(of.stop - of.start for of in stack.shares.values()))
    return (
        f"Stack of {len(stack.weights)} laws: {laws}",
        _runs(stack),
        f"Draws: {count}, {stack.health.grade if stack.health else 'not sampled'}.",
        "Next: stack.summary(), stack.to_frame(), bs.predict(stack, points).",
    )


def _law(fit: Fit) -> str:
    try:
        equation = law_text(fit.model.law).replace("\n", "; ")
    except InputError:
        equation = ""
    kind = "Prior" if is_prior(fit) else "Fit"
    return f"{kind} of {fit.model.law.__name__}" + (
        f": {fit.runs.columns.response.name} = {equation}" if 0 < len(equation) <= WIDEST else ""
    )


def _runs(fit: Fit | Stack) -> str:
    return f"{fit.runs!r}."


def _health(fit: Fit) -> str:
    sizes = fit.posterior.sizes
    count = f"{format_count(sizes['chain'] * sizes['draw'])} draws in {sizes['chain']} chain{'s' * (sizes['chain'] > 1)}"
    if fit.health is None:
        return f"Draws: {count}, not sampled."
    return f"Draws: {count}, {fit.health.grade}."


def _known(fit: Fit) -> str:
    """Return which parameter the runs say most of, and which least."""
    found = dict(_shrinkage(fit))
    if is_prior(fit) or not found:
        return "Known: the prior only."
    names = sorted(found, key=lambda name: found[name])
    said = [
        f"{name} {_value(fit, name)}, sd {percent(found[name])} of its prior's" for name in dict.fromkeys((names[0], names[-1]))
    ]
    of = "Of the law's parameters, beside a discrepancy from it, known" if fit.model.discrepancy else "Known"
    return f"{of} best: {said[0]}" + (f"; least: {said[1]}." if len(said) > 1 else ".")


def _shrinkage(fit: Fit) -> Iterator[tuple[str, float]]:
    """Yield the posterior's standard deviation of each parameter over the prior's, on the scale of its link."""
    for name, of in fit.model.parameters.items():
        draws = fit.posterior[name].to_numpy() if name in fit.posterior else np.array([np.nan])
        prior = margins(fit.model.joint).get(name, as_parameter(of).prior)
        middle = frozen(prior).ppf([0.16, 0.84])
        if link(prior) == "log":
            draws, middle = np.log(np.where(draws > 0, draws, np.nan)), np.log(middle)
        ratio = 2 * float(np.std(draws)) / float(middle[1] - middle[0])
        if np.isfinite(ratio):
            yield name, ratio


def _value(fit: Fit, name: str) -> str:
    draws = fit.posterior[name].to_numpy()
    return with_error(float(np.mean(draws)), float(np.std(draws)))


def _next(fit: Fit) -> str:
    if fit.health is not None and not fit.health.ok:
        return f"Next: {fit.health.remarks[0].cure or 'look at fit.health.problems'}."
    return "Next: bs.findings(fit), fit.summary(), fit.plot(), bs.predict(fit, points)."
