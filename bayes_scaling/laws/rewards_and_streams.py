"""Laws of what training after pretraining buys, and of streams that one model computes side by side."""

from typing import Any

from bayes_scaling._base.functions import log


def reward_sigmoid(compute: Any, *, R0: Any, A: Any, C_mid: Any, B: Any) -> Any:
    """Reward or pass rate rises with the compute of reinforcement learning from where it began to a limit, as a sigmoid.

    R = R0 + (A - R0) / (1 + (C_mid / C)^B)        (Khatri et al. 2025, ScaleRL)

    The response is a reward, which rises: contrasts and plans that look for less of it do not apply. The first stretch of
    training, which is noisy, is left out by the paper.

    Parameters
    ----------
    compute
        Compute, GPU hours or steps of reinforcement learning over its reference.
    R0
        Reward at the start, in the unit of the response.
    A
        Reward with unlimited compute, in the unit of the response.
    C_mid
        Compute at which half of the way is gone, over the reference.
    B
        Exponent of compute, without unit: how sudden the rise is.

    Returns
    -------
    Any
        Reward, in the unit of the response.

    References
    ----------
    .. [1] Khatri et al. (2025). The art of scaling reinforcement learning compute for LLMs. arXiv 2510.13786.

    Examples
    --------
    Half way:

    >>> from bayes_scaling import laws
    >>> round(laws.reward_sigmoid(2.0, R0=0.3, A=0.6, C_mid=2.0, B=1.8), 2)
    0.45
    """
    return R0 + (A - R0) / (1.0 + (compute / C_mid) ** -B)


def parallel_streams(params: Any, streams: Any, *, E: Any, A: Any, alpha: Any, k: Any) -> Any:
    """Streams computed side by side by one model are worth parameters, by the logarithm of their number.

    L = E + A (N (1 + k log P))^-alpha        (Chen et al. 2025, ParScale)

    The number of streams has the reference 1: one stream is an ordinary model. The constant of the paper, in (A' / N)^alpha, is
    A' = A^(1 / alpha) times the reference number of parameters.

    Parameters
    ----------
    params
        Number of parameters over its reference.
    streams
        Number P of streams, each with a learnt prefix, whose outputs are weighed together.
    E
        Loss of a model without limits, in the unit of the loss.
    A
        What limited size costs at the reference number of parameters with one stream, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    k
        What a stream is worth: P streams are as many times the parameters as 1 + k log P, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Chen et al. (2025). Parallel scaling law for language models. arXiv 2505.10475.

    Examples
    --------
    Eight streams at k = 0.35 are worth 1.73 times the parameters:

    >>> from bayes_scaling import laws
    >>> one, eight = (laws.parallel_streams(n, p, E=1.3, A=0.7, alpha=0.2, k=0.35) for n, p in ((1.728, 1.0), (1.0, 8.0)))
    >>> round(float(eight - one), 3)
    0.0
    """
    return E + A * (params * (1.0 + k * log(streams))) ** -alpha
