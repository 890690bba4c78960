"""A fake kernel answers what it has no script for."""

from __future__ import annotations

import asyncio

from tests.testing.fakes import fake, raw_messages


async def test_code_without_a_script_is_ok_and_shows_nothing() -> None:
    """Busy, the code, the reply, idle: with the request as the parent, signed."""
    async with fake() as (_, kc):
        msg_id = kc.execute("anything")
        published = await raw_messages(kc, msg_id)
        assert [kind for kind, _ in published] == ["status", "execute_input", "status"]
        states = [content.get("execution_state") for _, content in published]
        assert states == ["busy", None, "idle"]
        assert published[1][1] == {"code": "anything", "execution_count": 1}
        reply = await kc.execute("x", user_expressions={"a": "1 + 1"}, reply=True)
        content = reply["content"]
        assert (content["status"], content["execution_count"]) == ("ok", 2)
        assert content["user_expressions"]["a"]["data"] == {"text/plain": "1 + 1"}
        silent = await kc.execute("x", silent=True, reply=True)
        assert silent["content"]["execution_count"] == 2


async def test_every_verb_of_a_client_is_answered() -> None:
    """As by a kernel that finds nothing."""
    async with fake() as (_, kc):
        replies = await asyncio.gather(
            kc.kernel_info(reply=True),
            kc.complete("imp", 3, reply=True),
            kc.inspect("x", reply=True),
            kc.history(reply=True),
            kc.is_complete("x", reply=True),
            kc.comm_info(reply=True),
            kc.request("interrupt_request", {}, "control"),
        )
        contents = [reply["content"] for reply in replies]
        assert {content["status"] for content in contents} == {"ok", "complete"}
        assert contents[0]["implementation"] == "fake"
        assert contents[1]["cursor_end"] == 3
        assert contents[2]["found"] is False
        assert contents[3]["history"] == []
