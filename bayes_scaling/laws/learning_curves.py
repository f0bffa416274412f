"""Learning curves that fall to a floor, saturate, leave the level of guessing, or break: of errors, or of any loss."""

from typing import Any

from bayes_scaling._base.functions import exp, log


def m1(x: Any, *, b: Any, c: Any) -> Any:
    """Error falls as a power of scale.

    e = b x^-c        (M1 of Alabdulmohsin et al. 2022)

    Parameters
    ----------
    x
        Scale, such as examples seen, over its reference.
    b
        Error at the reference scale, in the unit of the response.
    c
        Exponent, without unit.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Alabdulmohsin et al. (2022). Revisiting neural scaling laws in language and vision. arXiv 2209.06640, M1.

    Examples
    --------
    A hundred times the reference scale:

    >>> from bayes_scaling import laws
    >>> round(laws.m1(100.0, b=0.6, c=0.5), 3)
    0.06
    """
    return b * x**-c


def m2(x: Any, *, b: Any, c: Any, e_inf: Any) -> Any:
    """Error falls as a power of scale towards a floor.

    e = b x^-c + e_inf        (M2 of Alabdulmohsin et al. 2022)

    Parameters
    ----------
    x
        Scale, such as examples seen, over its reference.
    b
        Reducible error at the reference scale, in the unit of the response.
    c
        Exponent, without unit.
    e_inf
        Irreducible error, in the unit of the response.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Alabdulmohsin et al. (2022). Revisiting neural scaling laws in language and vision. arXiv 2209.06640, M2.

    Examples
    --------
    A hundred times the reference scale:

    >>> from bayes_scaling import laws
    >>> round(laws.m2(100.0, b=0.6, c=0.5, e_inf=0.1), 3)
    0.16
    """
    return b * x**-c + e_inf


def m3(x: Any, *, b: Any, c: Any, e_inf: Any, g: Any) -> Any:
    """A power law that becomes flat: the scale saturates at 1/g.

    e = b (1/x + g)^c + e_inf        (M3 of Alabdulmohsin et al. 2022)

    Parameters
    ----------
    x
        Scale, such as examples seen, over its reference.
    b
        Reducible error at the reference scale where g is small, in the unit of the response.
    c
        Exponent, without unit.
    e_inf
        Error where also the saturated term has gone, in the unit of the response.
    g
        Reference scale divided by the scale where the power law saturates, without unit.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Alabdulmohsin et al. (2022). Revisiting neural scaling laws in language and vision. arXiv 2209.06640, M3.

    Examples
    --------
    However large the scale, no less than e_inf + b g^c:

    >>> from bayes_scaling import laws
    >>> round(laws.m3(1e12, b=0.6, c=0.5, e_inf=0.1, g=0.01), 3)
    0.16
    """
    return b * (1.0 / x + g) ** c + e_inf


def m4(x: Any, *, a: Any, b: Any, c: Any, e_0: Any, e_inf: Any) -> Any:
    """Error leaves the level of guessing, follows a power law, and ends at a floor.

    (e - e_inf) / (e_0 - e)^a = b x^-c        (M4 of Alabdulmohsin et al. 2022)

    Solved for e by Halley's method in s = log t, where t = (e - e_inf) / (e_0 - e): s + (a - 1) log(1 + e^s) = log r, from a
    start that is exact for small and for large r; four steps leave rounding error for 0.1 <= a <= 10.

    Parameters
    ----------
    x
        Scale, such as examples seen, over its reference.
    a
        How slowly the error leaves e_0, without unit; positive.
    b
        Scale of the power law, in the unit of the response to the power 1 - a.
    c
        Exponent, without unit.
    e_0
        Error of guessing, in the unit of the response; above e_inf.
    e_inf
        Irreducible error, in the unit of the response.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Alabdulmohsin et al. (2022). Revisiting neural scaling laws in language and vision. arXiv 2209.06640, M4.

    Examples
    --------
    At a scale far below the power law, the error of guessing:

    >>> from bayes_scaling import laws
    >>> round(float(laws.m4(1e-9, a=1.4, b=0.6, c=0.9, e_0=0.9, e_inf=0.1)), 3)
    0.9
    """
    log_r = log(b * x**-c * (e_0 - e_inf) ** (a - 1.0))
    s = log_r + (1.0 / a - 1.0) * log(1.0 + exp(log_r))
    for _ in range(4):
        share = 1.0 / (1.0 + exp(-s))
        gap, slope = s + (a - 1.0) * log(1.0 + exp(s)) - log_r, 1.0 + (a - 1.0) * share
        s = s - gap * slope / (slope**2 - gap * (a - 1.0) * share * (1.0 - share) / 2.0)
    return e_inf + (e_0 - e_inf) / (1.0 + exp(-s))


