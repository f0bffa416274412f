"""Features of the grammar, each as a fit written by hand, and what it says by plain numpy over its draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from by_hand import CLEAN, fit_with
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.columns import Average, MeasurementError, Schedule
from bayes_scaling.data.schedules import schedule_inputs
from bayes_scaling.inference.stacking import stack
from bayes_scaling.prediction.predict import parameters_at

SHAPE = (2, 60)
TEXT = "E + A * params**-alpha + B * tokens**-beta"
PUBLISHED = {"E": 1.8, "A": 0.37, "alpha": 0.35, "B": 0.46, "beta": 0.37}
SD = bs.Prior(median=0.01, factor=2.0)
WIDE = bs.Prior(median=0.5, factor=3.0)
FEW = bs.Prior(median=0.02, factor=2.0)
ERROR = 0.02


@dataclass(frozen=True)
class World:
    """A feature: a fit, points that make use of it, and the law once more.

    law: values of parameters and inputs over their references -> loss. along: how compute grows. new: levels never seen.
    """

    fit: bs.Fit
    points: pd.DataFrame
    law: Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
    along: Any = None
    question: str = ""
    identity: tuple[str, ...] = ()
    far: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def splits(self) -> bool:
        return {"params", "tokens"} <= set(self.fit.runs.columns.inputs)

    @property
    def on_log(self) -> bool:
        return self.fit.model.noise.on == "log_loss"


def _power(of: Mapping[str, Any], x: Mapping[str, Any]) -> Any:
    return of["E"] + of["A"] * x["params"] ** -of["alpha"] + of["B"] * x["tokens"] ** -of["beta"]


def grid(*, repeats: int = 1) -> pd.DataFrame:
    """Return runs of two architectures on two corpora, three sizes each, read at three places, or several around each."""
    rows = [
        {"arch": arch, "corpus": corpus, "params": params, "tokens": tokens * 1.02**i, "run": f"{arch} {corpus} {params:g}"}
        for arch in ("dense", "sparse")
        for corpus in ("code", "web")
        for params in (1e8, 5e8, 2e9)
        for tokens in (3e9, 1.2e10, 5e10)
        for i in range(repeats)
    ]
    table = pd.DataFrame(rows)
    x = {"params": table["params"] / 1e9, "tokens": table["tokens"] / 1e10}
    scatter = np.random.default_rng(2).normal(0, 0.01, len(table))
    return table.assign(loss=_power(PUBLISHED, x) * np.exp(scatter), err=ERROR)


def split(
    noise: bs.Noise | None = None,
    *,
    terms: Mapping[str, tuple[Any, ...]] | None = None,
    values: Mapping[str, Any] | None = None,
    points: Mapping[str, Any] | None = None,
    question: str = "",
    table: pd.DataFrame | None = None,
    law: Any = None,
    discrepancy: tuple[bs.Discrepancy, ...] = (),
    columns: Mapping[str, Any] | None = None,
) -> World:
    """Return Chinchilla's law in text, whose floor and data term differ between architectures and size term between corpora."""
    own = {"E": (bs.Varying("arch", 0.1),), "B": (bs.Varying("arch", 0.1),), "A": (bs.Varying("corpus", 0.1),)}
    parameters: dict[str, Any] = {name: bs.Prior(median=of, factor=2.0) for name, of in PUBLISHED.items()}
    for name, more in {**own, **(terms or {})}.items():
        for term in more:
            parameters[name] = parameters[name] + term
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 1e10)}
    named = {"groups": {"arch": "arch", "corpus": "corpus"}, "run": "run"} | dict(columns or {})
    noise = noise or bs.Noise(sd=SD, distribution="normal")
    model = bs.Model(law or bs.parse_law(TEXT, ["params", "tokens"]), parameters, noise, discrepancy)
    given = {"E_by_arch": [0.0, -0.03], "B_by_arch": [0.0, 0.08], "A_by_corpus": [0.05, -0.05]} | dict(values or {})
    runs = bs.read_runs(grid() if table is None else table, bs.Columns(inputs, **named))
    place = {"params": [3e8, 1e9, 4e9], "tokens": [2e10, 2e10, 1e11], "arch": "sparse", "corpus": ["code", "web", "web"]}
    asked = question or "loss at params=4e9, tokens=1e11, arch=sparse, corpus=web"
    at = pd.DataFrame(place | dict(points or {}))
    return World(fit_with(model, runs, given, shape=SHAPE, health=CLEAN), at, _power, {"params": 0.5, "tokens": 0.5}, asked)


