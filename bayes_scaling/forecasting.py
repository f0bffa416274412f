"""What an unfinished run will end at: the posterior of a fit, conditioned on the rows that a run has shown so far.

Let g be what the law says of the run at the rows seen and to come, on the scale of the noise, with the departures that a run of
its own draws; each draw of the fit has one. Rows show y = g + o + w, with the noise's correlated and white parts. Taking g for
normal over the draws, with their mean and covariance S, and R for the covariance of the noise in a draw,

    weight of a draw:  Normal(y; mean g, S + R)
    to come, in it:    g' + o' + (S' + R') (S + R)^-1 (y - g - o - w)                (Matheron's rule; primes: rows to come)

exact where the law's logarithm is linear in what is uncertain, at a fraction of the time of a refit. What the rows say about
the noise's scale, the law's parameters and the run's own departures all enters. A run that the fit has seen needs no more than
its noise carried on, draw by draw: S = 0.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling import checks
from bayes_scaling.distance import regions
from bayes_scaling.errors import InputError, listed
from bayes_scaling.evaluation import expected
from bayes_scaling.fitting import Fit
from bayes_scaling.health import Health, carried
from bayes_scaling.model import law_groups, model_inputs
from bayes_scaling.observing import FARTHEST, about, noise_covariance, white_scale
from bayes_scaling.paths import is_file
from bayes_scaling.prediction import QUANTILES, Kind, labelled
from bayes_scaling.runs import Columns, Runs, Table, read_points, read_runs, read_table
from bayes_scaling.schedules import DERIVED
from bayes_scaling.several import APART
from bayes_scaling.thinning import merged

MOST_ROWS = 40
"""Rows seen are averaged to so many at most before they are conditioned on."""

MOST_DRAWS = 2000
STEPS = 24
FURTHEST = 1e6
"""A run ends at most so many times further than it has come."""
"""Places of the path between the last row seen and the end."""

SURPRISING = 0.005
"""Runs that stray as few of the fit's would are said to be unlike them."""

JITTER = 1e-9
LEAST_NU = 3.0
"""Heavier tails than this have no usable variance; they are taken for these."""


@dataclass(frozen=True)
class Forecast:
    """What a run will show.

    path: draws of its loss at places from the last row seen to the end, the last point; dimensions chain, draw, point.
    seen: the rows conditioned on, a column for each input and group and `response`.
    along: the input along which it trains, and its unit.
    label: the run's name.
    surprise: the probability that a run of the fit's family strays from what the fit expects at least as far as these rows do.
    health: of the fit.
    """

    path: xr.DataArray
    seen: pd.DataFrame
    along: str
    unit: str
    label: str
    surprise: float
    health: Health | None = None

    @property
    def final(self) -> xr.DataArray:
        """Draws of the loss at the end; dimensions chain, draw."""
        return self.path.isel(point=-1)

    @property
    def unlike(self) -> str:
        """Say that the run is unlike those of the fit, where its rows lie further out than theirs would; else nothing."""
        if self.surprise >= SURPRISING:
            return ""
        return (
            f"of the fit's runs {self.surprise:.2%} would stray as far as {self.label} has: "
            "it is unlike them, and the band may be too narrow"
        )

    def probability(self, target: "float | Forecast") -> float:
        """Return the probability that the run ends below a loss, or below another run; the two are taken as independent."""
        own = np.sort(self.final.to_numpy().ravel())
        others = target.final.to_numpy().ravel() if isinstance(target, Forecast) else np.array([target])
        return float(np.searchsorted(own, others).mean() / len(own))


