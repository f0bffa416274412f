"""What the rows of a table are, once its columns have roles: runs or checkpoints, sizes, ratios, schedules."""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import format_count, number, several
from bayes_scaling.data.rates import FALLS, is_rate_name, lowest_share
from bayes_scaling.data.roles.find import Roles
from bayes_scaling.data.roles.words import split_words
from bayes_scaling.data.states import Unfinished, find_unfinished
from bayes_scaling.laws.units import DAYS, FLOP_A_DAY, read_unit

COUNTS = ("params", "tokens", "unique_tokens", "compute")
MIN_PLACES = 3
"""Places of a run along its training, at least, for its rows to be checkpoints."""
MOST, FEW_LEVELS = 0.5, 64
PEAK = {"peak", "max"}
SAME_SIZE, ONE_RATIO = 0.02, 0.1
"""Sizes within so much are one; and so are ratios of tokens to parameters, as for the finding `fixed-ratio`."""


@dataclass(frozen=True)
class Shape:
    """What is known of the rows of a table.

    Parameters
    ----------
    numbers
        Role -> numbers in base units.
    usable
        Which rows have a loss, and inputs above zero.
    along
        The role along which rows are checkpoints of runs: "tokens" or "step"; None where rows are runs.
    ends
        The rows that are the last of their runs; all that are usable where rows are runs.
    unfinished
        The rows of runs that did not finish, where rows are runs and a column says so; None where checkpoints are read.
    rate
        The column of learning rates, where rows are runs also of their peaks.
    """

    roles: Roles
    frame: pd.DataFrame
    numbers: Mapping[str, pd.Series]
    usable: pd.Series
    along: str | None
    ends: pd.Index
    unfinished: Unfinished | None = None
    rate: str | None = None

    @property
    def run(self) -> str | None:
        """The column that tells runs apart: of the run, or of the seed where there is no other."""
        return run_column(self.frame, self.roles)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        if self.run is None or (self.along is None and self.roles.column("run") is None):
            return int(self.usable.sum())
        return int(self.frame.loc[self.usable, self.run].nunique())

    def levels(self, role: str) -> int:
        """Return how many values a role has at the ends of runs, those within two percent counted once."""
        if role not in self.numbers:
            return 0
        seen = self.numbers[role].loc[self.ends]
        return int(_alike(seen[seen > 0]).nunique())

    @property
    def ratio(self) -> float | None:
        """Tokens a parameter, where all runs keep it."""
        if self.levels("params") < 2 or self.levels("tokens") < 2:
            return None
        ratio = np.log((self.numbers["tokens"] / self.numbers["params"]).loc[self.ends])
        low, high = np.quantile(ratio, [0.05, 0.95])
        return float(np.exp(np.median(ratio))) if high - low <= 2 * ONE_RATIO else None

    @property
    def decays(self) -> int:
        """How many runs have a learning rate that falls along them, whether or not it rises again."""
        if "lr" not in self.numbers or self.along is None or self.run is None:
            return 0
        rate = self.numbers["lr"][self.usable].sort_index()
        order = self.numbers[self.along][self.usable].sort_values(kind="stable").index
        return int((lowest_share(rate.loc[order], self.frame[self.run].loc[order].astype(str)) < FALLS).sum())

    @property
    def apart(self) -> str | None:
        """The column of few numbers that tells apart rows of one run at one place, as loops or positions do."""
        if self.run is None or self.along is None or self.crossed:
            return None
        label, at = self.frame[self.run].astype(str), self.numbers[self.along]
        if not self.frame.assign(_at=at).loc[self.usable, [self.run, "_at"]].duplicated().any():
            return None
        taken = {one.column for one in self.roles.roles.values()} | set(self.roles.tentative.values())
        for name in [name for name in self.roles.numbers if name not in taken and self.frame[name].nunique() <= FEW_LEVELS]:
            if not pd.DataFrame({"run": label, "at": at, "of": self.frame[name]})[self.usable].duplicated().any():
                return name
        return None

    @property
    def crossed(self) -> list[str]:
        """The groups whose levels one run has several of, as evaluation sets are."""
        if self.run is None:
            return []
        label = self.frame[self.run].astype(str)
        return [
            name
            for name, one in self.roles.groups.items()
            if self.frame[one.column].groupby(label).nunique().gt(1).mean() > MOST
        ]


