"""Joint priors of several positive parameters: a multivariate Student-t distribution, or a normal one, of their logarithms.

    log theta ~ t_nu(log median, S R S),   S = diag(log(factor) / 1.645),   R the correlation

The model is built with independent log-normal priors of the same medians and factors, in whatever coordinates suit the sampler.
The density of the joint prior over theirs is then added, see `joint_density.log_ratio`; nothing else in the model depends on
the correlations. With nu degrees of freedom it is the distribution of correlated normal numbers, each divided by the root of
one shared chi-square number over nu.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, isclose, log

import numpy as np

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact, number
from bayes_scaling.model.priors import LEAST, Z90, Prior, distribution

type Floats = np.ndarray

ALIKE = 1e-6
"""A prior agrees with a joint one where its median and its factor do, as far as this."""

LEAST_EIGENVALUE = 1e-10
"""Of a correlation matrix that is positive definite, as far as floats tell."""


@dataclass(frozen=True)
class JointPrior:
    """A prior of several parameters that hang together, heavy-tailed or normal on the log scale.

    log theta ~ t_nu(log median, S R S),   S = diag(log(factor) / 1.645)

    It stands beside the parameters' own priors, which have the same median and factor: `priors`. Terms that vary or drift are
    added on the log scale as they are to any prior.

    Parameters
    ----------
    parameters
        Names of positive parameters with log-normal priors: of the law, `noise_sd`, or the draws of a discrepancy, as
        `discrepancy_amplitude` and `discrepancy_length_params`.
    median
        Of each, in the user's units.
    factor
        Of each: 90 % between median / factor and median * factor where the joint prior is normal. With nu the middle is as
        wide and the tails are longer: 90 % within factor ** (t / 1.645), t the 95 % point of Student's distribution.
    correlation
        Of the logarithms: a row for each parameter, in full or as far as the diagonal (the lower triangle).
    nu
        Degrees of freedom, above 2; None for a normal distribution. With few, one parameter in the tails makes it likely that
        others are, too.

    Raises
    ------
    InputError
        Where lengths differ, where a value is out of its range, or where the correlation is not one.

    References
    ----------
    .. [1] Kotz and Nadarajah (2004). Multivariate t Distributions and Their Applications. Cambridge University Press.

    Examples
    --------
    A steep decline with model size goes with a small coefficient:

    >>> joint = JointPrior(("A", "alpha"), median=(0.34, 0.34), factor=(1.5, 1.5), correlation=((1.0,), (-0.6, 1.0)), nu=5)
    >>> joint.correlation
    ((1.0, -0.6), (-0.6, 1.0))
    >>> joint.priors["A"]
    Prior(median=0.34, factor=1.5, between=None, distribution=None, arguments={})
    """

    parameters: tuple[str, ...]
    median: tuple[float, ...]
    factor: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]
    nu: float | None = None

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of a joint prior",
            parameters=checks.several(checks.name),
            median=checks.several(checks.positive),
            factor=checks.several(checks.positive),
            correlation=checks.several(checks.several(checks.finite)),
            nu=checks.optional(checks.positive),
        )
        names = self.parameters
        if not names or len(set(names)) < len(names):
            raise InputError(f"a joint prior is of several different parameters, not {list(names)}")
        for field in ("median", "factor", "correlation"):
            if len(getattr(self, field)) != len(names):
                raise InputError(
                    f"a joint prior of {len(names)} parameters has as many entries of {field}, not {len(getattr(self, field))}"
                )
        if tight := [name for name, factor in zip(names, self.factor, strict=True) if factor <= 1 + LEAST]:
            raise InputError(f"the factor of {tight[0]} in a joint prior must be above 1: 90 % in median / factor .. * factor")
        if self.nu is not None and self.nu <= 2:
            raise InputError(f"nu of a joint prior must be above 2, so that there is a variance, not {self.nu}")
        object.__setattr__(self, "correlation", _full(names, self.correlation))

    @property
    def priors(self) -> dict[str, Prior]:
        """The prior of each parameter that a model has beside it: of the same median and factor."""
        entries = zip(self.parameters, self.median, self.factor, strict=True)
        return {name: Prior(median=middle, factor=factor) for name, middle, factor in entries}


def _full(names: Sequence[str], rows: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    """Return a correlation matrix with all its entries; raises InputError where it is none."""
    size = len(names)
    lower = size > 1 and [len(row) for row in rows] == list(range(1, size + 1))
    if not lower and any(len(row) != size for row in rows):
        raise InputError(
            f"the correlation of a joint prior of {size} parameters has rows of {size} entries, or of 1 to {size} (the lower "
            f"triangle), not of {[len(row) for row in rows]}"
        )
    full = np.array([[rows[max(i, j)][min(i, j)] if lower else rows[i][j] for j in range(size)] for i in range(size)], float)
    if not np.array_equal(np.diag(full), np.ones(size)):
        place = int(np.argmax(np.diag(full) != 1))
        raise InputError(f"the correlation of {names[place]} with itself must be 1, not {exact(full[place, place])}")
    if (np.abs(full - full.T) > ALIKE).any():
        i, j = np.argwhere(np.abs(full - full.T) > ALIKE)[0]
        raise InputError(
            f"the correlation of {names[i]} and {names[j]} is given twice: {exact(full[i, j])} and {exact(full[j, i])}"
        )
    if (np.abs(np.tril(full, -1)) >= 1).any():
        i, j = np.argwhere(np.abs(np.tril(full, -1)) >= 1)[0]
        raise InputError(f"the correlation of {names[i]} and {names[j]} must be between -1 and 1, not {exact(full[i, j])}")
    least = float(np.linalg.eigvalsh(full).min())
    if least < LEAST_EIGENVALUE:
        raise InputError(
            f"the correlation of {format_names(names)} is not positive definite (least eigenvalue {number(least, 2)}): "
            "no variables have such correlations; shrink those off the diagonal"
        )
    symmetric = np.tril(full) + np.tril(full, -1).T
    return tuple(map(tuple, symmetric.tolist()))


def joined(
    names: Sequence[str], priors: Mapping[str, Prior], correlation: tuple[tuple[float, ...], ...], nu: float | None = None
) -> JointPrior:
    """Return the joint prior of some parameters that have priors of their own.

    Raises
    ------
    InputError
        Where one has no prior or no log-normal one, or as `JointPrior` does.

    Examples
    --------
    >>> joined(("A", "alpha"), {"A": Prior(median=1.0, factor=2.0), "alpha": Prior(between=(0.2, 0.8))}, ((1.0,), (0.5, 1.0)))
    ... # doctest: +ELLIPSIS
    JointPrior(parameters=('A', 'alpha'), median=(1.0, 0.4), factor=(2.0, 2.0...), ...)
    """
    if unknown := [name for name in names if name not in priors]:
        raise InputError(_unknown(unknown[0], priors))
    known = {name: _log_normal(name, priors[name]) for name in names}
    return JointPrior(
        tuple(names),
        tuple(exp(of["mu"]) for of in known.values()),
        tuple(exp(Z90 * of["sigma"]) for of in known.values()),
        correlation,
        nu,
    )


def _log_normal(name: str, prior: Prior) -> Mapping[str, float]:
    """Return the arguments of a parameter's log-normal prior; raises InputError where it has another."""
    kind, of = distribution(prior)
    if kind != "LogNormal":
        raise InputError(
            f"{name} is in a joint prior, which is of logarithms: its own prior must be log-normal (median and factor, or "
            f"between two positive values), not {kind}; leave it out of the joint prior or give it another"
        )
    return of


