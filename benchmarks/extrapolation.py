"""Do the bands keep their word? Every public sweep, its largest runs held out at three depths, beside what others do.

    python benchmarks/extrapolation.py [--only TEXT] [--depth TEXT] [--ours NAME ...] [--keep FILE]

Writes extrapolation.md, extrapolation.png and rivals.csv where nothing is left out. Scores of fits are kept in a file as they
come, out/extrapolation.csv unless another is named, and read from there by the next call, as fits take an hour: name another
once a model or its priors have changed.

Priors are those that public sweeps of all *other* families suggest (sweep_priors.py), never of a sweep's own. Rivals and how
each is run stand in rivals.py; splits and scores in judge.py.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import rivals
import sweep_priors
from judge import (
    DEPTHS,
    Forecast,
    Method,
    Split,
    geometric,
    judged,
    markdown,
    over_families,
    ratios,
    splits,
    summary,
    with_reach,
)
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.specification import changed
from bayes_scaling.validation.scores import TINY, log_mean_exp

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).parent
KEPT = HERE.parent / "out" / "extrapolation.csv"
SETTINGS = bs.Settings(draws=500, tune=500, seed=1, progress=False, target_accept=0.95)
PRACTICE = "practice"


@cache
def model_without(family: str) -> bs.Model:
    """Return the bundled study's model with the priors that public sweeps of all other families suggest."""
    return sweep_priors.model(sweep_priors.elicited([one for one in sweep_priors.stored() if one.family != family]))


def ladder(model: bs.Model) -> bs.Model:
    """Return the model of a ladder: what limited compute still costs at 1e20 FLOP, and alpha beta / (alpha + beta)."""
    law = {"E": model.parameters["E"], "a": bs.Prior(median=0.7, factor=3.0), "b": bs.Prior(median=0.17, factor=2.0)}
    return changed(model, law=bs.laws.power_law_floor, parameters=law)


def columns(sweep: Sweep) -> bs.Columns:
    """Return what the columns of a sweep are for."""
    response = bs.Response(unit=sweep.unit)
    if sweep.law == "chinchilla":
        return replace(bs.read_study("chinchilla").columns, response=response, where=None)
    return bs.Columns({"compute": bs.Input("compute", "FLOP", 1e20)}, response)


def bundled(train: pd.DataFrame, held: pd.DataFrame, sweep: Sweep, *, departs: bool = True) -> Forecast:
    """Return the forecast of the bundled study; `departs` says whether its law may be wrong."""
    model = model_without(sweep.family)
    model = model if sweep.law == "chinchilla" else ladder(model)
    model = in_unit_of(model if departs else changed(model, discrepancy=()), columns(sweep).response)
    start = time.perf_counter()
    fit = bs.fit(model, bs.read_runs(train, columns(sweep)), SETTINGS)
    return of_fit(fit, bs.read_runs(held, columns(sweep)).table, seconds=time.perf_counter() - start)


def of_fit(fit: Posterior, held: pd.DataFrame, **about: object) -> Forecast:
    """Return the forecast of a fit, or a stack of them, of held-out rows in the shape of its runs' table."""
    draws = np.log(np.maximum(as_rows(posterior_predictive(fit, held, 0)), TINY))
    assert fit.health is not None
    return Forecast(draws, log_mean_exp(log_density(fit, held, 0)), {"clean": fit.health.clean, **about})


OURS: dict[str, Method] = {"chinchilla": bundled, "bare law": partial(bundled, departs=False)}
"""What is judged, the first of which stands for all in tables of ratios: name -> its forecast."""


def asked(only: str, depth: str) -> Iterator[tuple[Sweep, Split]]:
    """Yield sweeps and splits whose names hold a text, the shallowest splits of all sweeps first."""
    chosen = [(sweep, split) for sweep in sweeps() if only in sweep.name for split in splits(sweep)]
    for name in DEPTHS:
        yield from ((sweep, split) for sweep, split in chosen if split.depth == name and depth in name)


