"""Archives of logs: what is in them is read, nothing is written outside, and what is damaged or far too large is refused."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.data.importers import archives

LOG = b'{"step": 1, "loss": 5.0}\n{"step": 2, "loss": 4.0}\n'
MEMBERS = {"sweep/small.jsonl": LOG, "sweep/big/metrics.jsonl": LOG, "sweep/model.pt": b"weights", "README": b"words\n"}


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:xz", "w:bz2"])
def test_logs_of_an_archive(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "logs.archive"
    if kind == "zip":
        zipped(path, MEMBERS)
    else:
        tarred(path, MEMBERS, kind)
    logs = bs.read_logs(path)
    assert list(logs.sources["run"]) == ["big", "small"]
    assert list(logs.sources["source"]) == [f"{path}#sweep/big/metrics.jsonl", f"{path}#sweep/small.jsonl"]
    assert len(logs.metrics) == 4
    assert any("model.pt" in note and str(path) in note for note in logs.notes)
    assert any(f"{path}#README" in note for note in logs.notes)


def test_an_archive_in_a_folder(tmp_path: Path) -> None:
    zipped(tmp_path / "logs.zip", MEMBERS)
    (tmp_path / "other.jsonl").write_bytes(LOG)
    assert set(bs.read_logs(tmp_path).sources["run"]) == {"big", "small", "other"}


@pytest.mark.parametrize("name", ["../evil.jsonl", "/evil.jsonl", "a/../../evil.jsonl", "C:\\evil.jsonl", "..\\evil.jsonl"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    for path in (
        zipped(tmp_path / "a.zip", {name: LOG, "ok.jsonl": LOG}),
        tarred(tmp_path / "a.tar", {name: LOG, "ok.jsonl": LOG}, "w"),
    ):
        folder = tmp_path / "inside" / path.suffix
        notes: list[str] = []
        found = archives.unpack_archive(path, "a", folder, notes)
        assert [called for _, called in found] == ["ok.jsonl"]
        assert len(notes) == 1
        assert [one.name for one in tmp_path.rglob("*.jsonl") if folder not in one.parents] == [] or path.suffix == ".tar"
        assert not list(tmp_path.rglob("evil.jsonl"))


def test_links_are_left_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_bytes(LOG)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link.jsonl")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        entry = zipfile.ZipInfo("link.jsonl")
        entry.external_attr = 0o120777 << 16
        packed.writestr(entry, str(secret))
    for name in ("a.tar", "a.zip"):
        notes: list[str] = []
        assert archives.unpack_archive(tmp_path / name, name, tmp_path / "inside", notes) == []
        assert "link.jsonl" in notes[0]


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 1_000_000)
    path = zipped(tmp_path / "bomb.zip", {"a.jsonl": b"0" * 30_000_000})
    with pytest.raises(bs.InputError, match=f"{path}: the archive unpacks to more than"):
        bs.read_logs(path)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(bs.InputError, match="more than 3 members"):
        bs.read_logs(zipped(tmp_path / "many.zip", MEMBERS | {"more": b""}))


def test_an_archive_that_was_cut(tmp_path: Path) -> None:
    members = {f"run-{run}.jsonl": LOG * 2_000 for run in range(20)}
    path = tarred(tmp_path / "logs.tar", members, "w")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    logs = bs.read_logs(path)
    assert 5 < len(logs.sources) < 15
    assert any(f"{path}: the archive is damaged or cut" in note for note in logs.notes)
    path.write_bytes(b"PK\x03\x04" + b"0" * 1_000)
    with pytest.raises(bs.InputError, match=f"{path}: no known log"):
        bs.read_logs(path)


def test_weights_and_spreadsheets_are_no_archives(tmp_path: Path) -> None:
    for name in ("archive/data.pkl", "[Content_Types].xml"):
        assert not archives.is_archive(zipped(tmp_path / "a.zip", {name: b"x"}))
