"""Texts of filters mean comparisons of columns, and nothing else."""

import re
import time

import pandas as pd
import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.data.columns import Columns, Input
from bayes_scaling.data.reading import read_runs

TABLE = pd.DataFrame(
    {
        "params": [1e8, 2e8, 4e8, 8e8],
        "tokens": [2e9, 2e9, 8e9, 4e10],
        "corpus": ["c4", "pile", "c4", "web"],
        "loss": [3.4, 3.2, 2.9, 2.6],
    }
)
FILTERS = {
    "params < 4e8": [0, 1],
    "params <= 4e8": [0, 1, 2],
    "params != 4e8": [0, 1, 3],
    "corpus == 'c4'": [0, 2],
    'corpus != "c4"': [1, 3],
    "params > 1e8 and corpus == 'c4'": [2],
    "params < 2e8 or corpus == 'web'": [0, 3],
    "not corpus == 'c4'": [1, 3],
    "not (corpus == 'c4' or params > 5e8)": [1],
    "corpus in ['pile', 'web']": [1, 3],
    "corpus not in ('pile', 'web')": [0, 2],
    "params in [1e8, 8e8]": [0, 3],
    "1e8 < params <= 4e8": [1, 2],
    "1e8 < params < tokens / 15": [2, 3],
    "tokens > 15 * params": [0, 2, 3],
    "params + 1e8 == 2e8 or -params < -5e8": [0, 3],
    "(params / 1e8) ** 2 > 10 and loss > 2.7": [2],
    "params == 100_000_000": [0],
    "corpus == 'c4' and params > 1e8 or corpus == 'web' and params > 1e8": [2, 3],
}
REFUSED_FILTERS = {
    "no comparison": "params",
    "arithmetic": "params + 1",
    "number": "1",
    "true": "True",
    "text": "'c4'",
    "and of columns": "params and tokens",
    "attribute": "params.real < 1",
    "call": "len(corpus) < 3",
    "import": "__import__('os').system('x') == 0",
    "dunder name": "__name__ == 'x'",
    "subscript": "corpus[0] == 'c'",
    "lambda": "(lambda: 1) == 1",
    "comprehension": "params in [p for p in tokens]",
    "conditional": "params < (1 if tokens else 2)",
    "walrus": "(params := 1) < 2",
    "f-string": "corpus == f'{params}'",
    "in a text": "corpus in 'c4'",
    "in a column": "corpus in tokens",
    "equal to a list": "corpus == ['c4']",
    "is": "corpus is None",
    "none": "corpus == None",
    "complex": "params < 1j",
    "remainder": "params % 2 == 0",
    "bits": "(params < 1e9) & (tokens < 1e9)",
    "tower of powers": "params < 9**9**9**9",
    "division by zero": "params < 1/0",
    "sum of texts": "corpus == 'c' + '4'",
    "assignment": "params = 1",
    "empty": "",
    "long": " or ".join(["params < 1"] * 400),
    "deep": "not " * 300 + "params < 1",
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_keeps_the_rows_it_describes(text: str) -> None:
    assert list(TABLE.index[parse_filter(text)(TABLE)]) == FILTERS[text]


@pytest.mark.parametrize("case", REFUSED_FILTERS)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_a_filter_that_is_no_comparison_is_refused_at_once(case: str) -> None:
    begin = time.process_time()
    with pytest.raises(InputError) as error:
        parse_filter(REFUSED_FILTERS[case])
    assert time.process_time() - begin < 5.0
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["1 < 2", "not 1 < 2", "1 < 2 or 3 < 2", "'a' == 'b'", "not 1 < 2 or params < 4e8"])
def test_a_comparison_without_columns_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(repr(text))):
        read_runs(TABLE, Columns({"params": Input("params")}, where=text))


@pytest.mark.parametrize("text", ["corpus < 3", "corpus + 1 == 2", "-corpus == 'c4'", "params < 'c4'", "corpus > params"])
def test_a_filter_that_compares_text_and_numbers_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"filter {text!r} compares values of different types")) as error:
        parse_filter(text)(TABLE)
    assert "\n" not in str(error.value)


def test_a_filter_knows_its_columns() -> None:
    assert parse_filter("params < tokens / 20 and not corpus in ['c4']").columns == {"params", "tokens", "corpus"}


def test_a_filter_on_an_unknown_column_names_it() -> None:
    columns = Columns({"params": Input("params")}, where="parms < 1e9")
    with pytest.raises(InputError, match=r"^the data frame: no column 'parms'; the table has .*; did you mean 'params'\?$"):
        read_runs(TABLE, columns)


def test_a_wrong_filter_is_refused_before_any_table_is_read() -> None:
    with pytest.raises(InputError, match=r"'params\.real' is not allowed"):
        Columns({"params": Input("params")}, where="params.real < 1")


def test_a_filter_called_for_a_column_the_table_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="parms"):
        parse_filter("parms < 1e9")(TABLE)
