"""Priors from public sweeps: complete, sane, and a model file may replace any of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.model.defaults import sweep_model, sweep_priors
from bayes_scaling.model.parameters import Parameter
from bayes_scaling.model.priors import median, prior_quantiles
from bayes_scaling.model.specification import parameters_with_priors
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text

FILE = """
[data]
response = {{ column = "loss", unit = "{unit}" }}
[data.inputs]
params = {{ column = "params"{reference} }}
tokens = {{ column = "tokens" }}
[law]
name = "{law}"
priors = "public_sweeps"
{more}
"""


def said(law: str = "interaction", unit: str = "nats/token", reference: str = "", more: str = "") -> Study:
    return parse_study(FILE.format(law=law, unit=unit, reference=reference, more=more), "mine.toml")


def same(one: bs.Model, other: bs.Model) -> bool:
    """Return whether two models say the same, a bare prior being a parameter without terms."""
    return parameters_with_priors(one) == parameters_with_priors(other) and (one.noise, one.discrepancy) == (
        other.noise,
        other.discrepancy,
    )


@pytest.mark.parametrize("law", ["chinchilla", "interaction"])
def test_every_part_has_a_prior_in_the_range_of_what_is_published(law: str) -> None:
    ranges = {
        "E": (1.4, 2.4),
        "A": (0.1, 1.0),
        "alpha": (0.25, 0.5),
        "B": (0.1, 1.0),
        "beta": (0.25, 0.6),
        "noise_sd": (0.001, 0.01),
        "discrepancy_amplitude": (0.02, 0.2),
        "discrepancy_length": (2.0, 15.0),
    }
    priors = sweep_priors(law)
    assert set(priors) - {"delta"} == set(ranges)
    for name, (low, high) in ranges.items():
        assert low < median(priors[name]) < high, name
        assert priors[name].factor is not None
        assert 1.15 < priors[name].factor < 6, name


def test_larger_models_need_more_tokens_than_the_additive_law_says() -> None:
    low, middle, high = prior_quantiles(sweep_priors("interaction")["delta"], (0.05, 0.5, 0.95))
    assert -0.4 < low < 0 < 0.05 < middle < 0.3 < high < 0.7


def test_the_priors_of_the_law_with_an_interaction_hang_together_and_have_heavy_tails() -> None:
    (joint,) = sweep_model("interaction").joint
    assert {"E", "A", "alpha", "B", "beta", "noise_sd", "discrepancy_amplitude"} < set(joint.parameters)
    assert joint.nu is not None
    assert 2 < joint.nu < 30
    at = {name: i for i, name in enumerate(joint.parameters)}
    assert joint.correlation[at["beta"]][at["B"]] < -0.3  # a steep decline goes with little that is left at the reference
    assert sweep_model("chinchilla").joint == ()


def test_a_model_file_asks_for_them_in_one_word() -> None:
    study = said()
    assert same(study.model, sweep_model("interaction"))
    assert study.model.joint == sweep_model("interaction").joint
    assert study.columns.inputs["params"].reference == 1e9
    assert parse_study(study_text(study), "again.toml").model == study.model


def test_a_model_file_may_say_others() -> None:
    more = "[parameters.E]\nprior = { median = 1.0, factor = 2.0 }\n[noise]\nsd = { median = 0.05, factor = 2.0 }"
    text = FILE.format(law="interaction", unit="nats/token", reference="", more=more)
    study = parse_study("discrepancy = []\n" + text, "mine.toml")
    assert study.model.discrepancy == ()
    assert study.model.parameters["E"] == Parameter(bs.Prior(median=1.0, factor=2.0))
    assert study.model.parameters["A"] == Parameter(sweep_priors("interaction")["A"])
    assert study.model.noise.sd == bs.Prior(median=0.05, factor=2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "error rate"}, "are for a response in 'nats/token'"),
        ({"reference": ", reference = 5e8"}, "at 1B parameters"),
        (
            {"law": "kaplan_params_tokens"},
            r"mine.toml: public sweeps suggest no priors for .* they do for \['chinchilla', 'interaction'\]",
        ),
    ],
)
def test_where_they_do_not_apply_one_line_says_so(change: dict[str, str], message: str) -> None:
    with pytest.raises(bs.InputError, match=message):
        said(**change)


@pytest.mark.slow
def test_three_runs_give_an_honest_band() -> None:
    """Of simulated sweeps whose law and departure are drawn from the priors, nine bands in ten hold a run ten times larger."""
    params, tokens = np.array([1e8, 2e8, 4e8, 3e9]), np.array([2e9, 4e9, 8e9, 2e10])
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": 3.0})
    study = said()
    runs = bs.read_runs(frame, study.columns)
    truth = bs.prior(study.model, runs, draws=30, seed=3)
    drawn = bs.predict_runs(truth, runs.table).isel(chain=0).to_numpy()
    settings = bs.Settings(draws=200, tune=300, chains=2, seed=1, progress=False)
    inside = []
    for losses in drawn:
        small = bs.read_runs(frame.assign(loss=losses).head(3), study.columns)
        band = bs.predict_runs(bs.fit(study.model, small, settings), frame.tail(1)).quantile([0.05, 0.95]).to_numpy()
        inside.append(band[0] <= losses[3] <= band[1])
    assert np.mean(inside) >= 0.75  # fewer than 23 of 30 would happen once in 150 times at 90 %


def test_the_bundled_study_asks_for_them() -> None:
    text = (Path(__file__).parents[2] / "models" / "chinchilla.toml").read_text()
    assert 'priors = "public_sweeps"' in text
    assert same(bs.read_study("chinchilla").model, sweep_model("interaction"))
