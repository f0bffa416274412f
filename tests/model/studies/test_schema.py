"""The JSON schema of model files is fresh, takes what is read and refuses what is not."""

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bayes_scaling.model.studies.bundled import bundled, models_folder
from bayes_scaling.model.studies.schema import schema_text, study_schema

FOLDER = Path(str(models_folder()))
CHECK = jsonschema.Draft202012Validator(study_schema())


def content(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def test_the_file_is_fresh() -> None:
    written = (FOLDER / "schema.json").read_text(encoding="utf-8")
    assert written == schema_text(), "run python -m bayes_scaling.model.studies.schema"
    jsonschema.Draft202012Validator.check_schema(study_schema())


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_bundled_study_is_valid_and_says_where_the_schema_is(name: str) -> None:
    CHECK.validate(content(name))
    assert (FOLDER / f"{name}.toml").read_text(encoding="utf-8").startswith("#:schema ./schema.json\n")


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ((), "dat", {}),
        (("data",), "wher", "x > 1"),
        (("data",), "reading_error", {"column": "err"}),
        (("data", "inputs", "params"), "units", "tokens"),
        (("law",), "name", "chinchila"),
        (("parameters", "E"), "priors", {}),
        (("parameters", "E", "prior"), "median", "1.7"),
        (("noise",), "distribution", "gaussian"),
        (("noise",), "sd", 0.01),
    ],
)
def test_a_wrong_key_or_value_is_refused(table: tuple[str, ...], key: str, value: object) -> None:
    whole = content("chinchilla_law")
    at: Any = whole
    for part in table:
        at = at[part]
    at[key] = value
    with pytest.raises(jsonschema.ValidationError):
        CHECK.validate(whole)


def test_every_key_says_what_it_means() -> None:
    schema = study_schema()
    records = [schema, *(of for of in schema["$defs"].values() if "properties" in of)]
    assert not [key for of in records for key, one in of["properties"].items() if not one.get("description")]
