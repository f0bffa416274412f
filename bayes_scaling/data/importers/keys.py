"""Keys of metrics: which are asked for."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError


def is_asked(key: str, keys: Sequence[str] | None) -> bool:
    """Return whether a key is among those asked for, by name or pattern."""
    return keys is None or any(key == one or fnmatchcase(key, one) for one in keys)


def kept_keys(metrics: pd.DataFrame, keys: Sequence[str] | None) -> pd.DataFrame:
    """Return the rows of keys that are asked for."""
    known = metrics["key"].cat.categories
    asked = np.array([is_asked(str(key), keys) for key in known], dtype=bool)
    if asked.all():
        return metrics
    kept = metrics[np.append(asked, False)[metrics["key"].cat.codes]].reset_index(drop=True)
    kept["key"] = kept["key"].cat.remove_unused_categories()
    return kept


def require_keys(keys: Sequence[str] | None, known: Iterable[str]) -> None:
    """Refuse a key that there is not."""
    names = list(known)
    for key in keys or ():
        if not any(is_asked(name, [key]) for name in names):
            raise InputError(f"no key {key!r}; the logs have {names}")
