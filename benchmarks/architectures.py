"""Comparisons of architectures with their law in doubt: sizes left out, with and without a discrepancy, and with other floors.

    python benchmarks/architectures.py [--case NAME] [--crossovers] [--fits FOLDER]      # scores into architectures.csv
    python benchmarks/architectures.py                                                   # writes architectures.md from it

Every model is fitted to the runs without some sizes and predicts those as new sizes and new runs. Scored are the log losses of
rows left out, and the contrast: the log of one level's loss over that of the study's baseline, at the same size and position.
A stack is weighed as by `bs.fit_stack`: by how its laws predict the larger of the training runs from the smaller ones.
"""

import argparse
import hashlib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior, stack
from bayes_scaling.inference.stacking_weights import stacking_weights
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.validation.scores import crps, log_mean_exp, score_points
from bayes_scaling.validation.splits import extrapolations

HERE = Path(__file__).parent
SCORES, CROSSINGS, REPORT = (HERE / f"architectures{of}" for of in (".csv", "_crossovers.csv", ".md"))
SETTINGS = bs.Settings(draws=500, tune=500, chains=2, seed=1, target_accept=0.95, progress=False)
LENGTH = bs.Prior(median=3.0, factor=2.0)
KNOTS = 4
"""Along each input, of runs that span less than two e-folds of lengths: as good as eight, and several times as fast."""


def term(size: float, within: str | None = None) -> bs.Discrepancy:
    """Return a discrepancy of about a size, that changes over some e-folds."""
    return bs.Discrepancy(bs.Prior(median=size, factor=3.0), LENGTH, within=within, knots=KNOTS)


def doubted(model: Model, *terms: bs.Discrepancy) -> Model:
    """Return a model with discrepancies."""
    return replace(model, discrepancy=terms)


@dataclass(frozen=True)
class Case:
    """A study, the models that are tried on it, and which of its runs are left out.

    models: name -> model. stacks: name -> the models that are weighed. folds: what is left out -> filter of the training runs.
    group, baseline: what the contrast is of. cells: what a pair has in common.
    """

    runs: Runs
    models: Mapping[str, Model]
    folds: Mapping[str, str]
    group: str
    baseline: str
    cells: tuple[str, ...]
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def moba() -> Case:
    """Return MoBA's: three floors and their stack, each size left out, and the two largest; discrepancies on the largest."""
    runs = study_runs(bs.read_study("moba_vs_full"))
    floors = {one.name: one.model for one in bs.read_study("moba_shared_floor").stack}
    shared, own = term(0.01), term(0.002, "attention")
    bare, floor = floors["no floor"], floors["shared floor"]
    unsized = replace(bare.noise, effects=tuple(one for one in bare.noise.effects if one.dims != ("size",)))
    models = {
        **floors,
        "no floor, shared discrepancy": doubted(bare, shared),
        "no floor, own discrepancy": doubted(bare, own),
        "no floor, shared and own": doubted(bare, shared, own),
        "no floor, shared instead of effects of size": doubted(replace(bare, noise=unsized), term(0.02)),
        "shared floor, own discrepancy": doubted(floor, own),
        "shared floor, shared and own": doubted(floor, shared, own),
    }
    folds = {
        "2.1B": "size != 2100000000",
        "1.5B and 2.1B": "size < 1500000000",
        "1.5B": "size != 1500000000",
        "545M": "size != 545000000",
    }
    stacks = {"stack of floors": tuple(floors)}
    return Case(runs, models, folds, "attention", "full", ("size", "position"), stacks)


def attention_residuals() -> Case:
    """Return that of attention residuals: each size left out, and the two largest."""
    study = bs.read_study("attention_residuals")
    runs = study_runs(study)
    models = {
        "as bundled": study.model,
        "shared discrepancy": doubted(study.model, term(0.005)),
        "own discrepancy": doubted(study.model, term(0.002, "variant")),
        "shared and own": doubted(study.model, term(0.005), term(0.002, "variant")),
    }
    sizes = sorted(runs.table["size"].unique(), key=lambda of: -runs.table.loc[runs.table["size"] == of, "compute"].max())
    folds = {of: f"size != {of!r}" for of in sizes}
    folds[f"{sizes[1]} and {sizes[0]}"] = f"size not in {sizes[:2]!r}"
    return Case(runs, models, folds, "variant", "baseline", ("size",))


def xlstm_isoflop() -> Case:
    """Return that of the xLSTM: the runs with the largest products of size and tokens left out."""
    study = bs.read_study("xlstm_isoflop")
    runs = study_runs(study, DATA / "xlstm_isoflop.csv")
    models = {
        "no discrepancy": doubted(study.model),
        "shared discrepancy (as bundled)": study.model,
        "shared and own": doubted(study.model, *study.model.discrepancy, term(0.005, "variant")),
    }
    lower = [part.where for part in extrapolations(runs)]
    folds = dict(zip(("upper third of log(N D)", "upper half of log(N D)"), lower, strict=True))
    return Case(runs, models, folds, "variant", "transformer 16384", ())


