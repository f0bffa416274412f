"""Roles of columns found by their names and numbers: never a wrong one, most of them unasked."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from public_tables import path_of
from role_tables import PUBLIC, Expected, present, renamed

import bayes_scaling as bs
from bayes_scaling.data.roles.find import Roles, find_roles
from bayes_scaling.data.roles.words import is_quotient, meanings, split_words
from bayes_scaling.data.tables import read_table

ROWS = 3000
SEEDS = range(3)


def sweep(rows: int = 24, seed: int = 0) -> pd.DataFrame:
    """Return a sweep of sizes and tokens with what people log beside them."""
    rng = np.random.default_rng(seed)
    params = np.tile(np.round(np.geomspace(2.1e7, 1.3e9, 6)), rows // 6)
    tokens = np.round(params * np.repeat(np.geomspace(8, 120, rows // 6), 6) / 512) * 512
    loss = (1.8 + 482 / params**0.35 + 2085 / tokens**0.366) * np.exp(0.005 * rng.standard_normal(rows))
    return pd.DataFrame({"run_id": [f"r{i}" for i in range(rows)], "params": params, "tokens": tokens, "loss": loss})


def curves(rows: int = 20) -> pd.DataFrame:
    """Return checkpoints of three runs under a decaying learning rate."""
    ends = sweep(6).iloc[[0, 2, 4]].reset_index(drop=True)
    table = ends.loc[ends.index.repeat(rows)].reset_index(drop=True)
    place = np.tile(np.arange(1, rows + 1), 3)
    table["step"], table["tokens"] = place * 500, np.round(table["tokens"] * place / rows)
    table["lr"] = 3e-4 * (0.1 + 0.9 * (1 + np.cos(np.pi * place / rows)) / 2)
    table["loss"] = 1.8 + 482 / table["params"] ** 0.35 + 2085 / table["tokens"] ** 0.366
    return table


def check(found: Roles, of: Expected) -> int:
    """Check that no role or unit is wrong, that what is missing is asked for, and return how many are found."""
    for role, one in found.roles.items():
        assert one.column == of.roles.get(role) or one.column in of.asked.get(role, ()), (role, one.column)
        assert one.reason
        if role in of.units and one.unit:
            assert one.unit == of.units[role], (role, one)
    assert {one.column for one in found.groups.values()} <= of.groups
    open_ones = {question.role for question in found.questions}
    missing = set(of.roles) - set(found.roles)
    assert missing & {"params", "tokens", "loss"} <= open_ones
    assert all(f"unit of {role}" in open_ones for role in of.units if role in found.roles and not found.roles[role].unit)
    assert all(option.startswith("--") for question in found.questions for option in question.options)
    units = sum(role in found.roles and found.roles[role].unit == unit for role, unit in of.units.items())
    return len(set(of.roles) & set(found.roles)) + units


def asked(of: Expected) -> int:
    return len(of.roles) + len(of.units)


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_table_has_a_wrong_role_whatever_its_columns_are_called(name: str) -> None:
    frame = read_table(path_of(name))
    if len(frame) > ROWS:
        frame = frame[frame["run_id"].isin(frame["run_id"].unique()[:12])].reset_index(drop=True)
    expected = present(PUBLIC[name], frame)
    assert check(find_roles(frame), expected) >= 0.8 * asked(expected)
    for seed in SEEDS:
        table, of = renamed(frame, expected, np.random.default_rng([seed, len(name)]))
        assert check(find_roles(table), of) >= 0.8 * asked(of)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [sweep, curves])
def test_no_table_of_our_own_has_a_wrong_role(kind: object, seed: int) -> None:
    frame = kind().assign(weight_decay=0.1, heads=8, depth=12, width=512, lr_peak=3e-4)  # type: ignore[operator]
    frame["compute"] = 6 * frame["params"] * frame["tokens"]
    frame["train_loss_last"], frame["loss_lo95"] = frame["loss"] - 0.02, 0.01
    frame["token_multiplier"] = frame["tokens"] / frame["params"]
    roles = {role: role for role in ("params", "tokens", "loss", "compute", "step", "lr") if role in frame} | {"run": "run_id"}
    units = {"params": "parameters", "tokens": "tokens", "compute": "FLOP", "loss": "nats/token"}
    table, of = renamed(frame, Expected(roles, {}, frozenset(), units), np.random.default_rng(seed))
    assert check(find_roles(table), of) >= 0.8 * asked(of)


def roles(frame: pd.DataFrame, **said: dict[str, str]) -> dict[str, str]:
    return {role: one.column for role, one in find_roles(frame, **said).roles.items()}


LOOK_ALIKE = {
    "epoch": 0.5,
    "train_loss": 3.0,
    "loss_std": 0.01,
    "n_layers": 12,
    "lr_max": 3e-4,
    "tokens_per_param": 20.0,
    "D/N": 20.0,
    "loss_ema_decay": 0.9,
    "z_loss": 1e-4,
    "grad_norm": 0.7,
    "vocab_size": 50304,
    "warmup_tokens_frac": 0.1,
    "flops_per_token": 6e9,
    "tokens_per_second": 2e5,
    "eval_tokens": 1e6,
    "param_norm": 30.0,
    "run_time": 3600.0,
    "seed_offset": 1,
    "loss_scale": 65536,
    "params_per_expert": 1e6,
    "batch_tokens": 524288,
    "mfu": 0.4,
    "tflops": 180.0,
    "predicted_loss": 2.9,
    "step_time": 0.4,
}


@pytest.mark.parametrize("name", LOOK_ALIKE)
def test_a_column_that_only_looks_like_a_role_has_none(name: str) -> None:
    found = roles(sweep().assign(**{name: LOOK_ALIKE[name] * np.linspace(0.9, 1.1, 24)}))
    assert {role: found[role] for role in ("params", "tokens", "loss")} == {
        "params": "params",
        "tokens": "tokens",
        "loss": "loss",
    }
    alone = find_roles(sweep()[["run_id"]].assign(**{name: LOOK_ALIKE[name] * np.linspace(0.9, 1.1, 24)}))
    assert set(alone.roles) <= {"run", "epochs", "batch", "depth"} | ({"loss"} if name == "train_loss" else set())


def test_the_held_out_loss_is_preferred_and_a_choice_between_corpora_is_asked() -> None:
    table = sweep().rename(columns={"loss": "val_loss"})
    assert roles(table.assign(train_loss=3.0, loss=2.9))["loss"] == "val_loss"
    several = find_roles(table.rename(columns={"val_loss": "c4_val"}).assign(pile_val=2.5))
    assert "loss" not in several.roles
    assert several.tentative["loss"] == "c4_val"
    question = next(one for one in several.questions if one.role == "loss")
    assert question.options == ("--column loss=c4_val", "--column loss=pile_val")


def test_one_quantity_in_several_units_is_taken_in_nats() -> None:
    table = sweep().rename(columns={"loss": "val_loss"})
    table["val_ppl"], table["val_bpb"] = np.exp(table["val_loss"]), table["val_loss"] / 3
    assert roles(table)["loss"] == "val_loss"
    assert roles(table.drop(columns="val_loss"))["loss"] == "val_bpb"


def test_counts_that_differ_are_asked_about_and_the_bare_name_is_preferred() -> None:
    table = sweep().assign(params_non_embedding=lambda of: of["params"] * 0.7)
    assert roles(table)["params"] == "params"
    of_experts = find_roles(table.rename(columns={"params": "params_total", "params_non_embedding": "params_active"}))
    assert "params" not in of_experts.roles
    assert [one.role for one in of_experts.questions] == ["params"]
    assert roles(table.assign(n_embedding_params=1e6).drop(columns="params_non_embedding"))["params"] == "params"


def test_answers_are_taken_as_they_are_said() -> None:
    table = sweep().rename(columns={"params": "a", "tokens": "b", "loss": "c"})
    assert set(roles(table)) == {"run"}
    said = find_roles(table, {"params": "a", "tokens": "b", "response": "c"}, {"a": "M", "loss": "bits/byte"})
    assert {role: one.column for role, one in said.roles.items()} == {
        "params": "a",
        "tokens": "b",
        "loss": "c",
        "run": "run_id",
    }
    assert (said.roles["params"].unit, said.roles["loss"].unit) == ("M", "bits/byte")
    assert said.roles["params"].confidence == 1.0
    with pytest.raises(bs.InputError, match="no column 'N' for 'params'; the table has"):
        find_roles(table, {"params": "N"})


@pytest.mark.parametrize(
    ("factor", "unit"), [(1e-6, "M parameters"), (1e-9, "B parameters"), (1.0, "parameters")], ids=["M", "B", "ones"]
)
@pytest.mark.parametrize("name", ["N", "params"])
def test_units_follow_from_what_sweeps_have(name: str, factor: float, unit: str) -> None:
    table = sweep().assign(params=lambda of: (of["params"] * factor).round(4)).rename(columns={"params": name})
    found = find_roles(table).roles["params"]
    assert found.unit == unit
    assert "21M to 1.3B parameters" in found.evidence


def test_units_that_a_name_a_table_or_people_say_hold() -> None:
    table = sweep()
    table["params"], table["tokens"] = table["params"] / 1e6, table["tokens"] / 1e9
    table.attrs["units"] = {"tokens": "B tokens"}
    found = find_roles(table.rename(columns={"params": "params_m"})).roles
    assert (found["params"].unit, found["tokens"].unit) == ("M parameters", "B tokens")
    assert "as its name says" in found["params"].evidence
    assert "as the table says" in found["tokens"].evidence


def test_a_unit_that_numbers_leave_open_is_asked() -> None:
    table = pd.DataFrame({"params": [70, 160, 410], "tokens": [1.4, 3.2, 8.2], "loss": [2.6, 2.4, 2.2]})
    found = find_roles(table)
    question = next(one for one in found.questions if one.role == "unit of tokens")
    assert not found.roles["tokens"].unit
    assert "--unit 'tokens=B tokens'" in question.options


ODD_CELLS = {
    "numbers as text": "N;D;val_loss\n0,41M;8,2B;3,9\n0,9M;18,4B;3,5\n1,7M;34,1B;3,2\n",
    "European": "params;tokens;loss\n70000000;1400000000;3,31\n160000000;3200000000;3,05\n410000000;8200000000;2,8\n",
    "suffixes": "run,params,tokens,loss\n1,70M,1.4B,3.31\n2,160M,3.2B,3.05\n3,410M,8.2B,2.8\n",
    "empty columns": "params,tokens,loss,val_loss,notes\n70000000,1400000000,3.31,,\n160000000,3200000000,3.05,,\n",
    "one row": "params,tokens,loss\n70000000,1400000000,3.31\n",
    "no rows": "params,tokens,loss\n",
    "diverged": "params,tokens,loss\n70000000,1400000000,3.31\n160000000,3200000000,nan\n4e8,8e9,inf\n1e9,2e10,9.7\n",
}


@pytest.mark.parametrize("name", ODD_CELLS)
def test_tables_of_odd_cells_have_the_same_roles(name: str) -> None:
    found = find_roles(read_table(io.StringIO(ODD_CELLS[name])))
    assert set(found.roles) >= ({"params", "tokens", "loss"} if name != "no rows" else set())
    assert found.roles.get("loss") is None or found.roles["loss"].column in ("loss", "val_loss")
    for role in ("params", "tokens"):
        assert role not in found.roles or found.roles[role].unit in ("", "parameters", "tokens")


def test_run_ids_that_are_numbers_are_runs_and_an_index_is_none() -> None:
    table = curves()
    table["run_id"] = table["run_id"].str[1:].astype(int) + 1700
    assert roles(table)["run"] == "run_id"
    assert roles(table)["tokens"] == "tokens"


def test_groups_have_their_levels_with_the_runs_of_each() -> None:
    table = sweep().assign(arch=["dense"] * 23 + ["moe"], notes=[f"n{i}" for i in range(24)], gpu="h100")
    table["size"] = (table["params"] / 1e6).round().astype(int).astype(str) + "M"
    found = find_roles(table)
    assert [*found.groups] == ["arch"]
    assert found.groups["arch"].reason == (
        "2 levels ('dense' 23, 'moe' 1: runs of each); 1 of one run, which cannot be told from scatter"
    )


def test_words_among_losses_and_labels_of_models_are_seen() -> None:
    table = sweep()
    words = table.assign(loss=["diverged" if place == 3 else f"{of:.4f}" for place, of in enumerate(table["loss"])])
    assert roles(words)["loss"] == "loss"
    labels = table.drop(columns="params").assign(model=[f"{of / 1e6:.0f}M" for of in table["params"]])
    found = find_roles(labels)
    assert "params" not in found.roles
    assert [one.options for one in found.questions] == [("--column params=model",)]
    assert find_roles(labels, {"params": "model"}).roles["params"].unit == "parameters"


def test_compute_tells_the_unit_of_sizes_by_six_n_d() -> None:
    table = sweep().assign(
        compute=lambda of: 6 * of["params"] * of["tokens"] / 8.64e19, N=lambda of: (of["params"] / 1e6).round(1)
    )
    found = find_roles(table[["N", "compute", "loss"]].rename(columns={"compute": "pf_days"})).roles
    assert (found["params"].unit, found["compute"].unit) == ("M parameters", "PFLOP/s-days")


MORE_NAMES = {
    "params": "#params|weights|N (params)|no. of parameters|total_parameters|model.params|param_count|Parameters",
    "tokens": "#tokens|train_toks|data_tokens|D_tokens|tokens/seen|progress/tokens|token_count|tokens_trained",
    "loss": "val_ce|dev_loss|L_val|xent|loss (val)|val_nll|best_val_loss|loss/val|cross-entropy (nats)|avg_val_loss",
    "compute": "C_flops|FLOP|train_FLOPs|C (FLOP)|compute_budget|trainFlops|flops_total",
}


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in MORE_NAMES.items() for name in names.split("|")])
def test_other_names_that_people_give(role: str, name: str) -> None:
    table = sweep().assign(compute=lambda of: 6 * of["params"] * of["tokens"])
    assert roles(table.rename(columns={role: name}))[role] == name


def test_words_of_names() -> None:
    assert split_words("trainTokens (B)") == ["train", "tokens", "b"]
    assert split_words("FLOPs") == ["flops"]
    assert [is_quotient(name) for name in ("D/N", "eval/loss", "tokens_per_param", "bits_per_byte", "tok/s")] == [
        *(True, False, True),
        *(False, True),
    ]
    assert [one.role for one in meanings("eval/loss")] == ["loss"]
    assert meanings("colour") == []


def test_a_table_without_anything_known_has_no_roles(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("colour,weather\nred,fine\nblue,wet\n", encoding="utf-8")
    found = find_roles(read_table(path))
    assert not found.roles
    assert not found.questions
