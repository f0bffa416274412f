"""`bayes-scaling import`: logs in any known format in, one table of runs out."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.options import Joined, LastRows, NamePattern, ParamsOfRuns, TokensPerStep
from bayes_scaling.cli.terminal import say


def import_logs(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Logs, folders, archives, patterns, wandb://ENTITY/PROJECT.")
    ],
    out: Annotated[Path, typer.Option(metavar="RUNS.parquet", help="Where to write the table; CSV by its ending.")],
    tokens_per_step: TokensPerStep = None,
    params: ParamsOfRuns = None,
    name: NamePattern = None,
    join: Joined = None,
    key: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Metrics to read, or patterns. May be repeated.")] = None,
    last: LastRows = False,
    long: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write what the table is made of: metrics, configs, sources.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that `import` did not write.")] = False,
) -> None:
    """Import logs as one table of runs, and say what was recognised and what is missing.

    W&B, Hugging Face, TensorBoard, MLflow, Lightning, text logs, JSON lines, sweep tables: recognised by what they hold.

    Writes RUNS.parquet: a row a run and step, metrics under their own names.
    """
    from bayes_scaling.cli.imported import require_replaceable, write_imported
    from bayes_scaling.data.importers.read_logs import read_logs
    from bayes_scaling.data.importers.wording import alike

    if out.suffix not in (".parquet", ".csv"):
        raise InputError(f"{out}: expected a name that ends in .parquet or .csv")
    file_to_write(out, out.suffix)
    require_replaceable(out, [*sources, *([] if join is None else [str(join)])], force=force)
    known = {"tokens_per_step": by_run(tokens_per_step, "--tokens-per-step"), "params": by_run(params, "--params")}
    cache = out.with_name(f"{out.stem}_wandb")
    logs = read_logs(sources, **known, name=name, join=join, keys=key, cache=cache, progress=True)
    say(*logs.sentences())
    table = logs.to_frame(last=last)
    for note in alike([*logs.notes, *table.attrs.get("notes", ())]):
        say(f"note [log]: {note}")
    write_imported(table, logs, out, long)
    say(f"{several(len(table), 'row')} -> {out}")


def by_run(given: list[str] | None, option: str) -> str | dict[str, str] | None:
    """Return what was said of all runs as it is, of single ones as run -> text."""
    if not given:
        return None
    pairs = [one.rpartition("=") for one in given]
    single = {run: of for run, mark, of in pairs if mark}
    if (single and len(single) < len(given)) or (not single and len(given) > 1):
        raise InputError(f"{option}: expected one number for all runs, or RUN=NUMBER for each")
    return single or given[0]
