"""What a fit says, in a few sentences with numbers and intervals; what they rest on is for `findings` and the health to say."""

import shlex

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import band, number, probability, rounded, spaced_name, unit_beside, value_at
from bayes_scaling._base.quantiles import median_interval
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.checkpoints import not_ends
from bayes_scaling.data.convention_words import counted_sentence
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.response import Response
from bayes_scaling.data.roles.words import is_corpus_name
from bayes_scaling.data.run_costs import UNIQUE
from bayes_scaling.decisions.allocation import runs_compute
from bayes_scaling.decisions.cost import SPLITS
from bayes_scaling.decisions.group_cells import every_cell
from bayes_scaling.decisions.plan import plan
from bayes_scaling.decisions.plan_sentences import plan_sentences
from bayes_scaling.decisions.rank import rank
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.stacking import Posterior, Stack, groups_needed, inputs_read, law_reads, without_health
from bayes_scaling.laws.inputs import has_params_and_tokens
from bayes_scaling.laws.units import is_loss_unit, more_is_better
from bayes_scaling.prediction.notes import NEW_RUN, bound_notes
from bayes_scaling.prediction.predict import predict
from bayes_scaling.report.words import capitalized
from bayes_scaling.validation.stack_sentences import weighing_sentences

TENFOLD = 10.0
"""Sentences are about the largest run, and ten times beyond."""

FEW = 6
"""Groups with more levels than this are no alternatives to choose between; nor is there a plan for each."""


@carried
def summary_sentences(fit: Posterior, folder: str = "DIR") -> tuple[str, ...]:
    """Return what a fit says: how alternatives compare, the best split of compute, the loss at and beyond the largest run.

    - Alternatives: each group of two to six named levels against the one with most rows, where the runs end, see
      `rank_sentences`. Other groups are at their last level. Data sets and evaluations, which losses are measured on, are no
      alternatives: `rank` compares them where it is asked to.
    - Split: for laws of params and tokens, at the largest run's compute and ten times that, see `plan_sentence`. It is of every
      level where there are few, else of the last of each group. Rows along runs are no ends of runs: there it says so instead.
    - Loss: of the largest run, at its own levels, and where its inputs are ten times as large. It is the median with its 90 %
      interval.

    - Counting: how parameters, compute, tokens and the loss were counted, and what of that is not stated.

    Levels of runs are not compared. What cannot be computed for a law, such as a split that has no optimum, is left out.

    Parameters
    ----------
    fit
        A fit.
    folder
        Where the fit is saved, for the commands in sentences.

    Returns
    -------
    tuple[str, ...]
        The sentences.
    """
    bare = without_health(fit)  # its line is said once, not with each sentence
    compared = [said for group in _alternatives(fit) for said in _compared(bare, group)]
    return (*compared, *_splits(bare, folder), *_losses(fit), counted_sentence(fit.runs.columns))


@carried
def stack_sentences(stack: Stack, folder: str = "DIR") -> tuple[str, ...]:
    """Return what several laws say together: weights, and how they were found; then what `summary_sentences` says of a fit.

    Parameters
    ----------
    stack
        A mixture of the posteriors of several laws.
    folder
        Where it is saved, for the commands in sentences.

    Returns
    -------
    tuple[str, ...]
        The sentences.
    """
    laws = ", ".join(f"{law} {probability(weight)}" for law, weight in stack.weights.items())
    said = summary_sentences(without_health(stack), folder)
    return (f"Weights of the laws: {laws}.", *weighing_sentences(stack), *said, *_unstated(stack))


def _unstated(stack: Stack) -> list[str]:
    """Return which members do not state a convention that another does."""
    every = {name: fit.runs.columns.conventions.known for name, fit in stack.fits.items()}
    stated = dict.fromkeys(field for known in every.values() for field in known)
    lacking = {name: [field for field in stated if field not in known] for name, known in every.items()}
    return [f"Of {name} it is not stated: {', '.join(missing)}." for name, missing in lacking.items() if missing]


def _losses(fit: Posterior) -> list[str]:
    """Return what the loss is at the largest run, and where every scale is ten times larger; over a loss, at its best value."""
    columns = fit.runs.columns
    if columns.schedule is not None:
        return []
    inputs, groups = inputs_read(fit), groups_needed(fit)
    grow = [name for name in inputs if name in columns.scales]
    if not grow:
        return []
    rows = mark_base_units(fit.runs.table[[*inputs, *groups]])
    if read := next((name for name in grow if is_loss_unit(columns.inputs[name].unit)), None):
        more = more_is_better(columns.inputs[read].unit)
        best = rows.iloc[[int((rows[read].argmax if more else rows[read].argmin)())]]
        return [_loss(fit, best, f"at the {'highest' if more else 'lowest'} {spaced_name(read)} of the runs")]
    largest = rows.iloc[[fit.runs.largest(grow)]]
    beyond = largest.assign(**{name: TENFOLD * largest[name] for name in grow}, **({"run": NEW_RUN} if "run" in groups else {}))
    return [
        _loss(fit, largest, "at the largest run"),
        _loss(fit, beyond, f"at ten times its {' and '.join(map(spaced_name, grow))}"),
    ]


