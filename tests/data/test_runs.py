"""Tables are checked once, at the door; what is wrong is said with file, column and row."""

import gzip
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Average, Columns, Input, MeasurementError, Response, Tail
from bayes_scaling.data.inputs import round_reference
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.points import read_points
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.references import Reference, references_of, with_references
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Varying
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.specification import Model

TABLE = pd.DataFrame(
    {
        "n_params": [100, 200, 400, 800, 1600, 3200],
        "loss": [3.5, 3.25, 3.0, 2.75, 2.5, 2.25],
        "corpus": ["c4", "pile", "c4", "pile", "c4", "pile"],
        "context": [1024, 1024, 2048, 2048, 4096, 4096],
        "error": [0.01, 0.02, 0.0, 0.01, 0.01, 0.04],
    }
)
COLUMNS = Columns(
    inputs={"params": Input("n_params", "parameters", 500.0)},
    groups={"corpus": "corpus", "context": "context"},
    measurement_error=MeasurementError("error"),
)
both_sources = pytest.mark.parametrize("source", ["csv", "frame"])


def columns(**changed) -> Columns:
    return Columns(
        **({"inputs": COLUMNS.inputs, "groups": COLUMNS.groups, "measurement_error": COLUMNS.measurement_error} | changed)
    )


def changed(column: str, row: int, value) -> pd.DataFrame:
    cells = list(TABLE[column])
    cells[row - 1] = value
    return TABLE.assign(**{column: cells})


def given(frame: pd.DataFrame, source: str, folder: Path):
    """Return a table as a data frame or a file, and what errors call it."""
    if source == "frame":
        return frame, "the data frame"
    path = folder / f"runs.{source}"
    if source == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path, str(path)


def refusal(table, wanted: Columns = COLUMNS) -> str:
    with pytest.raises(InputError) as error:
        read_runs(table, wanted)
    message = str(error.value)
    assert "\n" not in message
    return message


@both_sources
def test_a_missing_column_is_named_with_the_nearest_there_is(source: str, tmp_path: Path) -> None:
    table, name = given(TABLE.rename(columns={"n_params": "n_parms"}), source, tmp_path)
    expected = f"{name}: no column 'n_params'; the table has ['n_parms', 'loss', 'corpus', 'context', 'error']"
    assert refusal(table) == f"{expected}; did you mean 'n_parms' (--column params=n_parms)?"


@both_sources
def test_a_missing_column_like_no_other_is_named_without_a_guess(source: str, tmp_path: Path) -> None:
    table, name = given(TABLE.rename(columns={"loss": "zzz"}), source, tmp_path)
    assert refusal(table).startswith(f"{name}: no column 'loss'; the table has ['n_params', 'zzz'")
    assert "did you mean" not in refusal(table)


@pytest.mark.parametrize(("role", "column"), [("corpus", "corpus"), ("error", "error")])
def test_a_missing_group_or_error_column_is_named(role: str, column: str) -> None:
    assert refusal(TABLE.drop(columns=role)).startswith(f"the data frame: no column {column!r}; the table has")


@both_sources
def test_a_table_without_rows_is_refused(source: str, tmp_path: Path) -> None:
    table, name = given(TABLE.iloc[:0], source, tmp_path)
    assert refusal(table) == f"{name}: it has no rows"


@both_sources
def test_a_filter_that_keeps_nothing_is_named(source: str, tmp_path: Path) -> None:
    table, name = given(TABLE, source, tmp_path)
    message = refusal(table, columns(where="n_params > 1e9"))
    assert message.startswith(f"{name}: the filter 'n_params > 1e9' keeps none of its 6 rows")


def test_of_several_wrong_numbers_the_first_is_named() -> None:
    message = refusal(changed("n_params", 2, -1.0).assign(n_params=lambda of: of["n_params"].where(of.index != 4, 0.0)))
    assert "row 2: -1" in message
    assert "may be 0" not in message


@both_sources
@pytest.mark.parametrize("column", ["n_params", "loss"])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "is missing; expected a number"),
        (float("inf"), "is not finite"),
        (float("-inf"), "is not finite"),
        (0, "is not positive, and its logarithm is taken"),
        (-3.5, "is not positive, and its logarithm is taken"),
        ("diverged", "is text; expected a number"),
        ("1,5", "is text; expected a number"),
    ],
)
def test_a_wrong_number_is_found_in_its_row(source: str, column: str, value, why: str, tmp_path: Path) -> None:
    table, name = given(changed(column, 4, value), source, tmp_path)
    message = refusal(table)
    assert message.startswith(f"{name}: column {column!r}, row 4: ")
    may_be_zero = "; an input that may be 0 says so: zero = true" if value == 0 and column == "n_params" else ""
    assert message.endswith(why + may_be_zero)


