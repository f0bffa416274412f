"""Findings on every public sweep, for judging by hand; and on simulated tables, clean ones and ones with planted faults.

    python benchmarks/findings.py sweeps DIR        short fits of every public sweep, kept in DIR, and their findings
    python benchmarks/findings.py simulated [N]     N tables of each kind with posteriors written by hand

Posteriors of simulated tables are drawn in numpy, without compiling, so that thousands of tables take minutes. A fault counts
as found where a finding of one of the codes that mean it is there.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import gammaln
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.loading import load
from bayes_scaling.inference.mode import find_mode, spread_of
from bayes_scaling.inference.saving import save
from bayes_scaling.model.arrays import data
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.priors import median
from bayes_scaling.model.specification import groups_used, parameters_with_priors

SHORT = bs.Settings(draws=500, tune=400, chains=4, seed=1, progress=False, rounds=1)
ABOUT_ROWS = {"outliers", "misfit", "misfit-by-group", "shared-misfit", "misfit-in-order", "rising", "flat", "rounding"}


def fitted(sweep: Sweep, folder: Path) -> bs.Fit:
    """Return a short fit of a sweep under the study that people would use; kept in a folder."""
    path = folder / f"{sweep.name.replace(' ', '_')}.nc"
    if path.is_file():
        return load(path)
    model, columns = study_of(sweep.law)
    compute = 6 * sweep.table["params"] * sweep.table["tokens"] / 8.64e19
    found = bs.fit(model, bs.read_runs(sweep.table.assign(compute=compute), columns, sweep.name), SHORT)
    save(found, path)
    return found


def study_of(law: str) -> tuple[bs.Model, bs.Columns]:
    """Return the bundled study, or for a ladder a power law with a floor over compute with the library's priors."""
    if law == "chinchilla":
        study = bs.read_study("chinchilla")
        return study.model, study.columns
    beliefs = {"E": (1.7, 1.6), "a": (0.9, 2.5), "b": (0.16, 2.0)}
    priors = {name: bs.Prior(median=middle, factor=factor) for name, (middle, factor) in beliefs.items()}
    model = bs.Model(bs.laws.power_law_floor, priors, bs.Noise(sd=bs.Prior(median=0.01, factor=3.0)))
    return model, bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)})