def points_of(methods: Mapping[str, Method], pairs: list[tuple[Sweep, Split]], kept: Path | None = None) -> pd.DataFrame:
    """Return the scores of every held-out run; those in a file are read from there, and the others added to it."""
    found = [pd.read_csv(kept, encoding="utf-8")] if kept and kept.is_file() else []
    done = set(map(tuple, found[0][["sweep", "depth", "method"]].to_numpy())) if found else set()
    for sweep, split in pairs:
        missing = {name: of for name, of in methods.items() if (sweep.name, split.depth, name) not in done}
        if not missing:
            continue
        found.append(judged(missing, sweep, split))
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            pd.concat(found).to_csv(kept, index=False, float_format="%.8g", encoding="utf-8")
            print(summary(found[-1], ["sweep", "depth", "method"]).round(4).to_string(index=False, header=False), flush=True)
    points = pd.concat(found, ignore_index=True)
    wanted = pd.MultiIndex.from_tuples([(sweep.name, split.depth) for sweep, split in pairs])
    return points[pd.MultiIndex.from_frame(points[["sweep", "depth"]]).isin(wanted) & points["method"].isin(list(methods))]


def bounded(value: float, low: float, high: float, text: str) -> tuple[str, bool]:
    """Return a measured value as text, and whether it is within bounds."""
    return text.format(value), bool(low <= value <= high)


