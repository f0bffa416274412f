"""Findings: whether prior, law and rows go together, and what the runs leave open; said before any number of a fit.

A finding is no fault of the draws: they can be sound, and still come from a law that the runs contradict.
"""

from itertools import chain

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.finding import Finding, worst_first
from bayes_scaling.data.flatness import flat
from bayes_scaling.data.rounding import is_constant
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.posterior import Fit, is_prior
from bayes_scaling.inference.stacking import Posterior, Stack
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.specification import Model
from bayes_scaling.validation.findings.identifiability import floors, left_open
from bayes_scaling.validation.findings.misfit import misfits
from bayes_scaling.validation.findings.outliers import outliers
from bayes_scaling.validation.findings.prior_conflict import conflicts
from bayes_scaling.validation.findings.single_rows import lone_levels

ROUNDING = 1e-9
"""Weights that differ by less are equal."""

__all__ = ["Finding", "findings", "floors"]


@asked
def findings(fit: Posterior) -> tuple[Finding, ...]:
    """Return what speaks for care with a fit, the worst first; empty where nothing does.

    - `flat`: the loss does not depend on the inputs; nothing else is then said.
    - `rising`, `falling`: the loss or an accuracy rises, or falls, with an input, and the law does not follow.
    - `prior-loss`: the runs' losses are not those that the priors expect: another unit, or priors of something else.
    - `prior-conflict`: parameters end in the far tails of their priors.
    - `noise-above-prior`, `discrepancy-above-prior`: runs scatter, or leave the law, by far more than the prior expects.
    - `outliers`: rows that lie many scales off the rest.
    - `misfit`, `misfit-by-group`, `shared-misfit`, `misfit-in-order`: what the fit leaves of the rows has a pattern along an
      input, by group, at a place of all runs, or from neighbour to neighbour.
    - `single-rows`: levels with one row, whose effect cannot be told from its scatter.
    - `prior-only`: a parameter of the law as the population has it, or the slope of its trend, is just its prior.
    - `floor-from-prior`: the level that the law tends to is known little better than from its prior.
    - `fixed-ratio`: two inputs of the law lie on one line in logarithms.
    - `few-sizes`: an input of the law, or of a trend, has fewer than four values.
    - `prior-sensitive`: the loss beyond the runs moves with the weight of the prior, and with that of the runs the other way.

    Those of a stack are of each law that has an even share of the weight or more, and begin with its name: that runs contradict
    the others is what their weights say.

    Draws from a prior are judged by `left_open` alone, no rows having spoken, as are those that say nothing of the noise.

    Parameters
    ----------
    fit
        A fit, draws from a prior, or a stack.

    Returns
    -------
    tuple of Finding
        Each has a `code`, as above, and a `sentence`.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> sizes = {"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]}
    >>> study = bs.read_study("chinchilla_law")
    >>> before = bs.prior(study.model, study_runs(study, sizes), draws=200)
    >>> [one.code for one in bs.findings(before)][:1]
    ['prior-only']
    """
    if not isinstance(fit, Fit):
        return _of_laws(fit)
    if is_prior(fit) or NOISE_SD not in fit.posterior:
        return worst_first(left_open(fit))
    if none := flat(fit.runs):
        return (none,)
    return worst_first(chain(conflicts(fit), outliers(fit), misfits(fit), lone_levels(fit.model, fit.runs), left_open(fit)))


def _of_laws(stack: Stack) -> tuple[Finding, ...]:
    if none := flat(stack.runs):
        return (none,)
    even = 1.0 / len(stack.fits)
    heavy = {name: findings(of) for name, of in stack.fits.items() if stack.weights[name] >= even - ROUNDING}
    shared = [one for one in next(iter(heavy.values()), ()) if all(one in of for of in heavy.values())]
    own = [Finding(one.code, f"{name}: {one.sentence}") for name, of in heavy.items() for one in of if one not in shared]
    return worst_first([*shared, *own])


def beforehand(model: Model, runs: Runs) -> tuple[Finding, ...]:
    """Return the findings that need no fit: a loss that does not depend on the inputs, levels with a single row."""
    none = flat(runs)
    return worst_first([*([none] if none else []), *lone_levels(model, runs)])


def refuse_constant(model: Model, runs: Runs) -> None:
    """Raise InputError where all rows of a sweep show one loss: what is then left is a sampler that wanders among its priors.

    A curve that has gone flat is no sweep: it may stay where it is.
    """
    sweep = model.noise.correlation is None and runs.columns.tail is None
    if sweep and is_constant(runs.table["response"].to_numpy()) and (found := flat(runs)):
        raise InputError(f"{runs.source}: nothing to fit: {found.sentence}")
