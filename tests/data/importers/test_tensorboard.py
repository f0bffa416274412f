"""TensorBoard event files: every scalar, as tensorboard's own loader finds them; restarts, settings, and files that are cut."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.record_writer import RecordWriter

import bayes_scaling as bs

FLOAT, DOUBLE, INT64, HALF = 1, 2, 9, 19


def write(path: Path, events: list[Event]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        writer = RecordWriter(stream)
        for event in [Event(wall_time=1.0, file_version="brain.Event:2"), *events]:
            writer.write(event.SerializeToString())
        writer.flush()
    return path


def scalar(step: int, tag: str, value: float) -> Event:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return Event(wall_time=2.0 + step, step=step, summary=summary)


def tensor(step: int, tag: str, of: TensorProto, plugin: str = "scalars") -> Event:
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    return Event(wall_time=2.0, step=step, summary=Summary(value=[Summary.Value(tag=tag, tensor=of, metadata=metadata)]))


def content(kind: int, form: str, *numbers: float, dims: tuple[int, ...] = ()) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in dims])
    return TensorProto(dtype=kind, tensor_shape=shape, tensor_content=struct.pack(f"<{len(numbers)}{form}", *numbers))


def metrics(*paths: Path) -> list[tuple[float, str, float]]:
    rows = bs.read_logs(list(paths)).metrics
    return list(zip(rows["step"], rows["key"].astype(str), rows["value"], strict=True))


def test_all_scalars_are_there_in_the_order_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    written = [
        (int(step), f"{name}/loss", float(np.float32(rng.normal())))
        for step in np.cumsum(rng.integers(0, 2**20, 3_000))
        for name in ("train", "eval", "a" * 200)
    ]
    path = write(tmp_path / "small" / "events.out.tfevents.1.host", [scalar(*one) for one in written])
    assert metrics(path) == written
    loaded = [Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()]
    assert [(e.step, v.tag, v.simple_value) for e in loaded for v in e.summary.value] == written


def test_tensors_of_one_number_are_scalars(tmp_path: Path) -> None:
    events = [
        tensor(1, "float", content(FLOAT, "f", 1.5)),
        tensor(2, "float", content(FLOAT, "f", 2.5)),
        tensor(3, "double", content(DOUBLE, "d", 0.1)),
        tensor(4, "whole", content(INT64, "q", -(2**40))),
        tensor(5, "half", content(HALF, "e", 0.5)),
        tensor(6, "one", content(FLOAT, "f", 7.5, dims=(1,))),
        tensor(7, "listed", TensorProto(dtype=FLOAT, float_val=[3.5])),
        tensor(8, "listed", TensorProto(dtype=INT64, int64_val=[-3])),
        tensor(9, "listed", TensorProto(dtype=DOUBLE, double_val=[0.1])),
        tensor(10, "curve", content(FLOAT, "f", 1.0, 2.0, dims=(2,)), plugin="pr_curves"),
        tensor(11, "filled", TensorProto(dtype=FLOAT, float_val=[1.0], tensor_shape=TensorShapeProto(dim=[{"size": 3}]))),
        tensor(12, "text/text_summary", TensorProto(dtype=7, string_val=[b"words"]), plugin="text"),
    ]
    assert metrics(write(tmp_path / "two" / "events.out.tfevents.1", events)) == [
        *[(1, "float", 1.5), (2, "float", 2.5), (3, "double", 0.1), (4, "whole", -(2.0**40)), (5, "half", 0.5)],
        *[(6, "one", 7.5), (7, "listed", 3.5), (8, "listed", -3.0), (9, "listed", 0.1)],
    ]


def test_several_scalars_of_an_event_and_what_is_no_number(tmp_path: Path) -> None:
    several = Event(step=3, summary=Summary(value=[Summary.Value(tag=tag, simple_value=1.0) for tag in "ab"]))
    image = Event(step=4, summary=Summary(value=[Summary.Value(tag="image", image=Summary.Image(height=2, width=2))]))
    nan = scalar(5, "a", float("nan"))
    path = write(tmp_path / "run" / "events.out.tfevents.1", [several, image, nan, scalar(-1, "a", 2.0)])
    rows = metrics(path)
    assert rows[:2] == [(3, "a", 1.0), (3, "b", 1.0)]
    assert np.isnan(rows[2][2])
    assert rows[3] == (-1, "a", 2.0)


def test_event_files_of_a_folder_are_one_run_and_the_later_one_wins(tmp_path: Path) -> None:
    write(tmp_path / "sweep/big/events.out.tfevents.1", [scalar(step, "loss", 5.0 - step) for step in range(4)])
    log = Event(step=2, session_log=SessionLog(status=SessionLog.START))
    write(tmp_path / "sweep/big/events.out.tfevents.2", [log, *(scalar(step, "loss", 4.0 - step) for step in range(2, 6))])
    write(tmp_path / "sweep/small/train/events.out.tfevents.1", [scalar(0, "loss", 1.0)])
    write(tmp_path / "sweep/small/validation/events.out.tfevents.1", [scalar(0, "loss", 2.0)])
    logs = bs.read_logs(tmp_path / "sweep")
    assert list(logs.sources["run"]) == ["big", "small/train", "small/validation"]
    assert len(logs.metrics) == 10
    table = logs.to_frame()
    assert list(table.loc[table["run"] == "big", "loss"]) == [5.0, 4.0, 2.0, 1.0, 0.0, -1.0]


def test_a_run_given_by_its_file_is_called_after_the_folder_that_tells(tmp_path: Path) -> None:
    path = write(tmp_path / "big/train/events.out.tfevents.1", [scalar(0, "loss", 1.0)])
    assert list(bs.read_logs(path).sources["run"]) == ["big/train"]


def test_hyperparameters_and_settings_as_text(tmp_path: Path) -> None:
    session = HParamsPluginData()
    session.session_start_info.hparams["lr"].number_value = 0.5
    session.session_start_info.hparams["kind"].string_value = "moe"
    session.session_start_info.hparams["tied"].bool_value = True
    value = Summary.Value(tag="_hparams_/session_start_info")
    value.metadata.plugin_data.plugin_name = "hparams"
    value.metadata.plugin_data.content = session.SerializeToString()
    text = TensorProto(dtype=7, string_val=[json.dumps({"hidden_size": 64}).encode()])
    events = [Event(summary=Summary(value=[value])), tensor(0, "model/text_summary", text, "text"), scalar(1, "loss", 2.0)]
    config = bs.read_logs(write(tmp_path / "run/events.out.tfevents.1", events)).configs.iloc[0].to_dict()
    assert (config["lr"], config["kind"], config["tied"], config["model.hidden_size"]) == (0.5, "moe", True, 64)


@pytest.mark.parametrize("cut", [1, 20, 3_000])
def test_a_file_that_was_cut_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "run/events.out.tfevents.1", [scalar(step, "loss", 1.0) for step in range(1_000)])
    path.write_bytes(path.read_bytes()[:-cut])
    logs = bs.read_logs(path)
    loaded = [Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()]
    assert len(logs.metrics) == len(loaded) - 1 < 1_000
    assert any("the file ends within a record; read up to there" in note and str(path) in note for note in logs.notes)


@pytest.mark.parametrize(("offset", "said"), [(20, "checksum"), (2, "length is damaged"), (7, "length is damaged")])
def test_a_damaged_record_is_where_reading_stops(tmp_path: Path, offset: int, said: str) -> None:
    path = write(tmp_path / "run/events.out.tfevents.1", [scalar(step, "loss", 1.0) for step in range(1, 100)])
    size = 12 + len(scalar(1, "loss", 1.0).SerializeToString()) + 4
    whole = bytearray(path.read_bytes())
    whole[len(whole) - 10 * size + offset] ^= 0x40
    path.write_bytes(whole)
    logs = bs.read_logs(path)
    assert len(logs.metrics) == 89
    assert any(said in note and f"byte {len(whole) - 10 * size}" in note for note in logs.notes)


def test_garbage_with_the_name_of_an_event_file_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(np.random.default_rng(0).bytes(1_000))
    with pytest.raises(bs.InputError, match=f"{path}: no known log"):
        bs.read_logs(path)
