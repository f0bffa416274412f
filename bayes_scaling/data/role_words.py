"""What people call the columns of a table of training runs: words -> the roles they may mean."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LETTERS = {
    "k",
    "m",
    "b",
    "g",
    "t",
    "mn",
    "bn",
    "thousand",
    "thousands",
    "million",
    "millions",
    "billion",
    "billions",
    "trillion",
}
LETTERS |= {"trillions", "mil", "bil", "in", "1e3", "1e6", "1e9", "1e12", "1e15", "1e18", "1e21"}
"""Words of a column's name that say a unit of counts."""

COUNT = {"n", "num", "number", "no", "of", "count", "total", "the"}
FACTOR = "factor"

HEADS: dict[str, tuple[str, ...]] = {
    "params": (
        *("params", "param", "parameters", "parameter", "nparams", "nparam", "numparams", "paramcount", "weights", "n"),
        *("model size", "modelsize", "model scale", "network size", "size"),
    ),
    "unique_tokens": ("unique tokens", "unique toks", "distinct tokens", "unique data", "tokens unique", "uniquetokens", "u"),
    "tokens": (
        *("tokens", "token", "toks", "tok", "ntokens", "ntoks", "numtokens", "tokencount", "d"),
        *("data size", "datasize", "dataset size", "training data", "train data", "data", "dataset tokens"),
    ),
    "loss": (
        *("loss", "losses", "nll", "xent", "cross entropy", "crossentropy", "entropy", "ce", "bpb", "bpc", "bpt", "ppl"),
        *("perplexity", "bits per byte", "bits per char", "bits per character", "bits per token", "nats per token"),
        *("nats per byte", "log likelihood", "negative log likelihood", "l"),
    ),
    "compute": (
        *(
            "flops",
            "flop",
            "flos",
            "compute",
            "c",
            "budget",
            "pf days",
            "pfs days",
            "pfdays",
            "petaflop days",
            "petaflops days",
        ),
        *(
            "pf day",
            "petaflop s days",
            "petaflops s days",
            "pflop days",
            "pflops days",
            "pflop s days",
            "pflops s days",
            "pf s days",
        ),
        *(
            "eflop",
            "eflops",
            "zflop",
            "zflops",
            "exaflop",
            "exaflops",
            "zettaflop",
            "zettaflops",
            "isoflop",
            "iso flop",
            "macs",
        ),
        *("pflop", "pflops", "tflop", "tflops", "gflop", "gflops", "petaflop", "petaflops", "teraflop", "teraflops"),
    ),
    "step": ("step", "steps", "iter", "iters", "iteration", "iterations", "update", "updates", "nsteps", "it", "global step"),
    "lr": ("lr", "learning rate", "learningrate", "eta"),
    "run": (
        *(
            "run",
            "runs",
            "runid",
            "runname",
            "name",
            "id",
            "experiment",
            "exp",
            "expid",
            "expname",
            "job",
            "jobid",
            "trial",
            "uuid",
        ),
        *("hyper id", "model name", "modelname", "model id", "wandb", "wandbid", "key", "uid", "label"),
    ),
    "seed": ("seed", "seeds", "rng", "random state", "replicate", "repeat", "rep", "replica"),
    "batch": ("batch", "batches", "bs", "gbs", "gbsz", "bsz", "batchsize", "mbs"),
    "loops": ("loops", "loop", "recurrence", "recurrences", "nloops", "recurrent steps", "recurrent depth", "loop count"),
    "experts": ("experts", "nexperts", "numexperts", "expert count"),
    "epochs": ("epochs", "epoch", "passes", "nepochs"),
    "ratio": ("tokens per param", "tokens per parameter", "tpp", "token multiplier", "chinchilla multiple", "chinchilla ratio"),
    "width": ("width", "d model", "dmodel", "hidden size", "hidden", "hidden dim", "n embd", "embedding dim", "dim", "d"),
    "depth": ("depth", "layers", "layer", "nlayers", "nlayer", "blocks"),
    "context": (
        "context length",
        "context",
        "seq len",
        "seqlen",
        "sequence length",
        "context window",
        "ctx",
        "ctx len",
        "block size",
    ),
}
"""Role -> names it goes by, in words of small letters. What stands beside them is told by `QUALIFIERS`."""

CORPORA = {
    *("c4", "pile", "wikitext", "wikitext103", "wiki", "lambada", "openwebtext", "owt", "owt2", "fineweb", "dclm", "redpajama"),
    *("slimpajama", "refinedweb", "rw", "rpj", "webtext", "books", "arxiv", "github", "code", "stackexchange", "en", "paloma"),
    *("curation", "corpus", "mc4", "ptb", "enwik8", "text8", "comma", "dolma", "reddit", "pes2o", "stack", "common", "crawl"),
}
HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout", "held", "out", "holdout"}
TRAINING = {"train", "training", "trained", "trainer", "tr"}
FINAL = {"final", "last", "end", "best", "min"}
MEAN = {"mean", "avg", "average", "macro", "micro"}
SMOOTH = {"smooth", "smoothed", "ema", "running", "ewm", "median"}
EMBEDDINGS = {"non", "embedding", "embeddings", "emb", "embed", "nonembedding", "nonemb", "excl", "excluding", "without", "wo"}
ACTIVE = {"active", "activated"}