def tell_sweeps(folder: Path) -> None:
    """Print the findings of every public sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    for sweep in sweeps():
        one = fitted(sweep, folder)
        print(f"## {sweep.name} ({len(one.runs)} rows)", flush=True)
        for note in bs.findings(one):
            print(f"- {note.code}: {note.sentence}", flush=True)


TRUTH = {"E": 1.7, "A": 0.4, "alpha": 0.33, "B": 0.4, "beta": 0.33}


def design(random: np.random.Generator) -> pd.DataFrame:
    """Return inputs as sweeps have them: a grid, runs anywhere in a box, or budgets each split several ways."""
    kind = random.integers(3)
    if kind == 0:
        sizes, lengths = np.geomspace(1e8, 3e9, random.integers(4, 8)), np.geomspace(2e9, 1e11, random.integers(4, 7))
        params, tokens = (of.ravel() for of in np.meshgrid(sizes, lengths))
    elif kind == 1:
        count = int(random.integers(15, 80))
        params, tokens = np.exp(random.uniform(np.log([[1e8], [2e9]]), np.log([[5e9], [2e11]]), (2, count)))
    else:
        compute = np.repeat(np.geomspace(1e19, 1e21, random.integers(3, 6)), 7)
        params = np.sqrt(compute / 120) * np.tile(np.geomspace(1 / 3, 3, 7), len(compute) // 7)
        tokens = compute / 6 / params
    return pd.DataFrame({"params": params, "tokens": tokens})


def simulated(random: np.random.Generator, fault: str = "", size: float = 0.0, noise: Any = "normal") -> tuple[bs.Model, Runs]:
    """Return a model, and a table from its law with a fault planted in it.

    The scale is log-uniform from .2 to 2 %, the group `batch` is given and not used by the law.
    """
    table = design(random)
    rows, sd = len(table), float(np.exp(random.uniform(np.log(0.002), np.log(0.02))))
    if fault == "rounding":
        sd = 0.01 / (2.6 * size)
    x, y = np.log(table["params"] / 1e9), np.log(table["tokens"] / 2e10)
    truth = {name: of * np.exp(random.normal(0, 0.15)) for name, of in TRUTH.items()}
    law = truth["E"] + truth["A"] * np.exp(-truth["alpha"] * x) + truth["B"] * np.exp(-truth["beta"] * y)
    scatter = random.standard_normal(rows) if noise == "normal" else random.standard_t(10.0, rows)
    off = sd * scatter
    batch = np.where(random.permutation(rows) < rows / 3, "small", "large")
    if fault == "outliers":
        astray = random.choice(rows, max(1, rows // 20), replace=False)
        off[astray] += size * sd * random.choice([-1.0, 1.0], len(astray))
    if fault == "trend":
        off += size * sd * np.square((x - x.mean()) / x.std()) * (1 if random.random() < 0.5 else -1)
    if fault == "group":
        off += size * sd * (batch == "small")
    loss = law * np.exp(off)
    if fault == "constant":
        loss = 3.0 * np.exp(size * sd * scatter)
    if fault == "rising":
        loss = 3.0 * np.exp(size * sd * (x + y) + off)
    if fault == "unit":
        loss = size * loss
    if fault == "rounding":
        loss = np.round(loss, 2)
    frame = table.assign(loss=loss, batch=batch)
    study = bs.read_study("chinchilla_law")
    columns = bs.Columns(study.columns.inputs, study.columns.response, {"batch": "batch"})
    model = replace(study.model, noise=replace(study.model.noise, distribution=noise))
    return model, bs.read_runs(frame, columns)


WALKERS, STEPS, BURNT = 48, 500, 250


def by_hand(model: bs.Model, runs: Runs, random: np.random.Generator, draws: int = 200) -> bs.Fit:
    """Return a fit of Chinchilla's law whose draws are those of an ensemble of walkers (Goodman and Weare 2010), in numpy.

    Coordinates are standard deviations of the priors; the Gaussian about the mode is only where walkers start, as the ridge of
    floor against exponents is bent.
    """
    names, robust = [*model.parameters, NOISE_SD], model.noise.distribution == "student_t"
    priors = [parameters_with_priors(model)[name].prior for name in names]
    middle, spread = np.log([median(of) for of in priors]), np.array([spread_of(of) for of in priors])
    x, y = (np.log(runs.table[name].to_numpy() / runs.references[name]) for name in ("params", "tokens"))
    seen = np.log(runs.table["response"].to_numpy())

    def density(z: np.ndarray) -> np.ndarray:
        at = dict(zip(names, np.exp(middle + spread * z[:, : len(names)]).T[..., None], strict=True))
        law = at["E"] + at["A"] * np.exp(-at["alpha"] * x) + at["B"] * np.exp(-at["beta"] * y)
        left = (seen - np.log(law)) / at[NOISE_SD]
        before = -0.5 * (z[:, : len(names)] ** 2).sum(axis=1) - len(x) * np.log(at[NOISE_SD][:, 0])
        if not robust:
            return before - 0.5 * (left**2).sum(axis=1)
        beyond = np.exp(z[:, -1:])
        nu = 1.0 + beyond
        rows = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu) - (nu + 1) / 2 * np.log1p(left**2 / nu)
        return before + rows.sum(axis=1) + 2.0 * z[:, -1] - 0.1 * beyond[:, 0]  # Gamma(2, 0.1), of a logarithm

    z = _walked(density, _starts(model, runs, random, robust), random)
    z = z[random.permutation(len(z))[:draws]]
    found = dict(zip(names, np.exp(middle + spread * z[:, : len(names)]).T, strict=True))
    found |= {"noise_nu": 1.0 + np.exp(z[:, -1])} if robust else {}
    posterior = xr.Dataset({name: (("chain", "draw"), of[None]) for name, of in found.items()})
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(progress=False), None)


def _starts(model: bs.Model, runs: Runs, random: np.random.Generator, robust: bool) -> np.ndarray:
    """Return walkers near the mode, for a scale that the rows themselves suggest."""
    arrays = data(model, runs, {dim: runs.levels[dim] for dim in groups_used(model)})
    _, mode = find_mode(model, arrays, {})
    believed = parameters_with_priors(model)[NOISE_SD].prior
    scale = 1.4826 * float(np.median(np.abs(mode.left))) + 0.1 * median(believed)
    root = np.linalg.cholesky(np.linalg.inv(np.eye(len(mode.at)) + mode.information))
    law = mode.at + 0.3 * random.standard_normal((WALKERS, len(mode.at))) @ root.T
    noise = np.log(scale / median(believed)) / spread_of(believed) + 0.2 * random.standard_normal((WALKERS, 1))
    tails = [np.log(10.0) + 0.5 * random.standard_normal((WALKERS, 1))] if robust else []
    return np.hstack([law, noise, *tails])


def _walked(density: Callable[[np.ndarray], np.ndarray], z: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return where walkers have been, half of them stretched at a time towards the others."""
    log, half, seen = density(z), len(z) // 2, []
    for step in range(STEPS):
        for mine, others in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
            stretch = (1.0 + random.uniform(size=half)) ** 2 / 2.0
            towards = z[others][random.integers(0, half, half)]
            moved = towards + stretch[:, None] * (z[mine] - towards)
            new = density(moved)
            taken = np.log(random.uniform(size=half)) < (z.shape[1] - 1) * np.log(stretch) + new - log[mine]
            z[mine], log[mine] = np.where(taken[:, None], moved, z[mine]), np.where(taken, new, log[mine])
        if step >= BURNT and step % 5 == 0:
            seen.append(z.copy())
    return np.concatenate(seen)


