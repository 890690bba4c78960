"""A slow subscriber delays nobody, and what it misses is counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.connection import subscribers
from conkernelclient.connection.subscribers import Subscribers, Subscription
from tests.clients import LONG, until
from tests.messages import incoming, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient.protocol.incoming import Incoming
    from conkernelclient.protocol.messages import Channel, Message


async def test_a_slow_subscriber_misses_others_and_no_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it misses is counted."""
    monkeypatch.setattr(subscribers, "QUEUED", 5)
    monkeypatch.setattr(subscribers, "STATUSES_QUEUED", 2)
    subscribed, seen = Subscribers(), list[str]()
    subscription = subscribed.add(lambda msg: seen.append(msg["msg_type"]))
    for message in (
        status("busy", "a"),
        *(incoming("stream", "flood", text=str(n)) for n in range(8)),
        status("idle", "a"),
    ):
        subscribed.offer("iopub", message)
    subscribed.offer("iopub", status("idle", "b"))  # one more than its bound
    assert subscription.dropped == subscribed.dropped == 4
    await until(lambda: len(seen) == 7)
    assert seen == ["status", *["stream"] * 5, "status"]
    subscribed.offer("iopub", status("idle", "c"))
    await until(lambda: len(seen) == 8)
    subscribed.offer("iopub", incoming("stream", "flood", text="never seen"))
    subscription.close()
    await asyncio.sleep(0)
    assert len(seen) == 8


async def test_what_the_present_ones_missed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is closed takes its count along."""
    monkeypatch.setattr(subscribers, "QUEUED", 1)
    subscribed, seen = Subscribers(), list[str]()
    every, one = (
        subscribed.add(lambda msg: seen.append(msg["msg_type"]), parent_id=parent_id)
        for parent_id in (None, "a")
    )
    for number in range(3):
        subscribed.offer("iopub", incoming("stream", "a", text=str(number)))
    assert (every.dropped, one.dropped, subscribed.dropped) == (2, 2, 4)
    one.close()
    one.close()  # harmless
    assert subscribed.dropped == 2
    every.close()
    assert (subscribed.dropped, len(subscribed.all)) == (0, 0)


async def test_those_of_one_request_are_not_asked_about_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand of them cost the messages of another request nothing."""
    asked: list[str] = []
    wants = Subscription.wants

    def counted(one: Subscription, channel: Channel, message: Incoming) -> bool:
        asked.append(message.parent_id)
        return wants(one, channel, message)

    monkeypatch.setattr(Subscription, "wants", counted)
    subscribed, seen = Subscribers(), list[tuple[str, str]]()

    def keep(name: str) -> Callable[[Message], None]:
        return lambda msg: seen.append((name, msg["content"]["text"]))

    for number in range(1000):
        subscribed.add(keep("many"), parent_id=f"other {number}")
    all_of_them = [
        subscribed.add(keep("each")),
        subscribed.add(keep("a"), "iopub", ["stream"], parent_id="a"),
        subscribed.add(keep("shell"), "shell", parent_id="a"),
        subscribed.add(keep("status"), None, ["status"], parent_id="a"),
    ]
    for parent_id in ("a", "b", ""):
        subscribed.offer("iopub", incoming("stream", parent_id, text=parent_id))
    await asyncio.gather(*(one.until_handled() for one in all_of_them))
    assert sorted(seen) == [("a", "a"), ("each", ""), ("each", "a"), ("each", "b")]
    assert asked == ["a"] * 4 + ["b", ""]
    for one in tuple(subscribed.all):
        one.close()
    assert not subscribed.all
    assert not subscribed._seeing


@pytest.mark.parametrize("parent_id", [None, "a"])
async def test_one_that_is_closed_amid_the_offer_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, parent_id: str | None
) -> None:
    """And its neighbours lose nothing: here the first one's warning closes the second."""
    monkeypatch.setattr(subscribers, "QUEUED", 0)
    subscribed, seen = Subscribers(), list[str]()
    first, second, third = (
        subscribed.add(lambda msg: seen.append(msg["msg_type"]), parent_id=parent_id)
        for _ in range(3)
    )

    def close(*_args: Any) -> None:
        first.close()
        second.close()
        subscribed.add(seen.append, parent_id=parent_id)  # type: ignore[arg-type]
        monkeypatch.setattr(subscribers, "QUEUED", 1)

    monkeypatch.setattr(subscribers.logger, "warning", close)
    subscribed.offer("iopub", incoming("stream", "a", text=""))
    await asyncio.wait_for(third.until_handled(), LONG)
    assert seen == ["stream"]
    assert (first.dropped, second.dropped, len(subscribed.all)) == (1, 0, 2)


async def test_what_is_of_no_named_request_has_its_own_subscribers() -> None:
    """As long as one names a request, its messages are claimed."""
    subscribed, rest, named, every = Subscribers(), list[str](), list[str](), list[str]()

    def note(into: list[str]) -> Callable[[Message], None]:
        return lambda msg: into.append(msg["content"]["text"])

    subscribed.add(note(rest), parent_id=subscribers.UNCLAIMED)
    subscribed.add(note(every))
    one = subscribed.add(note(named), parent_id="a")
    for parent, text in (("a", "1"), ("b", "2"), ("", "3")):
        subscribed.offer("iopub", incoming("stream", parent, text=text))
    await until(lambda: (rest, named, every) == (["2", "3"], ["1"], ["1", "2", "3"]))
    one.close()
    subscribed.offer("iopub", incoming("stream", "a", text="4"))
    await until(lambda: rest == ["2", "3", "4"])
