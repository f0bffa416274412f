"""What is to be known of an answer stands in its record and its summary: levels never seen, by forecasts too."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, PUBLISHED

import bayes_scaling as bs
from bayes_scaling.data.columns import Curve
from bayes_scaling.prediction.predict import predict

INPUTS = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 1e10)}
LEVEL = "arch 'sparze' (did you mean 'sparse'?) is a level that the runs do not have: drawn from the population"


def loss_of(table: pd.DataFrame) -> pd.Series:
    lower = np.where(table["arch"] == "dense", 1.0, 0.97)
    return (1.8 + 0.37 * (table["params"] / 1e9) ** -0.35 + 0.46 * (table["tokens"] / 1e10) ** -0.37) * lower


@pytest.fixture(scope="module")
def curves() -> bs.Fit:
    rows = [(a, p, t) for a in ("dense", "sparse") for p in (1e8, 5e8, 2e9) for t in (3e9, 6e9, 1.2e10, 5e10)]
    table = pd.DataFrame(rows, columns=["arch", "params", "tokens"])
    table = table.assign(loss=loss_of(table), run=table["arch"] + table["params"].map("{:g}".format))
    columns = bs.Columns(INPUTS, bs.Response("loss", "nats/token"), {"arch": "arch"}, run="run", curve=Curve("tokens"))
    priors = {name: bs.Prior(median=of, factor=1.02) for name, of in PUBLISHED.items()}
    correlation = bs.Correlation("tokens", bs.Prior(median=0.5, factor=1.02))
    noise = bs.Noise(bs.Prior(median=0.01, factor=1.02), "normal", correlation=correlation)
    law = bs.parse_law("E + A * params**-alpha + B * tokens**-beta", ["params", "tokens"])
    model = bs.Model(law, priors | {"E": priors["E"] + bs.Varying("arch", 0.1)}, noise)
    return replace(bs.prior(model, bs.read_runs(table, columns), draws=60), health=CLEAN)


def log(arch: str) -> pd.DataFrame:
    seen = pd.DataFrame({"arch": arch, "params": 1e9, "tokens": np.geomspace(2e9, 6e9, 4), "run": "new"})
    return seen.assign(loss=loss_of(seen))


@pytest.mark.parametrize(("arch", "notes"), [("sparse", ()), ("sparze", (LEVEL,))])
def test_a_forecast_says_which_levels_of_a_log_the_runs_do_not_have(curves: bs.Fit, arch: str, notes: tuple[str, ...]) -> None:
    found = bs.forecast(curves, log(arch), 5e10, refit_below=0)
    assert found.level_notes == notes
    assert tuple(found.to_frame().attrs.get("notes", ())) == notes
    assert (f"note: {LEVEL}." in found.summary().splitlines()) == bool(notes)
    assert tuple(predict(curves, log(arch)).attrs.get("notes", ())) == notes
    both = bs.forecast(curves, [log(arch), log("dense").assign(run="other")], 5e10, refit_below=0)
    assert both.summary().count(LEVEL) == len(notes)


def test_a_fit_of_few_draws_is_not_fitted_again_for_being_one(curves: bs.Fit) -> None:
    found = bs.forecast(curves, log("dense"), 5e10)
    assert found.effective > 15.0
    assert not found.refitted


def test_summaries_hold_the_notes_of_their_records(curves: bs.Fit) -> None:
    plan = bs.plan(curves, 1e21, {"arch": ["sparze"]})
    assert plan.notes == (LEVEL,)
    assert plan.summary().splitlines()[-1] == f"note: {LEVEL}."
    assert not bs.plan(curves, 1e21, {"arch": ["sparse"]}).notes
    needed = bs.compute_needed(curves, 2.3, points={"arch": ["sparze"]})
    assert LEVEL in needed.attrs["notes"]
    beside = replace(bs.rank(curves, "arch", "dense", {"compute": [1e21]}), notes=("beware",))
    assert beside.summary().splitlines()[-1] == "note: beware."
