"""Model files read: by path, by the name of a bundled one, or as text."""

import json
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling._base.paths import is_file
from bayes_scaling.data import datasets
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.schedule_columns import FALL
from bayes_scaling.laws.formula import law_names, parse_law
from bayes_scaling.laws.library import Law, library_law
from bayes_scaling.model.defaults import at_references, default_priors, default_response, sweep_model
from bayes_scaling.model.joint_prior import JointPrior, joined, restricted
from bayes_scaling.model.loss_units import in_unit_of, moved_notes
from bayes_scaling.model.names import NOISE_SD, OWN_PREFIXES
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Parameter, Term, as_parameter
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.specification import Model, model_inputs, scalar_priors
from bayes_scaling.model.studies.earlier_keys import with_keys_of_today
from bayes_scaling.model.studies.errors import first_error
from bayes_scaling.model.studies.keys import NoiseKeys, ParameterKeys, StackKeys, StudyKeys
from bayes_scaling.model.studies.stack import stacked
from bayes_scaling.model.studies.study import Sheet, Study

RENAMED = {"training_curves_decay": "training_curves_schedules"}
"""Bundled studies that had another name, or gave way to another."""


def bundled() -> dict[str, str]:
    """Return the bundled studies: name -> title."""
    return {
        path.name.removesuffix(".toml"): _toml(path.read_text(encoding="utf-8"), path.name).get("title", "")
        for path in _bundled()
    }


def bundled_stacks() -> dict[str, tuple[str, ...]]:
    """Return the names of the models that each bundled study stacks; none for those of a single model."""
    tables = {path.name: _toml(path.read_text(encoding="utf-8"), path.name) for path in _bundled()}
    return {name.removesuffix(".toml"): tuple(one["name"] for one in of.get("stack", ())) for name, of in tables.items()}


def read_study(name_or_path: str | Path) -> Study:
    """Return the study of a model file, or a bundled one by its name.

    A key that has another name today is read, with a `DeprecationWarning` and a note of the study.

    Parameters
    ----------
    name_or_path
        Path of a file that ends in `.toml`, or the name of a bundled study, see `bayes-scaling models`; with ":KIND" behind it
        its priors are those of a kind of runs that it names.

    Returns
    -------
    Study
        The model, what the columns of its table are for, and the table where there is one.

    Raises
    ------
    InputError
        In one line with file and key and what would be right, where the file is not a study.

    Examples
    --------
    >>> study = read_study("chinchilla_law")
    >>> study.model.law.__name__, sorted(study.model.parameters)
    ('chinchilla', ['A', 'B', 'E', 'alpha', 'beta'])
    >>> study.columns.inputs["params"].reference
    1000000000.0
    >>> read_study("learning_curve:translation").model.parameters["goes_on"].prior.arguments["mu"]
    -0.28
    """
    if not isinstance(name_or_path, str | Path):
        raise InputError(
            f"read_study: name_or_path cannot be a {type(name_or_path).__name__}; expected read_study(name_or_path)"
        )
    if not str(name_or_path).strip():
        raise InputError("no study is named; expected the name of a bundled one, such as 'chinchilla', or a .toml file")
    path, kind = _kind_of(str(name_or_path))
    if path.suffix == ".toml":
        if not is_file(path):
            raise InputError(f"{path}: no such file; expected a model file")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: unreadable ({error})") from None
        study = parse_study(text, str(path), path.parent, kind)
        for note in with_keys_of_today(_toml(text, str(path)))[1]:
            warnings.warn(f"{path}: {note}", DeprecationWarning, stacklevel=2)
        return study
    if str(path) in RENAMED:
        today = RENAMED[str(path)]
        warnings.warn(f"the study {path} is {today}: write that", DeprecationWarning, stacklevel=2)
        path = Path(today)
    for file in _bundled():
        if file.name == f"{path}.toml":
            return parse_study(file.read_text(encoding="utf-8"), str(path), kind=kind)
    raise InputError(f"no bundled model is called {str(path)!r}; there are {sorted(bundled())}, or give a .toml file")


def _kind_of(name: str) -> tuple[Path, str]:
    """Return a name or path and the kind of runs behind a colon; "" where there is none."""
    head, _, kind = name.rpartition(":")
    bare = Path(head).name == head and len(head) > 1  # "C:study.toml" is a path
    return (Path(head), kind) if head.endswith(".toml") or (bare and not kind.endswith(".toml")) else (Path(name), "")


def parse_study(text: str, source: str, folder: Path | None = None, kind: str = "") -> Study:
    """Return the study that a TOML text describes.

    Parameters
    ----------
    source
        What to call the text in errors.
    folder
        Where a relative path of a table starts.
    kind
        Of the runs, whose priors it has in `kinds`; "" for those of the file.
    """
    content = _toml(text, source)
    try:
        content, renamed = with_keys_of_today(content)
        file = _read(content)
    except ValidationError as error:
        raise InputError(f"{source}: {first_error(error)}") from None
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    try:
        file = _with_kind(file, kind)
        joint, whole = _offered_joint(file), file
        file = _filled(_with_joint_priors(file))
        model = _model(file, joint)
        members = stacked(file.stack, lambda one: _member(whole, file, one, model.joint))
        _check_inputs(file, [model, *(one.model for one in members)])
        columns = Columns(**{name: getattr(file.data, name) for name in Columns.__dataclass_fields__})
        _check_figure(file.figure, columns)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    table = file.data.source
    if table is not None and table not in datasets.names() and folder is not None:
        table = str((folder / table).absolute())
    asked = file.law.priors is not None
    notes = moved_notes(default_response(str(file.law.name)), columns.response) if asked else ()
    name = Path(source).name.removesuffix(".toml")
    return Study(name, model, columns, table, file.title, file.figure, file.sampling, (*renamed, *notes), members)


