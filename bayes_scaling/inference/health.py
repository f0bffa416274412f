"""Whether draws can be trusted: three grades, what they rest on, and the one line that says so."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Any, Literal, get_args

from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import fixed, format_count, number, percent, several

type Grade = Literal["clean", "noted", "not to be trusted"]
GRADES: tuple[Grade, ...] = get_args(Grade.__value__)

R_HAT_LIMIT = 1.01
"""R-hat above which chains disagree (Vehtari et al. 2021)."""
ESS_LIMIT = 400
"""Least effective sample size of several chains (Vehtari et al. 2021)."""
ESS_LIMIT_OF_ONE = 100
"""Of a single chain: 400 stands for 100 in each of four (Vehtari et al. 2021), and one is at best noted."""
BFMI_LIMIT = 0.3
"""Least energy BFMI: below it, momenta explore the energy too slowly (Betancourt 2016)."""
DIVERGENT_LIMIT = 0.001
"""Share of all draws up to which divergences are noted: Stan, brms, PyMC and ArviZ warn of one in thousands, none refuses."""
DIVERGENT_CHAIN_LIMIT = 0.0025
"""Share of a chain's draws: the divergences of one chain alone say that it met a place which the others missed."""
DEPTH_LIMIT = 0.01
"""Share of trajectories cut at the largest tree depth; a few cost time only."""
K_LIMIT = 0.7
"""Pareto k of importance weights up to which they may be relied on (Vehtari et al. 2024)."""
LAPLACE = "laplace"
LISTED = 3
"""Parameters, or fits of a group of fits, that a sentence names."""


@dataclass(frozen=True)
class Remark:
    """What speaks against draws, how much, and what to try."""

    grade: Grade
    what: str
    cure: str = ""

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.what}; {self.cure}." if self.cure else f"{self.what}."


@dataclass(frozen=True)
class Health:
    """What the sampler says about its draws.

    Parameters
    ----------
    divergences
        Trajectories that left the posterior; a sign of a region not explored.
    r_hat
        Largest rank-normalised split R-hat of all parameters; 1 where the chains agree, None where there is a single one.
    ess_bulk, ess_tail
        Smallest effective sample sizes for the centre and for the 5 and 95 % quantiles; 0 where none is known.
    bfmi
        Smallest energy Bayesian fraction of missing information of the chains; None where it cannot be computed.
    worst
        The parameter with the smallest effective sample size.
    draws, chains
        How many there are of all chains, and of those; 0 where an older record does not say.
    by_chain
        Divergences of each chain.
    place
        Where they are, as the draws show it; empty where they do not.
    max_depth
        Trajectories cut at the largest tree depth.
    stuck
        Parameters that did not move in a chain.
    not_finite
        Those with a NaN or infinite draw. R-hat and effective sample sizes are those of the others.
    rounds
        What each round of sampling found and tried, see `retries`.
    modes
        Places at which two chains or more ended, where there are several.
    members
        Name -> health, where this is that of several fits together.
    method
        "nuts"; or "laplace": draws are importance samples of Laplace's approximation, and have no chains to compare.
    pareto_k
        Shape of the tail of their importance weights; None for draws of NUTS.
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
    modes: tuple[str, ...] = ()
    members: Mapping[str, "Health"] = field(default_factory=dict)
    method: str = "nuts"
    pareto_k: float | None = None

    def __repr__(self) -> str:
        """Return the grade and what it rests on in one line; `problems` says what to try."""
        if self.method == LAPLACE:
            return visible(f"Health: {self.grade}, {several(self.draws, 'draw')}, {self.remarks[0].what}")
        of = several(len(self.members), "fit") if self.members else several(self.chains, "chain")
        known = {"R-hat": self.r_hat, "ess_bulk": self.ess_bulk, "ess_tail": self.ess_tail, "BFMI": self.bfmi}
        said = [f"{name} {number(value, 4)}" for name, value in known.items() if value is not None]
        divergences = several(self.divergences, "divergence")
        return visible(f"Health: {self.grade}, {several(self.draws, 'draw')} of {of}, {divergences}, {', '.join(said)}")

    @property
    def remarks(self) -> list[Remark]:
        """Everything that speaks against the draws, the worst first; of several fits with the name of each."""
        if self.method == LAPLACE:
            return [_approximate(self)]
        every = [_unmoved(self), _bimodal(self), _divergent(self), _chains(self), _sizes(self), _energy(self), _depth(self)]
        found = [one for one in every if one is not None]
        if self.members:
            found = [replace(one, what=f"{name}: {one.what}") for name, of in self.members.items() for one in of.remarks]
        return sorted(found, key=lambda one: -GRADES.index(one.grade))

    @property
    def grade(self) -> Grade:
        """Clean; noted, where little speaks against the draws, and they may be used; or not to be trusted."""
        return max((one.grade for one in self.remarks), key=GRADES.index, default="clean")

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
        return [one.sentence for one in self.remarks]

    @property
    def line(self) -> str:
        """All that speaks against the draws in one line, which says whether they may be trusted; empty where they are clean."""
        if self.clean:
            return ""
        every = [f"{counts(self.members)} of {len(self.members)} fits"] if len(self.members) > LISTED else []
        return f"{'note [sampler]' if self.ok else 'not to be trusted'}: {'; '.join([*every, *_shortened(self)])}"


def _approximate(health: Health) -> Remark:
    """Say how far draws of Laplace's approximation can be trusted."""
    k = health.pareto_k if health.pareto_k is not None else float("inf")
    what = (
        f"approximate: Laplace with importance resampling, Pareto k {fixed(k, 2)}, effective sample size {int(health.ess_bulk)}"
    )
    if k <= K_LIMIT and health.ess_bulk >= ESS_LIMIT_OF_ONE:
        return Remark("noted", what)
    return Remark("not to be trusted", f"{what} (limits {K_LIMIT} and {ESS_LIMIT_OF_ONE})", 'try method "nuts"')


