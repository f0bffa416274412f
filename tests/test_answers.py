"""Every answer before every feature of the grammar: the right value, by plain numpy over the draws, or a clear refusal.

Features are fits written by hand, see `worlds`; nothing is sampled. Pairs that are refused stand in `REFUSED`, each with what
the error names; there is no third outcome.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import worlds
from matplotlib.figure import Figure
from scipy import optimize, stats
from worlds import FEATURES, World

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.data.runs import subset
from bayes_scaling.decisions import frontiers, targets
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.optimum import optimum, tolerance
from bayes_scaling.decisions.plan_sentences import plan_sentence
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.plots.shown import shown
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.summary import summarize, summarize_at
from bayes_scaling.report import budget
from bayes_scaling.report.budget import multiplier_budget, plan_budget
from bayes_scaling.report.sentences import summary_sentences
from bayes_scaling.validation import compare as comparison
from bayes_scaling.validation.compare import loo
from bayes_scaling.validation.scores import score_points, score_table

mpl.use("Agg")
FEW = slice(None, None, 45)
"""Draws looked at where each is solved for on its own."""
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
ARMS = ("arch", "dense", "sparse")


def rows(values: Any) -> np.ndarray:
    """Return draws, with dimensions chain, draw, row, as a draw a row."""
    return np.asarray(values.transpose("chain", "draw", "row").to_numpy().reshape(-1, values.sizes["row"]))


def arms(world: World, points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    one, other = (worlds.expected(world, points.assign(arch=arch)) for arch in ARMS[1:])
    return one, other


def new_effects(world: World) -> np.ndarray | float:
    """Return the standard deviation of what a new run departs by beside its scatter, a draw each."""
    return worlds.draws(world).get("residual_sd_run", 0.0)


def check_predict(world: World) -> None:
    np.testing.assert_allclose(rows(bs.predict(world.fit, world.points)), worlds.expected(world, world.points), rtol=1e-10)


def check_predict_runs(world: World) -> None:
    points = world.points.drop(columns="run_id", errors="ignore")
    points = points if world.fit.runs.columns.schedule is None else world.points
    drawn = rows(bs.predict_runs(world.fit, points, seed=3))
    known = "size" in world.fit.runs.levels
    if known:  # points do not say a size: its effect on the scatter is drawn, and the bands are those of the population
        of = worlds.draws(world)
        z = np.log(drawn / worlds.expected(world, points)) / of["noise_sd"][:, None]
        beyond = np.exp(of["noise_sd_sd_size"].mean() * np.random.default_rng(0).normal(size=100_000))
        assert np.std(np.log(np.abs(z))) == pytest.approx(
            np.std(np.log(np.abs(beyond * np.random.default_rng(1).normal(size=100_000)))), rel=0.12
        )
        assert "do not say size" in bs.predict_runs(world.fit, points).attrs["notes"][0]
        points = points.assign(size=["small", "large", "small"])
        drawn = rows(bs.predict_runs(world.fit, points, seed=3))
    if world.fit.runs.columns.schedule is None:
        many = points.loc[points.index.repeat(40)].reset_index(drop=True)
        drawn = rows(bs.predict_runs(world.fit, many, seed=3))
        wide = new_effects(world)
        assert worlds.uniform(worlds.shares_below(world, many, drawn, wide), independent=True)
    one, two = (rows(bs.predict_runs(world.fit, points))[:, 0] for _ in range(2))
    across = (np.repeat(of[:, None], len(points), axis=1) for of in (one, two))
    left = [worlds.shares_below(world, points, of, new_effects(world))[:, 0] for of in across]
    assert abs(np.corrcoef(*left)[0, 1]) < 5 / len(one) ** 0.5  # runs of two calls are two runs


def check_summarize_at(world: World) -> None:
    found, draws = summarize_at(world.fit, world.points.assign(mean="kept")), worlds.expected(world, world.points)
    np.testing.assert_allclose(found["mean"], draws.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(found["sd"], draws.std(axis=0, ddof=1), rtol=1e-8)
    for name, share in QUANTILES.items():
        np.testing.assert_allclose(found[name], np.quantile(draws, share, axis=0), rtol=1e-10)
    assert (found["mean_given"] == "kept").all()
    if "size" not in world.fit.runs.levels:
        band = summarize_at(world.fit, world.points, "observed", seed=3)
        wide = new_effects(world)
        for name, share in (("q05", 0.05), ("q95", 0.95)):
            at = np.tile(band[name].to_numpy(), (len(draws), 1))
            np.testing.assert_allclose(worlds.shares_below(world, world.points, at, wide).mean(axis=0), share, atol=0.08)


def check_contrast(world: World) -> None:
    one, other = arms(world, world.points)
    found = bs.contrast(world.fit, *ARMS, points=world.points)
    np.testing.assert_allclose(rows(found["difference"]), one - other, rtol=1e-7, atol=1e-12)
    assert ("ratio" in found) == world.fit.runs.columns.response.positive
    if "ratio" in found:
        np.testing.assert_allclose(rows(found["ratio"]), one / other, rtol=1e-10)


def check_contrast_at(world: World) -> None:
    one, other = arms(world, world.points)
    found = contrast_at(world.fit, *ARMS, points=world.points)
    np.testing.assert_allclose(found["p_a_better"], (one < other).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found["diff_mean"], (one - other).mean(axis=0), rtol=1e-7, atol=1e-12)
    for name in ("q05", "q50", "q95"):
        np.testing.assert_allclose(
            found[f"diff_{name}"], np.quantile(one - other, QUANTILES[name], axis=0), rtol=1e-7, atol=1e-12
        )
        if world.fit.runs.columns.response.positive:
            np.testing.assert_allclose(found[f"ratio_{name}"], np.quantile(one / other, QUANTILES[name], axis=0), rtol=1e-10)
        else:
            assert f"ratio_{name}" not in found


def own_rows(world: World) -> pd.DataFrame:
    """Return points of which each stands for itself: those of a schedule with what it makes of them."""
    if world.fit.runs.columns.schedule is None:
        return world.points
    return worlds.checked(world, world.points).drop(columns=["step", "lr"]).tail(3)


def moved(world: World, points: pd.DataFrame, times: float) -> pd.DataFrame:
    powers = {"compute": 1.0} if world.along is None else world.along
    return points.assign(**{name: points[name] * times**power for name, power in powers.items()})


def solved(function: Callable[[float], float], places: np.ndarray) -> float:
    """Return the first place where a function changes its sign, NaN where it does not; it ends where it is not defined."""
    before = function(places[0])
    for low, high in pairwise(places):
        after = function(high)
        if np.isnan(after):
            return np.nan
        if before * after < 0:
            return float(optimize.brentq(function, low, high, xtol=1e-13))
        before = after
    return np.nan


def one_draw(world: World, draw: int) -> World:
    posterior = world.fit.posterior.stack(all=("chain", "draw"), create_index=False).isel(all=[draw])
    single = posterior.drop_vars(["chain", "draw"], errors="ignore").rename(all="draw").expand_dims(chain=1)
    tree = type(world.fit.draws).from_dict({"posterior": single.transpose("chain", "draw", ...)})
    return replace(world, fit=replace(world.fit, draws=tree))


def check_compute_ratio(world: World) -> None:
    points, along = own_rows(world).head(2), world.along
    found = compute_ratio(world.fit, "arch", "sparse", "dense", points=points, along=along)
    wanted, _ = arms(world, points)
    positive = world.fit.runs.columns.response.positive
    for place in range(len(points)):
        times, point = rows(found)[:, place], points.iloc[[place]].assign(arch="sparse")
        for draw in range(len(wanted))[FEW]:
            reached = times[draw]
            if np.isfinite(reached) and reached > 0:
                there = worlds.expected(world, moved(world, point, reached))[draw, 0]
                assert there == pytest.approx(wanted[draw, place], rel=1e-8, abs=1e-8)
                between = worlds.expected(world, moved(world, point, reached**0.5))[draw, 0]
                here = worlds.expected(world, point)[draw, 0]  # and nowhere nearer
                assert (between - wanted[draw, place]) * (here - wanted[draw, place]) > 0 or reached == 1.0
            else:
                end = worlds.expected(world, moved(world, point, 1e6 if reached else 1e-6))[draw, 0]
                assert np.isnan(reached) or (end > wanted[draw, place]) == np.isinf(reached)
                assert not np.isnan(reached) or np.isnan(end) or (positive and wanted[draw, place] <= 0)
    table = summarize(found)
    there = np.where(np.isfinite(rows(found)) & (rows(found) > 0), rows(found), np.nan)
    if not np.isnan(there).all(axis=0).any():
        np.testing.assert_allclose(table["q50"], np.nanquantile(there, 0.5, axis=0))
    np.testing.assert_allclose(table["p_never_reached"], np.isinf(rows(found)).mean(axis=0))


def check_crossover(world: World) -> None:
    points = own_rows(world).head(1)
    lead = "compute" if world.along is None else next(iter(world.along))
    power = 1.0 if world.along is None else world.along[lead]
    below = float(points[lead].max()) * 1e5
    found = bs.crossover(world.fit, *ARMS, points=points, below=below, along=world.along)
    one, other = arms(world, points)
    np.testing.assert_array_equal(rows(found["a_ahead"]), one < other)
    positive = world.fit.runs.columns.response.positive
    for place in range(len(points)):
        point = points.iloc[[place]]
        reach = np.log(below / point[lead].iloc[0]) / power
        for draw in range(len(one))[FEW]:
            alone = one_draw(world, draw) if worlds_known(world) else world
            index = 0 if alone is not world else draw

            def gap(log: float, alone: World = alone, index: int = index, point: pd.DataFrame = point) -> float:
                a, b = (of[index, 0] for of in arms(alone, moved(world, point, np.exp(log))))
                return np.nan if positive and min(a, b) <= 0 else a - b

            expected = solved(gap, np.linspace(0, reach, 17))
            crossing = rows(found["crossing"])[draw, place]
            assert np.isnan(crossing) == np.isnan(expected)
            assert np.isnan(expected) or crossing == pytest.approx(point[lead].iloc[0] * np.exp(power * expected), rel=1e-6)
    np.testing.assert_array_equal(rows(found["exists"]), np.isfinite(rows(found["crossing"])))
    assert not (found["exists"] & found["unknown"]).any()


def worlds_known(world: World) -> bool:
    """Return whether no level is new: effects of new levels go with the number of the draw."""
    return "books" not in set(world.points.get("corpus", ()))


def check_decompose(world: World) -> None:
    found = decompose(world.fit, world.points)
    law, centre = worlds.law(world, world.points), worlds.expected(world, world.points)
    on_scale = np.log if world.on_log else np.asarray
    np.testing.assert_allclose(rows(found["law"]), on_scale(law), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(rows(found["discrepancy"]), on_scale(centre) - on_scale(law), atol=1e-8)
    np.testing.assert_allclose(rows(found["run"]), rows(found["expected"]) + rows(found["noise"]), rtol=1e-9)
    run = rows(found["run"])
    if "size" not in world.fit.runs.levels:
        of = np.exp(run) if world.on_log else run
        assert worlds.uniform(worlds.shares_below(world, world.points, of, new_effects(world)))


def check_optimum(world: World) -> None:
    along = "params" if world.splits else next(iter(world.along or world.fit.runs.columns.inputs))
    points = own_rows(world).head(1)
    places = optimum(world.fit, points, along)
    seen = world.fit.runs.table[along]
    grid = np.geomspace(seen.min() / 30, seen.max() * 30, 33)
    with np.errstate(invalid="ignore"):
        losses = np.stack([worlds.expected(world, points.assign(**{along: at}))[:, 0] for at in grid], axis=1)
    lowest = np.where(np.isnan(losses), np.inf, losses).argmin(axis=1)
    found, step = rows(places)[:, 0], np.log(grid[1] / grid[0])
    for place, at, loss in zip(found, lowest, losses, strict=True):
        if 2 < at < len(grid) - 3 and min(loss[at - 2], loss[at + 2]) > loss[at] + 1e-5:
            assert place == pytest.approx(grid[at], rel=2.1 * step)
        elif at in (0, len(grid) - 1):
            assert np.isnan(place) or abs(np.log(place / grid[at])) < step  # the bottom may lie just before an end
    band = tolerance(world.fit, points, along, below=0.01)
    np.testing.assert_array_equal(np.isnan(rows(band["low"])), np.isnan(rows(places)))


def frontier(world: World, points: pd.DataFrame, compute: float, draw: int) -> tuple[float, float]:
    """Return the size and the loss of a draw's best split, among very many."""
    sizes = np.geomspace(1e6, 1e13, 700)
    frame = points.loc[points.index.repeat(len(sizes))].reset_index(drop=True)
    frame = frame.assign(params=sizes, tokens=compute / (6 * sizes))
    losses = worlds.expected(world, frame)[draw]
    return float(sizes[losses.argmin()]), float(losses.min())


