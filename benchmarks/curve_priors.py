"""How the priors of the study `learning_curve` are chosen: importance sampling of each curve, with families left out.

    python benchmarks/curve_priors.py [--only DOMAIN]      # prints tables, and writes curve_priors.csv: priors by kind of curve

Up to its last point a curve's posterior does not know `ahead`, which the points say nothing of. So each curve is sampled once,
and every prior of `ahead` is scored with these draws. Of the model of the study two things differ: scatter is normal up to the
last point, Student-t with 4 degrees of freedom beyond it, and neighbours are averaged where there are more than 30 rows (their
variance about a local line says the scatter). Level, discrepancy and, on a grid, the slope are integrated exactly; bend,
scatter and the discrepancy's amplitude and length are drawn from their prior, then twice about what was found: .15 s a curve.

Scores are means over curves within families, then over families within domains, so that 94 curves of one domain do not choose
for all. A prior is judged on a domain, or a family, by what was best on all others.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from learning_curves import DIVIDED, GROUPS
from sweeps import DATA

BINS, ROWS, KEPT, DRAWS, ROUNDS = 30, 60, 600, 1_200, 3
DEGREES = 4.0
TABLE = Path(__file__).with_suffix(".csv")
LEFT_OUT = "curve_priors_left_out.csv"
ROWS_A_CURVE, MOST_CURVES, OTHERS = 8.0, 3, 3.0
"""Held-out rows of a curve are alike: a curve is worth so many, a family so many curves, other kinds so many rows."""
FRACTION, AT_LEAST = 0.13, 6
CENTRE = np.array([-0.2, np.log(0.01), np.log(2.0), np.log(0.006)])
WIDTH = np.array([0.4, np.log(3.2) / 1.645, np.log(2.3) / 1.645, np.log(8.0) / 1.645])
"""Normal priors of bend, log amplitude, log length and log scatter."""
SLOPE = (np.log(0.1), np.log(5.2) / 1.645)


@dataclass(frozen=True)
class Points:
    """Averages of neighbours: u = log(x / x_last), log y, how many, and the sum of squares about local lines."""

    u: np.ndarray
    y: np.ndarray
    count: np.ndarray
    squares: float
    freedom: int


@dataclass(frozen=True)
class Curve:
    """A curve's draws at its held-out rows: log y = level - ahead * fall + scatter * t."""

    name: str
    domain: str
    family: str
    log_y: np.ndarray
    unit: float
    last: float
    level: np.ndarray
    fall: np.ndarray
    scatter: np.ndarray
    size: float
    never_rises: bool


def binned(u: np.ndarray, y: np.ndarray) -> Points:
    """Return rows as they are, or, of many, averages over equal parts of log x."""
    if len(u) <= BINS:
        return Points(u, y, np.ones(len(u)), 0.0, 0)
    part = np.minimum(((u - u[0]) / (u[-1] - u[0]) * BINS).astype(int), BINS - 1)
    found, squares, freedom = [], 0.0, 0
    for of in np.unique(part):
        at, of_y = u[part == of], y[part == of]
        found.append((at.mean(), of_y.mean(), len(at)))
        if len(at) > 2 and np.ptp(at) > 0:
            squares += float(((of_y - np.polyval(np.polyfit(at, of_y, 1), at)) ** 2).sum())
            freedom += len(at) - 2
    return Points(*np.array(found).T, squares, freedom)


def _matern(apart: np.ndarray, amplitude: np.ndarray, length: np.ndarray) -> np.ndarray:
    z = np.sqrt(5.0) * np.abs(apart) / length[:, None, None]
    return np.asarray(amplitude[:, None, None] ** 2 * (1.0 + z + z**2 / 3.0) * np.exp(-z))


