"""What the columns of the public tables are for, and what people call such columns: for tests that rename them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Expected:
    """The roles of a table's columns; any of several where people could be meant to be asked.

    Parameters
    ----------
    roles
        Role -> the column that has it.
    asked
        Roles that the table does not settle: a question is right, and so is any of the columns.
    groups
        Columns that may be groups.
    silent
        Roles of several columns of which no law here reads one.
    """

    roles: Mapping[str, str]
    asked: Mapping[str, tuple[str, ...]]
    groups: frozenset[str]
    units: Mapping[str, str]


def expected(roles: str, groups: str = "", unit: str | None = "nats/token", **asked: str) -> Expected:
    """Return what is expected of a table: roles, groups, the unit of the loss, and roles asked about."""
    pairs = {one.partition("=")[0]: one.partition("=")[2] or one for one in roles.split()}
    units = {
        role: unit for role, unit in (("params", "parameters"), ("tokens", "tokens"), ("compute", "FLOP")) if role in pairs
    }
    units |= {"loss": unit} if unit is not None and "loss" in pairs else {}
    return Expected(pairs, {role: tuple(of.split()) for role, of in asked.items()}, frozenset(groups.split()), units)


BOTH = "params params_non_embedding"
PUBLIC = {
    "chinchilla_epoch": expected("params tokens loss compute=flops run=run_id"),
    "datablations": expected("params tokens unique_tokens loss compute=flops_6nd run=run_id seed epochs"),
    "gadre_overtraining": expected(
        "tokens loss compute=flops_6nd run=run_id lr batch=batch_sequences", "train_set eval_set", params=BOTH
    ),
    "gadre_shape_grid": expected("tokens loss run=run_id lr batch=batch_sequences", params="params_by_tokens20"),
    "gemstones": expected("tokens loss step compute=flops_6nd run=run_id", "schedule", params=BOTH),
    "gemstones_evals": expected("params tokens loss step run=run_id", "eval_set"),
    "llama3_isoflop": expected("params tokens loss compute=budget run=run_id", unit=None),
    "looped_nanochat": expected(
        "params tokens loss=val_bpb compute=flops step=steps run=run_id", "table arch", "bits/byte", loops="r_train r_eval"
    ),
    "looped_tiny_runs": expected(
        "tokens loss=total_loss step lr run=run_id seed loops=max_loops",
        unit=None,
        params="params_total params_non_embedding",
        compute="flops flops_full",
    ),
    "marin_isoflop": expected(
        "params tokens loss step=steps lr batch=batch_size run=run_id", "dataset", compute="flops_logged budget_named"
    ),
    "misfitting": expected("tokens loss step compute=flops_6nd run=run_id", params=BOTH),
    "multipower_curves": expected("params=params_label step lr loss run=run_id", "schedule"),
    "oellm_tuned": expected("params tokens loss compute=flops lr batch=batch_size run=run_id"),
    "olmo_ladder": expected("params tokens loss step lr compute=flops run=run_id", "eval_set"),
    "porian_isoflop": expected(
        "params tokens loss compute=budget run=run_id", "setting dataset hparams warmup decay flop_count loss_kind"
    ),
    "routed_lm": expected("tokens loss step seed experts=num_experts run=run_id", "router_type", params="params params_total"),
    "steplaw_dense": expected(
        "params=params_non_embedding tokens step=steps lr batch=batch_sequences compute=flops_6nd run=run_id",
        loss="loss loss_smooth",
    ),
    "steplaw_moe": expected(
        "tokens step=steps lr batch=batch_sequences experts=num_experts run=run_id",
        "moe_name",
        params="params_total params_active",
        loss="loss loss_smooth",
    ),
    "xlstm_curves": expected("tokens loss step lr run=run_id"),
    "xlstm_isoflop": expected(
        "tokens loss step=steps lr batch=batch_sequences run=run_id",
        "architecture context_length flop_rule",
        params=BOTH,
        compute="iso_budget flops_6nd flops_est",
    ),
}

M, B, T = 1e-6, 1e-9, 1e-12
PF_DAY, BITS = 1 / 8.64e19, 1 / (np.log(2) * 4.3)

type Name = tuple[str, float | None, str | None]
"""What a column is called, what its numbers are multiplied by, and the unit they then have; None: the logarithm's inverse."""


def _names(*plain: str) -> list[Name]:
    return [(name, 1.0, None) for name in plain]


