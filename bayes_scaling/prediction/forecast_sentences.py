"""What a forecast says, in sentences."""

import numpy as np

from bayes_scaling._base.numbers import band, exact, percent, probability
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.forecast import Forecast


@carried
def forecast_sentence(found: Forecast, target: float | None = None) -> str:
    """Return what a forecast says as one paragraph, with the probability of a target where one is given."""
    return " ".join(_end(found, target))


def said_of_forecast(found: Forecast, target: float | None = None) -> list[str]:
    """Return the sentences of a forecast, and what to know of it."""
    outlier = [f"{found.outlier[:1].upper()}{found.outlier[1:]}."] if found.outlier else []
    return [*_end(found, target), *outlier]


def _end(found: Forecast, target: float | None) -> list[str]:
    low, middle, high = np.quantile(found.final.to_numpy(), [0.05, 0.5, 0.95])
    end = float(found.path[found.along][-1])
    unit = str(found.path.attrs.get("units", ""))
    reached = float(found.seen[found.along].iloc[-1])
    said = [
        f"At {exact(end)} {found.unit or found.along} {found.label} will show {band((low, middle, high), unit)}.",
        f"It has come {percent(reached / end)} of the way.",
    ]
    if target is None:
        return said
    return [*said, f"It ends below {exact(target)} with probability {probability(found.probability(target))}."]
