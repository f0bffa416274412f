"""Parts of runs, gathered by the run they are of: what shares a name and a home is one run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.keys import kept_keys, require_keys
from bayes_scaling.data.importers.naming import ENDINGS, run_name
from bayes_scaling.data.importers.part import Part

type Gathered = dict[str, list[Part]]
"""Name of a run -> its parts, in the order they were read."""


def gather(parts: Iterable[Part], keys: Sequence[str] | None, notes: list[str]) -> Gathered:
    """Return parts by their runs, each under a name of its own; notes get what they have to say, and what was done."""
    found: dict[tuple[str, str], list[Part]] = {}
    names: dict[str, None] = {}
    for read in parts:
        notes += read.notes if read.rank is None else ()
        held = () if read.rank is None else read.notes
        names |= dict.fromkeys([*map(str, read.metrics["key"].cat.categories), *read.config])
        for part in _apart(replace(read, metrics=kept_keys(read.metrics, keys), notes=held), notes):
            found.setdefault((part.run, part.home or part.source), []).append(part)
    if found:
        require_keys(keys, names)
    called = _names({identity: own[0].source for identity, own in found.items()}, notes)
    latest = {called[identity]: _latest(own) for identity, own in found.items()}
    notes += [note for own in latest.values() for part in own for note in part.notes]
    return latest


def _latest(parts: list[Part]) -> list[Part]:
    """Return the parts of a run without those that a later one holds as well: of checkpoints the last is read."""
    ranks = [part.rank for part in parts if part.rank is not None]
    if len(ranks) < 2:
        return parts
    last = next(part for part in reversed(parts) if part.rank == max(ranks))
    return [part for part in parts if part.rank is None or part is last]


def _apart(part: Part, notes: list[str]) -> list[Part]:
    """Return a part as several where its log begins anew after it had come to where it ends: two runs in one file."""
    begins = _new_starts(part)
    if not begins.any():
        return [part]
    attempt = np.cumsum(begins)
    again = part.metrics["step"].to_numpy()[begins]
    notes.append(
        f"{part.source}: {part.run} starts over at step {exact(float(again[0]))} after it had come to its end: "
        f"{attempt[-1] + 1} logs in one file, kept apart as runs of their own"
    )
    home = part.home or part.source
    rows = [part.metrics[attempt == i].reset_index(drop=True) for i in range(attempt[-1] + 1)]
    return [replace(part, metrics=of, home=f"{home}#{i + 1}") for i, of in enumerate(rows)]


def _new_starts(part: Part) -> np.ndarray:
    """Return at which rows a log starts over: a step not above its first, after one not below its last.

    Only of logs that are written row by row: there the step of the row before tells.
    """
    step = part.metrics["step"].to_numpy()
    none = np.zeros(len(step), dtype=bool)
    back = np.flatnonzero(step[1:] < step[:-1]) + 1
    if not len(back) or part.numbered or len(back) > max(2, 0.01 * len(step)) or _by_key(part):
        return none
    reached = np.maximum.accumulate(step)[back - 1]
    anew = (step[back] <= step[0]) & (reached >= step[-1])
    ends = [*back[1:], len(step)]
    starts = [at for at, end, new in zip(back, ends, anew, strict=True) if new and _goes_back(part, int(at), int(end))]
    none[starts] = True
    return none


def _goes_back(part: Part, at: int, end: int) -> bool:
    """Return whether a key logged from one row to another had come as far before; another key that starts is no restart."""
    reached = part.metrics.iloc[:at].groupby("key", observed=True)["step"].max()
    first = part.metrics.iloc[at:end].groupby("key", observed=True)["step"].min()
    return bool((first <= reached.reindex(first.index)).any())


def _by_key(part: Part) -> bool:
    """Return whether the rows of each key stand together, as of loggers that write one key after the other."""
    codes = part.metrics["key"].cat.codes.to_numpy()
    changes = int((codes[1:] != codes[:-1]).sum())
    return 0 < changes < len(np.unique(codes))


def _names(sources: Mapping[tuple[str, str], str], notes: list[str]) -> dict[tuple[str, str], str]:
    """Return a name for each run; those of one name are told from each other by their folders, or numbered."""
    names: dict[tuple[str, str], str] = {}
    for run in dict.fromkeys(run for run, _ in sources):
        same = [identity for identity in sources if identity[0] == run]
        files = [sources[identity] for identity in same]
        called = [run] if len(same) == 1 else _told_apart(run, files)
        if len(same) > 1:
            places = ", ".join(f"{name!r} of {file}" for name, file in zip(called[:4], files[:4], strict=True))
            more = f" and {len(same) - 4} more" if len(same) > 4 else ""
            notes.append(f"{len(same)} runs are called {run!r}; they are kept apart as {places}{more}")
        names |= {identity: _free(name, names.values()) for identity, name in zip(same, called, strict=True)}
    return names


def _told_apart(run: str, files: Sequence[str]) -> list[str]:
    if len(set(files)) == len(files) and all(run_name(file) == run for file in files):
        paths = [PurePath(ENDINGS.sub("", file)).parts for file in files]
        for length in range(2, max(map(len, paths)) + 1):
            tails = ["/".join(path[-length:]).lstrip("/") for path in paths]
            if len(set(tails)) == len(tails):
                return tails
    return [run, *(f"{run} ({i})" for i in range(2, len(files) + 1))]


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name, with a number behind it where another run has it already."""
    known = set(taken)
    return next(one for i in range(1, len(known) + 2) if (one := name if i == 1 else f"{name} ({i})") not in known)