def test_the_first_wrong_row_is_named() -> None:
    frame = changed("loss", 3, -1.0)
    frame.loc[4, "loss"] = -2.0
    assert "row 3: " in refusal(frame)


@both_sources
@pytest.mark.parametrize("value", [-3.5, float("inf")])
def test_a_wrong_number_is_shown_as_it_is_written(source: str, value: float, tmp_path: Path) -> None:
    table, _ = given(changed("loss", 4, value), source, tmp_path)
    assert f"row 4: {value} is not " in refusal(table)


@both_sources
@pytest.mark.parametrize("column", ["corpus", "context"])
def test_a_missing_group_label_is_found_in_its_row(source: str, column: str, tmp_path: Path) -> None:
    table, name = given(changed(column, 5, None), source, tmp_path)
    message = refusal(table)
    assert message.startswith(f"{name}: column {column!r}, row 5: ")
    assert message.endswith("is missing; expected a level")


@both_sources
@pytest.mark.parametrize("value", [-0.01, float("nan"), float("inf"), "small"])
def test_a_wrong_measurement_error_is_found_in_its_row(source: str, value, tmp_path: Path) -> None:
    table, name = given(changed("error", 2, value), source, tmp_path)
    message = refusal(table)
    assert message.startswith(f"{name}: column 'error', row 2: ")
    assert message.endswith("is no measurement error; expected a number >= 0")


@both_sources
def test_rows_are_numbered_as_before_the_filter(source: str, tmp_path: Path) -> None:
    table, name = given(changed("loss", 6, -1.0), source, tmp_path)
    assert refusal(table, columns(where="corpus == 'pile'")).startswith(f"{name}: column 'loss', row 6: ")


def test_rows_of_a_data_frame_are_numbered_whatever_its_index() -> None:
    frame = changed("loss", 4, -1.0).set_index(pd.Index([70, 60, 50, 40, 30, 20]))
    assert "row 4: " in refusal(frame)


def test_a_wrong_row_that_the_filter_drops_does_no_harm() -> None:
    assert len(read_runs(changed("loss", 6, -1.0), columns(where="corpus == 'c4'"))) == 3


@pytest.mark.parametrize("kind", [pd.to_datetime, pd.to_timedelta])
def test_dates_and_durations_are_no_numbers(kind) -> None:
    message = refusal(TABLE.assign(loss=kind(range(1, 7), unit="D")))
    assert message.startswith("the data frame: column 'loss'")


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_a_repeated_column_name_is_refused(ending: str, tmp_path: Path) -> None:
    text = "n_params,loss,corpus,context,error,loss\n100,3.5,c4,1024,0.01,3.6\n"
    path = tmp_path / f"runs.{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending == "csv.gz" else text.encode())
    assert refusal(path) == f"{path}: column 'loss' stands there more than once; names must differ"


def test_a_repeated_column_of_a_data_frame_is_refused() -> None:
    twice = pd.concat([TABLE, TABLE[["loss"]]], axis=1)
    assert refusal(twice) == "the data frame: column 'loss' stands there more than once; names must differ"


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_an_empty_file_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(content)
    assert refusal(path).startswith(f"{path}: ")
    assert "empty" in refusal(path)


@pytest.mark.parametrize("name", ["runs.csv", "runs.csv.gz", "runs.parquet"])
def test_a_file_that_does_not_exist_is_named(name: str, tmp_path: Path) -> None:
    assert refusal(str(tmp_path / name)) == f"{tmp_path / name}: no such file; expected CSV, .csv.gz or Parquet"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path}: no such file")


@pytest.mark.parametrize("name", ["runs.txt", "runs.xlsx", "runs", "runs.gz", "runs.csv.zip"])
def test_a_file_with_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(TABLE.to_csv(index=False))
    assert refusal(path) == f"{path}: expected a name that ends in .csv, .csv.gz or .parquet"


LONG = pd.concat([TABLE] * 500, ignore_index=True)


