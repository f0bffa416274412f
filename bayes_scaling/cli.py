"""The command line: parse, call, print. Exit 0 done, 1 internal fault, 2 wrong input, 3 sampled but not to be trusted."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli_backtest import backtest
from bayes_scaling.cli_compare import compare
from bayes_scaling.cli_contrast import contrast
from bayes_scaling.cli_forecast import forecast
from bayes_scaling.cli_multiverse import multiverse
from bayes_scaling.cli_next import next_run
from bayes_scaling.cli_options import Tables, counted, given, judge, judged, say_health
from bayes_scaling.cli_plan import plan
from bayes_scaling.cli_rank import rank
from bayes_scaling.cli_report import report
from bayes_scaling.errors import InputError
from bayes_scaling.files import writable, write_csv, write_figure, write_json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from bayes_scaling.advice import Finding
    from bayes_scaling.fitting import Fit
    from bayes_scaling.modelfile import Study

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Posteriors over neural scaling laws: credible bands, architecture contrasts, compute projections.",
)
Dir = Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote.")]
Points = Annotated[Path, typer.Option("--at", metavar="POINTS.csv", help="Inputs, and levels of groups, to predict at.")]


def _clear_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn wrong input into one line on stderr and exit code 2."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            typer.echo("error: " + " ".join(str(error).split()), err=True)
            raise typer.Exit(2) from None

    return guarded


@app.command()
@_clear_errors
def models() -> None:
    """List the bundled studies."""
    from bayes_scaling.modelfile import bundled

    for name, title in bundled().items():
        typer.echo(f"{name:20} {title}")


@app.command()
@_clear_errors
def laws() -> None:
    """List the laws of the library: name and inputs, what each says, and the equation with its source."""
    from bayes_scaling.laws import LAWS, law_inputs
    from bayes_scaling.library import equation, summary

    for name, law in LAWS.items():
        typer.echo(f"{name}({', '.join(law_inputs(law))})")
        for line in (summary(name), *equation(name).splitlines()):
            typer.echo(f"    {line}")


@app.command()
@_clear_errors
def fit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A bundled name (see `models`) or a TOML file.")],
    runs: Tables = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; out/MODEL unless given.")] = None,
    draws: Annotated[int | None, typer.Option(help="Draws kept of each chain; 2000 unless MODEL says otherwise.")] = None,
    tune: Annotated[int | None, typer.Option(help="Draws of each chain to adapt, then discarded; 500.")] = None,
    chains: Annotated[int | None, typer.Option(help="Independent chains; 4.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same numbers on the same machine; 0.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 on anything but clean draws.")] = False,
) -> None:
    """Fit a model and write the posterior, a table of parameters, diagnostics and figures."""
    import arviz_base  # noqa: F401 - it looks at every module imported before it, and nutpie would have it look at twice as many

    from bayes_scaling.advice import beforehand, findings
    from bayes_scaling.fitting import fit as sample
    from bayes_scaling.fitting import parameter_table, save
    from bayes_scaling.modelfile import read_study, study_runs
    from bayes_scaling.plots.overview import figures

    study = read_study(model)
    asked = given(draws=draws, tune=tune, chains=chains, seed=seed, strict=strict or None)
    settings = replace(study.settings, **asked, progress=sys.stderr.isatty())
    data = study_runs(study, runs or None)
    folder = out if out is not None else Path("out") / study.name
    writable(folder)
    typer.echo(f"{study.title or study.name}\n{counted(data)}")
    before = beforehand(study.model, data)
    for note in before:
        typer.echo(f"note [{note.code}]: {note.sentence}")
    typer.echo("compiling (up to a minute when a model is new to this machine, seconds after that), then sampling")
    start = perf_counter()
    fitted = sample(study.model, data, settings)
    seconds = perf_counter() - start
    parameters, notes = parameter_table(fitted), findings(fitted)
    write_csv(parameters, folder / "parameters.csv")
    write_json(_diagnostics(fitted, notes) | _made(study, seconds), folder / "diagnostics.json")
    write_csv(_points(fitted), folder / "points.csv")
    for name, figure in figures(fitted, study.figure).items():
        write_figure(figure, folder / "figures" / f"{name}.png")
    save(fitted, folder / "fit.nc")
    _summary(fitted, parameters, [note for note in notes if note not in before], folder)


@app.command()
@_clear_errors
def prior(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A bundled name (see `models`) or a TOML file.")],
    runs: Tables = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; out/MODEL unless given.")] = None,
    draws: Annotated[int, typer.Option(help="Draws from the prior.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers on the same machine.")] = 0,
) -> None:
    """Show what a model believes before it sees the runs: bands, a table, and the loss at the reference."""
    from bayes_scaling.fitting import parameter_table
    from bayes_scaling.fitting import prior as draw
    from bayes_scaling.modelfile import read_study, study_runs
    from bayes_scaling.plots.overview import figures
    from bayes_scaling.sampling import Settings

    settings = Settings(draws=draws, seed=seed)
    study = read_study(model)
    data = study_runs(study, runs or None)
    folder = out if out is not None else Path("out") / study.name
    writable(folder)
    before = draw(study.model, data, settings.draws, settings.seed)
    parameters = parameter_table(before).drop(columns=["r_hat", "ess_bulk", "ess_tail"])
    typer.echo(f"{study.title or study.name}\nthe prior, beside {counted(data)}")
    figure = figures(before, study.figure)["bands"]
    _legible(before, figure)
    write_csv(parameters, folder / "prior.csv")
    write_figure(figure, folder / "figures" / "prior.png")
    _population(before, parameters)
    _believed(before)
    typer.echo(f"written -> {folder}")


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
    from bayes_scaling.fitting import load
    from bayes_scaling.prediction import predict_table

    fitted = load(folder / "fit.nc")
    table = predict_table(fitted, at, "observed" if observed else "expected")
    write_csv(table, out)
    typer.echo(f"{len(table)} points -> {out}")
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
        writable(Path(os.path.expanduser("~"), ".pytensor"))  # noqa: PTH111 - `Path.home` raises where there is none
    except InputError as error:
        typer.echo(f"note: {error}; compiled code is not kept, unless PYTENSOR_FLAGS=base_compiledir=DIR says where", err=True)
    else:
        yield
        return
    with TemporaryDirectory(prefix="bayes-scaling-", ignore_cleanup_errors=True) as folder:
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={folder}"
        yield


def _points(fitted: "Fit") -> "pd.DataFrame":
    """Return points to start from: each level of the law's groups at the reference, the data's edge and ten times beyond.

    Inputs from a schedule go together: there it is the last row of each run.
    """
    from itertools import product

    import pandas as pd

    from bayes_scaling.model import law_groups

    runs = fitted.runs
    if runs.columns.schedule is not None:
        last = runs.table.groupby("run").tail(1) if "run" in runs.table else runs.table.tail(1)
        return last.drop(columns=["response", "reading_error"], errors="ignore")
    groups = {dim: runs.levels[dim] for dim in law_groups(fitted.model)}
    largest = {name: float(runs.table[name].max()) for name in runs.columns.inputs}
    places = [dict(runs.references), largest, {name: 10 * value for name, value in largest.items()}]
    rows = [dict(zip(groups, cell, strict=True)) | place for cell in product(*groups.values()) for place in places]
    return pd.DataFrame(rows)


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
    from bayes_scaling.provenance import versions

    figure = asdict(study.figure) if study.figure else None
    return {"model": study.name, "title": study.title, "figure": figure, "seconds": round(seconds, 1), "versions": versions()}


def _summary(fitted: "Fit", parameters: "pd.DataFrame", notes: "Sequence[Finding]", folder: Path) -> None:
    from bayes_scaling.healing import rounds_line
    from bayes_scaling.sentences import summary_sentences

    for note in notes:
        typer.echo(f"note [{note.code}]: {note.sentence}")
    _population(fitted, parameters)
    health = fitted.health
    assert health is not None
    agree = "" if health.r_hat is None else f"R-hat {health.r_hat:.3f}, "
    typer.echo(
        f"{fitted.settings.chains} x {fitted.settings.draws} draws, {health.divergences} divergences, "
        f"{agree}smallest effective sample size {min(health.ess_bulk, health.ess_tail):.0f}: {health.grade}"
    )
    if rounds := rounds_line(health):
        typer.echo(rounds)
    for sentence in summary_sentences(replace(fitted, health=None)):  # what the sampler says comes last, with what to try
        typer.echo(sentence)
    typer.echo(f"written -> {folder}")
    judge(health, fitted.settings.strict)


def _population(fitted: "Fit", parameters: "pd.DataFrame") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    shown = parameters[parameters["dims"] == ""]
    table = Table(title="population (median, 90 % interval)", title_justify="left", box=None)
    for column in ("parameter", "median", "5 %", "95 %"):
        table.add_column(column, justify="left" if column == "parameter" else "right")
    for row in shown.to_dict("records"):
        table.add_row(str(row["name"]), *(f"{float(row[q]):.4g}" for q in ("q50", "q05", "q95")))
    console.print(table)
    inputs = fitted.runs.columns.inputs
    references = ", ".join(f"{name} {value:g} {inputs[name].unit}".strip() for name, value in fitted.runs.references.items())
    console.print(f"reference: {references}; NAME_published is in the inputs' own units")


def _believed(before: "Fit") -> None:
    """Say which loss the prior expects at the reference, for levels never seen, and where the runs lie."""
    import pandas as pd

    from bayes_scaling.model import law_groups
    from bayes_scaling.prediction import predict

    place = dict(before.runs.references) | dict.fromkeys(law_groups(before.model), "another")
    low, middle, high = predict(before, pd.DataFrame([place])).quantile([0.05, 0.5, 0.95]).to_numpy()
    seen, response = before.runs.table["response"], before.runs.columns.response
    typer.echo(
        f"{response.name} at the reference: {middle:.4g} {response.unit} (90 %: {low:.4g} to {high:.4g}); "
        f"the runs lie between {seen.min():.4g} and {seen.max():.4g}"
    )


LEGIBLE = 3.0
"""The band of a prior is shown up to so many times the largest loss of the runs, and down to that fraction of the smallest."""


def _legible(before: "Fit", figure: "Figure") -> None:
    """Set the vertical axes to hold all runs, and the 90 % band at their inputs unless it is far wider."""
    from bayes_scaling.plots.style import log_ticks
    from bayes_scaling.prediction import predict

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


if __name__ == "__main__":
    main()
