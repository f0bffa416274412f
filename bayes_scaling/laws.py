"""The law library: each law is one plain function of its inputs and, after the star, its parameters.

A law uses operators only, so that one body runs on symbols (`pymc.dims`), on posterior draws (`xarray.DataArray`)
and on plain numbers. Inputs arrive divided by their reference value; the loss is in the unit of the response.
"""

import inspect
from collections.abc import Callable
from typing import Any

from bayes_scaling.errors import InputError, listed

type Law = Callable[..., Any]


def power_law(compute: Any, *, a: Any, b: Any) -> Any:
    """Loss falls as a power of compute, without a floor.

    L = a C^-b        (Kaplan et al. 2020, eq. 1.3; Lu et al. 2025, Fig. 3)

    a: loss at the reference compute, in the unit of the loss.
    b: exponent, without unit: ten times the compute divide the loss by 10^b.
    """
    return a * compute**-b


def power_law_floor(compute: Any, *, E: Any, a: Any, b: Any) -> Any:
    """Loss falls as a power of compute towards an irreducible loss.

    L = E + a C^-b        (Henighan et al. 2020, eq. 1.1)

    E: irreducible loss, in the unit of the loss.
    a: reducible loss at the reference compute, in the unit of the loss.
    b: exponent of the reducible loss, without unit.
    """
    return E + a * compute**-b


def chinchilla(params: Any, tokens: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any) -> Any:
    """Loss falls with model size and with data towards an irreducible loss.

    L = E + A N^-alpha + B D^-beta        (Hoffmann et al. 2022, eq. 2)

    E: irreducible loss, in the unit of the loss.
    A: what limited size still costs at the reference number of parameters, in the unit of the loss.
    alpha: exponent of size, without unit.
    B: what limited data still cost at the reference number of tokens, in the unit of the loss.
    beta: exponent of data, without unit.
    """
    return E + A * params**-alpha + B * tokens**-beta


def m1(x: Any, *, b: Any, c: Any) -> Any:
    """Error falls as a power of scale.

    e = b x^-c        (M1 of Alabdulmohsin et al. 2022)

    b: error at the reference scale, in the unit of the response.
    c: exponent, without unit.
    """
    return b * x**-c


def m2(x: Any, *, b: Any, c: Any, e_inf: Any) -> Any:
    """Error falls as a power of scale towards a floor.

    e = b x^-c + e_inf        (M2 of Alabdulmohsin et al. 2022)

    b: reducible error at the reference scale, in the unit of the response.
    c: exponent, without unit.
    e_inf: irreducible error, in the unit of the response.
    """
    return b * x**-c + e_inf


def m3(x: Any, *, b: Any, c: Any, e_inf: Any, g: Any) -> Any:
    """A power law that becomes flat: the scale saturates at 1/g.

    e = b (1/x + g)^c + e_inf        (M3 of Alabdulmohsin et al. 2022)

    b: reducible error at the reference scale where g is small, in the unit of the response.
    c: exponent, without unit.
    e_inf: error where also the saturated term has gone, in the unit of the response.
    g: reference scale divided by the scale where the power law saturates, without unit.
    """
    return b * (1.0 / x + g) ** c + e_inf


def m4(x: Any, *, a: Any, b: Any, c: Any, e_0: Any, e_inf: Any) -> Any:
    """Error leaves the level of guessing, follows a power law, and ends at a floor.

    (e - e_inf) / (e_0 - e)^a = b x^-c        (M4 of Alabdulmohsin et al. 2022)

    Solved for e by Newton's method in log t, where t = (e - e_inf) / (e_0 - e): t (1 + t)^(a - 1) = r, from a start
    that is exact for small and for large r; eight steps leave rounding error for 0.1 <= a <= 10.

    a: how slowly the error leaves e_0, without unit; positive.
    b: scale of the power law, in the unit of the response to the power 1 - a.
    c: exponent, without unit.
    e_0: error of guessing, in the unit of the response; above e_inf.
    e_inf: irreducible error, in the unit of the response.
    """
    r = b * x**-c * (e_0 - e_inf) ** (a - 1.0)
    t = r * (1.0 + r) ** (1.0 / a - 1.0)
    for _ in range(8):
        t = t * (r / t * (1.0 + t) ** (1.0 - a)) ** ((1.0 + t) / (1.0 + a * t))
    return e_inf + (e_0 - e_inf) * t / (1.0 + t)


LAWS: dict[str, Law] = {law.__name__: law for law in (power_law, power_law_floor, chinchilla, m1, m2, m3, m4)}


def law_inputs(law: Law) -> tuple[str, ...]:
    """Return the names before the star: what the law reads from the table."""
    return tuple(p.name for p in inspect.signature(law).parameters.values() if p.kind is not p.KEYWORD_ONLY)


def law_parameters(law: Law) -> tuple[str, ...]:
    """Return the names after the star: what has a prior.

    Raises InputError where the signature holds `*args` or `**kwargs`, which name nothing.
    """
    signature = inspect.signature(law).parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature):
        raise InputError(f"law {law.__name__}: write every input before the star and every parameter after it")
    return tuple(p.name for p in signature if p.kind is p.KEYWORD_ONLY)


def library_law(name: str) -> Law:
    """Return the law of that name; raises InputError, with the names there are, for any other."""
    if name not in LAWS:
        raise InputError(f"no law is called {name!r}; the library has {listed(LAWS)}")
    return LAWS[name]
