"""What a person should know before they trust a proposed study: what is missing, what is odd, what is not read."""

from collections.abc import Sequence
from shlex import quote

import numpy as np

from bayes_scaling._base.numbers import format_count, number
from bayes_scaling.data.plausible import MAX_TOKENS_PER_PARAM, MIN_TOKENS_PER_PARAM, USUAL_COUNTS
from bayes_scaling.data.roles.groups import is_group_name
from bayes_scaling.data.roles.preferences import MIN_STRENGTH
from bayes_scaling.data.roles.record import Question
from bayes_scaling.data.roles.units import infer_units, unit_text
from bayes_scaling.data.roles.words import is_error_name, meanings
from bayes_scaling.laws.units import read_unit
from bayes_scaling.model.studies.propose.draft import Draft, literal
from bayes_scaling.model.studies.propose.hints import may_tell, options_for, quoted_names, unfit
from bayes_scaling.model.studies.propose.responses import no_loss_above_zero, share_of_answers
from bayes_scaling.model.studies.propose.shape import Shape

REPEATED, MIXED = 1.01, 0.05
LISTED = 8
"""Data repeat from so many tokens for each unique one; runs of one size differ by more than noise from such a share."""


def unsupported(shape: Shape) -> str:
    """Return why no law can be told from the rows of a table; "" where one can."""
    if "loss" not in shape.numbers:
        return ""
    if why := no_loss_above_zero(shape) or share_of_answers(shape):
        return why
    if not shape.usable.any():
        return ""
    seen = shape.numbers["loss"][shape.usable]
    if len(seen) == 1:
        return "only one row has a loss and counts above zero, and one run tells no law"
    if seen.nunique() == 1:
        every = f"{number(float(seen.iloc[0]), 4)} in all {format_count(len(seen))} rows"
        return f"column {shape.roles.column('loss')!r} (loss) is {every}, and a constant tells no law"
    return ""


def doubts(shape: Shape, draft: Draft) -> tuple[Question, ...]:
    """Return what is asked once a law is proposed: inputs that other columns may tell, and counts that no sweep has."""
    return (*_missing_inputs(shape, draft), *_repeats(shape, draft), *_odd_counts(shape))


def _missing_inputs(shape: Shape, draft: Draft) -> list[Question]:
    """Return questions on params and tokens, where no column is taken for them."""
    found = []
    for role, what in (("params", "sizes"), ("tokens", "tokens")):
        if shape.roles.column(role) is not None or "compute" in draft.inputs or (role == "tokens" and shape.along is not None):
            continue
        wrong, hints = unfit(shape, role), may_tell(shape, role)
        if wrong:
            text = f"{wrong}: which column is {role}?"
        elif hints:
            text = (
                f"no column says the {what}, but {quoted_names(hints)} may tell them. A law reads a column, no product of them"
            )
            text += f": is there one of {role}, or can the table be given one{_by_import(role)}?"
        else:
            continue
        found.append(Question(role, text, options_for(shape, role)))
    return found


def _by_import(role: str) -> str:
    return " (`import` makes it of logs, with --tokens-per-step)" if role == "tokens" else ""


def _repeats(shape: Shape, draft: Draft) -> list[Question]:
    """Ask for the epochs where tokens repeat and the law does not read it."""
    if not {"tokens", "unique_tokens"} <= set(shape.numbers) or "unique_tokens" in draft.inputs:
        return []
    ratio = (shape.numbers["tokens"] / shape.numbers["unique_tokens"])[shape.usable]
    if not (ratio > REPEATED).any():
        return []
    column = shape.roles.column("unique_tokens")
    text = (
        f"column {column!r} says that data repeat, up to {number(float(ratio.max()), 3)} times, and this law reads repeated "
        "tokens as new ones. The law data_constrained tells them apart where a column says the epochs, tokens / unique "
        "tokens: which does?"
    )
    return [Question("epochs", text, ("--column epochs=COLUMN",))]


def _odd_counts(shape: Shape) -> list[Question]:
    """Ask whether units hold that a name or the table says, where no sweep has such counts."""
    said = {role: one for role, one in shape.roles.roles.items() if role in ("params", "tokens") and "says" in one.evidence}
    said = {role: one for role, one in said.items() if one.unit and "as was said" not in one.evidence}
    if not said or not _odd(shape):
        return []
    values = {role: shape.roles.numbers[one.column][shape.usable] for role, one in shape.roles.roles.items() if role in COUNTED}
    known = {role: read_unit(shape.roles.unit(role)).factor for role in values if role not in said and shape.roles.unit(role)}
    told = infer_units(values, {role: of for role, of in known.items() if role != "loss"}, None)
    found = []
    for role, one in said.items():
        likely = [unit_text(role, told.factor[role])] if role in told.factor else list(told.open.get(role, ()))
        if one.unit in likely[:1]:
            continue
        units = [*[unit for unit in likely if unit != one.unit], one.unit]
        text = f"column {one.column!r} ({role}) counts in {one.unit}, {one.evidence}, as no sweep has: what does it count in?"
        found.append(Question(f"unit of {role}", text, tuple(f"--unit '{role}={unit}'" for unit in units)))
    return found


