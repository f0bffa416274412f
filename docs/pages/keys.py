"""The keys of model files, from the records that they are read into."""

from typing import Any

from bayes_scaling.model.studies.schema import study_schema
from pages.laws import prose

FEW = 8
"""Words to choose from that are few enough to be listed."""
KINDS = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}
"""A type of JSON -> its name here."""

ORDER = (
    "DataKeys",
    "Input",
    "Response",
    "LawKeys",
    "ParameterKeys",
    "StackKeys",
    "Prior",
    "Varying",
    "Ordered",
    "ByLevel",
    "Trend",
    "NoiseKeys",
    "Correlation",
    "Outliers",
    "Discrepancy",
)
"""What most files hold, in the order in which they are written."""

TOP = """# Keys of model files

Every key that a model file may hold, from the records that it is read into. Any other key is refused, with the key that
was probably meant. How the parts go together: [](model-file.md).

The same for editors, as a [JSON schema](schema.json): [how to use it](model-file.md#in-an-editor).

"""


def page() -> str:
    """Return the page, a section a table of TOML."""
    schema = study_schema()
    records: dict[str, Any] = {"": schema} | schema.get("$defs", {})
    plain = {name: record for name, record in records.items() if not record.get("properties")}
    records = resolved({name: records[name] for name in records if name not in plain}, plain)
    first = ["", *(name for name in ORDER if name in records)]
    return TOP + "\n".join(section(name, records[name]) for name in [*first, *sorted(set(records) - set(first))])


def resolved(of: Any, plain: dict[str, Any]) -> Any:
    """Return a schema with references to what is no table, such as a choice of words, replaced by it."""
    if isinstance(of, list):
        return [resolved(one, plain) for one in of]
    if not isinstance(of, dict):
        return of
    name = str(of.get("$ref", "")).rsplit("/", 1)[-1]
    return plain[name] if name in plain else {key: resolved(one, plain) for key, one in of.items()}


def section(name: str, record: dict[str, Any]) -> str:
    """Return the keys of one record."""
    title = name.removesuffix("Keys") or "The file"
    needed = record.get("required", [])
    rows = [
        f"| `{key}` | {kind(of)} | {prose(of.get('description', ''))} | {unless(key, of, needed)} |"
        for key, of in record["properties"].items()
    ]
    head = ["| key | holds | meaning | unless given |", "| --- | --- | --- | --- |"]
    return "\n".join([f"(keys-{title.lower().replace(' ', '-')})=", f"## {title}\n", *head, *rows, ""])


def unless(key: str, of: dict[str, Any], needed: list[str]) -> str:
    """Return what a key is where it is not given."""
    if key in needed:
        return "must be given"
    default = of.get("default")
    return "" if default in (None, "", [], {}) else short(default)


def short(default: object) -> str:
    """Return a default in few words."""
    text = str(default)
    return f"`{text}`" if len(text) < 60 else "see there"


def kind(of: dict[str, Any]) -> str:
    """Return what a key holds."""
    if "$ref" in of:
        title = of["$ref"].rsplit("/", 1)[-1].removesuffix("Keys")
        return f"[{title}](#keys-{title.lower()})"
    if choices := of.get("enum") or ([of["const"]] if "const" in of else []):
        return " or ".join(f'`"{one}"`' for one in choices) if len(choices) < FEW else "a name of the library"
    if several := of.get("anyOf"):
        return " or ".join(dict.fromkeys(kind(one) for one in several if one.get("type") != "null"))
    if of.get("type") == "array":
        parts = of.get("prefixItems")
        return f"[{', '.join(kind(one) for one in parts)}]" if parts else f"list of {kind(of.get('items', {}))}"
    if of.get("type") == "object":
        return f"table of names, each {kind(of.get('additionalProperties', {}) or {})}"
    return KINDS.get(of.get("type", ""), "any")
