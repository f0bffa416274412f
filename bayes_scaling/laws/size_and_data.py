"""Laws of compute, size and data: power laws, Chinchilla's law and what came of it.

`library` says what all laws have in common.
"""

from typing import Any

from bayes_scaling._base.functions import exp, log


def power_law(compute: Any, *, a: Any, b: Any) -> Any:
    """Loss falls as a power of compute, without a floor.

    L = a C^-b        (Kaplan et al. 2020, eq. 1.3; Lu et al. 2025, Fig. 3)

    Parameters
    ----------
    compute
        Training compute over its reference.
    a
        Loss at the reference compute, in the unit of the loss.
    b
        Exponent, without unit: ten times the compute divide the loss by 10^b.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.3.
    .. [2] Lu et al. (2025). MoBA: mixture of block attention for long-context LLMs. arXiv 2502.13189, fig. 3.

    Examples
    --------
    Ten times the reference compute:

    >>> from bayes_scaling import laws
    >>> round(laws.power_law(10.0, a=2.6, b=0.065), 3)
    2.239
    """
    return a * compute**-b


def power_law_floor(compute: Any, *, E: Any, a: Any, b: Any) -> Any:
    """Loss falls as a power of compute towards an irreducible loss.

    L = E + a C^-b        (Henighan et al. 2020, eq. 1.1)

    Parameters
    ----------
    compute
        Training compute over its reference.
    E
        Irreducible loss, in the unit of the loss.
    a
        Reducible loss at the reference compute, in the unit of the loss.
    b
        Exponent of the reducible loss, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Henighan et al. (2020). Scaling laws for autoregressive generative modeling. arXiv 2010.14701, eq. 1.1.

    Examples
    --------
    Ten times the reference compute:

    >>> from bayes_scaling import laws
    >>> round(laws.power_law_floor(10.0, E=1.7, a=0.9, b=0.16), 3)
    2.323
    """
    return E + a * compute**-b


def chinchilla(params: Any, tokens: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any) -> Any:
    """Loss falls with model size and with data towards an irreducible loss.

    L = E + A N^-alpha + B D^-beta        (Hoffmann et al. 2022, eq. 2)

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
        What limited data still cost at the reference number of tokens, in the unit of the loss.
    beta
        Exponent of data, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Hoffmann et al. (2022). Training compute-optimal large language models. arXiv 2203.15556, eq. 2.

    Examples
    --------
    The coefficients of the paper, for Chinchilla itself (references 1):

    >>> from bayes_scaling import laws
    >>> round(laws.chinchilla(70e9, 1.4e12, E=1.69, A=406.4, alpha=0.34, B=410.7, beta=0.28), 3)
    1.937
    """
    return E + A * params**-alpha + B * tokens**-beta


def data_constrained(
    params: Any, unique_tokens: Any, epochs: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, R_D: Any, R_N: Any
) -> Any:
    """Chinchilla's law where repeated data and excess parameters are worth less and less.

    L = E + A N'^-alpha + B D'^-beta,   D' = U_D (1 + R_D (1 - exp(-(epochs - 1) / R_D))),
    N' = U_N (1 + R_N (1 - exp(-(N / U_N - 1) / R_N))),   U_N = min(N, size that is compute-optimal for U_D)
    (Muennighoff et al. 2023, arXiv 2305.16264, sec. 3)

    The optimal size is where alpha A N^-alpha = beta B U_D^-beta; the minimum is exact, with the absolute value of x as
    (x^2)^(1/2). The reference of `epochs` must be 1: with one epoch and no more than that size the law is Chinchilla's.

    Parameters
    ----------
    params
        Number of parameters over its reference.
    unique_tokens
        Number of different tokens U_D over its reference.
    epochs
        Number of passes over them; its reference must be 1.
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
    R_D
        How many fresh copies of the data all repetitions together are worth at most, R_D* in the paper.
    R_N
        How many more optimal sizes all excess parameters together are worth at most, R_N* in the paper.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Muennighoff et al. (2023). Scaling data-constrained language models. arXiv 2305.16264, sec. 3.

    Examples
    --------
    At the references of size and data, with four epochs:

    >>> from bayes_scaling import laws
    >>> values = dict(E=1.87, A=0.35, alpha=0.35, B=0.35, beta=0.35, R_D=15.4, R_N=5.3)
    >>> round(float(laws.data_constrained(1.0, 1.0, 4.0, **values)), 3)
    2.441
    """
    spare = log(alpha * A * params**-alpha / (beta * B * unique_tokens**-beta)) / alpha
    excess = exp(((spare**2) ** 0.5 - spare) / 2.0)
    size = params / excess * (1.0 + R_N * (1.0 - exp((1.0 - excess) / R_N)))
    data = unique_tokens * (1.0 + R_D * (1.0 - exp((1.0 - epochs) / R_D)))
    return E + A * size**-alpha + B * data**-beta


