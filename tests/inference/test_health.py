"""Three grades of draws, from draws written by hand."""

import json
from dataclasses import asdict, replace
from typing import Any

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from by_hand import BAD, CLEAN, NOTED, tree

from bayes_scaling.inference.convergence import convergence
from bayes_scaling.inference.diagnostics import health
from bayes_scaling.inference.health import GRADES, Health, accepted, combined, counts, from_record

WELL = Health(divergences=0, r_hat=1.0, ess_bulk=4000.0, ess_tail=4000.0, bfmi=0.9, worst="a", draws=8000, chains=4)
CHAINS, DRAWS = 4, 1000


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(CHAINS, DRAWS, *shape))


def with_nan(values: np.ndarray, bad: float = np.nan) -> np.ndarray:
    values = values.copy()
    values[2, 17] = bad
    return values


def with_stuck_chain(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[1] = values[1, 0]
    return values


@pytest.mark.parametrize(
    ("change", "grade"),
    [
        ({}, "clean"),
        ({"r_hat": 1.01}, "clean"),
        ({"r_hat": 1.0101}, "not to be trusted"),
        ({"ess_bulk": 400.0}, "clean"),
        ({"ess_bulk": 399.9}, "not to be trusted"),
        ({"ess_tail": 400.0}, "clean"),
        ({"ess_tail": 399.9}, "not to be trusted"),
        ({"ess_tail": float("nan")}, "not to be trusted"),
        ({"bfmi": 0.3}, "clean"),
        ({"bfmi": 0.299}, "not to be trusted"),
        ({"bfmi": None}, "not to be trusted"),
        ({"max_depth": 80}, "clean"),
        ({"max_depth": 81}, "not to be trusted"),
        ({"divergences": 1, "by_chain": (1, 0, 0, 0)}, "noted"),
        ({"divergences": 8, "by_chain": (5, 1, 1, 1)}, "noted"),
        ({"divergences": 8, "by_chain": (6, 1, 1, 0)}, "not to be trusted"),
        ({"divergences": 9, "by_chain": (3, 2, 2, 2)}, "not to be trusted"),
        ({"divergences": 1, "draws": 0, "chains": 0}, "not to be trusted"),
        ({"divergences": 1, "by_chain": (1, 0, 0, 0), "r_hat": 1.02}, "not to be trusted"),
        ({"chains": 1, "r_hat": None}, "noted"),
        ({"chains": 1, "r_hat": None, "draws": 4000, "divergences": 5, "by_chain": (5,)}, "not to be trusted"),
        ({"chains": 1, "r_hat": None, "ess_bulk": 100.0}, "noted"),
        ({"chains": 1, "r_hat": None, "ess_tail": 99.9}, "not to be trusted"),
        ({"chains": 2, "ess_bulk": 100.0}, "not to be trusted"),
        ({"r_hat": None}, "not to be trusted"),
        ({"r_hat": float("nan")}, "not to be trusted"),
        ({"stuck": ("b",)}, "not to be trusted"),
        ({"not_finite": ("b",)}, "not to be trusted"),
    ],
)
def test_each_limit_has_two_sides(change: dict[str, Any], grade: str) -> None:
    found = replace(WELL, **change)
    assert found.grade == grade
    assert (found.clean, found.ok) == (grade == "clean", grade != "not to be trusted")
    assert bool(found.problems) == bool(found.line) == (grade != "clean")
    assert found.line.startswith({"clean": "", "noted": "note [sampler]: ", "not to be trusted": "not to be trusted: "}[grade])
    assert "nan" not in found.line.lower()
    assert "\n" not in found.line


def test_the_line_says_how_many_and_where_and_the_problems_what_to_try() -> None:
    assert NOTED.line == "note [sampler]: 4 divergences in 8,000 draws (0.05 %), at small noise_sd (below its 5 % quantile)"
    uneven = replace(WELL, divergences=8, by_chain=(8, 0, 0, 0))
    assert "8 of them in one chain" in uneven.line
    assert "target_accept" in uneven.problems[0]
    assert BAD.line == (
        "not to be trusted: 40 divergences in 8,000 draws (0.5 %); R-hat 1.0500 (limit 1.01), the chains disagree; "
        "effective sample size 120 bulk (a), 90 tail (limit 400)"
    )
    assert replace(BAD, bfmi=0.1, stuck=("b",)).line.endswith("; and 2 more")


def test_independent_draws_are_clean_and_have_the_numbers_of_arviz() -> None:
    posterior = {"a": normal(), "b": normal(3, 2, seed=1), "even": np.round(normal(seed=2), 1)}
    made = tree(posterior)
    found = health(made)
    assert found.grade == "clean"
    assert (found.draws, found.chains, found.by_chain) == (4000, 4, (0, 0, 0, 0))
    table = made["posterior"].to_dataset()
    for name, of in {"r_hat": arviz_stats.rhat(table), "ess_bulk": arviz_stats.ess(table)}.items():
        theirs = np.concatenate([of[variable].to_numpy().ravel() for variable in table.data_vars])
        np.testing.assert_allclose(getattr(convergence(table), name), theirs, rtol=1e-6)
    tail = arviz_stats.ess(table[["a", "b"]], method="tail", prob=(0.05, 0.95))
    assert convergence(table[["a", "b"]]).ess_tail.min() == pytest.approx(min(float(of.min()) for of in tail.values()))
    assert found.bfmi == pytest.approx(float(arviz_stats.bfmi(made).energy.min()))


@pytest.mark.parametrize("draws", [8, 9, 101])
def test_short_and_odd_chains_have_the_numbers_of_arviz_too(draws: int) -> None:
    table = xr.Dataset({"a": (("chain", "draw"), normal()[:, :draws])})
    found = convergence(table)
    assert found.r_hat[0] == pytest.approx(float(arviz_stats.rhat(table)["a"]), rel=1e-6)
    assert found.ess_bulk[0] == pytest.approx(float(arviz_stats.ess(table)["a"]), rel=1e-9)


@pytest.mark.parametrize("order", [("good", "bad"), ("bad", "good")])
@pytest.mark.parametrize(
    ("bad", "field", "said"),
    [
        (np.ones((CHAINS, DRAWS)), "stuck", "never moved"),
        (with_stuck_chain(normal(seed=3)), "stuck", "never moved"),
        (with_nan(normal(seed=3)), "not_finite", "is not finite"),
        (with_nan(normal(seed=3), np.inf), "not_finite", "is not finite"),
    ],
)
def test_what_never_moved_or_is_not_finite_is_found_in_any_order(
    order: tuple[str, str], bad: np.ndarray, field: str, said: str
) -> None:
    variables = {"good": normal(), "bad": bad}
    found = health(tree({name: variables[name] for name in order}))
    assert found.grade == "not to be trusted"
    assert getattr(found, field) == ("bad",)
    assert f"bad {said}" in found.line
    assert len(found.problems) == 1
    json.dumps(asdict(found), allow_nan=False)


def test_a_single_level_that_never_moved_is_named() -> None:
    effect = normal(3)
    effect[..., 1] = 0.2
    made = xr.Dataset({"b": (("chain", "draw", "arch"), effect)}, coords={"arch": ["dense", "moba", "ssm"]})
    posterior = xr.DataTree.from_dict({"posterior": made, "sample_stats": tree({"a": normal()})["sample_stats"].to_dataset()})
    assert health(posterior).stuck == ("b[moba]",)
    many = replace(WELL, stuck=tuple(f"b[{i}]" for i in range(5)))
    assert "b[0], b[1], b[2] and 2 more never moved" in many.line


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        ([-5.348398091132429, 0.1], "b[-5.35]"),
        ([30720.0, 0.1], "b[30720]"),
        ([0.25, 0.1], "b[0.25]"),
        ([3072, 1], "b[3072]"),
        (["5.348398091132429", "x"], "b[5.348398091132429]"),
    ],
)
def test_computed_coordinates_are_named_by_three_digits_and_levels_as_they_are(levels: list[Any], name: str) -> None:
    effect = normal(2)
    effect[..., 0] = 0.2
    made = xr.Dataset({"b": (("chain", "draw", "place"), effect)}, coords={"place": levels})
    posterior = xr.DataTree.from_dict({"posterior": made, "sample_stats": tree({"a": normal()})["sample_stats"].to_dataset()})
    assert health(posterior).stuck == (name,)


