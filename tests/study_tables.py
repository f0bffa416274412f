"""Simulated tables for bundled studies whose public tables do not ship: columns of each study, values by its law."""

from itertools import product

import numpy as np
import pandas as pd


def learning_rates() -> pd.DataFrame:
    """Seven learning rates and five batches for two sizes at three numbers of tokens; optima stray from the rule by a tenth."""
    rng, found = np.random.default_rng(21), []
    for params, tokens in product([2.2e8, 5.4e8], [5e9, 1.6e10, 5e10]):
        n, d = params / 3.5e8, tokens / 1.6e10
        lr, batch = np.array(list(product(2e-3 * np.geomspace(0.2, 4.0, 7), [32, 96, 192, 352, 736]))).T
        batch_best = 180 * d**0.5 * np.exp(0.1 * rng.normal())
        v = np.log(batch / batch_best)
        u = np.log(lr / (2e-3 * n**-0.6 * d**0.2 * np.exp(0.1 * rng.normal()))) - 0.4 * v
        base = 2.45 - 0.16 * (1 - n**-0.35) / 0.35 - 0.13 * (1 - d**-0.33) / 0.33
        valley = 2 * 0.015 * (np.expm1(0.5 * u) - 0.5 * u) / 0.25 + 2 * 0.01 * (np.expm1(0.4 * v) - 0.4 * v) / 0.16
        loss = (base + valley) * np.exp(0.002 * rng.normal() + 0.002 * rng.normal(size=lr.size))
        cell = {"params": params, "tokens": tokens}
        found.append(pd.DataFrame({"lr": lr, "batch": batch.astype(int), "loss": loss}).assign(**cell))
    return pd.concat(found, ignore_index=True)


def streams() -> pd.DataFrame:
    """Six sizes with 1, 2 and 4 streams on two corpora."""
    rng = np.random.default_rng(22)
    table = pd.DataFrame(product(["stack", "pile"], [5e8, 7e8, 1.1e9, 1.6e9, 2.8e9, 4.4e9], [1, 2, 4]))
    table.columns = pd.Index(["corpus", "params", "streams"])
    code = table["corpus"] == "stack"
    worth = table["params"] / 1.5e9 * (1 + np.where(code, 0.4, 0.33) * np.log(table["streams"]))
    slope = np.where(code, 0.075, 0.065)
    loss = np.where(code, 1.1, 2.0) * (1 - slope * (1 - worth**-0.22) / 0.22)
    return table.assign(loss=loss * np.exp(rng.normal(0, 0.002, len(table))))


def vocabularies() -> pd.DataFrame:
    """Three sizes with four vocabularies, evaluated eight times along training."""
    rng = np.random.default_rng(23)
    table = pd.DataFrame(product([8e7, 3e8, 1.1e9], [4096.0, 10000.0, 24000.0, 64000.0], np.geomspace(1e9, 1e11, 8)))
    table.columns = pd.Index(["params", "vocab", "chars"])
    n, v, d = table["params"] / 3e8, table["vocab"] / 16384, table["chars"] / 1e10
    loss = 0.6 * n**-0.3 + 0.1 * v**-0.4 + 0.8 * n**0.03 * v**0.05 * (d + 0.03) ** -0.44 - 6.0
    run = pd.Series(0.02 * rng.normal(size=12)).loc[table.groupby(["params", "vocab"]).ngroup()].to_numpy()
    return table.assign(loss=loss + run + 0.03 * rng.normal(size=len(table)))


def mixtures() -> pd.DataFrame:
    """Four sizes on sixteen mixtures of five domains, some without the first, and the loss on the first."""
    rng = np.random.default_rng(24)
    shares = rng.dirichlet(0.7 * np.ones(5), 16).round(3)
    shares[::5, 0] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    params, mixture = (of.ravel() for of in np.meshgrid([7e7, 1.6e8, 3e8, 4.1e8], np.arange(16)))
    size = 0.25 * (1 - (params / 2e8) ** -0.35) / 0.35
    own, other = np.log((shares[:, 0] + 0.01) / 0.21), (shares - 0.2) @ [-0.05, 0.05, -0.02, 0.04, 0.0]
    loss = (2.6 - size - 0.13 * own[mixture] + other[mixture]) * np.exp(0.004 * rng.normal(size=64))
    table = pd.DataFrame(shares[mixture], columns=["web", "books", "papers", "code", "rest"])
    return table.assign(params=params, loss=loss)


def accuracies() -> pd.DataFrame:
    """Ten models on four tasks of two and four answers."""
    rng, found = np.random.default_rng(25), []
    loss = np.linspace(3.4, 1.5, 10)
    for task, chance, top, k, middle in (
        ("a", 0.25, 0.93, 3.0, 2.2),
        ("b", 0.25, 0.9, 2.4, 2.5),
        ("c", 0.5, 0.95, 3.6, 2.0),
        ("d", 0.5, 0.88, 2.8, 2.3),
    ):
        accuracy = chance + (top - chance) / (1 + np.exp(k * (loss - middle))) + 0.012 * rng.normal(size=10)
        found.append(pd.DataFrame({"loss": loss, "accuracy": accuracy}).assign(task=task, chance=chance))
    return pd.concat(found, ignore_index=True)
