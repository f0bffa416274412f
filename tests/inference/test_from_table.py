"""Tasks of a table: one for each level, read when it is their turn; parts, chunks, causes and progress of a batch."""

import io
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN

import bayes_scaling as bs
from bayes_scaling.inference.batch.causes import by_cause, cause_lines
from bayes_scaling.inference.batch.executors import each_in_chunks
from bayes_scaling.inference.batch.fits import MISSING, stored
from bayes_scaling.inference.batch.from_table import tasks_by
from bayes_scaling.inference.batch.progress import Pace, progress
from bayes_scaling.inference.batch.record import Batch
from bayes_scaling.inference.batch.tables import task_rows, with_reasons
from bayes_scaling.inference.batch.tasks import names_of_part

COLUMNS = bs.Columns({"step": bs.Input("step", reference=10.0)})


def curves(names: list[Any], points: int = 5) -> pd.DataFrame:
    """A curve for each name, with their rows mixed."""
    parts = [
        pd.DataFrame({"curve": [name] * points, "step": range(1, points + 1), "loss": np.linspace(3.0 + i, 2.0, points)})
        for i, name in enumerate(names)
    ]
    return pd.concat(parts).sort_values("step", kind="stable").reset_index(drop=True)


def test_each_level_is_a_task_in_the_order_of_the_table() -> None:
    tasks = tasks_by(COLUMNS, curves(["b", "a/b", "é ü"]), "curve")
    assert list(tasks) == ["b", "a/b", "é ü"]
    assert [len(tasks[name].runs) for name in tasks] == [5, 5, 5]
    assert tasks["a/b"].runs.table["response"].iloc[0] == 4.0
    assert repr(tasks) == "<3 tasks of the data frame, by curve>"
    assert tasks["b"].runs.source == "the data frame, curve b"


def test_several_columns_make_a_task_of_each_combination_and_no_two_are_confused() -> None:
    table = pd.DataFrame(
        {"a": ["x y", "x", "x", "x y"], "b": ["z", "y z", "y z", "z"], "step": [1, 1, 2, 2], "loss": [4, 3, 2, 1]}
    )
    tasks = tasks_by(COLUMNS, table, ("a", "b"))
    assert len(tasks) == 2
    assert [len(task.runs) for task in tasks.values()] == [2, 2]
    assert tasks.labels.to_numpy().tolist() == [["x y", "z"], ["x", "y z"]]


def test_numbers_are_levels_and_two_spellings_of_one_are_one_task() -> None:
    table = pd.DataFrame({"curve": [7, 7.0, 8], "step": [1, 2, 1], "loss": [3.0, 2.0, 2.5]}, dtype=object)
    assert [(name, len(task.runs)) for name, task in tasks_by(COLUMNS, table, "curve").items()] == [("7", 2), ("8", 1)]


def test_rows_that_are_no_runs_fail_their_own_task_alone() -> None:
    table = curves(["good", "bad"])
    table.loc[(table["curve"] == "bad") & (table["step"] == 3), "loss"] = -1.0
    tasks = tasks_by(COLUMNS, table, "curve")
    assert len(tasks["good"].runs) == 5
    with pytest.raises(bs.InputError, match=r"curve bad: column 'loss', row 3: -1\.0 is not positive"):
        tasks["bad"]
    made = bs.fit_many(None, tasks, _Refusing())
    assert "not positive" in made.failures["bad"]
    assert "no model" in made.failures["good"]


