"""The law library: every law by its name, and what is known of laws as functions.

A law is one plain function: its inputs, and after the star its parameters. It uses operators and the functions of
`functions.py` only. So one body runs on symbols (`pymc.dims`), on posterior draws (`xarray.DataArray`) and on plain numbers.

Inputs arrive divided by their reference. Any reference will do unless a law says otherwise. The loss is in the unit of the
response. Where a paper has a constant in the unit of an input, such as N_c, the parameter is a loss at the reference, where
people have prior knowledge. The docstring says how the constant follows.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.laws.compression import distillation, rounding
from bayes_scaling.laws.context_and_shape import context_length, shape_penalty, token_position
from bayes_scaling.laws.downstream import accuracy_from_loss, error_from_loss
from bayes_scaling.laws.experts import efficiency_leverage, granularity, routed
from bayes_scaling.laws.interactions import interaction, kaplan_floor
from bayes_scaling.laws.kaplan import kaplan_params, kaplan_params_steps, kaplan_params_tokens, kaplan_tokens
from bayes_scaling.laws.learning_curves import bnsl1, bnsl2, m1, m2, m3, m4
from bayes_scaling.laws.looped import loop_worth, ouro
from bayes_scaling.laws.rewards_and_streams import parallel_streams, reward_sigmoid
from bayes_scaling.laws.schedules import annealing, multi_power
from bayes_scaling.laws.size_and_data import chinchilla, data_constrained, farseer, overtraining, power_law, power_law_floor
from bayes_scaling.laws.training_settings import critical_batch, learning_rate_batch, precision, steps_to_loss
from bayes_scaling.laws.vocabulary_and_sparsity import sparsity, vocabulary

type Law = Callable[..., Any]

_EVERY = (
    power_law,
    power_law_floor,
    kaplan_params,
    kaplan_tokens,
    kaplan_params_tokens,
    kaplan_params_steps,
    chinchilla,
    interaction,
    kaplan_floor,
    data_constrained,
    overtraining,
    farseer,
    annealing,
    multi_power,
    error_from_loss,
    ouro,
    loop_worth,
    token_position,
    shape_penalty,
    m1,
    m2,
    m3,
    m4,
    bnsl1,
    bnsl2,
    parallel_streams,
    reward_sigmoid,
    vocabulary,
    sparsity,
    learning_rate_batch,
    critical_batch,
    steps_to_loss,
    precision,
    routed,
    granularity,
    efficiency_leverage,
    context_length,
    accuracy_from_loss,
    distillation,
    rounding,
)
LAWS: dict[str, Law] = {law.__name__: law for law in _EVERY}
"""Name -> law, in the order in which they are listed."""

SAME_REFERENCE: dict[Law, tuple[str, ...]] = {loop_worth: ("params_once", "params_looped")}
"""Inputs that a law adds up, and that are therefore to be measured against one reference."""

REFERENCE_ONE: dict[Law, tuple[str, ...]] = {
    loop_worth: ("loops",),
    data_constrained: ("epochs",),
    parallel_streams: ("streams",),
    routed: ("experts",),
    efficiency_leverage: ("activation",),
}
"""Inputs that a law compares with the number one."""

IN_ITS_UNIT: dict[Law, tuple[str, ...]] = {distillation: ("teacher_loss", "supervised_loss")}
"""Inputs that a law adds to the response, or compares with such ones."""


def check_references(law: Law, references: Mapping[str, float]) -> None:
    """Raise InputError where a law adds inputs of different references, or takes one as it is whose reference is not 1."""
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
    for name in IN_ITS_UNIT.get(law, ()):
        if references[name] != 1.0:
            raise InputError(
                f"{law.__name__} takes {name!r} in the unit of the response: "
                f"give it the reference 1, not {exact(references[name])}"
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
