"""The law library: each law is one plain function of its inputs and, after the star, its parameters.

A law uses operators, `exp`, `log` and `mean` only, so that one body runs on symbols (`pymc.dims`), on posterior draws
(`xarray.DataArray`) and on plain numbers. Inputs arrive divided by their reference value, any unless a law says otherwise;
the loss is in the unit of the response. Where a paper has a constant in the unit of an input, such as N_c, the parameter is
a loss at the reference, where people have beliefs, and the docstring says how the constant follows.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.functions import exp, log, mean
from bayes_scaling._base.numbers import exact

type Law = Callable[..., Any]


def power_law(compute: Any, *, a: Any, b: Any) -> Any:
    """Loss falls as a power of compute, without a floor.

    L = a C^-b        (Kaplan et al. 2020, eq. 1.3; Lu et al. 2025, Fig. 3)

    Parameters
    ----------
    a
        Loss at the reference compute, in the unit of the loss.
    b
        Exponent, without unit: ten times the compute divide the loss by 10^b.
    """
    return a * compute**-b


def power_law_floor(compute: Any, *, E: Any, a: Any, b: Any) -> Any:
    """Loss falls as a power of compute towards an irreducible loss.

    L = E + a C^-b        (Henighan et al. 2020, eq. 1.1)

    Parameters
    ----------
    E
        Irreducible loss, in the unit of the loss.
    a
        Reducible loss at the reference compute, in the unit of the loss.
    b
        Exponent of the reducible loss, without unit.
    """
    return E + a * compute**-b


def kaplan_params(params: Any, *, L_N: Any, alpha_N: Any) -> Any:
    """Loss falls as a power of model size where neither data nor training time are short.

    L = L_N N^-alpha_N = (N_c / N)^alpha_N        (Kaplan et al. 2020, eq. 1.1)

    Parameters
    ----------
    L_N
        Loss at the reference number of parameters, in the unit of the loss; in the inputs' own units N_c = L_N^(1/alpha_N).
    alpha_N
        Exponent of size, without unit.
    """
    return L_N * params**-alpha_N


def kaplan_tokens(tokens: Any, *, L_D: Any, alpha_D: Any) -> Any:
    """Loss of large models, stopped early, falls as a power of the data.

    L = L_D D^-alpha_D = (D_c / D)^alpha_D        (Kaplan et al. 2020, eq. 1.2)

    Parameters
    ----------
    L_D
        Loss at the reference number of tokens, in the unit of the loss; in the inputs' own units D_c = L_D^(1/alpha_D).
    alpha_D
        Exponent of data, without unit.
    """
    return L_D * tokens**-alpha_D


def kaplan_params_tokens(params: Any, tokens: Any, *, L_N: Any, alpha_N: Any, L_D: Any, alpha_D: Any) -> Any:
    """Loss falls with model size and data, each limiting what the other is worth.

    L = [(L_N N^-alpha_N)^(1/alpha_D) + (L_D D^-alpha_D)^(1/alpha_D)]^alpha_D
      = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D        (Kaplan et al. 2020, eq. 1.5)

    Parameters
    ----------
    L_N
        Loss at the reference number of parameters with unlimited data, in the unit of the loss; N_c as in `kaplan_params`.
    alpha_N
        Exponent of size, without unit.
    L_D
        Loss at the reference number of tokens with unlimited size, in the unit of the loss; D_c as in `kaplan_tokens`.
    alpha_D
        Exponent of data, without unit.
    """
    return (L_N ** (1.0 / alpha_D) * params ** (-alpha_N / alpha_D) + L_D ** (1.0 / alpha_D) / tokens) ** alpha_D


def kaplan_params_steps(params: Any, steps: Any, *, L_N: Any, alpha_N: Any, L_S: Any, alpha_S: Any) -> Any:
    """Loss falls with model size and training time, where data are not short.

    L = L_N N^-alpha_N + L_S S^-alpha_S = (N_c / N)^alpha_N + (S_c / S)^alpha_S        (Kaplan et al. 2020, eq. 1.6)

    S is the least number of steps, S_min = steps / (1 + B_crit / batch size).

    Parameters
    ----------
    L_N
        Loss at the reference number of parameters after unlimited steps, in the unit of the loss; N_c as in `kaplan_params`.
    alpha_N
        Exponent of size, without unit.
    L_S
        What limited training still costs at the reference number of steps, in the unit of the loss; S_c = L_S^(1/alpha_S).
    alpha_S
        Exponent of steps, without unit.
    """
    return L_N * params**-alpha_N + L_S * steps**-alpha_S


def chinchilla(params: Any, tokens: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any) -> Any:
    """Loss falls with model size and with data towards an irreducible loss.

    L = E + A N^-alpha + B D^-beta        (Hoffmann et al. 2022, eq. 2)

    Parameters
    ----------
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
    E
        Irreducible loss, in the unit of the loss.
    a
        What limited size still costs at the reference compute and tokens per parameter, in the unit of the loss.
    b
        What limited data still cost there, in the unit of the loss.
    eta
        Exponent of compute, without unit.
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
    """
    exponent = k * exp(s1 * (params**alpha - 1.0) / alpha)
    data = B * exp(s2 * (params**beta - 1.0) / beta) * tokens**-exponent
    return E * exp(s3 * (params**gamma - 1.0) / gamma) + data


def annealing(lr_sum: Any, annealing_area: Any, *, L0: Any, A: Any, alpha: Any, C: Any) -> Any:
    """Loss along a run under any learning-rate schedule, from its sum and from how it was annealed.

    L = L0 + A S1^-alpha - C S2        (Tissue et al. 2024, eq. 1)

    S1 is the sum of the learning rate over the steps so far, S2 the sum over steps i and k <= i of
    (lr_(k-1) - lr_k) lambda^(i-k), lambda = .99 to .999. A `Schedule` gives both as columns; before annealing S2 is 0.

    Parameters
    ----------
    L0
        Irreducible loss of this model size, in the unit of the loss.
    A
        What limited training still costs at the reference S1, in the unit of the loss.
    alpha
        Exponent of S1, without unit.
    C
        Loss that annealing saves at the reference S2, in the unit of the loss.
    """
    return L0 + A * lr_sum**-alpha - C * annealing_area


def multi_power(
    lr_sum: Any,
    lr_drop: Any,
    lr_then: Any,
    lr_since: Any,
    *,
    L0: Any,
    A: Any,
    alpha: Any,
    B: Any,
    C: Any,
    beta: Any,
    gamma: Any,
) -> Any:
    """Loss along a run under any learning-rate schedule that only falls after its warm-up: the Multi-Power law.

    L = L0 + A S1^-alpha - B sum over steps k of (lr_(k-1) - lr_k) (1 - (1 + C lr_k^-gamma S_k)^-beta)
      = L0 + A S1^-alpha - B drop mean(1 - (1 + C then^-gamma since)^-beta)        (Luo et al. 2025, arXiv 2503.12811, eq. 2)

    S1 is the sum of the learning rate over the steps so far, S_k that over the steps since k. The mean is over equal parts of
    the drop so far: then is the learning rate when half of a part had happened, since the sum of it since. A `Schedule` gives
    them as columns; after a single drop they are plain numbers, and before it the drop is 0.

    Parameters
    ----------
    L0
        Irreducible loss of this model size, in the unit of the loss.
    A
        What limited training still costs at the reference S1, in the unit of the loss.
    alpha
        Exponent of S1, without unit.
    B
        Loss that the reference drop saves in the long run, in the unit of the loss.
    C
        How fast it does, at the reference learning rate and sum since, without unit.
    beta
        Exponent of the approach, without unit.
    gamma
        Exponent of the learning rate after the drop, without unit.
    """
    return L0 + A * lr_sum**-alpha - B * lr_drop * mean(1.0 - (1.0 + C * lr_then**-gamma * lr_since) ** -beta)


def error_from_loss(loss: Any, *, e: Any, k: Any, g: Any) -> Any:
    """Error on downstream tasks falls exponentially as the loss falls.

    error = e - k exp(-g L)        (Gadre et al. 2024, arXiv 2403.08540)

    The response is the error, a fraction; the loss is an input.

    Parameters
    ----------
    e
        Error of guessing, in the unit of the response.
    k
        How far below it a loss of 0 would be, in the unit of the response; at loss L it is k exp(-g L).
    g
        How fast that falls with the loss, per reference loss.
    """
    return e - k * exp(-g * loss)


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
    """
    return E + A * (params_once + loops**phi * params_looped) ** -alpha + B * tokens**-beta


