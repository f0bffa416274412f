"""Model discrepancy: a smooth function of the log inputs by which the truth differs from the law.

A Gaussian process with the law as its mean:

    log L = log law + delta(log x),   delta ~ GP(0, amplitude^2 prod_i k(|log x_i - log x_i'| / length_i))

(Kennedy and O'Hagan 2001), or L = law + delta where the noise is on the loss itself. How it is computed: `gaussian_process`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.model.parameters import Prior, link

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
        Knots along each input; None: 8, 5 or 4 for one, two or three inputs, 3 for more.

    Raises
    ------
    InputError
        Where a prior is not of a positive quantity, or the kernel is unknown.

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
    """

    amplitude: Prior
    length: Prior
    over: tuple[str, ...] | None = None
    within: str | tuple[str, ...] | None = None
    kernel: Kernel = "matern52"
    knots: int | None = None

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
            knots=checks.optional(checks.integer(2, 64)),
        )
        if isinstance(self.over, str):
            object.__setattr__(self, "over", (self.over,))
        for field in ("amplitude", "length"):
            if link(getattr(self, field)) != "log":
                raise InputError(f"the prior of the discrepancy's {field} must be of a positive quantity")

    @property
    def dims(self) -> tuple[str, ...]:
        """The groups whose levels have a discrepancy of their own."""
        return () if self.within is None else (self.within,) if isinstance(self.within, str) else tuple(self.within)


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
