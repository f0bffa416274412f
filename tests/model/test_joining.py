"""A model knows where its priors are: whatever door it meets runs at, they are put against those references."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.references import Reference
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.specifications import Specification
from bayes_scaling.inference import fit as fitting
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.worker import model_text, read_model
from bayes_scaling.model.defaults import default_priors, default_references, sweep_model
from bayes_scaling.model.joining import joined
from bayes_scaling.model.specification import changed
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text

N, D = (np.array(one).ravel() for one in np.meshgrid([1e7, 3e7, 1e8, 3e8], [1e9, 4e9, 1.6e10]))
TABLE = pd.DataFrame({"N": N, "D": D, "loss": 1.7 + 400 / N**0.34 + 400 / D**0.28})
COLUMNS = bs.Columns({"params": bs.Input("N"), "tokens": bs.Input("D")}, bs.Response("loss", "nats/token"))
PLACES = {"params": 1e9, "tokens": 2e10}
LAW = bs.read_study("chinchilla_law").model
PLAIN = bs.Model(LAW.law, LAW.parameters, LAW.noise, unit="nats/token", references={})


def runs(**inputs: bs.Input) -> Runs:
    return bs.read_runs(TABLE, replace(COLUMNS, inputs=COLUMNS.inputs | inputs))


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bs.Model, Runs]]:
    """Models and runs as they come to the sampler, which does not sample."""
    found: list[tuple[bs.Model, Runs]] = []

    def sampled(model: bs.Model, of: Runs, settings: bs.Settings) -> Any:
        found.append((model, of))
        raise bs.InputError("not sampled")

    monkeypatch.setattr(fitting, "sample_until_clean", sampled)
    return found


LARGE = "params < 2e8"
TWO = {"one": LAW, "two": changed(LAW, parameters={**LAW.parameters, "E": bs.Prior(median=2.0, factor=1.5)})}
DOORS: dict[str, Callable[[], Any]] = {
    "fit, a study": lambda: bs.fit("chinchilla_law", runs()),
    "fit": lambda: bs.fit(LAW, runs()),
    "fit, priors replaced": lambda: bs.fit(TWO["two"], runs()),
    "fit_many": lambda: bs.fit_many(LAW, {"a": runs()}, InProcess()),
    "fit_many, a study": lambda: bs.fit_many(bs.read_study("chinchilla_law"), {"a": runs()}, InProcess()),
    "fit_stack": lambda: bs.fit_stack(TWO, runs()),
    "backtest": lambda: bs.backtest(LAW, runs(), [LARGE]),
    "backtest of a stack": lambda: bs.backtest(TWO, runs(), [LARGE]),
    "compare": lambda: bs.compare(TWO, runs(), [LARGE]),
    "calibrate": lambda: bs.calibrate(LAW, runs(), 4, executor=InProcess()),
    "multiverse": lambda: bs.multiverse(
        Specification(LAW, TABLE, COLUMNS), {"params": [1e9], "tokens": [1e10]}, executor=InProcess()
    ),
    "refit": lambda: bs.refit(bs.prior(LAW, runs(), draws=4), bs.read_runs(TABLE.iloc[3:], COLUMNS)),
}


@pytest.mark.parametrize("door", DOORS)
def test_runs_are_put_against_the_references_of_the_priors_at_every_door(door: str, met: list[Any]) -> None:
    assert runs().references != PLACES
    with suppress(bs.InputError):
        DOORS[door]()
    assert met
    for model, of in met:
        assert dict(of.references) == PLACES
        assert {name: one.value for name, one in model.references.items()} == PLACES


def test_the_model_of_a_study_expects_what_the_study_does() -> None:
    study, alone, own = (bs.prior(of, runs(), draws=200) for of in ("chinchilla_law", LAW, PLAIN))
    at = pd.DataFrame({"params": [3e7], "tokens": [4e9]})
    assert bs.predict(study, at).equals(bs.predict(alone, at))
    assert dict(own.runs.references) == {"params": 5e7, "tokens": 5e9}
    assert not bs.predict(study, at).equals(bs.predict(own, at))


def test_a_model_without_references_has_them_at_its_first_runs_and_keeps_those() -> None:
    first = bs.prior(PLAIN, runs(), draws=4)
    more = bs.read_runs(TABLE.assign(N=10 * TABLE["N"]), COLUMNS)
    assert more.references != first.runs.references
    assert dict(bs.prior(first.model, more, draws=4).runs.references) == dict(first.runs.references)
    assert dict(bs.prior(PLAIN, more, draws=4).runs.references) == dict(more.references)


def test_each_table_keeps_its_own_largest_as_its_reference() -> None:
    largest = bs.Input("D", reference_at="largest")
    first, more = (
        runs(tokens=largest),
        bs.read_runs(TABLE.iloc[:8], replace(COLUMNS, inputs=COLUMNS.inputs | {"tokens": largest})),
    )
    assert joined(joined(PLAIN, first)[0], more)[1].references["tokens"] == D[:8].max()
    with pytest.raises(bs.InputError, match="priors are at 20B tokens of 'tokens'; the runs' columns have the reference 16B"):
        joined(LAW, first)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"params": bs.Input("N", "M parameters", 1000)}, ""),
        (
            {"params": bs.Input("N", "parameters", 1e8)},
            "priors are at 1B parameters of 'params'; .*the reference 100M parameters",
        ),
        (
            {"tokens": bs.Input("D", "steps")},
            "20B tokens of 'tokens', which the runs count in steps, and no factor leads there",
        ),
        ({"tokens": bs.Input("D", "steps", 1e4)}, ""),
    ],
)
def test_columns_that_state_another_reference_or_count_otherwise(inputs: dict[str, bs.Input], said: str) -> None:
    of = runs(**inputs)
    if said:
        with pytest.raises(bs.InputError, match=said) as caught:
            bs.prior(LAW, of, draws=4)
        assert "\n" not in str(caught.value)
    else:
        assert dict(bs.prior(LAW, of, draws=4).runs.references) == PLACES | {
            name: one.reference for name, one in inputs.items()
        }


def test_references_are_in_units() -> None:
    model = replace(PLAIN, references={"params": Reference(1000, "M parameters"), "tokens": 2e10})
    millions = bs.read_runs(
        TABLE.assign(N=TABLE["N"] / 1e6), replace(COLUMNS, inputs=COLUMNS.inputs | {"params": bs.Input("N", "M parameters")})
    )
    assert dict(joined(model, millions)[1].references) == dict(joined(model, runs())[1].references) == PLACES
    power = bs.Model(
        bs.laws.power_law,
        {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.05, factor=2.0)},
        LAW.noise,
        references={"compute": Reference(1.0, "PFLOP/s-days")},
    )
    flops = bs.read_runs(TABLE, bs.Columns({"compute": bs.Input("N", "FLOP")}))
    assert joined(power, flops)[1].references["compute"] == pytest.approx(8.64e19)


def test_losses_in_bits_meet_priors_at_the_references() -> None:
    bits = bs.read_runs(TABLE.assign(loss=TABLE["loss"] / 3), replace(COLUMNS, response=bs.Response("loss", "bits/byte")))
    before = bs.prior(LAW, bits, draws=4)
    assert (dict(before.runs.references), before.model.unit) == (PLACES, "bits/byte")


def test_what_is_no_reference_of_the_model_is_refused() -> None:
    for references, said in (
        ({"parms": 1e9}, "references are of inputs that the model reads, .*not 'parms'"),
        ({"params": -1.0}, "positive number"),
        (3, "a mapping from names"),
    ):
        with pytest.raises(bs.InputError, match=said):
            replace(PLAIN, references=references)


def test_a_law_that_names_its_references_has_its_priors_there() -> None:
    law = bs.parse_law("E + A * (params * ref(params) / 1e9)**-b", ["params"], {"params": 5e8})
    priors = {name: bs.Prior(median=1.0, factor=2.0) for name in "EAb"}
    model = bs.Model(law, priors, LAW.noise)
    of = bs.read_runs(TABLE, replace(COLUMNS, inputs={"params": bs.Input("N")}))
    assert dict(bs.prior(model, of, draws=4).runs.references) == {"params": 5e8}
    with pytest.raises(bs.InputError, match=r"the law names ref\(params\), 500M; the references of the model have 1B"):
        replace(model, references={"params": 1e9})


def test_a_changed_model_keeps_the_references_of_what_it_reads() -> None:
    power = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.05, factor=2.0)}
    law = bs.parse_law("a * params**-b", ["params"])
    assert changed(LAW, law=law, parameters=power).references == {"params": Reference(1e9, "parameters")}
    assert changed(LAW, references={}).references == {}
    joint = bs.read_study("chinchilla").model
    assert changed(joint, discrepancy=()).references == joint.references != {}


def test_references_travel_as_text_and_in_files(tmp_path) -> None:
    assert read_model(model_text(LAW)).references == LAW.references
    mine = Study("mine", LAW, COLUMNS)
    written = parse_study(study_text(mine), "mine.toml").model.references
    assert {name: of.value for name, of in written.items()} == PLACES
    with pytest.raises(bs.InputError, match="priors are at 1B parameters of 'params'"):
        study_text(
            replace(mine, columns=replace(COLUMNS, inputs=COLUMNS.inputs | {"params": bs.Input("N", "parameters", 3.0)}))
        )
    for model in (LAW, PLAIN):
        before = bs.prior(model, runs(), draws=4)
        again = bs.load(bs.save(before, tmp_path / "prior.nc"))
        assert (again.model.references, again.runs.columns) == (before.model.references, before.runs.columns)
    assert "Priors are at params 1B, tokens 20B." in LAW.summary()
    assert "Priors are at" not in PLAIN.summary()


def test_what_the_library_gives_is_at_its_references() -> None:
    assert sweep_model("chinchilla").references == default_references("chinchilla") == LAW.references
    named = bs.Model(LAW.law, default_priors("chinchilla"), LAW.noise, references=default_references("chinchilla"))
    assert dict(bs.prior(named, runs(), draws=4).runs.references) == PLACES


def test_laws_of_a_stack_are_at_the_same_references() -> None:
    with pytest.raises(bs.InputError, match=r"'study' and 'mine' cannot be compared: 'study' has references .*give each model"):
        bs.fit_stack({"study": LAW, "mine": PLAIN}, runs())


def test_the_prior_is_drawn_about_the_references_of_the_model() -> None:
    from bayes_scaling.prediction.prior_curves import prior_alone

    assert dict(prior_alone(LAW, draws=4).runs.references) == PLACES
    assert dict(prior_alone(LAW, COLUMNS, draws=4).runs.references) == PLACES
    assert set(prior_alone(PLAIN, draws=4).runs.references.values()) == {1.0}
