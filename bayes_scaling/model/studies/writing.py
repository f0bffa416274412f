"""Studies written as model files."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import tomli_w

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_text
from bayes_scaling._base.numbers import spaced_name
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.references import columns_at
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import ByLevel, Ordered, Smooth, Trend, Varying, as_parameter
from bayes_scaling.model.specification import Model, prior_references
from bayes_scaling.model.studies.study import StackedModel, Study


def study_text(study: Study) -> str:
    """Return a study as TOML that `parse_study` reads back.

    Parameters
    ----------
    study
        A study, read or made.

    Returns
    -------
    str
        The text of a model file; what has its default is left out.

    Raises
    ------
    InputError
        Where the law is neither in the library nor can be written as text.

    Examples
    --------
    >>> from bayes_scaling.model.studies.reading import read_study
    >>> text = study_text(read_study("chinchilla_law"))
    >>> print(text[text.index("[law]") : text.index("[parameters")].strip())
    [law]
    name = "chinchilla"
    """
    columns = columns_at(study.columns, prior_references(study.model), study.name)
    content = {
        "title": study.title or None,
        "data": {"source": study.source} | _told(columns) | {"costs": _costs(columns)},
        **_model(in_unit_of(study.model, study.columns.response)),
        "figure": study.figure,
        "sampling": _told(study.settings),
    }
    bare = _bare(content)
    members = [_member(one, study.columns) for one in study.stack]
    return tomli_w.dumps(bare | ({"stack": members} if members else {}), multiline_strings=True)


def _member(of: StackedModel, columns: Columns) -> dict[str, Any]:
    """Return a model of a stack with all that it is, so that nothing is left to what the rest of the file says."""
    model = _bare(_model(in_unit_of(of.model, columns.response)))
    stated = {name: model.get(name, []) for name in ("discrepancy", "joint_prior")}
    return {"name": of.name, "weight": of.weight, **model, **stated}


def _model(model: Model) -> dict[str, Any]:
    """Return what a file says of a model."""
    law, parameters = model.law, {}
    named = LAWS.get(law.__name__) is law
    for name, value in model.parameters.items():
        parameter = as_parameter(value)
        parameters[name] = {
            "prior": parameter.prior,
            "varying": [term for term in parameter.terms if isinstance(term, Varying)],
            "smooth": [term for term in parameter.terms if isinstance(term, Smooth)],
            "ordered": [term for term in parameter.terms if isinstance(term, Ordered)],
            "by_level": [term for term in parameter.terms if isinstance(term, ByLevel)],
            "trend": [term for term in parameter.terms if isinstance(term, Trend)],
        }
    return {
        "law": {"name": law.__name__} if named else {"text": law_text(law)},
        "parameters": parameters,
        "noise": _noise(model.noise),
        "discrepancy": list(model.discrepancy),
        "joint_prior": list(model.joint),
    }


def _costs(columns: Columns) -> dict[str, Any]:
    """Return costs by name, without what has its default; something is left of each."""
    kept: dict[str, Any] = {}
    for name, one in columns.costs.items():
        said = _told(one)
        if one.name == spaced_name(name):
            said.pop("name", None)
        kept[name] = said or {"flops_per_param_token": one.flops_per_param_token}
    return kept


def _noise(noise: Noise) -> dict[str, Any]:
    """Return the noise by the keys that a study file has for it."""
    sd = as_parameter(noise.sd)
    return _told(noise) | {
        "sd": sd.prior,
        "sd_varying": [term for term in sd.terms if isinstance(term, Varying)],
        "sd_smooth": [term for term in sd.terms if isinstance(term, Smooth)],
        "sd_ordered": [term for term in sd.terms if isinstance(term, Ordered)],
        "sd_by_level": [term for term in sd.terms if isinstance(term, ByLevel)],
        "effects": [term for term in noise.effects if isinstance(term, Varying)],
        "smooth": [term for term in noise.effects if isinstance(term, Smooth)],
        "sd_trend": [term for term in sd.terms if isinstance(term, Trend)],
    }


def write_study(study: Study, path: str | Path) -> Path:
    """Write a study to a model file.

    Parameters
    ----------
    study
        A study, read or made.
    path
        Of the file; one that is there is replaced, whole or not at all.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    InputError
        Where the law cannot be written as text, or the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from bayes_scaling.model.studies.reading import read_study
    >>> with TemporaryDirectory() as folder:
    ...     path = write_study(read_study("chinchilla_law"), f"{folder}/mine.toml")
    ...     read_study(path).model.unit
    'nats/token'
    """
    path = Path(path)
    write_text(study_text(study), path)
    return path


def _told(record: Any) -> dict[str, Any]:
    """Return the fields of a record that differ from their defaults; of a unit that was assumed nothing."""
    told = {one.name: getattr(record, one.name) for one in fields(record)}
    for one in fields(record):
        default = one.default if one.default_factory is MISSING else one.default_factory()
        assumed = getattr(record, "assumed", False) and one.name in ("unit", "assumed")
        less = {name: of for name, of in told.items() if name != one.name}
        if (assumed or told[one.name] == default) and _makes(record, less):
            told = less
    return told


def _makes(record: Any, told: Mapping[str, Any]) -> bool:
    """Return whether these fields alone make a record."""
    try:
        return bool(type(record)(**told) == record)
    except InputError:
        return False


def _bare(value: Any) -> Any:
    """Return records as tables without what is empty, which TOML has no word for."""
    if is_dataclass(value):
        return {key: _bare(one) for key, one in _told(value).items()}
    if isinstance(value, Mapping):
        bare = {key: _bare(one) for key, one in value.items()}
        return {key: one for key, one in bare.items() if is_dataclass(value[key]) or (one is not None and one not in ({}, []))}
    if isinstance(value, list | tuple):
        return [_bare(one) for one in value]
    return value
