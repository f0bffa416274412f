"""Names that the package has for itself. No input, group or parameter can have them."""

from bayes_scaling._base.functions import PART

RESERVED = {
    *("response", "measurement_error", "censored", "run", "row", "point", "chain", "draw", "distance", "region", PART),
    *("joint_number", "joint_structure"),  # of the compiled model
}
"""Names that neither inputs, groups nor parameters can have: columns and dimensions of the package's own."""


OF_AVERAGES = {"count", "mean_lag"}
"""Columns of averages, which inputs and groups cannot be called either."""


ANSWERS = {"law", "discrepancy", "expected", "noise", "quantile", "summary"}
"""What answers hold beside the inputs and groups of their points."""


ANSWERED = {"loss", "difference", "ratio", "tokens_per_param", "params_low", "params_high", "excess", "regret"}
"""What they have beside groups, and laws may read."""
