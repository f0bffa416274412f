"""What a run takes: compute, hours or money, as a formula of its columns, with what serving it adds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount, exact
from bayes_scaling.data.cost_formula import Formula, parse_cost
from bayes_scaling.laws.units import DAYS, FLOP, kind, read_unit

SIX_N_D = 6.0
"""FLOP a parameter and token: a forward and a backward pass."""


@dataclass(frozen=True)
class Cost:
    """What a model costs to train on its tokens and to serve over its life.

    C = k N D + s N T        (training: Kaplan et al. 2020, sec. 2.1; serving: Sardana et al. 2023, arXiv 2401.00448, eq. 3)

    Or a formula in the place of k N D, as for attention: `(parameter_flops + causal_attention) * tokens`, or a column, as of
    GPU hours.

    Parameters
    ----------
    flops_per_param_token
        k, in FLOP: 6 for a forward and a backward pass.
    served_tokens
        T, tokens that the model will read and write when it is used; 0 counts training alone.
    flops_per_param_served
        s, in FLOP: 2 for a forward pass.
    price
        Of one of the unit, in any currency; None where money is not asked about.
    formula
        What training takes: numbers, operators, `exp`, `log`, `max` and the like, and names of inputs (in base units), of other
        columns (as the file has them; in back-ticks where the name is no plain word), of `let`, and of usual terms, see
        `COST_TERMS`. Or
        group -> level -> formula, where levels differ, as attentions do.
    let
        Name in the formula -> a number, or a formula of its own: {"d_model" = "hidden_size", "context" = 32768}.
    unit
        Of what the formula gives: "PFLOP/s-days", "GPU hours". FLOP unless given, or among the columns of a table that of the
        input compute where the formula reads it.
    name
        What sentences call it, after "by"; its key in `[data.costs]` unless given.

    Raises
    ------
    InputError
        Where a number is not positive, the served tokens are negative, or a formula cannot be read.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> float(bs.Cost().compute(1e9, 2e10))
    1.2e+20
    >>> bs.Cost(served_tokens=1e12).counted
    '6 N D + 2 N T, T = 1T tokens served'
    >>> cost = bs.Cost(formula="(parameter_flops + causal_attention) * tokens", let={"d_model": "width", "context": 8192})
    >>> cost.reads
    ['layers', 'params', 'tokens', 'width']
    """

    flops_per_param_token: float = SIX_N_D
    served_tokens: float = 0.0
    flops_per_param_served: float = 2.0
    price: float | None = None
    formula: str | Mapping[str, Mapping[str, str]] | None = None
    let: Mapping[str, str | float] = field(default_factory=dict)
    unit: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        checks.check(
            self,
            "",
            flops_per_param_token=checks.positive,
            flops_per_param_served=checks.positive,
            price=checks.optional(checks.positive),
            formula=_formula,
            let=checks.named(_definition),
            unit=checks.text,
            name=checks.text,
        )
        checks.check(self, "", served_tokens=checks.at_least(0))
        if self.formula is not None and self.flops_per_param_token != SIX_N_D:
            raise InputError("a cost has either a formula or flops_per_param_token, not both")
        if self.served_tokens and self.base_unit != FLOP:
            raise InputError(f"served tokens are counted in FLOP, and this cost in {self.unit!r}; expected one of the two")
        for one in self.formulas:
            parse_cost(one, self.let)

    @property
    def group(self) -> str | None:
        """The group between whose levels formulas differ; None where there is one for all."""
        return next(iter(self.formula)) if isinstance(self.formula, Mapping) else None

    @property
    def formulas(self) -> list[str]:
        """The formulas of training, one for each level where they differ."""
        if isinstance(self.formula, Mapping):
            return [text for of in self.formula.values() for text in of.values()]
        return [self.formula or f"{self.flops_per_param_token!r} * params * tokens"]

    @property
    def reads(self) -> list[str]:
        """The inputs and columns that the formulas read."""
        return sorted({name for one in self.formulas for name in parse_cost(one, self.let).names})

    def of_level(self, level: object) -> Formula:
        """Return the formula of a level of its group, or the one for all.

        Raises
        ------
        InputError
            Where it has none for the level.
        """
        if not isinstance(self.formula, Mapping):
            return parse_cost(self.formulas[0], self.let)
        of = self.formula[str(self.group)]
        if str(level) not in of:
            raise InputError(f"{self.quoted} has no formula for {self.group} {str(level)!r}; it has them for {list(of)}")
        return parse_cost(of[str(level)], self.let)

    @property
    def base_unit(self) -> str:
        """The unit without its prefix: the unit of answers."""
        return read_unit(self.unit or FLOP).name

    @property
    def factor(self) -> float:
        """How many of the base unit one that the formula gives is."""
        return read_unit(self.unit or FLOP).factor

    def among(self, units: Mapping[str, str]) -> "Cost":
        """Return it with the unit of the compute that its formula reads, where nothing was said of one.

        Parameters
        ----------
        units
            Input -> its unit.
        """
        read = [units[name] for name in self.reads if name in units and kind(units[name]) in (kind(FLOP), kind(DAYS))]
        return self if self.unit or not read else replace(self, unit=read[0])

    def same_training(self, other: "Cost") -> bool:
        """Return whether another counts training alike, whatever it says of serving, price and name."""
        return all(getattr(self, of) == getattr(other, of) for of in ("flops_per_param_token", "formula", "let", "unit"))

    @property
    def quoted(self) -> str:
        """How errors name it: "cost 'attention counted'"."""
        return f"cost {self.name or self.counted!r}"

    @property
    def counted(self) -> str:
        """How it is counted, as sentences say it: "6 N D", or its name."""
        served = f" + {exact(self.flops_per_param_served)} N T, T = {amount(self.served_tokens, 'tokens')} served"
        of = f"{exact(self.flops_per_param_token)} N D"
        if isinstance(self.formula, Mapping):
            of = f"a formula for each {self.group}"
        elif self.formula is not None:
            of = self.formula
        return (self.name or of) + (served if self.served_tokens else "")

    def per_token(self, params: np.ndarray) -> np.ndarray:
        """Return what a token costs to train on.

        Raises
        ------
        InputError
            Where a formula says it, which reads what runs have.
        """
        if self.formula is not None:
            raise InputError(f"{self.quoted} is a formula of the columns of runs; ask plan, rank or contrast of a fit for it")
        return np.asarray(self.flops_per_param_token * params)

    def compute(self, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return what models cost, in FLOP."""
        return np.asarray(self.per_token(params) * tokens + self.serving(params))

    def serving(self, params: np.ndarray) -> np.ndarray:
        """Return what is left to do after training, in FLOP."""
        return np.asarray(self.flops_per_param_served * params * self.served_tokens)

    def tokens(self, params: np.ndarray, compute: np.ndarray) -> np.ndarray:
        """Return the tokens to train on that a budget leaves to models of a size; none or less where serving takes it all."""
        return np.asarray((compute - self.serving(params)) / self.per_token(params))

    def largest(self, compute: np.ndarray) -> np.ndarray:
        """Return the size that a budget could only just serve, untrained; inf where nothing is served."""
        with np.errstate(divide="ignore"):
            return np.asarray(compute / (self.flops_per_param_served * self.served_tokens))


def _formula(value: Any, what: str) -> Any:
    """Refuse all but a text, or texts of the levels of one group."""
    if value is None or isinstance(value, str):
        return value if value is None else checks.text(" ".join(value.split()), what)
    each = checks.named(lambda of, where: checks.text(" ".join(str(of).split()), where), checks.column)  # labels may be any
    levels = checks.named(each)(value, what)
    if len(levels) != 1 or not all(levels.values()):
        raise checks.refusal(value, what, "a formula, or one group with a formula for each of its levels")
    return levels


def _definition(value: Any, what: str) -> str | float:
    """Refuse all but a positive number or a text."""
    return checks.text(value, what) if isinstance(value, str) else checks.positive(value, what)
