"""Studies of single curves take rows as they are, whatever the columns of a table are called."""

from dataclasses import replace

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.model.curves import taken_as_curves


def test_a_curve_with_a_column_of_runs_and_steps_is_not_averaged() -> None:
    steps = np.geomspace(100, 10_000, 30).round()
    loss = (0.4 + 40 * steps**-0.6) * np.exp(np.random.default_rng(1).normal(0, 0.002, 30))
    table = pd.DataFrame({"run": "exp-00", "step": steps, "val_loss": loss})
    study = bs.read_study("learning_curve")
    columns = replace(study.columns, inputs={"x": replace(study.columns.inputs["x"], column="step")})
    study = replace(study, columns=replace(columns, response=replace(columns.response, column="val_loss")))
    runs = bs.read_runs(table, study.columns)
    noted = replace(runs, notes=("rows are checkpoints of 1 run",))
    assert taken_as_curves(study, noted, table) == (study, noted)
