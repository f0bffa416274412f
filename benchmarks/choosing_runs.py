"""Which rule chooses runs best? ScaleBench's protocol on inner targets, and public sweeps, with fast fits in between.

    python benchmarks/choosing_runs.py                        # plays all games, goes on where it was stopped; 25 minutes
    python benchmarks/choosing_runs.py only TASK,... SWEEP,...  # some
    python benchmarks/choosing_runs.py page                   # writes choosing_runs.md and choosing_runs.png

Of a pool of finished runs a rule may look at what a budget pays for; then the targets, larger or dearer than every run of the
pool, are predicted. Tasks, laws, priors and targets are those of `scalebench.py`, with its budgets: 1, 5, 10 % of what the
pool takes, for domain mixture and sparsity 20, 35, 50 %. Repeats differ by which four fifths of the pool are there.

What is predicted comes from one model for all rules: each of a task's laws with a discrepancy and Gaussian scatter,

    y ~ Normal(f(z), K + s^2 I),   z ~ Normal(0, I),   K = a^2 matern52(x / length),

linearised at the mode of z, with s where the marginal likelihood times the priors is largest, over a grid of a and length; laws
and the grid are weighed by that.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scalebench
import sweep_priors
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.special import logsumexp
from sweeps import sweeps

import bayes_scaling as bs
from bayes_scaling.laws.library import Law, law_inputs, law_parameters
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import Z90, Prior, distribution, link, median as prior_median

HERE = Path(__file__).parent
OUT = HERE.parent / "out" / "choosing_runs"
REPEATS, KEPT = 10, 0.8
NONE = ("none",)
SMALL, DEAR = (0.01, 0.05, 0.1), (0.2, 0.35, 0.5)
GRID = [np.array([a, b]) for a in (-1.5, -0.75, 0.0, 0.75, 1.5) for b in (-1.0, 0.0, 1.0)]
"""Amplitudes and lengths that are weighed, in standard deviations of their priors' logarithms."""
GROWTH = 2.0
"""Runs are chosen at a time until spent compute or their number has grown so many times."""

# ---------------------------------------------------------------- the model


