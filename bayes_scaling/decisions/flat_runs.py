"""Plans of a loss that does not depend on the inputs, refused."""

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.flatness import flat
from bayes_scaling.inference.stacking import Posterior, whole_fits


def refuse_flat(fit: Posterior) -> None:
    """Raise InputError where the loss of the runs that a fit was sampled from does not depend on the inputs.

    No split of compute is then better than another. Draws that come from elsewhere, as a prior's, stand for themselves.
    """
    sampled = any("sample_stats" in one.draws.children for one in whole_fits(fit).values())
    if sampled and (found := flat(fit.runs)):
        raise InputError(f"{fit.runs.source}: no plan: {found.sentence}")
