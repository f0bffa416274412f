"""What a model's variables are called: draws of terms and of the noise, arrays of the compiled model."""

from collections.abc import Sequence

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.parameters import Effect, Smooth, Term, Trend

OWN_PREFIXES = ("noise_", "residual_", "log_", "index_", "information_", "discrepancy", "joint", "smooth_")
"""Beginnings of names that a law's parameters cannot have: the model's own variables have them."""


NOISE_LENGTH, NOISE_WHITE = "noise_length", "noise_white"
"""Length of the correlation along a run, in e-folds, and scale of the white part beside it."""

NOISE_CORRELATION, NOISE_PAIR = "noise_correlation", "noise_pair"
"""Correlation of the residuals of one run between two of its outputs, and the dimension of these pairs."""

NOISE_PARTIAL = "noise_partial"
"""What these correlations are sampled as, see `residual_correlation`."""

OUTLIER_ODDS, OUTLIER_SCALE = "noise_outlier_odds", "noise_outlier_scale"
"""Odds of an outlier, and how many times the scale of others its own is."""

NU_BEYOND_ONE = "noise_nu_beyond_one"
"""What the Student-t degrees of freedom are sampled as; draws are kept as `noise_nu`."""

NOISE_SD = "noise_sd"

JOINT = "joint_number"
"""Parameters, slopes and effects that are sampled together, in coordinates that whiten them, see `whitening`."""

JOINT_W, JOINT_INFORMATION, JOINT_LINEAR = "joint_w", "joint_information", "joint_linear"

STRUCTURE = "joint_structure"
"""Which levels of integrated effects meet in which rows, see `marginalized`."""

CELLS = ("cell_order", "cell_first")
"""How rows are ordered by runs whose outputs are correlated, see `residual_correlation`."""

ORDER = ("gap", "previous", "count", "mean_lag")
"""What correlated noise reads of rows beside their values."""


def term_name(owner: str, term: Term) -> str:
    """Return what a term's draws are called: `b_by_attention_position`, `b_smooth_position`, `b_trend_params` for a slope."""
    if isinstance(term, Trend):
        return f"{owner}_trend_{term.on}"
    return f"{owner}_{'smooth' if isinstance(term, Smooth) else 'by'}_{'_'.join(term.dims)}"


def spread_name(owner: str, term: Effect) -> str:
    """Return what the draws of a term's learnt standard deviation are called: `b_sd_position`, `b_smooth_sd_position`."""
    return f"{owner}_{'smooth_sd' if isinstance(term, Smooth) else 'sd'}_{'_'.join(term.dims)}"


def length_name(owner: str, term: Smooth) -> str:
    """Return what the draws of a smooth term's learnt length are called: `b_smooth_length_position`."""
    return f"{owner}_smooth_length_{'_'.join(term.dims)}"


def axis_name(owner: str, term: Effect) -> str:
    """Return what the places of a smooth or ordered term's levels are called; the beginning of `own_names` of others."""
    return f"smooth_axis_{owner}_{'_'.join(term.dims)}"


def own_names(owner: str, term: Effect) -> tuple[str, str]:
    """Return what mean and standard deviation of each level's own prior are called, on the link scale."""
    return f"{axis_name(owner, term)}_mean", f"{axis_name(owner, term)}_sd"


def sampled_name(owner: str, term: Effect) -> str:
    """Return what the coordinates in which a term is sampled are called, see `reparametrization`."""
    return f"{term_name(owner, term)}_w"


def information_name(owner: str, term: Effect) -> str:
    """Return what the information about a term's levels is called, see `reparametrization`."""
    return f"information_{term_name(owner, term)}"


def between_name(one: tuple[str, Effect], other: tuple[str, Effect]) -> str:
    """Return what the information about a level that two terms of the same groups share is called, see `reparametrization`."""
    return information_name(*one) if one == other else f"{information_name(*one)}_and_{other[0]}"


def refuse_same_names(named: Sequence[tuple[str, str]]) -> None:
    """Raise InputError, naming both, where two things have one name: the second would be taken for the first."""
    first: dict[str, str] = {}
    for name, what in named:
        if name in first:
            raise InputError(f"{name!r} is the name of {first[name]} and of {what}; rename one of them")
        first[name] = what
