"""Random numbers: a stream of its own for each seed and purpose.

    stream(seed, keys)   numpy's SeedSequence(entropy=seed, spawn_key=hash of the keys)

Keys name the purpose, and what within it: `stream(0, "scatter", 7)`. Streams that differ in the seed or in a key are
independent. What one draws depends on its seed and keys alone: not on what was drawn or fitted before, nor on what
else is asked for. No other file makes a generator.
"""

import json
from hashlib import blake2b

import numpy as np

type Key = str | int
"""A text, or a whole number of any sign and size; "1" and 1 are two keys."""


def stream(seed: int, *keys: Key) -> np.random.Generator:
    """Return the random numbers of a seed for one purpose; without keys those of a seed that has a single one."""
    return np.random.default_rng(_sequence(seed, keys))


def derived_seed(seed: int, *keys: Key) -> int:
    """Return a seed by the same rule, for what takes a seed itself: a sampler, a refit, a law of a stack."""
    return int(_sequence(seed, keys).generate_state(1)[0])


def resampled(weights: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Return places drawn with weights that sum to one, in no order, by systematic resampling (Douc and Cappe 2005)."""
    marks = (random.uniform() + np.arange(count)) / count
    places = np.searchsorted(np.cumsum(weights), marks).clip(max=len(weights) - 1)
    return np.asarray(random.permutation(places))


def _sequence(seed: int, keys: tuple[Key, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(entropy=int(seed), spawn_key=_words(keys) if keys else ())


def _words(keys: tuple[Key, ...]) -> tuple[int, ...]:
    """Return four words of 32 bits by which keys differ, the same in every process and on every machine."""
    text = json.dumps([key if isinstance(key, str) else int(key) for key in keys])
    return tuple(np.frombuffer(blake2b(text.encode(), digest_size=16).digest(), "<u4").tolist())
