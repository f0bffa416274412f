"""What workers are asked to do in tests of batches: functions they can import."""

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from waiting import PATIENCE

import bayes_scaling as bs
from bayes_scaling.inference import compiling
from bayes_scaling.inference.parameters import parameter_table

COMPILED: Counter[str] = Counter()


def count_compilations() -> None:
    """Count what this process compiles, from here on."""
    compile_density = compiling.compile_density

    def counting(*args: Any, **kwargs: Any) -> Any:
        COMPILED["models"] += 1
        return compile_density(*args, **kwargs)

    compiling.compile_density = counting


def means(fit: bs.Fit, extra: object) -> pd.DataFrame:
    """Return the posterior mean of every parameter."""
    return parameter_table(fit)[["name", "dims", "mean"]]


def other_means(fit: bs.Fit, extra: object) -> pd.DataFrame:
    return means(fit, extra)


def error(fit: bs.Fit, held_out: pd.DataFrame) -> pd.DataFrame:
    """Return held-out rows with how far the median prediction is off."""
    middle = bs.predict(fit, held_out).median(("chain", "draw")).to_numpy()
    return held_out.assign(error=middle / held_out["loss"] - 1.0)


def compiled(fit: bs.Fit, extra: object) -> pd.DataFrame:
    """Return how many models the worker has compiled, and which worker it is."""
    return pd.DataFrame({"compiled": [COMPILED["models"]], "pid": [os.getpid()]})


def asked(fit: bs.Fit, what: str) -> pd.DataFrame:
    """Do what a task asks for instead of keeping anything: raise, return no table, or return one that cannot be stored."""
    if what == "raise":
        raise ZeroDivisionError("what keep does\nwent wrong")
    if what == "exit":
        raise SystemExit(3)
    if what == "number":
        return 3.0  # type: ignore[return-value]
    if what == "objects":
        return pd.DataFrame({"a": [object()]})
    return means(fit, what)


def killed_once(fit: bs.Fit, marker: str) -> pd.DataFrame:
    """End the worker as the out-of-memory killer would, the first time; the marker remembers."""
    if marker and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return means(fit, marker)


def slow(fit: bs.Fit, marker: str) -> pd.DataFrame:
    """Take for ever where there is a marker, which then holds the worker's process id."""
    if marker:
        Path(marker).write_text(str(os.getpid()))
        time.sleep(4 * PATIENCE)
    return means(fit, marker)


def square(number: int, ticket: str) -> int:
    return number**2


def square_or_die(number: int, ticket: str) -> int:
    """Square a number; a negative one kills the process."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2