COUNTED = ("params", "tokens", "loss")


def _odd(shape: Shape) -> bool:
    """Return whether the middle of sizes, or of tokens a parameter, is none of a sweep."""
    logs = {role: np.log(shape.numbers[role][shape.usable]) for role in ("params", "tokens") if role in shape.numbers}
    middle = {role: float(np.exp(of[np.isfinite(of)].mean())) for role, of in logs.items()}
    if middle.get("params", 0.0) > USUAL_COUNTS["parameters"][1]:
        return True
    ratio = middle["tokens"] / middle["params"] if len(middle) == len(logs) == len(("params", "tokens")) else 1.0
    return not MIN_TOKENS_PER_PARAM <= ratio <= MAX_TOKENS_PER_PARAM


def remarks(shape: Shape, draft: Draft) -> tuple[str, ...]:
    """Return what is to be known of a table beside the law: runs mixed by it, and columns that nothing reads."""
    many = _many_levels(shape)
    said = [
        f"column {name!r} has {format_count(of)} levels, too many for {format_count(shape.runs)} runs: not read"
        for name, of in many.items()
    ]
    errors = [name for name in _left(shape) if name in shape.roles.numbers and is_error_name(name)]
    said += [
        f"column {name!r} may be the standard errors of the losses: not read; "
        f"measurement_error = {{ column = {literal(name)}, relative = false }} in [data] reads it"
        for name in errors
    ]
    unread = _unread([name for name in _left(shape) if name not in {*many, *errors}])
    return tuple(filter(None, (_mixed(shape, draft), _epochs(shape, draft), *said, *unread)))


def _mixed(shape: Shape, draft: Draft) -> str:
    """Say by how much losses of runs differ that a law of one input takes for the same."""
    if shape.along is not None or len(draft.inputs) != 1:
        return ""
    name = next(iter(draft.inputs))
    if name not in shape.numbers:
        return ""
    cells = [shape.numbers[name][shape.usable], *(shape.frame.loc[shape.usable, one] for one in _columns(draft))]
    of = np.log(shape.numbers["loss"][shape.usable]).groupby([one.astype(str) for one in cells])
    apart = float(np.expm1((of.max() - of.min()).max()))
    if apart < MIXED:
        return ""
    return f"runs that have the same {name} differ by up to {number(100 * apart, 2)} % in loss, which this law takes for noise"


def _columns(draft: Draft) -> list[str]:
    return [column for of in draft.groups.values() for column in ([of] if isinstance(of, str) else of)]


def _epochs(shape: Shape, draft: Draft) -> str:
    if "epochs" not in shape.numbers or "epochs" in draft.inputs or "unique_tokens" in shape.numbers:
        return ""
    most = float(shape.numbers["epochs"][shape.usable].max())
    if not most > REPEATED:
        return ""
    return f"data repeat, up to {number(most, 3)} epochs, and this law reads repeated tokens as new ones"


def _many_levels(shape: Shape) -> dict[str, int]:
    """Return columns called as kinds of runs are whose levels are too many, with how many they have."""
    left = [name for name in _left(shape) if is_group_name(name) and name not in shape.roles.numbers]
    levels = {name: int(shape.frame[name].nunique()) for name in left}
    return {name: of for name, of in levels.items() if of > shape.runs / MOST_SHARE}


MOST_SHARE = 4
"""A group whose levels have fewer runs than that, in the mean, has many."""


def _left(shape: Shape) -> list[str]:
    every = [*shape.roles.roles.values(), *shape.roles.groups.values()]
    taken = {one.column for one in every} | set(shape.roles.tentative.values())
    open_ones = {option for one in shape.roles.questions for option in one.options}
    taken |= {name for name in map(str, shape.frame) for role in COUNTED if f"--column {quote(f'{role}={name}')}" in open_ones}
    return [name for name in map(str, shape.frame) if name not in taken]


def _unread(left: Sequence[str]) -> list[str]:
    """Name the columns that have no role, those that may be compute apart."""
    compute = [name for name in left if any(one.role == "compute" and one.strength >= MIN_STRENGTH for one in meanings(name))]
    others = [name for name in left if name not in compute]
    said = [f"{quoted_names(compute)} may be compute: not read; --column compute=COLUMN names one"] if compute else []
    return [*said, *([f"columns without a role are not read: {_some(others)}"] if others else [])]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:LISTED]))
    return shown + (f" and {format_count(len(names) - LISTED)} more" if len(names) > LISTED else "")
