"""A report: what a fit says, how sure it is, and what was done, as one page that needs nothing else."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.files import without_nan, write_text
from bayes_scaling._base.numbers import exact, number
from bayes_scaling._base.versions import versions
from bayes_scaling.inference.health import accepted
from bayes_scaling.inference.health_line import line_of
from bayes_scaling.inference.stacking import Posterior, Stack, without_health
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.report import words
from bayes_scaling.report.budget import Budget, multiplier_budget, plan_budget
from bayes_scaling.report.figures import check_figure, main_figures
from bayes_scaling.report.laws import laws_on_page, weights_on_page
from bayes_scaling.report.moves import moved_answers
from bayes_scaling.report.page import render
from bayes_scaling.report.record import Record, read_record
from bayes_scaling.report.sentences import stack_sentences, summary_sentences
from bayes_scaling.report.validation import validation
from bayes_scaling.validation.findings.every import findings
from bayes_scaling.validation.stack_sentences import weighing_sentences

NO_BUDGET = "the law has no compute, or no group of alternatives, to plan or compare at one"


@asked
def write_report(
    fit: Posterior,
    path: str | Path,
    *,
    folder: str | Path | None = None,
    title: str = "",
    figure: Sheet | None = None,
    compute: float | None = None,
    questions: Sequence[str] | None = None,
) -> Path:
    """Write a page on a fit: one HTML file that opens without a network.

    The same fit and folder give the same page. No sampling and no compiling: some seconds.

    Parameters
    ----------
    fit
        A fit, or a stack: figures and plans are of the mixture, parameters of each law.
    path
        Where to write; ends in .html.
    folder
        What `bayes-scaling fit` wrote, with a backtest in it or beneath it if there is one; title, figure, seconds and versions
        of the fit are read from its record. None: from the fit alone.
    title
        What the page is called; that of the study unless given.
    figure
        The layout of the bands; that of the study unless given, else chosen by the groups and inputs.
    compute
        The budget that the page opens at, in FLOP for a law of params and tokens, else in the unit of its axis; ten times the
        largest run's unless given.
    questions
        Answers of which the page says what moves them, as for `sensitivity`; those of its budget unless given, () for none.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        Where the file cannot be written, a backtest in the folder cannot be read, or nothing can be said of a budget that is
        asked about, and as `sensitivity` does of questions.

    Examples
    --------
    >>> bs.write_report(fit, "report.html")  # doctest: +SKIP
    """
    path = Path(path)
    context = report_context(fit, folder=folder, title=title, figure=figure, compute=compute, questions=questions)
    write_text(render(context), path)
    return path


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # far beyond the runs single draws leave the numbers
def report_context(
    fit: Posterior,
    *,
    folder: str | Path | None = None,
    title: str = "",
    figure: Sheet | None = None,
    compute: float | None = None,
    questions: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return what a report says, by the names that its template has; arguments and errors as for `write_report`."""
    place = Path(folder) if folder is not None else None
    record = read_record(place)
    schedule = fit.runs.columns.schedule is not None
    plans, no_plan = (None, "") if schedule else _planned(fit, compute)
    multipliers = None if schedule or plans is not None else multiplier_budget(fit, compute)
    drawings = main_figures(fit, figure or record.figure, plans)
    check = check_figure(fit)
    budget = plans or multipliers
    if compute is not None and budget is None:
        raise InputError(f"nothing can be said of a budget of {exact(compute)}: {no_plan or NO_BUDGET}")
    moved = moved_answers(fit, questions, budget)
    return {
        "title": title or record.title or words.title(fit),
        "problems": fit.health.problems if fit.health is not None and not fit.health.ok else [],
        "noted": line_of(fit) if accepted(fit.health) else "",
        "prior_only": fit.health is None,
        "findings": [note.sentence for note in findings(fit)],
        # The page says at its top what the sampler says.
        "sentences": _sentences(without_health(fit), str(place or "DIR")),
        "count": words.rows(fit)[0],
        "figures": drawings,
        "budget": budget,
        "no_plan": no_plan,
        "check": check,
        "moved": moved,
        "laws": laws_on_page(fit),
        "weights": weights_on_page(fit),
        "weighing": weighing_sentences(fit) if isinstance(fit, Stack) else (),
        "references": [
            f"{name} {number(value)} {fit.runs.columns.inputs[name].unit}".rstrip()
            for name, value in fit.runs.references.items()
        ],
        "health": fit.health,
        "record": record,
        "columns": words.columns(fit),
        "counting": words.counting(fit),
        "rows": words.rows(fit),
        "validation": validation(fit, place),
        "backtest": _backtest(record, place),
        "versions": record.versions or versions(),
        "data": without_nan(_data([*drawings, check], budget)),
    }


def _sentences(fit: Posterior, folder: str) -> tuple[str, ...]:
    """Return what a fit or a stack says; how the weights of the latter were found stands elsewhere on the page."""
    if not isinstance(fit, Stack):
        return summary_sentences(fit, folder)
    weights, *others = stack_sentences(fit, folder)
    told = weighing_sentences(fit)
    return (weights, *(one for one in others if one not in told))


def _backtest(record: Record, place: Path | None) -> str:
    """Return what to type for a validation of a fit: a command where it was made by one, else Python."""
    if not record.model or place is None:
        return "bs.backtest(fit.model, fit.runs)"
    options = {"--runs": record.runs, "--column": record.columns, "--unit": record.units, "--cost": record.cost}
    words = [word for option, said in options.items() for one in said for word in (option, one)]
    return shlex.join(["bayes-scaling", "backtest", record.model, *words, "--out", str(place / "backtest")])


def _planned(fit: Posterior, compute: float | None) -> tuple[Budget | None, str]:
    """Return the plans of budgets, or why there are none: a law that has no best split can still be reported on."""
    try:
        return plan_budget(fit, compute), ""
    except InputError as error:
        return None, one_line(error)


def _data(drawings: list[Any], budget: Budget | None) -> dict[str, Any]:
    """Return what the script on the page reads."""
    return {
        "figures": {one.name: one.panels for one in drawings if one.panels},
        "budget": None
        if budget is None
        else {
            "budgets": budget.budgets,
            "start": budget.start,
            "steps": {label: [asdict(step) for step in steps] for label, steps in budget.steps.items()},
        },
    }
