"""Compile once, sample; draws from the prior."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling._base.blas import one_thread
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.log import LOG
from bayes_scaling._base.numbers import fixed, format_count
from bayes_scaling._base.random import derived_seed, stream
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.expansion import expand
from bayes_scaling.inference.posterior import PRIOR
from bayes_scaling.inference.prior_draws import draw_prior
from bayes_scaling.inference.reparametrization import Geometry, geometry
from bayes_scaling.laws.formula import law_key
from bayes_scaling.model.arrays import array_shapes, data
from bayes_scaling.model.build import build
from bayes_scaling.model.names import JOINT, JOINT_INFORMATION, JOINT_W
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model, discrepancy_terms, groups_used, smooths, trends, varyings

if TYPE_CHECKING:  # it loads the sampler
    from bayes_scaling.inference.compiling import Compiled, Density

EVERY = 30.0
"""Seconds between two lines that chains still go on."""
DEEPEST, CURVES_DEPTH = 10, 8
"""Doublings of a trajectory at most: the sampler's own, and those of models of whole curves at first."""
MOST_COMPILED = 64
"""Log densities that a process keeps compiled; the one not used for longest makes room for another."""
_COMPILED: "dict[tuple[Any, ...], Density]" = {}
"""What a log density is made of -> the density, the last used last."""
_ALONE = Lock()
"""Flags of the compiler and limits of linear algebra hold for all threads of a process. The limit is there because sums round
otherwise with other numbers of threads: the same seed would give other draws on another number of processors."""


def sample(model: Model, runs: Runs, settings: Settings, restarts: int = 0, *, deep: bool = False) -> xr.DataTree:
    """Return posterior draws and sampler statistics; compiles only for a model not sampled before.

    Parameters
    ----------
    restarts
        How often chains were started before with the same seed; each time they start elsewhere.
    deep
        Trajectories may be as long as the sampler makes them, see `depth_of`.

    Raises
    ------
    InputError
        Where the runs do not fit the model.
    """
    import nutpie

    from bayes_scaling.inference.compiling import split

    start = perf_counter()
    own = compiled(model, runs)
    _say_compiled(perf_counter() - start, settings)
    accept = settings.target_accept or _target_accept(model, own.arrays)
    sampler = nutpie.sample(
        own,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=settings.cores,
        seed=derived_seed(settings.seed, "restart", restarts) if restarts else settings.seed,
        target_accept=accept,
        adaptation="low_rank",
        maxdepth=DEEPEST if deep else depth_of(model),
        save_warmup=False,
        progress_bar=settings.progress,
        blocking=False,
    )
    tree = _finished(sampler, runs.source, settings)
    vectors = tree["posterior"]["x"].to_numpy().reshape(-1, own.n_dim)
    levels = {dim: runs.levels[dim] for dim in groups_used(model)}
    with one_thread():
        posterior = expand(model, split(own, vectors), own.arrays, levels, settings.chains, settings.seed)
    stats = _kept_stats(tree["sample_stats"].to_dataset()).assign_attrs(target_accept=accept)
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})


def _finished(sampler: Any, source: str, settings: Settings) -> Any:
    """Return what a sampler has drawn, once all chains have ended; refuse runs at which there is no density."""
    try:
        with _said_to_go_on(settings):
            return sampler.wait()
    except RuntimeError as error:
        if not _nowhere(str(error)):
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{source}: no draw could be made ({reason}); do the priors fit the loss and its unit?") from None
    except BaseException:  # an interrupted run must not pass for a short one
        sampler.cancel()
        raise


def depth_of(model: Model) -> int:
    """Return how often a trajectory may double at first.

    Chains of models of whole curves spend their first forty draws, before there is a metric worth the name, in trajectories of
    500 to 800 steps, half of all there are; afterwards 30 to 60 do, and 255 at most are enough. Where they are not, the next
    round has all.
    """
    along = model.noise.correlation
    return CURVES_DEPTH if along is not None and along.white is not None and varyings(model) else DEEPEST


def _say_compiled(seconds: float, settings: Settings) -> None:
    draws, tune = format_count(settings.draws), format_count(settings.tune)
    LOG.info("compiled in %s s; sampling %s x %s draws, %s of tuning before", fixed(seconds, 0), settings.chains, draws, tune)


@contextmanager
def _said_to_go_on(settings: Settings) -> Iterator[None]:
    """Say now and then that chains go on, where somebody listens and no bar shows it."""
    ended, start = Event(), perf_counter()

    def say() -> None:
        while not ended.wait(EVERY):
            LOG.info("sampling for %s s", fixed(perf_counter() - start, 0))

    speaker = Thread(target=say, daemon=True)
    if LOG.isEnabledFor(logging.INFO) and not settings.progress:
        speaker.start()
    try:
        yield
    finally:
        ended.set()


