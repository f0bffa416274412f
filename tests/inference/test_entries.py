"""What stands at the entry of a fit, and what goes out of it to ArviZ."""

import re
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

import bayes_scaling as bs
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