def read_shape(frame: pd.DataFrame, roles: Roles) -> Shape:
    """Return what the rows of a table are."""
    values = {role: _in_base(roles, role) for role in roles.roles if _has_numbers(roles, role)}
    values |= {role: _in_base(roles, role) for role in roles.tentative if _has_numbers(roles, role)}
    read = [role for role in ("params", "tokens", "compute") if role in values]
    usable = pd.Series(data=True, index=frame.index)
    if "loss" in values:
        usable &= np.isfinite(values["loss"]) & (values["loss"] > 0)
    bare = ["step"] if not read and "step" in values and "lr" not in values else []
    for role in [*read[:2], *bare]:
        usable &= np.isfinite(values[role]) & (values[role] > 0)
    along = _along(frame, roles, values, usable)
    rate = roles.column("lr") or (peak_column(roles) if along is None else None)
    if rate is not None and "lr" not in values and rate in roles.numbers:
        values["lr"] = roles.numbers[rate]
    unfinished = find_unfinished(frame) if along is None else None
    if unfinished is not None and (usable & ~unfinished.rows).any():
        usable &= ~unfinished.rows
    else:
        unfinished = None
    ends = frame.index[usable]
    run = run_column(frame, roles)
    if along is not None and run is not None:
        order = values[along][usable].sort_values(kind="stable").index
        ends = order[~frame[run].loc[order].duplicated(keep="last").to_numpy()]
    return Shape(roles, frame, values, usable, along, ends, unfinished, rate)


def peak_column(roles: Roles) -> str | None:
    """Return the column of peak learning rates, which tell runs apart, and not how the rate goes along one."""
    return next((str(one) for one in roles.numbers if is_rate_name(str(one)) and PEAK & set(split_words(str(one)))), None)


def run_column(frame: pd.DataFrame, roles: Roles) -> str | None:
    """Return the column that tells runs apart: of the run, or of the seed where there is no other."""
    seed = roles.column("seed")
    return roles.column("run") or (seed if seed is not None and not frame[seed].isna().any() else None)


def _has_numbers(roles: Roles, role: str) -> bool:
    return roles.column(role) in roles.numbers and role != "run"


def _in_base(roles: Roles, role: str) -> pd.Series:
    column = roles.column(role)
    assert column is not None
    unit = read_unit(roles.unit(role)) if role in COUNTS and roles.unit(role) else None
    factor = 1.0 if unit is None else unit.factor * (FLOP_A_DAY if unit.name == DAYS else 1.0)
    return roles.numbers[column] * factor


def _along(frame: pd.DataFrame, roles: Roles, values: Mapping[str, pd.Series], usable: pd.Series) -> str | None:
    """Return the role along which most runs have several places, of one size each."""
    run = run_column(frame, roles)
    if run is None:
        return None
    label = frame[run].astype(str)
    for role in ("tokens", "step"):
        if role not in values:
            continue
        places = values[role][usable].groupby(label[usable]).nunique()
        one_size = values["params"][usable].groupby(label[usable]).nunique().le(1).mean() > MOST if "params" in values else True
        if len(places) and (places >= MIN_PLACES).mean() > MOST and one_size:
            return role
    return None


