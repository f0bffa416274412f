"""Last values that are not from where their run ends."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.keys import kept_keys
from bayes_scaling.data.importers.ordering import in_order
from bayes_scaling.data.importers.wording import some


def early_ends(metrics: pd.DataFrame, numbered: set[str], keys: Sequence[str] | None) -> list[str]:
    """Return a sentence for each run whose last value of some key was logged more than an interval before the run's last step.

    Beside it in the row of the run's end stand the step and the tokens of that end. The interval is the usual distance of rows.
    """
    rows = kept_keys(in_order(metrics, []), keys)
    sentences = []
    for run, own in rows.groupby("run", observed=True, sort=False):
        steps = np.unique(own["step"].dropna().to_numpy())
        if str(run) in numbered or len(steps) < 2:
            continue
        ends = own.groupby("key", observed=True, sort=False)["step"].max()
        early = ends[steps[-1] - ends > np.median(np.diff(steps))]
        for step, of in early.groupby(early, sort=False):
            names = some([repr(str(key)) for key in of.index], 3)
            sentences.append(
                f"{run}: the last {names} is of step {exact(float(str(step)))}, and the row is of step {exact(steps[-1])}: "
                "--key gives a row of its own step"
            )
    return sentences