def token_position(token_index: Any, *, a: Any, b: Any, c: Any) -> Any:
    """Loss falls along the context as a power of the token's index.

    L = a + b T^-c        (Kaplan et al. 2020, Fig. 20)

    Parameters
    ----------
    a
        Loss far along the context, in the unit of the loss.
    b
        What the missing context costs at the reference index, in the unit of the loss.
    c
        Exponent, without unit.
    """
    return a + b * token_index**-c


def shape_penalty(ratio: Any, *, curvature: Any, optimum: Any, skew: Any) -> Any:
    """Loss increase of a model whose shape is off its optimum: never negative, and zero at the optimum.

    penalty = curvature u^2 exp(skew u),   u = log(ratio / optimum)        (a law for Kaplan et al. 2020, Fig. 5)

    Near the optimum it is curvature u^2 + curvature skew u^3. With the reference 1 `optimum` is in the unit of the ratio.

    Parameters
    ----------
    curvature
        Penalty at a ratio e times the optimum without skew, in the unit of the response, usually per cent.
    optimum
        Ratio without penalty, over the reference ratio.
    skew
        How much steeper the penalty is above the optimum than below it, without unit.
    """
    return curvature * log(ratio / optimum) ** 2 * exp(skew * log(ratio / optimum))


def m1(x: Any, *, b: Any, c: Any) -> Any:
    """Error falls as a power of scale.

    e = b x^-c        (M1 of Alabdulmohsin et al. 2022)

    Parameters
    ----------
    b
        Error at the reference scale, in the unit of the response.
    c
        Exponent, without unit.
    """
    return b * x**-c


