"""A reference far beyond the runs is said when they are read: one in base units, beside a column in millions."""

import pandas as pd
import pytest

import bayes_scaling as bs

SIZES = pd.DataFrame({"pm": [100.0, 500.0, 2000.0], "loss": [3.0, 2.8, 2.6]})


def notes(unit: str, reference: float | None) -> list[str]:
    columns = bs.Columns({"params": bs.Input("pm", unit, reference)}, bs.Response("loss", "nats/token"))
    return [note for note in bs.read_runs(SIZES, columns).notes if "reference" in note]


def test_a_reference_in_base_units_beside_a_column_in_millions_is_noted() -> None:
    assert notes("M parameters", 1e9) == [
        "the reference of params, 1e15 parameters, lies 5.7 decades beyond the runs, which have 100M to 2B parameters: "
        "priors are at it; a reference is in the unit of the column, of 1M parameters: expected 1000 for 1B parameters"
    ]


@pytest.mark.parametrize("reference", [1000.0, 100_000.0, 1.0, None])
def test_one_near_the_runs_is_not(reference: float | None) -> None:
    assert not notes("M parameters", reference)


def test_a_far_one_is_noted_below_the_runs_too() -> None:
    assert notes("M parameters", 1e-3) == [
        "the reference of params, 1000 parameters, lies 5 decades beyond the runs, which have 100M to 2B parameters: "
        "priors are at it"
    ]
