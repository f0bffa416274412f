"""Runs that a model cannot read are refused, naming both sides."""

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Columns, Input
from bayes_scaling.data.reading import read_runs
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Trend
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.specification import Model

BELIEF = Prior(median=1.0, factor=2.0)
NOISE = Noise(BELIEF)


def test_a_trend_on_an_input_that_the_table_lacks_is_refused(grid) -> None:
    columns = Columns({"params": Input("params"), "tokens": Input("tokens")})
    priors = dict.fromkeys(["E", "alpha", "B", "beta"], BELIEF) | {"A": BELIEF + Trend("param", 0.1)}
    model = Model(LAWS["chinchilla"], priors, NOISE)
    with pytest.raises(InputError, match=r"^chinchilla needs inputs \['param', 'params', 'tokens'\]; the table has \["):
        check_runs(model, read_runs(grid, columns))
