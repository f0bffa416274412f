"""Labels of groups: what a level is called, and how one is found."""

from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.tables import named_column, refuse_first


def label_column(frame: pd.DataFrame, parts: tuple[str, ...], source: str, rows: np.ndarray) -> pd.Series:
    for part in parts:
        column = named_column(frame, part, source)
        refuse_first(column.isna().to_numpy(), column, f"{source}: column {part!r}", rows, "is missing; expected a level")
    if len(parts) > 1:
        combined = frame.groupby(list(parts), sort=False, observed=True).ngroup().to_numpy()
        names = [joined_labels(level) for level in frame[list(parts)].drop_duplicates().itertuples(index=False, name=None)]
        return pd.Series(names, dtype="str").take(combined).reset_index(drop=True)
    single = frame[parts[0]]
    return single if pd.api.types.is_numeric_dtype(single) else single.astype(str)


def joined_labels(labels: tuple[Any, ...]) -> str:
    """Return the labels of one combination as one: quoted where a blank in one of them would be taken for a gap."""
    texts = [label if isinstance(label, str) else number_as_text(label) for label in labels]
    return " ".join(repr(text) if " " in text else text for text in texts)


def level_index(labels: pd.Series, levels: np.ndarray) -> np.ndarray:
    """Return the position of each label among the levels, -1 for a level never seen; "2048" and 2048.0 are 2048."""
    exact = {str(level): i for i, level in enumerate(levels)}
    alike: dict[str, list[int]] = {}
    for i, level in enumerate(levels):
        alike.setdefault(number_as_text(level), []).append(i)

    def position(label: Any) -> int:
        if str(label) in exact:
            return exact[str(label)]
        near = alike.get(number_as_text(label), [])
        return near[0] if len(near) == 1 else -1

    return np.array([position(label) for label in labels], dtype=np.int64)


def number_as_text(label: Any) -> str:
    try:
        if isinstance(label, int | np.integer) or not isfinite(number := float(label)):
            return str(label)
    except (TypeError, ValueError):
        return str(label)
    return str(int(number)) if number.is_integer() else str(number)
