"""What fifty runs under cosines cost with the study `training_curves_schedules`: processor time, steps, effective draws.

`python benchmarks/schedule_speed.py [--draws N --tune N --chains N]`; the numbers are in curve_speed.md.
"""

import argparse
import time
from dataclasses import replace

import arviz as az
import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.data.columns import Schedule
from bayes_scaling.data.schedules import schedule_inputs
from bayes_scaling.model.studies.study import study_runs

SIZES, LENGTHS, ROWS = np.geomspace(7e7, 1e9, 10), (10, 20, 40, 80, 160), 100
"""Parameters, tokens a parameter, and logged rows of a run."""


def log(params: float, ratio: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return a run of the study's law under a cosine to a tenth after a warm-up, with an offset of its own and scatter."""
    share, size = np.linspace(1.0 / ROWS, 1.0, ROWS), params / 5e8
    lr = 2e-3 * np.minimum(1.0, share / 0.02) * (0.55 + 0.45 * np.cos(np.pi * share))
    table = pd.DataFrame({"run": f"{params:.3g} at {ratio}", "params": params, "tokens": share * ratio * params, "lr": lr})
    of = schedule_inputs(table, Schedule(along="tokens"), wanted=["lr_weighted", "lr_annealed"])
    loss = 1.8 + 0.6 * size**-0.3 + 0.45 * size**0.1 * (of["lr_weighted"] / 1e10) ** -0.45 - 0.16 * of["lr_annealed"] ** 1.1
    return table.assign(loss=loss * np.exp(rng.normal(0.0, 0.002) + rng.normal(0.0, 0.003, ROWS)))


def main() -> None:
    """Print what a fit took."""
    study, rng = bs.read_study("training_curves_schedules"), np.random.default_rng(7)
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("draws", "tune", "chains"):
        parser.add_argument(f"--{name}", type=int, default=getattr(study.settings, name))
    asked = vars(parser.parse_args())
    runs = study_runs(study, pd.concat([log(size, ratio, rng) for size in SIZES for ratio in LENGTHS], ignore_index=True))
    quick = bs.Settings(draws=2, tune=2, chains=1, rounds=0, progress=False)
    bs.fit(study.model, runs, quick)  # compiles
    wall, spent = time.perf_counter(), time.process_time()
    fit = bs.fit(study.model, runs, replace(study.settings, rounds=0, progress=False, **asked))
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    steps = fit.draws["sample_stats"]["n_steps"].to_numpy()
    print(f"{len(runs.levels['run'])} runs, {len(runs)} averages, {asked}")
    print(f"{wall:.0f} s, {spent:.0f} s of processor time, {steps.mean():.0f} steps a draw, {steps.max():.0f} at most")
    print(fit.health)
    effective = az.ess(fit.posterior)
    for least, name in sorted((float(of.min()), name) for name, of in effective.data_vars.items())[:5]:
        print(f"{name}: {least:.0f} effective draws")


if __name__ == "__main__":
    main()
