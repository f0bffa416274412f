"""What a worker is asked to do that is to be found waiting; imports nothing that takes time."""

import os
import time
from pathlib import Path


def wait_for(marker: str, ticket: str) -> None:
    """Take for ever; the marker then holds the worker's process id."""
    Path(marker).write_text(str(os.getpid()))
    time.sleep(600)
