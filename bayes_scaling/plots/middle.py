"""The middle of runs, at which figures hold the inputs that they do not show."""

from collections.abc import Iterable

import pandas as pd

from bayes_scaling.data.columns import Columns


def middle_of(table: pd.DataFrame, columns: Columns, names: Iterable[str]) -> dict[str, float]:
    """Return the median of each input; of the shares of a mixture the mean, as medians do not sum to one."""
    shares = {f"{mixture}_{member}" for mixture, of in columns.members.items() for member in of}
    return {name: float(table[name].mean() if name in shares else table[name].median()) for name in names}
