"""Priors of the loss follow the unit of the response."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws.library import LAWS, law_inputs
from bayes_scaling.model.defaults import default_priors, sweep_model
from bayes_scaling.model.loss_units import in_unit_of, loss_like
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import median
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"m4", "efficiency_leverage", "distillation"}))
def test_the_parameters_that_scale_with_the_loss_are_found(name: str) -> None:
    values = {one: median(prior) for one, prior in default_priors(name).items()}
    found = loss_like(LAWS[name], values)
    assert found
    inputs = {one: np.array([0.3, 1.0, 7.0]) for one in law_inputs(LAWS[name])}
    scaled = values | {one: values[one] * 3.0**power for one, power in found.items()}
    np.testing.assert_allclose(LAWS[name](**inputs, **scaled), 3.0 * np.asarray(LAWS[name](**inputs, **values)), rtol=1e-8)


def test_a_law_with_numbers_that_have_a_unit_cannot_follow() -> None:
    law = bs.parse_law("1.7 + A * params**-alpha", ["params"])
    model = bs.Model(
        law,
        {n: bs.Prior(median=0.3, factor=2.0) for n in ("A", "alpha")},
        bs.Noise(bs.Prior(median=0.01, factor=2)),
        unit="nats/token",
    )
    with pytest.raises(bs.InputError, match="cannot follow it to 'bits/token'"):
        in_unit_of(model, bs.Response("loss", "bits/token"))


def test_priors_per_byte_are_as_much_wider_as_the_bytes_of_a_token_are_unknown() -> None:
    wide = in_unit_of(sweep_model("chinchilla"), bs.Response("bpb"))
    known = in_unit_of(sweep_model("chinchilla"), bs.Response("bpb", bytes_per_token=4.2))
    before = as_parameter(sweep_model("chinchilla").parameters["E"]).prior
    at, sure = (as_parameter(one.parameters["E"]).prior for one in (wide, known))
    assert at.median == pytest.approx(before.median / log(2) / 4.3)
    assert sure.median == pytest.approx(before.median / log(2) / 4.2)
    assert sure.factor == pytest.approx(before.factor)
    assert before.factor is not None
    assert at.factor == pytest.approx(np.exp(np.hypot(np.log(before.factor), np.log(1.2))))
    assert (wide.noise, wide.discrepancy) == (sweep_model("chinchilla").noise, sweep_model("chinchilla").discrepancy)


def test_a_study_is_written_with_priors_in_the_unit_of_its_response() -> None:
    study = bs.read_study("chinchilla_law")
    other = Study("other", study.model, replace(study.columns, response=bs.Response("loss", "bits/token")))
    again = parse_study(study_text(other), "again.toml")
    assert again.model.unit == "bits/token"
    assert as_parameter(again.model.parameters["E"]).prior.median == pytest.approx(1.7 / log(2))
