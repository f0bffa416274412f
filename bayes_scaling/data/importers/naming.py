"""What a run is called after the file that holds it."""

import re
from pathlib import PurePath

GENERIC = re.compile(
    r"(train(er)?|log(s|ging|file)?|metrics?|history|results?|out(put)?|run|events?|stdout|stderr|state|main|console|wandb|csv|txt"
    r"|trainer_state|train_?log|training_?log|metrics_log|progress|scalars?|checkpoint[-_]?\d*|files|lightning_logs|eval(uation)?)"
    r"|\d{1,2}|",
    re.IGNORECASE,
)
"""Names of files and folders that tell no run from another."""

ENDINGS = re.compile(r"(\.(csv|tsv|jsonl?|ndjson|txt|log|out|err|md|gz|parquet|pq|db|sqlite3?))+$", re.IGNORECASE)


def run_name(source: str) -> str:
    """Return the name of a file without its ending, or where that tells nothing, of the nearest folder that does.

    Examples
    --------
    >>> run_name("sweep/small.jsonl"), run_name("sweep/small/metrics.csv"), run_name("big/checkpoint-200/trainer_state.json")
    ('small', 'small', 'big')
    """
    parts = [part for part in PurePath(source.replace("#", "/")).parts if part not in ("/", ".", "..")]
    stems = [ENDINGS.sub("", part) if i == len(parts) - 1 else part for i, part in enumerate(parts)]
    telling = [stem for stem in stems if not GENERIC.fullmatch(stem)]
    return telling[-1] if telling else stems[-1] or source