def routed_lm() -> Case:
    """Return that of routed models: the largest size left out, and the two largest."""
    study = bs.read_study("routed_lm")
    groups = {**study.columns.groups, "size": "model_size_label"}
    runs = study_runs(replace(study, columns=replace(study.columns, groups=groups)), DATA / "routed_lm.csv")
    sized = replace(study.model.noise, effects=(bs.Varying("size", 0.01),))
    models = {
        "as bundled": study.model,
        "shared discrepancy": doubted(study.model, term(0.01)),
        "own discrepancy": doubted(study.model, term(0.005, "variant")),
        "effects of size": replace(study.model, noise=sized),
    }
    largest, second = runs.table.groupby("size")["params"].max().nlargest(2).index
    folds = {"largest size": f"size != {largest!r}", "two largest sizes": f"size not in {[largest, second]!r}"}
    return Case(runs, models, folds, "variant", "", ())


CASES: dict[str, Callable[[], Case]] = {
    "moba_vs_full": moba,
    "attention_residuals": attention_residuals,
    "xlstm_isoflop": xlstm_isoflop,
    "routed_lm": routed_lm,
}


def scored(fit: Posterior, held: pd.DataFrame, case: Case) -> dict[str, float]:
    """Return how well rows left out, and their contrasts, were predicted."""
    draws, seen = np.log(as_rows(posterior_predictive(fit, held, 0, new=False))), np.log(held["response"].to_numpy())
    density = log_mean_exp(log_density(fit, held, 0, new=False))
    found = {"rows": len(held), **scores("loss", draws, seen), "log score": float(np.mean(density))}
    if not case.cells:
        return found
    rows = held.assign(row=np.arange(len(held))).pivot_table(index=[*case.cells], columns=case.group, values="row")
    base = rows[case.baseline].to_numpy(int)
    pairs = [(rows[name].to_numpy(int), base) for name in rows if name != case.baseline]
    one, other = (np.concatenate(of) for of in zip(*pairs, strict=True))
    return found | scores("contrast", draws[one] - draws[other], seen[one] - seen[other])


def scores(name: str, draws: np.ndarray, seen: np.ndarray) -> dict[str, float]:
    """Return coverage, CRPS, and mean error of the median of draws, a row each, in per cent."""
    low, quarter, middle, three, high = np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    return {
        f"{name}: off": 100 * float(np.mean(middle - seen)),
        f"{name}: in 50": 100 * float(np.mean((quarter <= seen) & (seen <= three))),
        f"{name}: in 90": 100 * float(np.mean((low <= seen) & (seen <= high))),
        f"{name}: CRPS": 100 * float(np.mean(crps(np.sort(draws, axis=1), seen))),
        f"{name}: 90 wide": 100 * float(np.mean(high - low)),
    }


@dataclass(frozen=True)
class Fitted:
    """Fits of a case's models to parts of its runs; each is made once, and kept in a folder where one is given."""

    case: Case
    name: str
    folder: Path | None

    def __hash__(self) -> int:
        return id(self)

    @cache  # noqa: B019
    def fit(self, name: str, kept: tuple[int, ...]) -> bs.Fit:
        """Return a model's fit to rows of the table. With the levels of all runs one compiled density serves every part."""
        code = hashlib.sha256(repr((self.name, name, kept, SETTINGS)).encode()).hexdigest()[:16]
        path = None if self.folder is None else self.folder / f"{code}.nc"
        if path is not None and path.is_file():
            return bs.load(path)
        runs = self.case.runs
        fit = bs.fit(self.case.models[name], replace(runs, table=runs.table.loc[[*kept]].reset_index(drop=True)), SETTINGS)
        if path is not None:
            bs.save(fit, path)
        return fit

    def rows(self, where: str) -> tuple[int, ...]:
        """Return which rows a filter keeps."""
        table = self.case.runs.table
        return tuple(table.index[table.index.isin(table.query(where).index)].tolist())

    def scored(self, fit: Posterior, where: str) -> dict[str, float]:
        """Return how well the rows that a filter does not keep were predicted."""
        return scored(fit, self.case.runs.table.drop(list(self.rows(where))).reset_index(drop=True), self.case)

    def stacked(self, names: tuple[str, ...], where: str) -> tuple[Posterior, dict[str, float]]:
        """Return the stack of models given the runs that a filter keeps, and its weights."""
        kept = self.rows(where)
        parts = extrapolations(subset(self.case.runs, where))
        points = {
            name: np.concatenate(
                [
                    score_points(self.fit(name, self.rows(f"({where}) and ({one.where})")), one.held)["log_score"]
                    for one in parts
                ]
            )
            for name in names
        }
        weights = stacking_weights(points, len(points[names[0]]) / max(len(parts), 1))
        return stack({name: self.fit(name, kept) for name in names}, weights), weights


