"""Model files: one TOML file says which table, which columns, and which model; here it is read, checked and written."""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.files import write_text
from bayes_scaling._base.paths import is_file
from bayes_scaling.data import datasets
from bayes_scaling.data.columns import Average, Columns, Curve, Input, MeasurementError, Response, Schedule
from bayes_scaling.data.counts import refuse_implausible_counts
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.laws.formula import law_names, law_text, parse_law
from bayes_scaling.laws.library import LAWS, Law, library_law
from bayes_scaling.model.defaults import at_references, default_priors, default_response, sweep_model
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.loss_units import in_unit_of, moved_notes, recognised
from bayes_scaling.model.noise import Correlation, Noise
from bayes_scaling.model.parameters import Parameter, Prior, Term, Trend, Varying, as_parameter
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model, model_inputs


@dataclass(frozen=True)
class Sheet:
    """How the main figure of a study lays out its bands: a panel for each row and column, a colour for each hue.

    Parameters
    ----------
    x
        Input on the horizontal axis.
    rows, columns, hue
        Group, or input with few values, between whose levels panels and colours differ.
    beyond
        How many times past the data the bands are drawn.
    """

    x: str
    rows: str | None = None
    columns: str | None = None
    hue: str | None = None
    beyond: float = 10.0

    def __post_init__(self) -> None:
        group = checks.optional(checks.name)
        checks.check(self, "of the figure", x=checks.name, rows=group, columns=group, hue=group, beyond=checks.at_least(1))


@dataclass(frozen=True)
class Study:
    """What a model file says: a model, what the columns of its table are for, and the table itself where one is bundled.

    Parameters
    ----------
    source
        Name of a bundled dataset or path of a file; None where the runs are always the user's.
    figure
        The layout of the main figure; None for one chosen by the number of groups and inputs.
    settings
        How to sample, where the defaults do not serve.
    notes
        What was assumed in reading the file, a sentence each.
    """

    name: str
    model: Model
    columns: Columns
    source: str | None = None
    title: str = ""
    figure: Sheet | None = None
    settings: Settings = Settings()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Law:
    name: str | None = None
    text: str | None = None
    priors: Literal["published", "public_sweeps"] | None = None

    def __post_init__(self) -> None:
        if (self.name is None) == (self.text is None):
            raise InputError(f"give either the name of a law, one of {sorted(LAWS)}, or its text")
        if self.priors is not None and self.name is None:
            raise InputError(f'priors = "{self.priors}" is for laws of the library, given by name; this one is a text')


@dataclass(frozen=True)
class _Parameter:
    prior: Prior | None = None
    varying: tuple[Varying, ...] = ()
    trend: tuple[Trend, ...] = ()


@dataclass(frozen=True)
class _Data(Columns):
    source: str | None = None


@dataclass(frozen=True)
class _Noise(Noise):
    sd: Prior | None = None  # type: ignore[assignment]
    sd_varying: tuple[Varying, ...] = ()
    sd_trend: tuple[Trend, ...] = ()

    def __post_init__(self) -> None:
        """Leave what the library is to fill in to `_complete`."""
        if self.sd is not None:
            super().__post_init__()


@dataclass(frozen=True)
class _File:
    data: _Data
    law: _Law
    noise: _Noise | None = None
    parameters: Mapping[str, _Parameter] = field(default_factory=dict)
    discrepancy: tuple[Discrepancy, ...] | None = None
    title: str = ""
    description: str = field(default="")
    figure: Sheet | None = None
    sampling: Settings = Settings()


_NOISE = (_Noise, Noise, Correlation)
_DATA = (_Data, Columns, Input, Response, MeasurementError, Average, Curve, Schedule)
for _record in (_File, _Law, _Parameter, Prior, Varying, Trend, Discrepancy, Sheet, Settings, *_DATA, *_NOISE):
    setattr(_record, "__pydantic_config__", {"extra": "forbid"})  # noqa: B010


