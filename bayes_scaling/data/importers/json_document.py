"""A JSON document: a list of records, or an object of lists that are equally long, such as {"step": [...], "loss": [...]}."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.records import flattened, parts_of_records, refuse_settings
from bayes_scaling.data.importers.trainer_state import whole_rows

NAME = "JSON document"
BEGINS = re.compile(r"\s*\[\s*\{|\s*\{[^\[]*\"\s*:\s*\[\s*(\{|-?\d)")


def recognises(head: Head) -> bool:
    """Return whether it begins as a list of records, or an object with a list of records or numbers."""
    return BEGINS.match(head.text) is not None


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a document."""
    text, notes = head.whole_text()
    records, cut = _records(text, head.source)
    refuse_settings(records, head)
    yield from parts_of_records(records, run_name(head.source), head.source, NAME, (*notes, *cut))


def _records(text: str, source: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the records of a document; of a list that is cut or damaged those that are whole."""
    try:
        found: Any = json.loads(text)
        cut: tuple[str, ...] = ()
    except (ValueError, RecursionError) as error:
        where = f"line {getattr(error, 'lineno', 1)}"
        found, _ = whole_rows(text, text.index("[") + 1) if text.lstrip().startswith("[") else ([], 0)
        if not found:
            raise InputError(f"{source}, {where}: was cut, or is no JSON") from None
        cut = (f"{source}: was cut, or is damaged, in {where}: {len(found)} records are read",)
    records = _of_lists(found) if isinstance(found, dict) else found
    if not records or not all(isinstance(one, dict) for one in records):
        raise InputError(f"{source}: no known log; expected records, or lists that are equally long")
    return records, cut


def _of_lists(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an object of lists as records; one that holds records of its own as it is."""
    flat = flattened(found)
    lists = {
        name: of for name, of in flat.items() if isinstance(of, list) and not any(isinstance(one, list | dict) for one in of)
    }
    others = {name: of for name, of in flat.items() if not isinstance(of, list)}
    inside = {name.rpartition(".")[0] for name in lists}
    if len({len(of) for of in lists.values()}) == 1 and len(lists) > 1 and len(inside) == 1:
        names = [name.rpartition(".")[2] for name in lists]
        return [{**others, **dict(zip(names, row, strict=True))} for row in zip(*lists.values(), strict=True)]
    return [dict(found)]
