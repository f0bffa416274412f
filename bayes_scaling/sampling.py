"""Compile once, sample, refit on other data, and judge whether the draws can be trusted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes_scaling import discrepancy
from bayes_scaling.errors import InputError
from bayes_scaling.geometry import Geometry, geometry
from bayes_scaling.model import (
    NU_BEYOND_ONE,
    Model,
    build,
    check_runs,
    data,
    departures,
    groups_used,
    information_name,
    sampled_name,
    spread_name,
    term_name,
    trends,
    varyings,
)
from bayes_scaling.runs import Runs
from bayes_scaling.schedules import in_parts

R_HAT_LIMIT = 1.01
ESS_LIMIT = 400
BFMI_LIMIT = 0.3

_COMPILED: dict[tuple[Any, ...], tuple[dict[str, np.ndarray], dict[str, int], Any]] = {}
_ALONE = Lock()
"""Flags of the compiler and limits of linear algebra hold for all threads of a process. The limit is there because sums round
otherwise with other numbers of threads: the same seed would give other draws on another number of processors."""


@dataclass(frozen=True)
class Settings:
    """How to sample.

    draws, tune: kept and discarded draws of each chain.
    chains: number of independent chains.
    seed: the same seed gives the same draws on the same machine.
    target_accept: acceptance rate that the step size aims at; nearer 1 means smaller steps. None: 0.95 where effects of
        groups are pooled, parameters drift or the law may be wrong, whose posteriors have narrow places, and 0.9 elsewhere.
    cores: chains that are sampled side by side; None: as many as there are. The draws do not depend on it.
    progress: show a progress bar.
    """

    draws: int = 2000
    tune: int = 500
    chains: int = 4
    seed: int = 0
    target_accept: float | None = None
    cores: int | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        for name, least in {"draws": 4, "tune": 1, "chains": 1, "seed": 0}.items():
            if not least <= getattr(self, name) < 2**32:
                raise InputError(f"{name} must be at least {least} and below 2^32, not {getattr(self, name)}")


@dataclass(frozen=True)
class Health:
    """What the sampler says about its draws.

    divergences: trajectories that left the posterior; any is a sign of a region not explored.
    r_hat: largest rank-normalised split R-hat of all parameters; 1 where the chains agree.
    ess_bulk, ess_tail: smallest effective sample sizes for the centre and for the 5 and 95 % quantiles.
    bfmi: smallest energy Bayesian fraction of missing information of the chains.
    worst: the parameter with the smallest effective sample size.
    """

    divergences: int
    r_hat: float
    ess_bulk: float
    ess_tail: float
    bfmi: float
    worst: str

    @property
    def problems(self) -> list[str]:
        """One sentence for each gate that failed, with what to try; empty where all is well."""
        found = []
        if self.divergences:
            found.append(
                f"{self.divergences} divergences: try target_accept nearer 1, or tighter priors of scales (Varying, noise)."
            )
        if not self.r_hat <= R_HAT_LIMIT:
            found.append(f"R-hat {self.r_hat:.3f} (limit {R_HAT_LIMIT}): the chains disagree; try more tune and draws.")
        if not (self.ess_bulk >= ESS_LIMIT and self.ess_tail >= ESS_LIMIT):
            found.append(
                f"effective sample size {self.ess_bulk:.0f} bulk ({self.worst}), {self.ess_tail:.0f} tail "
                f"(limit {ESS_LIMIT}): try more draws, or a prior that says more."
            )
        if not self.bfmi >= BFMI_LIMIT:
            found.append(f"energy BFMI {self.bfmi:.2f} (limit {BFMI_LIMIT}): try more tune, or tighter priors of scales.")
        return found

    @property
    def ok(self) -> bool:
        """Whether every gate passed."""
        return not self.problems


def sample(model: Model, runs: Runs, settings: Settings) -> xr.DataTree:
    """Return posterior draws and sampler statistics; compiles only for a model and levels not sampled before.

    Raises InputError where the runs do not fit the model.
    """
    import nutpie

    check_runs(model, runs)
    with _ALONE, threadpool_limits(1, "blas"):
        levels, layout, compiled = _compiled(model, runs)
        arrays, how = _arrays(model, runs, levels)
    read = {variable.name for variable in compiled.shared_var_keys}  # that of a correlation reads the gaps only
    sampler = nutpie.sample(
        _started(compiled.with_data(**{name: of for name, of in arrays.items() if name in read}), layout, how),
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=settings.cores,
        seed=settings.seed,
        target_accept=settings.target_accept or (0.95 if varyings(model) or trends(model) or departures(model) else 0.9),
        adaptation="low_rank",
        save_warmup=False,
        progress_bar=settings.progress,
        blocking=False,
    )
    try:
        tree = sampler.wait()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{runs.source}: no draw could be made ({reason}); do the priors fit the loss and its unit?") from None
    except BaseException:  # an interrupted run must not pass for a short one
        sampler.cancel()
        raise
    stats = ["diverging", "energy", "n_steps", "step_size", "logp"]
    return xr.DataTree.from_dict(
        {
            "posterior": _named(model, tree["posterior"].to_dataset(), levels, arrays, settings.seed),
            "sample_stats": tree["sample_stats"].to_dataset()[stats].drop_attrs(),
        }
    )


def sample_prior(model: Model, runs: Runs, draws: int, seed: int) -> xr.DataTree:
    """Return draws from the prior, shaped like a posterior of one chain."""
    import pymc as pm

    check_runs(model, runs)
    levels = {dim: runs.levels[dim] for dim in groups_used(model)}
    arrays, _ = _arrays(model, runs, levels)
    with build(model, arrays, levels) as built:
        names = [variable.name for variable in [*built.free_RVs, *built.deterministics]]
        logging.getLogger("pymc.sampling.forward").setLevel(logging.WARNING)  # it lists the variables it draws
        tree = pm.sample_prior_predictive(draws, var_names=names, random_seed=seed)
    return xr.DataTree.from_dict({"posterior": _named(model, tree["prior"].to_dataset()[names], levels, arrays, seed)})


def health(tree: xr.DataTree) -> Health:
    """Return the sampler's health over every parameter and level."""
    import arviz_stats

    posterior = tree["posterior"].to_dataset()
    stats = tree["sample_stats"].to_dataset()
    bulk = arviz_stats.ess(posterior, method="bulk")
    r_hat = arviz_stats.rhat(posterior)
    smallest = {name: float(bulk[name].min()) for name in bulk.data_vars}
    return Health(
        divergences=int(stats["diverging"].sum()),
        r_hat=max(float(r_hat[name].max()) for name in r_hat.data_vars),
        ess_bulk=min(smallest.values()),
        ess_tail=min(float(value.min()) for value in arviz_stats.ess(posterior, method="tail").data_vars.values()),
        bfmi=float(arviz_stats.bfmi(tree).energy.min()),
        worst=min(smallest, key=lambda name: smallest[name]),
    )