def _nowhere(said: str) -> bool:
    """Return whether there is no density where chains start: the one failure of a sampler that is due to the input."""
    from bayes_scaling.inference.native import NO_DENSITY, NO_GRADIENT

    codes = any(f"ErrorCode({code})" in said for code in (NO_DENSITY, NO_GRADIENT))
    return codes or "bad initial gradient" in said or "invalid initial point" in said.lower()


def _target_accept(model: Model, arrays: Mapping[str, np.ndarray]) -> float:
    """Return the acceptance rate to aim at: steps are cheap where few numbers are sampled jointly."""
    if JOINT_INFORMATION in arrays and not smooths(model):
        return 0.99
    return 0.95 if varyings(model) or trends(model) or discrepancy_terms(model) else 0.9


ARVIZ_NAMES = {"logp": "lp", "depth": "tree_depth", "maxdepth_reached": "reached_max_treedepth"}
"""What the sampler calls a statistic -> what ArviZ does."""
STATS = ("diverging", "energy", "n_steps", "step_size", *ARVIZ_NAMES)
"""Statistics of the sampler that are kept with the draws."""


def _kept_stats(stats: xr.Dataset) -> xr.Dataset:
    """Return the statistics that are kept, by ArviZ's names."""
    kept = stats[[name for name in STATS if name in stats]].drop_attrs()
    return kept.rename({name: known for name, known in ARVIZ_NAMES.items() if name in kept})


def compiled(model: Model, runs: Runs) -> "Compiled":
    """Return the log density of a model given runs, compiled unless it was before, and where its chains start.

    Raises
    ------
    InputError
        Where the runs do not fit the model.
    """
    from bayes_scaling.inference.compiling import with_data

    check_runs(model, runs)
    levels = {dim: runs.levels[dim] for dim in groups_used(model)}
    with _ALONE, one_thread():
        arrays, how = _arrays(model, runs, levels)
        density = _density(model, arrays, levels)
    sizes = {dim: len(of) for dim, of in levels.items()} | {JOINT: len(how.centre.get(JOINT_W, ()))}
    return with_data(density, arrays, sizes, _starts(how, density.variables))


def sample_prior(model: Model, runs: Runs, draws: int, seed: int) -> xr.DataTree:
    """Return draws from the prior, shaped like a posterior of one chain."""
    check_runs(model, runs)
    levels = {dim: runs.levels[dim] for dim in groups_used(model)}
    drawn = draw_prior(model, data(model, runs, levels), levels, draws, seed)
    return xr.DataTree.from_dict({"posterior": drawn.assign_attrs({PRIOR: 1})})


def _density(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> "Density":
    """Return a model's compiled log density; one serves any number of rows and of levels, so that refits do not compile."""
    from bayes_scaling.inference.compiling import compile_density

    shapes = array_shapes(model, arrays)
    own = tuple((dim, len(levels[dim])) for term in model.discrepancy for dim in term.dims)
    between = model.noise.residual_correlation
    own += () if between is None else ((between.over, len(levels[between.over])),)
    key = (
        law_key(model.law),
        repr(model.parameters),
        repr(model.noise),
        repr(model.discrepancy),
        repr(model.joint),
        own,
        repr(shapes),
    )
    if key not in _COMPILED:
        while len(_COMPILED) >= MOST_COMPILED:
            del _COMPILED[next(iter(_COMPILED))]
        _COMPILED[key] = compile_density(build(model, arrays, levels), arrays, shapes)
    _COMPILED[key] = _COMPILED.pop(key)  # the last one used is the last to go
    return _COMPILED[key]


def _arrays(model: Model, runs: Runs, levels: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], Geometry]:
    """Return everything that a compiled model reads, and how to sample it."""
    arrays = data(model, runs, levels)
    how = geometry(model, arrays, levels)
    return arrays | dict(how.arrays), how


def _starts(how: Geometry, variables: Iterable[str]) -> Callable[[Any], np.ndarray]:
    """Return where chains start, by seed: around the mode where it is known, elsewhere all over the prior."""
    centre, spread = (np.concatenate([np.ravel(of[name]) for name in variables]) for of in (how.centre, how.spread))

    def start(seed: Any) -> np.ndarray:
        return np.asarray(centre + 2.0 * spread * stream(seed).uniform(-1.0, 1.0, len(centre)))

    return start
