"""Units of counts and of losses: "B tokens" is 1e9 tokens, and bits/byte follow from nats/token.

This file knows texts and numbers only. `pint` knows no unit of ours: it has no tokens or parameters, takes B for a byte and "M"
for a prefix that stands without a blank, and would bring arrays of its own to convert three kinds of counts.
"""

import re
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact

PREFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
LETTER_OF_FACTOR = {1.0: "ones", 1e3: "K", 1e6: "M", 1e9: "B", 1e12: "T"}
SI = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21, "Y": 1e24}
GREEK = {"kilo": "K", "mega": "M", "giga": "G", "tera": "T", "peta": "P", "exa": "E", "zetta": "Z", "yotta": "Y"}
SPELLED = {"one": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "mn": 1e6, "bn": 1e9}
SPELLED |= {f"{word}s": of for word, of in SPELLED.items()}

FLOP, DAYS = "FLOP", "PFLOP/s-days"
FLOP_A_DAY = 8.64e19
"""FLOP in a PFLOP/s-day."""

COUNT_WORDS = {
    "parameters": ("params", "param", "parameters", "parameter", "nparams", "weights"),
    "tokens": ("tokens", "token", "toks", "tok", "ntokens"),
    "bytes": ("bytes", "byte"),
    "characters": ("characters", "character", "chars", "char"),
    "steps": ("steps", "step", "iters", "iterations"),
    "examples": ("examples", "samples"),
    "images": ("images",),
}
"""What is counted -> words for it in units and in names of columns."""

_WORDS = {word: kind for kind, words in COUNT_WORDS.items() for word in words}
_NUMBER = r"(?P<number>[+-]?\d[\d_,]*(?:\.\d*)?|\.\d+)(?:\s*(?:e|x\s*10\^|\*\s*10\^)\s*(?P<power>[+-]?\d+))?"
_COMPUTE = re.compile(rf"(?i:(?P<prefix>[KMGTPEZY]|{'|'.join(GREEK)})?[ -]?(?:flops?|floating.point operations))")
_PER_DAY = re.compile(rf"(?i:(?P<prefix>[KMGTPEZY]|{'|'.join(GREEK)})?[ -]?f(?:lops?)?(?:/s)?[ -]days?)")


@dataclass(frozen=True)
class Unit:
    """A unit: how many of its base unit it is.

    Parameters
    ----------
    explicit
        Whether a prefix or a number states the factor.
    """

    factor: float
    name: str
    explicit: bool

    @property
    def label(self) -> str:
        """The unit as it reads: "M parameters"."""
        return f"{LETTER_OF_FACTOR.get(self.factor, exact(self.factor))} {self.name}".strip()


def read_unit(text: str) -> Unit:
    """Return the unit that a text such as "B tokens", "1e9 tokens", "millions of parameters" or "EFLOP" says.

    A text without prefix is a base unit as it stands. Compute is FLOP, or PFLOP/s-days, whichever the text names; bytes are no
    tokens, and hours no FLOP, unless the text says how many one is: "0.23 tokens", "1.4e18 FLOP".

    Raises
    ------
    InputError
        Where the number is not positive and finite.
    """
    text = " ".join(text.split())
    return _of_compute(text) or _by_number(text) or _by_prefix(text) or Unit(1.0, text, False)


def _by_number(text: str) -> Unit | None:
    """Return the unit that begins with a number, as "1e6 tokens"."""
    match = re.fullmatch(rf"{_NUMBER}(?:\s+(?:x |of )?(?P<rest>[^\d/*^].*))?", text)
    if match is None:
        return None
    number = float(match["number"].replace(",", "").replace("_", "")) * float(f"1e{match['power'] or 0}")
    rest = read_unit(match["rest"] or "")
    factor = number * rest.factor
    if not (isfinite(factor) and factor > 0):
        raise InputError(f"unit {text!r}: how many of a unit one is must be a positive number")
    return Unit(factor, _WORDS.get(rest.name.lower(), rest.name), True)


def _by_prefix(text: str) -> Unit | None:
    """Return the unit that a prefix or a number word says, as "M parameters" or "billion tokens"."""
    match = re.fullmatch(r"(?:in )?(?P<word>[A-Za-z]+)(?: (?:of )?(?P<rest>.*))?", text)
    if match is None:
        return None
    word, rest = match["word"], match["rest"] or ""
    letter = word.upper() if rest and len(word) == 1 else word
    factor = SPELLED.get(word.lower(), PREFIXES.get(letter, BINARY.get(word)))
    if factor is not None:
        of = read_unit(rest)
        return Unit(factor * of.factor, _WORDS.get(of.name.lower(), of.name), True)
    if not rest and word[0] in PREFIXES and word[1:].lower() in _WORDS:
        return Unit(PREFIXES[word[0]], _WORDS[word[1:].lower()], True)
    if not rest and re.fullmatch(r"[KMGT]i?B", word):
        return Unit(1024.0 ** (1 + "KMGT".index(word[0])) if "i" in word else SI[word[0]], "bytes", True)
    return None


