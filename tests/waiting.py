"""What a worker is asked to do that is to be found waiting; imports nothing that takes time."""

import os
import time
from pathlib import Path

PATIENCE = 900.0
"""Seconds after which a process is given up for lost: far more than any takes on the busiest machine."""


def wait_for(marker: str, ticket: str) -> None:
    """Take for ever; the marker then holds the worker's process id."""
    Path(marker).write_text(str(os.getpid()))
    time.sleep(4 * PATIENCE)