def _with_kind(file: StudyKeys, kind: str) -> StudyKeys:
    """Return a model file with the priors of a kind of runs; raises InputError where it does not know the kind."""
    for name, own in file.kinds.items():
        if unknown := sorted(set(own) - set(file.parameters)):
            raise InputError(
                f"kinds.{name}.{unknown[0]}: there is no such parameter; there are {format_names(file.parameters)}"
            )
    if not kind:
        return file
    if kind not in file.kinds:
        known = f"it knows {format_names(file.kinds)}" if file.kinds else "it knows none"
        raise InputError(f"there is no kind of runs {kind!r}; {known}")
    own = {name: _over(file.parameters[name], given) for name, given in file.kinds[kind].items()}
    return replace(file, parameters={**file.parameters, **own})


def _over(of: ParameterKeys, given: ParameterKeys) -> ParameterKeys:
    """Return what a parameter is of runs of a kind: what is given there, and all else as in the file."""
    return replace(of, **{key: value for key, value in vars(given).items() if value})


def _read(content: Mapping[str, Any]) -> StudyKeys:
    """Return what a model file says: numbers as numbers and texts as texts, as strict JSON is read."""
    data = content.get("data")
    if isinstance(data, Mapping) and "mixtures" in data:  # whose members are inputs
        content = {**content, "data": {"inputs": {}, **data}}
    return TypeAdapter(StudyKeys).validate_json(json.dumps(content, default=_as_date), strict=True)


def _as_date(value: object) -> list[list[str]]:
    """Return a date or time as what no key takes; everything else in TOML is in JSON too."""
    return [[str(value)]]


def _filled(file: StudyKeys) -> StudyKeys:
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


def _offered_joint(file: StudyKeys) -> tuple[JointPrior, ...]:
    """Return the library's joint priors, in the unit of a model file's response, where the file asks for them."""
    if file.law.priors != "public_sweeps" or file.joint_prior is not None:
        return ()
    return in_unit_of(sweep_model(str(file.law.name)), file.data.response).joint


def _with_joint_priors(file: StudyKeys) -> StudyKeys:
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


def _joint(file: StudyKeys, model: Model) -> tuple[JointPrior, ...]:
    """Return the joint priors of a model file; medians and factors that it leaves out are those of the parameters' own."""
    known, found = scalar_priors(model), []
    for one in file.joint_prior or ():
        if one.median is not None and one.factor is not None:
            found.append(JointPrior(one.parameters, one.median, one.factor, one.correlation, one.nu))
        else:
            found.append(joined(one.parameters, known, one.correlation, one.nu))
    return tuple(found)


def _model(file: StudyKeys, joint: tuple[JointPrior, ...] = ()) -> Model:
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
    return replace(model, joint=restricted(joint, scalar_priors(model)) or _joint(file, model))


def _check_inputs(file: StudyKeys, models: Sequence[Model]) -> None:
    """Refuse inputs that a model reads and the file does not have, and those that no model reads."""
    for model in models:
        if unknown := set(model_inputs(model)) - set(file.data.inputs):
            raise InputError(f"the model reads {format_names(unknown)}; [data.inputs] has {format_names(file.data.inputs)}")
    if unused := set(file.data.inputs) - _only_told(file) - {name for model in models for name in model_inputs(model)}:
        raise InputError(f"[data.inputs] has {format_names(unused)}, which neither the law nor a trend reads")


def _member(file: StudyKeys, filled: StudyKeys, entry: StackKeys, shared: tuple[JointPrior, ...]) -> Model:
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
    joint = shared if inherits else _offered_joint(member)
    if member.law.priors != "public_sweeps":  # those bring noise and discrepancy of their own
        given = filled.discrepancy if member.discrepancy is None else member.discrepancy
        member = replace(member, noise=_with_scale(member.noise, filled.noise), discrepancy=given)
    member = _filled(_with_joint_priors(member))
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
    return _model(replace(member, joint_prior=()) if inherits else member, joint)


def _with_scale(noise: NoiseKeys | None, filled: NoiseKeys | None) -> NoiseKeys | None:
    """Return the noise of a model of a stack, with the scale of the file's where it says none."""
    if noise is None or noise.sd is not None or filled is None:
        return noise or filled
    return replace(noise, sd=filled.sd)


def _references(file: StudyKeys) -> str:
    said = {name: "unsaid" if one.reference is None else exact(one.reference) for name, one in file.data.inputs.items()}
    return ", ".join(f"{name} {of}" for name, of in said.items())


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


def _check_figure(figure: Sheet | None, columns: Columns) -> None:
    known = {*columns.inputs, *columns.dims}
    for part in ("x", "rows", "columns", "hue") if figure else ():
        name = getattr(figure, part)
        if name is not None and name not in (columns.inputs if part == "x" else known):
            raise InputError(
                f"figure.{part} is {name!r}; expected one of {format_names(columns.inputs if part == 'x' else known)}"
            )


def models_folder() -> Any:
    """Return the folder of the bundled studies: of the wheel, or of a checkout."""
    installed = files("bayes_scaling").joinpath("models")
    return installed if installed.is_dir() else Path(__file__).parents[3] / "models"


def _bundled() -> list[Any]:
    return sorted((file for file in models_folder().iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)


def _toml(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of which there are others than TOML's own, for integers too long to read
        raise InputError(f"{source}: not TOML: {error}") from None
