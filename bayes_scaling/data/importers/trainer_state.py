"""Hugging Face's trainer_state.json: rows of training and of evaluation, of which the last checkpoint has all."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, several
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.nested import settings_of
from bayes_scaling.data.importers.part import Part, metrics_of
from bayes_scaling.data.importers.recognise import Head

NAME = "Hugging Face trainer_state (JSON)"
STATE = "trainer_state.json"
MODEL = "config.json"
"""What the model of a checkpoint is."""

BESIDE_STATE = re.compile(
    r"((generation_|preprocessor_|processor_|adapter_|tokenizer_|quantization_|peft_)?config|tokenizer|vocab|added_tokens"
    r"|special_tokens_map|(all|train|eval)_results|.*\.index)\.json|merges\.txt|chat_template\..*|README\.md|training_args\..*"
    r"|(optimizer|scheduler|scaler|rng_state.*)\.(pt|pth|bin)|.*\.(safetensors|bin|pt|pth|model)|latest|zero_to_fp32\.py"
)
"""Files that transformers saves with a model, which are no logs."""

CHECKPOINT = re.compile(r"checkpoint-(\d+)")
HISTORY = re.compile(r'"log_history"\s*:\s*\[')


def recognises(head: Head) -> bool:
    """Return whether it is a JSON object with a log_history."""
    return head.text.lstrip().startswith("{") and '"log_history"' in head.text


def read(head: Head) -> Iterator[Part]:
    """Yield the run of a state."""
    text, notes = head.whole_text()
    state, cut = _state(text, head.source)
    rows = [row for row in state.get("log_history") or () if isinstance(row, dict)]
    config: dict[str, object] = {name: of for name, of in state.items() if isinstance(of, int | float | str)}
    last = max([_number(row.get("step")) or 0.0 for row in rows], default=0.0)
    reached = _number(state.get("global_step")) or last
    notes = (*notes, *cut, *_stopped(head.source, reached, _number(state.get("max_steps"))))
    config, more = _tokens(config, reached, head.source, any("num_input_tokens_seen" in row for row in rows))
    folder = PurePath(head.source).parent
    home = folder.parent if CHECKPOINT.fullmatch(folder.name) else folder
    config = {**_model(head, folder), **config}
    metrics = metrics_of(_entries(rows))
    yield Part(run_name(head.source), head.source, NAME, metrics, config, (*notes, *more), home=str(home), rank=reached)


def _model(head: Head, folder: PurePath) -> dict[str, object]:
    """Return what config.json beside a state says of the model, or the one above it; nothing where it is damaged."""
    above = [head.path.parent.parent / MODEL] if CHECKPOINT.fullmatch(folder.name) else []
    for path in (head.path.with_name(MODEL), *above):
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return {name: of for name, of in settings_of(found) if not isinstance(of, bool)}
    return {}


def _entries(rows: list[dict[str, Any]]) -> Iterator[tuple[float, str, float]]:
    """Yield what rows say; those of one step stand beside each other in the table."""
    epochs: set[tuple[float, float]] = set()
    for row in rows:
        step = _number(row.get("step"))
        step = float("nan") if step is None else step
        for name, value in row.items():
            number = _number(value)
            if name == "step" or number is None or (name == "epoch" and (step, number) in epochs):
                continue
            yield step, name, number
            epochs |= {(step, number)} if name == "epoch" else set()


def _number(value: object) -> float | None:
    """Return a number, also NaN as JSON writers spell it; None for anything else."""
    if isinstance(value, str) and value.strip().lower() in ("nan", "inf", "-inf", "infinity", "-infinity"):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _tokens(config: dict[str, object], steps: float, source: str, counted: bool) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return what is known, with tokens a step where tokens in all are, and rows do not count them."""
    seen = config.pop("num_input_tokens_seen", 0)
    if not isinstance(seen, int | float) or seen <= 0 or not steps:
        return config, ()
    config["num_input_tokens_seen"] = seen
    if counted:
        return config, ()
    config["tokens_per_step"] = seen / steps
    return config, (
        f"{source}: {exact(seen / steps)} tokens a step, the mean: {exact(seen)} tokens seen in {exact(steps)} steps",
    )


def _stopped(source: str, reached: float, most: float | None) -> tuple[str, ...]:
    if not most or reached >= most:
        return ()
    return (f"{source}: the log ends at step {exact(reached)} of {exact(most)}, no end of the run",)


def _state(text: str, source: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the state, as far as its text goes, and a note where that is not to its end."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found, ()
    begins = HISTORY.search(text)
    if begins is None:
        raise InputError(f"{source}: was cut, or is damaged, before its log; expected a log_history of rows")
    rows, place = whole_rows(text, begins.end())
    if not rows:
        raise InputError(f"{source}: was cut, or is damaged, in the first row of its log_history")
    line = text.count("\n", 0, place) + 1
    where = f"line {line}, character {place - text.rfind('\n', 0, place)}"
    note = f"{source}: was cut, or is damaged, in {where}: {several(len(rows), 'row')} {'is' if len(rows) == 1 else 'are'} read"
    try:
        above = json.loads(text[: begins.start()].rstrip().rstrip(",") + "}")
    except ValueError:
        above = {}
    return {**above, "log_history": rows}, (note,)


def whole_rows(text: str, place: int) -> tuple[list[Any], int]:
    """Return rows from a place on, as far as they are whole, and where that ends."""
    decoder = json.JSONDecoder()
    rows: list[Any] = []
    while True:
        while text[place : place + 1] in (",", " ", "\n", "\r", "\t"):
            place += 1
        try:
            row, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return rows, place
        rows.append(row)
