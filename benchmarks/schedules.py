"""Loss under learning-rate schedules never seen: fitted to constant and cosine curves, judged on WSD and two-stage ones.

    python benchmarks/schedules.py      # writes schedules.md and schedules.png

The curves of Luo et al. 2025 (arXiv 2503.12811) at 25M, 100M and 400M parameters, a row each 128 steps, from step 3,000 on:
what the warm-up of 2,160 steps leaves follows neither law. Two laws, each also by the smallest Huber loss, as is practice:

    multi_power   L = L0 + A S1^-alpha - B sum over falls (1 - (1 + C lr^-gamma S)^-beta)        (Luo et al. 2025)
    annealing     L = L0 + A S1^-alpha - C S2                                                   (Tissue et al. 2024)

written by what the runs know: the loss and its slope at S1 = 1, what a fall has saved after 20 times the sum of learning rates
that saves half of it. Neighbouring rows depart from the law alike, by an Ornstein-Uhlenbeck process in log steps whose size and
length the training curves tell; the joint fit has all sizes at once, with parameters that drift with size.
"""

import argparse
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import least_squares
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling._base.functions import on_arrays
from bayes_scaling.data.columns import Schedule
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedules import log_input
from bayes_scaling.laws.formula import law_names
from bayes_scaling.laws.library import law_inputs, law_parameters
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.parameters import Parameter
from bayes_scaling.model.priors import median
from bayes_scaling.plots.style import COLOURS, paper
from bayes_scaling.prediction.summary import summarize_at

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=500, tune=500, seed=1, progress=False)
NAMES = ["R2", "MAE", "RMSE", "MAPE", "worst", "final", "in 50 %", "in 90 %"]
WARMUP, FIRST, DROP = 2160, 3000, 8000
SIZES = {"25M": 25e6, "100M": 100e6, "400M": 400e6}
INPUTS = {
    "lr_sum": bs.Input("lr_sum", "learning rate x steps", 1.0),
    "annealing_area": bs.Input("annealing_area", "learning rate x steps", 0.1),
    "lr_drop": bs.Input("lr_drop", "learning rate", 1e-4),
    "lr_then": bs.Input("lr_then", "learning rate", 1e-4),
    "lr_since": bs.Input("lr_since", "learning rate x steps", 0.1),
    "step": bs.Input("step", "steps", 1e4),
    "params": bs.Input("params_label", "parameters", 1e8),
}
BASE = "level - gain * (1 - lr_sum**-alpha) / alpha"
FAST = "(2**(1 / beta) - 1)"
SAVED = f"lr_drop * mean(1 - (1 + {FAST} * lr_since * lr_then**-gamma / half)**-beta) / (1 - (1 + 20 * {FAST})**-beta)"
TEXTS = {
    "annealing": f"{BASE} - saved * annealing_area",
    "multi_power": f"{BASE} - saved * {SAVED}",
}
PRIORS = {
    "level": bs.Prior(median=3.2, factor=1.6),  # L0 + A of the library's priors
    "gain": bs.Prior(median=0.28, factor=2.0),  # A alpha
    "alpha": bs.Prior(median=0.47, factor=1.6),
    "saved": bs.Prior(median=0.045, factor=2.0),  # at a fall of 1e-4, or at S2 = .1
    "half": bs.Prior(median=0.1, factor=5.0),  # sum since, over .1, at which half of what a fall saves is saved
    "beta": bs.Prior(median=0.7, factor=2.0),
    "gamma": bs.Prior(median=0.5, factor=1.8),
}
TERMS = {  # of the joint fit, on the log scale: an e-fold of parameters, and a size of its own
    "level": bs.Trend("params", 0.1), "gain": bs.Trend("params", 0.2), "alpha": bs.Trend("params", 0.1),
    "saved": bs.Trend("params", 0.2), "half": bs.Trend("params", 0.3),
}  # fmt: skip


def curves() -> pd.DataFrame:
    """Return the table, with a row that tells the learning rate only before each drop that happens at once."""
    table = pd.read_csv(DATA / "multipower_curves.csv", encoding="utf-8")
    runs = table.drop_duplicates("run_id")
    ahead = runs[runs["schedule"].str.startswith("wsdcon")].assign(step=DROP - 1, lr=3e-4, loss=np.nan)
    return pd.concat([table, ahead], ignore_index=True)


def read(table: pd.DataFrame, law: str, *, joint: bool = False) -> Runs:
    """Return the runs of some curves with the inputs that a law reads."""
    read_by = law_names(TEXTS[law]) | {"step"} | ({"params"} if joint else set())
    columns = bs.Columns(
        {name: one for name, one in INPUTS.items() if name in read_by},
        run="run_id",
        groups={"size": "params_label", "schedule": "schedule"},
        where=f"loss > 0 and step >= {FIRST}",
        schedule=Schedule(warmup=WARMUP),
    )
    return bs.read_runs(table, columns, "multipower_curves")


