"""Rows recognised as checkpoints, taken for curves: the noise of curves, and rows averaged."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from bayes_scaling.data.checkpoints import CHECKPOINTS, PER_DECADE, Checkpoints, checkpoint_sentence, find_checkpoints
from bayes_scaling.data.copies import drop_copies
from bayes_scaling.data.rows import filter_rows
from bayes_scaling.data.tables import Table, read_table, tables_of

if TYPE_CHECKING:
    from bayes_scaling.data.columns import Columns
    from bayes_scaling.data.runs import Runs
    from bayes_scaling.model.noise import Noise
    from bayes_scaling.model.specification import Model
    from bayes_scaling.model.studies.study import Study


def as_curves(model: "Model", columns: "Columns", found: Checkpoints) -> tuple["Model", "Columns"]:
    """Return a model and columns that take rows for checkpoints: noise as in the study `training_curves`, rows averaged.

    The columns have the run in a column "run", unless there is one that says it.
    """
    from bayes_scaling.data.curve import Average
    from bayes_scaling.model.specification import changed

    noise = _noise()
    noise = replace(noise, effects=noise.effects if len(found.label.unique()) > 1 else ())
    assert noise.correlation is not None
    correlation = replace(noise.correlation, along=found.along)
    average = columns.average or Average(found.along, PER_DECADE)
    named = replace(columns, run=found.column or RUN, average=average)
    return changed(model, noise=replace(noise, on=model.noise.on, correlation=correlation)), named


@cache
def _noise() -> "Noise":
    """Return the noise of the study on training curves; a batch asks for it once a task."""
    from bayes_scaling.model.studies.reading import read_study

    return read_study("training_curves").model.noise


RUN, TAKEN = "run", "taken as curves"


def taken_as_curves(study: "Study", runs: "Runs", tables: "Table | Sequence[Table] | None") -> tuple["Study", "Runs"]:
    """Return a study and its runs as they are, or, where rows are checkpoints, with the noise of curves and rows averaged.

    Parameters
    ----------
    tables
        What the runs were read from.
    """
    from bayes_scaling.data.reading import read_runs
    from bayes_scaling.model.studies.study import study_table

    of_curves = study.columns.run is not None or study.columns.best_so_far is not None or study.columns.tail is not None
    if of_curves or not any(CHECKPOINTS in note for note in runs.notes):
        return study, runs
    every = [study_table(study)] if tables is None else tables_of(tables)
    frames = [read_table(one, labels=study.columns.as_written) for one in every]
    frame = pd.concat(drop_copies(frames, every, [runs.source] * len(every))[0], ignore_index=True)
    kept = filter_rows(frame, study.columns.where, runs.source)
    found = find_checkpoints(kept.reset_index(drop=True), runs.table, study.columns)
    if found is None:
        return study, runs
    model, columns = as_curves(study.model, study.columns, found)
    members = tuple(replace(one, model=as_curves(one.model, study.columns, found)[0]) for one in study.stack)
    label = pd.Series(found.label.to_numpy(), index=kept.index).reindex(frame.index, fill_value=LEFT_OUT)
    labelled = frame.assign(**{found.column or RUN: label.astype(str)})
    read = read_runs(labelled, columns, runs.source)
    rates = tuple(note for note in read.notes if note not in runs.notes)
    told = (
        f"{checkpoint_sentence(found)}; {TAKEN}: noise correlated along {found.along}, an offset of each run, as in "
        "the study training_curves (--independent, in Python independent=True, takes each row for a run)"
    )
    return replace(study, model=model, columns=columns, stack=members), replace(
        read, notes=(told, *(note for note in runs.notes if CHECKPOINTS not in note), *rates)
    )


LEFT_OUT = "left out"
