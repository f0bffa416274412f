"""Laws in which what limited data cost depends on model size: additive laws have no such interaction."""

from typing import Any


def interaction(params: Any, tokens: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, delta: Any) -> Any:
    """Loss falls with model size and data towards an irreducible loss, and what limited data cost changes with size.

    L = E + A N^-alpha + B N^delta D^-beta        (size as Hoffmann et al. 2022, eq. 2; data as Li et al. 2025, Farseer, eq. 3)

    Farseer's term of data where its slopes do not change with size; with delta = 0 Chinchilla's law. Above 0 larger models need
    more data for the same excess loss.

    Parameters
    ----------
    params
        Number of parameters over its reference.
    tokens
        Number of training tokens over its reference.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs at the reference number of parameters, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    B
        What limited data still cost at the reference of both, in the unit of the loss.
    beta
        Exponent of data, without unit.
    delta
        Slope of the logarithm of what limited data cost over that of size, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Hoffmann et al. (2022). Training compute-optimal large language models. arXiv 2203.15556, eq. 2.
    .. [2] Li et al. (2025). Predictable scale, part II: Farseer, a refined scaling law in large language models. arXiv
       2506.10972, eq. 3.

    Examples
    --------
    Ten times the reference size on the reference data:

    >>> from bayes_scaling import laws
    >>> round(laws.interaction(10.0, 1.0, E=1.8, A=0.35, alpha=0.35, B=0.4, beta=0.35, delta=0.1), 3)
    2.46
    """
    return E + A * params**-alpha + B * params**delta * tokens**-beta


def kaplan_floor(params: Any, tokens: Any, *, E: Any, L_N: Any, alpha_N: Any, L_D: Any, alpha_D: Any) -> Any:
    """Loss falls with model size and data towards an irreducible loss, each limiting what the other is worth.

    L = E + [(L_N N^-alpha_N)^(1/alpha_D) + (L_D D^-alpha_D)^(1/alpha_D)]^alpha_D
    (Kaplan et al. 2020, eq. 1.5, above the floor of Henighan et al. 2020, eq. 1.1)

    Parameters
    ----------
    params
        Number of parameters over its reference.
    tokens
        Number of training tokens over its reference.
    E
        Irreducible loss, in the unit of the loss.
    L_N
        Reducible loss at the reference number of parameters with unlimited data, in the unit of the loss.
    alpha_N
        Exponent of size, without unit.
    L_D
        Reducible loss at the reference number of tokens with unlimited size, in the unit of the loss.
    alpha_D
        Exponent of data, without unit; below 1 the two cost less together than apart.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.5.
    .. [2] Henighan et al. (2020). Scaling laws for autoregressive generative modeling. arXiv 2010.14701, eq. 1.1.

    Examples
    --------
    At the references:

    >>> from bayes_scaling import laws
    >>> round(laws.kaplan_floor(1.0, 1.0, E=1.0, L_N=1.1, alpha_N=0.15, L_D=1.0, alpha_D=0.2), 3)
    2.212
    """
    return E + (L_N ** (1.0 / alpha_D) * params ** (-alpha_N / alpha_D) + L_D ** (1.0 / alpha_D) / tokens) ** alpha_D
