"""What a prior expects of the loss along each input, with no runs at hand."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.references import Reference, columns_at
from bayes_scaling.data.response import Response
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.inference.fit import prior
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import Model, groups_used, law_groups, model_inputs, prior_references, smooths
from bayes_scaling.prediction.predict import predict

SPAN = 30.0
"""Curves go from a reference over so much to so many times it."""
SIZES = 5
"""Values of each input of the runs that stand in for others: the knots of a discrepancy lie between them."""
POINTS = 41
"""Points of a curve."""


def prior_alone(model: Model, columns: Columns | None = None, draws: int = 1000, seed: int = 0) -> Fit:
    """Return draws from a prior with no runs at hand: in their place stand inputs around the references.

    Parameters
    ----------
    columns
        Of a study, which say units and references; None: inputs are at the references of the model's priors, and multiples of
        them where it says none.
    draws, seed
        As for `prior`.

    Raises
    ------
    InputError
        Where a reference is that of the runs, or the law reads a schedule of the learning rate.
    """
    return prior(model, _stand_in(model, columns), draws, seed)


def prior_curves(before: Fit) -> dict[str, xr.DataArray]:
    """Return draws of the expected loss along each input, the others at their references, for levels never seen.

    Parameters
    ----------
    before
        Draws from a prior.

    Returns
    -------
    dict[str, DataArray]
        Input -> draws with dimensions chain, draw, row and its values as a coordinate.
    """
    references = {name: before.runs.references[name] for name in model_inputs(before.model)}
    return {name: predict(before, _along(before.model, references, name)) for name in references}


def _along(model: Model, references: Mapping[str, float], name: str) -> pd.DataFrame:
    at = references[name] * np.geomspace(1 / SPAN, SPAN, POINTS)
    others = dict(references) | dict.fromkeys(law_groups(model), "a level never seen") | dict.fromkeys(_axes(model), 1.0)
    return mark_base_units(pd.DataFrame(others | {name: at}))


def _axes(model: Model) -> list[str]:
    """Return the groups whose levels are numbers along which a parameter is smooth: before the runs all are alike."""
    return sorted({term.over for _, term in smooths(model)} & set(groups_used(model)))


def _stand_in(model: Model, columns: Columns | None) -> Runs:
    """Return rows around the references, whose losses mean nothing."""
    names, groups = model_inputs(model), groups_used(model)
    if columns is None:
        at = {name: Reference(1.0) for name in names} | prior_references(model)
        inputs = {name: Input(name, of.unit, of.value, scale=1.0) for name, of in at.items()}
        columns = Columns(inputs, Response("loss", model.unit), groups={dim: dim for dim in groups if dim != "run"}, run="run")
    if read := [name for name in names if name in DERIVED]:
        raise InputError(f"the law reads {format_names(read)} of a learning-rate schedule: give runs (--runs FILE)")
    columns = columns_at(columns, prior_references(model), "the columns")
    lacking = [name for name in names if columns.inputs[name].reference is None]
    if lacking:
        raise InputError(
            f"{format_names(lacking)} is measured against the middle of the runs: give runs (--runs FILE), or a reference in "
            "[data.inputs]"
        )
    columns = replace(columns, mixtures={})  # a curve moves one share and leaves the others
    references = {name: float(columns.inputs[name].reference or 1.0) for name in names}
    grid = [of * np.geomspace(1 / SPAN, SPAN, SIZES if len(names) < 4 else 2) for of in references.values()]
    table = pd.DataFrame(list(product(*grid)), columns=list(names)).assign(response=1.0)
    known = sorted({*groups, *columns.dims})
    count = np.arange(len(table))
    table = table.assign(**{dim: [f"{dim} {i if dim == 'run' else i % 2}" for i in count] for dim in known})
    table = table.assign(**dict.fromkeys(_axes(model), 1.0 + count % 2))
    levels = {dim: np.unique(table[dim].to_numpy()) for dim in known}
    used = {name: of for name, of in columns.inputs.items() if name in names}
    columns = replace(
        columns, inputs=used, where=None, average=None, curve=None, schedule=None, costs={}, measurement_error=None
    )
    return Runs(mark_base_units(table), columns, references, levels, source="no runs")
