"""Points where nothing was said of groups: every combination of levels that the runs have."""

import pandas as pd

from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.decisions.cost import SPLITS
from bayes_scaling.inference.stacking import Posterior, groups_needed, inputs_read
from bayes_scaling.prediction.notes import NEW_RUN


def every_cell(fit: Posterior) -> pd.DataFrame:
    """Return a row for each combination of levels that the runs have, with inputs that no budget decides where they are held.

    Runs are no levels to choose between: where the law varies over them, a row is for a new one.
    """
    groups = [name for name in groups_needed(fit) if name != "run"]
    cells = fit.runs.table[groups].drop_duplicates().sort_values(groups) if groups else pd.DataFrame(index=[0])
    decided = {name for split in SPLITS for name in split}
    further = [name for name in inputs_read(fit) if name not in decided]
    held = {} if fit.runs.columns.schedule is not None else {name: fit.runs.held[name] for name in further}
    return for_new_run(fit, mark_base_units(cells.assign(**held).reset_index(drop=True)))


def for_new_run(fit: Posterior, points: pd.DataFrame) -> pd.DataFrame:
    """Return points of a run yet to be made, where the law varies over runs and the points name none."""
    named = {"run", *fit.runs.columns.dims.get("run", ())} & set(points)
    return points if named or "run" not in groups_needed(fit) else mark_base_units(points.assign(run=NEW_RUN))
