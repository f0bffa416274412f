"""Curves of a prior with no runs at hand: axes, bands, and what cannot be drawn."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.plots.prior import prior_figure
from bayes_scaling.prediction.prior_curves import prior_alone, prior_curves

mpl.use("Agg")


def test_a_panel_for_each_input_with_its_unit_and_what_is_held() -> None:
    study = bs.read_study("chinchilla_law")
    figure = prior_figure(study.model, study.columns, draws=100)
    assert [ax.get_xlabel() for ax in figure.axes] == ["params (parameters)", "tokens"]
    assert [ax.get_title() for ax in figure.axes] == ["at tokens 20B", "at params 1B"]
    assert figure.axes[0].get_ylabel() == "loss (nats/token)"
    assert [ax.get_xlabel() for ax in study.model.plot_prior().axes] == ["params (parameters)", "tokens"]
    relative = replace(study.model, references={}).plot_prior()
    assert [ax.get_xlabel() for ax in relative.axes] == ["params / reference", "tokens / reference"]
    assert relative.axes[0].get_title() == "tokens at the reference"


def test_curves_are_the_law_at_draws_of_the_prior() -> None:
    study = bs.read_study("chinchilla_law")
    before = prior_alone(study.model, study.columns, 200, 3)
    curve = prior_curves(before)["tokens"]
    of = {name: before.posterior[name].to_numpy()[0][:, None] for name in study.model.parameters}
    expected = study.model.law(params=1.0, tokens=curve["tokens"].to_numpy() / 2e10, **of)
    np.testing.assert_allclose(curve.isel(chain=0).transpose("draw", "row").to_numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("name", ["moba_vs_full", "moba_positions", "training_curves", "routed_lm"])
def test_groups_axes_and_curves_of_runs_need_no_table(name: str) -> None:
    figure = replace(bs.read_study(name).model, references={}).plot_prior()
    assert all(ax.get_xlabel().endswith("/ reference") for ax in figure.axes)


def test_what_hangs_on_runs_is_refused() -> None:
    study = bs.read_study("training_curves")
    with pytest.raises(bs.InputError, match="measured against the middle of the runs"):
        prior_figure(study.model, study.columns)
    with pytest.raises(bs.InputError, match="learning-rate schedule"):
        bs.read_study("multi_power").model.plot_prior()


def test_a_wide_prior_does_not_take_the_axis() -> None:
    study = bs.read_study("chinchilla_law")
    parameters = dict(study.model.parameters) | {"E": bs.Prior(median=1.7, factor=1e4)}
    figure = prior_figure(replace(study.model, parameters=parameters), study.columns, draws=200)
    low, high = figure.axes[0].get_ylim()
    assert high / low < 10**1.6
