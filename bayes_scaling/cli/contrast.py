"""`bayes-scaling contrast`: what one level of a group costs or gains against another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.naming import file_names, joined_name
from bayes_scaling._base.numbers import band, decades, probability, several, spaced_name, unit_beside
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health, say_notes
from bayes_scaling.cli.options import FitDir, NamedCost, Points, read_posterior
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.inference.stacking import Posterior


def contrast(
    folder: FitDir,
    levels: Annotated[str, typer.Argument(metavar="GROUP=A:B", help="Two levels of a group, as attention=moba:full.")],
    at: Points,
    out: Annotated[Path, typer.Option(metavar="CONTRAST.csv", help="Where to write the points with A minus B.")],
    cost: NamedCost = None,
    along: Annotated[str | None, typer.Option(metavar="INPUT", help="What grows with compute, of several inputs.")] = None,
) -> None:
    """Contrast two levels of a group at points: A against B.

    Prints the difference, the compute that makes up for it, and the distance from the runs, where A and B differ least and
    most; where the runs have costs, under each of them. Points to start from are in DIR/points.csv, which `fit` wrote.
    At a budget (--compute) `rank` holds levels against each other.

    Writes CONTRAST.csv: the points with difference, ratio, and the probability that A is better; where the runs have costs also
    CONTRAST_costs.csv, a row for each point and cost; and a figure to DIR/figures.
    """
    import pandas as pd

    from bayes_scaling.decisions.estimand_text import pair_of_levels
    from bayes_scaling.inference.stacking import groups_needed
    from bayes_scaling.plots.overview import contrast_figure
    from bayes_scaling.prediction.arms import kin
    from bayes_scaling.prediction.contrast import contrast_at
    from bayes_scaling.prediction.cost_contrast import own_name

    group, a, b = pair_of_levels(levels)
    file_to_write(out)
    fitted = read_posterior(folder)
    table = contrast_at(fitted, group, a, b, at, cost=cost, along=along)
    others = [] if cost is not None else _at_costs(fitted, group, a, b, at, along)
    costs = out.with_name(f"{out.stem}_costs.csv")
    if others:
        file_to_write(costs)
    figure = folder / "figures" / f"{_figure_name(fitted, group, a, b)}.png"
    drawn = not set(kin(fitted, group)) & set(
        groups_needed(fitted)
    )  # points along an input would not say the other groups of a level
    with write_together():
        if drawn:
            write_figure(contrast_figure(fitted, group, a, b), figure)
        write_csv(table, out)
        if others:
            own = table.assign(cost=own_name(fitted, along), extrapolated=False)
            write_csv(pd.concat([own, *others], ignore_index=True), costs)
    middle = table["ratio_q50" if "ratio_q50" in table else "diff_q50"].fillna(0.0)
    ends = dict.fromkeys([int(middle.argmin()), int(middle.argmax())])
    for place in ends:
        say(*_sentences(fitted, table.iloc[[place]], group, a, b), *_by_cost(fitted, table.iloc[[place]], group, a, b, along))
    say(f"{several(len(table), 'point')} -> {out}", *([f"at each cost -> {costs}"] if others else []))
    say(*([f"figure -> {figure}"] if drawn else []))
    say_notes(table)
    say_health(fitted.health)


def _at_costs(fitted: "Posterior", group: str, a: str, b: str, at: Path, along: str | None) -> "list[pd.DataFrame]":
    """Return the points at equal cost, a table for each cost of the runs that their ladders can say."""
    from bayes_scaling.inference.stacking import inputs_read
    from bayes_scaling.prediction.contrast import contrast_at
    from bayes_scaling.prediction.costs import is_axis

    if along is None and len(inputs_read(fitted)) > 1:
        return []
    found, lead = [], along or inputs_read(fitted)[0]
    for name in [name for name, one in fitted.runs.columns.costs.items() if not is_axis(one, lead)]:
        try:
            found.append(contrast_at(fitted, group, a, b, at, cost=name, along=along))
        except InputError as error:
            say(f"note: cost {name}: {error}", err=True)
    return found


def _by_cost(fitted: "Posterior", point: "pd.DataFrame", group: str, a: str, b: str, along: str | None) -> list[str]:
    """Say what a costs against b under each cost of the runs."""
    from bayes_scaling.data.direction import name_at
    from bayes_scaling.prediction.contrast import contrast
    from bayes_scaling.prediction.cost_contrast import cost_sentences

    found = contrast(fitted, group, a, b, point, along=along)
    what, unit = name_at(fitted.runs.columns, point), fitted.runs.columns.unit_of(point)
    by_cost = found.by_cost
    return [] if by_cost is None else [f"    {of}" for of in cost_sentences(by_cost, 0, a, b, what, unit)]


def _figure_name(fitted: "Posterior", group: str, a: str, b: str) -> str:
    """Return a name that no other contrast of this group has, where labels may be anything."""
    known = file_names(str(level) for level in (*fitted.runs.levels[group], a, b))
    return joined_name(f"contrast_{group}", known[a], known[b])


def _sentences(fitted: "Posterior", point: "pd.DataFrame", group: str, a: str, b: str) -> tuple[str, str]:
    """Say what a costs against b at one point of a table of contrasts, what makes up for it, and where the point lies."""
    from bayes_scaling.data.output_columns import OUTPUT
    from bayes_scaling.data.points import in_base_units
    from bayes_scaling.prediction.place_words import in_words

    point = in_base_units(point, fitted.runs)
    row = {str(name): value for name, value in point.iloc[0].items()}
    own = {name: of for name, of in row.items() if not name.startswith(("diff_", "ratio_", "p_a_"))}
    own = {name: of for name, of in own.items() if name not in (group, "cost", "extrapolated")}
    inputs = fitted.runs.columns.inputs
    units = {of.column: of.unit for of in inputs.values()} | {name: of.unit for name, of in inputs.items()}
    at = in_words(own, units)
    at += f" (at equal {row['cost']})" if "cost" in row else ""
    said = f"{a} against {b} at {at}: {_penalty(fitted, point, row)}"
    if group != OUTPUT or not fitted.runs.columns.outputs:  # of two evaluation sets neither is the better one
        said += f", {a} is better with probability {probability(row['p_a_better'])}"
    return said, f"    {_made_up(fitted, point, group, a, b)}{_where(fitted, point, group, a)}"


def _penalty(fitted: "Posterior", point: "pd.DataFrame", row: dict[str, Any]) -> str:
    """Return a's difference from b in per cent, or in the unit of the loss where there is no ratio."""
    from bayes_scaling.data.direction import name_at

    what, unit = name_at(fitted.runs.columns, point), fitted.runs.columns.unit_of(point)
    if "ratio_q50" in row and row["ratio_q50"] == row["ratio_q50"]:
        return f"{what} {band([100 * (row[f'ratio_q{q}'] - 1) for q in ('05', '50', '95')], '%', signed=True)}"
    beside = unit_beside(what, unit)
    return f"{what} {band([row[f'diff_q{q}'] for q in ('05', '50', '95')], beside, signed=True)}"


def _made_up(fitted: "Posterior", point: "pd.DataFrame", group: str, a: str, b: str) -> str:
    """Say how much compute a needs for the loss of b; nothing where the law has no single input that stands for it."""
    from bayes_scaling._base.quantiles import reached
    from bayes_scaling.data.direction import name_at
    from bayes_scaling.decisions.rank_sentences import needs
    from bayes_scaling.inference.stacking import inputs_read
    from bayes_scaling.prediction.compute_ratio import compute_ratio

    inputs = inputs_read(fitted)
    if len(inputs) > 1:
        return ""
    of = reached(compute_ratio(fitted, group, a, b, point).to_numpy().ravel())
    return f"{needs(a, b, spaced_name(inputs[0]), of, loss=name_at(fitted.runs.columns, point))}; "


def _where(fitted: "Posterior", point: "pd.DataFrame", group: str, level: str) -> str:
    from bayes_scaling.prediction.arms import points_of
    from bayes_scaling.prediction.predict import predict

    far = float(predict(fitted, points_of(fitted, group, level, point))["distance"][0])
    return f"{decades(far)} beyond the runs, where it holds if the law does" if far > 0 else "inside the runs"
