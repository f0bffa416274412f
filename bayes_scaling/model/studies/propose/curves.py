"""Laws of whole training curves: the bundled studies, cut to what a table has."""

import re
from collections.abc import Mapping
from math import floor, log10

from bayes_scaling._base.numbers import format_count, number
from bayes_scaling.model.studies.bundled import models_folder
from bayes_scaling.model.studies.propose.draft import Draft, Read, in_loss_unit, literal
from bayes_scaling.model.studies.propose.shape import Shape

LOSSES = ("level", "size_gain", "data_gain", "saved", "L0", "A", "B")
WARMUP = 1.4
"""The loss shows the warm-up up to so many times its length."""
FEW_RUNS = 2


def curve_draft(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return the study of whole curves: with the fall of the learning rate where it falls."""
    assert shape.along is not None
    if shape.along == "step" and "lr" in shape.numbers and _schedules(shape):
        return _multi_power(shape, reads, unit)
    decays, sizes = shape.decays > 0, shape.levels("params")
    name = "training_curves_schedules" if decays else "training_curves"
    of = "L(N, D)" if sizes > 1 else "L(D)"
    return Draft(
        kind=f"whole curves {of}, as in the study {name}",
        law=in_loss_unit(_law(shape, name), unit, LOSSES),
        inputs=_inputs(shape, reads),
        x="tokens",
        why=_why(shape, decays),
        title=f"Loss along runs: {of} of whole training curves"
        + (", less what the decay of the learning rate saves" if decays else ""),
        can=(
            "the loss along runs, further tokens of a run unfinished (`forecast`)" + (", and other sizes" if sizes > 1 else ""),
        ),
        cannot=()
        if sizes > 1
        else (f"what another size would do: {'all runs have one' if sizes else 'no column is recognised as the sizes'}",),
        data=_rows(shape, reads),
        run=shape.run if shape.apart is None else (str(shape.run), shape.apart),
        hue="run" if shape.runs > 1 and shape.apart is None else None,
        columns="params" if shape.runs > len(COLOURS) and 1 < sizes <= MOST_PANELS and shape.apart is None else None,
    )


def _law(shape: Shape, name: str) -> str:
    """Return the law of a bundled study as the runs can tell it: without what they do not vary, with loops where they do."""
    sizes, text = shape.levels("params"), bundled_law(name)
    if sizes < 2:
        text = _without_size(text, known=sizes > 0)
    if _loops(shape):
        text = _with_loops(text)
    return _without_runs(text) if shape.runs < FEW_RUNS else text


def _loops(shape: Shape) -> bool:
    """Return whether runs of several sizes differ in how often layers are passed."""
    return shape.levels("params") > 1 and "loops" in shape.roles.roles and shape.levels("loops") > 1


def _inputs(shape: Shape, reads: Mapping[str, Read]) -> dict[str, Read]:
    """Return what the law reads of rows."""
    assert shape.along is not None
    inputs = ({"params": reads["params"]} if shape.levels("params") > 1 else {}) | {"tokens": reads[shape.along]}
    if _loops(shape):
        inputs["loops"] = Read(reads["loops"].column, "loops", 1.0, "One loop is a model without.")
    if shape.decays > 0:
        inputs["weighted"] = Read("lr_weighted", "tokens", why="Tokens, each weighted by its rate as a share of the peak.")
        inputs["annealed"] = Read("lr_annealed", reference=1.0, why="How much of the fall of the rate has taken effect.")
        inputs["effective"] = Read("lr_effective", reference=1.0, why="Not in the law, but in how far all runs may leave it.")
        inputs["fall"] = Read("lr_fall", reference=1.0, why="Not in the law: it tells a forecast what schedule runs had.")
    return inputs


def _rows(shape: Shape, reads: Mapping[str, Read]) -> tuple[str, ...]:
    """Return the lines that say what is left out of logs, how rows are averaged, and where the rate falls what orders them."""
    rows = (
        "# The first rows of a log are no power law: learning rates still rise, and how often tokens occur is learnt first.",
        'curve = { along = "tokens", warmup_fraction = 0.05, skip = ["missing"] }',
        "# Wide enough that single rows average out, narrower than what neighbouring rows share.",
        'average = { along = "tokens", per_decade = 20.0 }',
    )
    if not shape.decays > 0:
        return rows
    along = literal(reads[_ordering(shape)].column)
    return (
        *rows,
        "# Neither falls nor weights need steps, only what orders the rows of a run.",
        f"schedule = {{ lr = {literal(reads['lr'].column)}, along = {along} }}",
    )


COLOURS = range(8)
MOST_PANELS = 6
"""Sizes that have a panel each, where runs are too many for one."""
SAME_SIZE = """# Runs of one size, but for seed and shape, keep a distance of a percent or two.
effects = [{ over = "run", sd = 0.02 }]"""
OTHER_SIZES = """# Runs may be of any size: tenfold sizes differ by ten percent and more.
effects = [{ over = "run", sd = 0.15 }]"""


def _why(shape: Shape, decays: bool) -> str:
    text = f"rows are checkpoints of {format_count(shape.runs)} run{'' if shape.runs == 1 else 's'}"
    return (
        f"{text}, and the learning rate falls along {format_count(shape.decays)} of them"
        if decays
        else f"{text}, at a learning rate that does not fall"
        if "lr" in shape.numbers
        else text
    )


def bundled_law(name: str) -> str:
    """Return a bundled study's file from its law on, without the layout of its figure."""
    text = models_folder().joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return re.sub(r"(?ms)^\[figure\]\n.*?(?=^\[|\Z)", "", text[text.index("[law]") :]).strip()


def _with_loops(text: str) -> str:
    """Return a law of curves where r loops over N parameters are worth N r^phi of them."""
    text = text.replace("params**-alpha", "(params * loops**phi)**-alpha")
    phi = """[parameters.phi]
# What one more loop is worth: from doing harm to as much as layers of their own; 0.46 by arXiv 2604.21106.
prior = { between = [-0.5, 1.0] }

"""
    return text.replace("[parameters.data_gain]", f"{phi}[parameters.data_gain]", 1)


def _without_size(text: str, *, known: bool) -> str:
    """Return a law of curves for runs of one size, or of sizes that are not known."""
    if not known:
        text = text.replace(SAME_SIZE, OTHER_SIZES)
    text = text.replace("- size_gain * (1 - params**-alpha) / alpha\n", "").replace(
        'over = ["params", "weighted"', 'over = ["weighted"'
    )
    text = re.sub(r"(?m)^knots = \{ params = \d+, ", "knots = { ", text)
    for name in ("size_gain", "alpha"):
        text = re.sub(rf"(?ms)^\[parameters\.{name}\]\n.*?(?=^\[)", "", text)
    text = re.sub(r'(?m)^#[^\n]*\n(?=trend = \[\{ on = "params")', "", text)
    return re.sub(r'(?m)^trend = \[\{ on = "params"[^\n]*\n', "", text)


def _without_runs(text: str) -> str:
    """Return a law of curves for one run, whose own level and gain are those of the law."""
    text = re.sub(r'(?m)^(?:#[^\n]*\n)+(?=(varying|effects) = \[\{ over = "run")', "", text)
    return re.sub(r'(?m)^(varying|effects) = \[\{ over = "run"[^\n]*\n', "", text)


def _schedules(shape: Shape) -> bool:
    """Return whether the learning rate changes along a run: one that is constant is no schedule."""
    assert shape.run is not None
    rate = shape.numbers["lr"][shape.usable].groupby(shape.frame.loc[shape.usable, shape.run].astype(str))
    return bool((rate.max() > rate.min()).any())


def _ordering(shape: Shape) -> str:
    """Return the role that orders the rows of a run: what they are along, or steps where that is not logged at each row."""
    assert shape.along is not None
    whole = shape.numbers[shape.along].notna().all()
    return "step" if not whole and "step" in shape.numbers and shape.numbers["step"].notna().all() else shape.along


def _multi_power(shape: Shape, reads: Mapping[str, Read], unit: str | None) -> Draft:
    """Return the study of the Multi-Power law, whose inputs come of the learning rates."""
    sizes = shape.levels("params")
    text = in_loss_unit(bundled_law("multi_power"), unit, LOSSES)
    groups: dict[str, str | tuple[str, ...]] = {}
    if sizes > 1:
        groups["size"] = reads["params"].column
        for name in ("L0", "A"):  # 3.04, 2.65, 2.38 and .53 to .65 for 25M, 100M and 400M parameters, as published
            text = re.sub(
                rf"(?m)^({name} = \{{ prior = \{{[^}}]*\}}) \}}", r'\1, varying = [{ over = "size", sd = 0.15 }] }', text
            )
    start = max(_warm(shape), 1)
    lr, step = literal(reads["lr"].column), literal(reads["step"].column)
    inputs = {
        "lr_sum": Read("lr_sum", "learning rate x steps", 1.0),
        "lr_drop": Read("lr_drop", "learning rate", 1e-4),
        "lr_then": Read("lr_then", "learning rate", 1e-4),
        "lr_since": Read("lr_since", "learning rate x steps", 0.1),
        "step": Read(reads["step"].column, "steps", 1e4),
    }
    return Draft(
        kind="L(step, schedule), the Multi-Power law",
        law=text,
        inputs=inputs,
        x="step",
        why="there are steps and learning rates of whole runs, and no tokens",
        title="Loss along runs under any learning-rate schedule: the Multi-Power law",
        can=("the loss under schedules that were never run",),
        cannot=("what other sizes do, beyond those that are there",) if sizes > 1 else ("what another size would do",),
        data=(
            "# Sums over the learning rate come from all rows of a run, before the filter.",
            f"schedule = {{ lr = {lr}, along = {step} }}",
        ),
        filters=(
            (f"`{reads['step'].column}` >= {start}", f"Before step {number(start, 4)} the loss still shows the warm-up."),
        ),
        groups=groups,
        run=shape.run,
        hue="run" if 1 < shape.runs <= len(COLOURS) else None,
    )


def _warm(shape: Shape) -> int:
    """Return the step from which the loss no longer shows the warm-up."""
    assert shape.run is not None
    step, rate = shape.numbers["step"][shape.usable], shape.numbers["lr"][shape.usable]
    label = shape.frame.loc[shape.usable, shape.run].astype(str)
    peak = step[rate >= rate.groupby(label).transform("max") * 0.999].groupby(label).min().median()
    start = WARMUP * max(float(peak), 1.0)
    unit = 10.0 ** max(floor(log10(start)) - 1, 0)
    return int(floor(start / unit) * unit)
