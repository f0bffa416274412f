"""Text formats: each sample as it is, in other encodings, cut anywhere, and beside others in one folder."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from data.importers.samples import SAMPLES, Sample
from hypothesis import HealthCheck, given, settings, strategies as st

import bayes_scaling as bs
from bayes_scaling.data.importers.record import Logs

ENCODED: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode(),
    "with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
}


def written(folder: Path, sample: Sample, content: bytes | None = None) -> Path:
    path = folder / sample.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sample.text.encode() if content is None else content)
    return path


def rows_of(logs: Logs) -> list[tuple[str, float, str, float]]:
    of = logs.metrics
    return list(zip(of["run"].astype(str), of["step"], of["key"].astype(str), of["value"], strict=True))


def known_of(logs: Logs) -> dict[str, dict[str, object]]:
    rows = logs.configs.to_dict("records")
    return {str(row.pop("run")): {str(name): of for name, of in row.items() if not pd.isna(of)} for row in rows}


def names_file(refused: bs.InputError, sample: Sample) -> None:
    assert Path(sample.file).name in str(refused)


def check(logs: Logs, sample: Sample) -> None:
    """Check that logs hold just the rows of a sample, and what it knows of its runs."""
    expected = sorted((run, float(step), key, value) for run, step, key, value in sample.rows)
    assert repr(sorted(rows_of(logs))) == repr(expected)
    known = known_of(logs)
    for run, config in sample.known.items():
        assert {name: known[run].get(name) for name in config} == config
    assert set(logs.sources["format"]) == {sample.format}


@pytest.mark.parametrize("encoded", ENCODED)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_read(name: str, encoded: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    logs = bs.read_logs(written(tmp_path, sample, ENCODED[encoded](sample.text)))
    check(logs, sample)
    table = logs.to_frame()
    assert set(table["run"]) == set(logs.sources["run"])
    assert len(logs.to_frame(last=True)) == len(logs.sources)
    assert all(str(run) in logs.summary() for run in table["run"])


COMMAS = ["curve", "tidy_log", "lightning", "suffixes", "nanochat", "tensorboard_csv", "wandb_chart"]


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("name", [name for name in COMMAS if name != "lightning"])
def test_tables_with_other_separators(name: str, separator: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    logs = bs.read_logs(written(tmp_path, sample, sample.text.replace(",", separator).encode()))
    check(logs, sample)
    assert any("is split at" in note for note in logs.notes)


@pytest.mark.parametrize("name", ["curve", "tidy_log", "wandb_chart", "tensorboard_csv"])
def test_tables_with_decimal_commas(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    text = re.sub(r"(?<=\d)\.(?=\d)", "§", sample.text).replace(",", ";").replace("§", ",")
    check(bs.read_logs(written(tmp_path, sample, text.encode())), sample)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("wandb_chart", "eval/loss", "valid - x/ppl"),
        ("trainer_state", "eval_loss", "eval_wikitext_loss"),
        ("nanogpt", "val loss", "val bpb"),
        ("speedrun", "val_loss", "val/bpb"),
        ("megatron", "lm loss:", "mtp loss:"),
        ("json_lines", "train/loss", "train.ce"),
        ("tidy_log", "loss", "Validation cross-entropy"),
        ("lightning", "val_loss", "valid/nll"),
    ],
)
def test_metrics_of_other_names(name: str, before: str, after: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    logs = bs.read_logs(written(tmp_path, sample, sample.text.replace(before, after).encode()))
    assert len(logs.metrics) == len(sample.rows)
    new = {str(key) for key in logs.metrics["key"].cat.categories}
    assert any(after.strip(":").split(" - ")[-1] in key for key in new)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_log_cut_anywhere_is_read_up_to_there(name: str, step: int, tmp_path: Path) -> None:
    sample, content = SAMPLES[name], SAMPLES[name].text.encode()
    uncut = bs.read_logs(written(tmp_path, sample))
    whole, settings, before = {repr(row) for row in rows_of(uncut)}, known_of(uncut), 0
    for cut in range(1, len(content), step):
        try:
            logs = bs.read_logs(written(tmp_path, sample, content[:cut]))
        except bs.InputError as refused:
            names_file(refused, sample)
            continue
        found = [repr(row) for row in rows_of(logs) if settings.get(row[0], {}).get(row[2]) != row[3]]
        assert set(found) <= whole or any("if it was cut" in note for note in logs.notes), cut
        between = b"\n" in content[cut - 1 : cut + 1]
        assert len(found) > before or logs.notes or between, cut
        before = len(found)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(list(SAMPLES)),
    place=st.integers(0, 10_000),
    junk=st.binary(min_size=1, max_size=12),
    cut=st.booleans(),
)
def test_a_damaged_log_is_read_or_refused(name: str, place: int, junk: bytes, cut: bool, tmp_path: Path) -> None:
    sample, content = SAMPLES[name], SAMPLES[name].text.encode()
    at = place % len(content)
    damaged = content[:at] + junk + (b"" if cut else content[at:])
    try:
        logs = bs.read_logs(written(tmp_path, sample, damaged))
    except bs.InputError as refused:
        names_file(refused, sample)
    else:
        logs.to_frame()
        logs.summary()


def test_a_folder_of_mixed_loggers_is_one_call(tmp_path: Path) -> None:
    for i, sample in enumerate(SAMPLES.values()):
        written(tmp_path / f"logger{i}", sample)
    (tmp_path / "README.txt").write_text("Our runs.\n", encoding="utf-8")
    (tmp_path / "broken.json").write_bytes(b"\x93\x00\xffbinary")
    logs = bs.read_logs(tmp_path)
    constant = logs.metrics[(logs.metrics["key"] == "lr") & logs.metrics["run"].isin(["a", "b"])]
    assert len(constant) == 5  # alone a setting of its runs, a metric beside logs where it falls
    assert len(logs.metrics) == sum(len(sample.rows) for sample in SAMPLES.values()) + len(constant)
    assert set(logs.sources["format"].str.split(", ").explode()) >= {sample.format for sample in SAMPLES.values()}
    left = [note for note in logs.notes if note.startswith("left out: ")]
    assert len(left) == 2
    assert any("README.txt" in note for note in left)
    assert any("broken.json" in note for note in left)