@pytest.mark.parametrize(
    ("table", "by", "said"),
    [
        (curves(["a"]), "run", "no column 'run'"),
        (curves(["a"]).drop(columns="loss"), "curve", "no column 'loss'"),
        (curves(["a", None]), "curve", "is missing; expected a level"),
        (curves(["a"]).iloc[:0], "curve", "no rows"),
        (curves(["a"]), (), "no column is named"),
    ],
)
def test_what_would_fail_every_task_is_refused_at_once(table: pd.DataFrame, by: Any, said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        tasks_by(COLUMNS, table, by)


def test_a_study_whose_rows_are_checkpoints_gives_a_task_the_noise_of_curves() -> None:
    study = bs.read_study("chinchilla_law")
    steps = np.geomspace(100, 1e5, 40)
    table = pd.DataFrame(
        {"team": "a", "run": "one", "params": 1e9, "tokens": 1e6 * steps, "step": steps, "loss": 2 + 5 * steps**-0.3}
    )
    task = tasks_by(study, table, "team")["a"]
    alone = tasks_by(study, table, "team", independent=True)["a"]
    assert alone.model is None
    assert task.model is not None
    assert task.model.noise.correlation is not None


def test_ten_thousand_tasks_are_told_apart_without_reading_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_scaling.inference.batch.from_table.read_runs", None)
    tasks = tasks_by(COLUMNS, pd.DataFrame({"curve": np.arange(10_000) % 5_000, "step": 1, "loss": 2.0}), "curve")
    assert len(tasks) == 5_000
    assert len(tasks.rows["17"]) == 2


def test_a_study_and_a_table_are_enough_and_half_of_it_is_refused(tmp_path: Path) -> None:
    study = bs.read_study("chinchilla_law")
    table = pd.DataFrame({"team": list("aabb"), "params": 1e9, "tokens": 1e10, "loss": -2.0})
    made = bs.fit_many(study, table, by="team")
    assert all("not positive" in why for why in made.failures.values())
    with pytest.raises(bs.InputError, match="expected by="):
        bs.fit_many("chinchilla_law", tmp_path / "table.csv")
    with pytest.raises(bs.InputError, match="for a study and a table"):
        bs.fit_many(MODEL, table, by="team")


def test_a_batch_of_several_laws_is_refused() -> None:
    with pytest.raises(bs.InputError, match=r"moba_shared_floor names 3 laws to stack, and a batch fits one: give the \.model"):
        bs.fit_many("moba_shared_floor", {})
    with pytest.raises(bs.InputError, match="a batch fits one model, not a dict; fit_stack fits several laws"):
        bs.fit_many({"a": MODEL, "b": MODEL}, {})  # type: ignore[call-overload]


def test_parts_have_every_task_once_and_stay_when_tasks_are_added() -> None:
    names = [str(i) for i in range(23)]
    parts = [names_of_part(names, (i + 1, 5)) for i in range(5)]
    assert sorted((name for part in parts for name in part), key=int) == names
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    longer = [names_of_part([*names, "more"], (i + 1, 5)) for i in range(5)]
    assert all(part == other[: len(part)] for part, other in zip(parts, longer, strict=True))
    with pytest.raises(bs.InputError, match="no part 0 of 5"):
        names_of_part(names, (0, 5))


def test_parts_of_names_that_differ_in_case_alone_fill_files_of_their_own(tmp_path: Path) -> None:
    tasks = tasks_by(COLUMNS, curves(["A", "a"]), "curve")
    for part in ((1, 2), (2, 2)):
        bs.fit_many(MODEL, tasks, _Here(), keep=_rows, folder=tmp_path, settings=QUICK, part=part)
    assert len({path.name.casefold() for path in tmp_path.iterdir()}) == 2
    found = stored(MODEL, tasks, tmp_path, keep=_rows, settings=QUICK)
    assert (list(found.results), found.loaded) == (["A", "a"], {"A", "a"})


def test_what_is_not_stored_yet_is_said_and_a_part_tells_why(tmp_path: Path) -> None:
    tasks = tasks_by(COLUMNS, curves(["a", "=b"]), "curve")
    nothing = stored(MODEL, tasks, tmp_path, keep=_rows, settings=QUICK)
    assert nothing.failures == dict.fromkeys(tasks, MISSING)
    failed = Batch({}, {"=b": "no rows"}, {}, {})
    path = tmp_path / "1_of_2.csv"
    from bayes_scaling._base.files import write_csv

    write_csv(task_rows(failed, tasks), path)
    assert with_reasons(nothing, [path]).failures == {"a": MISSING, "=b": "no rows"}
    path.write_text("task\nx\n")
    with pytest.raises(bs.InputError, match="is no table of tasks"):
        with_reasons(nothing, [path])


def test_a_table_of_tasks_has_parameters_with_intervals_health_and_failures() -> None:
    tasks = tasks_by(COLUMNS, curves(["a", "b"]), "curve")
    kept = pd.DataFrame({"name": ["E", "E"], "dims": ["", "arch=x"], "q05": [1.0, 0.0], "q50": [2.0, 0.0], "q95": [3.0, 0.0]})
    rows = task_rows(Batch({"a": kept}, {"b": "no rows"}, {}, {"a": 2.0}, healths={"a": CLEAN}), tasks)
    known = ["task", "curve", "rows", "grade", "method", "pareto_k", "seconds"]
    assert list(rows) == [*known, "E", "E_q05", "E_q95", "problem", "sampled_again"]
    assert rows.iloc[0].drop("pareto_k").tolist() == ["a", "a", 5, "clean", "nuts", 2.0, 2.0, 1.0, 3.0, "", ""]
    assert rows.iloc[1][["grade", "problem"]].tolist() == ["failed", "no rows"]
    assert np.isnan(rows.iloc[1]["E"])


def test_what_an_approximation_was_not_taken_for_stands_in_the_table_of_tasks() -> None:
    from dataclasses import replace

    tasks = tasks_by(COLUMNS, curves(["a", "b"]), "curve")
    tried = {"tried": "laplace", "pareto_k": 0.9, "found": ["approximate: Pareto k 0.90"]}
    sampled = replace(CLEAN, rounds=(tried, {"tried": "NUTS", "found": []}))
    approximate = replace(CLEAN, method="laplace", pareto_k=0.2)
    kept = pd.DataFrame({"name": ["E"], "dims": [""], "q05": [1.0], "q50": [2.0], "q95": [3.0]})
    batch = Batch({"a": kept, "b": kept}, {}, {}, {}, healths={"a": sampled, "b": approximate})
    rows = task_rows(batch, tasks)
    assert rows["pareto_k"].tolist() == [0.9, 0.2]
    assert rows["sampled_again"].tolist() == ["approximate: Pareto k 0.90", ""]


def test_failures_are_counted_by_cause() -> None:
    failures = {f"t{i}": f"t{i}: row {i}: -{i}.5e-3 is not positive" for i in range(30)} | {"x": "no rows"}
    assert [len(names) for names in by_cause(failures).values()] == [30, 1]
    assert cause_lines(failures, "failed")[0] == "30 tasks failed: t0: row 0: -0.5e-3 is not positive (t0, t1, t2 and 27 more)"
    said = Batch({}, failures, {}, {}).summary().splitlines()
    assert len(said) == 3
    assert len(Batch({}, failures, {}, {}).report) == 31


def test_a_chunk_is_one_submission_and_a_culprit_takes_no_other_with_it() -> None:
    here = _Here()
    answers = dict(_answers(here, list(range(10)), 4))
    assert answers == {i: i * i for i in range(10)}
    assert here.calls == 3
    assert dict(_answers(_Here(), [1, 2, -1, 3, 4], 3)) == {
        1: 1,
        2: 4,
        3: 9,
        4: 16,
        -1: "2 tries gave no result (ConnectionError: the worker is gone)",
    }


def _answers(executor: Executor, jobs: list[int], chunk: int) -> list[tuple[int, Any]]:
    with closing(each_in_chunks(_squared, jobs, executor.submit, 8, chunk)) as answers:
        return list(answers)


def _squared(number: int, ticket: str) -> int:
    if number < 0:
        raise ConnectionError("the worker is gone")
    return number * number


def test_the_pace_counts_fits_and_not_what_was_stored_before() -> None:
    now = [0.0]
    pace = Pace(100, lambda: now[0])
    for _ in range(40):
        now[0] += 1.0
        pace.add(made=False, failed=False)
    for i in range(20):
        now[0] += 0.5
        pace.add(made=True, failed=i == 3)
    assert pace.rate == pytest.approx(2.0)
    assert pace.line == "fits: 60 of 100, 40 stored before, 2 a second, 20 s left, 1 failed"


def test_the_pace_leaves_out_what_compiling_took() -> None:
    now = [0.0]
    pace = Pace(100, lambda: now[0])
    now[0] += 60.0
    for _ in range(4):  # of four workers, compiled at the same time
        now[0] += 0.01
        pace.add(made=True, failed=False)
    for _ in range(16):
        now[0] += 0.5
        pace.add(made=True, failed=False)
    assert pace.rate == pytest.approx(2.0, rel=0.01)
    assert pace.line == "fits: 20 of 100, 2 a second, 40 s left"


def test_where_nobody_watches_lines_are_few_and_the_last_is_whole() -> None:
    now, said = [0.0], io.StringIO()
    with progress(True, 200, lambda: now[0], said) as advance:
        for _ in range(200):
            now[0] += 1.0
            advance(made=True, failed=False)
    lines = said.getvalue().splitlines()
    assert len(lines) == 200 // 30 + 1
    assert lines[0] == "fits: 30 of 200, 1 a second, 3 min left"
    assert lines[-1] == "fits: 200 of 200, 1 a second"


MODEL = bs.Model(
    bs.parse_law("a * step ** -b", ["step"]),
    {"a": bs.Prior(median=2.5, factor=2.0), "b": bs.Prior(median=0.2, factor=3.0)},
    bs.Noise(bs.Prior(median=0.1, factor=3.0), distribution="normal"),
)
QUICK = bs.Settings(draws=50, tune=60, chains=1, progress=False, rounds=0)


def _rows(fit: bs.Fit, extra: Any) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(fit.runs)]})


class _Here(Executor):
    """Calls at once, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Refusing(Executor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("no work is taken")