@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused(ending: str, kept: float, tmp_path: Path) -> None:
    path, name = given(LONG.assign(loss=np.sqrt(2 + LONG.index)), ending, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    assert refusal(path).startswith(f"{name}: unreadable or truncated (")


@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
@pytest.mark.parametrize("place", [0, 12, -60, -8])
def test_a_damaged_file_is_refused(ending: str, place: int, tmp_path: Path) -> None:
    path, name = given(LONG.assign(loss=np.sqrt(2 + LONG.index)), ending, tmp_path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place : place + 40] = b"\xff" * len(content[place : place + 40])
    path.write_bytes(content)
    assert refusal(path).startswith(f"{name}: unreadable or truncated (")


@pytest.mark.parametrize("content", [bytes(range(256)) * 8, b"\x00" * 300, b"\x89PNG\r\n\x1a\n" + bytes(range(200))])
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_binary_garbage_is_refused(ending: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"runs.{ending}"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: ")


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(TABLE.replace("pile", "Fülle").to_csv(index=False).encode("latin-1"))
    assert refusal(path).startswith(f"{path}: unreadable or truncated (")


HEADER = "n_params,loss,corpus,context,error\n"


@pytest.mark.parametrize(
    "rows",
    [
        "100,3.5,c4,1024,0.01,7\n200,3.2,c4,1024,0.01,8\n",
        "100,3.5,c4,1024,0.01,7\n200,3.2,c4,1024,0.01\n",
        "100,3.5,c4,1024,0.01\n200,3.2,c4,1024,0.01,8\n",
    ],
    ids=["every row", "the first row", "the last row"],
)
@pytest.mark.filterwarnings("ignore:Length of header or names")
def test_rows_with_more_fields_than_the_header_are_refused(rows: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(HEADER + rows)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert "fields" in message


def test_a_row_with_too_few_fields_lacks_a_value(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(HEADER + "100,3.5,c4,1024,0.01\n200,3.2\n")
    assert refusal(path).startswith(f"{path}: column 'corpus', row 2: ")


def test_every_kind_of_table_gives_equal_runs(tmp_path: Path) -> None:
    expected = read_runs(TABLE, COLUMNS)
    assert len(expected) == 6
    assert expected.source == "the data frame"
    for source in ("csv", "csv.gz", "parquet"):
        path, name = given(TABLE, source, tmp_path)
        for spelling in (path, str(path)):
            runs = read_runs(spelling, COLUMNS)
            pd.testing.assert_frame_equal(runs.table, expected.table)
            assert runs.source == name
            assert runs.references == expected.references
            assert {dim: list(levels) for dim, levels in runs.levels.items()} == {
                "corpus": ["c4", "pile"],
                "context": [1024, 2048, 4096],
            }


def test_numbers_are_read_from_text_to_the_last_bit(tmp_path: Path) -> None:
    losses = np.random.default_rng(0).uniform(1, 4, 500)
    frame = pd.DataFrame({"n_params": np.geomspace(1e6, 1e12, 500), "loss": losses})
    path, _ = given(frame, "csv", tmp_path)
    runs = read_runs(path, Columns({"params": Input("n_params")}))
    np.testing.assert_array_equal(runs.table["response"], losses)
    np.testing.assert_array_equal(runs.table["params"], frame["n_params"])


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(b"\xef\xbb\xbf" + TABLE.to_csv(index=False).encode())
    pd.testing.assert_frame_equal(read_runs(path, COLUMNS).table, read_runs(TABLE, COLUMNS).table)


def test_roles_become_columns_in_the_units_of_the_table() -> None:
    table = read_runs(TABLE, COLUMNS).table
    assert list(table) == ["response", "params", "corpus", "context", "measurement_error"]
    assert list(table["params"]) == [100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0]
    assert list(table["response"]) == list(TABLE["loss"])


def test_another_response_column_is_read() -> None:
    runs = read_runs(TABLE.rename(columns={"loss": "bits"}), columns(response=Response("bits", "bits/byte")))
    assert list(runs.table["response"]) == list(TABLE["loss"])


def test_the_data_frame_of_the_user_stays_as_it_was() -> None:
    frame = TABLE.copy()
    read_runs(frame, columns(where="n_params < 1000"))
    read_runs(frame, COLUMNS)
    pd.testing.assert_frame_equal(frame, TABLE)
    assert frame.attrs == {}


@both_sources
def test_dropped_rows_are_counted(source: str, tmp_path: Path) -> None:
    table, _ = given(TABLE, source, tmp_path)
    assert read_runs(table, COLUMNS).dropped == 0
    runs = read_runs(table, columns(where="n_params < 1000"))
    assert (len(runs), runs.dropped) == (4, 2)
    assert list(runs.levels["context"]) == [1024, 2048]


@pytest.mark.parametrize(
    ("values", "reference"),
    [
        ([100, 200, 400, 800, 1600, 3200], 500.0),
        ([3.0], 2.0),
        ([3.5], 5.0),
        ([8.0], 10.0),
        ([1.3, 1.3], 1.0),
        ([1e9, 4e10], 5e9),
        ([2e-5, 5e-3], 2e-4 * 1.0),
        ([6.9e-3], 5e-3),
        ([8e-3], 1e-2),
    ],
)
def test_a_reference_is_a_round_geometric_mean(values: list[float], reference: float) -> None:
    assert round_reference(pd.Series(values, dtype=float)) == reference


def test_without_a_reference_the_runs_give_one() -> None:
    runs = read_runs(TABLE, columns(inputs={"params": Input("n_params")}))
    assert runs.references == {"params": 500.0}
    assert read_runs(TABLE, columns(inputs={"params": Input("n_params", reference=7.0)})).references == {"params": 7.0}


@pytest.mark.parametrize("reference", [0.0, -1.0, float("nan"), float("inf")])
def test_a_reference_must_be_positive(reference: float) -> None:
    with pytest.raises(InputError, match=r"^the reference of 'n_params' must be a positive number, not "):
        Input("n_params", reference=reference)


@pytest.mark.parametrize("name", ["params", "response", "measurement_error", "run"])
def test_a_group_needs_a_name_of_its_own(name: str) -> None:
    with pytest.raises(InputError, match=rf"^inputs and groups need names of their own; \['{name}'\] is taken$"):
        Columns(COLUMNS.inputs, groups={name: "corpus"})


def test_several_columns_combine_to_a_group() -> None:
    runs = read_runs(TABLE, columns(groups={"both": ("corpus", "context")}))
    assert list(runs.table["both"])[:3] == ["c4 1024", "pile 1024", "c4 2048"]
    assert len(runs.levels["both"]) == 6


def test_different_combinations_are_different_levels() -> None:
    frame = pd.DataFrame({"n_params": [1, 2], "loss": [3.0, 2.0], "model": ["wide", "wide net"], "data": ["net web", "web"]})
    runs = read_runs(frame, Columns(COLUMNS.inputs, groups={"both": ("model", "data")}))
    assert len(runs.levels["both"]) == 2


@pytest.mark.parametrize(("run", "levels"), [("context", [1024, 2048, 4096]), (("corpus", "context"), 6)])
def test_runs_are_a_group_of_their_own(run, levels) -> None:
    runs = read_runs(TABLE, columns(run=run))
    assert "run" in runs.table
    assert levels in (list(runs.levels["run"]), len(runs.levels["run"]))


def test_an_absolute_measurement_error_is_kept() -> None:
    table = read_runs(TABLE, columns(measurement_error=MeasurementError("error", relative=False))).table
    assert list(table["measurement_error"]) == list(TABLE["error"])


def test_a_relative_measurement_error_is_multiplied_by_the_response() -> None:
    table = read_runs(TABLE, COLUMNS).table
    np.testing.assert_allclose(table["measurement_error"], TABLE["error"] * TABLE["loss"], rtol=1e-15)


def test_without_a_measurement_error_there_is_no_column_of_it() -> None:
    assert "measurement_error" not in read_runs(TABLE, columns(measurement_error=None)).table


def test_a_subset_keeps_references_and_counts_what_it_drops() -> None:
    runs = read_runs(TABLE, columns(inputs={"params": Input("n_params")}, where="n_params < 3000"))
    part = subset(runs, "params <= 400 and corpus == 'c4'")
    assert list(part.table["params"]) == [100.0, 400.0]
    assert list(part.table.index) == [0, 1]
    assert part.references == runs.references
    assert list(part.levels["context"]) == [1024, 2048]
    assert (runs.dropped, part.dropped) == (1, 4)
    assert len(runs) == 5


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("n_params < 400", "the data frame: no column 'n_params'; the table has .*did you mean 'params'"),
        ("params < 1", "the data frame: the filter 'params < 1' keeps none of its 6 rows"),
        ("params.real < 1", "'params.real' is not allowed"),
    ],
)
def test_a_subset_that_cannot_be_is_refused(where: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        subset(read_runs(TABLE, COLUMNS), where)


@pytest.mark.parametrize("name", ["n_params", "params"])
def test_points_name_an_input_as_the_file_or_as_the_law(name: str) -> None:
    points = read_points(pd.DataFrame({name: [50, 7000]}), read_runs(TABLE, COLUMNS), [])
    assert list(points) == ["params"]
    assert list(points["params"]) == [50.0, 7000.0]


def test_points_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("n_params,corpus\n50,c4\n7000,pile\n")
    points = read_points(path, read_runs(TABLE, COLUMNS), ["corpus"])
    assert list(points["corpus"]) == ["c4", "pile"]


def test_points_keep_further_groups_they_have() -> None:
    frame = pd.DataFrame({"params": [50, 60], "context": [1024, 9999], "colour": ["red", "blue"]})
    assert list(read_points(frame, read_runs(TABLE, COLUMNS), [])) == ["params", "context"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"params": [50]}, "the points: no column 'corpus'; the table has ['params']"),
        ({"parms": [50], "corpus": ["c4"]}, "the points: no column 'n_params'; the table has ['parms', 'corpus']"),
        ({"params": [50, -1], "corpus": ["c4", "c4"]}, "the points: column 'params', row 2: "),
        ({"params": [50, 60], "corpus": ["c4", None]}, "the points: column 'corpus', row 2: "),
        ({"params": [], "corpus": []}, "the points: no rows"),
    ],
)
def test_wrong_points_are_refused(frame: dict[str, list], said: str) -> None:
    with pytest.raises(InputError) as error:
        read_points(pd.DataFrame(frame), read_runs(TABLE, COLUMNS), ["corpus"])
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_combined_levels_of_points_are_found_however_numbers_are_written() -> None:
    runs = read_runs(TABLE, columns(groups={"both": ("corpus", "context")}))
    for context in ([1024, 2048], [1024.0, 2048.0], ["1024", "2048"]):
        points = read_points(pd.DataFrame({"params": [50, 50], "corpus": ["pile", "c4"], "context": context}), runs, ["both"])
        assert list(runs.levels["both"][level_index(points["both"], runs.levels["both"])]) == ["pile 1024", "c4 2048"]
        assert (level_index(points["both"], runs.levels["both"]) >= 0).all()


