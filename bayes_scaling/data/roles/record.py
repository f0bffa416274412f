"""What is known of the column that has a role, and what people are asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """The column that has a role, and why.

    Parameters
    ----------
    role
        What the column is for: "params", "loss", "run", or the name of a group.
    column
        Its name in the table.
    reason
        Why it is taken to be that, in a few words.
    confidence
        1 where it was said, below that where it was found.
    unit
        What it counts in, as a study file says it; "" where nothing is to be said.
    evidence
        Why it is taken to count in that.
    """

    role: str
    column: str
    reason: str
    confidence: float = 1.0
    unit: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Question:
    """What a table does not tell.

    Parameters
    ----------
    role
        Of which column, or what else it is about.
    text
        The question, with what speaks for each answer.
    options
        Command-line options that answer it, one a possible answer.
    """

    role: str
    text: str
    options: tuple[str, ...] = ()
