"""Laws of the learning-rate schedule: the loss along a run, from the learning rate so far."""

from typing import Any

from bayes_scaling._base.functions import mean


def annealing(lr_sum: Any, annealing_area: Any, *, L0: Any, A: Any, alpha: Any, C: Any) -> Any:
    """Loss along a run under any learning-rate schedule, from its sum and from how it was annealed.

    L = L0 + A S1^-alpha - C S2        (Tissue et al. 2024, eq. 1)

    S1 is the sum of the learning rate over the steps so far, S2 the sum over steps i and k <= i of
    (lr_(k-1) - lr_k) lambda^(i-k), lambda = .99 to .999. A `Schedule` gives both as columns; before annealing S2 is 0.

    Parameters
    ----------
    lr_sum
        Sum of the learning rate S1 over its reference.
    annealing_area
        Area S2 over its reference.
    L0
        Irreducible loss of this model size, in the unit of the loss.
    A
        What limited training still costs at the reference S1, in the unit of the loss.
    alpha
        Exponent of S1, without unit.
    C
        Loss that annealing saves at the reference S2, in the unit of the loss.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Tissue et al. (2024). Scaling law with learning rate annealing. arXiv 2408.11029, eq. 1.

    Examples
    --------
    Before the learning rate falls, and after:

    >>> from bayes_scaling import laws
    >>> round(laws.annealing(1.0, 0.0, L0=2.65, A=0.6, alpha=0.45, C=0.04), 2)
    3.25
    >>> round(laws.annealing(1.0, 1.0, L0=2.65, A=0.6, alpha=0.45, C=0.04), 2)
    3.21
    """
    return L0 + A * lr_sum**-alpha - C * annealing_area


def multi_power(
    lr_sum: Any,
    lr_drop: Any,
    lr_then: Any,
    lr_since: Any,
    *,
    L0: Any,
    A: Any,
    alpha: Any,
    B: Any,
    C: Any,
    beta: Any,
    gamma: Any,
) -> Any:
    """Loss along a run under any learning-rate schedule that only falls after its warm-up: the Multi-Power law.

    L = L0 + A S1^-alpha - B sum over steps k of (lr_(k-1) - lr_k) (1 - (1 + C lr_k^-gamma S_k)^-beta)
      = L0 + A S1^-alpha - B drop mean(1 - (1 + C then^-gamma since)^-beta)        (Luo et al. 2025, arXiv 2503.12811, eq. 2)

    S1 is the sum of the learning rate over the steps so far, S_k that over the steps since k. The mean is over equal parts of
    the drop so far: then is the learning rate when half of a part had happened, since the sum of it since. A `Schedule` gives
    them as columns; after a single drop they are plain numbers, and before it the drop is 0.

    Parameters
    ----------
    lr_sum
        Sum of the learning rate S1 over its reference.
    lr_drop
        How far the learning rate has fallen from its peak, over its reference.
    lr_then
        Learning rate when half of a part of the drop had happened, over its reference.
    lr_since
        Sum of the learning rate since then, over its reference.
    L0
        Irreducible loss of this model size, in the unit of the loss.
    A
        What limited training still costs at the reference S1, in the unit of the loss.
    alpha
        Exponent of S1, without unit.
    B
        Loss that the reference drop saves in the long run, in the unit of the loss.
    C
        How fast it does, at the reference learning rate and sum since, without unit.
    beta
        Exponent of the approach, without unit.
    gamma
        Exponent of the learning rate after the drop, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Luo et al. (2025). A multi-power law for loss curve prediction across learning rate schedules. arXiv
       2503.12811, eq. 2.

    Examples
    --------
    After a single drop of the learning rate:

    >>> from bayes_scaling import laws
    >>> round(laws.multi_power(1.0, 1.0, 1.0, 1.0, L0=2.65, A=0.6, alpha=0.45, B=0.044, C=8.9, beta=0.6, gamma=0.66), 4)
    3.2171
    """
    return L0 + A * lr_sum**-alpha - B * lr_drop * mean(1.0 - (1.0 + C * lr_then**-gamma * lr_since) ** -beta)
