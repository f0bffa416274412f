"""Files that appear whole or not at all, alone and together, whatever happens while they are written."""

import errno
import json
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import by_hand
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner, Result

import bayes_scaling as bs
from bayes_scaling._base import checksums as sealing, folders, leftovers, moves
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import atomic_write, json_text, require_writable, write_csv, write_json, write_text
from bayes_scaling._base.folders import atomic_folder
from bayes_scaling._base.leftovers import TEMPORARY_NAME, temporary_path
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.naming import file_name, file_names, joined_name
from bayes_scaling.cli.commands import app
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference import fit as fitting
from bayes_scaling.plots import overview

FIT = by_hand.sweep(by_hand.BAD)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(result: Result) -> str:
    """Return the one line on stderr of a command that exits with 2."""
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line]
    return line


def content(folder: Path) -> dict[str, bytes | None]:
    """Return everything in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def _written(text: str, *paths: Path) -> int:
    """Write a text to several places."""
    for path in paths:
        write_text(text, path)
    return len(paths)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """The folder of a fit that can be planned with, and a table of points."""
    path = bs.save(FIT, tmp_path / "fit" / "fit.nc")
    path.with_name("points.csv").write_text("params,tokens,arch\n1e9,2e10,dense\n")
    path.with_name("level.csv").write_text("arch\ndense\n")
    return path.parent


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own(mask: int, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    (tmp_path / "old.txt").chmod(0o640)
    with umask(mask):
        write_text("new", tmp_path / "deep" / "new.txt")
        write_text("new", tmp_path / "old.txt")
        with atomic_folder(tmp_path / "folder") as new:
            write_text("new", new / "new.txt")
    assert stat.S_IMODE((tmp_path / "deep" / "new.txt").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE((tmp_path / "folder" / "new.txt").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "old.txt").stat().st_mode) == 0o640


def test_a_link_stays_one_and_what_it_stands_for_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link.txt").symlink_to("there/file.txt")
    write_text("new", tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "there" / "file.txt").read_text() == "new"


@pytest.mark.parametrize("name", ["folder", "x" * 300, "file/deeper", "a\0b", "/dev/full"])
def test_a_place_that_cannot_be_written_to_is_one_line_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    before = content(tmp_path)
    with pytest.raises(bs.InputError, match="cannot be written") as caught:
        write_text("x" * 100_000, tmp_path / name)
    assert "\n" not in str(caught.value)
    assert content(tmp_path) == before


def test_a_text_with_half_a_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bs.InputError, match="no character"):
        write_text("\udcff", tmp_path / "a.txt")
    with pytest.raises(bs.InputError, match="no character"):
        write_csv(pd.DataFrame({"level": ["\udcff"]}, dtype=object), tmp_path / "deep" / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_json_has_no_word_for_is_null(tmp_path: Path) -> None:
    write_json({"a": [float("nan"), {"b": float("inf")}], "é": 1.0}, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"), parse_constant=pytest.fail) == {
        "a": [None, {"b": None}],
        "é": 1.0,
    }
    assert json_text((1, float("-inf"))) == "[1, null]"


def test_files_written_together_appear_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    write_text("old", tmp_path / "b.txt")
    with write_together():
        write_text("new", tmp_path / "a" / "a.txt")
        write_text("new", tmp_path / "b.txt")
        assert (tmp_path / "b.txt").read_text() == "old"
        assert not (tmp_path / "a" / "a.txt").exists()
    assert content(tmp_path) == {"a": None, "a/a.txt": b"new", "b.txt": b"new"}
    with pytest.raises(ZeroDivisionError), write_together():
        _written("newer", tmp_path / "b.txt", tmp_path / "c" / "c.txt") / 0
    assert content(tmp_path) == {"a": None, "a/a.txt": b"new", "b.txt": b"new"}


@pytest.mark.parametrize("failing", range(3))
def test_where_one_file_cannot_be_put_in_place_all_others_are_as_before(
    failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a.txt", "new/b.txt", "c.txt")
    for name in ("a.txt", "c.txt"):
        write_text("old", tmp_path / name)
    put, before = moves._replace, content(tmp_path)

    def full(unready: Path | None, place: Path) -> None:
        if place == tmp_path / names[failing]:
            raise moves.write_error(place, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        put(unready, place)

    monkeypatch.setattr(moves, "_replace", full)
    with pytest.raises(bs.InputError, match="No space left on device"), write_together():
        _written("new", *(tmp_path / name for name in names))
    assert content(tmp_path) == before


def test_a_folder_appears_whole_and_keeps_what_others_put_there(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with pytest.raises(ZeroDivisionError), atomic_folder(out) as new:
        _written("1", new / "a.txt") / 0
    assert list(tmp_path.iterdir()) == []
    for number in ("1", "2"):
        with atomic_folder(out, earlier=["a.txt", "figures/1.txt"]) as new:
            write_text(number, new / "a.txt")
            write_text(number, new / "figures" / f"{number}.txt")
        write_text("own", out / "figures" / "own.txt")
    assert content(out) == {"a.txt": b"2", "figures": None, "figures/2.txt": b"2", "figures/own.txt": b"own"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out").symlink_to("there")
    for number in ("1", "2"):
        with atomic_folder(tmp_path / "out", earlier=["a.txt"]) as new:
            write_text(number, new / "a.txt")
    assert (tmp_path / "out").is_symlink()
    assert content(tmp_path / "there") == {"a.txt": b"2"}


@pytest.mark.parametrize("clash", ["a.txt", "figures"])
def test_what_stands_where_a_file_or_folder_must_go_is_refused(clash: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_text("old", out / "fit.nc")
    (out / "a.txt").mkdir() if clash == "a.txt" else write_text("own", out / clash)
    before = content(tmp_path)
    with pytest.raises(bs.InputError, match=f"{clash}: is a (file|folder)"), atomic_folder(out, earlier=["fit.nc"]) as new:
        _written("new", new / "a.txt", new / "figures" / "b.txt")
    with pytest.raises(bs.InputError, match=clash):
        require_writable(out, "a.txt", "figures/b.txt")
    assert content(tmp_path) == before


def test_where_folders_cannot_be_exchanged_files_are_put_in_place_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text("own", tmp_path / "out" / "own.txt")
    for possible in (lambda *_: False, lambda one, _: "out" not in one.name and not (one / "a.txt").exists()):
        monkeypatch.setattr(folders, "_exchange", possible)
        for number in ("1", "2"):
            with atomic_folder(tmp_path / "out", earlier=["a.txt", "1.txt"]) as new:
                write_text(number, new / "a.txt")
                write_text(number, new / f"{number}.txt")
        assert content(tmp_path / "out") == {"a.txt": b"2", "2.txt": b"2", "own.txt": b"own"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kill_leaves_the_old_answer_or_the_new(tmp_path: Path) -> None:
    cases = ("fresh", "exchanged", "in use", "files")
    for number in (1, 2, 9):
        bs.save(replace(FIT, settings=bs.Settings(chains=number)), tmp_path / f"{number}.nc")
    script = Path(__file__).parents[1] / "killed.py"
    done = subprocess.run([sys.executable, script, tmp_path, *cases], capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for case in cases:
        told = [row for row in rows if row["how"] == case]
        assert len(told) > 15
        assert [row["killed"] for row in told] == [True] * (len(told) - 1) + [False]
        for row in told:
            for when in ("left", "read") if case in ("fresh", "exchanged") else ("read",):
                numbers = dict(row[when])
                assert numbers.pop("own/note.txt", None) == (None if case == "fresh" else "own")
                assert len(set(numbers.values())) == (0 if case == "fresh" and not numbers else 1)
        others = ["out", "out/figures", *([] if case == "files" else ["out/fit.nc"])]
        own = [] if case == "fresh" else ["out/own", "out/own/link"]
        assert {tuple(row["other"]) for row in told} == {tuple(sorted([*others, *own]))}
        states = {tuple(sorted(set(row["read"].values()) - {"own"})) for row in told}
        assert states - {("1",), ("2",)} == {() if case == "fresh" else ("9",)}
        assert len(states) > 1


def left_by(process: int, folder: Path, suffix: str = "") -> Path:
    """Return a path as a process would have called its unfinished file."""
    name = temporary_path(folder, suffix).name.replace(f"-{os.getpid()}-", f"-{process}-")
    assert TEMPORARY_NAME.fullmatch(name)
    return folder / name


def test_only_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    gone, alive = left_by(dead.pid, tmp_path, ".csv"), left_by(os.getppid(), tmp_path)
    elsewhere = tmp_path / temporary_path(tmp_path).name.replace(leftovers._machine(), "0" * 8)
    old = elsewhere.with_name(elsewhere.name[:-1] + ("1" if elsewhere.name.endswith("0") else "0"))
    for path in (gone, alive, elsewhere, old, tmp_path / ".bayes-scaling~mine", tmp_path / ".hidden"):
        path.touch()
    left_by(dead.pid, tmp_path).mkdir()
    os.utime(old, (time.time() - 10 * leftovers.STALE,) * 2)
    write_text("new", tmp_path / "a.txt")
    assert set(content(tmp_path)) == {alive.name, elsewhere.name, ".bayes-scaling~mine", ".hidden", "a.txt"}


@pytest.mark.parametrize(
    "said", ["", "{}", "[1]", "[" * 50_000, '[["a", "../b"]]', '[["../fit.nc", "c"]]', '[["a\\u0000", "b"]]']
)
def test_a_journal_moves_nothing_into_a_folder_or_out_of_it(said: str, tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / "in").mkdir()
    (tmp_path / "fit.nc").write_text("outside")
    (tmp_path / "in" / "a").write_text("inside")
    left_by(dead.pid, tmp_path / "in", ".journal").write_text(said)
    leftovers.recover(tmp_path / "in")
    assert content(tmp_path) == {"fit.nc": b"outside", "in": None, "in/a": b"inside"}


def test_a_disk_that_fills_up_is_one_line_and_leaves_what_was_there(planned: Path) -> None:
    points = planned / "points.csv"
    before, limits = content(planned), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30, limits[1]))
    try:
        with pytest.raises(bs.InputError, match=r"fit\.nc: cannot be written \(File too large\)"):
            bs.save(FIT, planned / "fit.nc")
        for words in (
            ("plan", planned, "--compute", 1e21, "--at", planned / "level.csv"),
            ("predict", planned, "--at", points, "--out", planned / "p.csv"),
        ):
            assert "File too large" in refused(run(*words))
        with pytest.raises(bs.InputError, match="out"), atomic_folder(planned / "out") as new:
            write_text("x" * 100, new / "a.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(planned) == before


def test_a_full_device_is_one_line(planned: Path) -> None:
    points = planned / "points.csv"
    before = content(planned)
    assert "No space left on device" in refused(run("predict", planned, "--at", points, "--out", "/dev/full"))
    assert run("predict", planned, "--at", points, "--out", "/dev/null").exit_code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert content(planned) == before


@pytest.mark.parametrize("name", ["plan.csv", "plan_choices.csv", "plan.png"])
def test_a_command_that_cannot_write_one_of_its_files_writes_none(name: str, planned: Path) -> None:
    (planned / name).mkdir()
    before = content(planned)
    assert name in refused(run("plan", planned, "--compute", 1e21, "--at", planned / "level.csv"))
    assert content(planned) == before


@pytest.mark.parametrize("name", ["x" * 300, "missing/" + "é" * 200, "a\0b"])
def test_a_folder_that_can_have_no_such_name_is_refused_beforehand(name: str, tmp_path: Path) -> None:
    with pytest.raises(bs.InputError, match="cannot be made"):
        require_writable(tmp_path / name)


def test_two_files_of_a_command_in_one_place_are_refused(planned: Path) -> None:
    before = content(planned)
    asked = ("plan", planned, "--compute", 1e21, "--at", planned / "level.csv", "--out", planned / "plan.png")
    assert "expected a name that ends in .csv" in refused(run(*asked))
    assert content(planned) == before


@pytest.mark.parametrize("blocked", ["prior.csv", "figures", "figures/prior.png"])
def test_a_prior_that_cannot_be_written_is_not_written(blocked: str, tmp_path: Path) -> None:
    if blocked == "figures":
        (tmp_path / blocked).write_text("own")
    else:
        (tmp_path / blocked).mkdir(parents=True)
    before = content(tmp_path)
    assert "figures" in refused(run("prior", "moba_vs_full", "--out", tmp_path)) or blocked == "prior.csv"
    assert content(tmp_path) == before


@pytest.mark.slow
def test_a_fit_replaces_an_earlier_one_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, asked = tmp_path / "out", ("fit", "chinchilla_law", "--runs", tmp_path / "runs.csv", "--out", tmp_path / "out")
    FIT.runs.table.rename(columns={"response": "loss"}).to_csv(tmp_path / "runs.csv", index=False)
    monkeypatch.setattr(fitting, "fit", lambda *_: FIT)
    assert run(*asked).exit_code == 3
    assert {"fit.nc", "diagnostics.json", "parameters.csv", "points.csv", "figures/forest_E.png"} <= set(content(out))
    write_text("own", out / "figures" / "forest_mine.png")
    before = content(out)
    monkeypatch.setattr(fitting, "fit", lambda *_: replace(FIT, health=by_hand.NOTED))
    with monkeypatch.context() as full:
        full.setattr("bayes_scaling.cli.fit.write_figure", lambda *_: write_text("x", Path("/dev/full")))
        assert "No space left on device" in refused(run(*asked))
    assert content(out) == before
    monkeypatch.setattr(overview, "figures", lambda fit, sheet: {"bands": Figure()})
    assert run(*asked).exit_code == 0
    after = content(out)
    assert set(before) - set(after) == {"figures/forest_E.png", "figures/check.png"}
    assert after["figures/forest_mine.png"] == b"own"
    assert json.loads((out / "diagnostics.json").read_text())["fit_sha256"] == sealing.read_checksum(out / "fit.nc")
    bs.save(FIT, out / "fit.nc")
    assert "different fits" in refused(run("report", out))


def test_a_report_of_a_record_of_another_fit_is_refused(planned: Path) -> None:
    write_json({"fit_sha256": "0" * 64}, planned / "diagnostics.json")
    assert "different fits" in refused(run("report", planned))
    assert not (planned / "report.html").exists()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ZeroDivisionError("a\nb"), 1, "internal fault, not your input: please report the lines above"),
        (RuntimeError("numba: lowering failed"), 1, "internal fault"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "cache"),
            2,
            "error: cache: cannot be written (No space left on device)",
        ),
        (InputError("wrong"), 2, "error: wrong"),
    ],
)
def test_faults_of_ours_are_told_from_wrong_input(
    error: BaseException, code: int, said: str, planned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr("bayes_scaling.cli.predict.read_posterior", fails)
    before = content(planned)
    result = run("predict", planned, "--at", "points.csv", "--out", planned / "p.csv")
    assert result.exit_code == code
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith(said)
    assert len(lines) == 1 or code == 1
    assert content(planned) == before


LABELS = [
    *(
        "plain",
        "a.b-c_d",
        "../../x",
        "/etc/x",
        "a/b",
        "observed",
        "",
        ".",
        "..",
        "A",
        "a",
        "CON",
        "nul.txt",
        "com1",
        "x.",
        "x ",
    ),
    *("-x", "x" * 300, "y" * 300, "con\0", "é", "e\u0301", "~", "a~b", "\udcff", "a\nb", "a b", "=x", "a_b", ".hidden"),
]


def test_names_of_files_are_safe_and_no_two_the_same() -> None:
    names = file_names(LABELS)
    assert list(names) == LABELS
    assert (names["plain"], names["a.b-c_d"], names["observed"]) == ("plain", "a.b-c_d", "observed")
    made = {*names.values(), *(file_name(label) for label in LABELS)}
    made |= {joined_name("contrast_of_it", one, other) for one in LABELS for other in LABELS}
    assert len({name.casefold() for name in names.values()}) == len(LABELS)
    for name in made:
        assert 0 < len(name.encode()) < 120
        assert name.isascii()
        assert name.isprintable()
        assert not set(name) & set(r"/\:*?\"<>| ")
        assert name[0] not in ".-"
        assert name[-1] != "."
        assert name.split(".")[0].casefold() not in ("con", "nul", "com1")


def test_joined_names_are_those_of_one_sequence_only() -> None:
    assert joined_name("contrast_attention", "moba", "full") == "contrast_attention_moba_full"
    parts = ["a", "b", "a_b", "b_a", "_", "", "a__b"]
    made = [joined_name("contrast_g", one, other) for one in parts for other in parts]
    assert len(set(made)) == len(parts) ** 2


def test_the_figure_of_a_contrast_stays_in_the_folder(tmp_path: Path) -> None:
    names = {"dense": "../../../escaped", "sparse": "SPARSE"}
    table = FIT.runs.table.assign(arch=FIT.runs.table["arch"].map(names))
    levels = dict(FIT.runs.levels) | {"arch": pd.Series(FIT.runs.levels["arch"]).map(names).to_numpy()}
    draws = {"posterior": FIT.posterior.assign_coords(arch=levels["arch"])}
    runs = Runs(table, FIT.runs.columns, FIT.runs.references, levels)
    fit = bs.Fit(FIT.model, runs, type(FIT.draws).from_dict(draws), FIT.settings, FIT.health)
    folder = bs.save(fit, tmp_path / "deep" / "out" / "fit.nc").parent
    pd.DataFrame({"params": [1e9], "tokens": [2e10]}).to_csv(tmp_path / "points.csv", index=False)
    words = ("--at", tmp_path / "points.csv", "--out", tmp_path / "c.csv")
    result = run("contrast", folder, "arch=../../../escaped:SPARSE", *words)
    assert result.exit_code == 0, result.output
    (figure,) = tmp_path.rglob("*.png")
    assert figure.parent == folder / "figures"


def test_a_half_written_file_is_never_seen(tmp_path: Path) -> None:
    write_text("old", tmp_path / "a.txt")
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "a.txt") as partial:
        partial.write_text("half") / 0
    assert content(tmp_path) == {"a.txt": b"old"}
