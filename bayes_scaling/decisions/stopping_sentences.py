"""What early stopping says, in sentences."""

from bayes_scaling._base.numbers import amount, format_count, percent, probability, several
from bayes_scaling.decisions.stopping import Stopping
from bayes_scaling.prediction.jobs import AGAIN

MOST_NAMED = 8
"""So many candidates are named one by one."""


def said_of_stopping(found: Stopping) -> list[str]:
    """Return which jobs to stop, with regret and saving, and then what speaks for each, a sentence a line."""
    table = found.to_frame().sort_values("p_best", ascending=False)
    said = [] if found.keep is None else [_decision(found)]
    for row in table.head(MOST_NAMED).to_dict("records"):
        loss, cost = amount(row["regret_if_stopped"], found.unit, 2), amount(row["cost_to_go"], found.cost_unit, 3)
        regret = "" if len(found.candidates) == 1 else f"; doing without it costs {loss} on average, and saves {cost}"
        said.append(f"{row['run']} ends lowest with probability {probability(row['p_best'])}{regret}.")
    rest = len(table) - MOST_NAMED
    return [*said, f"{several(rest, 'more candidate')} less probably."] if rest > 0 else said


def _decision(found: Stopping) -> str:
    """Return which jobs to go on with, stop and begin once more, with the regret that is left."""
    keep = found.keep or ()
    table = found.to_frame()
    groups = {name: table.loc[table["decision"] == name, "run"].tolist() for name in ("go on", "stop", "restart")}
    what = []
    if groups["go on"]:
        what.append(f"go on with {_named(groups['go on'])}")
    if groups["stop"]:
        what.append(f"stop {_named(groups['stop'])}")
    if groups["restart"]:
        what.append(f"begin once more {_named([name.removesuffix(AGAIN) for name in groups['restart']])}")
    regret = found.regret(keep)
    limits = [] if found.tolerance is None else [f"{amount(found.tolerance, found.unit)} tolerated"]
    limits += [] if found.budget is None else [f"a budget of {amount(found.budget, found.cost_unit)}"]
    missed = found.tolerance is not None and regret > found.tolerance
    within = f" ({', '.join(limits)}{': no set is within both' if missed else ''})"
    saved = f"{percent(found.saved)} of the cost to go is saved" if found.saved >= 0 else "it costs more than to go on with all"
    decided = ", ".join(what)
    return f"{decided[:1].upper()}{decided[1:]}: expected regret {amount(regret, found.unit, 2)}{within}; {saved}."


def _named(names: list[str]) -> str:
    return (
        ", ".join(names)
        if len(names) <= MOST_NAMED
        else f"{', '.join(names[:MOST_NAMED])} and {format_count(len(names) - MOST_NAMED)} more"
    )