def test_points_may_give_the_combined_level_itself() -> None:
    runs = read_runs(TABLE, columns(groups={"both": ("corpus", "context")}))
    points = read_points(pd.DataFrame({"params": [50], "both": ["c4 2048"]}), runs, ["both"])
    assert runs.levels["both"][level_index(points["both"], runs.levels["both"])[0]] == "c4 2048"


@pytest.mark.parametrize(
    "levels", [np.array([1024, 2048]), np.array([1024.0, 2048.0]), np.array(["1024", "2048"], dtype=object)]
)
@pytest.mark.parametrize("label", ["2048", 2048, 2048.0, "2048.0", np.int64(2048), np.float64(2048)])
def test_a_level_is_found_however_its_number_is_written(label, levels: np.ndarray) -> None:
    assert list(level_index(pd.Series([label], dtype=object), levels)) == [1]


@pytest.mark.parametrize("label", [4096, "2048.5", "c4", 20480])
def test_an_unknown_level_has_no_index(label) -> None:
    assert list(level_index(pd.Series([label], dtype=object), np.array([1024, 2048]))) == [-1]


@pytest.mark.parametrize(
    "labels",
    [
        ["c4", "pile"],
        [0.5, 0.25],
        ["1e3", "1000"],
        ["007", "7"],
        ["3e500", "4e500"],
        [2**60, 2**60 + 1],
    ],
    ids=str,
)
def test_each_level_has_an_index_of_its_own(labels: list) -> None:
    frame = pd.DataFrame({"n_params": [1, 2], "loss": [3.0, 2.0], "name": labels})
    runs = read_runs(frame, Columns(COLUMNS.inputs, groups={"name": "name"}))
    assert sorted(level_index(runs.table["name"], runs.levels["name"])) == [0, 1]