@pytest.mark.parametrize("energy", [np.zeros((CHAINS, DRAWS)), with_nan(normal())])
def test_energies_that_are_broken_are_named(energy: np.ndarray) -> None:
    found = health(tree({"a": normal()}, energy=energy))
    assert "energy" in found.stuck + found.not_finite
    assert found.bfmi is None
    assert found.grade == "not to be trusted"


def test_nothing_but_broken_draws_is_no_number_at_all() -> None:
    found = health(tree({"a": np.full((CHAINS, DRAWS), np.nan)}))
    assert (found.r_hat, found.ess_bulk, found.ess_tail, found.worst) == (None, 0.0, 0.0, "")
    assert not found.ok
    json.dumps(asdict(found), allow_nan=False)


def test_a_single_chain_is_said_to_be_one_and_nothing_else() -> None:
    one = {name: of[:1] for name, of in {"a": normal(), "b": normal(2, seed=1)}.items()}
    found = health(tree(one))
    assert found.r_hat is None
    assert found.grade == "noted"
    assert found.line == "note [sampler]: one chain cannot be judged, as there is no other to hold it against"
    json.dumps(asdict(found), allow_nan=False)
    assert health(tree({"a": with_nan(one["a"].repeat(4, axis=0))[2:3]})).grade == "not to be trusted"


