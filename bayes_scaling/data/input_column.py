"""A column that a law reads."""

from dataclasses import dataclass
from typing import Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.units import column_unit, counted_by_name, read_unit


@dataclass(frozen=True)
class Input:
    """A column the law reads, its unit and its reference.

    Only the file counts in the unit of the column. All else counts in base units, such as tokens or FLOP:
    `Input("d", "B tokens", 20)` is `Input("d", "tokens", 2e10, scale=1e9)`.

    Parameters
    ----------
    column
        Its name in the table. Its numbers are positive, or with `zero` not negative.
    unit
        Unit of the column, such as "parameters", "B tokens", "1e9 tokens" or "EFLOP". Unless given, what the column's name
        says, as `params_m` or `tokens (B)`. It is kept without its prefix: the unit of answers, axes and tables.
    reference
        The law sees column / reference. Given in the unit of the column. None: taken from the runs, as `reference_at` says.
    scale
        How many of `unit` one of the column is. Follows from the unit's prefix. None where nothing says it: then 1, and numbers
        that no such unit has are refused.
    counts
        Factor from the file's numbers to the column's unit, where a file counts otherwise than the column was declared. A
        filter sees the numbers multiplied.
    reference_at
        What an unstated reference is: "middle", the geometric mean of the runs, rounded to 1, 2 or 5 times a power of ten; or
        "largest", the largest of the runs as it is, for curves that are carried on from where they end.
    zero
        Whether its numbers may be 0, as the share of a domain, a number of repeats or a sparsity. The law then takes neither
        its logarithm nor a power of it that a parameter says, and trends and discrepancies are not on it. Its reference is 1
        unless given.

    Raises
    ------
    InputError
        Where a field is out of its range, or a reference is stated and `reference_at` too.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> one = bs.Input("d", "B tokens", 20)
    >>> one.unit, one.reference, one.scale
    ('tokens', 20000000000.0, 1000000000.0)
    """

    column: str
    unit: str = ""
    reference: float | None = None
    scale: float | None = None
    counts: float | None = None
    reference_at: Literal["middle", "largest"] = "middle"
    zero: bool = False

    def __post_init__(self) -> None:
        at = checks.one_of(["middle", "largest"])
        checks.check(self, "of an input", column=checks.column, unit=checks.text, reference_at=at, zero=checks.flag)
        if self.reference is not None and self.reference_at != "middle":
            raise InputError(f"the input {self.column!r} has a reference, and reference_at = {self.reference_at!r}: give one")
        if self.zero and self.reference is None and self.reference_at == "middle":
            object.__setattr__(self, "reference", 1.0)
        for name, value in {"reference": self.reference, "scale": self.scale, "counts": self.counts}.items():
            if value is not None:
                object.__setattr__(self, name, checks.positive(value, f"the {name} of {self.column!r}"))
        unit = read_unit(self.unit) if self.unit else column_unit(self.column) if self.scale is None else None
        if unit is not None and (unit.explicit or not self.unit):
            object.__setattr__(self, "unit", unit.name or counted_by_name(self.column))
        if unit is not None and unit.explicit:
            object.__setattr__(self, "scale", (self.scale or 1.0) * unit.factor)
            object.__setattr__(self, "reference", None if self.reference is None else self.reference * unit.factor)

    @property
    def factor(self) -> float:
        """How many of `unit` one of the file's numbers is."""
        return (self.scale or 1.0) * (self.counts or 1.0)
