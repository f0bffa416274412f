"""The models of a stack, as a model file names them."""

from collections.abc import Callable, Sequence

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.keys import StackKeys
from bayes_scaling.model.studies.study import StackedModel


def stacked(entries: Sequence[StackKeys], model_of: Callable[[StackKeys], Model]) -> tuple[StackedModel, ...]:
    """Return the models of a stack by the entries of a model file; none where there are no entries.

    Parameters
    ----------
    model_of
        Makes the model of an entry.

    Raises
    ------
    InputError
        For a single entry, two of one name, and models whose noise is on different scales.
    """
    found = []
    for entry in entries:
        try:
            found.append(StackedModel(entry.name, model_of(entry), entry.weight))
        except InputError as error:
            raise InputError(f"stack {entry.name!r}: {error}") from None
    check_models(found)
    return tuple(found)


def check_models(models: Sequence[StackedModel]) -> None:
    """Raise InputError for one model alone, two of one name, and models whose noise is on different scales."""
    names = [one.name for one in models]
    if len(models) == 1:
        raise InputError(f"stack has {names[0]!r} alone; expected two models or more, of which one may be the file's own")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(f"stack has two models called {repeated[0]!r}; expected a name for each")
    for one in models[1:]:
        if one.model.noise.on != models[0].model.noise.on:
            raise InputError(
                f"stack {one.name!r} has noise on {one.model.noise.on!r}, {names[0]!r} on {models[0].model.noise.on!r}; "
                "expected one scale, as densities on two cannot be compared"
            )
