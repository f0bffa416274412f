"""Words of our own do not come back where the field has one: see the glossary."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KINDS = (".py", ".pyi", ".md", ".toml", ".j2", ".ipynb")
FOLDERS = ("bayes_scaling", "models", "docs", "notebooks")

INSTEAD = {
    r"\breading[_ ]errors?\b": "measurement error",
    r"\bas_written\(": "format_value",
    r"\blisted\(": "format_names",
    r"\bwritable\(": "require_writable",
    r"\bwhole_folder\b": "atomic_folder",
    r"\brefuse_other_units\b": "require_same_units",
    r"\bunits_said\b": "with_units",
    r"[\"'`]apart[\"'`]": "mean_lag",
    r"\bseen_through\b": "one-step predictions",
    r"\bread_scales\b": "scale with measurement error",
    r"\bover_parts\b": "map over mixture components",
    r"\bmoved_law\b": "law along an input",
    r"\bheld_at\b": "parameters at points",
    r"\bbent_split\b": "optimal split with discrepancy",
    r"(?<!bayes-scaling )\b[Ff]leets?\b(?! MODEL)": "batch of fits",
    r"\b_?shelf\b": "result store",
    r"\bnamed_split\b": "optimal split as a dataset",
    r"(?i)\bdepart(s|ed|ing|ures?)?\b": "discrepancy of the law, group effects, or residuals of rows",
    r"(?i)\bbeliefs?\b|\bbelieved\b": "prior, prior predictive",
    r"(?i)\bowners\b": "parameters with priors",
    r"(?i)\bsurprise\b": "outlier, tail probability",
    r"\bUniverses?\b|\buniverses\b": "specifications of a multiverse analysis",
    r"(?i)\bkept their word\b": "calibration of held-out predictions",
}
"""A word of ours, as a regular expression -> what to say instead."""

EXCUSED = {
    "bayes_scaling/cli/commands.py": "a command's name",
    "bayes_scaling/cli/fleet.py": "a command's name",
    "bayes_scaling/_deprecated.py": "names of earlier versions",
    "bayes_scaling/inference/batch/results.py": "formats of stored results",
    "bayes_scaling/inference/loading.py": "columns of files of earlier versions",
    "bayes_scaling/data/columns.py": "an argument of earlier versions",
    "bayes_scaling/model/studies/earlier_keys.py": "keys of files of earlier versions",
}


def texts() -> list[Path]:
    """Return what people read, and the README."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS]
    return [*sorted(path for path in found if not {"_build", "__pycache__", "datasets"} & set(path.parts)), ROOT / "README.md"]


@pytest.mark.parametrize("word", INSTEAD)
def test_the_fields_word_is_used(word: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in texts()
        if str(path.relative_to(ROOT)) not in EXCUSED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(word, line) and "renamed_" not in line  # what keeps an earlier name working
    ]
    assert not found, f"say {INSTEAD[word]}:\n" + "\n".join(found)
