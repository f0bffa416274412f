"""Whatever inputs, groups, levels and parameters are called, answers are the same, or the name is refused with what has it."""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.data.reserved import ANSWERED, ANSWERS, RESERVED
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.inference.parameters import parameter_table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import names_of
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.predict import decompose, parameters_at, published_at
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.report.sentences import summary_sentences

PLAIN = {"x": "size", "z": "width", "g": "arch", "p": "floor", "l": "dense"}
POSITIVE = bs.Prior(median=0.3, factor=1.5)


def line(x: str, z: str, g: str, p: str, l: str) -> Fit:  # noqa: E741 - as it is called in PLAIN
    """Return draws from the prior of a law with every kind of term."""
    law = bs.parse_law(f"{p} + a * {x}**-b", [x])
    parameters = {
        p: bs.Prior(median=2.0, factor=1.2) + bs.Varying(g, 0.1),
        "a": POSITIVE + bs.Varying("seed_no", 0.1),
        "b": POSITIVE + bs.Trend(z, 0.01) + bs.Varying((g, "seed_no"), 0.01),
    }
    noise = bs.Noise(bs.Prior(median=0.01, factor=2.0) + bs.Varying(g, 0.1), "normal", effects=(bs.Varying("run", 0.01),))
    scale = bs.Prior(median=0.02, factor=2.0)
    model = bs.Model(law, parameters, noise, (bs.Discrepancy(scale, POSITIVE, within=g), bs.Discrepancy(scale, POSITIVE)))
    size = np.tile(np.geomspace(1.0, 50.0, 6), 2)
    table = pd.DataFrame(
        {x: size, z: 2.0 + size, g: np.repeat([l, "other"], 6), "seed_no": list("abcabc") * 2, "run": np.arange(12) // 2}
    ).assign(target=2.0 + 0.3 * size**-0.3)
    inputs = {x: bs.Input(x, "", 10.0), z: bs.Input(z, "", 10.0)}
    columns = bs.Columns(inputs, bs.Response("target"), {g: g, "seed_no": "seed_no"}, run="run")
    return _with_levels(model, bs.read_runs(table, columns), g, l)


def sweep(x: str, z: str, g: str, p: str, l: str) -> Fit:  # noqa: E741
    """Return draws from the prior of a law of params, tokens and one more input, for plans and rankings."""
    law = bs.parse_law(f"{p} + A * params**-alpha + B * tokens**-beta", ["params", "tokens"])
    parameters: dict[str, Any] = dict.fromkeys(["A", "alpha", "B", "beta"], POSITIVE)
    parameters |= {p: bs.Prior(median=2.0, factor=1.2) + bs.Varying(g, 0.1)}
    model = bs.Model(law, parameters, bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal"))
    params, tokens = (of.ravel() for of in np.meshgrid([1e8, 1e9, 1e10], [1e9, 1e10, 1e11]))
    table = pd.DataFrame({"params": params, "tokens": tokens, "target": 2.5 + 0 * params})
    table = pd.concat([table.assign(**{g: l}), table.assign(**{g: "other"})], ignore_index=True)
    inputs = {"params": bs.Input("params", "", 1e9), "tokens": bs.Input("tokens", "", 1e10)}
    return _with_levels(model, bs.read_runs(table, bs.Columns(inputs, bs.Response("target"), {g: g})), g, l)


def _with_levels(model: bs.Model, runs: Runs, g: str, first: str) -> Fit:
    """Return draws in which `first` has those that come first, wherever it stands in the order of names."""
    fit = bs.prior(model, runs, draws=24)
    if runs.levels[g][0] == first:
        return fit
    posterior = fit.posterior.assign_coords({g: [first, "other"]}).sel({g: runs.levels[g]})
    return Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), fit.settings, None)


