"""How to sample."""

from dataclasses import dataclass
from typing import Literal

from bayes_scaling._base import checks

MOST_DRAWS = 10_000_000
"""Of a chain; how many fit into memory depends on the model, see `memory`."""


@dataclass(frozen=True)
class Settings:
    """How to sample: NUTS, with low-rank adaptation of the mass matrix, or an approximation.

    Where draws are not clean, `fit` samples again: with smaller steps, more draws or all chains anew.

    Parameters
    ----------
    draws, tune
        Kept and discarded draws of each chain.
    chains
        Number of independent chains.
    seed
        The same seed gives the same draws on the same machine.
    target_accept
        Acceptance rate that the step size aims at; nearer 1 means smaller steps. None: 0.95 where effects of groups are pooled,
        parameters drift or the law may be wrong, whose posteriors have narrow places, 0.99 where effects of few levels are
        sampled jointly with the law, where steps are few, and 0.9 elsewhere.
    cores
        Chains that are sampled side by side; None: as many as there are. The draws do not depend on it.
    progress
        Show a progress bar.
    strict
        Only clean draws count as done; noted ones end a command with exit code 3, see `health.accepted`.
    rounds
        Where draws are not clean `fit` samples again, so many times at most, see `retries`; 0 for never.
    effort
        Those rounds take at most so many times the leapfrog steps of the first.
    seconds
        No further round begins after so many; None: draws do not depend on a clock.
    method
        "nuts"; or "laplace": 1,000 importance samples of Laplace's approximation about the mode, for many small fits. Where the
        Pareto k of their weights is above 0.7 the model is sampled by NUTS all the same. Such a fit is noted as approximate.

    Raises
    ------
    InputError
        Where a value is out of its range.

    References
    ----------
    .. [1] Hoffman and Gelman (2014). The No-U-Turn sampler. JMLR 15.
    .. [2] Vehtari et al. (2024). Pareto smoothed importance sampling. JMLR 25.

    Examples
    --------
    >>> from dataclasses import replace
    >>> quick = Settings(draws=500, chains=2, progress=False)
    >>> replace(quick, seed=1).seed, quick.seed
    (1, 0)
    """

    draws: int = 2000
    tune: int = 500
    chains: int = 4
    seed: int = 0
    target_accept: float | None = None
    cores: int | None = None
    progress: bool = True
    strict: bool = False
    rounds: int = 3
    effort: float = 10.0
    seconds: float | None = None
    method: Literal["nuts", "laplace"] = "nuts"

    def __post_init__(self) -> None:
        checks.check(
            self,
            "",
            draws=checks.integer(4, MOST_DRAWS),
            tune=checks.integer(1, MOST_DRAWS),
            chains=checks.integer(1, 1_000),
            seed=checks.seed,
            target_accept=checks.optional(checks.within(0, 1)),
            cores=checks.optional(checks.integer(1, 10_000)),
            progress=checks.flag,
            strict=checks.flag,
            rounds=checks.integer(0, 100),
            effort=checks.at_least(0),
            seconds=checks.optional(checks.at_least(0)),
            method=checks.one_of(("nuts", "laplace")),
        )
