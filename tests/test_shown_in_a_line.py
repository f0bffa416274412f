"""Records say in one line what they are: no tables of numbers, nothing that acts on a terminal."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import pytest
from by_hand import BAD, CLEAN, NOTED, sweep

import bayes_scaling as bs
from bayes_scaling.decisions.multiverse import Multiverse
from bayes_scaling.inference.batch.fits import Batch
from bayes_scaling.inference.health import combined
from bayes_scaling.validation.backtest import Backtest
from bayes_scaling.validation.calibration import Calibration
from bayes_scaling.validation.compare import Comparison

PLACES = {"params": [1e9, 2e9, 3e9], "tokens": 1e10}
RUNS = "Runs: 80 rows of the data frame; params 100M to 3B; tokens 2B to 100B; 2 levels of arch; 8 levels of run"
CANDIDATES = {"params": [5e9, 6e9], "tokens": 1e11, "arch": "dense"}
TASKS = pd.DataFrame({"task": ["0", "1"], "quantity": "E", "train": "all", "universe": "base"})


@cache
def fit() -> bs.Fit:
    return sweep(CLEAN)


SHOWN: dict[str, Callable[[], Any]] = {
    RUNS: lambda: fit().runs,
    "Contrast of arch sparse against dense: 3 points, 400 draws, clean": lambda: bs.contrast(
        fit(), "arch", "sparse", "dense", PLACES
    ),
    "Contrast of arch sparse against dense: 3 points, 400 draws, not to be trusted": lambda: bs.contrast(
        replace(fit(), health=BAD), "arch", "sparse", "dense", PLACES
    ),
    "Plan: 2 rows, 400 draws, clean": lambda: bs.plan(fit(), [1e21, 1e22], points={"arch": "sparse"}),
    "Ranking of sparse against arch dense: 1 point, 400 draws, clean": lambda: bs.rank(
        fit(), "arch", "dense", {"compute": [1e21]}
    ),
    "Next runs: 2 candidates, 400 draws, clean": lambda: bs.next_runs(
        fit(), CANDIDATES, "loss at params=1e10, tokens=1e11, arch=dense"
    ),
    "What moves loss at params=1e10, tokens=1e11, arch=dense: 400 draws, clean": lambda: bs.sensitivity(
        fit(), "loss at params=1e10, tokens=1e11, arch=dense"
    ),
    "Health: noted, 8,000 draws of 4 chains, 4 divergences, R-hat 1.001, ess_bulk 900, ess_tail 800, BFMI 0.9": lambda: NOTED,
    "Health: noted, 500 draws of 1 chain, 0 divergences, ess_bulk 900, ess_tail 800, BFMI 0.9": lambda: replace(
        CLEAN, draws=500, chains=1, r_hat=None
    ),
    "Health: not to be trusted, 16,000 draws of 2 fits, 40 divergences, R-hat 1.05, ess_bulk 120, ess_tail 90, BFMI 0.9": (
        lambda: combined({"one": CLEAN, "two": BAD})
    ),
    "Batch of fits: 2 results, 1 failure, clean": lambda: Batch({"a": 1, "b": 2}, {"c": "why"}, {}, {}, healths={"a": CLEAN}),
    "Backtest: 2 held-out rows, 1 cut-off": lambda: Backtest(TASKS, {}),
    "Simulation-based calibration: 2 simulations, 1 quantity": lambda: Calibration(TASKS, 0, {}),
    "Multiverse analysis of alpha: 1 specification": lambda: Multiverse(TASKS, TASKS, {}, "alpha", "", {}),
    "Comparison of laws: one, two, 0 folds": lambda: Comparison(
        pd.DataFrame({"law": ["one", "two"]}), TASKS, TASKS, {}, (), ()
    ),
}


@pytest.mark.parametrize("line", SHOWN)
def test_a_record_prints_as_one_line(line: str) -> None:
    assert repr(SHOWN[line]()) == line


def test_a_source_with_an_escape_sequence_does_not_reach_the_terminal() -> None:
    assert "\x1b" not in repr(replace(fit().runs, source="\x1b[31mred.csv"))
