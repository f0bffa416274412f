"""`bayes-scaling rank`: which level of a group to take at a budget."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import exact, place_words, several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import FitDir, NamedCost, read_posterior
from bayes_scaling.cli.terminal import say
from bayes_scaling.laws.inputs import has_params_and_tokens

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.cost import Cost
    from bayes_scaling.inference.stacking import Posterior


def rank(
    folder: FitDir,
    level: Annotated[str, typer.Argument(metavar="GROUP=BASELINE", help="What to compare, and with which: attention=full.")],
    compute: Annotated[
        list[float] | None,
        typer.Option(help="A budget, in FLOP for params and tokens, else as the input or --cost counts. May be repeated."),
    ] = None,
    at: Annotated[
        Path | None, typer.Option(metavar="POINTS.csv", help="Levels of other groups, and budgets unless --compute says them.")
    ] = None,
    along: Annotated[str | None, typer.Option(metavar="INPUT", help="The input that grows, where there are several.")] = None,
    flops: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL=K", help="FLOP a parameter and token of a level, 6 unless given. May be repeated."),
    ] = None,
    cost: NamedCost = None,
    equivalent: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Equal up to this share of the response, as 0.005: gives a verdict."),
    ] = None,
    certainty: Annotated[float, typer.Option(help="Probability above which there is a verdict.")] = 0.95,
    below: Annotated[
        float | None,
        typer.Option(metavar="BUDGET", help="Where to stop looking for a crossover; 10,000 times the budget unless given."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="RANKING.csv", help="Where to write the table; DIR/ranking.csv unless given.")
    ] = None,
) -> None:
    """Rank the levels of a group at a budget: compute ratio, probability, gain of switching, crossover.

    Levels of other groups that the law varies over are the last of each unless --at says them. Without --equivalent no verdict.

    Writes RANKING.csv (a row a level and budget), and a figure beside it.
    """
    from bayes_scaling.decisions.rank import rank as side_by_side
    from bayes_scaling.decisions.rank_sentences import rank_sentences
    from bayes_scaling.plots import ranking_figure

    group, baseline = _group_and_baseline(level)
    if cost is not None and flops:
        raise InputError("give either --cost, a cost of the runs, or --flops for each level")
    out = folder / "ranking.csv" if out is None else out
    file_to_write(out)
    fitted = read_posterior(folder)
    points, chosen = _points(fitted, group, compute or [], at, along)
    costs = _costs(fitted, group, flops or [])
    within: dict[str, Any] = {"equivalent": equivalent, "certainty": certainty, "below": below}
    found = side_by_side(fitted, group, baseline, points, along=along, cost=costs if cost is None else cost, **within)
    table, figure = found.to_frame(), out.with_suffix(".png")
    with write_together():
        write_csv(table, out)
        write_figure(ranking_figure(found), figure)
    say(*rank_sentences(replace(found, health=None)))  # what the sampler says comes once, at the end
    say(*_assumed(costs, chosen))
    say(f"{several(len(table), 'row')} -> {out}", f"figure -> {figure}")
    for note in found.notes:
        say(f"note: {note}", err=True)
    say_health(fitted.health)


def _group_and_baseline(said: str) -> tuple[str, str]:
    group, _, baseline = said.partition("=")
    if not (group and baseline):
        raise InputError(f"{said!r}: expected GROUP=BASELINE, as in attention=full")
    return group, baseline


def _assumed(costs: "Mapping[str, Cost] | None", chosen: "Mapping[str, object]") -> list[str]:
    """Say what each level costs where --flops says it, and which levels of other groups were chosen."""
    said = []
    if costs is not None:
        each = ", ".join(f"{name} {exact(cost.flops_per_param_token)}" for name, cost in costs.items())
        said.append(f"FLOP a parameter and token: {each}")
    if chosen:
        said.append(f"other groups, as --at does not say them: {place_words(chosen)}")
    return said


def _points(
    fitted: "Posterior", group: str, compute: list[float], at: Path | None, along: str | None
) -> "tuple[pd.DataFrame, dict[str, object]]":
    """Return the points asked for, and the last level of each other group that they do not name."""
    import pandas as pd

    from bayes_scaling.data.base_units import mark_base_units
    from bayes_scaling.data.points import in_base_units
    from bayes_scaling.inference.stacking import groups_needed

    if not compute and at is None:
        raise InputError("say a budget: --compute 10, or --at POINTS.csv with a column for it")
    points = mark_base_units(pd.DataFrame(index=[0])) if at is None else in_base_units(at, fitted.runs)
    if compute:
        budgets = pd.DataFrame({_budget_column(fitted, along): compute})
        points = mark_base_units(points.drop(columns=budgets.columns, errors="ignore").merge(budgets, how="cross"))
    columns = fitted.runs.columns.dims
    others = [dim for dim in groups_needed(fitted) if dim not in (group, *points) and not set(columns[dim]) <= set(points)]
    chosen = {dim: fitted.runs.levels[dim][-1] for dim in others}
    return points.assign(**chosen), chosen


def _budget_column(fitted: "Posterior", along: str | None) -> str:
    """Return what budgets are called: compute where each is split into params and tokens, else the input that grows."""
    from bayes_scaling.inference.stacking import inputs_read

    inputs = inputs_read(fitted)
    splits = "compute" not in inputs and has_params_and_tokens(inputs)
    name = along or (inputs[0] if len(inputs) == 1 else "compute")
    if not splits and name not in inputs:
        raise InputError(f"the law reads {list(inputs)}: say along which of them the budget grows, --along {inputs[0]}")
    return "compute" if splits and along is None else name


def _costs(fitted: "Posterior", group: str, flops: list[str]) -> "dict[str, Cost] | None":
    """Return what each level costs, from LEVEL=K; None where nothing is said."""
    from bayes_scaling.data.cost import Cost

    if not flops or group not in fitted.runs.levels:
        return None
    costs = {str(level): Cost() for level in fitted.runs.levels[group]}
    for one in flops:
        name, _, number = one.rpartition("=")
        if name not in costs:
            raise InputError(f"--flops {one}: expected LEVEL=K with one of the levels {list(costs)}")
        try:
            costs[name] = Cost(flops_per_param_token=float(number))
        except ValueError:
            raise InputError(f"--flops {one}: expected LEVEL=K with a positive number of FLOP a parameter and token") from None
    return costs
