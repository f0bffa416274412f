"""Compiled code is kept where that is possible, and made anew where it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import CacheImpl

from bayes_scaling.inference.native import callbacks


def test_without_a_folder_to_keep_them_in_the_callbacks_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    callbacks.cache_clear()
    try:
        assert all(callbacks())
    finally:
        callbacks.cache_clear()


def test_without_a_home_the_command_line_compiles_all_the_same() -> None:
    code = (
        "from bayes_scaling.cli.startup import compiled_code\nwith compiled_code():\n"
        "    import pytensor; print(pytensor.config.base_compiledir)"
    )
    own = {name: value for name, value in os.environ.items() if name != "PYTENSOR_FLAGS"} | {"HOME": "/dev/null/none"}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "compiled code is not kept" in done.stderr
    assert not Path(done.stdout.strip()).exists()