def shape_sentences(shape: Shape) -> list[str]:
    """Return what the rows are, a sentence each."""
    rows, left = int(shape.usable.sum()), int((~shape.usable).sum())
    runs = several(shape.runs, "run")
    if shape.along is None:
        said = [f"{several(rows, 'row')}, a run each" if shape.runs == rows else f"{several(rows, 'row')} of {runs}"]
    else:
        said = [f"{several(rows, 'row')} that are checkpoints of {runs}, along {shape.along}"]
    if shape.unfinished is not None:
        count = int(shape.unfinished.rows.sum())
        left -= count
        one = f"{format_count(count)} run{' is' if count == 1 else 's are'} not finished by column {shape.unfinished.column}"
        said.append(f"{one} ({shape.unfinished.text}), and left out")
    below = int((shape.numbers["loss"] <= 0).sum()) if "loss" in shape.numbers else 0
    if left and below == left:
        said.append(f"{several(left, 'row')} with a loss at or below zero")
    elif left:
        has, is_left = ("has", "is") if left == 1 else ("have", "are")
        said.append(f"{several(left, 'row')} {has} no loss, or no count above zero, and {is_left} left out")
    for role, one, many in (("params", "size", "sizes"), ("tokens", "number of tokens", "numbers of tokens")):
        if count := shape.levels(role):
            said.append(several(count, one, many))
    if shape.ratio is not None:
        said.append(f"every run has {number(shape.ratio, 2)} tokens a parameter")
    if "lr" in shape.numbers and shape.along is not None:
        falls = f"falls along {format_count(shape.decays)} of {runs}" if shape.decays else "does not fall"
        said.append(f"the learning rate {falls}")
    return [*said, *_seeds(shape)]


def _seeds(shape: Shape) -> list[str]:
    """Return how many runs repeat another but for the seed, and which settings differ within cells of one size and length."""
    if shape.along is not None or not {"params", "tokens"} <= set(shape.numbers) or shape.crossed:
        return []
    cells = [_alike(shape.numbers[role][shape.usable]) for role in ("params", "tokens")]
    cells += [shape.frame.loc[shape.usable, one.column].astype(str) for one in shape.roles.groups.values()]
    sizes = pd.Series(1, index=shape.usable.index[shape.usable]).groupby(cells).transform("size")
    repeated = int((sizes > 1).sum())
    if not repeated:
        return []
    differ = [role for role in ("seed", "lr", "batch") if role in shape.numbers and _differs(shape.numbers[role], cells)]
    what = f" and differ in {' and '.join(differ)}" if differ else ""
    said = [f"{format_count(repeated)} runs share size and tokens with another{what}"]
    if {"lr", "batch"} <= set(differ) and shape.levels("params") * shape.levels("tokens") > 1:
        said.append(
            f"the study learning_rate_batch reads both (`bayes-scaling fit learning_rate_batch --runs FILE{_named(shape)}`), "
            "for the law proposed here they are noise: keep the best of each"
        )
    elif {"lr", "batch"} & set(differ):
        said.append("the law proposed here takes that for noise: keep the best of each, or write a law that reads it")
    return said


def _named(shape: Shape) -> str:
    """Return options for the columns and units that are not called as the study of learning rates and batches calls them."""
    of = {role: shape.roles.column(role) for role in ("params", "tokens", "lr", "batch", "loss")} | {"lr": shape.rate}
    said = [f" --column {quote(f'{role}={column}')}" for role, column in of.items() if column not in (None, role)]
    units = {role: shape.roles.unit(role) for role in ("params", "tokens", "loss")}
    letters = {role: unit for role, unit in units.items() if unit and (role == "loss" or read_unit(unit).factor != 1.0)}
    return "".join([*said, *(f" --unit {quote(f'{role}={unit}')}" for role, unit in letters.items() if unit != "nats/token")])


def _alike(values: pd.Series) -> pd.Series:
    """Return which of their distinct sizes each value has, those within two percent being one: a last batch may be cut."""
    logs = np.log(values.to_numpy())
    codes, last = {}, -np.inf
    for at in np.unique(logs):
        last = at if at > last + SAME_SIZE else last
        codes[at] = last
    return pd.Series([codes[at] for at in logs], values.index)


def _differs(values: pd.Series, cells: list[pd.Series]) -> bool:
    of = values.loc[cells[0].index].groupby(cells)
    return bool((of.max() > of.min()).mean() > MOST / 2)
