"""How well a fit predicts a table of runs that it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import format_count, number, percent, several
from bayes_scaling._base.views import in_a_line, lines, note_lines, show, view
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import is_prior
from bayes_scaling.inference.stacking import Posterior, noise_scale, parts
from bayes_scaling.validation.ledger_hashes import own_rows
from bayes_scaling.validation.scores import crps_of, crps_sentence, score_points, score_table


@dataclass(frozen=True)
class Score:
    """What was predicted for rows of a table, and what they showed.

    Parameters
    ----------
    points
        One row a row of the table, with its prediction as a new run and scores of it: see `score_points`.
    crps_of
        What the CRPS is of: "log loss" where the noise is on it, else the unit of the response.
    health
        The health of the fit; None for draws from the prior.
    notes
        What is to know, such as how many rows were left out as the fit has seen them.
    """

    points: pd.DataFrame
    crps_of: str = ""
    health: Health | None = None
    notes: tuple[str, ...] = ()

    @carried
    @asked
    def to_frame(self, by: Sequence[str] = ()) -> pd.DataFrame:
        """Return the scores as a table.

        Parameters
        ----------
        by
            Columns of `points` that rows of the table are for, or "decades", a class of distance from the training runs; one
            row in all where empty.

        Returns
        -------
        DataFrame
            As `score_table`: runs, r_squared, coverage of the central bands, CRPS, log score, errors of the median.
        """
        if unknown := sorted({str(name) for name in by} - {*map(str, self.points), "decades"}):
            raise InputError(f"points have no {unknown} to score them by; they have {format_names([*self.points, 'decades'])}")
        return score_table(self.points, by)

    def summary(self) -> str:
        """Return how well the rows were predicted, a sentence a line."""
        row = self.to_frame(()).iloc[0]
        half, most = (percent(row[f"coverage_{q}"]) for q in (50, 90))
        explained = row["r_squared"]
        return lines(
            [
                f"{format_count(len(self.points))} held-out rows were predicted.",
                f"50 % bands hold {half} of them, 90 % bands {most}.",
                f"{crps_sentence(row['crps'], self.crps_of)}, the mean log score {number(row['log_score'])}.",
                *([] if np.isnan(explained) else [f"Medians have R^2 {number(explained)}."]),
                *note_lines(self.notes),
            ],
            self,
        )

    def plot(self) -> Any:
        """Return the figure: coverage of the bands by distance from the training runs."""
        return view("bayes_scaling.plots.records:score_of")(self)

    def __repr__(self) -> str:
        return in_a_line(self, "Score", several(len(self.points), "held-out row"))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Score")


@asked
def score(fit: Posterior, table: Table | Runs, seed: int = 0) -> Score:
    """Score the predictions that a fit makes for runs that it has not seen.

    log score = mean_j log p(y_j | fit),        CRPS = mean_j (E|Y_j - y_j| - E|Y_j - Y_j'| / 2),   Y_j, Y_j' ~ p(y | fit)

    y is on the scale of the noise: the log loss where scatter is relative.

    Each row is predicted as a new run, with the scatter of runs and the effects of groups. Rows that the fit is of are left
    out, which `.notes` says; draws from the prior have seen none.

    Parameters
    ----------
    fit
        Any fit, or stack.
    table
        The rows: a table with the columns of the fit's runs, which `read_runs` reads with the columns and filter of the fit; or
        runs of the same columns.
    seed
        Of the random numbers.

    Returns
    -------
    Score
        `.points` has quantiles of the prediction of each row, its PIT, CRPS, log score and error, see `score_points`;
        `.to_frame()` R^2, coverage of the central 50, 80 and 90 % bands, and means of the scores.

    Raises
    ------
    InputError
        As `read_runs` does, and where runs lack an input or group of the fit's, are in another unit, or are all the fit's own.

    References
    ----------
    .. [1] Gneiting and Raftery (2007). Strictly proper scoring rules, prediction, and estimation. JASA 102, 359-378.

    Examples
    --------
    Draws from the prior, scored by two runs of a law a C^-b:

    >>> import bayes_scaling as bs
    >>> runs = bs.read_runs({"C": [1.0, 10.0], "loss": [3.0, 2.4]}, bs.Columns({"compute": bs.Input("C", "FLOP", 1.0)}))
    >>> priors = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)}
    >>> model = bs.Model(bs.laws.power_law, priors, bs.Noise(sd=bs.Prior(median=0.01, factor=3.0)))
    >>> found = bs.score(bs.prior(model, runs, draws=200), {"C": [300.0, 1000.0], "loss": [1.72, 1.5]})
    >>> found.to_frame()["runs"].item(), found.to_frame()["coverage_90"].item()
    (2, 1.0)
    """
    held = table if isinstance(table, Runs) else read_runs(table, fit.runs.columns)
    missing = sorted({*fit.runs.references, *fit.runs.levels} - {*map(str, held.table)})
    if missing:
        raise InputError(f"score: runs lack {missing}, which the fit has; they have {format_names(held.table)}")
    if held.columns.all_units != fit.runs.columns.all_units:
        units = f"{held.columns.all_units!r}, the fit {fit.runs.columns.all_units!r}"
        raise InputError(f"score: responses are in {units}; expected one unit")
    of = crps_of(noise_scale(fit), held.columns.response.unit)
    table, notes = _unseen(fit, held)
    return Score(score_points(fit, table, seed), of, fit.health, notes)


def _unseen(fit: Posterior, held: Runs) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows that a fit is not of, and a note where others were left out; raises InputError where none is left."""
    if any(is_prior(one) for one, _ in parts(fit)):
        return held.table, ()
    own = own_rows(fit.runs, held)
    if not own.any():
        return held.table, ()
    if own.all():
        raise InputError(f"score: {held.source} has only rows that the fit is of ({len(own)}); expected runs it has not seen")
    rows = f"{format_count(int(own.sum()))} of {several(len(own), 'row')}"
    return held.table[~own].reset_index(drop=True), (f"{rows} {'is' if own.sum() == 1 else 'are'} the fit's own and left out",)
