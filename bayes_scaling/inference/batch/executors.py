"""Many calls on any `concurrent.futures.Executor`, or on processes of our own: none is lost, few are in flight at a time.

`loky` has one pool for all: a process that dies there breaks it, with every call in flight, and whose call it was is not known.
"""

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import batched
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any
from uuid import uuid4

from bayes_scaling._base.errors import InputError, one_line

IN_FLIGHT = 64
"""Calls that a user's executor is given at a time: it does not say how many workers it has."""

TRIES = 2
"""A call whose worker is lost may have been bystander or culprit; one that loses two is not tried again."""

ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    **dict.fromkeys(("NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "NUMBA_OPT": "1",
}
"""What our own workers find in their environment unless the user set it: one thread each, and the quicker compilation of the
command line."""

type Submit = Callable[..., Future[Any]]


class InProcess(Executor):
    """Makes each call here and at once, for batches so small that starting processes would take longer than their fits."""

    def submit[Result](self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def each[Job, Result](
    work: Callable[[Job, str], Result], jobs: Iterable[Job], submit: Submit, room: int = IN_FLIGHT, tries: int = TRIES
) -> Generator[tuple[Job, Result | str]]:
    """Yield every job with what `work(job, ticket)` returned, or with one line on why it gave nothing, as they finish.

    A call that raises was not at fault as far as this function knows: its worker died, or it never arrived. It is submitted
    once more. What an exception means to the job is for `work` to catch and return.

    Parameters
    ----------
    submit
        That of an executor. Pending calls are cancelled when the caller stops asking.
    room
        How many jobs are in flight.
    tries
        How often a job is submitted.
    """
    untried = ((job, 1) for job in jobs)
    again: deque[tuple[Job, int]] = deque()
    running: dict[Future[Result], tuple[Job, int]] = {}
    try:
        while True:
            while len(running) < room and (entry := again.popleft() if again else next(untried, None)):
                running[_submitted(submit, work, entry[0])] = entry
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, tried = running.pop(future)
                error = _error(future)
                if error is None:
                    yield job, future.result()
                elif tried < tries:
                    again.append((job, tried + 1))
                else:
                    yield job, f"{tries} tries gave no result ({one_line(error)})"
    finally:
        for future in running:
            future.cancel()


def each_in_chunks[Job, Result](
    work: Callable[[Job, str], Result], jobs: Iterable[Job], submit: Submit, room: int = IN_FLIGHT, chunk: int = 1
) -> Generator[tuple[Job, Result | str]]:
    """Yield what `each` does, with so many jobs a submission: what a submission costs is then paid once for all of them.

    Jobs of a chunk that is lost are submitted once more one by one, so that the culprit takes no other with it.

    Parameters
    ----------
    chunk
        How many jobs a submission has.
    """
    if chunk == 1:
        yield from each(work, jobs, submit, room)
        return
    lost: list[Job] = []
    with closing(each(partial(_work_all, work), batched(jobs, chunk), submit, room, 1)) as ended:
        for some, results in ended:
            if isinstance(results, str):
                lost += some
            else:
                yield from zip(some, results, strict=True)
    yield from each(work, lost, submit, room)


def _work_all[Job, Result](work: Callable[[Job, str], Result], jobs: tuple[Job, ...], ticket: str) -> list[Result]:
    return [work(job, ticket) for job in jobs]


def _submitted(submit: Submit, work: Callable[..., Any], job: object) -> Future[Any]:
    """Return the future of a call, a failed one where the executor takes no work.

    The ticket differs between submissions: Dask takes equal calls for one, and a second try would get the first's error.
    """
    try:
        return submit(work, job, uuid4().hex)
    except Exception as error:
        refused: Future[Any] = Future()
        refused.set_exception(error)
        return refused


def _error(future: Future[Any]) -> BaseException | None:
    try:
        error = future.exception()
    except CancelledError as cancelled:
        return cancelled
    if isinstance(error, KeyboardInterrupt):  # a worker in the foreground gets the terminal's Ctrl-C as well
        raise error
    return error


def cores() -> int:
    """Return how many processors this process may use."""
    return getattr(os, "process_cpu_count", os.cpu_count)() or 1


@contextmanager
def own_processes(count: int, must_reach: object) -> Iterator[Submit]:
    """Give a `submit` for so many processes of our own, each started afresh rather than forked, and end them afterwards.

    Each process is a pool of its own: one that dies takes no other's work with it, and whose call it was is known. A call to
    `submit` waits for an idle process. Processes end with this one, however it ends, even in mid-call.

    Parameters
    ----------
    must_reach
        What every process must be able to unpickle.

    Raises
    ------
    InputError
        Where processes do not start or cannot unpickle that.
    """
    context = get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
    pools: set[ProcessPoolExecutor] = set()

    def started() -> ProcessPoolExecutor:
        pools.add(pool := ProcessPoolExecutor(1, context, _begin, (reader,)))
        return pool

    def replaced(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
        pools.discard(pool)  # a broken pool ends by itself, and holds its lock while it tells of it: no shutdown here
        return started()

    def submit(function: Callable[..., Any], *args: Any) -> Future[Any]:
        pool = idle.get()
        try:
            future = pool.submit(function, *args)
        except BrokenExecutor:  # it died while idle
            pool = replaced(pool)
            future = pool.submit(function, *args)
        future.add_done_callback(lambda done: idle.put(replaced(pool) if _broken(done) else pool))
        return future

    with _environment():
        try:
            _check_start([started() for _ in range(count)], must_reach)
            for pool in pools:
                idle.put(pool)
            yield submit
        except BaseException:
            writer.close()
            raise
        finally:
            for pool in list(pools):
                pool.shutdown(cancel_futures=True)
            writer.close()
            reader.close()


@contextmanager
def pool(count: int) -> Iterator[Executor | None]:
    """Give an executor of so many processes that end with this one, as those of `own_processes` do; None for one process.

    Where it is left by an error or an interrupt they end in mid-call.
    """
    if count == 1:
        yield None
        return
    context = get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    try:
        with _environment(), ProcessPoolExecutor(count, context, _begin, (reader,)) as processes:
            try:
                yield processes
            except BaseException:
                writer.close()
                processes.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        writer.close()
        reader.close()


def _broken(future: Future[Any]) -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenExecutor)


def _check_start(pools: list[ProcessPoolExecutor], must_reach: object) -> None:
    """Start every pool's process, and wait for the first to say that it can read what it must."""
    try:
        content = pickle.dumps(must_reach)
    except Exception as error:
        raise InputError(f"{must_reach!r} cannot be sent to workers ({one_line(error)}); use a function of a module") from None
    answers = [pool.submit(_unreadable, content) for pool in pools]
    try:
        reason = answers[0].result()
    except BrokenExecutor:
        raise InputError(
            "worker processes do not start; a script needs `if __name__ == '__main__':` around what it does, since they read it"
        ) from None
    if reason:
        raise InputError(f"workers cannot read {must_reach!r} ({reason}); put it in a module that they can import")


def _unreadable(content: bytes) -> str:
    try:
        pickle.loads(content)
    except Exception as error:
        return one_line(error)
    return ""


def _begin(parent: Connection) -> None:
    """Leave Ctrl-C to the parent, and end when the parent closes its end of the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    with suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(1)


@contextmanager
def _environment() -> Iterator[None]:
    """Set variables that a process reads before any of our code runs in it, and unset them afterwards."""
    added = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
