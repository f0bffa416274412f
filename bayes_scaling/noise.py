"""How runs scatter about the law."""

from dataclasses import dataclass
from typing import Literal

from bayes_scaling.errors import InputError
from bayes_scaling.parameters import Prior, Varying, link


@dataclass(frozen=True)
class Noise:
    """Independent scatter of every row, and departures that rows share.

    y_row = mu_row + sum of effects + e_row,   e_row ~ Normal or StudentT(nu) of scale sqrt(sd^2 + reading_error_row^2)

    With on="log_loss" y and mu are logarithms of the observed and the expected loss, and sd is a relative error (0.01 is
    1 %); with on="loss" they are the losses themselves.

    distribution: "normal", or "student_t" where single runs may go astray.
    sd: prior of the scale of the scatter.
    nu: prior of the Student-t degrees of freedom beyond 1, so that a heavy tail still has a mean.
    effects: departures shared by all rows of a level, on the scale of y; a new run draws its own.
    """

    sd: Prior
    distribution: Literal["normal", "student_t"] = "student_t"
    on: Literal["log_loss", "loss"] = "log_loss"
    nu: Prior = Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 0.1})
    effects: tuple[Varying, ...] = ()

    def __post_init__(self) -> None:
        for name, prior in {"sd": self.sd, "nu": self.nu}.items():
            if link(prior) != "log":
                raise InputError(f"the prior of the noise's {name} must be of a positive quantity")
        for name, value, allowed in (
            ("distribution", self.distribution, ("normal", "student_t")),
            ("on", self.on, ("log_loss", "loss")),
        ):
            if value not in allowed:
                raise InputError(f"the noise's {name} must be one of {list(allowed)}, not {value!r}")
