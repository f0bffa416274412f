"""What others do to foretell the loss of larger runs, each as draws of the log loss of held-out runs.

    python benchmarks/rivals.py        # writes rivals.md and rivals.csv: their scores on every public sweep at three depths

- practice: Huber loss on the log loss from 200 starts, 200 bootstrap refits, residuals resampled for single runs (Hoffmann et
  al. 2022, app. D.3; Besiroglu et al. 2024).
- split conformal: the same fit to the smaller two thirds of the training runs; sizes of its errors on the largest third, which
  it did not see, are the band (Lei et al. 2018). "refitted": the band around the fit to all training runs.
- optimal power law: a line in log-log through the runs on the lower envelope of loss over compute, with the band of least
  squares; and with a floor, as the practice fits it. For runs near the optimal size only (`NEAR`).
- last two sizes: the line through the last run on that envelope and the last of another size with half its compute or less; a
  point.
- marin: of each budget a parabola of the loss in log tokens; L = 1.6 + A C^-a, its floor pinned, through their minima, with
  Student-t intervals of n - 2 degrees of freedom; the optimal tokens a power of compute (marin-community/marin,
  lib/marin/src/marin/scaling_laws/isoflop_analysis.py; issues 4447, 4697, 8096). Off the optimum, as far as runs trained on
  are, what is above the floor grows as on the last three budgets' parabolas: that is ours.
- OLMo ladder: Huber loss on the log loss from one start, by L-BFGS-B to the end, coefficients at or above zero; a point
  (Bhagia et al. 2024, arXiv:2412.04403; allenai/OLMo-ladder, src/scaling/fitting_functions.py).
- OLMo-core: the same loss weighted by the square root of compute, the best of a grid within bounds, 100 bootstrap refits and
  resampled residuals (allenai/OLMo-core, src/olmo_core/model_ladder/analysis/scaling_laws.py and its fitting script).
"""

import sys
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import practice
from judge import DEPTHS, KEYS, Forecast, Method, geometric, judged, markdown, over_families, ratios, splits, summary
from sweeps import Sweep, sweeps

HERE = Path(__file__).parent
STARTS, REFITS = 200, 200
LEVELS = (np.arange(400) + 0.5) / 400
"""Probabilities whose quantiles stand for a distribution."""
NEAR = np.log(2.0)
"""How far from the optimal number of parameters a run may be, in its logarithm, to be foretold by a law of optimal runs."""
ENVELOPE = 4
"""Runs that a power law is drawn through, at the least."""
FLOOR = 1.6
"""Nats/token that the loss is taken to fall to (marin)."""
BUCKET, WIDEST = np.log(1.1), np.log(1.7)
"""Runs whose compute differs by less are of one budget (marin); how far apart those of one budget may be counted as 6 N D."""
OLMO_REFITS = 100
OLMO_BOUNDS = (0.01, 2.0)
"""Of exponents."""


def logs_of(table: pd.DataFrame, sweep: Sweep) -> np.ndarray:
    """Return the logarithm of the inputs of a sweep's law, an input a row: size and tokens, or compute alone for a ladder."""
    names = ["params", "tokens"] if sweep.law == "chinchilla" else ["compute"]
    return np.ascontiguousarray(np.log(table[names].to_numpy().T))


def _log_loss(table: pd.DataFrame) -> np.ndarray:
    return np.ascontiguousarray(np.log(table["loss"].to_numpy()))


def _silence(held: pd.DataFrame) -> Forecast:
    return Forecast(np.full((len(held), 1), np.nan))


def _where(held: pd.DataFrame, rows: np.ndarray, draws: np.ndarray, log_density: np.ndarray | None = None) -> Forecast:
    """Return a forecast of some held-out runs, and silence on the others."""
    found = np.full((len(held), draws.shape[1]), np.nan)
    found[rows] = draws
    density = None
    if log_density is not None:
        density = np.full(len(held), np.nan)
        density[rows] = log_density
    return Forecast(found, density)