@dataclass(frozen=True)
class Formula:
    """A law with normal priors on its link scale, over the rows of a block, pool first."""

    law: Law
    inputs: Mapping[str, np.ndarray]
    centre: np.ndarray
    wide: np.ndarray
    positive: np.ndarray

    def __call__(self, z: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the law at points z, (points, parameters), and rows."""
        at = self.centre + self.wide * z
        values = np.where(self.positive, np.exp(np.clip(at, -40, 40)), at)
        given = dict(zip(law_parameters(self.law), (of[:, None] for of in values.T), strict=True))
        with np.errstate(all="ignore"):
            found = self.law(**{name: of[rows] for name, of in self.inputs.items()}, **given)
        return np.broadcast_to(np.asarray(found, float), (len(z), len(rows)))


@dataclass(frozen=True)
class Block:
    """One response: laws, places, what was measured.

    pool: how many of the rows are of the pool; the others are targets.
    y: on the scale of the noise.
    scales: log medians and sd of log amplitude, length and scatter, and the slope of log scatter along `along`.
    shared: covariance of effects that rows share, of sizes or amounts of data; nothing where there are none.
    """

    laws: tuple[Formula, ...]
    x: np.ndarray
    y: np.ndarray
    pool: int
    log: bool
    scales: tuple[np.ndarray, np.ndarray]
    along: np.ndarray | float = 0.0
    shared: np.ndarray | None = None

    def scatter(self, scales: np.ndarray) -> np.ndarray:
        """Return the variance of the scatter of each row."""
        return np.broadcast_to(np.exp(2 * (scales[2] + (scales[3] * self.along if len(scales) > 3 else 0.0))), len(self.y))

    @property
    def loss(self) -> np.ndarray:
        return np.exp(self.y) if self.log else self.y


@dataclass(frozen=True)
class Component:
    """A law with scales, given runs: all rows' mean and covariance, and the variance of what each scatters by."""

    weight: float
    mean: np.ndarray
    covariance: np.ndarray
    scatter: np.ndarray


def at_rows(of: Formula, block: Block, z: np.ndarray, rows: np.ndarray) -> np.ndarray:
    values = of(np.atleast_2d(z), rows)
    values = np.log(np.maximum(values, 1e-6)) if block.log else values
    return np.clip(np.where(np.isfinite(values), values, 50.0), -50.0, 50.0)


STEP = 1e-4


def jacobian(of: Formula, block: Block, z: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([z[None], z + STEP * np.eye(len(z)), z - STEP * np.eye(len(z))])
    values, p = at_rows(of, block, points, rows), len(z)
    return values[0], ((values[1 : p + 1] - values[p + 1 :]) / (2 * STEP)).T


def kernel(block: Block, rows: np.ndarray, log_scales: np.ndarray) -> np.ndarray:
    """Return the covariance of the discrepancy, with that of what rows share."""
    x = block.x[rows]
    far = np.abs(x[:, None] - x[None]) / np.exp(log_scales[1])
    each = (1 + 5**0.5 * far + 5 / 3 * far**2) * np.exp(-(5**0.5) * far)
    found = np.exp(2 * log_scales[0]) * each.prod(axis=-1)
    return np.asarray(found if block.shared is None else found + block.shared[np.ix_(rows, rows)])


def root_of(block: Block, seen: np.ndarray, scales: np.ndarray, *, bare: bool) -> np.ndarray:
    own = np.diag(block.scatter(scales)[seen])
    return np.linalg.cholesky(own if bare else own + kernel(block, seen, scales))


def mode(
    of: Formula, block: Block, seen: np.ndarray, root: np.ndarray, start: np.ndarray, steps: int = 40
) -> tuple[np.ndarray, float]:
    """Return the mode of z by Levenberg and Marquardt's steps, and the negative log density there."""
    z, damping, y = start, 1e-2, block.y[seen]

    def cost(z: np.ndarray) -> float:
        r = solve_triangular(root, y - at_rows(of, block, z, seen)[0], lower=True)
        return float(r @ r + z @ z) / 2

    now = cost(z)
    for _ in range(steps):
        value, slope = jacobian(of, block, z, seen)
        r, j = solve_triangular(root, y - value, lower=True), solve_triangular(root, slope, lower=True)
        gradient, curvature = j.T @ r - z, j.T @ j + np.eye(len(z))
        for _ in range(8):
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
            after = cost(z + step)
            if after < now:
                break
            damping *= 5
        else:
            return z, now
        done, z, now, damping = now - after < 1e-4, z + step, after, damping / 5
        if done:
            break
    return z, now


def evidence(
    block: Block, seen: np.ndarray, value: np.ndarray, slope: np.ndarray, z: np.ndarray, scales: np.ndarray, *, bare: bool
) -> float:
    """Return the log marginal likelihood of the linearised model times the priors of its scales."""
    middle, sd = block.scales
    prior = -0.5 * float((((scales - middle) / sd) ** 2)[2 if bare else 0 :].sum())
    if not len(seen):
        return prior
    cover = slope @ slope.T + np.diag(block.scatter(scales)[seen])
    cover = cover if bare else cover + kernel(block, seen, scales)
    root = np.linalg.cholesky(cover + 1e-12 * np.trace(cover) / len(seen) * np.eye(len(seen)))
    r = solve_triangular(root, block.y[seen] - value + slope @ z, lower=True)
    return prior - 0.5 * float(r @ r) - float(np.log(np.diag(root)).sum())


type Line = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The law at rows, its slopes, and where they are taken."""


def tuned(block: Block, seen: np.ndarray, line: Line, scales: np.ndarray, steps: int, *, bare: bool) -> np.ndarray:
    """Return scales at which the marginal likelihood times their priors is largest."""
    free = [*([] if bare else [0, 1]), *range(2, len(scales))]
    middle, sd = (of[free] for of in block.scales)

    def at(t: np.ndarray) -> np.ndarray:
        full = scales.copy()
        full[free] = middle + sd * np.clip(t, -4, 4)
        return full

    options = {"maxfev": steps, "xatol": 0.05, "fatol": 0.1}
    start = (scales[free] - middle) / sd
    return at(
        minimize(lambda t: -evidence(block, seen, *line, at(t), bare=bare), start, method="Nelder-Mead", options=options).x
    )


def components(
    block: Block,
    seen: np.ndarray,
    warm: dict[int, tuple[np.ndarray, np.ndarray]],
    laws: Sequence[int],
    *,
    bare: bool,
    again: bool = True,
) -> list[Component]:
    """Return the laws with scales given runs, weighed."""
    found: list[tuple[float, np.ndarray, np.ndarray, float]] = []
    rows, random = np.arange(len(block.y)), np.random.default_rng(len(seen))
    for i in laws:
        of, size = block.laws[i], len(block.laws[i].centre)
        z, scales = warm.get(i, (np.zeros(size), block.scales[0].copy()))
        if len(seen):
            known_before = i in warm
            starts = [z, *random.normal(0, 0.7, (int(again) if known_before else 3, size))]
            for turn in range(1 + again):
                root = root_of(block, seen, scales, bare=bare)
                z, _ = min((mode(of, block, seen, root, at) for at in (starts if turn == 0 else [z])), key=lambda one: one[1])
                value, slope = jacobian(of, block, z, seen)
                scales = tuned(block, seen, (value, slope, z), scales, 25, bare=bare)
            warm[i] = z, scales
        value, slope = jacobian(of, block, z, rows)
        for apart in GRID[:1] if bare else GRID:
            own = scales if bare else np.append(block.scales[0][:2] + block.scales[1][:2] * apart, scales[2:])
            known = evidence(block, seen, value[seen], slope[seen], z, own, bare=bare)
            found.append((known, own, np.array([i]), 0.0))
            found[-1] = (known, own, z, float(i))
    weights = np.exp(np.array([one[0] for one in found]) - logsumexp([one[0] for one in found]))
    every = []
    for weight, (_, scales, z, i) in zip(weights, found, strict=True):
        if weight >= 0.02:
            every.append(conditioned(block, block.laws[int(i)], seen, z, scales, float(weight), bare=bare))
    total = sum(one.weight for one in every)
    return [replace(one, weight=one.weight / total) for one in every]


def conditioned(
    block: Block, of: Formula, seen: np.ndarray, z: np.ndarray, scales: np.ndarray, weight: float, *, bare: bool
) -> Component:
    rows = np.arange(len(block.y))
    value, slope = jacobian(of, block, z, rows)
    mean, cover = value - slope @ z, slope @ slope.T
    cover = cover if bare else cover + kernel(block, rows, scales)
    s2 = block.scatter(scales)
    if len(seen):
        root = np.linalg.cholesky(cover[np.ix_(seen, seen)] + np.diag(s2[seen]))
        mean = mean + cover[:, seen] @ cho_solve((root, True), block.y[seen] - mean[seen])
        half = solve_triangular(root, cover[seen], lower=True)
        cover = cover - half.T @ half
    return Component(weight, mean, cover, s2)


def together(parts: Sequence[Component]) -> Component:
    """Return mean and covariance of a mixture, between its laws as within them."""
    weights = np.array([one.weight for one in parts])
    means = np.array([one.mean for one in parts])
    mean = weights @ means
    apart = means - mean
    cover = sum(w * one.covariance for w, one in zip(weights, parts, strict=True)) + (apart.T * weights) @ apart
    return Component(1.0, mean, np.asarray(cover), weights @ np.array([one.scatter for one in parts]))


# ---------------------------------------------------------------- the games


@dataclass(frozen=True)
class Game:
    """A pool to be chosen from. blocks: responses that every run shows."""

    task: str
    blocks: tuple[Block, ...]
    cost: np.ndarray
    budgets: tuple[float, ...]
    bare_law: int
    """Which of the laws rules without a discrepancy use."""


def normal_prior(prior: Prior) -> tuple[float, float]:
    """Return mean and standard deviation on the link scale."""
    if prior.distribution is not None:
        kind, of = distribution(prior)
        return float(of["mu"]), float(of["sigma"]) * (1.3 if kind == "StudentT" else 1.0)
    return scalebench._normal(prior)


def log_normal(prior: Prior) -> tuple[float, float]:
    return float(np.log(prior_median(prior))), normal_prior(prior)[1]


COSTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "vocabulary": lambda t: t["params"] * t["chars"],
    "parallel": lambda t: t["params"],
    "domain mixture": lambda t: t["params"] ** 0,
    "MoE": lambda t: t["params"] * t["experts"],
    "data-constrained": lambda t: t["params"] * t["unique_tokens"] * t["epochs"],
    "Farseer": lambda t: t["params"] * t["tokens"],
    "lr & batch": lambda t: t["params"] * t["tokens"],
}
NESTED_BEST = {
    "vocabulary": 1,
    "parallel": 0,
    "domain mixture": 3,
    "MoE": 1,
    "data-constrained": 4,
    "Farseer": 1,
    "lr & batch": 1,
    "sparsity": 1,
}
"""The law that does best on the nested split, see scalebench.md."""
THIN = {"vocabulary": 6, "lr & batch": 4, "Farseer": 2}
DISCREPANCY = (np.log([0.006, 3.0]), np.log([4.0, 2.0]) / Z90)
"""Of tasks: amplitude, on the scale of the noise or relative to the spread of losses that may be negative, and length."""


def tasks(names: Sequence[str] = ()) -> Iterator[list[Game]]:
    """Return the games of each task; several where groups are fitted and paid for apart."""
    for name, task in scalebench.TASKS.items():
        if names and name not in names:
            continue
        table = task.table()
        train, held = table[table["part"].isin(["train", "nested"])], table[table["part"] == "held"]
        thin = THIN.get(name, 1)
        train, held = train.iloc[::thin], held.iloc[::thin]
        found: list[list[Block]] = []
        costs: list[np.ndarray] = []
        candidates = list(task.candidates.values())
        every_columns = list(zip(*(scalebench.columns_of(task, of) for of in candidates), strict=True))
        if name == "MoE":  # slopes by router are not in these fits: a game a router, each with the dense runs
            routers = [f"router_type == '{router}' or router_type == 'Dense'" for router in ("S-Base", "RL-R", "Hash")]
            every_columns = [tuple(replace(one, where=where) for one in of) for where in routers for of in every_columns]
        for columns in every_columns:
            formulas = []
            for of, column in zip(candidates, columns, strict=True):
                law = bs.parse_law(scalebench.own(of.law, column), list(column.inputs))
                both = [bs.read_runs(part, column) for part in (train, held)]
                tables = pd.concat([one.table for one in both], ignore_index=True)
                given = {part: key for key, all_ in scalebench.law_families(law).items() for part in all_}
                priors = [as_parameter(of.priors[given.get(p, p)]).prior for p in law_parameters(law)]
                centre, wide = np.array([normal_prior(one) for one in priors]).T
                positive = np.array([link(one) == "log" for one in priors])
                inputs = {n: tables[n].to_numpy() / both[0].references[n] for n in law_inputs(law)}
                formulas.append(Formula(law, inputs, centre, wide, positive))
            names_x = dict.fromkeys(n for f in formulas for n in f.inputs)
            every = {n: next(f.inputs[n] for f in formulas if n in f.inputs) for n in names_x}
            x = np.column_stack([np.log(v) if (v > 0).all() else v / 0.3 for v in every.values() if np.ptp(v) > 0])
            log = task.noise.on != "loss"
            y = np.log(tables["response"]) if log else tables["response"]
            unit = 1.0 if log else float(tables["response"][: len(both[0].table)].std()) * 2
            noise = log_normal(as_parameter(task.noise.sd).prior)
            middle = np.array([DISCREPANCY[0][0] + np.log(unit), DISCREPANCY[0][1], noise[0]])
            wide_scales, along = np.array([*DISCREPANCY[1], noise[1]]), 0.0
            if task.noise.effects:  # of data-constrained, whose scatter also falls along tokens
                middle, wide_scales, along = np.append(middle, 0.0), np.append(wide_scales, 0.5), np.log(every["tokens"])
            block = Block(
                tuple(formulas), x, y.to_numpy(), len(both[0].table), log, (middle, wide_scales), along, effects(task, tables)
            )
            found.append([block])
            costs.append(np.asarray(COSTS[name](tables)[: block.pool] if name in COSTS else sparsity_cost(train), float))
        if task.responses:
            found = [[one for every_ in found for one in every_]]
        budgets = DEAR if name in ("domain mixture", "sparsity") else SMALL
        yield [Game(name, tuple(blocks), cost, budgets, NESTED_BEST[name]) for blocks, cost in zip(found, costs, strict=False)]


def effects(task: scalebench.Task, table: pd.DataFrame) -> np.ndarray | None:
    """Return the covariance of group effects at the expected squares of their scales."""
    if not task.noise.effects:
        return None
    found = np.zeros((len(table), len(table)))
    for one in task.noise.effects:
        level = table[one.dims[0]].to_numpy()
        found += one.sd**2 * (level[:, None] == level)
    return found


def sparsity_cost(table: pd.DataFrame) -> np.ndarray:
    return np.asarray(table["N_dense"] * table["D1"] + table["N_active"] * table["D2"])


SWEEPS = (
    "chinchilla_epoch",
    "gemstones cooled",
    "porian refinedweb base short chinchilla",
    "porian refinedweb tuned",
    "porian openwebtext2 base short chinchilla",
    "oellm_tuned",
    "marin comma",
    "marin nemotron",
    "misfitting",
    "gadre c4_original",
)
"""Those of thirty runs and more, over a factor of a hundred in compute; two of a family at most, but for Porian's three."""


def sweep_games(names: Sequence[str] = SWEEPS) -> Iterator[list[Game]]:
    """Return a game for each sweep: its largest tenth by compute is the target, priors are from all other families."""
    known, taken = sweep_priors.stored(), set()
    for sweep in sweeps():
        begun = next((n for n in names if sweep.name.startswith(n)), None)
        if begun is None or sweep.law != "chinchilla" or sweep.unit != "nats/token" or len(sweep.table) < 30 or begun in taken:
            continue
        taken.add(begun)
        model = sweep_priors.model(sweep_priors.elicited([one for one in known if one.family != sweep.family]))
        order = np.argsort(sweep.scale, kind="stable")
        cut = len(order) - max(3, round(0.1 * len(order)))
        table = sweep.table.iloc[order].reset_index(drop=True)
        law = model.law
        priors = {name: as_parameter(of).prior for name, of in model.parameters.items()}
        centre, wide = np.array([normal_prior(priors[p]) for p in law_parameters(law)]).T
        positive = np.array([link(priors[p]) == "log" for p in law_parameters(law)])
        inputs = {"params": table["params"].to_numpy() / 1e9, "tokens": table["tokens"].to_numpy() / 2e10}
        term = model.discrepancy[0]
        scales = np.array([log_normal(of) for of in (term.amplitude, term.length, as_parameter(model.noise.sd).prior)]).T
        block = Block(
            (Formula(law, inputs, centre, wide, positive),),
            np.column_stack([np.log(v) for v in inputs.values()]),
            np.log(table["loss"].to_numpy()),
            cut,
            log=True,
            scales=(scales[0], scales[1]),
        )
        yield [Game(sweep.name, (block,), sweep.scale[order][:cut], (0.01, 0.03, 0.1, 0.3), 0)]


# ---------------------------------------------------------------- the rules


@dataclass
class State:
    """What a rule knows: which runs are seen, and what that says of each response."""

    game: Game
    here: np.ndarray
    seen: np.ndarray
    spent: float
    limit: float
    random: np.random.Generator
    joint: list[Component]
    parts: list[list[Component]]

    @property
    def left(self) -> np.ndarray:
        rest = np.setdiff1d(self.here, self.seen)
        return rest[self.game.cost[rest] <= self.limit - self.spent + 1e-9 * self.limit]


class Greedy:
    """Covariances of candidates with each other and with the targets, as runs are added in closed form."""

    def __init__(self, state: State) -> None:
        self.blocks = [(b, c.covariance.copy(), c.scatter) for b, c in zip(state.game.blocks, state.joint, strict=True)]

    def gains(self, at: np.ndarray) -> np.ndarray:
        """Return by how much each candidate is expected to reduce the mean squared error of the targets, over responses."""
        total = np.zeros(len(at))
        for block, cover, s2 in self.blocks:
            cross = cover[block.pool :][:, at]
            total += (cross**2).mean(axis=0) / (np.diag(cover)[at] + s2[at]) / self.unit(block)
        return total

    def information(self, at: np.ndarray) -> np.ndarray:
        total = np.zeros(len(at))
        for block, cover, s2 in self.blocks:
            asked = cover[block.pool :].mean(axis=0)
            explained = asked[at] ** 2 / (np.diag(cover)[at] + s2[at]) / asked[block.pool :].mean()
            total -= 0.5 * np.log1p(-np.clip(explained, 0, 1 - 1e-9))
        return total

    def volume(self, at: np.ndarray) -> np.ndarray:
        return np.asarray(sum(np.log1p(np.maximum(np.diag(c)[at], 0) / s2[at]) for _, c, s2 in self.blocks))

    def left(self) -> float:
        """Return the mean squared error that is expected, over responses."""
        return float(sum(np.diag(c)[b.pool :].mean() / self.unit(b) for b, c, _ in self.blocks))

    def unit(self, block: Block) -> float:
        return 1.0 if len(self.blocks) == 1 else float(np.var(block.y[: block.pool]))

    def add(self, i: int) -> None:
        for place, (block, cover, s2) in enumerate(self.blocks):
            column = cover[:, i]
            self.blocks[place] = block, cover - np.outer(column, column) / (column[i] + s2[i]), s2


def chain(
    state: State, score: Callable[[Greedy, np.ndarray], np.ndarray], power: float, limit: float, most: int = 400
) -> tuple[list[int], float]:
    """Return runs chosen one after another by score / cost^power while a limit allows, and the error they leave."""
    greedy, found, spent, cost = Greedy(state), [], 0.0, state.game.cost
    while len(found) < most:
        at = np.setdiff1d(state.left, found)
        at = at[cost[at] <= limit - spent + 1e-9 * limit]
        if not len(at):
            break
        value = score(greedy, at) / cost[at] ** power
        best = int(at[np.argmax(value)])
        greedy.add(best)
        found.append(best)
        spent += cost[best]
    return found, greedy.left()


type Rule = Callable[[State], list[int]]


def one_at_a_time(score: Callable[[Greedy, np.ndarray], np.ndarray], power: float) -> Rule:
    """Score / cost^power, until it is time for a refit."""

    def chosen(state: State) -> list[int]:
        return grown(state, chain(state, score, power, state.limit - state.spent, most=60)[0])

    return chosen


def doubling(score: Callable[[Greedy, np.ndarray], np.ndarray]) -> Rule:
    """The largest score among runs that at most double what is spent."""

    def chosen(state: State) -> list[int]:
        cost, greedy, found = state.game.cost, Greedy(state), list[int]()
        while len(left := np.setdiff1d(state.left, found)) and grown(state, [*found, -1])[-1] == -1:
            spent = max(state.spent + cost[found].sum(), cost[state.here].min())
            left = left[cost[left] <= state.limit - state.spent - cost[found].sum() + 1e-9 * state.limit]
            if not len(left):
                break
            near = left[cost[left] <= spent] if (cost[left] <= spent).any() else left[[np.argmin(cost[left])]]
            found.append(int(near[np.argmax(score(greedy, near))]))
            greedy.add(found[-1])
        return found

    return chosen


POWERS = (0.0, 0.3, 0.6, 1.0)


def within_budget(score: Callable[[Greedy, np.ndarray], np.ndarray]) -> Rule:
    """The best set for all that is left of the budget, over powers of the cost; its first runs, then anew."""

    def chosen(state: State) -> list[int]:
        rest = state.limit - state.spent
        return grown(state, min((chain(state, score, power, rest, most=60) for power in POWERS), key=lambda one: one[1])[0])

    return chosen


def flattened(rule: Rule, power: float = 0.5) -> Rule:
    """Return a rule for which laws and scales of the discrepancy weigh by a power of what runs say of them."""

    def chosen(state: State) -> list[int]:
        for place, parts in enumerate(state.parts):
            weights = np.array([one.weight for one in parts]) ** power
            weights = weights / weights.sum()
            state.joint[place] = together([replace(one, weight=float(w)) for one, w in zip(parts, weights, strict=True)])
        return rule(state)

    return chosen


def grown(state: State, wanted: Sequence[int]) -> list[int]:
    """Return runs until their number, or the compute, has grown enough for a refit."""
    found: list[int] = []
    for i in wanted:
        spent = state.game.cost[found].sum()
        enough = len(found) >= max((GROWTH - 1) * len(state.seen), 2)
        if enough or (found and spent >= (GROWTH - 1) * state.spent > 0):
            break
        found.append(int(i))
    return found


def at_random(state: State) -> list[int]:
    return [int(state.random.choice(state.left))]


def cheapest(state: State) -> list[int]:
    return [int(state.left[np.argmin(state.game.cost[state.left])])]


def dearest(state: State) -> list[int]:
    return [int(state.left[np.argmax(state.game.cost[state.left])])]


def mspe(state: State) -> list[int]:
    """Expected reduction of variance within modes and of their distance at the targets, over cost^.4; cheap runs first."""
    game, block = state.game, state.game.blocks[0]
    size = int(2.5 * len(block.laws[game.bare_law].centre)) // len(game.blocks)
    cost, left = game.cost, state.left
    if len(state.seen) < size and state.spent + cost[left].min() <= 0.02 * game.cost.sum():
        return cheapest(state)
    every, found = [list(of) for of in state.parts], list[int]()
    while len(left) and grown(state, [*found, -1])[-1] == -1:
        total = np.zeros(len(left))
        for b, parts in zip(game.blocks, every, strict=True):
            total += reductions(b, parts, left, between=len(game.blocks) == 1)
        found.append(int(left[np.argmax(total / cost[left] ** 0.4)]))
        every = [[added(one, found[-1]) for one in parts] for parts in every]
        left = np.setdiff1d(left, found)
        left = left[cost[left] <= state.limit - state.spent - cost[found].sum() + 1e-9 * state.limit]
    return found


def added(of: Component, i: int) -> Component:
    """Return a component with another run in closed form, as it is expected to be."""
    column = of.covariance[:, i]
    return replace(of, covariance=of.covariance - np.outer(column, column) / (column[i] + of.scatter[i]))


def reductions(block: Block, parts: Sequence[Component], at: np.ndarray, *, between: bool = True) -> np.ndarray:
    """Return the expected reduction of a mixture's variance at the targets, within its components and between them."""
    weights, target = np.array([p.weight for p in parts]), slice(block.pool, None)
    cross = [p.covariance[target][:, at] for p in parts]
    s2 = np.array([np.diag(p.covariance)[at] + p.scatter[at] for p in parts])
    found = np.asarray(sum(w * (c**2).mean(axis=0) / v for w, c, v in zip(weights, cross, s2, strict=True)))
    if len(parts) == 1 or not between:
        return found
    means, own = np.array([p.mean[target] for p in parts]), np.array([p.mean[at] for p in parts])
    nodes, weigh = np.polynomial.hermite_e.hermegauss(9)
    weigh = weigh / weigh.sum()
    before = weights @ ((means - weights @ means) ** 2).mean(axis=1)
    after = np.zeros(len(at))
    for k, w in enumerate(weights):
        for node, mass in zip(nodes, weigh, strict=True):
            y = own[k] + node * np.sqrt(s2[k])
            logs = np.log(weights)[:, None] - 0.5 * (y - own) ** 2 / s2 - 0.5 * np.log(s2)
            posterior = np.exp(logs - logsumexp(logs, axis=0))
            moved = means[:, :, None] + np.array([c * ((y - o) / v) for c, o, v in zip(cross, own, s2, strict=True)])
            middle = (posterior[:, None] * moved).sum(axis=0)
            after += w * mass * (posterior * ((moved - middle) ** 2).mean(axis=1)).sum(axis=0)
    return found + np.maximum(before - after, 0.0)


variance, information, volume = Greedy.gains, Greedy.information, Greedy.volume

RULES: dict[str, tuple[Rule, bool]] = {
    "variance, within budget": (within_budget(variance), False),
    "variance, within budget, laws by root weight": (flattened(within_budget(variance)), False),
    "variance / cost^.4": (one_at_a_time(variance, 0.4), False),
    "information, at most doubling": (doubling(information), False),
    "variance, within budget, law alone": (within_budget(variance), True),
    "V-optimal / cost^.4": (one_at_a_time(variance, 0.4), True),
    "D-optimal / cost": (one_at_a_time(volume, 1.0), True),
    "MSPE": (mspe, True),
    "random": (at_random, False),
    "cheapest": (cheapest, False),
    "dearest": (dearest, False),
}
"""Rule -> how it chooses, and whether by the law alone."""


def known(
    game: Game, seen: np.ndarray, warm: list[dict[int, tuple[np.ndarray, np.ndarray]]], *, bare: bool, again: bool = False
) -> list[list[Component]]:
    laws = [game.bare_law] if bare else range(len(game.blocks[0].laws))
    return [components(b, seen, w, laws, bare=bare, again=again) for b, w in zip(game.blocks, warm, strict=True)]


def played(game: Game, rule: str, repeat: int, *, start: int = 0) -> Iterator[dict[str, object]]:
    """Return what is predicted at each budget, of which a rule knows the next; what it has bought stays for later ones."""
    how, bare = RULES[rule]
    plain = how in (at_random, cheapest, dearest)
    here = np.sort(np.random.default_rng([repeat, 3]).permutation(len(game.cost))[: round(KEPT * len(game.cost))])
    first = here[np.argsort(game.cost[here], kind="stable")[:12]]
    begin = np.random.default_rng([repeat, 5]).permutation(first)[:start]
    random = np.random.default_rng([repeat, 7])
    state = State(game, here, np.array(begin, int), float(game.cost[begin].sum()), 0.0, random, [], [])
    warm: list[dict[int, tuple[np.ndarray, np.ndarray]]] = [{} for _ in game.blocks]
    for share in game.budgets:
        state.limit, begun = share * game.cost.sum(), time.process_time()
        while len(state.left):
            if not plain:
                state.parts = known(game, state.seen, warm, bare=bare)
                state.joint = [together(one) for one in state.parts]
            more = [i for i in how(state) if i not in state.seen]
            if not more:
                break
            state.seen = np.append(state.seen, more).astype(int)
            state.spent = float(game.cost[state.seen].sum())
        chose = time.process_time() - begun
        if state.spent > state.limit:
            continue
        for fit in ("model", "law") if bare else ("model",):
            ends = [dict(of) for of in warm] if bare == (fit == "law") else [{} for _ in game.blocks]
            parts = known(game, state.seen, ends, bare=fit == "law", again=True)
            place = {"task": game.task, "rule": rule, "repeat": repeat, "budget": share, "fit": fit}
            paid = {"runs": len(state.seen), "spent": state.spent / game.cost.sum(), "seconds": chose}
            yield place | paid | scored(game, [together(one) for one in parts])


def scored(game: Game, found: Sequence[Component]) -> dict[str, float]:
    """Return R^2, error, share within 90 % bands and expected error, on the scale of the noise: means over responses."""
    r2, error, hit, said = [], [], [], []
    for block, of in zip(game.blocks, found, strict=True):
        target = slice(block.pool, None)
        middle, y = of.mean[target], block.y[target]
        loss, truth = (np.exp(middle), np.exp(y)) if block.log else (middle, y)
        r2.append(np.clip(1 - ((loss - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum(), -1, 1))
        sd = np.sqrt(np.maximum(np.diag(of.covariance)[target], 0) + of.scatter[target])
        error.append(np.abs(middle - y).mean())
        hit.append((np.abs(middle - y) < Z90 * sd).mean())
        said.append(np.sqrt((sd**2).mean()))
    return {"r2": float(np.mean(r2)), "error": float(np.mean(error)), "in90": float(np.mean(hit)), "sd": float(np.mean(said))}


def play(rules: Sequence[str], names: Sequence[str] = (), sweep_names: Sequence[str] = SWEEPS, repeats: int = REPEATS) -> None:
    """Play every game once, then again, and keep each score as it comes."""
    OUT.mkdir(parents=True, exist_ok=True)
    every = [(of, 0) for of in (tasks(names) if names != NONE else ())]
    every += [(of, 5) for of in (sweep_games(sweep_names) if sweep_names != NONE else ())]
    every.sort(key=lambda one: sum(len(block.y) * len(block.laws) for game in one[0] for block in game.blocks))
    for repeat in range(repeats):
        for games, start in every:
            file = OUT / f"{games[0].task.replace(' ', '_').replace('&', 'and')}.csv"
            kept = pd.read_csv(file) if file.is_file() else pd.DataFrame({"rule": [], "repeat": []})
            for rule in rules:
                if ((kept["rule"] == rule) & (kept["repeat"] == repeat)).any():
                    continue
                begun = time.process_time()
                rows = [row | {"game": i} for i, game in enumerate(games) for row in played(game, rule, repeat, start=start)]
                kept = pd.concat([kept, pd.DataFrame(rows)], ignore_index=True)
                kept.to_csv(file, index=False, float_format="%.6g")
                own = pd.DataFrame(rows)
                r2 = own[own["fit"] == "model"].groupby("budget")["r2"].mean().round(3).tolist()
                print(f"{repeat} {games[0].task} | {rule}: {r2}, {time.process_time() - begun:.1f} s", flush=True)


# ---------------------------------------------------------------- the page

OURS = "variance, within budget"
SHOWN = (OURS, "variance / cost^.4", "V-optimal / cost^.4", "D-optimal / cost", "MSPE", "random", "cheapest", "dearest")
CHOSEN_ON = ("chinchilla", "gemstones", "misfitting", "porian", "vocabulary", "domain", "data-", "lr &")
"""Of the alphabet of sweeps' families, and of the suite's tasks, every other one: on these the default is chosen."""
PUBLISHED = {
    "vocabulary": ((0.96, 0.98, 0.98), (0.96, 0.97, 0.98)),
    "parallel": ((-1.0, 0.77, 0.99), (-1.0, 0.69, 0.99)),
    "domain mixture": ((0.64, 0.89, 0.95), (0.57, 0.91, 0.95)),
    "MoE": ((0.59, 0.65, 0.83), (0.67, 0.80, 0.80)),
    "data-constrained": ((0.73, 0.85, 0.86), (0.58, 0.83, 0.85)),
    "Farseer": ((0.60, 0.88, 0.93), (0.67, 0.87, 0.92)),
    "lr & batch": ((-0.66, 0.00, 0.22), (-0.70, -0.06, 0.18)),
    "sparsity": ((0.31, 0.44, 0.53), (0.12, 0.39, 0.51)),
}
"""MSPE and V-optimal of arXiv 2604.22753, table 2, at the three budgets: of other rows than ours."""


SHORT = {
    "variance, within budget": "within budget",
    "variance, within budget, laws by root weight": "by root weight",
    "variance / cost^.4": "/ cost^.4",
    "V-optimal / cost^.4": "V-optimal",
    "D-optimal / cost": "D-optimal",
}
BY_BUDGET = ("lowest", "middle", "highest")


def measured() -> pd.DataFrame:
    """Return every score that is kept, of the model that predicts for all rules."""
    every = pd.concat([pd.read_csv(file) for file in sorted(OUT.glob("*.csv")) if file.stat().st_size > 9], ignore_index=True)
    every = every[every["fit"] == "model"]
    every["log_error"] = np.log(every["error"].clip(1e-4))
    return every


def first_half(task: str) -> bool:
    """Whether a task or sweep is of the families on which the default is chosen."""
    return task.startswith(CHOSEN_ON)


def between(values: np.ndarray, of: Callable[[np.ndarray], np.ndarray] = np.mean, seed: int = 0) -> tuple[float, float]:
    """Return the 90 % interval of a statistic by a bootstrap over values."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (4000, len(values)))
    low, high = np.quantile([of(values[one]) for one in drawn], [0.05, 0.95])
    return float(low), float(high)


def on_tasks(every: pd.DataFrame) -> list[str]:
    """Return the table of R^2 of the tasks at the three budgets."""
    of = every[every["task"].isin(list(PUBLISHED))]
    r2 = of.groupby(["task", "rule", "budget"])["r2"].mean()
    heads = ["task", *(SHORT.get(rule, rule) for rule in SHOWN), "published MSPE", "published V-optimal", "repeats"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    sums: dict[str, list[np.ndarray]] = {}
    for task, published in PUBLISHED.items():
        cells = []
        for rule in SHOWN:
            sums.setdefault(rule, []).append(r2[task][rule].to_numpy())
            cells.append(three(sums[rule][-1]))
        for name, values in zip(("MSPE", "V"), published, strict=True):
            sums.setdefault(f"published {name}", []).append(np.array(values))
            cells.append(three(values))
        repeats = of[of["task"] == task].groupby("rule")["repeat"].nunique().min()
        lines.append(f"| {task} | " + " | ".join(cells) + f" | {repeats} |")
    means = [three(np.mean(values, axis=0)) for values in sums.values()]
    return [*lines, "| mean | " + " | ".join(means) + " | |"]


def three(values: Sequence[float] | np.ndarray) -> str:
    """Return R^2 at the three budgets."""
    return " ".join(f"{v:.2f}" for v in values)


def mean_of_tasks(every: pd.DataFrame) -> list[str]:
    """Return the table of the mean R^2 of all tasks, with 90 % intervals over repeats, and of what is gained on MSPE."""
    of = every[every["task"].isin(list(PUBLISHED))].copy()
    of["place"] = of.groupby(["task", "rule", "repeat", "game"])["budget"].rank(method="first").astype(int) - 1
    by = {
        rule: [own[own["place"] == k].pivot_table("r2", "task", "repeat") for k in range(3)] for rule, own in of.groupby("rule")
    }
    lines = ["| rule | " + " | ".join(f"{name} budget" for name in BY_BUDGET) + " | over MSPE, rebuilt |", "|" + " --- |" * 5]
    for rule in sorted(by, key=lambda one: -np.mean([of.mean(axis=1).mean() for of in by[one]])):
        cells = [f"{mean:.2f} ({low:.2f} to {high:.2f})" for mean, low, high in map(over_repeats, by[rule])]
        gain = pd.concat([own - theirs for own, theirs in zip(by[rule], by["MSPE"], strict=True)])
        mean, low, high = over_repeats(gain)
        cells.append("" if rule == "MSPE" else f"{mean:+.2f} ({low:+.2f} to {high:+.2f})")
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def over_repeats(table: pd.DataFrame, draws: int = 4000) -> tuple[float, float, float]:
    """Return the mean over rows, each a mean over its repeats, with a 90 % interval by a bootstrap over the repeats of each."""
    random, sums = np.random.default_rng(0), np.zeros(draws)
    rows = [row[np.isfinite(row)] for row in table.to_numpy(float)]
    for row in rows:
        sums += random.choice(row, (draws, len(row))).mean(axis=1)
    low, high = np.quantile(sums / len(rows), [0.05, 0.95])
    return float(np.mean([row.mean() for row in rows])), float(low), float(high)


def over_random(every: pd.DataFrame) -> pd.DataFrame:
    """Return log errors of each rule over those of random choices of the same repeat, game and budget."""
    keys = ["task", "repeat", "budget", "game"]
    random = every[every["rule"] == "random"].set_index(keys)["log_error"]
    over = every["log_error"].to_numpy() - random.reindex(pd.MultiIndex.from_frame(every[keys])).to_numpy()
    return every.assign(over=over).dropna(subset="over")


def on_halves(over: pd.DataFrame) -> list[str]:
    """Return the table of errors over those of random choices by half of the families, tasks and sweeps alike."""
    by = over.groupby(["rule", "task", "repeat"])["over"].mean().reset_index().pivot_table("over", "rule", "task")
    half = np.array([first_half(str(task)) for task in by.columns])
    lines = [f"| rule | {half.sum()} games that chose | {(~half).sum()} games that judge |", "| --- | --- | --- |"]
    for rule in by.loc[:, half].mean(axis=1).sort_values().index:
        cells = []
        for own in (half, ~half):
            values = by.loc[rule, own].to_numpy()
            low, high = np.exp(between(values))
            cells.append("1" if rule == "random" else f"{np.exp(values.mean()):.2f} ({low:.2f} to {high:.2f})")
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def on_sweeps(over: pd.DataFrame) -> list[str]:
    """Return the table of errors over those of random choices, with intervals over sweeps."""
    lines = ["| rule | all budgets | 1 % | 3 % | 10 % | 30 % | repeats |", "|" + " --- |" * 7]
    by_sweep = over.groupby(["rule", "task"])["over"].mean()
    for rule in by_sweep.groupby("rule").mean().sort_values().index:
        values = by_sweep[rule].to_numpy()
        low, high = np.exp(between(values))
        own = over[over["rule"] == rule]
        at = np.exp(own.groupby(["task", "budget"])["over"].mean().groupby("budget").mean())
        said = "1" if rule == "random" else f"{np.exp(values.mean()):.2f} ({low:.2f} to {high:.2f})"
        cells = " | ".join(f"{at.get(share, np.nan):.2f}" for share in (0.01, 0.03, 0.1, 0.3))
        lines.append(f"| {rule} | {said} | {cells} | {own.groupby('task')['repeat'].nunique().min()} |")
    return lines


def needed(over: pd.DataFrame, simple: Sequence[str] = ("random", "cheapest", "dearest")) -> np.ndarray:
    """Return by sweep the compute with which ours has the error of the best of simple rules at 30 %, over theirs.

    Errors are geometric means over repeats; between budgets their logarithm goes straight with that of compute. Where it is
    better at 1 % already, 1 % counts; where it never gets there, all of the pool does.
    """
    found = []
    for _, of in over.groupby("task"):
        mean = of.pivot_table("log_error", "rule", "budget").cummin(axis=1)
        target = mean.loc[list(simple), 0.3].min()
        errors, budgets = mean.loc[OURS].to_numpy(), np.log(mean.columns.to_numpy(float))
        if errors[-1] > target:
            found.append(1 / 0.3)
            continue
        first = int(np.argmax(errors <= target))
        at = budgets[0]
        if first:
            share = (errors[first - 1] - target) / (errors[first - 1] - errors[first])
            at = budgets[first - 1] + share * (budgets[first] - budgets[first - 1])
        found.append(float(np.exp(at)) / 0.3)
    return np.array(found)


def draw(over: pd.DataFrame, every: pd.DataFrame) -> None:
    """Write the figure: errors on sweeps by budget with intervals over sweeps, and R^2 of tasks beside MSPE rebuilt."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), width_ratios=[1, 1.25], layout="constrained")
    shown = (OURS, "variance / cost^.4", "V-optimal / cost^.4", "MSPE", "dearest")
    for k, (rule, colour) in enumerate(zip(shown, ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#777777"), strict=True)):
        by = over[over["rule"] == rule].pivot_table("over", "task", "budget")
        ends = np.exp([between(by[share].dropna().to_numpy()) for share in by])
        at, middle = 100 * by.columns.to_numpy(float) * 1.05 ** (k - 2), np.exp(by.mean().to_numpy())
        left.vlines(at, ends[:, 0], ends[:, 1], color=colour, linewidth=1.0, alpha=0.6)
        left.plot(at, middle, "o-", color=colour, linewidth=2.2 if rule == OURS else 1.2, markersize=4, label=rule)
    left.axhline(1.0, color="black", linewidth=0.8, linestyle=":")
    left.annotate("random", (0.99, 1.02), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    left.set(xscale="log", yscale="log", xlabel="compute spent (% of the pool)", ylabel="error over that of random runs")
    left.set_xticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    left.set_yticks([0.5, 0.7, 1.0, 1.5, 2.0], ["0.5", "0.7", "1", "1.5", "2"])
    left.minorticks_off()
    left.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2)
    for place, task in enumerate(PUBLISHED):
        for rule, colour, side in ((OURS, "#d55e00", -0.05), ("MSPE", "#cc79a7", 0.05)):
            r2 = every[(every["rule"] == rule) & (every["task"] == task)].pivot_table("r2", "budget", "repeat")
            at = place + side + np.array([-0.27, 0.0, 0.27])
            label = rule if place == 0 else None
            right.vlines(at, *np.quantile(r2, [0.1, 0.9], axis=1), color=colour, linewidth=1.0, alpha=0.6)
            right.plot(at, r2.mean(axis=1), "o", color=colour, markersize=4, label=label)
    right.set_xticks(range(len(PUBLISHED)), [name.replace(" ", "\n", 1).replace("-", "-\n") for name in PUBLISHED], fontsize=7)
    right.set(ylabel="R^2 of the targets, at the three budgets", ylim=(-1.08, 1.08))
    right.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "choosing_runs.png", dpi=160)


def page() -> None:
    """Write the page and its figure."""
    every = measured()
    of_tasks = every["task"].isin(list(PUBLISHED))
    over = over_random(every)
    sweep = over[~over["task"].isin(list(PUBLISHED))]
    ratios = needed(sweep)
    low, high = between(ratios, np.median)
    alone = [needed(sweep, [rule]) for rule in ("random", "dearest", "cheapest")]
    against = [f"{np.median(one):.2f} ({a:.2f} to {b:.2f})" for one in alone for a, b in [between(one, np.median)]]
    draw(sweep, every)
    ours = every["rule"] == OURS
    text = PAGE.format(
        tasks="\n".join(on_tasks(every)), means="\n".join(mean_of_tasks(every)), halves="\n".join(on_halves(over)),
        sweeps="\n".join(on_sweeps(sweep)), ratio=f"{np.median(ratios):.2f}", low=f"{low:.2f}", high=f"{high:.2f}",
        reached=int((ratios < 1.01).sum()), every=len(ratios), against=against,
        sweep90=f"{every.loc[ours & ~of_tasks, 'in90'].mean():.0%}", task90=f"{every.loc[ours & of_tasks, 'in90'].mean():.0%}",
    )  # fmt: skip
    (HERE / "choosing_runs.md").write_text(text, encoding="utf-8")
    print(text)


PAGE = """# Choosing runs, as measured

`python benchmarks/choosing_runs.py`. Of a pool of finished runs a rule may look at what a budget pays for; then targets
larger or dearer than all of the pool are predicted. One model predicts for all rules: the laws of the task with a
discrepancy, weighed by their marginal likelihood, fitted by a linearisation at the mode, over a grid of the
discrepancy's amplitude and length. No game has a refit by NUTS in it: a choice, its fits and scores take .1 to 3 s.
Repeats differ by which four fifths of the pool are there, and by the runs to start from.

- **variance, within budget**: of all that is left of the budget the set that is expected to leave the least squared
  error at the targets, over powers 0, .3, .6 and 1 of the cost; its first runs are trained, the law is fitted again,
  and a set chosen anew. It is what `next_runs` does with a budget. **Laws by root weight**: laws and scales of the
  discrepancy count by the root of their weight. **Law alone**: by the task's best law, without a discrepancy.
- **variance / cost^.4**: the run that saves most for its cost to this power, which is how `next_runs` ranks single
  runs.
- **information**: the run that most lowers the entropy of the mean over the targets, of those that at most double what
  is spent.
- **V-optimal** over cost^.4, **D-optimal** per cost, **MSPE**: by the task's best law alone. MSPE is rebuilt from its
  description (arXiv 2604.22753): variance within modes of the law and their distance, over cost^.4, after the cheapest
  runs.
- **random**, **cheapest** and **dearest** runs that the budget still pays for: simple rules.

The criterion "regret" decides between options, which these games do not have.

![Errors on sweeps, and R^2 of tasks](choosing_runs.png)

## Chosen on one half, judged on the other

Of the alphabet of the sweeps' families, and of the suite's list of tasks, every other one is of the half that chooses:
chinchilla_epoch, Gemstones, misfitting and Porian; vocabulary, domain mixture, data-constrained, lr & batch. Mean |log
error| over that of random choices of the same repeat and budget, a geometric mean over games, with 90 % intervals over
games:

{halves}

"Variance, within budget" was the default before and stays so: it is first on the half that
chose, with its twin by root weights, and on the half that judges. Two more forms were tried on the first half alone:
refits after half as many runs, and weights to the power .2; neither was better.

## ScaleBench's tasks

R^2 of the targets at 1, 5 and 10 % of what the pool takes (domain mixture and sparsity 20, 35 and 50 %), clipped to
[-1, 1]. **The published columns are of other rows than ours**: the suite's targets are set aside here, and inner splits
of the same kind (see [scalebench](scalebench.md)) take their place; of data-constrained even all rows give .62 there.
The model that predicts has priors, and a discrepancy: part of the distance is the fit's, not the choice's. Intervals
are 90 % over repeats.

{means}

{tasks}

## Public sweeps

The largest tenth of each of ten sweeps is the target; priors are from the sweeps of all other families. Five random
ones of the twelve cheapest runs are there, then rules choose up to 1, 3, 10 and 30 % of the pool's compute. Mean |log
error| over that of random choices, a geometric mean over repeats and sweeps, with a 90 % interval over sweeps:

{sweeps}

Compute with which "variance, within budget" has the error of a simple rule at 30 % of the pool, over that: against random
runs {against[0]}, against the dearest {against[1]}, against the cheapest {against[2]};
against whichever of them turns out best on a sweep {ratio} ({low} to {high}), where it gets
there on {reached} of {every}. Medians over sweeps with 90 % intervals; where it never gets there all of the pool counts, 3.33.

90 % bands at the targets hold {sweep90} of runs on sweeps and {task90} on tasks.

## What it says

- **Plan the whole budget by the squared error it leaves.** Sets for what is left of the budget have .75 times the error
  of random runs on sweeps (.69 to .81), .65 times at 30 % of the compute; single runs by the same criterion over
  cost^.4 are as good but at 1 and 3 %. On tasks the mean R^2 is .05 above that of MSPE (.03 to .07): level with it at
  the lowest budget, .07 and .03 above at the others.
- **The discrepancy makes the difference on sweeps**: by the law alone the same sets have .88 times random's error, and
  V-optimal and MSPE .84 and .89, though the same model predicts for all.
- **Less than half of the compute of random or of the cheapest runs, not of the dearest.** Which simple rule is best
  differs by sweep, often the dearest run that the budget pays for: against whichever it turns out to be, the interval
  holds 1. The dearest runs first lose on tasks and on Porian's tuned
  runs, and nobody knows beforehand where they win. An earlier version of this page had three repeats, did not know that
  rule, left sweeps out where the error is never reached, and had .37.
- **At 1 % no rule is sure to help**: a few runs, and what they say hangs on which they are.
- **Data-constrained was lost to MSPE by one noise for all rows.** Runs of few tokens scatter most and are cheap; taken for
  as sure as others they were bought. In six repeats with one noise sets had R^2 .36, .20, .37 (MSPE -.09, .08, .22); with
  noise that grows where tokens are few, effects of sizes and amounts of data, and one law .23, .49, .42 (MSPE -.37, .17,
  .22); with five laws besides .06, .54, .51 in ten repeats (MSPE -.14, .22, .31). Published rows have other targets: all
  rows give .62 here.
- **Behind MSPE at the lowest budget of lr & batch** (-.36 against -.16; random has .33, the dearest first .48): runs that
  1 % pays for are far from the target, and no law holds so far.
- On MoE, Farseer, domain mixture, parallel and vocabulary all rules that choose are alike: there it is the fit that is
  ahead of the published rows.

Read with care: intervals over ten sweeps, of which three are Porian's and two Marin's, are narrower than those over
families would be. Rules of `next_runs` work over draws of NUTS, and here over the linearised model; [with NUTS in
between](next_run.md) information alone was measured. Against NUTS the linearised fit was held once, 15 runs of a Marin
sweep: means at the targets .27 % apart, sd 1.5 against 1.7 %.
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["only"]:
        play(list(RULES), sys.argv[2].split(","), sys.argv[3].split(",") if len(sys.argv) > 3 else NONE)
    elif sys.argv[1:2] == ["page"]:
        page()
    else:
        play(list(RULES))
