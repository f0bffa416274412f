"""How much memory draws take, said before any is made; what takes too much is refused."""

from math import prod

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count, number
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model import discrepancy, gaussian_process
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import (
    Model,
    discrepancy_terms,
    noise_scales,
    parameters_with_priors,
    smooth_lengths,
    trends,
    varyings,
)

MOST = 4 * 2**30
"""Bytes of draws that are held at a time; working with them takes about three times as much."""
WORTH_SAYING = MOST // 16
"""Bytes from which on it is said how much draws take."""
STATISTICS = 8
"""Numbers that the sampler keeps of each draw beside the model's own."""


def numbers_of_draw(model: Model, runs: Runs) -> int:
    """Return how many numbers each draw of a posterior has: parameters, scales, levels and the knots of a discrepancy."""
    sizes = {dim: len(of) for dim, of in runs.levels.items()}
    levels: int = sum(1 + prod(sizes.get(dim, 1) for dim in term.dims) for _, term in varyings(model))
    knots: int = sum(
        prod(sizes.get(dim, 1) for dim in term.dims) * gaussian_process.extended_size(term, inputs)
        for term, inputs in discrepancy_terms(model)
    )
    scales = noise_scales(model) | smooth_lengths(model) | discrepancy.scales(discrepancy_terms(model))
    between = model.noise.residual_correlation
    outputs = 0 if between is None else sizes.get(between.over, 0)
    levels += outputs * (outputs - 1) // 2
    return int(len(parameters_with_priors(model)) + len(trends(model)) + len(scales) + levels + knots)


def refuse_draws(model: Model, runs: Runs, settings: Settings) -> None:
    """Raise InputError where the draws asked for take more memory than `MOST`."""
    if draw_bytes(model, runs, settings) > MOST:
        raise InputError(
            f"{draws_line(model, runs, settings)}; at most {gigabytes(MOST)} are held: ask for fewer draws or chains"
        )


def draw_bytes(model: Model, runs: Runs, settings: Settings) -> int:
    """Return how much memory the draws of a fit take."""
    return 8 * (numbers_of_draw(model, runs) + STATISTICS) * settings.draws * settings.chains


def draws_line(model: Model, runs: Runs, settings: Settings) -> str:
    """Return how many draws of how many numbers are asked for, and what they take."""
    return (
        f"{settings.chains} x {format_count(settings.draws)} draws of {format_count(numbers_of_draw(model, runs))} "
        f"numbers take "
        f"{gigabytes(draw_bytes(model, runs, settings))}"
    )


def refuse_points(draws: int, points: int) -> None:
    """Raise InputError where draws at points take more memory than `MOST`; summaries of as many points do not."""
    if 8 * draws * points > MOST:
        raise InputError(
            f"{format_count(draws)} draws at {format_count(points)} points take {gigabytes(8 * draws * points)}; "
            f"at most {gigabytes(MOST)} are held: "
            "ask for fewer points at a time, or for their summaries with summarize_at"
        )


def draws_in(fit: Fit) -> int:
    """Return how many draws a fit has."""
    return int(fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"])


def gigabytes(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{number(count / 2**30)} GB"
