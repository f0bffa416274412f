"""Linear algebra on one thread: matrices here are small, and starting threads takes longer than the products do."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let linear algebra use one thread."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    """Return the libraries of linear algebra of this process; looking for them takes as long as a small fit's mode."""
    import numpy as np  # noqa: F401  # libraries are found once they are loaded
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()
