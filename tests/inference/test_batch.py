"""Batches of fits: the draws of `fit`, stored and resumed, whatever becomes of tasks and workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import batch_work
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN
from waiting import PATIENCE

import bayes_scaling as bs
from bayes_scaling._base.naming import file_names
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.inference.batch import fits as batch
from bayes_scaling.inference.batch.fits import Batch
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.batch.worker import model_text, read_model
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.specification import model_inputs
from bayes_scaling.model.studies.bundled import bundled

QUICK = bs.Settings(draws=60, tune=100, chains=2, seed=3, progress=False)
COLUMNS = bs.Columns({"compute": bs.Input("compute", "FLOP", 1e20)}, groups={"family": "family"})
NOISE = bs.Noise(bs.Prior(median=0.01, factor=3.0), distribution="normal")
PLAIN = bs.Model(bs.laws.power_law, {"a": bs.Prior(median=3, factor=2), "b": bs.Prior(median=0.05, factor=3)}, NOISE)
LAW_OF_ITS_OWN = bs.parse_law("scale * compute ** -slope", ("compute",))
GROUPED = bs.Model(
    LAW_OF_ITS_OWN,
    {"scale": bs.Prior(median=3, factor=2) + bs.Varying("family", 0.1), "slope": bs.Prior(median=0.05, factor=3)},
    NOISE,
)


def runs(seed: int) -> Runs:
    """A dozen runs of three families."""
    scatter = np.random.default_rng(seed).normal(0.0, 0.01, 12)
    compute = np.geomspace(1e18, 1e22, 12)
    loss = 3.0 * (compute / 1e20) ** -0.05 * np.exp(scatter)
    return bs.read_runs(pd.DataFrame({"compute": compute, "loss": loss, "family": list("abc") * 4}), COLUMNS)


class Refusing(Executor):
    """Takes no work: whoever gets a result did not fit."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("no work is taken")


@pytest.fixture(scope="module")
def worker() -> Iterator[Executor]:
    """One process that counts what it compiles, in which most of the fits here run."""
    context = get_context("spawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_OPT", "1")
        with ProcessPoolExecutor(1, context, batch_work.count_compilations) as pool:
            yield pool


def test_draws_are_those_of_a_plain_fit_to_the_last_bit(worker: Executor) -> None:
    made = bs.fit_many(GROUPED, {"one": runs(1), "two": runs(2)}, worker, settings=QUICK)
    assert list(made.results) == ["one", "two"]
    assert not made.failures
    for name, seed in {"one": 1, "two": 2}.items():
        plain = bs.fit(GROUPED, runs(seed), replace(QUICK, seed=made.results[name].settings.seed))
        xr.testing.assert_identical(made.results[name].posterior, plain.posterior)
        assert made.results[name].model == plain.model
        assert made.results[name].runs.references == plain.runs.references
        assert made.results[name].health == plain.health
    assert len({QUICK.seed, *(one.settings.seed for one in made.results.values())}) == 3


def test_threads_give_the_same_draws_as_processes(worker: Executor) -> None:
    tasks = {str(seed): runs(seed) for seed in range(6)}
    with ThreadPoolExecutor(3) as threads:
        here = bs.fit_many(GROUPED, tasks, threads, settings=QUICK)
    there = bs.fit_many(GROUPED, tasks, worker, settings=QUICK)
    for name in tasks:
        xr.testing.assert_identical(here.results[name].posterior, there.results[name].posterior)


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_model_travels_unchanged_and_is_read_once(name: str) -> None:
    model = bs.read_study(name).model
    arrived = read_model(model_text(model))
    assert read_model(model_text(model)) is arrived
    assert {name: as_parameter(of) for name, of in arrived.parameters.items()} == {
        name: as_parameter(of) for name, of in model.parameters.items()
    }
    assert arrived.noise == model.noise
    assert model_inputs(arrived) == model_inputs(model)
    assert model_text(arrived) == model_text(model)


