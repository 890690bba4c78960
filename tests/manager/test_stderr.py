"""What a kernel writes last on its stderr is kept, and all of it is passed on."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.manager.stderr import StderrTail


@pytest.mark.parametrize(
    "options", [{"stderr": subprocess.DEVNULL}, {"independent": True}, {"capture": False}]
)
async def test_stderr_is_captured_only_where_it_is_ours(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given by the caller, or for a kernel that outlives us, it is not."""
    made: list[StderrTail] = []
    init = StderrTail.__init__
    monkeypatch.setattr(StderrTail, "__init__", lambda self: (made.append(self), init(self))[1])
    km = ConKernelManager(capture_stderr=options.pop("capture", True))
    await km.start_kernel(**options)
    assert made == []
    await km.shutdown_kernel(now=True)
