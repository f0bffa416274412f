"""The doors, given what nobody means: each case is read, or refused in one line, and nothing in it is ever executed."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import tomli_w
from by_hand import CLEAN, sweep
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.cli.commands import app
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.laws.library import law_parameters
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.summary import summarize_at

CASES = {"table": 400, "law": 350, "filter": 250, "model": 350, "points": 200, "question": 150, "record": 200}
CASES |= {"saved": 50, "options": 50}
"""So many cases of each door: 2,000."""

MARKS = ["nan", "inf", "-1", "0", "1e400", "1e308", "-", "", " ", ",", ";", '"', "'", "\\", "\0", "\n", "\r", "\t", "\x1b[31m"]
MARKS += [
    "é",
    "名",
    "\u202e",
    "\ud800",
    "\ufeff",
    "=1+1",
    "=HYPERLINK(1)",
    "{x}",
    "%s",
    "[red]",
    "NULL",
    "None",
    "True",
    "1_000",
]
MARKS += ["params", "loss", "chain", "a" * 300, "0x1F", "1,5", "**", "(", ")", "[", "]", "lambda", "in", "not", "==", "<", "."]


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A text that makes a file if anything runs it, and that file."""
    target = tmp_path_factory.mktemp("trap") / "sprung"
    return f"__import__('pathlib').Path({str(target)!r}).touch()", target


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    return sweep(CLEAN)


def mutated(rng: random.Random, text: str, code: str) -> str:
    """Return a text with some of its characters cut, doubled, swapped or replaced."""
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 1, 1, 2, 5, 20]))
        part = rng.choice([rng.choice(MARKS), code, text[start:end] * 2, "", chr(rng.randrange(1, 0x2FFF))])
        text = text[:start] + part + text[end:]
    return text


