"""What the README shows is valid: short, its links lead somewhere, its names and commands exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

import bayes_scaling as bs
from bayes_scaling.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST = 120
"""Lines that are read in a minute."""


def test_it_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= LONGEST


def test_its_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if not link.startswith("https:")]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_numbers_are_those_measured() -> None:
    measured = (ROOT / "benchmarks" / "extrapolation.md").read_text(encoding="utf-8")
    for what, value in {
        "90 % bands, pooled": "88.0 %",
        "50 % bands, pooled": "48.4 %",
        "CRPS over the practice's, sweeps": "0.46",
        "the worst sweep's": "1.71",
        "sweeps above 1.2": "5 of 33",
    }.items():
        assert re.search(rf"upper third +\| {re.escape(what)} +\|[^|]+\| {re.escape(value)} ", measured), what
    assert re.search(r"all but ten +\| CRPS over the practice's, sweeps +\|[^|]+\| 0\.25 ", measured)
    assert re.search(r"upper third +\| practice +\| +33 \| +872 \| +0 \| +0\.2592 \| +0\.461 ", measured)


def test_every_public_name_in_the_readme_exists() -> None:
    for name in set(re.findall(r"\bbs\.(\w+)", README)):
        assert hasattr(bs, name), name


@pytest.mark.parametrize("line", sorted(set(re.findall(r"\bbayes-scaling ([^`\n]+)", README))))
def test_every_command_in_the_readme_is_accepted(line: str) -> None:
    name, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, words)
