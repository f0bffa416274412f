"""The model that the keys of a file describe, and those of the entries of a stack."""

from collections.abc import Sequence
from dataclasses import replace

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.references import stated_references
from bayes_scaling.data.schedule_columns import FALL
from bayes_scaling.laws.formula import law_names, parse_law
from bayes_scaling.laws.library import Law, library_law
from bayes_scaling.model.joint_prior import JointPrior, joined, restricted
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Parameter, Term
from bayes_scaling.model.specification import Model, model_inputs, scalar_priors, with_prior_references
from bayes_scaling.model.studies.filling import fill, offered_joint, with_joint_priors
from bayes_scaling.model.studies.keys import NoiseKeys, StackKeys, StudyKeys


def build_model(file: StudyKeys, joint: tuple[JointPrior, ...] = ()) -> Model:
    """Return the model that the keys of a file describe; the library has filled in what they left out."""
    assert file.noise is not None
    assert file.noise.sd is not None
    priors = {name: one.prior for name, one in file.parameters.items() if one.prior is not None}
    terms: dict[str, tuple[Term, ...]] = {
        name: (*one.varying, *one.smooth, *one.ordered, *one.by_level, *one.trend) for name, one in file.parameters.items()
    }
    parameters = {name: Parameter(prior, terms[name]) for name, prior in priors.items()}
    said = {name: getattr(file.noise, name) for name in Noise.__dataclass_fields__}
    of = file.noise
    sd = Parameter(file.noise.sd, (*of.sd_varying, *of.sd_smooth, *of.sd_ordered, *of.sd_by_level, *of.sd_trend))
    effects = (*file.noise.effects, *file.noise.smooth)
    noise = Noise(**said | {"sd": sd if sd.terms else sd.prior, "effects": effects})
    model = Model(_law(file), parameters, noise, file.discrepancy or (), file.data.response.unit)
    model = with_prior_references(model, stated_references(file.data.inputs))
    return replace(model, joint=restricted(joint, scalar_priors(model)) or _joint(file, model))


def _joint(file: StudyKeys, model: Model) -> tuple[JointPrior, ...]:
    """Return the joint priors of a model file; medians and factors that it leaves out are those of the parameters' own."""
    known, found = scalar_priors(model), []
    for one in file.joint_prior or ():
        if one.median is not None and one.factor is not None:
            found.append(JointPrior(one.parameters, one.median, one.factor, one.correlation, one.nu))
        else:
            found.append(joined(one.parameters, known, one.correlation, one.nu))
    return tuple(found)


def _law(file: StudyKeys) -> Law:
    """Return the law of a model file; inputs that its text leaves out are those that only trends are on."""
    if file.law.name is not None:
        return library_law(file.law.name)
    text = str(file.law.text)
    assert file.noise is not None
    trends = [*(term for one in file.parameters.values() for term in one.trend), *file.noise.sd_trend]
    correlation = file.noise.correlation
    elsewhere = {term.on for term in trends} | ({correlation.along} if correlation else set())
    elsewhere |= {name for term in file.discrepancy or () for name in term.over or ()}
    elsewhere |= _only_told(file)
    elsewhere -= law_names(text, tuple(file.data.inputs))
    references = {name: one.reference for name, one in file.data.inputs.items() if one.reference is not None}
    return parse_law(text, tuple(name for name in file.data.inputs if name not in elsewhere), references)


def _only_told(file: StudyKeys) -> set[str]:
    """Return the inputs that the model need not read: the fall of the rate tells a forecast what schedule runs had."""
    return {name for name, one in file.data.inputs.items() if one.column == FALL}


def check_inputs(file: StudyKeys, models: Sequence[Model]) -> None:
    """Refuse inputs that a model reads and the file does not have, and those that no model reads."""
    for model in models:
        if unknown := set(model_inputs(model)) - set(file.data.inputs):
            raise InputError(f"the model reads {format_names(unknown)}; [data.inputs] has {format_names(file.data.inputs)}")
    if unused := set(file.data.inputs) - _only_told(file) - {name for model in models for name in model_inputs(model)}:
        raise InputError(f"[data.inputs] has {format_names(unused)}, which neither the law nor a trend reads")


def build_member(file: StudyKeys, filled: StudyKeys, entry: StackKeys, shared: tuple[JointPrior, ...]) -> Model:
    """Return a model of a stack: what its entry does not say is as in the file, of which `filled` has all priors.

    A law of its own has parameters of its own, also where one of the file's is called alike. The joint priors of the file,
    `shared`, keep to the parameters that the model has, with the priors that it has.
    """
    own = entry.law is not None
    member = replace(
        file,
        data=filled.data,
        law=entry.law or file.law,
        parameters=entry.parameters if own else {**file.parameters, **entry.parameters},
        noise=entry.noise or file.noise,
        discrepancy=file.discrepancy if entry.discrepancy is None else entry.discrepancy,
        joint_prior=entry.joint_prior if own or entry.joint_prior is not None else file.joint_prior,
        stack=(),
    )
    inherits = not own and entry.joint_prior is None and file.joint_prior is not None
    joint = shared if inherits else offered_joint(member)
    if member.law.priors != "public_sweeps":  # those bring noise and discrepancy of their own
        given = filled.discrepancy if member.discrepancy is None else member.discrepancy
        member = replace(member, noise=_with_scale(member.noise, filled.noise), discrepancy=given)
    member = fill(with_joint_priors(member))
    if _references(member) != _references(filled):
        raise InputError(
            f"the priors of {member.law.name} are at {_references(member)}; [data.inputs] has {_references(filled)}: "
            "give the inputs these references, or every parameter a prior of its own"
        )
    if member.law.text is not None:  # which need not read all that others do
        names = law_names(member.law.text, tuple(member.data.inputs))
        read = {name: one for name, one in member.data.inputs.items() if name in names}
        # What rows are does not hang on the law, and may name inputs that only a trend reads, or another law of the stack.
        member = replace(member, data=replace(member.data, inputs=read, mixtures={}, average=None, curve=None, schedule=None))
    return build_model(replace(member, joint_prior=()) if inherits else member, joint)


def _with_scale(noise: NoiseKeys | None, filled: NoiseKeys | None) -> NoiseKeys | None:
    """Return the noise of a model of a stack, with the scale of the file's where it says none."""
    if noise is None or noise.sd is not None or filled is None:
        return noise or filled
    return replace(noise, sd=filled.sd)


def _references(file: StudyKeys) -> str:
    said = {name: "unsaid" if one.reference is None else exact(one.reference) for name, one in file.data.inputs.items()}
    return ", ".join(f"{name} {of}" for name, of in said.items())
