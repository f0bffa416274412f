"""Bundled tables are listed, small, and come with units and provenance."""

from pathlib import Path

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.data import datasets


@pytest.mark.parametrize("name", datasets.names())
def test_a_dataset_comes_with_units_and_provenance(name: str) -> None:
    table = datasets.load(name)
    assert len(table) > 0
    assert set(table.attrs["units"]) <= set(table.columns)
    assert all(isinstance(unit, str) and unit for unit in table.attrs["units"].values())
    assert len(table.attrs["provenance"].strip()) > 200


def test_every_table_in_the_package_is_listed_and_none_is_large() -> None:
    folder = Path(datasets.__file__).parent
    tables = [path for path in folder.iterdir() if path.name.endswith((".csv", ".csv.gz"))]
    assert datasets.names() == sorted(path.name.split(".")[0] for path in tables)
    assert all(path.stat().st_size < 250_000 for path in tables)


def test_an_unknown_dataset_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError) as error:
        datasets.load("moba")
    assert str(error.value) == f"no dataset is called 'moba'; the package has {datasets.names()}"


@pytest.mark.parametrize("context", [8192, 32768])
def test_tokens_attended_to_are_those_of_the_papers_blocks(context: int) -> None:
    shapes = datasets.load("moba_table1_model_configs").set_index("params_non_embedding")
    block, chosen = int(shapes["moba_block_size_tokens"].iloc[0]), int(shapes["moba_top_k"].iloc[0])
    before = [min(token // block, chosen - 1) * block for token in range(context)]
    own = [token % block for token in range(context)]
    runs = datasets.load("moba_final_losses").query("sequence_length == @context")
    attended = runs.groupby("attention")["attended_tokens"].agg(["min", "max"])
    assert attended.loc["full"].tolist() == [context // 2] * 2
    assert attended.loc["moba"].tolist() == [round((sum(before) + sum(own)) / context)] * 2
    for column in ("layers", "hidden_size"):
        assert (runs[column].to_numpy() == runs["params"].map(shapes[column]).to_numpy()).all()