def table(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    frame = fit.runs.table.rename(columns={"response": "loss"}).iloc[: rng.choice([0, 1, 2, 9])]
    text = mutated(rng, frame.to_csv(index=False), code)
    path = folder / "runs.csv"
    path.write_bytes(text.encode(rng.choice(["utf-8", "utf-16", "latin-1", "utf-8-sig"]), "replace"))
    return bs.read_runs(path, fit.runs.columns)


def law(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    text = mutated(rng, "E + A * params**-alpha + B * exp(-beta * log(tokens))", code)
    found = bs.parse_law(text, ["params", "tokens"])
    names = law_parameters(found)
    with np.errstate(all="ignore"):
        try:
            return found(params=2.0, tokens=3.0, **dict.fromkeys(names, 0.5))
        except ArithmeticError:  # of the numbers, as 0.0 ** -1
            return None


def filtered(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    keep = parse_filter(mutated(rng, 'params < 1e9 and arch in ["dense", "x"] or not tokens / params > 20', code))
    return keep({name: fit.runs.table[name] for name in ("params", "tokens", "arch")})


def model(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    return parse_study(mutated(rng, _STUDY, code), "fuzzed.toml")


def points(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    row: dict[Any, Any] = {"params": 1e9, "tokens": 1e11, "arch": "dense"}
    texts = [mark for mark in MARKS if mark != "\ud800"]  # of which pandas makes no table
    for _ in range(rng.choice([1, 2])):
        row[rng.choice([*row, *row, *row, rng.choice([mark for mark in texts if mark.isprintable()]), 3])] = rng.choice(
            [*texts, code, None, 1j, 10**400, b"x", [1], {}, np.nan, "dense", 1e9]
        )
    frame = pd.DataFrame({name: [of] for name, of in row.items()})
    return rng.choice([bs.predict, bs.predict_runs, summarize_at])(fit, frame)


def question(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    asked = ["loss at params=1e9, tokens=1e11, arch=dense", "contrast arch=dense:sparse at params=1e9, tokens=1e11"]
    return draw_estimand(fit, mutated(rng, rng.choice([*asked, "parameter E at arch=dense"]), code))


def record(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    """Return a study whose names are anything, read back from its text."""
    names = ["x", "params", "tokens", "loss", "g"]
    for _ in range(rng.choice([1, 2])):
        names[rng.randrange(5)] = rng.choice([*MARKS, code, "x", "y"])
    prior = bs.Prior(median=0.3, factor=1.5)
    where = rng.choice([None, code])
    columns = bs.Columns(
        {names[0]: bs.Input(names[1], names[2])},
        bs.Response(names[3] or "loss"),
        {names[4]: names[1]},
        where=where,
    )
    noise = bs.Noise(prior, effects=(bs.Varying(names[4], 0.1),))
    study = Study("s", bs.Model(bs.parse_law(f"a * {names[0]}**-b", [names[0]]), {"a": prior, "b": prior}, noise), columns)
    return parse_study(study_text(study), "s.toml")


def saved(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    """Return a fit whose file says other things of it."""
    path = folder / "fit.nc"
    if not path.is_file():
        bs.save(fit, path)
    other = folder / "other.nc"
    other.write_bytes(path.read_bytes())
    with h5py.File(other, "r+") as file:
        name = rng.choice(["format", "study", "record"])
        said = mutated(rng, str(file.attrs[name]), code).replace("\0", "").encode("utf-8", "replace").decode()
        if rng.random() < 0.1:
            del file.attrs[name]
        else:
            file.attrs[name] = rng.choice([said, said, said, 3.0, "{}", "null"])
    return bs.load(other).health


def options(rng: random.Random, fit: bs.Fit, code: str, folder: Path) -> Any:
    """Return what a command prints, having checked its exit code and that wrong input is said in one line."""
    if not (folder / "fit.nc").is_file():
        bs.save(fit, folder / "fit.nc")
    points = folder / "points.csv"
    points.write_text("params,tokens,arch\n1e9,1e11,dense\n")
    words = rng.choice(
        [
            ["predict", str(folder), "--at", str(points), "--out", str(folder / "p.csv")],
            ["rank", str(folder), "arch=dense", "--compute", "1e21", "--out", str(folder / "r.csv")],
            ["plan", str(folder), "--compute", "1e21", "--at", str(points), "--seed", "1", "--out", str(folder / "plan.csv")],
        ]
    )
    place = rng.choice([i for i, word in enumerate(words) if i and not word.startswith((os.sep, "--"))] or [2])
    words[place] = rng.choice([*MARKS, code, mutated(rng, words[place], code), *[words[place]] * 20])
    result = CliRunner().invoke(app, [word.replace("/", "") if i == place else word for i, word in enumerate(words)])
    if result.exit_code == 2:
        (line,) = result.stderr.strip().splitlines()
        raise bs.InputError(line)
    if result.exit_code not in (0, 3):
        raise AssertionError(f"{words}: {result.exception!r}")
    return result.output


DOORS: dict[str, Callable[[random.Random, bs.Fit, str, Path], Any]] = {
    "table": table,
    "law": law,
    "filter": filtered,
    "model": model,
    "points": points,
    "question": question,
    "record": record,
    "saved": saved,
    "options": options,
}
PRIOR = {"median": 0.3, "factor": 1.5}
_STUDY = tomli_w.dumps(
    {
        "title": "fuzzed",
        "data": {
            "source": "runs.csv",
            "where": "params < 1e12",
            "run": "run",
            "inputs": {"params": {"column": "params", "reference": 1e9}, "tokens": {"column": "tokens"}},
            "groups": {"arch": ["arch", "kind"]},
            "average": {"along": "tokens", "per_decade": 10.0},
        },
        "law": {"text": "E + A * params**-alpha + B / tokens"},
        "parameters": {
            "E": {"prior": {"between": [1.0, 2.0]}, "varying": [{"over": "arch", "sd": 0.1}]},
            "A": {"prior": PRIOR, "trend": [{"on": "tokens", "sd": 0.1}]},
            "alpha": {"prior": PRIOR},
            "B": {"prior": {"distribution": "HalfNormal", "arguments": {"sigma": 1.0}}},
        },
        "noise": {"sd": PRIOR, "distribution": "normal", "correlation": {"along": "tokens", "length": PRIOR}},
        "discrepancy": [{"amplitude": PRIOR, "length": PRIOR, "over": ["params"]}],
        "figure": {"x": "params", "hue": "arch", "beyond": 3.0},
        "sampling": {"draws": 500, "target_accept": 0.95},
    }
)


FEW = {door: range(number // 10) for door, number in CASES.items()}
REST = {door: range(number // 10, number) for door, number in CASES.items()}


@pytest.mark.parametrize(
    ("door", "cases"),
    [pytest.param(door, of, id=f"{door}-few") for door, of in FEW.items()]
    + [pytest.param(door, of, id=f"{door}-rest", marks=pytest.mark.slow) for door, of in REST.items()],
)
def test_a_door_takes_it_or_says_why_not(door: str, cases: range, fit: bs.Fit, trap: tuple[str, Path], tmp_path: Path) -> None:
    code, sprung = trap
    refused = 0
    for case in cases:
        rng = random.Random(f"{door} {case}")
        try:
            DOORS[door](rng, fit, code, tmp_path)
        except bs.InputError as error:
            refused += 1
            line = str(error)
            assert line, case
            assert line.isprintable(), (case, line)
            assert len(line) <= 1000, case
        except Exception as error:
            pytest.fail(f"case {case}: {type(error).__name__}: {error}")
    assert 0 < refused <= len(cases)  # a changed byte of a saved fit is always seen
    assert not sprung.exists()


def test_there_are_two_thousand_cases() -> None:
    assert sum(CASES.values()) == 2_000
    assert set(CASES) == set(DOORS)
