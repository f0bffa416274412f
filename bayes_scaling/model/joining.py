"""A model and runs put together: its priors in the unit of their losses, and the runs against the references of its priors."""

from bayes_scaling.data.references import references_of, with_references
from bayes_scaling.data.runs import Runs
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.specification import Model, prior_references, with_prior_references


def joined(model: Model, runs: Runs) -> tuple[Model, Runs]:
    """Return a model and runs as they are fitted together; what a model is joined with goes through here.

    A model that says no references of its priors has them at those of the runs, and says so from then on: other runs are then
    put against them too.

    Raises
    ------
    InputError
        Where no factor leads from the unit of the priors to that of the runs' losses, or the runs' columns state other
        references than the priors are at.
    """
    model = in_unit_of(model, runs.columns.response)
    stated = prior_references(model)
    runs = with_references(runs, stated)
    found = references_of(runs) | {name: of for name, of in stated.items() if not _unit(runs, name)}
    return with_prior_references(model, found), runs


def _unit(runs: Runs, name: str) -> str:
    return runs.columns.inputs[name].unit if name in runs.columns.inputs else ""
