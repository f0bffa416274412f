"""What moves an answer: the record, and its tables."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from bayes_scaling._base import calls
from bayes_scaling._base.views import draws_of, in_a_line, lines, note_lines, show, view
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import mark


@dataclass(frozen=True)
class Sensitivity:
    """What the uncertainty of an answer is made of, what shifts it, and which further runs would shrink it.

    Parameters
    ----------
    asked
        Draws of the question, (chain, draw), as `draw_estimand` gives them; of a stack one law after the other.
    shares
        A row for each part: `law` in a stack, else ""; `source`, one of law, discrepancy, group effects, scatter and between
        laws; `part`, such as "A, alpha"; `share` of the variance, which sum to 1; `share_sd`, how far sampling moves it;
        `first_order`, the share that would go were the part alone known; `total`, that would be left were all else known.
    sources
        The same by source.
    shifts
        A row for each component and power: `moved_by`, as "prior of alpha"; `kind`, one of prior, likelihood, law and
        specification; `power`; quantiles q05, q50, q95 in the question's own unit, missing where weighted draws are not
        `reliable`; `shift` of the median in half widths of the 90 % band, and its `shift_sd` by sampling; `width`, of the band
        over what it is now; `pareto_k`; `sensitivity` to the component's power.
    runs
        A row for each further run or set of runs, the best for their compute first: `runs`, their labels; `flop`;
        `information` in nats about the question without a new run's noise; `width` of the band over what it is now; and for
        each source `left SOURCE`, its variance over the whole variance now.
    fitted
        The share of the variance without noise that squares and products of the parts explain: shares within a source rest on
        them.
    notes
        What to know before relying on it, a sentence each.
    health
        Of the fit.
    """

    asked: xr.DataArray
    shares: pd.DataFrame
    sources: pd.DataFrame
    shifts: pd.DataFrame
    runs: pd.DataFrame
    fitted: float
    notes: tuple[str, ...] = ()
    health: Health | None = None

    @calls.asked
    def to_frame(self) -> pd.DataFrame:
        """Return all as one table: the rows of `shares`, `shifts` and `runs`, told apart by the column `about`.

        Returns
        -------
        DataFrame
            about, one of share, shift and run; then their columns, missing where they are none of a row's.
        """
        every = {"share": self.shares, "shift": self.shifts, "run": self.runs}
        tables = [of.assign(about=about) for about, of in every.items() if len(of)]
        found = pd.concat(tables, ignore_index=True)
        return mark(found[["about", *(name for name in found if name != "about")]], self)

    @calls.asked
    def summary(self) -> str:
        """Return what the answer's uncertainty is made of, what shifts it and what would shrink it, a sentence a line."""
        said = view("bayes_scaling.decisions.sensitivity.sentences:said_of_sensitivity")(self)
        return lines([*said, *note_lines(self.notes)], self)

    @calls.asked
    def plot(self) -> Any:
        """Return the figure: shares now and after further runs, and shifts of median and band."""
        return view("bayes_scaling.plots.sensitivity:sensitivity_figure")(self)

    def __repr__(self) -> str:
        return in_a_line(self, f"What moves {self.asked.attrs.get('question', 'the answer')}", draws_of(self.asked))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, f"What moves {self.asked.attrs.get('question', 'the answer')}")