BUDGETS = [1e21, 1e22]


def check_compute_optimal(world: World) -> None:
    point = world.points.drop(columns=["params", "tokens"], errors="ignore").head(1)
    found = compute_optimal(world.fit, BUDGETS, point)
    for i, compute in enumerate(BUDGETS):
        for draw in range(120)[::60]:
            size, loss = frontier(world, point, compute, draw)
            assert rows(found["loss"])[draw, i] == pytest.approx(loss, rel=2e-5)
            assert rows(found["params"])[draw, i] == pytest.approx(size, rel=0.08 if world.fit.model.discrepancy else 0.03)


def check_plan(world: World) -> None:
    point = world.points.drop(columns=["params", "tokens"], errors="ignore").head(1)
    found = bs.plan(world.fit, BUDGETS[0], point)
    sizes = np.geomspace(2e8, 2e11, 300)
    frame = point.loc[point.index.repeat(len(sizes))].reset_index(drop=True)
    mean = worlds.expected(world, frame.assign(params=sizes, tokens=BUDGETS[0] / (6 * sizes))).mean(axis=0)
    assert found.choice["params"].iloc[0] == pytest.approx(sizes[mean.argmin()], rel=0.04)
    at = point.assign(params=found.choice["params"].to_numpy(), tokens=found.choice["tokens"].to_numpy())
    if "size" not in world.fit.runs.levels:
        assert worlds.uniform(worlds.shares_below(world, at, rows(found.loss), new_effects(world)))
    table = found.to_frame(target=2.5)
    np.testing.assert_allclose(table["loss_q05"], np.quantile(rows(found.loss)[:, 0], 0.05))
    assert table["probability"].iloc[0] == pytest.approx((rows(found.loss) <= 2.5).mean())
    assert "nan" not in plan_sentence(found, target=2.5)


