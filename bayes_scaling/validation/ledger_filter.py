"""Which forecasts are of runs that the filter of the fit's runs leaves out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.data.columns import Columns


def outside_filter(columns: Columns, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return which points the filter of columns leaves out; none where it asks for more than points have.

    Parameters
    ----------
    points
        Inputs in base units, and groups.
    """
    none = np.zeros(len(points), dtype=bool)
    if columns.where is None or not len(points):
        return none
    frame = pd.DataFrame(list(points))
    read = {one.column: frame[name] / (one.scale or 1.0) for name, one in columns.inputs.items() if name in frame}
    read |= {of[0]: frame[dim] for dim, of in columns.dims.items() if len(of) == 1 and dim in frame}
    try:
        keep = parse_filter(columns.where)
        names = [str(name) for name in keep.columns]  # type: ignore[attr-defined]
        if not {*names} <= {*read} or any(read[name].isna().any() for name in names):
            return none
        return ~np.asarray(keep({name: read[name] for name in names}), dtype=bool)
    except (InputError, TypeError):  # labels that the points write otherwise than the table
        return none
