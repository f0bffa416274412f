"""Several laws as one: a mixture of the posteriors of laws fitted to the same runs, each with a weight of its own.

A stack says what its laws say together wherever a fit is asked for predictions or contrasts. Who asks goes through
`map_components`, so that nothing else needs to know which of the two it holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.random import derived_seed
from bayes_scaling._base.views import page, view
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.comparable import require_same_runs
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model.specification import law_groups, model_inputs

type Posterior = Fit | Stack
"""What predictions and contrasts are asked of."""


@dataclass(frozen=True)
class Weighing:
    """How the weights of a stack were found, and what that cost.

    Parameters
    ----------
    prior
        Law -> its weight before the runs were seen; they sum to 1.
    train
        Filters of the runs that laws were trained on to be judged by the others; empty where the runs are too few.
    held
        How many rows were predicted, over all of these.
    log_scores, crps
        Law -> the mean of its scores there.
    left_out
        Law -> why it has no weight.
    doubts
        Training part of a law -> what its sampler says against it; it was scored all the same.
    seconds, steps
        Law -> seconds, and leapfrog steps, of all its fits together.
    """

    prior: Mapping[str, float]
    train: tuple[str, ...] = ()
    held: int = 0
    log_scores: Mapping[str, float] = field(default_factory=dict)
    crps: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Stack:
    """A mixture of posteriors over several laws, p(y) = sum_k w_k p_k(y): a share w_k of the draws comes from each law.

    Parameters
    ----------
    members
        Law -> its fit, thinned to its share of the draws in a single chain; a law too light for one draw is left out.
    weights
        Law -> its weight; they sum to 1.
    fits
        Law -> its fit with all its draws and chains, which its parameters and its health are of.
    weighing
        How the weights were found, where `fit_stack` found them.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.inference.stacking import stack
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> fits = {name: bs.prior(study.model, study_runs(study), draws=40, seed=i) for i, name in enumerate("ab")}
    >>> both = stack(fits, {"a": 0.75, "b": 0.25})
    >>> both.counts, both.to_frame()["law"].tolist()
    ({'a': 40, 'b': 13}, ['a', 'b'])
    """

    members: Mapping[str, Fit]
    weights: Mapping[str, float]
    fits: Mapping[str, Fit] = field(default_factory=dict)
    weighing: Weighing | None = None

    if not TYPE_CHECKING:  # a type checker says so before

        def __getattr__(self, name: str) -> NoReturn:
            """Refuse what only a single fit has."""
            if name in {one.name for one in fields(Fit)} | {"posterior", "to_datatree", "plot"}:
                raise InputError(
                    f"a stack has no {name} of its own, which this asks for; ask one of its fits: {format_names(self.fits)}"
                )
            raise AttributeError(f"'Stack' object has no attribute {name!r}")

    @property
    def runs(self) -> Runs:
        """The runs that every member was fitted to."""
        return next(iter(self.members.values())).runs

    @property
    def health(self) -> Health | None:
        """The health of all its fits together, see `health.combined`."""
        return combined({name: one.health for name, one in self.fits.items()})

    @property
    def counts(self) -> dict[str, int]:
        """Law -> how many of the stack's draws are its own."""
        return {name: int(of.posterior.sizes["draw"]) for name, of in self.members.items()}

    @property
    def shares(self) -> dict[str, slice]:
        """Law -> which of the stack's draws are its own."""
        stops = np.cumsum(list(self.counts.values())).tolist()
        return {name: slice(start, stop) for name, start, stop in zip(self.members, [0, *stops], stops, strict=False)}

    _lines = view("bayes_scaling.inference.page:stack_lines")
    _sentences = view("bayes_scaling.report.sentences:stack_sentences")

    @carried
    def to_frame(self) -> pd.DataFrame:
        """Return a row a law: its weight, its draws among those of the stack, and the grade of its own draws.

        A parameter of one law is none of another, even where they share a name: `.fits[law].to_frame()` has those of a law.
        """
        rows = [
            {"law": law, "weight": weight, "draws": self._draws(law), "grade": self._grade(law)}
            for law, weight in self.weights.items()
        ]
        return pd.DataFrame(rows, columns=["law", "weight", "draws", "grade"])

    def _draws(self, law: str) -> int:
        return self.counts.get(law, 0)

    def _grade(self, law: str) -> str:
        health = self.fits[law].health if law in self.fits else None
        return health.grade if health else ""

    def summary(self) -> str:
        """Return what the laws say together, a sentence a line: their weights, the loss at and beyond the largest run."""
        return "\n".join(self._sentences())

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        title, *lines = self._lines()
        return page(title, lines, self.to_frame(), self.health.line if self.health else "")