QUALIFIERS: dict[str, set[str]] = {
    "params": COUNT
    | EMBEDDINGS
    | ACTIVE
    | {"model", "trainable", "all", "incl", "including", "with", "precise", "exact", "label"}
    | {"nominal", "ne", "backbone", "transformer", "dense", "size", "approx"},
    "unique_tokens": COUNT | TRAINING | {"data", "dataset"},
    "tokens": COUNT
    | TRAINING
    | {"seen", "consumed", "processed", "input", "pretraining", "pretrain", "data", "dataset", "so", "far"}
    | {"cumulative", "cum", "budget", "used", "text", "size", "all"},
    "loss": COUNT
    | HELD_OUT
    | TRAINING
    | FINAL
    | MEAN
    | SMOOTH
    | CORPORA
    | {"lm", "model", "token", "ce", "nats", "log", "set", "per"},
    "compute": COUNT
    | TRAINING
    | {"pretraining", "pretrain", "budget", "6nd", "est", "estimated", "logged", "named", "iso", "full"}
    | {"model", "used", "spent", "cost", "approx", "float"},
    "step": COUNT | TRAINING | {"global", "optimizer", "optim", "opt", "gradient", "grad", "idx", "index"},
    "lr": TRAINING | {"current", "optimizer", "optim", "opt", "adamw", "adam", "pg0", "pg1", "group", "0", "1", "value"},
    "run": {"id", "name", "number", "index", "idx", "nr", "no", "wandb", "training", "train", "unique", "group"},
    "seed": {"random", "rng", "run", "data", "init", "id", "n", "no"},
    "batch": COUNT | TRAINING | {"size", "global", "sequences", "seqs", "tokens", "samples", "per", "effective", "in", "token"},
    "loops": COUNT | TRAINING | {"max", "r"},
    "experts": COUNT,
    "epochs": COUNT | TRAINING,
    "ratio": set(),
    "width": {"model"},
    "depth": COUNT,
    "context": {"max", "train", "training", "n"},
}
"""Role -> words that may stand beside its names and change nothing in what is counted."""

NEVER = {
    *(
        "std",
        "stdev",
        "stderr",
        "sd",
        "se",
        "sem",
        "var",
        "variance",
        "error",
        "err",
        "ci",
        "lo",
        "hi",
        "lo95",
        "hi95",
        "lower",
    ),
    *(
        "upper",
        "low",
        "high",
        "q05",
        "q95",
        "p05",
        "p95",
        "delta",
        "diff",
        "difference",
        "gain",
        "improvement",
        "change",
        "rel",
    ),
    *(
        "relative",
        "ratio",
        "fraction",
        "frac",
        "share",
        "multiplier",
        "multiple",
        "predicted",
        "pred",
        "prediction",
        "fitted",
        "fit",
    ),
    *(
        "residual",
        "outlier",
        "norm",
        "scale",
        "scaler",
        "spike",
        "aux",
        "auxiliary",
        "balance",
        "balancing",
        "router",
        "z",
        "kl",
    ),
    *(
        "weight",
        "coef",
        "coefficient",
        "decay",
        "warmup",
        "speed",
        "throughput",
        "rate",
        "time",
        "seconds",
        "sec",
        "hours",
        "ms",
    ),
    *(
        "slope",
        "rank",
        "increase",
        "utilization",
        "mfu",
        "threshold",
        "target",
        "initial",
        "init",
        "start",
        "begin",
        "goal",
        "gap",
    ),
    *(
        "excess",
        "reducible",
        "irreducible",
        "schedule",
        "scheduler",
        "head",
        "heads",
        "ffn",
        "type",
        "kind",
        "optimal",
        "opt",
        "version",
    ),
    *(
        "progress",
        "percent",
        "pct",
        "acc",
        "accuracy",
        "dropout",
        "expected",
        "exit",
        "vocab",
        "vocabulary",
        "grad",
        "clip",
        "eps",
    ),
    *(
        "beta1",
        "beta2",
        "momentum",
        "frequency",
        "interval",
        "every",
        "until",
        "remaining",
        "left",
        "max",
        "peak",
        "cost",
        "price",
    ),
    *(
        "position",
        "offset",
        "dim",
        "length",
        "len",
        "width",
        "depth",
        "layers",
        "layer",
        "note",
        "comment",
        "date",
        "timestamp",
        "wall",
    ),
    *(
        "gpu",
        "gpus",
        "node",
        "nodes",
        "device",
        "devices",
        "memory",
        "mem",
        "notes",
        "unit",
        "units",
        "hash",
        "commit",
        "url",
        "path",
    ),
}
"""Words by which a column is something else than the name beside them says."""

