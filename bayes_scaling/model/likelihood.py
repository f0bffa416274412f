"""The likelihood: how rows scatter about what the law, its discrepancy and group effects expect of them."""

from collections.abc import Mapping
from math import lgamma, log, pi
from typing import Any

import numpy as np

from bayes_scaling.data.best_so_far import CENSORED
from bayes_scaling.model.censoring import log_survival
from bayes_scaling.model.lkj import beta_shapes
from bayes_scaling.model.names import (
    CELLS,
    NOISE_LENGTH,
    NOISE_PARTIAL,
    NOISE_WHITE,
    NU_BEYOND_ONE,
    OUTLIER_ODDS,
    OUTLIER_SCALE,
    STRUCTURE,
    spread_name,
)
from bayes_scaling.model.noise import Noise, Outliers, ResidualCorrelation
from bayes_scaling.model.parametrization import integrated
from bayes_scaling.model.priors import Prior, distribution, doubles
from bayes_scaling.model.specification import Model


def with_measurement_error(scale: Any, held: Mapping[str, Any]) -> Any:
    """Return a scale of each row's scatter with its measurement error, where there is one."""
    import pymc.dims as pmd

    return pmd.math.sqrt(scale**2 + held["measurement_error"] ** 2) if "measurement_error" in held else scale


def white_scale(noise: Noise, held: Mapping[str, Any]) -> Any:
    """Return the scale of what rows scatter by each on its own, beside what neighbours share; None where all is one."""
    if noise.correlation is None or noise.correlation.white is None:
        return None
    return with_measurement_error(draw_scalar(NOISE_WHITE, noise.correlation.white) / held["count"] ** 0.5, held)


def draw_scalar(name: str, prior: Prior) -> Any:
    """Return a random variable of the model under construction."""
    import pymc.dims as pmd

    kind, arguments = distribution(prior)
    if kind == "LogStudentT":
        return _draw_log_student_t(name, *(arguments[key] for key in ("nu", "mu", "sigma")))
    return getattr(pmd, kind)(name, **doubles(arguments))


def _draw_log_student_t(name: str, nu: float, mu: float, sigma: float) -> Any:
    """Return a random variable whose logarithm is Student-t, which PyMC has none of."""
    import pymc.dims as pmd

    drawn = pmd.HalfFlat(name)
    logarithm = pmd.math.log(drawn)
    whole = lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu * pi) / 2 - log(sigma)
    density = whole - (nu + 1) / 2 * pmd.math.log1p(((logarithm - mu) / sigma) ** 2 / nu) - logarithm
    pmd.Potential(f"{name}_density", density)
    return drawn


def observe(model: Model, centre: Any, scale: Any, white: Any, rows: Mapping[str, Any], spreads: Mapping[str, Any]) -> None:
    """Register the likelihood of the rows, given those before them where a run's noise is correlated.

    y_i ~ Normal(centre_i, scale_i), or Student-t;  along a run each row is given those before it:

    - correlated alone: centre_i + w_i (y_(i-1) - centre_(i-1)), of scale_i sqrt(1 - exp(-2 gap_i / length));
    - with white noise: mean and variance of the one-step prediction of a Kalman filter.

    Parameters
    ----------
    centre
        What law, discrepancy and group effects expect of each row, on the scale of the noise.
    scale
        Of each row's scatter, with its measurement error; of the process alone where white noise stands beside it.
    white
        What `white_scale` returns.
    rows
        Arrays of the compiled model: responses, gaps, rows before.
    spreads
        The learnt scale of each group term, by the name of its draws.
    """
    import pymc.dims as pmd

    if model.noise.outliers is not None:
        _observe_with_outliers(model, model.noise.outliers, centre, scale, white, rows)
        return
    noise, weights = model.noise, None
    if noise.residual_correlation is not None:
        _observe_between_outputs(noise.residual_correlation, centre, scale, rows)
        return
    if noise.correlation is not None:
        length = draw_scalar(NOISE_LENGTH, noise.correlation.length)
        kept = rows["gap"] / length
    if white is not None:
        own = (white / scale) ** 2 + pmd.math.expm1(-rows["mean_lag"] / length)
        before, variance = _one_step_predictions(own, (rows["response"] - centre) / scale, pmd.math.exp(-kept))
        centre, scale = centre + scale * before, scale * pmd.math.sqrt(variance)
    elif noise.correlation is not None:
        weights = pmd.math.exp(-kept) * (scale / scale.isel(row=rows["previous"]) if "row" in scale.dims else 1.0)
        centre = centre + weights * (rows["response"] - centre).isel(row=rows["previous"])
        scale = scale * pmd.math.sqrt(-pmd.math.expm1(-2.0 * kept))
    if CENSORED in rows:
        _observe_censored(noise, centre, scale, rows)
    elif STRUCTURE in rows:
        _observe_integrated(model, rows["response"] - centre, scale, weights, rows[STRUCTURE], spreads)
    elif noise.distribution == "normal":
        pmd.Normal("observed", mu=centre, sigma=scale, observed=rows["response"])
    else:
        beyond_one = draw_scalar(NU_BEYOND_ONE, noise.nu)
        pmd.StudentT("observed", nu=1.0 + beyond_one, mu=centre, sigma=scale, observed=rows["response"])