def test_a_worker_compiles_each_model_once_over_all_calls(worker: Executor) -> None:
    fewer = subset(runs(3), 'family != "a"')
    without_b = subset(runs(4), 'family != "b"')
    tasks = {
        "fewer": fewer,
        "plain": Task(runs(1), model=PLAIN),
        "all": runs(2),
        "other": without_b,
        "plain again": Task(runs(2), replace(PLAIN)),
        "grouped again": Task(runs(2), replace(GROUPED, law=bs.parse_law("scale * compute ** -slope", ("compute",)))),
    }
    first = bs.fit_many(GROUPED, tasks, worker, keep=batch_work.compiled, settings=QUICK)
    again = bs.fit_many(GROUPED, tasks, worker, keep=batch_work.compiled, settings=QUICK)
    assert not first.failures
    assert max(table["compiled"].item() for table in first.results.values()) == 2
    assert [table["compiled"].item() for table in again.results.values()] == [2] * 6
    assert len({table["pid"].item() for table in [*first.results.values(), *again.results.values()]}) == 1


def test_draws_do_not_depend_on_the_order_of_tasks_that_lack_levels(worker: Executor) -> None:
    parts = {family: subset(runs(5), f'family != "{family}"') for family in "abc"}
    forth = bs.fit_many(GROUPED, parts, worker, settings=QUICK)
    back = bs.fit_many(GROUPED, dict(reversed(parts.items())), worker, settings=QUICK)
    for family in "abc":
        xr.testing.assert_identical(forth.results[family].posterior, back.results[family].posterior)
        assert list(forth.results[family].runs.levels["family"]) == [one for one in "abc" if one != family]
        assert forth.results[family].posterior.sizes["family"] == 2


def test_a_finished_task_is_loaded_and_a_changed_one_is_fitted_again(worker: Executor, tmp_path: Path) -> None:
    held_out = pd.DataFrame({"compute": [1e23], "loss": [2.1]})
    tasks = {f"t{seed}": Task(runs(seed), extra=held_out) for seed in range(3)}
    asked: dict[str, Any] = {"keep": batch_work.error, "folder": tmp_path, "settings": QUICK}
    first = bs.fit_many(PLAIN, tasks, worker, **asked)
    again = bs.fit_many(PLAIN, tasks, Refusing(), **asked | {"settings": replace(QUICK, progress=True, cores=2)})
    assert (first.loaded, again.loaded) == (frozenset(), frozenset(tasks))
    assert (first.problems, first.seconds) == (again.problems, again.seconds)
    for name in tasks:
        pd.testing.assert_frame_equal(first.results[name], again.results[name])
    longer = runs(0).table.assign(response=runs(0).table["response"] * (1 + 1e-15))
    other = dict(tasks) | {
        "t0": Task(replace(runs(0), table=longer), extra=held_out),
        "t1": Task(runs(1), extra=held_out * 2),
    }
    changed = bs.fit_many(PLAIN, other, worker, **asked)
    assert changed.loaded == {"t2"}
    assert bs.fit_many(PLAIN, other, Refusing(), **asked).loaded == {"t0", "t1", "t2"}


@pytest.mark.parametrize("change", ["seed", "model", "reference", "keep"])
def test_nothing_is_loaded_where_what_is_common_to_all_changed(change: str, worker: Executor, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"keep": batch_work.means, "folder": tmp_path, "settings": QUICK}
    one = {"one": runs(1)}
    bs.fit_many(PLAIN, one, worker, **asked)
    assert bs.fit_many(PLAIN, one, Refusing(), **asked).loaded == {"one"}
    wider = replace(PLAIN, parameters=dict(PLAIN.parameters) | {"b": bs.Prior(median=0.05, factor=3.1)})
    if change == "reference":
        one = {"one": replace(runs(1), references={"compute": 2e20})}
    asked |= {"seed": {"settings": replace(QUICK, seed=4)}, "keep": {"keep": batch_work.other_means}}.get(change, {})
    other = bs.fit_many(wider if change == "model" else PLAIN, one, Refusing(), **asked)
    assert not other.loaded
    assert other.report == ["one: failed: 2 tries gave no result (RuntimeError: no work is taken)"]


def test_whole_fits_are_stored_for_load(worker: Executor, tmp_path: Path) -> None:
    made = bs.fit_many(GROUPED, {"one": runs(1)}, worker, folder=tmp_path, settings=QUICK)
    assert made.results == {"one": tmp_path / "one.nc"}
    stored = bs.load(made.results["one"])
    plain = bs.fit(GROUPED, runs(1), replace(QUICK, seed=stored.settings.seed))
    xr.testing.assert_identical(stored.posterior, plain.posterior)
    again = bs.fit_many(GROUPED, {"one": runs(1)}, Refusing(), folder=tmp_path, settings=QUICK)
    assert (again.results, again.loaded) == (made.results, {"one"})