def check_compute_needed(world: World) -> None:
    point = world.points.drop(columns=["params", "tokens"], errors="ignore").head(1)
    target = float(worlds.expected(world, world.points.head(1)).mean()) * 0.97
    needed = bs.compute_needed(world.fit, target, point)
    middle = float(np.quantile(needed, 0.5, method="inverted_cdf"))
    assert bs.plan(world.fit, middle, point).probability(target)[0] == pytest.approx(0.5, abs=0.03)
    with pytest.raises(bs.InputError, match="no draw reaches"):
        bs.compute_needed(world.fit, 0.2, point)


def check_rank(world: World) -> None:
    arm = world.points.tail(1).drop(columns=["params", "tokens", "arch"], errors="ignore")
    points = arm.assign(compute=1e21) if world.splits else arm
    found = bs.rank(world.fit, "arch", "sparse", points)
    times, losses = (of.isel(row=0).sel(level="dense").to_numpy().ravel() for of in (found.compute_ratio, found.loss))
    if world.splits:
        for draw in range(120)[::60]:
            _, wanted = frontier(world, arm.assign(arch="dense"), 1e21, draw)
            assert losses[draw] == pytest.approx(wanted, rel=2e-5)
            if np.isfinite(times[draw]) and times[draw] > 0:
                _, reached = frontier(world, arm.assign(arch="sparse"), 1e21 * times[draw], draw)
                assert reached == pytest.approx(wanted, rel=1e-4)
    else:
        np.testing.assert_allclose(losses, arms(world, points)[0][:, 0], rtol=1e-10)
        both = compute_ratio(world.fit, "arch", "sparse", "dense", points=points)
        np.testing.assert_allclose(times, rows(both)[:, 0], rtol=1e-9)
    row = found.to_frame().iloc[0]
    against = found.loss.isel(row=0).sel(level="sparse").to_numpy().ravel()
    assert row["p_better"] == pytest.approx((losses < against).mean())
    assert row["change_percent_mean"] == pytest.approx(100 * (losses / against - 1).mean())
    assert row["p_never_reached"] == pytest.approx(np.isinf(times).mean())
    assert np.isfinite(row["multiplier_q95"]) or row["p_never_reached"] + row["p_always_reached"] == 1
    assert "nan" not in " ".join(rank_sentences(found))
    figure = plots.ranking_figure(found)
    figure.canvas.draw()


