"""What is known of runs besides their metrics: parameters, tokens, what names and joined tables say. Nothing is guessed.

What a log says under a name that people use is taken, and said. Of several such names none is.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling._base.notation import read_numbers
from bayes_scaling._base.numbers import exact, several
from bayes_scaling.data.cells import column_numbers
from bayes_scaling.data.importers.configs import as_column
from bayes_scaling.data.importers.wording import some
from bayes_scaling.laws.units import column_unit

type Known = float | str | Mapping[str, float | str]
"""One number for all runs, run -> number, or the name of what is logged or configured that holds it."""

WORDS = {
    "params": r"(?!.*(per|ratio|data|tokens|group|config|seed|lr))(.*_)?n?param(eter)?s?(_.*)?",
    "tokens_per_step": r"(num_)?tokens_(per|a)_(step|iter(ation)?|batch|update)",
    "tokens": r"(n|num|total|train(ed|ing)?|consumed|seen|cumulative|processed|num_input|input)?_?tokens"
    r"(_(seen|total|trained|consumed|processed|so_far))?",
}
"""Role -> what names that hold it are like, in lower case and with _ between words."""

type Doubts = dict[str, dict[str, tuple[str, ...]]]
"""Role -> run -> the names that may hold it, where none was taken."""

OPTIONS = {"params": "--params", "tokens_per_step": "--tokens-per-step", "tokens": "--tokens-per-step"}


def plays(name: str, role: str) -> bool:
    """Return whether a key or column of some name holds a role: `throughput/total_tokens` holds tokens."""
    words = re.sub(r"[^a-z]+", "_", re.sub(r"[(\[].*?[)\]]", "", re.split(r"[/.]", name)[-1]).lower()).strip("_")
    return re.fullmatch(WORDS[role], words) is not None


def with_roles(configs: pd.DataFrame, notes: list[str]) -> tuple[pd.DataFrame, Doubts]:
    """Return configurations with a column for each role that one entry of a run holds, and where several may which."""
    doubts: Doubts = {}
    for role in WORDS:
        names = [str(name) for name in configs if name == role or plays(str(name), role)]
        counted = {name: of for name in names if (of := _counted(configs[name])) is not None}
        if not counted:
            continue
        table = pd.DataFrame(counted)
        there = table.notna()
        twice = there.sum(axis=1) > 1
        own = table[role] if role in table else pd.Series(np.nan, table.index)
        single = table.bfill(axis=1).iloc[:, 0].where(~twice)
        found = own.where(own.notna(), single)
        used = [name for name in table if name != role and (there[name] & ~twice & own.isna()).any()]
        notes += [f"{role} of runs are read from {some([repr(name) for name in used])}"] if used else []
        configs = configs.assign(**{role: found}) if found.notna().any() else configs
        open_ = twice & own.isna()
        doubts[role] = {
            str(configs["run"].iloc[i]): tuple(name for name in counted if there[name].iloc[i]) for i in np.flatnonzero(open_)
        }
    return configs, doubts


def _counted(column: pd.Series) -> pd.Series | None:
    """Return counts in ones, as a column's name and suffixes say; None where they are no numbers above 0."""
    unit = column_unit(str(column.name))
    factor = 1.0 if unit is None else unit.factor
    try:
        numbers, missing = column_numbers(column, "", np.arange(len(column)), scale=factor)
    except InputError:
        return None
    good = (numbers > 0) | missing
    return pd.Series(_whole(numbers * factor), column.index) if good.all() and not missing.all() else None


def _whole(counts: np.ndarray) -> np.ndarray:
    """Return counts, those that decimal fractions of millions left beside a whole number as that number: 65.6 M."""
    near = np.round(counts)
    return np.where(np.isclose(counts, near, rtol=1e-12, atol=0.0), near, counts)


def with_known(configs: pd.DataFrame, role: str, known: Known | None) -> pd.DataFrame:
    """Return configurations with what was said of a role; raises InputError for a run, or a name, that there is not."""
    if known is None:
        return configs
    if isinstance(known, Mapping):
        if unknown := [run for run in known if run not in set(configs["run"])]:
            raise InputError(f"{OPTIONS[role]}: no run {unknown[0]!r}; the logs have {format_names(configs['run'])}")
        before = configs[role] if role in configs else pd.Series(np.nan, configs.index)
        said = configs["run"].map({run: _number(of, role, run) for run, of in known.items()})
        return configs.assign(**{role: said.where(said.notna(), before)})
    if isinstance(known, str) and known in configs:
        of = _counted(configs[known])
        if of is None or of.min() < 1:
            raise InputError(f"{OPTIONS[role]}: what runs have in {known!r} are no numbers of 1 or more")
        return configs.assign(**{role: of})
    return configs.assign(**{role: _number(known, role, None, [str(name) for name in configs])})


def _number(text: float | str, role: str, run: str | None, names: Sequence[str] = ()) -> float:
    """Return a number as people write it: 124M, 0.5M, 524288, 1e9."""
    found = float(read_numbers([text]).numbers[0]) if isinstance(text, str) else float(text)
    whole = role != "tokens_per_step" or abs(found - round(found)) <= 1e-9 * found if np.isfinite(found) else False
    if not (whole and found >= 1):
        least = "number of whole tokens, 1 or more" if role == "tokens_per_step" else "number of 1 or more"
        other = f", or one of {format_names(names)}" if names else ""
        of = "" if run is None else f" of {run!r}"
        raise InputError(f"{OPTIONS[role]}: {format_value(text)}{of} is no {least}; expected one such as 124M{other}")
    return found