def aims(points: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Return what was aimed at and measured at each depth, and whether it was met."""
    rows = []
    for depth, part in points.groupby("depth", sort=False):
        mine = part[part["method"] == ours]
        each = summary(mine)
        against = ratios(part, ours).query("method == @PRACTICE")
        far = ratios(part[part["decades"] > 1.0], ours).query("method == @PRACTICE")
        clean = mine.drop_duplicates("sweep")["clean"]
        measured = {
            "90 % bands, pooled": ("85 to 95 %", *bounded(100 * mine["in_90"].mean(), 85, 95, "{:.1f} %")),
            "90 % bands, over families": ("85 to 95 %", *bounded(100 * over_families(each, "in_90"), 85, 95, "{:.1f} %")),
            "50 % bands, pooled": ("42 to 58 %", *bounded(100 * mine["in_50"].mean(), 42, 58, "{:.1f} %")),
            "50 % bands, over families": ("42 to 58 %", *bounded(100 * over_families(each, "in_50"), 42, 58, "{:.1f} %")),
            "CRPS over the practice's, sweeps": ("at most 0.45", *bounded(geometric(against["ratio"]), 0, 0.45, "{:.2f}")),
            "CRPS over the practice's, families": (
                "at most 0.6",
                *bounded(over_families(against, "ratio", geometric), 0, 0.6, "{:.2f}"),
            ),
            "the worst sweep's": ("at most 1.2", *bounded(against["ratio"].max(), 0, 1.2, "{:.2f}")),
            "sweeps above 1.2": (
                "none",
                *bounded(float((against["ratio"] > 1.2).sum()), 0, 0, "{:.0f}" + f" of {len(against)}"),
            ),
            "beyond one decade of compute": ("at most 1", *_beyond(far)),
            "fits that are not clean": ("at most 3 %", *bounded(100 * (1 - clean.astype(float).mean()), 0, 3, "{:.1f} %")),
        }
        rows += [{"depth": depth, "what": name, "aim": of[0], "measured": of[1], "met": of[2]} for name, of in measured.items()]
    return pd.DataFrame(rows)


def _beyond(far: pd.DataFrame) -> tuple[str, bool]:
    """Return the CRPS over the practice's of the runs beyond a decade: of their means, and in geometric mean over sweeps."""
    runs = int(far["n"].sum())
    if not runs:
        return "no runs", True
    pooled = float((far["crps_ours"] * far["n"]).sum() / (far["crps"] * far["n"]).sum())
    middle = geometric(far["ratio"])
    return f"{pooled:.2f} pooled, {middle:.2f} over sweeps ({runs} runs)", max(pooled, middle) <= 1.0


def of_methods(points: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Return a method and depth a row: coverage, errors, and the first method's CRPS over its own on the runs both predict."""
    against, rows = ratios(points, ours), []
    order = {depth: i for i, depth in enumerate(DEPTHS)}
    for (depth, method), part in sorted(points.groupby(["depth", "method"], sort=False), key=lambda of: order[of[0][0]]):
        each = summary(part).dropna(subset=["crps"])
        ratio = against[(against["depth"] == depth) & (against["method"] == method)]
        rows.append(
            {
                "depth": depth,
                "method": method,
                "sweeps": len(each),
                "runs": each["n"].sum(),
                "silent": int(part["crps"].isna().sum()),
                "in 50 %": part["in_50"].mean(),
                "in 90 %": part["in_90"].mean(),
                "families' in 50 %": over_families(each, "in_50"),
                "families' in 90 %": over_families(each, "in_90"),
                "median ARE": part["error"].abs().median(),
                "log score": part["log_score"].mean(),
                "CRPS": geometric(each["crps"]),
                "ratio": geometric(ratio["ratio"]) if len(ratio) else np.nan,
                "families' ratio": over_families(ratio, "ratio", geometric) if len(ratio) else np.nan,
                "worst": ratio["ratio"].max(),
                "wins": f"{(ratio['ratio'] > 1).sum()} of {len(ratio)}" if len(ratio) else "",
            }
        )
    return pd.DataFrame(rows)


def of_families(points: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Return a family and depth a row: bands and bias of ours, CRPS over the practice's."""
    mine = summary(points[points["method"] == ours])
    against = ratios(points, ours).query("method == @PRACTICE").set_index(["sweep", "depth"])["ratio"]
    mine = mine.assign(ratio=against.reindex(pd.MultiIndex.from_frame(mine[["sweep", "depth"]])).to_numpy())
    grouped = mine.groupby(["family", "depth"], sort=False)
    means = grouped[["in_50", "in_90", "bias", "are"]].mean().assign(sweeps=grouped.size(), runs=grouped["n"].sum())
    means = means.assign(ratio=grouped["ratio"].apply(geometric))
    titles = {"in_50": "in 50 %", "in_90": "in 90 %", "are": "ARE"}
    return means[["sweeps", "runs", "in_50", "in_90", "bias", "are", "ratio"]].rename(columns=titles).reset_index()


def by_reach(points: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Return a class of compute past the training runs a row, of ours and of the practice, all depths together.

    The ratio is in geometric mean over sweeps and depths.
    """
    both = with_reach(points[points["method"].isin([ours, PRACTICE])])
    rows = []
    for past, part in both.groupby("past", observed=True):
        row = {"decades past": past, "runs": int((part["method"] == ours).sum())}
        for name in (ours, PRACTICE):
            of = part[part["method"] == name]
            row |= {f"{name}: in 50 %": of["in_50"].mean(), f"{name}: in 90 %": of["in_90"].mean()}
            row |= {f"{name}: median error": of["error"].median(), f"{name}: median CRPS": of["crps"].median()}
        against = ratios(part, ours)
        rows.append(row | {"ratio": geometric(against["ratio"]) if len(against) else np.nan})
    return pd.DataFrame(rows)


def rivals_win(points: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Return the sweeps on which others have the lower CRPS, with ours over theirs: a sweep and depth a row."""
    found = ratios(points, ours)
    found = found[(found["ratio"] > 1) & found["method"].isin(rivals.RIVALS)].sort_values("ratio", ascending=False)
    told = found.assign(text=[f"{m} {r:.2f}" for m, r in zip(found["method"], found["ratio"], strict=True)])
    order = points.drop_duplicates(["sweep", "depth"])[["sweep", "depth"]]
    grouped = told.groupby(["sweep", "depth"])["text"].agg("; ".join).rename("rivals ahead: our CRPS over theirs")
    return order.merge(grouped.reset_index(), on=["sweep", "depth"])


def of_sweeps(points: pd.DataFrame, ours: str, others: list[str]) -> pd.DataFrame:
    """Return a sweep and depth a row."""
    every, against = summary(points).set_index(["sweep", "depth", "method"]), ratios(points, ours)
    mine = points[points["method"] == ours].groupby(["sweep", "depth"], sort=False)
    found = mine.agg(
        train=("trained", "first"), decades=("decades", "max"), seconds=("seconds", "first"), clean=("clean", "first")
    )
    own = every.xs(ours, level="method").reindex(found.index)
    found.insert(1, "held out", own["n"])
    titles = {"in_50": "in 50 %", "in_90": "in 90 %", "bias": "bias", "are": "ARE", "crps": "CRPS", "log_score": "log score"}
    found = found.assign(**{title: own[name] for name, title in titles.items()})
    for name in (*others, PRACTICE):
        rival = every.xs(name, level="method").reindex(found.index)
        ratio = against[against["method"] == name].set_index(["sweep", "depth"])["ratio"].reindex(found.index)
        found = found.assign(**{f"{name} in 90 %": rival["in_90"], f"{name} CRPS": rival["crps"], f"over {name}": ratio})
    return found.reset_index()


SHOWN = {"practice": "o", "OLMo-core": "s", "split conformal, refitted": "D", "optimal power law with floor": "v", "marin": "^"}
"""Rivals in the upper panels -> their marker."""
RANGE = 0.01, 8.0
"""Of ratios in the figure; what is beyond lies on its edge."""


def figure(points: pd.DataFrame, ours: str, path: Path) -> None:
    """Draw CRPS over the rivals' by family, and coverage by method, a depth a column."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    depths = [depth for depth in DEPTHS if (points["depth"] == depth).any()]
    against = ratios(points, ours)
    first = against[against["method"] == PRACTICE].groupby("family")["ratio"].apply(geometric)
    families = list(first.sort_values().index)
    methods = [ours, *(name for name in rivals.RIVALS if points.loc[points["method"] == name, "in_90"].notna().any())]
    heights = len(families) + 1, len(methods) + 1
    style = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 200}
    with plt.rc_context(style):
        drawn, axes = plt.subplots(
            2, len(depths), figsize=(7.2, 6.6), sharey="row", height_ratios=heights, layout="constrained", squeeze=False
        )
        for top, bottom, depth in zip(axes[0], axes[1], depths, strict=True):
            _ratio_panel(top, against[against["depth"] == depth], families)
            top.set_title(f"held out: {depth}", fontsize=8)
            _coverage_panel(bottom, points[points["depth"] == depth], methods)
        middle = axes[:, len(depths) // 2]
        middle[0].set_xlabel("our CRPS over the rival's, families; ticks: sweeps, over the practice")
        middle[1].set_xlabel("runs in 50 % (open) and 90 % bands, %: means over families; ticks: pooled")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper center", ncols=len(SHOWN), frameon=False, handletextpad=0.2)
        drawn.savefig(path)
    plt.close(drawn)


def _ratio_panel(ax: "Axes", against: pd.DataFrame, families: list[str]) -> None:
    from bayes_scaling.plots.style import COLOURS

    ax.axvline(1.0, color="0.3", lw=0.8)
    for i in range(0, len(families), 2):
        ax.axhspan(i - 0.5, i + 0.5, color="0.95", lw=0, zorder=0)
    for offset, colour, (name, marker) in zip(np.linspace(0.3, -0.3, len(SHOWN)), COLOURS, SHOWN.items(), strict=False):
        of = against[against["method"] == name]
        mean = of.groupby("family")["ratio"].apply(geometric)
        if name == PRACTICE:
            single = [families.index(family) + offset for family in of["family"]]
            ax.plot(of["ratio"].clip(*RANGE), single, "|", color=colour, ms=5, mew=0.8, alpha=0.6)
        rows = [families.index(family) + offset for family in mean.index]
        ax.plot(mean.clip(*RANGE), rows, marker, color=colour, ms=4, mec="w", mew=0.4, label=name)
    ax.set_xscale("log")
    ax.set_xlim(0.9 * RANGE[0], 1.1 * RANGE[1])
    ax.set_xticks([0.01, 0.1, 0.3, 1, 3], ["0.01", "0.1", "0.3", "1", "3"])
    ax.minorticks_off()
    ax.set_yticks(range(len(families)), families)
    ax.set_ylim(-0.6, len(families) - 0.4)


def _coverage_panel(ax: "Axes", points: pd.DataFrame, methods: list[str]) -> None:
    each = summary(points).dropna(subset=["in_90"])
    for level, aim, colour in (("in_50", (42, 58), "0.45"), ("in_90", (85, 95), "k")):
        ax.axvspan(*aim, color=colour, alpha=0.13, lw=0)
        for i, name in enumerate(methods):
            of = each[each["method"] == name]
            if len(of):
                fill = "w" if level == "in_50" else colour
                ax.plot(100 * points.loc[points["method"] == name, level].mean(), -i, "|", color=colour, ms=8)
                ax.plot(100 * over_families(of, level), -i, "o", color=colour, ms=4.5, mfc=fill)
    ax.set_yticks([-i for i in range(len(methods))], methods)
    ax.set_ylim(0.6 - len(methods), 0.6)
    ax.set_xlim(0, 100)


def report(points: pd.DataFrame, ours: str, others: list[str]) -> str:
    """Return the page, of scores with and without the study's filter on held-out runs."""
    inside = points[points["within"].astype(bool)]
    said = aims(inside, ours)
    every = aims(points, ours)
    said = said.assign(**{"every held-out run": every["measured"], "met there": every["met"]}).replace(
        {True: "yes", False: "no"}
    )
    parts = [
        head(points, ours),
        markdown(said),
        "## Methods\n\n" + METHODS.format(ours=ours),
        markdown(of_methods(inside, ours)),
        "## Families\n\nMeans over a family's sweeps; the ratio is to the practice, in geometric mean.",
        markdown(of_families(inside, ours)),
        "## By compute past the largest training run\n\n" + REACH,
        markdown(by_reach(inside, ours)),
        "## Where rivals are ahead\n\nOur CRPS over theirs, on the runs that both predict.",
        markdown(rivals_win(inside, ours)),
        "## Every sweep",
        markdown(of_sweeps(inside, ours, others)),
    ]
    return "\n\n".join(parts) + "\n"


def head(points: pd.DataFrame, ours: str) -> str:
    """Return title and explanation."""
    sweeps_of, families = points["sweep"].nunique(), points["family"].nunique()
    starts, refits = rivals.STARTS, rivals.REFITS
    return f"""# Extrapolation: the largest runs of public sweeps

{datetime.now(UTC):%Y-%m-%d}, `benchmarks/extrapolation.py`; numbers as measured, aim met or not.

"{ours}" on {sweeps_of} sweeps of {families} families, priors from all other families, at three depths: held out are the upper
third or the upper half of log compute, or all but the ten smallest runs. Trained on are runs that the study's own filter
keeps; held-out runs are counted where it keeps them, and all of them in the last columns of the first table. CRPS is of the
log loss. A sweep's ratio is of its mean CRPS to that of the practice: Huber loss, {starts} starts, a bootstrap of {refits}
refits, residuals resampled. Sweeps of one family share training runs or code: they are no independent trials, so means over
families stand beside those over runs or sweeps.

![CRPS over that of rivals by family, and coverage](extrapolation.png)"""


METHODS = """What each is, and whose, stands in `benchmarks/rivals.py`.

"silent": held-out runs that it says nothing of. Coverage is pooled over runs; the families' is the mean over families of
their sweeps'. A point has no bands. "CRPS": geometric mean over sweeps. "ratio": CRPS of {ours} over that of the method on the
runs that both predict, in geometric mean over sweeps; "families' ratio": over families; "worst": the largest of a sweep;
"wins": sweeps on which the method is ahead."""


REACH = """All depths together. An error is relative, above zero where losses came out lower; the ratio is the geometric mean
over sweeps and depths."""


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="sweeps whose name holds it")
    parser.add_argument("--depth", default="", help="depths whose name holds it")
    parser.add_argument("--ours", nargs="+", default=list(OURS), choices=list(OURS), help="the first stands for all in ratios")
    parser.add_argument("--keep", type=Path, default=KEPT, help="where scores of fits are kept, and read from")
    parser.add_argument("--starts", type=int, default=rivals.STARTS, help="of a Huber fit")
    parser.add_argument("--refits", type=int, default=rivals.REFITS, help="of a bootstrap")
    return parser.parse_args()


def main() -> None:
    """Judge every sweep at every depth, or those asked for; write the page where nothing is left out."""
    if find_spec("tabulate") is None:
        raise SystemExit("the page needs tabulate: pip install tabulate, or the group dev of pyproject.toml")
    told = arguments()
    rivals.STARTS, rivals.REFITS = told.starts, told.refits
    pairs = list(asked(told.only, told.depth))
    field = points_of(rivals.RIVALS, pairs)
    mine = points_of({name: OURS[name] for name in told.ours}, pairs, told.keep)
    points, ours = pd.concat([mine, field], ignore_index=True), told.ours[0]
    inside = points[points["within"].astype(bool)]
    print(aims(inside, ours).to_string(index=False), of_methods(inside, ours).round(3).to_string(index=False), sep="\n\n")
    whole = not (told.only or told.depth) and (told.starts, told.refits) == (200, 200)
    place = HERE if whole else told.keep.parent
    figure(inside, ours, place / "extrapolation.png")
    (place / "extrapolation.md").write_text(report(points, ours, told.ours[1:]), encoding="utf-8")
    if whole:
        rivals.write(field, place / "rivals.csv")


if __name__ == "__main__":
    main()
