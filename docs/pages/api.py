"""The API: the names of the front door by what they are for, then figures."""

from importlib import import_module

import bayes_scaling as bs

GROUPS = {
    "Read": "read_runs Columns Input Response",
    "Model": "Model Prior Varying Trend Noise Correlation Discrepancy parse_law read_study",
    "Fit": "fit refit prior Settings Fit save load fit_many",
    "Predict": "predict predict_runs summarize contrast compute_ratio crossover forecast",
    "Decide": "plan Cost compute_needed rank next_runs multiverse",
    "Validate": "findings compare backtest calibrate",
    "Report": "write_report InputError",
}
"""The names of the front door."""

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
    return TOP + "\n".join([*parts, part("Figures", "bayes_scaling.plots", figures)])


def part(title: str, module: str, names: list[str]) -> str:
    """Return one group as a table whose names lead to pages of their own."""
    head = [f".. currentmodule:: {module}", "", ".. autosummary::", "   :toctree: generated/", "   :nosignatures:", ""]
    rows = [f"   {name}" for name in names if hasattr(import_module(module), name)]
    return "\n".join([f"## {title}\n", "```{eval-rst}", *head, *rows, "```\n"])
