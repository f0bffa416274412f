"""Tables come through one door: whatever holds one, however it is written, is read right or refused in one line."""

import ast
import datetime
import gzip
import io
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from by_hand import CLEAN, fit_of
from pyarrow import parquet

import bayes_scaling as bs
from bayes_scaling._base.expressions import quoted_name
from bayes_scaling._base.filters import parse_filter
from bayes_scaling._base.notation import decimal_marks, read_numbers
from bayes_scaling.data import delimited
from bayes_scaling.data.binning import bin_means
from bayes_scaling.data.columns import Average, Curve, MeasurementError
from bayes_scaling.data.labels import level_index, ordered_levels
from bayes_scaling.data.points import read_points
from bayes_scaling.data.runs import Runs, concat_runs, subset
from bayes_scaling.data.tables import read_table
from bayes_scaling.decisions.design.ranked import NextRuns
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.validation.splits import folds

CASES = Path(__file__).parents[1] / "cases"
PACKAGE = Path(bs.__file__).parent
TABLE = pd.DataFrame(
    {
        "arch": ["a", "b", "a", "b"],
        "params": [1e8, 2e8, 4e8, 8e8],
        "tokens": [2e9, 4e9, 8e9, 1.6e10],
        "loss": [3.5125, 3.25, 3.1, 2.9875],
    }
)
INPUTS = {"params": bs.Input("params"), "tokens": bs.Input("tokens")}
COLUMNS = bs.Columns(INPUTS, groups={"arch": "arch"})
ONE = {"n": bs.Input("n", reference=1.0)}


def refusal(table: Any, columns: bs.Columns = COLUMNS) -> str:
    with pytest.raises(bs.InputError) as error:
        bs.read_runs(table, columns)
    assert "\n" not in str(error.value)
    return str(error.value)


