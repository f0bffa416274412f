"""Every field of every record, every key of a model file and every option of every command, with values that are none."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import tomli_w
from by_hand import CLEAN, sweep
from typer.main import get_command
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli.commands import app
from bayes_scaling.data.columns import Average, Conventions, Curve, MeasurementError, Schedule, Tail
from bayes_scaling.model.studies.keys import StudyKeys
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Sheet, Study
from bayes_scaling.model.studies.writing import study_text, write_study
from bayes_scaling.validation.ledger import register

HUGE = 10**400
POSITIVE = bs.Prior(median=0.3, factor=1.5)

RECORDS = {
    "prior by median": POSITIVE,
    "prior between": bs.Prior(between=(0.1, 0.5)),
    "prior by name": bs.Prior(distribution="Normal", arguments={"mu": 0.0, "sigma": 1.0}),
    "varying": bs.Varying(("corpus", "run"), 0.1),
    "trend": bs.Trend("x", 0.1),
    "smooth": bs.Smooth("corpus", 0.1, POSITIVE, within="run", log=True),
    "ordered": bs.Ordered("corpus", 0.1, ("a", 2, "c"), "decreasing"),
    "by level": bs.ByLevel("corpus", {"a": POSITIVE, "b": POSITIVE}),
    "parameter": POSITIVE + bs.Trend("x", 0.1),
    "correlation": bs.Correlation("x", POSITIVE, POSITIVE),
    "outliers": bs.Outliers(POSITIVE, POSITIVE),
    "residual correlation": bs.ResidualCorrelation("output", 1.5),
    "noise": bs.Noise(POSITIVE, "normal", effects=(bs.Varying("run", 0.1),), correlation=bs.Correlation("x", POSITIVE)),
    "discrepancy": bs.Discrepancy(POSITIVE, POSITIVE, ("x",), "corpus", knots=5),
    "knots by input": bs.Discrepancy(POSITIVE, POSITIVE, ("x", "y"), knots={"x": 5}),
    "model": bs.Model(
        bs.laws.power_law, {"a": POSITIVE, "b": POSITIVE}, bs.Noise(POSITIVE), (bs.Discrepancy(POSITIVE, POSITIVE),)
    ),
    "response": bs.Response(),
    "input": bs.Input("x", "tokens", 1.0),
    "measurement error": MeasurementError("error"),
    "average": Average("x", 20.0),
    "tail": Tail("x", 0.1, at_least=8),
    "curve": Curve("x", warmup=1.0, skip=("spikes",)),
    "schedule": Schedule(warmup=10.0),
    "conventions": Conventions(embeddings="without", compute="6ND", context=1024),
    "columns": bs.Columns({"x": bs.Input("x")}, groups={"g": "g"}, run="run", where="x > 1"),
    "settings": bs.Settings(target_accept=0.9, cores=2, seconds=5.0),
    "cost": bs.Cost(price=1e-18),
    "sheet": Sheet("x", "g", beyond=2.0),
}
NONSENSE = {
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "1e308": 1e308,
    "huge": HUGE,
    "minus one": -1,
    "text": "te\x1bxt\n" * 100,
    "empty": "",
    "bytes": b"x",
    "list": [],
    "numbers": [1, 2, 3],
    "nested": [[["x"]]],
    "table": {},
    "table of numbers": {"a": 1},
    "object": object(),
    "array": np.ones(3),
    "true": True,
}
NEVER = ("nan", "inf", "minus inf", "1e308", "huge", "object", "bytes", "array")
"""What no field takes."""


def said(error: Exception) -> str:
    """Return what an error says, having checked that it is one line that can be printed."""
    line = str(error)
    assert line
    assert line.isprintable()
    assert len(line) <= 1000
    return line


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("name", RECORDS)
def test_a_field_of_a_record_refuses_what_it_cannot_be(name: str, kind: str) -> None:
    record = RECORDS[name]
    for field in fields(record):
        try:
            replace(record, **{field.name: NONSENSE[kind]})
        except bs.InputError as error:
            said(error)
        else:
            assert kind not in NEVER, f"{field.name} takes {kind}"


def test_every_record_of_a_model_file_is_held_to_that() -> None:
    read = {record for record in reached(StudyKeys) if not record.__name__.endswith("Keys")}
    assert len(read) >= 12
    assert read <= {type(one) for one in RECORDS.values()}


def reached(record: Any) -> set[Any]:
    """Return a record and every other that it holds."""
    inner = {one for hint in get_type_hints(record).values() for one in every(hint) if is_dataclass(one)}
    return {record, *(more for one in inner for more in reached(one))}


def every(hint: Any) -> list[Any]:
    return [hint, *(one for part in get_args(hint) for one in every(part))]


RARER = {"perplexity": False, "percent": False, "assumed": False, "bytes_per_token": 4.2}

SMOOTH = [{"over": "corpus", "sd": 0.1, "length": {"median": 2.0, "factor": 2.0}, "within": "run", "log": True}]
ORDERED = [{"over": "tier", "sd": 0.1, "levels": ["a", 2, "c"], "direction": "decreasing"}]
BY_LEVEL = [{"over": "kind", "priors": {"a": {"median": 1.0, "factor": 2.0}, "b": {"median": 1.0, "factor": 3.0}}}]
JOINT = {
    "parameters": ["b", "noise_sd"],
    "median": [1.0, 0.01],
    "factor": [2.0, 3.0],
    "correlation": [[1.0], [0.3, 1.0]],
    "nu": 5.0,
}
LAW: dict[str, Any] = {
    "law": {"name": "m1"},
    "parameters": {
        "b": {
            "prior": {"median": 1.0, "factor": 2.0},
            "varying": [{"over": "corpus", "sd": 0.1}],
            "trend": [{"on": "x", "sd": 0.2}],
            "smooth": SMOOTH,
            "ordered": ORDERED,
            "by_level": BY_LEVEL,
        },
        "c": {"prior": {"between": [0.1, 0.5]}},
    },
    "joint_prior": [JOINT],
    "noise": {
        "distribution": "normal",
        "on": "loss",
        "sd": {"median": 0.01, "factor": 3.0},
        "nu": {"distribution": "Gamma", "arguments": {"alpha": 2.0, "beta": 0.2}},
        "effects": [{"over": ["corpus", "run"], "sd": 0.05}],
        "smooth": SMOOTH,
        "sd_varying": [{"over": "corpus", "sd": 0.1}],
        "sd_trend": [{"on": "x", "sd": 0.1}],
        "sd_smooth": SMOOTH,
        "sd_ordered": ORDERED,
        "sd_by_level": BY_LEVEL,
        "correlation": {"along": "x", "length": {"median": 1.0, "factor": 2.0}, "white": {"median": 0.1, "factor": 2.0}},
        "outliers": {"share": {"median": 0.01, "factor": 3.0}, "scale": {"median": 10.0, "factor": 3.0}},
    },
    "discrepancy": [
        {
            "amplitude": {"median": 0.1, "factor": 2.0},
            "length": {"median": 5.0, "factor": 2.0},
            "over": ["x"],
            "within": "corpus",
            "kernel": "matern32",
            "knots": 5,
        }
    ],
}
MORE = {"reference_at": "middle", "zero": False}
FULL = {
    "title": "Loss over size",
    "kinds": {"steep": {"b": LAW["parameters"]["b"]}},
    "description": "why",
    "data": {
        "source": "runs.csv",
        "where": "params < 1e12",
        "run": "name",
        "response": {"column": "loss", "unit": "bits/byte", "positive": True, "name": "loss"} | RARER,
        "measurement_error": {"column": "error", "relative": False},
        "inputs": {"x": {"column": "params", "unit": "parameters", "reference": 1e9, "scale": 1.0, "counts": 1.0, **MORE}},
        "groups": {"corpus": "corpus", "tier": "tier", "kind": "kind"},
        "average": {"along": "x", "per_decade": 20.0},
        "tail": {"along": "x", "fraction": 0.1, "at_least": 8},
        "curve": {"along": "x", "warmup": 5.0, "skip": ["spikes"]},
        "schedule": {"lr": "lr", "along": "step", "momentum": 0.99, "parts": 8, "warmup": 10.0},
        "conventions": {
            "embeddings": "without",
            "head": "with",
            "experts": "active",
            "params": "looped weights once",
            "compute": "logged",
            "tokens": "seen",
            "tokenizer": "gpt2",
            "smoothing": "none",
            "context": 1024,
            "evaluation": "C4",
            "schedule": "finished",
        },
        "costs": {
            "counted": {
                "flops_per_param_token": 6.0,
                "served_tokens": 1e9,
                "flops_per_param_served": 2.0,
                "price": 2.5,
                "formula": "n * x",
                "let": {"n": "params"},
                "unit": "FLOP",
                "name": "counted",
            }
        },
    },
    **LAW,
    "stack": [{"name": "other", "weight": 0.5} | LAW, {"name": "plain", "weight": 0.5}],
    "figure": {"x": "x", "rows": "corpus", "columns": "corpus", "hue": "corpus", "beyond": 3.0, "single_runs": True},
    "sampling": {
        "draws": 1000,
        "tune": 500,
        "chains": 4,
        "seed": 1,
        "target_accept": 0.95,
        "cores": 2,
        "progress": False,
        "strict": False,
        "rounds": 2,
        "effort": 5.0,
        "seconds": 60.0,
        "method": "nuts",
    },
}
EITHER = {(*of, "law", key) for of in ((), ("stack",)) for key in ("text", "priors")} | {("data", "curve", "warmup_fraction")}
EITHER |= {("data", "best_so_far"), ("data", "mixtures"), ("data", "outputs"), ("data", "output_units")}
EITHER |= {(*of, "noise", "residual_correlation", key) for of in ((), ("stack",)) for key in ("over", "eta")}
"""Keys that the others of their table leave no room for; a mixture is read by the text of a law alone."""


def keys(record: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return every key that the reader of model files knows, by the records it reads into."""
    found: set[tuple[str, ...]] = set()
    for name, hint in get_type_hints(record).items():
        inner = [one for one in every(hint) if is_dataclass(one) and one is not bs.Prior]
        found |= set().union(*(keys(one, (*path, name)) for one in inner)) if inner else {(*path, name)}
    return found


