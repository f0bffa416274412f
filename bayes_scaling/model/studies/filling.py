"""What a model file leaves out: priors, units and references of the library, priors that joint ones say."""

from collections.abc import Mapping
from dataclasses import replace

from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.library import library_law
from bayes_scaling.model.defaults import at_references, default_priors, default_response, sweep_model
from bayes_scaling.model.joint_prior import JointPrior
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.names import NOISE_SD, OWN_PREFIXES
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.keys import NoiseKeys, ParameterKeys, StudyKeys


def fill(file: StudyKeys) -> StudyKeys:
    """Return a model file with the library's priors, units and references where it asks for them and says no others."""
    if file.law.priors is None:
        return _complete(file)
    name = str(file.law.name)
    file = replace(file, data=replace(file.data, inputs=at_references(name, file.data.inputs)))
    return _complete(_published(file, name) if file.law.priors == "published" else _as_public_sweeps(file, name))


def _complete(file: StudyKeys) -> StudyKeys:
    """Return a model file where it has a prior for each parameter that it names, and for the noise."""
    missing = [f"parameters.{name}.prior" for name, of in file.parameters.items() if of.prior is None]
    missing += [] if file.parameters else ["parameters"]
    missing += ["noise"] if file.noise is None else ["noise.sd"] if file.noise.sd is None else []
    if missing:
        raise InputError(f"{missing[0]}: this key is missing")
    return file


def _published(file: StudyKeys, name: str) -> StudyKeys:
    noise = Noise(sd=(file.noise and file.noise.sd) or Prior(median=0.01, factor=3.0))  # not of the library
    model = Model(library_law(name), default_priors(name), noise, unit=default_response(name))
    return replace(file, parameters=_with_priors(file, _priors(model, file)))


def _priors(model: Model, file: StudyKeys) -> dict[str, Prior]:
    """Return a library's priors in the unit of a model file's response, as those are that it says itself."""
    moved = in_unit_of(model, file.data.response)
    return {parameter: as_parameter(prior).prior for parameter, prior in moved.parameters.items()}


def _with_priors(file: StudyKeys, priors: Mapping[str, Prior]) -> dict[str, ParameterKeys]:
    """Return the parameters of a model file: terms are added to the library's prior where it says no other."""
    if unknown := [name for name, of in file.parameters.items() if of.prior is None and name not in priors]:
        raise InputError(f"parameters.{unknown[0]}: {file.law.name} has no such parameter; it has {list(priors)}")
    own = {name: replace(of, prior=of.prior or priors[name]) for name, of in file.parameters.items()}
    return {name: ParameterKeys(prior) for name, prior in priors.items()} | own


def _as_public_sweeps(file: StudyKeys, name: str) -> StudyKeys:
    """Return a model file with parameters, noise and discrepancy as public sweeps have them, where it says no others.

    `discrepancy = []` is to say another: none.
    """
    model = sweep_model(name)
    priors = _priors(model, file)
    noise = file.noise or NoiseKeys()
    noise = replace(noise, sd=noise.sd or as_parameter(model.noise.sd).prior)
    discrepancy = model.discrepancy if file.discrepancy is None else file.discrepancy
    return replace(file, parameters=_with_priors(file, priors), noise=noise, discrepancy=discrepancy)


def offered_joint(file: StudyKeys) -> tuple[JointPrior, ...]:
    """Return the library's joint priors, in the unit of a model file's response, where the file asks for them."""
    if file.law.priors != "public_sweeps" or file.joint_prior is not None:
        return ()
    return in_unit_of(sweep_model(str(file.law.name)), file.data.response).joint


def with_joint_priors(file: StudyKeys) -> StudyKeys:
    """Return a model file whose parameters have the priors that joint ones say, where they have none of their own."""
    said: dict[str, Prior] = {}
    for one in file.joint_prior or ():
        if one.median is not None and one.factor is not None:
            said |= JointPrior(one.parameters, one.median, one.factor, one.correlation, one.nu).priors
    own = {name: prior for name, prior in said.items() if not name.startswith(OWN_PREFIXES)}
    known = {name: file.parameters.get(name, ParameterKeys()) for name in own}
    parameters = {name: replace(of, prior=of.prior or own[name]) for name, of in known.items()}
    noise = file.noise
    if NOISE_SD in said:
        noise = noise or NoiseKeys()
        noise = replace(noise, sd=noise.sd or said[NOISE_SD])
    return replace(file, parameters={**file.parameters, **parameters}, noise=noise)
