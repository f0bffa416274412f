"""Kill a writer at every step it takes, and see what is left; a process of its own, since it forks, with few imports.

Three fits lie in the folder that it is given, called by their numbers.

Prints a line of JSON for each kill: the number in each file of the folder as the kill left it, the same once it was read, and
what is there beside files after the next write.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bayes_scaling._base.files import write_bytes, write_text
from bayes_scaling._base.folders import atomic_folder
from bayes_scaling._base.leftovers import recover
from bayes_scaling._base.moves import write_together

STEPS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "ctypes.dlsym"}
"""What changes a folder, as the interpreter tells of it."""
FIRST = 9

type Writer = Callable[[Path, int], None]


def write_fit(contents: dict[int, bytes], out: Path, number: int) -> None:
    """Write an answer of several files; the first has one that later ones lack."""
    with atomic_folder(out, earlier=("fit.nc", "number.txt", "figures/stale.txt")) as new:
        write_bytes(contents[number], new / "fit.nc")
        write_text(str(number), new / "number.txt")
        write_text(str(number), new / "figures" / ("stale.txt" if number == FIRST else "all.txt"))


def write_files(out: Path, number: int) -> None:
    """Write an answer of several files among others, in two folders."""
    with write_together():
        for name in ("number.txt", "more.txt", "figures/all.txt"):
            write_text(str(number), out / name)


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Do some work in a process that is killed at a step; returns whether it came to that."""
    child = os.fork()
    if not child:
        taken = iter(range(step))

        def count(event: str, arguments: object) -> None:
            if event in STEPS and next(taken, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def numbers(out: Path, contents: dict[int, bytes]) -> dict[str, str]:
    """Return the number in each file of a folder, but those that are in the making."""
    said = {str(path.relative_to(out)): path.read_text() for path in out.rglob("*.txt") if "~" not in str(path)}
    if (out / "fit.nc").is_file():
        content = (out / "fit.nc").read_bytes()
        said["fit.nc"] = next(str(number) for number, known in contents.items() if known == content)
    return said


def cleared(out: Path) -> None:
    for path in sorted(out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    out.rmdir()


def kills(how: str, out: Path, contents: dict[int, bytes]) -> None:
    """Kill a writer at its first step, its second and so on, until it needs no more."""
    write: Writer = write_files if how == "files" else partial(write_fit, contents)
    if how != "fresh":
        write(out, FIRST)
        write_text("own", out / "own" / "note.txt")
        (out / "own" / "link").symlink_to("note.txt")
    if how == "in use":  # as the present directory, so that it cannot be exchanged
        os.chdir(out)
    was_killed, step = True, 0
    while was_killed:
        was_killed = killed_at(step, partial(write, out, step % 2 + 1))
        said = {"how": how, "killed": was_killed, "left": numbers(out, contents)}
        recover(out)
        said["read"] = numbers(out, contents)
        write(out, FIRST)
        said["other"] = sorted(str(path.relative_to(out.parent)) for path in out.parent.rglob("*") if path.suffix != ".txt")
        print(json.dumps(said))
        if how == "fresh":
            cleared(out)
        step += 1


if __name__ == "__main__":
    os.fsync = lambda _: None  # a killed process loses nothing that it wrote
    scratch = Path(sys.argv[1])
    CONTENTS = {number: (scratch / f"{number}.nc").read_bytes() for number in (1, 2, FIRST)}
    for place in sys.argv[2:]:
        kills(place, scratch / place / "deep" / "out", CONTENTS)
