"""Rankings of levels at a budget, against closed forms: multipliers, crossovers, probabilities, verdicts, words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs

LEVELS = ["base", "other", "third"]
DRAWS = 60
BUDGETS = [1e19, 1e22]


@pytest.fixture(scope="module")
def arms() -> bs.Fit:
    """Draws of Chinchilla's law by hand: arms of one pair of exponents, whose A and B differ by the same factor, and E too."""
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 1e10, 4), np.geomspace(2e9, 2e11, 4)))
    table = pd.concat(
        [pd.DataFrame({"params": params, "tokens": tokens, "loss": 2.5, "arm": arm}) for arm in LEVELS], ignore_index=True
    )
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}, groups={"arm": "arm"}
    )
    varying = bs.Varying("arm", 0.1)
    model = bs.Model(
        bs.laws.chinchilla,
        {
            "E": bs.Prior(median=1.7, factor=1.2) + varying,
            "A": bs.Prior(median=0.4, factor=1.5) + varying,
            "alpha": bs.Prior(median=0.35, factor=1.3),
            "B": bs.Prior(median=0.4, factor=1.5) + varying,
            "beta": bs.Prior(median=0.3, factor=1.3),
        },
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    return bs.prior(model, bs.read_runs(table, columns), draws=DRAWS, seed=3)


def gains(fit: bs.Fit, a: float, b: float, e: float = 0.0) -> bs.Fit:
    """Return a fit whose "other" arm has A, B and E of the base times exp(a), exp(b), exp(e); "third" is the base."""
    terms = {
        f"{name}_by_arm": xr.full_like(fit.posterior[f"{name}_by_arm"], 0.0) + xr.DataArray([0.0, of, 0.0], dims="arm")
        for name, of in {"A": a, "B": b, "E": e}.items()
    }
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.assign(terms)}))


def at(*budgets: float) -> pd.DataFrame:
    return pd.DataFrame({"compute": list(budgets)})


def frontier(fit: bs.Fit, budget: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return E, K and g of the base arm, L*(C) = E + K (C / budget)^-g."""
    of = {name: fit.posterior[name].to_numpy() for name in ("E", "A", "alpha", "B", "beta")}
    product = budget / 6 / (1e9 * 2e10)
    ratio = (of["alpha"] * of["A"] / (of["beta"] * of["B"])) ** (1 / (of["alpha"] + of["beta"]))
    n = ratio * product ** (of["beta"] / (of["alpha"] + of["beta"]))
    k = of["A"] * n ** -of["alpha"] + of["B"] * (product / n) ** -of["beta"]
    return of["E"], k, of["alpha"] * of["beta"] / (of["alpha"] + of["beta"])


def test_multipliers_of_chinchillas_law_are_the_closed_form(arms: bs.Fit) -> None:
    fit = gains(arms, -0.1, -0.1)  # both terms times exp(-0.1): K too
    found = bs.rank(fit, "arm", "base", at(*BUDGETS))
    for i, budget in enumerate(BUDGETS):
        _, _, g = frontier(fit, budget)
        np.testing.assert_allclose(found.multiplier.isel(point=i).sel(level="other"), np.exp(0.1 / g), rtol=1e-3)
        np.testing.assert_allclose(found.multiplier.isel(point=i).sel(level="third"), 1.0, rtol=1e-9)
