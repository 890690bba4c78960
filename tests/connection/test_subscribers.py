"""A slow subscriber delays nobody, and what it misses is counted."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient.connection import subscribers
from conkernelclient.connection.subscribers import Subscribers
from tests.clients import until
from tests.messages import incoming, status


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
