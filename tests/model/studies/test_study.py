"""The runs of a study: of its own table, or of another."""

from pathlib import Path

import pandas as pd
import pytest
from study_files import GOOD, edited

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.studies.reading import parse_study, read_study
from bayes_scaling.model.studies.study import study_runs


def test_the_table_of_a_study_lies_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    TABLE.to_parquet(tmp_path / "runs.parquet")
    (tmp_path / "mine.toml").write_text(edited('"runs.csv"', '"runs.parquet"'))
    assert len(study_runs(read_study(tmp_path / "mine.toml"))) == 2


TABLE = pd.DataFrame(
    {"params": [1e9, 2e9], "loss": [3.0, 2.5], "name": ["one", "two"], "error": [0.1, 0.1], "corpus": ["c4", "pile"]}
)


def test_another_table_takes_the_place_of_the_study_s_own() -> None:
    runs = study_runs(parse_study(GOOD, "mine.toml"), TABLE)
    assert len(runs) == 2
    assert runs.references == {"x": 1e9}


def test_a_study_on_a_bundled_table_has_its_runs() -> None:
    runs = study_runs(read_study("moba_vs_full"))
    assert len(runs) == 160
    assert runs.dropped == 20
    assert {dim: len(levels) for dim, levels in runs.levels.items()} == {"attention": 2, "position": 16, "size": 5, "run": 10}


def test_a_study_without_a_table_asks_for_one() -> None:
    with pytest.raises(InputError, match=r"^chinchilla comes without runs; give a table with the columns \['params', 'tokens'"):
        study_runs(read_study("chinchilla"))
