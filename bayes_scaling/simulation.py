"""Runs as a fit says they could have been: its own inputs and groups, with other responses."""

from dataclasses import replace

import numpy as np

from bayes_scaling.fitting import Fit
from bayes_scaling.observing import replicated
from bayes_scaling.runs import Runs


def one_draw(fit: Fit, draw: int) -> Fit:
    """Return a fit that holds a single draw of its first chain."""
    return replace(fit, draws=fit.draws.isel(chain=slice(0, 1), draw=slice(draw, draw + 1)))


def simulated(truth: Fit, draw: int, seed: int = 0) -> Runs:
    """Return the runs of a fit with responses that one of its draws, taken for the truth, would show."""
    return with_responses(truth, replicated(one_draw(truth, draw), truth.runs.table, seed).to_numpy().ravel())


def with_responses(fit: Fit, responses: np.ndarray) -> Runs:
    """Return the runs of a fit with other responses; an error that is relative stays the same fraction of them."""
    table = fit.runs.table.assign(response=responses)
    if "reading_error" in table and fit.model.noise.on == "log_loss":
        table["reading_error"] *= responses / fit.runs.table["response"].to_numpy()
    return replace(fit.runs, table=table)
