"""What is wrong in a model file, in one line with its key and what would be right."""

import difflib
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bayes_scaling.data.conventions import Conventions
from bayes_scaling.data.curve import Average, Curve, Tail
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.measurement_error import MeasurementError
from bayes_scaling.data.response import Response
from bayes_scaling.data.roles.words import is_error_name
from bayes_scaling.data.schedule_columns import Schedule
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.noise import Correlation, Outliers
from bayes_scaling.model.parameters import ByLevel, Ordered, Smooth, Trend, Varying
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.studies.keys import DataKeys, JointPriorKeys, LawKeys, NoiseKeys, ParameterKeys, StackKeys, StudyKeys
from bayes_scaling.model.studies.study import Sheet

KINDS = {("string_type", "str"), ("int_type", "int")}
"""Errors of a value that may be of several kinds, and what each adds to the place."""

RECORDS: dict[str, Any] = {
    "data": DataKeys,
    "inputs": Input,
    "response": Response,
    "measurement_error": MeasurementError,
    "law": LawKeys,
    "average": Average,
    "tail": Tail,
    "curve": Curve,
    "schedule": Schedule,
    "conventions": Conventions,
    "figure": Sheet,
    "sampling": Settings,
    "noise": NoiseKeys,
    "correlation": Correlation,
    "outliers": Outliers,
    "share": Prior,
    "scale": Prior,
    "length": Prior,
    "discrepancy": Discrepancy,
    "joint_prior": JointPriorKeys,
    "amplitude": Prior,
    "parameters": ParameterKeys,
    "prior": Prior,
    "sd": Prior,
    "nu": Prior,
    "varying": Varying,
    "effects": Varying,
    "sd_varying": Varying,
    "smooth": Smooth,
    "sd_smooth": Smooth,
    "ordered": Ordered,
    "sd_ordered": Ordered,
    "by_level": ByLevel,
    "sd_by_level": ByLevel,
    "sd_trend": Trend,
    "trend": Trend,
    "stack": StackKeys,
}
"""Name of a table in a study file -> the record whose fields are its keys."""


def first_error(error: ValidationError) -> str:
    """Return the first error as `key: what is wrong and what would be right`."""
    every = error.errors()
    first: ErrorDetails = next((one for one in every if one["type"] == "unexpected_keyword_argument"), every[0])
    loc = first["loc"][:-1] if (first["type"], *first["loc"][-1:]) in KINDS else first["loc"]
    if first["type"] == "int_type" and isinstance(first["input"], dict):  # a number or a table: what is wrong in the table
        first = next((one for one in every if one["loc"][: len(loc)] == loc and len(one["loc"]) > len(loc) + 1), first)
        loc += first["loc"][len(loc) + 1 :]
    key = ".".join(_written(part) for part in loc)
    if first["type"] == "unexpected_keyword_argument":
        known = _keys(first["loc"])
        hint = near_word(str(first["loc"][-1]), known) or (f"; expected {known}" if known else "")
        return f"{key}: no such key{_of_errors(first['loc']) or hint}"
    if first["type"] == "missing":
        return f"{key}: this key is missing"
    said = first["msg"].removeprefix("Value error, ").replace("an object", "a table").replace("an array", "a list")
    return f"{key}: {said}" + ("" if first["type"] == "value_error" else f", not {first['input']!r}")


def near_word(word: str, known: list[str]) -> str:
    """Return "; did you mean ...?" with the known word that is most like another; "" where none is."""
    near = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


ERRORS = {"error", "errors", "loss_error", "uncertainty", "sd"}
"""Keys under which standard errors of losses are looked for, beside those that are called so."""


def _of_errors(loc: tuple[int | str, ...]) -> str:
    """Return where standard errors of losses are said, for a key that means them; "" for another."""
    key = str(loc[-1]).lower()
    if loc[0] != "data" or not {*loc[1:-1]} <= {"response", "measurement_error"} or not (key in ERRORS or is_error_name(key)):
        return ""
    if "measurement_error" in loc:
        return '; did you mean column = "..."?'
    return '; did you mean measurement_error = { column = "...", relative = false } in [data]?'


def _written(part: int | str) -> str:
    return str(part) if str(part).isprintable() else repr(part)


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at a place of the file may have."""
    named = [str(part) for part in loc[:-1] if str(part) in RECORDS]
    return list(RECORDS[named[-1]].__dataclass_fields__ if named else StudyKeys.__dataclass_fields__)
