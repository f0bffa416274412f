"""The code in pages, run as a reader would: blocks of Python and of a shell, one after the other, in a folder of their own.

What a block prints is the ```text block that follows it. `python docs/blocks.py docs/start.md` runs a page and writes what its
blocks print, and the figures they save, into the page and into docs/figures; the tests run pages and compare.
"""

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).parent
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
NOT_RUN = "<!-- not run"
"""In the line before a block: what it needs is not here."""
NUMBER = re.compile(r"\b[0-9a-f]{64}\b|[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
"""A hash is one too."""


@dataclass(frozen=True)
class Block:
    """Code of a page, with what the page says it prints; None where it says nothing of it."""

    language: str
    code: str
    shown: str | None
    start: int
    end: int


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page that are run."""
    for found in BLOCK.finditer(text):
        before = text[: found.start()].rstrip().rsplit("\n", 1)[-1]
        if not before.startswith(NOT_RUN):
            yield Block(found[1], found[2], found[3], found.start(), found.end())


def run(text: str, folder: Path) -> Iterator[tuple[Block, str]]:
    """Yield each block of a page with what it prints; Python blocks share their names, all share a folder with docs/data."""
    for path in (DOCS / "data").iterdir():
        shutil.copy(path, folder / path.name)
    names: dict[str, object] = {"__name__": "__main__"}
    with chdir(folder):
        for block in blocks(text):
            yield block, (in_python(block.code, names) if block.language == "python" else in_shell(block.code))


def in_python(code: str, names: dict[str, object]) -> str:
    """Return what Python code prints."""
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "page", "exec"), names)
    return printed.getvalue()


def in_shell(code: str) -> str:
    """Return what commands print on stdout; raises where one fails otherwise than by draws that are not to be trusted."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "COLUMNS": "120", "NO_COLOR": "1"}
    done = subprocess.run(["bash", "-eu", "-c", code], capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{code}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def alike(shown: str, printed: str) -> bool:
    """Return whether two outputs have the same words, whatever their numbers: those hang on the machine's last bits."""
    return words(shown) == words(printed)


def words(text: str) -> list[str]:
    """Return the words of a text without numbers and signs."""
    return re.findall(r"[A-Za-z_]{2,}", NUMBER.sub(" ", text))


def rewritten(text: str, folder: Path) -> str:
    """Return a page with what its blocks print, where it shows what they print."""
    parts, last = [], 0
    for block, printed in run(text, folder):
        shown = f"\n```text\n{printed.rstrip()}\n```\n" if block.shown is not None else ""
        parts += [text[last : block.start], f"```{block.language}\n{block.code}```\n{shown}"]
        last = block.end
    return "".join([*parts, text[last:]])


def main() -> None:
    """Run pages, and write into them what their blocks print."""
    for path in map(Path, sys.argv[1:]):
        page = path.resolve()
        with TemporaryDirectory() as folder:
            text = rewritten(page.read_text(encoding="utf-8"), Path(folder))
            for figure in Path(folder).glob("*.png"):
                shutil.copy(figure, DOCS / "figures" / figure.name)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