def bent(u: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return (e^(bend u) - 1) / bend, a row for each draw."""
    bend = np.where(np.abs(bend) < 1e-6, 1e-6, bend)[:, None]
    return np.asarray(np.expm1(bend * u) / bend)


def _solved(points: Points, at: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return, for draws of four numbers, log likelihood, slopes on a grid with log weights, and what they were solved by."""
    bend, amplitude, length, scatter = at[:, 0], *np.exp(at[:, 1:]).T
    kernel = _matern(points.u[:, None] - points.u, amplitude, length)
    kernel = kernel + np.eye(len(points.u)) * (scatter[:, None, None] ** 2 / points.count + 1e-12)
    root = np.linalg.cholesky(kernel)
    ones, values = np.ones((len(at), len(points.u))), np.broadcast_to(points.y, (len(at), len(points.u)))
    columns = np.stack([ones, bent(points.u, bend), values], -1)
    white = np.linalg.solve(root, columns)
    gram = np.swapaxes(white, 1, 2) @ white
    ones = gram[:, 0, 0]
    c = gram[:, 1, 1] - gram[:, 0, 1] ** 2 / ones
    b = gram[:, 1, 2] - gram[:, 0, 1] * gram[:, 0, 2] / ones
    a = gram[:, 2, 2] - gram[:, 0, 2] ** 2 / ones
    c = np.maximum(c, 1e-12)
    best, wide = -b / c, 1.0 / np.sqrt(c)
    near = best[:, None] + wide[:, None] * np.linspace(-5.0, 5.0, 41)
    grid = np.sort(np.concatenate([np.maximum(near, 1e-6), np.broadcast_to(np.geomspace(1e-4, 8.0, 80), (len(at), 80))], 1), 1)
    log_slope = -0.5 * ((np.log(grid) - SLOPE[0]) / SLOPE[1]) ** 2 - np.log(grid)
    value = log_slope - 0.5 * (a[:, None] + 2.0 * b[:, None] * grid + c[:, None] * grid**2)
    value += np.log(np.gradient(grid, axis=1) + 1e-300)
    top = value.max(1)
    total = top + np.log(np.exp(value - top[:, None]).sum(1))
    total += -np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1) - 0.5 * np.log(ones)
    total += -points.freedom * np.log(scatter) - 0.5 * points.squares / scatter**2
    return total, grid, value, root, white, gram


def _log_prior(at: np.ndarray) -> np.ndarray:
    return np.asarray(-0.5 * (((at - CENTRE) / WIDTH) ** 2).sum(1) - np.log(WIDTH).sum() - 2.0 * np.log(2.0 * np.pi))


def _student(at: np.ndarray, centre: np.ndarray, root: np.ndarray, nu: float = 5.0) -> np.ndarray:
    from math import lgamma

    z = np.linalg.solve(root, (at - centre).T)
    d = len(centre)
    known = lgamma((nu + d) / 2) - lgamma(nu / 2) - d / 2 * np.log(nu * np.pi) - np.log(np.diag(root)).sum()
    return np.asarray(known - (nu + d) / 2 * np.log1p((z**2).sum(0) / nu))


