"""What is said of the weights of a stack, in sentences."""

from bayes_scaling._base.numbers import number, several
from bayes_scaling.inference.stacking import Stack


def weighing_sentences(of: Stack) -> tuple[str, ...]:
    """Return how the weights of a stack were found, what was left out, and what it cost, a sentence each."""
    found = of.weighing
    if found is None:
        return ()
    how = (
        f"Weights are by {several(found.held, 'prediction')} of larger runs from those where {' and where '.join(found.train)}."
        if found.log_scores
        else "Weights are those of the prior: the runs are too few to be cut, or one law is left."
    )
    out = [f"{name} is left out: {why}." for name, why in found.left_out.items()]
    fits = len(found.train) * len(found.log_scores)
    doubts = [f"Of {fits} fits to a part of the runs {len(found.doubts)} are not to be trusted; they count all the same."]
    doubts = doubts if found.doubts else []
    seconds, steps = number(sum(found.seconds.values())), number(sum(found.steps.values()))
    cost = f"{len(found.seconds)} laws took {seconds} s and {steps} leapfrog steps."
    return (how, *out, *doubts, cost)