def model(**changes) -> Model:
    belief = Prior(median=1.0, factor=2.0)
    parameters = {"a": belief + Varying("corpus", 0.1), "b": belief}
    noise = Noise(belief, effects=(Varying(("corpus", "context"), 0.1),))
    return Model(**({"law": LAWS["power_law"], "parameters": parameters, "noise": noise} | changes))


COMPUTE = {"compute": Input("n_params")}


def test_runs_that_have_what_a_model_needs_pass() -> None:
    check_runs(model(), read_runs(TABLE, columns(inputs=COMPUTE)))


@both_sources
@pytest.mark.parametrize(
    ("where", "group", "level", "owner"),
    [("corpus == 'c4'", "corpus", "'c4'", "a"), ("context == 2048", "context", "2048", "residual")],
)
def test_a_group_with_a_single_level_is_refused(
    source: str, where: str, group: str, level: str, owner: str, tmp_path: Path
) -> None:
    frame = TABLE.rename(columns={group: f"{group}_name"})
    table, name = given(frame, source, tmp_path)
    wanted = columns(
        inputs=COMPUTE, groups=COLUMNS.groups | {group: f"{group}_name"}, where=where.replace(group, f"{group}_name")
    )
    with pytest.raises(InputError) as error:
        check_runs(model(), read_runs(table, wanted))
    message = str(error.value)
    assert message.startswith(f"{name}: group {group!r} (column {group}_name) has the single level ")
    assert re.search(rf"single level {level} ", message)
    assert f"; {owner} varies over it and needs two or more" in message
    assert "\n" not in message