def check_next_runs(world: World) -> None:
    candidates = own_rows(world).drop(columns=["run", "run_id"], errors="ignore").assign(flop=1e20)
    candidates = candidates.assign(size=["small", "large", "small"]) if "size" in world.fit.runs.levels else candidates
    found = bs.next_runs(world.fit, candidates, world.question)
    asked = draw_estimand(world.fit, world.question).to_numpy().ravel()
    of, nu = worlds.draws(world), worlds.draws(world).get("noise_nu")
    centre = worlds.expected(world, candidates)
    shown = np.log(centre) if world.on_log else centre
    variance = worlds.scale(world, candidates) ** 2 * (1 if nu is None else ((nu + 3) / (nu + 1))[:, None])
    extra = (of["residual_sd_run"] ** 2).mean() if "residual_sd_run" in of else 0.0
    if "noise_white" in of:  # candidates are single places: nothing of the process is averaged away
        variance = of["noise_sd"][:, None] ** 2 + of["noise_white"][:, None] ** 2 / world.fit.runs.table["count"].median()
    covariance = np.array([np.cov(asked, one)[0, 1] for one in shown.T])
    explained = covariance**2 / asked.var(ddof=1) / (shown.var(axis=0, ddof=1) + variance.mean(axis=0) + extra)
    told = -0.5 * np.log1p(-explained)
    measurable = told > 2 * found.least
    np.testing.assert_allclose(found.information[measurable], told[measurable], rtol=0.25 if extra else 1e-6)


