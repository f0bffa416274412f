"""Kaplan's laws of size, data and training time: power laws without a floor.

Each coefficient is a loss at the reference. The constants of the paper, such as N_c, follow from it.
"""

from typing import Any


def kaplan_params(params: Any, *, L_N: Any, alpha_N: Any) -> Any:
    """Loss falls as a power of model size where neither data nor training time are short.

    L = L_N N^-alpha_N = (N_c / N)^alpha_N        (Kaplan et al. 2020, eq. 1.1)

    Parameters
    ----------
    params
        Number of parameters over its reference.
    L_N
        Loss at the reference number of parameters, in the unit of the loss; in the inputs' own units N_c = L_N^(1/alpha_N).
    alpha_N
        Exponent of size, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.1.

    Examples
    --------
    The coefficients of the paper, at a billion parameters (reference 1):

    >>> from bayes_scaling import laws
    >>> round(laws.kaplan_params(1e9, L_N=8.8e13**0.076, alpha_N=0.076), 3)
    2.376
    """
    return L_N * params**-alpha_N


def kaplan_tokens(tokens: Any, *, L_D: Any, alpha_D: Any) -> Any:
    """Loss of large models, stopped early, falls as a power of the data.

    L = L_D D^-alpha_D = (D_c / D)^alpha_D        (Kaplan et al. 2020, eq. 1.2)

    Parameters
    ----------
    tokens
        Number of training tokens over its reference.
    L_D
        Loss at the reference number of tokens, in the unit of the loss; in the inputs' own units D_c = L_D^(1/alpha_D).
    alpha_D
        Exponent of data, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.2.

    Examples
    --------
    The coefficients of the paper, at twenty billion tokens (reference 1):

    >>> from bayes_scaling import laws
    >>> round(laws.kaplan_tokens(2e10, L_D=5.4e13**0.095, alpha_D=0.095), 3)
    2.118
    """
    return L_D * tokens**-alpha_D


def kaplan_params_tokens(params: Any, tokens: Any, *, L_N: Any, alpha_N: Any, L_D: Any, alpha_D: Any) -> Any:
    """Loss falls with model size and data, each limiting what the other is worth.

    L = [(L_N N^-alpha_N)^(1/alpha_D) + (L_D D^-alpha_D)^(1/alpha_D)]^alpha_D
      = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D        (Kaplan et al. 2020, eq. 1.5)

    Parameters
    ----------
    params
        Number of parameters over its reference.
    tokens
        Number of training tokens over its reference.
    L_N
        Loss at the reference number of parameters with unlimited data, in the unit of the loss; N_c as in `kaplan_params`.
    alpha_N
        Exponent of size, without unit.
    L_D
        Loss at the reference number of tokens with unlimited size, in the unit of the loss; D_c as in `kaplan_tokens`.
    alpha_D
        Exponent of data, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.5.

    Examples
    --------
    The coefficients of the paper (references 1):

    >>> from bayes_scaling import laws
    >>> round(laws.kaplan_params_tokens(1e9, 2e10, L_N=6.4e13**0.076, alpha_N=0.076, L_D=1.8e13**0.103, alpha_D=0.103), 3)
    2.374
    """
    return (L_N ** (1.0 / alpha_D) * params ** (-alpha_N / alpha_D) + L_D ** (1.0 / alpha_D) / tokens) ** alpha_D


def kaplan_params_steps(params: Any, steps: Any, *, L_N: Any, alpha_N: Any, L_S: Any, alpha_S: Any) -> Any:
    """Loss falls with model size and training time, where data are not short.

    L = L_N N^-alpha_N + L_S S^-alpha_S = (N_c / N)^alpha_N + (S_c / S)^alpha_S        (Kaplan et al. 2020, eq. 1.6)

    S is the least number of steps, S_min = steps / (1 + B_crit / batch size).

    Parameters
    ----------
    params
        Number of parameters over its reference.
    steps
        Least number of steps S_min over its reference.
    L_N
        Loss at the reference number of parameters after unlimited steps, in the unit of the loss; N_c as in `kaplan_params`.
    alpha_N
        Exponent of size, without unit.
    L_S
        What limited training still costs at the reference number of steps, in the unit of the loss; S_c = L_S^(1/alpha_S).
    alpha_S
        Exponent of steps, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.6.

    Examples
    --------
    The coefficients of the paper (references 1):

    >>> from bayes_scaling import laws
    >>> round(laws.kaplan_params_steps(1e9, 1e5, L_N=6.5e13**0.077, alpha_N=0.077, L_S=2.1e3**0.76, alpha_S=0.76), 3)
    2.401
    """
    return L_N * params**-alpha_N + L_S * steps**-alpha_S
