"""MLflow's folder `mlruns`: a folder a run, with a file a metric, parameter and tag.

A line of a metric is `timestamp value step`. Of `meta.yaml` only plain lines `key: value` are read.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.coded import Coded
from bayes_scaling.data.importers.grouped import numbered_steps
from bayes_scaling.data.importers.mlflow_db import Run, config_of, odd_runs
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NAME = "MLflow folder (mlruns)"

PARTS = ("metrics", "params", "tags", "inputs", "outputs", "artifacts")
"""Folders beside a run's meta.yaml."""

STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}

LINE = re.compile(r"^([\w.-]+):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
RUN_ID = re.compile(r"^run_(id|uuid): ", re.MULTILINE)


def recognises(head: Head) -> bool:
    """Return whether a file is the meta.yaml of a run."""
    return bool(RUN_ID.search(head.text)) and "lifecycle_stage:" in head.text and "artifact_uri:" in head.text


def read(head: Head) -> Iterator[Part]:
    """Yield the run whose meta.yaml is given."""
    folder, notes = head.path.parent, list[str]()
    run = _run(folder, _meta(head.text))
    rows = Coded()
    for file in _files(folder / "metrics"):
        place = f"{head.source.removesuffix(head.path.name)}{file.relative_to(folder).as_posix()}"
        _read_metric(file, file.relative_to(folder / "metrics").as_posix(), place, rows, notes)
    notes += [f"{head.source}: {said}" for said in odd_runs([run], {run.identity: 0} if rows.names else {})]
    if run.stage == "deleted" or not rows.names:
        raise InputError("; ".join(notes))
    metrics, numbered = numbered_steps(rows.to_frame())
    config = config_of(run, _parents(folder, run))
    yield Part(run.called, head.source, NAME, metrics, config, tuple(notes), f"{NAME} {run.identity}", numbered)


def _run(folder: Path, meta: dict[str, str]) -> Run:
    params, tags = ({_key(file, folder / of): _content(file) for file in _files(folder / of)} for of in ("params", "tags"))
    experiment = folder.parent / "meta.yaml"
    known = _meta(_content(experiment)).get("name", "") if experiment.is_file() else ""
    status = STATUS.get(meta.get("status", ""), meta.get("status", ""))
    identity = meta.get("run_id", meta.get("run_uuid", folder.name))
    return Run(identity, meta.get("run_name", ""), status, meta.get("lifecycle_stage", ""), known, dict(params), tags)


def _parents(folder: Path, run: Run) -> dict[str, Run]:
    """Return the run that a run is nested in, where its folder is there."""
    parent = run.tags.get("mlflow.parentRunId", "")
    meta = folder.parent / parent / "meta.yaml"
    there = re.fullmatch(r"\w+", parent) is not None and meta.is_file()
    return {parent: _run(meta.parent, _meta(_content(meta)))} if there else {}


def _read_metric(file: Path, key: str, place: str, rows: Coded, notes: list[str]) -> None:
    """Take the lines of a metric; a last line that is cut is left out, and said."""
    lines = _content(file).splitlines()
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        try:
            step = float(int(fields[2])) if len(fields) > 2 else 0.0
            rows.add(step, key, float(fields[1]))
        except (IndexError, ValueError):
            if number < len(lines):
                raise InputError(f"{place}: line {number} is {line[:40]!r}; expected 'timestamp value step'") from None
            notes.append(f"{place}: the last line is cut, and left out")


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _key(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _content(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip("\n")


def _meta(text: str) -> dict[str, str]:
    """Return plain lines `key: value`, out of quotes."""
    return {name: _unquoted(value) for name, value in LINE.findall(text)}


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value[1:-1]
    return "" if value == "null" else value
