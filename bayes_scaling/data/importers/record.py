"""What log files held: one long table of metrics, one of runs, and where each came from."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_scaling._base.calls import asked
from bayes_scaling._base.numbers import exact, several
from bayes_scaling._base.views import in_a_line, lines, page
from bayes_scaling.data.importers.ends import early_ends
from bayes_scaling.data.importers.tidy import tidy_table
from bayes_scaling.data.importers.wording import alike, some

MOST_RUNS = 50
"""Runs that a summary goes through."""


@dataclass(frozen=True)
class Logs:
    """What log files held, as `read_logs` returns it.

    Parameters
    ----------
    metrics
        Columns run, step (NaN where a row has none), key, value: in the order written. Run and key are categories.
    configs
        One row a run: run, then what is known of it, by dotted key.
    sources
        One row a run: run, source, format, rows, keys, first_step, last_step, missing, numbered (its rows had no step).
    notes
        What was odd, and what was taken for what, a sentence each, with file and place.
    """

    metrics: pd.DataFrame
    configs: pd.DataFrame
    sources: pd.DataFrame
    notes: tuple[str, ...] = ()

    @asked
    def to_frame(self, keys: Sequence[str] | None = None, *, last: bool = False) -> pd.DataFrame:
        """Return a tidy table: one row a run and step.

        Columns are run, step, `tokens` and `params` where they are known, what is known of runs, then a column a key under its
        own name. Metrics of one step share a row; a step at which a metric was not logged has a missing cell.

        Parameters
        ----------
        keys
            These only, and rows that have one of them; patterns such as "eval/*" too.
        last
            One row a run: its last step, and the last value of each key. Where a value is from a step before that, the
            table's `attrs["notes"]` say so. With one key the row is that of its last value.
        """
        table = tidy_table(self.metrics, self.configs, self.sources, keys, last=last)
        numbered = set(self.sources.loc[self.sources["numbered"], "run"])
        if last and (early := early_ends(self.metrics, numbered, keys)):
            table.attrs["notes"] = early
        return table

    def summary(self) -> str:
        """Return what was recognised, a line a run, and what was odd."""
        return lines([*self.sentences(), *(f"note: {note}" for note in alike(self.notes))])

    def sentences(self) -> list[str]:
        """Return a line a run: where it was read, its rows, keys and steps, and what is missing."""
        shown = [_sentence(row) for row in self.sources.head(MOST_RUNS).to_dict("records")]
        more = len(self.sources) - len(shown)
        return [*shown, *([f"and {several(more, 'more run')}: .sources, or --long, has them all"] if more > 0 else [])]

    def __repr__(self) -> str:
        return in_a_line(self, "Logs", several(len(self.sources), "run"), several(len(self.metrics), "value"))

    def _repr_html_(self) -> str:
        return page("Logs", self.sentences(), self.to_frame())


def _sentence(row: Mapping[Hashable, Any]) -> str:
    keys = some(str(row["keys"]).split(", ")) if row["keys"] else "nothing"
    first, last = row["first_step"], row["last_step"]
    steps = "" if pd.isna(first) else f", step {exact(first)}" if first == last else f", steps {exact(first)} to {exact(last)}"
    steps = ", rows numbered" if row["numbered"] else steps
    missing = f"; missing: {row['missing']}" if row["missing"] else ""
    return f"{row['run']}: {several(row['rows'], 'row')} of {keys}{steps} ({row['format']}, {row['source']}){missing}"