def _loss(fit: Posterior, point: pd.DataFrame, region: str) -> str:
    """Return what is expected at a point, which is said with its unit and levels."""
    columns, at = fit.runs.columns, {str(name): of for name, of in point.iloc[0].items()}
    units = {name: columns.inputs[name].unit for name in inputs_read(fit)}
    place = [f"{number(at[x])} {unit}" if unit else f"{spaced_name(x)} {number(at[x])}" for x, unit in units.items()]
    place += [f"{spaced_name(name)} {value_at(name, at[name])}" for name in groups_needed(fit)]
    draws = predict(fit, point)
    values = median_interval(draws.to_numpy()).tolist()
    passing = bound_notes(fit, point, (draws > 1).mean(("chain", "draw")).to_numpy())
    beside = "".join(f". {capitalized(note)}" for note in passing) + "."
    name, column = columns.response.name, columns.response.column
    called = name if name == column and name != Response.name else capitalized(name)
    return f"{called} {region} ({', '.join(place)}): {band(values, unit_beside(name, columns.unit_of(point)))}{beside}"


def _splits(fit: Posterior, folder: str) -> list[str]:
    """Return the best split of the largest run's compute, and of ten times that; where rows are no ends of runs why not."""
    reads = set(law_reads(fit))
    if not any(set(split) <= reads for split in SPLITS):
        return []
    largest = float(runs_compute(fit, Cost()).max())
    if why := not_ends(fit.runs):
        return [_no_plan(fit, why, folder, largest)]
    cells, budgets = every_cell(fit), [rounded(times * largest, 2) for times in (1.0, TENFOLD)]
    try:
        found = plan(fit, budgets, points=cells if len(cells) <= FEW else _held(fit))
    except InputError:
        return []
    return list(plan_sentences(found))


def _no_plan(fit: Posterior, why: str, folder: str, compute: float) -> str:
    """Return why there is no plan, with the command that makes one where nothing but a budget has to be said for it."""
    said = f"No plan is printed: {why} and are not their ends, and a run to end earlier would have a schedule of its own"
    if fit.runs.columns.schedule is not None:
        return f"{said}."
    command = shlex.join(["bayes-scaling", "plan", folder, "--compute", str(rounded(compute, 2))])
    return f"{said}; `{command}` takes them for ends; a table of ends is one row a run (of logs: `import --last`)."


def _held(fit: Posterior) -> pd.DataFrame:
    """Return the point of the last level of each group, with inputs that no budget decides as `Runs.held` has them."""
    rest = [name for name in inputs_read(fit) if name not in ("params", "tokens", *UNIQUE)]
    return mark_base_units(pd.DataFrame({name: fit.runs.held[name] for name in rest} | _last_levels(fit, ()), index=[0]))


def _alternatives(fit: Posterior) -> list[str]:
    """Return the groups whose levels are named alternatives: none that tells what losses are measured on."""
    levels = fit.runs.levels
    named = [
        group
        for group in groups_needed(fit)
        if group not in ("run", OUTPUT) and len(levels[group]) <= FEW and not np.issubdtype(levels[group].dtype, np.number)
    ]
    return [group for group in named if not _is_measured_on(fit, group)]


def _is_measured_on(fit: Posterior, group: str) -> bool:
    """Return whether a group tells data sets apart, by its name or its column's, or as runs are measured on several levels."""
    table, columns = fit.runs.table, fit.runs.columns.dims.get(group, ())
    crossed = "run" in table and len(table[["run", group]].drop_duplicates()) > table["run"].nunique()
    return crossed or any(map(is_corpus_name, (group, *columns)))


def _compared(fit: Posterior, group: str) -> tuple[str, ...]:
    """Return how levels of a group compare at the largest budget of the runs; nothing where that cannot be said."""
    inputs = law_reads(fit)
    baseline = fit.runs.table[group].value_counts(sort=True).sort_index(kind="stable").idxmax()
    if len(inputs) == 1:
        place = {inputs[0]: rounded(float(fit.runs.table[inputs[0]].max()))}
    elif has_params_and_tokens(inputs):
        place = {"compute": rounded(runs_compute(fit, Cost()).max(), 2)}
    else:
        return ()
    rest = {name: fit.runs.held[name] for name in inputs_read(fit) if name not in ("params", "tokens", *place)}
    try:
        point = mark_base_units(pd.DataFrame(place | rest | _last_levels(fit, (group,)), index=[0]))
        return rank_sentences(rank(fit, group, baseline, point))
    except InputError:
        return ()


def _last_levels(fit: Posterior, apart: tuple[str, ...]) -> dict[str, object]:
    """Return the last level of each group; of runs, a new one."""
    groups = [dim for dim in groups_needed(fit) if dim not in apart]
    return {dim: NEW_RUN if dim == "run" else fit.runs.levels[dim][-1] for dim in groups}