def forecast(fit: Fit, curve: Table, at: float | Table, *, kind: Kind = "observed", seed: int = 0) -> Forecast:
    """Return the posterior of what an unfinished run will show, given a fitted family of runs and its rows so far.

    curve: the log so far, with the columns of the fit's table (groups that the law does not vary over may be missing); or the
        name of a run that the fit has seen. The log is filtered, checked and averaged as the fit's runs were.
    at: where along the run it ends, in the unit of its column (tokens, steps); or a table of places to come, the end last, for
        inputs that change along the run. A planned schedule is such a table.
    kind: "observed" is what a row will show, as the fit's rows are; "expected" leaves out what single rows scatter by.

    Raises InputError as `read_runs` does, and where the log holds several runs, reaches beyond `at`, counts in another unit
    than the fit's runs, or carries the name of a run that the fit has seen.
    """
    along, seed = along_runs(fit), checks.seed(seed, "seed")
    known = isinstance(curve, str) and curve in set(fit.runs.table.get("run", pd.Series()).astype(str))
    seen = _known_rows(fit, str(curve)) if known else _read_seen(fit, curve)
    seen = seen.sort_values(along, ignore_index=True)
    label = str(seen["run"].iloc[-1])
    ahead = _ahead(fit, seen, curve, at, along)
    thin = _thinned(fit)
    frame = pd.concat([_fewer(seen, fit.runs.columns, along), ahead.assign(apart=0.0)], ignore_index=True)
    drawn, surprise = _conditioned(thin, frame, len(frame) - len(ahead), known=known, kind=kind, seed=seed)
    path = labelled(fit, drawn, ahead[[*model_inputs(fit.model), *(dim for dim in fit.runs.levels if dim in ahead)]])
    unit = fit.runs.columns.inputs[along].unit
    return Forecast(path, seen, along, unit, label, surprise, fit.health)


def along_runs(fit: Fit) -> str:
    """Return the input along which runs train."""
    columns = fit.runs.columns
    for said in (fit.model.noise.correlation, columns.curve, columns.average):
        if said is not None:
            return said.along
    inputs = list(fit.runs.columns.inputs)
    if len(inputs) > 1 and "tokens" not in inputs:
        raise InputError(f"which of {listed(inputs)} runs train along is not said: give the noise a correlation along it")
    return "tokens" if "tokens" in inputs else inputs[0]


def _known_rows(fit: Fit, label: str) -> pd.DataFrame:
    return fit.runs.table[fit.runs.table["run"].astype(str) == label]


def _read_seen(fit: Fit, curve: Table) -> pd.DataFrame:
    """Return the checked rows of a log, those of its columns that the law can do without filled in."""
    columns, source = fit.runs.columns, "the data frame" if isinstance(curve, pd.DataFrame) else str(curve)
    frame = _filled(fit, read_table(curve))
    runs = read_runs(frame, columns, source)
    if len(runs.levels.get("run", ["one"])) > 1:
        raise InputError(f"{source} holds the runs {listed(map(str, runs.levels['run']))}; expected the log of one")
    table = runs.table if "run" in runs.table else runs.table.assign(run=OWN)
    if "run" in fit.runs.levels and str(table["run"].iloc[0]) in set(map(str, fit.runs.levels["run"])):
        raise InputError(
            f"{source}: the fit has seen run {str(table['run'].iloc[0])!r}; give its name to carry it on from there, "
            "or the log another name where it is another run"
        )
    _check_unit(fit.runs, table, source)
    return table


OWN = "this run"