def thinned(runs: Runs) -> Runs:
    """Return the constant and cosine curves, a row each 256 steps, 512 of the long ones."""
    table = runs.table
    apart = np.where(table["schedule"].str.endswith("72000"), 4, 2)
    seen = table["schedule"].str.match("constant|cosine") & (table.groupby("run").cumcount() % apart == 0)
    kept = table[seen].reset_index(drop=True)
    return replace(runs, table=kept, levels={dim: np.unique(kept[dim]) for dim in runs.levels})


def model(law: str, *, joint: bool = False) -> bs.Model:
    """Return a law with its priors and correlated noise; joint: with parameters that drift with size."""
    of = bs.parse_law(TEXTS[law], [name for name in INPUTS if name in law_names(TEXTS[law])])
    parameters: dict[str, bs.Prior | Parameter] = {name: PRIORS[name] for name in law_parameters(of)}
    if joint:
        parameters |= {name: PRIORS[name] + TERMS[name] for name in TERMS}
        parameters["level"] = PRIORS["level"] + TERMS["level"] + bs.Varying("size", 0.02)
    correlation = bs.Correlation("step", bs.Prior(median=0.3, factor=8.0))
    return bs.Model(of, parameters, bs.Noise(bs.Prior(median=0.002, factor=4.0), "normal", correlation=correlation))


def huber(law: str, train: Runs, every: Runs) -> np.ndarray:
    """Return the losses of a law with the coefficients of the smallest Huber loss, 1e-3 wide, of the log loss."""
    of = model(law).law
    names, starts = law_parameters(of), np.random.default_rng(0).normal(0.0, 0.3, (8, len(law_parameters(of))))
    middle = np.log([median(PRIORS[name]) for name in names])

    def losses(z: np.ndarray, runs: Runs) -> np.ndarray:
        logs = {name: log_input(runs.table, runs.columns, runs.references, name).T for name in law_inputs(of)}
        with np.errstate(all="ignore"):
            found: np.ndarray = law_value(of, logs, dict(zip(names, np.exp(middle + z), strict=True)), on_arrays(1))
        return np.maximum(np.nan_to_num(found, nan=1e-3), 1e-3)

    def left(z: np.ndarray) -> np.ndarray:
        gaps: np.ndarray = np.log(losses(z, train)) - np.log(train.table["response"].to_numpy())
        return gaps

    fits = [least_squares(left, start, loss="huber", f_scale=1e-3, x_scale=0.3, bounds=(-4.0, 4.0)) for start in starts]
    return losses(min(fits, key=lambda one: float(one.cost)).x, every)


def scores(rows: pd.DataFrame) -> dict[str, float]:
    """Return how well the curves of some rows were predicted; errors in nats, of medians."""
    seen, error = rows["response"], rows["q50"] - rows["response"]
    last = rows.groupby("run")["step"].transform("max") == rows["step"]
    r2 = [
        1 - (e**2).sum() / ((y - y.mean()) ** 2).sum()
        for e, y in ((error[of], seen[of]) for of in rows.groupby("run").groups.values())
    ]
    inside = {
        name: ((seen >= rows[a]) & (seen <= rows[b])).mean()
        for name, a, b in (("in 50 %", "q25", "q75"), ("in 90 %", "q05", "q95"))
    }
    if rows["q05"].isna().any():
        inside = dict.fromkeys(inside, np.nan)
    absolute = error.abs()
    return {
        "R2": float(np.mean(r2)), "MAE": absolute.mean(), "RMSE": float(np.sqrt((error**2).mean())),
        "MAPE": 100 * (absolute / seen).mean(), "worst": absolute.max(), "final": absolute[last].mean(),
    } | inside  # fmt: skip


def fitted(law: str, runs: Runs, *, joint: bool = False) -> tuple[pd.DataFrame, bs.Fit, float]:
    """Return every row with quantiles of what a run would show there, the fit, and the seconds it took."""
    start = time.perf_counter()
    fit = bs.fit(model(law, joint=joint), thinned(runs), SETTINGS)
    seconds = time.perf_counter() - start
    return (
        runs.table.join(summarize_at(fit, runs.table, kind="observed")[["q05", "q25", "q50", "q75", "q95"]]),
        fit,
        seconds,
    )


