"""`bayes-scaling contrast`: what one level of a group costs or gains against another."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Pair:
    """Two levels of a group of a fit, and the input that grows with compute where one is named."""

    fitted: "Posterior"
    group: str
    a: str
    b: str
    along: str | None


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
    from bayes_scaling.decisions.estimand_text import pair_of_levels
    from bayes_scaling.prediction.arms import moves_other_groups
    from bayes_scaling.prediction.contrast import contrast_at

    group, a, b = pair_of_levels(levels)
    file_to_write(out)
    pair = _Pair(read_posterior(folder), group, a, b, along)
    table = contrast_at(pair.fitted, group, a, b, at, cost=cost, along=along)
    others = [] if cost is not None else _at_costs(pair, at)
    costs = out.with_name(f"{out.stem}_costs.csv") if others else None
    # Curves along an input cannot name the other groups of a level.
    figure = None if moves_other_groups(pair.fitted, group) else folder / "figures" / f"{_figure_name(pair)}.png"
    _write(pair, table, out, others, costs, figure)
    for point in _least_and_most(table):
        say(*_sentences(pair, point), *_by_cost(pair, point))
    say(f"{several(len(table), 'point')} -> {out}")
    say(*([f"at each cost -> {costs}"] if costs else []), *([f"figure -> {figure}"] if figure else []))
    say_notes(table)
    say_health(pair.fitted.health)


def _write(
    pair: _Pair, table: "pd.DataFrame", out: Path, others: "list[pd.DataFrame]", costs: Path | None, figure: Path | None
) -> None:
    """Write the points, those at each cost, and the figure: all of them or nothing."""
    import pandas as pd

    from bayes_scaling.plots.overview import contrast_figure
    from bayes_scaling.prediction.cost_contrast import own_name

    if costs is not None:
        file_to_write(costs)
    with write_together():
        if figure is not None:
            write_figure(contrast_figure(pair.fitted, pair.group, pair.a, pair.b), figure)
        write_csv(table, out)
        if costs is not None:
            own = table.assign(cost=own_name(pair.fitted, pair.along), extrapolated=False)
            write_csv(pd.concat([own, *others], ignore_index=True), costs)


def _least_and_most(table: "pd.DataFrame") -> "list[pd.DataFrame]":
    """Return the points at which A and B differ least and most, a row each."""
    middle = table["ratio_q50" if "ratio_q50" in table else "diff_q50"].fillna(0.0)
    return [table.iloc[[place]] for place in dict.fromkeys([int(middle.argmin()), int(middle.argmax())])]


def _at_costs(pair: _Pair, at: Path) -> "list[pd.DataFrame]":
    """Return the points at equal cost, a table for each cost of the runs that their ladders can say."""
    from bayes_scaling.inference.stacking import inputs_read
    from bayes_scaling.prediction.contrast import contrast_at
    from bayes_scaling.prediction.costs import is_axis

    inputs = inputs_read(pair.fitted)
    if pair.along is None and len(inputs) > 1:
        return []
    found, lead = [], pair.along or inputs[0]
    for name in [name for name, one in pair.fitted.runs.columns.costs.items() if not is_axis(one, lead)]:
        try:
            found.append(contrast_at(pair.fitted, pair.group, pair.a, pair.b, at, cost=name, along=pair.along))
        except InputError as error:
            say(f"note: cost {name}: {error}", err=True)
    return found


def _by_cost(pair: _Pair, point: "pd.DataFrame") -> list[str]:
    """Say what a costs against b under each cost of the runs."""
    from bayes_scaling.data.direction import name_at
    from bayes_scaling.prediction.contrast import contrast
    from bayes_scaling.prediction.cost_contrast import cost_sentences

    columns = pair.fitted.runs.columns
    by_cost = contrast(pair.fitted, pair.group, pair.a, pair.b, point, along=pair.along).by_cost
    if by_cost is None:
        return []
    said = cost_sentences(by_cost, 0, pair.a, pair.b, name_at(columns, point), columns.unit_of(point))
    return [f"    {sentence}" for sentence in said]


def _figure_name(pair: _Pair) -> str:
    """Return a name that no other contrast of this group has, where labels may be anything."""
    known = file_names(str(level) for level in (*pair.fitted.runs.levels[pair.group], pair.a, pair.b))
    return joined_name(f"contrast_{pair.group}", known[pair.a], known[pair.b])


def _sentences(pair: _Pair, point: "pd.DataFrame") -> tuple[str, str]:
    """Say what a costs against b at one point of a table of contrasts, what makes up for it, and where the point lies."""
    from bayes_scaling.data.output_columns import OUTPUT
    from bayes_scaling.data.points import in_base_units

    columns = pair.fitted.runs.columns
    point = in_base_units(point, pair.fitted.runs)
    row = {str(name): value for name, value in point.iloc[0].items()}
    said = f"{pair.a} against {pair.b} at {_point_words(pair, row)}: {_penalty(pair, point, row)}"
    if pair.group != OUTPUT or not columns.outputs:  # of two evaluation sets neither is the better one
        said += f", {pair.a} is better with probability {probability(row['p_a_better'])}"
    return said, f"    {_compute_needed(pair, point)}{_distance_words(pair, point)}"


def _point_words(pair: _Pair, row: dict[str, Any]) -> str:
    """Return the inputs and levels of a point in words, and the cost at which a and b are equal where it is named."""
    from bayes_scaling.prediction.place_words import in_words

    place = {name: of for name, of in row.items() if not name.startswith(("diff_", "ratio_", "p_a_"))}
    place = {name: of for name, of in place.items() if name not in (pair.group, "cost", "extrapolated")}
    inputs = pair.fitted.runs.columns.inputs
    units = {of.column: of.unit for of in inputs.values()} | {name: of.unit for name, of in inputs.items()}
    return in_words(place, units) + (f" (at equal {row['cost']})" if "cost" in row else "")


def _penalty(pair: _Pair, point: "pd.DataFrame", row: dict[str, Any]) -> str:
    """Return a's difference from b in per cent, or in the unit of the loss where there is no ratio."""
    from bayes_scaling.data.direction import name_at

    columns = pair.fitted.runs.columns
    what, unit = name_at(columns, point), columns.unit_of(point)
    if "ratio_q50" in row and row["ratio_q50"] == row["ratio_q50"]:
        return f"{what} {band([100 * (row[f'ratio_q{q}'] - 1) for q in ('05', '50', '95')], '%', signed=True)}"
    beside = unit_beside(what, unit)
    return f"{what} {band([row[f'diff_q{q}'] for q in ('05', '50', '95')], beside, signed=True)}"


def _compute_needed(pair: _Pair, point: "pd.DataFrame") -> str:
    """Say how much compute a needs for the loss of b; nothing where the law has no single input that stands for it."""
    from bayes_scaling._base.quantiles import reached
    from bayes_scaling.data.direction import name_at
    from bayes_scaling.decisions.rank_sentences import needs
    from bayes_scaling.inference.stacking import inputs_read
    from bayes_scaling.prediction.compute_ratio import compute_ratio

    inputs = inputs_read(pair.fitted)
    if len(inputs) > 1:
        return ""
    of = reached(compute_ratio(pair.fitted, pair.group, pair.a, pair.b, point).to_numpy().ravel())
    return f"{needs(pair.a, pair.b, spaced_name(inputs[0]), of, loss=name_at(pair.fitted.runs.columns, point))}; "


def _distance_words(pair: _Pair, point: "pd.DataFrame") -> str:
    """Say how far beyond the runs a point lies."""
    from bayes_scaling.prediction.arms import points_of
    from bayes_scaling.prediction.predict import predict

    far = float(predict(pair.fitted, points_of(pair.fitted, pair.group, pair.a, point))["distance"][0])
    return f"{decades(far)} beyond the runs, where it holds if the law does" if far > 0 else "inside the runs"
