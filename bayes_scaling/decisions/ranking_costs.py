"""Compute ratios of a ranking as rows of a table: under each cost, with the shares of draws that have none."""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.quantiles import INTERVAL, reached


def cost_rows(points: pd.DataFrame, axis: str, own: xr.DataArray, others: xr.Dataset) -> pd.DataFrame:
    """Return a row for each point, level and cost, the law's own axis first, see `Ranking.costs_to_frame`."""
    rows = []
    for point in range(len(points)):
        said: dict[str, object] = {str(name): of for name, of in points.iloc[point].to_dict().items()}
        for level in own["level"].to_numpy().tolist():
            here = own.isel(row=point).sel(level=level)
            rows.append(said | {"level": level, "cost": axis} | multiple_quantiles(here.to_numpy().ravel()))
            for cost in others["cost"].to_numpy().tolist():
                of = others.sel(cost=cost, level=level).isel(row=point)
                times = multiple_quantiles(of["compute_ratio"].to_numpy().ravel())
                rows.append(said | {"level": level, "cost": cost} | times | {"extrapolated": bool(of["extrapolated"])})
    return pd.DataFrame(rows).fillna({"extrapolated": False}).astype({"extrapolated": bool})


def multiple_quantiles(times: np.ndarray) -> dict[str, object]:
    """Return quantiles of compute ratios among draws that have one, and the shares of those that have none."""
    of = reached(times)
    shares = {name: of[name] for name in ("p_never_reached", "p_always_reached")} | {"p_multiplier_unknown": of["p_unknown"]}
    return draw_quantiles("multiplier", times[np.isfinite(times) & (times > 0)]) | shares


def draw_quantiles(name: str, values: np.ndarray) -> dict[str, object]:
    """Return quantiles that are draws themselves, as between a number and infinity there is nothing to interpolate."""
    ends = {q: float(np.quantile(values, at, method="inverted_cdf")) if len(values) else np.nan for q, at in INTERVAL.items()}
    return {f"{name}_{q}": of for q, of in ends.items()}
