"""How the priors of the study `learning_curve` are chosen, for curves of any kind and for each kind, with families left out.

    python benchmarks/curve_priors.py [--only DOMAIN] [--few N]    # writes curve_priors.csv, curve_priors_left_out.csv

Each curve is sampled once (`curve_sampling.py`). Up to its last point its posterior does not know `ahead`, which the points say
nothing of, so that every prior of it is scored with the same draws; other priors of slope and bend weigh the draws anew.

Scores are means over curves within families, then over families within domains, so that 94 curves of one domain do not choose
for all. A prior is judged on a family by what all others say.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from curve_sampling import CENTRE, DEGREES, SLOPE, WIDTH, Curve, curves
from learning_curves import GROUPS
from scipy.special import stdtr, stdtrit

TABLE = Path(__file__).with_suffix(".csv")
LEFT_OUT = "curve_priors_left_out.csv"
ROWS_A_CURVE, MOST_CURVES, OTHERS = 8.0, 3, 3.0
"""Held-out rows are alike: a curve is worth so many, a family so many curves at most, the mean of other kinds so many."""
LIKE_ONE = 0.5
"""Probability that a kind is like one of the others, not like their mean."""
STUDY_CURVES = 2.0
"""The study's own priors of slope and bend are worth so many curves of a kind."""
OWN = np.array([CENTRE[0], SLOPE[0]]), np.array([WIDTH[0], SLOPE[1]])
"""The study's own normal priors of bend and log slope: means and standard deviations."""
BEND, LOG_SLOPE = 0, 4
"""Where they are among the numbers of a curve."""
SHARES, LOCATIONS, SCALES, NUS = (
    (0.0, 0.05, 0.12, 0.3, 0.6, 0.9, 0.97),
    (-0.15, -0.05, 0.05, 0.3, 0.6),
    (0.15, 0.25, 0.35),
    (3, 5),
)
EDGES = np.linspace(-3.0, 2.5, 67)
"""Of cells of log ahead."""


@dataclass(frozen=True)
class Ahead:
    """A prior of what a curve still falls by: a share that goes flat, and a log-Student-t distribution of the others."""

    flat: float
    location: float
    scale: float
    nu: float

    def draws(self, count: int = 1_200) -> np.ndarray:
        """Return draws, in random order."""
        flat = round(self.flat * count)
        rest = np.exp(self.location + self.scale * stdtrit(self.nu, (np.arange(count - flat) + 0.5) / (count - flat)))
        return np.random.default_rng(0).permutation(np.concatenate([np.zeros(flat), rest]))

    def on_grid(self) -> np.ndarray:
        """Return the probability of going flat, then of each cell of log ahead."""
        below = stdtr(self.nu, (EDGES - self.location) / self.scale)
        below[[0, -1]] = 0.0, 1.0
        return np.append(self.flat, (1.0 - self.flat) * np.diff(below))


@dataclass(frozen=True)
class Shape:
    """Normal priors of bend and log slope."""

    bend: float
    bend_sd: float
    log_slope: float
    log_slope_sd: float


STUDY_AHEAD = Ahead(0.05, -0.05, 0.25, 5.0)
STUDY_SHAPE = Shape(OWN[0][0], OWN[1][0], OWN[0][1], OWN[1][1])
CANDIDATES = [Ahead(*of) for of in product(SHARES, LOCATIONS, SCALES, NUS)]


@cache
def grid_of_candidates() -> np.ndarray:
    """Return the candidates' probabilities on the grid, a row each."""
    return np.array([one.on_grid() for one in CANDIDATES])


def weights(curve: Curve, shape: Shape) -> np.ndarray:
    """Return weights of a curve's draws under other priors of bend and slope."""
    at = curve.numbers[:, [BEND, LOG_SLOPE]]
    mean, sd = np.array([shape.bend, shape.log_slope]), np.array([shape.bend_sd, shape.log_slope_sd])
    log = -0.5 * (((at - mean) / sd) ** 2 - ((at - OWN[0]) / OWN[1]) ** 2).sum(1)
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())


def reweighted(curve: Curve, shape: Shape, count: int) -> Curve:
    """Return a curve with so many of its draws, resampled for other priors of bend and slope."""
    kept = np.random.default_rng(3).choice(len(curve.level), count, p=weights(curve, shape))
    return replace(curve, level=curve.level[kept], fall=curve.fall[kept], scatter=curve.scatter[kept])