def _compiled(model: Model, runs: Runs) -> tuple[dict[str, np.ndarray], dict[str, int], Any]:
    """Return the levels that a model's compiled sampler knows, the sizes of its variables in order, and the sampler.

    Runs that lack some of the levels of an earlier fit are sampled by the earlier sampler: the posterior of a level
    without rows is its prior given the rest, as for a level never seen.
    """
    import nutpie
    from pytensor import config

    parts = repr(in_parts(runs.table, runs.columns))
    key = (model.law, repr(model.parameters), repr(model.noise), repr(model.discrepancy), "reading_error" in runs.table, parts)
    wanted = {dim: runs.levels[dim] for dim in groups_used(model)}
    if key in _COMPILED and all(np.isin(wanted[dim], _COMPILED[key][0][dim]).all() for dim in wanted):
        return _COMPILED[key]
    built = build(model, _arrays(model, runs, wanted)[0], wanted)
    start = built.initial_point()
    layout = {value.name.removesuffix("_log__"): start[value.name].size for value in built.value_vars}
    # Without fast-math a kernel read from the cache on disk gives the same bits as one just compiled.
    with config.change_flags(numba__fastmath=False):
        _COMPILED[key] = wanted, layout, nutpie.compile_pymc_model(built)
    return _COMPILED[key]


def _arrays(model: Model, runs: Runs, levels: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], Geometry]:
    """Return everything that a compiled model reads, and how to sample it."""
    arrays = data(model, runs, levels)
    how = geometry(model, arrays, levels)
    return arrays | dict(how.information), how


def _started(compiled: Any, layout: Mapping[str, int], how: Geometry) -> Any:
    """Return a sampler whose chains start around the mode where it is known, and elsewhere around the prior's middle."""
    if not how.centre:
        return compiled
    default = compiled.initial_point_func
    unknown = {name: np.full(size, np.nan) for name, size in layout.items()}
    centre, spread = (
        np.concatenate([np.ravel(of.get(name, unknown[name])) for name in layout]) for of in (how.centre, how.spread)
    )

    def start(seed: Any) -> np.ndarray:
        around = centre + 2.0 * spread * np.random.default_rng(seed).uniform(-1.0, 1.0, len(centre))
        return np.where(np.isnan(around), default(seed), around)

    return replace(compiled, initial_point_func=start)


def _named(model: Model, draws: xr.Dataset, levels: Any, arrays: Mapping[str, np.ndarray], seed: int) -> xr.Dataset:
    """Return draws of each term's effect in place of the coordinates it was sampled in."""
    for owner, term in varyings(model):
        known = xr.DataArray(arrays[information_name(owner, term)], dims=term.dims)
        sd = draws[spread_name(owner, term)]
        effect = draws[sampled_name(owner, term)] * sd / np.sqrt(1.0 + known * sd**2)
        draws = draws.drop_vars(sampled_name(owner, term)).assign({term_name(owner, term): effect})
    if NU_BEYOND_ONE in draws:
        draws = draws.assign(noise_nu=1.0 + draws[NU_BEYOND_ONE]).drop_vars(NU_BEYOND_ONE)
    if departures(model):
        draws = discrepancy.extend(departures(model), draws, arrays, levels, seed)
    kept = draws.drop_dims([dim for dim in draws.dims if not str(dim).startswith(("chain", "draw", "knot_", *levels))])
    return kept.drop_attrs().transpose("chain", "draw", ...)