def on_line(fit: Fit, x: str, z: str, g: str, p: str, l: str, folder: Path) -> Iterator[Any]:  # noqa: E741
    points = pd.DataFrame({x: [3.0, 100.0], z: [4.0, 90.0], g: [l, "other"], "seed_no": ["a", "b"]})
    yield from (bs.predict(fit, points), np.isfinite(bs.predict_runs(fit, points, seed=1)))
    yield decompose(fit, points)[["law", "discrepancy", "expected"]]
    yield from (summarize_at(fit, points)["q50"], parameters_at(fit, points), published_at(fit, points))
    yield parameter_table(fit).drop(columns=["r_hat", "ess_bulk", "ess_tail"])
    bare = points.drop(columns=g)
    yield from (bs.contrast(fit, g, l, "other", bare).draws, compute_ratio(fit, g, "other", l, bare, x))
    yield contrast_at(fit, g, l, "other", bare)["diff_q50"]
    yield draw_estimand(fit, f"loss at {x}=3, {z}=4, {g}={l!r}, seed_no=a")
    yield draw_estimand(fit, f"parameter {p} at {g}={l!r}")
    assert summary_sentences(fit)
    assert isinstance(bs.findings(fit), tuple)
    study = Study("s", fit.model, fit.runs.columns)
    assert parse_study(study_text(study), "s.toml").columns == study.columns
    yield bs.predict(bs.load(bs.save(fit, folder / "fit.nc")), points)


def on_sweep(fit: Fit, x: str, z: str, g: str, p: str, l: str, folder: Path) -> Iterator[Any]:  # noqa: E741
    found = bs.plan(fit, 1e21, points=pd.DataFrame({g: [l, "other"]}))
    yield from (found.choice, found.choices, found.optimum, found.to_frame()["params"])
    ranked = bs.rank(fit, g, "other", pd.DataFrame({"compute": [1e21]}), equivalent=0.01)
    yield from (
        ranked.compute_ratio,
        ranked.loss.sel(level=l),
        ranked.to_frame()["multiplier_q50"],
        len(rank_sentences(ranked)),
    )
    runs = pd.DataFrame({"params": [1e9, 1e10], "tokens": [1e11, 1e11], g: [l, "other"]})
    told = bs.next_runs(fit, runs, f"loss at params=1e9, tokens=1e12, {g}={l!r}")
    yield told.to_frame()["information"]


def numbers(answer: Any) -> np.ndarray:
    """Return all that an answer holds as sorted numbers: what things are called is left out."""
    match answer:
        case xr.Dataset():
            of = np.concatenate([numbers(one) for one in answer.data_vars.values()])
        case pd.DataFrame():
            of = answer.select_dtypes("number").to_numpy().ravel()
        case _:
            of = np.ravel(np.asarray(answer, float))
    return np.sort(of)


def answers(role: str, called: str, folder: Path) -> list[np.ndarray]:
    names = PLAIN | {role: called}
    found = []
    for make, replies in ((line, on_line), (sweep, on_sweep)):
        found += [numbers(one) for one in replies(make(**names), **names, folder=folder)]
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    return answers("x", "size", tmp_path_factory.mktemp("plain"))


def words() -> list[str]:
    """Return the names of all that answers are made of: draws, dimensions, coordinates, columns."""
    found = {
        "observed",
        "count",
        "mean_lag",
        "gap",
        "previous",
        "train",
        "level",
        "index",
        "T",
        "quantile",
        "summary",
        "loss",
        "a/b",
    }
    for make in (line, sweep):
        fit = make(**PLAIN)
        found |= {name for name, _ in names_of(fit.model)} | {str(name) for name in fit.posterior.variables}
    return sorted(found - set(PLAIN.values()) - {"params", "tokens", "target", "seed_no", "compute", *"abAB", "alpha", "beta"})


def outcome(role: str, called: str, expected: list[np.ndarray], folder: Path) -> str:
    """Return "same", "refused", or what is wrong."""
    try:
        found = answers(role, called, folder)
    except bs.InputError as error:
        return "refused" if str(error).isprintable() else f"{error!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    same = len(found) == len(expected) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-9, equal_nan=True) for a, b in zip(found, expected, strict=True)
    )
    return "same" if same else "other answers"


