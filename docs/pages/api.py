"""The API: the names of the front door by what they are for, then figures."""

from importlib import import_module

import bayes_scaling as bs

GROUPS = {
    "Read": "read_logs read_runs Columns Input Response",
    "Model": "Model Prior Varying Smooth Ordered ByLevel Trend Noise Correlation ResidualCorrelation Outliers "
    "Discrepancy JointPrior parse_law read_study propose_study",
    "Fit": "fit fit_stack Stack refit prior Settings Fit save load fit_many",
    "Predict": "predict predict_runs summarize contrast compute_ratio crossover chain forecast",
    "Decide": "plan Cost compute_needed rank next_runs sensitivity multiverse",
    "Validate": "findings compare backtest score calibrate",
    "Report": "write_report InputError",
}
"""The names of the front door."""

RESULTS = {
    "Fit": ("bayes_scaling", "fit, refit, load, prior"),
    "Contrast": ("bayes_scaling.prediction.contrast", "contrast"),
    "ChainedResponse": ("bayes_scaling.prediction.chain_record", "chain"),
    "Forecast": ("bayes_scaling.prediction.forecast_record", "forecast"),
    "Forecasts": ("bayes_scaling.prediction.joint_forecast", "forecast"),
    "FirstPassage": ("bayes_scaling.prediction.first_passage", "forecast"),
    "Plan": ("bayes_scaling.decisions.plan", "plan"),
    "Ranking": ("bayes_scaling.decisions.ranking", "rank"),
    "Stopping": ("bayes_scaling.decisions.stopping", "decisions.stopping.stopping"),
    "NextRuns": ("bayes_scaling.decisions.design.ranked", "next_runs"),
    "Sensitivity": ("bayes_scaling.decisions.sensitivity.record", "sensitivity"),
    "Multiverse": ("bayes_scaling.decisions.multiverse", "multiverse"),
    "Comparison": ("bayes_scaling.validation.compare", "compare"),
    "Backtest": ("bayes_scaling.validation.backtest", "backtest"),
    "Score": ("bayes_scaling.validation.score", "score"),
    "Calibration": ("bayes_scaling.validation.calibration", "calibrate"),
    "Batch": ("bayes_scaling.inference.batch.record", "fit_many"),
    "Stack": ("bayes_scaling.inference.stacking", "fit_stack, load, inference.stacking.stack"),
}
"""Record -> the module it lives in, and what returns it."""

TOP = """# API

```python
import bayes_scaling as bs
```

These names are the front door. Everything else is imported from the file it lives in, such as
`from bayes_scaling.data.columns import Curve`. Results are records: each has `.to_frame()` (a table), `.summary()`
(sentences) and, where there is one natural figure, `.plot()`.

"""


def page() -> str:
    """Return the page."""
    parts = [part(title, "bayes_scaling", names.split()) for title, names in GROUPS.items()]
    figures = [name for name in dir(bs.plots) if name.startswith("plot_") or name.endswith(("_figure", "figures", "ridgeline"))]
    return TOP + "\n".join([*parts, results(), part("Figures", "bayes_scaling.plots", figures)])


def results() -> str:
    """Return the records that functions return, each with what it has besides its fields."""
    places = [f"~{module.removeprefix('bayes_scaling.')}.{name}" for name, (module, _) in RESULTS.items() if name != "Fit"]
    table = ["| record | from | has |", "| --- | --- | --- |", *(row(name, *of) for name, of in RESULTS.items())]
    return "\n".join(["## Results\n", summary_table("bayes_scaling", places), *table, ""])


def row(name: str, module: str, makers: str) -> str:
    """Return a record as a line of the table: its name, what returns it, its methods and properties."""
    record = getattr(import_module(module), name)
    made = ", ".join(f"`{maker}`" for maker in makers.split(", "))
    has = [f"{{py:obj}}`{one} <{module}.{name}.{one}>`" for one in members(record)]
    return f"| {{py:obj}}`~{module}.{name}` | {made} | {', '.join(has)} |"


def members(record: type) -> list[str]:
    """Return the public methods and properties of a record, the common ones first."""
    first = ("summary", "to_frame", "plot")
    shown = {name: of for name, of in vars(record).items() if not name.startswith("_") and getattr(of, "__doc__", None)}
    own = [name for name, of in shown.items() if callable(of) or isinstance(of, property)]  # names of before have no text
    return [*(name for name in first if name in own), *sorted(set(own) - set(first))]


def part(title: str, module: str, names: list[str]) -> str:
    """Return one group as a table whose names lead to pages of their own."""
    return f"## {title}\n\n{summary_table(module, [name for name in names if hasattr(import_module(module), name)])}"


def summary_table(module: str, names: list[str]) -> str:
    """Return names of a module as a table of autosummary."""
    head = [f".. currentmodule:: {module}", "", ".. autosummary::", "   :toctree: generated/", "   :nosignatures:", ""]
    return "\n".join(["```{eval-rst}", *head, *(f"   {name}" for name in names), "```\n"])
