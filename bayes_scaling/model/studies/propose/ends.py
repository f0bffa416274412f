"""Laws of the ends of runs: of size and tokens, of either, of compute, of loops, of repeated data."""

from collections.abc import Mapping
from dataclasses import replace

from bayes_scaling._base.numbers import number
from bayes_scaling.model.studies.propose.draft import Draft, Read, in_loss_unit
from bayes_scaling.model.studies.propose.shape import Shape

SWEEPS = """[law]
# L = E + A N^-alpha + B N^delta D^-beta: Chinchilla's law where delta is 0. In public sweeps larger models need more tokens.
name = "interaction"
# Parameters, noise and discrepancy as 30 public sweeps of 11 teams suggest for another team's; each may be given here instead.
priors = "public_sweeps"
"""
PUBLISHED = """[law]
name = "{name}"
# As published: {why}.
priors = "published"
"""
NOISE = """[noise]
# Single runs go astray (schedule not finished, diverged and restarted): heavy tails.
distribution = "student_t"
on = "log_loss"
# Seeds move the final loss by about 1 %; sweeps of one team scatter by 0.3 to 3 %.
sd = { median = 0.01, factor = 3.0 }
"""
FLOOR = """# The entropy of text by published fits is 1.5 to 2 nats a token; what {rest} costs, some tenths more, is in it.
E = {{ prior = {{ median = 2.0, factor = 1.6 }} }}
"""
SIZE = """# What limited size still costs in the middle of the sizes: some tenths of a nat.
A = { prior = { median = 0.4, factor = 4.0 } }
# Published exponents lie between 0.07 (without floor) and 0.6 (few sizes); most near 0.35.
alpha = { prior = { median = 0.33, factor = 2.0 } }
"""
DATA = """# What limited data still cost in the middle of the tokens: some tenths of a nat.
B = { prior = { median = 0.4, factor = 4.0 } }
# Published exponents lie between 0.1 and 0.6; most near 0.35.
beta = { prior = { median = 0.33, factor = 2.0 } }
"""
LOSSES = ("E", "A", "B")


def _text_law(law: str, *parameters: str, unit: str | None) -> str:
    return in_loss_unit(f'[law]\ntext = "{law}"\n\n[parameters]\n{"".join(parameters)}\n{NOISE}', unit, LOSSES).rstrip()


