"""The parameters of a fit for a page: the same quantity at the references and in the inputs' own units side by side."""

from dataclasses import dataclass

from bayes_scaling.fitting import Fit, parameter_table
from bayes_scaling.reporting.numbers import interval, number

PUBLISHED = "_published"


@dataclass(frozen=True)
class Row:
    """A parameter at the references and in the inputs' own units: median and 90 % interval; "" where the two are the same."""

    name: str
    level: str
    median: str
    interval: str
    published_median: str
    published_interval: str


@dataclass(frozen=True)
class Parameters:
    """Rows for the population, and for each level of what varies."""

    population: list[Row]
    levels: list[Row]


def parameters(fit: Fit) -> Parameters:
    """Return the parameters of a fit; effects of single levels are left to `parameter_table`, their sums stand here."""
    table = parameter_table(fit)
    published = {
        (str(of["name"]).removesuffix(PUBLISHED), str(of["dims"])): of
        for of in table[table["name"].str.endswith(PUBLISHED)].to_dict("records")
    }
    own = table[~table["name"].str.endswith(PUBLISHED)]
    rows = [_row(of, published) for of in own.to_dict("records") if of["dims"] == "" or of["name"] in fit.model.parameters]
    return Parameters([row for row in rows if not row.level], [row for row in rows if row.level])


def _row(of: dict[object, object], published: dict[tuple[str, str], dict[object, object]]) -> Row:
    other = published.get((str(of["name"]), str(of["dims"])))
    return Row(str(of["name"]), str(of["dims"]), *_cells(of), *(_cells(other) if other else ("", "")))


def _cells(of: dict[object, object]) -> tuple[str, str]:
    low, middle, high = (float(of[q]) for q in ("q05", "q50", "q95"))  # type: ignore[arg-type]
    return number(middle), interval([low, high])
