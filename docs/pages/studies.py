"""The bundled studies, as their files say."""

import tomllib
from pathlib import Path

TOP = """# Bundled studies

A study is one TOML file: which table, which columns, which model, with a reason beside every prior. `bayes-scaling models`
lists them; `bayes-scaling fit NAME` fits one. Where a study has no table of its own, give it `--runs FILE`.

"""


def page(root: Path) -> str:
    """Return the page: a table, then each file as it stands."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted((root / "models").glob("*.toml"))}
    rows = [f"| [{name}](#study-{name.replace('_', '-')}) | {title(text)} |" for name, text in found.items()]
    files = [f"(study-{name.replace('_', '-')})=\n## {name}\n\n```toml\n{text}```\n" for name, text in found.items()]
    return TOP + "\n".join(["| study | what it is |", "| --- | --- |", *rows, "", *files])


def title(text: str) -> str:
    """Return a study's title."""
    return str(tomllib.loads(text).get("title", ""))
