"""Several laws on the same runs: how well each predicts a run left out (LOO), and runs beyond those it was trained on.

A law of a wrong shape can do well among the runs and badly beyond them, which is where laws are used: so laws are compared, and
weights for a stack are found, by both.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import number, probability, several
from bayes_scaling._base.views import in_a_line, lines, show, view
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.comparable import require_same_scale
from bayes_scaling.inference.fit import fit, refit
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.log_likelihood import density_of_runs, log_density
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking_weights import stacking_weights
from bayes_scaling.model.joining import joined
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.validation.scores import score_points, score_table
from bayes_scaling.validation.splits import Fold, careful, folds


@dataclass(frozen=True)
class Comparison:
    """How well several laws predict.

    Parameters
    ----------
    table
        One row a law, best beyond the runs first. elpd_loo, the sum of the log predictive density of each run when it is left
        out, its standard error and effective number of parameters p_loo; elpd_diff and se_diff against the largest; bad_k, the
        number of runs whose Pareto k is too high for elpd_loo to be trusted there; the scores of held-out rows over all folds,
        as in `score_table`; and the stacking weights by either, weight_loo and weight_held.
    inside
        A column for each law: log predictive density of each run when it is left out.
    points
        Every held-out row of every fold under each law, see `score_points`, with columns law and fold.
    fits
        Law -> its fit to all runs.
    problems
        What the sampler says against fits that are not to be trusted; empty where all may be.
    healths
        Of each law's fit to all runs, and to the training part of each fold.
    """

    table: pd.DataFrame
    inside: pd.DataFrame
    points: pd.DataFrame
    fits: Mapping[str, Fit]
    folds: tuple[Fold, ...]
    problems: tuple[str, ...]
    healths: Mapping[str, Health] = field(default_factory=dict)

    @property
    def health(self) -> Health | None:
        """The health of all its fits together, see `health.combined`."""
        return combined(self.healths)

    @property
    def weights(self) -> dict[str, float]:
        """Law -> weight by how well it predicted runs beyond those it was trained on.

        The rows of a fold err together: they are left out of one fit. A prior worth one fold spreads the weights, see
        `stacking_weights`: of K laws after F folds one that always loses keeps 1 / (K (F + 1)).
        """
        return self._column("weight_held")

    @property
    def weights_loo(self) -> dict[str, float]:
        """Law -> weight by how well it predicts a run left out of all others, with a prior worth one run."""
        return self._column("weight_loo")

    def _column(self, name: str) -> dict[str, float]:
        return {str(law): float(weight) for law, weight in zip(self.table["law"], self.table[name], strict=True)}

    @carried
    def to_frame(self) -> pd.DataFrame:
        """Return `table`: one row a law, best beyond the runs first."""
        return self.table

    def summary(self) -> str:
        """Return which law predicts best, beyond the runs and among them, a sentence a line."""
        weights = {"beyond the runs they were trained on": self.weights, "of runs left out": self.weights_loo}
        return lines(
            [
                f"Beyond the runs {_best(self.table, 'log_score')}: mean log score {number(self.table['log_score'].max())}.",
                f"Among them {_best(self.table, 'elpd_loo')}: elpd_loo {number(self.table['elpd_loo'].max())}.",
                *(
                    f"Weights by predictions {of}: {', '.join(f'{law} {probability(weight)}' for law, weight in each.items())}."
                    for of, each in weights.items()
                ),
            ],
            self,
        )

    def plot(self) -> Any:
        """Return the figure: laws by how they predict, beyond the runs and left out."""
        return view("bayes_scaling.plots.comparison:comparison_figure")(self)

    def __repr__(self) -> str:
        return in_a_line(self, "Comparison of laws", ", ".join(self.table["law"]), several(len(self.folds), "fold"))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Comparison of laws")


def _best(table: pd.DataFrame, score: str) -> str:
    """Return which law predicts best by a score, or which do equally well as far as it is shown."""
    written = table[score].map(number)
    best = [str(law) for law in table.loc[written == number(table[score].max()), "law"]]
    if len(best) == 1:
        return f"{best[0]} predicts best"
    return f"{', '.join(best[:-1])} and {best[-1]} predict equally well"


@asked
def compare(models: Mapping[str, Model], runs: Runs, train: Sequence[str] = (), settings: Settings | None = None) -> Comparison:
    """Return how well laws predict the same runs: each left out in turn, and the largest from the others.

    elpd_loo = sum_i log p(y_i | y_-i),        log score = mean_j log p(y_j | training runs), j held out

    Every law is fitted to all runs and to the training part of every fold; held-out rows are predicted as new runs. The first
    says how well a law fills gaps between the runs, the second how well it extrapolates. Log densities are of the scale of the
    noise, in nats.

    Parameters
    ----------
    models
        Name -> model, two or more.
    runs
        What all are fitted to.
    train
        What each fold is trained on: filters such as "params < 1e9", or what else `folds` takes. Folds of its own choice unless
        given.
    settings
        How to sample; unless they say a target_accept, training parts are sampled at `CAREFUL`.

    Returns
    -------
    Comparison
        `.to_frame()` has a row a law, `.weights` are those of a stack, `.plot()` draws the differences.

    Raises
    ------
    InputError
        For fewer than two laws, a law that does not fit the runs or a training part, correlated noise, noise on different
        scales, and as `folds` does.

    References
    ----------
    .. [1] Vehtari, Gelman and Gabry (2017). Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC.
       Statistics and Computing 27, 1413-1432.
    .. [2] Yao, Vehtari, Simpson and Gelman (2018). Using stacking to average Bayesian predictive distributions. Bayesian
       Analysis 13, 917-1007.

    Examples
    --------
    >>> found = bs.compare({"chinchilla": model, "mine": other}, runs)  # doctest: +SKIP
    >>> print(found.summary())  # doctest: +SKIP
    """
    parts = folds(runs, train)
    _check(models, runs, parts)
    settings = settings or Settings()
    fits = {name: fit(model, runs, settings) for name, model in models.items()}
    scores, healths = [], {name: one.health for name, one in fits.items()}
    for name, whole in fits.items():
        for part in parts:
            trained = refit(whole, part.train, careful(settings))
            scores.append(score_points(trained, part.held).assign(law=name, fold=part.where))
            healths[f"{name} where {part.where}"] = trained.health
    points = pd.concat(scores, ignore_index=True)
    together = any(_by_run(one) for one in fits.values())
    left_out = {name: _left_out(one, together=together) for name, one in fits.items()}
    inside = pd.DataFrame({name: of.elpd_i.to_numpy() for name, of in left_out.items()})
    table = _table(left_out, inside, points, len(parts))
    known = {name: one for name, one in healths.items() if one is not None}
    problems = tuple(f"{name}: {problem}" for name, one in known.items() if not one.ok for problem in one.problems)
    found = Comparison(table, inside, points, fits, parts, problems, known)
    return replace(found, table=mark(table, found), inside=mark(inside, found), points=mark(points, found))


@asked
def loo(fit: Fit) -> Any:
    """Return the expected log predictive density of each run when it is left out, by Pareto-smoothed importance sampling.

    elpd = sum_i log p(y_i | y_-i)        (Vehtari et al. 2017, eq. 4)

    A run of several outputs, or whose residuals are correlated, is left out with all of its rows.

    Parameters
    ----------
    fit
        A fit whose rows are independent given the law.

    Returns
    -------
    ELPDData
        Of `arviz_stats`, with pointwise values, of the log loss where the noise is on it. Rows whose `pareto_k` is above
        `good_k` are not to be trusted; `bad_k` counts them.

    Raises
    ------
    InputError
        Where rows of a run are correlated: one of them cannot be left out alone.

    References
    ----------
    .. [1] Vehtari, Gelman and Gabry (2017). Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC.
       Statistics and Computing 27, 1413-1432.

    Examples
    --------
    >>> left_out = loo(fit)  # doctest: +SKIP
    >>> float(left_out.elpd), bad_k(left_out)  # doctest: +SKIP
    """
    return _left_out(fit, together=_by_run(fit))


def _by_run(fit: Fit) -> bool:
    """Return whether the rows of a run are left out together: those of several outputs, or whose residuals are correlated."""
    return bool(fit.runs.columns.outputs) or fit.model.noise.residual_correlation is not None


def _left_out(fit: Fit, *, together: bool) -> Any:
    import arviz_stats

    _check_independent(fit.model)
    density = xr.Dataset({"response": density_of_runs(fit) if together else log_density(fit, fit.runs.table, new=False)})
    tree = xr.DataTree.from_dict({"posterior": fit.posterior, "log_likelihood": density})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimated shape parameter of Pareto", UserWarning)  # counted by `bad_k` instead
        return arviz_stats.loo(tree, pointwise=True)


def bad_k(left_out: Any) -> int:
    """Return for how many runs the importance weights of `loo` have too heavy a tail."""
    return int((left_out.pareto_k > left_out.good_k).sum())


def _check(models: Mapping[str, Model], runs: Runs, parts: Sequence[Fold]) -> None:
    if len(models) < 2:
        raise InputError(f"a comparison is of two laws or more; given {format_names(models)}")
    require_same_scale(models)
    for model in models.values():
        _check_independent(model)
        for part in (runs, *(part.train for part in parts)):
            check_runs(*joined(model, part))


def _check_independent(model: Model) -> None:
    if model.noise.correlation is not None:
        raise InputError(
            f"{model.law.__name__} has noise correlated along {model.noise.correlation.along!r}; "
            "leaving one row out needs rows that are independent given the law"
        )


def _table(left_out: Mapping[str, Any], inside: pd.DataFrame, points: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the table of a comparison, a row a law, the best beyond the runs first."""
    best = inside.sum().idxmax()
    behind = inside.sub(inside[best], axis=0)
    beyond = {str(name): rows["log_score"].to_numpy() for name, rows in points.groupby("law", sort=False)}
    weights_loo = stacking_weights({name: inside[name].to_numpy() for name in left_out})
    weights_held = stacking_weights(beyond, evenly=len(points) / len(beyond) / count)
    rows = [
        {"law": name, "elpd_loo": float(of.elpd), "se_loo": float(of.se)}
        | {"elpd_diff": float(behind[name].sum()), "se_diff": float(np.sqrt(len(behind)) * behind[name].std(ddof=0))}
        | {"p_loo": float(of.p), "bad_k": bad_k(of)}
        | {str(key): value for key, value in score_table(points[points["law"] == name]).iloc[0].items()}
        | {"weight_loo": weights_loo[name], "weight_held": weights_held[name]}
        for name, of in left_out.items()
    ]
    table = pd.DataFrame(rows).rename(columns={"runs": "held"}).astype({"held": int})
    return table.sort_values("log_score", ascending=False, ignore_index=True)
