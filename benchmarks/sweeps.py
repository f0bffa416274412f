"""The public sweeps that bands are judged on: one table each of params, tokens and final loss, and which runs are held out.

Tables are read from the folder that BAYES_SCALING_DATA names, or from shared/data/runs beside the checkout.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(os.environ.get("BAYES_SCALING_DATA", Path(__file__).parents[2] / "shared" / "data" / "runs"))


@dataclass(frozen=True)
class Sweep:
    """A table of final losses.

    name: data set and what is picked from it.
    family: the data set; sweeps of one family share teams, code and often runs, and are held out together.
    table: columns params, tokens, loss.
    law: "chinchilla" over params and tokens, or "power_law_floor" over compute (params x tokens x 6) for a ladder.
    unit: of the loss, as the package reads it.
    curves: whether rows of one size are points of the same training run, and depart together.
    """

    name: str
    family: str
    table: pd.DataFrame
    law: str = "chinchilla"
    unit: str = "nats/token"
    curves: bool = False

    @property
    def scale(self) -> np.ndarray:
        """Training compute 6 N D of each run."""
        return 6.0 * (self.table["params"] * self.table["tokens"]).to_numpy()

    @property
    def cut(self) -> float:
        """Compute below which runs are trained on: two thirds up the range of its logarithm, two runs at the least held out."""
        return self.below(2 / 3)

    def below(self, share: float) -> float:
        """Return the compute at a share of the range of its logarithm; two runs at the least are at or above it."""
        logs = np.log(self.scale)
        return float(np.exp(min(logs.min() + share * np.ptp(logs), np.sort(logs)[-2] - 1e-9)))


def sweeps() -> list[Sweep]:
    """Return every sweep whose table is there."""
    return [sweep for make in (_of_params_and_tokens, _of_settings, _of_best_runs, _ladders) for sweep in make()]


def _read(name: str) -> pd.DataFrame:
    path = DATA / f"{name}.csv"
    return pd.read_csv(path if path.is_file() else path.with_suffix(".csv.gz"), encoding="utf-8")


def _picked(frame: pd.DataFrame, loss: str = "loss", params: str = "params") -> pd.DataFrame:
    columns = {"params": frame[params], "tokens": frame["tokens"], "loss": frame[loss]}
    return pd.DataFrame(columns).astype(float).reset_index(drop=True)


def _best(frame: pd.DataFrame, loss: str, by: list[str]) -> pd.DataFrame:
    """Return the lowest loss of each cell, what a tuned run would have shown."""
    return frame.loc[frame.groupby(by)[loss].idxmin()]


def _of_params_and_tokens() -> Iterator[Sweep]:
    epoch = _read("chinchilla_epoch")
    yield Sweep("chinchilla_epoch", "chinchilla", _picked(epoch[epoch["tokens"] > 0.45 * epoch["params"]]))
    # "Normalised negative log-likelihood per character" by its source; .75 at 1e22 FLOP is no loss in nats, but one in bits.
    yield Sweep("llama3_isoflop", "llama3", _picked(_read("llama3_isoflop")), unit="bits/byte")
    yield Sweep("oellm_tuned", "oellm", _picked(_read("oellm_tuned")))
    gemstones = _read("gemstones")
    cooled = gemstones[gemstones["schedule"] == "cooled_down"]
    yield Sweep("gemstones cooled", "gemstones", _picked(cooled), curves=True)
    constant = gemstones[(gemstones["schedule"] == "constant_lr") & (gemstones["tokens"] > 5e9)]
    # One point in four: the points of a run are a curve, not runs of their own.
    yield Sweep("gemstones constant", "gemstones", _picked(constant.iloc[::4]), curves=True)
    ladder = _read("olmo_ladder")
    yield Sweep("olmo_ladder c4", "olmo", _picked(ladder[(ladder["is_final"] == 1) & (ladder["eval_set"] == "c4_en")]))
    repeated = _read("datablations")
    once = repeated[(repeated["epochs"] <= 1.01) & (repeated["loss"] < 5)]
    yield Sweep("datablations once", "datablations", _picked(once))


def _of_settings() -> Iterator[Sweep]:
    for name, column in (("marin_isoflop", "dataset"), ("porian_isoflop", "setting")):
        for level, part in _read(name).groupby(column):
            interpolated = name == "porian_isoflop" and "|chinchilla|" not in str(level)
            yield Sweep(
                f"{name.split('_')[0]} {level}".replace("|", " "), name.split("_")[0], _picked(part), curves=interpolated
            )
    gadre = _read("gadre_overtraining")
    for train, part in gadre[gadre["eval_set"] == "c4_val"].groupby("train_set"):
        yield Sweep(f"gadre {train}", "gadre", _picked(part))
    xlstm = _read("xlstm_isoflop")
    for (architecture, context, rule), part in xlstm[xlstm["loss"] < 6].groupby(
        ["architecture", "context_length", "flop_rule"]
    ):
        if len(part) >= 16:
            yield Sweep(f"xlstm {architecture} {context} {rule.split('_')[0]}", "xlstm", _picked(part))


def _of_best_runs() -> Iterator[Sweep]:
    misfitting = _read("misfitting")
    done = misfitting[(misfitting["progress"] >= 0.99) & (misfitting["total_steps"] >= 500)]
    yield Sweep("misfitting", "misfitting", _picked(_best(done, "loss", ["params", "total_steps"])))
    dense = _read("steplaw_dense")
    best = _best(dense, "loss_smooth", ["params_non_embedding", "tokens"])
    yield Sweep("steplaw dense", "steplaw", _picked(best, "loss_smooth", "params_non_embedding"))
    best = _best(_read("steplaw_moe"), "loss_smooth", ["params_active", "tokens"])
    yield Sweep("steplaw moe", "steplaw", _picked(best, "loss_smooth", "params_active"))


def _ladders() -> Iterator[Sweep]:
    routed = _read("routed_lm")
    last = routed[routed["step"] >= 249_000]
    for kind, part in last.groupby("router_type"):
        if kind == "Dense":
            yield Sweep("routed dense", "routed", _picked(part[part["flop_increase"] == 1]), law="power_law_floor")
    grid = _read("gadre_shape_grid").rename(columns={"params_by_tokens20": "params"})
    best = _best(grid, "loss", ["width", "depth", "heads"])
    yield Sweep("gadre shapes", "gadre", _picked(best), law="power_law_floor")


if __name__ == "__main__":
    for one in sweeps():
        train = one.scale < one.cut
        reach = np.log10(one.scale.max() / one.scale[train].max())
        sizes = one.table["params"].nunique(), one.table["tokens"].nunique()
        losses = f"{one.table['loss'].min():.3f}-{one.table['loss'].max():.3f}"
        print(f"{one.name:45} {one.law:16} train {train.sum():4} test {(~train).sum():4} reach {reach:.2f} {sizes} {losses}")
