"""Which inputs say how a run's compute is split: model size and tokens."""

from collections.abc import Iterable


def has_params_and_tokens(inputs: Iterable[str]) -> bool:
    """Return whether inputs are those of a law of model size and tokens, among others.

    Examples
    --------
    >>> has_params_and_tokens(["params", "tokens", "epochs"]), has_params_and_tokens(["compute"])
    (True, False)
    """
    return {"params", "tokens"} <= set(inputs)