def single(
    text: str,
    law: Callable[[Mapping[str, Any], Mapping[str, Any]], Any],
    parameters: Mapping[str, Any],
    values: Mapping[str, Any],
    noise: bs.Noise,
    far: float,
    response: bs.Response | None = None,
    identity: tuple[str, ...] = (),
) -> World:
    """Return a law of compute alone, whose level differs between architectures."""
    rows = [
        {"arch": arch, "compute": c, "run": f"{arch} {c}"} for arch in ("dense", "sparse") for c in (1.0, 2.0, 4.0, 8.0, 16.0)
    ]
    table = pd.DataFrame(rows)
    plain = {name: np.asarray(values[name], float) for name in parameters}
    table["loss"] = law(plain, {"compute": table["compute"].to_numpy()}) + 0.003 * np.cos(np.arange(len(table)))
    columns = bs.Columns(
        {"compute": bs.Input("compute", "FLOP", 1.0)},
        response or bs.Response("loss", "nats/token"),
        {"arch": "arch"},
        run="run",
    )
    model = bs.Model(bs.parse_law(text, ["compute"]), parameters, noise)
    points = pd.DataFrame({"compute": [2.0, 16.0, 40.0], "arch": "sparse"})
    fit = fit_with(model, bs.read_runs(table, columns), values, shape=SHAPE, health=CLEAN)
    return World(fit, points, law, None, "loss at compute=40, arch=sparse", identity, points.assign(compute=far).head(1))


def noise(**of: Any) -> bs.Noise:
    return bs.Noise(**({"sd": SD, "distribution": "normal"} | of))


def _noise_by_group() -> World:
    values = {"noise_sd_by_corpus": [-1.5, 1.5], "noise_sd_sd_corpus": 1.5}
    return split(noise(sd=SD + bs.Varying("corpus", 1.0)), values=values)


def _noise_of_new_group() -> World:
    values = {"noise_sd_by_size": [-1.5, 1.5], "noise_sd_sd_size": 0.8}
    table = grid().assign(size=lambda of: np.where(of["params"] > 3e8, "large", "small"))
    groups = {"arch": "arch", "corpus": "corpus", "size": "size"}
    return split(noise(sd=SD + bs.Varying("size", 1.0)), values=values, table=table, columns={"groups": groups})


def _noise_drifts() -> World:
    return split(noise(sd=SD + bs.Trend("params", 0.3)), values={"noise_sd_trend_params": -0.4})


def _measurement_error() -> World:
    return split(columns={"measurement_error": MeasurementError("err")}, values={"noise_sd": 0.004})


def _error_in_units() -> World:
    own = {"measurement_error": MeasurementError("err", relative=False)}
    return split(noise(on="loss"), columns=own, values={"noise_sd": 0.01})


def _correlated() -> World:
    return split(noise(correlation=bs.Correlation("tokens", WIDE)))


def _correlated_and_white() -> World:
    columns = {"average": Average("tokens", 4.0)}
    values = {"noise_white": 0.02, "noise_length": 0.8}
    of = noise(correlation=bs.Correlation("tokens", WIDE, white=FEW))
    return split(of, table=grid(repeats=5), columns=columns, values=values)


def _averaged_with_error() -> World:
    columns = {"average": Average("tokens", 4.0), "measurement_error": MeasurementError("err")}
    return split(table=grid(repeats=5), columns=columns)


def _student_t() -> World:
    return split(bs.Noise(sd=SD, distribution="student_t"), values={"noise_nu": 3.0})


def _heavy_tails_with_error() -> World:
    columns = {"measurement_error": MeasurementError("err")}
    return split(bs.Noise(sd=SD, distribution="student_t", on="log_loss"), values={"noise_nu": 1.2}, columns=columns)


