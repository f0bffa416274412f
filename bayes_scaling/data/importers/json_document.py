"""A JSON document: a list of records, or an object of lists that are equally long, such as {"step": [...], "loss": [...]}."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.json_pairs import pairs, twice_notes
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.records import flattened, parts_of_records, refuse_settings
from bayes_scaling.data.importers.steps import STEPS
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
    notes = (*notes, *cut)
    if len(records) == 1 and (runs := _runs(records[0], head.source)):
        for run, rows in runs.items():
            yield from parts_of_records(rows, run, head.source, NAME, notes)
            notes = ()
        return
    refuse_settings(records, head)
    yield from parts_of_records(records, run_name(head.source), head.source, NAME, notes)


def _runs(found: Mapping[str, Any], source: str) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of an object whose entries are objects of lists each: {"run-a": {"step": [...], "loss": [...]}}."""
    if not found or not all(isinstance(of, Mapping) and _lists(of) for of in found.values()):
        return {}
    return {str(run): _of_lists(of, f"{source}, {run}") for run, of in found.items()}


def _lists(found: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the lists of single values of an object."""
    flat = flattened(found).items()
    return {name: of for name, of in flat if isinstance(of, list) and not any(isinstance(one, list | dict) for one in of)}


def _records(text: str, source: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the records of a document; of a list that is cut or damaged those that are whole."""
    try:
        twice: list[str] = []
        found: Any = json.loads(text, object_pairs_hook=partial(pairs, twice))
        cut = twice_notes(twice, source)
    except (ValueError, RecursionError) as error:
        where = f"line {getattr(error, 'lineno', 1)}"
        found, _ = whole_rows(text, text.index("[") + 1) if text.lstrip().startswith("[") else ([], 0)
        if not found:
            raise InputError(f"{source}, {where}: was cut, or is no JSON") from None
        cut = (f"{source}: was cut, or is damaged, in {where}: {len(found)} records are read",)
    records = _of_lists(found, source) if isinstance(found, dict) else found
    if not records or not all(isinstance(one, dict) for one in records):
        raise InputError(f"{source}: no known log; expected records, or lists that are equally long")
    return records, cut


def _of_lists(found: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    """Return an object of lists as records; one that holds records of its own as it is."""
    lists = _lists(found)
    others = {name: of for name, of in flattened(found).items() if not isinstance(of, list)}
    inside = {name.rpartition(".")[0] for name in lists}
    if len(lists) < 2 or len(inside) > 1:
        return [dict(found)]
    lengths = {name: len(of) for name, of in lists.items()}
    if len(set(lengths.values())) == 1:
        names = [name.rpartition(".")[2] for name in lists]
        return [{**others, **dict(zip(names, row, strict=True))} for row in zip(*lists.values(), strict=True)]
    if _has_step(lists):
        said = ", ".join(f"{name!r} has {count}" for name, count in lengths.items())
        raise InputError(f"{source}: lists are not equally long: {said}; expected one value a step")
    return [dict(found)]


def _has_step(names: Iterable[str]) -> bool:
    """Return whether one of some names is a step's."""
    return any(name.rpartition(".")[2].lower() in STEPS for name in names)
