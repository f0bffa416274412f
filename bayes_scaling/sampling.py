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
from bayes_scaling.health import Health as Health
from bayes_scaling.health import health as health
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
    strict: only clean draws count as done; noted ones end a command with exit code 3, see `health.accepted`.
    """

    draws: int = 2000
    tune: int = 500
    chains: int = 4
    seed: int = 0
    target_accept: float | None = None
    cores: int | None = None
    progress: bool = True
    strict: bool = False

    def __post_init__(self) -> None:
        for name, least in {"draws": 4, "tune": 1, "chains": 1, "seed": 0}.items():
            if not least <= getattr(self, name) < 2**32:
                raise InputError(f"{name} must be at least {least} and below 2^32, not {getattr(self, name)}")


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
    return xr.DataTree.from_dict(
        {
            "posterior": _named(model, tree["posterior"].to_dataset(), levels, arrays, settings.seed),
            "sample_stats": _kept_stats(tree["sample_stats"].to_dataset()),
        }
    )


STATS = ("diverging", "energy", "n_steps", "step_size", "logp", "depth", "maxdepth_reached")


def _kept_stats(stats: xr.Dataset) -> xr.Dataset:
    return stats[[name for name in STATS if name in stats]].drop_attrs()


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
