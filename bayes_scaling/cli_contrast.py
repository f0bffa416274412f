"""`bayes-scaling contrast`: what one level of a group costs or gains against another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli_options import say_health, say_notes
from bayes_scaling.errors import InputError
from bayes_scaling.files import write_csv, write_figure

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.fitting import Fit


def contrast(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote.")],
    levels: Annotated[str, typer.Argument(metavar="GROUP=A:B", help="Two levels of a group, as attention=moba:full.")],
    at: Annotated[Path, typer.Option(metavar="POINTS.csv", help="Inputs, and levels of groups, to predict at.")],
    out: Annotated[Path, typer.Option(metavar="CONTRAST.csv", help="Where to write the points with A minus B.")],
) -> None:
    """Contrast two levels of a group at points: difference, ratio, probability that A is better; draws it into DIR/figures.

    Of the points of least and of most difference it says the penalty, what compute makes up for it, and how far they can be
    trusted.
    """
    from bayes_scaling.contrasts import contrast_table, kin
    from bayes_scaling.fitting import load
    from bayes_scaling.plots.overview import contrast_figure

    group, _, pair = levels.partition("=")
    a, _, b = pair.partition(":")
    if not (group and a and b):
        raise InputError(f"{levels!r}: expected GROUP=A:B, as in attention=moba:full")
    fitted = load(folder / "fit.nc")
    table = contrast_table(fitted, group, a, b, at)
    figure = folder / "figures" / f"contrast_{group}_{a}_{b}.png"
    drawn = not kin(fitted, group)  # points along an input would not say the other groups of a level
    if drawn:
        write_figure(contrast_figure(fitted, group, a, b), figure)
    write_csv(table, out)
    middle = table["ratio_q50" if "ratio_q50" in table else "diff_q50"].fillna(0.0)
    ends = dict.fromkeys([int(middle.argmin()), int(middle.argmax())])
    for place in ends:
        typer.echo(_sentences(fitted, table.iloc[[place]], group, a, b))
    typer.echo(f"{len(table)} points -> {out}" + (f"\nfigure -> {figure}" if drawn else ""))
    say_notes(table)
    say_health(fitted.health)


def _sentences(fitted: "Fit", point: "pd.DataFrame", group: str, a: str, b: str) -> str:
    """Say what a costs against b at one point of a table of contrasts, what makes up for it, and where the point lies."""
    row = {str(name): value for name, value in point.iloc[0].items()}
    own = {name: of for name, of in row.items() if not name.startswith(("diff_", "ratio_", "p_a_")) and name != group}
    units = {name: of.unit for name, of in fitted.runs.columns.inputs.items()}
    at = ", ".join(f"{name} {_written(of)} {units.get(name, '')}".rstrip() for name, of in own.items())
    said = f"{a} against {b} at {at}: {_penalty(fitted, row)}, better with probability {row['p_a_better']:.2f}"
    return f"{said}\n    {_made_up(fitted, point, group, a, b)}{_where(fitted, point, group, a)}"


def _penalty(fitted: "Fit", row: dict[str, Any]) -> str:
    """Return a's difference from b in per cent, or in the unit of the loss where there is no ratio."""
    if "ratio_q50" in row and row["ratio_q50"] == row["ratio_q50"]:
        low, middle, high = (100 * (row[f"ratio_q{q}"] - 1) for q in ("05", "50", "95"))
        return f"{middle:+.1f} % loss (90 %: {low:+.1f} to {high:+.1f} %)"
    response = fitted.runs.columns.response
    low, middle, high = (row[f"diff_q{q}"] for q in ("05", "50", "95"))
    return f"{middle:+.3g} {response.unit} {response.name} (90 %: {low:+.3g} to {high:+.3g})".replace("  ", " ")


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _made_up(fitted: "Fit", point: "pd.DataFrame", group: str, a: str, b: str) -> str:
    """Say how much compute a needs for the loss of b; nothing where the law has no single input that stands for it."""
    from bayes_scaling.contrasts import compute_multiplier, reached
    from bayes_scaling.model import model_inputs
    from bayes_scaling.notes import percent

    inputs = model_inputs(fitted.model)
    if len(inputs) > 1:
        return ""
    of = reached(compute_multiplier(fitted, group, b, a, point).to_numpy().ravel())
    never, always = (percent(of[name]) for name in ("p_never_reached", "p_always_reached"))
    said = (
        f"{a} needs {of['q50']:.3g} times the {inputs[0]} of {b} for the same loss (90 %: {of['q05']:.3g} to {of['q95']:.3g})"
    )
    if of["q50"] != of["q50"]:
        said = f"{a} has no multiple of the {inputs[0]} of {b} that gives the same loss"
    said += f", and cannot reach it with a million times as much in {never} of draws" if of["p_never_reached"] > 0 else ""
    return said + (f", and reaches it with a millionth in {always} of draws" if of["p_always_reached"] > 0 else "") + "; "


def _where(fitted: "Fit", point: "pd.DataFrame", group: str, level: str) -> str:
    from bayes_scaling.contrasts import points_of
    from bayes_scaling.prediction import predict

    decades = float(predict(fitted, points_of(fitted, group, level, point))["distance"][0])
    return f"{decades:.2g} decades beyond the runs, where it holds if the law does" if decades > 0 else "inside the runs"