NAMES: dict[str, list[Name]] = {
    "params": [
        *_names("N", "n_params", "params", "model_size", "parameters", "num_params", "Params", "model_params", "n_parameters"),
        *_names("Model size", "model/num_params", "trainable_params", "config.n_params", "nparams"),
        *(("params (M)", M, "M parameters"), ("params_m", M, "M parameters"), ("N", M, "M parameters")),
        *(("n_params_millions", M, "M parameters"), ("model_size_b", B, "B parameters"), ("N", B, "B parameters")),
        *(("params", M, "M parameters"), ("Parameters (B)", B, "B parameters")),
    ],
    "params_non_embedding": [
        *_names("non_embedding_params", "params_non_embedding", "N_nonemb", "n_params_non_embedding", "non-embedding params"),
        *_names("nonembedding_params", "params_excl_embeddings", "num_non_embedding_parameters"),
    ],
    "tokens": [
        *_names("D", "tokens", "tokens_seen", "n_tokens", "train.tokens", "train_tokens", "total_tokens", "consumed_tokens"),
        *_names("Training tokens", "num_tokens", "throughput/total_tokens", "dataset_size", "num_input_tokens_seen"),
        *(("tokens (B)", B, "B tokens"), ("tokens_b", B, "B tokens"), ("D", B, "B tokens"), ("tokens", B, "B tokens")),
        *(("n_tokens_billions", B, "B tokens"), ("tokens_m", M, "M tokens")),
    ],
    "unique_tokens": _names("unique_tokens", "U", "n_unique_tokens", "unique tokens"),
    "loss": [
        *_names("loss", "val_loss", "eval/loss", "validation_loss", "eval_loss", "Validation Loss", "test_loss", "val/loss"),
        *_names("final_loss", "lm_loss", "cross_entropy", "Final val loss", "nll", "eval/lm_loss"),
        *(("val_ppl", None, "perplexity"), ("perplexity", None, "perplexity"), ("val_bpb", BITS, "bits/byte")),
        *(("bits_per_byte", BITS, "bits/byte"),),
    ],
    "compute": [
        *_names("flops", "C", "compute", "total_flos", "training_flops", "FLOPs", "train_compute", "budget", "compute (FLOP)"),
        *(("pf_days", PF_DAY, "PFLOP/s-days"), ("compute", PF_DAY, "PFLOP/s-days"), ("PFLOP/s-days", PF_DAY, "PFLOP/s-days")),
        *(("EFLOPs", 1e-18, "EFLOP"), ("compute_eflops", 1e-18, "EFLOP")),
    ],
    "step": _names("step", "iter", "iteration", "_step", "global_step", "train/global_step", "steps", "training_step", "Step"),
    "lr": _names("lr", "learning_rate", "LR", "train/learning_rate", "optim/learning_rate_group0", "learning rate"),
    "run": _names("run_id", "run", "name", "run_name", "Name", "experiment", "exp_name", "wandb_id", "run id", "Run"),
    "seed": _names("seed", "random_seed", "Seed"),
    "batch": _names("batch", "batch_size", "global_batch_size", "bs", "batch_sequences"),
    "loops": _names("loops", "n_loops", "num_loops", "recurrence"),
    "experts": _names("num_experts", "n_experts", "experts"),
    "epochs": _names("epochs", "n_epochs", "num_epochs"),
    "width": _names("width", "d_model", "hidden_size", "n_embd", "hidden_dim"),
    "depth": _names("depth", "n_layers", "num_layers", "n_layer", "layers"),
    "heads": _names("heads", "n_heads", "num_attention_heads", "n_head"),
    "lr_peak": _names("lr_peak", "lr_max", "max_lr", "peak_lr"),
    "lr_min": _names("lr_min", "min_lr", "final_lr"),
    "total_steps": _names("total_steps", "max_steps", "train_steps"),
    "token_multiplier": _names("tokens_per_param", "D/N", "token_multiplier", "tpp", "tokens/params"),
    "chinchilla_multiple": _names("chinchilla_multiple", "xC", "tokens_per_parameter"),
    "train_loss_last": _names("train_loss", "train/loss", "training_loss", "Train Loss"),
    "warmup_steps": _names("warmup", "warmup_steps", "n_warmup"),
    "loss_lo95": _names("loss_lo95", "loss_std", "loss_stderr"),
    "weight_decay": _names("weight_decay", "wd", "optim.weight_decay"),
    "eval_set": _names("eval_set", "eval_dataset", "benchmark", "corpus"),
    "train_set": _names("train_set", "dataset", "train_data", "corpus"),
    "architecture": _names("architecture", "arch", "model_type", "variant"),
}
"""Role or column -> names that people give it."""


def present(of: Expected, frame: pd.DataFrame) -> Expected:
    """Return what is expected of those columns that a table has: an excerpt has not all of them."""
    roles = {role: column for role, column in of.roles.items() if column in frame}
    among = {role: tuple(one for one in columns if one in frame) for role, columns in of.asked.items()}
    units = {role: unit for role, unit in of.units.items() if role in roles}
    return Expected(roles, {role: columns for role, columns in among.items() if columns}, of.groups & set(frame), units)


def renamed(frame: pd.DataFrame, of: Expected, rng: np.random.Generator) -> tuple[pd.DataFrame, Expected]:
    """Return a table with its columns called as people call such, some in other units, and what is then expected of it."""
    of_column = {column: role for role, column in of.roles.items()}
    found, names, units = {}, {}, dict(of.units)
    for column in map(str, frame):
        role = of_column.get(column, column)
        choices = [one for one in NAMES.get(role, [(column, 1.0, None)]) if one[0] not in found]
        if role in ("loss",) and of.units.get("loss") != "nats/token":
            choices = (
                [one for one in choices if one[1] == 1.0 and one[2] is None]
                if "loss" not in of.units
                else [(column, 1.0, None)]
            )
        name, factor, unit = choices[rng.integers(len(choices))] if choices else (column, 1.0, None)
        found[name] = (
            frame[column] if factor == 1.0 else np.exp(frame[column]) if factor is None else _short(frame[column] * factor)
        )
        names[column] = name
        if unit is not None and role in of.roles:
            units[role] = unit
    roles = {role: names[column] for role, column in of.roles.items()}
    asked = {role: tuple(names[column] for column in columns) for role, columns in of.asked.items()}
    return pd.DataFrame(found), Expected(roles, asked, frozenset(names[column] for column in of.groups), units)


def _short(values: pd.Series) -> pd.Series:
    """Return numbers with four digits, as people write millions and billions."""
    return values.map(lambda value: float(f"{value:.4g}"))
