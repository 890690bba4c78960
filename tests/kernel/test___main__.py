"""`python -m conkernelclient.kernel` is the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import conkernelclient
from tests.clients import LONG, client_of

from .conftest import manager_of, start, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_the_kernel_runs_as_a_module(km: ConKernelManager) -> None:
    """With the interpreter that was asked for, and the user's directory to import from."""
    async with client_of(km) as kc:
        assert await value_of(kc, "import sys; sys.executable") == repr(sys.executable)
        assert await value_of(kc, "type(get_ipython().kernel).__name__") == "'ConKernel'"


NAMES = ("asyncio", "jedi", "logging", "orjson", "queue", "random", "tornado", "traitlets", "zmq")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which a kernel is started."""
    path = tmp_path / "work"
    path.mkdir()
    (path / "own.py").write_text("mine = True")
    monkeypatch.chdir(path)
    return path


async def test_files_named_as_what_the_kernel_imports_break_nothing(
    folder: Path, tmp_path: Path
) -> None:
    """Cells import other modules of the directory."""
    for name in NAMES:
        (folder / f"{name}.py").write_text("raise RuntimeError('mine')")
    km = manager_of(tmp_path)
    await start(km)
    try:
        async with client_of(km) as kc:
            assert await value_of(kc, "import own; own.mine") == "True"
            content = (await kc.complete("impor", 5, reply=True, timeout=LONG))["content"]
            assert "import" in content["matches"]
    finally:
        await km.shutdown_kernel(now=True)


@pytest.mark.parametrize("is_named", [False, True])
async def test_a_safe_path_leaves_out_the_directory(
    folder: Path, tmp_path: Path, is_named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless PYTHONPATH names it."""
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    root = str(Path(conkernelclient.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), root] if is_named else [root]))
    km = manager_of(tmp_path)
    await start(km)
    try:
        async with client_of(km) as kc:
            code = "import importlib.util; importlib.util.find_spec('own') is not None"
            assert await value_of(kc, code) == str(is_named)
    finally:
        await km.shutdown_kernel(now=True)


def test_help_is_shown_without_a_kernel() -> None:
    """And names the options."""
    shown = subprocess.run(
        [sys.executable, "-m", "conkernelclient.kernel", "--help-all"],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=True,
    )
    assert "--ConKernel.default_mode" in shown.stdout
