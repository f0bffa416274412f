"""A study proposed for a table: roles, units, law and groups, with the reason for each and what stays open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.notation import READ, reading_of
from bayes_scaling._base.numbers import format_count
from bayes_scaling._base.views import show, view
from bayes_scaling.data.importers.record import Logs
from bayes_scaling.data.roles.find import Roles, find_roles
from bayes_scaling.data.roles.groups import CERTAIN
from bayes_scaling.data.roles.record import Question, Role
from bayes_scaling.data.roles.words import split_words
from bayes_scaling.data.rows import filter_rows
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import read_table, source_of
from bayes_scaling.model.studies.propose.choice import choose_law
from bayes_scaling.model.studies.propose.doubts import doubts, remarks, unsupported
from bayes_scaling.model.studies.propose.draft import Draft
from bayes_scaling.model.studies.propose.grouping import with_groups
from bayes_scaling.model.studies.propose.hints import instead_of_loss, unfit
from bayes_scaling.model.studies.propose.shape import Shape, read_shape, shape_sentences
from bayes_scaling.model.studies.propose.sources import logs_of
from bayes_scaling.model.studies.propose.text import proposed_text
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study, study_runs


@dataclass(frozen=True)
class Proposal:
    """A study proposed for a table.

    Parameters
    ----------
    roles
        Role -> column, with reason, confidence, unit and evidence; `roles.groups` and `roles.questions`.
    kind
        The law in words; "" where none is proposed.
    found
        What the rows are, a sentence each.
    can, cannot
        What the table can tell with that law, and what it cannot.
    questions
        What the table does not tell, each with the options that answer it.
    text
        The model file; "" where none can be written.
    study
        As `read_study` reads that text; None where there is none.
    runs
        As the study reads the table; None where it does not.
    problem
        Why there is no study, or why it does not read the table; "" where all is well.
    source
        What to call the table.
    notes
        What else is to be known, a sentence each: runs that the law takes for the same, columns that nothing reads.
    """

    roles: Roles
    kind: str
    found: tuple[str, ...]
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    questions: tuple[Question, ...]
    text: str
    study: Study | None
    runs: Runs | None
    problem: str
    source: str
    shape: Shape = field(repr=False)
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each role: column, unit, confidence, and why."""
        every = [*self.roles.roles.values(), *self.roles.groups.values()]
        rows = [
            (one.role, one.column, one.unit, one.confidence, "; ".join(filter(None, (one.reason, one.evidence))))
            for one in every
        ]
        rows += [(one.role, self.roles.tentative.get(one.role, ""), "", 0.0, f"open: {one.text}") for one in self.questions]
        return pd.DataFrame(rows, columns=["role", "column", "unit", "confidence", "why"])

    def summary(self) -> str:
        """Return what is proposed, and what stays open, in lines; of rows that are refused, why and what is asked alone."""
        if self.problem and self.text:  # what the rows are said to be is not to be relied on
            return "\n".join([*self._asked(), f"No study yet: {self.problem}."])
        said = [f"{self.source}: {'; '.join(self.found)}."]
        said += [_line(one) for one in (*self.roles.roles.values(), *self.roles.groups.values())]
        said += [f"{self.kind[:1].upper()}{self.kind[1:]}."] if self.kind else []
        said += [_filtered(self.study.columns.where, self.shape)] if self.study and self.study.columns.where else []
        said += [f"It can tell {one}." for one in self.can] + [f"It cannot tell {one}." for one in self.cannot]
        notes = self.runs.notes if self.runs is not None else self.roles.notes
        said += [f"Note: {note}." for note in (*notes, *self.notes)]
        return "\n".join([*said, *self._asked(), *([f"No study yet: {self.problem}."] if self.problem else [])])

    def _asked(self) -> list[str]:
        return [
            f"Question: {one.text}" + (f" Answer by {' or '.join(one.options)}." if one.options else "")
            for one in self.questions
        ]

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss against the main input, with what is proposed; see `bayes_scaling.plots.proposal.plot_proposal`."""
        return view("bayes_scaling.plots.proposal:plot_proposal")(self, ax)

    def _repr_html_(self) -> str:
        return show(self, "Proposed study")


def _filtered(where: str, shape: Shape) -> str:
    """Return which rows are read, how many are not, and the runs of which none is."""
    said = f"It reads the rows where {where}"
    try:
        kept = filter_rows(shape.frame, where, "the table")
    except InputError:
        return f"{said}."
    left = len(shape.frame) - len(kept)
    said += f": {format_count(left)} of {format_count(len(shape.frame))} are left out" if left else ": all of them"
    if shape.run is None or shape.along is None:
        return f"{said}."
    lost = [str(one) for one in shape.frame[shape.run].unique() if one not in set(kept[shape.run])]
    return f"{said}{f', among them all rows of {", ".join(lost)}' if lost else ''}."


def _line(one: Role) -> str:
    """Return what is taken for what in one line: "params is column 'N', in M parameters: its name, 70M to 1B parameters"."""
    unit = f", in {one.unit}" if one.unit else ""
    return f"{one.role} is column {one.column!r}{unit}: {'; '.join(filter(None, (one.reason, one.evidence)))}"


@asked
def propose_study(
    table: Any,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    source: str | Path | None = None,
) -> Proposal:
    """Return a study proposed for a table: roles and units of its columns, what its rows are, and a law that it can support.

    What cannot be decided is a question, never a guess.

    Parameters
    ----------
    table
        A path, a data frame or anything else that `read_runs` takes, or the `Logs` that `read_logs` returns.
    columns
        Role -> column, as answers to questions, such as {"loss": "eval/loss"}.
    units
        Role or column -> unit, such as {"params": "M"}.
    source
        What the file is to name as its table; the path of the table unless given.

    Returns
    -------
    Proposal
        `text` is the model file; `summary()`, `to_frame()` and `plot()` show the rest.

    Raises
    ------
    InputError
        Where the table cannot be read, or has no column that is named.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> table = {
    ...     "N": [70, 160, 410, 1000, 70, 160, 410, 1000],
    ...     "D": [1.4, 3.2, 8.2, 20.0, 5.6, 12.8, 32.8, 80.0],
    ...     "val_loss": [3.52, 3.19, 2.87, 2.64, 3.26, 2.97, 2.71, 2.51],
    ... }
    >>> proposal = bs.propose_study(table)
    >>> proposal.roles.roles["params"].unit, proposal.roles.roles["tokens"].unit
    ('M parameters', 'B tokens')
    >>> print(proposal.kind)
    L(N, D), Chinchilla's law with interaction and discrepancy, because rows are runs of several sizes and numbers of tokens
    """
    name = source_of(table)
    if isinstance(table, str | PathLike):
        table = logs_of([table]) or table
    if isinstance(table, Logs):
        table = table.to_frame()
    frame = _read(table)
    if source is not None and not isinstance(table, str | PathLike):
        name = str(source)
        frame.attrs[READ] = {**reading_of(frame), "source": name}
    roles = find_roles(frame, columns, units)
    shape = read_shape(frame, roles)
    draft = choose_law(shape)
    questions = (*roles.questions, *_missing(shape, draft))
    if draft is None or unsupported(shape):
        return _nothing(shape, questions, name)
    draft = with_groups(draft, shape)
    questions = _without_doubles((*questions, *doubts(shape, draft)))
    return _with_study(draft, shape, questions, frame, name, _path(table, source))


def _without_doubles(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """Return questions, the first about each role."""
    return tuple({one.role: one for one in reversed(questions)}[role] for role in dict.fromkeys(one.role for one in questions))


def _read(table: Any) -> pd.DataFrame:
    """Return a table; of a file with labels of kinds of runs as they are written, so that 1.10 and 1.1 are two."""
    frame = read_table(table, labels=frozenset())
    labels = frozenset(name for name in map(str, frame) if set(split_words(name)) & CERTAIN)
    return read_table(table, labels=labels) if labels and isinstance(table, str | PathLike) else frame


def _path(table: Any, source: str | Path | None) -> str | None:
    if source is not None:
        return str(source)
    return str(Path(table).absolute()) if isinstance(table, str | Path) else None


def _missing(shape: Shape, draft: Draft | None) -> tuple[Question, ...]:
    """Return questions for what no column is found for, without which there is no law."""
    roles = shape.roles
    open_ones = {one.role for one in roles.questions}
    found = []
    if roles.column("loss") is None and "loss" not in open_ones:
        text = "no column is recognised as the loss: which is it?"
        seen = instead_of_loss(shape)
        found.append(Question("loss", f"{text} {seen[:1].upper()}{seen[1:]}." if seen else text, ("--column loss=COLUMN",)))
    elif draft is None and not {"params", "tokens", "compute"} & {*roles.roles, *roles.tentative}:
        options = ("--column params=COLUMN", "--column tokens=COLUMN", "--column compute=COLUMN")
        text = "no column is recognised as parameters, tokens or compute: which are they?"
        wrong = unfit(shape, "params") or unfit(shape, "tokens")
        found.append(Question("params", f"{text} {wrong[:1].upper()}{wrong[1:]}." if wrong else text, options))
    return tuple(found)


MOST_NAMES = 12
"""So many columns are named where there are more."""


def _nothing(shape: Shape, questions: tuple[Question, ...], name: str) -> Proposal:
    there = [str(column) for column in shape.frame]
    asked_last = questions[-1].text if questions else "it has no row with a loss and counts above zero"
    some = f"{', '.join(there[:MOST_NAMES])}{', ...' if len(there) > MOST_NAMES else ''}"
    asked_why = f"{asked_last} The table has the columns {some}" if questions else asked_last
    why = unsupported(shape) or asked_why
    return Proposal(shape.roles, "", tuple(shape_sentences(shape)), (), (), questions, "", None, None, why, name, shape)


def _with_study(
    draft: Draft, shape: Shape, questions: tuple[Question, ...], frame: pd.DataFrame, name: str, source: str | None
) -> Proposal:
    """Return a draft as a proposal, with its study and runs where its text can be read back."""
    text, study, runs, problem = "", None, None, ""
    notes = remarks(shape, draft)
    try:
        text = proposed_text(draft, shape, source, questions, notes)
        study = parse_study(text, "the proposed study")
        runs = study_runs(study, frame)
    except InputError as error:
        problem = str(error)
    kind = f"{draft.kind}, because {draft.why}"
    found = tuple(shape_sentences(shape))
    told = (found, draft.can, draft.cannot, questions, text, study, runs, problem, name, shape, notes)
    return Proposal(shape.roles, kind, *told)
