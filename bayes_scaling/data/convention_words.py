"""Conventions of counting in words: what is known of them, and what is not stated."""

from bayes_scaling._base.numbers import format_count
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.conventions import COMPUTE, MIXED, Conventions
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.data.table_conventions import role_of, roles

PHRASES = {
    ("embeddings", "with"): "with embeddings",
    ("embeddings", "without"): "without embeddings",
    ("embeddings", MIXED): "with or without embeddings by row",
    ("head", "with"): "with the output head",
    ("head", "without"): "without the output head",
    ("head", MIXED): "with or without the output head by row",
    ("experts", "active"): "active ones only",
    ("experts", "total"): "of all experts",
    ("experts", MIXED): "active or of all experts by row",
}
"""Field and value -> what is said of parameters."""
COMPUTED = dict(zip(COMPUTE, ("6 N D", "with attention", "as logged"), strict=True)) | {MIXED: "in several ways"}
TOLD = ("tokenizer", "smoothing", "context", "evaluation", "schedule")


def params_words(conventions: Conventions) -> str:
    """Return how parameters are counted, as it follows the noun: "without embeddings"; "" where nothing is known."""
    known = [words for (name, value), words in PHRASES.items() if getattr(conventions, name) == value]
    return ", ".join([*known, *([conventions.params] if conventions.params else [])])


def input_words(columns: Columns, name: str) -> str:
    """Return how an input is counted, as it follows its values: "without embeddings", "6 N D", "seen"; "" where unknown."""
    of, role = columns.conventions, role_of(name, columns.inputs[name])
    if role == "compute" and of.compute:
        return COMPUTED.get(of.compute, of.compute)
    if role == "tokens" and of.tokens:
        return "seen or unique by row" if of.tokens == MIXED else of.tokens
    return params_words(of) if role == "params" else ""


def loss_words(conventions: Conventions) -> list[str]:
    """Return what is known of how a loss was measured: "tokenizer GPT-2", "schedule finished"."""
    known = {name: of for name in TOLD if (of := getattr(conventions, name)) is not None}
    return [f"{name} {format_count(of) + ' tokens' if isinstance(of, int) else of}" for name, of in known.items()]


def counted_parts(columns: Columns) -> dict[str, str]:
    """Return what is counted -> how, of what is read; of the loss its unit too."""
    response, found = columns.response, {}
    for name, one in columns.inputs.items():
        role, words = role_of(name, one), input_words(columns, name)
        if role is not None and words:
            found[role] = f"{'parameters' if role == 'params' else role} {words}"
    per = {output: unit.replace("/", " per ") for output, unit in (columns.output_units or {"": response.unit}).items()}
    unit = ", ".join(f"{of} ({output})" if output else of for output, of in per.items() if of) or "a unit not stated"
    details = ", ".join([*(["unit assumed"] if response.assumed else []), *loss_words(columns.conventions)])
    said = response.name if unit == response.name else f"{response.name} in {unit}"
    return found | {"loss": said + (f" ({details})" if details else "")}


def not_stated(columns: Columns) -> dict[str, str]:
    """Return what is counted -> what of it changes answers and is not known."""
    of, read = columns.conventions, roles(columns)
    follows = columns.schedule is not None or any(one.column in DERIVED for one in columns.inputs.values())
    every = {
        "params": "" if of.embeddings else "parameters with or without embeddings",
        "compute": "" if of.compute else "compute 6 N D, with attention or logged",
        "tokens": "" if of.tokens else "tokens seen or unique",
        "loss": "" if of.schedule or follows else "schedule finished or not",
    }
    return {role: words for role, words in every.items() if role in read and words}


def counted_sentence(columns: Columns) -> str:
    """Return how everything was counted in a sentence, and what is not stated in another."""
    missing = list(not_stated(columns).values())
    said = f"Counted: {'; '.join(counted_parts(columns).values())}."
    return said + (f" Not stated: {'; '.join(missing)}." if missing else "")
