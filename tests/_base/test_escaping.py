"""Names that others chose act on nothing: no terminal, page or spreadsheet; and what is written is read back."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, sweep
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling._base.escaping import visible
from bayes_scaling._base.files import json_text, write_csv
from bayes_scaling._base.spreadsheets import escape_formulas, unescape_formulas
from bayes_scaling.cli.commands import app
from bayes_scaling.data.tables import read_table
from bayes_scaling.report.page import render
from bayes_scaling.report.write import report_context

ACTIVE = ('=HYPERLINK("x")', "+1", "@x", "-x", "\tx", "\rx", "'=x", "''@x", "'", "'x", "=", "-", "+")
HARMLESS = ("-1", "-1.5e-3", "x=1", "a", "", " =x", "1+1", "don't")
BIDI = "safe\u202egnp.exe\u2069"
MARKUP = "[red]all[/red] [link=x]"
CLEAR = "\x1b[2J\x07"


@pytest.fixture(scope="module")
def hostile() -> bs.Fit:
    """A fit of two architectures whose names act on a terminal."""
    fit = sweep(CLEAN)
    names = {"dense": MARKUP + CLEAR, "sparse": BIDI}
    table = fit.runs.table.assign(arch=fit.runs.table["arch"].map(names), run=fit.runs.table["run"] + CLEAR)
    raw = table.rename(columns={"response": "loss"})[["run", "arch", "params", "tokens", "loss"]]
    runs = bs.read_runs(raw, fit.runs.columns)
    order = [
        list(fit.runs.levels["arch"]).index(next(old for old, new in names.items() if new == level))
        for level in runs.levels["arch"]
    ]
    posterior = fit.posterior.isel(arch=order).assign_coords(arch=runs.levels["arch"])
    draws = fit.draws.copy()
    draws["posterior"] = type(draws)(posterior)
    return replace(fit, runs=runs, draws=draws)


def test_control_characters_are_shown_as_what_they_are() -> None:
    assert visible("plain text, ä and 漢字 and 🙂") == "plain text, ä and 漢字 and 🙂"
    assert visible(BIDI) == "safe\\u202egnp.exe\\u2069"
    assert visible(CLEAR) == "\\x1b[2J\\x07"
    assert visible("a\nb\u2028c\ud800\U000e0001") == "a\\x0ab\\u2028c\\ud800\\U000e0001"
    assert visible("a\nb", keep="\n") == "a\nb"
    assert visible("می\u200cخواهم") == "می\u200cخواهم"


def test_no_cell_is_a_formula_and_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    texts = [*ACTIVE, *HARMLESS[:4], *HARMLESS[5:]]
    table = pd.DataFrame({"level": texts, "=name": np.arange(len(texts)) - 3.5, "kind": pd.Categorical(texts)})
    path = tmp_path / "table.csv"
    write_csv(table, path)
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert not [
        text for text in [*written.columns, *written["level"], *written["kind"]] if re.match(r"[=+@\t\r]|-(?!\d)", text)
    ]
    back = read_table(path)
    assert back["level"].tolist() == texts
    assert back["kind"].tolist() == texts
    assert back.columns.tolist() == ["level", "=name", "kind"]
    assert back["=name"].tolist() == table["=name"].tolist()  # negative numbers stay numbers


def test_guarding_can_be_taken_back_however_often_it_is_done() -> None:
    table = pd.DataFrame({"level": [*ACTIVE, *HARMLESS, None, np.nan]})
    once, twice = escape_formulas(table), escape_formulas(escape_formulas(table))
    pd.testing.assert_frame_equal(unescape_formulas(once), table.astype(object), check_dtype=False)
    pd.testing.assert_frame_equal(unescape_formulas(unescape_formulas(twice)), table.astype(object), check_dtype=False)
    clean = pd.DataFrame({"level": list(HARMLESS), "loss": np.arange(len(HARMLESS)) * -1.0})
    assert escape_formulas(clean) is clean


def test_the_terminal_shows_names_as_text(hostile: bs.Fit, tmp_path: Path) -> None:
    bs.save(hostile, tmp_path / "fit.nc")
    candidates = {"params": [1e9], "tokens": [2e11], "arch": [BIDI], "candidate": [MARKUP + CLEAR]}
    pd.DataFrame(candidates).to_csv(tmp_path / "c.csv", index=False)
    for words in (
        ("plan", "--compute", "1e21"),
        ("rank", f"arch={BIDI}", "--compute", "1e21"),
        ("next", "--candidates", tmp_path / "c.csv", "--decide", "plan at compute=1e21"),
    ):
        command, *rest = (str(word) for word in words)
        result = CliRunner().invoke(app, [command, str(tmp_path), *rest])
        assert result.exit_code == 0, result.output
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", result.output)
        assert "\\u202e" in result.output
        assert "[red]all[/red]" in result.output


def test_the_page_holds_no_characters_that_turn_or_clear(hostile: bs.Fit) -> None:
    fit = replace(hostile, runs=replace(hostile.runs, notes=(BIDI + CLEAR,)))
    page = render(report_context(fit, title=BIDI))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert "<title>safe\\u202egnp.exe\\u2069</title>" in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert not re.search(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", json.dumps(json.loads(data[1]), ensure_ascii=False))


def test_json_has_no_nan() -> None:
    record = {"a": np.nan, "b": [np.inf, 1.0, (-np.inf, {"c": float("nan")})], "d": np.float64("nan"), "e": True}
    assert json.loads(json_text(record)) == {"a": None, "b": [None, 1.0, [None, {"c": None}]], "d": None, "e": True}
    assert "NaN" not in json_text(record, indent=2)


def test_only_one_function_writes_json() -> None:
    root = Path(bs.__file__).parent
    found = [path.name for path in root.rglob("*.py") if re.search(r"json\.dumps?\(", path.read_text(encoding="utf-8"))]
    assert set(found) <= {
        "files.py",
        "results.py",
        "leftovers.py",
        "schema.py",
        "reading.py",
        "random.py",
        "chain.py",
        "wandb_cache.py",
    }  # digests, names of files, texts in TOML, what the one function wrote in a line, and a cache that keeps NaN
