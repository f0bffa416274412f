"""What moves the answers of a page: those of its budget, or others that are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling.decisions.estimand_text import Estimand, held_too, parse_estimand
from bayes_scaling.decisions.sensitivity.sensitivity import sensitivity
from bayes_scaling.inference.stacking import Posterior, groups_needed, inputs_read
from bayes_scaling.plots.sensitivity import sensitivity_figure
from bayes_scaling.report.budget import Budget, compared_group, compute_axis, ordered_levels
from bayes_scaling.report.svg import Drawing, drawing

CAPTION = (
    "Left, above: shares of the variance by part, with two standard errors; diamonds are what would go were the part alone "
    "known. Below: what further runs would leave of it, by source. Right: median and 90 % interval as they are (grey), and "
    "where priors or the likelihood count less or more, or one law alone holds. A row that weighted draws cannot say is empty."
)


@dataclass(frozen=True)
class Moved:
    """What moves one answer: in sentences, and as a figure.

    Parameters
    ----------
    question
        As it was asked.
    notes
        What to know before relying on it.
    """

    question: str
    sentences: list[str]
    notes: tuple[str, ...]
    figure: Drawing


def moved_answers(fit: Posterior, questions: Sequence[str] | None, budget: Budget | None) -> list[Moved]:
    """Return what moves each answer.

    Parameters
    ----------
    questions
        As for `sensitivity`; None: those that the budget of the page answers, where they can be asked.

    Raises
    ------
    InputError
        As `sensitivity` does of questions that were asked.
    """
    if questions is not None:
        return [_moved(fit, parse_estimand(text), i) for i, text in enumerate(questions)]
    found: list[Moved] = []
    for one in budget_questions(fit, budget):
        try:
            found.append(_moved(fit, one, len(found)))
        except InputError:  # no answer in most draws, or too few draws: the page says less
            continue
    return found


def _moved(fit: Posterior, asked: Estimand, place: int) -> Moved:
    found = sensitivity(fit, asked)
    title, *said = replace(found, health=None, notes=()).summary().splitlines()
    figure = drawing(sensitivity_figure(found), f"moves{place}", "Its uncertainty, and what moves it", CAPTION)
    return Moved(title, said, found.notes, figure)


def budget_questions(fit: Posterior, budget: Budget | None) -> list[Estimand]:
    """Return what a page says at the budget that it opens at, as questions: plan and run, or multiplier; none of a prior."""
    if budget is None or fit.health is None:
        return []
    if "best_params_q05" in budget.table:
        return _plan_and_run(fit, budget)
    along, group = compute_axis(fit), compared_group(fit)
    if along is None or group is None:
        return []
    at = float(budget.table[along].unique()[budget.start])
    lead = budget.table[budget.table[along] == at].iloc[-1]  # the page's sentence is of this one too
    first = str(ordered_levels(fit, group)[0])
    asked = Estimand(f"multiplier {group}={lead['other']}:{first}", "multiplier", group, str(lead["other"]), first)
    return [held_too(asked, {along: f"{at:.6g}", **_held(fit, lead, (along, group))})]


def _plan_and_run(fit: Posterior, budget: Budget) -> list[Estimand]:
    row = budget.table.iloc[budget.start]
    rest = _held(fit, row, ("params", "tokens"))
    plan = {"compute": f"{row['compute']:.6g}", **rest}
    run = {**{name: f"{row[name]:.4g}" for name in ("params", "tokens")}, **rest}
    return [held_too(Estimand(kind, kind), of) for kind, of in (("plan", plan), ("run", run))]


def _held(fit: Posterior, row: Any, beside: tuple[str, ...]) -> dict[str, str]:
    """Return the levels and other inputs of a row of the budget's table, as a question writes them; runs are new ones."""
    inputs = {name: f"{float(row[name]):.6g}" for name in inputs_read(fit) if name not in beside}
    return inputs | {name: str(row[name]) for name in groups_needed(fit) if name not in (*beside, "run")}
