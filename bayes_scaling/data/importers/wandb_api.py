"""W&B runs from its server: the whole history by `scan_history`, not the sample of `history`, and only what is not here yet."""

import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling.data.importers.coded import Coded
from bayes_scaling.data.importers.nested import numbers_of, settings_of
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.wandb_cache import DONE, Cached, add_line, cache_file, cached_rows, open_cache, read_cache
from bayes_scaling.data.importers.wandb_history import is_metric

NAME = "W&B server (scan_history)"
HOME = "W&B"

SCHEME = "wandb://"
ADDRESS = re.compile(r"wandb://(?P<project>[^/?#]+/[^/?#]+)(/(?P<run>[^/?#]+))?/?")

RUNNING = ("running", "pending", "preempting")
"""States of runs that may log more."""

TRIES = 8
LONGEST = 60.0
"""Seconds to wait at most before a request that was refused is made again; one the first time, twice as long each next time."""

PASSING = re.compile(r"\b(429|500|502|503|504)\b|rate.?limit|too many requests|timed? ?out|connection", re.IGNORECASE)
"""What errors say that are gone after a while."""


@runtime_checkable
class History(Protocol):
    """A run of W&B's public API."""

    def scan_history(self) -> Iterator[dict[str, Any]]:
        """Return all rows of its history."""
        ...


def is_wandb(source: object) -> bool:
    """Return whether a source is an address of W&B, or a run of its public API."""
    return (isinstance(source, str) and source.startswith(SCHEME)) or isinstance(source, History)


def read_wandb(
    source: Any, cache: Path | None = None, *, progress: bool = False, wait: Callable[[float], None] = time.sleep
) -> Iterator[Part]:
    """Yield a part a run.

    Parameters
    ----------
    source
        "wandb://ENTITY/PROJECT", "wandb://ENTITY/PROJECT/RUN", or a run of `wandb.Api()`.
    cache
        A folder in which what was fetched is kept, and found the next time; a run that is finished is then not asked for again.
    progress
        Whether to show how many rows are fetched.
    wait
        Waits for some seconds, after the server refused a request.

    Raises
    ------
    InputError
        Where the address is wrong, wandb is not installed, or the server refuses for long. What was fetched by then is kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = cache or Path(folder)
        runs: Iterable[Any] = [source] if isinstance(source, History) else _runs(source, wait)
        for run in runs:
            path = "/".join(map(str, run.path)) if not isinstance(run.path, str) else run.path
            file = cache_file(kept, path)
            known = _fetch(run, path, file, wait, progress=progress)
            yield _part(known, file, path)


def _runs(address: str, wait: Callable[[float], None]) -> Iterator[Any]:
    """Return the runs at an address."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise InputError(f"{address}: is no address of W&B; expected wandb://ENTITY/PROJECT or wandb://ENTITY/PROJECT/RUN")
    api = _api(address)
    if found["run"]:
        yield _patiently(lambda: api.run(f"{found['project']}/{found['run']}"), address, wait)
        return
    runs = iter(_patiently(lambda: api.runs(found["project"], order="+created_at"), address, wait))
    while (run := _patiently(lambda: next(runs, None), address, wait)) is not None:
        yield run


def _api(address: str) -> Any:
    """Return the library's connection to a W&B server."""
    try:
        import wandb
    except ImportError:
        raise InputError(
            f"{address}: reading from W&B needs its library: pip install 'bayes-scaling[wandb]'; or export a chart as CSV"
        ) from None
    try:
        return wandb.Api()
    except Exception as error:  # no key, no network: the library raises of many kinds
        raise InputError(f"{address}: W&B refused ({one_line(error)}); is `wandb login` done?") from None


def _fetch(run: Any, path: str, file: Path, wait: Callable[[float], None], *, progress: bool) -> Cached:
    """Add to a file what it does not hold of a run, and return what it holds then."""
    from tqdm import tqdm

    cached = read_cache(file, path)
    if cached.done and cached.done not in RUNNING:
        return cached
    shown = tqdm(desc=path, unit=" rows", disable=None if progress else True, leave=False)
    with open_cache(file, cached) as stream, shown:
        if not cached.known:
            settings = _patiently(lambda: dict(run.config), path, wait)
            add_line(stream, {"path": path, "id": run.id, "name": run.name or run.id, "config": settings})
        rows = _Rows(run, cached.last_step)
        while (row := _patiently(rows.following, path, wait)) is not None:
            add_line(stream, row)
            shown.update()
        add_line(stream, {DONE: str(run.state)})
    return read_cache(file, path)


@dataclass
class _Rows:
    """Rows of a run behind a step; where a request fails, the next one goes on from the last row."""

    run: Any
    last_step: int
    scan: Iterator[dict[str, Any]] | None = None

    def following(self) -> dict[str, Any] | None:
        """Return the next row; None where there is no more."""
        try:
            if self.scan is None:
                self.scan = iter(self.run.scan_history(min_step=self.last_step + 1))
            row = next(self.scan, None)
        except Exception:
            self.scan = None
            raise
        if row is not None:
            self.last_step = int(row["_step"])
        return row


def _patiently[T](request: Callable[[], T], what: str, wait: Callable[[float], None]) -> T:
    """Return what a request gives; one that is refused for now is made again after a while, and later each time."""
    for attempt in range(TRIES):
        try:
            return request()
        except Exception as error:  # the library raises of many kinds
            if not PASSING.search(f"{type(error).__name__} {error}"):
                raise InputError(f"{what}: W&B refused ({one_line(error)})") from None
            said = one_line(error)
            if attempt < TRIES - 1:
                wait(_delay(error, attempt))
    raise InputError(f"{what}: W&B refused {TRIES} times ({said}); what was fetched is kept: give the same command later")


def _delay(error: Exception, attempt: int) -> float:
    """Return the seconds to wait: what the server says, or twice as long each time."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return min(max(float(headers.get("Retry-After", 2.0**attempt)), 0.0), LONGEST)
    except ValueError:
        return min(2.0**attempt, LONGEST)


def _part(cached: Cached, file: Path, path: str) -> Part:
    """Return the log of a run whose rows are in the cache."""
    rows = Coded()
    for row in cached_rows(file):
        for key, value in numbers_of(row):
            if is_metric(key):
                rows.add(row["_step"], key, value)
    known = cached.known
    config = dict(settings_of(known["config"])) | {"id": known["id"], "state": cached.done}
    unfinished = (f"{path}: run {known['name']!r} is {cached.done}; more may follow",) if cached.done in RUNNING else ()
    return Part(known["name"], f"{SCHEME}{path}", NAME, rows.to_frame(), config, unfinished, home=f"{HOME} {known['id']}")
