"""What is set before the first command runs: compilers, the collector, a folder for compiled code."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import require_writable
from bayes_scaling.cli.terminal import say


@contextmanager
def short_process() -> Iterator[None]:
    """Set compilers and the collector for a process that is over in seconds."""
    os.environ.setdefault("NUMBA_OPT", "1")  # the same bits and sampling speed as 3, compiled in about a fifth less time
    gc.set_threshold(200_000)  # compiling makes millions of objects; looking for cycles among them takes a second or more
    try:
        with compiled_code():
            yield
    finally:
        gc.freeze()  # nor is it worth looking for cycles among them once all is done


@contextmanager
def compiled_code() -> Iterator[None]:
    """Let PyTensor, which does not start without a folder to keep compiled code in, have one where it cannot make its own."""
    if "PYTENSOR_FLAGS" in os.environ:
        yield
        return
    try:
        require_writable(Path(os.path.expanduser("~"), ".pytensor"))  # noqa: PTH111 - `Path.home` raises where there is none
    except InputError as error:
        say(f"note: {error}; compiled code is not kept, unless PYTENSOR_FLAGS=base_compiledir=DIR says where", err=True)
    else:
        yield
        return
    with TemporaryDirectory(prefix="bayes-scaling-", ignore_cleanup_errors=True) as folder:
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={folder}"
        yield
