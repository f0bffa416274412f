"""The next run to train: against exact answers, brute-force refits, and on wrong input."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, sweep
from commands import refused, run

import bayes_scaling as bs
from bayes_scaling._base.numbers import band, number, percent
from bayes_scaling.data.plausible import implausible_counts
from bayes_scaling.decisions.design.criteria import gains_of
from bayes_scaling.decisions.design.information import information, joint
from bayes_scaling.decisions.design.notes import far_notes
from bayes_scaling.decisions.design.sentences import next_sentence
from bayes_scaling.decisions.design.sets import Prices, best_sets
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.plots import next_figure

SD, LENGTH, WHITE, SIZE_SD = 0.02, 0.8, 0.01, 0.03
LAW = bs.parse_law("a * tokens**-b", ["tokens"])
QUESTION = "loss at tokens=1e5"


def made(*, noise: bs.Noise | None = None, draws: int = 4000, correlation: float = 0.5, **known: float) -> bs.Fit:
    """Return a fit with draws of log a and b, of which the log loss is a linear function, and a known noise."""
    rng = np.random.default_rng(1)
    spread = correlation * 0.03 * 0.01
    both = rng.multivariate_normal([0.0, 0.0], [[0.03**2, spread], [spread, 0.01**2]], draws)
    values = {"a": 3.0 * np.exp(both[:, 0]), "b": 0.1 + both[:, 1], "noise_sd": np.full(draws, SD)}
    values |= {name: np.full(draws, of) for name, of in known.items()}
    posterior = xr.Dataset({name: (("chain", "draw"), of.reshape(2, -1)) for name, of in values.items()})
    effects = noise.effects if noise else ()
    for effect in effects:
        levels = SIZE_SD * rng.normal(size=(2, draws // 2, 2))
        posterior = posterior.assign_coords(size=["p", "q"]).assign(
            residual_by_size=(("chain", "draw", effect.dims[0]), levels)
        )
    noise = noise or bs.Noise(sd=bs.Prior(median=SD, factor=1.5), distribution="normal")
    prior = {"a": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(distribution="Normal", arguments={"mu": 0.1, "sigma": 0.05})}
    table = pd.DataFrame({"tokens": [10.0, 1000.0], "loss": [3.8, 2.4], "size": ["p", "q"], "run": ["one", "two"]})
    groups = {"size": "size"} if effects else {}
    columns = bs.Columns({"tokens": bs.Input("tokens", "tokens", 100.0)}, groups=groups, run="run")
    runs = bs.read_runs(table, columns)
    return bs.Fit(bs.Model(LAW, prior, noise), runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(), None)


def basis(tokens: object) -> np.ndarray:
    return np.column_stack([np.ones(np.size(tokens)), -np.log(np.asarray(tokens, dtype=float) / 100)])


def exact(fit: bs.Fit, tokens: object, noise: np.ndarray, end: float = 1e5) -> float:
    """Return the information of rows about the log loss at the end, by conditioning the normal of log a and b."""
    own = np.cov(np.log(fit.posterior["a"]).to_numpy().ravel(), fit.posterior["b"].to_numpy().ravel())
    shown, asked = basis(tokens), basis(end)[0]
    after = own - own @ shown.T @ np.linalg.solve(shown @ own @ shown.T + noise, shown @ own)
    return 0.5 * float(np.log(asked @ own @ asked / (asked @ after @ asked)))


PLACES = [1.0, 10.0, 100.0, 1000.0, 1e4, 3e4, 20.0, 2000.0]


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"tokens": PLACES, "flop": [1.0 + 0.01 * place for place in PLACES]})


def test_single_runs_are_exact(table: pd.DataFrame) -> None:
    fit = made()
    found = bs.next_runs(fit, table, QUESTION)
    np.testing.assert_allclose(found.information, [exact(fit, [at], np.eye(1) * SD**2) for at in PLACES], rtol=1e-8)
    shown = found.to_frame()
    assert shown["rank"].tolist() == list(range(1, 9))
    assert (np.diff(shown["saved"] / shown["flop"] ** 0.4) <= 0).all()
    before = float(np.std(draw_estimand(fit, QUESTION), ddof=1))
    np.testing.assert_allclose(shown["sd_after"], before * np.exp(-shown["information"]), rtol=1e-9)
    assert shown["candidate"].tolist()[0] == found.candidates["candidate"].iloc[found.order[0]]


def test_sets_are_exact_and_the_best_there_are(table: pd.DataFrame) -> None:
    fit, budget = made(), 150.0
    found = bs.next_runs(fit, table, QUESTION, budget)
    flop = table["flop"].to_numpy()
    for one in found.sets:
        of = list(one.members)
        assert one.information == pytest.approx(exact(fit, np.array(PLACES)[of], np.eye(len(of)) * SD**2), rel=1e-8)
        assert one.flop == pytest.approx(flop[of].sum())
        assert one.flop <= budget
        every = [
            exact(fit, np.array(PLACES)[list(other)], np.eye(len(of)) * SD**2)
            for other in combinations(range(len(PLACES)), len(of))
            if flop[list(other)].sum() <= budget
        ]
        assert one.information == pytest.approx(max(every), rel=1e-8)
    assert [len(one.members) for one in found.sets] == [1, 2, 3, 4, 5]
    sets = found.sets_to_frame()
    assert sets["runs"].tolist() == [1, 2, 3, 4, 5]
    assert sets["candidates"].iloc[1].count("; ") == 1


def test_exchanges_come_close_to_the_best_sets_of_many_random_candidates() -> None:
    rng, shares = np.random.default_rng(3), []
    for _ in range(10):
        shown = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 12))
        question, cost = shown[:, :3].sum(axis=1) + rng.normal(size=500), rng.lognormal(size=12)
        of = joint(question, shown, np.arange(12)[:, None], np.full((12, 1, 1), 4.0))
        gains = gains_of(of, "information")
        for members in best_sets(gains, Prices(cost, budget=float(np.sort(cost)[:6].sum()))):
            told = gains(members)[0]
            every = [
                _together(question, shown, list(other))
                for other in combinations(range(12), len(members))
                if cost[list(other)].sum() <= np.sort(cost)[:6].sum()
            ]
            assert told == pytest.approx(_together(question, shown, list(members)), rel=1e-9)
            shares.append(told / max(every))
            if len(members) <= 2:
                assert shares[-1] == pytest.approx(1.0)
    assert min(shares) > 0.9
    assert np.mean(shares) > 0.99


def _together(question: np.ndarray, shown: np.ndarray, of: list[int]) -> float:
    both = np.cov(np.column_stack([shown[:, of], question]).T) + np.diag([4.0] * len(of) + [0.0])
    left = both[-1, -1] - both[-1, :-1] @ np.linalg.solve(both[:-1, :-1], both[:-1, -1])
    return 0.5 * float(np.log(both[-1, -1] / left))


def test_two_equal_runs_have_scatter_of_their_own() -> None:
    fit = made()
    found = bs.next_runs(fit, pd.DataFrame({"tokens": [1e4, 1e4], "flop": 1.0}), QUESTION)
    assert found.sets[1].members == (0, 1)
    assert found.sets[1].information == pytest.approx(exact(fit, [1e4], np.eye(1) * SD**2 / 2), rel=1e-8)


def test_heavy_tails_count_by_what_they_tell_of_the_middle() -> None:
    """The information of a Student-t about its middle is 1 / (sd^2 (nu + 3) / (nu + 1)), here by its definition."""
    from scipy import stats

    nu = 1.7
    z = np.linspace(-4000, 4000, 4_000_001)
    told = np.trapezoid(np.gradient(stats.t.logpdf(z, nu), z) ** 2 * stats.t.pdf(z, nu), z) / SD**2
    fit = made(noise=bs.Noise(sd=bs.Prior(median=SD, factor=1.5)), noise_nu=nu)
    found = bs.next_runs(fit, pd.DataFrame({"tokens": [1e4], "flop": 1.0}), QUESTION)
    assert found.information[0] == pytest.approx(exact(fit, [1e4], np.eye(1) / told), rel=1e-3)


def test_rows_of_a_curve_are_one_run_with_correlated_noise() -> None:
    noise = bs.Noise(
        sd=bs.Prior(median=SD, factor=2.0),
        distribution="normal",
        correlation=bs.Correlation("tokens", bs.Prior(median=LENGTH, factor=2.0), white=bs.Prior(median=WHITE, factor=2.0)),
    )
    fit = made(noise=noise, noise_length=LENGTH, noise_white=WHITE)
    at = np.array([100.0, 300.0, 1000.0])
    table = pd.DataFrame({"run": ["x"] * 3 + ["y"], "tokens": [*at, 50.0], "flop": [*(10 * at), 500.0]})
    found = bs.next_runs(fit, table, QUESTION)
    lag = np.abs(np.log(at)[:, None] - np.log(at))
    covariance = SD**2 * np.exp(-lag / LENGTH) + WHITE**2 * np.eye(3)
    assert found.information[0] == pytest.approx(exact(fit, at, covariance), rel=1e-3)  # rows are 1e-4 e-folds wide
    assert found.information[1] == pytest.approx(exact(fit, [50.0], np.eye(1) * (SD**2 + WHITE**2)), rel=1e-3)
    assert found.flop.tolist() == [10_000.0, 500.0]
    assert found.candidates.to_dict("list") == {
        "candidate": ["x", "y"], "run": ["x", "y"], "tokens": [1000.0, 50.0], "flop": [10_000.0, 500.0]
    }  # fmt: skip


def test_rows_of_a_candidate_share_departures_and_cost_what_their_runs_do() -> None:
    noise = bs.Noise(sd=bs.Prior(median=SD, factor=2.0), distribution="normal", effects=(bs.Varying("size", 0.03),))
    fit = made(noise=noise, residual_sd_size=SIZE_SD)
    own = pd.DataFrame({"candidate": ["x", "x", "y"], "tokens": [1e3, 1e4, 1e4], "flop": [5.0, 5.0, 7.0]})
    found = bs.next_runs(fit, own, QUESTION)
    shared = np.full((2, 2), SIZE_SD**2) + np.eye(2) * SD**2
    # A level never seen is drawn, so that it is known to about 1 / sqrt(draws).
    assert found.information[0] == pytest.approx(exact(fit, [1e3, 1e4], shared), rel=0.05)
    assert found.information[1] == pytest.approx(exact(fit, [1e4], np.eye(1) * (SIZE_SD**2 + SD**2)), rel=0.05)
    assert found.flop.tolist() == [5.0, 7.0]
    several = own.assign(run=["one", "another", "third"])
    assert bs.next_runs(fit, several, QUESTION).flop.tolist() == [10.0, 7.0]


def test_nothing_is_read_out_of_chance() -> None:
    fit, rng = made(), np.random.default_rng(8)
    question = xr.DataArray(rng.normal(size=(2, 2000)), dims=("chain", "draw"))
    table = pd.DataFrame({"tokens": np.geomspace(1, 1e5, 200), "flop": 1.0})
    found = bs.next_runs(fit, table, question, 5.0)
    assert (found.information == 0).all()
    assert "No candidate" in next_sentence(found) or found.best.information > found.least
    assert next_figure(found).axes[0].get_xlabel() == "compute (FLOP)"
    with pytest.raises(bs.InputError, match="the same answer in every draw"):
        bs.next_runs(fit, table, xr.full_like(question, 2.0))
    with pytest.raises(bs.InputError, match="need the dimensions of the fit's"):
        bs.next_runs(fit, table, question.isel(draw=slice(100)))


def test_impossible_draws_are_left_out_and_counted() -> None:
    fit = made()
    values = fit.posterior.copy()
    values["a"] = values["a"].where(values["draw"] >= 50, -1.0)
    own = replace(fit, draws=xr.DataTree.from_dict({"posterior": values}))
    found = bs.next_runs(own, pd.DataFrame({"tokens": [1e4], "flop": 1.0}), QUESTION)
    assert found.left_out == 100
    assert "100 of 4000 draws are left out" in found.notes[0]
    kept = values.isel(draw=slice(50, None))
    same = replace(fit, draws=xr.DataTree.from_dict({"posterior": kept}))
    assert found.information[0] == pytest.approx(exact(same, [1e4], np.eye(1) * SD**2), rel=1e-8)


def test_few_draws_and_levels_never_seen_are_noted(moba: bs.Fit) -> None:
    few = bs.next_runs(made(draws=400), pd.DataFrame({"tokens": [1e2], "flop": 1.0}), QUESTION)
    assert few.notes == ("400 draws: sets of several runs want 1000 and more",)
    new = pd.DataFrame({"compute": [3.0], "position": 0, "attention": "sliding"})
    found = bs.next_runs(moba, new, "contrast attention=moba:full at compute=10, position=30720")
    assert "attention 'sliding' is a level that the runs do not have" in found.notes[0]
    far = bs.next_runs(made(), pd.DataFrame({"candidate": ["x", "y"], "tokens": [1e2, 1e4], "flop": 1.0}), QUESTION)
    assert len(far.notes) == 1
    assert far.notes[0].startswith("far from the runs lie candidate y (1 decade): what they tell rests on the law")
    several = pd.DataFrame({"tokens": [1e2, 1e4, 1e5, 1e6], "flop": [1.0, 1e3, 1e7, 1e9]})
    assert (
        "candidate tokens 1M (3 decades); candidate tokens 10k (1 decade); 1 other candidate not proposed (2 decades)"
        in bs.next_runs(made(), several, QUESTION, most=1).notes[0]
    )


def test_of_many_proposed_far_from_the_runs_three_are_named() -> None:
    fit, tokens = made(), np.geomspace(1e4, 1e8, 5)
    frame = pd.DataFrame({"candidate": list("abcde"), "tokens": tokens})
    found = SimpleNamespace(order=np.arange(5), best=SimpleNamespace(members=tuple(range(5))), candidates=frame)
    (said,) = far_notes(fit, frame, np.arange(5)[:, None], found)  # type: ignore[arg-type]
    assert "; 2 more proposed by less: " in said


def test_costs(moba: bs.Fit, chinchilla: bs.Fit) -> None:
    asked = "contrast attention=moba:full at compute=10, position=30720"
    buckets = pd.DataFrame(
        {"compute_pflops_days": 3.0, "position_start": range(0, 32768, 2048), "attention": "moba", "candidate": 1}
    )
    found = bs.next_runs(moba, buckets, asked)
    assert found.flop.tolist() == [3.0 * 8.64e19]
    assert "position_start" not in found.candidates
    one = pd.DataFrame({"params": [1e9], "tokens": [2e10], "euro": [7.0]})
    assert bs.next_runs(chinchilla, one, "parameter alpha").flop.tolist() == [6 * 1e9 * 2e10]
    assert bs.next_runs(chinchilla, one, "parameter alpha", cost="euro").flop.tolist() == [7.0]


def test_wrong_candidates_say_what_and_where(table: pd.DataFrame, chinchilla: bs.Fit) -> None:
    fit = made()

    def said(frame: pd.DataFrame, match: str, budget: float | None = None, **options: str) -> None:
        with pytest.raises(bs.InputError, match=match):
            bs.next_runs(fit, frame, QUESTION, budget, **options)

    said(table.drop(columns="tokens"), "the points: no column 'tokens'")
    said(table.assign(tokens=[*PLACES[:3], None, *PLACES[4:]]), "column 'tokens', row 4: nan is missing")
    said(table.drop(columns="flop"), "what a candidate costs is not known.*add a column 'flop'")
    said(table.assign(flop=[1.0, -2.0, *PLACES[2:]]), "column 'flop', row 2: -2.0 is no cost")
    said(table, "no column 'euro' for the cost", cost="euro")
    said(table, "the cheapest candidate takes 1.01 FLOP; the budget is 0.5", 0.5)
    said(table, "the budget must be a positive number of FLOP, not -1", -1.0)
    said(table.assign(candidate=["x", None, *"abcdef"]), "column 'candidate', row 2 is missing")
    said(table.iloc[:0], ": no rows; expected one or more")
    values = fit.posterior.copy()
    values["a"] = -values["a"]
    broken = replace(fit, draws=xr.DataTree.from_dict({"posterior": values}))
    question = xr.DataArray(np.random.default_rng(0).normal(size=(2, 2000)), dims=("chain", "draw"))
    with pytest.raises(bs.InputError, match=r"gives no value at candidate tokens 1 in 100 % of the draws"):
        bs.next_runs(broken, table, question)


def test_a_thousand_candidates(chinchilla: bs.Fit) -> None:
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"params": np.exp(rng.uniform(17, 23, 1000)), "tokens": np.exp(rng.uniform(20, 26, 1000))})
    found = bs.next_runs(chinchilla, many, "loss at compute=1e24", 1e21)
    assert len(found.to_frame()) == 1000
    assert all(one.flop <= 1e21 for one in found.sets)
    told = [one.information for one in found.sets]
    assert told == sorted(told)
    single = np.where(found.flop <= 1e21, found.information, 0.0).max()
    assert found.sets[0].information == pytest.approx(single)
    shown = found.to_frame()
    assert shown["within_budget"].is_monotonic_decreasing


@pytest.mark.slow
def test_refits_with_simulated_outcomes_agree() -> None:
    """Mean log ratio of the question's sd after to before, over outcomes simulated for each candidate and refits with them."""
    rng = np.random.default_rng(4)
    at = np.array([30.0, 60.0, 100.0, 200.0, 300.0])
    seen = pd.DataFrame({"tokens": at, "loss": 3.0 * (at / 100) ** -0.1 * np.exp(rng.normal(0, SD, 5))})
    columns = bs.Columns({"tokens": bs.Input("tokens", "tokens", 100.0)})
    model = bs.Model(
        LAW,
        {"a": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(median=0.1, factor=1.5)},
        bs.Noise(sd=bs.Prior(median=SD, factor=1.05), distribution="normal"),
    )
    settings = bs.Settings(draws=1000, tune=300, chains=2, seed=3, progress=False)
    fit = bs.fit(model, bs.read_runs(seen, columns), settings)
    places, outcomes = [110.0, 1000.0, 1e4, 10.0], 12
    found = bs.next_runs(fit, pd.DataFrame({"tokens": places, "flop": 1.0}), QUESTION)
    before = float(np.log(draw_estimand(fit, QUESTION).std()))
    measured = []
    for place in places:
        shown = (
            bs.predict_runs(fit, pd.DataFrame({"tokens": [place]}), seed=5).to_numpy().ravel()[:: 2000 // outcomes][:outcomes]
        )
        told = []
        for loss in shown:
            more = pd.concat([seen, pd.DataFrame({"tokens": [place], "loss": [loss]})], ignore_index=True)
            after = bs.refit(fit, bs.read_runs(more, columns))
            told.append(before - float(np.log(draw_estimand(after, QUESTION).std())))
        measured.append((np.mean(told), np.std(told, ddof=1) / np.sqrt(outcomes)))
    means, errors = np.array(measured).T
    assert np.argsort(means).tolist() == np.argsort(found.information).tolist()
    # Besides the error over outcomes both share that of the sd before refits, of 2,000 draws.
    np.testing.assert_array_less(np.abs(means - found.information), 3 * np.hypot(errors, 0.02))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(made(), tmp_path_factory.mktemp("next") / "fit.nc").parent


def test_the_command_line_ranks_and_says(folder: Path, table: pd.DataFrame) -> None:
    table.to_csv(folder / "candidates.csv", index=False)
    result = run("next", folder, "--candidates", folder / "candidates.csv", "--budget", 150, "--decide", QUESTION)
    assert result.exit_code == 0, result.output
    found = bs.next_runs(bs.load(folder / "fit.nc"), folder / "candidates.csv", QUESTION, 150.0)
    assert next_sentence(found) in result.stdout
    ranked = pd.read_csv(folder / "next.csv")
    assert ranked["candidate"].astype(str).tolist()[0] in result.stdout
    assert ranked["within_budget"].sum() == (table["flop"] <= 150).sum()
    assert pd.read_csv(folder / "next_sets.csv")["runs"].tolist() == [1, 2, 3, 4, 5]
    assert (folder / "next.png").stat().st_size > 5_000
    assert "most for its compute" in result.stdout


@pytest.mark.parametrize("spelt", ["{:.1f}", "{:g}", "{:.9g}", "{:.3e}"])
def test_the_command_line_sets_up_no_size_that_the_runs_have(folder: Path, spelt: str) -> None:
    """The file spells the input as text that is not the runs' own, and every cell of it with a point or power."""
    places = [10.0, 1000.0, 1000.0001, 3000.0]
    text = ["10.0", spelt.format(1000.0), "1000.0001", spelt.format(3000.0)]
    (folder / "sizes.csv").write_text("tokens,flop\n" + "".join(f"{of},5.0\n" for of in text))
    result = run("next", folder, "--candidates", folder / "sizes.csv", "--decide", QUESTION, "--set-up", "tokens=7")
    assert result.exit_code == 0, result.output
    by_line = pd.read_csv(folder / "next.csv").sort_values("candidate")["flop"].tolist()
    frame = pd.DataFrame({"tokens": places, "flop": 5.0})
    by_frame = bs.next_runs(bs.load(folder / "fit.nc"), frame, QUESTION, set_up={"tokens": 7.0}).flop.tolist()
    assert by_line == by_frame == [5.0, 5.0, 5.0, 12.0]


def test_the_command_line_refuses_and_writes_nothing(tmp_path: Path, table: pd.DataFrame) -> None:
    bs.save(made(), tmp_path / "fit.nc")
    table.to_csv(tmp_path / "candidates.csv", index=False)
    words = ("next", tmp_path, "--candidates", tmp_path / "candidates.csv")
    refused(run(*words, "--budget", 0.1, "--decide", QUESTION), "candidates.csv: the cheapest candidate takes 1.01 FLOP")
    refused(run(*words, "--budget", 10, "--decide", "best one"), "no form that is known")
    refused(run("next", tmp_path, "--candidates", tmp_path / "none.csv", "--decide", QUESTION), "none.csv: no such file")
    assert {path.name for path in tmp_path.iterdir()} == {"fit.nc", "candidates.csv"}


def test_the_sentence_says_what_is_known_and_what_a_run_would_leave(table: pd.DataFrame) -> None:
    found = bs.next_runs(made(), table, QUESTION, 150.0)
    said = next_sentence(found)
    low, middle, high = np.exp(np.quantile(found.asked, [0.05, 0.5, 0.95]))
    assert f"now {band((low, middle, high), 'nats/token')}" in said
    first = found.order[0]
    assert f"Candidate {found.candidates['candidate'].iloc[first]} ({number(found.flop[first])} FLOP)" in said
    assert f"{percent(1 - np.exp(-found.best.information))} narrower" in said


def test_information_of_rows_that_say_nothing_is_none() -> None:
    rng = np.random.default_rng(0)
    shown = np.column_stack([np.zeros(500), rng.normal(size=500)])
    of = joint(shown[:, 1] + 0.0, shown, np.array([[0, -1], [0, 1]]), np.tile(np.eye(2), (2, 1, 1)))
    told = information(of)
    assert told[0] == pytest.approx(0.0, abs=1e-12)
    variance = shown[:, 1].var(ddof=1)
    assert told[1] == pytest.approx(0.5 * np.log(1 + variance))


@pytest.mark.parametrize("params", [125.0, 1e14])
def test_candidates_that_no_fit_would_take_are_refused(chinchilla: bs.Fit, params: float) -> None:
    candidates = pd.DataFrame({"params": [params], "tokens": [2e10]})
    why = "too few|too many|tokens a parameter"
    said = rf"the candidates: column 'params' .*({why}).* give candidates in the unit of the fit: parameters$"
    with pytest.raises(bs.InputError, match=said):
        bs.next_runs(chinchilla, candidates, "plan at compute=1e21")


def test_candidates_alone_are_in_no_two_units(chinchilla: bs.Fit) -> None:
    candidates = pd.DataFrame({"params": [125.0, 350.0, 1.3e9, 2.7e9], "tokens": 2e10})
    assert not implausible_counts(candidates, chinchilla.runs.columns, beside="candidates")
    assert implausible_counts(candidates, chinchilla.runs.columns)


def test_candidates_without_names_are_called_by_what_differs_among_them() -> None:
    candidates = {"params": [1e9, 3e9, 3e9, 3e9], "tokens": [2e10, 2e10, 6e10, 6e10], "arch": ["sparse"] * 4}
    found = bs.next_runs(sweep(CLEAN), candidates, "loss at params=1e10, tokens=2e11, arch=sparse")
    assert found.to_frame().sort_index()["candidate"].isin(CALLED).all()
    assert any(name in found.summary() for name in CALLED)


CALLED = [
    "params 1B, tokens 20B",
    "params 3B, tokens 20B",
    "params 3B, tokens 60B",
    "params 3B, tokens 60B (2)",
]