def check_forecast(world: World) -> None:
    """A fit sure of itself: a row far beyond the log is the law's, with the scatter of a row."""
    along = "tokens" if world.splits else next(iter(world.fit.runs.columns.inputs))
    table = world.fit.runs.table
    run = str(table["run"].iloc[-1])
    own = table[table["run"].astype(str) == run]
    found = bs.forecast(world.fit, run, float(own[along].max() * 1e3))
    end = (
        own.tail(1)
        .drop(columns=["response", "measurement_error", "count", "mean_lag"], errors="ignore")
        .assign(**{along: own[along].max() * 1e3})
    )
    centre = np.median(worlds.expected(world, end))
    assert np.median(found.final) == pytest.approx(centre, rel=0.03)
    assert np.isfinite(found.final).all()


def check_score_points(world: World) -> None:
    held = world.fit.runs.table.iloc[[0, 7, -1]].reset_index(drop=True)
    found = score_points(world.fit, held)
    wide = new_effects(world)
    centre = worlds.expected(world, held)
    density = worlds.log_density(world, held)
    if isinstance(wide, np.ndarray):
        shared = np.sqrt(worlds.scale(world, held) ** 2 + wide[:, None] ** 2)
        density = stats.norm.logpdf(np.log(held["response"].to_numpy() / centre), 0, shared)
    score = np.log(np.exp(density).mean(axis=0))
    np.testing.assert_allclose(found["log_score"], score, atol=0.25 if isinstance(wide, np.ndarray) else 1e-8)
    for name, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
        at = np.tile(found[name].to_numpy(), (len(centre), 1))
        np.testing.assert_allclose(
            worlds.shares_below(world, held, at, wide).mean(axis=0), share, atol=0.19 if share == 0.5 else 0.08
        )
    np.testing.assert_allclose(found["error"], found["q50"] - held["response"])
    table = score_table(found).iloc[0]
    inside = (found["q05"] <= held["response"]) & (held["response"] <= found["q95"])
    assert table["coverage_90"] == pytest.approx(inside.mean())
    assert table["mae"] == pytest.approx(found["error"].abs().mean())
    positive = world.fit.runs.columns.response.positive
    relative = (found["q50"] / held["response"] - 1).abs().mean()
    assert table["are"] == pytest.approx(relative if positive else np.nan, nan_ok=True)