FAULTS = {
    "clean": ("", (0.0,), set()),
    "outliers": ("outliers", (6.0, 10.0, 30.0), {"outliers"}),
    "trend": ("trend", (2.0, 4.0, 8.0), {"misfit", "noise-above-prior"}),
    "group": ("group", (2.5, 4.0, 8.0), {"misfit-by-group"}),
    "constant": ("constant", (0.0, 0.2, 1.0), {"flat"}),
    "rising": ("rising", (2.0, 5.0, 10.0), {"rising"}),
    "rounding": ("rounding", (0.5, 1.0, 3.0), {"rounding"}),
    "fine": ("rounding", (0.02, 0.05), set()),
    "unit": ("unit", (0.34, 3.0, 1e-3), {"prior-loss", "prior-conflict"}),
}
"""Fault -> sizes in scales of the noise (of the unit: the factor), and the codes that mean it."""


def tell_simulated(count: int) -> None:
    """Print how often each kind of table is flagged, and how often its fault is found."""
    for kind, (fault, sizes, codes) in FAULTS.items():
        for noise in ("normal", "student_t"):
            for size in sizes:
                many = count if kind in ("clean", "fine") else max(count // 5, 20)
                found = [_codes(fault, size, noise, seed, prior=kind == "unit") for seed in range(many)]
                flagged = Counter(code for one in found for code in one)
                hit = sum(bool(one & codes if codes else one & ABOUT_ROWS) for one in found)
                print(f"{kind} {size:g} {noise}: {hit} of {many}; {dict(flagged)}", flush=True)


def _codes(fault: str, size: float, noise: str, seed: int, *, prior: bool) -> set[str]:
    from bayes_scaling.data.flatness import flat
    from bayes_scaling.validation.findings.misfit import misfits
    from bayes_scaling.validation.findings.outliers import outliers
    from bayes_scaling.validation.findings.prior_conflict import conflicts

    random = np.random.default_rng([seed, 5])
    model, runs = simulated(random, fault, size, noise)
    if fault == "rounding":
        return {"rounding"} if runs.notes else set()
    if flat(runs):
        return {"flat"}
    one = by_hand(model, runs, random)
    return {note.code for note in (*misfits(one), *outliers(one), *(conflicts(one) if prior else ()))}


if __name__ == "__main__":
    if sys.argv[1] == "sweeps":
        tell_sweeps(Path(sys.argv[2]))
    else:
        tell_simulated(int(sys.argv[2]))
