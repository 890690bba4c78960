"""Each request of the protocol is a method."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from conkernelclient import (
    ConKernelClient,
    ConKernelManager,
)
from tests.clients import LONG, client_of

VERBS = [
    "execute",
    "complete",
    "inspect",
    "history",
    "is_complete",
    "kernel_info",
    "comm_info",
    "shutdown",
]


OTHERS = ["execute_interactive", "input", "start_channels", "wait_for_ready"]


def positional(function: Any) -> list[tuple[str, Any]]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind in kinds]


@pytest.mark.parametrize("name", VERBS + OTHERS)
def test_the_positional_order_is_that_of_jupyter_client(name: str) -> None:
    """With its defaults; `stop_on_error=None` means the client's trait, which is True."""
    from jupyter_client.client import KernelClient

    base = {
        "execute_interactive": "_async_execute_interactive",
        "wait_for_ready": "_async_wait_for_ready",
    }
    wanted = positional(getattr(KernelClient, base.get(name, name)))
    wanted = [(n, None if n == "stop_on_error" else default) for n, default in wanted]
    assert positional(getattr(ConKernelClient, name)) == wanted
    assert ConKernelClient.stop_on_error.default_value is True


@pytest.mark.parametrize("name", VERBS[:-1])
async def test_every_verb_gives_an_id_or_a_reply(km: ConKernelManager, name: str) -> None:
    """Sent when called; the reply to an id stays claimable."""
    args = ("1",) if name in ("execute", "complete", "inspect", "is_complete") else ()
    async with client_of(km) as kc:
        verb = getattr(kc, name)
        msg_id = verb(*args)
        assert isinstance(msg_id, str)
        reply = await kc._async_recv_reply(msg_id, timeout=LONG)
        assert reply["parent_header"]["msg_id"] == msg_id
        assert reply["msg_type"] == f"{name}_reply"
        assert set(reply) == {
            "header",
            "msg_id",
            "msg_type",
            "parent_header",
            "metadata",
            "content",
            "buffers",
        }
        reply = await verb(*args, reply=True, timeout=LONG)
        assert reply["msg_type"] == f"{name}_reply"
