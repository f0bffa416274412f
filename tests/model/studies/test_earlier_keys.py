"""Keys that model files had before are read as those of today, and say so."""

import re
from pathlib import Path

import pandas as pd
import pytest
from commands import run

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.model.studies.reading import parse_study, read_study
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.model.studies.writing import study_text

BEFORE = """
[data]
response = { column = "loss", unit = "nats/token" }
reading_error = { column = "err", relative = true }
[data.inputs]
params = { column = "n", reference = 1e9 }
[law]
text = "a * params**-b"
[parameters]
a = { prior = { median = 2.0, factor = 2.0 } }
b = { prior = { median = 0.05, factor = 2.0 } }
[noise]
sd = { median = 0.01, factor = 3.0 }
"""
NOTE = "data.reading_error is read as data.measurement_error"


def test_an_earlier_key_is_read_as_todays_with_a_note_that_travels() -> None:
    study = parse_study(BEFORE, "mine.toml")
    assert study.columns.measurement_error == MeasurementError("err")
    assert len(study.notes) == 1
    assert study.notes[0].startswith(NOTE)
    runs = study_runs(study, pd.DataFrame({"n": [1e8, 1e9, 1e10], "loss": [2.2, 2.0, 1.8], "err": 0.01}))
    assert study.notes[0] in runs.notes


def test_a_study_is_written_with_the_keys_of_today() -> None:
    text = study_text(parse_study(BEFORE, "mine.toml"))
    assert "reading_error" not in text
    assert parse_study(text, "mine.toml").notes == ()


def test_a_file_with_an_earlier_key_warns_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BEFORE)
    with pytest.warns(DeprecationWarning, match=re.escape(NOTE)) as warned:
        read_study(path)
    assert warned[0].filename == __file__


def test_both_keys_are_one_too_many() -> None:
    both = BEFORE.replace("[data.inputs]", 'measurement_error = { column = "err" }\n[data.inputs]')
    with pytest.raises(InputError, match=r"mine.toml: data.reading_error: this key is called 'measurement_error'"):
        parse_study(both, "mine.toml")


def test_a_mistake_in_an_earlier_key_is_named_with_todays() -> None:
    with pytest.raises(InputError, match=r"data.measurement_error.colum"):
        parse_study(BEFORE.replace('"err"', '"err", colum = "x"'), "mine.toml")


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    path, table = tmp_path / "mine.toml", tmp_path / "runs.csv"
    path.write_text(BEFORE)
    pd.DataFrame({"n": [1e8, 1e9, 1e10], "loss": [2.2, 2.0, 1.8], "err": 0.01}).to_csv(table, index=False)
    with pytest.warns(DeprecationWarning, match=re.escape(NOTE)):
        said = run("prior", path, "--runs", table, "--draws", 50, "--out", tmp_path / "out")
    assert said.exit_code == 0, said.output
    lines = [line for line in said.output.splitlines() if NOTE in line]
    assert len(lines) == 1
    assert lines[0].startswith("note")