def _observe_between_outputs(between: ResidualCorrelation, centre: Any, scale: Any, rows: Mapping[str, Any]) -> None:
    """Register the likelihood of rows that are correlated between the outputs of a run."""
    import pymc as pm
    import pymc.dims as pmd
    import pytensor.tensor as pt

    from bayes_scaling.model import residual_correlation as kernel

    outputs = pm.modelcontext(None).dim_lengths[between.over]
    outputs = int(outputs.eval() if hasattr(outputs, "eval") else outputs)
    b, like = beta_shapes(outputs, between.eta), 0.0 * rows["response"]
    y = pm.Flat(NOISE_PARTIAL, shape=(len(b),))
    # log(1 - tanh(y)^2), of which a plain one loses all digits for large y
    slope = 2.0 * (np.log(2.0) - pt.abs(y) - pt.log1p(pt.exp(-2.0 * pt.abs(y))))
    constant = [lgamma(2.0 * of) - 2.0 * lgamma(of) - (2.0 * of - 1.0) * log(2.0) for of in b.tolist()]
    pm.Potential(f"{NOISE_PARTIAL}_density", (slope * b).sum() + sum(constant))
    r = kernel.symbolic_correlation(pt.tanh(y), outputs)
    z, total = (rows["response"] - centre) / scale, scale + like
    error = rows.get("measurement_error", like)
    share = pmd.math.sqrt(1.0 - (error / total) ** 2)
    order, first = (rows[name].values for name in CELLS)
    density = kernel.log_density(z.values, (share + like).values, r, rows[f"index_{between.over}"].values, order, first)
    pm.Potential("observed", density - pt.log(total.values).sum())


def _observe_censored(noise: Noise, centre: Any, scale: Any, rows: Mapping[str, Any]) -> None:
    """Register the likelihood of independent rows some of which are bounds, see `censoring`."""
    import pymc as pm
    import pytensor.tensor as pt

    like = 0.0 * rows["response"]
    z, log_scale = ((rows["response"] - centre) / scale).values, pt.log((scale + like).values)
    nu = None if noise.distribution == "normal" else (1.0 + draw_scalar(NU_BEYOND_ONE, noise.nu)).values
    side = rows[CENSORED].values
    plain = pm.logp(pm.Normal.dist() if nu is None else pm.StudentT.dist(nu=nu), z) - log_scale
    bounded = log_survival(pt.switch(pt.lt(side, 0.0), -z, z), nu)
    pm.Potential("observed", pt.switch(pt.eq(side, 0.0), plain, bounded).sum())


def _observe_with_outliers(
    model: Model, outliers: Outliers, centre: Any, scale: Any, white: Any, rows: Mapping[str, Any]
) -> None:
    """Register the likelihood of rows some of which are outliers, given those before them where a run's noise is correlated."""
    import pymc as pm
    import pymc.dims as pmd
    import pytensor.tensor as pt

    from bayes_scaling.model.gaussian_sum import log_densities, mixture

    odds, times = draw_scalar(OUTLIER_ODDS, outliers.share), draw_scalar(OUTLIER_SCALE, outliers.scale)
    none, added = mixture(odds, times, 1.0 if white is None else rows["count"], pmd.math)
    z, like = (rows["response"] - centre) / scale, 0.0 * rows["response"]
    if model.noise.correlation is None:
        kept, own, more = like, like, added  # rows without a past: a process that none shares
    else:
        length = draw_scalar(NOISE_LENGTH, model.noise.correlation.length)
        kept, squared = pmd.math.exp(-rows["gap"] / length), (white / scale) ** 2
        own, more = squared + pmd.math.expm1(-rows["mean_lag"] / length), added * squared
    density = log_densities(*((of + like).values for of in (z, kept, own, more, none)))
    pm.Potential("observed", density - pt.log((scale + like).values))


def _observe_integrated(model: Model, left: Any, scale: Any, weights: Any, structure: Any, spreads: Mapping[str, Any]) -> None:
    """Register the likelihood of rows whose normal effects are integrated out.

    Parameters
    ----------
    weights
        Of the residual of the row before, in a row's innovation; None where rows are independent.
    """
    import pymc as pm
    import pytensor.tensor as pt

    from bayes_scaling.model import marginalized as kernel

    def as_tensor(variable: Any) -> Any:
        return variable.values

    sds = pt.stack([as_tensor(spreads[spread_name(owner, term)]) for owner, term in integrated(model)])
    left, variance = as_tensor(left), as_tensor(scale) ** 2 + pt.zeros_like(as_tensor(left))
    before = None if weights is None else -as_tensor(weights)
    pm.Potential("observed", kernel.integrated(left, variance, sds, structure, before=before))


def _one_step_predictions(own: Any, left: Any, kept: Any) -> tuple[Any, Any]:
    """Return what each row is expected to show given those before it, and its variance, in units of the process.

    Rows are in the order of their runs.

    Parameters
    ----------
    own
        The variance of what is each row's own; less than the white part's where averaging has taken some of the process too.
    """
    from pytensor.xtensor import as_xtensor

    from bayes_scaling.model.kalman import filtered

    expected, variance = filtered(*(of.values for of in (left, kept, own)))
    return as_xtensor(expected, dims=("row",)), as_xtensor(variance, dims=("row",))
