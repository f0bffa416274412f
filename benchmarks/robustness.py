"""How often fits come out clean: bundled studies, new variants with few runs, public sweeps, a batch of curves, whole curves.

    python benchmarks/robustness.py [--only GROUP ...] [--match TEXT] [--seeds N] [--limit N] [--again]

Every fit goes through `fit` or `fit_many`, with the model and settings that a user gets. Each is written to robustness.csv as
it ends, and one that stands there is skipped, so a run that was stopped goes on where it was; robustness.md is made from it.
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched
from multiprocessing import get_context
from pathlib import Path

import curves
import learning_curves
import numpy as np
import pandas as pd
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.study import study_runs

HERE = Path(__file__).parent
RESULTS = HERE / "robustness.csv"
SEEDS = 5
SEEDS_OF_DEMO = {"moba_vs_full": 20}
WORKERS, BATCH = 2, 20

type Asked = tuple[str, bs.Model, Runs, bs.Settings]
"""One fit: the name of its case, the model, the runs and how to sample."""


@dataclass(frozen=True)
class Group:
    """Cases of one kind.

    title: what they are. aim: what is aimed at, in words; share: the least share of clean fits.
    fits: how to make them, one after the other. together: whether many are fitted at once, by `fit_many`.
    """

    title: str
    aim: str
    share: float
    fits: Callable[[], Iterator[Asked]]
    together: bool = False


def over_seeds(name: str, model: bs.Model, runs: Runs, settings: bs.Settings, seeds: int = SEEDS) -> Iterator[Asked]:
    """Yield a fit for each seed."""
    for seed in range(seeds):
        yield name, model, runs, replace(settings, seed=seed, progress=False)


def studies() -> Iterator[Asked]:
    """Yield every bundled study whose runs come along."""
    for name in bundled():
        study = bs.read_study(name)
        if study.source is not None:
            runs = study_runs(study)
            yield from over_seeds(name, study.model, runs, study.settings, SEEDS_OF_DEMO.get(name, SEEDS))


# A baseline's ladder, and variants with few runs each.

COLUMNS = bs.Columns({"params": bs.Input("params", "parameters", 1e8)}, groups={"arch": "arch"})
ONE_NEW = """
full 31622776.60168 3.20362
full 46093147.33266 3.06417
full 67185062.77268 2.92528
full 97928497.42266 2.78403
full 142739921.81726 2.72106
full 208056753.82172 2.62607
full 303262130.59195 2.53439
full 442032849.98851 2.48418
full 644304120.95161 2.42207
full 939133370.48598 2.36947
full 1368874509.53708 2.32055
full 1995262314.96888 2.28809
new 303262130.59195 2.46807
"""
"""A ladder of twelve sizes and a single run of something new."""


@dataclass(frozen=True)
class Few:
    """A contrast with few runs.

    arms: architectures, the baseline among them; new: runs of each other one.
    scatter: relative; varying: how many of E, A and alpha differ between architectures; data: seed of the scatter.
    """

    arms: int
    new: int
    scatter: float
    varying: int
    data: int = 5

    @property
    def name(self) -> str:
        """What it is, in words."""
        data = "" if self.data == 5 else f", data {self.data}"
        of = ("E", "E A", "E A alpha")[self.varying - 1]
        return f"{self.arms} arms, {self.new} new, {100 * self.scatter:g} %, {of}{data}"


FEW = [
    Few(2, 1, 0.01, 1),
    Few(2, 1, 0.001, 1),
    Few(2, 3, 0.01, 1),
    Few(4, 1, 0.005, 1),
    Few(2, 1, 0.01, 2),
    Few(2, 1, 0.001, 2),
    Few(3, 2, 0.003, 2),
    Few(2, 1, 0.01, 3),
    Few(2, 1, 0.001, 3),
    Few(2, 5, 0.003, 3),
    Few(4, 5, 0.01, 3),
    Few(4, 1, 0.002, 3),
    # Drawn so that every number of arms, runs and parameters meets others, at scatter of their own.
    Few(2, 2, 0.002, 1, 11),
    Few(3, 1, 0.01, 1, 12),
    Few(4, 3, 0.001, 1, 13),
    Few(3, 5, 0.005, 1, 14),
    Few(3, 1, 0.001, 2, 15),
    Few(2, 3, 0.005, 2, 16),
    Few(4, 2, 0.01, 2, 17),
    Few(2, 5, 0.001, 2, 18),
    Few(3, 1, 0.005, 3, 19),
    Few(2, 2, 0.01, 3, 20),
    Few(3, 3, 0.001, 3, 21),
    Few(4, 2, 0.003, 3, 22),
]


def few_table(case: Few, baseline: int = 12) -> pd.DataFrame:
    """Return runs of a case: each further architecture has a floor two percent lower than the one before it."""
    rng = np.random.default_rng(case.data)
    rows = []
    for arm in range(case.arms):
        inside = np.geomspace(1e8, 1e9, case.new + 2)[1:-1] if case.new > 1 else np.array([3e8])
        for params in np.geomspace(3e7, 2e9, baseline) if arm == 0 else inside:
            law = 1.9 * (1 - 0.02 * arm) + 0.8 * (params / 1e8) ** -0.35
            loss = float(law * np.exp(case.scatter * rng.standard_normal()))
            rows.append({"arch": f"new{arm}" if arm else "full", "params": params, "loss": loss})
    return pd.DataFrame(rows)


def few_model(varying: int) -> bs.Model:
    """Return the law of a ladder in which so many parameters differ between architectures."""
    priors = {
        "E": (bs.Prior(median=2, factor=2), 0.1),
        "A": (bs.Prior(median=0.8, factor=3), 0.2),
        "alpha": (bs.Prior(between=(0.1, 0.8)), 0.1),
    }
    parameters = {
        name: prior + bs.Varying("arch", sd) if place < varying else prior
        for place, (name, (prior, sd)) in enumerate(priors.items())
    }
    law = bs.parse_law("E + A * params**-alpha", ["params"])
    return bs.Model(law, parameters, bs.Noise(sd=bs.Prior(median=0.01, factor=3)))


def few() -> Iterator[Asked]:
    """Yield contrasts with few runs; the tables are made here, the first as it was found."""
    one_new = pd.DataFrame([line.split() for line in ONE_NEW.split("\n") if line], columns=["arch", "params", "loss"])
    one_new = one_new.astype({"params": float, "loss": float})
    yield from over_seeds("one new run", few_model(1), bs.read_runs(one_new, COLUMNS), bs.Settings())
    for case in FEW:
        yield from over_seeds(case.name, few_model(case.varying), bs.read_runs(few_table(case), COLUMNS), bs.Settings())


# Public tables.


def _smaller(sweep: Sweep) -> pd.DataFrame:
    return sweep.table[sweep.scale < sweep.cut].reset_index(drop=True)


def swept() -> Iterator[Asked]:
    """Yield the smaller two thirds of each public sweep of params and tokens, under the bundled study for such sweeps."""
    study = bs.read_study("chinchilla")
    for sweep in sweeps():
        if sweep.law == "chinchilla":
            runs = study_runs(study, _smaller(sweep))
            yield from over_seeds(sweep.name, study.model, runs, study.settings, 1)


def batch() -> Iterator[Asked]:
    """Yield the curves of the batch."""
    for name, task in learning_curves.tasks("").items():
        yield name, learning_curves.MODEL, task.runs, learning_curves.SETTINGS


def whole_curves() -> Iterator[Asked]:
    """Yield each family of whole curves under each of its splits."""
    for make in curves.families().values():
        family = make()
        for split, keep in curves.splits(family):
            model = curves.model(family.kind, family.along)
            yield f"{family.name} {split}", model, curves.part(family.runs, keep), curves.SETTINGS


GROUPS = {
    "studies": Group("bundled studies", "every fit clean", 1.0, studies),
    "few": Group("few runs of new variants", "every fit clean", 1.0, few),
    "sweeps": Group("public sweeps", "every fit clean", 1.0, swept),
    "batch": Group("batch of curves", "every fit clean", 1.0, batch, together=True),
    "curves": Group("whole curves", "every fit clean", 1.0, whole_curves),
}


# Measuring.


def measured(fit: bs.Fit, _: object = None) -> pd.DataFrame:
    """Return what the sampler did, as one row."""
    health = fit.health
    assert health is not None
    stats = fit.draws["sample_stats"].to_dataset()
    row = {
        "divergences": health.divergences,
        "r_hat": health.r_hat,
        "ess_bulk": health.ess_bulk,
        "ess_tail": health.ess_tail,
        "grade": health.grade,
        "rounds": len(health.rounds),
        "first": health.rounds[0]["grade"] if health.rounds else health.grade,
        "tried": ", then ".join(one["tried"] for one in health.rounds if one["tried"]),
        "steps": float(stats["n_steps"].mean()),
        "draws": health.draws,
        "bfmi": health.bfmi,
        "worst": health.worst,
        "place": health.place,
    }
    return pd.DataFrame([row])


def known() -> pd.DataFrame:
    """Return every fit measured."""
    return pd.read_csv(RESULTS, encoding="utf-8") if RESULTS.is_file() else pd.DataFrame()


def keep(group: str, asked: Asked, seconds: float, row: pd.DataFrame) -> None:
    """Add a fit to the results."""
    name, seed = asked[0], asked[3].seed
    row = pd.DataFrame([{"group": group, "name": name, "seed": seed, "seconds": seconds}]).join(row)
    row.to_csv(RESULTS, mode="a", header=not RESULTS.is_file(), index=False, float_format="%.5g", encoding="utf-8")
    shown = row.iloc[0]
    print(
        f"{group} | {name} | seed {seed} | {shown['grade']}: {shown['divergences']} divergences ({shown['place']}), R-hat "
        f"{shown['r_hat']:.4f}, ESS {shown['ess_bulk']:.0f} and {shown['ess_tail']:.0f} ({shown['worst']}), BFMI "
        f"{shown['bfmi']:.2f}, {shown['steps']:.0f} steps, {shown['rounds']} rounds from {shown['first']} ({shown['tried']}), "
        f"{seconds:.1f} s",
        flush=True,
    )


def one_by_one(group: str, every: Sequence[Asked]) -> None:
    """Fit one after the other."""
    for asked in every:
        _, model, runs, settings = asked
        start = time.perf_counter()
        fit = bs.fit(model, runs, settings)
        keep(group, asked, time.perf_counter() - start, measured(fit))


def at_once(group: str, every: Sequence[Asked]) -> None:
    """Fit on two workers, some at a time, so that what has ended is kept; they compile before they are timed."""
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _alone) as pool:
        _together(pool, [every[0]] * 2 * WORKERS)
        for part in batched(every, BATCH):
            start = time.perf_counter()
            rows = _together(pool, part)
            each = (time.perf_counter() - start) / len(part)
            for asked, row in zip(part, rows, strict=True):
                keep(group, asked, each, row)


def _alone() -> None:
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_OPT="1", RAYON_NUM_THREADS="1")


def _together(pool: ProcessPoolExecutor, part: Sequence[Asked]) -> list[pd.DataFrame]:
    tasks = {str(i): Task(runs, model, settings=settings) for i, (_, model, runs, settings) in enumerate(part)}
    return list(bs.fit_many(None, tasks, pool, keep=measured).results.values())


# The report.


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row a group: how many fits are clean, and the worst of each number."""
    rows = []
    for name, group in GROUPS.items():
        of = found[found["group"] == name]
        if not len(of):
            continue
        grades = Counter(of["grade"])
        rows.append(
            {
                "group": f"{name}: {group.title}",
                "aim": group.aim,
                "fits": len(of),
                "clean": grades["clean"],
                "noted": grades["noted"],
                "not to be trusted": grades["not to be trusted"],
                "met": "yes" if grades["clean"] >= group.share * len(of) else "no",
                "most divergences": of["divergences"].max(),
                "largest R-hat": f"{of['r_hat'].max():.4f}",
                "smallest ESS": f"{of[['ess_bulk', 'ess_tail']].min(axis=None):.0f}",
                "clean in the first round": int((of["first"] == "clean").sum()),
                "most rounds": of["rounds"].max(),
                "steps a draw, median": f"{of['steps'].median():.0f}",
                "seconds a fit, median": f"{of['seconds'].median():.2f}",
            }
        )
    return pd.DataFrame(rows)