def field(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return the field's practice."""
    logs, seen = logs_of(train, sweep), _log_loss(train)
    return Forecast(practice.bootstrapped(logs, seen, logs_of(held, sweep), STARTS, REFITS)[1])


def conformal(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep, *, refitted: bool = False) -> Forecast:
    """Return a fit with a band of the sizes of its errors on the largest training runs, which it did not see.

    The probability of an error below the k-th smallest of m is k / (m + 1), and the largest stands for all beyond it.
    """
    ordered = train.sort_values("compute", kind="stable")
    count = max(FEWEST_ERRORS, len(ordered) // 3)
    small, large = ordered.iloc[: len(ordered) - count], ordered.iloc[len(ordered) - count :]
    if len(small) < 2 * len(logs_of(train, sweep)) + 1:
        return _silence(held)
    best = practice.resampled(logs_of(small, sweep), _log_loss(small), STARTS, 0)[0]
    errors = np.sort(np.abs(_log_loss(large) - practice.log_law(best, logs_of(large, sweep))))
    sizes = np.interp(LEVELS, np.arange(count + 1) / (count + 1), [0.0, *errors])
    if refitted:
        best = practice.resampled(logs_of(train, sweep), _log_loss(train), STARTS, REFITS)[0]
    middle = practice.log_law(best, logs_of(held, sweep))
    return Forecast(middle[:, None] + np.concatenate([-sizes[::-1], sizes]))


FEWEST_ERRORS = 3


def conformal_refitted(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return the band of `conformal` around the fit to all training runs."""
    return conformal(train, held, sweep, refitted=True)


def envelope(train: pd.DataFrame) -> pd.DataFrame:
    """Return the runs on the lower envelope of loss over compute: no run of as much compute or less has a lower loss."""
    ordered = train.sort_values(["compute", "loss"], kind="stable")
    lower = ordered["loss"] < ordered["loss"].cummin().shift(fill_value=np.inf)
    return ordered[lower].reset_index(drop=True)


def near_optimal(best: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> np.ndarray:
    """Return which held-out runs are near the optimal size, itself a power of compute through the runs of the envelope."""
    if sweep.law != "chinchilla":
        return np.ones(len(held), dtype=bool)
    line = np.polyfit(np.log(best["compute"]), np.log(best["params"]), 1)
    near: np.ndarray = np.abs(np.log(held["params"]) - np.polyval(line, np.log(held["compute"]))).to_numpy() <= NEAR
    return near


def _line(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return middle and scale of the Student-t that least squares predict for new points of a line, and its freedom."""
    slope, start = np.polyfit(x, y, 1)
    freedom = len(x) - 2
    scatter = np.sqrt(((y - start - slope * x) ** 2).sum() / freedom)
    spread = np.sqrt(1 + 1 / len(x) + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    return start + slope * at, np.maximum(scatter * spread, 1e-12), freedom


def power_law(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return a power law through compute-optimal runs, with the band of least squares."""
    from scipy.stats import t

    best = envelope(train)
    if len(best) < ENVELOPE:
        return _silence(held)
    rows = near_optimal(best, held, sweep)
    middle, scale, freedom = _line(np.log(best["compute"]), np.log(best["loss"]), np.log(held["compute"].to_numpy()[rows]))
    density = t.logpdf(_log_loss(held)[rows], freedom, middle, scale)
    return _where(held, rows, middle[:, None] + scale[:, None] * t.ppf(LEVELS, freedom), density)


def power_law_floor(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return a power law with a floor through compute-optimal runs, fitted and resampled as in the practice."""
    best = envelope(train)
    if len(best) < ENVELOPE:
        return _silence(held)
    rows = near_optimal(best, held, sweep)
    logs, asked = (np.ascontiguousarray(np.log(of["compute"].to_numpy())[None]) for of in (best, held[rows]))
    return _where(held, rows, practice.bootstrapped(logs, _log_loss(best), asked, STARTS, REFITS)[1])


def last_two(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return the line in log-log through two runs of the envelope: the last, and that of another size and half its compute."""
    best = envelope(train)
    other = best[(best["params"] != best["params"].iloc[-1]) & (best["compute"] <= best["compute"].iloc[-1] / 2)]
    if not len(other) or len(best) < 3:
        return _silence(held)
    two = pd.concat([other.iloc[-1:], best.iloc[-1:]])
    rows = near_optimal(best, held, sweep)
    line = np.polyfit(np.log(two["compute"]), np.log(two["loss"]), 1)
    return _where(held, rows, np.polyval(line, np.log(held["compute"].to_numpy()[rows]))[:, None])


def marin(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return the power law through the minima of parabolas, one a budget, with a pinned floor."""
    from scipy.stats import t

    from bayes_scaling.laws.units import loss_factor

    factor = loss_factor("nats/token", sweep.unit, None) if sweep.unit != "nats/token" else (1.0, 1.0)
    if factor is None or sweep.law != "chinchilla":
        return _silence(held)
    floor = FLOOR * factor[0]
    minima = [found for _, part in train.groupby(budgets(train["compute"])) if (found := _minimum(part))]
    compute, tokens, loss, curvature, low, high = np.array(minima).reshape(-1, 6).T
    if len(minima) < 3 or loss.min() <= floor:
        return _silence(held)
    x, at = np.log(held["compute"].to_numpy()), np.log10(held["tokens"].to_numpy())
    off = at - np.polyval(np.polyfit(compute, tokens, 1), x)
    rows = (off >= (low - tokens).min()) & (off <= (high - tokens).max())
    middle, scale, freedom = _line(compute, np.log(loss - floor), x[rows])
    above = np.exp(np.clip(middle[:, None] + scale[:, None] * t.ppf(LEVELS, freedom), -6.0, 3.0))
    bent = np.median((curvature / (loss - floor))[-3:])
    return _where(held, rows, np.log(floor + above * (1.0 + bent * off[rows, None] ** 2)))


def budgets(compute: pd.Series) -> pd.Series:
    """Return a label of each run's budget: those without a gap between them, in buckets where they reach too far."""
    logs = np.log(compute).sort_values()
    chain = (logs.diff() > BUCKET).cumsum()
    wide = logs.groupby(chain).transform(np.ptp) > WIDEST
    return (chain * 1000 + np.where(wide, np.round(logs / BUCKET), 0)).reindex(compute.index)


def _minimum(part: pd.DataFrame) -> tuple[float, ...] | None:
    """Return of a budget log compute, log10 tokens and loss at the parabola's minimum, its curvature, least and most tokens."""
    tokens = np.log10(part["tokens"].to_numpy())
    if len(np.unique(tokens)) < 3:
        return None
    a, b, c = np.polyfit(tokens, part["loss"], 2)
    lowest = -b / (2 * a) if a > 0 else np.inf
    if not tokens.min() - 0.3 < lowest < tokens.max() + 0.3:
        return None
    return float(np.log(part["compute"]).mean()), lowest, c - b**2 / (4 * a), a, tokens.min(), tokens.max()


def olmo_ladder(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return the point forecast of the OLMo ladder."""
    logs, seen = logs_of(train, sweep), _log_loss(train)
    first = {1: [3.0, 0.0, 0.1], 2: [3.0, 6.0, 0.0, 0.1, 0.2]}[len(logs)]
    bounds = [(0.0, None)] * len(logs) + [(None, None)] + [(0.0, None)] * len(logs)
    best = _bounded(np.array(first), logs, seen, np.ones(len(seen)), bounds)
    return Forecast(practice.log_law(best, logs_of(held, sweep))[:, None])


def olmo_core(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep) -> Forecast:
    """Return the forecast of OLMo-core: weighted, bounded, bootstrapped."""
    logs, seen = logs_of(train, sweep), _log_loss(train)
    if len(seen) < 5:
        return _silence(held)
    weight = np.sqrt(train["compute"].to_numpy())
    best, again = _weighted(logs.tobytes(), seen.tobytes(), (weight * len(weight) / weight.sum()).tobytes(), len(logs))
    curve = practice.log_law(again, logs_of(held, sweep)).T
    rng = np.random.default_rng(2)
    return Forecast(curve + rng.choice(seen - practice.log_law(best, logs), curve.shape))


@cache
def _weighted(logs_bytes: bytes, seen_bytes: bytes, weight_bytes: bytes, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    logs, seen, weight = (np.frombuffer(of) for of in (logs_bytes, seen_bytes, weight_bytes))
    logs, rng = logs.reshape(inputs, -1), np.random.default_rng(1)
    coefficients, exponents = np.log(np.linspace(1, 20, 4)), np.linspace(0.2, 0.8, 4)
    floors = np.log(np.maximum(np.linspace(0, np.exp(seen.min()), 4), 1e-2))
    grid = np.array(list(product(*[coefficients] * inputs, floors, *[exponents] * inputs)))
    chosen = rng.choice(grid, min(STARTS, len(grid)), replace=False)
    top, few = float(seen.min()), OLMO_BOUNDS
    bounds = [(-23.0, 23.0)] * inputs + [(None, top)] + [few] * inputs
    with np.errstate(all="ignore"):
        found, value = practice.fitted(chosen, logs, seen, weight)
        best = _within(found[np.argmin(value)], logs, seen, weight, bounds)
        counts = np.array([np.bincount(rng.integers(0, len(seen), len(seen)), minlength=len(seen)) for _ in range(OLMO_REFITS)])
        heavy = counts * weight
        again = practice.fitted(np.repeat(best[None], OLMO_REFITS, axis=0), logs, seen, heavy)[0]
        return best, np.array([_within(x, logs, seen, w, bounds) for x, w in zip(again, heavy, strict=True)])


type Bounds = list[tuple[float | None, float | None]]


def _within(x: np.ndarray, logs: np.ndarray, seen: np.ndarray, weight: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Return coefficients, found anew where they are out of bounds."""
    low = np.array([-np.inf if of is None else of for of, _ in bounds])
    high = np.array([np.inf if of is None else of for _, of in bounds])
    return x if ((low <= x) & (x <= high)).all() else _bounded(np.clip(x, low, high), logs, seen, weight, bounds)


def _bounded(x: np.ndarray, logs: np.ndarray, seen: np.ndarray, weight: np.ndarray, bounds: Bounds) -> np.ndarray:
    from scipy.optimize import minimize

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        return practice.huber(at, logs, seen, weight)

    tight = {"maxiter": 10_000, "maxfun": 20_000, "ftol": 0.0, "gtol": 1e-10}
    found: np.ndarray = minimize(objective, x, jac=True, method="L-BFGS-B", bounds=bounds, options=tight).x
    return found


RIVALS: dict[str, Method] = {
    "practice": field,
    "split conformal": conformal,
    "split conformal, refitted": conformal_refitted,
    "optimal power law": power_law,
    "optimal power law with floor": power_law_floor,
    "last two sizes": last_two,
    "marin": marin,
    "OLMo ladder": olmo_ladder,
    "OLMo-core": olmo_core,
}
"""The name of each in tables -> its forecast."""


def every(chosen: list[Sweep] | None = None) -> pd.DataFrame:
    """Return the scores of all rivals, a held-out run a row, of every sweep at every depth."""
    of = sweeps() if chosen is None else chosen
    return pd.concat([judged(RIVALS, sweep, split) for sweep in of for split in splits(sweep)], ignore_index=True)


def write(points: pd.DataFrame, path: Path) -> None:
    """Write the scores of sweeps, with and without the study's filter on held-out runs; over_practice, CRPS over that of it."""
    parts = []
    for name, part in {"study filter": points[points["within"]], "all": points}.items():
        ratio = (
            ratios(part, "practice")
            .rename(columns={"ratio": "over_practice"})
            .assign(over_practice=lambda of: 1 / of["over_practice"])
        )
        parts.append(summary(part).merge(ratio[[*KEYS, "over_practice"]], on=KEYS, how="left").assign(held=name))
    table = pd.concat(parts, ignore_index=True)
    table = table[[*KEYS, "held", *(name for name in table if name not in (*KEYS, "held"))]]
    table.to_csv(path, index=False, float_format="%.6g", encoding="utf-8")


def against_practice(points: pd.DataFrame) -> pd.DataFrame:
    """Return a depth and rival a row: coverage, errors, and CRPS over the practice's on the runs that both predict."""
    ratio = ratios(points, "practice").assign(over=lambda of: 1 / of["ratio"])
    order, rows = {depth: i for i, depth in enumerate(DEPTHS)}, []
    for (depth, method), part in sorted(points.groupby(["depth", "method"], sort=False), key=lambda of: order[of[0][0]]):
        each = summary(part).dropna(subset=["crps"])
        of = ratio[(ratio["depth"] == depth) & (ratio["method"] == method)]
        rows.append(
            {
                "held out": depth,
                "method": method,
                "runs": int(each["n"].sum()),
                "silent": int(part["crps"].isna().sum()),
                "in 50 %": part["in_50"].mean(),
                "in 90 %": part["in_90"].mean(),
                "families' in 90 %": over_families(each, "in_90"),
                "median ARE": part["error"].abs().median(),
                "CRPS over the practice's": geometric(of["over"]) if len(of) else np.nan,
                "families'": over_families(of, "over", geometric) if len(of) else np.nan,
                "ahead of it": f"{(of['over'] < 1).sum()} of {len(of)}" if len(of) else "",
            }
        )
    return pd.DataFrame(rows)


PAGE = """# What others foretell

{date}, `benchmarks/rivals.py`: {sweeps} public sweeps of {families} families, each at three depths.

Trained on are runs that the study's own filter keeps, and runs that it keeps are counted. Ratios of CRPS are geometric means
over sweeps, or over families, on the runs that a method and the practice both predict. "silent": runs that a method says
nothing of. Points have no bands. Every sweep has its lines in `rivals.csv`.

{methods}

{table}
"""


def main() -> None:
    """Write the table of scores and the page, of the sweeps whose name holds a text where one is given."""
    if find_spec("tabulate") is None:
        raise SystemExit("the page needs tabulate: pip install tabulate, or the group dev of pyproject.toml")
    only = sys.argv[1] if sys.argv[1:] else ""
    points = every([sweep for sweep in sweeps() if only in sweep.name])
    table = against_practice(points[points["within"]])
    print(table.round(3).to_string(index=False))
    if not only:
        write(points, HERE / "rivals.csv")
        (HERE / "rivals.md").write_text(page(points, table), encoding="utf-8")


def page(points: pd.DataFrame, table: pd.DataFrame) -> str:
    """Return the page."""
    methods = str(__doc__).partition("csv: their scores on every public sweep at three depths\n\n")[2].strip()
    counts = {"sweeps": points["sweep"].nunique(), "families": points["family"].nunique()}
    return PAGE.format(date=f"{datetime.now(UTC):%Y-%m-%d}", methods=methods, table=markdown(table), **counts)


if __name__ == "__main__":
    main()
