"""Model discrepancy: a smooth function of the log inputs by which the truth differs from the law.

A Gaussian process with the law as its mean:

    log L = log law + delta(log x),   delta ~ GP(0, amplitude^2 prod_i k(|log x_i - log x_i'| / length_i))

(Kennedy and O'Hagan 2001), or L = law + delta where the noise is on the loss itself. How it is computed: `gaussian_process`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.model.priors import Prior, link

KNOTS, FEWEST = {1: 8, 2: 5, 3: 4}, 3
"""Knots along each input, by the number of inputs: a few e-folds apart; and for more inputs than three."""


MOST_KNOTS, MOST_TOGETHER = 64, 1000
"""Knots along one input, and on the grid of a term, at most."""


type Kernel = Literal["matern52", "matern32", "squared_exponential"]
type Terms = Sequence[tuple[Discrepancy, tuple[str, ...]]]
"""Each term with the inputs that it depends on."""


@dataclass(frozen=True)
class Discrepancy:
    """A smooth discrepancy between the truth and the law, on the scale of the noise.

    log L = log law + delta(log x),   delta ~ GP(0, amplitude^2 prod_i k(|log x_i - log x_i'| / length_i))

    Where the noise is on the loss itself, L = law + delta. The process is kept at knots and carried on beyond the runs by its
    exact conditional, so that bands widen there.

    Parameters
    ----------
    amplitude
        Prior of the discrepancy's standard deviation: on the log loss 0.02 is 2 %.
    length
        Prior of the distance in e-folds of an input over which the discrepancy changes; each input has its own.
    over
        Inputs that the discrepancy depends on; None: all inputs of the law.
    within
        Group, or groups, each level of which has one of its own; None: all rows share one, which then drops out of
        their contrasts. Give one of each for arms that share some of its causes and not others.
    kernel
        How smooth: "matern52" (twice differentiable), "matern32" (once), "squared_exponential" (always).
    knots
        Knots along each input, one number for all or a number by input; None, and inputs not named: 8, 5 or 4 for one, two or
        three inputs, 3 for more. Where an input has no more different values than knots, they lie at these values, which makes
        the process exact there. The cost of a draw grows with the cube of their product.

    Raises
    ------
    InputError
        Where a prior is not of a positive quantity, the kernel is unknown, or knots are named for an input that it is not over.

    References
    ----------
    .. [1] Kennedy and O'Hagan (2001). Bayesian calibration of computer models. JRSS B 63(3).

    Examples
    --------
    The law may be wrong by about 1 %, differently for each attention, and less locally than a factor of e in an input:

    >>> term = Discrepancy(Prior(median=0.01, factor=3), Prior(median=2.0, factor=2), within="attention")
    >>> name(term), term.kernel
    ('discrepancy_by_attention', 'matern52')
    >>> term.dims
    ('attention',)

    Five sizes and three depths have a knot each, and six go along the tokens:

    >>> wide = Prior(median=1.0, factor=2.0)
    >>> Discrepancy(wide, wide, knots={"params": 5, "loops": 3, "tokens": 6}).knots["loops"]
    3
    """

    amplitude: Prior
    length: Prior
    over: tuple[str, ...] | None = None
    within: str | tuple[str, ...] | None = None
    kernel: Kernel = "matern52"
    knots: int | Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        names = checks.optional(checks.one_or_several(checks.name))
        checks.check(
            self,
            "of Discrepancy",
            amplitude=checks.record(Prior),
            length=checks.record(Prior),
            over=names,
            within=names,
            kernel=checks.one_of(sorted(CORRELATIONS)),
            knots=checks.optional(_knots),
        )
        if isinstance(self.over, str):
            object.__setattr__(self, "over", (self.over,))
        for field in ("amplitude", "length"):
            if link(getattr(self, field)) != "log":
                raise InputError(f"the prior of the discrepancy's {field} must be of a positive quantity")
        if self.over is not None:
            check_knots(self, self.over)

    @property
    def dims(self) -> tuple[str, ...]:
        """The groups whose levels have a discrepancy of their own."""
        return () if self.within is None else (self.within,) if isinstance(self.within, str) else tuple(self.within)


def knot_counts(term: Discrepancy, inputs: Sequence[str]) -> tuple[int, ...]:
    """Return how many knots there are along each of a term's inputs.

    Examples
    --------
    >>> wide = Prior(median=1.0, factor=2.0)
    >>> knot_counts(Discrepancy(wide, wide, knots={"loops": 3}), ["params", "tokens", "loops"])
    (4, 4, 3)
    """
    usual = KNOTS.get(len(inputs), FEWEST)
    if isinstance(term.knots, Mapping):
        return tuple(term.knots.get(x, usual) for x in inputs)
    return (term.knots or usual,) * len(inputs)


def check_knots(term: Discrepancy, inputs: Sequence[str]) -> None:
    """Refuse knots along an input that a term does not depend on, and more of them than can be sampled.

    Raises
    ------
    InputError
        Naming the input and those that the term is over, or how many knots there are.
    """
    for x in term.knots if isinstance(term.knots, Mapping) else ():
        if x not in inputs:
            raise InputError(f"knots of Discrepancy names {x!r}; the discrepancy is over {format_names(inputs)}")
    counts = knot_counts(term, inputs)
    if prod(counts) > MOST_TOGETHER:
        product = " x ".join(str(count) for count in counts)
        raise InputError(f"the discrepancy over {format_names(inputs)} has {product} knots; at most {MOST_TOGETHER} together")


def _knots(value: Any, what: str) -> Any:
    """Refuse all but a number of knots, or one by input."""
    number = checks.integer(2, MOST_KNOTS)
    if not isinstance(value, Mapping):
        return number(value, what)
    if not value:
        raise checks.refusal(value, what, "a whole number, or one for each of some inputs")
    return checks.named(number)(value, what)


def _squared_exponential(r: Any, exp: Any) -> Any:
    return exp(-(r**2) / 2)


def _matern32(r: Any, exp: Any) -> Any:
    return (1 + 3**0.5 * r) * exp(-(3**0.5) * r)


def _matern52(r: Any, exp: Any) -> Any:
    return (1 + 5**0.5 * r + 5 / 3 * r**2) * exp(-(5**0.5) * r)


CORRELATIONS = {"matern52": _matern52, "matern32": _matern32, "squared_exponential": _squared_exponential}


def name(term: Discrepancy) -> str:
    """Return what a term's draws are called: "discrepancy", or "discrepancy_by_attention"."""
    return "_by_".join(["discrepancy", "_".join(term.dims)]) if term.dims else "discrepancy"


def scales(terms: Terms) -> dict[str, Prior]:
    """Return the priors of the amplitude and the lengths of each term, by the names of their draws."""
    amplitudes = {f"{name(term)}_amplitude": term.amplitude for term, _ in terms}
    return amplitudes | {f"{name(term)}_length_{x}": term.length for term, inputs in terms for x in inputs}


def knot_dim(x: str) -> str:
    """Return what the dimension of the knots along an input is called."""
    return f"knot_{x}"
