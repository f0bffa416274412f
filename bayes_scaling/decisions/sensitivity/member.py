"""A question under each law: its components, their moments, and the share of the law."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.decisions.design.asked_draws import effective_draws
from bayes_scaling.decisions.estimand_text import Estimand
from bayes_scaling.decisions.sensitivity.factors import BETWEEN, Components, components
from bayes_scaling.decisions.sensitivity.variance import (
    BLOCKS,
    Layout,
    Moments,
    moments,
    regressors,
    share_table,
    source_table,
    without_blocks,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, Stack


@dataclass(frozen=True)
class Member:
    """A question under one law.

    Parameters
    ----------
    law
        Its name in the stack; "" of a fit.
    worth
        How many independent draws those of the question are worth.
    layout, table, moments
        Of the regressors, see `variance`.
    weight
        The share of its draws among those that have an answer.
    """

    law: str
    fit: Fit
    of: Components
    worth: float
    layout: Layout
    table: np.ndarray
    moments: Moments
    weight: float = 1.0

    @property
    def draws(self) -> np.ndarray:
        """Draws of the question, noise and all, that have an answer."""
        return np.asarray(self.of.asked.to_numpy().ravel()[self.of.known])


def members_of(fit: Posterior, question: Estimand) -> list[Member]:
    """Return a question under each law of a fit or stack; raises InputError as `components` does, naming the law."""
    laws = dict(fit.members) if isinstance(fit, Stack) else {"": fit}
    found = [_member(law, one, question) for law, one in laws.items()]
    count = sum(len(one.draws) for one in found)
    return [replace(one, weight=len(one.draws) / count) for one in found]


def _member(law: str, fit: Fit, question: Estimand) -> Member:
    try:
        of = components(fit, question)
    except InputError as error:
        raise InputError(f"law {law!r}: {error}" if law else str(error)) from None
    worth = effective_draws(of.asked, int(of.known.sum()))
    layout, table = regressors(of, worth)
    return Member(law, fit, of, worth, layout, table, moments(layout, table, of.noise))


def shares_of(members: Sequence[Member]) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return the shares of a question's variance by part, and by source, and how much of it squares and products explain."""
    laws, weights = {one.law: one.moments for one in members}, {one.law: one.weight for one in members}
    table = share_table(laws, weights)
    variance = float(table["variance"].sum())
    less = [without_blocks(one.layout, one.table, one.of.noise) for one in members]
    again = [share_table({one.law: of[i] for one, of in zip(members, less, strict=True)}, weights) for i in range(BLOCKS)]
    parts = np.array([one["variance"].to_numpy() / one["variance"].sum() for one in again])
    shares = pd.DataFrame(
        {
            **{name: table[name] for name in ("law", "source", "part")},
            "share": table["variance"] / variance,
            "share_sd": _jackknife(parts),
            "first_order": table["first"] / variance,
            "total": table["total"] / variance,
        }
    )
    fitted = float((table["fitted"] * table["variance"]).sum() / variance)
    return shares, _by_source(shares, parts, source_table(laws, weights) / variance), fitted


def _jackknife(without: np.ndarray) -> np.ndarray:
    """Return the standard deviation of an estimate from those without a block each, blocks along the first axis."""
    n = len(without)
    return np.asarray(np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0)))


def _by_source(shares: pd.DataFrame, without: np.ndarray, bounds: pd.DataFrame) -> pd.DataFrame:
    """Return shares by source; `without` has those of parts without a block each, `bounds` first and total of each source."""
    names = list(dict.fromkeys(shares["source"]))
    rows = []
    for name in names:
        mine = (shares["source"] == name).to_numpy()
        share, sd = float(shares["share"][mine].sum()), float(_jackknife(without[:, mine].sum(axis=1)))
        first, total = (share, np.nan) if name == BETWEEN else bounds.loc[name, ["first", "total"]]
        rows.append({"source": name, "share": share, "share_sd": sd, "first_order": float(first), "total": float(total)})
    return pd.DataFrame(rows)
