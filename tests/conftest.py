"""Fits that several tests look at, each sampled once."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gates import clean
from public_tables import path_of
from study_tables import accuracies, learning_rates, mixtures, streams, vocabularies

import bayes_scaling as bs
from bayes_scaling.data.columns import Schedule
from bayes_scaling.data.runs import subset
from bayes_scaling.data.schedules import schedule_inputs
from bayes_scaling.model.studies.study import study_runs

os.environ.setdefault("NUMBA_OPT", "1")  # as the command line does: the same bits, compiled in less time


COLLECTED = pytest.StashKey[list[pytest.Item]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember every test that was found, before those of the other suite are left out; tests of a file share a worker.

    Notebooks and the studies of one file are spread, each with its own worker.
    """
    config.stash[COLLECTED] = list(items)
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


@pytest.fixture
def collected(request: pytest.FixtureRequest) -> list[pytest.Item]:
    return request.config.stash[COLLECTED]


@pytest.fixture(scope="session")
def epoch_runs() -> Path:
    """The 245 runs behind the published Chinchilla coefficients; not part of the package."""
    return path_of("chinchilla_epoch")


@pytest.fixture(scope="session")
def grid() -> pd.DataFrame:
    """A sweep of sizes and tokens with losses of Chinchilla's published law and 1 % scatter."""
    params, tokens = (column.ravel() for column in np.meshgrid(np.geomspace(5e7, 1e10, 8), np.geomspace(1e9, 3e11, 8)))
    loss = 1.82 + 482 * params**-0.348 + 2085 * tokens**-0.366
    scatter = np.random.default_rng(7).normal(0, 0.01, loss.size)
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss * np.exp(scatter)})
    return frame[frame["tokens"] > 0.45 * frame["params"]].reset_index(drop=True)


@pytest.fixture(scope="session")
def curves() -> pd.DataFrame:
    """Curves of a constant, a cosine and a two-stage schedule by a Multi-Power law, with a scatter of .1 %."""
    step = np.union1d(np.arange(2200, 24001, 200), [8000, 8001])
    cosine = 1.65e-4 + 1.35e-4 * np.cos(np.pi * (step - 2200) / (24000 - 2200))
    rates = {"constant": 0 * step + 3e-4, "cosine": cosine, "two-stage": np.where(step > 8000, 9e-5, 3e-4)}
    table = pd.concat([pd.DataFrame({"run_id": name, "step": step, "lr": lr}) for name, lr in rates.items()], ignore_index=True)
    table = schedule_inputs(table, Schedule(), "run_id")
    then, since = (table[[f"{name}_{part}" for part in range(1, 17)]].to_numpy() for name in ("lr_then", "lr_since"))
    saved = table["lr_drop"] / 1e-4 * (1 - (1 + 900 * since * (then / 1e-4) ** -0.6) ** -0.6).mean(axis=1)
    loss = 2.8 + 0.6 * table["lr_sum"] ** -0.45 - 0.045 * saved
    return table[["run_id", "step", "lr"]].assign(loss=loss * np.exp(np.random.default_rng(3).normal(0, 0.001, len(table))))


@pytest.fixture(scope="session")
def logs() -> pd.DataFrame:
    """Logs of ten runs at a constant learning rate: a sum of powers, off by 1 %, gains by 5 %, wiggles, scatter."""
    rng, found = np.random.default_rng(11), []
    for i, params in enumerate(np.geomspace(5e7, 2e9, 10)):
        tokens = np.geomspace(2e9, 1e11, 120)
        gap = np.log(tokens[1] / tokens[0])
        wiggle = [rng.normal()]
        for step in rng.normal(size=119):
            wiggle.append(np.exp(-gap) * wiggle[-1] + np.sqrt(-np.expm1(-2 * gap)) * step)
        loss = 1.8 + 480 * params**-0.348 + rng.normal(1.0, 0.05) * 8000 * tokens**-0.42
        off = rng.normal(0, 0.01) + 0.003 * np.array(wiggle) + rng.normal(0, 0.004, 120)
        found.append(pd.DataFrame({"run": f"run {i}", "params": params, "tokens": tokens, "loss": loss * np.exp(off)}))
    return pd.concat(found, ignore_index=True)


@pytest.fixture(scope="session")
def decayed(logs: pd.DataFrame) -> pd.DataFrame:
    """The same logs under cosines to a tenth of their peak, which save a tenth of a nat."""
    share = logs["tokens"] / logs.groupby("run")["tokens"].transform("max")
    fall = 0.45 * (1 - np.cos(np.pi * share))
    return logs.assign(lr=3e-3 * (1 - fall), loss=logs["loss"] - 0.1 * fall**1.2)


