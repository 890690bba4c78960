"""`python -m conkernelclient.kernel` is the kernel."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.clients import LONG, client_of

from .conftest import manager_of, start, value_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from conkernelclient import ConKernelManager


async def test_the_kernel_runs_as_a_module(km: ConKernelManager) -> None:
    """With the interpreter that was asked for, and the user's directory to import from."""
    async with client_of(km) as kc:
        assert await value_of(kc, "import sys; sys.executable") == repr(sys.executable)
        assert await value_of(kc, "type(get_ipython().kernel).__name__") == "'ConKernel'"


async def test_cells_import_modules_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in which the kernel was started."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "own.py").write_text("mine = True")
    monkeypatch.chdir(folder)
    km = manager_of(tmp_path)
    await start(km)
    try:
        async with client_of(km) as kc:
            assert await value_of(kc, "import own; own.mine") == "True"
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
