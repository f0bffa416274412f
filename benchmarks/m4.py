"""How hard the curves of image classification here are: M4, by its authors' algorithm, whose error on all of them is published.

    python benchmarks/m4.py

`fleet_curves` has 36 of the benchmark's 72 curves of image classification. An error published on all 72 is no measure of one on
these 36, unless they are as hard. M4 (Alabdulmohsin et al. 2022, arXiv 2209.06640) is published with an RMSLE of .0415 on all:
(y - e) / (e0 - y)^a = b x^-c. Given e and e0, the logarithm is linear: c, a and log b by least squares without negative
coefficients. Given those, e and e0 move along the gradient of the squared residual, by small steps first (100 rounds of 1,000),
then by damped Newton steps, 100 a round, until b stays. As published, e0 - y of the regression is of the first e0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq, nnls
from sweeps import DATA

PUBLISHED = 0.0415
"""RMSLE of M4 on all 72 curves (Lee et al. 2025, arXiv 2505.23032)."""
MARGIN = 1e-3
SMALL = 1e-5


@dataclass(frozen=True)
class M4:
    """Parameters of M4's curve: (y - floor) / (ceiling - y)^bend = exp(log_scale) x^-exponent."""

    log_scale: float
    exponent: float
    bend: float
    floor: float
    ceiling: float

    def residuals(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the logarithm of the left side over the right, for each point."""
        left = np.log(y - self.floor) - self.bend * np.log(self.ceiling - y)
        return left - self.log_scale + self.exponent * np.log(x)

    def predict(self, x: float) -> float:
        """Return y at x, by bisection."""
        above = np.exp(self.log_scale) * x**-self.exponent
        width = self.ceiling - self.floor
        return self.floor + brentq(lambda w: w - above * (width - w) ** self.bend, 0.0, width)


def fitted(x: np.ndarray, y: np.ndarray, rounds: int = 2000, settle: float = 1e-10) -> M4:
    """Return M4 fitted to a curve of error rates.

    Parameters
    ----------
    x, y
        Examples seen, and error rates between 0 and 1; shape (points,).
    rounds
        Most rounds of least squares and steps.
    settle
        Change of exp(log_scale) in a round below which it ends.
    """
    low, high = y.min() - MARGIN, y.max() + MARGIN
    floor, ceiling, before = low, 0.999, 1.0
    design = np.stack([np.ones(len(x)), -np.log(x), np.log(ceiling - y)], axis=1)
    for turn in range(rounds):
        (log_scale, exponent, bend), _ = nnls(design, np.log(y - floor))
        for _ in range(1000 if turn < 100 else 100):
            floor, ceiling = _step(M4(log_scale, exponent, bend, floor, ceiling), x, y, newton=turn >= 100)
            floor, ceiling = min(max(floor, 0.0), low), max(ceiling, high)
        if turn >= 100 and abs(np.exp(log_scale) - before) < settle:
            break
        before = np.exp(log_scale)
    return M4(log_scale, exponent, bend, floor, ceiling)


def _step(at: M4, x: np.ndarray, y: np.ndarray, newton: bool) -> tuple[float, float]:
    """Return floor and ceiling after a step down the mean of half the squared residuals."""
    residual, over, under = at.residuals(x, y), y - at.floor, at.ceiling - y
    slopes = -np.mean(residual / over), -at.bend * np.mean(residual / under)
    if not newton:
        return at.floor - 1e-8 * slopes[0], at.ceiling - 1e-8 * slopes[1]
    curvatures = np.mean((1 - residual) / over**2), at.bend * np.mean((at.bend + residual) / under**2)
    steps = [0.1 * slope / curve if abs(curve) > SMALL else 0.0 for slope, curve in zip(slopes, curvatures, strict=True)]
    return at.floor - steps[0], at.ceiling - steps[1]


def missed(curve: pd.DataFrame) -> float:
    """Return the RMSLE of the held-out part of a curve."""
    known = curve[curve["split"] == "train"].groupby("x")["y"].mean()
    held = curve[curve["split"] == "test"]
    law = fitted(known.index.to_numpy(float), known.to_numpy())
    predicted = np.array([law.predict(x) for x in held["x"].to_numpy(float)])
    return float(np.sqrt(np.mean(np.log(predicted / held["y"]) ** 2)))


def main() -> None:
    """Print the mean error by family and of all."""
    table = pd.read_csv(DATA / "fleet_curves.csv.gz", encoding="utf-8")
    curves = table[table["domain"] == "IC"].groupby(["task_family", "run_id"])
    rows = pd.Series({name: missed(curve) for name, curve in curves}).rename_axis(["family", "run"])
    print(rows.groupby("family").agg(["size", "mean", "median"]).round(4))
    print(f"all {len(rows)}: {rows.mean():.4f}; published on 72: {PUBLISHED}")


if __name__ == "__main__":
    main()