def overtraining(compute: Any, tokens_per_param: Any, *, E: Any, a: Any, b: Any, eta: Any) -> Any:
    """Loss of models trained past the compute-optimal number of tokens.

    L = E + (a M^eta + b M^-eta) C^-eta,   M = D / N        (Gadre et al. 2024, arXiv 2403.08540)

    Chinchilla's law with alpha = beta = 2 eta and C = 6 N D.

    Parameters
    ----------
    compute
        Training compute over its reference.
    tokens_per_param
        Tokens per parameter M over its reference.
    E
        Irreducible loss, in the unit of the loss.
    a
        What limited size still costs at the reference compute and tokens per parameter, in the unit of the loss.
    b
        What limited data still cost there, in the unit of the loss.
    eta
        Exponent of compute, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Gadre et al. (2024). Language models scale reliably with over-training and on downstream tasks. arXiv
       2403.08540, sec. 3.

    Examples
    --------
    At the references what size and data cost add up:

    >>> from bayes_scaling import laws
    >>> round(laws.overtraining(1.0, 1.0, E=1.84, a=0.61, b=0.47, eta=0.136), 2)
    2.92
    """
    return E + (a * tokens_per_param**eta + b * tokens_per_param**-eta) * compute**-eta


def farseer(
    params: Any, tokens: Any, *, E: Any, s3: Any, gamma: Any, B: Any, s2: Any, beta: Any, k: Any, s1: Any, alpha: Any
) -> Any:
    """Loss falls with data, by a coefficient and an exponent that change with model size.

    L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^-exp(a1 N^alpha + b1)        (Li et al. 2025, Farseer, eq. 3)
      = E exp(s3 (N^gamma - 1) / gamma) + B exp(s2 (N^beta - 1) / beta) D^-(k exp(s1 (N^alpha - 1) / alpha))

    With sizes over the reference a3 = s3 / gamma and b3 = log E - a3, and so for the others. Data over another reference than
    1 token are close to the published family but not in it: D^-k(N) takes out no factor, so that the coefficient of data
    has the published form at that reference.

    Parameters
    ----------
    params
        Number of parameters over its reference.
    tokens
        Number of training tokens over its reference.
    E
        Loss with unlimited data at the reference number of parameters, in the unit of the loss.
    s3
        Slope of log E over log N at the reference, without unit; below zero where E falls with size.
    gamma
        How that slope changes with size, as N^gamma, without unit.
    B
        What limited data still cost at the reference of both, in the unit of the loss.
    s2
        Slope of log B over log N at the reference, without unit.
    beta
        How that slope changes with size, as N^beta, without unit.
    k
        Exponent of data at the reference number of parameters, without unit.
    s1
        Slope of log k over log N at the reference, without unit.
    alpha
        How that slope changes with size, as N^alpha, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Li et al. (2025). Predictable scale, part II: Farseer, a refined scaling law in large language models. arXiv
       2506.10972, eq. 3.

    Examples
    --------
    At the references:

    >>> from bayes_scaling import laws
    >>> values = dict(E=2.1, s3=-0.07, gamma=0.3, B=0.4, s2=0.1, beta=0.2, k=0.33, s1=-0.05, alpha=0.25)
    >>> round(float(laws.farseer(1.0, 1.0, **values)), 2)
    2.5
    """
    exponent = k * exp(s1 * (params**alpha - 1.0) / alpha)
    data = B * exp(s2 * (params**beta - 1.0) / beta) * tokens**-exponent
    return E * exp(s3 * (params**gamma - 1.0) / gamma) + data