@pytest.mark.parametrize(
    ("role", "called"),
    [
        ("g", "arm"),
        ("x", "scale"),
        *(pytest.param(*of, marks=pytest.mark.slow) for of in (("x", "ratio"), ("x", "loss"), ("z", "depth"), ("p", "least"))),
        pytest.param("l", "zz", marks=pytest.mark.slow),
    ],
)
def test_answers_do_not_depend_on_what_things_are_called(
    role: str, called: str, expected: list[np.ndarray], tmp_path: Path
) -> None:
    assert outcome(role, called, expected, tmp_path) == "same"


@pytest.mark.parametrize("role", ["g", "x", "p"])
def test_a_name_that_something_has_is_refused_when_it_is_given(role: str) -> None:
    """Nothing is computed: a name is refused as soon as columns, model and runs meet."""
    for called in words():
        names = PLAIN | {role: called}
        for make in (line, sweep):
            with suppress(bs.InputError):
                make(**names)


@pytest.mark.parametrize("called", sorted(ANSWERS | ANSWERED | RESERVED))
def test_a_group_cannot_be_called_as_what_answers_hold(called: str) -> None:
    with pytest.raises(bs.InputError, match=r"inputs and groups need names of their own"):
        bs.Columns({"x": bs.Input("x")}, groups={called: "g"})


@pytest.mark.parametrize(("role", "called"), random.Random(0).sample([(r, w) for r in "gxp" for w in words()], 8))
def test_any_other_name_is_as_good(role: str, called: str, expected: list[np.ndarray], tmp_path: Path) -> None:
    assert outcome(role, called, expected, tmp_path) in ("same", "refused")


@pytest.mark.parametrize("called", ["a/b", "", " x", "x\n", "\x1b[31m", ".", "A" * 101])
def test_a_name_that_no_file_can_hold_is_refused(called: str) -> None:
    for columns in ({"groups": {called: "g"}}, {"inputs": {called: bs.Input("x")}}):
        with pytest.raises(bs.InputError, match="must be a name of 1 to 100 characters"):
            bs.Columns(**({"inputs": {"x": bs.Input("x")}} | columns))
    with pytest.raises(bs.InputError):
        bs.Varying(called, 0.1)


P = POSITIVE
COLLISIONS = {
    "levels": lambda: _model("a_by_arch * x**-a", a=P + bs.Varying("arch", 0.1), a_by_arch=P),
    "scale": lambda: _model("a_sd_arch * x**-a", a=P + bs.Varying("arch", 0.1), a_sd_arch=P),
    "trend": lambda: _model("a_trend_x * x**-a", a=P + bs.Trend("x", 0.1), a_trend_x=P),
    "own units": lambda: _model("a_published * x**-a", a=P, a_published=P),
    "two terms": lambda: _model("c * x**-a", a=P + bs.Varying(("f", "g"), 0.1) + bs.Varying("f_g", 0.1), c=P),
    "group": lambda: _model("c * x**-a", a=P + bs.Varying("c", 0.1), c=P),
    "input": lambda: _model("c * x**-a", a=P + bs.Trend("c", 0.1), c=P),
    "noise": lambda: _model("c * x**-a", a=P + bs.Varying("noise_sd", 0.1), c=P),
    "knots": lambda: _model("c * x**-knot_x", bs.Discrepancy(P, P), knot_x=P, c=P),
}


def _model(text: str, *terms: bs.Discrepancy, **parameters: Any) -> bs.Model:
    return bs.Model(bs.parse_law(text, ["x"]), parameters, bs.Noise(P), terms)


@pytest.mark.parametrize("case", COLLISIONS)
def test_two_things_of_one_name_are_refused_with_both(case: str) -> None:
    with pytest.raises(bs.InputError, match=r"^'\w+' is the name of .+ and of .+; rename one of them$"):
        COLLISIONS[case]()