def bundled() -> dict[str, str]:
    """Return the bundled studies: name -> title."""
    return {
        path.name.removesuffix(".toml"): _toml(path.read_text(encoding="utf-8"), path.name).get("title", "")
        for path in _bundled()
    }


def read_study(name_or_path: str | Path) -> Study:
    """Return the study of a TOML file, or a bundled one by its name.

    Raises
    ------
    InputError
        In one line with file and key and what would be right, where the file is not a study.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not is_file(path):
            raise InputError(f"{path}: no such file; expected a model file")
        try:
            return parse_study(path.read_text(encoding="utf-8"), str(path), path.parent)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: unreadable ({error})") from None
    for file in _bundled():
        if file.name == f"{path}.toml":
            return parse_study(file.read_text(encoding="utf-8"), str(path))
    raise InputError(f"no bundled model is called {str(path)!r}; there are {sorted(bundled())}, or give a .toml file")


def parse_study(text: str, source: str, folder: Path | None = None) -> Study:
    """Return the study that a TOML text describes.

    Parameters
    ----------
    source
        What to call the text in errors.
    folder
        Where a relative path of a table starts.
    """
    try:
        file = _read(_toml(text, source))
    except ValidationError as error:
        raise InputError(f"{source}: {_first(error)}") from None
    try:
        file = _filled(file)
        model = _model(file)
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
    return Study(name, model, columns, table, file.title, file.figure, file.sampling, notes)


def _read(content: Mapping[str, Any]) -> _File:
    """Return what a model file says: numbers as numbers and texts as texts, as strict JSON is read."""
    return TypeAdapter(_File).validate_json(json.dumps(content, default=_as_date), strict=True)


def _as_date(value: object) -> list[list[str]]:
    """Return a date or time as what no key takes; everything else in TOML is in JSON too."""
    return [[str(value)]]


def _filled(file: _File) -> _File:
    """Return a model file with the library's priors, units and references where it asks for them and says no others."""
    if file.law.priors is None:
        return _complete(file)
    name = str(file.law.name)
    file = replace(file, data=replace(file.data, inputs=at_references(name, file.data.inputs)))
    return _complete(_published(file, name) if file.law.priors == "published" else _as_public_sweeps(file, name))


def _complete(file: _File) -> _File:
    """Return a model file where it has a prior for each parameter that it names, and for the noise."""
    missing = [f"parameters.{name}.prior" for name, of in file.parameters.items() if of.prior is None]
    missing += [] if file.parameters else ["parameters"]
    missing += ["noise"] if file.noise is None else ["noise.sd"] if file.noise.sd is None else []
    if missing:
        raise InputError(f"{missing[0]}: this key is missing")
    return file


def _published(file: _File, name: str) -> _File:
    noise = Noise(sd=(file.noise and file.noise.sd) or Prior(median=0.01, factor=3.0))  # not of the library
    model = Model(library_law(name), default_priors(name), noise, unit=default_response(name))
    return replace(file, parameters=_with_priors(file, _priors(model, file)))


def _priors(model: Model, file: _File) -> dict[str, Prior]:
    """Return a library's priors in the unit of a model file's response, as those are that it says itself."""
    moved = in_unit_of(model, file.data.response)
    return {parameter: as_parameter(prior).prior for parameter, prior in moved.parameters.items()}


def _with_priors(file: _File, priors: Mapping[str, Prior]) -> dict[str, _Parameter]:
    """Return the parameters of a model file: terms are added to the library's prior where it says no other."""
    if unknown := [name for name, of in file.parameters.items() if of.prior is None and name not in priors]:
        raise InputError(f"parameters.{unknown[0]}: {file.law.name} has no such parameter; it has {list(priors)}")
    own = {name: replace(of, prior=of.prior or priors[name]) for name, of in file.parameters.items()}
    return {name: _Parameter(prior) for name, prior in priors.items()} | own


