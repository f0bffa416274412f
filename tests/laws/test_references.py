"""Laws that name the reference of an input, and what another reference does to the laws of the library."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.formula import law_key, law_text, law_tree, parse_law
from bayes_scaling.laws.library import IN_ITS_UNIT, LAWS, REFERENCE_ONE, SAME_REFERENCE, law_inputs
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text

FARSEER = """
at_size = k * exp(s1 * (params**alpha - 1) / alpha)
E * exp(s3 * (params**gamma - 1) / gamma)
  + B * exp(s2 * (params**beta - 1) / beta) * tokens**-at_size * ref(tokens)**(k - at_size)
"""
OF = {"E": 2.1, "s3": -0.07, "gamma": 0.3, "B": 0.4, "s2": 0.1, "beta": 0.2, "k": 0.33, "s1": -0.05, "alpha": 0.25}


def published_farseer(n: np.ndarray, d: np.ndarray, reference: float) -> np.ndarray:
    """Return eq. 3 of the paper, for sizes over their reference and tokens in their own unit."""
    a = {i: OF[f"s{i}"] / OF[power] for i, power in ((1, "alpha"), (2, "beta"), (3, "gamma"))}
    b = {1: np.log(OF["k"]) - a[1], 2: np.log(OF["B"] * reference ** OF["k"]) - a[2], 3: np.log(OF["E"]) - a[3]}
    data = np.exp(a[2] * n ** OF["beta"] + b[2]) * d ** -np.exp(a[1] * n ** OF["alpha"] + b[1])
    return np.exp(a[3] * n ** OF["gamma"] + b[3]) + data


@pytest.mark.parametrize("reference", [1.0, 1e9, 2e10])
def test_a_law_that_names_the_reference_of_tokens_is_farseers_as_published(reference: float) -> None:
    law = parse_law(FARSEER, ["params", "tokens"], {"tokens": reference, "params": 1e9})
    n, d = np.array([0.05, 1.0, 30.0]), np.array([1e9, 2e10, 5e11])
    np.testing.assert_allclose(law(n, d / reference, **OF), published_farseer(n, d, reference), rtol=1e-12)
    assert law(1.0, 1.0, **OF) == pytest.approx(OF["E"] + OF["B"], rel=1e-12)


def test_a_reference_stays_a_name_in_the_text() -> None:
    law = parse_law("E + A * (params * ref(params) / 1e9)**-b", ["params"], {"params": 5e8})
    assert law_text(law) == "E + A * (params * ref(params) / 1000000000.0) ** (-b)"
    assert law(2.0, E=1.0, A=1.0, b=1.0) == pytest.approx(2.0)
    for again in (parse_law(law_text(law), ["params"], {"params": 5e8}), pickle.loads(pickle.dumps(law))):
        assert law_text(again) == law_text(law)
        assert again(4.0, E=1.0, A=1.0, b=1.0) == law(4.0, E=1.0, A=1.0, b=1.0)
    other = parse_law(law_text(law), ["params"], {"params": 1e9})
    assert law_key(other) != law_key(law)
    assert law_tree(other) is not None
    assert "ref(params)" in bs.laws.equation(law)


def test_a_reference_that_is_not_given_or_of_no_input_is_said() -> None:
    with pytest.raises(InputError, match=r"names ref\(tokens\): give that input a reference; no input has one"):
        parse_law("E * params * ref(tokens)", ["params"])
    with pytest.raises(InputError, match=r"names ref\(tokens\); its inputs are \['params'\]"):
        parse_law("E * params * ref(tokens)", ["params"], {"tokens": 1e9})
    with pytest.raises(InputError, match="is not allowed"):
        parse_law("E * params * ref(2 * params)", ["params"], {"params": 1e9})


STUDY = """
[data]
response = { column = "loss", unit = "nats/token" }
[data.inputs]
params = { column = "n", unit = "M parameters", reference = 500.0 }
[law]
text = \"\"\"
u = A * (params * ref(params) / 1e9)**-b
E + u
\"\"\"
[parameters]
E.prior = { median = 1.0, factor = 2.0 }
A.prior = { median = 1.0, factor = 2.0 }
b.prior = { median = 0.5, factor = 2.0 }
[noise]
sd = { median = 0.01, factor = 3.0 }
"""


def test_a_model_file_has_the_references_that_its_law_names() -> None:
    study = parse_study(STUDY, "mine.toml")
    assert study.model.law(2.0, E=0.0, A=1.0, b=1.0) == pytest.approx(1.0)
    again = parse_study(study_text(study), "again.toml")
    assert law_key(again.model.law) == law_key(study.model.law)
    with pytest.raises(InputError, match=r"names ref\(params\): give that input a reference"):
        parse_study(STUDY.replace(", reference = 500.0", ""), "mine.toml")


def test_runs_of_another_reference_are_refused() -> None:
    study = parse_study(STUDY, "mine.toml")
    table = pd.DataFrame({"n": [100.0, 200.0, 400.0], "loss": [3.0, 2.8, 2.6]})
    check_runs(study.model, bs.read_runs(table, study.columns))
    for said, reference in (("is 1B", 1000.0), ("found from the runs", None)):
        columns = bs.Columns({"params": bs.Input("n", "M parameters", reference)}, bs.Response("loss", "nats/token"))
        with pytest.raises(InputError, match=rf"the law names ref\(params\), .*({said})"):
            check_runs(study.model, bs.read_runs(table, columns))


LEAVES = {"farseer": {"tokens"}}
"""Laws that leave their family where these inputs have another reference, as their docstrings say."""
ENOUGH = 1e-6


def worst_left(name: str, moved: str, by: float) -> float:
    """Return by how much a law's best member at an input's reference over `by` misses it, relative to the loss."""
    from tests.laws.test_laws import PARAMETERS

    law, of = LAWS[name], PARAMETERS[name]
    rng = np.random.default_rng(4)
    logs = {
        x: np.abs(rng.normal(size=60)) if x in ("epochs", "loops", "streams") else rng.normal(size=60) for x in law_inputs(law)
    }
    values = {x: np.exp(at) for x, at in logs.items()}
    together = SAME_REFERENCE.get(law, (moved,)) if moved in SAME_REFERENCE.get(law, ()) else (moved,)
    seen = law(**values, **of)
    there = {x: value * by if x in together else value for x, value in values.items()}
    signs, start = np.sign(list(of.values())), np.log(np.abs(list(of.values())))

    def left(z: np.ndarray) -> np.ndarray:
        found = (law(**there, **dict(zip(of, signs * np.exp(z), strict=True))) - seen) / (seen + seen.mean())
        return np.nan_to_num(found, nan=10.0, posinf=10.0, neginf=-10.0)

    with np.errstate(all="ignore"):
        found = least_squares(left, start, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=4000)
    return float(np.abs(found.fun).max())


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"m4"}))
def test_a_law_of_another_reference_is_of_its_family_or_says_that_it_is_not(name: str) -> None:
    for moved in law_inputs(LAWS[name]):
        if moved in (*REFERENCE_ONE.get(LAWS[name], ()), *IN_ITS_UNIT.get(LAWS[name], ())):
            continue
        worst = worst_left(name, moved, 1e4 if moved in LEAVES.get(name, ()) else 3.0)
        if moved in LEAVES.get(name, ()):
            assert worst > 1e-5
            assert "not in it" in " ".join(LAWS[name].__doc__.split())
        else:
            assert worst < ENOUGH, (moved, worst)
