"""Optimal learning rates and batches of the Step Law's runs: with a band, at a size left out, beside the published rule.

    python benchmarks/learning_rates.py    # writes learning_rates.md and docs/figures/learning_rate_batch.png

The study `learning_rate_batch` is fitted to all sizes, and without the largest. Of the largest are scored: its runs, and
whether the optimum found from smaller sizes is that of its own cells.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.roles.names import with_columns
from bayes_scaling.data.runs import subset
from bayes_scaling.decisions.joint_optimum import excess_loss, joint_optimum, joint_tolerance
from bayes_scaling.plots.style import log_ticks, paper
from bayes_scaling.validation.scores import score_table

HERE = Path(__file__).parent
ALONG = ["lr", "batch"]
LARGEST = 5e8
FLAT = 0.005
ASKED = [(5.36872960e8, 1e10), (5.36872960e8, 2.84e10), (5.36872960e8, 5e10), (1e9, 2e10), (1e9, 1e11), (7e9, 1.4e12)]

NAMES = {"params": "params_non_embedding", "batch": "batch_sequences", "loss": "loss_smooth"}
REFERENCES = {"params": 3.5e8, "tokens": 1.6e10, "lr": 2e-3, "batch": 200.0}
WHERE = "loss_smooth < 3.13 and batch_sequences in [32, 96, 192, 352, 736, 2048]"
"""Runs that diverge end above 3.15, all others below 3.11. Every other batch of the grid: the valley is smooth in it, and
sampling twice as fast."""


def public_columns(columns: Columns) -> Columns:
    """Return the columns of the study as the public table calls them, without runs that diverged."""
    own = with_columns(columns, NAMES)
    inputs = {name: replace(one, reference=REFERENCES[name]) for name, one in own.inputs.items()}
    return replace(own, inputs=inputs, where=WHERE)


def rule(params: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return learning rate and batch, in sequences of 2,048 tokens, of the published rule."""
    return {"lr": 1.79 * params**-0.713 * tokens**0.307, "batch": 0.58 * tokens**0.571 / 2048}


def points(sizes: list[tuple[float, float]]) -> pd.DataFrame:
    """Return sizes and tokens in cells never swept."""
    params, tokens = np.array(sizes).T
    return pd.DataFrame({"params": params, "tokens": tokens, "cell": [f"new {i}" for i in range(len(params))]})


def quantiles(draws: xr.DataArray) -> np.ndarray:
    """Return 5, 50 and 95 % quantiles, a row a point."""
    return draws.quantile([0.05, 0.5, 0.95], ("chain", "draw")).transpose("row", "quantile").to_numpy()


def interval(of: np.ndarray, digits: int = 2) -> str:
    """Return a median with its 90 % interval."""
    low, middle, high = (f"{x:.{digits}g}" if abs(x) < 1e3 else f"{x:,.0f}" for x in of)
    return f"{middle} ({low} to {high})"


def answers(fit: bs.Fit, sizes: list[tuple[float, float]]) -> list[str]:
    """Return a row of a table for each size and number of tokens."""
    at = points(sizes)
    found, flat = joint_optimum(fit, at, ALONG), joint_tolerance(fit, at, ALONG, below=FLAT)
    published = rule(at["params"].to_numpy(), at["tokens"].to_numpy())
    cost = quantiles(excess_loss(fit, at.assign(**published), ALONG))
    lr, batch = quantiles(found["lr"]), quantiles(found["batch"])
    ends = {name: quantiles(flat[name])[:, 1] for name in flat}
    return [
        f"| {params / 1e9:.2f}B, {tokens / 1e9:,.0f}B | {interval(1e3 * lr[i])} | {1e3 * ends['lr_low'][i]:.2g} to "
        f"{1e3 * ends['lr_high'][i]:.2g} | {1e3 * published['lr'][i]:.2g} | {interval(batch[i], 3)} | "
        f"{ends['batch_low'][i]:,.0f} to {ends['batch_high'][i]:,.0f} | {published['batch'][i]:,.0f} | "
        f"{interval(1e3 * cost[i])} |"
        for i, (params, tokens) in enumerate(sizes)
    ]


HEAD = [
    "| size, tokens | lr* / 1e-3 | costs < .005 nats | rule | batch* | costs < .005 nats | rule | the rule costs, millinats |",
    "|" + " --- |" * 8,
]