def test_a_group_that_the_runs_lack_is_refused() -> None:
    with pytest.raises(InputError, match=r"^a varies over 'corpus'; the groups of the runs are \['context'\]$"):
        check_runs(model(), read_runs(TABLE, columns(inputs=COMPUTE, groups={"context": "context"})))


def test_other_inputs_than_the_law_reads_are_refused() -> None:
    with pytest.raises(InputError, match=r"^power_law needs inputs \['compute'\]; the table has \['params'\]$"):
        check_runs(model(), read_runs(TABLE, COLUMNS))


def test_values_below_zero_are_kept_where_they_are_meant() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "penalty": [0.0, -0.1, 0.4]})
    columns = Columns(inputs={"x": Input("x")}, response=Response("penalty", "%", positive=False))
    runs = read_runs(frame, columns)
    assert runs.table["response"].tolist() == [0.0, -0.1, 0.4]
    model = Model(power_law_of_x, {"a": Prior(median=1.0, factor=2.0)}, Noise(sd=Prior(median=0.1, factor=2.0)))
    with pytest.raises(InputError, match="positive"):
        check_runs(model, runs)


def power_law_of_x(x, *, a):  # type: ignore[no-untyped-def]
    return a * x


def test_columns_take_the_earlier_name_of_the_measurement_error_and_warn() -> None:
    inputs, error = {"x": Input("x")}, MeasurementError("error")
    with pytest.warns(DeprecationWarning, match=r"^Columns\(reading_error=\.\.\.\) is deprecated: use measurement_error$"):
        columns = Columns(inputs, reading_error=error)
    assert columns == Columns(inputs, measurement_error=error)
    with pytest.warns(DeprecationWarning, match=r"^Columns.reading_error is deprecated: use measurement_error$"):
        assert columns.reading_error is error
    with pytest.warns(DeprecationWarning, match="use measurement_error"):
        assert replace(columns, reading_error=None).measurement_error is None
    assert replace(columns, where="x > 1").measurement_error is error


def test_a_reference_may_be_the_largest_of_the_runs() -> None:
    runs = read_runs(TABLE, columns(inputs={"params": Input("n_params", "M parameters", reference_at="largest")}))
    assert runs.references == {"params": 3200e6}
    with pytest.raises(InputError, match="has a reference, and reference_at = 'largest': give one"):
        Input("n_params", reference=500.0, reference_at="largest")
    with pytest.raises(InputError, match="reference_at"):
        Input("n_params", reference_at="smallest")


BEST = [4.0, 3.5, 3.5, 3.2, 3.2, 3.2, 3.01, 2.93, 2.9, 2.9]
AT = [100.0 * 2**i for i in range(10)]


def best_so_far(loss: list[float], **more: Any) -> Runs:
    inputs = {"params": Input("n", "parameters")}
    return read_runs({"n": AT, "loss": loss} | more, Columns(inputs, run="run" if more else None, best_so_far="params"))


def test_rows_that_repeat_the_best_so_far_are_bounds() -> None:
    runs = best_so_far(BEST)
    assert runs.table["censored"].tolist() == [0, 0, 1, 0, 1, 1, 0, 0, 0, 1]
    assert [note for note in runs.notes if "best so far" in note] == [
        "loss never rises along params, and 4 of 10 rows repeat the one before: they are read as the best so far, of which a "
        "repeat says that a value was no better; what is expected, and predicted, is single values, which lie above it"
    ]
    runs = best_so_far([-1.0 * of + 6.0 for of in BEST])
    assert runs.table["censored"].tolist() == [0, 0, -1, 0, -1, -1, 0, 0, 0, -1]
    assert any("never falls" in note and "which lie below it" in note for note in runs.notes)


