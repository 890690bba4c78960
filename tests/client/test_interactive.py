"""One cell is run with hooks for what it shows and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_the_default_stdin_hook_answers_although_replies_lie_unread(
    km: ConKernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """jupyter_client's stays silent when anything is there to be read on the shell channel."""
    async with client_of(km) as kc:
        kc.execute("1")
        await kc.kernel_info(reply=True)
        monkeypatch.setattr("builtins.input", lambda prompt: f"to {prompt}")
        shown: list[str] = []
        await kc.execute_interactive(
            "print(input('q'))",
            output_hook=lambda msg: shown.append(msg["content"].get("text", "")),
            timeout=LONG,
        )
        assert "".join(shown) == "to q\n"
