"""Fits in files: what was damaged, tampered with, or made to do harm is refused in one line."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import by_hand
import h5py
import numpy as np
import pytest
import xarray as xr
from waiting import PATIENCE

import bayes_scaling as bs
from bayes_scaling._base import checksums as sealing
from bayes_scaling._base.errors import InputError
from bayes_scaling.cli.options import read_fit
from bayes_scaling.inference import file_structure as structure
from bayes_scaling.inference.loading import WITHOUT_SEAL, attributes
from bayes_scaling.inference.saving import FORMAT, save_with
from bayes_scaling.model.studies.study import study_runs

FIT = by_hand.sweep(by_hand.CLEAN)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers in a process of their own may take as long as a busy machine makes them."""
    monkeypatch.setattr(structure, "SECONDS", PATIENCE)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a saved fit, without their checksum."""
    return bs.save(FIT, tmp_path_factory.mktemp("good") / "fit.nc").read_bytes()[: -sealing.CHECKSUM_LENGTH]


def refused(path: Path) -> str:
    """Return why a file is refused, which is one line with its name."""
    with pytest.raises(bs.InputError) as caught:
        bs.load(path)
    said = str(caught.value)
    assert path.name in said
    assert "\n" not in said
    return said


def changed(content: bytes, path: Path, change: Callable[[h5py.File], Any]) -> Path:
    """Write a fit that somebody changed and gave a valid checksum again."""
    path.write_bytes(content)
    with h5py.File(path, "a") as file:
        change(file)
    path.write_bytes(sealing.with_checksum(path.read_bytes()))
    return path


def test_a_fit_with_levels_its_rows_lack_comes_back_as_it_was(tmp_path: Path) -> None:
    one = replace(FIT.runs, table=FIT.runs.table.query("arch == 'dense'").reset_index(drop=True))
    loaded = bs.load(bs.save(replace(FIT, runs=one), tmp_path / "fit.nc"))
    assert list(loaded.runs.levels["arch"]) == ["dense", "sparse"]
    xr.testing.assert_identical(loaded.posterior, FIT.posterior)


@pytest.mark.parametrize("group", ["a b", "100%", "größe", "[a]"])
def test_a_group_may_be_called_anything(group: str, tmp_path: Path) -> None:
    rows = FIT.runs.table.rename(columns={"arch": group})
    columns = replace(FIT.runs.columns, groups={group: group})
    runs = replace(
        FIT.runs, table=rows, columns=columns, levels={group: FIT.runs.levels["arch"], "run": FIT.runs.levels["run"]}
    )
    parameters = dict(FIT.model.parameters) | {"E": bs.Prior(median=1.8, factor=2.0) + bs.Varying(group, 0.05)}
    draws = FIT.posterior.rename(E_by_arch=f"E_by_{group}", E_sd_arch=f"E_sd_{group}", arch=group)
    fit = replace(
        FIT, runs=runs, model=replace(FIT.model, parameters=parameters), draws=xr.DataTree.from_dict({"posterior": draws})
    )
    loaded = bs.load(bs.save(fit, tmp_path / "fit.nc"))
    xr.testing.assert_identical(loaded.posterior, fit.posterior)
    assert list(loaded.runs.table) == list(rows)


def test_a_label_that_no_file_can_hold_is_refused_and_nothing_written(tmp_path: Path) -> None:
    rows = FIT.runs.table.assign(run="a\0b")
    with pytest.raises(bs.InputError, match="cannot be saved"):
        bs.save(replace(FIT, runs=replace(FIT.runs, table=rows)), tmp_path / "fit.nc")
    assert list(tmp_path.iterdir()) == []


def test_any_flipped_byte_is_noticed(content: bytes, tmp_path: Path) -> None:
    rng, path, whole = np.random.default_rng(1), tmp_path / "fit.nc", sealing.with_checksum(content)
    for place in rng.integers(len(whole) - 1, size=300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert "damaged" in refused(path) or place >= len(content)
    for end in rng.integers(len(whole), size=50):
        path.write_bytes(whole[:end])
        refused(path) if end > len(content) else None


@pytest.mark.slow
def test_damage_under_a_valid_checksum_ends_in_one_line(content: bytes, tmp_path: Path) -> None:
    rng, path, seen = np.random.default_rng(2), tmp_path / "fit.nc", list[str]()
    for _ in range(120):
        damaged = bytearray(content)
        for place in rng.integers(rng.choice([len(content), 9000]), size=rng.choice([1, 2, 8])):
            damaged[place] = rng.integers(256)
        path.write_bytes(sealing.with_checksum(bytes(damaged)))
        try:
            bs.load(path)
        except bs.InputError as error:
            seen.append(str(error))
    assert len(seen) > 40
    assert not any("\n" in said for said in seen)


def test_a_file_of_an_earlier_version_is_read_with_a_note(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    assert "its checksum is missing" in refused(path)
    with h5py.File(path, "a") as file:
        file.attrs["format"] = WITHOUT_SEAL
    with pytest.warns(UserWarning, match="without a checksum"):
        earlier = bs.load(path)
    xr.testing.assert_identical(earlier.posterior, FIT.posterior)
    assert earlier.runs.notes == FIT.runs.notes
    with warnings.catch_warnings(action="error"):
        read_fit(tmp_path)
    assert capsys.readouterr().err.startswith("note [file]: ")
    xr.testing.assert_identical(bs.load(bs.save(earlier, path)).posterior, FIT.posterior)


def test_columns_of_runs_are_read_by_their_earlier_names(tmp_path: Path) -> None:
    rows = FIT.runs.table.assign(mean_lag=0.1, measurement_error=0.01)
    earlier = rows.rename(columns={"mean_lag": "apart", "measurement_error": "reading_error"})
    loaded = bs.load(bs.save(replace(FIT, runs=replace(FIT.runs, table=earlier)), tmp_path / "fit.nc"))
    assert list(loaded.runs.table) == list(rows)


def elsewhere(file: h5py.File) -> None:
    """Let the levels of a group be the bytes of another file."""
    del file["posterior/arch"]
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_external(b"/etc/hostname", 0, 8)
    space = h5py.h5s.create_simple((2,))
    h5py.h5d.create(file["posterior"].id, b"arch", h5py.h5t.C_S1.copy(), space, how)


HOSTILE: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "a group within itself": (lambda file: file["posterior"].__setitem__("self", file["posterior"]), "two names"),
    "a group within its parent": (lambda file: file["posterior"].__setitem__("up", file["/"]), "two names"),
    "an array with two names": (lambda file: file["runs"].__setitem__("again", file["runs/response"]), "two names"),
    "a soft link": (lambda file: file.__setitem__("soft", h5py.SoftLink("/posterior")), "link to elsewhere"),
    "an endless link": (lambda file: file["runs"].__setitem__("soft", h5py.SoftLink("/runs/soft")), "link to elsewhere"),
    "a link to a file": (lambda file: file.__setitem__("out", h5py.ExternalLink("/etc/passwd", "/")), "link to elsewhere"),
    "bytes of another file": (elsewhere, "kept in other files"),
    "an impossible shape": (
        lambda file: file["posterior"].create_dataset("big", (2**31, 2**8), "f8", fillvalue=1.0),
        "more than the file can hold",
    ),
    "an impossible shape in parts": (
        lambda file: file["posterior"].create_dataset("big", (2**31, 2**8), "f8", chunks=(1, 2**8)),
        "in parts",
    ),
    "compressed": (
        lambda file: file["posterior"].create_dataset("big", data=np.zeros(10**6), compression="gzip"),
        "compressed",
    ),
    "too deep": (lambda file: file["posterior"].create_group("deeper"), "deeper"),
    "a named type": (lambda file: file.__setitem__("kind", np.dtype("f8")), "no array"),
    "references": (lambda file: file["runs"].create_dataset("to", data=file.ref, dtype=h5py.ref_dtype), "expected numbers"),
    "records": (lambda file: file["runs"].create_dataset("to", data=np.zeros(3, "i4,f8")), "expected numbers"),
    "a table of texts": (
        lambda file: file["runs"].create_dataset("to", data=[["a", "b"]], dtype=h5py.string_dtype()),
        "column of texts",
    ),
    "many texts in an attribute": (lambda file: file.attrs.__setitem__("x", ["a"] * 200), "attribute 'x'"),
    "no study": (lambda file: file.attrs.__delitem__("study"), "KeyError"),
    "no record": (lambda file: file.attrs.__setitem__("record", "{"), "JSONDecodeError"),
    "an endless record": (lambda file: file.attrs.__setitem__("record", "[" * 60_000), "Recursion"),
    "a study of another": (lambda file: file.attrs.__setitem__("study", "[law]\nname = 'chinchilla'"), "missing"),
    "no draws": (lambda file: file.__delitem__("posterior"), "posterior"),
    "no rows": (lambda file: file.__delitem__("runs"), "runs"),
    "no draws of a parameter": (lambda file: file["posterior"].__delitem__("alpha"), "no draws of 'alpha'"),
    "no effects": (lambda file: file["posterior"].__delitem__("E_by_arch"), "no draws of 'E_by_arch'"),
    "no level of a row": (
        lambda file: file.attrs.__setitem__("record", file.attrs["record"].replace('["dense", ', '["dens", ')),
        "levels of 'arch'",
    ),
    "an odd health": (
        lambda file: file.attrs.__setitem__("record", file.attrs["record"].replace('"r_hat": 1.001', '"r_hat": "x"')),
        "ValidationError",
    ),
    "no losses": (lambda file: file["runs"].__delitem__("response"), "response"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_fit_holds_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    change, said = HOSTILE[name]
    assert said in refused(changed(content, tmp_path / "fit.nc", change))


def test_a_text_that_stands_for_many_is_not_read_many_times(content: bytes, tmp_path: Path) -> None:
    def repeat(file: h5py.File) -> None:
        del file["runs/run"]
        file["runs"].create_dataset("run", data=["x" * 30_000] + ["y"] * 79, dtype=h5py.string_dtype())

    path = changed(content, tmp_path / "fit.nc", repeat)
    with h5py.File(path) as file:
        start = file["runs/run"].id.get_offset()
    raw = bytearray(path.read_bytes()[: -sealing.CHECKSUM_LENGTH])
    raw[start : start + 80 * 16] = raw[start : start + 16] * 80
    path.write_bytes(sealing.with_checksum(bytes(raw)))
    assert "more than the file can hold" in refused(path)


@pytest.mark.parametrize("name", ["a group within its parent", "an impossible shape", "bytes of another file"])
def test_what_has_no_checksum_is_looked_through_by_another_process(name: str, content: bytes, tmp_path: Path) -> None:
    def earlier(file: h5py.File) -> None:
        HOSTILE[name][0](file)
        file.attrs["format"] = WITHOUT_SEAL

    path = changed(content, tmp_path / "fit.nc", earlier)
    path.write_bytes(path.read_bytes()[: -sealing.CHECKSUM_LENGTH])
    assert HOSTILE[name][1] in refused(path)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("while True: pass", "does not end"),
        ("import os; os.abort()", "cannot be read"),
        ("raise MemoryError", "cannot be read"),
    ],
)
def test_a_reader_that_hangs_or_dies_is_one_line(
    code: str, said: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, path = subprocess.run, tmp_path / "fit.nc"
    path.write_bytes(content)
    if said == "does not end":
        monkeypatch.setattr(structure, "SECONDS", 1)
    monkeypatch.setattr(structure.subprocess, "run", lambda _, **how: run([sys.executable, "-c", code], **how))
    assert said in refused(path)


def test_a_file_larger_than_the_machine_is_not_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    os.truncate(path, sealing.max_readable_bytes() + 1)  # holes take no room
    assert "memory" in refused(path)


def test_another_programs_file_is_told_from_a_fit(tmp_path: Path) -> None:
    for kind in ("text", b"\x89HDF\r\n\x1a\n", b"CDF\x01"):
        (tmp_path / "fit.nc").write_bytes(kind.encode() if isinstance(kind, str) else kind)
        refused(tmp_path / "fit.nc")
    (tmp_path / "folder.nc").mkdir()
    refused(tmp_path / "folder.nc")


def test_other_readers_see_a_fit_and_what_was_noted_with_it(tmp_path: Path) -> None:
    path = save_with(FIT, tmp_path / "fit.nc", {"told": "yes"})
    assert (attributes(path)["told"], attributes(path)["format"]) == ("yes", FORMAT)
    with xr.open_datatree(path) as tree:
        np.testing.assert_array_equal(tree["posterior/alpha"], FIT.posterior["alpha"])


def test_a_folder_is_read_where_it_holds_a_fit_and_else_what_it_holds_is_said(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("x")
    with pytest.raises(InputError, match=r"fit.nc: no such file; .*: the folder holds \['plan.csv'\]$"):
        bs.load(tmp_path)
    study = bs.read_study("moba_vs_full")
    (tmp_path / "out").mkdir()
    bs.save(bs.prior(study.model, study_runs(study), draws=10), tmp_path / "out" / "fit.nc")
    assert isinstance(bs.load(tmp_path / "out"), bs.Fit)
    with pytest.raises(InputError, match=r"fits are in \['.*out'\]"):
        bs.load(tmp_path)


def test_settings_in_the_place_of_runs_are_told_theirs() -> None:
    with pytest.raises(InputError, match=r"expected fit\(model, runs, settings\), or fit\(study, settings=settings\)"):
        bs.fit("chinchilla", bs.Settings())  # type: ignore[arg-type]


def test_a_folder_called_as_the_file_of_a_fit_is_no_fit(tmp_path: Path) -> None:
    (tmp_path / "fit.nc").mkdir()
    with pytest.raises(InputError, match=r"fit.nc: no such file; .*: the folder holds \['fit.nc'\]$"):
        bs.load(tmp_path)
    bs.save(FIT, tmp_path / "fit.nc" / "fit.nc")
    with pytest.raises(InputError, match=r"the folder holds \['fit.nc'\]; fits are in \['.*fit.nc'\]$"):
        bs.load(tmp_path)
    assert bs.load(tmp_path / "fit.nc").runs.references == FIT.runs.references
