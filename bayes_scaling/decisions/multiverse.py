"""How far an answer moves under other specifications, each as defensible (multiverse analysis; Steegen et al. 2016).

A specification is a table, what its columns are for, a model, and what is done to the checked runs. What varies has a few
variants, functions of a specification, by name; the first of each makes the base.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.deprecation import renamed_argument, renamed_field
from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.numbers import amount, band, several
from bayes_scaling._base.quantiles import QUANTILES
from bayes_scaling._base.views import in_a_line, lines, show, view
from bayes_scaling.data.convention_words import counted_parts
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.decisions.specifications import Specification, Variant, Variants, standard_variants
from bayes_scaling.inference.batch.fits import Batch, fit_many
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.batch.worker import of_this_package
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.settings import Settings
from bayes_scaling.prediction.predict import predict

BASE = "base"
OWN = {"universe", "point", *QUANTILES, "conventions", "rows", "divergences", "r_hat", "problem"}
"""Columns of the table of answers, beside what varies."""


type Answer = Callable[[Fit, Any], xr.DataArray]
"""A function of a fit and points; draws with dimensions chain, draw, row."""


@renamed_field("choices", "variants")
@dataclass(frozen=True)
class Multiverse:
    """What an answer is in every specification.

    Parameters
    ----------
    table
        One row a specification and point: universe, its name; its variant of all that varies; point; quantiles q05 to q95 of
        the answer; conventions, how its inputs were counted as far as that is known; rows of the fit; divergences; r_hat; and
        problem, what the sampler's health says, empty where draws may be trusted.
    parameters
        One row a specification and parameter of the law, at the inputs' references: universe, its name; parameter; quantiles.
    variants
        What varies -> names of its variants, that of the base first.
    label, unit
        Of the answer.
    failures
        Specification without an answer -> why.
    healths
        Specification -> the health of its fit.
    """

    table: pd.DataFrame
    parameters: pd.DataFrame
    variants: Mapping[str, tuple[str, ...]]
    label: str
    unit: str
    failures: Mapping[str, str]
    healths: Mapping[str, Health] = field(default_factory=dict)

    @property
    def health(self) -> Health | None:
        """The health of all fits together, see `health.combined`."""
        return combined(self.healths)

    @carried
    def to_frame(self) -> pd.DataFrame:
        """Return `table`: one row a specification and point."""
        return self.table

    def summary(self) -> str:
        """Return the answer of the base and between what the others move it, a sentence a line for each."""
        every = [one for _, rows in self.table.groupby("point") for one in _sentences(rows, self.label, self.unit)]
        return lines([*every, *(f"{name} has no answer: {why}" for name, why in self.failures.items())], self)

    @asked
    def plot(self, point: int = 0) -> Any:
        """Return the figure of one of the points: the answer under each specification, and which variants made it."""
        if point not in (known := set(self.table["point"])):
            raise InputError(f"there is no point {point}; the answers are at the points {sorted(known)}")
        return view("bayes_scaling.plots.multiverse:multiverse_figure")(self, point=point)

    def __repr__(self) -> str:
        return in_a_line(
            self, f"Multiverse analysis of {self.label}", several(self.table["universe"].nunique(), "specification")
        )

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, f"Multiverse analysis of {self.label}")


def _sentences(rows: pd.DataFrame, label: str, unit: str) -> list[str]:
    """Return what the answer is in the base, and where it is lowest and highest."""
    ordered = rows.sort_values("q50")
    low, high = ordered.iloc[0], ordered.iloc[-1]
    base = rows[rows["universe"] == BASE]
    said = [f"{label} is {band(one[['q05', 'q50', 'q95']].tolist(), unit)} in the base." for _, one in base.iterrows()]
    if len(rows) == 1:
        return said
    return [
        *said,
        f"Of {len(rows)} specifications the lowest median is that of {low['universe']}: {amount(low['q50'], unit)}.",
        f"The highest is that of {high['universe']}: {amount(high['q50'], unit)}.",
    ]


@renamed_argument("universe", "base")
@renamed_argument("choices", "variants")
@asked
def multiverse(
    base: Specification,
    at: Table,
    variants: Variants | None = None,
    settings: Settings | None = None,
    executor: Executor | None = None,
    *,
    answer: Answer = predict,
    full: bool = False,
) -> Multiverse:
    """Return what an answer is in the base, and under variants of it, one at a time or in each combination.

    Parameters
    ----------
    base
        A model, a table, and what its columns are for.
    at
        Points to answer at, as `predict` takes them. Where a variant has another column for an input they need both columns.
    variants
        `standard_variants` of the base unless given.
    settings
        How to sample; with `progress` a bar, or a line now and then, says how many fits are done.
    executor
        As for `fit_many`.
    answer
        A function of a module, as workers must find it; the expected loss unless given. `decisions.answers` has the
        compute-optimal size, its exponent over compute, and tokens per parameter.
    full
        Every combination of variants, not one variant at a time.

    Returns
    -------
    Multiverse
        `.to_frame()` has a row for each specification and point, `.summary()` says how far the answer moves.

    Raises
    ------
    InputError
        Where nothing can be fitted; what is wrong with one specification stands in `failures`.

    Examples
    --------
    >>> from bayes_scaling.decisions.specifications import Specification
    >>> base = Specification(study.model, "runs.csv", study.columns)  # doctest: +SKIP
    >>> found = bs.multiverse(base, {"params": [1e10], "tokens": [2e11]})  # doctest: +SKIP
    >>> print(found.summary())  # doctest: +SKIP
    """
    variants = variants or standard_variants(base)
    if clash := sorted(set(variants) & OWN):
        raise InputError(f"what varies cannot be called {clash[0]!r}, which is a column of the table of answers")
    specified = _combined(variants) if full else _one_at_a_time(variants)
    points, tasks, failures = read_table(at, labels=base.columns.labels), {}, {}
    for name, picked in specified.items():
        try:
            task = _task(base, [variants[what][of] for what, of in picked.items()], points, answer)
            tasks[name] = replace(task, settings=settings or Settings())  # with one seed: the base is the fit itself
        except InputError as error:
            failures[name] = str(error)
    batch = fit_many(None, tasks, executor, keep=answered, progress=settings is not None and settings.progress)
    batch.refuse_faults()
    return _gathered(batch, specified, variants, failures)


def answered(fit: Fit, extra: Any) -> pd.DataFrame:
    """Return quantiles of the answer at each point and of each parameter of the law; runs in the worker."""
    try:
        draws = extra["answer"](fit, extra["at"])
    except InputError:
        raise
    except Exception as error:
        if of_this_package(extra["answer"]):
            raise
        raise InputError(f"the answer raised {one_line(error)}") from error
    rows: list[dict[str, Any]] = [{"point": i} | _quantiles(of) for i, of in enumerate(draws.transpose("row", ...))]
    rows += [{"parameter": name} | _quantiles(fit.posterior[name]) for name in fit.model.parameters]
    health = fit.health
    assert health is not None
    said = {"rows": len(fit.runs), "divergences": health.divergences, "r_hat": np.nan if health.r_hat is None else health.r_hat}
    label, unit = str(draws.attrs.get("long_name", draws.name or "answer")), str(draws.attrs.get("units", ""))
    counted = "; ".join(words for role, words in counted_parts(fit.runs.columns).items() if role != "loss")
    return pd.DataFrame(rows).assign(**said, conventions=counted, label=label, unit=unit)


def _quantiles(draws: xr.DataArray) -> dict[str, float]:
    return {name: float(np.nanquantile(draws.to_numpy(), q)) for name, q in QUANTILES.items()}


def _task(base: Specification, variants: list[Variant], points: pd.DataFrame, answer: Answer) -> Task:
    made = base
    for variant in variants:
        made = variant(made)
    runs = read_runs(made.table, made.columns)
    for cut in made.cuts:
        runs = cut(runs)
    return Task(runs, made.model, {"at": points, "answer": answer})


def _one_at_a_time(variants: Variants) -> dict[str, dict[str, str]]:
    """Return specification -> its variant of all that varies: the base, and each other variant alone."""
    base = {what: next(iter(named)) for what, named in variants.items()}
    others = [(what, of) for what, named in variants.items() for of in list(named)[1:]]
    return {BASE: base} | {f"{what}: {of}": base | {what: of} for what, of in others}


def _combined(variants: Variants) -> dict[str, dict[str, str]]:
    """Return specification -> its variant of all that varies, for all combinations; that of all first ones is the base."""
    made = [dict(zip(variants, picked, strict=True)) for picked in product(*variants.values())]
    base = made[0]
    return {", ".join(f"{what}: {of}" for what, of in one.items() if of != base[what]) or BASE: one for one in made}


def _gathered(batch: Batch[pd.DataFrame], specified: Any, variants: Variants, failures: Mapping[str, str]) -> Multiverse:
    """Return the answers of all specifications as one record; refuse where none has one."""
    failures = {**failures, **batch.failures}
    if not batch.results:
        raise InputError(f"no specification has an answer: {next(iter(failures.values()), 'there are none')}")
    rows = batch.to_frame().rename(columns={"task": "universe"})
    quantiles = list(QUANTILES)
    picked = pd.DataFrame.from_dict(specified, orient="index").rename_axis("universe").reset_index()
    answers = rows[rows["point"].notna()].astype({"point": int})
    table = picked.merge(
        answers[["universe", "point", *quantiles, "conventions", "rows", "divergences", "r_hat"]], on="universe"
    )
    table["problem"] = [batch.problems.get(str(name), "") for name in table["universe"]]
    parameters = rows.loc[rows["parameter"].notna(), ["universe", "parameter", *quantiles]].reset_index(drop=True)
    names = {what: tuple(named) for what, named in variants.items()}
    label, unit = str(rows["label"].iloc[0]), str(rows["unit"].iloc[0])
    return Multiverse(mark(table, batch), mark(parameters, batch), names, label, unit, failures, batch.healths)