def test_chains_that_disagree_and_slow_ones_are_not_to_be_trusted() -> None:
    apart = normal() + np.arange(CHAINS)[:, None]
    assert "R-hat" in health(tree({"a": apart})).line
    slow = health(tree({"good": normal(), "slow": np.cumsum(normal(seed=4), axis=1)}))
    assert slow.worst == "slow"
    assert "effective sample size" in slow.line


@pytest.mark.parametrize(("share", "grade"), [(0.01, "clean"), (0.02, "not to be trusted")])
def test_trajectories_cut_at_the_largest_depth_count(share: float, grade: str) -> None:
    cut = np.zeros((CHAINS, DRAWS), dtype=bool)
    cut.flat[: round(share * cut.size)] = True
    found = health(tree({"a": normal()}, reached_max_treedepth=cut))
    assert found.max_depth == round(share * cut.size)
    assert found.grade == grade


def diverging_at(values: np.ndarray, count: int, last: bool = False) -> np.ndarray:
    """Return which draws diverged: those with the smallest values, or the largest."""
    order = np.argsort(values, axis=None)
    found = np.zeros(values.size, dtype=bool)
    found[order[-count:] if last else order[:count]] = True
    return found.reshape(values.shape)


@pytest.mark.parametrize("scale", ["noise_sd", "b_sd_attention", "residual_sd_run", "discrepancy_amplitude", "noise_white"])
def test_divergences_at_small_values_of_a_scale_are_placed_there(scale: str) -> None:
    sd = np.exp(normal(seed=1))
    found = health(tree({"a": normal(), scale: sd, "E": normal(seed=2)}, diverging=diverging_at(sd, 4)))
    assert found.grade == "noted"
    assert found.place == f"at small {scale} (below its 1 % quantile)"
    assert found.line.endswith(found.place)


def test_the_region_is_the_narrowest_that_holds_nearly_all_divergences() -> None:
    sd = np.exp(normal(seed=1))
    diverging = diverging_at(sd, 190) & (np.random.default_rng(2).random(sd.shape) < 0.2)
    diverging.flat[np.argsort(sd, axis=None)[2500]] = True
    count = int(diverging.sum())
    found = health(tree({"noise_sd": sd, "a": normal()}, diverging=diverging))
    assert found.grade == "not to be trusted"
    assert found.place == f"at small noise_sd ({count - 1} of {count} below its 5 % quantile)"


