"""Laws of the size of the vocabulary, and of models of which a token uses a part."""

from typing import Any

from bayes_scaling._base.functions import exp, log


def vocabulary(
    non_vocab_params: Any,
    vocab_params: Any,
    characters: Any,
    *,
    E: Any,
    A: Any,
    alpha: Any,
    V: Any,
    nu: Any,
    B: Any,
    beta: Any,
) -> Any:
    """Loss less that of a unigram model falls with size, with the vocabulary, and with data.

    L = -E + A N_nv^-alpha + V N_v^-nu + B D^-beta        (Tao et al. 2024, with V for the A_2 of the paper)

    The loss is what a token costs less what it costs a unigram model of the same vocabulary, so that vocabularies compare. It
    is negative: `bs.Response(..., positive=False)`, with the noise on the loss itself. The law has no interaction of vocabulary
    and data, though in the published runs larger vocabularies need more data.

    Parameters
    ----------
    non_vocab_params
        Number of parameters N_nv other than those of the vocabulary, over its reference.
    vocab_params
        Number of parameters N_v of the vocabulary, its size times the width, over its reference. Where widths are not known its
        size will do, and V is then that at the width of the runs.
    characters
        Number D of characters trained on, over its reference.
    E
        How far below a unigram model the loss can fall, in the unit of the loss.
    A
        What limited size still costs at its reference, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    V
        What a limited vocabulary still costs at its reference, in the unit of the loss.
    nu
        Exponent of the vocabulary, without unit.
    B
        What limited data still cost at the reference number of characters, in the unit of the loss.
    beta
        Exponent of data, without unit.

    Returns
    -------
    Any
        Loss less that of a unigram model, in the unit of the response.

    References
    ----------
    .. [1] Tao et al. (2024). Scaling laws with vocabulary: larger models deserve larger vocabularies. arXiv 2407.13623.

    Examples
    --------
    At the references:

    >>> from bayes_scaling import laws
    >>> values = dict(E=6.0, A=0.6, alpha=0.3, V=0.1, nu=0.4, B=0.8, beta=0.44)
    >>> round(laws.vocabulary(1.0, 1.0, 1.0, **values), 3)
    -4.5
    """
    return A * non_vocab_params**-alpha + V * vocab_params**-nu + B * characters**-beta - E


def sparsity(params: Any, sparsity: Any, *, E: Any, A: Any, alpha: Any, kappa: Any, gamma: Any) -> Any:
    """Loss of models of which a token uses a part falls with what it uses, and with how much more there is.

    L = E + A N^-alpha P^-kappa exp(-gamma log P log N)        (after ScaleBench, arXiv 2604.22753, with a free exponent of P)

    N is the parameters that a token uses, P the total over those. ScaleBench has a term of its own, S P^-sigma, in place of the
    factor P^-kappa, which with another reference of N leaves the family; this law stays in it. With gamma above 0 more total
    parameters buy more in larger models, below 0 less.

    Parameters
    ----------
    params
        Number of parameters N that a token uses, over its reference.
    sparsity
        Total parameters over those that a token uses, P, over its reference.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs at the references, in the unit of the loss.
    alpha
        Exponent of size at the reference of P, without unit.
    kappa
        Exponent of P at the reference of size, without unit.
    gamma
        Change of either exponent with the logarithm of the other input, without unit.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Spend less, fit better (2026). arXiv 2604.22753: the task "sparsity". Second-hand: the paper behind its runs was not
       at hand.

    Examples
    --------
    At the reference of size gamma does not count:

    >>> from bayes_scaling import laws
    >>> round(float(laws.sparsity(1.0, 4.0, E=1.5, A=1.2, alpha=0.15, kappa=0.03, gamma=0.02)), 3)
    2.651
    """
    return E + A * params**-alpha * sparsity**-kappa * exp(-gamma * log(sparsity) * log(params))
