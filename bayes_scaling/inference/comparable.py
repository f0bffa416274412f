"""Which fits can be compared or stacked: those of the same runs, in the same units, with noise on the same scale."""

from collections.abc import Mapping

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.table_conventions import unlike_conventions
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import Model


def require_same_runs(fits: Mapping[str, Fit]) -> None:
    """Raise InputError, naming both, where two fits are of other runs or units, or their laws of other scales of the noise."""
    require_same_scale({name: one.model for name, one in fits.items()})
    require_same_references({name: one.runs for name, one in fits.items()})
    first, *others = fits
    one = fits[first].runs
    for other in others:
        two = fits[other].runs
        if one.columns.all_units != two.columns.all_units:
            raise _unlike(first, other, "responses in", one.columns.all_units, two.columns.all_units)
        if counts := unlike_conventions(one.columns, two.columns):
            raise _unlike(first, other, f"{counts[0]} counted", *counts[1:])
        if not one.table.equals(two.table):
            raise _unlike(first, other, "rows", *(f"{len(runs)} of {runs.source}" for runs in (one, two)))


def require_same_scale(models: Mapping[str, Model]) -> None:
    """Raise InputError, naming both, where the noise of two models is on different scales: their densities are too."""
    first, *others = models
    for other in others:
        if models[first].noise.on != models[other].noise.on:
            raise _unlike(first, other, "noise on", models[first].noise.on, models[other].noise.on)


def require_same_references(runs: Mapping[str, Runs]) -> None:
    """Raise InputError, naming both, where the runs of two laws are against other references: their coefficients are too."""
    first, *others = runs
    for other in others:
        if dict(runs[first].references) != dict(runs[other].references):
            found = _unlike(first, other, "references", dict(runs[first].references), dict(runs[other].references))
            raise InputError(f"{found}: state them in the runs' columns, or give each model its references=")


def _unlike(first: str, other: str, what: str, one: object, two: object) -> InputError:
    return InputError(f"{first!r} and {other!r} cannot be compared: {first!r} has {what} {one!r}, {other!r} {two!r}")