def seen(world: World) -> tuple[pd.DataFrame, Any]:
    """Return the rows of the fit, and what those of a run depart by."""
    table = world.fit.runs.table
    of = worlds.draws(world).get("residual_by_run")
    levels = list(world.fit.runs.levels.get("run", ()))
    return table, 0.0 if of is None else of[:, [levels.index(run) for run in table["run"]]]


def check_loo(world: World) -> None:
    import arviz_stats
    import xarray as xr

    table, shared = seen(world)
    density = worlds.log_density(world, table, shared).reshape(*worlds.SHAPE, -1)
    tree = {"posterior": world.fit.posterior, "log_likelihood": xr.Dataset({"y": (("chain", "draw", "row"), density)})}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimated shape parameter", UserWarning)
        by_hand = arviz_stats.loo(xr.DataTree.from_dict(tree), pointwise=True)
    np.testing.assert_allclose(loo(world.fit).elpd_i, by_hand.elpd_i, rtol=1e-6, atol=1e-8)


def check_compare(world: World) -> None:
    """Two models of which one is the other: the table holds the sums of both, whoever is asked."""
    fits = iter([world.fit, world.fit])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "fit", lambda *_: next(fits))
        patch.setattr(comparison, "refit", lambda one, runs, _: replace(one, runs=runs))
        lead = next(iter(world.fit.runs.columns.scales))
        largest = float(world.fit.runs.table[lead].max())
        found = bs.compare({"one": world.fit.model, "other": world.fit.model}, world.fit.runs, [f"{lead} < {largest!r}"])
    table = found.table.set_index("law")
    assert table.loc["one", "elpd_loo"] == pytest.approx(float(loo(world.fit).elpd))
    assert table.loc["one", "weight_loo"] == pytest.approx(0.5)
    points = found.points[found.points["law"] == "one"]
    held = points[list(world.fit.runs.table)].reset_index(drop=True)
    own = score_points(replace(world.fit, runs=subset(world.fit.runs, f"{lead} < {largest!r}")), held)
    np.testing.assert_allclose(points["log_score"], own["log_score"])


def check_findings(world: World) -> None:
    said = " ".join(one.sentence for one in bs.findings(world.fit))
    assert "nan" not in said
    assert "inf " not in said


def check_summaries(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontiers, "PER_DECADE", 2)
        said = summary_sentences(world.fit)
    assert said or world.fit.runs.columns.schedule is not None
    assert not any(word in " ".join(said) for word in ("nan", " inf", "None"))