def test_a_scale_comes_before_a_parameter_and_a_parameter_before_nothing() -> None:
    sd, a = np.exp(normal(seed=1)), normal()
    at_large = diverging_at(a, 4, last=True)
    assert health(tree({"noise_sd": sd, "a": a}, diverging=at_large)).place == "at large a (above its 99 % quantile)"
    both = health(tree({"a": a, "noise_sd": sd + 0.0 * a}, diverging=diverging_at(sd, 4)))
    assert both.place.startswith("at small noise_sd")
    middle = np.zeros_like(at_large)
    middle.flat[np.argsort(sd, axis=None)[[1500, 1800, 2200, 2500]]] = True
    assert health(tree({"noise_sd": sd}, diverging=middle)).place == "at no particular value of a parameter"


def test_one_or_two_divergences_say_where_they_are_and_no_more() -> None:
    sd = np.exp(normal(seed=1))
    one, two = (health(tree({"noise_sd": sd}, diverging=diverging_at(sd, count))).place for count in (1, 2))
    assert one == "where noise_sd is at its 0.1 % quantile"
    assert two == "where noise_sd is at its 0.1 % and 0.1 % quantiles"


def test_a_health_comes_back_from_json_as_it_was() -> None:
    rounds = ({"target_accept": 0.95, "divergences": 12, "tried": ["smaller steps"]},)
    for one in (WELL, NOTED, BAD, replace(NOTED, rounds=rounds, stuck=("b",), r_hat=None)):
        assert from_record(json.loads(json.dumps(asdict(one), allow_nan=False))) == one
        assert from_record(asdict(one)) == one
    together = combined({"a": NOTED, "b": BAD})
    assert together is not None
    assert from_record(json.loads(json.dumps(asdict(together)))) == together


def test_records_of_older_versions_load() -> None:
    old = {"divergences": 0, "r_hat": 1.001, "ess_bulk": 900.0, "ess_tail": 800.0, "bfmi": 0.9, "worst": "a"}
    assert Health(**old).clean
    assert from_record(old) == Health(**old)
    alone = from_record(json.loads(json.dumps(old | {"r_hat": float("nan")})))
    assert alone.r_hat is None
    assert alone.line == "not to be trusted: R-hat cannot be computed"


def test_several_fits_together_are_graded_by_the_worst_and_name_it() -> None:
    assert combined({}) is None
    assert combined({"a": None}) is None
    for one in (CLEAN, NOTED, BAD):
        for other in (CLEAN, NOTED, BAD):
            together = combined({"a": one, "b": other, "before": None})
            assert together is not None
            assert together.grade == max(one.grade, other.grade, key=GRADES.index)
    mixed = combined({"good": CLEAN, "law": NOTED})
    assert mixed is not None
    assert mixed.line.startswith("note [sampler]: law: 4 divergences")


def test_what_is_accepted_is_decided_in_one_place() -> None:
    assert [accepted(of) for of in (None, CLEAN, NOTED, BAD)] == [True, True, True, False]
    assert [accepted(of, strict=True) for of in (None, CLEAN, NOTED, BAD)] == [True, True, False, False]


def test_fits_are_counted_by_grade() -> None:
    many = {f"{i}": CLEAN for i in range(158)} | {"a": NOTED, "b": NOTED, "c": BAD}
    assert counts(many) == "158 clean, 2 noted, 1 not to be trusted"
    assert counts({"a": CLEAN}) == "1 clean"
    together = combined(many)
    assert together is not None
    assert together.line == (
        "not to be trusted: 158 clean, 2 noted, 1 not to be trusted of 161 fits; "
        f"c: {BAD.line.removeprefix('not to be trusted: ')}; "
        f"a: {NOTED.line.removeprefix('note [sampler]: ')}; b: {NOTED.line.removeprefix('note [sampler]: ')}"
    )
    more = combined(many | {"d": BAD})
    assert more is not None
    assert more.line.count("40 divergences") == 2
    assert more.line.endswith("; and 1 more")
