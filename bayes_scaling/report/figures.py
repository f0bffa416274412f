"""The figures of a report."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from bayes_scaling._base.numbers import level_name, quantile_name, spaced_name
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.direction import rising_rows
from bayes_scaling.decisions.allocation import runs_compute
from bayes_scaling.inference.health_line import line_of
from bayes_scaling.inference.stacking import Posterior, Stack, inputs_read
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.plots.footnote import footnote
from bayes_scaling.plots.overview import bands_figure, contrast_figure
from bayes_scaling.plots.painters import paint_band
from bayes_scaling.plots.predictive_check import plot_check
from bayes_scaling.plots.sheet import sheet_figure
from bayes_scaling.plots.shown import Shown, remember
from bayes_scaling.plots.stack import laws_figure
from bayes_scaling.plots.style import COLOURS, LEVELS, log_ticks, paper, with_unit
from bayes_scaling.prediction.arms import moves_other_groups
from bayes_scaling.report.budget import Budget, compared_group, ordered_levels
from bayes_scaling.report.svg import Drawing, drawing

PAIRS = 3
"""Most pairs of levels that have a figure of their own."""

BANDS = "Lines are medians, dark and light bands hold 50 and 90 %; dashed beyond the data. Points are the runs."
SINGLE_RUNS = " Both are of the expected curve; the lightest band holds 90 % of new runs."
"""What the caption adds where the layout asks for them."""


def main_figures(fit: Posterior, sheet: Sheet | None, plans: Budget | None) -> list[Drawing]:
    """Return bands over the runs, what budgets would buy, and what levels of a group cost against each other."""
    units = {name: one.unit for name, one in fit.runs.columns.inputs.items()}
    found = [*_plan(fit, plans), *_contrasts(fit, units)]
    if sheet is not None or fit.runs.columns.schedule is None:
        figure = bands_figure(fit) if sheet is None else sheet_figure(fit, sheet)
        title = f"{fit.runs.columns.response.name.capitalize()} of the runs and the fitted law"
        caption = BANDS + (SINGLE_RUNS if sheet is not None and sheet.single_runs else "")
        found.append(drawing(figure, "bands", title, caption, units))
    return [*found, *_laws(fit)]


def _laws(fit: Posterior) -> Iterator[Drawing]:
    """Yield the weights of the laws of a stack, and each law beyond the runs."""
    if isinstance(fit, Stack):
        caption = (
            "Left: dots are the weights by the runs, rings those before. Right: lines are the medians of the laws, dark and "
            "light bands hold 50 and 90 % of the mixture; all inputs grow by one factor from the largest run on."
        )
        yield drawing(laws_figure(fit), "laws", "The laws, their weights, and how far they part beyond the runs", caption)


def check_figure(fit: Posterior) -> Drawing:
    """Return the predictive check."""
    with paper():
        figure = Figure(figsize=(3.4, 2.6))
        plot_check(fit, figure.subplots())
    caption = "Each run's residual from its predicted median, with the intervals of replicated data: 50 % thick, 90 % thin."
    return drawing(figure, "check", "Posterior predictive check", caption)


def _contrasts(fit: Posterior, units: dict[str, str]) -> Iterator[Drawing]:
    """Yield a figure for each level that is held against the one with most rows."""
    group = compared_group(fit)
    named_alike = {"difference", "ratio"} & set(fit.runs.columns.inputs)  # as what `contrast` returns: it would be hidden
    if group is None or fit.runs.columns.schedule is not None or named_alike or moves_other_groups(fit, group):
        return
    first, *others = ordered_levels(fit, group)
    for i, other in enumerate(others[:PAIRS]):
        figure = contrast_figure(fit, group, str(other), str(first))
        rising = fit.runs.columns.response.rising
        title = f"What {level_name(other)} {'gains' if rising else 'costs'} against {level_name(first)}"
        caption = f"{_worse(fit, level_name(other))}Bands hold 50 and 90 %. Grey: where the runs are."
        yield drawing(figure, f"contrast{i}", title, caption, units)


def _worse(fit: Posterior, level: str) -> str:
    """Say on which side of a figure of contrasts a level is the worse one; nothing where outputs differ in that."""
    columns = fit.runs.columns
    ways = set(rising_rows(columns, fit.runs.table).tolist())
    if len(ways) > 1:
        return ""
    zero = "0 %" if columns.response.positive else "0"
    read = inputs_read(fit)
    ratio = f", and above 1 where {spaced_name(read[0])} is compared" if len(read) == 1 else ""
    return f"{level} is worse {'below' if True in ways else 'above'} {zero}{ratio}. "


def _plan(fit: Posterior, plans: Budget | None) -> Iterator[Drawing]:
    """Yield the figure of plans: size, tokens and loss over the budget."""
    if plans is None:
        return
    inputs, response = fit.runs.columns.inputs, fit.runs.columns.response
    with paper():
        figure = Figure(figsize=(6.8, 2.4))
        axes = figure.subplots(1, 3)
        for colour, (label, part) in zip(COLOURS, plans.table.groupby("choice", sort=False), strict=False):
            at = part["compute"].to_numpy()
            for ax, name in zip(axes, ("params", "tokens"), strict=False):
                columns = {q: part[f"best_{name}_{quantile_name(q)}"].to_numpy() for q in (0.05, 0.95)}
                _line(ax, str(label), colour, at, {0.5: part[name].to_numpy(), **columns})
            for end in ("params_low", "params_high"):
                axes[0].plot(at, part[end].where(np.isfinite(part[end])), color=colour, linewidth=0.7, linestyle=(0, (1, 1.5)))
            losses = {q: part[f"loss_{quantile_name(q)}"].to_numpy() for q in (0.05, 0.25, 0.5, 0.75, 0.95)}
            _line(axes[2], str(label), colour, at, losses)
        heads = ("best model size", "best training tokens", f"{response.name} of one new run")
        labels = (with_unit("model size", inputs["params"].unit), with_unit("training", inputs["tokens"].unit))
        seen = runs_compute(fit, Cost())
        for ax, head, label in zip(axes, heads, (*labels, with_unit(response.name, response.unit)), strict=True):
            _budget_axis(ax, head, label)
            ax.axvspan(seen.min(), seen.max(), color="black", alpha=0.05, linewidth=0)
        if len(plans.steps) > 1:
            axes[0].legend(title=plans.choice)
    caption = (
        f"Lines: the plan, the split with the lowest expected {response.name}; between the dotted ones sizes cost less than "
        f"0.3 % of it. Bands: where the best split lies with 90 %, and the {response.name} of one new run of the plan, 50 and "
        "90 %. Grey: the compute of the runs, 6 FLOP a parameter and token."
    )
    footnote(figure, [line_of(fit)])
    yield drawing(figure, "plan", "What a budget buys", caption, {"compute": "FLOP"})


def _line(ax: Axes, name: str, colour: str, at: np.ndarray, of: dict[float, np.ndarray]) -> None:
    for low, high, opacity in LEVELS.values():
        if low in of:
            paint_band(ax, at, of[low], of[high], colour=colour, opacity=opacity)
    ax.plot(at, of[0.5], color=colour, label=name)
    remember(ax, Shown(name, colour, "compute", at, of))


def _budget_axis(ax: Axes, head: str, label: str) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_ticks(ax, "x")
    ax.xaxis.set_major_locator(LogLocator(numticks=4))
    log_ticks(ax, "y")
    ax.set_title(head)
    ax.set_xlabel("compute (FLOP)")
    ax.set_ylabel(label)