def check_joint(joint: Sequence[JointPrior], priors: Mapping[str, Prior]) -> None:
    """Hold joint priors to the model's own: each parameter in one of them at most, and of the same median and factor.

    Parameters
    ----------
    priors
        Of everything that may be in a joint prior, by the names of the draws.
    """
    seen: set[str] = set()
    for one in joint:
        for name, prior in one.priors.items():
            if name not in priors:
                raise InputError(_unknown(name, priors))
            if name in seen:
                raise InputError(f"{name} is in two joint priors; it can be in one")
            seen.add(name)
            of, (_, wanted) = _log_normal(name, priors[name]), distribution(prior)
            if not all(isclose(of[key], wanted[key], rel_tol=ALIKE, abs_tol=ALIKE) for key in wanted):
                own, joined = (
                    f"median {number(exp(each['mu']), 6)} and factor {number(exp(Z90 * each['sigma']), 6)}"
                    for each in (of, wanted)
                )
                raise InputError(f"{name} has {own} in its own prior, {joined} in the joint one; they must agree")


def _unknown(name: str, priors: Mapping[str, Prior]) -> str:
    longer = [one for one in priors if one.startswith(f"{name}_")]
    near = longer or difflib.get_close_matches(name, priors, 1, cutoff=0.5)
    hint = f"; did you mean {' and '.join(map(repr, near))}?" if near else ""
    return f"a joint prior names {name!r}, which has no prior; there are {format_names(priors)}{hint}"


