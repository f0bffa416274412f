"""Files that belong to a log beside them, and are read with it or not at all."""

from pathlib import Path

from bayes_scaling.data.importers.lightning import BESIDE
from bayes_scaling.data.importers.mlflow_folder import PARTS
from bayes_scaling.data.importers.sqlite import COMPANIONS
from bayes_scaling.data.importers.trainer_state import BESIDE_STATE, STATE

WANDB_PARTS = ("files", "logs", "tmp")
"""Folders beside a W&B offline run: its console log, and wandb's own."""


def is_companion(path: Path) -> bool:
    """Return whether a file in a folder belongs to another log there, and is none by itself."""
    return _of_lightning(path) or _of_sqlite(path) or _of_mlflow(path) or _of_wandb(path)


def is_of_trainer(path: Path) -> bool:
    """Return whether a file is of a model that transformers saved beside its trainer_state.json, or above its checkpoints."""
    if BESIDE_STATE.fullmatch(path.name) is None:
        return False
    return path.with_name(STATE).is_file() or any(path.parent.glob(f"checkpoint-*/{STATE}"))


def _of_lightning(path: Path) -> bool:
    return path.name == BESIDE and path.with_name("metrics.csv").is_file()


def _of_sqlite(path: Path) -> bool:
    return any(path.name.endswith(end) and path.with_name(path.name.removesuffix(end)).is_file() for end in COMPANIONS)


def _of_mlflow(path: Path) -> bool:
    """A file of a run beside its meta.yaml, or the meta.yaml of an experiment beside those of its runs."""
    if any(parent.name in PARTS and (parent.parent / "meta.yaml").is_file() for parent in path.parents):
        return True
    return path.name == "meta.yaml" and not any((path.parent / part).is_dir() for part in PARTS)


def _of_wandb(path: Path) -> bool:
    """A file beside an offline run in its folder, or a link of wandb's to its own logs."""
    if path.name in ("debug.log", "debug-internal.log") and any(path.parent.glob("*run-*/run-*.wandb")):
        return True
    return any(parent.name in WANDB_PARTS and any(parent.parent.glob("run-*.wandb")) for parent in path.parents)
