"""Learning-rate schedules: derived columns equal sums over steps, and laws that read them fit and predict."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs

PEAK, END, WARM, LAST = 3e-4, 3e-5, 200, 2400
TRUTH = {"L0": 2.65, "A": 0.6, "alpha": 0.45, "B": 0.044, "C": 8.9, "beta": 0.6, "gamma": 0.66}
REFERENCES = {"lr_sum": 1.0, "lr_drop": 1e-4, "lr_then": 1e-4, "lr_since": 0.01}


def warm(step: np.ndarray) -> np.ndarray:
    return np.minimum(step / WARM, 1.0) * PEAK


def constant(step: np.ndarray) -> np.ndarray:
    return warm(step)


def cosine(step: np.ndarray) -> np.ndarray:
    share = np.clip((step - WARM) / (LAST - WARM), 0, 1)
    return np.where(step < WARM, warm(step), END + (PEAK - END) * (1 + np.cos(np.pi * share)) / 2)


def wsd(step: np.ndarray) -> np.ndarray:
    return warm(step) * np.exp(-np.log(PEAK / END) * np.clip((step - 2000) / (LAST - 2000), 0, 1))


def linear(step: np.ndarray) -> np.ndarray:
    return warm(step) - (PEAK - END) * np.clip((step - 1600) / (LAST - 1600), 0, 1)


def two_stage(step: np.ndarray) -> np.ndarray:
    return np.where(step > 800, 9e-5, warm(step))


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    shape.__name__: shape for shape in (constant, cosine, wsd, linear, two_stage)
}
every_shape = pytest.mark.parametrize("name", SHAPES)


def rows_of(name: str, every: int = 1) -> pd.DataFrame:
    """Return step and learning rate of a run from its warm-up on, with rows on both sides of a drop."""
    step = np.union1d(np.arange(WARM, LAST + 1, every), [800, 801])
    return pd.DataFrame({"step": step, "lr": SHAPES[name](step)})


def by_steps(name: str, step: int, momentum: float) -> tuple[float, float, float, float]:
    """Return the sums of a row as the papers have them: S1, S2, the drop, and the saving of the Multi-Power law."""
    lr = SHAPES[name](np.arange(step + 1))
    fall = [0.0] * (WARM + 1) + [lr[k - 1] - lr[k] for k in range(WARM + 1, step + 1)]
    area = sum(fall[k] * (1 - momentum ** (step - k + 1)) / (1 - momentum) for k in range(1, step + 1))
    tail = np.append(np.cumsum(lr[::-1])[::-1], 0.0)
    c = TRUTH["C"] * REFERENCES["lr_then"] ** TRUTH["gamma"] / REFERENCES["lr_since"]
    saved = sum(
        fall[k] * (1 - (1 + c * lr[k] ** -TRUTH["gamma"] * tail[k]) ** -TRUTH["beta"]) for k in range(1, step + 1) if fall[k]
    )
    return float(lr[1:].sum()), float(area), float(sum(fall)), float(TRUTH["B"] / REFERENCES["lr_drop"] * saved)


@every_shape
@pytest.mark.parametrize("every", [1, 50])
def test_columns_of_a_schedule_are_sums_over_steps(name: str, every: int) -> None:
    found = bs.schedule_inputs(rows_of(name, every), bs.Schedule(momentum=0.99)).set_index("step")
    exact = every == 1 or name in ("constant", "linear", "two_stage")
    for step in (WARM, 700, 800, 801, 1000, 2100, LAST):
        total, area, drop, _ = by_steps(name, step, 0.99)
        near = pytest.approx if exact else lambda value: pytest.approx(value, rel=0.03, abs=1e-9)
        assert found["lr_sum"][step] == near(total)
        assert found["annealing_area"][step] == near(area)
        assert found["lr_drop"][step] == near(drop)


def test_before_the_learning_rate_falls_nothing_has_fallen() -> None:
    found = bs.schedule_inputs(rows_of("two_stage", 50), bs.Schedule(parts=3)).set_index("step").loc[:800]
    assert (found[["annealing_area", "lr_drop", "lr_since", "lr_since_1", "lr_since_3"]] == 0).all(axis=None)
    assert (found["lr_then_2"] == found["lr"]).all()


def relative_error(name: str, parts: int, every: int = 20) -> float:
    """Return the largest error of the saving over rows, relative to the largest saving."""
    found = bs.schedule_inputs(rows_of(name, every), bs.Schedule(parts=parts)).set_index("step")
    saved, exact = [], []
    for step in (801, 860, 1000, 1500, 1640, 1900, 2020, 2100, 2300, LAST):
        row = found.loc[step]
        at = {column: row[[f"{column}_{part + 1}" for part in range(parts)]].to_numpy() for column in ("lr_then", "lr_since")}
        sped = TRUTH["C"] * (at["lr_then"] / REFERENCES["lr_then"]) ** -TRUTH["gamma"] * at["lr_since"] / REFERENCES["lr_since"]
        saved.append(TRUTH["B"] * row["lr_drop"] / REFERENCES["lr_drop"] * (1 - (1 + sped) ** -TRUTH["beta"]).mean())
        exact.append(by_steps(name, step, 0.999)[3])
    return float(np.abs(np.array(saved) - exact).max() / max(*exact, 1e-12))