def _on_loss() -> World:
    return split(noise(on="loss"), values={"noise_sd": 0.03})


def _shared_by_runs() -> World:
    runs = len(grid()["run"].unique())
    shared = np.linspace(-0.02, 0.02, runs)
    return split(noise(effects=(bs.Varying("run", 0.05),)), values={"residual_by_run": shared, "residual_sd_run": 0.02})


def _crossed() -> World:
    table = grid().query("not (arch == 'sparse' and corpus == 'code')").reset_index(drop=True)
    own = [[0.02, -0.02], [0.04, 0.0]]
    return split(
        terms={"A": (bs.Varying("corpus", 0.1), bs.Varying(("arch", "corpus"), 0.1))},
        table=table,
        values={"A_by_arch_corpus": own},
    )


def _nested() -> World:
    groups = {"arch": "arch", "corpus": "corpus", "cell": ("arch", "corpus")}
    values = {"E_by_cell": [0.01, -0.01, 0.02, 0.0]}
    question = "loss at params=4e9, tokens=1e11, arch=sparse, corpus=web, cell='sparse web'"
    terms = {"E": (bs.Varying("arch", 0.1), bs.Varying("cell", 0.1))}
    return split(terms=terms, columns={"groups": groups}, values=values, question=question)


def _new_levels() -> World:
    return split(points={"corpus": "books"}, values={"A_sd_corpus": 0.2})


def _discrepancy() -> World:
    return split(discrepancy=(bs.Discrepancy(FEW, bs.Prior(median=4.0, factor=1.5)),))


def _discrepancy_within() -> World:
    within = bs.Discrepancy(FEW, bs.Prior(median=4.0, factor=1.5), over=("params",), within="arch")
    return split(noise(on="loss"), discrepancy=(within,), values={"noise_sd": 0.02})


def _discrepancy_of_new_level() -> World:
    within = bs.Discrepancy(FEW, bs.Prior(median=4.0, factor=1.5), over=("params",), within="corpus")
    return split(discrepancy=(within,), points={"corpus": "books"})


def _drifting_exponent() -> World:
    return split(terms={"alpha": (bs.Trend("tokens", 0.05),)}, values={"alpha_trend_tokens": -0.02})


def _library_law() -> World:
    return split(law=bs.laws.chinchilla)


def _falls_below_zero() -> World:
    def law(of: Mapping[str, Any], x: Mapping[str, Any]) -> Any:
        return of["level"] - of["gain"] * (1 - x["compute"] ** -of["b"]) / of["b"]

    parameters = {
        "level": bs.Prior(median=3.0, factor=1.5) + bs.Varying("arch", 0.1),
        "gain": bs.Prior(median=0.3, factor=2.0),
        "b": bs.Prior(median=0.05, factor=2.0),
    }
    values = {"level": 3.0, "gain": 0.3, "b": 0.05, "level_by_arch": [0.0, -0.02]}
    return single("level - gain * (1 - compute**-b) / b", law, parameters, values, noise(), 3e6)


def _near_zero() -> World:
    def law(of: Mapping[str, Any], x: Mapping[str, Any]) -> Any:
        return of["level"] - of["gain"] * np.log(x["compute"])

    parameters = {
        "level": bs.Prior(between=(-1.0, 1.5)) + bs.Varying("arch", 0.2),
        "gain": bs.Prior(median=0.1, factor=2.0),
    }
    values = {"level": 0.1, "gain": 0.1, "level_by_arch": [0.0, -0.05], "noise_sd": 0.02}
    response = bs.Response("loss", "log points", positive=False)
    return single("level - gain * log(compute)", law, parameters, values, noise(on="loss"), 3e6, response, ("level",))


def _not_everywhere() -> World:
    def law(of: Mapping[str, Any], x: Mapping[str, Any]) -> Any:
        with np.errstate(invalid="ignore"):
            return of["a"] - of["b"] * np.log(x["compute"] - of["start"])

    parameters = {
        "a": bs.Prior(median=3.0, factor=1.5) + bs.Varying("arch", 0.1),
        "b": bs.Prior(median=0.1, factor=2.0),
        "start": bs.Prior(median=0.5, factor=2.0),
    }
    values = {"a": 3.0, "b": 0.1, "start": 0.5, "a_by_arch": [0.0, -0.02]}
    return single("a - b * log(compute - start)", law, parameters, values, noise(), 0.5)