def tried(name: str, fitted: Fitted, known: Container[tuple[str, str, str]] = ()) -> Iterator[dict[str, object]]:
    """Yield the scores of stacks and models, fold by fold, but for those that are known."""
    case = fitted.case
    for fold, where in case.folds.items():
        for model, names in case.stacks.items():
            if (name, fold, model) not in known:
                both, weights = fitted.stacked(names, where)
                said = " / ".join(f"{weights[of]:.2f}" for of in names)
                yield {"study": name, "left out": fold, "model": model, **fitted.scored(both, where), "weights": said}
        for model in case.models:
            if (name, fold, model) not in known:
                yield {"study": name, "left out": fold, **_row(fitted, model, where)}


def _row(fitted: Fitted, model: str, where: str) -> dict[str, object]:
    fit = fitted.fit(model, fitted.rows(where))
    assert fit.health is not None
    return {"model": model, **fitted.scored(fit, where), "health": fit.health.line}


BUDGETS = (100.0, 1000.0, 10000.0)
"""PFLOP/s-days, to which a crossover is looked for."""


def crossovers(fitted: Fitted) -> Iterator[dict[str, object]]:
    """Yield what each law of MoBA, and their stack, says of tokens 30-32K: multiplier, penalty, chances of a crossover."""
    case, everything = fitted.case, "compute > 0"
    for model in CROSSED:
        weights: dict[str, float] = {}
        if model in case.stacks:
            fit, weights = fitted.stacked(case.stacks[model], everything)
            if fitted.folder is not None:
                bs.save(fit, fitted.folder / "stack.nc")
        else:
            fit = fitted.fit(model, fitted.rows(everything))
        said = " / ".join(f"{of:.2f}" for of in weights.values())
        row = {"model": model, "weights": said, "health": fit.health.line if fit.health else "", **asked(fit)}
        print({key: of if isinstance(of, str) else round(float(of), 3) for key, of in row.items()}, flush=True)
        yield row


def asked(fit: Posterior) -> dict[str, float]:
    """Return MoBA's answers on tokens 30-32K."""
    found: dict[str, float] = {}
    places = pd.DataFrame({"compute": [1.5, 10.0, 100.0], "position": 30720})
    largest = pd.DataFrame({"compute": [5.08], "position": 30720})
    for cost, who in {"six_n_d": "moba", "attention_counted": "full"}.items():
        other = "full" if who == "moba" else "moba"
        needed = bs.compute_ratio(fit, "attention", "moba", "full", places, cost=cost)
        for i, at in enumerate(places["compute"]):
            for q in (0.05, 0.5, 0.95):
                found[f"{cost}: multiplier at {at:g}, {q}"] = float(np.nanquantile(needed.isel(row=i), q))
        cross = bs.crossover(fit, "attention", who, other, largest, below=max(BUDGETS), cost=cost)
        for budget in BUDGETS:
            found[f"{cost}: below {budget:g}"] = float(((cross["crossing"] <= budget) & ~cross["a_ahead"]).mean())
    ratio = bs.contrast(fit, "attention", "moba", "full", places)["ratio"]
    for i, at in enumerate(places["compute"]):
        for q in (0.05, 0.5, 0.95):
            found[f"penalty at {at:g}, {q}"] = 100 * (float(np.nanquantile(ratio.isel(row=i), q)) - 1)
    return found


CROSSED = ("no floor", "shared floor", "free floor", "stack of floors", "no floor, own discrepancy")


