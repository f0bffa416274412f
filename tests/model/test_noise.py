"""Noise of every kind is taken; what is none is refused."""

import re

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Varying
from bayes_scaling.model.priors import Prior

BELIEF = Prior(median=1.0, factor=2.0)


@pytest.mark.parametrize("on", ["log_loss", "loss", "log_odds"])
@pytest.mark.parametrize("kind", ["normal", "student_t"])
def test_every_kind_of_noise_is_accepted(kind: str, on: str) -> None:
    noise = Noise(BELIEF, distribution=kind, on=on, effects=(Varying("run", 0.1),))
    assert (noise.distribution, noise.on) == (kind, on)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"distribution": "cauchy"}, "distribution of Noise must be one of ['normal', 'student_t'], not 'cauchy'"),
        ({"on": "log"}, "on of Noise must be one of ['log_loss', 'loss', 'log_odds'], not 'log'"),
        ({"sd": Prior(between=(-1.0, 1.0))}, "the prior of the noise's sd must be of a positive quantity"),
        ({"sd": Prior(between=(0.0, 1.0))}, "the prior of the noise's sd must be of a positive quantity"),
        (
            {"nu": Prior(distribution="Normal", arguments={"mu": 3.0, "sigma": 1.0})},
            "the prior of the noise's nu must be of a positive quantity",
        ),
    ],
    ids=str,
)
def test_wrong_noise_is_refused(given: dict, said: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        Noise(**({"sd": BELIEF} | given))
