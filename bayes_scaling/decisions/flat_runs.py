"""Plans of a loss that does not depend on the inputs, refused."""

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.flatness import flat
from bayes_scaling.inference.posterior import Fit


def refuse_flat(fit: Fit) -> None:
    """Raise InputError where the loss of the runs that a fit was sampled from does not depend on the inputs.

    No split of compute is then better than another. Draws that come from elsewhere, as a prior's, stand for themselves.
    """
    if "sample_stats" in fit.draws.children and (found := flat(fit.runs)):
        raise InputError(f"{fit.runs.source}: no plan: {found.sentence}")