def test_the_best_so_far_is_that_of_each_run_from_its_first_row_on() -> None:
    frame = pd.DataFrame({"n": [*AT, *AT], "loss": [*BEST, *BEST[:8], 3.0, 2.9], "run": [*"a" * 10, *"b" * 10]})
    columns = Columns({"params": Input("n", "parameters")}, run="run", best_so_far="params", tail=Tail("params", 0.25))
    runs = read_runs(frame.sample(frac=1, random_state=1), columns)
    assert runs.table.groupby("run")["censored"].sum().to_dict() == {"a": 1, "b": 0}  # b rises once


@pytest.mark.parametrize(
    "loss",
    [
        [*BEST[:9], 2.95],  # it rises
        [4.0, 3.5, 3.5, 3.2, 3.1, 3.05, 3.01, 2.93, 2.9, 2.8],  # a single repeat
        [2.5, 2.5, 2.4, 2.4, 2.3, 2.3, 2.2, 2.2, 2.1, 2.1],  # by rounding: step by step
        [2.5] * 10,
    ],
)
def test_rows_that_may_be_values_are_values(loss: list[float]) -> None:
    assert "censored" not in best_so_far(loss).table


def test_few_rows_or_two_at_one_place_are_no_best_so_far() -> None:
    columns = Columns({"params": Input("n", "parameters")}, best_so_far="params")
    assert "censored" not in read_runs({"n": AT[:7], "loss": BEST[:7]}, columns).table
    twice = [*AT[:9], AT[8]]
    assert "censored" not in read_runs({"n": twice, "loss": [*BEST[:9], 2.85]}, columns).table


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"best_so_far": "tokens"}, "best_so_far needs an input along which rows are ordered"),
        ({"best_so_far": "params", "average": Average("params", 5.0), "run": "run"}, "expected no average"),
        ({"best_so_far": "params", "outputs": ("a", "b")}, "expected no outputs"),
    ],
)
def test_what_the_best_so_far_cannot_be(more: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        Columns({"params": Input("n", "parameters")}, **more)


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        (Tail("params", 0.25), [800, 1600, 3200]),
        (Tail("params", 0.25, at_least=5), [200, 400, 800, 1600, 3200]),
        (Tail("params", 0.25, at_least=9), [100, 200, 400, 800, 1600, 3200]),
    ],
)
def test_rows_are_confined_to_their_tail(tail: Tail, kept: list[int]) -> None:
    runs = read_runs(TABLE.iloc[::-1], columns(tail=tail))
    assert sorted(runs.table["params"]) == kept
    note = f"tail: {6 - len(kept)} rows with params below 0.25 of the largest left out"
    assert [said for said in runs.notes if said.startswith("tail")] == [note][: 6 - len(kept)]


def test_the_tail_is_that_of_each_run() -> None:
    runs = read_runs(TABLE, columns(run="corpus", groups={}, tail=Tail("params", 0.5, at_least=1)))
    assert sorted(runs.table["params"]) == [1600, 3200]
    runs = read_runs(TABLE, columns(run="corpus", groups={}, tail=Tail("params", 0.5, at_least=2)))
    assert sorted(runs.table["params"]) == [400, 800, 1600, 3200]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"along": "tokens", "fraction": 0.1}, "tail needs an input along which rows are ordered"),
        ({"along": "params", "fraction": 1.0}, "fraction"),
        ({"along": "params", "fraction": 0.1, "at_least": 0}, "at_least"),
    ],
)
def test_what_a_tail_cannot_be(wrong: dict[str, object], error: str) -> None:
    with pytest.raises(InputError, match=error):
        columns(tail=Tail(**wrong))


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (["1e3", "1000"], "'1000' and '1e3'"),
        (["True", "true"], "'True' and 'true'"),
        (["01", "1"], "'01' and '1'"),
        (["base", "base "], "'base' and 'base '"),
        (["moe-8", "moe_8", "dense"], "'moe-8' and 'moe_8'"),
        (["1.10", "1.1"], "'1.1' and '1.10'"),
        (["base", "bass"], ""),
        (["12345678901234567890", "12345678901234567891"], ""),
        (["True", "False"], ""),
    ],
)
def test_levels_that_differ_in_spelling_only_are_kept_apart_and_named(labels: list[str], named: str) -> None:
    text = "arch,params,loss\n" + "".join(f"{label},{1e8 * (i + 1)},{3 - i / 10}\n" for i, label in enumerate(labels))
    columns = Columns({"params": Input("params", reference=1e8)}, groups={"arch": "arch"})
    runs = read_runs(io.StringIO(text), columns)
    assert len(runs.levels["arch"]) == len(labels)
    said = [note for note in runs.notes if "differ in spelling only" in note]
    assert len(said) == bool(named)
    assert all(named in note for note in said)


