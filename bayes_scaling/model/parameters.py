"""What is assumed of a parameter: a prior, and terms that let it vary between groups or drift with an input.

    link(parameter) = link(prior) + Varying + ... + Smooth + Ordered + Trend

The link is the logarithm for positive priors, else the identity.

Written as a sum: `Prior(median=0.09, factor=1.5) + Varying("position", sd=0.2)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.model.priors import Prior, distribution, link


def _added(term: "Term", prior: Prior) -> "Parameter":
    """Return a parameter with a prior and a term: Prior + Term, which a prior does not define, as terms have priors too."""
    return Parameter(prior, (term,)) if isinstance(prior, Prior) else NotImplemented


@dataclass(frozen=True)
class Varying:
    """Random effects of a group: exchangeable levels, partially pooled.

    link(parameter) = link(prior) + s * z_level,   z_level ~ Normal(0, 1),   s ~ HalfNormal(sd)

    Parameters
    ----------
    over
        A group, or several for their interaction (one level for each combination).
    sd
        Scale of the half-normal prior of s, on the link scale: 0.1 on a log link means that levels differ by about 10 %. Few
        levels say little of s, so that the prior is felt: two levels differ by less than 0.5 sd or by more, with equal
        probability, and by more than 2.3 sd with probability 0.1. Give the difference that you would not be surprised by.

    Raises
    ------
    InputError
        Where no group is named, one is named twice, or sd is not positive.

    References
    ----------
    .. [1] Gelman (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1(3).

    Examples
    --------
    An exponent that differs by about 10 % between attentions, and one for each pair of attention and size:

    >>> exponent = Prior(median=0.3, factor=1.5) + Varying("attention", sd=0.1)
    >>> exponent.terms
    (Varying(over='attention', sd=0.1),)
    >>> Varying(("attention", "size"), sd=0.1).dims
    ('attention', 'size')
    """

    over: str | tuple[str, ...]
    sd: float

    __radd__ = _added

    def __post_init__(self) -> None:
        if isinstance(self.over, tuple | list) and (not self.over or len(set(map(str, self.over))) < len(self.over)):
            raise InputError(f"Varying needs one or several different groups to vary over, not {list(self.over)}")
        checks.check(self, "of Varying", over=checks.one_or_several(checks.name), sd=checks.positive)

    @property
    def dims(self) -> tuple[str, ...]:
        """The groups it varies over, always as a tuple."""
        return (self.over,) if isinstance(self.over, str) else tuple(self.over)


@dataclass(frozen=True)
class Trend:
    """A linear effect of the logarithm of an input on a parameter, on its link scale.

    link(parameter) = link(prior) + k * log(input / reference),   k ~ Normal(0, sd)

    Parameters
    ----------
    on
        An input of the table; the law itself need not read it.
    sd
        Scale of the slope k; 0.1 on a log link means about 10 % for each factor e of the input.

    Raises
    ------
    InputError
        Where no input is named, or sd is not positive.

    Examples
    --------
    >>> exponent = Prior(median=0.3, factor=1.5) + Trend("params", sd=0.05)
    >>> exponent.terms
    (Trend(on='params', sd=0.05),)
    """

    on: str
    sd: float

    __radd__ = _added

    def __post_init__(self) -> None:
        checks.check(self, "of Trend", on=checks.name, sd=checks.positive)


@dataclass(frozen=True)
class Ordered:
    """Effects of a group whose levels are known to be in order: each lies above the one before it.

    link(parameter_k) = link(prior) + s (e_1 + ... + e_k),   e_k ~ Exponential(1),   s ~ HalfNormal(sd);   k = 0, 1, 2, ...

    The prior is that of the first level of the list. Steps are positive whatever the runs say, and may be as good as none.
    Runs need not have all levels of the list: one between two that they have divides the step between these uniformly, which is
    the exact conditional, and one beyond them lies a further step away.

    Parameters
    ----------
    over
        A group: tokenizers by size, models by generation, learning-rate tiers.
    sd
        Scale of the half-normal prior of the mean step s, on the link scale: 0.1 on a log link means steps of up to some 10 %.
    levels
        The levels in their order, from the one the prior is for; None where they are numbers, which are then in order.
    direction
        "increasing": the parameter grows along the list; "decreasing": it falls.

    Raises
    ------
    InputError
        Where several groups are named, levels repeat, or sd is not positive.

    References
    ----------
    .. [1] Buerkner and Charpentier (2020). Modelling monotonic effects of ordinal predictors in Bayesian regression models.
       British Journal of Mathematical and Statistical Psychology 73, 420-451.

    Examples
    --------
    A floor that is known to fall with the size of the vocabulary:

    >>> order = Ordered("tokenizer", sd=0.05, levels=("32k", "64k", "128k"), direction="decreasing")
    >>> (Prior(median=1.7, factor=1.6) + order).terms == (order,)
    True
    """

    over: str
    sd: float
    levels: tuple[str | int | float, ...] | None = None
    direction: Literal["increasing", "decreasing"] = "increasing"

    __radd__ = _added

    def __post_init__(self) -> None:
        if isinstance(self.over, tuple | list):
            raise InputError(f"Ordered goes over one group, as levels of several have no one order; not {list(self.over)}")
        levels = checks.optional(checks.several(_level))
        direction = checks.one_of(("increasing", "decreasing"))
        checks.check(self, "of Ordered", over=checks.name, sd=checks.positive, levels=levels, direction=direction)
        if self.levels is not None and (len(self.levels) < 2 or len(set(map(str, self.levels))) < len(self.levels)):
            raise InputError(f"Ordered needs two or more different levels in their order, not {list(self.levels)}")

    @property
    def dims(self) -> tuple[str, ...]:
        """The group it goes over, as a tuple."""
        return (self.over,)

    @property
    def sign(self) -> float:
        """1 where the parameter grows along the list, else -1."""
        return 1.0 if self.direction == "increasing" else -1.0


def _level(value: Any, what: str) -> str | int | float:
    return value if checks.is_number(value) else checks.name(value, what)


@dataclass(frozen=True)
class Smooth:
    """Random effects of an ordered, numeric group: neighbouring levels are alike.

    link(parameter) = link(prior) + s f(x_level),   f ~ GP(0, k(|x - x'| / length)),   s ~ HalfNormal(sd)

    k is the Matern correlation that is twice differentiable. Levels between and beyond those of the runs follow by the
    process's exact conditional: bands widen with the distance to the runs, until a length or two away little is known but s.
    Beside a `Varying` over the same group it is the smooth part, and that what single levels have of their own.

    Parameters
    ----------
    over
        A group whose levels are numbers x: positions, sizes, depths, ratios.
    sd
        Scale of the half-normal prior of s, on the link scale; 0.1 on a log link means about 10 %.
    length
        Prior of the distance along x over which the parameter changes: levels one length apart correlate by 0.52, two apart
        by 0.14. In the unit of x, or in e-folds with log.
    within
        A group, or several, each level of which has a function of its own, of one scale and length; None: all share one.
    log
        Whether distance is one of log(x): for sizes and ratios, which are compared by factors. All levels are then above 0.

    Raises
    ------
    InputError
        Where no group is named or one is named twice, sd is not positive, or length can be negative.

    References
    ----------
    .. [1] Rasmussen and Williams (2006). Gaussian Processes for Machine Learning. MIT Press, equations 2.19 and 4.17.

    Examples
    --------
    An exponent that changes by about 10 % over some 8,000 tokens of position, differently for each attention:

    >>> smooth = Smooth("position", sd=0.1, length=Prior(median=8192, factor=2), within="attention")
    >>> (Prior(median=0.09, factor=1.5) + smooth).terms == (smooth,)
    True
    >>> smooth.dims
    ('position', 'attention')
    """

    over: str
    sd: float
    length: Prior
    within: str | tuple[str, ...] | None = None
    log: bool = False

    __radd__ = _added

    def __post_init__(self) -> None:
        within = checks.optional(checks.one_or_several(checks.name))
        positive = {"sd": checks.positive, "length": checks.record(Prior)}
        checks.check(self, "of Smooth", over=checks.name, within=within, log=checks.flag, **positive)
        if not self.dims[1:] and self.within is not None:
            object.__setattr__(self, "within", None)
        if len(set(self.dims)) < len(self.dims):
            raise InputError(f"Smooth needs different groups to go over and within, not {list(self.dims)}")
        if link(self.length) != "log":
            raise InputError("the prior of the length of Smooth must be of a positive quantity")

    @property
    def dims(self) -> tuple[str, ...]:
        """The groups it varies over: that of the axis first, then those it goes within."""
        within = () if self.within is None else (self.within,) if isinstance(self.within, str) else tuple(self.within)
        return (self.over, *within)


@dataclass(frozen=True)
class ByLevel:
    """Levels of a group with priors of their own, independent of each other: nothing is pooled.

    link(parameter_level) = link(prior_level);   of a level without runs: link(prior)

    The prior that it is added to is that of levels that the runs do not have, and of nothing else. A parameter's draws over
    the group are link(parameter_level).

    Parameters
    ----------
    over
        A group, as the outputs.
    priors
        Level -> its prior: log-normal for a parameter with a log link (by median and factor, or between two positive numbers),
        normal otherwise. All levels of the runs have one.

    Raises
    ------
    InputError
        Where fewer than two levels have a prior, or a prior is of another kind.

    Examples
    --------
    >>> own = {"web": Prior(median=1.7, factor=1.2), "code": Prior(median=0.8, factor=1.6)}
    >>> floor = Prior(median=1.4, factor=2.0) + ByLevel("output", own)
    >>> floor.terms[0].dims
    ('output',)
    """

    over: str
    priors: Mapping[str, Prior]

    __radd__ = _added

    def __post_init__(self) -> None:
        checks.check(self, "of ByLevel", over=checks.name, priors=checks.named(checks.record(Prior)))
        if len(self.priors) < 2:
            raise InputError(f"ByLevel needs priors of two or more levels of {self.over!r}, not {format_names(self.priors)}")
        for level, prior in self.priors.items():
            if distribution(prior)[0] not in ("Normal", "LogNormal"):
                raise InputError(f"ByLevel takes priors that are normal or log-normal; that of {level!r} is neither")

    @property
    def dims(self) -> tuple[str, ...]:
        """The group it goes over, as a tuple."""
        return (self.over,)


Pooled = Varying | Smooth | Ordered
"""A term with an effect of each level, of a scale that is learnt."""

Effect = Pooled | ByLevel
"""A term with an effect of each level."""

Placed = Smooth | Ordered
"""A term whose levels have places."""

Alone = Ordered | ByLevel
"""A term that is the only one of its parameter over its group."""

Term = Effect | Trend


@dataclass(frozen=True)
class Parameter:
    """A prior and the terms added to it on the link scale."""

    prior: Prior
    terms: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of a parameter",
            prior=checks.record(Prior),
            terms=checks.several(checks.record(*get_args(Term))),
        )
        for term in self.terms:
            if isinstance(term, Alone):
                _refuse_beside(term, self.terms)
            if isinstance(term, ByLevel):
                unlike = [level for level, prior in term.priors.items() if link(prior) != link(self.prior)]
                if unlike:
                    raise InputError(
                        f"the prior of {unlike[0]!r} has the link {link(term.priors[unlike[0]])}, that of levels without runs "
                        f"{link(self.prior)}; expected one"
                    )

    def __add__(self, term: Term) -> "Parameter":
        return Parameter(self.prior, (*self.terms, term))


def own_prior(parameter: Parameter) -> ByLevel | None:
    """Return the term of a parameter that gives levels priors of their own; None where the prior is that of all."""
    return next((term for term in parameter.terms if isinstance(term, ByLevel)), None)


def _refuse_beside(term: Alone, terms: tuple[Term, ...]) -> None:
    """Refuse a second term over the group of one that is ordered, or has a prior for each level."""
    for other in terms:
        if other is not term and not isinstance(other, Trend) and term.over in other.dims:
            why = "would break the order" if isinstance(term, Ordered) else "would come on top of each level's prior"
            raise InputError(
                f"a parameter is {type(term).__name__} over {term.over!r}, and {type(other).__name__} over {list(other.dims)} "
                f"{why}: expected one of the two"
            )


def as_parameter(value: Prior | Parameter) -> Parameter:
    """Return a parameter; a bare prior is one without terms."""
    return value if isinstance(value, Parameter) else Parameter(value)
