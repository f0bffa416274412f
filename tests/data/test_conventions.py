"""How counts and losses were counted: what a table says is kept and shown, and what differs is not joined without a word."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data import datasets
from bayes_scaling.data.columns import Columns, Conventions, Curve
from bayes_scaling.data.convention_words import counted_parts, counted_sentence, not_stated
from bayes_scaling.data.conventions import alike, read_conventions, with_conventions
from bayes_scaling.data.datasets import fetching
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.roles.names import with_columns
from bayes_scaling.data.runs import Runs, concat_runs, subset
from bayes_scaling.data.table_conventions import role_of, table_conventions, unlike_conventions
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.reading import parse_study, read_study
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.model.studies.writing import study_text

SWEEP = pd.DataFrame(
    {
        "params_total": [2e7, 1.2e8, 1.1e9],
        "params_non_embedding": [1e7, 1e8, 1e9],
        "tokens": [2e9, 4e9, 8e9],
        "loss": [3.9, 3.5, 3.1],
    }
)


def columns(column: str = "params_total", **known: Any) -> Columns:
    return Columns({"params": bs.Input(column), "tokens": bs.Input("tokens")}, conventions=Conventions(**known))


def sweep(factor: float = 1.0, units: dict[str, str] | None = None, **said: Any) -> pd.DataFrame:
    """Return the sweep with losses of its own, as another table of the kind has, and what it states."""
    table = SWEEP.assign(loss=SWEEP["loss"] * factor)
    table.attrs = {"conventions": said} | ({"units": units} if units else {})
    return table


def refusal(tables: Any, of: Columns) -> str:
    with pytest.raises(InputError) as error:
        bs.read_runs(tables, of)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_nobody_states_is_unknown_and_said_so() -> None:
    runs = bs.read_runs(SWEEP, columns())
    assert runs.columns.conventions == Conventions()
    assert counted_sentence(runs.columns) == (
        "Counted: loss in nats per token (unit assumed). "
        "Not stated: parameters with or without embeddings; tokens seen or unique; schedule finished or not."
    )


def test_a_name_says_how_its_column_is_counted_and_that_is_noted() -> None:
    runs = bs.read_runs(SWEEP, columns("params_non_embedding"))
    assert runs.columns.conventions == Conventions(embeddings="without")
    assert "column 'params_non_embedding' counts embeddings 'without', as its name says" in runs.notes
    assert counted_parts(runs.columns)["params"] == "parameters without embeddings"
    assert not bs.read_runs(SWEEP, columns("params_non_embedding", embeddings="without")).notes


@pytest.mark.parametrize(
    ("column", "unit", "known"),
    [
        ("active_params", "", {"experts": "active"}),
        ("params_with_head", "", {"head": "with"}),
        ("n", "parameters, non-embedding", {"embeddings": "without"}),
        ("n", "parameters, with embeddings", {"embeddings": "with"}),
        ("params_incl_embeddings", "", {"embeddings": "with"}),
        ("params_no_emb", "", {"embeddings": "without"}),
        ("params", "parameters", {}),
        ("inactive_params", "", {}),
        ("params_total", "", {}),
    ],
)
def test_words_in_names_and_units_say_how_parameters_are_counted(column: str, unit: str, known: dict[str, str]) -> None:
    table = SWEEP.rename(columns={"params_total": column})
    table.attrs = {"units": {column: unit}} if unit else {}
    assert bs.read_runs(table, columns(column)).columns.conventions.known == known


@pytest.mark.parametrize(
    ("column", "known"),
    [("flops_6nd", "6ND"), ("flops_logged", "logged"), ("flops_with_attention", "attention"), ("flops", None)],
)
def test_a_name_says_how_compute_is_counted(column: str, known: str | None) -> None:
    of = Columns({"compute": bs.Input(column, "FLOP")}, bs.Response("loss_smooth"))
    table = pd.DataFrame({column: [1e18, 1e19], "loss_smooth": [3.0, 2.5]})
    found = bs.read_runs(table, of).columns.conventions
    assert found == Conventions(compute=known, smoothing="smoothed")


def test_positions_and_contexts_in_tokens_are_no_tokens_of_training() -> None:
    assert role_of("token_index", bs.Input("token_index", "tokens")) is None
    assert role_of("context", bs.Input("sequence_length", "tokens")) is None
    assert role_of("unique_tokens", bs.Input("unique_tokens", "tokens")) is None
    assert role_of("data", bs.Input("train_tokens", "tokens")) == "tokens"
    assert role_of("x", bs.Input("active_params", "parameters")) == "params"
    assert role_of("lr_sum", bs.Input("lr_sum")) is None


def test_what_a_table_says_of_a_column_goes_before_what_it_says_of_itself() -> None:
    said = {"params_non_embedding": {"head": "without"}, "embeddings": "with", "schedule": "finished", "compute": "6ND"}
    table = sweep(units={"params_non_embedding": "parameters, non-embedding"}, **said)
    found, notes = table_conventions(table, columns("params_non_embedding"), "it")
    assert found == Conventions(embeddings="without", head="without", schedule="finished")  # compute is not read
    assert not notes
    assert table_conventions(table, columns(), "it")[0] == Conventions(embeddings="with", schedule="finished")


def test_what_is_declared_holds_where_the_table_is_silent() -> None:
    of = columns(embeddings="with", schedule="finished", tokenizer="GPT-2")
    runs = bs.read_runs([sweep(), sweep(1.1)], of)
    assert runs.columns.conventions == of.conventions
    assert not runs.notes
    runs = bs.read_runs(sweep(tokenizer="gpt2", evaluation="C4"), of)
    assert runs.columns.conventions.known == {**of.conventions.known, "evaluation": "C4"}


def test_tables_that_count_an_input_differently_are_refused_unless_that_is_meant() -> None:
    tables = [sweep(embeddings="with"), sweep(1.1, embeddings="without")]
    assert refusal(tables, columns()) == (
        "data frame 2: embeddings is 'without', in data frame 1 'with'; where both are meant the conventions say "
        'embeddings = "mixed" (--convention embeddings=mixed)'
    )
    runs = bs.read_runs(tables, columns(embeddings="mixed"))
    assert len(runs) == 6
    assert runs.columns.conventions == Conventions(embeddings="mixed")
    assert counted_parts(runs.columns)["params"] == "parameters with or without embeddings by row"
    assert "declared conventions" in refusal(tables[0], columns(embeddings="without"))
    assert "declared conventions" in refusal(SWEEP, columns("params_non_embedding", embeddings="with"))


def test_the_unit_of_an_input_declares_how_it_is_counted() -> None:
    of = Columns({"params": bs.Input("params_total", "parameters, with embeddings"), "tokens": bs.Input("tokens")})
    assert bs.read_runs(SWEEP, of).columns.conventions == Conventions(embeddings="with")
    assert "in the declared conventions 'with'" in refusal(sweep(embeddings="without"), of)
    wrong = replace(of, conventions=Conventions(embeddings="without"))
    assert refusal(SWEEP, wrong).endswith("embeddings is declared 'without'; give it the unit 'parameters'")
    assert (
        bs.read_runs(SWEEP, replace(of, conventions=Conventions(embeddings="mixed"))).columns.conventions.embeddings == "mixed"
    )
    renamed = with_columns(of, {"params": "params_non_embedding"})
    assert renamed.inputs["params"].unit == "parameters"
    assert bs.read_runs(SWEEP, renamed).columns.conventions == Conventions(embeddings="without")


def test_published_priors_for_a_count_are_for_runs_counted_so() -> None:
    text = """
