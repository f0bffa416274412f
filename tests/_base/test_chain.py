"""Chains of JSON lines: every change shows, and nobody's line is lost."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_scaling._base.chain import START, append, locked, read_chain, verified
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.moves import write_together

WRITER = """
import sys
from pathlib import Path
from bayes_scaling._base.chain import append, locked
for i in range(int(sys.argv[3])):
    with locked(Path(sys.argv[1])):
        append(Path(sys.argv[1]), {"by": sys.argv[2], "i": i})
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from bayes_scaling._base import chain
path = Path(sys.argv[1])
def killed(content, path):
    Path(str(path) + ".part").write_bytes(content[:-7])
    os.kill(os.getpid(), signal.SIGKILL)
chain.write_bytes = killed
with chain.locked(path):
    chain.append(path, {"by": "killed"})
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A chain of three lines."""
    for text in ("one", 'two ","sha256":"', "drei \N{EN DASH} ü\n"):
        add(tmp_path / "c.jsonl", text)
    return tmp_path / "c.jsonl"


def add(path: Path, text: str) -> str:
    with locked(path):
        return append(path, {"text": text, "value": 1.5, "none": float("nan")}).sha256


def test_a_line_says_what_was_written_and_anybody_can_check_its_hash(path: Path) -> None:
    links = read_chain(path)
    assert [link.content["text"] for link in links] == ["one", 'two ","sha256":"', "drei \N{EN DASH} ü\n"]
    assert [link.content["previous"] for link in links] == [START, links[0].sha256, links[1].sha256]
    assert links[0].content["none"] is None
    for line, link in zip(path.read_bytes().splitlines(), links, strict=True):
        assert json.loads(line)["sha256"] == link.sha256
        assert hashlib.sha256(line[: -len(f',"sha256":"{link.sha256}"}}')]).hexdigest() == link.sha256


def test_every_edit_of_a_single_byte_is_found(path: Path) -> None:
    whole = path.read_bytes()
    verified(whole, "c")
    for i, byte in enumerate(whole):
        others = {byte ^ 1, byte ^ 32, *b'\n\r"0a}', 0, 255} - {byte}
        edits = [whole[:i] + bytes([one]) + whole[i + 1 :] for one in others]
        edits += [whole[:i] + whole[i + 1 :], whole[:i] + b" " + whole[i:], whole[:i] + b"\n" + whole[i:]]
        for edited in edits:
            with pytest.raises(InputError, match=r"^c, line \d: the chain is broken, "):
                verified(edited, "c")


def test_every_cut_but_one_between_lines_is_found(path: Path) -> None:
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for i in range(1, len(whole)):
        if i in ends:
            assert len(verified(whole[:i], "c")) == ends.index(i) + 1  # only a head that was published tells
            continue
        number = whole[:i].count(b"\n") + 1
        with pytest.raises(InputError, match=f"c, line {number}: .* cut off"):
            verified(whole[:i], "c")


@pytest.mark.parametrize(
    ("order", "line"), [((1, 2), 1), ((0, 2), 2), ((1, 0, 2), 1), ((0, 2, 1), 2), ((0, 0, 1, 2), 2), ((0, 1, 2, 2), 4)]
)
def test_lines_that_were_removed_moved_or_doubled_are_found(path: Path, order: tuple[int, ...], line: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    with pytest.raises(InputError, match=f"line {line}: .* does not follow"):
        verified(b"".join(lines[i] for i in order), "c")


def test_an_edit_whose_hash_was_made_anew_shows_at_the_next_line(path: Path) -> None:
    first, *others = path.read_bytes().splitlines(keepends=True)
    edited = first.split(b',"sha256"')[0].replace(b"one", b"ONE")
    forged = edited + f',"sha256":"{hashlib.sha256(edited).hexdigest()}"}}\n'.encode()
    with pytest.raises(InputError, match=r"line 2: .* does not follow"):
        verified(b"".join([forged, *others]), "c")


def test_other_line_ends_are_named(path: Path) -> None:
    with pytest.raises(InputError, match="line ends"):
        verified(path.read_bytes().replace(b"\n", b"\r\n"), "c")


def test_what_is_hashed_right_but_no_json_is_one_line() -> None:
    for middle in (b'"x":', b'"x":' + b"[" * 100_000, b'"x":"\xff"'):
        hashed = b'{"entry":1,"previous":"' + START.encode() + b'",' + middle
        line = hashed + f',"sha256":"{hashlib.sha256(hashed).hexdigest()}"}}\n'.encode()
        with pytest.raises(InputError, match="line 1: no entry, it cannot be read") as error:
            verified(line, "c")
        assert len(str(error.value).splitlines()) == 1


def test_nothing_is_put_behind_a_broken_chain(path: Path) -> None:
    path.write_bytes(broken := path.read_bytes()[:-1])
    with pytest.raises(InputError, match="line 3: "):
        add(path, "four")
    assert path.read_bytes() == broken
    assert [one.name for one in path.parent.iterdir()] == ["c.jsonl"]


def test_writers_at_once_lose_no_line(tmp_path: Path) -> None:
    path, each = tmp_path / "new" / "c.jsonl", 15
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name, str(each)]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    links = read_chain(path)
    for name in "abc":
        assert [link.content["i"] for link in links if link.content["by"] == name] == list(range(each))
    assert len(links) == 3 * each
    assert [one.name for one in path.parent.iterdir()] == ["c.jsonl"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process cannot be killed so")
def test_a_writer_that_is_killed_leaves_no_lock_and_no_half_line(path: Path) -> None:
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    add(path, "four")
    assert len(read_chain(path)) == 4


def test_a_line_appears_with_what_is_written_together_or_not_at_all(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(InputError, match="none"), locked(path), write_together():
        _append_and_fail(path)
    assert path.read_bytes() == before
    with locked(path), write_together():
        append(path, {"text": "four"})
    assert len(read_chain(path)) == 4


def _append_and_fail(path: Path) -> None:
    append(path, {"text": "four"})
    raise InputError("none")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "x.csv", Path("/dev/null"), tmp_path / "a\0b", tmp_path / ("n" * 300)):
        with pytest.raises(InputError):
            add(place, "one")
    with pytest.raises(InputError, match="is no file"):
        read_chain(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_link_to_a_ledger_stays_one(path: Path) -> None:
    link = path.with_name("link.jsonl")
    link.symlink_to(path)
    add(link, "four")
    assert link.is_symlink()
    assert len(read_chain(path)) == 4
