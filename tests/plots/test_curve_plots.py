"""Figures of curves, forecasts and residuals: bands where they say they are, over what they say they show."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling._base.numbers import exact, number
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.prediction.residuals import innovation_correlation, residual_correlation

mpl.use("Agg")
END = 4e11
SIZES = {"small": 1e8, "middle": 1e9, "large": 8e9}


def curve(params: float, run: str, seed: int, last: float = 1e11) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    at = np.geomspace(1e9, last, 25)
    gap = np.abs(np.log(at)[:, None] - np.log(at))
    off = np.linalg.cholesky(0.004**2 * np.exp(-gap) + 0.002**2 * np.eye(25)) @ rng.standard_normal(25)
    loss = (2.0 + 0.5 * (params / 1e9) ** -0.2 + 0.4 * (at / 1e10) ** -0.3) * np.exp(off)
    return pd.DataFrame({"n": params, "d": at, "loss": loss, "name": run})


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    """The fit of three curves of sizes far apart, with correlated noise."""
    table = pd.concat([curve(size, name, seed) for seed, (name, size) in enumerate(SIZES.items())])
    inputs = {"params": bs.Input("n", "parameters", 1e9), "tokens": bs.Input("d", "tokens", 1e10)}
    wide = {name: bs.Prior(median=median, factor=2.0) for name, median in (("E", 2.0), ("A", 0.5), ("B", 0.4))}
    exponents = {"alpha": bs.Prior(median=0.2, factor=1.5), "beta": bs.Prior(median=0.3, factor=1.5)}
    few = bs.Prior(median=0.003, factor=2.0)
    noise = bs.Noise(few, "normal", correlation=bs.Correlation("tokens", bs.Prior(median=1.0, factor=2.0), few))
    model = bs.Model(bs.parse_law("E + A * params**-alpha + B * tokens**-beta", list(inputs)), wide | exponents, noise)
    runs = bs.read_runs(table, bs.Columns(inputs, run="name"))
    return bs.fit(model, runs, bs.Settings(draws=150, chains=2, seed=1, progress=False))


@pytest.fixture
def ax() -> Axes:
    with plots.paper():
        axes: Axes = Figure().subplots()
    return axes


def bands(ax: Axes) -> list[PolyCollection]:
    return [one for one in ax.collections if isinstance(one, PolyCollection)]


def span(band: PolyCollection, axis: int) -> tuple[float, float]:
    """Return the lowest and the highest place of a band."""
    corners = band.get_paths()[0].vertices[:, axis]
    return float(corners.min()), float(corners.max())


def at_end(band: PolyCollection) -> tuple[float, float]:
    """Return the lower and the upper edge of a band where it ends."""
    corners = band.get_paths()[0].vertices
    last = corners[corners[:, 0] == corners[:, 0].max(), 1]
    return float(last.min()), float(last.max())


def test_a_runs_band_begins_where_its_rows_end_and_holds_its_forecast(fit: bs.Fit, ax: Axes) -> None:
    assert plots.plot_curves(fit, ax, runs=["small", "large"], end=END) is ax
    found = [bs.forecast(fit, name, END) for name in ("small", "large")]
    for pair, one in zip((bands(ax)[:2], bands(ax)[2:]), found, strict=True):
        for band, (low, high) in zip(pair, ((0.05, 0.95), (0.25, 0.75)), strict=True):
            assert span(band, 0) == pytest.approx((1e11, END))
            assert at_end(band) == pytest.approx(tuple(np.quantile(one.final, [low, high])))
    solid = [line for line in ax.lines if line.get_linestyle() == "-"]
    for line, one in zip(solid, found, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), one.seen["tokens"])
        np.testing.assert_array_equal(line.get_ydata(), one.seen["response"])
        assert line.get_zorder() > max(band.get_zorder() for band in bands(ax))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("tokens", "loss (nats/token)")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_by_default_every_run_goes_on_to_four_times_its_length(fit: bs.Fit, ax: Axes) -> None:
    plots.plot_curves(fit, ax)
    assert len(bands(ax)) == 6
    assert [span(band, 0)[1] for band in bands(ax)] == pytest.approx([4e11] * 6)


def test_curves_are_coloured_by_size_and_the_legend_says_which(fit: bs.Fit, ax: Axes) -> None:
    plots.plot_curves(fit, ax, end=END)
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["100M", "1B", "8B"]
    assert legend.get_title().get_text() == "params (parameters)"
    named = [to_hex(line.get_color()) for line in legend.get_lines()]
    colours = plots.size_colours(SIZES.values())
    assert named == [colours[size] for size in SIZES.values()]
    by_run = dict(zip(fit.runs.levels["run"], (to_hex(line.get_color()) for line in ax.lines[1::2]), strict=True))
    assert {name: colours[size] for name, size in SIZES.items()} == by_run
    light = [np.dot(to_rgb(colour), [0.2126, 0.7152, 0.0722]) for colour in named]
    assert light == sorted(light)


def test_many_sizes_have_a_bar_of_colours(fit: bs.Fit, ax: Axes) -> None:
    new = pd.DataFrame({"n": np.repeat(np.geomspace(1e8, 1e10, 7), 3), "d": np.tile([1e10, 1e11, 4e11], 7)})
    plots.plot_curves(fit, ax, runs=[], new=new)
    assert ax.get_legend() is None
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "params (parameters)"
    ax.figure.canvas.draw()
    assert [text.get_text() for text in bar.get_yticklabels()] == ["100M", "200M", "500M", "1B", "2B", "5B", "10B"]


def test_a_run_never_seen_has_a_band_along_its_whole_curve(fit: bs.Fit, ax: Axes) -> None:
    new = pd.DataFrame({"n": 3e9, "d": np.geomspace(1e9, END, 20)})
    later = bs.read_runs(curve(3e9, "held out", 9, END), fit.runs.columns).table
    plots.plot_curves(fit, ax, runs=["small"], end=END, new=new, truth=later)
    outer = bands(ax)[2]
    assert span(outer, 0) == pytest.approx((1e9, END))
    drawn = bs.predict_runs(fit, new.assign(name="new 3000000000.0"), seed=0).isel(row=-1)
    assert at_end(outer) == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])), rel=0.003)
    points = ax.collections[-1]
    assert set(points.get_offsets()[:, 1]) <= set(later["response"])
    assert list(points.get_offsets()[[0, -1], 0]) == pytest.approx([1e9, END])
    assert points.get_zorder() > max(band.get_zorder() for band in bands(ax))
    assert to_hex(points.get_facecolor()[0]) == to_hex(outer.get_facecolor()[0])


def begun(share: float = 0.2) -> pd.DataFrame:
    whole = curve(4e9, "running", 11, END)
    return whole[whole["d"] <= share * END]


def test_a_live_plot_shows_rows_band_end_target_and_what_came(fit: bs.Fit, ax: Axes) -> None:
    found = bs.forecast(fit, begun(), END)
    target = float(np.quantile(found.final, 0.3))
    later = bs.read_runs(curve(4e9, "running", 11, END), fit.runs.columns).table
    assert plots.plot_forecast(found, ax, target=target, truth=later) is ax
    ax.figure.canvas.draw()
    outer, inner = bands(ax)[:2]
    assert span(outer, 0) == pytest.approx((found.seen["tokens"].iloc[-1], END))
    assert at_end(outer) == pytest.approx(tuple(np.quantile(found.final, [0.05, 0.95])))
    assert at_end(inner) == pytest.approx(tuple(np.quantile(found.final, [0.25, 0.75])))
    dashed = next(line for line in ax.lines if len(set(line.get_ydata())) == 1 and line.get_ydata()[0] == target)
    assert dashed.is_dashed()
    (said,) = ax.texts
    assert said.get_text() == f"below {exact(target)}: probability 0.30"
    assert ax.get_window_extent().y0 < said.get_window_extent().y0 < said.get_window_extent().y1 < dashed.get_window_extent().y0
    shown = next(line for line in ax.lines if line.get_label() == "shown later")
    assert min(shown.get_xdata()) >= found.seen["tokens"].iloc[-1]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("tokens", "loss (nats/token)", "running")


def test_the_ends_distribution_stands_right_of_the_end_with_its_intervals(fit: bs.Fit, ax: Axes) -> None:
    found = bs.forecast(fit, begun(), END)
    plots.plot_forecast(found, ax)
    parts = [band for band in bands(ax) if span(band, 0)[0] == pytest.approx(END)]
    assert len(parts) == 3
    assert span(parts[0], 1) == pytest.approx(tuple(np.quantile(found.final, [0.001, 0.999])))
    for part, ends in zip(parts[1:], ([0.05, 0.95], [0.25, 0.75]), strict=True):
        assert span(part, 1) == pytest.approx(tuple(np.quantile(found.final, ends)), abs=0.05 * float(found.final.std()))
    edge = ax.get_xlim()[1]
    assert all(END < span(part, 0)[1] < edge for part in parts)
    assert ax.get_xticks().max() <= 1.02 * END


@pytest.mark.parametrize(("share", "said"), [(-1.0, "0.00"), (3.0, "1.00")])
def test_a_target_out_of_reach_is_said_so(fit: bs.Fit, share: float, said: str) -> None:
    found = bs.forecast(fit, begun(), END)
    low, high = (float(end) for end in (found.final.min(), found.final.max()))
    figure = plots.forecast_figure(found, target=low + share * (high - low))
    assert figure.axes[0].texts[0].get_text().endswith(f"probability {said}")


def test_a_ridgeline_has_a_ridge_for_each_share_narrowing_onto_the_end(fit: bs.Fit) -> None:
    whole = curve(4e9, "running", 11, END)
    truth = float(whole["loss"].iloc[-1])
    figure = plots.forecast_ridgeline(fit, whole, END, fractions=(0.02, 0.2, 0.8), truth=truth)
    figure.canvas.draw()
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["2 %", "20 %", "80 %"]
    ridges = [line for line in ax.lines if len(line.get_xdata()) > 2]
    for row, (ridge, share) in enumerate(zip(ridges, (0.02, 0.2, 0.8), strict=True)):
        final = bs.forecast(fit, whole[whole["d"] <= share * END], END).final
        assert (ridge.get_xdata()[0], ridge.get_xdata()[-1]) == pytest.approx(tuple(np.quantile(final, [0.001, 0.999])))
        assert max(ridge.get_ydata()) <= row
        assert min(ridge.get_ydata()) == pytest.approx(row - 1.35)
        peak = ridge.get_xdata()[np.argmin(ridge.get_ydata())]
        assert abs(peak - float(final.median())) < float(final.std())
    low, high = ax.get_ylim()
    assert low > high, "time runs downwards"
    widths = [float(np.ptp(ridge.get_xdata())) for ridge in ridges]
    assert widths[2] < 0.8 * min(widths[:2])
    assert ax.texts[0].get_text() == f"ended at {number(truth, 5)}"
    assert ax.get_xlabel() == "loss at 400B tokens (nats/token)"
    marked = [line for line in ax.lines if list(line.get_xdata()) == [truth, truth]]
    assert marked
    assert marked[0].get_zorder() > max(ridge.get_zorder() for ridge in ridges)


def test_autocorrelation_is_drawn_as_it_was_found(fit: bs.Fit) -> None:
    figure = plots.autocorrelation_figure(fit)
    figure.canvas.draw()
    before, after = figure.axes
    assert (before.get_xlabel(), after.get_xlabel()) == ("rows apart (e-folds of tokens)", "rows apart (places in the run)")
    assert before.get_ylabel() == "correlation"
    seen, left = residual_correlation(fit), innovation_correlation(fit)
    for ax, table, x in ((before, seen, "lag"), (after, left, "places")):
        points = ax.containers[0].lines[0]
        np.testing.assert_allclose(np.array(points.get_xdata(), float), table[x])
        np.testing.assert_allclose(np.array(points.get_ydata(), float), table["seen_q50"])
        bars = ax.containers[0].lines[2][0].get_segments()
        np.testing.assert_allclose(np.array([bar[:, 1] for bar in bars], float), table[["seen_q05", "seen_q95"]])
    shown, implied = bands(before)
    assert span(implied, 1) == pytest.approx((seen["implied_q05"].min(), seen["implied_q95"].max()))
    assert span(shown, 1) == pytest.approx((seen["shown_q05"].min(), seen["shown_q95"].max()))
    assert span(bands(after)[0], 1) == pytest.approx((left["low"].min(), left["high"].max()))
    assert [text.get_text() for text in before.get_legend().get_texts()] == [
        "such runs, 90 %",
        "model's noise, 90 %",
        "residuals",
    ]


def test_the_band_of_single_runs_is_that_of_their_predictions(fit: bs.Fit) -> None:
    """It lies around that of the expected curve, and its edges are quantiles of new runs."""
    sheet = Sheet("tokens", hue="params", beyond=1.0, single_runs=True)
    figure = plots.sheet_figure(fit, sheet)
    drawn = figure.axes[0]
    plain = plots.sheet_figure(fit, replace(sheet, single_runs=False)).axes[0]
    assert len(bands(drawn)) == len(bands(plain)) + len(SIZES)
    widest, expected = bands(drawn)[0], bands(plain)[0]
    assert span(widest, 1)[0] < span(expected, 1)[0] < span(expected, 1)[1] < span(widest, 1)[1]
    first = fit.runs.table.query("params == params.min()")
    at = pd.DataFrame({"params": first["params"].iloc[0], "tokens": [span(widest, 0)[1]]})
    edge = bs.predict_runs(fit, at, seed=0).quantile([0.05, 0.95]).to_numpy()
    ends = [line.get_ydata()[-1] for line in drawn.lines if line.get_linewidth() == 0.4][:2]
    np.testing.assert_allclose(ends, edge, rtol=3e-3)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["100M", "1B", "8B"]
    assert figure.legends[0].get_title().get_text() == "params (parameters)"