def stack(fits: Mapping[str, Fit], weights: Mapping[str, float], most: int | None = None) -> Stack:
    """Return fits as one mixture, with as many draws as the weights leave of them.

    N = min_k n_k / w_k draws, of which round(w_k N) are those of law k, evenly spaced over its n_k.

    Parameters
    ----------
    fits
        Law -> its fit, all of the same runs.
    weights
        Law -> weight; what `stacking_weights` or `compare` return.
    most
        Draws of the mixture at most; None for no limit.

    Returns
    -------
    Stack
        Predictions and contrasts take it as they take a fit.

    Raises
    ------
    InputError
        Where the weights are not those of the fits or do not sum to 1, and where two fits are of different runs, units,
        references, counts or scales of the noise.

    References
    ----------
    .. [1] Yao, Vehtari, Simpson and Gelman (2018). Using stacking to average Bayesian predictive distributions. Bayesian
       Analysis 13, 917-1007.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> fits = {name: bs.prior(study.model, study_runs(study), draws=40, seed=i) for i, name in enumerate("ab")}
    >>> both = stack(fits, {"a": 0.75, "b": 0.25})
    >>> {name: int(of.posterior.sizes["draw"]) for name, of in both.members.items()}
    {'a': 40, 'b': 13}
    """
    if set(fits) != set(weights):
        raise InputError(f"the fits are {format_names(fits)}; weights are given for {format_names(weights)}")
    if not fits or min(weights.values()) < 0 or not np.isclose(sum(weights.values()), 1.0, atol=1e-6):
        raise InputError(f"weights must be at least 0 and sum to 1, not {dict(weights)}")
    require_same_runs(fits)
    total = min(_draws(fits[name]) / weight for name, weight in weights.items() if weight > 0)
    total = total if most is None else min(total, most)
    counts = {name: min(round(weight * total), _draws(fits[name])) for name, weight in weights.items()}
    return mixed(fits, weights, counts)


def mixed(fits: Mapping[str, Fit], weights: Mapping[str, float], counts: Mapping[str, int]) -> Stack:
    """Return fits as a mixture with so many draws of each."""
    kept = [name for name in fits if counts[name]]
    starts = dict(zip(kept, np.cumsum([0, *(counts[name] for name in kept)]).tolist(), strict=False))
    seeds = {name: derived_seed(fits[name].settings.seed, "law", name) for name in kept if len(kept) > 1}
    members = {name: _thinned(fits[name], counts[name], starts[name], seeds.get(name)) for name in kept}
    return Stack(members, dict(weights), dict(fits))


def map_components[T: (xr.DataArray, xr.Dataset)](fit: Posterior, draws_of: Callable[[Fit, slice], T]) -> T:
    """Return what a function draws from a fit; from a stack that of each member, one after the other along "draw".

    Parameters
    ----------
    draws_of
        Takes a fit, and which of all draws are its own.
    """
    every = [draws_of(one, draws) for one, draws in parts(fit)]
    return every[0] if len(every) == 1 else xr.concat(every, "draw", coords="minimal", compat="override", join="override")


def without_health(fit: Posterior) -> Posterior:
    """Return a fit or a stack without what its sampler says, for a page or a print that says it once."""
    if isinstance(fit, Fit):
        return replace(fit, health=None)
    return replace(fit, fits={name: replace(one, health=None) for name, one in fit.fits.items()})


def parts(fit: Posterior) -> list[tuple[Fit, slice]]:
    """Return the fits behind a fit or a stack, and which of all draws are their own."""
    if isinstance(fit, Fit):
        return [(fit, slice(None))]
    return [(fit.members[name], draws) for name, draws in fit.shares.items()]


def draws_of(fit: Posterior) -> tuple[int, int]:
    """Return how many chains and draws there are."""
    sizes = [one.posterior.sizes for one, _ in parts(fit)]
    return int(sizes[0]["chain"]), sum(int(of["draw"]) for of in sizes)


def groups_needed(fit: Posterior) -> list[str]:
    """Return the groups that a point must name a level of: those between which any of the laws differs."""
    return sorted({dim for one, _ in parts(fit) for dim in law_groups(one.model)})


def inputs_read(fit: Posterior) -> tuple[str, ...]:
    """Return the inputs that any of the laws reads."""
    return tuple(dict.fromkeys(name for one, _ in parts(fit) for name in model_inputs(one.model)))


def law_reads(fit: Posterior) -> tuple[str, ...]:
    """Return the inputs that any of the laws reads by itself, without those of trends and the like."""
    return tuple(dict.fromkeys(name for one, _ in parts(fit) for name in law_inputs(one.model.law)))


def has_discrepancy(fit: Posterior) -> bool:
    """Return whether any of the models admits that its law may be wrong."""
    return any(one.model.discrepancy for one, _ in parts(fit))


def whole_fits(fit: Posterior) -> dict[str, Fit]:
    """Return the fits behind a fit or a stack, with all their draws, by name; that of a single fit is its law's."""
    return {fit.model.law.__name__: fit} if isinstance(fit, Fit) else dict(fit.fits)


def noise_scale(fit: Posterior) -> str:
    """Return what rows scatter in: "log_loss", "loss" or "log_odds", the same for all members of a stack."""
    return parts(fit)[0][0].model.noise.on


def _draws(fit: Fit) -> int:
    return int(fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"])


def _thinned(fit: Fit, count: int, start: int, seed: int | None) -> Fit:
    """Return a fit with so many of its draws, evenly spaced, in one chain, numbered from `start` on.

    Laws that are several have seeds of their own: with that of another law their scatter would be the same draw for draw.
    """
    flat = fit.posterior.drop_vars(["chain", "draw"], errors="ignore").stack(all=("chain", "draw"), create_index=False)
    kept = flat.isel(all=((np.arange(count) + 0.5) * _draws(fit) // count).astype(int)).rename(all="draw")
    numbered = kept.expand_dims(chain=[0]).assign_coords(draw=np.arange(start, start + count))
    draws = xr.DataTree.from_dict({"posterior": numbered.transpose("chain", "draw", ...)})
    return replace(fit, draws=draws, settings=fit.settings if seed is None else replace(fit.settings, seed=seed))
