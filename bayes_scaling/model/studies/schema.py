"""The JSON schema of model files, which editors complete and check by; made from the records that read them.

`python -m bayes_scaling.model.studies.schema` writes it to `models/schema.json`; wheels have it beside the bundled studies.
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.priors import DISTRIBUTIONS
from bayes_scaling.model.studies import keys
from bayes_scaling.model.studies.bundled import models_folder

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECTION = re.compile(r"\n\n\w+\n-{3,}\n")
"""Where a section of a docstring begins."""


def study_schema() -> dict[str, Any]:
    """Return the JSON schema of model files, each key with what it means.

    Returns
    -------
    dict
        As draft 2020-12 has it. It checks keys and types; what goes together is checked when a file is read.

    Examples
    --------
    >>> sorted(study_schema()["required"])
    ['data', 'law']
    >>> study_schema()["$defs"]["Varying"]["properties"]["sd"]["type"]
    'number'
    """
    schema = TypeAdapter(keys.StudyKeys).json_schema()
    records = {name: of for name, of in schema["$defs"].items() if "properties" in of} | {"StudyKeys": schema}
    for name, record in records.items():
        record["description"] = SECTION.split(record["description"])[0]
        means = _meanings(getattr(keys, name))
        for key, of in record["properties"].items():
            of |= {"description": means[key]} if key in means else {}
    records["LawKeys"]["properties"]["name"] |= {"enum": sorted(LAWS)}
    records["Prior"]["properties"]["distribution"] |= {"enum": sorted(DISTRIBUTIONS)}
    return {"$schema": DIALECT, "title": "Model file of bayes_scaling"} | {k: of for k, of in schema.items() if k != "title"}


def schema_text() -> str:
    """Return the schema as its file has it."""
    return json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n"


def _meanings(record: type) -> dict[str, str]:
    """Return what fields mean, by the sections "Parameters" of a record and of those that it is made from."""
    found: dict[str, str] = {}
    for one in reversed(record.__mro__[:-1]):
        _, _, section = inspect.cleandoc(one.__doc__ or "").partition("Parameters\n----------\n")
        section = SECTION.split(section)[0]
        for names, meaning in re.findall(r"^(\w[\w, ]*)\n((?:(?:    .*)?(?:\n|$))+)", section, re.MULTILINE):
            found |= {name.strip(): " ".join(meaning.split()) for name in names.split(",")}
    return found


if __name__ == "__main__":
    Path(str(models_folder())).joinpath("schema.json").write_text(schema_text(), encoding="utf-8")
