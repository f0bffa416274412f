"""A cost at points of a fit: what budgets buy where levels, or sizes, differ in what a token takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.cost import Cost
from bayes_scaling.data.run_costs import runs_amounts
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.costs import Costed, read_cost
from bayes_scaling.prediction.ladder import Ladder
from bayes_scaling.prediction.token_cost import token_cost


@dataclass(frozen=True)
class Spending:
    """What models cost at points, a rate for each; with the same methods as `Cost`.

    Parameters
    ----------
    cost
        The cost.
    rates
        For each point what a token costs to train on, over params.
    ladders
        Where runs say it, on logarithms of params; None where a formula does.
    trained
        What it took to train each run.
    """

    cost: Cost
    rates: tuple[Callable[[np.ndarray], np.ndarray], ...]
    ladders: tuple[Ladder | None, ...]
    trained: np.ndarray

    @property
    def served_tokens(self) -> float:
        """As of the cost."""
        return self.cost.served_tokens

    @property
    def price(self) -> float | None:
        """As of the cost."""
        return self.cost.price

    @property
    def counted(self) -> str:
        """As of the cost."""
        return self.cost.counted

    @property
    def base_unit(self) -> str:
        """As of the cost."""
        return self.cost.base_unit

    def per_token(self, params: np.ndarray) -> np.ndarray:
        """Return what a token costs to train on; the last axis holds as many sizes for each point, point by point."""
        if len(self.rates) == 1:
            return self.rates[0](params)
        parts = np.split(np.asarray(params), len(self.rates), axis=-1)
        return np.concatenate([rate(of) for rate, of in zip(self.rates, parts, strict=True)], axis=-1)

    def compute(self, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return what models cost."""
        return np.asarray(self.per_token(params) * tokens + self.serving(params))

    def serving(self, params: np.ndarray) -> np.ndarray:
        """Return what is left to do after training."""
        return self.cost.serving(params)

    def tokens(self, params: np.ndarray, compute: np.ndarray) -> np.ndarray:
        """Return the tokens to train on that budgets leave to models of a size."""
        return np.asarray((compute - self.serving(params)) / self.per_token(params))

    def largest(self, compute: np.ndarray) -> np.ndarray:
        """Return the size that a budget could only just serve, untrained; inf where nothing is served."""
        return self.cost.largest(compute)

    def beyond(self, params: np.ndarray) -> np.ndarray:
        """Return whether the costs of sizes are extrapolated, with sizes as for `per_token`."""
        parts = np.split(np.asarray(params), len(self.rates), axis=-1)
        found = [
            np.zeros(np.shape(of), dtype=bool) if one is None else one.beyond(np.log(of))
            for one, of in zip(self.ladders, parts, strict=True)
        ]
        return np.concatenate(found, axis=-1)


type Spent = Cost | Spending
"""What a model costs: the same for all points, or for each its own."""


def spending(fit: Posterior, cost: Costed | Spending, rows: pd.DataFrame) -> Spent:
    """Return what models cost at points; 6 FLOP a parameter and token unless said otherwise.

    Parameters
    ----------
    rows
        A row for each point: levels of groups, inputs beside params and tokens.

    Raises
    ------
    InputError
        Where a cost is not known by its name, or runs and formula do not say what models cost at a point.
    """
    if isinstance(cost, Spending):
        return cost
    asked = read_cost(fit, cost)
    if asked is None or asked.formula is None:
        return asked or Cost()
    found = [token_cost(fit, asked, _point(fit, row)) for row in rows.to_dict("records")]
    rates, ladders = zip(*found, strict=True)
    return Spending(asked, rates, ladders, runs_amounts(fit.runs, asked))


def asked_cost(spent: Spent) -> Cost:
    """Return the cost that was asked for."""
    return spent.cost if isinstance(spent, Spending) else spent


def _point(fit: Posterior, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the levels and inputs of a point by their names in the law."""
    columns = fit.runs.columns
    alone = {of[0]: dim for dim, of in columns.dims.items() if len(of) == 1}
    named = {alone.get(str(name), str(name)) if str(name) not in columns.dims else str(name): of for name, of in row.items()}
    return named | {name: row[one.column] for name, one in columns.inputs.items() if name not in row and one.column in row}