def shape_of(every: Sequence[Curve], rounds: int = 12) -> Shape:
    """Return the distribution over a kind's curves of bend and log slope, by expectation and maximisation.

    Only points up to the last of each curve are used; a family counts as `MOST_CURVES` curves at most, the study's own prior
    as `STUDY_CURVES`.
    """
    found, sizes = STUDY_SHAPE, pd.Series([one.family for one in every]).value_counts()
    share = np.array([min(1.0, MOST_CURVES / sizes[one.family]) for one in every])[:, None]
    for _ in range(rounds if every else 0):
        moments = np.array([_moments(one, found) for one in every])
        total = STUDY_CURVES + share.sum()
        mean = (STUDY_CURVES * OWN[0] + (share * moments[:, 0]).sum(0)) / total
        variance = (STUDY_CURVES * OWN[1] ** 2 + (share * (moments[:, 1] + (moments[:, 0] - mean) ** 2)).sum(0)) / total
        sd = np.sqrt(variance)
        found = Shape(mean[0], sd[0], mean[1], sd[1])
    return found


def _moments(curve: Curve, shape: Shape) -> np.ndarray:
    """Return mean and variance of bend and log slope under a prior of them."""
    weight, at = weights(curve, shape), curve.numbers[:, [BEND, LOG_SLOPE]]
    mean = weight @ at
    return np.array([mean, weight @ (at - mean) ** 2])


def log_densities(curve: Curve, shape: Shape) -> np.ndarray:
    """Return the mean log density of a curve's held-out rows for each candidate; `ahead` is integrated on its grid."""
    few = reweighted(curve, shape, 500)
    ahead = np.append(0.0, np.exp((EDGES[1:] + EDGES[:-1]) / 2.0))[:, None, None]
    density = np.exp(_log_t((few.log_y - few.level + ahead * few.fall), few.scatter[:, None])).mean(1)
    found = np.log(grid_of_candidates() @ density + 1e-300) - curve.log_y
    return np.asarray(found.mean(1) + np.log(curve.unit))


def _log_t(error: np.ndarray, scatter: np.ndarray) -> np.ndarray:
    """Return the log density of Student's t with 4 degrees of freedom, which is 3/8 at 0."""
    return np.asarray(np.log(0.375) - 2.5 * np.log1p((error / scatter) ** 2 / DEGREES) - np.log(scatter))


def scored(curve: Curve, ahead: np.ndarray) -> dict[str, float]:
    """Return a curve's scores by the published protocol, for draws from a prior of `ahead`."""
    each = ahead[np.random.default_rng(2).permutation(len(ahead))][:, None]
    middle = curve.level - each * curve.fall
    density = np.log(np.exp(_log_t(curve.log_y - middle, curve.scatter[:, None])).mean(0) + 1e-300)
    pit = stdtr(DEGREES, (curve.log_y - middle) / curve.scatter[:, None]).mean(0)
    error = np.median(middle, axis=0) - curve.log_y
    return {
        "rmsle": float(np.sqrt((error**2).mean())),
        "ll": float((density - curve.log_y).mean() + np.log(curve.unit)),
        "in_50": float(((pit > 0.25) & (pit < 0.75)).mean()),
        "in_90": float(((pit > 0.05) & (pit < 0.95)).mean()),
        "last": float(np.sqrt(((curve.last - curve.log_y) ** 2).mean())),
    }


def scores(every: Sequence[Curve], ahead: Ahead, shape: Shape = STUDY_SHAPE) -> pd.DataFrame:
    """Return a row of scores for each curve."""
    draws = ahead.draws()
    rows = [
        {"name": c.name, "domain": c.domain, "family": c.family} | scored(reweighted(c, shape, len(draws)), draws)
        for c in every
    ]
    return pd.DataFrame(rows)


