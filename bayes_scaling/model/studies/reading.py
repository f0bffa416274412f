"""Model files read: by path, by the name of a bundled one, or as text."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.paths import is_file
from bayes_scaling.data import datasets
from bayes_scaling.data.columns import Columns
from bayes_scaling.model.defaults import default_response
from bayes_scaling.model.loss_units import moved_notes
from bayes_scaling.model.studies.building import build_member, build_model, check_inputs
from bayes_scaling.model.studies.bundled import RENAMED, bundled, bundled_files, parse_toml
from bayes_scaling.model.studies.earlier_keys import with_keys_of_today
from bayes_scaling.model.studies.errors import first_error, near_word
from bayes_scaling.model.studies.filling import fill, offered_joint, with_joint_priors
from bayes_scaling.model.studies.keys import ParameterKeys, StudyKeys
from bayes_scaling.model.studies.stack import stacked
from bayes_scaling.model.studies.study import Sheet, Study


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
    -1.49
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
        for note in with_keys_of_today(parse_toml(text, str(path)))[1]:
            warnings.warn(f"{path}: {note}", DeprecationWarning, stacklevel=2)
        return study
    if str(path) in RENAMED:
        today = RENAMED[str(path)]
        warnings.warn(f"the study {path} is {today}: write that", DeprecationWarning, stacklevel=2)
        path = Path(today)
    for file in bundled_files():
        if file.name == f"{path}.toml":
            return parse_study(file.read_text(encoding="utf-8"), str(path), kind=kind)
    hint = near_word(str(path), list(bundled()))
    raise InputError(f"no bundled model is called {str(path)!r}{hint}; there are {sorted(bundled())}, or give a .toml file")


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
    content = parse_toml(text, source)
    try:
        content, renamed = with_keys_of_today(content)
        file = _read(content)
    except ValidationError as error:
        raise InputError(f"{source}: {first_error(error)}") from None
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    try:
        file = _with_kind(file, kind)
        joint, whole = offered_joint(file), file
        file = fill(with_joint_priors(file))
        model = build_model(file, joint)
        members = stacked(file.stack, lambda one: build_member(whole, file, one, model.joint))
        check_inputs(file, [model, *(one.model for one in members)])
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


def _check_figure(figure: Sheet | None, columns: Columns) -> None:
    known = {*columns.inputs, *columns.dims}
    for part in ("x", "rows", "columns", "hue") if figure else ():
        name = getattr(figure, part)
        if name is not None and name not in (columns.inputs if part == "x" else known):
            raise InputError(
                f"figure.{part} is {name!r}; expected one of {format_names(columns.inputs if part == 'x' else known)}"
            )
