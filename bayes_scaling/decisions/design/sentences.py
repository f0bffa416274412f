"""What is said of candidate runs, in sentences."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling._base.numbers import amount, band, interval, number, percent, unit_beside
from bayes_scaling._base.quantiles import median_interval
from bayes_scaling.decisions.design.candidates import LABEL
from bayes_scaling.decisions.design.ranked import PAYS, NextRuns, RunSet
from bayes_scaling.inference.health_line import carried


@carried
def next_sentence(found: NextRuns) -> str:
    """Return what `said_of_next` does as one paragraph."""
    return " ".join(said_of_next(found))


def said_of_next(found: NextRuns) -> list[str]:
    """Return what is known of the question, and what the best run and the best set within the budget would make of it."""
    first, best = int(found.order[0]), found.best
    said = [f"{found.asked.attrs.get('question', 'the question')}: {_now(found)}."]
    if found.information[first] <= 0 and max(one.information for one in found.sets) <= found.least:
        least = number(found.least, 2)
        return [*said, f"No candidate within the budget is expected to tell measurably more (below {least} nats)."]
    if best.reduction <= 0:
        return [*said, f"Stop: no set within the budget is expected to save anything of {_loss(found)}."]
    if found.value is not None and found.net(best) <= 0:
        worth = f"At {amount(found.value, 'FLOP')} for all of {_loss(found)}"
        return [*said, f"Stop: {worth[0].lower()}{worth[1:]} no set within the budget is worth what it costs."]
    if found.stop:
        most = percent(float(found.saved(max(one.reduction for one in found.sets))))
        return [
            *said,
            f"Stop: no set within the budget is expected to save {percent(found.worth)} of {_loss(found)}; {most} at most.",
        ]
    single = RunSet((first,), float(found.flop[first]), float(found.information[first]), float(found.reduction[first]))
    if single.information > 0:
        said += [f"Candidate {_named(found, single)} saves most for its compute.", *_then(found, single)]
    if best.members != single.members:
        said += _best(found, best)
    return [*said, *_more(found)]


def _best(found: NextRuns, best: RunSet) -> list[str]:
    several = len(best.members) > 1
    count, verb = (f"the {len(best.members)} candidates", "save") if several else ("candidate", "saves")
    limit = f"Within {amount(found.budget, 'FLOP', 4)}" if np.isfinite(found.budget) else "Without a budget"
    beyond = "" if found.value is None else f" beyond what {'they cost' if several else 'it costs'}"
    return [f"{limit} {count} {_named(found, best)} {verb} most{beyond}.", *_then(found, best)]


def _more(found: NextRuns) -> list[str]:
    """Return where more runs stop paying, or that they still pay where there are more within the budget."""
    if found.value is not None or len(found.sets) == 1:
        return []
    enough = found.enough
    if enough is None:
        return [f"{_last(found)}: larger sets may pay."] if found.room else []
    runs = f"{len(enough.members)} runs" if len(enough.members) > 1 else "the first run"
    return [f"Beyond {runs} ({amount(enough.flop, 'FLOP')}) each run more saves less than {percent(PAYS)} of {_loss(found)}."]


def _last(found: NextRuns) -> str:
    """Return what the last run of the largest set saves, or the last ones together where sets between are left out."""
    before, last = (len(one.members) for one in found.sets[-2:])
    saves = f"{percent(PAYS)} and more of {_loss(found)}"
    if last - before == 1:
        return f"The last of {last} runs still saves {saves}"
    return f"The last {last - before} of {last} runs still save {saves} each, on average"


LOSSES = {"variance": "the squared error", "information": "the squared error", "regret": "the regret"}


def _loss(found: NextRuns) -> str:
    return LOSSES[found.criterion]


def _named(found: NextRuns, one: RunSet) -> str:
    """Return the labels of candidates, and what they take."""
    names = found.candidates[LABEL].astype(str).to_numpy()[list(one.members)]
    between = "; " if any("," in name for name in names) else ", "
    return f"{between.join(names)} ({amount(one.flop, 'FLOP')})"


def _now(found: NextRuns) -> str:
    if "question" in found.asked.dims:
        rms = float(np.sqrt(found.asked.var(("chain", "draw"), ddof=1).mean()))
        return f"now known to {_size(found, rms)} (root mean square)"
    said = f"now {band(_shown(found, median_interval(found.asked.to_numpy())), **_form(found))}"
    return f"{said}, with an expected regret of {_size(found, found.expected)}" if found.criterion == "regret" else said


def _size(found: NextRuns, value: float) -> str:
    """Return a small difference on the scale of the question, or a regret, on that of the noise."""
    if found.criterion == "regret":
        return f"{number(value, 2)} {found.unit}" if found.unit else f"{percent(value)} of the {found.response}"
    if found.asked.attrs.get("scale") == "log":
        return percent(value)
    return f"{number(value, 2)} {found.asked.attrs.get('units', '')}".rstrip()


def _then(found: NextRuns, one: RunSet) -> list[str]:
    """Return the width of the interval to be expected, as the interval about what is now the median."""
    left = np.exp(-one.information)
    narrower = f"The 90 % interval would be {percent(1 - left)} narrower ({number(one.information, 2)} nats)."
    if found.criterion == "regret":
        return [f"The expected regret would be {_size(found, max(found.expected - one.reduction, 0.0))}.", narrower]
    if "question" in found.asked.dims:
        return [f"The root mean squared error would be {percent(1 - left)} smaller."]
    low, middle, high = median_interval(found.asked.to_numpy())
    values = _shown(found, np.array([middle + left * (end - middle) for end in (low, middle, high)]))
    unit, signed = _form(found).values()
    about = f"About the same middle it is {interval(values, signed=bool(signed))} {unit}".rstrip()
    return [narrower, f"{about}."]


def _shown(found: NextRuns, values: np.ndarray) -> list[float]:
    return in_own_unit(found.asked, values)


def _form(found: NextRuns) -> dict[str, Any]:
    return form_of(found.asked)


def in_own_unit(asked: xr.DataArray, values: np.ndarray) -> list[float]:
    """Return values of a question, on its scale, in its own unit; a ratio of losses in per cent."""
    if asked.attrs.get("scale") != "log":
        return [float(of) for of in values]
    return [float(of) for of in (100 * np.expm1(values) if _is_change(asked) else np.exp(values))]


def form_of(asked: xr.DataArray) -> dict[str, Any]:
    """Return the unit of a question, and whether its values are changes, written with a sign."""
    kind, unit = asked.attrs.get("kind"), str(asked.attrs.get("units", ""))
    unit = "%" if _is_change(asked) else "times the compute" if kind == "multiplier" else unit
    unit = unit_beside(str(asked.attrs.get("question", "")), unit)
    return {"unit": unit, "signed": kind == "contrast"}


def _is_change(asked: xr.DataArray) -> bool:
    return asked.attrs.get("kind") == "contrast" and asked.attrs.get("scale") == "log"
