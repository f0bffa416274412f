"""Laws of how a model is trained: learning rate and batch, the batch beyond which steps are wasted, bits of a weight."""

from typing import Any

from bayes_scaling._base.functions import exp, log


def learning_rate_batch(
    params: Any,
    tokens: Any,
    lr: Any,
    batch: Any,
    *,
    E: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    lr_best: Any,
    lr_n: Any,
    lr_d: Any,
    lr_b: Any,
    batch_best: Any,
    batch_d: Any,
    k_lr: Any,
    k_batch: Any,
) -> Any:
    """Chinchilla's law at the best learning rate and batch, and a valley in their logarithms about them.

    L = E + A N^-alpha + B D^-beta + k_lr u^2 + k_batch v^2,   v = log(batch / batch*),   u = log(lr / lr*) - lr_b v,
    lr* = lr_best N^-lr_n D^lr_d,   batch* = batch_best D^batch_d
    (optima of Li et al. 2025, arXiv 2503.04715, the Step Law; the valley is ours)

    The loss is lowest at lr* and batch*, as `decisions.joint_optimum` finds; with another batch the best learning rate is
    lr* (batch / batch*)^lr_b. A parabola holds near the optimum: runs that diverge are no part of it, and where the far side of
    the valley is steeper the text law of the study learning_rate_batch has a skew.

    Parameters
    ----------
    params
        Number of parameters N over its reference.
    tokens
        Number of training tokens D over its reference.
    lr
        Peak learning rate over its reference.
    batch
        Batch, in tokens or sequences, over its reference.
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
    lr_best
        Best learning rate at the references, over the reference of lr.
    lr_n
        How fast it falls with size: exponent, without unit.
    lr_d
        How fast it rises with data: exponent, without unit.
    lr_b
        How fast the best learning rate of a batch rises with that batch: exponent, without unit.
    batch_best
        Best batch at the reference number of tokens, over the reference of batch.
    batch_d
        How fast it rises with data: exponent, without unit.
    k_lr
        What a learning rate off by a factor e costs, in the unit of the loss.
    k_batch
        What a batch off by a factor e costs with its own best learning rate, in the unit of the loss.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Li et al. (2025). Predictable scale, part I: Step Law, optimal hyperparameter scaling law in large language model
       pretraining. arXiv 2503.04715: lr* = 1.79 N^-.713 D^.307, batch* = .58 D^.571 tokens.

    Examples
    --------
    At the references a learning rate twice the best costs k_lr log(2)^2:

    >>> from bayes_scaling import laws
    >>> of = dict(E=1.8, A=0.4, alpha=0.33, B=0.4, beta=0.33, k_lr=0.02, k_batch=0.01)
    >>> of |= dict(lr_best=1.0, lr_n=0.713, lr_d=0.307, lr_b=0.3, batch_best=1.0, batch_d=0.571)
    >>> losses = [laws.learning_rate_batch(1.0, 1.0, lr, 1.0, **of) for lr in (1.0, 2.0)]
    >>> round(float(losses[1] - losses[0]), 4)
    0.0096
    """
    v = log(batch / (batch_best * tokens**batch_d))
    u = log(lr / (lr_best * params**-lr_n * tokens**lr_d)) - lr_b * v
    return E + A * params**-alpha + B * tokens**-beta + k_lr * u**2 + k_batch * v**2


def critical_batch(loss: Any, *, B_crit: Any, alpha_B: Any) -> Any:
    """The batch beyond which more of it saves few steps grows as the loss falls.

    B = B_crit L^(-1/alpha_B)        (Kaplan et al. 2020, eq. 1.4)

    The response is a batch, the loss an input. B* of the paper is B_crit times the reference loss to the power 1 / alpha_B.
    Over tokens instead of the loss it is a power law as well: Zhang et al. 2024 (arXiv 2410.21676) find that tokens count, and
    size not.

    Parameters
    ----------
    loss
        Loss over its reference.
    B_crit
        Critical batch at the reference loss, in the unit of the response.
    alpha_B
        One over the exponent, without unit.

    Returns
    -------
    Any
        Critical batch, in the unit of the response.

    References
    ----------
    .. [1] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 1.4.

    Examples
    --------
    The coefficients of the paper, in tokens, at a loss of 3 nats (reference 1):

    >>> from bayes_scaling import laws
    >>> round(laws.critical_batch(3.0, B_crit=2.1e8, alpha_B=0.21) / 1e6, 2)
    1.12
    """
    return B_crit * loss ** (-1.0 / alpha_B)