class Foreign:
    """A table of another library, known by Arrow's interface alone."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = pa.Table.from_pandas(table)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Older:
    """A table of another library that knows its own way to pandas."""

    def to_pandas(self) -> pd.DataFrame:
        return TABLE


class Pipe:
    """A stream that can be read once."""

    def __init__(self, content: str) -> None:
        self.read = io.StringIO(content).read


def as_parquet(table: pd.DataFrame) -> bytes:
    held = io.BytesIO()
    table.to_parquet(held)
    return held.getvalue()


CSV = TABLE.to_csv(index=False)
DOORS = {
    "frame": lambda: TABLE,
    "nullable frame": lambda: TABLE.convert_dtypes(),
    "frame of arrow": lambda: TABLE.convert_dtypes(dtype_backend="pyarrow"),
    "categories": lambda: TABLE.assign(arch=TABLE["arch"].astype("category"), params=TABLE["params"].astype("category")),
    "index with names": lambda: TABLE.set_index(["arch", "params"]),
    "frame of texts": lambda: TABLE.astype(str),
    "columns": lambda: TABLE.to_dict("list"),
    "arrays": lambda: {name: TABLE[name].to_numpy() for name in TABLE},
    "series": lambda: {name: TABLE[name].iloc[::-1].set_axis(range(3, -1, -1)).sort_index() for name in TABLE},
    "records": lambda: TABLE.to_dict("records"),
    "records of texts": lambda: TABLE.astype(str).to_dict("records"),
    "structured array": lambda: TABLE.to_records(index=False),
    "dataset": lambda: TABLE.to_xarray(),
    "arrow": lambda: pa.Table.from_pandas(TABLE),
    "arrow batch": lambda: pa.RecordBatch.from_pandas(TABLE),
    "arrow by interface": lambda: Foreign(TABLE),
    "own way to pandas": lambda: Older(),
    "text stream": lambda: io.StringIO(CSV),
    "byte stream": lambda: io.BytesIO(CSV.encode()),
    "packed stream": lambda: io.BytesIO(gzip.compress(CSV.encode())),
    "parquet stream": lambda: io.BytesIO(as_parquet(TABLE)),
    "pipe": lambda: Pipe(CSV),
    "decimals": lambda: TABLE.assign(loss=[Decimal(str(of)) for of in TABLE["loss"]]),
    "fractions": lambda: TABLE.assign(loss=[Fraction(str(of)) for of in TABLE["loss"]]),
}


@pytest.mark.parametrize("door", DOORS)
def test_whatever_holds_a_table_gives_the_same_runs(door: str) -> None:
    runs, expected = bs.read_runs(DOORS[door](), COLUMNS), bs.read_runs(TABLE, COLUMNS)
    pd.testing.assert_frame_equal(runs.table, expected.table)
    assert list(runs.levels["arch"]) == ["a", "b"]
    assert runs.notes == ()
    if door != "pipe":
        points = read_points(DOORS[door](), expected, ["arch"])
        pd.testing.assert_frame_equal(points, expected.table[["params", "tokens", "arch"]])


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "tsv.gz", "parquet", "pq"])
def test_paths_are_read_by_their_ending(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"runs.{ending}"
    text = TABLE.to_csv(index=False, sep="\t" if "tsv" in ending else ",").encode()
    path.write_bytes(as_parquet(TABLE) if ending[0] == "p" else gzip.compress(text) if "gz" in ending else text)
    for spelling in (path, str(path)):
        runs = bs.read_runs(spelling, COLUMNS)
        pd.testing.assert_frame_equal(runs.table, bs.read_runs(TABLE, COLUMNS).table)
        assert runs.notes == ()


def test_one_record_is_one_row_and_single_values_go_for_all() -> None:
    runs = bs.read_runs(TABLE, COLUMNS)
    assert read_points({"params": 1e9, "tokens": 2e10}, runs, [])["params"].tolist() == [1e9]
    points = read_points({"params": [1e9, 2e9], "tokens": 2e10, "arch": "b"}, runs, ["arch"])
    assert points["tokens"].tolist() == [2e10, 2e10]
    assert points["arch"].tolist() == ["b", "b"]


def test_a_stream_is_left_as_it_was_and_read_from_where_it_stands() -> None:
    stream = io.StringIO("what came before\n" + CSV)
    stream.readline()
    for _ in range(2):
        assert len(bs.read_runs(stream, COLUMNS)) == 4


@pytest.mark.parametrize("many", [lambda: [TABLE, TABLE.assign(loss=2.0)], lambda: [TABLE.to_dict("list"), Foreign(TABLE * 1)]])
def test_several_tables_of_any_kind_are_read_one_after_the_other(many: Any) -> None:
    tables = many()
    assert len(bs.read_runs(tables, COLUMNS)) == (8 if isinstance(tables[0], pd.DataFrame) else 4)


NO_TABLES = {
    "address": ("https://example.org/runs.csv", "nothing is read from the network"),
    "bucket": ("s3://bucket/runs.parquet", "nothing is read from the network"),
    "text": (CSV, "give a text of several lines as io.StringIO"),
    "series": (TABLE["loss"], "cannot be read from Series"),
    "array": (TABLE.to_numpy(), "cannot be read from ndarray"),
    "number": (3, "cannot be read from int"),
    "nothing": (None, "cannot be read from NoneType"),
    "bytes": (CSV.encode(), "cannot be read from bytes"),
    "numbers": ([1, 2], "cannot be read from int"),
    "no tables": ([], "no table is given"),
    "unequal": ({"params": [1, 2], "tokens": [1]}, "columns have {'params': 2, 'tokens': 1} rows"),
    "no rows": (TABLE.iloc[:0], "it has no rows"),
    "a header": (io.StringIO("arch,params,tokens,loss\n"), "it has no rows"),
    "no columns": ({}, "it has no rows"),
    "empty stream": (io.StringIO(""), "the file is empty"),
    "two levels of names": (pd.concat({"x": TABLE}, axis=1), "columns have names of 2 levels"),
    "names twice": (TABLE.assign(x=1).rename(columns={"x": "loss"}), "column 'loss' stands there more than once"),
    "1 and '1'": (TABLE.rename(columns={"arch": 1}).assign(**{"1": 1}), "column '1' stands there more than once"),
    "arrow names twice": (pa.table([pa.array([1.0])] * 2, names=["loss", "loss"]), "column 'loss' stands there more than once"),
}


@pytest.mark.parametrize("case", NO_TABLES)
def test_what_is_no_table_is_refused_in_one_line(case: str) -> None:
    table, said = NO_TABLES[case]
    assert said in refusal(table)


def test_names_that_are_not_text_are_their_text() -> None:
    runs = bs.read_runs(TABLE.set_axis([0, 1, 2, 3], axis=1), bs.Columns({"x": bs.Input("1")}, bs.Response("3")))
    assert runs.table["x"].tolist() == TABLE["params"].tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", [".", ","])
def test_separators_encodings_and_decimal_marks_are_seen_and_said(encoding: str, separator: str, mark: str) -> None:
    table = TABLE.assign(arch=["Fülle", "b;c", "Fülle", "b;c"])
    content = table.to_csv(index=False, sep=separator, decimal=mark).encode(encoding)
    runs = bs.read_runs(io.BytesIO(content), COLUMNS)
    pd.testing.assert_frame_equal(runs.table, bs.read_runs(table, COLUMNS).table)
    said = " ".join(runs.notes)
    assert ("is in UTF" in said) == encoding.startswith(("utf-16", "utf-32"))
    assert ("is split at" in said) == (separator != ",")
    assert ("column 'loss' of the stream has decimal commas: '3,5125' is read as 3.5125" in said) == (mark == ",")


def test_a_spreadsheet_may_say_its_separator() -> None:
    assert len(bs.read_runs(io.StringIO("sep=;\n" + TABLE.to_csv(index=False, sep=";")), COLUMNS)) == 4


TEXTS = {
    "two separators": ("a;b,c\n1;2,3\n", "the header has ',' and ';'"),
    "no UTF-8": ("arch,params,tokens,loss\nFülle,1,2,3\n".encode("latin-1"), "byte 0xfc in line 2 is no UTF-8"),
    "binary": (bytes(range(256)), "is no UTF-8"),
    "zeros": (b"\0" * 64, "NUL"),
    "long rows": ("arch;params\na;1\nb;2;3\n", "line 3 has 3 fields, split at ';'; rows have more fields than the header"),
    "an open quote": ('arch,params\n"a,1\nb,2\n', "has a quote that is not closed, or the file was cut"),
    "broken gzip": (gzip.compress(CSV.encode())[:-9], "unreadable or truncated"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_that_are_no_tables_say_what_was_seen(case: str) -> None:
    content, said = TEXTS[case]
    assert said in refusal(io.BytesIO(content if isinstance(content, bytes) else content.encode()))


def test_columns_without_a_name_and_a_cell_are_none() -> None:
    text = "".join(f"{line};;\n" for line in TABLE.to_csv(index=False, sep=";").splitlines())
    assert list(read_table(io.StringIO(text))) == list(TABLE)


READ: list[tuple[list[str], str | None, list[float], str]] = [
    (["1", "2.5", "1e9", "-.5"], None, [1, 2.5, 1e9, -0.5], ""),
    (["1", "inf", "-Infinity"], None, [1, np.inf, -np.inf], ""),
    (["1,5", "2", "1,25e3"], None, [1.5, 2, 1250], "decimal commas"),
    (["0,123", "0,125"], None, [0.123, 0.125], "decimal commas"),
    (["1,234", "1234,5"], None, [1.234, 1234.5], "decimal commas"),
    (["1,234", "1,234,567"], None, [1234, 1234567], "',' between thousands"),
    (["1,234", "1,234.5"], None, [1234, 1234.5], "',' between thousands"),
    (["1,234", "2.5"], None, [1234, 2.5], "',' between thousands"),
    (["1.234", "1.234.567"], None, [1234, 1234567], "'.' between thousands"),
    (["1.234", "1.234,5"], None, [1234, 1234.5], "'.' between thousands and decimal commas"),
    (["1.234", "2.345"], None, [1.234, 2.345], ""),
    (["1.234", "2.345"], ".", [1.234, 2.345], ""),
    (["1.234", "2.345"], ",", [1234, 2345], "'.' between thousands"),
    (["3,912", "2,875"], ",", [3.912, 2.875], "decimal commas"),
    (["3,912", "2,875"], ".", [3912, 2875], "',' between thousands"),
    (["1 234", "1\u202f234\u202f567", "12"], None, [1234, 1234567, 12], "between thousands"),
    (["1 234,5", "1 234"], None, [1234.5, 1234], "decimal commas"),
    (["1'234.5", "1_000"], None, [1234.5, 1000], "between thousands"),
    (["1.5B", "410M", "70k", "2 T", "0"], None, [1.5e9, 4.1e8, 7e4, 2e12, 0], "the suffix 'B'"),
    (["0.41M", "3.17M"], None, [410_000, 3_170_000], "'0.41M' is read as 410000"),
    (["1,5B", "7B"], None, [1.5e9, 7e9], "decimal commas and the suffix 'B'"),
    (["32k", "128K"], None, [32_000, 128_000], "the suffix 'k'"),
    (["45 %", "2%"], None, [0.45, 0.02], "the suffix '%'"),
    (["1", "", " NA ", "null", "2"], None, [1, np.nan, np.nan, np.nan, 2], ""),
]


@pytest.mark.parametrize(("cells", "elsewhere", "numbers", "odd"), READ, ids=str)
def test_numbers_as_people_write_them(cells: list[str], elsewhere: str | None, numbers: list[float], odd: str) -> None:
    found = read_numbers(cells, elsewhere)
    assert found.doubt is None
    np.testing.assert_array_equal(found.numbers, np.array(numbers, dtype=float))
    assert odd in found.odd
    assert bool(odd) == bool(found.odd)


DOUBTED: list[tuple[list[str], str | None, int, str]] = [
    (["1,234", "2,345"], None, 0, "may be 1.234 or 1234"),
    (["12", "1,234M"], None, 1, "may be 1234000 or 1234000000"),
    (["3.25", "1,5"], None, 1, "has another decimal mark than '3.25', and is text"),
    (["100", "1,5"], ".", 1, "where other columns have decimal points"),
    (["1.234", "1,234"], None, 1, "may be"),
    (["1.234.567", "1,234,567"], None, 0, "has another decimal mark than '1,234,567'"),
    (["7B", "70"], None, 1, "has no suffix"),
    (["5m"], None, 0, "has the suffix 'm'"),
    (["12E"], None, 0, "has the suffix 'E'"),
    (["5 %", "5k"], None, 0, "is per cent, where others are not"),
]


@pytest.mark.parametrize(("cells", "elsewhere", "row", "why"), DOUBTED, ids=str)
def test_numbers_in_doubt_are_not_guessed(cells: list[str], elsewhere: str | None, row: int, why: str) -> None:
    found = read_numbers(cells, elsewhere)
    assert found.doubt is not None
    assert found.doubt[0] == row
    assert why in found.doubt[1]
    message = refusal({"n": cells, "loss": ["2"] * len(cells)}, bs.Columns(ONE)) if elsewhere is None else ""
    assert elsewhere or f"column 'n', row {row + 1}: {cells[row]!r} {found.doubt[1]}; expected a number" in message


@pytest.mark.parametrize(
    "cell", ["1/2", "~7", "<1", "1.2.3", "1,23,4", "1,2345,678", "12 34", "0x10", "1-2", "--1", "3,", "e5"][:-2]
)
def test_what_is_no_number_is_text(cell: str) -> None:
    assert np.isnan(read_numbers([cell]).numbers).all()
    assert "is text; expected a number" in refusal({"n": [cell], "loss": ["2"]}, bs.Columns(ONE))


def test_other_columns_tell_what_a_comma_is() -> None:
    columns = bs.Columns(ONE)
    assert bs.read_runs(io.StringIO("n;loss\n1,5;3,912\n2,5;3,642\n"), columns).table["response"].tolist() == [3.912, 3.642]
    assert bs.read_runs(io.StringIO('n,loss\n"1,234",3.21\n"2,345",3.1\n'), columns).table["n"].tolist() == [1234, 2345]
    assert "may be 3.912 or 3912" in refusal(io.StringIO("n;loss\n100;3,912\n200;3,642\n"), columns)
    # Labels look like numbers, and say nothing of how numbers are written.
    text = "n;loss;version\n1,5;3,912;1.10\n2,5;3,642;1.1\n"
    assert bs.read_runs(io.StringIO(text), bs.Columns(ONE, groups={"version": "version"})).table["n"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("steps", ["125.000;2.000", "1.250;320", "125.000;NA"])
def test_where_the_comma_is_the_decimal_mark_a_point_between_three_digits_is_one_of_thousands(steps: str) -> None:
    first, second = steps.split(";")
    runs = bs.read_runs(io.StringIO(f"n;loss\n{first};3,91\n{second.replace('NA', '64.000')};3,52\n"), bs.Columns(ONE))
    assert runs.table["n"].tolist() == [float(of.replace(".", "").replace("NA", "64000")) for of in (first, second)]
    assert any("'.' between thousands" in note for note in runs.notes)
    # Decimal points beside decimal commas: a table of two minds, and refused.
    with pytest.raises(bs.InputError, match="with a decimal comma, where other columns have decimal points, is text"):
        bs.read_runs(io.StringIO("n;loss;lr\n1.250;3,91;0.001\n2.500;3,52;0.002\n"), bs.Columns({**ONE, "lr": bs.Input("lr")}))


def test_decimal_marks_of_columns_that_settle_one() -> None:
    columns = {"comma": ["1,5", "2"], "either": ["1.234"], "names": ["x", "1.5"], "row": ["1.5B", ""], "both": ["1,5", "1.5"]}
    assert decimal_marks(columns) == {"comma": ",", "row": "."}


def test_per_cent_is_kept_in_a_column_of_per_cent() -> None:
    text = "n,error\n1,45 %\n2,40 %\n"
    shares = bs.read_runs(io.StringIO(text), bs.Columns(ONE, bs.Response("error", "")))
    kept = bs.read_runs(io.StringIO(text), bs.Columns(ONE, bs.Response("error", "%")))
    assert shares.table["response"].tolist() == [0.45, 0.4]
    assert kept.table["response"].tolist() == [45, 40]
    assert "'45 %' is read as 0.45" in shares.notes[0]


def test_a_sheet_with_suffixes_is_read_and_said() -> None:
    columns = bs.Columns({"params": bs.Input("Params(M)")}, bs.Response("Val Loss (1 epoch)"), where="`Val Loss (1 epoch)` < 1")
    runs = bs.read_runs(CASES / "sheet_with_suffixes.csv", columns)
    assert runs.table["params"].tolist() == [410_000, 3_170_000, 10_660_000]
    assert runs.notes == (
        f"column 'Params(M)' of {CASES / 'sheet_with_suffixes.csv'} has the suffix 'M': '0.41M' is read as 0.41",
        "column 'Params(M)' counts in M parameters, as its name says: converted to parameters",
    )


def test_suffixes_are_read_in_filters_and_points_too() -> None:
    runs = bs.read_runs({"n": ["1.5B", "70M"], "loss": [2.0, 3.0]}, bs.Columns(ONE, where="n > 1e8"))
    assert runs.table["n"].tolist() == [1.5e9]
    points = read_points({"n": ["1.5B", "70M"]}, runs, [])
    assert points["n"].tolist() == [1.5e9, 7e7]
    assert points.attrs["notes"] == (
        "column 'n' of the points has the suffix 'B' and the suffix 'M': '1.5B' is read as 1500000000, "
        "'70M' is read as 70000000",
    )


LABELS: list[tuple[list[str], list[object]]] = [
    (["1.10", "1.1", "1.2"], ["1.1", "1.10", "1.2"]),
    (["008", "8"], ["008", "8"]),
    (["12e5", "120e4"], ["120e4", "12e5"]),
    (["7", "007"], ["007", "7"]),
    (["None", "NA", "null", "nan", "NaN", "inf", "True"], ["NA", "NaN", "None", "True", "inf", "nan", "null"]),
    (["10", "9"], [9, 10]),
    (["0.5", "0.25"], [0.25, 0.5]),
    (["1.0", "2.0", "10.0"], ["1.0", "2.0", "10.0"]),
    (["1", "0.5", "10"], ["0.5", "1", "10"]),
    (["10", "9", "x"], ["10", "9", "x"]),
    (["1e3", "1000"], ["1000", "1e3"]),
    (["-1", "-0", "0"], ["-1", "-0", "0"]),
    (["true", "FALSE"], ["FALSE", "true"]),
    (["1152921504606846976", "1152921504606846977"], ["1152921504606846976", "1152921504606846977"]),
    (["a b", " a b"], [" a b", "a b"]),
]


def labelled_csv(labels: list[str]) -> io.StringIO:
    return io.StringIO("label,n,loss\n" + "".join(f"{label},{i + 1},{3 - 0.1 * i}\n" for i, label in enumerate(labels)))


@pytest.mark.parametrize(("labels", "levels"), LABELS, ids=str)
def test_labels_are_text_as_written_unless_they_are_numbers_as_programs_write_them(
    labels: list[str], levels: list[object]
) -> None:
    runs = bs.read_runs(labelled_csv(labels), bs.Columns(ONE, groups={"label": "label"}))
    assert list(runs.levels["label"]) == levels
    assert list(level_index(pd.Series(labels), runs.levels["label"])) == [
        [str(of) for of in levels].index(one) for one in labels
    ]
    for i, label in enumerate(labels):
        part = subset(runs, f"label == {label!r}")
        assert part.table["n"].tolist() == [i + 1]
        assert subset(runs, f"label != {label!r}").table["n"].tolist() == [j + 1 for j in range(len(labels)) if j != i]
        points = read_points(labelled_csv([label]), runs, ["label"])
        assert (
            runs.levels["label"][level_index(points["label"], runs.levels["label"])[0]]
            == levels[[str(of) for of in levels].index(label)]
        )
    assert [fold.held["n"].tolist() for fold in folds(runs, ["label"])] == [
        [labels.index(str(level)) + 1.0] for level in levels
    ]
    again = concat_runs(runs, runs)
    assert list(again.levels["label"]) == levels


@pytest.mark.parametrize(
    ("labels", "levels"),
    [
        ([7.0, 12.0], [7, 12]),
        (np.array([7, 12], dtype="int32"), [7, 12]),
        (pd.array([7, 12], dtype="Int64"), [7, 12]),
        ([0.5, 7.0], [0.5, 7.0]),
        ([True, False], ["False", "True"]),
        (["7", "12"], ["7", "12"]),
        (pd.Series([12, "x"], dtype=object), ["12", "x"]),
        (pd.Series([12, 7], dtype=object), [7, 12]),
        (pd.Categorical(["b", "a"]), ["a", "b"]),
        (pd.to_datetime(["2026-01-02", "2026-01-01"]), ["2026-01-01 00:00:00", "2026-01-02 00:00:00"]),
        ([10**30, 1], ["1", str(10**30)]),
    ],
    ids=str,
)
def test_labels_of_data_frames(labels: Any, levels: list[object]) -> None:
    runs = bs.read_runs(
        pd.DataFrame({"n": [1, 2], "loss": [3.0, 2.0], "label": labels}), bs.Columns(ONE, groups={"label": "label"})
    )
    assert list(runs.levels["label"]) == levels


@pytest.mark.parametrize(
    ("levels", "label", "found"),
    [
        ([7, 12], "7", 0),
        ([7, 12], "7.0", 0),
        ([7, 12], 7.0, 0),
        ([7, 12], "07", -1),
        (["7", "12"], 7, 0),
        (["7", "12"], 7.0, 0),
        (["7", "7.0"], "7.0", 1),
        (["7", "7.0"], 7, 0),
        (["1.0", "2.0"], 1, 0),
        (["1.0", "2.0"], "1", 0),
        (["1.10", "1.2"], "1.1", -1),
        (["1.10", "1.2"], 1.1, -1),
        (["1.1", "1.10"], 1.1, 0),
        (["007", "8"], 7, -1),
        (["12e5", "x"], "120e4", -1),
        (["1e20", "1e21"], 1e20, 0),
        (["1e20", "1e21"], "100000000000000000000", -1),
        (["True", "False"], True, 0),
        (["True", "1"], 1, 1),
        (["nan", "x"], "nan", 0),
        (["x", "y"], "z", -1),
        (["x", "7"], "z", -1),
        ([0.1, 0.25], "0.1", 0),
    ],
)
def test_a_level_is_found_by_number_and_text_alike(levels: list[object], label: object, found: int) -> None:
    array = np.array(levels, dtype=object if isinstance(levels[0], str) else None)
    assert list(level_index(pd.Series([label], dtype=object), array)) == [found]


def test_levels_stand_in_their_natural_order() -> None:
    assert list(ordered_levels(pd.Series(["10", "9", "1.5", "1e1"]))) == ["1.5", "9", "10", "1e1"]
    assert list(ordered_levels(pd.Series([10, 9, 100]))) == [9, 10, 100]
    assert list(ordered_levels(pd.Series(["b10", "b9"]))) == ["b10", "b9"]


@pytest.mark.parametrize("cell", ["", "  "])
def test_a_blank_label_is_missing(cell: str) -> None:
    columns = bs.Columns(ONE, groups={"label": "label"})
    for table in (labelled_csv(["a", cell]), {"n": [1, 2], "loss": [3.0, 2.0], "label": ["a", cell]}):
        assert re.search(r"column 'label', row 2: .* is missing; expected a level", refusal(table, columns))


def test_rows_that_a_filter_drops_may_lack_a_label() -> None:
    text = "label,n,loss\n7,1,3.0\n,2,2.5\n12,4,2.0\n"
    runs = bs.read_runs(io.StringIO(text), bs.Columns(ONE, groups={"label": "label"}, where="n != 2"))
    assert list(runs.levels["label"]) == [7, 12]
    assert runs.table["label"].dtype == "int64"


def versions(health: Any = CLEAN) -> bs.Fit:
    study = bs.read_study(CASES / "versions3.toml")
    runs, rng = study_runs(study), np.random.default_rng(2)
    draws = {name: np.full((2, 50), of) for name, of in {"E": 1.8, "A": 0.8, "alpha": 0.3, "noise_sd": 0.01}.items()}
    draws |= {"E_sd_arch": np.full((2, 50), 0.1), "E_by_arch": rng.normal([0.07, 0.0, 0.03], 1e-4, (2, 50, 3))}
    return fit_of(study.model, runs, draws, health, {"E_by_arch": ("arch",)})


def test_versions_1_10_and_1_1_are_two_in_every_answer(tmp_path: Path) -> None:
    fit = versions()
    assert list(fit.runs.levels["arch"]) == ["1.1", "1.10", "1.2"]
    (tmp_path / "points.csv").write_text("arch,params\n1.10,1e9\n1.1,1e9\n1.3,1e9\n", encoding="utf-8")
    table = summarize_at(fit, tmp_path / "points.csv")
    assert table["arch"].tolist() == ["1.10", "1.1", "1.3"]
    mean = table["mean"].to_numpy()
    assert mean[1] / mean[0] == pytest.approx(np.exp(0.07) * 1.8 / 1.8, abs=0.03)
    assert mean[0] < mean[1]
    penalty = bs.contrast(fit, "arch", "1.10", "1.1", {"params": 1e9})["difference"]
    assert float(penalty.mean()) == pytest.approx(mean[0] - mean[1], rel=1e-9)
    with pytest.raises(bs.InputError, match=r"group 'arch' has no level '1\.100'; its levels are \['1\.1', '1\.10', '1\.2'\]"):
        bs.contrast(fit, "arch", "1.100", "1.1", {"params": 1e9})
    bs.save(fit, tmp_path / "fit.nc")
    loaded = bs.load(tmp_path / "fit.nc")
    assert list(loaded.runs.levels["arch"]) == ["1.1", "1.10", "1.2"]
    pd.testing.assert_frame_equal(summarize_at(loaded, tmp_path / "points.csv"), table)


@pytest.mark.parametrize("levels", [[7, 12], [7.0, 12.0], ["12", "7"], ["NA", "nan"]])
def test_fits_of_any_levels_are_loaded_as_they_were_drawn(levels: list[Any], tmp_path: Path) -> None:
    table = pd.DataFrame({"arch": levels * 2, "params": [1e8, 2e8, 4e8, 8e8], "loss": [3.0, 2.9, 2.7, 2.6]})
    study = bs.read_study(CASES / "versions3.toml")
    runs = bs.read_runs(table, study.columns)
    # Files of older versions have whole numbers as floats where a table did, and texts in the order of letters.
    old = Runs(table.rename(columns={"loss": "response"}), runs.columns, runs.references, {"arch": np.array(levels)}, "old")
    draws = {name: np.full((2, 50), of) for name, of in {"E": 1.8, "A": 0.8, "alpha": 0.3, "noise_sd": 0.01}.items()}
    draws |= {"E_sd_arch": np.full((2, 50), 0.1), "E_by_arch": np.tile([0.0, 0.5], (2, 50, 1))}
    bs.save(fit_of(study.model, old, draws, CLEAN, {"E_by_arch": ("arch",)}), tmp_path / "fit.nc")
    loaded = bs.load(tmp_path / "fit.nc")
    assert [str(of) for of in loaded.runs.levels["arch"]] == [str(of) for of in levels]
    means_of = summarize_at(loaded, {"arch": [str(of) for of in levels], "params": 1e8})["mean"]
    assert means_of[1] > 1.3 * means_of[0]
    pd.testing.assert_series_equal(summarize_at(loaded, {"arch": levels, "params": 1e8})["mean"], means_of)


FILTERED = pd.DataFrame(
    {
        "n": [1, 2, 4, 8],
        "loss": [3.0, 2.9, 2.8, 2.7],
        "eval/loss": [3.0, 2.5, np.nan, 2.2],
        "version": ["1.10", "1.1", "1.2", "2"],
        "width": [7, 8, 16, 32],
        "flag": ["True", "false", "TRUE", "False"],
        "_step": [1, 2, 3, 4],
        "and": ["x", "y", "x", "y"],
        "a  b": [1, 1, 2, 2],
        "über": [1, 2, 3, 4],
        "it's": [1, 2, 3, 4],
    }
)
KEPT = {
    "`eval/loss` < 3": [2, 8],
    "`eval/loss` > 0 and n < 8": [1, 2],
    "not `eval/loss` < 3": [1, 4],
    "`eval/loss` / 2 < 1.2": [8],
    "log(`eval/loss`) < 1": [2, 8],
    "`_step` > 2": [4, 8],
    "`and` == 'x'": [1, 4],
    "`a  b` == 2": [4, 8],
    "`über` in [1, 2]": [1, 2],
    "`it's` >= 3": [4, 8],
    "`n` < `width` / 3": [1, 2, 4, 8],
    "version == '1.10'": [1],
    "version == '1.1'": [2],
    "version != '1.1'": [1, 4, 8],
    "version in ['1.1', '2']": [2, 8],
    "version not in ['1.1', '2']": [1, 4],
    "version in [2]": [8],
    "version == 2": [8],
    "version < 1.15": [1, 2],
    "version > '1.1'": [1, 4, 8],
    "version == version": [1, 2, 4, 8],
    "width == 7": [1],
    "width == '7'": [1],
    "width == '7.0'": [1],
    "width in ['7', 8]": [1, 2],
    "'7' == width": [1],
    "width != '7'": [2, 4, 8],
    "flag == True": [1, 4],
    "flag == 'True'": [1],
    "version == 'a  b' or n > 1": [2, 4, 8],
    "'a`b' == version or n > 2": [4, 8],
    "n > 1 and\n  n < 8": [2, 4],
}


@pytest.mark.parametrize("source", ["csv", "frame", "rows"])
@pytest.mark.parametrize("where", KEPT)
def test_filters_name_any_column_and_compare_numbers_by_value_and_text_as_written(where: str, source: str) -> None:
    if source == "rows":
        assert FILTERED.loc[parse_filter(where)(FILTERED), "n"].tolist() == KEPT[where]
        return
    table = FILTERED if source == "frame" else io.StringIO(FILTERED.to_csv(index=False))
    assert bs.read_runs(table, bs.Columns(ONE, where=where)).table["n"].tolist() == KEPT[where]


REFUSED = {
    "eval/loss > 0 and n > 2": "no column 'eval'; in a filter the column 'eval/loss' is written in back-ticks: `eval/loss`",
    "a  b == 2": "a column whose name is no plain word goes in back-ticks",
    "_step > 2": "others in back-ticks",
    "`eval/loss": "is not an expression",
    "`nope` > 1": "no column 'nope'",
    "`` > 1": "no column ''",
    "version == 1.1": "'1.10' and '1.1' of column 'version' are both 1.1; put the one that is meant in quotes",
    "width < '9'": "compares values of different types",
    "flag < 3": "column 'flag', row 1: 'True' with a number",
    "width in [width, 7]": "`in` with a list of numbers and quoted texts",
    "version in [version, '2']": "`in` with a list of numbers and quoted texts",
    "n in []": "keeps none of its 4 rows",
}


@pytest.mark.parametrize("where", REFUSED)
def test_filters_that_cannot_be_are_refused_in_one_line(where: str) -> None:
    def read() -> Runs:
        return bs.read_runs(io.StringIO(FILTERED.to_csv(index=False)), bs.Columns(ONE, where=where))

    with pytest.raises(bs.InputError) as error:
        read()
    assert REFUSED[where] in str(error.value)
    assert "\n" not in str(error.value)


def test_a_study_filters_by_a_column_with_a_slash(tmp_path: Path) -> None:
    text = (CASES / "slash.toml").read_text(encoding="utf-8")
    for name, written in (("plain", text), ("quoted", text.replace('"eval/loss > 0"', '"`eval/loss` > 0"'))):
        (tmp_path / f"{name}.toml").write_text(written, encoding="utf-8")
    (tmp_path / "slash.csv").write_bytes((CASES / "slash.csv").read_bytes())
    study = bs.read_study(tmp_path / "quoted.toml")
    runs = study_runs(study)
    assert (runs.dropped, len(runs)) == (1, 3)
    assert bs.read_runs(tmp_path / "slash.csv", study.columns).table.equals(runs.table)
    plain = study_runs(bs.read_study(tmp_path / "plain.toml"))  # nothing else can be meant
    assert plain.table.equals(runs.table)


def test_splits_quote_the_names_they_need_to() -> None:
    runs = bs.read_runs(FILTERED, bs.Columns({"in put": bs.Input("n")}, groups={"and": "and"}))
    assert [fold.where for fold in folds(runs, ["and", "in put"])] == ["`and` != 'x'", "`and` != 'y'", "`in put` < 8"]
    assert quoted_name("params") == "params"
    assert len(folds(runs)) > 0


def test_the_same_rows_twice_are_counted_once_and_named() -> None:
    columns = bs.Columns(INPUTS)
    runs, base = bs.read_runs(CASES / "twice.csv", columns), pd.read_csv(CASES / "twice.csv").iloc[:20]
    pd.testing.assert_frame_equal(runs.table, bs.read_runs(base, columns).table)
    assert runs.references == bs.read_runs(base, columns).references
    assert runs.notes == (
        f"20 rows are exact copies of earlier ones, in every column, and are counted once: row 21 of {CASES / 'twice.csv'} is "
        "an exact copy of row 1, and so on",
    )
    one = bs.read_runs(pd.concat([base, base.iloc[[4]]]), columns)
    assert one.notes == ("row 21 of the data frame is an exact copy of row 5, in every column, and is counted once",)
    assert (len(one), one.averaged, one.dropped) == (20, 20, 0)
    noisy = base.iloc[[4]].assign(loss=base["loss"].iloc[4] * (1 + 4e-13))
    near = bs.read_runs(pd.concat([base, noisy]), columns)
    assert near.notes == ("row 21 of the data frame is a copy of row 5, in every column to 12 digits, and is counted once",)
    assert len(bs.read_runs(pd.concat([base, noisy * (1 + 1e-9)]), columns)) == 21


@pytest.mark.parametrize("source", ["frame", "csv", "parquet"])
def test_copies_are_so_in_every_column_of_their_file(source: str, tmp_path: Path) -> None:
    base = pd.DataFrame({"n": [1.0, 1.0, 2.0, 2.0, 4.0], "loss": [3.0, 3.0, 2.5, 2.5, 2.0], "seed": [0, 1, 0, 0, 0], "x": "x"})
    path = tmp_path / f"runs.{source}"
    if source == "csv":
        base.to_csv(path, index=False)
    elif source == "parquet":
        base.to_parquet(path)
    runs = bs.read_runs(base if source == "frame" else path, bs.Columns(ONE))
    assert runs.table["n"].tolist() == [1.0, 1.0, 2.0, 4.0]
    assert "row 4 of" in runs.notes[0]
    seeds = bs.read_runs(base.assign(x=range(5)) if source == "frame" else path, bs.Columns(ONE, groups={"seed": "seed"}))
    assert len(seeds) == (5 if source == "frame" else 4)


def test_a_table_given_twice_counts_once_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    columns = bs.Columns(INPUTS)
    runs = bs.read_runs([CASES / "base.csv", CASES / "base.csv"], columns)
    pd.testing.assert_frame_equal(runs.table, bs.read_runs(CASES / "base.csv", columns).table)
    assert "20 rows are exact copies" in runs.notes[0]
    later = TABLE.assign(loss=[3.5125, 3.25, 3.0, 2.9])
    both = bs.read_runs([TABLE, later], columns)
    assert len(both) == 6
    assert "row 1 of data frame 2 is an exact copy of row 1 of data frame 1" in both.notes[0]
    assert "row 4: -1.0" in refusal([TABLE, later.assign(loss=[3.5125, 3.25, 3.0, -1.0])], columns)


def test_near_copies_and_rows_of_logs_are_kept() -> None:
    rows = pd.DataFrame({"n": [1.0, 1.0], "loss": [3.0, 3.0], "run": ["a", "b"]})
    assert len(bs.read_runs(rows, bs.Columns(ONE))) == 2
    log = pd.DataFrame({"n": [1.0, 2.0, 2.0, 3.0], "loss": [3.0, 2.5, 2.5, 2.0], "run": "a"})
    runs = bs.read_runs(log, bs.Columns(ONE, run="run", curve=Curve("n")))
    assert runs.notes == ("n is the same in rows running in run 'a': 1 row left out, the last kept",)


def test_copies_may_hold_lists() -> None:
    rows = pd.DataFrame({"n": [1.0, 1.0, 1.0], "loss": 3.0, "tags": [["a"], ["a"], ["b"]]})
    assert len(bs.read_runs(rows, bs.Columns(ONE))) == 2


def test_the_mean_of_n_readings_has_their_error_over_root_n() -> None:
    table = pd.DataFrame({"run": "a", "n": np.arange(1.0, 101.0), "loss": 3.0, "error": 0.01})
    error = MeasurementError("error")
    thin = bs.read_runs(table, bs.Columns(ONE, run="run", measurement_error=error, average=Average("n", 2)))
    np.testing.assert_allclose(thin.table["measurement_error"], 0.03 / np.sqrt(thin.table["count"]), rtol=1e-12)
    whole = bs.read_runs(table, bs.Columns(ONE, run="run", measurement_error=error))
    once = bin_means(whole.table, ["run"], ["n"], "n", 3)
    pd.testing.assert_frame_equal(
        bin_means(once, ["run"], ["n"], "n", 1), bin_means(whole.table, ["run"], ["n"], "n", 1), rtol=1e-9
    )


def test_candidates_keep_their_own_columns() -> None:
    own = pd.DataFrame({"candidate": ["a", "b"], "rank": ["x", "y"], "flop": [1.0, 2.0]})
    asked = xr.DataArray(np.linspace(1, 2, 50).reshape(2, 25), dims=("chain", "draw"))
    found = SimpleNamespace(
        order=np.array([1, 0]),
        candidates=own,
        information=np.ones(2),
        reduction=np.ones(2),
        saved=lambda reduction: reduction,
        criterion="variance",
        flop=np.array([1.0, 2.0]),
        budget=5.0,
        asked=asked,
    )
    table = NextRuns.to_frame.__wrapped__(found)
    assert table["rank"].tolist() == [1, 2]
    assert table["rank_given"].tolist() == ["y", "x"]
    assert table["flop"].tolist() == [2.0, 1.0]


def test_unequal_measurement_errors_of_a_mean_add_up_in_squares() -> None:
    table = pd.DataFrame(
        {"run": "a", "n": [10.0, 10.0, 10.0], "response": [3.0, 3.1, 3.2], "measurement_error": [0.03, 0.04, 0.0]}
    )
    found = bin_means(table, ["run"], ["n"], "n", 1)
    assert found["measurement_error"].tolist() == pytest.approx([0.05 / 3])
    counted = bin_means(table.assign(count=[1.0, 2.0, 3.0], mean_lag=0.0), ["run"], ["n"], "n", 1)
    assert counted["measurement_error"].tolist() == pytest.approx([np.hypot(0.03, 0.08) / 6])


CELLS: dict[str, tuple[str, Any, str]] = {
    "lists": ("n", [[1], [2]], "list [1] is no number"),
    "arrays": ("n", [np.ones(2), np.ones(2)], "is no number"),
    "dicts": ("n", [{}, {}], "dict {} is no number"),
    "intervals": ("n", pd.interval_range(0, 2), "is no number"),
    "dates": ("n", pd.date_range("2026", periods=2), "holds dates or durations"),
    "zoned dates": ("n", pd.date_range("2026", periods=2, tz="UTC"), "holds dates or durations"),
    "periods": ("n", pd.period_range("2026", periods=2), "holds dates or durations"),
    "python dates": ("n", [datetime.date(2026, 1, 1)] * 2, "is no number"),
    "truth": ("n", [True, False], "holds truth values"),
    "nullable truth": ("n", pd.array([True, None], dtype="boolean"), "holds truth values"),
    "complex": ("n", [1j, 2.0], "holds complex numbers"),
    "beyond floats": ("n", [10**400, 1], "is not finite"),
    "far beyond": ("n", [10**5000, 1], "a number of 16,610 bits is not finite"),
    "text beyond": ("n", ["1e999", "1"], "is not finite"),
    "missing": ("n", pd.array([1, None], dtype="Int64"), "row 2: "),
    "none": ("n", [None, None], "is missing; expected a number"),
    "bytes": ("n", [b"1", b"2"], "is no number"),
    "signalling": ("n", [Decimal("sNaN"), Decimal(1)], "has a cell that is no value"),
    "lists as labels": ("label", [[1], [2]], "row 1: [1] is no level; expected text or a number"),
    "arrays as labels": ("label", [np.ones((3, 3))] * 2, "is no level"),
    "dicts as labels": ("label", [{}, {}], "{} is no level"),
    "tuples as labels": ("label", [(1, 2), (1, 2)], "is no level"),
    "bytes as labels": ("label", [b"a", b"b"], "is no level"),
    "huge labels": ("label", [10**5000, 1], "is no level"),
    "missing labels": ("label", pd.array(["a", None], dtype="string"), "row 2: "),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells_of_any_kind_are_refused_in_one_line(case: str) -> None:
    column, cells, said = CELLS[case]
    frame = pd.DataFrame({"n": [1.0, 2.0], "loss": [3.0, 2.0], "label": ["a", "b"]}).assign(**{column: cells})
    message = refusal(frame, bs.Columns(ONE, groups={"label": "label"}))
    assert said in message
    assert f"column {column!r}" in message
    assert len(message) < 300


def test_digits_without_end_are_no_number_and_a_label() -> None:
    text = f"n,loss,label\n1{'0' * 6000},3,a\n"
    assert "is not finite" in refusal(io.StringIO(text), bs.Columns(ONE))
    runs = bs.read_runs(io.StringIO(f"n,loss,label\n1,3,1{'0' * 6000}\n"), bs.Columns(ONE, groups={"label": "label"}))
    assert runs.levels["label"][0] == f"1{'0' * 6000}"


ARROW: dict[str, tuple[Any, str]] = {
    "decimals": (pa.array([Decimal("1.5"), Decimal("2.5")]), ""),
    "views of text": (pa.array(["1", "2"], pa.string_view()), ""),
    "words": (pa.array(["1", "2"]).dictionary_encode(), ""),
    "whole with holes": (pa.array([1, None]), "row 2: "),
    "dates": (pa.array([1, 2], pa.date32()), "is no number"),
    "nothing": (pa.nulls(2), "is missing"),
    "lists": (pa.array([[1], [2]]), "is no number"),
    "records": (pa.array([{"a": 1}, {"a": 2}]), "is no number"),
}


@pytest.mark.parametrize("case", ARROW)
def test_columns_of_arrow_are_read_or_refused(case: str, tmp_path: Path) -> None:
    column, said = ARROW[case]
    table = pa.table({"n": column, "loss": [3.0, 2.0]})
    parquet.write_table(table, tmp_path / "runs.parquet")
    for source in (table, tmp_path / "runs.parquet"):
        if said:
            assert said in refusal(source, bs.Columns(ONE))
        else:
            assert len(bs.read_runs(source, bs.Columns(ONE))) == 2


def test_labels_of_parquet_are_whole_to_the_last_digit(tmp_path: Path) -> None:
    ids = [2**60, 2**60 + 1, None]
    parquet.write_table(pa.table({"id": ids, "n": [1.0, 2.0, 3.0], "loss": [3.0, 2.0, 1.0]}), tmp_path / "runs.parquet")
    runs = bs.read_runs(tmp_path / "runs.parquet", bs.Columns(ONE, groups={"id": "id"}, where="n < 3"))
    assert list(runs.levels["id"]) == ids[:2]


def test_damaged_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    whole, rng, said = as_parquet(TABLE), np.random.default_rng(0), []
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(len(whole) - 1200, len(whole), 4):
            content[place] = rng.integers(256)
        try:
            bs.read_runs(io.BytesIO(bytes(content)), COLUMNS)
        except bs.InputError as error:
            said.append(str(error))
    assert len(said) > 100
    assert not any("\n" in one for one in said)


def test_a_small_file_of_a_hundred_million_rows_is_refused_unread(tmp_path: Path) -> None:
    one = pa.table({name: np.ones(1_000_000) for name in ("n", "loss", "x")})
    with parquet.ParquetWriter(tmp_path / "runs.parquet", one.schema, compression="zstd") as writer:
        for _ in range(30):
            writer.write_table(one)
    assert (tmp_path / "runs.parquet").stat().st_size < 1_000_000
    message = refusal(tmp_path / "runs.parquet", bs.Columns(ONE))
    assert "has 30,000,000 rows, 60,000,000 cells in the columns to be read; at most 50,000,000 are" in message


def test_texts_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_BYTES", 100_000)
    (tmp_path / "runs.csv.gz").write_bytes(gzip.compress(b"n,loss\n" + b"1,1\n" * 100_000))
    assert "holds more than 0 MB of text" in refusal(tmp_path / "runs.csv.gz", bs.Columns(ONE))
    monkeypatch.setattr(delimited, "MAX_BYTES", 10_000_000)
    monkeypatch.setattr(delimited, "MAX_CELLS", 100_000)
    assert "has 100,001 rows, 200,002 cells" in refusal(tmp_path / "runs.csv.gz", bs.Columns(ONE))


def test_parquet_reads_the_columns_it_needs_and_says_its_units(tmp_path: Path) -> None:
    table = TABLE.assign(x=1.0, step=[1, 2, 3, 4]).set_index("step")
    table.attrs = {"units": {"tokens": "tokens"}}
    table.to_parquet(tmp_path / "runs.parquet")
    found = read_table(tmp_path / "runs.parquet", labels={"arch"}, wanted={"arch", "loss", "tokens", "params"})
    assert {"arch", "loss", "params", "tokens"} <= set(found)
    assert "x" not in found
    assert found.attrs["units"] == {"tokens": "tokens"}
    assert "step" in read_table(tmp_path / "runs.parquet")


def test_numbers_of_columns_that_nobody_asked_for_keep_their_zeros() -> None:
    found = read_table(io.StringIO("id,n,x\n007,1,3.20\n008,2,NA\n"))
    assert found["id"].tolist() == ["007", "008"]
    assert found["n"].dtype == "int64"
    assert found["x"].tolist()[0] == 3.2


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node) for node in found]


def says_no_encoding(name: str, call: ast.Call) -> bool:
    if any(word.arg == "encoding" for word in call.keywords):
        return False
    method = isinstance(call.func, ast.Attribute)
    if name == "open":
        place = 0 if method else 1
        mode = call.args[place] if len(call.args) > place else next((w.value for w in call.keywords if w.arg == "mode"), None)
        return not (isinstance(mode, ast.Constant) and "b" in str(mode.value)) and ast.unparse(call.func) not in (
            "gzip.open",
            "opened.open",  # a member of an archive
            "os.open",
            "tarfile.open",
        )
    if ast.unparse(call.func) == "csv.read_csv":  # Arrow's, of bytes
        return False
    return method and name in ("read_text", "write_text", "to_csv", "read_csv") and "IO(" not in ast.unparse(call)


def test_every_text_file_is_opened_as_utf_8() -> None:
    found = [
        f"{path.name}:{call.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name, call in calls(path)
        if says_no_encoding(name, call)
    ]
    assert found == []


def test_whoever_reads_a_table_says_which_columns_are_labels() -> None:
    silent = [
        f"{path.name}:{call.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in ("results.py", "outcomes.py")
        for name, call in calls(path)
        if name == "read_table" and not any(word.arg == "labels" for word in call.keywords)
    ]
    assert silent == []
