"""Laws of models made smaller: students that learn from a teacher, and weights rounded after training."""

from typing import Any

from bayes_scaling._base.functions import exp


def distillation(
    params: Any,
    tokens: Any,
    teacher_loss: Any,
    supervised_loss: Any,
    *,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    gamma: Any,
    c0: Any,
    d1: Any,
    f1: Any,
    c1: Any,
) -> Any:
    """A student comes as near its teacher as its size and data allow, and a teacher too strong for it does harm.

    L = L_T + L_T^-c0 (1 + (L_T / (d1 L_S))^(1/f1))^(-c1 f1) (A N^-alpha + B D^-beta)^gamma
    (Busbridge et al. 2025, arXiv 2502.08606, eq. 8)

    L_S is what the student would reach without a teacher, on the same tokens: measured, or another law's prediction
    (`chinchilla`). A student near its teacher is one whose own loss would not be far off; where the teacher's loss is d1 times
    L_S or more the student just becomes its teacher. A teacher that is ever stronger helps less, and in the end does harm,
    by L_T^-c0. Both losses need the reference 1, since one is added to the response.

    Parameters
    ----------
    params
        Parameters N of the student over their reference.
    tokens
        Tokens D of distillation over their reference.
    teacher_loss
        Loss L_T of the teacher on the text that the response is of; its reference must be 1.
    supervised_loss
        Loss L_S that the student would reach without a teacher; its reference must be 1.
    A
        What limited size of the student still costs at the reference, of a sum that is taken to the power gamma.
    alpha
        Exponent of size, without unit.
    B
        What limited tokens still cost at the reference, of that sum.
    beta
        Exponent of tokens, without unit.
    gamma
        Exponent of the sum of both, without unit.
    c0
        How much the distance grows as the teacher's loss falls: exponent, without unit.
    d1
        Loss of the teacher over that of the student without one at which the student just becomes its teacher, without unit.
    f1
        How soft the bend there is, without unit.
    c1
        How steeply the distance vanishes beyond it: exponent, without unit.

    Returns
    -------
    Any
        Loss of the student, in the unit of the response.

    References
    ----------
    .. [1] Busbridge et al. (2025). Distillation scaling laws. arXiv 2502.08606, eq. 8. Second-hand: the form agrees in three
       copies of it; its coefficients are quoted from memory.

    Examples
    --------
    A student that would reach 2.4 nats alone, with teachers of 2.6, 2.2, 1.8 and 1.4 nats: the third is the best.

    >>> from bayes_scaling import laws
    >>> of = dict(A=2.9, alpha=0.32, B=0.02, beta=0.6, gamma=0.76, c0=2.55, d1=1.3, f1=0.09, c1=522.0)
    >>> [round(float(laws.distillation(1.0, 1.0, teacher, 2.4, **of)), 2) for teacher in (2.6, 2.2, 1.8, 1.4)]
    [2.6, 2.32, 2.25, 2.35]
    """
    gap = (A * params**-alpha + B * tokens**-beta) ** gamma
    return teacher_loss + teacher_loss**-c0 * (1.0 + (teacher_loss / (d1 * supervised_loss)) ** (1.0 / f1)) ** (-c1 * f1) * gap


def rounding(
    params: Any,
    tokens: Any,
    bits: Any,
    *,
    E: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    C: Any,
    gamma_N: Any,
    gamma_D: Any,
    gamma: Any,
) -> Any:
    """Chinchilla's law, and what rounding weights after training costs: more in small models on many tokens.

    L = E + A N^-alpha + B D^-beta + C D^gamma_D N^-gamma_N exp((1 - P) / gamma)
    (Kumar et al. 2024, arXiv 2411.04330, eq. 2, with C at the reference number of bits)

    For models trained in full precision. More training can make the rounded model worse: beyond the tokens at which
    beta B D^-beta is gamma_D times what rounding costs. Rows with and without rounding go into one table, those without
    at 16 bits. Training in few bits is the law `precision`.

    Parameters
    ----------
    params
        Number of parameters N over its reference.
    tokens
        Number of training tokens D over its reference.
    bits
        Bits P that a weight is rounded to over their reference.
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
        What rounding to the reference number of bits costs at the references of size and data, in the unit of the loss.
    gamma_N
        How fast that falls with size: exponent, without unit.
    gamma_D
        How fast it rises with tokens: exponent, without unit.
    gamma
        Bits fewer by which it grows to e times as much, over the reference of bits.

    Returns
    -------
    Any
        Loss of the rounded model, in the unit of the response.

    References
    ----------
    .. [1] Kumar et al. (2024). Scaling laws for precision. arXiv 2411.04330, eq. 2 and table 2 (GPTQ): C_T .0598, gamma_D .507,
       gamma_N .344, gamma .591 bits, and an offset of the exponent of 1.128.

    Examples
    --------
    A model of a billion parameters on 20 billion tokens (the references) rounded to 4 and 3 bits, and on ten times the tokens:

    >>> from bayes_scaling import laws
    >>> of = dict(E=1.8, A=0.4, alpha=0.34, B=0.4, beta=0.3, C=0.03, gamma_N=0.34, gamma_D=0.51, gamma=0.15)
    >>> [round(float(laws.rounding(1.0, D, P, **of)), 2) for D, P in ((1.0, 4.0), (1.0, 1.0), (1.0, 0.75), (10.0, 0.75))]
    [2.6, 2.63, 2.76, 2.91]
    """
    rounded = C * tokens**gamma_D * params**-gamma_N * exp((1.0 - bits) / gamma)
    return E + A * params**-alpha + B * tokens**-beta + rounded
