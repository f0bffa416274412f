"""Runs that a model cannot read are refused, naming both sides."""

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Columns, Input
from bayes_scaling.data.reading import read_runs
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Smooth, Trend
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


def test_a_smooth_length_far_beyond_its_axis_is_refused(grid) -> None:
    table = grid.assign(vocab=[("32000", "64000", "128000")[i % 3] for i in range(len(grid))])
    columns = Columns({"params": Input("params"), "tokens": Input("tokens")}, groups={"vocab": "vocab"})
    priors = dict.fromkeys(["E", "A", "alpha", "B", "beta"], BELIEF)

    def model(length: float) -> Model:
        return Model(
            LAWS["chinchilla"], priors | {"A": BELIEF + Smooth("vocab", 0.2, Prior(median=length, factor=2.0), log=True)}, NOISE
        )

    with pytest.raises(
        InputError, match=r"vocab, A: the length of the smooth term is above .* span 1.39, in e-folds since log"
    ):
        check_runs(model(64000.0), read_runs(table, columns))
    check_runs(model(1.0), read_runs(table, columns))
