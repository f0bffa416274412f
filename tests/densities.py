"""Models of every kind, and their log densities written out: dense covariances, densities of scipy, Jacobians."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.linalg import block_diag

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.data.runs import Runs
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parameters import Smooth, Trend, Varying, as_parameter
from bayes_scaling.model.priors import distribution

type Rows = dict[str, np.ndarray]

COLUMNS = bs.Columns(
    {"params": bs.Input("params", "parameters", 1e8), "tokens": bs.Input("tokens", "tokens", 1e10)},
    groups={"arm": "arm", "size": "size", "position": "position"},
    run="run",
)
ONE_INPUT = bs.Columns({"params": COLUMNS.inputs["params"]}, groups=COLUMNS.groups, run="run")


def table(seed: int = 0) -> pd.DataFrame:
    """Return two arms at four sizes, each a run of three rows, in no order."""
    rng, found = np.random.default_rng(seed), []
    for arm in ("full", "moba"):
        for size, params in enumerate([5e7, 1e8, 3e8, 1e9]):
            for position in range(3):
                tokens = 2e9 * (1 + position) ** 1.3 * (1 + size)
                loss = 1.8 + 0.9 * (params / 1e8) ** -0.3 + 0.3 * (tokens / 1e10) ** -0.4
                known = {"arm": arm, "size": f"s{size}", "position": position, "run": f"{arm} {size}"}
                error = 0.01 * rng.uniform(0.2, 2.0)
                numbers = {"params": params, "tokens": tokens, "loss": loss * np.exp(rng.normal(0, 0.02)), "error": error}
                found.append(known | numbers)
    return pd.DataFrame(found).sample(frac=1, random_state=seed, ignore_index=True)


@dataclass(frozen=True)
class Case:
    """A model, the law as plain arithmetic on numbers of each row, and what should be integrated out and sampled how."""

    model: bs.Model
    law: Callable[[Rows], np.ndarray]
    integrated: tuple[str, ...] = ()
    whitened: tuple[str, ...] = ()
    by_level: tuple[str, ...] = ()
    columns: bs.Columns = COLUMNS
    frame: pd.DataFrame = field(default_factory=table)

    def runs(self, where: str | None = None) -> Runs:
        """Return all rows, or some."""
        return bs.read_runs(self.frame if where is None else self.frame.query(where), self.columns)


def near(value: float, factor: float = 2.0) -> bs.Prior:
    return bs.Prior(median=value, factor=factor)


def power(rows: Rows) -> np.ndarray:
    return rows["a"] * rows["params"] ** -rows["b"]


def product(rows: Rows) -> np.ndarray:
    return power(rows) * rows["tokens"] ** -rows["c"]


def floored(rows: Rows) -> np.ndarray:
    return rows["E"] + rows["A"] * rows["params"] ** -rows["alpha"]


def both(rows: Rows) -> np.ndarray:
    return floored(rows) + rows["B"] * rows["tokens"] ** -rows["beta"]


def share(rows: Rows) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-rows["a"] - rows["b"] * np.log(rows["params"])))


SHARE = bs.parse_law("sigmoid(a + b * log(params))", ["params"])
POWER = bs.parse_law("a * params**-b", ["params"])
PRODUCT = bs.parse_law("a * params**-b * tokens**-c", ["params", "tokens"])
FLOORED = bs.parse_law("E + A * params**-alpha", ["params"])
SD = near(0.02, 3.0)
ALONG = bs.Correlation("tokens", near(0.8))
RUN, ARM = Varying("run", 0.02), Varying("arm", 0.1)


def crossed() -> Case:
    noise = bs.Noise(SD, "normal", effects=(RUN, Varying(("arm", "position"), 0.03)))
    model = bs.Model(POWER, {"a": near(3.0) + ARM, "b": near(0.1)}, noise)
    columns = bs.Columns(
        ONE_INPUT.inputs, groups=COLUMNS.groups, run="run", measurement_error=MeasurementError("error", relative=False)
    )
    return Case(model, power, ("a_by_arm", "residual_by_run", "residual_by_arm_position"), columns=columns)


def scale_by_group() -> Case:
    parameters = {"E": near(1.8), "A": near(0.9) + Trend("tokens", 0.1), "alpha": bs.Prior(between=(0.1, 0.8))}
    noise = bs.Noise(SD + Varying("arm", 0.5) + Trend("params", 0.2), "normal", effects=(RUN,))
    return Case(bs.Model(FLOORED, parameters, noise), floored, ("residual_by_run",), (), ("noise_sd_by_arm",))


def correlated() -> Case:
    noise = bs.Noise(SD + Trend("tokens", 0.3), "normal", effects=(RUN, Varying("position", 0.02)), correlation=ALONG)
    model = bs.Model(POWER, {"a": near(3.0) + ARM, "b": near(0.1)}, noise)
    return Case(model, power, ("a_by_arm", "residual_by_run", "residual_by_position"))


def seen_through_white_noise() -> Case:
    noise = bs.Noise(SD, "normal", effects=(RUN,), correlation=bs.Correlation("tokens", near(0.8), white=near(0.01)))
    model = bs.Model(POWER, {"a": near(3.0) + ARM, "b": near(0.1) + Trend("tokens", 0.05)}, noise)
    return Case(model, power, whitened=("a_by_arm", "residual_by_run"))


def spiked() -> Case:
    """Return correlated noise with outliers, whose effects are sampled."""
    along = bs.Correlation("tokens", near(0.8), white=near(0.01))
    noise = bs.Noise(SD, "normal", effects=(RUN,), correlation=along, outliers=bs.Outliers(near(0.05), near(10.0)))
    model = bs.Model(POWER, {"a": near(3.0) + ARM, "b": near(0.1)}, noise)
    return Case(model, power, whitened=("a_by_arm", "residual_by_run"))


def departing() -> Case:
    wave = bs.Discrepancy(near(0.03), near(3.0), within="arm", kernel="matern32", knots={"params": 4, "tokens": 3})
    noise = bs.Noise(SD + Varying("arm", 0.5), "normal", effects=(RUN,))
    parameters = {"a": near(3.0), "b": near(0.1) + Varying("size", 0.1), "c": near(0.1)}
    model = bs.Model(PRODUCT, parameters, noise, (wave,))
    return Case(model, product, ("residual_by_run",), ("b_by_size",), ("noise_sd_by_arm",))


def on_the_loss() -> Case:
    parameters = {"E": bs.Prior(between=(-1.0, 4.0)) + ARM, "A": near(0.9), "alpha": near(0.3)}
    noise = bs.Noise(SD, "normal", on="loss", effects=(RUN,))
    return Case(bs.Model(FLOORED, parameters, noise), floored, ("E_by_arm", "residual_by_run"), columns=ONE_INPUT)


def of_shares() -> Case:
    """Return accuracies on their log odds, with measurement errors."""
    effects = (RUN, Varying(("arm", "position"), 0.03))
    parameters = {"a": bs.Prior(between=(-2.0, 2.0)) + ARM, "b": near(0.3)}
    columns = bs.Columns(
        ONE_INPUT.inputs,
        bs.Response("share", "accuracy"),
        groups=COLUMNS.groups,
        run="run",
        measurement_error=MeasurementError("error", relative=False),
    )
    model = bs.Model(SHARE, parameters, bs.Noise(SD, "normal", on="log_odds", effects=effects))
    frame = table().assign(share=lambda of: of["loss"] / 6.0)
    integrated = ("a_by_arm", "residual_by_run", "residual_by_arm_position")
    return Case(model, share, integrated, columns=columns, frame=frame)


def few_levels() -> Case:
    parameters = {
        "E": near(1.8) + ARM + Varying("size", 0.05),
        "A": near(0.9) + Trend("tokens", 0.1),
        "alpha": bs.Prior(between=(0.1, 0.8)),
        "B": bs.Prior(between=(-0.5, 1.0)) + Varying("position", 0.1),
        "beta": bs.Prior(distribution="Gamma", arguments={"alpha": 4.0, "beta": 10.0}),
    }
    noise = bs.Noise(SD + Varying("arm", 0.5), "normal", effects=(RUN,))
    whitened = ("E_by_arm", "E_by_size", "B_by_position")
    law = bs.parse_law("E + A * params**-alpha + B * tokens**-beta", ["params", "tokens"])
    return Case(bs.Model(law, parameters, noise), both, ("residual_by_run",), whitened, ("noise_sd_by_arm",))


def heavy_tails() -> Case:
    cells = (("arm", "position", "size"), ("run", "position"), ("size", "position"))
    noise = bs.Noise(SD, effects=tuple(Varying(of, 0.02) for of in cells))
    model = bs.Model(POWER, {"a": near(3.0), "b": near(0.1)}, noise)
    return Case(model, power, by_level=tuple(f"residual_by_{'_'.join(of)}" for of in cells), columns=ONE_INPUT)


def by_cell() -> Case:
    """Level, exponent and offset of each of 24 cells, sampled together cell by cell."""
    cell = ("arm", "position", "size")
    noise = bs.Noise(SD, effects=(Varying(cell, 0.02),))
    model = bs.Model(POWER, {"a": near(3.0) + Varying(cell, 0.1), "b": near(0.1) + Varying(cell, 0.2)}, noise)
    names = tuple(f"{name}_by_arm_position_size" for name in ("a", "b", "residual"))
    return Case(model, power, by_level=names, columns=ONE_INPUT)


def astray() -> Case:
    wave = bs.Discrepancy(near(0.03), near(3.0), kernel="matern32", knots=3)
    parameters = {"a": near(3.0), "b": near(0.1) + ARM, "c": near(0.1)}
    model = bs.Model(PRODUCT, parameters, bs.Noise(SD, effects=(RUN,)), (wave,))
    return Case(model, product, whitened=("b_by_arm", "residual_by_run"))


def smooth() -> Case:
    along = near(1.5)
    parameters = {
        "a": near(3.0) + Smooth("position", 0.2, along) + Smooth("position", 0.05, along, within="arm"),
        "b": near(0.1) + Smooth("depth", 0.1, along, within=("arm", "size"), log=True) + ARM,
    }
    effects = (RUN, Smooth("position", 0.02, along))
    noise = bs.Noise(SD + Smooth("position", 0.5, along, within="arm"), "normal", effects=effects)
    columns = bs.Columns(ONE_INPUT.inputs, groups={**COLUMNS.groups, "depth": "depth"}, run="run")
    frame = table()
    whitened = ("a_smooth_position", "a_smooth_position_arm", "b_smooth_depth_arm_size", "residual_smooth_position")
    return Case(
        bs.Model(POWER, parameters, noise),
        power,
        ("residual_by_run",),
        whitened,
        ("b_by_arm", "noise_sd_smooth_position_arm"),
        columns,
        frame.assign(depth=2.0 ** frame["position"]),
    )


def joined() -> Case:
    """Return parameters that hang together: of the law, whitened with effects, of the scatter and the discrepancy."""
    wave = bs.Discrepancy(near(0.03), near(3.0), kernel="matern32", knots=3)
    parameters = {"a": near(3.0) + ARM, "b": near(0.1) + Varying("size", 0.1), "c": near(0.1)}
    names = ("a", "c", "noise_sd", "discrepancy_amplitude", "discrepancy_length_tokens")
    rows = ((1.0,), (-0.7, 1.0), (0.2, 0.1, 1.0), (0.0, 0.3, 0.5, 1.0), (0.1, 0.0, 0.0, -0.3, 1.0))
    joint = bs.JointPrior(names, (3.0, 0.1, 0.02, 0.03, 3.0), (2.0, 2.0, 3.0, 2.0, 2.0), rows, nu=4.0)
    model = bs.Model(PRODUCT, parameters, bs.Noise(SD, "normal", effects=(RUN,)), (wave,), joint=(joint,))
    return Case(model, product, ("a_by_arm", "residual_by_run"), ("b_by_size",))


def heavy() -> Case:
    """Return a heavy-tailed prior of one parameter, and a normal joint one of two others."""
    tailed = bs.Prior(distribution="LogStudentT", arguments={"nu": 3.0, "mu": -2.0, "sigma": 0.4})
    joint = bs.JointPrior(("a", "noise_sd"), (3.0, 0.02), (2.0, 3.0), ((1.0,), (0.6, 1.0)))
    return Case(
        bs.Model(POWER, {"a": near(3.0), "b": tailed}, bs.Noise(SD, "normal"), joint=(joint,)), power, columns=ONE_INPUT
    )


def best_so_far() -> Case:
    """Return runs that show the best so far, whose repeats are bounds, with measurement errors."""
    model = bs.Model(POWER, {"a": near(3.0), "b": near(0.1)}, bs.Noise(SD))
    frame = table().sort_values("params", ignore_index=True)
    frame["params"] *= 1.01 ** np.arange(len(frame))
    frame["loss"] = np.minimum.accumulate(frame["loss"] * np.exp(0.2 * np.random.default_rng(1).standard_normal(len(frame))))
    error = MeasurementError("error", relative=False)
    columns = bs.Columns(ONE_INPUT.inputs, measurement_error=error, best_so_far="params")
    return Case(model, power, columns=columns, frame=frame)


CASES = [
    best_so_far,
    smooth,
    astray,
    heavy,
    joined,
    crossed,
    scale_by_group,
    correlated,
    seen_through_white_noise,
    spiked,
    departing,
    on_the_loss,
    of_shares,
    few_levels,
    heavy_tails,
    by_cell,
]


def written(kind: str, of: Mapping[str, float]) -> Any:
    """Return one of PyMC's distributions as scipy has it."""
    match kind:
        case "Normal":
            return stats.norm(of["mu"], of["sigma"])
        case "LogNormal":
            return stats.lognorm(of["sigma"], scale=np.exp(of["mu"]))
        case "Gamma":
            return stats.gamma(of["alpha"], scale=1 / of["beta"])
        case "LogStudentT":
            return LogT(of["nu"], of["mu"], of["sigma"])
        case _:
            raise NotImplementedError(kind)