MAY = {
    "step": {"grad"},
    "seed": {"init"},
    "lr": {"rate", "opt", "scale"} - {"scale"},
    "loss": {"min"},
    "compute": {"cost"},
    "width": {"dim", "width", "ffn"} - {"ffn"},
    "depth": {"depth", "layers", "layer"},
    "context": {"length", "len", "max"},
    "loops": {"max", "depth"},
    "ratio": {"multiplier", "multiple", "ratio"},
    "run": {"hash"},
    "batch": {"length"} - {"length"},
}
"""Role -> words of `NEVER` that its own names have."""


@dataclass(frozen=True)
class Meaning:
    """What the name of a column may mean.

    Parameters
    ----------
    strength
        1 where the name is one that the role goes by, less where words are left over that are not understood.
    beside
        The words beside that name, which tell columns of one role apart.
    """

    role: str
    strength: float
    beside: frozenset[str]


def split_words(column: str) -> list[str]:
    """Return the words of a column's name, in small letters: `trainTokens (B)` is train, tokens, b."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", column)
    return [word for word in re.split(r"[^A-Za-z0-9]+", text.lower()) if word]


def is_quotient(column: str) -> bool:
    """Return whether a name says that one thing is divided by another, as `D/N`, `tokens_per_param`, `tok/s` do."""
    joined = " ".join(split_words(column))
    if re.search(r"\b(nats?|bits?|perplexity) (per|a) (token|tok|byte|char|character|word)s?\b", joined):
        return False
    left, _, right = column.rpartition("/")
    words = split_words(right)
    if re.search(r"\bper\b|\btpp\b", joined):
        return True
    ends = {
        "n",
        "d",
        "c",
        "s",
        "sec",
        "second",
        "params",
        "param",
        "parameter",
        "parameters",
        "tokens",
        "token",
        "day",
        "gpu",
        "hour",
    }
    return bool(left) and len(words) == 1 and words[0] in ends and not set(split_words(left)) <= NAMESPACES


NAMESPACES = (
    HELD_OUT | TRAINING | {"data", "model", "optim", "optimizer", "config", "cfg", "args", "metrics", "perf", "progress"}
)
NAMESPACES |= {"throughput", "trainer", "stats", "summary", "lm", "hparams", "hp", "counters", "global"}
"""What stands before a slash or point in the names of loggers."""


def meanings(column: str) -> list[Meaning]:
    """Return the roles that the name of a column may mean, the likeliest first; none where it names something else."""
    words = split_words(column)
    bare = [word for word in words if word not in LETTERS] or words
    bare = bare if len(bare) < len(words) and _is_letter_unit(words) else words
    quotient = is_quotient(column)
    found = [
        one for role in HEADS if (one := _meaning(role, bare)) is not None and (not quotient or role in ("ratio", "batch"))
    ]
    return sorted(found, key=lambda one: -one.strength)


def _is_letter_unit(words: Sequence[str]) -> bool:
    """Return whether the words that are units stand at an end of a name, where units stand."""
    return words[-1] in LETTERS or words[0] in LETTERS or (len(words) > 2 and words[-2] in LETTERS)


def _meaning(role: str, words: Sequence[str]) -> Meaning | None:
    joined = f" {' '.join(words)} "
    heads = [head for head in HEADS[role] if f" {head} " in joined]
    if not heads:
        return None
    head = max(heads, key=lambda head: (len(head.split()), len(head)))
    beside = list(words)
    for word in head.split():
        beside.remove(word)
    left = set(beside) - NAMESPACES
    if left & (NEVER - MAY.get(role, set())) - QUALIFIERS[role]:
        return None
    unknown = left - QUALIFIERS[role] - {"config", "summary"}
    letter = len(head) == 1
    if letter and left - COUNT:
        return None
    return Meaning(role, max(0.2, (0.8 if letter else 1.0) - 0.4 * len(unknown)), frozenset(beside))


def nearest_column(role: str, expected: str, columns: Iterable[str]) -> str | None:
    """Return the column that most likely has a role: by the names it goes by, else by letters; None where none does."""
    columns = list(columns)
    told = [(one.strength, -place, name) for place, name in enumerate(columns) for one in meanings(name) if one.role == role]
    if told and max(told)[0] >= 0.5:
        return max(told)[2]
    near = difflib.get_close_matches(expected, columns, 1) or difflib.get_close_matches(role, columns, 1)
    return near[0] if near else None