def schedule_rows(run: str, arch: str, end: float) -> pd.DataFrame:
    step = np.arange(100, 2001, 100)
    rate = np.where(step <= 1000, 3e-4, 3e-4 * (1 - (1 - end) * (step - 1000) / 1000))
    return pd.DataFrame({"run_id": run, "arch": arch, "step": step, "lr": rate})


def _schedule() -> World:
    def law(of: Mapping[str, Any], x: Mapping[str, Any]) -> Any:
        return of["L0"] + of["A"] * x["lr_sum"] ** -of["alpha"] - of["B"] * x["lr_drop"] * x["lr_since"].mean(axis=0)

    table = pd.concat([schedule_rows(f"{arch} {end}", arch, end) for arch in ("dense", "sparse") for end in (0.1, 0.5)])
    table = table.reset_index(drop=True).assign(loss=lambda of: 3.0 - 1e-4 * of["step"])
    names = {"lr_sum": 0.1, "lr_drop": 1e-4, "lr_since": 0.1}
    columns = bs.Columns(
        {name: bs.Input(name, "", of) for name, of in names.items()},
        groups={"arch": "arch"},
        run="run_id",
        schedule=Schedule(parts=4),
    )
    parameters = {
        "L0": bs.Prior(median=2.5, factor=1.5) + bs.Varying("arch", 0.1),
        "A": bs.Prior(median=0.5, factor=2.0),
        "alpha": bs.Prior(median=0.4, factor=2.0),
        "B": bs.Prior(median=0.05, factor=2.0),
    }
    text = bs.parse_law("L0 + A * lr_sum**-alpha - B * lr_drop * mean(lr_since)", list(names))
    values = {"L0": 2.5, "A": 0.5, "alpha": 0.4, "B": 0.05, "L0_by_arch": [0.0, -0.02]}
    fit = fit_with(bs.Model(text, parameters, noise()), bs.read_runs(table, columns), values, shape=SHAPE, health=CLEAN)
    return World(fit, schedule_rows("planned", "sparse", 0.2), law, {"lr_sum": 1.0}, "parameter L0 at arch=sparse")


def _stack() -> World:
    one, other = _student_t(), _on_loss_free()
    weights = {"one": 0.5, "other": 0.5}
    stacked = stack({"one": one.fit, "other": other.fit}, weights)
    return World(stacked, one.points, _power, one.along, one.question)  # type: ignore[arg-type]


def _on_loss_free() -> World:
    return split(values={"E": 1.7})


FEATURES: dict[str, Callable[[], World]] = {
    "plain, law as text": split,
    "law of the library": _library_law,
    "noise by a group of the law": _noise_by_group,
    "noise by a group that points do not say": _noise_of_new_group,
    "noise that drifts": _noise_drifts,
    "measurement error": _measurement_error,
    "measurement error, noise on the loss": _error_in_units,
    "correlated noise": _correlated,
    "correlated and white, averaged rows": _correlated_and_white,
    "averaged rows with measurement error": _averaged_with_error,
    "Student-t": _student_t,
    "Student-t near 1 with measurement error": _heavy_tails_with_error,
    "noise on the loss": _on_loss,
    "effects shared by runs": _shared_by_runs,
    "crossed groups that never met": _crossed,
    "nested groups": _nested,
    "new levels": _new_levels,
    "discrepancy": _discrepancy,
    "discrepancy within groups": _discrepancy_within,
    "discrepancy at a new level": _discrepancy_of_new_level,
    "exponent that drifts": _drifting_exponent,
    "losses that fall below zero": _falls_below_zero,
    "losses near and below zero": _near_zero,
    "law not defined everywhere": _not_everywhere,
    "schedule and its parts": _schedule,
}


@cache
def world(feature: str) -> World:
    return FEATURES[feature]()


_KNOWN: dict[int, tuple[bs.Fit, dict[str, np.ndarray]]] = {}


