"""What must make no difference: the order of rows, names, files, units, references, columns and levels that nothing reads.

On a fit written by hand every answer is compared, to the last bits. On fits that are sampled the posterior is: to Monte-Carlo
error or, where nothing that the sampler sees has changed, to the bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, PUBLISHED, fit_of

import bayes_scaling as bs
from bayes_scaling.data.columns import Curve
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.parameters import parameter_values, published_values
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.validation.scores import score_points

RNG = np.random.default_rng(4)
SETTINGS = bs.Settings(draws=1000, chains=2, seed=3, progress=False)


@dataclass(frozen=True)
class Told:
    """The same runs told in another way.

    change: what becomes of the table. params, tokens, loss: what each is multiplied by. names: level -> what it is called.
    references: of the inputs, as the table counts.
    units: of the inputs. Where they are declared, only the table and the points count in them, answers in base units.
    """

    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
    params: float = 1.0
    tokens: float = 1.0
    loss: float = 1.0
    names: Mapping[str, str] = field(default_factory=lambda: {"dense": "dense", "sparse": "sparse"})
    references: Mapping[str, float] = field(default_factory=lambda: {"params": 1e9, "tokens": 1e10})
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> float:
        """What sizes in answers are multiplied by."""
        return 1.0 if self.units else self.params

    @property
    def length(self) -> float:
        """What token counts in answers are multiplied by."""
        return 1.0 if self.units else self.tokens


def ladder() -> pd.DataFrame:
    """Return three sizes of two architectures at six token counts, scattered by 1 %."""
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 3e9, 3), np.geomspace(2e9, 1e11, 6), indexing="ij"))
    parts = []
    for arch, level in {"dense": 1.0, "sparse": 0.97}.items():
        loss = level * (1.8 + 0.37 * (params / 1e9) ** -0.35 + 0.46 * (tokens / 1e10) ** -0.37)
        names = [f"{arch} {size:.3g} {on:.3g}" for size, on in zip(params, tokens, strict=True)]
        parts.append(pd.DataFrame({"run": names, "arch": arch, "params": params, "tokens": tokens, "loss": loss}))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(loss=table["loss"] * np.exp(np.random.default_rng(5).normal(0, 0.01, len(table))))


TABLE = ladder()
DRAWS = {name: of * np.exp(RNG.normal(0, 0.02, (2, 100))) for name, of in (PUBLISHED | {"noise_sd": 0.01}).items()}
LEVELS = RNG.normal([0.0, -0.03], 0.005, (2, 100, 2))


def told(of: Told) -> tuple[bs.Model, Runs]:
    """Return the model and the runs as they are told; losses in another unit have priors in it."""
    named = of.names
    scaled = TABLE.assign(
        params=TABLE["params"] * of.params,
        tokens=TABLE["tokens"] * of.tokens,
        loss=TABLE["loss"] * of.loss,
        arch=TABLE["arch"].map(named),
    )
    scale = None if of.units else 1.0  # said, so that nobody asks what the table counts in
    references = of.references.items()
    inputs = {name: bs.Input(name, of.units.get(name, ""), reference, scale=scale) for name, reference in references}
    runs = bs.read_runs(of.change(scaled), bs.Columns(inputs, bs.Response("loss", "nats/token"), {"arch": "arch"}, run="run"))
    unit = {"E": of.loss, "A": of.loss, "B": of.loss}
    priors = {name: bs.Prior(median=at * unit.get(name, 1.0), factor=2.0) for name, at in PUBLISHED.items()}
    parameters = priors | {"E": priors["E"] + bs.Varying("arch", 0.05)}
    return bs.Model(bs.laws.chinchilla, parameters, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal")), runs


def by_hand(of: Told) -> bs.Fit:
    """Return a fit with the same draws, in the convention of what is told."""
    model, runs = told(of)
    at = {"A": (of.references["params"] / of.params / 1e9, "alpha"), "B": (of.references["tokens"] / of.tokens / 1e10, "beta")}
    draws = dict(DRAWS)
    for name, (moved, exponent) in at.items():
        draws[name] = DRAWS[name] * moved ** -DRAWS[exponent] * of.loss
    draws["E"] = DRAWS["E"] * of.loss
    place = [list(runs.levels["arch"]).index(of.names[arch]) for arch in ("dense", "sparse")]
    draws |= {"E_sd_arch": np.full((2, 100), 0.05), "E_by_arch": LEVELS[..., np.argsort(place)]}
    return fit_of(model, runs, draws, CLEAN, {"E_by_arch": ("arch",)})


def points(of: Told) -> pd.DataFrame:
    table = pd.DataFrame({"arch": ["dense", "sparse", "dense"], "params": [2e8, 5e9, 2e10], "tokens": [1e10, 1e11, 3e11]})
    return table.assign(
        params=table["params"] * of.params, tokens=table["tokens"] * of.tokens, arch=table["arch"].map(of.names)
    )


def in_order(table: pd.DataFrame, of: Told) -> pd.DataFrame:
    """Return rows in one order, whatever they are called and however they stand."""
    first = table["arch"] == of.names["dense"]
    return table.assign(first=~first).sort_values(["first", "params", "tokens"], ignore_index=True).drop(columns="first")


def answers(fit: bs.Fit, of: Told) -> dict[str, np.ndarray]:
    """Return every answer that the fit gives, in the units of what is told first."""
    where, a, b = points(of), of.names["sparse"], of.names["dense"]
    found: dict[str, np.ndarray] = {
        "predict": bs.predict(fit, where).to_numpy() / of.loss,
        "predict_runs": bs.predict_runs(fit, where, seed=1).to_numpy() / of.loss,
        "table": summarize_at(fit, where)[["mean", "sd", "q05", "q95"]].to_numpy() / of.loss,
        "distance": bs.predict(fit, where)["distance"].to_numpy(),
        "difference": bs.contrast(fit, "arch", a, b, where)["difference"].to_numpy() / of.loss,
        "ratio": bs.contrast(fit, "arch", a, b, where)["ratio"].to_numpy(),
        "multiplier": compute_ratio(fit, "arch", b, a, where, {"params": 0.5, "tokens": 0.5}).to_numpy(),
    }
    crossing = bs.crossover(fit, "arch", a, b, where.iloc[:1], 1e13 * of.size, {"params": 0.5, "tokens": 0.5})
    found |= {"crossing": crossing["crossing"].to_numpy() / of.size, "ahead": crossing["a_ahead"].to_numpy()}
    parts = decompose(fit, where)
    found |= {
        "parts " + name: (parts[name] - (np.log(of.loss) if name in ("law", "expected", "run") else 0)).to_numpy()
        for name in parts
    }
    inside = parameter_values(fit, "E").sel(arch=[b, a]).to_numpy() / of.loss
    published = published_values(fit)
    found |= {"E": inside, "published A": published["A"].to_numpy() / of.loss / of.size ** fit.posterior["alpha"].to_numpy()}
    cost = bs.Cost(flops_per_param_token=6 / (of.size * of.length))
    plan = bs.plan(fit, 1e22, cost=cost, points=pd.DataFrame({"arch": [a, b]})).to_frame()
    sizes = ["params", "params_low", "params_high", "best_params_q05", "best_params_q95"]
    found |= {"plan": plan[sizes].to_numpy() / of.size, "plan tokens": plan["tokens"].to_numpy() / of.length}
    found |= {"plan loss": plan[["regret", "loss_q05", "loss_q95"]].to_numpy() / of.loss, "excess": plan["excess"].to_numpy()}
    needed = bs.compute_needed(fit, 2.1 * of.loss, cost=cost, points=pd.DataFrame({"arch": [a]}))
    found |= {"needed": needed.to_numpy()}
    ranked = bs.rank(fit, "arch", b, pd.DataFrame({"compute": [1e21]}), cost=cost)
    found |= {
        "rank": ranked.compute_ratio.to_numpy(),
        "rank loss": ranked.relative.to_numpy(),
        "best": ranked.p_best.to_numpy(),
    }
    scores = score_points(fit, in_order(fit.runs.table, of))
    found |= {"scores": scores[["pit", "relative_error", "distance"]].to_numpy(), "log_score": scores["log_score"].to_numpy()}
    return found


SAME = Told()
TOLD = {
    "rows shuffled": Told(lambda t: t.sample(frac=1, random_state=1)),
    "a column nobody reads": Told(lambda t: t.assign(note="x", width=7)),
    "names in the same order": Told(names={"dense": "a", "sparse": "b"}),
    "names in another order": Told(names={"dense": "z", "sparse": "b"}),
    "params in millions": Told(params=1e-6, references={"params": 1e3, "tokens": 1e10}),
    "tokens in billions": Told(tokens=1e-9, references={"params": 1e9, "tokens": 10.0}),
    "params declared in millions, tokens in billions": Told(
        params=1e-6,
        tokens=1e-9,
        references={"params": 1e3, "tokens": 10.0},
        units={"params": "M parameters", "tokens": "B tokens"},
    ),
    "losses in bits": Told(loss=1 / np.log(2)),
    "another reference": Told(references={"params": 3e8, "tokens": 7e11}),
}


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    return answers(by_hand(SAME), SAME)


@pytest.mark.parametrize("how", list(TOLD))
def test_every_answer_of_a_fit_written_by_hand_stays(how: str, expected: dict[str, np.ndarray]) -> None:
    found = answers(by_hand(TOLD[how]), TOLD[how])
    for name, of in expected.items():
        np.testing.assert_allclose(found[name], of, rtol=1e-8, atol=1e-10, err_msg=f"{how}: {name}")


def sampled(of: Told) -> tuple[bs.Fit, xr.DataArray]:
    """Return a fit to the runs as they are told, and what it expects at the points in the unit told first."""
    fit = bs.fit(*told(of), SETTINGS)
    return fit, bs.predict(fit, points(of)) / of.loss


@pytest.fixture(scope="module")
def fitted() -> tuple[bs.Fit, xr.DataArray]:
    return sampled(SAME)


@pytest.mark.parametrize("how", list(TOLD))
@pytest.mark.slow
def test_the_posterior_stays_to_monte_carlo_error(how: str, fitted: tuple[bs.Fit, xr.DataArray]) -> None:
    """A reference is changed little, as priors at another one are other priors."""
    of = replace(TOLD[how], references={"params": 9e8, "tokens": 1.1e10}) if how == "another reference" else TOLD[how]
    agree(sampled(of)[1], fitted[1])


def test_a_level_without_runs_is_one_to_come(fitted: tuple[bs.Fit, xr.DataArray]) -> None:
    model, runs = told(SAME)
    more = replace(runs, levels={**runs.levels, "arch": np.array(["dense", "ghost", "sparse"])})
    fit = bs.fit(model, more, SETTINGS)
    agree(bs.predict(fit, points(SAME)), fitted[1])
    ghost, unknown = (bs.predict(one, points(SAME).assign(arch="ghost")) for one in (fit, fitted[0]))
    np.testing.assert_allclose(ghost.std(("chain", "draw")), unknown.std(("chain", "draw")), rtol=0.2)


def agree(found: xr.DataArray, expected: xr.DataArray) -> None:
    """Check that two posteriors have the same means and widths, to Monte-Carlo error."""
    np.testing.assert_allclose(
        found.mean(("chain", "draw")), expected.mean(("chain", "draw")), atol=0.2 * expected.std(("chain", "draw")).max()
    )
    np.testing.assert_allclose(found.std(("chain", "draw")), expected.std(("chain", "draw")), rtol=0.2)


SAME_BITS = {
    "a column nobody reads": TOLD["a column nobody reads"],
    "names in the same order": TOLD["names in the same order"],
}


@pytest.mark.parametrize("how", list(SAME_BITS))
def test_draws_stay_to_the_bit_where_the_sampler_sees_the_same(how: str, fitted: tuple[bs.Fit, xr.DataArray]) -> None:
    _, found = sampled(SAME_BITS[how])
    np.testing.assert_array_equal(found.to_numpy(), fitted[1].to_numpy())


def test_a_table_in_two_files_is_the_table(tmp_path: Path, fitted: tuple[bs.Fit, xr.DataArray]) -> None:
    model, runs = told(SAME)
    for name, rows in {"one.csv": TABLE.iloc[:20], "two.csv": TABLE.iloc[20:]}.items():
        rows.to_csv(tmp_path / name, index=False)
    both = bs.read_runs([tmp_path / "one.csv", tmp_path / "two.csv"], runs.columns)
    pd.testing.assert_frame_equal(both.table, runs.table)
    np.testing.assert_array_equal(bs.fit(model, both, SETTINGS).posterior["E"], fitted[0].posterior["E"])


def test_a_group_of_one_level_is_refused() -> None:
    model, runs = told(SAME)
    columns = replace(runs.columns, groups={"arch": "one"})
    with pytest.raises(
        bs.InputError, match=r"group 'arch' .* has the single level 1 from row 1 on; E varies over it and needs two"
    ):
        bs.fit(model, bs.read_runs(TABLE.assign(one=1), columns), SETTINGS)


def test_the_order_of_rows_within_a_log_is_data() -> None:
    """A log that goes back has been restarted; one without order is refused."""
    log = pd.DataFrame({"run": "one", "tokens": np.arange(1.0, 41.0), "loss": 3.0 - 0.01 * np.arange(40)})
    columns = bs.Columns({"tokens": bs.Input("tokens")}, run="run", curve=Curve("tokens"))
    again = pd.concat([log.iloc[:30], log.iloc[20:].assign(loss=lambda t: t["loss"] + 0.5)], ignore_index=True)
    assert len(bs.read_runs(again, columns)) == 40
    assert (bs.read_runs(again, columns).table["response"].to_numpy()[20:] > 3.0).all()
    with pytest.raises(bs.InputError, match="are in no order"):
        bs.read_runs(log.sample(frac=1, random_state=0), columns)
