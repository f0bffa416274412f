"""Read logs of training runs: files in any known format in, one long table out."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from bayes_scaling._base.calls import asked
from bayes_scaling.data.importers.assembly import assemble
from bayes_scaling.data.importers.collecting import collect
from bayes_scaling.data.importers.known import Known
from bayes_scaling.data.importers.record import Logs
from bayes_scaling.data.importers.wandb_api import History
from bayes_scaling.data.tables import Table, read_table, source_of


@asked
def read_logs(
    sources: str | PathLike[str] | History | Sequence[str | PathLike[str] | History],
    *,
    tokens_per_step: Known | None = None,
    params: Known | None = None,
    name: str | None = None,
    join: Table | None = None,
    keys: Sequence[str] | None = None,
    cache: str | PathLike[str] | None = None,
    progress: bool = False,
) -> Logs:
    """Return what log files held.

    Parameters
    ----------
    sources
        Files, folders, archives or patterns such as `logs/*.csv`, of one or several formats. From a W&B server
        "wandb://ENTITY/PROJECT", "wandb://ENTITY/PROJECT/RUN" or a run of `wandb.Api()`: its whole history.
    tokens_per_step, params
        Where logs do not say it: a number, "124M", run -> number, or the name of what is known of runs that holds it.
    name
        A regular expression that is looked for in names of runs and files; its named groups are known of the run, and `run`
        is what it is called.
    join
        A table with a column of names of runs: what else is known of them.
    keys
        Metrics to read, by name or pattern; all unless given.
    cache
        A folder in which what a W&B server gave is kept: rows that are there are not fetched again.
    progress
        Whether to show how far reading is.

    Returns
    -------
    Logs
        `to_frame()` is a tidy table, `summary()` says what was recognised and what is missing.

    Raises
    ------
    InputError
        In one line with file and place: where a file that is given by itself is no known log, or a log is damaged.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import bayes_scaling as bs
    >>> log = pathlib.Path(tempfile.mkdtemp()) / "small.jsonl"
    >>> _ = log.write_text('{"step": 100, "loss": 6.1}\\n{"step": 200, "loss": 5.2}\\n')
    >>> bs.read_logs(log).to_frame()[["run", "step", "loss"]]
         run  step  loss
    0  small   100   6.1
    1  small   200   5.2
    """
    notes: list[str] = []
    table = None if join is None else (read_table(join, labels=frozenset({"run", "Name", "name"})), source_of(join))
    parts = collect(sources, notes, cache=None if cache is None else Path(cache), progress=progress)
    known = {"tokens_per_step": tokens_per_step, "params": params}
    return assemble(parts, notes, **known, name=name, join=table, keys=keys)