def draws(world: World) -> dict[str, np.ndarray]:
    """Return draws as rows, each with its levels."""
    fit = world.fit
    if id(fit) not in _KNOWN:
        found = {str(name): of.to_numpy().reshape(-1, *of.shape[2:]) for name, of in fit.posterior.items()}
        _KNOWN[id(fit)] = (
            fit,
            found | {str(dim): fit.posterior[dim].to_numpy() for dim in fit.posterior.dims if str(dim).startswith("knot_")},
        )
    return _KNOWN[id(fit)][1]


def _places(world: World, rows: pd.DataFrame, dim: str) -> list[int]:
    """Return the places of levels among those of the runs, -1 for new ones."""
    known = [str(level) for level in world.fit.runs.levels[dim]]
    return [known.index(str(level)) if str(level) in known else -1 for level in rows[dim]]


def checked(world: World, points: pd.DataFrame) -> pd.DataFrame:
    """Return points with inputs by the law's names, and with groups made of several columns."""
    columns = world.fit.runs.columns
    rows = points.reset_index(drop=True)
    if columns.schedule is not None and "response" not in rows and not set(columns.inputs) <= set(rows):
        rows = schedule_inputs(rows, columns.schedule, "run_id")
    for dim, of in columns.dims.items():
        if dim not in rows and set(of) <= set(rows):
            rows = rows.assign(**{dim: rows[list(of)].astype(str).agg(" ".join, axis=1)})
    return rows


def value(world: World, name: str, rows: pd.DataFrame) -> np.ndarray:
    """Return a parameter at rows, a draw a row: by the levels and slopes of its terms."""
    of, model = draws(world), world.fit.model
    parameter = model.noise.sd if name == "noise_sd" else model.parameters[name]
    total = np.zeros((len(of[name]), len(rows)))
    for term in getattr(parameter, "terms", ()):
        if isinstance(term, bs.Trend):
            reference = world.fit.runs.references[term.on]
            total += of[f"{name}_trend_{term.on}"][:, None] * np.log(rows[term.on].to_numpy() / reference)
        else:
            total += effect(world, name, term.dims, rows)
    return of[name][:, None] + total if name in world.identity else of[name][:, None] * np.exp(total)


def effect(world: World, owner: str, dims: tuple[str, ...], rows: pd.DataFrame) -> np.ndarray:
    """Return effects of levels at rows; that of a new level, which cannot be known beforehand, is read off its parameter."""
    by = draws(world)[f"{owner}_by_{'_'.join(dims)}"]
    places = np.array([_places(world, rows, dim) for dim in dims])
    if (places >= 0).all():
        return by[(slice(None), *places)]
    of = draws(world)[owner]
    at = parameters_at(world.fit, rows.assign(**world.fit.runs.references))[owner].to_numpy().reshape(len(of), -1)
    return np.log(at / of[:, None])


def smooth(world: World, rows: pd.DataFrame) -> np.ndarray:
    """Return the discrepancy at rows, by the covariance of its process."""
    total: Any = 0.0
    for term in world.fit.model.discrepancy:
        inputs = term.over or ("params", "tokens")
        name = "_by_".join(["discrepancy", *term.dims])
        of, length = draws(world)[name], 4.0
        if term.dims:
            places = np.array(_places(world, rows, term.dims[0]))
            if (places < 0).any():
                drift = bs.predict(world.fit, rows).to_numpy().reshape(len(of), -1)
                return np.log(drift / law(world, rows))
            of = of[:, places]
        else:
            of = np.repeat(of[:, None], len(rows), axis=1)
        for x in inputs:
            knots = draws(world)[f"knot_{x}"]
            at = np.clip(np.log(rows[x].to_numpy() / world.fit.runs.references[x]), knots.min(), knots.max())
            k = [matern(np.abs(one[:, None] - knots) / length) for one in (knots, at)]
            weights = np.linalg.solve(k[0] + 1e-6 * np.eye(len(knots)), k[1].T)
            of = np.einsum("drk...,kr->dr...", of, weights)
        total = total + of
    return np.asarray(total)


