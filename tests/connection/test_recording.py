"""Whoever waits for a record gets it when its idle is in, or hears why it will never be."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient import errors
from conkernelclient.connection.recording import Recording
from conkernelclient.state.records import Records
from tests.messages import incoming, status


def recording(*msg_ids: str, limit: int = 100) -> Recording:
    """With a record of each."""
    made = Recording()
    made.records = Records(limit=limit)
    for msg_id in msg_ids:
        made.open({"msg_type": "execute_request", "msg_id": msg_id})
    return made


async def waiting(made: Recording, msg_id: str) -> asyncio.Task[list[object]]:
    """A task that waits for that record by now."""
    task = asyncio.ensure_future(made.take(msg_id, None))
    await asyncio.sleep(0)
    assert not task.done()
    return task  # type: ignore[return-value]


async def test_it_comes_whole_with_its_idle() -> None:
    """Also if that is in before anybody asks."""
    made = recording("a", "b")
    first = await waiting(made, "a")
    for name in "ab":
        for message in (status("busy", name), incoming("stream", name), status("idle", name)):
            made.add(message)
    assert [one.msg_type for one in await first] == ["status", "stream", "status"]  # type: ignore[attr-defined]
    assert len(await made.take("b", 0)) == 3
    assert made._parkings == {}


async def test_only_requests_have_records_and_one_each() -> None:
    """A comm message is answered by nothing."""
    made = recording("a")
    made.add(incoming("stream", "a"))
    made.open({"msg_type": "execute_request", "msg_id": "a"})
    made.open({"msg_type": "comm_msg", "msg_id": "c"})
    assert len(made.records.find("a").messages) == 1
    assert "c" not in made.records


async def test_a_timeout_leaves_the_record_for_later() -> None:
    """And nobody waits any more."""
    made = recording("a")
    with pytest.raises(errors.ReplyTimeout, match="its record is kept") as caught:
        await made.take("a", 0.01)
    assert caught.value.msg_id == "a"
    assert made._parkings == {}
    made.add(status("idle", "a"))
    assert len(await made.take("a", 0)) == 1


async def test_whoever_waits_hears_of_what_keeps_it_incomplete() -> None:
    """The kernel ended, or it was never sent; the spared one waits on."""
    made = recording("dead", "unsent", "spared")
    tasks = {name: await waiting(made, name) for name in ("dead", "unsent", "spared")}
    made.fail_one("unsent", lambda: errors.BacklogFullError("full"))
    made.fail_one("nobody's", lambda: errors.BacklogFullError("full"))
    made.fail(lambda: errors.DeadKernelError("gone"), spared=["spared"])
    with pytest.raises(errors.BacklogFullError):
        await tasks["unsent"]
    with pytest.raises(errors.DeadKernelError):
        await tasks["dead"]
    assert not tasks["spared"].done()
    made.add(status("idle", "spared"))
    assert len(await tasks["spared"]) == 1


async def test_whoever_waits_hears_that_it_had_to_go() -> None:
    """Others came after it."""
    made = recording("a", limit=1)
    task = await waiting(made, "a")
    made.open({"msg_type": "execute_request", "msg_id": "b"})
    with pytest.raises(errors.ProtocolError, match="had to go"):
        await task


def test_who_waited_in_a_closed_loop_is_forgotten() -> None:
    """Nobody can tell him."""
    made = recording("a")
    loop = asyncio.new_event_loop()
    task = loop.create_task(made.take("a", None))
    loop.run_until_complete(asyncio.sleep(0))
    assert list(made._parkings) == ["a"]
    made.forget_waiters()
    assert list(made._parkings) == ["a"]
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is the test's own
    loop.close()
    made.forget_waiters()
    assert made._parkings == {}
    task.get_coro().close()  # type: ignore[union-attr]