def with_names(configs: pd.DataFrame, places: Sequence[str], pattern: str | None, notes: list[str]) -> pd.DataFrame:
    """Return configurations with what names of runs and files say: the named groups of a pattern; `run` is their name.

    Parameters
    ----------
    places
        Of each run, where it was read.
    """
    if pattern is None:
        return _by_habit(configs, notes)
    expression = _compiled(pattern)
    runs = [str(run) for run in configs["run"]]
    found = [expression.search(run) or expression.search(place) for run, place in zip(runs, places, strict=True)]
    if not any(found):
        raise InputError(f"--name {pattern!r} matches no run; the first is {runs[0]!r} of {places[0]}")
    if without := [run for run, match in zip(runs, found, strict=True) if match is None]:
        notes.append(f"the pattern of names matches {len(runs) - len(without)} of {len(runs)} runs, not {without[0]!r}")
    for group in expression.groupindex:
        _require_role(pattern, group, found)
        cells = [None if match is None else match[group] for match in found]
        if group == "run":
            configs = configs.assign(run=[run if cell is None else cell for run, cell in zip(runs, cells, strict=True)])
        else:
            configs = _filled(configs, group, cells)
    if groups := [group for group in expression.groupindex if group in WORDS]:
        i = next(i for i, match in enumerate(found) if match is not None)
        first = ", ".join(f"{group} {found[i][group]!r}" for group in groups)  # type: ignore[index]
        notes.append(f"{' and '.join(groups)} of runs are read from their names by --name: of {runs[i]!r}, {first}")
    return configs


HABIT = re.compile(r"(?:^|[_\-./])N(?P<params>\d[\d.]*(?:e\d+)?[kMBG]?)[_\-]D(?P<tokens>\d[\d.]*(?:e\d+)?[kMBGT]?)(?![\da-z])")


def _by_habit(configs: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return configurations with what names such as curve_N1200000_D5000000 say."""
    found = [HABIT.search(str(run)) for run in configs["run"]]
    first = next((match for match in found if match), None)
    if first is None:
        return configs
    notes.append(
        f"names of runs say params and tokens, as {first[0].strip('_-./')!r} of {first.string!r} does: "
        f"{exact(_number(first['params'], 'params', None))} and {exact(_number(first['tokens'], 'tokens', None))}"
    )
    for role in ("params", "tokens"):
        if role not in configs:
            configs = _filled(configs, role, [None if match is None else match[role] for match in found])
    return configs


def _require_role(pattern: str, group: str, found: Sequence[re.Match[str] | None]) -> None:
    """Refuse a group called as what must be a number where it matches another."""
    if group in ("step", *WORDS):
        for match in found:
            if match is not None and match[group] is not None and not float(read_numbers([match[group]]).numbers[0]) >= 0:
                raise InputError(f"--name {pattern!r}: {group} of {match.string!r} is {match[group]!r}; expected a number")


def _filled(configs: pd.DataFrame, name: str, cells: Sequence[str | None]) -> pd.DataFrame:
    return configs.assign(**{name: as_column(cells)})


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--name {pattern!r} is no regular expression ({error})") from None
    if not found.groupindex:
        raise InputError(f"--name {pattern!r} has no named group; expected one such as (?P<params>\\d+)")
    return found


def joined(configs: pd.DataFrame, table: pd.DataFrame, source: str, notes: list[str]) -> pd.DataFrame:
    """Return configurations with the rows of a table of runs beside them."""
    column = _run_column(table, configs["run"], source)
    names = table[column].astype(str)
    if names.duplicated().any():
        raise InputError(f"{source}: run {names[names.duplicated()].iloc[0]!r} stands in several rows; expected one a run")
    known = table.drop(columns=column).set_index(names)
    left = [run for run in configs["run"] if run not in known.index]
    other = [run for run in names if run not in set(configs["run"])]
    notes += [f"{source} has no row of {several(len(left), 'run')}, such as {left[0]!r}"] if left else []
    notes += [f"{source} has {several(len(other), 'run')} without a log, such as {other[0]!r}: left out"] if other else []
    more: dict[str, pd.Series] = {
        str(name): known[name].reindex(configs["run"]).set_axis(configs.index) for name in known if name not in NO_CONFIG
    }
    both = [name for name in more if name in configs]
    notes += [f"{source} and the logs both say {name}: where they differ the table is right" for name in both]
    return configs.assign(**{name: of.where(of.notna(), configs[name]) if name in both else of for name, of in more.items()})


NO_CONFIG = ("run", "step", "_step", "_timestamp", "_wandb")
"""Columns of a joined table that say where a run ended, or what it is called, and nothing that it was set to."""


def _run_column(table: pd.DataFrame, runs: pd.Series, source: str) -> str:
    """Return the column of names of runs: the one that holds most of them."""
    held = {str(name): int(runs.isin(set(table[name].astype(str))).sum()) for name in table}
    best = max(held, key=lambda name: held[name], default="")
    if not held.get(best):
        raise InputError(f"{source}: no column holds names of the runs, such as {runs.iloc[0]!r}; it has {list(held)}")
    return best