def twice(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 3e9, 4), np.geomspace(2e9, 1e11, 4)))
    loss = 1.7 + 0.4 * (params / 1e9) ** -0.33 + 0.45 * (tokens / 2e10) ** -0.36 + rng.normal(0, 0.004, 16)
    table = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    return pd.concat([table, table], ignore_index=True).assign(**columns)


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "index"])
def test_an_index_that_was_written_along_does_not_make_copies_runs(index: str) -> None:
    columns = Columns({"params": Input("params"), "tokens": Input("tokens")})
    runs = read_runs(io.StringIO(twice(**{index: range(32)}).to_csv(index=False)), columns)
    assert len(runs) == 16
    assert "16 rows are exact copies of earlier ones" in runs.notes[0]
    # As a label that the model reads it tells runs apart.
    if index:
        assert len(read_runs(twice(**{index: range(32)}), replace(columns, run=index))) == 32


def test_rows_with_the_inputs_and_loss_of_others_to_the_last_digit_are_named() -> None:
    columns = Columns({"params": Input("params"), "tokens": Input("tokens")})
    table = twice(seed=np.repeat([0, 1], 16))
    runs = read_runs(table, columns)
    assert len(runs) == 32
    (note,) = runs.notes
    assert note.startswith(
        "16 rows have the inputs and the loss of earlier ones to the last digit, as row 17 has those of row 1"
    )
    assert "differ in column 'seed' only" in note
    one = read_runs(table.iloc[:17], columns).notes
    assert "1 row has the inputs and the loss of an earlier one to the last digit" in one[0]
    # Seeds may tie where losses have three digits.
    assert not any("to the last digit" in of for of in read_runs(table.assign(loss=table["loss"].round(2)), columns).notes)


def test_runs_take_the_references_that_priors_are_at_unless_they_say_others() -> None:
    table = pd.DataFrame({"params": [1e7, 1e8, 1e9], "tokens": [1e9, 1e10, 1e11], "loss": [4.0, 3.5, 3.2]})
    inputs = {"params": Input("params"), "tokens": Input("tokens", "tokens", 2e10)}
    runs = read_runs(table, Columns(inputs, Response("loss")))
    moved = with_references(runs, {"params": Reference(1, "B parameters"), "tokens": Reference(2e10), "steps": Reference(5.0)})
    assert dict(moved.references) == {"params": 1e9, "tokens": 2e10}
    assert moved.columns.inputs["params"].reference == 1e9
    assert with_references(runs, references_of(runs)) is runs
    with pytest.raises(InputError, match=r"priors are at 1B of 'tokens'.*the reference 20B tokens"):
        with_references(runs, {"tokens": Reference(1e9)})


@pytest.mark.parametrize("column", ["params", "tokens"])
@pytest.mark.parametrize(("cell", "why"), [(None, "missing"), ("Total", "text")])
def test_cells_of_inputs_that_a_filter_compares_are_named(column: str, cell: str | None, why: str) -> None:
    table = pd.DataFrame({"params": [1e8, 2e8, 4e8], "tokens": [2e9, 4e9, 8e9], "loss": [3.4, 3.2, 3.0]}).astype(object)
    table.loc[1, column] = cell
    columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}, where="tokens > 0.45 * params")
    with pytest.raises(bs.InputError, match=rf"column '{column}', row 2: .* is {why}; expected a number"):
        bs.read_runs(table, columns)


def test_errors_in_the_cells_of_losses_go_in_a_column_of_their_own() -> None:
    table = {"params": [1e8, 2e8], "loss": ["3.41 ± 0.01", "3.22 ± 0.01"]}
    with pytest.raises(
        bs.InputError, match=r"its error goes in a column of its own, which measurement_error under \[data\] names"
    ):
        bs.read_runs(table, bs.Columns({"params": bs.Input("params")}))


def test_a_unit_that_counts_no_parameters_is_noted() -> None:
    table = {"params": [1e8, 2e8], "loss": [3.4, 3.2]}
    runs = bs.read_runs(table, bs.Columns({"params": bs.Input("params", "bananas")}))
    assert any("the unit of params is given as 'bananas'" in note for note in runs.notes)
