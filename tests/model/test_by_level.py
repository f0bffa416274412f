"""Priors by level: each level of a group has one of its own, and nothing is pooled."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.densities import log_prior
from bayes_scaling.inference.parameters import parameter_table
from bayes_scaling.model.loss_units import rescaled
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.predict import parameters_at
from bayes_scaling.report.prior_posterior import prior_posterior
from bayes_scaling.report.tables import parameters

OWN = {"web": bs.Prior(median=1.8, factor=1.2), "code": bs.Prior(between=(0.5, 1.5))}
FLOOR = bs.Prior(median=1.4, factor=2.0) + bs.ByLevel("corpus", OWN)


def runs(levels: tuple[str, ...] = ("web", "code")) -> Runs:
    random = np.random.default_rng(0)
    floors = {"web": 1.9, "code": 0.7, "books": 1.5}
    rows = [
        {"params": p, "corpus": one, "loss": (floors[one] + 0.4 * (p / 1e9) ** -0.3) * np.exp(0.01 * random.standard_normal())}
        for one in levels
        for p in np.geomspace(1e8, 1e10, 8)
    ]
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e9)}, bs.Response(unit="nats/token"), groups={"corpus": "corpus"}
    )
    return bs.read_runs(pd.DataFrame(rows), columns)


def model(floor: Any = FLOOR) -> bs.Model:
    priors = {"E": floor, "A": bs.Prior(median=0.4, factor=2.0), "alpha": bs.Prior(median=0.3, factor=1.5)}
    noise = bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal")
    return bs.Model(bs.parse_law("E + A * params**-alpha", ["params"]), priors, noise)


def test_what_no_level_of_the_runs_has_is_no_population() -> None:
    before = bs.prior(model(), runs(), draws=50)
    table = parameter_table(before)
    assert table.loc[table["name"] == "E", "dims"].tolist() == ["corpus without runs", "corpus=code", "corpus=web"]
    assert table.loc[table["name"] == "A", "dims"].tolist() == [""]
    found = parameters(before)
    assert "E" not in [row.name for row in found.population]
    compared = {one.name: one for one in prior_posterior(before)}
    assert {"E, corpus web", "E, corpus code", "A"} <= set(compared)
    assert "E" not in compared
    assert compared["E, corpus web"].prior[1] == pytest.approx(1.8)
    assert compared["E, corpus web"].posterior[1] == pytest.approx(1.8, rel=0.05)
    assert before.model.prior_summary().startswith("E of levels of corpus without runs lies between 0.70 and 2.8 ")
    assert [row.level for row in found.levels if row.name == "E"] == ["corpus without runs", "corpus=code", "corpus=web"]


def test_levels_have_their_priors_and_others_that_of_the_population() -> None:
    before = bs.prior(model(), runs(), draws=20_000)
    found = parameters_at(before, {"params": [1e9] * 3, "corpus": ["web", "code", "books"]})["E"].to_numpy()[0]
    for draws, prior in zip(found.T, (*OWN.values(), FLOOR.prior), strict=True):
        low, high = (np.log(at) for at in (prior.between or (prior.median / prior.factor, prior.median * prior.factor)))
        own = stats.norm((low + high) / 2, (high - low) / (2 * 1.6448536))
        assert stats.kstest(np.log(draws), own.cdf).pvalue > 1e-3
    assert (np.abs(np.corrcoef(found.T) - np.eye(3)) < 0.05).all()
    (note,) = bs.predict(before, {"params": [1e9], "corpus": ["books"]}).attrs["notes"]
    assert note.endswith("is a level that the runs do not have: drawn from the prior of levels without runs")
    np.testing.assert_allclose(found[:, 2], before.posterior["E"].to_numpy()[0])
    assert "E_sd_corpus" not in before.posterior
    density = log_prior(before)["E_by_corpus"].to_numpy()[0]
    z = np.log(found[:, :2]) - [np.log(1.8), np.log(0.75) / 2]
    sds = np.array([np.log(1.2), np.log(3) / 2]) / 1.6448536
    np.testing.assert_allclose(density, stats.norm.logpdf(z, scale=sds).sum(axis=1), atol=1e-6)


def test_words_and_units_follow() -> None:
    assert "of their own web log-normal, 90 % in 1.5 to 2.2, code log-normal" in model().summary()
    assert "E of corpus web lies between 1.5 and 2.2 with probability 90 %" in model().prior_summary()
    moved = rescaled(model(), 2.0, 1.0, "half nats").parameters["E"]
    assert isinstance(moved, type(FLOOR))
    (own,) = moved.terms
    assert isinstance(own, bs.ByLevel)
    assert own.priors["web"] == bs.Prior(median=3.6, factor=1.2)
    assert own.priors["code"].between == pytest.approx((1.0, 3.0))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: bs.ByLevel("corpus", {"web": OWN["web"]}), "ByLevel needs priors of two or more levels of 'corpus'"),
        (
            lambda: bs.ByLevel("corpus", OWN | {"x": bs.Prior(distribution="Exponential", arguments={"lam": 1.0})}),
            "normal or log-normal; that of 'x' is neither",
        ),
        (lambda: bs.Prior(between=(-1.0, 1.0)) + bs.ByLevel("corpus", OWN), "the prior of 'web' has the link log, that of"),
        (lambda: FLOOR + bs.Varying("corpus", 0.1), "would come on top of each level's prior: expected one of the two"),
        (
            lambda: bs.prior(model(), runs(("web", "books")), draws=5),
            "column corpus, E: corpus 'books' has no prior of its own",
        ),
    ],
)
def test_what_is_no_prior_of_a_level_is_refused(make: Any, said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        make()


def test_a_file_keeps_the_priors() -> None:
    read = parse_study(study_text(Study("own", model(), runs().columns)), "mine.toml").model
    assert read.parameters["E"] == FLOOR


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, True])
def test_a_fit_is_that_of_each_level_alone_where_nothing_is_shared(apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if apart:  # as where levels are many
        monkeypatch.setattr("bayes_scaling.inference.reparametrization.LARGEST_JOINT", 0)
    found = bs.fit(model(), runs(), bs.Settings(draws=500, tune=500, seed=1, progress=False))
    assert found.health is not None
    assert found.health.ok, found.health
    shown = bs.summarize(bs.predict(found, {"params": [1e9] * 3, "corpus": ["web", "code", "books"]}))
    assert shown["q50"][:2].to_numpy() == pytest.approx([2.3, 1.1], abs=0.02)
    assert shown["sd"][2] > 10 * shown["sd"][0]


def test_a_file_keeps_the_priors_of_the_scale() -> None:
    own = {"web": bs.Prior(median=0.01, factor=2.0), "code": bs.Prior(median=0.1, factor=2.0)}
    noise = bs.Noise(bs.Prior(median=0.03, factor=2.0) + bs.ByLevel("corpus", own), "normal")
    said = bs.Model(model().law, model().parameters, noise)
    assert parse_study(study_text(Study("mine", said, runs().columns)), "mine.toml").model.noise == noise