def by_group(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over curves, of each published group and each domain."""
    numbers = table.drop(columns=["name", "family"])
    groups = numbers.assign(domain=numbers["domain"].map(GROUPS)).groupby("domain").mean(numeric_only=True)
    return pd.concat({"group": groups, "domain": numbers.groupby("domain").mean(numeric_only=True)})


def mean_of_kinds(table: pd.DataFrame) -> np.ndarray:
    """Return means of all candidates' log densities over curves within families, families within domains, and domains."""
    return np.asarray(table.groupby(level=["domain", "family"]).mean().groupby("domain").mean().mean())


def choose(every: Sequence[Curve], table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the scores of each domain, or family, by the candidate that is best on all others."""
    groups, picked, rows = table.index.get_level_values(by), [], []
    for of in groups.unique():
        best = CANDIDATES[int(mean_of_kinds(table[groups != of]).argmax())]
        picked.append(str(best))
        rows.append(scores([c for c in every if getattr(c, by) == of], best))
    print(f"\nwithout each {by}: {pd.Series(picked).value_counts().head(4).to_dict()}")
    return pd.concat(rows)


def _of_kind(table: pd.DataFrame, domain: str) -> np.ndarray:
    """Return the log likelihood of each candidate, given a kind's curves: of a family `MOST_CURVES` at most."""
    own = table[table.index.get_level_values("domain") == domain].groupby(level="family")
    return np.asarray(ROWS_A_CURVE * own.mean().mul(own.size().clip(upper=MOST_CURVES), axis=0).sum())


def _normalised(log: np.ndarray) -> np.ndarray:
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())


def weighed(table: pd.DataFrame, domain: str) -> np.ndarray:
    """Return the posterior probability of each candidate for a kind.

    Before its own curves are seen a kind is like one of the others, whichever, or like the mean of all; so that two curves of a
    kind that goes flat are enough to see which of the others it is like.
    """
    names = table.index.get_level_values("domain")
    one = np.mean([_normalised(_of_kind(table, other)) for other in names.unique() if other != domain], axis=0)
    mean = _normalised(OTHERS * mean_of_kinds(table[names != domain]))
    return _normalised(np.log(LIKE_ONE * one + (1.0 - LIKE_ONE) * mean) + _of_kind(table, domain))


def mixed(weight: np.ndarray) -> Ahead:
    """Return the candidates, weighed, as one: its share that goes flat, and the location, scale and nu of the rest."""
    flat, locations, scales, nus = np.array([(one.flat, one.location, one.scale, one.nu) for one in CANDIDATES]).T
    rest = weight * (1.0 - flat)
    rest /= rest.sum()
    location = float(rest @ locations)
    scale = float(np.sqrt(rest @ (scales**2 + (locations - location) ** 2)))
    return Ahead(float(weight @ flat), location, scale, float(1.0 / (rest @ (1.0 / nus))))


def shapes_by_kind(every: Sequence[Curve]) -> dict[str, Shape]:
    """Return the priors of slope and bend of each domain."""
    return {domain: shape_of([c for c in every if c.domain == domain]) for domain in dict.fromkeys(c.domain for c in every)}


def table_of(every: Sequence[Curve], shapes: dict[str, Shape]) -> pd.DataFrame:
    """Return the log densities of all candidates, a row for each curve."""
    names = pd.MultiIndex.from_tuples([(c.domain, c.family) for c in every], names=["domain", "family"])
    return pd.DataFrame([log_densities(c, shapes[c.domain]) for c in every], names)


def left_out(every: Sequence[Curve], table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return for each family the priors of its kind without it, and its scores by them.

    A family that is the only one of its kind has the study's own: nothing else is known of its kind.
    """
    rows, parts = [], []
    for domain, family in dict.fromkeys((c.domain, c.family) for c in every):
        own = [c for c in every if c.domain == domain and c.family != family]
        ahead = mixed(weighed(table[table.index.get_level_values("family") != family], domain)) if own else STUDY_AHEAD
        shape = shape_of(own)
        rows.append({"domain": domain, "family": family} | _row(ahead, shape))
        parts.append(scores([c for c in every if c.family == family], ahead, shape))
    return pd.DataFrame(rows), pd.concat(parts, ignore_index=True)


def _row(ahead: Ahead, shape: Shape) -> dict[str, float]:
    return {**asdict(ahead), **asdict(shape)}


def by_kind(table: pd.DataFrame, shapes: dict[str, Shape]) -> pd.DataFrame:
    """Return the priors of each kind, by all of its families."""
    sizes = table.index.to_frame(index=False).groupby("domain")["family"].agg(["nunique", "size"])
    rows = [{"domain": name} | _row(mixed(weighed(table, name)), shape) for name, shape in shapes.items()]
    return pd.DataFrame(rows).join(sizes.rename(columns={"nunique": "families", "size": "curves"}), on="domain")


def show(title: str, table: pd.DataFrame) -> None:
    """Print means over curves below a title."""
    print(f"\n{title}", by_group(table).round(4).to_string(), sep="\n", flush=True)


def main() -> None:
    """Sample each curve once, score all candidates, print what is chosen without each domain and each family, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="text in the domain's name; nothing is written")
    parser.add_argument(
        "--few", type=int, default=0, help="give only so many points of each curve, and score the study's prior"
    )
    chosen = parser.parse_args()
    every = curves(chosen.only, chosen.few)
    sizes = np.array([curve.size for curve in every])
    print(f"{len(every)} curves; effective sizes from {sizes.min():.0f}, median {np.median(sizes):.0f}")
    show("the study's", scores(every, STUDY_AHEAD))
    if chosen.few:
        return
    own = table_of(every, dict.fromkeys((c.domain for c in every), STUDY_SHAPE))
    for by in ("domain", "family") if not chosen.only else ():
        show(f"the best without each {by}", choose(every, own, by))
    if chosen.only:
        return
    shapes = shapes_by_kind(every)
    table = table_of(every, shapes)
    families, judged = left_out(every, table)
    show("by kind, without each family", judged)
    by_kind(table, shapes).round(4).to_csv(TABLE, index=False)
    families.round(4).to_csv(TABLE.with_name(LEFT_OUT), index=False)


if __name__ == "__main__":
    main()
