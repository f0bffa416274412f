"""Curves that a prior expects: bands of the loss along each input, and single draws."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.numbers import amount
from bayes_scaling.data.columns import Columns
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import Model
from bayes_scaling.plots.band import plot_band
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, log_ticks, paper, with_short_labels
from bayes_scaling.prediction.prior_curves import prior_alone, prior_curves

CURVES = 12
"""Single draws that are shown, so that one sees the shapes of which a band is made."""
MOST = 4
"""Panels at most, an input each."""
WIDEST = 1.5
"""Decades of loss that an axis shows, about the median, where a band is wider."""


def prior_figure(model: Model, columns: Columns | None = None, draws: int = 1000, seed: int = 0) -> Figure:
    """Return the curves that a model expects before it sees runs: a panel for each input, the others at their references.

    Bands hold the expected loss of a level never seen with 50 and 90 %; thin lines are single draws.

    Parameters
    ----------
    model
        A model.
    columns
        Of a study, which say units and references; None: inputs are about the references of the model's priors, and multiples
        of them where it says none.
    draws, seed
        As for `prior`.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        Where a reference is that of the runs, or the law reads a schedule of the learning rate.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> study = bs.read_study("chinchilla")
    >>> figure = bs.plots.prior_figure(study.model, study.columns, draws=50)
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['params (parameters)', 'tokens']
    """
    return curves_figure(prior_alone(model, columns, draws, seed))


@footed
def curves_figure(before: Fit) -> Figure:
    """Return the figure of draws from a prior, see `prior_figure`."""
    curves = dict(list(prior_curves(before).items())[:MOST])
    with paper():
        figure = Figure(figsize=(3.4, 2.4) if len(curves) == 1 else (6.8, 2.4))
        axes = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
        for ax, (name, curve) in zip(axes, curves.items(), strict=True):
            plot_prior_curve(before, name, curve, ax)
            ax.set_title(_held(before, [other for other in curves if other != name]))
        for ax in axes[1:]:
            ax.set_ylabel("")
        _hold_medians(axes[0], list(curves.values()))
    return with_short_labels(figure)


def plot_prior_curve(before: Fit, name: str, curve: xr.DataArray, ax: Axes) -> Axes:
    """Draw the bands of a prior along an input, and some of its draws."""
    at, unit = curve[name].to_numpy(), before.runs.columns.inputs[name].unit
    flat = curve.stack(sample=("chain", "draw")).transpose("sample", "row").to_numpy()
    for one in flat[np.linspace(0, len(flat) - 1, min(CURVES, len(flat))).astype(int)]:
        ax.plot(at, one, color=INK, linewidth=0.35, alpha=0.55, zorder=1.5)
    plot_band(
        curve, name, ax, colour=COLOURS[0], unit=unit, log=bool(np.nanmin(flat) > 0) and before.model.noise.on != "log_odds"
    )
    if _relative(before, name):
        ax.set_xlabel(f"{name} / reference")
    return ax


def _relative(before: Fit, name: str) -> bool:
    return not before.runs.columns.inputs[name].unit and before.runs.references[name] == 1.0


def _held(before: Fit, others: list[str]) -> str:
    inputs, references = before.runs.columns.inputs, before.runs.references
    if others and all(_relative(before, name) for name in others):
        return f"{' and '.join(others)} at the reference"
    at = [
        f"{name} {amount(references[name], '' if inputs[name].unit in (name, 'parameters') else inputs[name].unit)}"
        for name in others
    ]
    return f"at {', '.join(at)}" if at else ""


def _hold_medians(ax: Axes, curves: list[xr.DataArray]) -> None:
    """Set the vertical axis to the 90 % bands, or to some decades about the medians where those are wider."""
    ends = np.concatenate([curve.quantile([0.05, 0.5, 0.95], ("chain", "draw")).to_numpy() for curve in curves], axis=1)
    low, middle, high = ends[0].min(), float(np.median(ends[1])), ends[2].max()
    if ax.get_yscale() == "log":
        room = 10 ** (WIDEST / 2)
        ax.set_ylim(max(low / 1.05, middle / room), min(high * 1.05, middle * room))
        log_ticks(ax, "y")
    else:
        ax.set_ylim(low, high)
