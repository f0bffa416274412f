"""The parameters of a fit for a page: the same quantity at the references and in the inputs' own units side by side."""

from dataclasses import dataclass

import numpy as np

from bayes_scaling._base.numbers import interval, shared
from bayes_scaling._base.quantiles import INTERVAL, median_interval
from bayes_scaling.inference.parameters import cells, quantities, without_runs
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.names import NOISE_CORRELATION

PUBLISHED, LEVELS = "_published", ":levels"


@dataclass(frozen=True)
class Row:
    """A parameter at the references and in the inputs' own units: median and 90 % interval; "" where the two are the same."""

    name: str
    level: str
    median: str
    interval: str
    published_median: str
    published_interval: str


@dataclass(frozen=True)
class Parameters:
    """Rows for the population, and for each level of what varies."""

    population: list[Row]
    levels: list[Row]


def parameters(fit: Fit) -> Parameters:
    """Return the parameters of a fit; effects of single levels are left to `parameter_table`, their sums stand here.

    Quantiles alone, where that table also has R-hat and effective sample sizes of all: those take a second or two.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name, values in quantities(fit).data_vars.items():
        single = values.dims == ("chain", "draw")
        if single or name == NOISE_CORRELATION or str(name).endswith((LEVELS, PUBLISHED)):
            known = median_interval(values.transpose("chain", "draw", ...).to_numpy(), axis=(0, 1))
            of = values.isel(chain=0, draw=0).expand_dims(q=list(INTERVAL.values())).copy(data=known)
            found[str(name)] = {
                level or without_runs(fit, str(name)): _read(of.sel(at).to_numpy()) for level, at in cells(values, fit.runs)
            }
    published = {name.removesuffix(PUBLISHED): of for name, of in found.items() if name.endswith(PUBLISHED)}
    rows = [
        Row(name.removesuffix(LEVELS), level, *read, *published.get(name.removesuffix(LEVELS), {}).get(level, ("", "")))
        for name, levels in found.items()
        if not name.endswith(PUBLISHED)
        for level, read in levels.items()
    ]
    return Parameters([row for row in rows if not row.level], [row for row in rows if row.level])


def _read(of: np.ndarray) -> tuple[str, str]:
    values = of.tolist()
    return shared(values)[1], interval(values)
