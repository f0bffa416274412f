"""What stands at the entry of a fit, and what goes out of it to ArviZ."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference import fit as fitting
from tests.by_hand import BAD, CLEAN, sweep


def test_a_table_without_rows_is_refused_as_such() -> None:
    with pytest.raises(bs.InputError, match=r"^the data frame: it has no rows$"):
        bs.fit("chinchilla", pd.DataFrame({"params": [], "tokens": [], "loss": []}))


@pytest.mark.parametrize("name", ["", " "])
def test_no_name_is_no_study(name: str) -> None:
    with pytest.raises(bs.InputError, match=r"^no study is named; expected the name of a bundled one"):
        bs.fit(name)


def test_the_package_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "bayes_scaling", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert re.search(re.escape(bs.__version__), done.stdout)


def test_draws_for_arviz_carry_their_health() -> None:
    fit = sweep(CLEAN)
    tree = replace(fit, health=BAD).to_datatree(prior=20)
    assert tree["posterior"].attrs["health"] == BAD.line
    assert tree["posterior_predictive"]["response"].attrs["health"] == BAD.line
    assert "health" not in tree["observed_data"].attrs
    assert "health" not in tree["prior"].attrs
    assert "health" not in fit.to_datatree()["posterior"].attrs


def test_a_refit_reads_a_table_as_the_runs_of_the_fit_were(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    earlier = sweep(CLEAN)
    monkeypatch.setattr(fitting, "fit", lambda model, runs, settings: replace(earlier, runs=runs))
    table = earlier.runs.table.head(9).rename(columns={"response": "loss"})
    table.to_csv(tmp_path / "sweep.csv", index=False)
    exact = bs.read_runs(table, earlier.runs.columns).table
    for given in (table, table.to_dict("list"), tmp_path / "sweep.csv", str(tmp_path / "sweep.csv")):
        pd.testing.assert_frame_equal(bs.refit(earlier, given).runs.table, exact)
    with pytest.raises(bs.InputError, match="loss"):
        bs.refit(earlier, table.drop(columns="loss"))