def check_plots(world: World) -> None:
    table, shared = seen(world)
    ax = plots.plot_check(world.fit, Figure().subplots(), seed=2)
    draws = replicated(world.fit, table, 2).to_numpy().reshape(-1, len(table))
    assert worlds.uniform(worlds.shares_below(world, table, draws, shared if isinstance(shared, float) else shared[:, :]))
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    share = np.mean((low <= table["response"]) & (table["response"] <= high))
    assert f"90 % intervals {100 * share:.0f} %" in ax.get_title()
    x = next(iter(world.fit.runs.columns.scales)) if world.fit.runs.columns.schedule is None else "lr_sum"
    contrast = bs.contrast(world.fit, *ARMS, points=world.points)
    drawn = shown(plots.plot_contrast(contrast, x, Figure().subplots()))[0]
    one, other = arms(world, world.points)
    penalty = 100 * (one / other - 1) if "ratio" in contrast else one - other
    order = np.argsort(contrast[x].to_numpy())
    for share, values in drawn.quantiles.items():
        np.testing.assert_allclose(values, np.quantile(penalty, share, axis=0)[order], rtol=1e-6, atol=1e-9)


def check_report(world: World) -> None:
    plans, multiples = plan_budget(world.fit), multiplier_budget(world.fit)
    if world.splits:
        assert plans is not None
        row = plans.table.iloc[len(plans.table) // 2]
        point = pd.DataFrame({dim: [row[dim]] for dim in row.index if dim in world.fit.runs.levels and dim != "run"})
        again = bs.plan(world.fit, float(row["compute"]), point).to_frame().iloc[0]
        assert row["params"] == pytest.approx(again["params"], rel=1e-6)
        assert row["loss_q50"] == pytest.approx(again["loss_q50"], rel=1e-6)
    else:
        assert plans is None
    if multiples is not None:
        row = multiples.table.iloc[len(multiples.table) // 2]
        point = pd.DataFrame({"compute": [row["compute"]]})
        other = "sparse" if row["other"] == "dense" else "dense"
        found = summarize(compute_ratio(world.fit, "arch", str(row["other"]), other, point)).iloc[0]
        assert row["q50"] == pytest.approx(found["q50"], nan_ok=True)
        said = json.dumps([[fact.value, fact.range] for step in multiples.steps[""] for fact in step.facts])
        assert "nan" not in said
        assert "inf" not in said


ANSWERS = {name.removeprefix("check_"): of for name, of in list(globals().items()) if name.startswith("check_")}

SPLIT = "compute is split over the inputs"
ONE_INPUT = (
    "losses that fall below zero",
    "losses near and below zero",
    "law not defined everywhere",
    "schedule and its parts",
)
CORRELATED = ("correlated noise", "correlated and white, averaged rows")
REFUSED = {
    **{(answer, of): SPLIT for answer in ("compute_optimal", "plan", "compute_needed") for of in ONE_INPUT},
    **{(answer, of): "leaving one row out needs" for answer in ("loo", "compare") for of in CORRELATED},
    ("rank", "losses near and below zero"): "may be negative",
    ("rank", "schedule and its parts"): "along",
    ("forecast", "schedule and its parts"): "which of .* runs train along is not said",
}
"""Pairs that are refused, and what of the error names what is missing."""


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at fewer budgets than for people: what is between them is interpolated just the same."""
    monkeypatch.setattr(budget, "STEPS", 5)
    monkeypatch.setattr(targets, "BUDGETS", 33)


SOUGHT = {"crossover", "optimum", "rank", "compute_optimal", "compute_ratio", "compute_needed"}
"""Answers that are solved for, which under a discrepancy takes seconds each."""
WRITTEN = {"report", "summaries"}
"""Answers of many parts, which take a second each; some features will do where time is short."""


def takes_long(answer: str, feature: str) -> bool:
    return (answer in SOUGHT and "discrepancy" in feature) or (answer in WRITTEN and feature not in list(FEATURES)[:4])


PAIRS = [
    pytest.param(answer, feature, marks=pytest.mark.slow if takes_long(answer, feature) else ())
    for answer in ANSWERS
    for feature in FEATURES
]


@pytest.mark.parametrize(("answer", "feature"), PAIRS)
def test_an_answer_is_right_or_refused(answer: str, feature: str) -> None:
    if (answer, feature) in REFUSED:
        with pytest.raises(bs.InputError, match=REFUSED[answer, feature]) as caught:
            ANSWERS[answer](worlds.world(feature))
        assert "\n" not in str(caught.value)
    else:
        ANSWERS[answer](worlds.world(feature))
