"""What a question decides between: its options, and what each would lose in every draw."""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.points import read_points
from bayes_scaling.decisions.cost import moved_inputs
from bayes_scaling.decisions.estimand_places import asked_place, held_number, held_point, loss_at_place
from bayes_scaling.decisions.estimand_text import Estimand
from bayes_scaling.decisions.estimands import checked_group
from bayes_scaling.decisions.spending import spending
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.stacking import Posterior, groups_needed, noise_scale
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.prediction.goal import refuse_rising

SIZES, ENDS = 15, (0.02, 0.98)
"""So many sizes are weighed for a plan, between these quantiles of the draws of the best one."""


def option_losses(fit: Posterior, asked: Estimand, answer: xr.DataArray) -> xr.DataArray:
    """Return draws of the loss of each option of a decision, on the scale of the noise: (chain, draw, option).

    A contrast decides between two levels; a plan between sizes, each trained on the tokens that the compute leaves it.

    Parameters
    ----------
    answer
        Draws of the question, as `draw_estimand` has them.

    Raises
    ------
    InputError
        Where the question decides nothing, or is between outputs, which each run has all of.
    """
    refuse_rising(fit, "a regret", {name: [of] for name, of in asked.held.items()} or None)
    if asked.kind == "contrast":
        group = checked_group(fit, asked)
        if group == OUTPUT and fit.runs.columns.outputs:
            raise InputError(f"{OUTPUT!r} is no choice: each run has all of {format_names(fit.runs.levels[group])}")
        places = [asked_place(fit, {**asked.held, group: level}, asked.text) for level in (asked.a, asked.b)]
        losses = xr.concat([loss_at_place(fit, place) for place in places], "option")
    elif asked.kind == "plan":
        losses = _sizes(fit, asked, answer)
    else:
        raise InputError(
            f"the question {asked.text!r} decides nothing, so that it has no regret; expected a plan or a contrast, "
            "draws of several options, or another criterion"
        )
    bare = losses.drop_attrs().reset_coords(drop=True).transpose("chain", "draw", "option")
    return bare.copy(data=on_scale(bare.to_numpy(), noise_scale(fit)))


def _sizes(fit: Posterior, asked: Estimand, answer: xr.DataArray) -> xr.DataArray:
    compute = np.array([held_number("compute", asked.held["compute"])])
    rest = {name: of for name, of in asked.held.items() if name != "compute"}
    held = held_point(fit, rest, asked.text, ("params", "tokens"))
    rows = mark_base_units(pd.DataFrame(index=[0])) if held is None else held
    low, high = (float(of) for of in np.nanquantile(answer, ENDS))
    sizes = np.exp(np.linspace(low, high, SIZES))
    tokens = spending(fit, None, rows).tokens(sizes, np.repeat(compute, SIZES))
    own = {"params": sizes, "tokens": tokens}
    if "tokens" not in moved_inputs(fit):  # of a law of unique tokens and epochs
        own = {"params": sizes, "unique_tokens": tokens, "epochs": np.ones(SIZES)}
    frame = rows.loc[rows.index.repeat(SIZES)].reset_index(drop=True).assign(**own)
    points = read_points(mark_base_units(frame), fit.runs, groups_needed(fit))
    return posterior_expectation(fit, points).rename(row="option")
