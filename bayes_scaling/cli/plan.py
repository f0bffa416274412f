"""`bayes-scaling plan`: how large a model to train with a budget, on how many tokens."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health, say_notes
from bayes_scaling.cli.options import AnySeed, read_posterior
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.data.cost import Cost
    from bayes_scaling.inference.stacking import Posterior


def plan(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote, for a law of params and tokens.")],
    compute: Annotated[
        list[float], typer.Option(metavar="FLOP", help="A budget, as 1e21, in FLOP or what --cost counts in; may be repeated.")
    ],
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=NUMBER]",
            help="What a model costs: one of \\[data.costs] by its name; served_tokens=2e12, price=3e-18 (of a FLOP), "
            "flops_per_param_token=6; may be repeated.",
        ),
    ] = None,
    params: Annotated[
        float | None, typer.Option(metavar="N", help="A model size that is settled; only its tokens are planned.")
    ] = None,
    unique_tokens: Annotated[
        float | None, typer.Option(metavar="TOKENS", help="How many different tokens there are, for a data-constrained law.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(metavar="VALUE", help="Say how probably a plan reaches this, and what compute it needs.")
    ] = None,
    probability: Annotated[float, typer.Option(help="Probability with which that compute reaches the target.")] = 0.9,
    within: Annotated[float, typer.Option(metavar="SHARE", help="Share of the response that counts as nothing lost.")] = 0.003,
    at: Annotated[
        Path | None, typer.Option("--at", metavar="POINTS.csv", help="Levels of groups, and further inputs, to plan for.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PLAN.csv", help="Where to write the plans; DIR/plan.csv unless given.")
    ] = None,
    seed: AnySeed = 0,
) -> None:
    """Plan a budget: the size and tokens of lowest expected loss, what is as good, and what one new run will show.

    Writes PLAN.csv (a row a budget), PLAN_choices.csv (other splits of it), and a figure beside them.
    """
    from bayes_scaling.data.tables import read_table
    from bayes_scaling.decisions.group_cells import every_cell
    from bayes_scaling.decisions.plan import plan as decide
    from bayes_scaling.decisions.plan_sentences import plan_sentences
    from bayes_scaling.decisions.targets import needed_sentences
    from bayes_scaling.inference.stacking import without_health
    from bayes_scaling.plots.plan import plan_figure

    out = folder / "plan.csv" if out is None else out
    file_to_write(out)
    if not 0 < probability < 1:
        raise InputError(f"--probability {probability}: expected a number between 0 and 1")
    fitted = read_posterior(folder)
    costs = _cost(fitted, cost or [])
    points = every_cell(fitted) if at is None else read_table(at, labels=fitted.runs.columns.labels)
    asked: dict[str, Any] = {"cost": costs, "params": params, "unique_tokens": unique_tokens, "seed": seed}
    found = decide(fitted, compute, within=within, points=points, **asked)
    bare = without_health(fitted), replace(found, health=None)  # what the sampler says comes once, at the end
    said = [*plan_sentences(bare[1], target)]
    if target is not None:
        said += needed_sentences(bare[0], target, probability, points, **asked)
    others, figure = out.with_name(f"{out.stem}_choices.csv"), out.with_suffix(".png")
    with write_together():
        write_csv(found.to_frame(target), out)
        write_csv(found.choices, others)
        write_figure(plan_figure(fitted, found), figure)
    for sentence in said:
        say(sentence)
    say(f"{several(len(found.choice), 'plan')} -> {out}", f"other choices -> {others}", f"figure -> {figure}")
    say_notes(found.choice)
    say_health(fitted.health)


def _cost(fitted: "Posterior", said: list[str]) -> "Cost":
    """Return the cost that "name=number" texts say, of the runs' own where one is a name alone."""
    from bayes_scaling.data.cost import Cost
    from bayes_scaling.prediction.costs import read_cost

    own = [text for text in said if "=" not in text]
    if len(own) > 1:
        raise InputError(f"--cost {own[1]}: a plan is made at one cost, and {own[0]!r} is given too")
    base = (read_cost(fitted, own[0]) if own else None) or Cost()
    said = [text for text in said if "=" in text]
    known = ["served_tokens", "price", "flops_per_param_token", "flops_per_param_served"]
    numbers: dict[str, Any] = {}
    for text in said:
        name, _, value = text.partition("=")
        if name.strip() not in known:
            raise InputError(f"--cost {text}: expected NAME=NUMBER with one of {known}")
        try:
            numbers[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"--cost {text}: {value!r} is no number") from None
    return replace(base, **numbers)
