"""Jobs in one text log, one below the other: which are runs of their own, and which go on with a run under other settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.coded import Coded
from bayes_scaling.data.importers.known import plays
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.wording import some

SHAPES = ("num_layers", "hidden_size", "ffn_hidden_size", "num_experts", "padded_vocab_size")
"""Settings that make another model, besides counts of parameters."""


@dataclass
class Attempt:
    """Rows under one configuration."""

    config: dict[str, float] = field(default_factory=dict)
    rows: Coded = field(default_factory=Coded)


@dataclass
class Attempts:
    """What a log says, line by line: runs of one or more attempts.

    What is said before rows is known of them. Where it differs from what was said before, another attempt begins: another run
    where it has another model, or starts at the first step again; else the run goes on.
    """

    runs: list[list[Attempt]] = field(default_factory=lambda: [[Attempt()]])
    heading: dict[str, float] = field(default_factory=dict)

    def know(self, key: str, value: float) -> None:
        """Take what a line says of the rows below it."""
        self.heading[key] = value

    def add(self, step: float, entries: Sequence[tuple[str, float]]) -> None:
        """Take what a line says of a step."""
        self.close(step)
        for key, value in entries:
            self.runs[-1][-1].rows.add(step, key, value)

    def close(self, step: float | None = None) -> None:
        """Take what was said since the last row as the configuration of the next."""
        now, heading = self.runs[-1][-1], self.heading
        changed = [key for key, value in heading.items() if now.config.get(key, value) != value]
        if changed and now.rows.steps and step is not None:
            if step <= self.runs[-1][0].rows.steps[0] or any(plays(key, "params") or key in SHAPES for key in changed):
                self.runs.append([Attempt(dict(heading))])
            else:
                self.runs[-1].append(Attempt(now.config | heading))
        elif step is not None or not now.rows.steps:
            now.config.update(heading)
        self.heading = {}

    def parts(self, run: str, source: str, format_name: str, *, begins_at_resumed: bool) -> list[Part]:
        """Return a part a run; one that went on with other settings has those only that never changed."""
        found = []
        for number, attempts in enumerate(self.runs, 1):
            rows, config, notes = _joined(attempts, source, counted=begins_at_resumed)
            home = f"{source}#{number}" if len(self.runs) > 1 else ""
            found.append(Part(run, source, format_name, rows.to_frame(), config, notes, home))
        if len(found) > 1:
            said = f"{source}: {len(found)} logs in one file, each under its own settings: kept apart as runs of their own"
            found[0] = Part(run, source, format_name, found[0].metrics, found[0].config, (said, *found[0].notes), found[0].home)
        return found


def _joined(attempts: Sequence[Attempt], source: str, *, counted: bool) -> tuple[Coded, dict[str, object], tuple[str, ...]]:
    """Return the rows of a run, its settings, and what of them changed."""
    last = attempts[-1].config
    values = {key: [one.config[key] for one in attempts if key in one.config] for key in last}
    changed = {key: tuple(dict.fromkeys(of)) for key, of in values.items() if len(set(of)) > 1}
    if not changed:
        return attempts[0].rows, dict(last), ()
    begins = ", ".join(exact(one.rows.steps[0]) for one in attempts[1:])
    said = some([f"{key} {', then '.join(map(exact, of))}" for key, of in changed.items()])
    batch = next((key for key in changed if plays(key, "tokens_per_step")), "")
    counts = _counts(attempts, batch) if counted and batch else None
    what = "its tokens are added up as it said" if counts else "what changed is known of no row"
    note = f"{source}: the run goes on at step {begins} under other settings ({said}): {what}"
    config: dict[str, object] = {key: value for key, value in last.items() if key not in changed}
    return _rows(attempts, counts), config, (note,)


type Counts = list[tuple[float, float, float]]
"""Of each attempt its first step, the tokens up to there, and tokens a step."""


def _counts(attempts: Sequence[Attempt], batch: str) -> Counts | None:
    """Return how the tokens of a run add up; None where an attempt begins beyond the one that it goes on from.

    The first row of an attempt is at the step that it goes on from.
    """
    found: Counts = []
    reached = 0.0
    for one in attempts:
        first, size = one.rows.steps[0], one.config.get(batch)
        if size is None or (found and first > reached):
            return None
        before = next((of for of in reversed(found) if of[0] <= first), None)
        found.append((0.0, 0.0, size) if before is None else (first, before[1] + (first - before[0]) * before[2], size))
        reached = max(reached, *one.rows.steps)
    return found


def _rows(attempts: Sequence[Attempt], counts: Counts | None) -> Coded:
    """Return the rows of attempts one below the other, with their tokens at each step where they are known."""
    rows, last = Coded(), None
    for i, one in enumerate(attempts):
        names = list(one.rows.names)
        for step, code, value in zip(one.rows.steps, one.rows.codes, one.rows.values, strict=True):
            if counts and step != last:
                first, tokens, size = counts[i]
                rows.add(step, "tokens", tokens + (step - first) * size)
            last = step
            rows.add(step, names[code], value)
    return rows
