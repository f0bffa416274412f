"""A study: a model, what the columns of its table are for, and its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.data import datasets
from bayes_scaling.data.base_units import with_units
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.plausible import refuse_implausible_counts
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.roles.names import renamed_units, with_columns
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.model.loss_units import recognised
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model


@dataclass(frozen=True)
class Sheet:
    """How the main figure of a study lays out its bands: a panel for each row and column, a colour for each hue.

    Parameters
    ----------
    x
        Input on the horizontal axis.
    rows, columns, hue
        Group, or input with few values, between whose levels panels and colours differ.
    beyond
        How many times past the data the bands are drawn.
    single_runs
        Whether a lighter band with a line at its edges holds 90 % of new runs. The other bands are of the expected curve, which
        has no part in the scatter of single runs.
    """

    x: str
    rows: str | None = None
    columns: str | None = None
    hue: str | None = None
    beyond: float = 10.0
    single_runs: bool = False

    def __post_init__(self) -> None:
        group, beyond = checks.optional(checks.name), checks.at_least(1)
        checks.check(
            self, "of the figure", x=checks.name, rows=group, columns=group, hue=group, beyond=beyond, single_runs=checks.flag
        )


@dataclass(frozen=True)
class StackedModel:
    """One of the models of a stack.

    Parameters
    ----------
    name
        What it is called among the others.
    model
        Law, priors, noise and discrepancy.
    weight
        Its weight before the runs have been seen, beside those of the others.
    """

    name: str
    model: Model
    weight: float = 1.0

    def __post_init__(self) -> None:
        checks.check(self, "of the stack", name=checks.name, weight=checks.positive)


@dataclass(frozen=True)
class Study:
    """What a model file says: a model, what the columns of its table are for, and the table itself where one is bundled.

    Parameters
    ----------
    name
        Of its file, without ".toml".
    model
        Law, priors, noise and discrepancy.
    stack
        Models that are fitted together, each with a weight, see `fit_stack`; empty for `model` alone.
    columns
        Which columns of the table are inputs, response, groups and so on.
    source
        Name of a bundled dataset or path of a file; None where the runs are always the user's.
    title
        A line for people; "" for none.
    figure
        The layout of the main figure; None for one chosen by the number of groups and inputs.
    settings
        How to sample, where the defaults do not serve.
    notes
        What was assumed in reading the file, a sentence each.

    Examples
    --------
    >>> from bayes_scaling.model.studies.reading import read_study
    >>> study = read_study("moba_vs_full")
    >>> study.name, study.source
    ('moba_vs_full', 'moba_final_losses')
    >>> sorted(study.columns.inputs)
    ['compute']
    """

    name: str
    model: Model
    columns: Columns
    source: str | None = None
    title: str = ""
    figure: Sheet | None = None
    settings: Settings = Settings()
    notes: tuple[str, ...] = ()
    stack: tuple[StackedModel, ...] = ()


def study_for(study: Study, columns: Mapping[str, str] | None = None, units: Mapping[str, str] | None = None) -> Study:
    """Return a study for a table that calls its columns otherwise, or counts otherwise.

    Parameters
    ----------
    study
        As `read_study` returns it.
    columns
        Role -> column of the table, such as {"params": "N", "loss": "eval/loss"}. Roles are the inputs of the study by their
        names, `loss`, `run`, groups by their names, `lr` and `step`.
    units
        Role, or column of the table, -> what it counts in, such as {"params": "M", "loss": "bits/byte"}.

    Returns
    -------
    Study
        The same study, for that table.

    Raises
    ------
    InputError
        For a role that the study does not have, with those it has, or a unit from which no factor leads to the study's.

    Examples
    --------
    >>> from bayes_scaling.model.studies.reading import read_study
    >>> study = study_for(read_study("chinchilla"), {"params": "N", "tokens": "D"}, {"params": "M", "D": "B tokens"})
    >>> study.columns.inputs["params"].column, study.columns.inputs["params"].counts
    ('N', 1000000.0)
    """
    named = with_columns(study.columns, columns) if columns else study.columns
    return replace(study, columns=with_units(named, renamed_units(study.columns, named, units)) if units else named)


def study_runs(study: Study, table: Table | Sequence[Table] | None = None) -> Runs:
    """Return the runs of a study: its own, or those of another table, or of several, with the same columns.

    Where nobody has said the unit of the losses, and they are as low for the study's priors as losses per byte are, they are
    read as such, with a note.

    Parameters
    ----------
    study
        As `read_study` returns it.
    table
        A path, a DataFrame or the name of a bundled dataset, or several of them; None for the study's own table.

    Returns
    -------
    Runs
        The checked runs, with the notes of the study.

    Raises
    ------
    InputError
        Where the study has no table of its own and none is given, or where counts that nobody has said the unit of are such as
        no training run has.

    Examples
    --------
    >>> from bayes_scaling.model.studies.reading import read_study
    >>> study_runs(read_study("moba_vs_full")).columns.response.unit
    'nats/token'
    """
    own = study.source if table is None and study.source in datasets.names() else None
    runs = read_runs(table if table is not None else study_table(study), study.columns, own)
    refuse_implausible_counts(runs)
    return recognised(study.model, replace(runs, notes=(*runs.notes, *study.notes)))


def study_table(study: Study, table: Table | None = None) -> Table:
    """Return the table of a study unless another is given; raises InputError where there is neither."""
    if table is not None:
        return table
    if study.source is None:
        wanted = [one.column for one in study.columns.inputs.values()] + [*study.columns.responses]
        raise InputError(f"{study.name} comes without runs; give a table with the columns {wanted} (--runs FILE)")
    return datasets.load(study.source) if study.source in datasets.names() else study.source