def steps_to_loss(batch: Any, *, S_min: Any, B_crit: Any) -> Any:
    """Steps to a given loss fall with the batch, towards the fewest there can be.

    S = S_min (1 + B_crit / B)        (McCandlish et al. 2018; Kaplan et al. 2020, eq. 5.4)

    The response is a number of steps. Examples needed are S times B, at least S_min times B_crit. At the critical batch both
    are twice their least. For a table with batches and the steps to one loss. S_min = S / (1 + B_crit / B) is what
    `kaplan_params_steps` takes for steps.

    Parameters
    ----------
    batch
        Batch over its reference.
    S_min
        Fewest steps, with an unlimited batch, in the unit of the response.
    B_crit
        Critical batch over the reference.

    Returns
    -------
    Any
        Steps, in the unit of the response.

    References
    ----------
    .. [1] McCandlish et al. (2018). An empirical model of large-batch training. arXiv 1812.06162.
    .. [2] Kaplan et al. (2020). Scaling laws for neural language models. arXiv 2001.08361, eq. 5.4.

    Examples
    --------
    At the critical batch:

    >>> from bayes_scaling import laws
    >>> laws.steps_to_loss(2.0, S_min=5000.0, B_crit=2.0)
    10000.0
    """
    return S_min * (1.0 + B_crit / batch)


def precision(params: Any, tokens: Any, bits: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, gamma: Any) -> Any:
    """Chinchilla's law where weights trained in few bits are worth fewer parameters.

    L = E + A (N (1 - exp(-P / gamma)))^-alpha + B D^-beta        (Kumar et al. 2024, arXiv 2411.04330)

    For the precision of weights alone. The paper has such a factor for each of weights, activations and cache, as a text
    `N * (1 - exp(-w / g_w)) * (1 - exp(-a / g_a)) * (1 - exp(-c / g_c))`; where all three are trained in the same bits this is
    the third power of one, not one. What rounding after training costs is the law `rounding`.

    Parameters
    ----------
    params
        Number of parameters N over its reference.
    tokens
        Number of training tokens over its reference.
    bits
        Bits P of a weight in training over their reference.
    E
        Irreducible loss, in the unit of the loss.
    A
        What limited size still costs at the reference number of parameters in full precision, in the unit of the loss.
    alpha
        Exponent of size, without unit.
    B
        What limited data still cost at the reference number of tokens, in the unit of the loss.
    beta
        Exponent of data, without unit.
    gamma
        Bits with which 63 % of the parameters count, over the reference of bits.

    Returns
    -------
    Any
        Loss, in the unit of the response.

    References
    ----------
    .. [1] Kumar et al. (2024). Scaling laws for precision. arXiv 2411.04330, eq. 4 and table 2: gamma 2.67 bits for weights,
       2.21 for activations, .96 for the cache, each with an offset of the exponent, which is left out here.

    Examples
    --------
    Four bits at gamma = 2.67 are worth 78 % of the parameters:

    >>> from bayes_scaling import laws
    >>> of = dict(E=1.8, A=0.4, alpha=0.34, B=0.4, beta=0.3)
    >>> round(float(laws.precision(1.0, 1.0, 4.0, gamma=2.67, **of)), 3), round(laws.chinchilla(0.776, 1.0, **of), 3)
    (2.636, 2.636)
    """
    return E + A * (params * (1.0 - exp(-bits / gamma))) ** -alpha + B * tokens**-beta
