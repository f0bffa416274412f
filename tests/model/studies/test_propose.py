"""Studies proposed for tables: every kind reads its table as it is, says what it cannot tell, and asks the rest."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from commands import refused, run
from public_tables import path_of
from role_tables import PUBLIC

import bayes_scaling as bs
from bayes_scaling.data.importers.read_logs import read_logs
from bayes_scaling.model.studies.propose.proposal import Proposal
from bayes_scaling.model.studies.reading import read_study

N, D = np.geomspace(3e7, 1e9, 5), np.array([8.0, 20, 60])


def loss_of(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    noise = np.exp(0.003 * np.random.default_rng(3).standard_normal(len(params)))
    return (1.82 + 482.0 / params**0.348 + 2085.0 / tokens**0.366) * noise


def grid() -> pd.DataFrame:
    params = np.repeat(N, len(D)).round()
    tokens = (params * np.tile(D, len(N))).round()
    return pd.DataFrame({"params": params, "tokens": tokens, "loss": loss_of(params, tokens)})


def logs(sizes: int = 3, rows: int = 30, fall: float = 0.0) -> pd.DataFrame:
    size = np.repeat(np.geomspace(3e7, 3e8, sizes) if sizes > 1 else [1e8], rows)
    place = np.tile(np.arange(1, rows + 1), sizes)
    table = pd.DataFrame({"run": [f"r{i // rows}" for i in range(sizes * rows)], "step": place * 500})
    table["lr"] = 3e-3 * (1 - fall * (place / rows))
    table = table.assign(params=size.round(), tokens=(place * 2e8).round())
    return table.assign(loss=loss_of(table["params"].to_numpy(), table["tokens"].to_numpy()))


def groups() -> pd.DataFrame:
    table = pd.concat([grid().assign(arch="dense"), grid().assign(arch="gated")], ignore_index=True)
    # Runs of the two scatter each by themselves: no pair of real runs is off by the same.
    noise = np.exp(0.003 * np.random.default_rng(7).standard_normal(len(table)))
    return table.assign(loss=table["loss"] * np.where(table["arch"] == "gated", 0.97, 1.0) * noise)


def corpora() -> pd.DataFrame:
    run = grid().assign(run_id=[f"r{i}" for i in range(15)])
    parts = [run.assign(eval_set=of, loss=run["loss"] * factor) for of, factor in (("c4", 1.0), ("code", 0.5))]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(loss=table["loss"] * np.exp(0.004 * np.random.default_rng(5).standard_normal(len(table))))


def loops() -> pd.DataFrame:
    table = pd.concat([grid().assign(loops=r) for r in (1, 2, 4)], ignore_index=True)
    return table.assign(loss=loss_of((table["params"] * table["loops"] ** 0.4).to_numpy(), table["tokens"].to_numpy()))


def repeats() -> pd.DataFrame:
    table = pd.concat([grid().assign(epochs=float(of)) for of in (1, 4)], ignore_index=True)
    return table.assign(unique_tokens=(table["tokens"] / table["epochs"]).round())


def with_compute(of: str) -> pd.DataFrame:
    table = grid()
    return table.assign(flops=6 * table["params"] * table["tokens"])[[of, "flops", "loss"]] if of else table


def test_runs_that_did_not_finish_are_left_out_and_said() -> None:
    table = grid().assign(State=["finished"] * 12 + ["crashed", "crashed", "running"], user=["ann", "bob", "cy"] * 5)
    proposal = bs.propose_study(table)
    assert not proposal.roles.groups
    assert proposal.study is not None
    assert proposal.runs is not None
    assert proposal.study.columns.where == 'State == "finished"'
    assert len(proposal.runs) == 12
    assert "3 runs are not finished by column State (2 'crashed', 1 'running'), and left out" in proposal.summary()
    assert not any("not finished" in note for note in proposal.runs.notes)
    every = bs.read_runs(table, bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}))
    assert any(note.startswith("3 of the 15 runs are not finished by column 'State'") for note in every.notes)


@pytest.mark.parametrize("states", [["finished"] * 15, ["crashed"] * 15, ["warm", "cold", "warm"] * 5])
def test_states_that_leave_nothing_out_are_not_filtered_by(states: list[str]) -> None:
    proposal = bs.propose_study(grid().assign(State=states))
    assert proposal.study is not None
    assert proposal.study.columns.where is None


def test_a_constant_learning_rate_is_no_schedule() -> None:
    table = logs().drop(columns="tokens").assign(lr=lambda of: of["run"].map({"r0": 3e-3, "r1": 2e-3, "r2": 1e-3}))
    assert "Multi-Power" not in bs.propose_study(table).kind
    assert "Multi-Power" in bs.propose_study(logs(fall=0.9).drop(columns="tokens")).kind


def test_a_rate_that_falls_and_starts_again_is_a_schedule() -> None:
    table = logs().drop(columns="tokens")
    table["lr"] = 1e-4 + 9e-4 * (1 - (table["step"] / 500 % 10) / 10)  # the last row is back at the peak
    assert "Multi-Power" in bs.propose_study(table).kind


def test_rows_without_tokens_are_left_out_and_counted() -> None:
    table = logs(fall=0.9)
    lacking = table["step"] % 1000 > 0
    proposal = bs.propose_study(table.assign(tokens=table["tokens"].where(~lacking)))
    assert proposal.problem == ""
    assert "where tokens > 0: 45 of 90 are left out." in proposal.summary()


def test_runs_that_a_filter_drops_are_named() -> None:
    table = logs(fall=0.9).drop(columns="tokens")
    table["lr"] = table["lr"] * np.minimum(1.0, table["step"] / 3000)
    short = table[(table["run"] != "r0") | (table["step"] <= 2000)]
    assert "among them all rows of r0." in bs.propose_study(short).summary()


def test_the_floor_of_an_architecture_may_differ_too() -> None:
    proposal = bs.propose_study(groups())
    for name in ("E", "A", "B"):
        assert f"[parameters.{name}]" in proposal.text
    assert "It cannot tell from few runs of a level of arch whether its gain fades with scale" in proposal.summary()


def test_logs_take_what_they_do_not_say_by_options(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, rows in logs(fall=0.5).groupby("run"):
        held = rows.drop(columns=["run", "params", "tokens"]).assign(
            lr=lambda of: of["lr"].where(of["step"] % 1000 == 0), loss=lambda of: of["loss"].where(of["step"] % 1000 == 500)
        )
        held.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    sizes = [word for i in range(3) for word in ("--params", f"r{i}={i + 1}0M")]
    found = run("init", folder, "--out", tmp_path / "a.toml", *sizes, "--tokens-per-step", "400000")
    assert found.exit_code == 0, found.output
    assert "have no lr: between those that were logged" in found.stdout
    assert "the data frame" not in found.output
    assert "do not say" not in found.stdout
    bare = run("init", folder, "--out", tmp_path / "b.toml")
    assert "The logs do not say params: --params 124M" in bare.stdout
    grid().to_csv(tmp_path / "t.csv", index=False)
    refused(run("init", tmp_path / "t.csv", "--out", tmp_path / "c.toml", "--last"), "are for logs")
    plt.close("all")


KINDS: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "sizes and tokens": (grid, "L(N, D), Chinchilla's law"),
    "one size": (lambda: grid().iloc[:3].assign(params=1e8, tokens=[1e9, 4e9, 2e10]), "L(D) of one size"),
    "one number of tokens": (lambda: grid().assign(tokens=1e10), "L(N) at one number of tokens"),
    "tokens alone": (lambda: grid()[["tokens", "loss"]], "L(D),"),
    "sizes alone": (lambda: grid()[["params", "loss"]], "L(N),"),
    "compute alone": (lambda: with_compute("params")[["flops", "loss"]], "L(C)"),
    "sizes and compute": (lambda: with_compute("params"), "L(N, C)"),
    "tokens and compute": (lambda: with_compute("tokens"), "L(D, C)"),
    "fixed ratio": (lambda: grid().assign(tokens=lambda of: 20 * of["params"]), "L(N, D), Chinchilla's law"),
    "groups": (groups, "L(N, D), Chinchilla's law"),
    "corpora": (corpora, "L(N, D), Chinchilla's law"),
    "loops": (loops, "L(N, D, loops)"),
    "repeats": (repeats, "L(N, U, epochs)"),
    "checkpoints": (logs, "whole curves L(N, D), as in the study training_curves,"),
    "decay": (lambda: logs(fall=0.9), "whole curves L(N, D), as in the study training_curves_schedules"),
    "checkpoints of one size": (lambda: logs(1), "whole curves L(D), as in the study training_curves"),
    "decay of one size": (lambda: logs(1, fall=0.9), "whole curves L(D), as in the study training_curves_schedules"),
    "schedules": (lambda: logs(fall=0.9).drop(columns=["tokens", "params"]), "L(step, schedule)"),
    "schedules of sizes": (lambda: logs(fall=0.9).drop(columns="tokens"), "L(step, schedule)"),
    "steps": (lambda: logs().drop(columns=["tokens", "lr"]), "whole curves L(N, D)"),
    "steps of no run": (lambda: logs(1)[["step", "loss"]], "L(step)"),
    "looped curves": (
        lambda: logs(4).assign(loops=lambda of: np.where(of["run"].isin(["r0", "r2"]), 2, 4)),
        "whole curves L(N, D)",
    ),
    "curves of groups": (lambda: logs(4).assign(arch=lambda of: np.where(of["run"] < "r2", "a", "b")), "whole curves L(N, D)"),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_reads_its_table_as_it_is(name: str, tmp_path: Path) -> None:
    make, kind = KINDS[name]
    path = tmp_path / "runs.csv"
    make().to_csv(path, index=False)
    proposal = bs.propose_study(path)
    assert proposal.kind.startswith(kind), proposal.kind
    assert not proposal.problem
    assert proposal.study is not None
    model = tmp_path / "mine.toml"
    model.write_text(proposal.text, encoding="utf-8")
    before = bs.prior(read_study(model), draws=10)
    assert np.isfinite(before.posterior.to_dataset() if hasattr(before.posterior, "to_dataset") else before.posterior).all()
    assert max(map(len, proposal.text.splitlines())) <= 132


FITTED = ("sizes and tokens", "one size", "compute alone", "groups", "loops", "repeats", "decay", "schedules")
"""One kind of each law; the others are built and drawn from."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FITTED)
def test_kinds_are_fitted_as_they_are_written(name: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    KINDS[name][0]().to_csv(path, index=False)
    assert run("init", path, "--out", tmp_path / "mine.toml").exit_code == 0
    done = run("fit", tmp_path / "mine.toml", "--out", tmp_path / "out", "--draws", 200, "--tune", 300)
    assert done.exit_code in (0, 3), done.output


def proposed(table: object, columns: dict[str, str] | None = None) -> Proposal:
    return bs.propose_study(table, columns=columns)


def test_a_fixed_ratio_cannot_tell_alpha_from_beta() -> None:
    found = proposed(KINDS["fixed ratio"][0]())
    assert "every run has 20 tokens a parameter" in found.summary()
    assert any("alpha from beta" in one for one in found.cannot)
    assert "alpha from beta" in found.text.replace("\n", " ")
    assert not any("alpha" in one for one in proposed(grid()).cannot)


def test_sizes_that_lie_close_together_are_several() -> None:
    table = logs(40, rows=6)
    assert proposed(table).kind.startswith("whole curves L(N, D)")
    close = grid().assign(params=lambda of: 1e8 * (1 + 0.001 * (of.index % 3)))
    assert proposed(close).kind.startswith("L(D) of one size")


def test_losses_in_another_unit_have_priors_in_it() -> None:
    table = KINDS["one size"][0]()
    bits = proposed(table.assign(loss=table["loss"] / np.log(2) / 4.3).rename(columns={"loss": "val_bpb"}))
    assert "E = { prior = { median = 0.67, factor = 1.6 } }" in bits.text
    assert 'unit = "bits/byte"' in bits.text
    curves = logs().assign(loss=lambda of: of["loss"] / np.log(2) / 4.3).rename(columns={"loss": "val_bpb"})
    assert "prior = { median = 1, factor = 1.8 }" in proposed(curves).text.replace("1.0,", "1,")


def test_groups_are_in_the_law_with_a_stated_sd_and_levels_of_one_run_are_said() -> None:
    table = groups()
    table.loc[29, "arch"] = "odd"
    found = proposed(table)
    assert 'varying = [{ over = "arch", sd = 0.05 }]' in found.text
    assert "1 of one run, which cannot be told from scatter" in found.text.replace("\n# ", " ")
    assert found.runs is not None
    assert list(found.runs.levels["arch"]) == ["dense", "gated", "odd"]


def test_rows_of_one_run_on_several_corpora_share_an_effect() -> None:
    text = proposed(corpora()).text
    assert 'run = "run_id"' in text
    assert 'effects = [{ over = "run", sd = 0.02 }]' in text
    assert "[parameters.E]" in text


def test_curves_on_several_corpora_are_read_on_one() -> None:
    table = pd.concat([logs().assign(eval_set=of) for of in ("c4", 'a "b"')], ignore_index=True)
    found = proposed(table)
    assert not found.problem
    assert found.study is not None
    assert found.study.columns.where == 'eval_set == "a \\"b\\""'


def test_rows_without_a_loss_or_a_count_are_left_out_and_counted() -> None:
    table = grid()
    table.loc[2, "loss"], table.loc[4, "loss"], table.loc[7, "tokens"] = np.nan, np.inf, 0.0
    found = proposed(table)
    assert "3 rows have no loss, or no count above zero, and are left out" in found.summary()
    assert found.runs is not None
    assert len(found.runs) == 12


def test_units_of_the_table_are_those_of_the_file() -> None:
    table = grid().assign(params=lambda of: (of["params"] / 1e6).round(1), tokens=lambda of: (of["tokens"] / 1e9).round(3))
    found = proposed(table.assign(tokens=lambda of: of["tokens"].where(of.index != 0, 0.005)))
    assert 'params = { column = "params", unit = "M parameters" }' in found.text
    assert 'tokens = { column = "tokens", unit = "B tokens" }' in found.text
    assert found.study is not None
    assert found.study.columns.where == "tokens > 0.00045 * params"
    assert found.runs is not None
    assert found.runs.table["params"].max() == pytest.approx(1e9)


def test_answers_are_taken_and_questions_stand_in_the_file() -> None:
    table = grid().assign(c4_val=lambda of: of["loss"], pile_val=lambda of: of["loss"] * 0.9).drop(columns="loss")
    found = proposed(table)
    assert [one.role for one in found.questions] == ["loss"]
    assert not found.notes
    assert "# QUESTION: which column is the loss to predict: 'c4_val' or 'pile_val'?" in found.text
    answered = proposed(table, columns={"loss": "pile_val"})
    assert not answered.questions
    assert 'column = "pile_val"' in answered.text


def test_names_of_others_do_nothing_to_the_file() -> None:
    odd = 'x"\n[law]\n# \\'
    found = proposed(grid().rename(columns={"loss": f"loss {odd}"}), columns={"loss": f"loss {odd}"})
    assert found.study is not None
    assert found.study.columns.response.column == f"loss {odd}"
    mixed = proposed(groups().assign(arch=lambda of: of["arch"] + odd))
    assert mixed.study is not None


def test_a_table_without_losses_has_no_study_and_says_what_is_missing() -> None:
    found = proposed({"colour": ["red", "blue"], "params": [1e8, 2e8]})
    assert found.study is None
    assert not found.text
    assert "--column loss=COLUMN" in found.summary()
    assert found.plot() is not None
    plt.close("all")


def test_logs_are_tables_too(tmp_path: Path) -> None:
    lines = "".join(f'{{"step": {s}, "val_loss": {3 + 9 / s}, "tokens": {s * 524288}}}\n' for s in range(100, 4000, 100))
    (tmp_path / "small.jsonl").write_text(lines, encoding="utf-8")
    found = proposed(read_logs(tmp_path / "small.jsonl"))
    assert found.kind.startswith("whole curves L(D)")
    assert proposed(tmp_path / "small.jsonl").kind == found.kind
    done = run("init", tmp_path / "small.jsonl", "--out", tmp_path / "mine.toml")
    assert done.exit_code == 0, done.output
    assert read_study(tmp_path / "mine.toml").source == str(tmp_path / "mine.parquet")


def test_records_show_themselves() -> None:
    found = proposed(groups())
    frame = found.to_frame()
    assert list(frame.columns) == ["role", "column", "unit", "confidence", "why"]
    assert set(frame["role"]) >= {"params", "tokens", "loss", "arch"}
    assert frame["why"].str.len().min() > 3
    assert "Proposed study" in found._repr_html_()


@pytest.mark.parametrize("name", KINDS)
def test_the_figure_has_labelled_axes(name: str) -> None:
    ax = proposed(KINDS[name][0]()).plot()
    assert ax.get_xlabel()
    assert ax.get_ylabel().startswith("loss")
    assert "Proposed:" in ax.get_title(loc="left")
    plt.close("all")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_tables_have_a_study_that_reads_them(name: str) -> None:
    found = bs.propose_study(path_of(name))
    assert not found.problem
    assert found.study is not None
    assert found.runs is not None


def test_the_command_writes_a_study_and_a_figure(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    grid().rename(columns={"loss": "val_loss"}).to_csv(table, index=False)
    done = run("init", table, "--out", tmp_path / "deep" / "mine.toml")
    assert done.exit_code == 0, done.output
    assert "params is column 'params', in parameters" in done.output
    assert 'source = "../runs.csv"' in (tmp_path / "deep" / "mine.toml").read_text(encoding="utf-8")
    assert (tmp_path / "deep" / "mine.png").stat().st_size > 1000
    refused(run("init", table, "--out", tmp_path / "deep" / "mine.toml"), "is there already; --force replaces it")
    assert run("init", table, "--out", tmp_path / "deep" / "mine.toml", "--force").exit_code == 0


def test_the_command_refuses_what_no_study_can_be_made_of(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    done = run("init", table, "--out", tmp_path / "mine.toml")
    assert done.exit_code == 2
    assert "no study can be written: no column is recognised as the loss" in done.stderr
    assert not (tmp_path / "mine.toml").exists()
    refused(run("init", table, "--out", tmp_path / "mine.toml", "--column", "loss=c"), "no column 'c' for 'loss'")
    refused(run("init", tmp_path / "none.csv", "--out", tmp_path / "mine.toml"), "none.csv")


def test_streams_and_odd_cells_are_read() -> None:
    text = "Params (M);Tokens (B);Validation Loss\n70,5;1,4;3,52\n160,2;3,2;3,19\n410,9;8,2;2,87\n1000,0;20,0;2,64\n"
    found = proposed(io.StringIO(text))
    assert not found.problem
    assert 'unit = "M parameters"' in found.text


def test_two_groups_go_with_a_law_in_words_too() -> None:
    table = loops().assign(arch=["dense", "gated", "wide"] * 15, suite=["x", "x", "x", "y", "y"] * 9)
    found = proposed(table)
    assert not found.problem
    assert 'varying = [{ over = "arch", sd = 0.05 }, { over = "suite", sd = 0.05 }] }' in found.text


def test_a_column_that_no_filter_can_name_is_said() -> None:
    table = grid().rename(columns={"loss": "val`loss"})
    assert not proposed(table).problem
    table.loc[2, "val`loss"] = np.nan
    assert "column 'val`loss': some rows must be left out by it" in proposed(table).problem


def test_units_that_stay_open_are_written_as_the_likeliest() -> None:
    table = grid().assign(params=lambda of: of["params"] / 1e3, tokens=lambda of: of["tokens"] / 1e6)
    found = proposed(table)
    assert {one.role for one in found.questions} >= {"unit of params"}
    assert not found.problem
    assert all(len(one.options) > 1 for one in found.questions)


def test_a_column_that_stays_open_is_read_in_the_unit_its_numbers_tell() -> None:
    table = grid().assign(params=lambda of: (of["params"] / 1e9).round(4), tokens=lambda of: (of["tokens"] / 1e9).round(3))
    found = proposed(table.rename(columns={"params": "n", "tokens": "d"}))
    assert [one.role for one in found.questions] == ["params", "tokens"]
    assert not found.problem
    assert 'params = { column = "n", unit = "B parameters" }' in found.text


def test_unique_tokens_count_as_tokens_do() -> None:
    table = repeats().assign(tokens=lambda of: of["tokens"] / 1e9, unique_tokens=lambda of: of["unique_tokens"] / 1e9)
    found = proposed(table.rename(columns={"params": "N", "tokens": "D", "unique_tokens": "U", "epochs": "ep"}))
    assert found.kind.startswith("L(N, U, epochs)")
    assert found.roles.roles["unique_tokens"].evidence == "as tokens are, 60M to 60B tokens"


def test_the_command_writes_only_what_fit_takes_for_a_file(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    grid().to_csv(table, index=False)
    refused(run("init", table, "--out", tmp_path / "mine.txt"), "expected a name that ends in .toml")


def asked(table: pd.DataFrame, columns: dict[str, str] | None = None) -> dict[str, str]:
    """Return role -> question of a table, all of which stand in the file that is written."""
    found = proposed(table, columns)
    text = found.text.replace("\n# ", " ")
    assert not found.text or all(f"QUESTION: {one.text}" in text for one in found.questions)
    return {one.role: one.text for one in found.questions}


def test_a_column_whose_numbers_are_none_of_its_name_is_named_with_the_row() -> None:
    table = grid()
    table.loc[3, "params"] = -1.0
    assert asked(table)["params"].startswith("column 'params' is called as params is, but row 4 has -1, which is no number")
    words = grid().astype({"tokens": str}).assign(tokens=lambda of: "about " + of["tokens"])
    assert "row 1 has 'about " in asked(words)["tokens"]


@pytest.mark.parametrize(
    ("of", "hints"),
    [
        ({"steps": 1e4, "batch_size": 512, "seq_len": 1024}, "'steps', 'batch_size' and 'seq_len'"),
        ({"tokens_per_param": 20.0}, "'tokens_per_param'"),
        ({"GFLOPs": 1e11}, "'GFLOPs'"),
        ({"sequences": 1e6}, "'sequences'"),
        ({"gpu_hours": 100.0}, "'gpu_hours'"),
    ],
    ids=["steps", "ratio", "compute", "sequences", "time"],
)
def test_columns_that_may_tell_the_tokens_are_named(of: dict[str, float], hints: str) -> None:
    grown = grid().assign(**{name: value * np.linspace(0.9, 1.1, 15).round(3) for name, value in of.items()})
    table = grown.drop(columns="tokens")
    assert asked(table)["tokens"].startswith(f"no column says the tokens, but {hints} may tell them.")
    assert "params differ by up to" in proposed(table).summary()
    answered = {one.options for one in proposed(table).questions if one.role == "tokens"}
    assert answered == {("--column tokens=COLUMN", *(["--column compute=GFLOPs"] if "GFLOPs" in of else []))}


def test_labels_that_may_tell_sizes_are_named() -> None:
    table = grid().assign(model=lambda of: [f"pythia-{one / 1e6:.0f}m" for one in of["params"]]).drop(columns="params")
    assert asked(table)["params"].startswith("no column says the sizes, but 'model' may tell them.")
    assert "of this size" not in proposed(table).summary()


def test_tokens_that_repeat_without_epochs_are_asked_about() -> None:
    assert "up to 4 times" in asked(repeats().drop(columns="epochs"))["epochs"]
    assert "up to 4 epochs" in proposed(repeats().drop(columns="unique_tokens")).summary()
    assert not asked(repeats().query("epochs == 1").drop(columns="epochs"))


def test_units_that_a_name_says_and_no_sweep_has_are_asked() -> None:
    table = grid().assign(params=lambda of: (of["params"] / 1e6).round(3), tokens=lambda of: of["tokens"] / 1e9)
    table = table.rename(columns={"params": "params (B)", "tokens": "tokens (B)"})
    assert "as no sweep has" in asked(table)["unit of params"]
    for units in ({"params": "M"}, {"params": "B", "tokens": "B"}):
        assert not bs.propose_study(table, units=units).questions
    assert not asked(table.rename(columns={"params (B)": "params (M)"}))


def test_what_is_left_of_a_loss_is_asked_about() -> None:
    table = grid().assign(loss=lambda of: of["loss"] - 1.8)
    assert asked(table.rename(columns={"loss": "loss - E"}))["loss"] == "is 'loss - E' the loss to predict?"
    assert "loss" not in asked(grid().rename(columns={"loss": "val-loss"}))


def test_rows_that_tell_no_law_have_none() -> None:
    assert proposed(grid().assign(loss=3.0)).problem == "column 'loss' (loss) is 3 in all 15 rows, and a constant tells no law"
    one = proposed(grid().iloc[:1])
    assert one.problem.startswith("only one row has a loss")
    assert not one.text


def test_nothing_is_left_out_without_a_word() -> None:
    table = grid().assign(arch=[f"g{i}" for i in range(15)], colour=2.0, note="x")
    table = table.assign(flops=6e3 * table["params"] ** 2, train_flops=7e3 * table["params"] ** 2)
    said = proposed(table).summary()
    assert "column 'arch' has 15 levels, too many for 15 runs: not read" in said
    assert "columns without a role are not read: 'colour', 'note'" in said
    assert "'flops' and 'train_flops' may be compute: not read" in said
    assert "Columns without a role are not read: 'colour', 'note'" in proposed(table).text


def test_counts_written_twice_in_two_units_are_one() -> None:
    table = grid().assign(
        **{"Params(M)": lambda of: (of["params"] / 1e6).round(2), "Tokens (B)": lambda of: of["tokens"] / 1e9}
    )
    found = proposed(table[["Params(M)", "Tokens (B)", "params", "tokens", "loss"]])
    assert not found.questions
    assert {role: one.column for role, one in found.roles.roles.items()} == {of: of for of in ("params", "tokens", "loss")}
    small = proposed(table.assign(params=table["params"] / 1e3))
    assert small.roles.roles["params"].unit == "K parameters"
    assert small.roles.roles["params"].evidence.startswith("as 'Params(M)' says")


@pytest.mark.parametrize(
    ("name", "sign", "said"),
    [("accuracy", 1, "'accuracy' grows as models get better"), ("log_likelihood", -1, "with their negatives")],
)
def test_what_stands_where_a_loss_is_expected_is_said(name: str, sign: int, said: str) -> None:
    table = grid().assign(loss=lambda of: sign * of["loss"]).rename(columns={"loss": name})
    assert said in proposed(table).problem


def test_losses_below_zero_are_said_to_be_so() -> None:
    table = grid().assign(loss=lambda of: of["loss"] - 8.0)
    found = bs.propose_study(table, columns={"loss": "loss"})
    assert found.study is None
    assert f"(loss) is at or below zero in {len(table)} of {len(table)} rows" in found.problem
    assert "study vocabulary" in found.problem
    assert "positive = false" in found.problem
    assert f"{len(table)} rows with a loss at or below zero" in found.summary()


@pytest.mark.parametrize(
    ("name", "scale", "units", "said"),
    [
        ("arc_acc", 1.0, {}, "an accuracy,.* fit accuracy_curve --runs FILE --column accuracy=arc_acc --column x=tokens`"),
        ("err_pct", 100.0, {}, "an error rate,.* fit error_rate_curve .* --unit 'error_rate=% error rate'`.*downstream_ladder"),
        ("top1", 1.0, {"loss": "accuracy"}, "an accuracy,"),
    ],
)
def test_shares_of_answers_are_no_losses(name: str, scale: float, units: dict[str, str], said: str) -> None:
    table = grid().assign(loss=lambda of: scale / of["loss"]).rename(columns={"loss": name})
    found = bs.propose_study(table, columns={"loss": name}, units=units)
    assert found.study is None
    assert re.search(said, found.problem)


@pytest.mark.parametrize("name", ["se", "loss_stderr", "std_err"])
def test_standard_errors_of_losses_are_named_with_the_key_that_reads_them(name: str) -> None:
    said = proposed(grid().assign(**{name: 0.01})).summary()
    assert f'measurement_error = {{ column = "{name}", relative = false }} in [data] reads it' in said


def test_many_runs_have_a_line_each_in_panels_by_size() -> None:
    many = [logs(2, fall=0.9).assign(run=lambda of, i=i: of["run"] + f"-{i}") for i in range(5)]
    found = proposed(pd.concat(many, ignore_index=True))
    assert found.study is not None
    assert (found.study.figure.hue, found.study.figure.columns) == ("run", "params")
    assert proposed(logs(2, fall=0.9)).study.figure.columns is None  # type: ignore[union-attr]


def test_the_figure_draws_of_a_restarted_log_what_is_read() -> None:
    table = logs(2, fall=0.9)
    early = table[table["run"] == "r0"].iloc[:20].assign(loss=lambda of: of["loss"] + (of.index >= 15))
    late = table[table["run"] == "r0"].iloc[15:]
    found = proposed(pd.concat([early, late, table[table["run"] == "r1"]], ignore_index=True))
    drawn = sorted(len(line.get_xdata()) for line in found.plot().get_lines())  # type: ignore[arg-type]
    assert drawn == [30, 30]


def test_tokens_a_parameter_are_said_to_be_of_the_ends_of_runs() -> None:
    assert "a parameter at the ends of runs" in proposed(logs()).roles.roles["tokens"].evidence
    assert "ends" not in proposed(grid()).roles.roles["tokens"].evidence


def test_learning_rates_and_batches_crossed_are_of_a_study_that_reads_them() -> None:
    sizes = [(1e8, 2e9), (1e8, 8e9), (4e8, 8e9), (4e8, 3e10)]
    rates = [(lr, of) for lr in (1e-3, 2e-3, 4e-3) for of in (2e5, 3e5)]
    rows = [(n, d, lr, of, 2 + 50 * n**-0.3 * (1 + 0.01 * i)) for n, d in sizes for i, (lr, of) in enumerate(rates)]
    found = bs.propose_study(pd.DataFrame(rows, columns=["params", "tokens", "learning_rate", "batch", "loss"])).summary()
    assert "bayes-scaling fit learning_rate_batch --runs FILE --column lr=learning_rate`" in found
    peaks = bs.propose_study(pd.DataFrame(rows, columns=["params", "tokens", "peak_lr", "batch", "loss"])).summary()
    assert "bayes-scaling fit learning_rate_batch --runs FILE --column lr=peak_lr`" in peaks
    cut = [(n, of * (d // of), lr, of, loss) for n, d, lr, of, loss in rows]  # whole batches of 2e5 and 3e5 tokens
    assert (
        "learning_rate_batch"
        in bs.propose_study(pd.DataFrame(cut, columns=["params", "tokens", "learning_rate", "batch", "loss"])).summary()
    )
    alone = pd.DataFrame([one for one in rows if one[3] == 2e5], columns=["params", "tokens", "learning_rate", "batch", "loss"])
    assert "learning_rate_batch" not in bs.propose_study(alone).summary()


def test_several_losses_may_be_outputs() -> None:
    table = pd.DataFrame({"params": [1e8, 2e8, 4e8, 8e8], "tokens": [2e9, 4e9, 8e9, np.nan]})
    table = table.assign(loss_web=[3.5, 3.3, 3.1, 2.9], loss_code=[2.5, 2.4, 2.2, 2.0])
    found = bs.propose_study(table).summary()
    assert "outputs = [...] under [data]" in found
    assert "1 row has no loss, or no count above zero, and is left out" in found


def test_rows_that_are_refused_are_not_described_first() -> None:
    mixed = grid().assign(
        params=lambda table: table["params"].where(table["params"] > table["params"].median(), table["params"] / 1e6)
    )
    found = proposed(mixed)
    assert "counted in two units" in found.problem
    first, *others = found.summary().splitlines()
    assert [line for line in (first, *others) if not line.startswith(("Question: ", "No study yet: "))] == []
