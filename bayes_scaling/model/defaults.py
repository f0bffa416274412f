"""What the library says about its laws beside the formula: equations, units and references of inputs, and priors."""

import inspect
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from math import isclose
from typing import TYPE_CHECKING, Any

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.laws.library import law_parameters, library_law
from bayes_scaling.laws.units import conversion, read_unit
from bayes_scaling.model.priors import Prior

if TYPE_CHECKING:
    from bayes_scaling.data.input_column import Input
    from bayes_scaling.data.references import Reference
    from bayes_scaling.model.discrepancy import Discrepancy
    from bayes_scaling.model.joint_prior import JointPrior
    from bayes_scaling.model.specification import Model


def summary(name: str) -> str:
    """Return what a law says, in one sentence."""
    return _paragraphs(name)[0]


def equation(name: str) -> str:
    """Return the equation of a law and where it comes from, as its docstring has them."""
    return _paragraphs(name)[1]


def default_priors(name: str) -> dict[str, Prior]:
    """Return a prior for each parameter of a law, at `default_references`.

    Raises
    ------
    InputError
        Where the library has no such law.
    """
    given = _defaults(name)["priors"]
    return {parameter: Prior(**given[parameter]) for parameter in law_parameters(library_law(name))}


def sweep_priors(name: str) -> dict[str, Prior]:
    """Return priors that public sweeps of training runs suggest for a law's parameters in a sweep of another team.

    Beside the law's parameters: noise_sd, discrepancy_amplitude and discrepancy_length, relative and in e-folds. At
    `default_references`. Where they come from stands in `sweep_priors.toml`.

    Raises
    ------
    InputError
        Where there are none for the law.
    """
    table = _read("sweep_priors.toml")
    if name not in table:
        raise InputError(f"public sweeps suggest no priors for {name!r}; they do for {format_names(table)}")
    return {parameter: Prior(**said) for parameter, said in table[name]["priors"].items()}


def sweep_model(name: str) -> "Model":
    """Return a law of the library with its discrepancy and noise as public sweeps suggest them, see `sweep_priors`.

    With such priors two or three runs give a band that is useful and honest.

    Raises
    ------
    InputError
        Where there are none for the law.
    """
    from bayes_scaling.model.noise import Noise
    from bayes_scaling.model.specification import Model

    law, priors = library_law(name), sweep_priors(name)
    parameters = {parameter: priors[parameter] for parameter in law_parameters(law)}
    noise, discrepancy = Noise(sd=priors["noise_sd"]), (sweep_discrepancy(name),)
    unit, joint = str(_read("sweep_priors.toml")[name]["response"]), sweep_joint_priors(name)
    return Model(law, parameters, noise, discrepancy, unit, joint, default_references(name))


def sweep_joint_priors(name: str) -> "tuple[JointPrior, ...]":
    """Return how the parameters of `sweep_priors` hang together in public sweeps; empty where they are taken one by one.

    Medians and factors are those of the single priors; each length of the discrepancy has that of `discrepancy_length`.
    """
    from bayes_scaling.model.joint_prior import JointPrior

    said = _read("sweep_priors.toml")[name].get("joint")
    if said is None:
        return ()
    single = sweep_priors(name)
    length = "discrepancy_length"
    priors = [
        single.get(parameter) or single[length if parameter.startswith(length) else parameter]
        for parameter in said["parameters"]
    ]
    centres = {"median": tuple(of.median for of in priors), "factor": tuple(of.factor for of in priors)}
    return (JointPrior(**centres | {key: _tuples(of) for key, of in said.items()}),)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def sweep_discrepancy(name: str = "chinchilla") -> "Discrepancy":
    """Return how far, and over what distance, the truth left a law in public sweeps: a start for other laws as well."""
    from bayes_scaling.model.discrepancy import Discrepancy

    priors = sweep_priors(name)
    return Discrepancy(priors["discrepancy_amplitude"], priors["discrepancy_length"])


def default_inputs(name: str) -> "dict[str, Input]":
    """Return the unit and reference of each input of a law; a column is called as the input.

    An input without a reference is measured against the middle of the data, and so are the priors.

    Raises
    ------
    InputError
        Where the library has no such law.
    """
    from bayes_scaling.data.input_column import Input

    return {key: Input(key, **said) for key, said in _defaults(name)["inputs"].items()}


def default_references(name: str) -> "dict[str, Reference]":
    """Return the references that `default_priors` and `sweep_priors` are at, as a `Model` takes them.

    Examples
    --------
    >>> default_references("chinchilla")["tokens"]
    Reference(value=20000000000.0, unit='tokens')
    """
    from bayes_scaling.data.references import stated_references

    return stated_references(default_inputs(name))


def default_response(name: str) -> str:
    """Return the unit of the response that the priors of a law are in."""
    return str(_defaults(name)["response"])


def at_references(name: str, inputs: "Mapping[str, Input]") -> "dict[str, Input]":
    """Return inputs with the units and references that the library's priors are at, where they do not say their own.

    An input in another unit, as FLOP for PFLOP/s-days, has that reference in its own.

    Raises
    ------
    InputError
        Where an input has another reference, or another unit from which no factor leads to the library's.
    """
    found = dict(inputs)
    for key, default in default_inputs(name).items():
        own = inputs.get(key)
        if own is None or default.reference is None:
            continue
        factor = conversion(read_unit(default.unit), own.unit)
        reference = None if factor is None else default.reference * factor
        if reference is None or (own.reference is not None and not isclose(own.reference, reference)):
            raise InputError(
                f"the published priors of {name} are at {_place(default)} of {key!r}; [data.inputs] has {_place(own)}: "
                "leave out unit and reference, or give every parameter a prior of its own"
            )
        found[key] = replace(own, unit=own.unit or default.unit, reference=own.reference or reference)
    return found


def _place(said: "Input") -> str:
    return f"{'' if said.reference is None else exact(said.reference)} {said.unit}".strip()


def _paragraphs(name: str) -> list[str]:
    return inspect.cleandoc(library_law(name).__doc__ or "").split("\n\n")


def _defaults(name: str) -> dict[str, Any]:
    library_law(name)
    return _read("law_priors.toml")[name]


@cache
def _read(file: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("bayes_scaling.model").joinpath(file).read_text(encoding="utf-8"))
