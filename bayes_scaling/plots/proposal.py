"""What a table shows, and what is proposed for it: the loss against the main input, coloured by group, run or size."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.calls import asked
from bayes_scaling._base.numbers import number
from bayes_scaling.model.studies.propose.proposal import Proposal
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axis_of, log_ticks, paper, some, spread, with_unit

LETTERS = 110
"""Letters of a line of the caption."""
UNITS = {"params": "parameters", "tokens": "tokens", "compute": "FLOP", "step": "steps"}
SIZE = (PAGE, 3.4)


@asked
@footed
def plot_proposal(proposal: Proposal, ax: Axes | None = None) -> Axes:
    """Draw the loss of a table against its main input, with the study proposed for it below.

    Colours are the levels of the group that the law reads first, else sizes. Checkpoints of a run are joined.

    Parameters
    ----------
    proposal
        What `propose_study` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_proposal(bs.propose_study("runs.csv"))  # doctest: +SKIP
    """
    ax = axis_of(ax, SIZE)
    x, rows = _rows(proposal)
    levels = spread(list(rows["colour"].drop_duplicates()), len(COLOURS))
    for place, level in enumerate(levels):
        _level(ax, rows[rows["colour"] == level], COLOURS[place], str(level), joined=proposal.shape.along is not None)
    shown = some(len(levels), rows["colour"].nunique())
    ax.set_xlabel(with_unit(x, UNITS.get(x, "")), color=INK)
    loss = proposal.roles.roles.get("loss")
    ax.set_ylabel(with_unit("loss", "" if loss is None else loss.unit), color=INK)
    for axis, values in (("x", rows["x"]), ("y", rows["loss"])):
        if len(values) and values.min() > 0:
            ax.set(**{f"{axis}scale": "log"})
            log_ticks(ax, axis)
    if len(levels) > 1:
        ax.legend(title=f"{_hue(proposal)}{shown}", fontsize=6, title_fontsize=6)
    ax.set_title(fill(_caption(proposal), LETTERS), fontsize=6.5, loc="left", color=INK)
    return ax


def proposal_figure(proposal: Proposal) -> Figure:
    """Return what `plot_proposal` draws as a figure of its own."""
    with paper():
        figure = Figure(figsize=SIZE)
        plot_proposal(proposal, figure.subplots())
    return figure


def _rows(proposal: Proposal) -> tuple[str, pd.DataFrame]:
    """Return the main input and, for each usable row, its place, loss, colour and run."""
    shape = proposal.shape
    figure = proposal.study.figure if proposal.study is not None else None
    known = [name for name in ("tokens", "params", "compute", "step") if name in shape.numbers]
    x = figure.x if figure is not None and figure.x in shape.numbers else known[0] if known else "row"
    kept = shape.frame.index[shape.usable]
    at = shape.numbers[x].loc[kept] if x in shape.numbers else pd.Series(np.arange(1, len(kept) + 1), index=kept)
    rows = pd.DataFrame({"x": at, "loss": shape.numbers["loss"].loc[kept] if "loss" in shape.numbers else np.nan})
    hue = _hue(proposal)
    rows["colour"] = (
        shape.frame.loc[kept, _column(proposal, hue)].astype(str) if hue in _named(proposal) else _sizes(proposal, kept)
    )
    rows["run"] = shape.frame.loc[kept, shape.run].astype(str) if shape.run is not None else ""
    rows = rows[rows["x"] > 0].dropna(subset=["x", "loss"])
    return x, rows if shape.along is None else _in_force(rows)


def _in_force(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of logs that are read: of a run that was restarted those of the later attempt."""
    later = rows["x"][::-1].groupby(rows["run"][::-1]).transform(lambda at: at.cummin().shift(1, fill_value=np.inf))
    return rows[rows["x"] < later.reindex(rows.index)]


def _named(proposal: Proposal) -> set[str]:
    return {*proposal.roles.groups, "experts"} if proposal.study is not None else set(proposal.roles.groups)


def _hue(proposal: Proposal) -> str:
    figure = proposal.study.figure if proposal.study is not None else None
    if figure is not None and figure.hue in _named(proposal):
        return str(figure.hue)
    return "params" if "params" in proposal.shape.numbers else ""


def _column(proposal: Proposal, hue: str) -> str:
    return proposal.roles.groups[hue].column if hue in proposal.roles.groups else proposal.roles.roles[hue].column


def _sizes(proposal: Proposal, kept: pd.Index) -> pd.Series:
    """Return a label for each row's size; one for all where none is known."""
    if "params" not in proposal.shape.numbers:
        return pd.Series("", index=kept)
    sizes = proposal.shape.numbers["params"].loc[kept].sort_values()
    return sizes.map(lambda size: number(size, 2)).loc[sizes.index]


def _level(ax: Axes, rows: pd.DataFrame, colour: str, label: str, *, joined: bool) -> None:
    if joined:
        for place, (_, log) in enumerate(rows.sort_values("x", kind="stable").groupby("run", sort=False)):
            ax.plot(log["x"], log["loss"], color=colour, linewidth=0.7, alpha=0.8, label=label if place == 0 else None)
        return
    ax.scatter(rows["x"], rows["loss"], s=9, color=colour, edgecolors="white", linewidths=0.3, label=label)


def _caption(proposal: Proposal) -> str:
    said = proposal.kind or proposal.problem
    roles = ", ".join(
        f"{one.role} = {one.column}{f' ({one.unit})' if one.unit else ''}" for one in proposal.roles.roles.values()
    )
    count = len(proposal.questions)
    questions = f" {count} question{'s' if count > 1 else ''} open." if count else ""
    return f"Proposed: {said}. {roles}.{questions}"
