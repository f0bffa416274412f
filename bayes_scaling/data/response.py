"""The column that a law predicts."""

import re
from dataclasses import dataclass

from bayes_scaling._base import checks
from bayes_scaling._base.numbers import spaced_name
from bayes_scaling.laws.misspelt_units import checked_loss_unit
from bayes_scaling.laws.units import (
    DEFAULT_LOSS_UNIT,
    PERPLEXITY,
    SHARES,
    is_loss_unit,
    loss_unit,
    more_is_better,
    percent_of,
    response_unit,
)

LOSS = "loss"
"""What a response is called that is a loss, or of which nothing else is known."""


@dataclass(frozen=True)
class Response:
    """The column that the law predicts, and its unit.

    Parameters
    ----------
    column
        Its name in the table.
    unit
        Unit of the losses: nats or bits per token, byte or character, "error rate", "accuracy", or any other. Of an accuracy
        more is better. "% accuracy" and "% error rate" are divided by 100. "auto": what the column's
        name says (`val_bpb`, `bits_per_byte`, `ppl`), else nats/token. Priors in another unit follow it, see `Model.unit`. With
        "perplexity" the logarithm of the column is taken, and losses are in nats/token.
    positive
        Whether values <= 0 are refused. False where they are meant, which needs noise on the loss itself.
    name
        What to call it on axes and in sentences. Unless given, "accuracy" or "error rate" of a response in those units, "loss"
        of one in a unit of losses, and of one in any other its column.
    perplexity
        Whether the column holds perplexities. Follows from the unit.
    bytes_per_token
        Bytes, or characters, in a token, for a loss per token beside one per byte. About 4.3 unless given, and priors are the
        wider for it.
    assumed
        Whether the unit is a default. Follows from "auto".
    percent
        Whether the column holds a share in per cent. Follows from the unit.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> bs.Response("val_bpb").unit
    'bits/byte'
    >>> bs.Response("loss").unit
    'nats/token'
    """

    column: str = "loss"
    unit: str = "auto"
    positive: bool = True
    name: str = "loss"
    perplexity: bool | None = None
    bytes_per_token: float | None = None
    assumed: bool = False
    percent: bool = False

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of the response",
            column=checks.column,
            unit=checks.text,
            positive=checks.flag,
            name=checks.text,
            perplexity=checks.optional(checks.flag),
            assumed=checks.flag,
            percent=checks.flag,
        )
        if self.bytes_per_token is not None:
            object.__setattr__(self, "bytes_per_token", checks.positive(self.bytes_per_token, "bytes_per_token"))
        if self.unit == "auto":
            named = response_unit(self.column)
            object.__setattr__(self, "assumed", named is None)
            object.__setattr__(self, "unit", named or DEFAULT_LOSS_UNIT)
        object.__setattr__(self, "unit", checked_loss_unit(self.unit, f"column {self.column!r}"))
        if (share := percent_of(self.unit)) is not None:
            object.__setattr__(self, "percent", True)
            object.__setattr__(self, "unit", share)
        if self.perplexity is None and (unit := loss_unit(self.unit)).split("/")[0] == PERPLEXITY:
            object.__setattr__(self, "perplexity", True)
            object.__setattr__(self, "unit", f"nats/{unit.partition('/')[2] or 'token'}")
        object.__setattr__(self, "name", name_in(self.unit, self.name, self.column))

    @property
    def rising(self) -> bool:
        """Whether more is better, as of an accuracy."""
        return more_is_better(self.unit)

    @property
    def in_unit(self) -> str:
        """What it is called and its unit, where that says more: "loss in nats/token", "error rate"."""
        return self.name if self.unit in ("", self.name) else f"{self.name} in {self.unit}"

    @property
    def unit_of_cells(self) -> str:
        """The unit that cells are written in: a sign of per cent beside a unit that says so is read once."""
        return "%" if self.percent else self.unit


def name_in(unit: str, name: str = "loss", column: str = "") -> str:
    """Return what a response in a unit is called: an accuracy is no loss, nor is what its column calls otherwise.

    A name that is given stays, but for those that units give where it is another unit.

    Examples
    --------
    >>> name_in("acc"), name_in("error rate"), name_in("bits/byte", column="web"), name_in("ms", column="decode_latency")
    ('accuracy', 'error rate', 'loss', 'decode latency')
    """
    if name not in (LOSS, *SHARES):
        return name
    share = percent_of(unit) or loss_unit(unit)
    if share in SHARES:
        return share
    if is_loss_unit(unit):
        return LOSS
    own = bool(unit and column) and not re.search(LOSS, column, re.IGNORECASE)
    return name if name != LOSS else spaced_name(column) if own else LOSS
