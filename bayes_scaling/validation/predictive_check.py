"""Posterior predictive check: do the intervals of replicated data hold the runs that a fit has seen?"""

import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.quantiles import QUANTILES
from bayes_scaling.data.best_so_far import without_bounds
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.summary import summaries


@carried
@asked
def predictive_check(fit: Posterior, *, seed: int = 0) -> pd.DataFrame:
    """Return each run's loss beside quantiles of what replications of it show.

    Replications are of the same runs: they keep the group effects, and draw the scatter of single rows and their measurement
    errors anew. For a right model about 50 and 90 % of the runs lie inside.

    Parameters
    ----------
    fit
        A fit.
    seed
        Of the replications.

    Returns
    -------
    DataFrame
        A row a run, in the order of `fit.runs.table`, without rows that repeat the best so far: `observed`, q05, q25, q50,
        q75, q95 in the unit of the response, and whether the 50 and 90 % intervals hold it, `inside_50` and `inside_90`.

    References
    ----------
    Gelman, Meng and Stern 1996, Statistica Sinica 6, 733.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> from bayes_scaling.validation.predictive_check import predictive_check
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=40)
    >>> list(predictive_check(before))
    ['observed', 'q05', 'q25', 'q50', 'q75', 'q95', 'inside_50', 'inside_90']
    """
    table, seed = without_bounds(fit.runs.table), checks.seed(seed, "seed")
    bands, _ = summaries(fit, table, lambda rows: as_rows(replicated(fit, rows, seed)))
    found = pd.DataFrame({"observed": table["response"].to_numpy()} | {name: bands[name] for name in QUANTILES})
    inside = {"inside_50": found["observed"].between(found["q25"], found["q75"])}
    inside |= {"inside_90": found["observed"].between(found["q05"], found["q95"])}
    return found.assign(**inside)
