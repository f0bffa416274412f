"""The text of a proposed study, as a person would have written it."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.expressions import quoted_name
from bayes_scaling.data.roles.record import Question, Role
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.model.studies.propose.draft import Draft, Read, comment, literal
from bayes_scaling.model.studies.propose.shape import Shape, shape_sentences


def proposed_text(
    draft: Draft, shape: Shape, source: str | None, questions: Sequence[Question], notes: Sequence[str] = ()
) -> str:
    """Return a study as TOML with comments: sections in order, reasons beside, what stays open as a question."""
    parts = [
        "# Proposed by `bayes-scaling init`. Every line may be changed; the reasons stand beside.",
        f"title = {literal(draft.title)}",
        _description(draft, shape, notes),
        "",
        *_data(draft, shape, source, questions),
        "",
        "[data.inputs]",
        *_asked(questions, _elsewhere(draft, questions)),
        *_inputs(draft.inputs, questions),
        *_groups(draft, shape),
        "",
        draft.law,
        "",
        "[figure]",
        f"x = {literal(draft.x)}",
        *(f"{key} = {literal(of)}" for key, of in (("hue", draft.hue), ("columns", draft.columns)) if of is not None),
    ]
    return "\n".join(parts) + "\n"


def _description(draft: Draft, shape: Shape, notes: Sequence[str]) -> str:
    lines = [f"{_sentence(draft.kind)}, because {draft.why}.", f"The table: {'; '.join(shape_sentences(shape))}."]
    lines += [f"It can tell {one}." for one in draft.can]
    lines += [f"It cannot tell {one}." for one in draft.cannot]
    lines += [f"{_sentence(note)}." for note in notes]
    wrapped = [line.removeprefix("# ") for text in lines for line in comment(text)]
    body = "\n".join(wrapped).replace("\\", "\\\\").replace('"""', "'''")
    return f'description = """\n{body}\n"""'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _data(draft: Draft, shape: Shape, source: str | None, questions: Sequence[Question]) -> list[str]:
    """Return the section of a study file on its data."""
    lines = ["[data]"]
    lines += [f"source = {literal(source)}"] if source is not None else ["# The runs are given with --runs."]
    if draft.run is not None:
        lines += [*_reason(shape.roles.roles.get("run")), f"run = {literal(draft.run)}"]
    lines += _where(draft, shape)
    lines += [*_asked(questions, ("loss", "unit of loss")), *_reason(shape.roles.roles.get("loss"))]
    one = shape.roles.roles.get("loss")
    response = {"column": shape.roles.column("loss")} | ({"unit": one.unit} if one is not None and one.unit else {})
    lines.append(f"response = {{ {', '.join(f'{key} = {literal(of)}' for key, of in response.items())} }}")
    return [*lines, *draft.data]


def _where(draft: Draft, shape: Shape) -> list[str]:
    """Return the filter of a proposed study, a line each, with the reason for each condition."""
    conditions = list(draft.filters)
    if shape.unfinished is not None:
        why = f"Runs that did not finish ({shape.unfinished.text}) show a higher loss than runs planned to end there: left out."
        conditions.append((shape.unfinished.where, why))
    if not shape.usable.all():
        inputs = [one.column for one in draft.inputs.values() if one.column not in DERIVED]
        cleaned = any("curve = " in line for line in draft.data)  # which leaves out rows without a loss itself
        loss = "" if cleaned else shape.roles.column("loss") or ""
        read = [column for column in (loss, *inputs) if column in shape.roles.numbers]
        lacking = [column for column in dict.fromkeys(read) if not (shape.roles.numbers[column] > 0).all()]
        conditions += [(f"`{column}` > 0", f"Rows without {column} are left out.") for column in lacking]
        endless = [column for column in dict.fromkeys(read) if np.isinf(shape.roles.numbers[column]).any()]
        conditions += [(f"`{column}` < 1e300", f"So are rows where {column} is infinite.") for column in endless]
    if not conditions:
        return []
    for name in map(str, shape.frame):
        if "`" in name and any(f"`{name}`" in text for text, _ in conditions):
            raise InputError(
                f"column {name!r}: some rows must be left out by it, and a filter cannot name a column with a back-tick in its "
                "name; rename the column, or leave those rows out of the table"
            )
    reasons = [line for _, why in conditions for line in comment(why)]
    return [*reasons, f"where = {literal(' and '.join(_plain(_whole(text)) for text, _ in conditions))}"]


def _whole(text: str) -> str:
    """Return a condition that can be joined to others by "and"."""
    return f"({text})" if " or " in text else text


def _plain(text: str) -> str:
    """Return a condition with names in back-ticks only where they need them."""
    return re.sub(r"`([^`]*)`", lambda found: quoted_name(found[1]), text)


def _inputs(inputs: Mapping[str, Read], questions: Sequence[Question]) -> list[str]:
    lines: list[str] = []
    for name, one in inputs.items():
        lines += _asked(questions, (name, f"unit of {name}"))
        lines += comment(_sentence(one.why.rstrip(".")) + ".") if one.why else []
        said = {"column": one.column} | ({"unit": one.unit} if one.unit else {})
        said |= {"reference": one.reference} if one.reference is not None else {}  # type: ignore[dict-item]
        lines.append(f"{name} = {{ {', '.join(f'{key} = {literal(of)}' for key, of in said.items())} }}")
    return lines


def _groups(draft: Draft, shape: Shape) -> list[str]:
    if not draft.groups:
        return []
    lines = ["", "[data.groups]"]
    for name, column in draft.groups.items():
        one = shape.roles.groups.get(name)
        lines += comment(_sentence(one.reason) + ".") if one is not None else []
        lines.append(f"{name} = {literal(column)}")
    return lines


def _reason(one: Role | None) -> list[str]:
    if one is None:
        return []
    said = one.reason + (f"; {one.evidence}" if one.evidence else "")
    return comment(f"{_sentence(one.role)} by {said}." if said.startswith("its name") else f"{_sentence(one.role)}: {said}.")


def _elsewhere(draft: Draft, questions: Sequence[Question]) -> list[str]:
    """Return what questions are about that stand at no line of the file."""
    placed = {"loss", "unit of loss", *draft.inputs, *(f"unit of {name}" for name in draft.inputs)}
    return [one.role for one in questions if one.role not in placed]


def _asked(questions: Sequence[Question], about: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for one in questions:
        if one.role in about:
            answer = f" Answer by {' or '.join(one.options)}." if one.options else ""
            lines += comment(f"QUESTION: {one.text}{answer}")
    return lines
