"""The command line: parse, call, print. Exit 0 done, 1 internal fault, 2 wrong input, 3 sampled but not to be trusted."""

import errno
import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bayes_scaling._base.checksums import read_checksum
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import require_writable, write_csv, write_json
from bayes_scaling._base.folders import atomic_folder, write_together
from bayes_scaling._base.naming import file_name
from bayes_scaling._base.numbers import band, fixed, format_count, number, shared
from bayes_scaling._base.paths import file_to_write, folder_to_write
from bayes_scaling.cli.backtest import backtest
from bayes_scaling.cli.compare import compare
from bayes_scaling.cli.contrast import contrast
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.forecast import forecast
from bayes_scaling.cli.multiverse import multiverse
from bayes_scaling.cli.next import next_run
from bayes_scaling.cli.options import Tables, Units, counted, given, judge, judged, read_fit, recounted, say_health, say_notes
from bayes_scaling.cli.plan import plan
from bayes_scaling.cli.rank import rank
from bayes_scaling.cli.report import report
from bayes_scaling.cli.terminal import say, say_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.model.studies import Study
    from bayes_scaling.validation.findings.every import Finding


WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]
"""What the parser raises for any wrong option; typer has it from click, or keeps a copy of click to itself."""


class _Commands(TyperGroup):
    """Commands whose options are refused in one line, as any other wrong input is."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except WRONG_USE as error:
            _refuse(error.format_message())  # type: ignore[attr-defined]
            raise typer.Exit(2) from None


def _refuse(why: str) -> None:
    say(f"error: {InputError(why)}", err=True)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Posteriors over neural scaling laws: credible bands, architecture contrasts, compute projections.",
)
Dir = Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote.")]
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
OWN = ("fit.nc", "diagnostics.json", "parameters.csv", "points.csv")
"""What `fit` writes beside figures."""
Points = Annotated[Path, typer.Option("--at", metavar="POINTS.csv", help="Inputs, and levels of groups, to predict at.")]


def _clear_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn wrong input into one line on stderr and exit code 2, an interrupt into 130, a fault of ours into a report and 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            _refuse(str(error))
            raise typer.Exit(2) from None
        except UnicodeEncodeError as error:  # bytes among the options that are no text
            _refuse(f"{error.object!r} is no text: {error.object[error.start : error.end]!r} is no character")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say("interrupted; no file is half written", err=True)
            raise typer.Exit(130) from None
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                say(f"error: {error.filename or 'a file'}: cannot be written ({error.strerror})", err=True)
                raise typer.Exit(2) from None
            traceback.print_exc()
            say(f"internal fault, not your input: please report the lines above, with {_software()}", err=True)
            raise typer.Exit(1) from None

    return guarded


def _software() -> str:
    from bayes_scaling._base.versions import versions

    return ", ".join(f"{name} {of}" for name, of in versions().items())


@app.command()
@_clear_errors
def models() -> None:
    """List the bundled studies."""
    from bayes_scaling.model.studies import bundled

    for name, title in bundled().items():
        say(f"{name:20} {title}")


@app.command()
@_clear_errors
def laws() -> None:
    """List the laws of the library: name and inputs, what each says, and the equation with its source."""
    from bayes_scaling.laws.library import LAWS, law_inputs
    from bayes_scaling.model.defaults import equation, summary

    for name, law in LAWS.items():
        say(f"{name}({', '.join(law_inputs(law))})")
        for line in (summary(name), *equation(name).splitlines()):
            say(f"    {line}")


@app.command()
@_clear_errors
def fit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A bundled name (see `models`) or a TOML file.")],
    runs: Tables = None,
    unit: Units = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; out/MODEL unless given.")] = None,
    draws: Annotated[int | None, typer.Option(help="Draws kept of each chain; 2000 unless MODEL says otherwise.")] = None,
    tune: Annotated[int | None, typer.Option(help="Draws of each chain to adapt, then discarded; 500.")] = None,
    chains: Annotated[int | None, typer.Option(help="Independent chains; 4.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same numbers on the same machine; 0.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 on anything but clean draws.")] = False,
    independent: Annotated[
        bool, typer.Option("--independent", help="Rows that look like checkpoints of runs are runs of their own.")
    ] = False,
) -> None:
    """Fit a model and write the posterior, a table of parameters, diagnostics and figures."""
    import arviz_base  # noqa: F401 - it looks at every module imported before it, and nutpie would have it look at twice as many

    from bayes_scaling.inference.fit import fit as sample, parameter_table
    from bayes_scaling.inference.memory import WORTH_SAYING, draw_bytes, draws_line, refuse_draws
    from bayes_scaling.inference.saving import save
    from bayes_scaling.model.curves import taken_as_curves
    from bayes_scaling.model.studies import read_study, study_runs
    from bayes_scaling.plots.overview import figures
    from bayes_scaling.report.record import earlier_figures
    from bayes_scaling.validation.findings.every import beforehand, findings

    study = recounted(read_study(model), unit)
    options = given(draws=draws, tune=tune, chains=chains, seed=seed, strict=strict or None)
    settings = replace(study.settings, **options, progress=sys.stderr.isatty())
    data = study_runs(study, runs or None)
    study, data = (study, data) if independent else taken_as_curves(study, data, runs or None)
    folder = out if out is not None else Path("out") / file_name(study.name)
    folder_to_write(folder, *OWN, "figures/bands.png")
    refuse_draws(study.model, data, settings)
    say(study.title or study.name, *counted(data))
    if draw_bytes(study.model, data, settings) > WORTH_SAYING:
        say(f"note [size]: {draws_line(study.model, data, settings)}")
    before = beforehand(study.model, data)
    for note in before:
        say(f"note [{note.code}]: {note.sentence}")
    say("compiling (up to a minute when a model is new to this machine, seconds after that), then sampling")
    start = perf_counter()
    fitted = sample(study.model, data, settings)
    seconds = perf_counter() - start
    parameters, notes = parameter_table(fitted), findings(fitted)
    drawn = {f"figures/{file_name(name)}.png": figure for name, figure in figures(fitted, study.figure).items()}
    asked = {"model": model, "runs": [str(path) for path in runs or []]}
    with atomic_folder(folder, earlier=(*OWN, *earlier_figures(folder))) as new:
        save(fitted, new / "fit.nc")
        belongs = {"fit_sha256": read_checksum(new / "fit.nc"), "figures": list(drawn), "asked": asked}
        write_json(_diagnostics(fitted, notes) | _made(study, seconds) | belongs, new / "diagnostics.json")
        write_csv(parameters, new / "parameters.csv")
        write_csv(_points(fitted), new / "points.csv")
        for name, figure in drawn.items():
            write_figure(figure, new / name)
    _summary(fitted, parameters, [note for note in notes if note not in before], folder)


@app.command()
@_clear_errors
def prior(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A bundled name (see `models`) or a TOML file.")],
    runs: Tables = None,
    unit: Units = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; out/MODEL unless given.")] = None,
    draws: Annotated[int, typer.Option(help="Draws from the prior.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers on the same machine.")] = 0,
) -> None:
    """Show what a model believes before it sees the runs: bands, a table, and the loss at the reference."""
    from bayes_scaling.inference.fit import parameter_table, prior as draw
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.studies import read_study, study_runs
    from bayes_scaling.plots.overview import figures

    settings = Settings(draws=draws, seed=seed)
    study = recounted(read_study(model), unit)
    data = study_runs(study, runs or None)
    folder = out if out is not None else Path("out") / file_name(study.name)
    folder_to_write(folder, "prior.csv", "figures/prior.png")
    before = draw(study.model, data, settings.draws, settings.seed)
    parameters = parameter_table(before).drop(columns=["r_hat", "ess_bulk", "ess_tail"])
    count, *notes = counted(data)
    say(study.title or study.name, f"the prior, beside {count}", *notes)
    figure = figures(before, study.figure)["bands"]
    _legible(before, figure)
    with write_together():
        write_csv(parameters, folder / "prior.csv")
        write_figure(figure, folder / "figures" / "prior.png")
    _population(before, parameters)
    _believed(before)
    say(f"written -> {folder}")


@app.command()
@_clear_errors
def predict(
    folder: Dir,
    at: Points,
    out: Annotated[Path, typer.Option(metavar="PREDICTIONS.csv", help="Where to write the points with their bands.")],
    observed: Annotated[
        bool, typer.Option("--observed/--expected", help="One new run with its scatter, or the curve.")
    ] = False,
) -> None:
    """Predict the loss at points: mean, sd, quantiles, and the distance from the data."""
    from bayes_scaling.prediction.summary import predict_table

    file_to_write(out)
    fitted = read_fit(folder)
    table = predict_table(fitted, at, "observed" if observed else "expected")
    write_csv(table, out)
    say(f"{len(table)} points -> {out}")
    say_notes(table)
    say_health(fitted.health)


app.command()(_clear_errors(contrast))
app.command()(_clear_errors(forecast))
app.command()(_clear_errors(plan))
app.command()(_clear_errors(rank))
app.command("next")(_clear_errors(next_run))
app.command()(_clear_errors(compare))
app.command()(_clear_errors(backtest))
app.command()(_clear_errors(multiverse))
app.command()(_clear_errors(report))


def main() -> None:
    """Run the command line, with the compilers set for a process that is over in seconds."""
    os.environ.setdefault("NUMBA_OPT", "1")  # the same bits and sampling speed as 3, compiled in about a fifth less time
    gc.set_threshold(200_000)  # compiling makes millions of objects; looking for cycles among them takes a second or more
    try:
        with _compiled_code():
            app()
    finally:
        gc.freeze()  # nor is it worth looking for cycles among them once all is done


@contextmanager
def _compiled_code() -> Iterator[None]:
    """Let PyTensor, which does not start without a folder to keep compiled code in, have one where it cannot make its own."""
    if "PYTENSOR_FLAGS" in os.environ:
        yield
        return
    try:
        require_writable(Path(os.path.expanduser("~"), ".pytensor"))  # noqa: PTH111 - `Path.home` raises where there is none
    except InputError as error:
        say(f"note: {error}; compiled code is not kept, unless PYTENSOR_FLAGS=base_compiledir=DIR says where", err=True)
    else:
        yield
        return
    with TemporaryDirectory(prefix="bayes-scaling-", ignore_cleanup_errors=True) as folder:
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={folder}"
        yield


MOST_CELLS = 1_000
"""Of more combinations of levels those are listed that the runs have."""


def _points(fitted: "Fit") -> "pd.DataFrame":
    """Return points to start from: each level of the law's groups at the reference, the data's edge and ten times beyond.

    Inputs from a schedule go together: there it is the last row of each run.
    """
    from itertools import product
    from math import prod

    import pandas as pd

    from bayes_scaling.data.counts import in_column_units
    from bayes_scaling.model.specification import law_groups

    runs = fitted.runs
    if runs.columns.schedule is not None:
        last = runs.table.groupby("run").tail(1) if "run" in runs.table else runs.table.tail(1)
        return in_column_units(last.drop(columns=["response", "measurement_error"], errors="ignore"), runs.columns)
    groups = {dim: runs.levels[dim] for dim in law_groups(fitted.model)}
    largest = {name: float(runs.table[name].max()) for name in runs.columns.inputs}
    places = [dict(runs.references), largest, {name: 10 * value for name, value in largest.items()}]
    cells: Iterable[tuple[Any, ...]] = product(*groups.values())
    if prod(map(len, groups.values())) > MOST_CELLS:  # those that the runs have
        cells = runs.table[list(groups)].drop_duplicates().itertuples(index=False, name=None)
    rows = [dict(zip(groups, cell, strict=True)) | place for cell in cells for place in places]
    return in_column_units(pd.DataFrame(rows), runs.columns)


def _diagnostics(fitted: "Fit", notes: "tuple[Finding, ...]") -> dict[str, Any]:
    health, settings = fitted.health, asdict(fitted.settings)
    assert health is not None
    return {**judged(health), **asdict(health), "settings": settings} | {
        "rows": len(fitted.runs),
        "rows_before_averaging": fitted.runs.averaged,
        "rows_removed_by_filter": fitted.runs.dropped,
        "notes": list(fitted.runs.notes),
        "references": dict(fitted.runs.references),
        "findings": [asdict(note) for note in notes],
    }


def _made(study: "Study", seconds: float) -> dict[str, Any]:
    """Return what a report of the fit will say of how it was made."""
    from bayes_scaling._base.versions import versions

    figure = asdict(study.figure) if study.figure else None
    return {"model": study.name, "title": study.title, "figure": figure, "seconds": round(seconds, 1), "versions": versions()}


def _summary(fitted: "Fit", parameters: "pd.DataFrame", notes: "Sequence[Finding]", folder: Path) -> None:
    from bayes_scaling.inference.retries import rounds_line
    from bayes_scaling.report.sentences import summary_sentences

    for note in notes:
        say(f"note [{note.code}]: {note.sentence}")
    _population(fitted, parameters)
    health = fitted.health
    assert health is not None
    agree = "" if health.r_hat is None else f"R-hat {fixed(health.r_hat, 3)}, "
    say(
        f"{fitted.settings.chains} x {format_count(fitted.settings.draws)} draws, "
        f"{format_count(health.divergences)} divergences, "
        f"{agree}smallest effective sample size {number(min(health.ess_bulk, health.ess_tail))}: {health.grade}"
    )
    if rounds := rounds_line(health):
        say(rounds)
    for sentence in summary_sentences(
        replace(fitted, health=None), str(folder)
    ):  # what the sampler says comes last, with what to try
        say(sentence)
    say(f"written -> {folder}")
    judge(health, fitted.settings.strict)


def _population(fitted: "Fit", parameters: "pd.DataFrame") -> None:
    shown = parameters[parameters["dims"] == ""].to_dict("records")
    rows = [[str(row["name"]), *shared([float(row[q]) for q in ("q50", "q05", "q95")])] for row in shown]
    heads = ("parameter", "median", "5 %", "95 %")
    say_table("population (median, 90 % interval)", heads, rows, left=("parameter",))
    inputs = fitted.runs.columns.inputs
    references = ", ".join(
        f"{name} {number(value, 4)} {inputs[name].unit}".strip() for name, value in fitted.runs.references.items()
    )
    say(f"reference: {references}; NAME_published is in the inputs' own units")


def _believed(before: "Fit") -> None:
    """Say which loss the prior expects at the reference, for levels never seen, and where the runs lie."""
    import pandas as pd

    from bayes_scaling.data.counts import mark_base_units
    from bayes_scaling.model.specification import law_groups
    from bayes_scaling.prediction.predict import predict

    place = dict(before.runs.references) | dict.fromkeys(law_groups(before.model), "another")
    low, middle, high = predict(before, mark_base_units(pd.DataFrame([place]))).quantile([0.05, 0.5, 0.95]).to_numpy()
    seen, response = before.runs.table["response"], before.runs.columns.response
    say(
        f"{response.name} at the reference: {band((low, middle, high), response.unit)}; "
        f"the runs lie between {number(seen.min(), 4)} and {number(seen.max(), 4)}"
    )


LEGIBLE = 3.0
"""The band of a prior is shown up to so many times the largest loss of the runs, and down to that fraction of the smallest."""


def _legible(before: "Fit", figure: "Figure") -> None:
    """Set the vertical axes to hold all runs, and the 90 % band at their inputs unless it is far wider."""
    from bayes_scaling.plots.style import log_ticks
    from bayes_scaling.prediction.predict import predict

    low, high = predict(before, before.runs.table).quantile([0.05, 0.95], ("chain", "draw")).to_numpy()
    least, most = _around(before, LEGIBLE)
    below, above = _around(before, 1.05)
    bottom, top = max(least, min(below, low.min())), min(most, max(above, high.max()))
    for ax in figure.axes:
        ax.set_ylim(bottom if bottom > 0 or ax.get_yscale() == "linear" else None, top)
        if ax.get_yscale() == "log":
            log_ticks(ax, "y")


def _around(before: "Fit", times: float) -> tuple[float, float]:
    """Return the range of the runs' losses, so many times as far as it goes; by differences where losses may be negative."""
    low, high = float(before.runs.table["response"].min()), float(before.runs.table["response"].max())
    room = (times - 1) / 2 * (high - low)
    return (low / times, high * times) if before.runs.columns.response.positive else (low - room, high + room)
