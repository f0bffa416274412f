"""Draws of the question that the next runs are to answer, and how many independent ones they are worth."""

from collections.abc import Sequence

import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling.decisions.design.criteria import (
    Criterion,
)
from bayes_scaling.decisions.design.options import option_losses
from bayes_scaling.decisions.estimand_text import parse_estimand
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.inference.stacking import Posterior, draws_of

FEWEST = 4
"""Draws of one law of a stack; how many independent ones fewer are worth is not known."""


type Question = str | Sequence[str] | xr.DataArray


def asked_draws(fit: Posterior, question: Question, criterion: Criterion) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Return draws of what is asked, (chain, draw) or (chain, draw, question), and of the options' losses for the regret."""
    if isinstance(question, str):
        asked = draw_estimand(fit, question)
        return asked, option_losses(fit, parse_estimand(question), asked) if criterion == "regret" else None
    asked = _draws(fit, question) if isinstance(question, xr.DataArray) else _of_several(fit, question, criterion)
    if criterion == "regret":
        if asked.ndim == 2:
            raise InputError(
                "draws of one question have no regret; expected what the options are worth along a third dimension"
            )
        return (asked - asked.isel(question=0)).isel(question=slice(1, None)), asked
    if criterion == "information" and asked.ndim == 3:
        raise InputError('information is of one question; expected one, or criterion="variance"')
    return asked, None


def _of_several(fit: Posterior, questions: Sequence[str], criterion: Criterion) -> xr.DataArray:
    """Return draws of several questions, (chain, draw, question); of one (chain, draw)."""
    texts = list(questions)
    if not texts or not all(isinstance(one, str) for one in texts):
        raise InputError(f"expected a question, several, or draws of them; not {questions!r}")
    every = [draw_estimand(fit, one) for one in texts]
    units = [(one.attrs["scale"], one.attrs["units"]) for one in every]
    if unlike := [text for text, unit in zip(texts, units, strict=True) if unit != units[0]]:
        raise InputError(f"{texts[0]!r} and {unlike[0]!r} are in different units: their errors have no mean")
    if criterion == "regret":
        raise InputError("a regret is of one decision; expected one question, not several")
    if len(every) == 1:
        return every[0]
    asked = xr.concat(every, "question", combine_attrs="drop_conflicts").transpose("chain", "draw", "question")
    return asked.assign_attrs(question=f"{len(texts)} questions, {texts[0]} first", kind=every[0].attrs["kind"])


def _draws(fit: Posterior, question: xr.DataArray) -> xr.DataArray:
    """Return draws that are given, (chain, draw) or (chain, draw, question)."""
    sizes = dict(zip(("chain", "draw"), draws_of(fit), strict=True))
    given = {str(dim): size for dim, size in question.sizes.items()}
    if {dim: given.get(dim) for dim in sizes} != sizes or len(given) > 3:
        raise InputError(f"draws of a question need the dimensions of the fit's, {sizes}; they have {given}")
    asked = question.transpose("chain", "draw", ...)
    return asked.rename({asked.dims[-1]: "question"}) if asked.ndim == 3 else asked


def effective_draws(asked: xr.DataArray, kept: int, laws: Sequence[slice] = (slice(None),)) -> float:
    """Return how many independent draws those of a question are worth.

    Parameters
    ----------
    laws
        Which draws are of each law of a stack: they are worth what those of its laws are together.
    """
    import arviz_stats

    if "question" in asked.dims:
        return min(effective_draws(asked.isel(question=i), kept, laws) for i in range(asked.sizes["question"]))
    filled = asked.fillna(float(asked.median())).drop_attrs().reset_coords(drop=True).rename("asked")
    every = [filled.isel(draw=draws).to_dataset() for draws in laws]
    found = [float(arviz_stats.ess(one, method="mean")["asked"]) if one.sizes["draw"] >= FEWEST else 1.0 for one in every]
    return min(float(kept), sum(found))