def measured(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str], dict[str, pd.DataFrame]]:
    """Return the scores by fit, size and schedule, a line on each fit, and the rows of each fit of the Multi-Power law."""
    rows, lines, shown = [], [], {}
    for name, law, sizes in [*((size, law, [size]) for law in TEXTS for size in SIZES), ("joint", "multi_power", [*SIZES])]:
        runs = read(table[table["params_label"].isin([SIZES[size] for size in sizes])], law, joint=name == "joint")
        found, fit, seconds = fitted(law, runs, joint=name == "joint")
        health = fit.health
        assert health is not None
        lines.append(f"{law} {name}: {len(fit.runs)} rows, {seconds:.0f} s, {'; '.join(health.problems) or 'healthy'}")
        print(lines[-1], flush=True)
        kinds = {("joint" if name == "joint" else "posterior"): found}
        if name != "joint":
            kinds["Huber"] = found.assign(q50=huber(law, fit.runs, runs), q05=np.nan, q25=np.nan, q75=np.nan, q95=np.nan)
        for kind, of in kinds.items():
            new = of[~of["schedule"].str.match("constant|cosine")]
            for (size, schedule), part in new.groupby(["size", "schedule"]):
                rows.append({"size": f"{size / 1e6:g}M", "law": law, "fit": kind, "schedule": schedule} | scores(part))
            for size, part in new.groupby("size"):
                rows.append({"size": f"{size / 1e6:g}M", "law": law, "fit": kind, "schedule": "all"} | scores(part))
        if law == "multi_power" and name != "joint":
            shown[name] = found
    return pd.DataFrame(rows), lines, shown


def figure(shown: dict[str, pd.DataFrame]) -> Figure:
    """Return the curves under schedules never seen, with the bands predicted for them."""
    with paper():
        drawn = Figure(figsize=(7.0, 4.2), layout="constrained")
        axes = drawn.subplots(2, len(shown))
        for column, (size, rows) in enumerate(shown.items()):
            for row, (kind, first) in enumerate((("wsd_|wsdld", 18000), ("wsdcon", 6500))):
                _panel(rows[rows["schedule"].str.match(kind) & (rows["step"] >= first)], axes[row, column])
            axes[0, column].set_title(f"{size} parameters")
        for ax in axes[:, 0]:
            ax.set_ylabel("loss (nats/token)")
        for ax in axes[1]:
            ax.set_xlabel("step (thousands)")
    return drawn


LABELS = {"wsd_20000_24000": "exponential decay", "wsdld_20000_24000": "linear decay"}


def _panel(rows: pd.DataFrame, ax: Axes) -> None:
    if not len(rows):
        ax.set_axis_off()
        said = "lines: median prediction\nbands: 90 %, for a new run\ndots: seen\n\nno such curve of 400M\nin the table"
        ax.text(0.1, 0.5, said, va="center", fontsize=7, transform=ax.transAxes)
        return
    for colour, (schedule, part) in zip(COLOURS, rows.groupby("schedule"), strict=False):
        label = LABELS.get(str(schedule), f"drop to {str(schedule).removeprefix('wsdcon_')}e-5")
        step = part["step"] / 1e3
        ax.fill_between(step, part["q05"], part["q95"], color=colour, alpha=0.2, linewidth=0)
        ax.plot(step, part["q50"], color=colour, linewidth=0.9, label=label)
        ax.plot(step, part["response"], ".", color=colour, markersize=2.0)
    ax.legend(loc="upper right", fontsize=6)


def written(found: pd.DataFrame, lines: list[str]) -> str:
    """Return the page of results."""
    digits = {"R2": 4, "MAE": 4, "RMSE": 4, "MAPE": 2, "worst": 4, "final": 4}
    shown = found.copy()
    for name, places in digits.items():
        shown[name] = [f"{value:.{places}f}" for value in shown[name]]
    for name in ("in 50 %", "in 90 %"):
        shown[name] = ["" if np.isnan(value) else f"{100 * value:.0f} %" for value in shown[name]]
    return PAGE.format(
        date=datetime.now(UTC).date(),
        all=_markdown(shown[shown["schedule"] == "all"].drop(columns="schedule")),
        each=_markdown(
            shown[(shown["schedule"] != "all") & (shown["law"] == "multi_power") & (shown["fit"] != "Huber")].drop(
                columns="law"
            )
        ),
        lines="\n".join(f"- {line}" for line in lines),
    )


def _markdown(table: pd.DataFrame) -> str:
    rows = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


PAGE = """# Schedules never seen

`python benchmarks/schedules.py`, {date}. Fitted to the constant and cosine curves of one size (24,000 and 72,000 steps;
at 400M 24,000 only), a row each 256 or 512 steps, from step 3,000 on; judged on every row of the WSD curves and of those with
one drop from that step on.

![Predicted and seen](schedules.png)

Errors of medians in nats/token (MAPE in per cent); R2 is the mean over curves, worst the largest error of any row, final the
mean error of the last row of each curve. "in 90 %" counts rows inside the band for a new run. At 400M the one such curve of the
table is a drop to 9e-5. "joint" is one fit of all sizes, whose parameters drift with size.

{all}

The Multi-Power law by schedule:

{each}

{lines}
"""


def main() -> None:
    """Fit, score, draw and write."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "").parse_args()
    found, lines, shown = measured(curves())
    figure(shown).savefig(HERE / "schedules.png", dpi=200)
    (HERE / "schedules.md").write_text(written(found, lines), encoding="utf-8")


if __name__ == "__main__":
    main()
