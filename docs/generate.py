"""Pages that no file under docs/ holds: made from code, or texts that lie elsewhere in the checkout."""

import re
from pathlib import Path

from pages import api, commands, keys, laws, studies

CONTENTS = """
```{toctree}
:hidden:

architecture
design-decisions
```
"""


def generated(root: Path) -> dict[str, str]:
    """Return the pages that no file under docs/ holds: path in the site's sources -> Markdown."""
    made = {
        "reference/api.md": api.page(),
        "reference/command-line.md": commands.page(),
        "reference/laws.md": laws.page(),
        "reference/model-file-keys.md": keys.page(),
        "studies/bundled.md": studies.page(root),
        "changelog.md": read(root / "CHANGELOG.md"),
        "contributing/index.md": read(root / "CONTRIBUTING.md") + CONTENTS,
        "contributing/architecture.md": read(root / "ARCHITECTURE.md"),
        "contributing/design-decisions.md": read(root / "docs" / "design-decisions.md"),
    }
    return made | {f"validation/{path.name}": benchmark(path) for path in sorted((root / "benchmarks").glob("*.md"))}


def read(path: Path) -> str:
    """Return a text of the root; links to files of the checkout become their names, since the site does not hold them."""
    return dollars(re.sub(r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)", r"\1", path.read_text(encoding="utf-8")))


def benchmark(path: Path) -> str:
    """Return a benchmark's text, with a title where it has none; figures of pages lie beside it on the site."""
    text = dollars(path.read_text(encoding="utf-8").replace("](../docs/", "](../"))
    return text if text.startswith("# ") else f"# {path.stem.replace('_', ' ').capitalize()}\n\n{text}"


def dollars(text: str) -> str:
    """Return a text whose dollars are dollars, and no equations."""
    return re.sub(r"(`[^`]*`)|\$", lambda found: found[1] or "\\$", text)
