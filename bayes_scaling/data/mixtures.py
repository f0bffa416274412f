"""Mixtures: inputs that are the shares of one whole, such as the domains of a training set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.input_column import Input

TOLERANCE = 0.01
"""Shares that are rounded as tables print them sum to one within a hundredth."""

type Mixtures = Mapping[str, Mapping[str, str]]
"""Name in the law -> member -> column."""


def with_members(inputs: Mapping[str, Input], mixtures: Mixtures) -> dict[str, Input]:
    """Return inputs with one for each member of a mixture, `r_web` of the member web of r, unless it is among them."""
    members = {f"{name}_{member}": column for name, of in mixtures.items() for member, column in of.items()}
    return {**inputs} | {name: Input(column, zero=True) for name, column in members.items() if name not in inputs}


def check_mixtures(frame: pd.DataFrame, mixtures: Mixtures, source: str, rows: np.ndarray) -> None:
    """Raise InputError, with the first row, where the shares of a mixture do not sum to one."""
    for name, of in mixtures.items():
        total = frame[[f"{name}_{member}" for member in of]].sum(axis=1).to_numpy()
        if (wrong := np.abs(total - 1.0) > TOLERANCE).any():
            first = int(np.argmax(wrong))
            raise InputError(
                f"{source}: row {rows[first] + 1}: the shares {format_names(of.values())} of the mixture {name!r} sum to "
                f"{exact(float(total[first]))}; expected 1"
            )
