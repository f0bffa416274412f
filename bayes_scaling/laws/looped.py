"""Laws of looped models, whose layers are run several times."""

from typing import Any


def ouro(
    params: Any,
    tokens: Any,
    loops: Any,
    *,
    E: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    C: Any,
    gamma: Any,
    t1: Any,
    t2: Any,
    t3: Any,
) -> Any:
    """Loss of looped models over size, data and recurrent steps.

    L = E + A' / (N + t1)^alpha + B' / (D + t2)^beta + C' / (T + t3)^gamma        (Zhu et al. 2025, Ouro, App. D)

    Written with each term divided by its value at the reference, so that its coefficient is what it costs there:
    A' = A (1 + t1)^alpha, and so on.

    Parameters
    ----------
    params
        Number of parameters over its reference.
    tokens
        Number of training tokens over its reference.
    loops
        Number of recurrent steps T over its reference.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs at the reference number of parameters, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    B
        What limited data still cost at the reference number of tokens, in the unit of the loss.
    beta
        Exponent of data, without unit.
    C
        Size of the term of the loops at the reference number of loops, in the unit of the loss.
    gamma
        Exponent of loops, without unit; below zero where the loss rises with them, as the total loss of training may.
    t1
        Offset of size over the reference number of parameters.
    t2
        Offset of data over the reference number of tokens.
    t3
        Offset of loops over the reference number of loops.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Zhu et al. (2025). Scaling latent reasoning via looped language models. arXiv 2510.25741, appendix D.

    Examples
    --------
    At the references the terms add up:

    >>> from bayes_scaling import laws
    >>> values = dict(E=1.7, A=0.3, alpha=0.3, B=0.4, beta=0.3, C=0.1, gamma=0.7, t1=0.0, t2=0.0, t3=0.0)
    >>> round(laws.ouro(1.0, 1.0, 1.0, **values), 2)
    2.5
    """
    size, data, depth = (params + t1) / (1.0 + t1), (tokens + t2) / (1.0 + t2), (loops + t3) / (1.0 + t3)
    return E + A * size**-alpha + B * data**-beta + C * depth**-gamma


def loop_worth(
    params_once: Any, params_looped: Any, loops: Any, tokens: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, phi: Any
) -> Any:
    """Chinchilla's law of looped models: r loops are worth r^phi times the parameters looped over.

    L = E + A (N_once + r^phi N_looped)^-alpha + B D^-beta        (arXiv 2604.21106)

    The two numbers of parameters must have the same reference, and `loops` the reference 1.

    Parameters
    ----------
    params_once
        Number of parameters used once, over the reference of both.
    params_looped
        Number of parameters looped over, over the reference of both.
    loops
        Number of loops r; its reference must be 1.
    tokens
        Number of training tokens over its reference.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs at the reference number of parameters, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    B
        What limited data still cost at the reference number of tokens, in the unit of the loss.
    beta
        Exponent of data, without unit.
    phi
        Worth of loops, without unit: 0 where they are worth nothing, 1 where as much as layers of their own.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] arXiv 2604.21106.

    Examples
    --------
    Four loops where they are worth as much as layers of their own:

    >>> from bayes_scaling import laws
    >>> round(laws.loop_worth(0.5, 0.5, 4.0, 1.0, E=1.7, A=0.3, alpha=0.3, B=0.4, beta=0.3, phi=1.0), 3)
    2.328
    """
    return E + A * (params_once + loops**phi * params_looped) ** -alpha + B * tokens**-beta
