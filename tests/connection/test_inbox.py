"""A flood of messages that nobody reads drops the oldest of them, and no request's idle."""

from __future__ import annotations

import asyncio
from queue import Empty
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.connection.inbox import Inbox
from conkernelclient.state.endings import restarted
from tests.clients import LONG, until
from tests.messages import incoming, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient.protocol.incoming import Incoming


def stream(text: str, parent_id: str = "flood") -> Incoming:
    return incoming("stream", parent_id, name="stdout", text=text)


def test_beyond_its_bound_the_oldest_go_and_statuses_stay() -> None:
    """What is left comes out in the order in which it came."""
    inbox = Inbox("iopub", limit=3)
    inbox.put(status("busy", "a"))
    for number in range(10):
        inbox.put(stream(str(number)))
    inbox.put(status("idle", "a"))
    assert (len(inbox), inbox.dropped) == (5, 7)
    taken = [inbox.get() for _ in range(5)]
    shown = [message.content.get("execution_state") or message.content["text"] for message in taken]
    assert shown == ["busy", "7", "8", "9", "idle"]
    with pytest.raises(Empty):
        inbox.get()


def test_bytes_are_bounded_too_and_statuses_do_not_count() -> None:
    """They have a bound of their own."""
    inbox = Inbox("iopub", max_bytes=250)  # two and a half of these messages
    inbox.put(status("busy", "a"))
    for number in range(5):
        inbox.put(stream(str(number)))
    assert inbox.dropped == 3
    assert [message.msg_type for message in inbox.take_all()] == ["status", "stream", "stream"]


def test_a_flood_of_statuses_drops_the_oldest_of_them_alone() -> None:
    """So the memory is bounded in any case."""
    inbox = Inbox("iopub", max_statuses=2)
    inbox.put(stream("kept"))
    for state in ("starting", "busy", "idle"):
        inbox.put(status(state, "a"))
    assert inbox.dropped == 1
    kept = inbox.take_all()
    assert [message.msg_type for message in kept] == ["stream", "status", "status"]
    assert kept[-1].content["execution_state"] == "idle"
    assert len(inbox) == 0


async def test_a_reply_can_be_claimed_until_it_is_dropped() -> None:
    """Its place is forgotten with it."""
    inbox = Inbox("shell", limit=1)
    inbox.put(incoming("execute_reply", "a"))
    inbox.put(incoming("execute_reply", "b"))
    assert (await inbox.claim("b", 0)).parent_id == "b"
    with pytest.raises(errors.ReplyTimeout):
        await inbox.claim("a", 0)
    assert len(inbox) == 0


def test_what_answers_nobody_can_be_discarded() -> None:
    """The rest stays in order."""
    inbox = Inbox("iopub")
    for message in (status("starting", ""), stream("x"), stream("y", ""), status("idle", "a")):
        inbox.put(message)
    inbox.discard_parentless()
    assert [message.msg_type for message in inbox.take_all()] == ["stream", "status"]


async def test_who_waits_gets_a_status_as_well() -> None:
    """Whatever comes first wakes him."""
    inbox = Inbox("iopub")
    waiting = asyncio.ensure_future(inbox.wait(None))
    await asyncio.sleep(0)
    inbox.put(status("idle", "a"))
    assert (await waiting).msg_type == "status"
    with pytest.raises(Empty):
        await inbox.wait(0)


async def read_on(read: Callable[[], Any]) -> Any:
    """Read until that fails, as a loop that waits for one reply does."""
    while True:
        await read()


async def test_a_reader_that_was_just_given_a_message_is_told_when_it_waits_again() -> None:
    """The last words of a kernel and its end may come in one turn of the loop."""
    inbox = Inbox("iopub")
    reader = asyncio.ensure_future(read_on(lambda: inbox.wait(None)))
    await until(lambda: inbox._patient)
    inbox.put(status("busy", "a"))
    inbox.fail_patient(restarted)
    with pytest.raises(errors.KernelRestartedError):
        await asyncio.wait_for(reader, LONG)
    other = asyncio.ensure_future(inbox.wait(None))
    await until(lambda: inbox._patient)
    inbox.put(status("idle", "a"))
    assert (await asyncio.wait_for(other, LONG)).parent_id == "a"