def transfer(before: bs.Fit, whole: bs.Fit) -> list[str]:
    """Return how runs of the largest size, and its optima, are predicted from smaller ones."""
    held = subset(whole.runs, f"params > {LARGEST}")
    rows, scored = held.table, score_table(bs.score(before, held).points).iloc[0]
    cells = rows.drop_duplicates("cell")[["params", "tokens", "cell"]].reset_index(drop=True)
    own, ahead = joint_optimum(whole, cells, ALONG), joint_optimum(before, cells, ALONG)
    lines = [
        f"Its {len(rows)} runs: R^2 {scored['r_squared']:.3f}, {scored['coverage_50']:.0%} in 50 % bands and "
        f"{scored['coverage_90']:.0%} in 90 % bands, mean error {scored['mae']:.4f} nats, "
        f"CRPS {scored['crps']:.4f} of the log loss.",
        "",
        "| tokens | lr* / 1e-3 from smaller sizes | with its own runs | batch* from smaller sizes | with its own runs |",
        "|" + " --- |" * 5,
    ]
    each = [quantiles(of[name]) * by for name, by in (("lr", 1e3), ("batch", 1.0)) for of in (ahead, own)]
    for i, tokens in enumerate(cells["tokens"]):
        lines.append(f"| {tokens / 1e9:,.0f}B | " + " | ".join(interval(one[i], 3) for one in each) + " |")
    return lines


def draw(fit: bs.Fit) -> None:
    """Draw optima over size at 20 and 100 tokens a parameter, beside the published rule."""
    with paper():
        figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
        params = np.geomspace(2e8, 8e9, 15)
        seen = fit.runs.table["params"].max()
        for i, ratio in enumerate((20.0, 100.0)):
            tokens = ratio * params
            at = points(list(zip(params, tokens, strict=True)))
            found, published = joint_optimum(fit, at, ALONG), rule(params, tokens)
            for ax, name in zip(axes, ALONG, strict=True):
                low, middle, high = quantiles(found[name]).T
                ax.fill_between(params, low, high, color=f"C{i}", alpha=0.25, lw=0)
                ax.plot(params, middle, color=f"C{i}", label=f"{ratio:.0f} tokens a parameter")
                ax.plot(params, published[name], color=f"C{i}", ls="--", lw=1.2)
        for ax, label in zip(axes, ("learning rate", "batch, sequences of 2,048 tokens"), strict=True):
            ax.axvline(seen, color="0.6", lw=0.8, ls=":")
            ax.set(xscale="log", yscale="log", xlabel="parameters, non-embedding", ylabel=f"best {label}")
            log_ticks(ax, "x")
            log_ticks(ax, "y")
        axes[0].plot([], [], color="0.3", ls="--", lw=1.2, label="Step Law, as published")
        axes[0].plot([], [], color="0.6", ls=":", lw=0.8, label="largest size swept")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=8)
        figure.savefig(HERE.parent / "docs" / "figures" / "learning_rate_batch.png", dpi=150)


PAGE = """# Learning rates and batches

`python benchmarks/learning_rates.py`, {date}: the study `learning_rate_batch` on the runs of the Step Law (Li et al. 2025),
{rows} of 1,506 (every other batch, none that diverged), in {seconds:.0f} s of processor time; draws {grade}.

The learning rate goes with N^-{lr_n} D^{lr_d}, the batch with D^{batch_d}; the paper has N^-.713 D^.307
and D^.571. Optima of a cell stray from the rule by {lr_sd} in the logarithm of the learning rate and {batch_sd}
in that of the batch.

All of these are cells never swept, so that the straying of cells is in the bands. 0.54B is a size that was swept.

{answers}

## A size left out

The same without the largest size, 537M parameters.

{transfer}
"""


def main() -> None:
    """Fit the study twice and write the page and the figure."""
    study = bs.read_study("learning_rate_batch")
    settings = bs.Settings(progress=False, seed=1)
    runs = bs.read_runs(DATA / "steplaw_dense.csv", public_columns(study.columns))
    start = time.process_time()
    whole = bs.fit(study.model, runs, settings)
    seconds = time.process_time() - start
    draw(whole)
    before = bs.refit(whole, subset(runs, f"params < {LARGEST}"), settings)
    of = {
        name: interval(whole.posterior[name].quantile([0.05, 0.5, 0.95]).to_numpy())
        for name in ("lr_n", "lr_d", "batch_d", "lr_best_sd_cell", "batch_best_sd_cell")
    }
    page = PAGE.format(
        date=datetime.now(UTC).date(), rows=len(runs), seconds=seconds,
        grade=whole.health.grade if whole.health else "", lr_n=of["lr_n"], lr_d=of["lr_d"], batch_d=of["batch_d"],
        lr_sd=of["lr_best_sd_cell"], batch_sd=of["batch_best_sd_cell"],
        answers="\n".join(HEAD + answers(whole, ASKED)), transfer="\n".join(transfer(before, whole)),
    )  # fmt: skip
    (HERE / "learning_rates.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