def size_and_data(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return Chinchilla's law with an interaction and priors of public sweeps, and what a fixed ratio leaves open."""
    ratio = shape.ratio
    can: tuple[str, ...] = ("the loss of other sizes and numbers of tokens, and the best split of a budget (`plan`)",)
    cannot: tuple[str, ...] = ()
    if ratio is not None:
        can = (f"the loss of larger runs of {number(ratio, 2)} tokens a parameter",)
        cannot = (
            "alpha from beta, nor A from B: every run has the same tokens a parameter, so the best split of a budget rests "
            "on the priors; two runs at another ratio would tell",
        )
    elif shape.levels("params") < FEW or shape.levels("tokens") < FEW:
        cannot = ("the exponents well: fewer than four sizes or numbers of tokens test no power law, and the priors tell most",)
    few = _few_tokens(shape, reads)
    return Draft(
        kind="L(N, D), Chinchilla's law with interaction and discrepancy",
        law=SWEEPS.rstrip(),
        inputs={"params": reads["params"], "tokens": reads["tokens"]},
        x="tokens" if shape.levels("tokens") >= shape.levels("params") and ratio is None else "params",
        why="rows are runs of several sizes and numbers of tokens",
        title="Loss over model size and training tokens: Chinchilla's law with interaction, where it may be wrong",
        can=can,
        cannot=cannot,
        filters=few,
    )


FEW = 4
"""With fewer sizes, or numbers of tokens, a law of both is not told."""


def _few_tokens(shape: Shape, reads: Mapping[str, Read]) -> tuple[tuple[str, str], ...]:
    """Return the filter of the bundled study, where a row is outside it, in the file's own numbers."""
    ratio = (shape.numbers["tokens"] / shape.numbers["params"])[shape.usable]
    outside = int((ratio <= LEAST).sum())
    if not outside or outside > len(ratio) / 2:
        return ()
    one, other = reads["tokens"], reads["params"]
    scale = _scale(other) / _scale(one)
    text = f"`{one.column}` > {LEAST * scale:.4g} * `{other.column}`"
    return ((text, f"Runs that saw less than half a token a parameter, {outside} here, are far outside what the law is for."),)


LEAST = 0.45


def _scale(one: Read) -> float:
    from bayes_scaling.laws.units import read_unit

    return read_unit(one.unit).factor if one.unit else 1.0


def data_alone(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return L(D), for one size."""
    known = "params" in shape.numbers
    return Draft(
        kind="L(D) of one size" if known else "L(D)",
        law=_text_law("E + B * tokens**-beta", FLOOR.format(rest="the size"), DATA, unit=unit),
        inputs={"tokens": reads["tokens"]},
        x="tokens",
        why="all runs have one size" if known else "no column is recognised as the sizes",
        title=f"Loss over training tokens{', at one size' if known else ''}: L = E + B D^-beta",
        can=(f"the loss of {'this size' if known else 'such runs'} at other numbers of tokens",),
        cannot=("what another size would do, and so no split of a budget",),
    )


def steps_alone(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return the loss over steps, where nothing else is known of how long runs trained."""
    found = data_alone(shape, {**reads, "tokens": reads["step"]}, unit)
    return replace(
        found,
        kind="L(step)",
        law=found.law.replace("tokens", "step"),
        inputs={"step": reads["step"]},
        x="step",
        why="of how long runs trained only steps are known",
        title="Loss over optimizer steps: L = E + B S^-beta",
        can=("the loss after other numbers of steps of the same batch",),
    )


def size_alone(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return L(N), for one number of tokens."""
    known = "tokens" in shape.numbers
    return Draft(
        kind="L(N) at one number of tokens" if known else "L(N)",
        law=_text_law("E + A * params**-alpha", FLOOR.format(rest="the amount of data"), SIZE, unit=unit),
        inputs={"params": reads["params"]},
        x="params",
        why="all runs have the same number of tokens" if known else "no column is recognised as the tokens",
        title=f"Loss over model size{', at one number of tokens' if known else ''}: L = E + A N^-alpha",
        can=(f"the loss of other sizes {'with as many tokens' if known else 'trained as these were'}",),
        cannot=("what more tokens would do, and so no split of a budget",),
    )


def compute_alone(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return L(C), where only compute is known."""
    law = PUBLISHED.format(name="power_law_floor", why="Kaplan et al. 2020, Hoffmann et al. 2022, Besiroglu et al. 2024")
    return Draft(
        kind="L(C), a power law with a floor",
        law=f"{law}\n{NOISE}".rstrip(),
        inputs={"compute": reads["compute"]},
        x="compute",
        why="of what runs spent only compute is known",
        title="Loss over training compute: L = E + a C^-b",
        can=("the loss of larger runs made the same way",),
        cannot=("how to split a budget into size and tokens",),
    )


def with_compute(shape: Shape, reads: Mapping[str, Read], unit: str | None, other: str) -> Draft:
    """Return Chinchilla's law of compute and one of size and tokens, by C = 6 N D."""
    law = {
        "params": "E + A * params**-alpha + B * (compute / params)**-beta",
        "tokens": "E + A * (compute / tokens)**-alpha + B * tokens**-beta",
    }[other]
    reference = {"params": 1e9, "tokens": 2e10}[other]
    floor = (
        "# The entropy of text by published fits is 1.5 to 2 nats a token.\nE = { prior = { median = 1.7, factor = 1.6 } }\n"
    )
    size = SIZE.replace("in the middle of the sizes", "at 1B parameters").replace("factor = 4.0", "factor = 2.5")
    data = DATA.replace("in the middle of the tokens", "at 20B tokens").replace("factor = 4.0", "factor = 2.5")
    missing = "tokens" if other == "params" else "params"
    inputs = {other: _at(reads[other], reference), "compute": _at(reads["compute"], 6 * 1e9 * 2e10)}
    return Draft(
        kind=f"L({'N' if other == 'params' else 'D'}, C), Chinchilla's law by C = 6 N D",
        law=_text_law(law, floor, size, data, unit=unit),
        inputs=inputs,
        x="compute",
        why=f"no column says the {missing}, which are compute / (6 {other}) where compute is counted as 6 N D",
        title="Loss over model size and compute: Chinchilla's law, with tokens = C / 6 N"
        if other == "params"
        else "Loss over tokens and compute: Chinchilla's law, with N = C / 6 D",
        can=("the loss of other budgets and splits",),
        cannot=("anything of runs whose compute is not 6 N D, as with attention or experts counted",),
    )


def _at(one: Read, reference: float) -> Read:
    """Return an input measured at a reference, given in the unit of its column."""
    from bayes_scaling.laws.units import DAYS, FLOP_A_DAY, read_unit

    unit = read_unit(one.unit) if one.unit else None
    scale = 1.0 if unit is None else unit.factor * (FLOP_A_DAY if unit.name == DAYS else 1.0)
    return Read(one.column, one.unit, reference / scale, one.why)


def loops(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return Chinchilla's law where r loops over N parameters are worth N r^phi of them."""
    phi = """# One more loop: from doing harm to as much as layers of their own. 0.46 by arXiv 2604.21106.
phi = { prior = { between = [-0.5, 1.0] } }
"""
    inputs = {role: reads[role] for role in ("params", "tokens")}
    inputs["loops"] = Read(reads["loops"].column, reads["loops"].unit, 1.0, "One loop is a model without.")
    return Draft(
        kind="L(N, D, loops), loops worth N r^phi",
        law=_text_law(
            "E + A * (params * loops**phi)**-alpha + B * tokens**-beta",
            FLOOR.format(rest="nothing"),
            SIZE,
            DATA,
            phi,
            unit=unit,
        ),
        inputs=inputs,
        x="tokens",
        why=f"models loop, over {shape.levels('loops')} numbers of loops",
        title="Loss over size, tokens and loops: what one more loop is worth",
        can=("what one more loop is worth, as parameters (phi)",),
        cannot=("alpha from beta",) if shape.ratio is not None else (),
    )


def repeated(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return the law of repeated data."""
    law = PUBLISHED.format(name="data_constrained", why="Muennighoff et al. 2023, arXiv 2305.16264")
    inputs = {role: reads[role] for role in ("params", "unique_tokens")}
    inputs["epochs"] = Read(reads["epochs"].column, "epochs", 1.0, "The law compares epochs with one.")
    return Draft(
        kind="L(N, U, epochs), data that repeat",
        law=f"{law}\n{NOISE}".rstrip(),
        inputs=inputs,
        x="epochs",
        why="data repeat: there are unique tokens and epochs",
        title="Loss over size, unique tokens and epochs: what repeated data are worth",
        can=("what another epoch is worth, and how many parameters more than the data can use",),
        cannot=("the rise of the loss after very many epochs: the law has none",),
    )