def leaves(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Return the paths of a file's values that are no tables and no lists of tables."""
    if isinstance(value, dict):
        return {p: of for key, one in value.items() for p, of in leaves(one, (*path, key)).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {p: of for i, one in enumerate(value) for p, of in leaves(one, (*path, i)).items()}
    return {path: value}


NAMED = {("data", "inputs"): 1, ("data", "groups"): 1, ("data", "costs"): 1, ("parameters",): 1, ("kinds",): 2}
"""Tables whose keys are the user's, and how many of them lie within each other."""
PRIORS = ("prior", "priors", "sd", "nu", "length", "white", "amplitude", "share", "scale", "let")
"""Keys that hold a prior, whose own keys are those of its record, or names of the user's."""


def as_key(path: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the path of a value as the reader knows it, without what users call things and without places in lists."""
    if path[0] == "stack":
        return ("stack", *as_key(path[2:]))
    for table in NAMED:
        if path[: len(table)] == table:
            path = (*table, *path[len(table) + NAMED[table] :])
    places = [i for i, part in enumerate(path) if part in PRIORS]
    return tuple(part for part in path[: places[-1] + 1 if places else None] if isinstance(part, str))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the full file with another value at a place."""
    whole = tomllib.loads(tomli_w.dumps(FULL))
    at: Any = whole
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return whole


def test_the_file_has_every_key_that_is_read() -> None:
    parse_study(tomli_w.dumps(FULL), "full.toml")
    assert keys(StudyKeys) - EITHER == {as_key(path) for path in leaves(FULL)}


WRONG = {
    "nan": math.nan,
    "inf": math.inf,
    "1e308": 1e308,
    "text": "12",
    "minus one": -1,
    "zero": 0,
    "huge": HUGE,
    "true": True,
    "date": date(2020, 1, 1),
    "table": {"a": 1},
    "list": ["a", "b"],
    "nested": [[1]],
    "control": "a\x1b[31m",
    "empty": "",
}


@pytest.mark.parametrize("path", leaves(FULL), ids=lambda path: ".".join(map(str, path)))
def test_a_key_of_a_model_file_refuses_what_it_cannot_be(path: tuple[Any, ...]) -> None:
    good = leaves(FULL)[path]
    for kind, value in WRONG.items():
        try:
            study = parse_study(_dumped(changed(path, value)), "full.toml")
        except bs.InputError as error:
            line = said(error)
            assert line.startswith("full.toml: ")
        else:
            assert parse_study(study_text(study), "full.toml").model == study.model, kind
            assert kind not in ("nan", "inf", "1e308", "huge", "date", "table", "nested"), kind
            if isinstance(good, float | int):
                assert kind not in ("text", "list", "control", "empty"), kind
                assert isinstance(good, bool) or kind != "true", kind
                assert kind != "minus one" or path[-1] in ("mu", 0, 1), kind
            if isinstance(good, str):
                assert kind not in ("minus one", "zero", "true"), kind


def _dumped(content: Mapping[str, Any]) -> str:
    return tomli_w.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "draws = 1" + "0" * 10_000,
        "draws = " + "[" * 5000,
        "a." * 2000 + "b = 1",
        "x = '''" + "a" * 10,
        "\x00",
        "=",
        "[[x]]\n[x]",
    ],
)
def test_what_is_no_toml_is_said_in_one_line(text: str) -> None:
    with pytest.raises(bs.InputError) as error:
        parse_study(f"[sampling]\n{text}\n", "m.toml")
    assert said(error.value).startswith("m.toml: ")


COMMANDS = {
    "predict": ["fit", "--at", "points.csv", "--out", "p.csv"],
    "score": ["led.jsonl", "--runs", "runs.csv"],
    "contrast": ["fit", "arch=dense:sparse", "--at", "points.csv", "--out", "c.csv"],
    "plan": ["fit", "--compute", "1e21", "--at", "points.csv"],
    "rank": ["fit", "arch=dense", "--compute", "1e21"],
    "next": ["fit", "--candidates", "points.csv", "--decide", "loss at params=1e9, tokens=1e12, arch=dense"],
    "sensitivity": ["fit", "--of", "loss at params=1e9, tokens=1e12, arch=dense"],
    "forecast": ["fit", "--run", "dense 1e+08", "--at", "1e12"],
    "stop": ["fit", "--run", "dense 1e+08", "--run", "sparse 1e+08", "--at", "1e12"],
    "report": ["fit"],
    "fit": ["mine.toml"],
    "prior": ["mine.toml"],
    "compare": ["mine.toml", "power_law"],
    "backtest": ["mine.toml"],
    "multiverse": ["mine.toml", "--at", "points.csv"],
    "import": ["runs.csv", "--out", "imported.csv", "--force"],
    "init": ["runs.csv", "--out", "proposed.toml", "--force"],
    "fleet": ["mine.toml", "runs.csv", "--by", "arch", "--out", "batch"],
}
SAMPLING = ("compare", "backtest", "multiverse", "report", "fleet")
"""Commands that take too long even where their options are refused late."""
HOPELESS = ["-1", "nan", "inf", "1e308", "9" * 30, "x"]
"""What hardly any number of a command can be."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fit, its study and runs, and points."""
    folder, fit = tmp_path_factory.mktemp("options"), sweep(CLEAN)
    bs.save(fit, folder / "fit" / "fit.nc")
    fit.runs.table.rename(columns={"response": "loss"}).to_csv(folder / "runs.csv", index=False)
    write_study(Study("mine", fit.model, fit.runs.columns, str(folder / "runs.csv")), folder / "mine.toml")
    (folder / "points.csv").write_text("params,tokens,arch\n1e9,1e11,dense\n")
    (folder / "folder.csv").mkdir()
    register(fit, folder / "points.csv", folder / "led.jsonl")
    return folder


def test_every_command_is_held_to_that() -> None:
    assert {*COMMANDS, "models", "laws"} == set(get_command(app).commands)


def options(command: str) -> dict[str, bool]:
    """Return the options of a command that take a value, and whether that is a number."""
    every = [one for one in get_command(app).commands[command].params if one.param_type_name == "option"]
    named = {one.opts[0]: getattr(one, "type", None) for one in every if one.name != "help" and not one.is_flag}
    return {name: "int" in str(of).lower() or "float" in str(of).lower() for name, of in named.items()}


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in SAMPLING])
def test_an_option_that_can_be_none_is_one_line(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are tried with what is none, `--out` and other files with what cannot be one; nothing is ever sampled."""
    monkeypatch.chdir(place)
    monkeypatch.setattr("bayes_scaling.inference.sampling.compiled", _never)
    before = {path: path.lstat().st_mtime_ns for path in place.rglob("*") if path.is_file()}
    for name, number in options(command).items():
        values = HOPELESS if number else ["", "runs.csv/x", "n" * 300 + ".csv/x", "\ud800/\0"]
        for value in values:
            words = list(COMMANDS[command])
            at = words.index(name) + 1 if name in words else len(words)
            words[at - 1 if name in words else at : at + 1] = [name, value]
            result = CliRunner().invoke(app, [command, *words])
            if "_SampledError" in result.output or result.exit_code == 0:
                continue
            assert result.exit_code == 2, (words, result.exception)
            (line,) = result.stderr.strip().splitlines()
            assert line.startswith("error: ")
            assert line.isprintable()
    after = {path: path.lstat().st_mtime_ns for path in before}
    assert after == before


class _SampledError(Exception):
    """Nothing was wrong with the options."""


def _never(*_: object) -> None:
    raise _SampledError