def _as_public_sweeps(file: _File, name: str) -> _File:
    """Return a model file with parameters, noise and discrepancy as public sweeps have them, where it says no others.

    `discrepancy = []` is to say another: none.
    """
    model = sweep_model(name)
    priors = _priors(model, file)
    noise = file.noise or _Noise()
    noise = replace(noise, sd=noise.sd or as_parameter(model.noise.sd).prior)
    departs = model.discrepancy if file.discrepancy is None else file.discrepancy
    return replace(file, parameters=_with_priors(file, priors), noise=noise, discrepancy=departs)


def _model(file: _File) -> Model:
    assert file.noise is not None
    assert file.noise.sd is not None
    priors = {name: one.prior for name, one in file.parameters.items() if one.prior is not None}
    terms: dict[str, tuple[Term, ...]] = {name: (*one.varying, *one.trend) for name, one in file.parameters.items()}
    parameters = {name: Parameter(prior, terms[name]) for name, prior in priors.items()}
    said = {name: getattr(file.noise, name) for name in Noise.__dataclass_fields__}
    sd = Parameter(file.noise.sd, (*file.noise.sd_varying, *file.noise.sd_trend))
    noise = Noise(**said | {"sd": sd if sd.terms else sd.prior})
    model = Model(_law(file), parameters, noise, file.discrepancy or (), file.data.response.unit)
    if unknown := set(model_inputs(model)) - set(file.data.inputs):
        raise InputError(f"the model reads {format_names(unknown)}; [data.inputs] has {format_names(file.data.inputs)}")
    if unused := set(file.data.inputs) - set(model_inputs(model)):
        raise InputError(f"[data.inputs] has {format_names(unused)}, which neither the law nor a trend reads")
    return model


def _law(file: _File) -> Law:
    """Return the law of a model file; inputs that its text leaves out are those that only trends are on."""
    if file.law.name is not None:
        return library_law(file.law.name)
    text = str(file.law.text)
    assert file.noise is not None
    trends = [*(term for one in file.parameters.values() for term in one.trend), *file.noise.sd_trend]
    correlation = file.noise.correlation
    elsewhere = {term.on for term in trends} | ({correlation.along} if correlation else set())
    elsewhere |= {name for term in file.discrepancy or () for name in term.over or ()}
    elsewhere -= law_names(text)
    return parse_law(text, tuple(name for name in file.data.inputs if name not in elsewhere))


def _check_figure(figure: Sheet | None, columns: Columns) -> None:
    known = {*columns.inputs, *columns.dims}
    for part in ("x", "rows", "columns", "hue") if figure else ():
        name = getattr(figure, part)
        if name is not None and name not in (columns.inputs if part == "x" else known):
            raise InputError(
                f"figure.{part} is {name!r}; expected one of {format_names(columns.inputs if part == 'x' else known)}"
            )


def study_text(study: Study) -> str:
    """Return a study as TOML that `parse_study` reads back.

    Raises
    ------
    InputError
        Where the law is neither in the library nor to be written as text.
    """
    law, model = study.model.law, in_unit_of(study.model, study.columns.response)
    named = LAWS.get(law.__name__) is law
    parameters = {}
    for name, value in model.parameters.items():
        parameter = as_parameter(value)
        parameters[name] = {
            "prior": parameter.prior,
            "varying": [term for term in parameter.terms if isinstance(term, Varying)],
            "trend": [term for term in parameter.terms if isinstance(term, Trend)],
        }
    content = {
        "title": study.title,
        "data": {"source": study.source} | asdict(study.columns),
        "law": {"name": law.__name__} if named else {"text": law_text(law)},
        "parameters": parameters,
        "noise": _noise(model.noise),
        "discrepancy": [asdict(term) for term in model.discrepancy],
        "figure": asdict(study.figure) if study.figure else {},
        "sampling": {name: of for name, of in asdict(study.settings).items() if of != getattr(Settings(), name)},
    }
    return tomli_w.dumps(_bare(content))


def _noise(noise: Noise) -> dict[str, Any]:
    sd = as_parameter(noise.sd)
    return asdict(noise) | {
        "sd": sd.prior,
        "sd_varying": [term for term in sd.terms if isinstance(term, Varying)],
        "sd_trend": [term for term in sd.terms if isinstance(term, Trend)],
    }


