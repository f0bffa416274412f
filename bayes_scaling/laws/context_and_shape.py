"""Laws within a model: the loss along its context, and what its shape costs."""

from typing import Any

from bayes_scaling._base.functions import exp, log


def token_position(token_index: Any, *, a: Any, b: Any, c: Any) -> Any:
    """Loss falls along the context as a power of the token's index.

    L = a + b T^-c        (Kaplan et al. 2020, Fig. 20)

    Parameters
    ----------
    token_index
        Index T of the token in its context, over its reference.
    a
        Loss far along the context, in the unit of the loss.
    b
        What the missing context costs at the reference index, in the unit of the loss.
    c
        Exponent, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, fig. 20.

    Examples
    --------
    A thousand tokens into the context (reference 1):

    >>> from bayes_scaling import laws
    >>> round(laws.token_position(1000.0, a=2.27, b=5.37, c=0.62), 3)
    2.344
    """
    return a + b * token_index**-c


def context_length(context: Any, *, E: Any, C: Any, beta: Any) -> Any:
    """Mean loss of a text falls with the length of its context as a power, towards that of an unlimited one.

    L = E + C n^-beta        (Xiong et al. 2023, arXiv 2309.16039)

    Where the loss at token index T is a + b T^-c (`token_position`) and c is below 1, the mean over a context of n tokens is
    this law with E = a, beta = c and C = b / (1 - c). Losses at different lengths compare only where they are of the same
    texts.

    Parameters
    ----------
    context
        Length n of the context over its reference.
    E
        Loss with an unlimited context, in the unit of the loss.
    C
        What the reference length still costs, in the unit of the loss.
    beta
        Exponent, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Xiong et al. (2023). Effective long-context scaling of foundation models. arXiv 2309.16039. Second-hand: its
       coefficients are quoted from memory.

    Examples
    --------
    Four times the reference length:

    >>> from bayes_scaling import laws
    >>> round(laws.context_length(4.0, E=1.56, C=0.075, beta=0.45), 3)
    1.6
    """
    return E + C * context**-beta


def shape_penalty(ratio: Any, *, curvature: Any, optimum: Any, skew: Any) -> Any:
    """Loss increase of a model whose shape is off its optimum: never negative, and zero at the optimum.

    penalty = curvature u^2 exp(skew u),   u = log(ratio / optimum)        (a law for Kaplan et al. 2020, Fig. 5)

    Near the optimum it is curvature u^2 + curvature skew u^3. With the reference 1 `optimum` is in the unit of the ratio.

    Parameters
    ----------
    ratio
        Ratio that describes the shape, such as width over depth, over its reference.
    curvature
        Penalty at a ratio e times the optimum without skew, in the unit of the response, usually per cent.
    optimum
        Ratio without penalty, over the reference ratio.
    skew
        How much steeper the penalty is above the optimum than below it, without unit.

    Returns
    -------
    Any
        Increase of the loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, fig. 5: the data, not the law.

    Examples
    --------
    Nothing at the optimum:

    >>> from bayes_scaling import laws
    >>> round(float(laws.shape_penalty(3.0, curvature=0.9, optimum=3.0, skew=-0.1)), 3)
    0.0
    """
    return curvature * log(ratio / optimum) ** 2 * exp(skew * log(ratio / optimum))