def main() -> None:
    """Try what is asked for, keep the scores, and write the report of all that are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(CASES), action="append", default=[])
    parser.add_argument("--crossovers", action="store_true")
    parser.add_argument("--missing", action="store_true", help="only what has no scores yet")
    parser.add_argument("--fits", type=Path, help="a folder to keep fits in")
    chosen = parser.parse_args()
    if chosen.crossovers:
        kept(CROSSINGS, ["model"], list(crossovers(Fitted(moba(), "moba_vs_full", chosen.fits))))
    for name in chosen.case:
        for row in tried(name, Fitted(CASES[name](), name, chosen.fits), known() if chosen.missing else ()):
            print({key: of if isinstance(of, str) else round(float(of), 2) for key, of in row.items()}, flush=True)  # type: ignore[arg-type]
            kept(SCORES, ["study", "left out", "model"], [row])
    REPORT.write_text(written(), encoding="utf-8")


def known() -> set[tuple[str, str, str]]:
    """Return of which studies, folds and models there are scores."""
    return set(pd.read_csv(SCORES)[["study", "left out", "model"]].itertuples(index=False, name=None))


def kept(path: Path, key: list[str], rows: list[dict[str, object]]) -> None:
    """Keep rows in a table, in place of earlier ones of the same key."""
    earlier = [pd.read_csv(path, keep_default_na=False)] if path.is_file() else []
    table = pd.concat([*earlier, pd.DataFrame(rows)], ignore_index=True)
    table.drop_duplicates(key, keep="last").to_csv(path, index=False)


HEADS = {"off": "off, %", "in 50": "in 50 %", "in 90": "in 90 %", "CRPS": "CRPS, %", "90 wide": "90 % wide, %"}


def written() -> str:
    """Return the report."""
    scores = pd.read_csv(SCORES)
    parts = ["# Comparisons of architectures with their law in doubt", INTRODUCTION]
    for study, rows in scores.groupby("study", sort=False):
        folds = {fold: i for i, fold in enumerate(rows["left out"].unique())}
        parts += [f"## {study}", table_of(rows.sort_values("left out", key=lambda of: of.map(folds), kind="stable"))]
        tried = [part for _, part in rows.groupby("model", sort=False) if len(part) == len(folds)]
        if len(folds) > 1 and tried:
            parts += ["Means over all that was left out:", table_of(pd.DataFrame([mean_of(part) for part in tried]))]
        doubts = rows.loc[rows["health"].fillna("") != "", ["model", "left out", "health"]]
        parts += [f"- {one['model']}, {one['left out']}: {one['health']}" for one in doubts.to_dict("records")]
    if CROSSINGS.is_file():
        parts += ["## Crossovers of MoBA and full attention, tokens 30-32K", CROSSED_TEXT, crossing_table()]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def mean_of(rows: pd.DataFrame) -> dict[str, object]:
    """Return the means of a model over what was left out."""
    numbers = rows.select_dtypes("number").drop(columns=["rows"]).mean()
    return {"left out": f"{len(rows)} folds", "model": rows["model"].iloc[0], "weights": "", **numbers}


def table_of(rows: pd.DataFrame) -> str:
    """Return scores as a table of Markdown."""
    shown = rows[["left out", "model"]].copy()
    for what in ("loss", "contrast"):
        for name, head in HEADS.items():
            if f"{what}: {name}" in rows and rows[f"{what}: {name}"].notna().any():
                digits = 0 if name in ("in 50", "in 90") else 2
                shown[f"{what}: {head}"] = [f"{of:.{digits}f}" for of in rows[f"{what}: {name}"]]
    shown["log score"] = [f"{of:.2f}" for of in rows["log score"]]
    if "weights" in rows and (rows["weights"].fillna("") != "").any():
        shown["weights"] = rows["weights"].fillna("")
    return shown.to_markdown(index=False, disable_numparse=True)


def crossing_table() -> str:
    """Return the answers under each law as a table of Markdown."""
    rows = []
    for one in pd.read_csv(CROSSINGS, keep_default_na=False).to_dict("records"):
        weighed = f" ({one['weights']})" if one["weights"] else ""
        row = {"law": f"{one['model']}{weighed}"}
        for cost, who in {"six_n_d": "by 6 N D MoBA", "attention_counted": "attention counted, full"}.items():
            row |= {f"{who} overtakes below {of:g}": f"{float(one[f'{cost}: below {of:g}']):.2f}" for of in BUDGETS}
        for cost, name in {"six_n_d": "6 N D", "attention_counted": "attention counted"}.items():
            low, middle, high = (float(one[f"{cost}: multiplier at 10, {q}"]) for q in (0.05, 0.5, 0.95))
            row[f"MoBA needs at 10, {name}"] = f"{middle:.2f} ({low:.2f} to {high:.2f})"
        rows.append(row)
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


INTRODUCTION = f"""`python benchmarks/architectures.py --crossovers --case NAME` on shared cores,
{SETTINGS.chains} x {SETTINGS.draws} draws a fit. Scores are of log losses: 1 % is 0.01. "off" is the mean of median minus run,
CRPS and widths are in per cent. Lower CRPS and higher log score are better. All rows of a size err together: a fold is one
trial, or a few. A contrast is of two runs of one size, their scatter included. Own: a discrepancy of each level of the group,
{KNOTS} knots an input; amplitudes are in the script."""

CROSSED_TEXT = """Of the posterior given all five sizes, 545M to 2.1B, the largest at 5.1 PFLOP/s-days: the probability that
the one that is behind there overtakes below 100, 1,000 and 10,000 PFLOP/s-days, which is 20, 200 and 2,000 times the largest
run, and how many times the compute of full attention MoBA needs at 10 (90 %). Weights of the stack in the order of shared,
no and free floor."""


if __name__ == "__main__":
    main()