[data.inputs]
params = { column = "params_total" }
[law]
name = "kaplan_params"
priors = "published"
[noise]
sd = { median = 0.01, factor = 3.0 }
"""
    study = parse_study(text, "mine.toml")
    assert "params 20M to 1.1B, without embeddings" in repr(bs.prior(study.model, study_runs(study, SWEEP), draws=20))
    with pytest.raises(InputError, match="embeddings is 'with', in the declared conventions 'without'"):
        study_runs(study, sweep(embeddings="with"))


def test_tables_that_differ_in_what_is_not_read_are_joined() -> None:
    tables = [sweep(embeddings="with"), sweep(1.1, embeddings="without")]
    of = Columns({"tokens": bs.Input("tokens")})
    assert bs.read_runs(tables, of).columns.conventions == Conventions()


def test_a_convention_that_one_table_leaves_out_is_noted_and_unknown() -> None:
    runs = bs.read_runs([sweep(embeddings="with"), sweep(1.1)], columns())
    assert runs.columns.conventions == Conventions()
    assert "data frame 1 states embeddings 'with', data frame 2 does not state it: taken as unknown" in runs.notes


def test_losses_measured_differently_are_noted_and_tokenizers_refused() -> None:
    tables = [sweep(schedule="finished"), sweep(1.1, schedule="unfinished")]
    runs = bs.read_runs(tables, columns())
    assert runs.columns.conventions.schedule == "mixed"
    assert any("losses that were measured differently stand side by side" in note for note in runs.notes)
    unlike = [sweep(tokenizer="gpt2"), sweep(1.1, tokenizer="llama")]
    assert "tokenizer is 'llama', in data frame 1 'gpt2'" in refusal(unlike, columns())
    of = Columns({"params": bs.Input("params_total")}, bs.Response("loss", "bits/byte"))
    halves = [sweep(0.25, tokenizer="gpt2"), sweep(0.3, tokenizer="llama")]
    assert bs.read_runs(halves, of).columns.conventions.tokenizer == "mixed"  # losses per byte can be compared


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"embedings": "with"}, "no convention is called 'embedings'"),
        ({"embeddings": "maybe"}, "must be one of ['with', 'without', 'mixed'], not 'maybe'"),
        ({"context": "1"}, "must be a whole number"),
        ({"context": True}, "must be a whole number"),
        ({"tokenizer": " "}, "must be a text that is not empty"),
        ({"tokenizer": "a\nb"}, "characters that can be printed"),
        ({"params_total": {"embeddings": 1}}, "column 'params_total': embeddings"),
    ],
)
def test_what_no_convention_holds_is_refused_with_the_table(said: dict[str, Any], wrong: str) -> None:
    message = refusal(sweep(**said), columns())
    assert message.startswith("the data frame")
    assert wrong in message


def test_conventions_that_are_no_mapping_are_refused() -> None:
    table = SWEEP.copy()
    table.attrs = {"conventions": "6ND"}
    assert "must be fields and their values, not a str" in refusal(table, columns())
    with pytest.raises(InputError, match="not a list"):
        read_conventions([], "it")


def test_texts_are_compared_by_their_letters() -> None:
    assert alike("GPT-2", "gpt2")
    assert not alike("a", "b")
    assert not alike("-", "+")
    assert Conventions(compute="6 N D") == Conventions(compute="6nd") == Conventions(compute="6ND")


def test_conventions_travel_with_parquet_subsets_thinned_and_joined_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    sweep(embeddings="with", schedule="finished").to_parquet(path)
    runs = bs.read_runs(path, columns())
    known = Conventions(embeddings="with", schedule="finished")
    assert runs.columns.conventions == known
    assert subset(runs, "params > 1e8").columns.conventions == known
    log = pd.concat([SWEEP.assign(run="a"), SWEEP.assign(run="b", tokens=SWEEP["tokens"] * 2)])
    log.attrs = {"conventions": {"embeddings": "with"}}
    of = replace(columns(), run="run", curve=Curve("tokens"))
    assert bs.read_runs(log, of).thin(5).columns.conventions == Conventions(embeddings="with")
    assert concat_runs(runs, runs).columns.conventions == known
    with pytest.raises(InputError, match="embeddings is 'without'"):
        concat_runs(runs, bs.read_runs(sweep(embeddings="without"), columns()))


def test_points_counted_otherwise_are_refused() -> None:
    runs = bs.read_runs(SWEEP, columns(embeddings="without"))
    points = pd.DataFrame({"params": [1e9], "tokens": [1e10]})
    points.attrs = {"conventions": {"embeddings": "with"}}
    with pytest.raises(InputError, match="the points: embeddings is 'with', in the runs 'without'"):
        in_base_units(points, runs)
    points.attrs = {"conventions": {"embeddings": "without", "schedule": "unfinished"}}
    assert len(in_base_units(points, runs)) == 1
    assert len(in_base_units(points, bs.read_runs(SWEEP, columns()))) == 1


def fitted(runs: Runs) -> bs.Fit:
    return bs.prior(read_study("chinchilla_law").model, runs, draws=40)


def test_a_saved_fit_keeps_them_and_says_them(tmp_path: Path) -> None:
    known = {"embeddings": "without", "tokens": "seen", "schedule": "finished", "context": 2048}
    of = columns(**known)
    fit = bs.load(bs.save(fitted(bs.read_runs(SWEEP, of)), tmp_path / "fit.nc"))
    assert fit.runs.columns.conventions == of.conventions
    assert "params 20M to 1.1B, without embeddings; tokens" in repr(fit)
    said = "Counted: parameters without embeddings; tokens seen; loss in nats per token (unit assumed, context 2,048 tokens"
    assert said in fit.summary()
    assert "parameters (without embeddings) on" in bs.plan(fit, 1e20).summary()
    assert "parameters (without embeddings) see" in bs.plan(fit, 1e20, params=1e9).summary()
    unknown = fitted(bs.read_runs(SWEEP, columns()))
    assert "parameters on" in bs.plan(unknown, 1e20).summary()


def test_fits_with_other_counts_are_not_stacked() -> None:
    from bayes_scaling.inference.stacking import stack

    one, other, silent = (
        fitted(bs.read_runs(SWEEP, columns(**known))) for known in ({"embeddings": "with"}, {"embeddings": "without"}, {})
    )
    with pytest.raises(InputError, match="'one' has embeddings counted 'with', 'other' 'without'"):
        stack({"one": one, "other": other}, {"one": 0.5, "other": 0.5})
    assert unlike_conventions(one.runs.columns, silent.runs.columns) is None
    both = stack({"one": one, "silent": silent}, {"one": 0.5, "silent": 0.5})
    assert "Of silent it is not stated: embeddings" in both.summary()


def test_a_contrast_of_rows_counted_in_two_ways_says_so() -> None:
    study = read_study("moba_vs_full")
    mixed = replace(study.columns, conventions=replace(study.columns.conventions, compute="mixed"))
    at = {"compute": [1.5], "position": 30720}
    clean, doubtful = (bs.prior(study.model, study_runs(replace(study, columns=of)), draws=20) for of in (study.columns, mixed))
    note = "compute differ between rows, so that a difference may be one of counting"
    assert note in bs.contrast(doubtful, "attention", "moba", "full", at).notes
    assert note not in bs.contrast(clean, "attention", "moba", "full", at).notes


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_bundled_study_agrees_with_its_table_and_reads_back(name: str) -> None:
    study = read_study(name)
    assert parse_study(study_text(study), name).columns.conventions == study.columns.conventions
    if study.source is not None:
        runs = study_runs(study)
        assert runs.columns.conventions.known.items() >= study.columns.conventions.known.items()
        assert not [note for note in runs.notes if "counts" in note or "differently" in note]
        assert set(not_stated(runs.columns)) <= {"loss", "tokens"}


@pytest.mark.parametrize("name", datasets.names())
def test_conventions_of_bundled_tables_are_ones(name: str) -> None:
    table = datasets.load(name)
    said = table.attrs.get("conventions", {})
    assert {column for column, of in said.items() if isinstance(of, dict)} <= set(table)
    table_conventions(table, Columns({"x": bs.Input("x")}), name)


@pytest.mark.parametrize("name", datasets.public())
def test_conventions_of_public_tables_are_ones_of_their_columns(name: str) -> None:
    source = fetching.registry()[name]
    table = pd.DataFrame()
    table.attrs = source.attrs
    table_conventions(table, Columns({"x": bs.Input("x")}), name)
    named = {column for column, of in source.conventions.items() if isinstance(of, dict)}
    assert named <= set(source.units)


def test_options_say_conventions() -> None:
    assert with_conventions(Conventions(head="with"), {"embeddings": "without", "context": "1024"}) == Conventions(
        embeddings="without", head="with", context=1024
    )
    with pytest.raises(InputError, match="--convention: no convention is called 'x'"):
        with_conventions(Conventions(), {"x": "y"})


def test_a_text_law_and_units_of_ones_own_keep_them() -> None:
    text = """
[data]
response = { column = "val_bpb" }
[data.inputs]
N = { column = "n_params", unit = "M parameters", reference = 100 }
[data.conventions]
embeddings = "without"
tokenizer = "bytes"
[law]
text = "E + A * N**-alpha"
[parameters]
E.prior = { between = [0.3, 1.2] }
A.prior = { median = 0.5, factor = 3.0 }
alpha.prior = { median = 0.3, factor = 2.0 }
[noise]
sd = { median = 0.01, factor = 3.0 }
"""
    study = parse_study(text, "mine.toml")
    table = pd.DataFrame({"n_params": [70.0, 160.0, 410.0], "val_bpb": np.array([1.2, 1.1, 1.0])})
    runs = study_runs(study, table)
    assert counted_sentence(runs.columns) == (
        "Counted: parameters without embeddings; loss in bits per byte (tokenizer bytes). Not stated: schedule finished or not."
    )
    assert parse_study(study_text(study), "mine.toml").columns == study.columns
