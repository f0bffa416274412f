"""Calls on executors: each answered once, whatever becomes of the workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from batch_work import square, square_or_die
from waiting import PATIENCE

import bayes_scaling as bs
from bayes_scaling.inference.batch.executors import ENVIRONMENT, each, own_processes


class Here(Executor):
    """Calls at once, in this process; remembers how often."""

    def __init__(self) -> None:
        self.calls = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def test_every_job_is_answered_and_few_are_taken_at_a_time() -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    answered = 0
    with closing(each(square, jobs(), Here().submit)) as answers:
        for number, result in answers:
            answered += 1
            assert result == number**2
            assert len(taken) <= answered + 64
    assert answered == 10_000


def test_a_lost_call_is_tried_once_more_with_another_ticket() -> None:
    tickets: dict[int, list[str]] = {}

    def lost(number: int, ticket: str) -> int:
        tickets.setdefault(number, []).append(ticket)
        if number == 2 or (number == 1 and len(tickets[1]) == 1):
            raise ConnectionError("the worker is gone\nfor good")
        return number

    answers = dict(each(lost, range(3), Here().submit))
    assert answers == {0: 0, 1: 1, 2: "2 tries gave no result (ConnectionError: the worker is gone)"}
    assert [len(set(tickets[number])) for number in range(3)] == [1, 2, 2]


@pytest.mark.slow
def test_a_process_that_dies_takes_no_other_call_with_it() -> None:
    with own_processes(2, square) as submit:
        answers = dict(each(square_or_die, [1, -1, 2, 3, -2, 4, 5], submit, 2))
    assert {number: result for number, result in answers.items() if number > 0} == {n: n**2 for n in range(1, 6)}
    assert all("BrokenProcessPool" in str(answers[number]) for number in (-1, -2))


def test_a_users_pool_that_breaks_fails_what_is_left_and_no_more() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        answers = dict(each(square_or_die, [1, 2, -1, 3], pool.submit, 1))
    assert (answers[1], answers[2]) == (1, 4)
    assert all("BrokenProcessPool" in str(answers[number]) for number in (-1, 3))


def test_pending_calls_are_cancelled_when_nobody_asks_any_more() -> None:
    pending: list[Future[Any]] = []

    def submit(function: Callable[..., Any], job: int, ticket: str) -> Future[Any]:
        pending.append(Future())
        if job == 0:
            pending[0].set_result(0)
        return pending[-1]

    with closing(each(square, range(10), submit, 5)) as answers:
        assert next(answers) == (0, 0)
    assert [future.cancelled() for future in pending] == [False] + [True] * 4


def test_own_processes_have_one_thread_each_and_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with own_processes(1, square) as submit:
        seen = {name: submit(os.getenv, name).result() for name in ENVIRONMENT}
    assert seen["OMP_NUM_THREADS"] == "3"
    assert seen["OPENBLAS_NUM_THREADS"] == "1"
    assert dict(os.environ) == before


def test_a_function_that_workers_cannot_import_is_refused_at_once() -> None:
    with pytest.raises(bs.InputError, match="use a function of a module"), own_processes(1, lambda: 1):
        pytest.fail("started")


def test_processes_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(marker)], cwd=Path(__file__).parents[1], text=True)
    worker = int(_appears(marker, process))
    process.kill()
    process.wait()
    assert _ends(worker)


def test_an_interrupt_ends_processes_in_mid_call(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(marker)], cwd=Path(__file__).parents[1], stderr=subprocess.PIPE, text=True
    )
    worker = int(_appears(marker, process))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert said.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert _ends(worker)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_pool_ends_with_its_parent_in_mid_call(how: signal.Signals, tmp_path: Path) -> None:
    markers = [tmp_path / "one", tmp_path / "two"]
    process = subprocess.Popen(
        [sys.executable, "-c", POOL, *map(str, markers)], cwd=Path(__file__).parents[1], stderr=subprocess.PIPE, text=True
    )
    workers = [int(_appears(marker, process)) for marker in markers]
    process.send_signal(how)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == (-9 if how == signal.SIGKILL else 130)
    if how == signal.SIGINT:
        assert said.splitlines() == ["interrupted; no file is half written"]
    assert all(map(_ends, workers))


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from bayes_scaling.inference.batch.executors import own_processes\nwith own_processes(1, None): pass\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "InputError: worker processes do not start; a script needs `if __name__ == '__main__':`" in done.stderr


SCRIPT = """
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from waiting import wait_for
from bayes_scaling.inference.batch.executors import each, own_processes

with own_processes(1, wait_for) as submit:
    list(each(wait_for, [sys.argv[1]], submit, 1))
"""


POOL = """
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from waiting import wait_for
from bayes_scaling import cli
from bayes_scaling.cli.errors import clear_errors
from bayes_scaling.inference.batch.executors import each, pool

@cli.app.command()
@clear_errors
def wait():
    with pool(2) as executor:
        list(each(wait_for, markers, executor.submit, 2))

markers, sys.argv[1:] = sys.argv[1:], ["wait"]
cli.main()
"""


def _appears(path: Path, writer: subprocess.Popen[str]) -> str:
    """Return what a file holds, as soon as it holds anything."""
    for _ in range(int(PATIENCE / 0.05)):
        if path.is_file() and (content := path.read_text()):
            return content
        assert writer.poll() is None, f"{path.name} did not appear: {writer.stderr and writer.stderr.read()}"
        time.sleep(0.05)
    raise AssertionError(f"{path.name} did not appear")


def _ends(process: int) -> bool:
    """Return whether a process is gone, or soon will be."""
    for _ in range(int(PATIENCE / 0.05)):
        try:
            if "\nState:\tZ" in Path(f"/proc/{process}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False
