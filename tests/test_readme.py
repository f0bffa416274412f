"""What the README shows is valid: its model file reads, its model builds."""

import re
import shlex
from pathlib import Path

import pytest
import typer

import bayes_scaling as bs
from bayes_scaling.cli import app
from bayes_scaling.model.studies import parse_study

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_model_file_reads() -> None:
    whole, part = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    study = parse_study(whole, "README.md")
    assert set(study.model.parameters) == {"E", "A", "alpha"}
    assert study.columns.where is not None
    assert study.model.discrepancy == ()
    departing = parse_study(f"{whole}\n{part}", "README.md").model.discrepancy
    assert [term.amplitude for term in departing] == [bs.Prior(median=0.05, factor=3.0)]


def test_the_model_in_python_is_accepted() -> None:
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "bs.Model(" in block)
    source = block[block.index("model = bs.Model(") : block.index("fit = bs.fit(")]
    names: dict[str, object] = {"bs": bs}
    exec(source, names)
    assert isinstance(names["model"], bs.Model)


def test_every_public_name_in_the_readme_exists() -> None:
    for name in set(re.findall(r"\bbs\.(\w+)", README)):
        assert hasattr(bs, name), name
    assert all(hasattr(bs, name) for name in bs.__all__)


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^bayes-scaling (.+?)(?:  +#.*)?$", README, re.MULTILINE))))
def test_every_command_in_the_readme_is_accepted(line: str) -> None:
    name, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, words)
