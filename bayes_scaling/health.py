"""Whether draws can be trusted: three grades, what they rest on, and the one line that goes wherever the draws go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.convergence import convergence
from bayes_scaling.divergences import place_of

type Grade = Literal["clean", "noted", "not to be trusted"]
GRADES: tuple[Grade, ...] = get_args(Grade.__value__)

R_HAT_LIMIT = 1.01
ESS_LIMIT = 400
BFMI_LIMIT = 0.3
DIVERGENT_LIMIT = 0.001
"""Share of all draws up to which divergences are noted: Stan, brms, PyMC and ArviZ warn of one in thousands, none refuses."""
DIVERGENT_CHAIN_LIMIT = 0.0025
"""Share of a chain's draws: the divergences of one chain alone say that it met a place which the others missed."""
DEPTH_LIMIT = 0.01
"""Share of trajectories cut at the largest tree depth; a few cost time only."""
LISTED = 3
"""Parameters, or fits of a group of fits, that a sentence names."""


@dataclass(frozen=True)
class Health:
    """What the sampler says about its draws.

    divergences: trajectories that left the posterior; a sign of a region not explored.
    r_hat: largest rank-normalised split R-hat of all parameters; 1 where the chains agree, None where there is a single one.
    ess_bulk, ess_tail: smallest effective sample sizes for the centre and for the 5 and 95 % quantiles; 0 where none is known.
    bfmi: smallest energy Bayesian fraction of missing information of the chains; None where it cannot be computed.
    worst: the parameter with the smallest effective sample size.
    draws, chains: how many there are of all chains, and of those; 0 where an older record does not say.
    by_chain: divergences of each chain.
    place: where they are, as the draws show it; empty where they do not.
    max_depth: trajectories cut at the largest tree depth.
    stuck: parameters that did not move in a chain; not_finite: those with a NaN or infinite draw. R-hat and effective sample
        sizes are those of the others.
    rounds: what each round of sampling found and tried.
    members: name -> health, where this is that of several fits together.
    """

    divergences: int
    r_hat: float | None
    ess_bulk: float
    ess_tail: float
    bfmi: float | None
    worst: str
    draws: int = 0
    chains: int = 0
    by_chain: tuple[int, ...] = ()
    place: str = ""
    max_depth: int = 0
    stuck: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()
    rounds: tuple[Mapping[str, Any], ...] = ()
    members: Mapping[str, "Health"] = field(default_factory=dict)

    @property
    def grade(self) -> Grade:
        """Clean; noted, where little speaks against the draws, and they may be used; or not to be trusted."""
        return max((one.grade for one in _remarks(self)), key=GRADES.index, default="clean")

    @property
    def ok(self) -> bool:
        """Whether the draws may be trusted: clean or noted."""
        return self.grade != "not to be trusted"

    @property
    def clean(self) -> bool:
        """Whether nothing speaks against the draws."""
        return self.grade == "clean"

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that speaks against the draws, with what to try; empty where they are clean."""
        return [f"{one.what}; {one.cure}." if one.cure else f"{one.what}." for one in _remarks(self)]

    @property
    def line(self) -> str:
        """All that speaks against the draws in one line, which says whether they may be trusted; empty where they are clean."""
        found = [one.what for one in _remarks(self)]
        if not found:
            return ""
        more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
        return f"{'note [sampler]' if self.ok else 'not to be trusted'}: {'; '.join(found[:LISTED])}{more}"


@dataclass(frozen=True)
class _Remark:
    """What speaks against draws, how much, and what to try."""

    grade: Grade
    what: str
    cure: str = ""


def _remarks(health: Health) -> list[_Remark]:
    """Return everything that speaks against draws, the worst first; of several fits with the name of each."""
    if health.members:
        named = {name: _remarks(one) for name, one in health.members.items()}
        found = [_Remark(one.grade, f"{name}: {one.what}", one.cure) for name, every in named.items() for one in every]
    else:
        every = (_unmoved(health), _divergent(health), _chains(health), _sizes(health), _energy(health), _depth(health))
        found = [one for one in every if one is not None]
    return sorted(found, key=lambda one: -GRADES.index(one.grade))


def _unmoved(health: Health) -> _Remark | None:
    broken = {"is not finite": health.not_finite, "never moved": health.stuck}
    said = [f"{_listed(names)} {what}" for what, names in broken.items() if names]
    return _Remark("not to be trusted", "; ".join(said), "try another seed, or priors that keep it in range") if said else None


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _divergent(health: Health) -> _Remark | None:
    count, draws = health.divergences, health.draws
    if not count:
        return None
    share = f" in {draws:,} draws ({100 * count / draws:.2g} %)" if draws else ""
    what = f"{count} divergence{'s' if count > 1 else ''}{share}" + (f", {health.place}" if health.place else "")
    worst = max(health.by_chain, default=0)
    few = worst * health.chains <= DIVERGENT_CHAIN_LIMIT * draws  # chains are of one length
    if draws and count <= DIVERGENT_LIMIT * draws and few:
        return _Remark("noted", what)
    if draws and count <= DIVERGENT_LIMIT * draws:
        what += f", {worst} of them in one chain"
    return _Remark("not to be trusted", what, "try target_accept nearer 1, or tighter priors of scales (Varying, noise)")


def _chains(health: Health) -> _Remark | None:
    if health.r_hat is not None and health.r_hat <= R_HAT_LIMIT:
        return None
    if health.r_hat is not None and isfinite(health.r_hat):
        what = f"R-hat {health.r_hat:.4f} (limit {R_HAT_LIMIT}), the chains disagree"
        return _Remark("not to be trusted", what, "try more tune and draws")
    if health.chains == 1:
        return _Remark("noted", "one chain cannot be judged, as there is no other to hold it against", "try 2 chains or more")
    if health.stuck or health.not_finite:
        return None
    return _Remark("not to be trusted", "R-hat cannot be computed", "try 2 chains or more, of more draws")


def _sizes(health: Health) -> _Remark | None:
    if health.ess_bulk >= ESS_LIMIT and health.ess_tail >= ESS_LIMIT:
        return None
    bulk, tail = (int(of) if isfinite(of) else 0 for of in (health.ess_bulk, health.ess_tail))
    at = f" ({health.worst})" if health.worst else ""
    what = f"effective sample size {bulk} bulk{at}, {tail} tail (limit {ESS_LIMIT})"
    return _Remark("not to be trusted", what, "try more draws, or a prior that says more")


def _energy(health: Health) -> _Remark | None:
    if health.bfmi is not None and health.bfmi >= BFMI_LIMIT:
        return None
    known = health.bfmi is not None and isfinite(health.bfmi)
    what = f"energy BFMI {health.bfmi:.2f} (limit {BFMI_LIMIT})" if known else "energy BFMI cannot be computed"
    return _Remark("not to be trusted", what, "try more tune, or tighter priors of scales")


def _depth(health: Health) -> _Remark | None:
    if health.max_depth <= DEPTH_LIMIT * health.draws:
        return None
    what = f"{100 * health.max_depth / health.draws:.2g} % of trajectories cut at the largest tree depth"
    return _Remark("not to be trusted", what, "try more tune, or tighter priors")


def health(tree: xr.DataTree) -> Health:
    """Return the sampler's health over every parameter and level.

    Parameters
    ----------
    tree
        Groups "posterior", and "sample_stats" with `diverging` and `energy`, and `maxdepth_reached` where the sampler says it.
    """
    posterior, stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    found = convergence(posterior)
    energy = convergence(stats[["energy"]].astype(float))
    diverging = stats["diverging"].transpose("chain", "draw").to_numpy().astype(bool)
    bulk = found.ess_bulk
    known = bool(len(bulk)) and bool(np.isfinite(bulk).any())
    return Health(
        divergences=int(diverging.sum()),
        r_hat=_extreme(found.r_hat, np.max),
        ess_bulk=_extreme(bulk, np.min) or 0.0,
        ess_tail=_extreme(found.ess_tail, np.min) or 0.0,
        bfmi=_bfmi(stats["energy"]),
        worst=found.names[int(np.nanargmin(bulk))] if known else "",
        draws=diverging.size,
        chains=len(diverging),
        by_chain=tuple(int(count) for count in diverging.sum(axis=1)),
        place=place_of(posterior, diverging),
        max_depth=int(stats["maxdepth_reached"].sum()) if "maxdepth_reached" in stats else 0,
        stuck=(*found.stuck, *energy.stuck),
        not_finite=(*found.not_finite, *energy.not_finite),
    )


def _extreme(values: np.ndarray, of: Any) -> float | None:
    """Return the largest or smallest of what is known, None where nothing is."""
    known = values[np.isfinite(values)]
    return float(of(known)) if len(known) else None


def _bfmi(energy: xr.DataArray) -> float | None:
    from arviz_stats.base import array_stats

    with np.errstate(divide="ignore", invalid="ignore"):  # of a chain whose energy never moved
        chains = array_stats.bfmi(energy.transpose("chain", "draw").to_numpy())
    return float(chains.min()) if np.isfinite(chains).all() else None


def combined(healths: Mapping[str, Health | None]) -> Health | None:
    """Return the health of several fits together: the worst of each number, every remark with the name of its fit.

    None where none was sampled.
    """
    members = {name: one for name, one in healths.items() if one is not None}
    if not members:
        return None
    every = list(members.values())
    r_hats, bfmis = [one.r_hat for one in every], [one.bfmi for one in every]
    weakest = min(members, key=lambda name: members[name].ess_bulk)
    return Health(
        divergences=sum(one.divergences for one in every),
        r_hat=None if None in r_hats else max(of for of in r_hats if of is not None),
        ess_bulk=members[weakest].ess_bulk,
        ess_tail=min(one.ess_tail for one in every),
        bfmi=None if None in bfmis else min(of for of in bfmis if of is not None),
        worst=f"{weakest}: {members[weakest].worst}",
        draws=sum(one.draws for one in every),
        max_depth=sum(one.max_depth for one in every),
        members=members,
    )


def counts(grades: Mapping[Grade, int]) -> str:
    """Return how many fits have each grade, as "158 clean, 2 noted, 1 not to be trusted"; grades that none has are left out."""
    return ", ".join(f"{grades[grade]} {grade}" for grade in GRADES if grades.get(grade))


def accepted(health: Health | None, strict: bool = False) -> bool:
    """Return whether a job with such draws is done: the one place that decides it.

    Draws from the prior are not sampled, and pass.

    Parameters
    ----------
    strict
        Whether only clean draws pass.
    """
    return health is None or (health.clean if strict else health.ok)


def from_record(record: Mapping[str, Any]) -> Health:
    """Return a health from what `dataclasses.asdict` made of it, by way of JSON or not.

    Records of older versions lack fields, and may have a NaN where None stands now.
    """
    known = {one.name: record[one.name] for one in fields(Health) if one.name in record}
    plain = {name: None if isinstance(of, float) and not isfinite(of) else of for name, of in known.items()}
    sizes = {name: plain[name] or 0.0 for name in ("ess_bulk", "ess_tail")}
    tuples = {name: tuple(of) for name, of in plain.items() if isinstance(of, list)}
    members = {name: from_record(of) for name, of in record.get("members", {}).items()}
    arguments: dict[str, Any] = {**plain, **sizes, **tuples, "members": members}
    return Health(**arguments)


def mark[T: (pd.DataFrame, xr.DataArray, xr.Dataset)](made: T, health: Health | None) -> T:
    """Return a table or draws with the line of the fit that they were made from in `attrs["health"]`; absent where clean."""
    if health is not None and health.line:
        made.attrs["health"] = health.line
    return made