def _of_compute(text: str) -> Unit | None:
    for pattern, base, one in ((_PER_DAY, DAYS, 1e15), (_COMPUTE, FLOP, 1.0)):
        if match := pattern.fullmatch(text):
            prefix = (match["prefix"] or "").lower()
            factor = SI[GREEK.get(prefix, prefix.upper())] / one
            return Unit(factor, base, explicit=factor != 1.0)
    return None


def kind(name: str) -> str:
    """Return what a base unit counts, whatever else it says: "non-embedding parameters" are parameters; else the unit."""
    words = re.split(r"[^A-Za-z]+", name.lower())
    return next((_WORDS[word] for word in words if word in _WORDS), "/".join(words)) if "/" not in name else name


def conversion(one: Unit, base: str) -> float | None:
    """Return how many of a base unit a unit is; None where that is not known, as of bytes in tokens or hours in FLOP."""
    if not one.name or not base or kind(one.name) == kind(base):
        return one.factor
    known = {(FLOP, DAYS): 1 / FLOP_A_DAY, (DAYS, FLOP): FLOP_A_DAY}.get((one.name, base))
    return None if known is None else one.factor * known


def column_unit(column: str) -> Unit | None:
    """Return the unit that the name of a column says, as `params_m`, `tokens (B)`, `n_params_millions`, `train_eflops` do."""
    found = _split(column)
    return found[1] if found is not None else None


def counted_by_name(column: str) -> str:
    """Return the base unit of what a column's name says it counts; "" where it does not say."""
    return _named(Unit(1.0, "", False), re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)).name


def stem(column: str) -> str | None:
    """Return a column's name without the unit it says: `params` of `params_m` and of `n_params_millions`; None without one."""
    found = _split(column)
    return re.sub(r"(?i)^(n|num|number|number of)[_ -]+", "", found[0]) if found is not None and found[1].explicit else None


