"""Outputs in units of their own: what is read, what answers say, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.losses import loss_notes
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.optimum import optimum
from bayes_scaling.inference.loading import load
from bayes_scaling.inference.saving import save
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.goal import refuse_rising
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.validation.ledger import read, register

INPUTS = {"params": bs.Input("N", "parameters", 1e9)}
UNITS = {"web": "nats/token", "code": "bits/byte", "task": "error rate"}
COLUMNS = bs.Columns(INPUTS, outputs={"web": "loss", "code": "code_bpb", "task": "wrong"}, output_units=UNITS)
AT = {"params": [1e9, 1e9, 1e10], "output": ["web", "task", "code"]}


def table() -> pd.DataFrame:
    params = np.geomspace(1e8, 1e10, 10)
    loss = 2.0 + 0.4 * (params / 1e9) ** -0.3
    return pd.DataFrame({"N": params, "loss": loss, "code_bpb": loss / 3, "wrong": loss / 5})


def model(**noise: object) -> bs.Model:
    over = bs.Varying("output", 0.5)
    priors = {
        "E": bs.Prior(median=1.0, factor=2.0) + over,
        "A": bs.Prior(median=0.3, factor=2.0) + over,
        "alpha": bs.Prior(median=0.3, factor=1.5),
    }
    said = {"sd": bs.Prior(median=0.01, factor=3.0), "residual_correlation": bs.ResidualCorrelation("output")} | noise
    return bs.Model(bs.parse_law("E + A * params**-alpha", ["params"]), priors, bs.Noise(distribution="normal", **said))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def before() -> bs.Fit:
    return bs.prior(model(), bs.read_runs(table(), COLUMNS), draws=200)


def test_every_answer_has_the_unit_of_its_output(before: bs.Fit, tmp_path) -> None:
    found = bs.predict(before, AT)
    assert found["unit"].to_numpy().tolist() == ["nats/token", "error rate", "bits/byte"]
    assert found.attrs["units"] == ""
    assert bs.predict(before, {"params": [1e9], "output": ["task"]}).attrs["units"] == "error rate"
    for made in (bs.summarize(found), summarize_at(before, AT), summarize_at(before, AT, "observed")):
        assert made["unit"].tolist() == ["nats/token", "error rate", "bits/byte"]
    assert any("nats/token" in line or "bits/byte" in line or "error rate" in line for line in before.summary().splitlines())
    labels = {(ax.get_title(), ax.get_ylabel()) for ax in bs.plots.figures(before)["bands"].axes}
    assert labels == {
        ("output web", "loss (nats/token)"),
        ("output code", "loss (bits/byte)"),
        ("output task", "error rate"),
    }
    saved = load(save(before, tmp_path / "fit.nc"))
    assert saved.runs.columns.output_units == UNITS
    arms = {"params": [1e9]}
    with pytest.raises(InputError, match="output 'web' is in nats/token and 'task' in error rate; expected two in one unit"):
        bs.contrast(before, "output", "web", "task", arms)
    with pytest.raises(InputError, match="expected two in one unit"):
        draw_estimand(before, "contrast output=web:task at params=1e9")


def test_units_are_what_names_say_or_are_said_of_each_output() -> None:
    named = bs.Columns(
        INPUTS, outputs=["web_bpb", "val_ppl_nats"], output_units={"web_bpb": "bits/byte", "val_ppl_nats": "nats/token"}
    )
    assert named.response.unit == ""
    assert replace(named, where="N > 1").output_units == named.output_units
    alike = bs.Columns(INPUTS, outputs={"a": "x", "b": "y"}, output_units={"a": "bits/byte", "b": "bits/byte"})
    assert (alike.response.unit, alike.output_units) == ("bits/byte", {})
    bytes_known = bs.Columns(INPUTS, bs.Response(bytes_per_token=4.2), outputs={"a": "x_bpb", "b": "y_bpb"})
    assert (bytes_known.response.unit, bytes_known.response.bytes_per_token) == ("bits/byte", 4.2)
    with pytest.raises(InputError, match=r"output_units name \['a'\]; the outputs are \['a', 'b'\]"):
        bs.Columns(INPUTS, outputs={"a": "x", "b": "y"}, output_units={"a": "bits/byte"})
    with pytest.raises(InputError, match="units of their own, and response says 'nats/token'"):
        bs.Columns(INPUTS, bs.Response(unit="nats/token"), outputs={"a": "x", "b": "y"}, output_units={"a": "%", "b": "u"})
    with pytest.raises(InputError, match="output_units are those of outputs, and there are none"):
        bs.Columns(INPUTS, output_units={"a": "bits/byte"})
    with pytest.raises(InputError, match="output 'a' is in perplexity"):
        bs.Columns(INPUTS, outputs={"a": "x", "b": "y"}, output_units={"a": "perplexity", "b": "bits/byte"})
    with pytest.raises(InputError, match=r"'wrong' runs from .* which no error rate does"):
        bs.read_runs(table().assign(wrong=lambda of: 40 * of["wrong"]), COLUMNS)


def test_noise_and_priors_with_a_unit_are_refused() -> None:
    runs, sd = bs.read_runs(table(), COLUMNS), bs.Prior(median=0.01, factor=3.0)
    with pytest.raises(InputError, match='has a unit: expected on = "log_loss", or a scale of the noise'):
        bs.prior(model(on="loss"), runs, draws=5)
    own = model(on="loss", sd=sd + bs.Varying("output", 1.0))
    bs.prior(own, runs, draws=5)
    with pytest.raises(InputError, match="the priors of the model are for nats/token, the outputs are in bits/byte"):
        bs.prior(replace(model(), unit="nats/token"), runs, draws=5)


def test_a_file_keeps_the_units() -> None:
    text = study_text(Study("mixed", model(), COLUMNS))
    assert parse_study(text, "mine.toml").columns == COLUMNS


def test_a_chain_begins_at_an_output_in_its_unit(before: bs.Fit) -> None:
    columns = bs.Columns({"loss": bs.Input("loss", "nats/token", 1.0)}, bs.Response("accuracy", "accuracy", name="accuracy"))
    law = bs.Model(
        bs.parse_law("c * loss**-k", ["loss"]),
        {"c": bs.Prior(median=0.5, factor=1.5), "k": bs.Prior(median=0.5, factor=2.0)},
        bs.Noise(bs.Prior(median=0.01, factor=3.0)),
    )
    second = bs.prior(law, bs.read_runs({"loss": [1.0, 2.0, 4.0], "accuracy": [0.5] * 3}, columns), draws=100)
    assert bs.chain(before, second, {"params": [1e9], "output": ["web"]}).through.attrs["units"] == "nats/token"
    with pytest.raises(InputError, match="the first fit is of loss in error rate, the second reads loss in nats/token"):
        bs.chain(before, second, {"params": [1e9], "output": ["task"]})


def test_per_cent_beside_other_units_and_the_lowest_accuracy_are_refused() -> None:
    with pytest.raises(InputError, match="output 'task' is in % accuracy beside other units; expected a column of shares"):
        bs.Columns(INPUTS, outputs={"web": "loss", "task": "acc"}, output_units={"web": "nats/token", "task": "% accuracy"})
    units = UNITS | {"task": "accuracy"}
    mixed = bs.prior(model(), bs.read_runs(table(), replace(COLUMNS, output_units=units)), draws=20)
    with pytest.raises(InputError, match="an optimum takes the lowest loss for the best, and of output 'task', in accuracy"):
        optimum(mixed, {"output": ["task"]}, "params")
    refuse_rising(mixed, "an optimum", {"output": ["web", "code"]})


def test_an_output_that_the_runs_do_not_have_is_refused(before: bs.Fit) -> None:
    said = r"column 'output', row 2: 'Web' is no output of the runs, whose outputs have units of their own; expected one of \["
    at = {"params": [1e9, 1e9], "output": ["web", "Web"]}
    for answer in (bs.predict, bs.predict_runs):
        with pytest.raises(InputError, match=said):
            answer(before, at)


def test_a_registered_forecast_has_the_unit_of_its_output(before: bs.Fit, tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    register(before, AT, path)
    assert read(path).to_frame()["unit"].tolist() == ["nats/token", "error rate", "bits/byte"]


def test_units_of_outputs_that_their_columns_names_contradict_are_noted_and_per_cent_told_what_to_do() -> None:
    table = pd.DataFrame({"N": [1e8, 1e9, 1e10], "loss": [3.0, 2.8, 2.5], "error_rate": [0.6, 0.5, 0.4]})
    units = {"web": "nats/token", "task": "accuracy"}
    columns = bs.Columns(INPUTS, outputs={"web": "loss", "task": "error_rate"}, output_units=units)
    notes = " ".join(bs.read_runs(table, columns).notes)
    assert "the name of column 'error_rate' says error rate, and its unit is given as accuracy" in notes
    for column, unit in (("reconstruction_error", "mse"), ("error_rate", "% error rate"), ("error_rate", "error rate")):
        assert not loss_notes(bs.Columns(INPUTS, outputs={"a": column, "b": "other"}, output_units={"a": unit, "b": unit}))
    with pytest.raises(InputError, match="if they are per cent, give them over 100, as other outputs have other units"):
        bs.read_runs(table.assign(error_rate=[60.0, 50.0, 40.0]), columns)
    assert "perplexities" not in " ".join(bs.read_runs(table, columns).notes)


def test_a_question_on_an_output_is_in_its_unit(before: bs.Fit) -> None:
    for kind in ("loss", "run"):
        asked = draw_estimand(before, f"{kind} at params=1e10, output=task")
        assert asked.attrs["units"] == "error rate"


@pytest.mark.parametrize(
    "units",
    [("perplexity", "ppl"), ("% accuracy", "accuracy (%)"), ("nats/token", "nats per token"), ("ppl", "perplexity per token")],
)
def test_a_unit_in_two_spellings_is_one(units: tuple[str, str]) -> None:
    one, other = units
    columns = bs.Columns(INPUTS, outputs={"a": "x", "b": "y"}, output_units={"a": one, "b": other})
    alike = bs.Columns(INPUTS, outputs={"a": "x", "b": "y"}, output_units={"a": one, "b": one})
    assert columns == alike
    assert columns.output_units == {}
