"""Executors of other libraries, as the page on many fits has them, in their local modes."""

import os
import re
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest
from batch_work import square

from bayes_scaling.inference.batch.executors import each_in_chunks

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "many-fits.md"


def adapter(name: str) -> Callable[..., Executor]:
    """Return a class that the page defines."""
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if f"class {name}(" in block)
    names: dict[str, Any] = {"Executor": Executor}
    exec(compile(code, str(PAGE), "exec"), names)
    made: Callable[..., Executor] = names[name]
    return made


def answers(executor: Executor) -> dict[int, Any]:
    return dict(each_in_chunks(square, range(6), executor.submit, 4, 3))


EXPECTED = {number: number**2 for number in range(6)}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that these libraries start import what they are asked to do."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_submitit(tmp_path: Path) -> None:
    submitit = pytest.importorskip("submitit")
    given = submitit.AutoExecutor(folder=tmp_path, cluster="local")
    given.update_parameters(timeout_min=10)
    assert answers(adapter("Submitit")(given)) == EXPECTED


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray() -> None:
    ray = pytest.importorskip("ray")
    here = [str(Path(__file__).parents[1])]
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": ":".join(here)}})
    try:
        assert answers(adapter("Ray")()) == EXPECTED
    finally:
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_executorlib() -> None:
    executorlib = pytest.importorskip("executorlib")
    with executorlib.SingleNodeExecutor(max_workers=1) as executor:
        assert answers(executor) == EXPECTED


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_parsl(tmp_path: Path) -> None:
    parsl = pytest.importorskip("parsl")
    from parsl.concurrent import ParslPoolExecutor

    one = parsl.HighThroughputExecutor(max_workers_per_node=1, address="127.0.0.1")
    with ParslPoolExecutor(parsl.Config(executors=[one], run_dir=str(tmp_path))) as executor:
        assert answers(executor) == EXPECTED
