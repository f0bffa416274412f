"""How forecasts of a sweep's largest runs are judged: which runs are held out, what a forecast is worth, and tables of it.

    for split in splits(sweep):
        found = scores(forecast(split.train, split.held, sweep), split.held)

A forecast is draws of the log loss, a held-out run a row: one draw where it is a point, NaN in rows that it says nothing of.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from sweeps import Sweep

import bayes_scaling as bs
from bayes_scaling.validation.scores import crps

DEPTHS = {"upper third": 2 / 3, "upper half": 1 / 2, "all but ten": None}
"""What is held out -> the share of the range of log compute below which runs are trained on; None: the smallest ten."""
SMALLEST, REMAINING, FEWEST = 10, 5, 3
"""Runs of the deepest split to train on, and to be predicted at the least; runs to train on at the least in any."""
KEYS = ["family", "sweep", "depth", "method"]
REACHES = {"up to 0.25": 0.25, "0.25 to 0.5": 0.5, "0.5 to 1": 1.0, "1 to 2": 2.0, "over 2": np.inf}
"""Classes of compute past the largest training run, in decades, each up to its value."""


@dataclass(frozen=True)
class Forecast:
    """Draws of the log loss, a held-out run a row, and the log density at what was seen where the forecast has one.

    about: what else is to be kept of it, such as the seconds that it took.
    """

    draws: np.ndarray
    log_density: np.ndarray | None = None
    about: Mapping[str, object] = field(default_factory=dict)


class Split(NamedTuple):
    """Runs to train on and runs held out: params, tokens, loss, compute; of those held out also `within` and `decades`.

    within: whether the study's own filter keeps a held-out run.
    decades: of compute past the largest training run.
    """

    depth: str
    train: pd.DataFrame
    held: pd.DataFrame


type Method = Callable[[pd.DataFrame, pd.DataFrame, Sweep], Forecast | np.ndarray]


@cache
def study_filter() -> str:
    """Return the row filter of the bundled study."""
    found = bs.read_study("chinchilla").columns.where
    assert found is not None
    return found


def splits(sweep: Sweep) -> list[Split]:
    """Return the splits of a sweep, one a depth where it has runs enough; the study's filter is applied to training runs.

    Of runs with the same compute the smallest ten are those first in the table.
    """
    table = sweep.table.assign(compute=sweep.scale)
    within = table.eval(study_filter()).to_numpy(dtype=bool)
    found = []
    for depth, share in DEPTHS.items():
        if share is None:
            chosen = np.flatnonzero(within)[np.argsort(sweep.scale[within], kind="stable")[:SMALLEST]]
            train = np.isin(np.arange(len(table)), chosen)
            rest = ~train & (sweep.scale >= sweep.scale[train].max(initial=0.0))
            enough = train.sum() == SMALLEST and (rest & within).sum() >= REMAINING
        else:
            below = sweep.scale < sweep.below(share)
            train, rest = below & within, ~below
            enough = train.sum() >= FEWEST and (rest & within).any()
        if enough:
            past = np.log10(sweep.scale[rest] / sweep.scale[train].max())
            held = table[rest].assign(within=within[rest], decades=past)
            found.append(Split(depth, table[train].reset_index(drop=True), held.reset_index(names="row")))
    return found


def scores(forecast: Forecast | np.ndarray, log_loss: np.ndarray) -> pd.DataFrame:
    """Return one row a held-out run: quantiles of its log loss, CRPS, log score, error of the median, in 50 and 90 % bands.

    error is relative to the loss and signed. Bands of a point forecast hold nothing that can be counted, and are NaN; so is all
    of a run that the forecast says nothing of.
    """
    of = forecast if isinstance(forecast, Forecast) else Forecast(forecast)
    draws = np.sort(of.draws, axis=1)
    q05, q25, q50, q75, q95 = np.quantile(draws, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    silent = ~np.isfinite(draws).all(axis=1)
    banded = ~silent & (draws.shape[1] > 1)
    found = {"log_loss": log_loss, "q05": q05, "q25": q25, "q50": q50, "q75": q75, "q95": q95}
    found |= {
        "crps": np.where(silent, np.nan, crps(draws, log_loss)),
        "log_score": np.full(len(log_loss), np.nan) if of.log_density is None else of.log_density,
        "error": np.where(silent, np.nan, np.expm1(q50 - log_loss)),
        "in_50": np.where(banded, (q25 <= log_loss) & (log_loss <= q75), np.nan),
        "in_90": np.where(banded, (q05 <= log_loss) & (log_loss <= q95), np.nan),
    }
    return pd.DataFrame(found)


def judged(methods: Mapping[str, Method], sweep: Sweep, split: Split) -> pd.DataFrame:
    """Return the scores of several methods on one split, a method and held-out run a row."""
    about = split.held[["row", "params", "tokens", "loss", "within", "decades"]]
    seen = np.log(split.held["loss"].to_numpy())
    parts = []
    for name, method in methods.items():
        forecast = method(split.train, split.held, sweep)
        label: dict[str, object] = dict(zip(KEYS, (sweep.family, sweep.name, split.depth, name), strict=True))
        label |= {"trained": len(split.train)} | dict(forecast.about if isinstance(forecast, Forecast) else {})
        parts.append(pd.concat([about, scores(forecast, seen)], axis=1).assign(**label))
    return pd.concat(parts, ignore_index=True)


def summary(points: pd.DataFrame, by: Sequence[str] = KEYS) -> pd.DataFrame:
    """Return the scores of held-out runs by some columns: means over the runs that a method says something of.

    n, runs predicted; silent, runs that it says nothing of; bias, the mean relative error; are, that of its size.
    """
    grouped = points.assign(are=points["error"].abs(), silent=points["crps"].isna()).groupby(
        list(by), sort=False, observed=True
    )
    means = grouped[["crps", "log_score", "in_50", "in_90", "are", "error"]].mean().rename(columns={"error": "bias"})
    counts = pd.DataFrame({"n": grouped["crps"].count(), "silent": grouped["silent"].sum()})
    return counts.join(means).reset_index()


def ratios(points: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Return the CRPS of a method over that of each other, a sweep, depth and other method a row.

    Both on the runs that both predict; n, how many those are.
    """
    place = ["family", "sweep", "depth", "row"]
    mine = points.loc[points["method"] == ours, [*place, "crps"]]
    pairs = points[points["method"] != ours].merge(mine, on=place, suffixes=("", "_ours")).dropna(subset=["crps", "crps_ours"])
    grouped = pairs.groupby(KEYS, sort=False)
    found = grouped[["crps_ours", "crps"]].mean().assign(n=grouped.size())
    return found.assign(ratio=found["crps_ours"] / found["crps"]).reset_index()


def geometric(values: pd.Series) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.log(values).mean()))


def over_families(table: pd.DataFrame, column: str, mean: Callable[[pd.Series], float] = pd.Series.mean) -> float:
    """Return a mean over families of the means over each one's sweeps."""
    return float(mean(table.groupby("family")[column].apply(mean)))


def with_reach(points: pd.DataFrame) -> pd.DataFrame:
    """Return held-out runs with a class of their distance past the largest training run."""
    labels = np.array(list(REACHES))[np.searchsorted(list(REACHES.values()), points["decades"])]
    return points.assign(past=pd.Categorical(labels, list(REACHES), ordered=True))


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, with four decimals and empty cells for what there is not."""
    rounded = table.round(4).astype(object)
    return rounded.where(rounded.notna(), None).to_markdown(index=False, missingval="")