@dataclass(frozen=True)
class LogT:
    """A variable whose logarithm is Student-t."""

    nu: float
    mu: float
    sigma: float

    def logpdf(self, x: float) -> float:
        """Return the log density."""
        return float(stats.t(self.nu, self.mu, self.sigma).logpdf(np.log(x)) - np.log(x))


@dataclass(frozen=True)
class Reference:
    """The log density of a case, written out; one method a part.

    arrays: what the compiled density reads. The information about effects is taken from there: a model is the same for any.
    """

    case: Case
    runs: Runs
    arrays: Mapping[str, np.ndarray]

    def owners(self) -> dict[str, Any]:
        """Return all that has terms."""
        model = self.case.model
        return {name: as_parameter(of) for name, of in {**model.parameters, "noise_sd": model.noise.sd}.items()}

    def terms(self, kind: Any) -> list[tuple[str, Any]]:
        """Return the terms of one kind, with what they belong to."""
        every = [(name, term) for name, of in self.owners().items() for term in of.terms]
        every += [("residual", term) for term in self.case.model.noise.effects]
        return [(owner, term) for owner, term in every if isinstance(term, kind)]

    def levels(self, term: Varying | Smooth) -> tuple[np.ndarray, ...]:
        """Return the place of each row's level along each group."""
        return tuple(pd.Index(self.runs.levels[dim]).get_indexer(self.runs.table[dim]) for dim in term.dims)

    def scalars(self) -> dict[str, tuple[Any, bool]]:
        """Return the prior of every number, and whether it is positive."""
        model, correlation = self.case.model, self.case.model.noise.correlation
        priors = {name: of.prior for name, of in self.owners().items()}
        priors |= {"noise_length": correlation.length} if correlation else {}
        priors |= {"noise_white": correlation.white} if correlation and correlation.white else {}
        outliers = model.noise.outliers
        priors |= {"noise_outlier_odds": outliers.share, "noise_outlier_scale": outliers.scale} if outliers else {}
        priors |= {"noise_nu_beyond_one": model.noise.nu} if model.noise.distribution == "student_t" else {}
        for term, inputs, name in self.discrepancy_terms():
            priors |= {f"{name}_amplitude": term.amplitude} | {f"{name}_length_{one}": term.length for one in inputs}
        known = {name: distribution(prior) for name, prior in priors.items()}
        found = {name: (written(*of), of[0] != "Normal") for name, of in known.items()}
        found |= {term_name(owner, term): (stats.norm(0.0, term.sd), False) for owner, term in self.terms(Trend)}
        lengths = {self.length(*of): distribution(of[1].length) for of in self.terms(Smooth)}
        found |= {name: (written(*of), True) for name, of in lengths.items()}
        return found | {self.spread(*of): (stats.halfnorm(scale=of[1].sd), True) for of in self.terms(Varying | Smooth)}

    def spread(self, owner: str, term: Varying | Smooth) -> str:
        """Return the name of a term's learnt standard deviation."""
        return f"{owner}{'_smooth' if isinstance(term, Smooth) else ''}_sd_{'_'.join(term.dims)}"

    def length(self, owner: str, term: Smooth) -> str:
        """Return the name of a smooth term's learnt length."""
        return f"{owner}_smooth_length_{'_'.join(term.dims)}"

    def root(self, owner: str, term: Varying | Smooth, values: Mapping[str, Any]) -> np.ndarray:
        """Return the root of the covariance of a term's effects."""
        others = np.eye(int(np.prod([len(self.runs.levels[dim]) for dim in term.dims[isinstance(term, Smooth) :]])))
        if not isinstance(term, Smooth):
            return np.asarray(values[self.spread(owner, term)] * others)
        at = self.runs.levels[term.over].astype(float)
        at = np.log(at) if term.log else at
        r = np.abs(at[:, None] - at) / values[self.length(owner, term)]
        own = (1 + 5**0.5 * r + 5 * r**2 / 3) * np.exp(-(5**0.5) * r) + 1e-6 * np.eye(len(at))
        return np.linalg.cholesky(values[self.spread(owner, term)] ** 2 * np.kron(own, others))

    def discrepancy_terms(self) -> list[tuple[bs.Discrepancy, tuple[str, ...], str]]:
        """Return the terms of the discrepancy, with their inputs and their names."""
        inputs = tuple(self.runs.columns.inputs)
        names = ["_by_".join(["discrepancy", *term.dims]) for term in self.case.model.discrepancy]
        return [(term, term.over or inputs, name) for term, name in zip(self.case.model.discrepancy, names, strict=True)]

    def at_rows(self, owner: str, values: Mapping[str, Any]) -> np.ndarray:
        """Return a parameter at each row."""
        of, log = self.owners()[owner], self.logs()
        total = np.zeros(len(self.runs))
        for term in of.terms:
            name = term_name(owner, term)
            if isinstance(term, Trend):
                total = total + values[name] * log[term.on]
            elif name in values:
                total = total + values[name][self.levels(term)]
        return values[owner] * np.exp(total) if distribution(of.prior)[0] != "Normal" else values[owner] + total

    def logs(self) -> Rows:
        """Return the logarithms of inputs over their reference."""
        return {n: np.log(self.runs.table[n].to_numpy() / of.reference) for n, of in self.runs.columns.inputs.items()}

    def density(self, given: Mapping[str, np.ndarray]) -> float:
        """Return the log density of what is sampled, on the scale where it is unbounded."""
        total, values, left, scale = self.state(given)
        return total + self.likelihood(left, scale, values)

    def state(self, given: Mapping[str, np.ndarray]) -> tuple[float, dict[str, Any], np.ndarray, Any]:
        """Return the prior's log density, the values of all that is not integrated out, what they leave of rows, its scale."""
        total, values = self.numbers(given)
        scale = self.at_rows("noise_sd", values)
        if "noise_white" not in values:
            scale = np.sqrt(scale**2 + self.error() ** 2)
        precision = float(np.mean(1.0 / scale**2))
        if self.case.whitened:
            total += self.joint(given["joint_w"], values, precision)
        left = self.left(values)
        if self.case.model.discrepancy:
            departures, more = self.departed(given["discrepancy_w"], values, left, precision)
            left, total = left - departures, total + more
        total += sum(self.together(one, values) for one in self.case.model.joint)
        return total, values, left, scale

    def together(self, joint: bs.JointPrior, values: Mapping[str, Any]) -> float:
        """Return what a joint prior has over independent ones, whose density is there already."""
        u, mu = np.log([values[name] for name in joint.parameters]), np.log(joint.median)
        s = np.log(joint.factor) / stats.norm.ppf(0.95)
        matrix = s[:, None] * np.array(joint.correlation) * s
        of = stats.multivariate_normal(mu, matrix) if joint.nu is None else stats.multivariate_t(mu, matrix, joint.nu)
        return float(of.logpdf(u) - stats.norm(mu, s).logpdf(u).sum())

    def numbers(self, given: Mapping[str, np.ndarray]) -> tuple[float, dict[str, Any]]:
        """Return the prior's log density of what is sampled number by number, and its values."""
        total, values = 0.0, dict[str, Any]()
        for name, (prior, positive) in self.scalars().items():
            if name in given:
                of = float(given[name])
                values[name] = np.exp(of) if positive else of
                total += float(prior.logpdf(values[name])) + (of if positive else 0.0)
        for block in self.blocks():
            names = [term_name(*of) for of in block]
            sds = np.array([values[self.spread(*of)] for of in block])
            w = np.stack([given[f"{name}_w"] for name in names], axis=-1)
            effects = np.empty_like(w)
            for level in np.ndindex(w.shape[:-1]):
                known = np.array([[self.shared(one, other)[level] for other in block] for one in block])
                z, density = whitened(w[level], sds[:, None] * known * sds, np.zeros(len(block)))
                effects[level] = sds * z
                total += density
            values |= {name: effects[..., i] for i, name in enumerate(names)}
        for owner, term in self.terms(Smooth):
            name = term_name(owner, term)
            if name in self.case.by_level:
                root = self.root(owner, term, values)
                information = root.T @ np.diag(self.arrays[f"information_{name}"].ravel()) @ root
                z, density = whitened(given[f"{name}_w"].ravel(), information, np.zeros(len(root)))
                values[name] = (root @ z).reshape(given[f"{name}_w"].shape)
                total += density
        return total, values

    def blocks(self) -> list[list[tuple[str, Varying]]]:
        """Return the terms sampled level by level, those of the law over the same groups together."""
        found: dict[Any, list[tuple[str, Varying]]] = {}
        for owner, term in self.terms(Varying):
            if term_name(owner, term) in self.case.by_level:
                found.setdefault((term.dims, owner == "noise_sd"), []).append((owner, term))
        return list(found.values())

    def shared(self, one: tuple[str, Varying], other: tuple[str, Varying]) -> np.ndarray:
        """Return what the rows say of each level of two terms together."""
        if one == other:
            return self.arrays[f"information_{term_name(*one)}"]
        names = f"information_{term_name(*one)}_and_{other[0]}", f"information_{term_name(*other)}_and_{one[0]}"
        return next(self.arrays[name] for name in names if name in self.arrays)

    def left(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return what the law and effects that are sampled leave of each row."""
        rows = {name: self.at_rows(name, values) for name in self.case.model.parameters}
        law = self.case.law(rows | {name: np.exp(of) for name, of in self.logs().items()})
        response = self.runs.table["response"].to_numpy()
        match self.case.model.noise.on:
            case "log_loss":
                left = np.log(response / law)
            case "log_odds":
                left = np.log(response / law) - np.log((1.0 - response) / (1.0 - law))
            case "loss":
                left = response - law
        for term in self.case.model.noise.effects:
            if (name := term_name("residual", term)) in values:
                left = left - values[name][self.levels(term)]
        return left

    def error(self) -> Any:
        """Return the error with which each row was read, on the scale of the noise."""
        table = self.runs.table
        if "measurement_error" not in table:
            return 0.0
        on_log = self.case.model.noise.on == "log_loss"
        slope = table["response"] if on_log else table["response"] * (1.0 - table["response"])
        return (table["measurement_error"] / slope).to_numpy()

    def likelihood(self, left: np.ndarray, scale: np.ndarray, values: Mapping[str, Any]) -> float:
        """Return the log density of what is left of the rows."""
        if self.case.columns.best_so_far:
            of, bound = stats.t(1.0 + values["noise_nu_beyond_one"], 0.0, scale), self.runs.table["censored"] == 1
            assert 3 < bound.sum() < len(left) - 3
            return float(np.where(bound, of.logsf(left), of.logpdf(left)).sum())
        if "noise_nu_beyond_one" in values:
            return float(stats.t(1.0 + values["noise_nu_beyond_one"], 0.0, scale).logpdf(left).sum())
        if "noise_outlier_odds" in values:
            return self.mixtures(left, scale, values)
        effects, design = self.effects(values)
        covariance = self.scatter(scale, values) + design @ np.diag(effects) @ design.T
        return float(stats.multivariate_normal(np.zeros(len(left)), covariance).logpdf(left))

    def mixtures(self, left: np.ndarray, scale: Any, values: Mapping[str, Any]) -> float:
        """Return the log density of rows one after the other, each a mixture given those before it in its run."""
        table, total, scales = self.runs.table, 0.0, np.broadcast_to(scale, left.shape)
        odds, white = values["noise_outlier_odds"], values["noise_white"] ** 2
        weights = np.array([1.0, odds]) / (1.0 + odds)
        own = white * np.array([1.0, 1.0 + values["noise_outlier_scale"] ** 2])
        for _, rows in table.groupby("run"):
            rows = rows.sort_values("tokens")
            mean, variance, last = 0.0, 1.0, None
            for row, at in zip(rows.index, np.log(rows["tokens"]), strict=True):
                kept = 0.0 if last is None else np.exp(-(at - last) / values["noise_length"])
                mean, variance, last = kept * mean, 1.0 + kept**2 * (variance - 1.0), at
                s = scales[row]
                seen = s**2 * variance + own
                parts = weights * stats.norm.pdf(left[row], s * mean, np.sqrt(seen))
                total += float(np.log(parts.sum()))
                means = mean + s * variance / seen * (left[row] - s * mean)
                variances = variance - s**2 * variance**2 / seen
                parts = parts / parts.sum()
                mean = float(parts @ means)
                variance = float(parts @ (variances + means**2)) - mean**2
        return total

    def scatter(self, scale: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
        """Return the covariance of rows given all effects."""
        if "noise_length" not in values:
            return np.diag(scale**2)
        at, run = np.log(self.runs.table["tokens"].to_numpy()), self.runs.table["run"].to_numpy()
        shared = np.exp(-np.abs(at[:, None] - at) / values["noise_length"]) * (run[:, None] == run)
        return scale[:, None] * scale * shared + np.eye(len(at)) * values.get("noise_white", 0.0) ** 2

    def effects(self, values: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the variance of each effect that is integrated out, term by term, and which rows it shifts."""
        variances, design = [np.empty(0)], [np.empty((len(self.runs), 0))]
        for owner, term in self.terms(Varying):
            if term_name(owner, term) in self.case.integrated:
                shape = tuple(len(self.runs.levels[dim]) for dim in term.dims)
                cells = np.ravel_multi_index(self.levels(term), shape)
                variances.append(np.full(int(np.prod(shape)), values[self.spread(owner, term)] ** 2))
                design.append(np.eye(int(np.prod(shape)))[cells])
        return np.concatenate(variances), np.concatenate(design, axis=1)

    def joint(self, w: np.ndarray, values: dict[str, Any], precision: float) -> float:
        """Add what is sampled jointly to the values, and return its log density."""
        model, arrays = self.case.model, self.arrays
        priors = {name: distribution(of.prior) for name, of in self.owners().items() if name in model.parameters}
        priors = {name: of for name, of in priors.items() if of[0] in ("Normal", "LogNormal")}
        slopes = [(owner, term) for owner, term in self.terms(Trend) if owner != "noise_sd"]
        terms = [of for of in self.terms(Varying | Smooth) if term_name(*of) in self.case.whitened]
        shapes = [tuple(len(self.runs.levels[dim]) for dim in term.dims) for _, term in terms]
        roots = [self.root(*of, values) for of in terms]
        blocks = [root / term.sd for root, (_, term) in zip(roots, terms, strict=True)]
        ratio = block_diag(np.eye(len(priors) + len(slopes)), *blocks)
        information = precision * ratio.T @ arrays["joint_information"] @ ratio
        z, density = whitened(w, information, precision * ratio.T @ arrays["joint_linear"])
        numbers = iter(z)
        for name, (kind, of) in priors.items():
            value = of["mu"] + of["sigma"] * next(numbers)
            values[name] = np.exp(value) if kind == "LogNormal" else value
        values |= {term_name(*of): of[1].sd * next(numbers) for of in slopes}
        for of, root, shape in zip(terms, roots, shapes, strict=True):
            values[term_name(*of)] = (root @ np.array([next(numbers) for _ in range(len(root))])).reshape(shape)
        return density

    def departed(
        self, w: np.ndarray, values: Mapping[str, Any], left: np.ndarray, precision: float
    ) -> tuple[np.ndarray, float]:
        """Return the discrepancy at rows, and the log density of its knots."""
        weights, roots = self.arrays["discrepancy_weights"], []
        for term, inputs, name in self.discrepancy_terms():
            covariance = np.array([[values[f"{name}_amplitude"] ** 2]])
            for one in inputs:
                knots, length = self.arrays[f"{name}_knots_{one}"], values[f"{name}_length_{one}"]
                r = np.abs(knots[:, None] - knots) / length
                smooth = (1 + 3**0.5 * r) * np.exp(-(3**0.5) * r)
                covariance = np.kron(covariance, smooth + 1e-6 * np.eye(len(knots)))
            roots += [np.linalg.cholesky(covariance)] * int(np.prod([len(self.runs.levels[dim]) for dim in term.dims]))
        root = np.zeros((len(w), len(w)))
        start = 0
        for of in roots:
            root[start : start + len(of), start : start + len(of)] = of
            start += len(of)
        design = weights @ root
        worth = self.arrays.get("discrepancy_worth", np.ones(len(left)))
        information, linear = design.T @ (worth[:, None] * design), design.T @ (worth * left)
        u, density = whitened(w, precision * information, precision * linear)
        return design @ u, density


def whitened(w: np.ndarray, information: np.ndarray, linear: np.ndarray) -> tuple[np.ndarray, float]:
    """Return z, Normal(0, I) beforehand, and the log density of w."""
    root = np.linalg.cholesky(np.eye(len(w)) + information)
    z = np.linalg.solve(root.T, np.linalg.solve(root, linear) + w)
    return z, float(stats.norm.logpdf(z).sum() - np.log(np.diag(root)).sum())