def _split(column: str) -> tuple[str, Unit] | None:
    """Return what a column's name calls and the unit it says."""
    text = column.strip()
    if match := re.fullmatch(r"[KMGBT](tok(?:en)?s?|params?)", text):
        return match[1], read_unit(text)
    for pattern in (r"(.*?)[ _]*[(\[](.+)[)\]]", r"(.*?), ?(.+)", r"(.*?)[ _]in[ _](.+)", r"(.*?) ?/ ?(\d[\de.^*]*|[kKMBGT])"):
        if match := re.fullmatch(pattern, text):
            unit = read_unit(match[2].replace("10^", "1e").replace("_", " "))
            if unit.explicit or unit.name in (FLOP, DAYS):
                return match[1], _named(unit, match[1])
    words = [word for word in re.split(r"[_\- .]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)) if word]
    return _by_words(words)


def _by_words(words: list[str]) -> tuple[str, Unit] | None:
    """Return what the words of a column's name say of its unit, and the name without them."""
    lower = [word.lower() for word in words]
    joined = " ".join(lower)
    if match := re.search(r"(?:^| )((?:[kmgtpezy]|peta|exa|zetta|tera)?f(?:lops?)?)(?: s)? days?$", joined):
        return joined[: match.start()], _of_compute(f"{match[1]}-days") or Unit(1.0, DAYS, False)
    if lower and (unit := _of_compute(lower[-1])) is not None:
        return "_".join(words[:-1]), unit
    counted = any(word in _WORDS or word in ("size", "flop", "flops") for word in lower)
    for last, at in ((True, lower[-1:]), (False, lower[:1])):
        rest = words[:-1] if last else words[1:]
        factor = next((f for word in at if (f := _factor(word, counted)) is not None), None)
        if factor is not None and rest:
            called = "_".join(rest)
            return called, _named(Unit(factor, "", True), called)
    return None


def _factor(word: str, counted: bool) -> float | None:
    """Return the factor that a word of a column's name says; single letters only beside what is counted."""
    if word in SPELLED and word not in ("one", "ones"):
        return SPELLED[word]
    if re.fullmatch(r"1e\d+", word):
        return float(word)
    return PREFIXES.get(word.upper()) if counted and len(word) == 1 and word != "g" else None


def _named(unit: Unit, called: str) -> Unit:
    words = [word for word in re.split(r"[^A-Za-z]+", called.lower()) if word]
    base = next((_WORDS[word] for word in words if word in _WORDS), FLOP if {"flop", "flops"} & set(words) else "")
    return unit if unit.name else Unit(unit.factor, base, unit.explicit)


# Losses

PERPLEXITY = "perplexity"
DEFAULT_LOSS_UNIT = "nats/token"
TOKEN_BYTES, TOKEN_BYTES_FACTOR = 4.3, 1.2
"""Bytes, or characters, a token where it is not given: 4.2 to 4.5 for English text by tokenizers of 32,000 to 128,000 entries;
90 % within a factor that holds 3.6 to 5.2, as small vocabularies, code and other languages have."""

TEXT_PARTS = {"token": "token", "tok": "token", "byte": "byte", "character": "character", "char": "character", "word": "word"}
"""Words for what a loss is counted for -> the one that its unit has."""
_SHORT = {"bpb": "bits/byte", "bpc": "bits/character", "bpt": "bits/token", "ppl": PERPLEXITY, PERPLEXITY: PERPLEXITY}
_SHORT |= {"acc": "accuracy", "accuracy": "accuracy", "error": "error rate", "err": "error rate", "error rate": "error rate"}
_ONLY_UNITS = ("bpb", "bpc", "ppl", PERPLEXITY)
"""Words that say a unit wherever a name begins with them: `ppl_web`; an `error_bar` is no error rate."""
SHARES = ("accuracy", "error rate")
"""Units of responses between 0 and 1. Of an accuracy more is better."""


def loss_unit(text: str) -> str:
    """Return the one spelling of a unit of losses: "bits per byte" and "bpb" are bits/byte; others stay as they are."""
    short = _SHORT.get(re.sub(r"[\s_-]+", " ", text.strip().lower()))
    match = re.fullmatch(r"(?i)(nat|bit|perplexity)s?\s*(?:/|per|a)\s*([a-z]+?)s?", text.strip())
    if match and match[2].lower() in TEXT_PARTS:
        part = TEXT_PARTS[match[2].lower()]
        return f"{match[1].lower()}s/{part}" if match[1].lower() != PERPLEXITY else f"{PERPLEXITY}/{part}"
    return short or text


def is_loss_unit(text: str) -> bool:
    """Return whether a unit is one of responses: of losses, accuracies or error rates.

    Examples
    --------
    >>> is_loss_unit("bits per byte"), is_loss_unit("accuracy"), is_loss_unit("tokens")
    (True, True, False)
    """
    one = loss_unit(text)
    return one in SHARES or one.partition("/")[0] in ("nats", "bits", PERPLEXITY)


def more_is_better(text: str) -> bool:
    """Return whether of what is in a unit more is better, as of an accuracy: the one place that says which way is better.

    Examples
    --------
    >>> more_is_better("acc"), more_is_better("error rate"), more_is_better("nats/token")
    (True, False, False)
    """
    return loss_unit(text) == "accuracy"


def percent_of(text: str) -> str | None:
    """Return the share that a unit has in per cent, as "% accuracy" and "error rate (%)" do; None where it is no such unit.

    Examples
    --------
    >>> percent_of("% accuracy"), percent_of("error rate (%)"), percent_of("accuracy")
    ('accuracy', 'error rate', None)
    """
    words = re.sub(r"[(),]", " ", text.lower().replace("%", " percent ").replace("per cent", "percent")).split()
    if "percent" not in words:
        return None
    share = loss_unit(" ".join(word for word in words if word not in ("percent", "in", "of")))
    return share if share in SHARES else None


def response_unit(column: str) -> str | None:
    """Return the unit that the name of a column of losses says, as `val_bpb`, `bits_per_byte`, `ppl` do; None where none."""
    if match := re.search(r"[(\[](.+)[)\]]", column):
        unit = loss_unit(match[1])
        return unit if "/" in unit or unit == "%" or unit in _SHORT.values() else None
    lower = re.sub(r"[_\-. /]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)).lower().strip()
    if match := re.search(r"(?:^| )((?:nat|bit)s?) (?:per )?(token|tok|byte|char|character|word)s?(?: |$)", lower):
        return loss_unit(f"{match[1]}/{match[2]}")
    words = lower.split()
    if words and words[-1] in ("percent", "pct", "%"):
        return "%"
    found = [_SHORT[word] for word in words if word in _SHORT]
    said = found and (words[-1] in _SHORT or words[-1] in ("rate", "val", "mean", "avg", "final") or words[0] in _ONLY_UNITS)
    return found[0] if said else None


def loss_factor(one: str, other: str, bytes_per_token: float | None = None) -> tuple[float, float] | None:
    """Return what a loss is multiplied by to be in another unit, and the factor within which that is known at 90 %.

    bits/byte = nats/token / (ln 2 x bytes per token)

    None where there is no such factor, as to accuracy.
    """
    one, other = loss_unit(one), loss_unit(other)
    if {one, other} == {"error rate", "%"}:
        return (100.0 if other == "%" else 0.01), 1.0
    parts = [unit.split("/") for unit in (one, other)]
    if one == other:
        return 1.0, 1.0
    if any(len(part) != 2 or part[0] not in ("nats", "bits") or part[1] == "word" for part in parts):
        return None
    (info, per), (to_info, to_per) = parts
    factor = {"nats": 1.0, "bits": log(2)}[info] / {"nats": 1.0, "bits": log(2)}[to_info]
    tokens = (per != "token") - (to_per != "token")  # 1 where a loss per byte becomes one per token
    wide = TOKEN_BYTES_FACTOR if tokens and bytes_per_token is None else 1.0
    if not tokens and per != to_per:
        wide = 1.05  # bytes and characters: the same in English, but for a few per cent
    return factor * (bytes_per_token or TOKEN_BYTES) ** tokens, wide


def widen_factor(factor: float, by: float) -> float:
    """Return the 90 % factor of a log-normal prior multiplied by another that is known within a factor only."""
    return exp(sqrt(log(factor) ** 2 + log(by) ** 2))
