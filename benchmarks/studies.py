"""Every bundled study from the command line with default settings, a fresh process each, and its warm sampling.

Writes its part of `results.md` next to this file, targets met or not; other parts stay as they are.

    python benchmarks/studies.py [--only STUDY ...]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
from chinchilla import RESULTS, machine, markdown, say, timed

FOLDER = Path(__file__).parents[2] / "shared/data/runs"
"""A folder of public tables beside the repository, read where the environment names none."""
TABLES = {"chinchilla": "chinchilla_epoch", "chinchilla_law": "chinchilla_epoch"}
"""Study without runs of its own -> public table to fit it to."""
EMPTY = ("chinchilla", "moba_vs_full")
"""Studies that are measured with empty caches too, which takes minutes each."""
HEADING = "# Bundled studies, each from a cold start"
LIMIT = 90.0
"""Seconds that a cold fit may take on two cores."""


@dataclass(frozen=True)
class Measured:
    """How a study did; `skipped` says why it was not measured.

    cold, empty: wall seconds of the command with the compilers' caches on disk warm, and with empty ones where that was asked.
    warm: seconds of sampling in a process that has compiled the model.
    code: exit code of the command.
    diagnostics: what the command wrote about its draws.
    """

    study: str
    skipped: str = ""
    cold: float = 0.0
    empty: float | None = None
    warm: float = 0.0
    code: int = 0
    diagnostics: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Measure every study, print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="STUDY", help="measure these and write nothing")
    parser.add_argument("--empty", nargs="*", default=EMPTY, metavar="STUDY", help="measure these with empty caches too")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--runs", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(warm(arguments.part, arguments.runs)))
        return
    from bayes_scaling.model.studies.bundled import bundled

    loads = [os.getloadavg()[0]]
    names = arguments.only or list(bundled())
    found = []
    for name in names:
        found.append(say(name, lambda name=name: measured(name, name in arguments.empty)))  # type: ignore[misc]
        loads.append(os.getloadavg()[0])
        print(*row(found[-1]).values(), sep=" | ", file=sys.stderr, flush=True)
    text = written(found, loads)
    print(text)
    if not arguments.only:
        RESULTS.write_text(inserted(RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else "", text), encoding="utf-8")


def measured(name: str, with_empty: bool) -> Measured:
    """Sample in one process, which leaves the caches warm; run the command in another, and in a third with empty caches."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            runs = table(name, Path(folder))
        except LookupError as error:
            return Measured(name, skipped=str(error))
        part = finished([sys.executable, __file__, "--part", name, *runs])
        command = [sys.executable, "-m", "bayes_scaling.cli", "fit", name, *runs, "--out", f"{folder}/out"]
        cold, done = timed(lambda: finished(command))
        if part.returncode or done.returncode not in (0, 3):  # 3: sampled, and the health gate failed
            print(part.stderr, done.stderr, file=sys.stderr)
            return Measured(name, skipped=f"sampling ended with code {part.returncode}, the command with {done.returncode}")
        caches = {"NUMBA_CACHE_DIR": f"{folder}/numba", "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor"}
        diagnostics = json.loads(Path(folder, "out", "diagnostics.json").read_text(encoding="utf-8"))
        empty = timed(lambda: finished(command, caches))[0] if with_empty else None
        return Measured(name, "", cold, empty, json.loads(part.stdout.splitlines()[-1]), done.returncode, diagnostics)


def finished(line: list[str], environment: Mapping[str, str] = MappingProxyType({})) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ | environment)


def table(name: str, folder: Path) -> list[str]:
    """Return the option that gives a study its runs, none where they are bundled; LookupError says why they are missing."""
    from bayes_scaling import InputError, read_study
    from bayes_scaling.data.datasets import fetch

    if read_study(name).source is not None:
        return []
    if name not in TABLES:
        raise LookupError("it has no runs of its own")
    if FOLDER.is_dir():
        os.environ.setdefault("BAYES_SCALING_DATA", str(FOLDER))
    try:
        fetch(TABLES[name]).to_csv(folder / "runs.csv", index=False, encoding="utf-8")
    except InputError:
        raise LookupError(f"{TABLES[name]} is neither in a folder nor to be fetched") from None
    return ["--runs", str(folder / "runs.csv")]


def warm(name: str, runs: str | None) -> float:
    """Return the seconds that the draws of the command take in a process that has compiled the model."""
    os.environ.setdefault("NUMBA_OPT", "1")  # as the command does
    from bayes_scaling import read_study
    from bayes_scaling.inference.sampling import sample
    from bayes_scaling.model.studies.study import study_runs

    study = read_study(name)
    data = study_runs(study, runs)
    settings = replace(study.settings, progress=False)
    sample(study.model, data, replace(settings, draws=4, tune=1))  # compiles
    return timed(lambda: sample(study.model, data, settings))[0]


def row(one: Measured) -> dict[str, str]:
    """Return a study's line of the table."""
    if one.skipped:
        return {"study": one.study, "rows": f"skipped: {one.skipped}"}
    found, ess = one.diagnostics, one.diagnostics["ess_bulk"]
    return {
        "study": one.study,
        "rows": f"{found['rows']:,}",
        "cold": f"{one.cold:.1f}",
        "empty": "" if one.empty is None else f"{one.empty:.1f}",
        "warm": f"{one.warm:.2f}",
        "ess": f"{ess:,.0f}",
        "rate": f"{ess / one.warm:,.0f}",
        "divergences": str(found["divergences"]),
        "gate": "yes" if found["ok"] else "no",
        "code": str(one.code),
        "met": "yes" if one.cold <= LIMIT and found["ok"] else "no",
    }


TITLES = {
    "study": "study",
    "rows": "rows",
    "cold": "cold, s",
    "empty": "caches empty, s",
    "warm": "warm sampling, s",
    "ess": "smallest bulk ESS",
    "rate": "ESS/s",
    "divergences": "divergences",
    "gate": "gate passed",
    "code": "exit code",
    "met": f"cold <= {LIMIT:g} s, gate passed",
}


def written(found: list[Measured], loads: list[float]) -> str:
    """Return this part of the report as Markdown."""
    rows = pd.DataFrame([row(one) for one in found], columns=list(TITLES)).fillna("").rename(columns=TITLES)
    return f"""{HEADING}

{datetime.now(UTC):%Y-%m-%d}, one run on a shared machine, others busy on the same cores; numbers as measured, target met or
not.

{machine()}; load average at the start {loads[0]:.1f}, up to {max(loads):.1f} during it.

{markdown(rows)}

Cold: wall seconds of `bayes-scaling fit STUDY` in a fresh process with default settings, figures and files included, the
compilers' caches on disk warm; with empty caches in the next column. Warm sampling: the same draws, tuning included, in a
process that has compiled the model. ESS/s: the smallest bulk ESS of all parameters over those seconds.
"""


def inserted(report: str, text: str, heading: str = HEADING) -> str:
    """Return a report with a part in place of an earlier one of its heading, or at its end."""
    before, _, after = report.partition(heading)
    rest = after.partition("\n# ")
    return f"{before.rstrip()}\n\n{text}{rest[1]}{rest[2]}".lstrip()


if __name__ == "__main__":
    main()