def write_study(study: Study, path: str | Path) -> Path:
    """Write a study to a model file."""
    path = Path(path)
    write_text(study_text(study), path)
    return path


def study_runs(study: Study, table: Table | Sequence[Table] | None = None) -> Runs:
    """Return the runs of a study: its own, or those of another table, or of several, with the same columns.

    Where nobody has said the unit of the losses, and they are as low for the study's priors as losses per byte are, they are
    read as such, with a note.

    Raises
    ------
    InputError
        Where the study has no table of its own and none is given, or where counts that nobody has said the unit of are such as
        no training run has.
    """
    own = study.source if table is None and study.source in datasets.names() else None
    runs = read_runs(table if table is not None else study_table(study), study.columns, own)
    refuse_implausible_counts(runs)
    return recognised(study.model, replace(runs, notes=(*runs.notes, *study.notes)))


def study_table(study: Study, table: Table | None = None) -> Table:
    """Return the table of a study unless another is given; raises InputError where there is neither."""
    if table is not None:
        return table
    if study.source is None:
        wanted = [one.column for one in study.columns.inputs.values()] + [study.columns.response.column]
        raise InputError(f"{study.name} comes without runs; give a table with the columns {wanted} (--runs FILE)")
    return datasets.load(study.source) if study.source in datasets.names() else study.source


def _bundled() -> list[Any]:
    installed = files("bayes_scaling").joinpath("models")
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "models"
    return sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)


def _toml(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of which there are others than TOML's own, for integers too long to read
        raise InputError(f"{source}: not TOML: {error}") from None


def _first(error: ValidationError) -> str:
    """Return the first error as `key: what is wrong and what would be right`."""
    every = error.errors()
    first: ErrorDetails = next((one for one in every if one["type"] == "unexpected_keyword_argument"), every[0])
    loc = first["loc"][:-1] if first["type"] == "string_type" and first["loc"][-1] == "str" else first["loc"]
    key = ".".join(_written(part) for part in loc)
    if first["type"] == "unexpected_keyword_argument":
        known = _keys(first["loc"])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; expected {known}" if known else ""
        return f"{key}: no such key{hint}"
    if first["type"] == "missing":
        return f"{key}: this key is missing"
    said = first["msg"].removeprefix("Value error, ").replace("an object", "a table").replace("an array", "a list")
    return f"{key}: {said}" + ("" if first["type"] == "value_error" else f", not {first['input']!r}")


def _written(part: int | str) -> str:
    return str(part) if str(part).isprintable() else repr(part)


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at a place of the file may have."""
    records: dict[str, Any] = {
        "data": _Data,
        "inputs": Input,
        "response": Response,
        "measurement_error": MeasurementError,
        "law": _Law,
        "average": Average,
        "curve": Curve,
        "schedule": Schedule,
        "figure": Sheet,
        "sampling": Settings,
        "noise": _Noise,
        "correlation": Correlation,
        "length": Prior,
        "discrepancy": Discrepancy,
        "amplitude": Prior,
        "parameters": _Parameter,
        "prior": Prior,
        "sd": Prior,
        "nu": Prior,
        "varying": Varying,
        "effects": Varying,
        "sd_varying": Varying,
        "sd_trend": Trend,
        "trend": Trend,
    }
    named = [str(part) for part in loc[:-1] if str(part) in records]
    return list(records[named[-1]].__dataclass_fields__ if named else _File.__dataclass_fields__)


def _bare(value: Any) -> Any:
    """Return records as tables without what is empty, which TOML has no word for."""
    if isinstance(value, Prior | Varying | Trend):
        value = asdict(value)
    if isinstance(value, Mapping):
        bare = {key: _bare(one) for key, one in value.items()}
        return {key: one for key, one in bare.items() if one is not None and one not in ({}, [])}
    if isinstance(value, list | tuple):
        return [_bare(one) for one in value]
    return value
