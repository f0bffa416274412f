"""Twelve curves, a kind each, carried on by the study `learning_curve`, with the points that it was not given.

python benchmarks/learning_curve_figure.py      # writes docs/figures/any_curve.png
"""

from pathlib import Path

import learning_curves
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling.plots.painters import paint_bands
from bayes_scaling.plots.style import COLOURS, INK, quantiles

FILE = Path(__file__).parents[1] / "docs" / "figures" / "any_curve.png"
SHOWN = {
    "asm_IC_bird_10_ViT-B-16": "error rate, ImageNet to Birds",
    "asm_IC_cal_25_MiX-B-16": "error rate that slows down",
    "asm_BB_-ling-1-shot-_262M": "BIG-Bench: goes flat",
    "asm_NMT_log_perplexity_6-Enc-28-Dec": "translation: near its floor",
    "asm_LM_val_loss_4.53e+08": "language model, smooth",
    "col_GPT-3-Medium": "GPT-3 Medium, falls faster",
    "nano_final_hyp00": "nanoGPT over width, 6 points",
    "nano_min_hyp06": "nanoGPT, best loss, 6 points",
    "dd_cifar10-mcnn-p20-sgd": "a second descent",
    "col_Amber": "Amber, noisy",
    "col_OPT-30.00B": "OPT, perplexity",
    "col_pythia-160m": "Pythia 160M, few points",
}


def draw(ax: Axes, name: str, title: str, curve: pd.DataFrame, task: learning_curves.Task) -> None:
    """Draw a curve: what was given, the bands beyond it, and what came."""
    fit = bs.fit(learning_curves.MODEL, task.runs, learning_curves.SETTINGS)
    table = fit.runs.table
    train = (curve["split"] == "train").to_numpy()
    unit = float(curve["y"][train].max()) if curve["domain"].iloc[0] in learning_curves.DIVIDED else 1.0
    given, came = curve[train], curve[~train]
    last = float(given["x"].max())
    at = np.geomspace(table["x"].min(), came["x"].max() * 1.05, 80)
    drawn = bs.predict_runs(fit, {"x": at}) * unit
    of = quantiles(drawn)
    beyond = at >= last
    paint_bands(ax, at, of, colour=COLOURS[0])
    ax.plot(at, np.where(beyond, np.nan, of[0.5]), color=COLOURS[0], linewidth=0.9)
    ax.plot(at, np.where(beyond, of[0.5], np.nan), color=COLOURS[0], linewidth=0.9, linestyle=(0, (3, 2)))
    every = max(1, len(given) // 60)
    ax.plot(given["x"][::every], given["y"][::every], "o", color=INK, markersize=2.2, markeredgewidth=0)
    every = max(1, len(came) // 60)
    ax.plot(came["x"][::every], came["y"][::every], "o", color=COLOURS[1], markersize=2.2, markeredgewidth=0)
    ax.axvline(last, color="0.75", linewidth=0.6, zorder=0)
    seen = given["y"][given["x"] >= 0.6 * table["x"].min()]
    low, high = (f([*seen, *came["y"], *band]) for f, band in ((min, of[0.05][beyond]), (max, of[0.95][beyond])))
    ax.set(xscale="log", yscale="log", ylim=(low * 0.985, high * 1.015), xlim=(0.6 * table["x"].min(), at[-1] * 1.1))
    ax.set_title(title, fontsize=7.5, loc="left")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    ax.tick_params(labelsize=6)
    ax.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Fit twelve curves and draw them."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    table = pd.read_csv(DATA / "fleet_curves.csv.gz", encoding="utf-8").sort_values("x", kind="stable")
    tasks = learning_curves.tasks("")
    figure, axes = plt.subplots(3, 4, figsize=(8.0, 5.4), layout="constrained")
    for ax, (name, title) in zip(axes.flat, SHOWN.items(), strict=True):
        draw(ax, name, title, table[table["run_id"] == name], tasks[name])
    figure.supxlabel("x: examples, tokens, steps, epochs or width", fontsize=7.5)
    figure.supylabel("y: error rate, loss or perplexity", fontsize=7.5)
    figure.savefig(FILE, dpi=160)


if __name__ == "__main__":
    main()
