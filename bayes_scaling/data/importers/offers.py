"""Tokens a step as settings of a run may give them: offered, and never taken."""

from collections.abc import Hashable, Mapping, Sequence

from bayes_scaling._base.numbers import exact

WHOLE = ("global_batch_size", "total_batch_size", "effective_batch_size")
BATCH = (*WHOLE, "train_batch_size", "per_device_train_batch_size", "batch_size", "micro_batch_size")
LENGTH = (
    *("seq_len", "seq_length", "sequence_length", "block_size", "context_length", "context_len", "ctx_len"),
    *("n_ctx", "max_seq_len", "max_seq_length"),
)
ACCUMULATED = ("gradient_accumulation_steps", "accumulate_grad_batches", "grad_accum_steps", "grad_accum")
DEVICES = ("world_size", "num_devices", "devices", "n_gpus", "num_gpus", "num_processes")
TOKENS = ("batch_tokens", "batch_size_tokens", "batch_size_in_tokens", "global_batch_tokens")


def offered_tokens_per_step(config: Mapping[Hashable, object]) -> str:
    """Return a product of settings that may be the tokens of a step, as a question; empty where there is none.

    Examples
    --------
    >>> offered_tokens_per_step({"data.batch_size": 128.0, "model.seq_len": 2048.0})
    'data.batch_size x model.seq_len = 262144?'
    """
    if counted := _first(config, TOKENS):
        return f"{counted[0]} = {exact(counted[1])}?"
    batch, length = _first(config, BATCH), _first(config, LENGTH)
    if batch is None or length is None:
        return ""
    times = [] if _last_name(batch[0]) in WHOLE else [_first(config, ACCUMULATED), _first(config, DEVICES)]
    factors = [batch, *(one for one in times if one is not None), length]
    product = 1.0
    for _, value in factors:
        product *= value
    return f"{' x '.join(name for name, _ in factors)} = {exact(product)}?"


def _first(config: Mapping[Hashable, object], names: Sequence[str]) -> tuple[str, float] | None:
    """Return the first setting that is called as one of some names, and a whole number."""
    for name in names:
        for key, of in config.items():
            if _last_name(str(key)) == name and isinstance(of, int | float) and of >= 1 and of % 1 == 0:
                return str(key), float(of)
    return None


def _last_name(key: str) -> str:
    return key.replace("/", ".").rpartition(".")[2].lower().replace("-", "_")
