"""Families of whole runs under one schedule: longer runs, and schedules never run, by a law that simulated them."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.columns import Schedule
from bayes_scaling.data.schedules import schedule_inputs
from bayes_scaling.model.studies.study import study_runs

PEAK = 2e-3


def rate(kind: str, share: np.ndarray) -> np.ndarray:
    """Return the learning rate as a share of its peak, past the warm-up."""
    if kind == "wsd":
        return np.clip((1.0 - share) / 0.2, 0.0, 1.0)
    if kind == "step":
        return np.where(share > 0.6, 0.1, 1.0)
    return 0.55 + 0.45 * np.cos(np.pi * share)


def log(name: str, params: float, end: float, kind: str, rng: np.random.Generator, sd: float = 0.003) -> pd.DataFrame:
    """Return a run by E + A N^-alpha + B N^delta T^-beta - saved annealed^kappa, with scatter."""
    share = np.union1d(np.linspace(0.01, 1.0, 100), [0.6, 0.6001])
    lr = PEAK * np.minimum(1.0, share / 0.02) * rate(kind, share)
    table = pd.DataFrame({"run": name, "params": params, "tokens": share * end, "lr": lr})
    of = schedule_inputs(table, Schedule(along="tokens"), wanted=["lr_weighted", "lr_annealed"])
    size = params / 5e8
    loss = 1.8 + 0.6 * size**-0.3 + 0.45 * size**0.1 * (of["lr_weighted"] / 1e10) ** -0.45 - 0.16 * of["lr_annealed"] ** 1.1
    return table.assign(loss=loss * np.exp(rng.normal(0.0, 0.002) + rng.normal(0.0, sd, len(table))))


@pytest.mark.slow
@pytest.mark.parametrize(("trained", "asked"), [("cosine", "wsd"), ("wsd", "cosine"), ("wsd", "step")])
def test_longer_runs_and_other_schedules_lie_in_the_bands(trained: str, asked: str) -> None:
    """All runs have one schedule and one length for their size, the commonest family there is."""
    rng = np.random.default_rng(4)
    sizes = np.geomspace(7e7, 1e9, 7)
    table = pd.concat([log(f"r{i}", n, 20 * n, trained, rng) for i, n in enumerate(sizes)], ignore_index=True)
    study = bs.read_study("training_curves_schedules")
    settings = bs.Settings(draws=400, chains=2, seed=1, progress=False, target_accept=0.95)
    fit = bs.fit(study.model, study_runs(study, table), settings)
    assert fit.health is not None
    assert fit.health.ok, fit.health.problems
    for kind, times in ((trained, 3.0), (asked, 1.0), (asked, 3.0)):
        end = 20 * sizes[4] * times
        new = log("new", sizes[4], end, kind, rng, sd=0.0)
        last = study_runs(study, new).table.iloc[[-1]]
        low, middle, high = bs.predict_runs(fit, last).quantile([0.05, 0.5, 0.95], ("chain", "draw")).to_numpy()[:, 0]
        truth = last["response"].iloc[0]
        assert low < truth < high, (kind, times)
        assert abs(middle / truth - 1) < 0.02, (kind, times)
        assert high / low < 1.15, (kind, times)
