"""The law and its parameters at rows: the same arithmetic on symbols of the sampler and on posterior draws."""

from collections.abc import Callable, Mapping
from typing import Any

from bayes_scaling._base.functions import Functions
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parameters import Effect, Trend, own_prior
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import Model, parameters_with_priors


def evaluate(
    model: Model, draws: Any, logs: Mapping[str, Any], level: Callable[[str, Effect], Any], functions: Functions
) -> Any:
    """Return the law's loss at rows: the one bridge between symbols and draws.

    Parameters
    ----------
    draws
        Name -> values of parameters and slopes; variables of `pymc.dims` when the model is built, `xarray.DataArray` after.
    logs
        Input -> log(input / reference), along the dimension "row", and "lr_part" where it has parts.
    level
        The parameter that a varying or smooth term belongs to, and the term -> its effect at each row.
    functions
        Those of laws for such values, by name.
    """
    values = {name: parameter_at(model, name, draws, logs, level, functions) for name in model.parameters}
    return law_value(model.law, logs, values, functions)


def group_effects(model: Model, level: Callable[[str, Effect], Any]) -> Any:
    """Return the sum of the group effects at each row, on the scale of the noise; 0 where the model has none."""
    return sum(level("residual", effect) for effect in model.noise.effects)


def parameter_at(model: Model, name: str, draws: Any, logs: Any, level: Any, functions: Functions) -> Any:
    """Return a parameter of the law, or "noise_sd", at rows; the arguments are those of `evaluate`."""
    parameter = parameters_with_priors(model)[name]
    if not parameter.terms:
        return draws[name]
    total = sum(
        draws[term_name(name, term)] * logs[term.on] if isinstance(term, Trend) else level(name, term)
        for term in parameter.terms
    )
    if own_prior(parameter) is not None:  # of each level, with nothing below it
        return functions["exp"](total) if link(parameter.prior) == "log" else total
    return draws[name] * functions["exp"](total) if link(parameter.prior) == "log" else draws[name] + total
