"""The record of a diagnostic of a fit, and the order of diagnostics by weight."""

from collections.abc import Iterable
from dataclasses import dataclass

WORST_FIRST = (
    "flat",
    "rising",
    "falling",
    "prior-loss",
    "prior-conflict",
    "noise-above-prior",
    "discrepancy-above-prior",
    "outliers",
    "misfit",
    "misfit-by-group",
    "shared-misfit",
    "misfit-in-order",
    "single-rows",
    "prior-only",
    "floor-from-prior",
    "fixed-ratio",
    "few-sizes",
    "prior-sensitive",
)
"""Codes of findings, the worst first: no law at all, the wrong unit or prior, rows astray, a law astray, what is left open."""

SERIOUS = WORST_FIRST[: WORST_FIRST.index("single-rows")]
"""Codes of findings that put every answer of a fit in doubt; the others say what the runs leave open."""


@dataclass(frozen=True)
class Finding:
    """A diagnostic: a reason for care with a fit.

    Parameters
    ----------
    code
        One of `WORST_FIRST`.
    sentence
        Which parameter, input, group or rows, with numbers; and what to do, after a semicolon.
    """

    code: str
    sentence: str


def finding(code: str, sentence: str, advice: str) -> Finding:
    """Return a finding: what was found, and what to do about it."""
    return Finding(code, f"{sentence}; {advice}")


def worst_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of `WORST_FIRST`; those of one code as they were found."""
    return tuple(sorted(found, key=lambda one: WORST_FIRST.index(one.code)))