def sampled(points: Points, ahead: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return draws of level and discrepancy, of the fall and of the scatter; and their effective number."""
    ats = [CENTRE + WIDTH * random.standard_normal((DRAWS, 4))]
    proposals: list[Callable[[np.ndarray], np.ndarray]] = [_log_prior]
    kept = [_solved(points, ats[0])[0]]
    for _ in range(ROUNDS - 1):
        at, likelihood = np.concatenate(ats), np.concatenate(kept)
        weight = _weights(at, likelihood, proposals)
        mean = weight @ at
        spread = (at - mean).T @ ((at - mean) * weight[:, None])
        size = 1.0 / (weight**2).sum()
        share = size / (size + 8.0)
        root = np.linalg.cholesky(share * 1.3 * spread + (1.0 - share) * np.diag((0.5 * WIDTH) ** 2))
        proposals.append(lambda x, mean=mean, root=root: _student(x, mean, root))
        step = random.standard_normal((DRAWS, 4)) * np.sqrt(5.0 / random.chisquare(5.0, (DRAWS, 1)))
        ats.append(mean + step @ root.T)
        kept.append(_solved(points, ats[-1])[0])
    at, likelihood = np.concatenate(ats), np.concatenate(kept)
    weight = _weights(at, likelihood, proposals)
    at = at[random.choice(len(at), KEPT, p=weight)]
    _, grid, value, root, white, gram = _solved(points, at)
    share = np.exp(value - value.max(1, keepdims=True)).cumsum(1)
    pick = (share < share[:, -1:] * random.uniform(size=(KEPT, 1))).sum(1)
    slope = grid[np.arange(KEPT), np.minimum(pick, grid.shape[1] - 1)]
    return *_beyond(points, ahead, at, slope, root, white, gram, random), float(1.0 / (weight**2).sum())


def _weights(at: np.ndarray, likelihood: np.ndarray, proposals: Sequence[Callable[[np.ndarray], np.ndarray]]) -> np.ndarray:
    proposed = np.logaddexp.reduce([of(at) for of in proposals], axis=0) - np.log(len(proposals))
    ratio = likelihood + _log_prior(at) - proposed
    weight = np.exp(ratio - ratio.max())
    return np.asarray(weight / weight.sum())


def _beyond(
    points: Points,
    ahead: np.ndarray,
    at: np.ndarray,
    slope: np.ndarray,
    root: np.ndarray,
    white: np.ndarray,
    gram: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bend, amplitude, length, scatter = at[:, 0], *np.exp(at[:, 1:]).T
    ones = gram[:, 0, 0]
    level = (gram[:, 0, 2] + slope * gram[:, 0, 1]) / ones + random.standard_normal(len(at)) / np.sqrt(ones)
    left = white[:, :, 2] + slope[:, None] * white[:, :, 1] - level[:, None] * white[:, :, 0]
    cross = np.linalg.solve(root, _matern(points.u[:, None] - ahead, amplitude, length))
    mean = level[:, None] + np.einsum("dn,dnr->dr", left, cross)
    variance = np.maximum(amplitude[:, None] ** 2 - (cross**2).sum(1), 0.0)
    # Rows are scored one by one: what they share beyond the last point need not be drawn together.
    shared = random.standard_normal((len(at), 1))
    return mean + shared * np.sqrt(variance), slope[:, None] * bent(ahead, bend), scatter


def curves(only: str, few: int = 0) -> list[Curve]:
    """Return the draws of each curve; of so few of its points up to the last, where `few` is given."""
    table = pd.read_csv(DATA / "fleet_curves.csv.gz", encoding="utf-8")
    found = []
    for name, curve in table[table["domain"].str.contains(only)].groupby("run_id"):
        curve = curve.sort_values("x", kind="stable")
        train = (curve["split"] == "train").to_numpy()
        x, y = curve["x"].to_numpy(), curve["y"].to_numpy()
        known = x[train]
        near = known >= min(FRACTION * known.max(), np.sort(known)[-min(AT_LEAST, len(known))])
        near = spread(np.log(known), few) if few else near
        u = np.log(x / known.max())
        points = binned(u[train][near], np.log(y[train])[near])
        held = np.flatnonzero(~train)
        held = held[np.unique(np.linspace(0, len(held) - 1, ROWS).astype(int))]
        drawn = sampled(points, u[held], np.random.default_rng(1))
        domain = str(curve["domain"].iloc[0])
        unit = float(y[train].max()) if domain in DIVIDED else 1.0
        last = float(np.log(y[train][-1]))
        rises = bool((np.diff(y[train]) <= 0).all())
        family = str(curve["task_family"].iloc[0])
        found.append(Curve(str(name), domain, family, np.log(y[held]), unit, last, *drawn, rises))
    return found


def spread(at: np.ndarray, few: int) -> np.ndarray:
    """Return which of ordered places are few, about evenly far apart over the last two e-folds, the last among them."""
    wanted = at[-1] - np.linspace(min(2.0, np.ptp(at)), 0.0, few)
    found = np.zeros(len(at), dtype=bool)
    found[np.abs(at[:, None] - wanted).argmin(0)] = True
    return found


def scored(curve: Curve, ahead: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    """Return a curve's scores by the published protocol, for draws from a prior of `ahead`."""
    from scipy.special import stdtr

    each = ahead[random.permutation(len(ahead))][:, None]
    times = -(-len(ahead) // len(curve.level))
    level, fall, scatter = (np.concatenate([of] * times)[: len(ahead)] for of in (curve.level, curve.fall, curve.scatter))
    middle = level - each * fall
    z = (curve.log_y - middle) / scatter[:, None]
    log_t = np.log(0.375) - 2.5 * np.log1p(z**2 / DEGREES) - np.log(scatter)[:, None]  # t with 4 degrees of freedom: 3/8 at 0
    density = np.logaddexp.reduce(log_t, axis=0) - np.log(len(z))
    pit = stdtr(DEGREES, z).mean(0)
    error = np.median(middle, axis=0) - curve.log_y
    return {
        "rmsle": float(np.sqrt((error**2).mean())),
        "ll": float((density - curve.log_y).mean() + np.log(curve.unit)),
        "in_50": float(((pit > 0.25) & (pit < 0.75)).mean()),
        "in_90": float(((pit > 0.05) & (pit < 0.95)).mean()),
        "last": float(np.sqrt(((curve.last - curve.log_y) ** 2).mean())),
    }


def prior_draws(share: float, location: float, scale: float, nu: float, count: int = 1_200) -> np.ndarray:
    """Return draws of what a curve still falls by: a share of zeros, and a log-Student-t distribution."""
    from scipy.special import stdtrit

    flat = round(share * count)
    rest = np.exp(location + scale * stdtrit(nu, (np.arange(count - flat) + 0.5) / (count - flat)))
    return np.random.default_rng(0).permutation(np.concatenate([np.zeros(flat), rest]))


def priors() -> dict[str, np.ndarray]:
    """Return the candidates: share that goes flat, and location, scale and degrees of freedom of the rest."""
    every = product((0.0, 0.05, 0.12, 0.3, 0.6, 0.9), (-0.15, -0.05, 0.05, 0.3, 0.6), (0.15, 0.25, 0.35), (3.0, 5.0))
    return {f"{share:.0%} flat, {at} {scale} {nu:.0f}": prior_draws(share, at, scale, nu) for share, at, scale, nu in every}


def averaged(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over curves within families, then over families, a row for each domain."""
    return table.groupby(["domain", "family"]).mean(numeric_only=True).groupby("domain").mean()


def choose(scores: Mapping[str, pd.DataFrame], by: str) -> pd.DataFrame:
    """Return the scores of each domain, or family, by the prior that is best on all others."""
    names, base = list(scores), next(iter(scores.values()))
    picked, rows = [], []
    for of in base[by].unique():
        rest = base[by] != of
        value = {name: averaged(scores[name][rest])["ll"].mean() for name in names}
        best = max(names, key=value.__getitem__)
        picked.append(best)
        rows.append(scores[best][~rest])
    told = pd.Series(picked).value_counts().head(4).to_dict()
    print(f"\nwithout each {by}: {told}")
    return pd.concat(rows)


def weighed(scores: Mapping[str, pd.DataFrame], domain: str, without: str = "") -> np.ndarray:
    """Return the posterior probability of each candidate for a domain, given its curves, and the mean of other domains.

    log w = OTHERS mean over other domains of their log density + ROWS_A_CURVE sum over its curves of theirs

    Parameters
    ----------
    without
        A family that is left out.
    """
    found = []
    for table in scores.values():
        kept = table[table["family"] != without]
        other = averaged(kept[kept["domain"] != domain])["ll"].mean()
        of = kept[kept["domain"] == domain].groupby("family")["ll"].agg(["mean", "size"])
        found.append(OTHERS * other + ROWS_A_CURVE * float((of["mean"] * of["size"].clip(upper=MOST_CURVES)).sum()))
    weight = np.exp(np.array(found) - max(found))
    return np.asarray(weight / weight.sum())


def mixed(scores: Mapping[str, pd.DataFrame], weight: np.ndarray) -> dict[str, float]:
    """Return the candidates, weighed, as one: its share that goes flat, and the location, scale and nu of the rest."""
    every = np.array([[float(part.rstrip("%")) for part in name.replace(" flat,", "").split()] for name in scores])
    rest = weight * (1.0 - every[:, 0] / 100.0)
    rest /= rest.sum()
    location = float(rest @ every[:, 1])
    return {
        "flat": float(weight @ every[:, 0]) / 100.0,
        "location": location,
        "scale": float(np.sqrt(rest @ (every[:, 2] ** 2 + (every[:, 1] - location) ** 2))),
        "nu": float(1.0 / (rest @ (1.0 / every[:, 3]))),
    }


def by_domain(scores: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the prior of each domain, and for each family that of its domain without it."""
    base = next(iter(scores.values()))
    families = base[["domain", "family"]].drop_duplicates()
    rows = [
        {"domain": domain}
        | mixed(scores, weighed(scores, str(domain)))
        | {"families": of["family"].nunique(), "curves": int((base["domain"] == domain).sum())}
        for domain, of in families.groupby("domain")
    ]
    left_out = [
        {"domain": domain, "family": family} | mixed(scores, weighed(scores, domain, family))
        for domain, family in families.itertuples(index=False)
    ]
    return pd.DataFrame(rows), pd.DataFrame(left_out)


def judged(every: Sequence[Curve], left_out: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of each family by the prior of its domain without it."""
    ahead = {one.family: prior_draws(one.flat, one.location, one.scale, one.nu) for one in left_out.itertuples()}
    parts = [table_of([curve for curve in every if curve.family == family], draws) for family, draws in ahead.items()]
    return pd.concat(parts, ignore_index=True)


def by_group(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over curves, of each published group and each domain."""
    numbers = table.drop(columns=["name", "family"])
    groups = numbers.assign(domain=numbers["domain"].map(GROUPS)).groupby("domain").mean(numeric_only=True)
    return pd.concat({"group": groups, "domain": numbers.groupby("domain").mean(numeric_only=True)})


def table_of(every: Sequence[Curve], ahead: np.ndarray) -> pd.DataFrame:
    """Return a row of scores for each curve."""
    rows = [
        {"name": c.name, "domain": c.domain, "family": c.family} | scored(c, ahead, np.random.default_rng(2)) for c in every
    ]
    return pd.DataFrame(rows)


def main() -> None:
    """Sample each curve once, score all candidates, and print what is chosen without each domain and each family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="text in the domain's name")
    parser.add_argument("--every", type=int, default=3, help="one of so many held-out rows that are kept")
    parser.add_argument(
        "--few", type=int, default=0, help="give only so many points of each curve, and score the study's prior"
    )
    chosen = parser.parse_args()
    every = [thinned(curve, chosen.every) for curve in curves(chosen.only, chosen.few)]
    sizes = np.array([curve.size for curve in every])
    print(f"{len(every)} curves; effective sizes from {sizes.min():.0f}, median {np.median(sizes):.0f}")
    shown = {"the study's": prior_draws(0.05, -0.05, 0.25, 5.0), "no share flat": prior_draws(0.0, -0.15, 0.25, 3.0)}
    for name, ahead in shown.items():
        print(f"\n{name}", by_group(table_of(every, ahead)).round(4).to_string(), sep="\n")
    if chosen.few:
        return
    scores = {name: table_of(every, ahead) for name, ahead in priors().items()}
    for by in ("domain", "family"):
        print(by_group(choose(scores, by)).round(4).to_string())
    kinds, left_out = by_domain(scores)
    print("\nby kind, weighed, without each family", by_group(judged(every, left_out)).round(4).to_string(), sep="\n")
    if not chosen.only:
        kinds.round(4).to_csv(TABLE, index=False)
        left_out.round(4).to_csv(TABLE.with_name(LEFT_OUT), index=False)


def thinned(curve: Curve, every: int) -> Curve:
    """Return a curve with fewer of its held-out rows."""
    keep = slice(None, None, every)
    return replace(curve, log_y=curve.log_y[keep], level=curve.level[:, keep], fall=curve.fall[:, keep])


if __name__ == "__main__":
    main()