def matern(r: np.ndarray) -> np.ndarray:
    return (1 + 5**0.5 * r + 5 / 3 * r**2) * np.exp(-(5**0.5) * r)


def inputs_of(world: World, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return inputs over their references; those in parts with the parts first."""
    columns, references = world.fit.runs.columns, world.fit.runs.references
    found = {}
    for name in columns.inputs:
        parts = [column for column in rows if str(column).startswith(f"{name}_") and str(column)[len(name) + 1 :].isdigit()]
        found[name] = (rows[parts].to_numpy().T[:, None, :] if parts else rows[name].to_numpy()) / references[name]
    return found


def law(world: World, rows: pd.DataFrame) -> np.ndarray:
    rows = checked(world, rows)
    of = {name: value(world, name, rows) for name in world.fit.model.parameters}
    return np.asarray(world.law(of, inputs_of(world, rows)))


def expected(world: World, points: pd.DataFrame) -> np.ndarray:
    """Return what draws expect at points, a draw a row."""
    rows = checked(world, points)
    departure = smooth(world, rows)
    found = law(world, rows)
    return found * np.exp(departure) if world.on_log else found + departure


def scale(world: World, points: pd.DataFrame) -> np.ndarray:
    """Return the scale of each row's scatter, a draw a row, with its measurement error and white part."""
    rows, of = checked(world, points), draws(world)
    sd = value(world, "noise_sd", rows)
    if "measurement_error" in rows:
        error = rows["measurement_error"] / rows["response"] if world.on_log else rows["measurement_error"]
        sd = np.sqrt(sd**2 + error.to_numpy() ** 2)
    if "noise_white" in of:
        usual = world.fit.runs.table
        count = rows["count"].to_numpy() if "count" in rows else np.full(len(rows), usual["count"].median())
        apart = rows["mean_lag"].to_numpy() if "mean_lag" in rows else np.full(len(rows), usual["mean_lag"].median())
        lost = np.exp(-apart / of["noise_length"][:, None])
        sd = np.sqrt(sd**2 * lost + of["noise_white"][:, None] ** 2 / count)
    return sd


def shares_below(world: World, points: pd.DataFrame, shown: np.ndarray, shared: Any = 0.0) -> np.ndarray:
    """Return how probable it was that each draw shows less at each point than it did: uniform where draws are right.

    shared: what rows depart by together; for new runs it widens the scatter, and is given as a standard deviation (scatter is
    normal there).
    """
    centre, sd = expected(world, points), scale(world, points)
    if isinstance(shared, np.ndarray) and shared.ndim == 1:
        sd, shared = np.sqrt(sd**2 + shared[:, None] ** 2), 0.0
    with np.errstate(invalid="ignore"):
        z = (np.log(shown / centre) - shared if world.on_log else shown - centre - shared) / sd
    return below(world, z)


def below(world: World, z: np.ndarray) -> np.ndarray:
    nu = draws(world).get("noise_nu")
    return np.asarray(stats.norm.cdf(z) if nu is None else stats.t.cdf(z, nu[:, None]))


def log_density(world: World, rows: pd.DataFrame, shared: Any = 0.0) -> np.ndarray:
    """Return the log density of each row's response in each draw, each row for itself."""
    centre, sd, nu = expected(world, rows), scale(world, rows), draws(world).get("noise_nu")
    seen = rows["response"].to_numpy()
    off = (np.log(seen / centre) if world.on_log else seen - centre) - shared
    return np.asarray(stats.norm.logpdf(off, 0, sd) if nu is None else stats.t.logpdf(off, nu[:, None], 0, sd))


def uniform(shares: np.ndarray, *, independent: bool = False) -> bool:
    """Return whether shares are uniform, by their mean and their mean distance from the middle: five standard errors.

    independent: whether rows of a draw do not depart together.
    """
    known = shares[~np.isnan(shares)]
    rows = len(known) if independent else len(known) / max(shares.shape[-1], 1)
    return bool(
        abs(known.mean() - 0.5) < 5 * 0.289 / rows**0.5 and abs(np.abs(known - 0.5).mean() - 0.25) < 5 * 0.145 / rows**0.5
    )
