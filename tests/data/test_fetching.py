"""Public tables: downloads from a server on this machine, a folder instead, and how upstream files become tidy tables."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from public_tables import whole

from bayes_scaling._base.errors import InputError
from bayes_scaling.data import datasets
from bayes_scaling.data.datasets import fetching

CELLS = b"N,D,C,lr,gbsz,loss\n47557632,6000000000.0,1.7e+18,0.0016,42.2,3.5\n124455168,12500000000.0,9e+18,0.0008,45.9,3.1\n"
TIDY_CELLS = "run_id,params,tokens,flops,lr,batch_size,loss\nmine,1e8,1e9,6e17,0.001,32,3.25\n"


class Server:
    """Files by address, and the addresses asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.broken_off = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                content = server.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"") + server.broken_off))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fetching.FOLDER, raising=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that holds one upstream file, registered with its checksum as that of `oellm_tuned`."""
    real = fetching.registry()["oellm_tuned"]
    files = {"data/cells.csv": hashlib.sha256(CELLS).hexdigest()}
    made = replace(real, repository="owner/made", commit="c0ffee", files=files)
    monkeypatch.setattr(fetching, "registry", lambda: {"oellm_tuned": made})
    server = Server()
    server.files["/owner/made/c0ffee/data/cells.csv"] = CELLS
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def failure(name: str, host: str = fetching.HOST, cache: Path | None = None) -> str:
    with pytest.raises(InputError) as error:
        datasets.fetch(name, host=host, cache=cache)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_table_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    table = datasets.fetch("oellm_tuned", host=server.host, cache=tmp_path)
    again = datasets.fetch("oellm_tuned", host=server.host, cache=tmp_path)
    assert server.asked == ["/owner/made/c0ffee/data/cells.csv"]
    assert files_in(tmp_path) == ["cells.csv"]
    pd.testing.assert_frame_equal(table, again)
    assert list(table["run_id"]) == ["oellm_47M_6B", "oellm_124M_12.5B"]
    assert table.attrs["provenance"]["commit"] == "c0ffee"
    assert table.attrs["provenance"]["path"] == "data/cells.csv"
    assert table.attrs["units"]["tokens"] == "tokens"
    assert {"parameters", "loss", "schedule"} <= set(table.attrs["convention"])
    assert table.attrs["licence"] == "none stated"


def test_a_file_spoilt_in_the_cache_is_downloaded_again(server: Server, tmp_path: Path) -> None:
    datasets.fetch("oellm_tuned", host=server.host, cache=tmp_path)
    (tmp_path / "oellm_tuned" / "cells.csv").write_bytes(CELLS[:30])
    assert len(datasets.fetch("oellm_tuned", host=server.host, cache=tmp_path)) == 2
    assert len(server.asked) == 2


def test_another_file_than_the_known_one_is_not_kept(server: Server, tmp_path: Path) -> None:
    address = "/owner/made/c0ffee/data/cells.csv"
    server.files[address] = CELLS.replace(b"3.5", b"3.6")
    text = failure("oellm_tuned", server.host, tmp_path)
    assert text.startswith(f"{server.host}{address} does not have the known SHA-256, so it was not kept")
    assert files_in(tmp_path) == []


def test_a_missing_file_names_its_address(server: Server, tmp_path: Path) -> None:
    server.files.clear()
    text = failure("oellm_tuned", server.host, tmp_path)
    assert "/owner/made/c0ffee/data/cells.csv cannot be fetched into" in text
    assert "(HTTP 404)" in text
    assert "BAYES_SCALING_DATA" in text
    assert files_in(tmp_path) == []


def test_a_download_broken_off_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.broken_off = 100
    assert "cannot be fetched into" in failure("oellm_tuned", server.host, tmp_path)
    assert files_in(tmp_path) == []


def test_an_unreachable_server_is_one_line(server: Server, tmp_path: Path) -> None:
    server.http.shutdown()
    server.http.server_close()
    assert "(ConnectionError)" in failure("oellm_tuned", server.host, tmp_path)
    assert files_in(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_one_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "oellm_tuned").write_text("a file where the folder should be")
    assert f"cannot be fetched into {tmp_path / 'oellm_tuned'}" in failure("oellm_tuned", server.host, tmp_path)


@pytest.mark.parametrize("end", [".csv", ".csv.gz"])
def test_a_folder_is_read_instead(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    content = TIDY_CELLS.encode()
    (tmp_path / f"oellm_tuned{end}").write_bytes(gzip.compress(content) if end.endswith("gz") else content)
    monkeypatch.setenv(fetching.FOLDER, str(tmp_path))
    table = datasets.fetch("oellm_tuned", host=server.host, cache=tmp_path)
    assert list(table["run_id"]) == ["mine"]
    assert table.attrs["units"]["flops"] == "FLOP"
    assert server.asked == []


def test_a_folder_without_the_table_leaves_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(fetching.FOLDER, str(tmp_path))
    assert len(datasets.fetch("oellm_tuned", host=server.host, cache=tmp_path / "cache")) == 2


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("oellm_tuned.csv", b"", "unreadable or truncated (No columns to parse from file)"),
        ("oellm_tuned.csv", b'run_id,params\n"a,1\n', "unreadable or truncated"),
        ("oellm_tuned.csv", b"run_id,params\n\xff,1\n", "unreadable or truncated"),
        ("oellm_tuned.csv.gz", gzip.compress(TIDY_CELLS.encode())[:-12], "unreadable or truncated"),
        ("oellm_tuned.csv.gz", TIDY_CELLS.encode(), "unreadable or truncated"),
        ("oellm_tuned.csv", b"run_id,params,tokens\na,1,2\n", "needs columns ['flops', 'batch_size', 'loss']; the table has"),
    ],
    ids=["empty", "open quote", "not UTF-8", "truncated", "not gzip", "other columns"],
)
def test_an_unreadable_file_in_the_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes, said: str
) -> None:
    (tmp_path / file).write_bytes(content)
    monkeypatch.setenv(fetching.FOLDER, str(tmp_path))
    text = failure("oellm_tuned")
    assert text.startswith(f"{tmp_path / file}: ")
    assert said in text


def test_a_folder_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fetching.FOLDER, str(tmp_path / "nowhere"))
    assert failure("oellm_tuned") == f"BAYES_SCALING_DATA is {str(tmp_path / 'nowhere')!r}, which is not a folder"


def test_an_unknown_name_lists_the_known() -> None:
    assert failure("chinchila") == f"no public table is called 'chinchila'; there are {datasets.public()}"


def test_pickles_are_never_loaded() -> None:
    assert failure("porian_isoflop") == (
        "porian_isoflop can only be read as porian_isoflop.csv or porian_isoflop.csv.gz from the folder that "
        "BAYES_SCALING_DATA names: its upstream files are Python pickles, which are never loaded"
    )


@pytest.mark.parametrize("name", datasets.public())
def test_an_entry_is_complete(name: str) -> None:
    source = fetching.registry()[name]
    assert source.about
    assert source.paper
    assert source.licence
    assert source.units
    assert set(source.convention) == {"parameters", "tokens", "compute", "loss", "schedule"}
    assert all(source.convention.values())
    assert len(source.commit) == 40
    downloaded = all(len(known) == 64 for known in source.files.values())
    assert downloaded == (name in fetching.TIDY) == (not source.folder_only)
    if source.folder_only:
        assert not any(source.files.values())
        assert source.folder_only in failure(name)


def test_names_of_files_in_the_cache_differ() -> None:
    for source in fetching.registry().values():
        assert len({Path(path).name for path in source.files}) == len(source.files) or source.folder_only


def test_chinchilla_epoch_from_its_upstream_file() -> None:
    losses = [2.5, 5.0, 4.0, 3.9, 3.8, 3.7, 2.4]
    raw = pd.DataFrame({"x": 0.0, "color": "#000000", "Model Size": 1e9, "Training FLOP": 6e19, "loss": losses})
    table = fetching.chinchilla_epoch(raw)
    assert list(table) == ["run_id", "params", "tokens", "flops", "loss", "outlier_besiroglu"]
    assert list(table["run_id"])[-1] == "chin006"
    assert np.allclose(table["tokens"], 1e10)
    assert list(table["outlier_besiroglu"]) == [0, 1, 1, 1, 1, 1, 0]


def test_gadre_shape_grid_from_its_upstream_file(tmp_path: Path) -> None:
    upstream = tmp_path / "grid.json"
    upstream.write_text(
        '{"d=64_l=2_h=4-8-0.003-0.033-16-20000020-100-3e-05": 4.5, "d=96_l=3_h=4-8-0.01-0.1-8-40-2000-0.0001": 5}'
    )
    table = fetching.gadre_shape_grid(fetching._raw(str(upstream)))
    run = table.iloc[0].to_dict()
    assert run.pop("run_id") == "d=64_l=2_h=4-8-0.003-0.033-16-20000020-100-3e-05"
    settings = {"batch_sequences": 8, "lr": 0.003, "weight_decay": 0.033, "warmup_steps": 100, "lr_end": 3e-05}
    shape = {"width": 64, "depth": 2, "heads": 4, "head_dim": 16}
    assert run == shape | settings | {"tokens": 20000020, "loss": 4.5, "params_by_tokens20": 1000001}
    assert table.iloc[1]["lr_end"] == 0.0001


def test_llama3_isoflop_from_its_upstream_file() -> None:
    conditions = ["raw_loss", "raw_loss", "exp_loss", "exp_loss"]
    raw = pd.DataFrame({"condition": conditions, "tokens": 1e9, "params": 1e9, "budget": 6e18, "loss": [0.9, 0.8, 2.5, 2.2]})
    table = fetching.llama3_isoflop(raw)
    assert list(table) == ["run_id", "params", "tokens", "budget", "loss"]
    assert list(table["run_id"]) == ["llama3_000", "llama3_001"]
    assert list(table["loss"]) == [0.9, 0.8]


def test_the_names_are_those_of_the_tables_at_hand() -> None:
    at_hand = {path.stem for path in whole().glob("*.md")} - {"README"}
    assert set(datasets.public()) == {name for name in at_hand if not name.startswith("looped_tiny_")}


@pytest.mark.parametrize("name", datasets.public())
def test_a_table_at_hand_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = whole()
    monkeypatch.setenv(fetching.FOLDER, str(place))
    table = datasets.fetch(name)
    source = (place / f"{name}.md").read_text()
    assert len(table) > 0
    assert "run_id" in table
    assert table.attrs["provenance"]["commit"] in source
    assert table.attrs["provenance"]["repository"] in source