def _filled(fit: Fit, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a log with levels of its own for the run and for groups it does not say and the law has no need of."""
    needed = set(law_groups(fit.model)) - {"run"}
    parts = {part for dim, of in fit.runs.columns.dims.items() if dim not in needed for part in of}
    return frame.assign(**{part: OWN for part in sorted(parts) if part not in frame})


def _check_unit(runs: Runs, table: pd.DataFrame, source: str) -> None:
    """Raise InputError where a log lies so far from the runs that it must count in another unit."""
    for name in runs.columns.scales:
        low, high = runs.table[name].min(), runs.table[name].max()
        first, last = table[name].min(), table[name].max()
        if last * APART < low or first > high * APART:
            one = runs.columns.inputs[name]
            raise InputError(
                f"{source}: column {one.column!r} lies between {first:g} and {last:g}, that of the fit's runs between {low:g} "
                f"and {high:g} {one.unit}".rstrip()
                + "; does it count in the same unit?"
            )


def _ahead(fit: Fit, seen: pd.DataFrame, curve: Table, at: float | Table, along: str) -> pd.DataFrame:
    """Return the places to come, from the last row seen to the end."""
    last = seen.iloc[[-1]]
    own = last.drop(columns=["response", "count", "apart", "reading_error"], errors="ignore")
    if isinstance(at, int | float | np.number):
        if not (np.isfinite(at) and at >= last[along].iloc[0]):
            raise InputError(f"the run has reached {along} {last[along].iloc[0]:g}; expected an end beyond it, not {at:g}")
        if at > last[along].iloc[0] * FURTHEST:
            raise InputError(f"the run has reached {along} {last[along].iloc[0]:g}; {at:g} is over {FURTHEST:g} times as far")
        others = [name for name in fit.runs.columns.inputs if name != along]
        if moving := [name for name in others if (seen[name] != seen[name].iloc[0]).any()]:
            raise InputError(
                f"{listed(moving)} change along the run too: give the places to come as a table with their columns"
            )
        places = np.geomspace(float(last[along].iloc[0]), float(at), STEPS)
        return own.loc[own.index.repeat(STEPS)].assign(**{along: places})
    points = _planned(fit, own, curve, read_table(at))
    if points[along].min() < last[along].iloc[0]:
        reached = last[along].iloc[0]
        raise InputError(f"a place to come lies at {along} {points[along].min():g}; the run has reached {reached:g}")
    return points.sort_values(along, ignore_index=True)


def _planned(fit: Fit, own: pd.DataFrame, curve: Table, plan: pd.DataFrame) -> pd.DataFrame:
    """Return the places of a table, with what does not change along the run; a schedule goes on from that of the log."""
    columns, label = fit.runs.columns, own["run"].iloc[0]
    constant = {dim: own[dim].iloc[0] for dim in fit.runs.levels if not set(columns.dims[dim]) <= set(plan)}
    still = {name: own[name].iloc[0] for name, one in columns.inputs.items() if not {name, one.column} & set(plan)}
    if not any(columns.inputs[name].column in DERIVED for name in still):
        return read_points(plan.assign(**constant, **still), fit.runs, list(constant)).assign(run=label)
    if isinstance(curve, str) and not is_file(curve):
        raise InputError(f"the places to come of run {curve} need the columns {listed(still)}, see `schedule_inputs`")
    log = _filled(fit, read_table(curve))
    same = {name: log[name].iloc[0] for name in columns.read & set(log) - set(plan) if (log[name] == log[name].iloc[0]).all()}
    both = pd.concat([log, plan.assign(**same)], ignore_index=True).assign(**constant)
    return read_points(both, fit.runs, list(constant)).iloc[len(log) :].assign(run=label)


def _fewer(seen: pd.DataFrame, columns: Columns, along: str) -> pd.DataFrame:
    """Return the rows seen, averaged in bins of equal width in the logarithm where there are many."""
    alone = {"count": 1.0, "apart": 0.0}
    seen = seen.assign(**{name: of for name, of in alone.items() if name not in seen})
    if len(seen) <= MOST_ROWS:
        return seen
    at = np.log(seen[along])
    bins = np.floor((at - at.iloc[0]) / (at.iloc[-1] - at.iloc[0]) * (1 - 1e-9) * MOST_ROWS)
    return merged(seen, pd.Series(pd.factorize(bins)[0]), list(columns.dims) or ["run"], columns.scales, along)


def _thinned(fit: Fit) -> Fit:
    """Return a fit with every k-th of its draws, as many as a forecast needs."""
    posterior = fit.posterior
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // MOST_DRAWS)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior.isel(draw=slice(None, None, step))}))


def _conditioned(fit: Fit, frame: pd.DataFrame, n: int, *, known: bool, kind: Kind, seed: int) -> tuple[xr.DataArray, float]:
    """Return draws at the rows after the first n, given what those show, and how probably a run strays as far as they do.

    frame: rows seen, then rows to come.
    known: whether the fit has seen the run.
    """
    on_log = fit.model.noise.on == "log_loss"
    rng = np.random.default_rng([fit.settings.seed, seed])
    shared, scale = about(fit, frame, seed, new=False)
    centre = expected(fit, frame)
    with np.errstate(invalid="ignore", divide="ignore"):
        g = _rows((np.log(centre) if on_log else centre) + shared, centre)
    possible = np.isfinite(g).all(axis=1)
    if not possible.any():
        raise InputError(f"the law gives no loss at the rows of {frame['run'].iloc[0]}; expected inputs like the fit's runs")
    y = frame["response"].to_numpy()[:n]
    y = np.log(y) if on_log else y
    g = np.where(possible[:, None], g, y.mean())
    noise = noise_covariance(fit, frame, _tailed(fit, _rows(scale, centre)))
    white = white_scale(fit, frame)
    own = np.zeros_like(g) if white is None else _rows(white, centre)
    drawn = _draw(rng, noise)
    spread = np.zeros((g.shape[1], g.shape[1])) if known else np.cov(g[possible].T)
    joint = spread + noise
    inside = joint[:, :n, :n] + np.eye(n) * own[:, :n, None] ** 2
    inside += JITTER * np.trace(inside, axis1=1, axis2=2)[:, None, None] / n * np.eye(n)
    left = y - g[:, :n] - drawn[:, :n] - own[:, :n] * rng.standard_normal((len(g), n))
    update = (joint[:, n:, :n] @ np.linalg.solve(inside, left[..., None]))[..., 0]
    ahead = g[:, n:] + drawn[:, n:] + update
    if kind == "observed":
        ahead = ahead + own[:, n:] * rng.standard_normal(ahead.shape)
    off = y - (g[:, :n] if known else g[possible, :n].mean(axis=0))
    log, surprise = _densities(np.broadcast_to(off, (len(g), n)), inside)
    weights = possible * np.exp(0.0 if known else log - log[possible].max())
    weights = weights / weights.sum()
    ahead = ahead[_resampled(rng, weights)].reshape(*centre.shape[:2], -1)
    shown = np.exp(np.clip(ahead, -FARTHEST, FARTHEST)) if on_log else ahead
    return xr.DataArray(shown, dims=("chain", "draw", "row")), float(weights @ surprise)


def _rows(values: Any, like: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a draw a row."""
    return np.asarray(
        (values + xr.zeros_like(like)).transpose("chain", "draw", "row").to_numpy().reshape(-1, like.sizes["row"])
    )


def _tailed(fit: Fit, scale: np.ndarray) -> np.ndarray:
    """Return standard deviations of the scatter from its scales, a draw a row; heavy tails make them larger."""
    if "noise_nu" not in fit.posterior:
        return scale
    nu = np.maximum(fit.posterior["noise_nu"].to_numpy().ravel(), LEAST_NU)
    return scale * np.asarray(np.sqrt(nu / (nu - 2.0)))[:, None]


def _draw(rng: np.random.Generator, covariance: np.ndarray) -> np.ndarray:
    """Return one draw of each of many normals of mean 0."""
    size = covariance.shape[1]
    variance = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / size
    root = np.linalg.cholesky(covariance + JITTER * variance * np.eye(size))
    drawn: np.ndarray = (root @ rng.standard_normal((len(covariance), size, 1)))[..., 0]
    return drawn


def _densities(off: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log density of each draw's departures, but for a constant, and the probability of as large or larger ones."""
    from scipy import stats

    root = np.linalg.cholesky(covariance)
    squared = (np.linalg.solve(root, off[..., None])[..., 0] ** 2).sum(axis=1)
    log = -0.5 * squared - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return log, stats.chi2.sf(squared, off.shape[1])


def _resampled(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Return as many draws as there are weights, each as often as its weight says (systematic resampling)."""
    places = (np.arange(len(weights)) + rng.uniform()) / len(weights)
    found: np.ndarray = rng.permutation(np.searchsorted(np.cumsum(weights), places).clip(max=len(weights) - 1))
    return found


@carried
def forecast_table(found: Forecast) -> pd.DataFrame:
    """Return the path of a forecast as a table: inputs and groups of each place, mean, sd, quantiles of the loss, distance."""
    rows = found.path.stack(sample=("chain", "draw")).transpose("point", "sample").to_numpy()
    columns = {str(name): of.to_numpy() for name, of in found.path.coords.items() if of.dims == ("point",)}
    distance = columns.pop("distance")
    columns.pop("region")
    quantiles = dict(zip(QUANTILES, np.quantile(rows, list(QUANTILES.values()), axis=1), strict=True))
    bands = {"mean": rows.mean(axis=1), "sd": rows.std(axis=1, ddof=1)} | quantiles | {"distance": regions(distance)}
    return pd.DataFrame(columns | bands)


@carried
def forecast_sentence(found: Forecast, target: float | None = None) -> str:
    """Return what a forecast says in one sentence, with the probability of a target where one is given."""
    low, middle, high = np.quantile(found.final.to_numpy(), [0.05, 0.5, 0.95])
    end = float(found.path[found.along][-1])
    unit = str(found.path.attrs.get("units", ""))
    reached = float(found.seen[found.along].iloc[-1])
    said = (
        f"At {end:.4g} {found.unit or found.along} {found.label} will show {middle:.4g} {unit} (90 %: {low:.4g} to {high:.4g})"
        f", from {reached / end:.0%} of the way"
    )
    return said + (f"; below {target:g} with probability {found.probability(target):.2f}." if target is not None else ".")
