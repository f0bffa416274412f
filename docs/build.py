"""Build the documentation into out/docs: lay out its sources in out/docs-source, write what is made from code, call Sphinx.

python docs/build.py              notebooks are shown as they are stored
python docs/build.py --execute    notebooks that changed since they last ran are run, and an error in one fails the build
"""

import argparse
import filecmp
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "out" / "docs-source"
OUT = ROOT / "out" / "docs"
CACHE = ROOT / "out" / "docs-cache"
MOVED = ("design-decisions.md",)
"""Pages that `generate` puts elsewhere."""
TABLES = ROOT.parent / "shared" / "data" / "runs"
"""Public tables beside the checkout, which some notebooks read."""


def main() -> int:
    """Build, check local links, and return 0 where nothing is wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--execute", action="store_true", help="run the notebooks that changed since they last ran")
    chosen = options.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
    if chosen.execute:
        os.environ.update(BAYES_SCALING_DOCS_EXECUTE="cache", BAYES_SCALING_DOCS_CACHE=str(CACHE / "notebooks"))
    if TABLES.is_dir():
        os.environ.setdefault("BAYES_SCALING_DATA", str(TABLES))
    from generate import generated
    from links import broken

    lay_out(generated(ROOT))
    from sphinx.cmd.build import main as sphinx

    words = ["-b", "html", "-E", "-W", "--keep-going", "-q", "-d", str(CACHE / "doctrees"), str(SOURCE), str(OUT)]
    if code := sphinx(words):
        return code
    lost = broken(OUT)
    print(*lost, sep="\n", end="\n" if lost else "")
    print(f"{OUT.relative_to(ROOT)}/index.html" if not lost else f"{len(lost)} links lead nowhere")
    return 1 if lost else 0


def lay_out(made: dict[str, str]) -> None:
    """Put pages, notebooks, benchmarks and what is made from code into one folder; what is unchanged keeps its time."""
    wanted = {path.relative_to(ROOT / "docs"): path for path in files(ROOT / "docs") if path.name not in MOVED}
    wanted |= {Path("studies") / path.name: path for path in (ROOT / "notebooks").glob("*.ipynb")}
    wanted |= {Path("reference/schema.json"): ROOT / "models" / "schema.json"}
    wanted |= {Path("validation") / path.name: path for path in (ROOT / "benchmarks").glob("*.png")}
    texts = {Path(name): text for name, text in made.items()}
    for old in [path for path in files(SOURCE) if path.relative_to(SOURCE) not in {*wanted, *texts}]:
        if "generated" not in old.parts:  # autosummary's own
            old.unlink()
    for name, path in wanted.items():
        copy(path, SOURCE / name)
    for name, text in texts.items():
        write(SOURCE / name, text)


def files(folder: Path) -> list[Path]:
    """Return the files below a folder that are no program's leftovers."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def copy(source: Path, target: Path) -> None:
    """Copy a file that has changed, with its time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or not filecmp.cmp(source, target):
        shutil.copy2(source, target)


def write(target: Path, text: str) -> None:
    """Write a text that has changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
