"""Names of columns: which are measured along runs, which name the run of a row, and which are runs side by side."""

import re

from bayes_scaling.data.importers.steps import RUNS
from bayes_scaling.data.rates import is_run_name
from bayes_scaling.data.roles.words import BESIDE, meanings, split_words

MEASURED = frozenset({"acc", "accuracy", "auc", "bleu", "err", "error", "f1", "mae", "mse", "reward", "score"})
"""Words of what is measured besides losses."""

BESIDE_RUN = BESIDE["run"] | {"display", "hash", "mlflow", "slurm"}
"""Words that may stand beside that of a run where a column names runs."""

ONE_RUN = re.compile(r"(?:(?P<key>.+?)[\s_/:.-]+)?(?P<run>(?:run|trial|job)[\s_-]?(?:[a-z]|\d+))", re.IGNORECASE)
"""A column of one run of several: run-a, run_2, loss run-b."""


def is_metric_name(name: str) -> bool:
    """Return whether a column of that name is measured, and never a setting: a loss, an accuracy, a score.

    Examples
    --------
    >>> is_metric_name("eval/loss"), is_metric_name("acc_5"), is_metric_name("width"), is_metric_name("loss weight")
    (True, True, False, False)
    """
    found = any(one.role == "loss" and one.strength > 0.5 for one in meanings(name))
    return found or name.strip().lower() == "value" or bool(MEASURED & set(split_words(name)))


def names_runs(name: str) -> bool:
    """Return whether a column of that name names the run of each row: `run_id` does, and `run-b` is one run's.

    Examples
    --------
    >>> names_runs("wandb_run_id"), names_runs("run-b"), names_runs("loss run-a"), names_runs("runtime")
    (True, False, False, False)
    """
    words = split_words(name)
    if name.strip().lower() in RUNS:
        return True
    return bool(words) and is_run_name(name) and all(word in BESIDE_RUN or is_run_name(word) for word in words)