def cases(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each case of which some fit is not clean."""
    rows = []
    for (group, name), of in found.groupby(["group", "name"], sort=False):
        bad = of[of["grade"] != "clean"]
        if len(bad):
            least = bad.loc[bad[["ess_bulk", "ess_tail"]].min(axis=1).idxmin()]
            rows.append(
                {
                    "group": group,
                    "case": name,
                    "clean": f"{len(of) - len(bad)} of {len(of)}",
                    "divergences": " ".join(str(count) for count in of["divergences"]),
                    "largest R-hat": f"{bad['r_hat'].max():.4f}",
                    "smallest ESS": f"{least['ess_bulk']:.0f} bulk, {least['ess_tail']:.0f} tail ({least['worst']})",
                    "where": "; ".join(bad["place"].dropna().unique()[:2]),
                }
            )
    return pd.DataFrame(rows)


def written(found: pd.DataFrame) -> str:
    """Return the report as Markdown."""
    listed = cases(found)
    return f"""# How often fits come out clean

As measured by benchmarks/robustness.py, aims met or not; every fit stands in robustness.csv. Clean: no divergence, R-hat at
most 1.01, effective sample sizes of at least 400, BFMI at least 0.3. Seconds are those of `fit` on a shared machine of two
cores, for `batch` of `fit_many` over the number of curves on two workers; the first fit of a model compiles.

{summary(found).to_markdown(index=False, disable_numparse=True)}

## Cases with fits that are not clean

{listed.to_markdown(index=False, disable_numparse=True) if len(listed) else "None."}
"""


def main() -> None:
    """Measure what is missing, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=list(GROUPS), default=list(GROUPS), metavar="GROUP", help=", ".join(GROUPS)
    )
    parser.add_argument("--match", default="", help="text in the names of cases")
    parser.add_argument("--seeds", type=int, default=10**6, help="at most so many of each case")
    parser.add_argument("--limit", type=int, help="at most so many fits")
    parser.add_argument("--again", action="store_true", help="measure anew what stands in the results")
    chosen = parser.parse_args()
    found = known()
    if chosen.again and len(found):
        old = found["group"].isin(chosen.only) & found["name"].str.contains(chosen.match, regex=False)
        found = found[~(old & (found["seed"] < chosen.seeds))]
        found.to_csv(RESULTS, index=False, float_format="%.5g", encoding="utf-8")
    done = set(found[["group", "name", "seed"]].itertuples(index=False, name=None)) if len(found) else set()
    left = chosen.limit
    for name in chosen.only:
        every = [of for of in GROUPS[name].fits() if chosen.match in of[0] and (name, of[0], of[3].seed) not in done]
        every = [of for of in every if GROUPS[name].together or of[3].seed < chosen.seeds][:left]
        left = None if left is None else left - len(every)
        if every:
            (at_once if GROUPS[name].together else one_by_one)(name, every)
            RESULTS.with_suffix(".md").write_text(written(known()), encoding="utf-8")
    print(summary(known()).to_string(index=False))


if __name__ == "__main__":
    main()
