"""More of an accuracy is better: what is said of it is what is said of its error rate."""

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, fit_of

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.direction import better, rising_rows
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.crossings import Curve, meeting, multiples
from bayes_scaling.report.figures import main_figures

ONE = np.ones((2, 50))
ARMS = ("arch", "sparse", "dense")
SEEN = pd.DataFrame({"x": [1.0, 2.0, 4.0, 8.0] * 2, "arch": ["dense"] * 4 + ["sparse"] * 4})
ERRORS = [0.50, 0.48, 0.46, 0.44, 0.40, 0.38, 0.36, 0.34]
AT = {"x": [4.0]}


def fitted(unit: str) -> bs.Fit:
    """Return a fit in which sparse errs less than dense by a factor of exp(-0.1), and both less by 3 points an e-fold."""
    rising = unit == "accuracy"
    law = "1 - e + b * log(x)" if rising else "e - b * log(x)"
    columns = bs.Columns({"x": bs.Input("x", "FLOP", 1.0)}, bs.Response("seen", unit), {"arch": "arch"})
    runs = bs.read_runs(SEEN.assign(seen=1 - np.array(ERRORS) if rising else ERRORS), columns)
    model = bs.Model(
        bs.parse_law(law, ["x"]),
        {"e": bs.Prior(between=(0.3, 0.7)) + bs.Varying("arch", 0.1), "b": bs.Prior(median=0.03, factor=2.0)},
        bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal", on="loss"),
    )
    shifts = np.stack([0.0 * ONE, -0.1 * ONE], -1)
    draws = {"e": 0.5 * ONE, "b": 0.03 * ONE, "noise_sd": 0.005 * ONE, "e_sd_arch": 0.1 * ONE, "e_by_arch": shifts}
    return fit_of(model, runs, draws, CLEAN, {"e_by_arch": ("arch",)})


@pytest.mark.parametrize(("unit", "name", "sign"), [("accuracy", "accuracy", "+"), ("error rate", "error rate", "-")])
def test_the_better_of_two_levels_is_the_more_accurate_one(unit: str, name: str, sign: str) -> None:
    fit = fitted(unit)
    found = bs.contrast(fit, *ARMS, AT)
    said = found.summary()
    assert said.startswith(f"sparse against dense at x 4 FLOP: {name} {sign}")
    assert "sparse is better with probability 1.00." in said
    assert found.to_frame()["p_a_better"].tolist() == [1.0]
    pd.testing.assert_frame_equal(found.to_frame(), contrast_at(fit, *ARMS, AT))
    assert bs.contrast(fit, "arch", "dense", "sparse", AT).to_frame()["p_a_better"].tolist() == [0.0]


@pytest.mark.parametrize("unit", ["accuracy", "error rate"])
def test_the_compute_for_an_accuracy_is_that_for_its_error_rate(unit: str) -> None:
    fit = fitted(unit)
    np.testing.assert_allclose(bs.compute_ratio(fit, *ARMS, AT), np.exp(-0.5 * (1 - np.exp(-0.1)) / 0.03), rtol=1e-9)
    met = bs.crossover(fit, *ARMS, AT, below=1e3)
    assert not met["exists"].any()
    assert met["a_ahead"].all()


def test_outputs_in_several_units_have_a_direction_each() -> None:
    columns = bs.Columns(
        {"x": bs.Input("x", "FLOP", 1.0)},
        outputs={"web": "web", "task": "task"},
        output_units={"web": "nats/token", "task": "accuracy"},
    )
    rising = rising_rows(columns, pd.DataFrame({"output": ["web", "task"]}))
    assert rising.tolist() == [False, True]
    assert better(np.array([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]]), rising).tolist() == [
        [True, False],
        [False, True],
        [False, False],
    ]
    runs = bs.read_runs(SEEN.assign(web=3.0 - 0.1 * np.log(SEEN["x"]), task=1 - np.array(ERRORS)), columns)
    model = bs.Model(
        bs.parse_law("a + b * log(x)", ["x"]),
        {"a": bs.Prior(between=(0.3, 3.0)) + bs.Varying("output", 1.0), "b": bs.Prior(between=(-0.1, 0.1))},
        bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal"),
    )
    fit = bs.prior(model, runs, draws=20)
    names = [bs.predict(fit, {"x": [4.0], "output": [one]}).attrs["long_name"] for one in ("web", "task")]
    assert names == ["loss", "accuracy"]


def test_multiples_and_meetings_of_what_rises_mirror_those_of_what_falls() -> None:
    def line(level: float, slope: float) -> Curve:
        return Curve(1, lambda at: (level + slope * at)[None, :], lambda at: level + slope * at)

    up = multiples(line(0.5, 0.03), np.array([0.53]), rising=True)
    down = multiples(line(0.5, -0.03), np.array([0.47]))
    np.testing.assert_allclose(up, down)
    assert multiples(line(0.5, 0.0), np.array([0.6]), rising=True)[0] == np.inf
    places = np.linspace(0.0, 10.0, 21)
    met = meeting(line(0.5, 0.02), line(0.4, 0.04), places, positive=True, rising=True)
    assert met.lead[0] < 0
    assert met.place[0] == pytest.approx(5.0)


def test_the_name_of_an_accuracy_is_not_loss_unless_it_is_said() -> None:
    assert bs.Response("acc", "% accuracy").name == "accuracy"
    assert bs.Response("acc", "accuracy", name="exact match").name == "exact match"
    assert bs.Response("err", "error rate").name == "error rate"


def test_a_ranking_of_an_accuracy_is_refused() -> None:
    with pytest.raises(InputError, match="a ranking takes the lowest accuracy for the best"):
        bs.rank(fitted("accuracy"), "arch", "dense", AT)


@pytest.mark.parametrize(("unit", "side", "verb"), [("accuracy", "below", "gains"), ("error rate", "above", "costs")])
def test_a_report_says_on_which_side_of_its_figure_a_level_is_worse(unit: str, side: str, verb: str) -> None:
    drawn = next(one for one in main_figures(fitted(unit), None, None) if one.name.startswith("contrast"))
    assert drawn.caption.startswith(f"sparse is worse {side} 0 %, and above 1 where x is compared.")
    assert drawn.title == f"What sparse {verb} against dense"


def test_a_ratio_is_of_what_the_law_reads() -> None:
    fit = fitted("error rate")
    ratio = bs.compute_ratio(fit, *ARMS, {"x": [4.0, 8.0]})
    assert ratio.attrs["long_name"] == "x ratio"
    assert bs.plots.plot_multiplier(ratio, "x").get_ylabel() == "x ratio"


@pytest.mark.parametrize(("name", "more"), [("compute", "predict at budgets says what they reach"), ("params", "")])
def test_compute_for_a_target_of_a_law_that_splits_nothing_says_what_to_do(name: str, more: str) -> None:
    columns = bs.Columns({name: bs.Input(name, reference=1.0)}, bs.Response("loss", "nats/token"))
    noise = bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal")
    model = bs.Model(bs.parse_law(f"a * {name}**-0.1", [name]), {"a": bs.Prior(median=3.0, factor=1.5)}, noise)
    runs = bs.read_runs({name: [1e18, 2e18, 4e18], "loss": [3.0, 2.9, 2.8]}, columns)
    with pytest.raises(
        InputError,
        match=r"compute is split over the inputs .*; .* has \['" + name + r"'\]" + (f", .*{more}" if more else "") + "$",
    ):
        bs.compute_needed(bs.prior(model, runs, draws=20), 2.5)
