"""What a folder says about held-out runs: the scores of a backtest, if one was made."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.inference.stacking import Posterior, whole_fits
from bayes_scaling.model.studies.study import StackedModel, Study
from bayes_scaling.model.studies.writing import study_text

PLACES = ("", "backtest")
"""Where `bayes-scaling backtest` writes for the folder of a fit: into it, or into this one beneath it."""

SCORES = ("runs", "coverage_50", "coverage_90", "crps", "are")
ALIKE = ("law", "parameters", "noise", "discrepancy")


@dataclass(frozen=True)
class Validation:
    """A backtest: scores of held-out runs.

    Parameters
    ----------
    scores
        A row for each cut-off and distance, see `bayes-scaling backtest`.
    cutoffs
        Filter -> number of runs trained on.
    problems
        What was wrong with its fits.
    doubts
        How it differs from what is reported on.
    """

    scores: pd.DataFrame
    cutoffs: Mapping[str, int]
    problems: tuple[str, ...]
    doubts: tuple[str, ...]


def validation(fit: Posterior, folder: Path | None) -> Validation | None:
    """Return the backtest that lies in the folder of a fit, None where there is none.

    Raises
    ------
    InputError
        Where its files cannot be read.
    """
    for place in (folder / name for name in PLACES) if folder is not None else ():
        if (place / "backtest.json").is_file() and (place / "scores.csv").is_file():
            return _read(fit, place)
    return None


def _read(fit: Posterior, place: Path) -> Validation:
    """Return what a backtest wrote to a folder."""
    try:
        record = json.loads((place / "backtest.json").read_text(encoding="utf-8"))
        scores = pd.read_csv(place / "scores.csv", dtype={"train": str, "decades": str}, encoding="utf-8")
        cutoffs = {str(cut): int(of["training_runs"]) for cut, of in record["cutoffs"].items()}
        problems = tuple(f"{where}: {why}" for where, why in record["problems"].items())
        doubts = tuple(_doubts(fit, record))
        scores = scores.astype(dict.fromkeys(SCORES, float))
        scores[["train", "decades", *SCORES]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{place}: backtest.json and scores.csv are not what `bayes-scaling backtest` writes ({error})"
        ) from None
    return Validation(scores, cutoffs, problems, doubts)


def _without_weights(study: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the models of a stack, in the order of their names, without their prior weights."""
    models = [{name: of for name, of in one.items() if name != "weight"} for one in study.get("stack", ())]
    return sorted(models, key=lambda one: str(one["name"]))


def _doubts(fit: Posterior, record: Mapping[str, Any]) -> list[str]:
    """Return why a backtest may not be one of this fit."""
    found = []
    models = tuple(StackedModel(name, one.model) for name, one in whole_fits(fit).items())
    first, several = models[0].model, models if len(models) > 1 else ()
    own = tomllib.loads(study_text(Study("fit", first, fit.runs.columns, stack=several)))
    other = tomllib.loads(record["model"])
    if (_without_weights(own) != _without_weights(other)) if several else any(own.get(key) != other.get(key) for key in ALIKE):
        found.append("It was made with another model than this fit.")
    if record["rows"] != len(fit.runs):
        found.append(f"It was made with {record['rows']} rows; this fit has {len(fit.runs)}.")
    return found