@pytest.mark.parametrize("keep", [None, batch_work.means])
def test_a_file_that_is_not_whole_is_never_loaded(keep: Any, worker: Executor, tmp_path: Path) -> None:
    one = {"one": runs(1)}
    bs.fit_many(PLAIN, one, worker, folder=tmp_path, keep=keep, settings=QUICK)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for damaged in (b"", content[:10], content[: len(content) // 2], content[:-1], content[1:], b"text"):
        path.write_bytes(damaged)
        assert not bs.fit_many(PLAIN, one, Refusing(), folder=tmp_path, keep=keep, settings=QUICK).loaded
    assert not bs.fit_many(PLAIN, one, worker, folder=tmp_path, keep=keep, settings=QUICK).loaded
    assert bs.fit_many(PLAIN, one, Refusing(), folder=tmp_path, keep=keep, settings=QUICK).loaded == {"one"}


def test_a_bad_task_is_one_line_and_stops_no_other(worker: Executor, tmp_path: Path) -> None:
    good = runs(1)
    nothing = replace(good, table=good.table.assign(response=np.nan))
    tokens = bs.read_runs(pd.DataFrame({"tokens": [1e9, 2e9], "loss": [3.0, 2.9]}), bs.Columns({"tokens": bs.Input("tokens")}))
    tasks = {
        "no input": Task(tokens),
        "no draw": Task(nothing),
        "one family": Task(subset(good, 'family == "a"'), GROUPED),
        "raises": Task(good, extra="raise"),
        "exits": Task(good, extra="exit"),
        "no table": Task(good, extra="number"),
        "not storable": Task(good, extra="objects"),
        "no content": Task(good, extra=object()),
        "not runs": good.table,
        "constant": replace(good, table=good.table.assign(response=2.0)),
        "three points": subset(good, "compute > 2e21"),
        "good": good,
    }
    made = bs.fit_many(PLAIN, tasks, worker, keep=batch_work.asked, folder=tmp_path, settings=QUICK)  # type: ignore[arg-type]
    assert list(made.results) == ["constant", "three points", "good"]
    expected = {
        "no input": "power_law needs inputs ['compute']; the table has ['tokens']",
        "no draw": "no draw could be made",
        "one family": "needs two or more",
        "raises": "keep raised ZeroDivisionError: what keep does",
        "exits": "keep raised SystemExit: 3",
        "no table": "keep returned a float; expected a DataFrame",
        "not storable": "its result cannot be stored",
        "no content": "cannot be fingerprinted",
        "not runs": "expected Runs or a Task, not DataFrame",
    }
    assert list(made.failures) == list(expected)
    for name, said in expected.items():
        assert said in made.failures[name]
        assert any(line.startswith(f"{name}: failed: ") and "\n" not in line for line in made.report)
    assert "effective sample size" in made.problems["good"]  # 120 draws are too few for anything
    assert any(line.startswith("good: not to be trusted: ") for line in made.report)


def test_what_no_task_could_survive_is_refused_before_any_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(bs.InputError, match="cannot be written"):
        bs.fit_many(PLAIN, {"one": runs(1)}, Refusing(), folder=tmp_path / "file")
    made = bs.fit_many(None, {"one": runs(1)}, Refusing())
    assert made.report == ["one: failed: there is no model, neither the task's nor the batch's"]
    assert bs.fit_many(PLAIN, {}).results == {}


def test_a_name_may_be_anything(worker: Executor, tmp_path: Path) -> None:
    names = [
        "plain-1.5",
        "../up",
        "a/b",
        "a-b",
        "/etc/x",
        "..",
        ".",
        "",
        "A",
        "a",
        "x" * 300,
        "é\n",
        "con\0",
        "~",
        "a~b",
        "\udcff",
    ]
    tasks = {name: runs(1) for name in names}
    folder = tmp_path / "in" / "here"
    made = bs.fit_many(PLAIN, tasks, worker, folder=folder, keep=batch_work.means, settings=QUICK)
    assert not made.failures
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != folder] == []
    assert len({path.name.casefold() for path in folder.iterdir()}) == len(names)
    assert (folder / "plain-1.5.parquet").is_file()
    assert bs.fit_many(PLAIN, tasks, Refusing(), folder=folder, keep=batch_work.means, settings=QUICK).loaded == set(names)
    assert file_names(["x"]) == {"x": "x"}


def test_the_tables_of_all_tasks_become_one(worker: Executor) -> None:
    made = bs.fit_many(PLAIN, {"one": runs(1), "two": runs(2)}, worker, keep=batch_work.means, settings=QUICK)
    table = made.to_frame()
    assert list(table) == ["task", "name", "dims", "mean"]
    assert list(table["task"].unique()) == ["one", "two"]
    assert list(replace(made, results={}).to_frame()) == ["task", "grade", "seconds", "problem"]


def test_the_bar_goes_to_stderr(worker: Executor, capsys: pytest.CaptureFixture[str]) -> None:
    bs.fit_many(PLAIN, {"one": runs(1)}, worker, keep=batch_work.means, settings=QUICK, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "fits: 1 of 1" in said.err


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_task(worker: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "cores", lambda: 1)
    worker.submit(int).result()  # its process starts with the first call
    marker, others = tmp_path / "marker", set(active_children())
    tasks = {str(seed): Task(runs(seed), extra=str(marker) if seed == 2 else "") for seed in range(5)}
    survived = bs.fit_many(PLAIN, tasks, keep=batch_work.killed_once, folder=tmp_path / "results", settings=QUICK)
    assert marker.exists()
    assert not survived.failures
    undisturbed = bs.fit_many(PLAIN, tasks, worker, keep=batch_work.means, settings=QUICK)
    pd.testing.assert_frame_equal(survived.to_frame(), undisturbed.to_frame())
    assert set(active_children()) == others


SCRIPT = """
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
import batch_work
import bayes_scaling as bs
from bayes_scaling.data.runs import subset
from bayes_scaling.inference.batch.tasks import Task
from test_batch import PLAIN, QUICK, runs

if __name__ == "__main__":
    folder, marker = sys.argv[1:]
    tasks = {"one": Task(runs(1), extra=""), "slow": Task(subset(runs(2), "compute > 1e19"), extra=marker)}
    bs.fit_many(PLAIN, tasks, keep=batch_work.slow, folder=folder, settings=QUICK)
"""


@pytest.mark.slow
def test_an_interrupt_ends_workers_and_leaves_what_is_finished(tmp_path: Path) -> None:
    folder, marker, script = tmp_path / "results", tmp_path / "pid", tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(marker)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + PATIENCE
    while not (marker.is_file() and marker.read_text() and (folder / "one.parquet").is_file()):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert said.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert [path.name for path in folder.iterdir()] == ["one.parquet"]
    assert not Path(f"/proc/{int(marker.read_text())}/cmdline").exists()
    finished = bs.fit_many(
        PLAIN, {"one": Task(runs(1), extra="")}, Refusing(), keep=batch_work.slow, folder=folder, settings=QUICK
    )
    assert finished.loaded == {"one"}


@pytest.mark.slow
def test_a_dask_cluster_that_loses_a_worker_finishes_every_task(worker: Executor, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    marker = tmp_path / "marker"
    tasks = {str(seed): Task(runs(seed), extra=str(marker) if seed == 3 else "") for seed in range(8)}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        before = set(client.run(os.getpid).values())
        survived = bs.fit_many(
            PLAIN, tasks, client.get_executor(), keep=batch_work.killed_once, folder=tmp_path / "results", settings=QUICK
        )
        client.wait_for_workers(2, timeout=PATIENCE)
        after = set(client.run(os.getpid).values())
    assert marker.exists()
    assert len(before & after) == 1
    assert not survived.failures
    undisturbed = bs.fit_many(PLAIN, tasks, worker, keep=batch_work.means, settings=QUICK)
    pd.testing.assert_frame_equal(survived.to_frame(), undisturbed.to_frame())


def test_a_batch_of_fits_is_a_frame_and_says_how_it_went() -> None:
    kept = Batch({"a": Path("a.nc")}, {"b": "no rows"}, {}, {"a": 2.0}, healths={"a": CLEAN})
    frame = kept.to_frame()
    assert frame["task"].tolist() == ["a", "b"]
    assert frame["grade"].tolist() == ["clean", ""]
    assert frame["problem"].tolist() == ["", "no rows"]
    assert kept.summary() == "1 of 2 tasks have a result.\nb: failed: no rows"
    tables = Batch({"a": pd.DataFrame({"x": [1]})}, {}, {}, {})
    assert list(tables.to_frame()) == ["task", "x"]
