"""Binary logs: opened, out of gzip."""

import gzip
from typing import IO

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.recognise import Head

GZIP = b"\x1f\x8b"


def open_binary(head: Head) -> IO[bytes]:
    """Return a file to read bytes from, out of gzip where they are in it.

    Raises
    ------
    InputError
        Where it cannot be opened.
    """
    try:
        with head.path.open("rb") as stream:
            packed = stream.read(2) == GZIP
        return gzip.open(head.path) if packed else head.path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise InputError(f"{head.source}: cannot be read ({error.strerror or error})") from None
