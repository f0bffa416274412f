"""The model files that come with the package."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from bayes_scaling._base.errors import InputError

RENAMED = {"training_curves_decay": "training_curves_schedules"}
"""Bundled studies that had another name, or gave way to another."""


def bundled() -> dict[str, str]:
    """Return the bundled studies: name -> title."""
    return {
        path.name.removesuffix(".toml"): parse_toml(path.read_text(encoding="utf-8"), path.name).get("title", "")
        for path in bundled_files()
    }


def bundled_stacks() -> dict[str, tuple[str, ...]]:
    """Return the names of the models that each bundled study stacks; none for those of a single model."""
    tables = {path.name: parse_toml(path.read_text(encoding="utf-8"), path.name) for path in bundled_files()}
    return {name.removesuffix(".toml"): tuple(one["name"] for one in of.get("stack", ())) for name, of in tables.items()}


def models_folder() -> Any:
    """Return the folder of the bundled studies: of the wheel, or of a checkout."""
    installed = files("bayes_scaling").joinpath("models")
    return installed if installed.is_dir() else Path(__file__).parents[3] / "models"


def bundled_files() -> list[Any]:
    """Return the bundled model files in the order of their names."""
    return sorted((file for file in models_folder().iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Return the keys of a text in TOML; raises InputError where it is none."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of which there are others than TOML's own, for integers too long to read
        raise InputError(f"{source}: not TOML: {error}") from None