def m2(x: Any, *, b: Any, c: Any, e_inf: Any) -> Any:
    """Error falls as a power of scale towards a floor.

    e = b x^-c + e_inf        (M2 of Alabdulmohsin et al. 2022)

    Parameters
    ----------
    b
        Reducible error at the reference scale, in the unit of the response.
    c
        Exponent, without unit.
    e_inf
        Irreducible error, in the unit of the response.
    """
    return b * x**-c + e_inf


def m3(x: Any, *, b: Any, c: Any, e_inf: Any, g: Any) -> Any:
    """A power law that becomes flat: the scale saturates at 1/g.

    e = b (1/x + g)^c + e_inf        (M3 of Alabdulmohsin et al. 2022)

    Parameters
    ----------
    b
        Reducible error at the reference scale where g is small, in the unit of the response.
    c
        Exponent, without unit.
    e_inf
        Error where also the saturated term has gone, in the unit of the response.
    g
        Reference scale divided by the scale where the power law saturates, without unit.
    """
    return b * (1.0 / x + g) ** c + e_inf


def m4(x: Any, *, a: Any, b: Any, c: Any, e_0: Any, e_inf: Any) -> Any:
    """Error leaves the level of guessing, follows a power law, and ends at a floor.

    (e - e_inf) / (e_0 - e)^a = b x^-c        (M4 of Alabdulmohsin et al. 2022)

    Solved for e by Halley's method in s = log t, where t = (e - e_inf) / (e_0 - e): s + (a - 1) log(1 + e^s) = log r, from a
    start that is exact for small and for large r; four steps leave rounding error for 0.1 <= a <= 10.

    Parameters
    ----------
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
    """
    return a + b * x**-c0 * (1.0 + (x / d1) ** (1.0 / f1)) ** (-c1 * f1)


def bnsl2(x: Any, *, a: Any, b: Any, c0: Any, c1: Any, d1: Any, f1: Any, c2: Any, apart: Any, f2: Any) -> Any:
    """A power law towards a floor whose exponent changes twice.

    e = a + b x^-c0 (1 + (x / d1)^(1 / f1))^(-c1 f1) (1 + (x / d2)^(1 / f2))^(-c2 f2),   d2 = d1 (1 + apart)
    (Caballero et al. 2022, eq. 1 with two breaks)

    Two breaks that could change places would give every posterior twice: the second is where it is by its distance.

    Parameters
    ----------
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
    """
    first = (1.0 + (x / d1) ** (1.0 / f1)) ** (-c1 * f1)
    return a + b * x**-c0 * first * (1.0 + (x / (d1 * (1.0 + apart))) ** (1.0 / f2)) ** (-c2 * f2)


_EVERY = (
    *(power_law, power_law_floor, kaplan_params, kaplan_tokens, kaplan_params_tokens, kaplan_params_steps, chinchilla),
    *(data_constrained, overtraining, farseer, annealing, multi_power, error_from_loss, ouro, loop_worth, token_position),
    *(shape_penalty, m1, m2, m3, m4, bnsl1, bnsl2),
)
LAWS: dict[str, Law] = {law.__name__: law for law in _EVERY}


SAME_REFERENCE: dict[Law, tuple[str, ...]] = {loop_worth: ("params_once", "params_looped")}
"""Inputs that a law adds up, and that are therefore to be measured against one reference."""

REFERENCE_ONE: dict[Law, tuple[str, ...]] = {loop_worth: ("loops",), data_constrained: ("epochs",)}
"""Inputs that a law compares with the number one."""


def check_references(law: Law, references: Mapping[str, float]) -> None:
    """Raise InputError where a law adds inputs of different references, or compares one with 1 whose reference is another."""
    shared = {name: references[name] for name in SAME_REFERENCE.get(law, ())}
    if len(set(shared.values())) > 1:
        raise InputError(
            f"{law.__name__} adds {format_names(shared)}: give them one reference, not {[exact(r) for r in shared.values()]}"
        )
    for name in REFERENCE_ONE.get(law, ()):
        if references[name] != 1.0:
            raise InputError(
                f"{law.__name__} compares {name!r} with one: give it the reference 1, not {exact(references[name])}"
            )


@lru_cache(maxsize=256)
def law_inputs(law: Law) -> tuple[str, ...]:
    """Return the names before the star: what the law reads from the table."""
    return tuple(p.name for p in inspect.signature(law).parameters.values() if p.kind is not p.KEYWORD_ONLY)


def law_parameters(law: Law) -> tuple[str, ...]:
    """Return the names after the star: what has a prior.

    Raises
    ------
    InputError
        Where the signature holds `*args` or `**kwargs`, which name nothing.
    """
    signature = inspect.signature(law).parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature):
        raise InputError(f"law {law.__name__}: write every input before the star and every parameter after it")
    return tuple(p.name for p in signature if p.kind is p.KEYWORD_ONLY)


def library_law(name: str) -> Law:
    """Return the law of that name; raises InputError, with the names there are, for any other."""
    if name not in LAWS:
        raise InputError(f"no law is called {name!r}; the library has {format_names(LAWS)}")
    return LAWS[name]
