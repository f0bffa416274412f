"""How runs scatter about the law."""

from dataclasses import dataclass
from typing import Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.model.parameters import Parameter, Prior, Varying, as_parameter, link


@dataclass(frozen=True)
class Correlation:
    """The scatter of neighbouring rows of one run is correlated, the less so the further apart they are.

    corr(e_i, e_j) = exp(-|log x_i - log x_j| / length)        (Ornstein and Uhlenbeck's process in log x)

    With white noise rows show e_i + w_i, w_i ~ Normal(0, white / sqrt(count_i)): what single rows of a log scatter by averages
    out where a row is the mean of count_i of them. So does some of the process: the variance of e_i is then less by
    sd^2 (1 - exp(-apart_i / length)), apart_i the mean distance of two of its rows: right to first order. Without it
    the process would seem slower than it is, by half where neighbours are averages that touch.

    Exact whichever rows are kept, at a cost linear in their number: each row is observed given
    the one before it, or given what a Kalman filter (1960) has learnt from all before it.

    Parameters
    ----------
    along
        The input x.
    length
        Prior of the correlation length, in e-folds of x.
    white
        Prior of the standard deviation of a single row's own scatter, on the scale of the noise; None for rows without. The
        errors that rows were read with, where those are known, are part of it.
    """

    along: str
    length: Prior
    white: Prior | None = None

    def __post_init__(self) -> None:
        checks.check(
            self, "of Correlation", along=checks.name, length=checks.record(Prior), white=checks.optional(checks.record(Prior))
        )
        for what, prior in {"correlation length": self.length, "white scatter": self.white}.items():
            if prior is not None and link(prior) != "log":
                raise InputError(f"the prior of the noise's {what} must be of a positive quantity")


@dataclass(frozen=True)
class Noise:
    """Scatter of every row, and group effects: what the rows of a level share.

    y_row = mu_row + sum of effects + e_row,   e_row ~ Normal or StudentT(nu) of scale sqrt(sd^2 + error_row^2)

    With on="log_loss" y and mu are logarithms of the observed and the expected loss, and sd is a relative error (0.01 is
    1 %); with on="loss" they are the losses themselves.

    Parameters
    ----------
    distribution
        "normal", or "student_t" where single runs may go astray.
    sd
        Prior of the scale of the scatter; with terms where it differs between groups or drifts with an input.
    on
        "log_loss" where scatter is relative, "loss" where it is in the unit of the loss.
    nu
        Prior of the Student-t degrees of freedom beyond 1, so that a heavy tail still has a mean.
    effects
        Group effects (random effects): shared by all rows of a level, on the scale of y; a new run draws its own.
    correlation
        How neighbouring rows of a run resemble each other; None where rows are independent. sd is then the scale of what they
        share. With "student_t" it is the step from one row to the next that may go astray.
    """

    sd: Prior | Parameter
    distribution: Literal["normal", "student_t"] = "student_t"
    on: Literal["log_loss", "loss"] = "log_loss"
    nu: Prior = Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 0.1})
    effects: tuple[Varying, ...] = ()
    correlation: Correlation | None = None

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of Noise",
            sd=checks.record(Prior, Parameter),
            nu=checks.record(Prior),
            effects=checks.several(checks.record(Varying)),
            distribution=checks.one_of(["normal", "student_t"]),
            on=checks.one_of(["log_loss", "loss"]),
            correlation=checks.optional(checks.record(Correlation)),
        )
        for what, prior in {"sd": as_parameter(self.sd).prior, "nu": self.nu}.items():
            if link(prior) != "log":
                raise InputError(f"the prior of the noise's {what} must be of a positive quantity")
        if self.distribution != "normal" and self.correlation is not None and self.correlation.white is not None:
            raise InputError('correlated noise with a white part needs distribution = "normal"')