def location(joint: JointPrior) -> Floats:
    """Return the medians, as logarithms."""
    return np.log(joint.median)


def scales(joint: JointPrior) -> Floats:
    """Return the scale of each logarithm: the standard deviation of a normal one."""
    return np.asarray(np.log(joint.factor) / Z90)


def scale_matrix(joint: JointPrior) -> Floats:
    """Return S R S: the covariance of a normal joint prior, (nu - 2) / nu of that of another."""
    of = scales(joint)
    return np.asarray(of[:, None] * np.array(joint.correlation) * of)


def margin(joint: JointPrior, name: str) -> Prior:
    """Return the distribution of one parameter whatever the others are."""
    place = joint.parameters.index(name)
    if joint.nu is None:
        return joint.priors[name]
    mu, sigma = log(joint.median[place]), log(joint.factor[place]) / Z90
    return Prior(distribution="LogStudentT", arguments={"nu": joint.nu, "mu": mu, "sigma": sigma})


def margins(joint: Iterable[JointPrior]) -> dict[str, Prior]:
    """Return the distribution of each parameter of some joint priors whatever the others are."""
    return {name: margin(one, name) for one in joint for name in one.parameters}


def restricted(joint: Iterable[JointPrior], priors: Mapping[str, Prior]) -> tuple[JointPrior, ...]:
    """Return joint priors of those parameters that there still are, with the medians and factors that they have now.

    Correlations and degrees of freedom stay. A parameter whose prior is no log-normal one any more leaves its joint prior: what
    is left of it is the joint distribution of the others.
    """
    found = []
    for one in joint:
        kept = [name for name in one.parameters if name in priors and distribution(priors[name])[0] == "LogNormal"]
        if kept and (len(kept) > 1 or one.nu is not None):
            found.append(_moved(subset(one, kept), priors))
    return tuple(found)


def subset(joint: JointPrior, names: Sequence[str]) -> JointPrior:
    """Return the joint prior of some parameters, whatever the others are."""
    at = [joint.parameters.index(name) for name in names]
    return JointPrior(
        tuple(names),
        tuple(joint.median[i] for i in at),
        tuple(joint.factor[i] for i in at),
        tuple(tuple(joint.correlation[i][j] for j in at) for i in at),
        joint.nu,
    )


def _moved(joint: JointPrior, priors: Mapping[str, Prior]) -> JointPrior:
    """Return a joint prior with the medians and factors of other priors; unchanged where those are the same."""
    known = {name: distribution(priors[name])[1] for name in joint.parameters}
    old = {name: distribution(prior)[1] for name, prior in joint.priors.items()}
    same = {
        name: all(isclose(known[name][key], old[name][key], rel_tol=ALIKE, abs_tol=ALIKE) for key in old[name]) for name in old
    }
    entries = zip(joint.parameters, joint.median, joint.factor, strict=True)
    both = [
        (middle, factor) if same[name] else (exp(known[name]["mu"]), exp(Z90 * known[name]["sigma"]))
        for name, middle, factor in entries
    ]
    return replace(joint, median=tuple(one for one, _ in both), factor=tuple(one for _, one in both))


def with_shared(joint: JointPrior, powers: Mapping[str, float], within: float) -> JointPrior:
    """Return a joint prior of parameters that are multiplied by powers of one number, known within a factor at 90 %.

    S R S + w^2 p p', w = log(within) / 1.645: what is unsure of the number, all of them share. Medians stay.
    """
    p, w = np.array([powers.get(name, 0.0) for name in joint.parameters]), log(within) / Z90
    if not w or not p.any():
        return joint
    covariance = scale_matrix(joint) + w**2 * p[:, None] * p
    of = np.sqrt(np.diag(covariance))
    correlation = covariance / of[:, None] / of
    np.fill_diagonal(correlation, 1.0)
    return replace(joint, factor=tuple(np.exp(Z90 * of).tolist()), correlation=tuple(map(tuple, correlation.tolist())))
