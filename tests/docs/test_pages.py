"""What the documentation shows is valid: names, commands and model files exist; code runs and prints what the page shows."""

import importlib
import re
import shlex
import sys
import warnings
from pathlib import Path

import pytest
import typer

import bayes_scaling as bs
from bayes_scaling._base.finding import WORST_FIRST
from bayes_scaling.cli import app
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.reading import parse_study

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

from blocks import alike, blocks, run  # noqa: E402
from pages import api  # noqa: E402

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (*DOCS.rglob("*.md"), ROOT / "README.md")
}
TOLD = {name for names in api.GROUPS.values() for name in names.split()}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fenced(language: str) -> list[tuple[str, str]]:
    """Return the blocks of a language: page and text."""
    return [(page, found[2]) for page, text in PAGES.items() for found in FENCE.finditer(text) if found[1] == language]


def commands() -> list[str]:
    """Return every command line that pages show, continued lines joined, without comments."""
    lines = "\n".join(text for _, text in fenced("sh")).replace("\\\n", " ")
    return sorted(set(re.findall(r"^bayes-scaling (.+?)(?:  +#.*)?$", lines, re.MULTILINE)))


@pytest.mark.parametrize("page", sorted(page for page, text in PAGES.items() if re.search(r"\bbs\.\w", text)))
def test_every_public_name_exists(page: str) -> None:
    code = "\n".join([text for where, text in fenced("python") if where == page] + re.findall(r"`(bs\.[^`]+)`", PAGES[page]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in set(re.findall(r"\bbs\.(\w+)", code)):
            assert hasattr(bs, name), name


def test_every_name_of_the_front_door_is_on_the_page_of_the_api() -> None:
    assert set(bs.__all__) - TOLD == {"laws", "plots", "datasets", "__version__"} & set(bs.__all__)


def test_every_module_that_pages_name_has_what_they_take_from_it() -> None:
    for page, code in fenced("python"):
        for module, names in re.findall(r"^from (bayes_scaling[\w.]*) import (.+)$", code, re.MULTILINE):
            for name in names.split(", "):
                assert hasattr(importlib.import_module(module), name), (page, module, name)


@pytest.mark.parametrize("line", commands())
def test_every_command_is_accepted(line: str) -> None:
    name, *words = shlex.split(line, comments=True)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, words)


def test_the_model_file_reads() -> None:
    whole, part, stack, sampling, _ = [text for page, text in fenced("toml") if page == "docs/reference/model-file.md"]
    study = parse_study(whole, "model-file.md")
    assert set(study.model.parameters) == {"E", "A", "alpha"}
    assert study.columns.where is not None
    assert study.model.discrepancy == ()
    departing = parse_study(f"{whole}\n{part}\n{sampling}", "model-file.md")
    assert [term.amplitude for term in departing.model.discrepancy] == [bs.Prior(median=0.05, factor=3.0)]
    assert departing.settings.draws == 2000
    stacked = parse_study(f"{whole}\n{part}\n{stack}", "model-file.md").stack
    assert [(one.name, one.weight, set(one.model.parameters)) for one in stacked] == [
        ("floor", 1.0, {"E", "A", "alpha"}),
        ("no floor", 0.5, {"a", "b"}),
    ]


def test_every_file_that_texts_name_exists() -> None:
    others = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
    texts = PAGES | {name: (ROOT / name).read_text(encoding="utf-8") for name in others}
    files = ["/" + path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    named = {(page, name) for page, text in texts.items() for name in re.findall(r"`([\w./-]+\.py)\b", text)}
    assert [(page, name) for page, name in sorted(named) if not any(path.endswith(f"/{name}") for path in files)] == []


def test_every_name_in_a_file_that_texts_name_exists() -> None:
    for text in (*PAGES.values(), (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")):
        for file, name in re.findall(r"`([\w/]+\.py): (\w+)`", text):
            source = (ROOT / "bayes_scaling" / file).read_text(encoding="utf-8")
            assert re.search(rf"^(def |class )?{name}\b", source, re.MULTILINE), (file, name)


def test_every_result_has_its_row_on_the_page_of_the_api() -> None:
    for name, (module, makers) in api.RESULTS.items():
        record = getattr(importlib.import_module(module), name)
        assert name == "Stack" or {"summary", "to_frame"} <= set(api.members(record)), name
        for maker in makers.split(", "):
            place, _, function = f"bayes_scaling.{maker}".rpartition(".")
            assert hasattr(importlib.import_module(place), function), maker


def test_every_finding_has_its_meaning() -> None:
    told = re.findall(r"^\| `([\w-]+)` \|", PAGES["docs/reference/findings.md"], re.MULTILINE)
    assert tuple(told[: len(WORST_FIRST)]) == WORST_FIRST


def test_every_study_is_named() -> None:
    told = set(re.findall(r"`(\w+)`", PAGES["docs/studies/index.md"]))
    assert set(bundled()) - told == set()


def test_every_benchmark_and_notebook_has_its_place() -> None:
    validation, studies = PAGES["docs/validation/index.md"], PAGES["docs/studies/index.md"]
    assert [path.name for path in (ROOT / "benchmarks").glob("*.md") if f"\n{path.stem}\n" not in validation] == []
    assert [path.name for path in (ROOT / "notebooks").glob("*.ipynb") if f"\n{path.stem}\n" not in studies] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(page for page, text in PAGES.items() if any(blocks(text))))
def test_code_runs_and_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "data").symlink_to(DOCS / "data")  # as the README, in the checkout, finds it
    for block, printed in run(PAGES[page], tmp_path):
        assert block.shown is None or alike(block.shown, printed), f"{page}\n{block.code}\n{printed}"