def bnsl1(x: Any, *, a: Any, b: Any, c0: Any, c1: Any, d1: Any, f1: Any) -> Any:
    """A power law towards a floor whose exponent changes once.

    e = a + b x^-c0 (1 + (x / d1)^(1 / f1))^(-c1 f1)        (Caballero et al. 2022, eq. 1 with one break)

    Parameters
    ----------
    x
        Scale, such as examples seen, over its reference.
    a
        Limit of the response at large scale, in its unit.
    b
        Reducible response at the reference scale where the break is far above it, in its unit.
    c0
        Exponent before the break, without unit.
    c1
        What the break adds to the exponent, without unit; below zero where the curve becomes flatter.
    d1
        Scale of the break over the reference scale.
    f1
        Width of the break, without unit; towards 0 it becomes a kink.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Caballero et al. (2022). Broken neural scaling laws. arXiv 2210.14891, eq. 1 with one break.

    Examples
    --------
    At the break the curve is 2^(-c1 f1) of the power law:

    >>> from bayes_scaling import laws
    >>> round(laws.bnsl1(1.0, a=0.0, b=1.0, c0=0.2, c1=1.0, d1=1.0, f1=1.0), 2)
    0.5
    """
    return a + b * x**-c0 * (1.0 + (x / d1) ** (1.0 / f1)) ** (-c1 * f1)


def bnsl2(x: Any, *, a: Any, b: Any, c0: Any, c1: Any, d1: Any, f1: Any, c2: Any, apart: Any, f2: Any) -> Any:
    """A power law towards a floor whose exponent changes twice.

    e = a + b x^-c0 (1 + (x / d1)^(1 / f1))^(-c1 f1) (1 + (x / d2)^(1 / f2))^(-c2 f2),   d2 = d1 (1 + apart)
    (Caballero et al. 2022, eq. 1 with two breaks)

    Two breaks that could change places would give every posterior twice: the second is where it is by its distance.

    Parameters
    ----------
    x
        Scale, such as examples seen, over its reference.
    a
        Limit of the response at large scale, in its unit.
    b
        Reducible response at the reference scale where the breaks are far above it, in its unit.
    c0
        Exponent before the breaks, without unit.
    c1
        What the first break adds to the exponent, without unit.
    d1
        Scale of the first break over the reference scale.
    f1
        Width of the first break, without unit.
    c2
        What the second break adds to the exponent, without unit.
    apart
        Scale of the second break over that of the first, less 1; positive.
    f2
        Width of the second break, without unit.

    Returns
    -------
    Any
        Error, in the unit of the response.

    References
    ----------
    .. [1] Caballero et al. (2022). Broken neural scaling laws. arXiv 2210.14891, eq. 1 with two breaks.

    Examples
    --------
    Between two sharp breaks the exponent is c0 + c1:

    >>> from bayes_scaling import laws
    >>> round(laws.bnsl2(10.0, a=0.0, b=1.0, c0=0.0, c1=1.0, d1=1.0, f1=0.01, c2=1.0, apart=99.0, f2=0.01), 3)
    0.1
    """
    first = (1.0 + (x / d1) ** (1.0 / f1)) ** (-c1 * f1)
    return a + b * x**-c0 * first * (1.0 + (x / (d1 * (1.0 + apart))) ** (1.0 / f2)) ** (-c2 * f2)
