"""How runs scatter about the law."""

from dataclasses import dataclass
from typing import Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.model.noise_scale import SCALES, Scale
from bayes_scaling.model.parameters import Parameter, Smooth, Varying, as_parameter
from bayes_scaling.model.priors import Prior, link


@dataclass(frozen=True)
class Correlation:
    """Autocorrelation of the scatter along a run: an Ornstein-Uhlenbeck process in the logarithm of an input.

    corr(e_i, e_j) = exp(-|log x_i - log x_j| / length)

    With white noise rows show e_i + w_i, w_i ~ Normal(0, white / sqrt(count_i)). The scatter of single rows of a log averages
    out where a row is the mean of count_i of them. So does some of the process: the variance of e_i is then less by
    sd^2 (1 - exp(-lag_i / length)), to first order; lag_i is the mean lag, the mean distance of two of its rows. Without it
    the process would seem slower than it is, by half where neighbours are averages that touch.

    The likelihood is exact whichever rows are kept, at a cost linear in their number. Each row is observed given the one
    before it, or with white noise given the one-step prediction of a Kalman filter.

    Parameters
    ----------
    along
        The input x.
    length
        Prior of the correlation length, in e-folds of x.
    white
        Prior of the standard deviation of a single row's own scatter, on the scale of the noise; None for rows without.
        Measurement errors, where they are known, are added to it in quadrature.

    Raises
    ------
    InputError
        Where a prior is not of a positive quantity.

    References
    ----------
    .. [1] Uhlenbeck and Ornstein (1930). On the theory of the Brownian motion. Physical Review 36.
    .. [2] Kalman (1960). A new approach to linear filtering and prediction problems. Journal of Basic Engineering 82.

    Examples
    --------
    Rows of a log that are alike over a factor of about 1.5 in tokens, with a white part of about 1 %:

    >>> along = Correlation("tokens", length=Prior(median=0.4, factor=3), white=Prior(median=0.01, factor=3))
    >>> Noise(sd=Prior(median=0.01, factor=3), distribution="normal", correlation=along).correlation.along
    'tokens'
    """

    along: str
    length: Prior
    white: Prior | None = None

    def __post_init__(self) -> None:
        checks.check(
            self, "of Correlation", along=checks.name, length=checks.record(Prior), white=checks.optional(checks.record(Prior))
        )
        for what, prior in {"correlation length": self.length, "white scatter": self.white}.items():
            if prior is not None and link(prior) != "log":
                raise InputError(f"the prior of the noise's {what} must be of a positive quantity")


@dataclass(frozen=True)
class Outliers:
    """Rows that stray: spikes of a log, which say little of the run's level.

    w_row ~ Normal(0, s)                      with probability 1 / (1 + share)
    w_row ~ Normal(0, s sqrt(1 + scale^2))    with probability share / (1 + share)

    s is the scale of what is a row's own: of the white part, where noise is correlated along runs, else of the noise; with
    the measurement error of the row. A row that is the mean of n rows of a log has the scatter of n such rows.

    With correlated noise each row is observed given those before it by a Gaussian-sum filter, see `gaussian_sum`; a spike then
    hardly moves the run's level. Cost is linear in rows.

    Parameters
    ----------
    share
        Prior of the share of outliers among rows, as odds: outliers to each other row, which keeps it below one. 0.01 is one
        row in 101.
    scale
        Prior of the standard deviation of what an outlier adds, in units of s. 10 is ten times what other rows scatter by.

    Raises
    ------
    InputError
        Where a prior is not of a positive quantity.

    References
    ----------
    .. [1] Harrison and Stevens (1976). Bayesian forecasting. Journal of the Royal Statistical Society B 38(3).
    .. [2] West (1984). Outlier models and prior distributions in Bayesian linear regression. Journal of the Royal Statistical
       Society B 46(3).

    Examples
    --------
    Logs with a spike in one row of a hundred, give or take a factor of five:

    >>> spikes = Outliers(share=Prior(median=0.01, factor=5), scale=Prior(median=10, factor=3))
    >>> Noise(sd=Prior(median=0.01, factor=3), distribution="normal", outliers=spikes).outliers.share.median
    0.01
    """

    share: Prior
    scale: Prior

    def __post_init__(self) -> None:
        checks.check(self, "of Outliers", share=checks.record(Prior), scale=checks.record(Prior))
        for what, prior in {"share": self.share, "scale": self.scale}.items():
            if link(prior) != "log":
                raise InputError(f"the prior of the {what} of outliers must be of a positive quantity")


@dataclass(frozen=True)
class ResidualCorrelation:
    """Correlation of the residuals of one run between its outputs.

    corr(e_i, e_j) = R[output_i, output_j],   R ~ LKJ(eta)

    for rows i and j of one run, beside what group effects share; measurement errors are independent. Runs in which outputs are
    missing have the rows and columns of R that they show, which is exact.

    Parameters
    ----------
    over
        The group of the outputs.
    eta
        1 for a uniform prior over correlation matrices, more for smaller correlations: that of two outputs of K lies within
        +- 1.96 / sqrt(2 eta + K - 1), or so, with probability 95 %.

    Raises
    ------
    InputError
        Where eta is not positive.

    References
    ----------
    .. [1] Lewandowski, Kurowicka and Joe (2009). Generating random correlation matrices based on vines and extended onion
       method. Journal of Multivariate Analysis 100(9).

    Examples
    --------
    >>> between = ResidualCorrelation("output")
    >>> Noise(sd=Prior(median=0.01, factor=3), distribution="normal", residual_correlation=between).residual_correlation.eta
    2.0
    """

    over: str = "output"
    eta: float = 2.0

    def __post_init__(self) -> None:
        checks.check(self, "of ResidualCorrelation", over=checks.name, eta=checks.positive)


