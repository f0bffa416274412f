"""Laws of downstream tasks: error and accuracy, from the loss."""

from typing import Any

from bayes_scaling._base.functions import exp


def error_from_loss(loss: Any, *, e: Any, k: Any, g: Any) -> Any:
    """Error on downstream tasks falls exponentially as the loss falls.

    error = e - k exp(-g L)        (Gadre et al. 2024, arXiv 2403.08540)

    The response is the error, a fraction; the loss is an input.

    Parameters
    ----------
    loss
        Loss over its reference.
    e
        Error of guessing, in the unit of the response.
    k
        How far below it a loss of 0 would be, in the unit of the response; at loss L it is k exp(-g L).
    g
        How fast that falls with the loss, per reference loss.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Gadre et al. (2024). Language models scale reliably with over-training and on downstream tasks. arXiv
       2403.08540, sec. 3.

    Examples
    --------
    The coefficients of the paper, at a loss of 3 (reference 1):

    >>> from bayes_scaling import laws
    >>> round(float(laws.error_from_loss(3.0, e=0.857, k=2.21, g=0.715)), 3)
    0.598
    """
    return e - k * exp(-g * loss)


def accuracy_from_loss(loss: Any, *, chance: Any, top: Any, k: Any, L_mid: Any) -> Any:
    """Accuracy on a task rises from chance as the loss falls, as a sigmoid.

    accuracy = chance + (top - chance) / (1 + exp(k (L - L_mid)))        (Bhagia et al. 2024, second step)

    The response is an accuracy, a fraction, which rises as the loss falls; the loss is an input. In the paper it is the loss of
    the task's right answers, itself by a law of size and tokens: that is the first step.

    Parameters
    ----------
    loss
        Loss over its reference.
    chance
        Accuracy of guessing, in the unit of the response: one over the number of answers.
    top
        Accuracy that no loss is low enough to pass, in the unit of the response.
    k
        How sudden the rise is, per reference loss.
    L_mid
        Loss at which half of the way is gone, over the reference.

    Returns
    -------
    Any
        Accuracy, in the unit of the response.

    References
    ----------
    .. [1] Bhagia et al. (2024). Establishing task scaling laws via compute-efficient model ladders. arXiv 2412.04403.

    Examples
    --------
    Half way, with four answers:

    >>> from bayes_scaling import laws
    >>> round(float(laws.accuracy_from_loss(0.8, chance=0.25, top=0.95, k=6.0, L_mid=0.8)), 2)
    0.6
    """
    return chance + (top - chance) / (1.0 + exp(k * (loss - L_mid)))
