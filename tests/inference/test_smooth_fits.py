"""Fits with smooth terms: simulated truth comes back, files hold them, other runs refit; runs without an axis are refused."""

from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.densities import log_prior, top_priors
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.laws.library import power_law
from bayes_scaling.prediction.simulate import simulated
from bayes_scaling.validation.calibration import ranked, ranks
from bayes_scaling.validation.simulations import simulate

mpl.use("Agg")
SETTINGS = bs.Settings(draws=400, tune=500, chains=2, seed=5, progress=False)
LENGTH = bs.Prior(median=4.0, factor=1.5)
COLUMNS = bs.Columns(
    {"compute": bs.Input("compute", "FLOP", 1e19)},
    groups={"position": "position", "arm": "arm"},
    run="run",
    measurement_error=MeasurementError("error", relative=True),
)
MODEL = bs.Model(
    power_law,
    {
        "a": bs.Prior(median=2.0, factor=1.2) + bs.Smooth("position", 0.2, LENGTH),
        "b": bs.Prior(median=0.1, factor=1.2) + bs.Smooth("position", 0.2, LENGTH, within="arm"),
    },
    bs.Noise(
        bs.Prior(median=0.01, factor=1.5) + bs.Smooth("position", 0.3, LENGTH),
        "normal",
        effects=(bs.Varying("arm", 0.02), bs.Smooth("position", 0.02, LENGTH, within="arm")),
    ),
)


def table(levels: tuple[float, ...] = (0, 2, 4, 8, 12)) -> pd.DataFrame:
    cells = [(p, arm, c) for p in levels for arm in ("full", "moba") for c in np.geomspace(1e18, 1e20, 5)]
    found = pd.DataFrame(cells, columns=["position", "arm", "compute"])
    return found.assign(run=np.arange(len(found)), loss=2.0, error=0.002)


PLAIN = bs.Model(power_law, MODEL.parameters, bs.Noise(bs.Prior(median=0.01, factor=1.5), "normal"))


@cache
def before() -> bs.Fit:
    return bs.prior(PLAIN, bs.read_runs(table(), COLUMNS), draws=20, seed=3)


@cache
def fit() -> bs.Fit:
    return bs.fit(PLAIN, simulated(before(), 4), SETTINGS)


@pytest.mark.slow
def test_simulated_truth_comes_back_at_levels_and_between_them() -> None:
    assert fit().health is not None
    assert fit().health.ok
    z = []
    for name in ("a", "b"):
        values, true = (np.log(parameter_values(of, name)) for of in (fit(), before()))
        off = (values.mean(("chain", "draw")) - true.isel(chain=0, draw=4)) / values.std(("chain", "draw"))
        z.append(off.to_numpy().ravel())
    assert np.abs(np.concatenate(z)).max() < 4.5
    points = pd.DataFrame({"compute": 1e19, "position": [8.0, 10.0, 12.0, 16.0, 24.0], "arm": "full"})
    spread = np.log(bs.predict(fit(), points)).std(("chain", "draw")).to_numpy()
    # Between levels it is known a little less than at them, beyond them ever less.
    assert spread[1] > max(spread[0], spread[2])
    assert spread[2] < spread[3] < spread[4]


@pytest.mark.slow
def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    again = bs.load(bs.save(fit(), tmp_path / "fit.nc"))
    assert again.posterior.equals(fit().posterior)
    points = pd.DataFrame({"compute": 1e19, "position": [3, 4, 40], "arm": ["full", "moba", "new"]})
    np.testing.assert_array_equal(bs.predict(again, points), bs.predict(fit(), points))
    assert (again.model.parameters, again.model.noise) == (PLAIN.parameters, PLAIN.noise)


@pytest.mark.slow
def test_other_runs_of_more_levels_refit() -> None:
    more = bs.prior(PLAIN, bs.read_runs(table((0, 1, 3, 9, 20, 21)), COLUMNS), draws=5, seed=3)
    again = bs.refit(fit(), simulated(more, 2), SETTINGS)
    assert again.posterior["a_smooth_position"].sizes["position"] == 6
    assert np.isfinite(again.posterior["b_smooth_position_arm"]).all()


def test_the_densities_of_priors_and_rows_are_stored() -> None:
    lengths = {name for name in top_priors(MODEL) if "_smooth_length_" in name}
    assert lengths == {
        "a_smooth_length_position",
        "b_smooth_length_position_arm",
        "noise_sd_smooth_length_position",
        "residual_smooth_length_position_arm",
    }
    drawn = log_prior(bs.prior(MODEL, bs.read_runs(table(), COLUMNS), draws=20))
    assert lengths <= set(drawn)


def test_a_sentence_and_a_line_say_that_a_term_is_smooth() -> None:
    text = MODEL.summary()
    assert "levels are smooth along position: a Gaussian process of length log-normal, 90 % in 2.7 to 6.0, in position" in text
    assert "share a group effect, normal about 0 and smooth along position, for each arm" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"position": "early"}, "needs two or more"),
        ({"position": ["early", "late"] * 25}, "column position, a: .*must be numbers, not 'early'"),
        ({"position": np.arange(50)}, "have 300 levels together; at most 250"),
    ],
)
def test_runs_without_an_axis_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        bs.prior(MODEL, bs.read_runs(table().assign(**change), COLUMNS), draws=4)


def test_a_group_that_is_not_there_is_named() -> None:
    model = bs.Model(power_law, MODEL.parameters, bs.Noise(bs.Prior(median=0.01, factor=2.0)))
    columns = bs.Columns(COLUMNS.inputs, groups={"arm": "arm"})
    with pytest.raises(bs.InputError, match="a varies over 'position'; the groups of the runs are"):
        bs.prior(model, bs.read_runs(table(), columns), draws=4)


def test_a_figure_shows_the_parameter_along_its_axis() -> None:
    with plots.paper():
        ax = plots.plot_smooth(before(), "b", Figure().subplots(), end=30)
    assert ax.get_xlabel() == "position"
    assert [line.get_label() for line in ax.get_lines() if not line.get_label().startswith("_")] == ["full", "moba"]
    assert ax.get_lines()[0].get_xdata().max() == 30
    with pytest.raises(bs.InputError, match="no parameter 'c'"):
        plots.plot_smooth(before(), "c")
    with pytest.raises(bs.InputError, match="a is not smooth along 'arm'"):
        plots.plot_smooth(before(), "a", over="arm")


@pytest.mark.slow
def test_posteriors_are_calibrated_on_simulated_runs() -> None:
    terms = bs.Smooth("position", 0.2, LENGTH), bs.Smooth("position", 0.1, LENGTH, within="arm")
    model = bs.Model(
        power_law,
        {"a": bs.Prior(median=2.0, factor=1.2) + terms[0], "b": bs.Prior(median=0.1, factor=1.2) + terms[1]},
        bs.Noise(bs.Prior(median=0.01, factor=1.5), "normal"),
    )
    made = simulate(model, bs.read_runs(table(), COLUMNS), 50, seed=1)
    found = ranked(made, bs.fit_many(model, made.tasks, InProcess(), keep=ranks))
    of = found.to_frame()
    assert {"a_smooth_sd_position", "a_smooth_length_position"} <= set(of["quantity"])
    assert not found.failures
    assert (of["p_holm"] > 0.01).all(), of.to_string()