@dataclass(frozen=True)
class Noise:
    """The observation model: scatter of every row, and group effects that the rows of a level share.

    y_row = mu_row + sum of effects + e_row,   e_row ~ Normal or StudentT(nu) of scale sqrt(sd^2 + error_row^2)

    error_row is the measurement error of the row, where the table has a column of them.

    With on="log_loss" y and mu are logarithms of the observed and the expected loss, and sd is a relative error (0.01 is
    1 %); with on="loss" they are the losses themselves; with on="log_odds", of accuracies and error rates, the log odds
    log(L / (1 - L)), so that what is predicted stays between 0 and 1.

    Parameters
    ----------
    sd
        Prior of the scale of the scatter; with terms where it differs between groups or drifts with an input.
    distribution
        "normal", or "student_t" where single runs may be outliers.
    on
        "log_loss" where scatter is relative, "loss" where it is in the unit of the loss, "log_odds" where it is in the log
        odds of a share: 0.1 is 2.5 points at 50 %, .9 points at 90 %.
    nu
        Prior of the Student-t degrees of freedom beyond 1, so that a heavy tail still has a mean.
    effects
        Group effects (random effects): shared by all rows of a level, on the scale of y; a new run draws its own. With `Smooth`
        they are alike for neighbouring levels of an ordered group; new runs draw another function.
    correlation
        How neighbouring rows of a run resemble each other; None where rows are independent. sd is then the scale of what they
        share. With "student_t" it is the step from one row to the next that may be an outlier.
    outliers
        Rows whose own scatter is far wider, under normal noise; None where there are none.
    residual_correlation
        How the outputs of one run resemble each other, under normal noise; None where they are independent but for group
        effects.

    Raises
    ------
    InputError
        Where a prior is not of a positive quantity, a white part, outliers or correlated outputs go with Student-t noise, or
        outliers with noise that is correlated and has no white part, or correlated outputs with either.

    References
    ----------
    .. [1] Lange, Little and Taylor (1989). Robust statistical modeling using the t distribution. JASA 84(408).
    .. [2] Juarez and Steel (2010). Model-based clustering of non-Gaussian panel data based on skew-t distributions. Journal of
       Business & Economic Statistics 28(1): the prior of nu.

    Examples
    --------
    Runs that scatter by about 1 %, and of which those of a corpus share an effect of about 2 %:

    >>> noise = Noise(sd=Prior(median=0.01, factor=3), effects=(Varying("corpus", sd=0.02),))
    >>> noise.distribution, noise.on
    ('student_t', 'log_loss')
    >>> noise.effects
    (Varying(over='corpus', sd=0.02),)
    """

    sd: Prior | Parameter
    distribution: Literal["normal", "student_t"] = "student_t"
    on: Scale = "log_loss"
    nu: Prior = Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 0.1})
    effects: tuple[Varying | Smooth, ...] = ()
    correlation: Correlation | None = None
    outliers: Outliers | None = None
    residual_correlation: ResidualCorrelation | None = None

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of Noise",
            sd=checks.record(Prior, Parameter),
            nu=checks.record(Prior),
            effects=checks.several(checks.record(Varying, Smooth)),
            distribution=checks.one_of(["normal", "student_t"]),
            on=checks.one_of(SCALES),
            correlation=checks.optional(checks.record(Correlation)),
            outliers=checks.optional(checks.record(Outliers)),
            residual_correlation=checks.optional(checks.record(ResidualCorrelation)),
        )
        for what, prior in {"sd": as_parameter(self.sd).prior, "nu": self.nu}.items():
            if link(prior) != "log":
                raise InputError(f"the prior of the noise's {what} must be of a positive quantity")
        if self.distribution != "normal" and self.correlation is not None and self.correlation.white is not None:
            raise InputError('correlated noise with a white part needs distribution = "normal"')
        if self.outliers is not None and self.distribution != "normal":
            raise InputError(
                'outliers need distribution = "normal"; student_t has heavy tails of its own: leave outliers or student_t out'
            )
        if self.outliers is not None and self.correlation is not None and self.correlation.white is None:
            raise InputError(
                "outliers of correlated noise are of its white part, of which there is none; give the correlation a prior white"
            )
        if self.residual_correlation is not None:
            if self.distribution != "normal":
                raise InputError('outputs whose residuals are correlated need distribution = "normal"')
            if self.correlation is not None or self.outliers is not None:
                other = "correlation along runs" if self.correlation is not None else "outliers"
                raise InputError(f"residual_correlation is of rows that are one output each; expected no {other} beside it")


def heavy_tailed(noise: Noise) -> bool:
    """Return whether single rows may stray far: Student-t noise, or outliers."""
    return noise.distribution == "student_t" or noise.outliers is not None