@pytest.fixture(scope="session")
def routed() -> pd.DataFrame:
    """Last rows of dense and routed models of five sizes, by a law with a floor in which routing gains less at size."""
    rng, found = np.random.default_rng(5), []
    for router, gain in {"Dense": 0.0, "Hash": 0.022, "S-Base": 0.028, "RL-R": 0.027}.items():
        for experts in (8, 64, 512) if gain else (1,):
            params = np.array([16527360.0, 27279360.0, 57369600.0, 132163600.0, 368123900.0])
            level, slope = 2.72 * experts**-gain, 0.078 * experts ** (-2 * gain)
            loss = level * (1 - slope * (1 - (params / 1e8) ** -0.19) / 0.19) * np.exp(rng.normal(0, 0.002, 5))
            kept = {"params_total": params * (1 + 0.38 * (experts - 1)), "flops_per_step": 2.5e6 * params**0.98}
            found.append(pd.DataFrame({"router_type": router, "num_experts": experts, "params": params, "loss": loss} | kept))
    same = {"step": 249000, "top_k": 1, "routing_frequency": 0.5, "flop_increase": 1.0}
    return pd.concat(found, ignore_index=True).assign(**same)


@pytest.fixture(scope="session")
def isoflop() -> pd.DataFrame:
    """Three budgets of four variants of token mixer and context, seven sizes each, by Chinchilla's law with its own levels."""
    rng, found = np.random.default_rng(6), []
    variants = {("mlstm", 16384): (5.2, 3.04), ("transformer", 2048): (6.0, 3.06)}
    variants |= {("transformer", 8192): (8.9, 3.07), ("transformer", 16384): (12.8, 3.09)}
    for (architecture, context), (flops, level) in variants.items():
        params, budgets = (of.ravel() for of in np.meshgrid(np.geomspace(9e7, 1e9, 7), [6e18, 1e19, 3e19]))
        tokens = budgets / (flops * params)
        loss = level - 0.16 * (1 - (params / 3e8) ** -0.6) / 0.6 - 0.2 * (1 - (tokens / 6e9) ** -0.8) / 0.8
        loss = loss * np.exp(rng.normal(0, 0.003, loss.size))
        named = {"architecture": architecture, "context_length": context, "flop_rule": "attention_aware"}
        found.append(pd.DataFrame({"params": params, "tokens": tokens, "loss": loss}).assign(**named))
    return pd.concat(found, ignore_index=True)


@pytest.fixture(scope="session")
def single() -> pd.DataFrame:
    """One curve that bends: a power law with a floor, with a scatter of half a percent."""
    x = np.geomspace(1.0, 100.0, 40)
    return pd.DataFrame({"x": x, "y": 0.2 * (1 + x**-0.5) * np.exp(np.random.default_rng(8).normal(0, 0.005, x.size))})


@pytest.fixture(scope="session")
def gemstones() -> pd.DataFrame:
    """Curves of 17 models at a constant learning rate (McLeish et al. 2025)."""
    table = pd.read_csv(path_of("gemstones")).query('schedule == "constant_lr"')
    return table.drop(columns=["schedule"]).rename(columns={"run_id": "run"})


@pytest.fixture(scope="session")
def chinchilla(studied: Callable[[str], bs.Fit]) -> bs.Fit:
    return studied("chinchilla_law")


@pytest.fixture(scope="session")
def moba(studied: Callable[[str], bs.Fit]) -> bs.Fit:
    return studied("moba_vs_full")


@pytest.fixture(scope="session")
def studied(
    grid: pd.DataFrame,
    curves: pd.DataFrame,
    logs: pd.DataFrame,
    decayed: pd.DataFrame,
    routed: pd.DataFrame,
    isoflop: pd.DataFrame,
    single: pd.DataFrame,
) -> Callable[[str], bs.Fit]:
    """The fit of a bundled study, sampled the first time it is asked for; of the curves of Fig. 8 five buckets of sixteen."""
    tables = {"routed_lm": routed, "xlstm_isoflop": isoflop, "training_curves_schedules": decayed, "learning_curve": single}
    tables |= {"learning_rate_batch": learning_rates(), "parallel_scaling": streams(), "vocabulary": vocabularies()}
    tables |= {"domain_mixture": mixtures(), "downstream_ladder": accuracies()}
    tables |= {
        "accuracy_curve": single.assign(accuracy=1 - single["y"]),
        "error_rate_curve": single.assign(error_rate=single["y"]),
    }
    few = {"moba_curves": "position in [0, 8192, 16384, 24576, 30720]"}

    @cache
    def fitted(name: str) -> bs.Fit:
        study = bs.read_study(name)
        own = tables.get(name, curves if study.columns.schedule else logs if "run" in study.columns.dims else grid)
        runs = study_runs(study, own if study.source is None else None)
        runs = subset(runs, few[name]) if name in few else runs
        settings = replace(study.settings, draws=1500, progress=False)
        return clean(lambda seed: bs.fit(study.model, runs, replace(settings, seed=seed)))

    return fitted
