"""A message over the bound costs its content, and nobody waits in vain for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from conkernelclient.testing import Ask, FakeKernel, Publish, Reply, Say, Show
from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from conkernelclient import ConKernelManager

LIMIT = 5_000
LARGE = "x" * LIMIT


def at_work(_request: Any) -> Iterator[Any]:
    """Large and small in turn."""
    yield Say("before\n")
    yield Say(LARGE)
    yield Show({"text/plain": LARGE})
    yield Publish("comm_msg", {"comm_id": "c", "data": {}}, buffers=[LARGE.encode()])
    yield Say("after\n")
    yield Ask(LARGE)
    yield from in_its_reply(_request)


def in_its_reply(_request: Any) -> Iterator[Any]:
    """Large at the end."""
    yield Reply({"status": "ok", "payload": [LARGE]})


async def test_a_large_message_is_replaced_by_a_note(caplog: pytest.LogCaptureFixture) -> None:
    """Outputs by a line on stderr, the reply by an error; it is counted, and logged once."""
    asked: list[str] = []

    def answer(question: Any) -> str:
        asked.append(question.prompt)
        return "y"

    async with FakeKernel() as kernel:
        kernel.on_code("work", at_work)
        kernel.on_code("reply", in_its_reply)
        kc = await kernel.client(max_message_bytes=LIMIT).start_channels()
        with caplog.at_level(logging.WARNING):
            result = await asyncio.wait_for(kc.run("work", on_stdin=answer), LONG)
            reply: Any = await asyncio.wait_for(kc.execute("reply", reply=True), LONG)
            again = await asyncio.wait_for(kc.run("1"), LONG)
        stats = kc.stats()
        kc.stop_channels()
    assert result.stdout == "before\nafter\n"
    assert result.stderr.count("bytes was left out: max_message_bytes is 5000]\n") == 3
    assert "[a display_data of " in result.stderr
    assert asked == [asked[0]]
    assert "an input_request of" in asked[0]
    assert result.error is not None
    assert (result.status, result.error.ename) == ("error", "ProtocolError")
    assert "an execute_reply of" in result.error.evalue
    assert reply["content"]["ename"] == "ProtocolError"
    assert again.ok
    assert stats["too_large"] == 5 + 1
    assert stats["pending"] == stats["rejected"] == 0
    assert sum("too_large" in record.message for record in caplog.records) == 1


async def test_the_bound_can_change_and_be_lifted(km: ConKernelManager) -> None:
    """A real kernel's large outputs are there again when there is none."""
    async with client_of(km, max_message_bytes=LIMIT) as kc:
        cut = await asyncio.wait_for(kc.run(f"'x' * {LIMIT}"), LONG)
        kc.max_message_bytes = None
        whole = await asyncio.wait_for(kc.run(f"'x' * {LIMIT}"), LONG)
    assert cut.ok
    assert "[an execute_result of " in cut.stderr
    assert whole.data == {"text/plain": repr(LARGE)}