def _shortened(health: Health) -> list[str]:
    """Return the worst of what speaks against draws; of several fits what speaks against the worst of them."""
    said = [one.what for one in health.remarks]
    if health.members:
        worst = sorted(health.members.items(), key=lambda one: -GRADES.index(one[1].grade))
        said = [f"{name}: {'; '.join(_shortened(of))}" for name, of in worst if not of.clean]
    return [*said[:LISTED], f"and {len(said) - LISTED} more"] if len(said) > LISTED else said


def _unmoved(health: Health) -> Remark | None:
    """Say which parameters never moved, or are not finite."""
    broken = {"is not finite": health.not_finite, "never moved": health.stuck}
    said = [f"{_listed(names)} {what}" for what, names in broken.items() if names]
    return Remark("not to be trusted", "; ".join(said), "try another seed, or priors that keep it in range") if said else None


def _bimodal(health: Health) -> Remark | None:
    """Say that chains ended in several modes."""
    if not health.modes:
        return None
    what = f"the posterior has {len(health.modes)} modes, each found by two chains or more: {' and '.join(health.modes)}"
    return Remark("not to be trusted", what, "try a prior that says which is meant")


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _divergent(health: Health) -> Remark | None:
    """Say how many trajectories diverged, and whether that is few enough to be only noted."""
    count, draws = health.divergences, health.draws
    if not count:
        return None
    share = f" in {format_count(draws)} draws ({percent(count / draws)})" if draws else ""
    what = f"{count} divergence{'s' if count > 1 else ''}{share}" + (f", {health.place}" if health.place else "")
    worst = max(health.by_chain, default=0)
    few = worst * health.chains <= DIVERGENT_CHAIN_LIMIT * draws  # chains are of one length
    if draws and count <= DIVERGENT_LIMIT * draws and few:
        return Remark("noted", what)
    if draws and count <= DIVERGENT_LIMIT * draws:
        what += f", {worst} of them in one chain"
    return Remark("not to be trusted", what, "try target_accept nearer 1, or tighter priors of scales (Varying, noise)")


def _chains(health: Health) -> Remark | None:
    """Say that chains disagree, or cannot be compared."""
    if health.r_hat is not None and health.r_hat <= R_HAT_LIMIT:
        return None
    if health.r_hat is not None and isfinite(health.r_hat):
        what = f"R-hat {fixed(health.r_hat, 4)} (limit {R_HAT_LIMIT}), the chains disagree"
        return Remark("not to be trusted", what, "try more tune and draws")
    if health.chains == 1:
        return Remark("noted", "one chain cannot be judged, as there is no other to hold it against", "try 2 chains or more")
    if health.stuck or health.not_finite:
        return None
    return Remark("not to be trusted", "R-hat cannot be computed", "try 2 chains or more, of more draws")


def _sizes(health: Health) -> Remark | None:
    """Say that the effective sample size is too small."""
    limit = ESS_LIMIT_OF_ONE if health.chains == 1 else ESS_LIMIT
    if health.ess_bulk >= limit and health.ess_tail >= limit:
        return None
    bulk, tail = (int(of) if isfinite(of) else 0 for of in (health.ess_bulk, health.ess_tail))
    at = f" ({health.worst})" if health.worst else ""
    what = f"effective sample size {bulk} bulk{at}, {tail} tail (limit {limit})"
    return Remark("not to be trusted", what, "try more draws, or a prior that says more")


def _energy(health: Health) -> Remark | None:
    """Say that momenta explore the energy too slowly."""
    if health.bfmi is not None and health.bfmi >= BFMI_LIMIT:
        return None
    bfmi = health.bfmi if health.bfmi is not None and isfinite(health.bfmi) else None
    what = "energy BFMI cannot be computed" if bfmi is None else f"energy BFMI {fixed(bfmi, 2)} (limit {BFMI_LIMIT})"
    return Remark("not to be trusted", what, "try more tune, or tighter priors of scales")


def _depth(health: Health) -> Remark | None:
    """Say that trajectories were cut at the largest depth."""
    if health.max_depth <= DEPTH_LIMIT * health.draws:
        return None
    what = f"{percent(health.max_depth / health.draws)} of trajectories cut at the largest tree depth"
    return Remark("not to be trusted", what, "try more tune, or tighter priors")


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


def counts(healths: Mapping[str, Health]) -> str:
    """Return how many fits have each grade, as "158 clean, 2 noted, 1 not to be trusted"; grades that none has are left out."""
    found = Counter(one.grade for one in healths.values())
    return ", ".join(f"{found[grade]} {grade}" for grade in GRADES if found[grade])


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
