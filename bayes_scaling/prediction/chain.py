"""A response of a response: what a second fit says where its input is what runs of a first fit show, as accuracy over loss."""

import numpy as np
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import percent
from bayes_scaling._base.random import stream
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.health_line import mark
from bayes_scaling.inference.memory import draws_in
from bayes_scaling.inference.stacking import Posterior, inputs_read, parts
from bayes_scaling.prediction.notes import noted
from bayes_scaling.prediction.predict import predict, predict_runs

MOST_DRAWS = 1000
"""Draws of a chain: the second law is evaluated at the losses of all of them in each."""


@asked
def chain(
    first: Posterior, second: Posterior, points: Table, through: str = "loss", seed: int = 0, *, expected: bool = False
) -> xr.DataArray:
    """Return draws of the second response at points of the first fit.

    x ~ p(x | point, runs of the first),   z ~ p(z | x, runs of the second)

    x is what a new run of the first fit shows, with its scatter and group effects: such an input is what the second fit's runs
    had. Draws of the two fits are independent, as their data are.

    Parameters
    ----------
    first
        A fit of the response that the second reads.
    second
        A fit, one of whose inputs is that response.
    points
        Columns for the first fit, as for `predict`, and for what else the second reads.
    through
        The input of the second fit that is the response of the first, in its unit.
    seed
        Of the scatter, and of which draws meet.
    expected
        Whether the scatter of the second response is left out: that of the first is part of what is not known of the input.

    Returns
    -------
    DataArray
        Dimensions chain (one), draw (at most a thousand) and row, with the columns of the points; `summarize` makes a table of
        it. Distances and notes are those of the first fit. Draws of x beyond the runs of the second are counted in a note.

    Raises
    ------
    InputError
        Where the second fit has no such input, the units of the two differ, or x is not positive where the input has to be; and
        as `predict` does.

    Examples
    --------
    >>> found = chain(loss_fit, accuracy_fit, {"params": [7e9], "tokens": [2e12]}, through="loss")  # doctest: +SKIP
    >>> bs.summarize(found)  # doctest: +SKIP
    """
    _check(first, second, through)
    seed = checks.seed(seed, "seed")
    shown = predict_runs(first, points, seed)
    random = stream(seed, "which draws of a chain meet")
    x = as_rows(shown)
    count = min(MOST_DRAWS, x.shape[1])
    x = x[:, random.permutation(x.shape[1])[:count]]
    of = second.runs.columns.inputs[through]
    if not np.isfinite(x).all() or (x < 0).any() or (not of.zero and (x == 0).any()):
        raise InputError(f"the first fit has draws of {through} that are not above 0, as the second reads it")
    given = read_table(points, labels=second.runs.columns.labels).reset_index(drop=True)
    beside = given.drop(columns=[through, of.column, "response"], errors="ignore")
    size = sum(draws_in(one) for one, _ in parts(second))
    found, met = np.empty((count, len(x))), np.resize(random.permutation(size), count)
    for row, values in enumerate(x):
        alike = beside.iloc[[row] * count].reset_index(drop=True).assign(**{of.column: values / of.factor})
        draws = predict(second, alike) if expected else predict_runs(second, alike, (seed + row) % 2**32)
        each = as_rows(draws)
        found[:, row] = each[np.arange(count), met % each.shape[1]]
    response = second.runs.columns.response
    coords = {str(name): at for name, at in shown.coords.items() if at.dims == ("row",)}
    named = xr.DataArray(found[None], coords, dims=("chain", "draw", "row"), name=response.name)
    named = named.assign_attrs(units=response.unit, long_name=response.name)
    return noted(mark(named, [first, second]), [*shown.attrs.get("notes", ()), *_beyond(second, through, x)])


def _check(first: Posterior, second: Posterior, through: str) -> None:
    if through not in inputs_read(second):
        raise InputError(f"the second fit has no input {through!r}; its inputs are {format_names(inputs_read(second))}")
    unit, read = first.runs.columns.response.unit, second.runs.columns.inputs[through].unit
    if read and unit and read != unit:
        raise InputError(
            f"the first fit is of {first.runs.columns.response.name} in {unit}, the second reads {through} in {read}"
        )


def _beyond(second: Posterior, through: str, x: np.ndarray) -> tuple[str, ...]:
    """Return a sentence on draws of the input that lie beyond the second fit's runs."""
    seen = second.runs.table[through]
    share = float(((x < seen.min()) | (x > seen.max())).mean())
    return (f"{percent(share)} of the draws of {through} lie beyond the runs of the second fit",) if share > 0.05 else ()
