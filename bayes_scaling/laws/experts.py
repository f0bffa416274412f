"""Laws of mixtures of experts: how many there are, how small they are cut, and what they are worth in compute."""

from typing import Any

from bayes_scaling._base.functions import exp, log


def routed(params: Any, experts: Any, *, E: Any, A: Any, alpha: Any, b: Any, c: Any, most: Any) -> Any:
    """Loss falls with what a token uses of a model and with the number of experts, which are worth less in larger models.

    L = E + A N^-alpha X^-b exp(c log X log N),   1 / X = 1 / most + (1 - 1 / most) / M
    (after Clark et al. 2022, arXiv 2202.01169, with a floor)

    N is the parameters that a token uses, M the number of experts, whose reference is 1: one is a dense model. Without the
    floor E, log L is bilinear in log N and log X as in the paper, whose a, b, c follow with the logarithm of the reference
    size. With many experts X comes near `most`.

    Parameters
    ----------
    params
        Number of parameters N that a token uses, over its reference.
    experts
        Number M of experts of a routed layer; its reference must be 1.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs a dense model at the reference number of parameters, in the unit of the loss.
    alpha
        Exponent of size of a dense model, without unit.
    b
        Exponent of the number of experts at the reference number of parameters, without unit.
    c
        How much either exponent falls with the logarithm of the other input, without unit.
    most
        Experts that an unlimited number is worth at most.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Clark et al. (2022). Unified scaling laws for routed language models. arXiv 2202.01169.

    Examples
    --------
    With one expert a dense model:

    >>> from bayes_scaling import laws
    >>> of = dict(E=1.3, A=1.4, alpha=0.15, b=0.07, c=0.01, most=300.0)
    >>> round(float(laws.routed(1.0, 1.0, **of)), 3), round(float(laws.routed(1.0, 64.0, **of)), 3)
    (2.7, 2.36)
    """
    x = 1.0 / (1.0 / most + (1.0 - 1.0 / most) / experts)
    return E + A * params**-alpha * x**-b * exp(c * log(x) * log(params))


def granularity(
    params: Any, tokens: Any, granularity: Any, *, E: Any, A: Any, alpha: Any, g: Any, gamma: Any, B: Any, beta: Any
) -> Any:
    """Loss of a mixture of experts falls with size, data, and with how finely its experts are cut.

    L = E + (A + g G^-gamma) N^-alpha + B D^-beta        (Krajewski et al. 2024, arXiv 2402.07871)

    G is the width of a feed-forward layer over that of an expert, and as many more experts a token uses. The paper holds the
    number of total over active parameters at 64. That routing to many small experts costs compute is for the cost to say.

    Parameters
    ----------
    params
        Total number of parameters N over its reference.
    tokens
        Number of training tokens over its reference.
    granularity
        Granularity G over its reference.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs at the reference number of parameters with unlimited granularity, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    g
        What experts cut no finer than the reference add to that, in the unit of the loss.
    gamma
        Exponent of granularity, without unit.
    B
        What limited data still cost at the reference number of tokens, in the unit of the loss.
    beta
        Exponent of data, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Krajewski et al. (2024). Scaling laws for fine-grained mixture of experts. arXiv 2402.07871. Second-hand: its
       coefficients are quoted from memory.

    Examples
    --------
    Sixteen times finer at the references of size and data:

    >>> from bayes_scaling import laws
    >>> of = dict(E=0.5, A=1.7, alpha=0.115, g=0.2, gamma=0.58, B=0.9, beta=0.147)
    >>> [round(laws.granularity(1.0, 1.0, G, **of), 2) for G in (1.0, 16.0)]
    [3.3, 3.14]
    """
    return E + (A + g * granularity**-gamma) * params**-alpha + B * tokens**-beta


def efficiency_leverage(compute: Any, activation: Any, granularity: Any, *, a: Any, d: Any, c: Any, best: Any) -> Any:
    """How many times the compute a dense model needs grows as fewer experts are used, and is largest at one granularity.

    EL = A^-(a + d log C - c log(G / best)^2)        (Tian et al. 2025, arXiv 2507.17702, its parabola in log G by its top)

    The response is a ratio of compute at equal loss, which rises: plans that look for less of it do not apply. A is the share
    of experts that a token uses, with the reference 1, where the leverage is 1. The paper lets it saturate for very small
    shares, which is left out here.

    Parameters
    ----------
    compute
        Training compute C over its reference.
    activation
        Experts that a token uses over all there are, A; its reference must be 1.
    granularity
        Granularity G over its reference.
    a
        Exponent of the share at the reference compute and the best granularity, without unit.
    d
        How much that exponent grows with the logarithm of compute, without unit.
    c
        How much it falls with the square of the logarithm of granularity from the best, without unit.
    best
        Best granularity over its reference.

    Returns
    -------
    Any
        Compute of a dense model over that of the mixture, at equal loss.

    References
    ----------
    .. [1] Tian et al. (2025). Towards greater leverage: scaling laws for efficient mixture-of-experts language models. arXiv
       2507.17702. Second-hand: its coefficients are those that notes on it print.

    Examples
    --------
    One expert in thirty-two at the best granularity:

    >>> from bayes_scaling import laws
    >>> round(float(laws.efficiency_leverage(1.0, 1 / 32, 1.0, a=0.55, d=0.02, c=0.02, best=1.0)), 1)
    6.7
    """
    return activation ** -(a + d * log(compute) - c * log(granularity / best) ** 2)
