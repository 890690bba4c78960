"""Messages are read in the order in which they came, however large they are."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import Result
from conkernelclient.connection.inbound import SLOW, Inbound
from conkernelclient.protocol.wire import LARGE, Wire
from conkernelclient.testing import FakeKernel, Publish, Raise, Say, Show, Value
from conkernelclient.transport.base import BATCH
from tests.clients import LONG, until
from tests.messages import packed, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conkernelclient.protocol.incoming import Incoming
    from conkernelclient.protocol.messages import Frame
    from conkernelclient.protocol.wire import Check


TEXT = "x" * LARGE


HUGE = "y" * (SLOW + 1)


class Gate(Wire):
    """A wire whose checks in threads wait until they may go on."""

    def __init__(self) -> None:
        super().__init__(settings())
        self.may_go_on = threading.Event()
        self.threads: list[threading.Thread] = []

    def check(self, frames: Any) -> Check:
        if threading.current_thread() is not threading.main_thread():
            self.threads.append(threading.current_thread())
            assert self.may_go_on.wait(LONG)
        return super().check(frames)


class Way:
    """A way in, and what came out of it."""

    def __init__(self) -> None:
        self.wire = Gate()
        self.inbound = Inbound(self.wire, self._deliver)
        self.texts: list[Any] = []

    def _deliver(self, _channel: Any, message: Incoming) -> None:
        self.texts.append(message.content["text"][:3])

    def take(self, *texts: str, channel: Any = "iopub") -> None:
        for text in texts:
            self.put(packed("stream", {"name": "stdout", "text": text}), channel)

    def take_all(self, *texts: str) -> None:
        batch = [packed("stream", {"name": "stdout", "text": text}) for text in texts]
        self.inbound.take("iopub", batch, asyncio.get_running_loop())

    def put(self, message: list[Frame], channel: Any = "iopub") -> None:
        self.inbound.take(channel, [message], asyncio.get_running_loop())


async def test_what_comes_behind_a_large_message_waits_for_it() -> None:
    """On its channel; the others go on meanwhile."""
    way = Way()
    small = [f"{n:03}" for n in range(2 * BATCH)]
    way.take("one", HUGE, "two", HUGE, *small)
    way.take("sh1", channel="shell")
    assert (way.texts, way.inbound.is_behind) == (["one", "sh1"], True)
    way.wire.may_go_on.set()
    await until(lambda: not way.inbound.is_behind)
    assert way.texts == ["one", "sh1", "yyy", "two", "yyy", *small]
    assert len(way.wire.threads) == 2
    way.take("end")
    assert way.texts[-1] == "end"


async def test_a_large_message_is_as_strictly_judged_as_a_small_one() -> None:
    """Wrongly signed, replayed, not JSON: it costs itself."""
    way = Way()
    way.wire.may_go_on.set()
    good = packed("stream", {"name": "stdout", "text": HUGE})
    forged = [*good[:2], b"0" * 64, *good[3:]]
    for message in (forged, good, good, [b"topic", b"no delimiter", HUGE.encode()]):
        way.put(message)
    await until(lambda: not way.inbound.is_behind)
    assert way.texts == ["yyy"]
    assert way.inbound.rejected == 3


async def test_without_a_thread_a_large_message_is_verified_in_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process may have no more of them, and a check may fail in its own way."""
    way = Way()
    way.wire.may_go_on.set()

    def refuse(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        way.take(HUGE, "two")
        assert way.texts == []
        await until(lambda: not way.inbound.is_behind)
    assert way.texts == ["yyy", "two"]

    has_failed = threading.Event()

    def fail(_: Any) -> None:
        has_failed.set()
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(way.wire, "check", fail)
        way.take(HUGE + "z", "end")
        assert has_failed.wait(LONG)  # the loop goes on when `check` works again
    await until(lambda: not way.inbound.is_behind)
    assert way.texts == ["yyy", "two", "yyy", "end"]


async def test_a_channel_that_is_closed_drops_what_is_being_verified() -> None:
    """And serves on when it is opened again."""
    way = Way()
    way.take(HUGE, "two")
    way.inbound.clear("iopub")
    way.take("new")
    way.wire.may_go_on.set()
    await until(lambda: way.wire.threads and not way.wire.threads[0].is_alive())
    await asyncio.sleep(0)
    assert way.texts == ["new"]


def test_what_a_closed_loop_was_verifying_is_read_in_the_next_one() -> None:
    """Nobody could be told there."""
    way = Way()

    async def begin() -> None:
        way.take(HUGE, "two")

    asyncio.run(begin())
    way.wire.may_go_on.set()
    way.inbound.finish()
    assert (way.texts, way.inbound.is_behind) == (["yyy", "two"], False)
    for thread in way.wire.threads:
        thread.join()


def large_cell(_request: Any) -> Iterator[Any]:
    """Large and small outputs in turn."""
    yield Say("before\n")
    yield Show({"text/plain": TEXT}, display_id="d")
    yield Say("after\n")
    yield Publish("clear_output", {"wait": True})
    yield Show({"text/plain": TEXT}, display_id="d")
    yield Say(TEXT)
    yield Value({"text/plain": TEXT})


async def test_large_outputs_are_read_when_the_result_is_asked_for_them() -> None:
    """They are the same then, and displays are updated from other cells."""
    async with FakeKernel() as kernel:
        kernel.on_code("large", large_cell)
        kernel.on_code(
            "update",
            lambda _: iter(
                [
                    Publish(
                        "update_display_data",
                        {
                            "data": {"text/plain": "new"},
                            "metadata": {},
                            "transient": {"display_id": "d"},
                        },
                    )
                ]
            ),
        )
        kernel.on_code("raise", lambda _: iter([Say(TEXT), Raise("ValueError", "no")]))
        kc = await kernel.client().start_channels()
        first = kc.run("large")
        result = await asyncio.wait_for(first, LONG)
        assert first._execution.reducer is not None
        assert first._execution.reducer.is_behind
        assert result.data == {"text/plain": TEXT}
        assert not first._execution.reducer.is_behind
        assert [one["output_type"] for one in result.outputs] == [
            "display_data",
            "stream",
            "execute_result",
        ]
        assert result.outputs[0]["data"] == {"text/plain": TEXT}
        unread = await asyncio.wait_for(kc.run("large"), LONG)
        await asyncio.wait_for(kc.run("update"), LONG)
        assert unread.outputs[0]["data"] == result.outputs[0]["data"] == {"text/plain": "new"}
        failed = await asyncio.wait_for(kc.run("raise"), LONG)
        assert failed.error is not None
        assert (failed.status, failed.error.ename) == ("error", "ValueError")
        assert failed.stdout == TEXT
        assert "ValueError" in repr(failed)
        unread = await asyncio.wait_for(kc.run("large"), LONG)
        assert copy.copy(unread).outputs == unread.outputs == dataclasses.asdict(unread)["outputs"]
        assert set(dataclasses.asdict(unread)) == {one.name for one in dataclasses.fields(Result)}
        with pytest.raises(AttributeError, match="output'"):
            _ = failed.output  # type: ignore[attr-defined]
        kc.stop_channels()


async def test_what_came_first_is_delivered_first_whoever_receives_meanwhile() -> None:
    """All of a batch are read before one is delivered; a delivery may let the client receive."""
    way = Way()
    batches = [[f"{batch}{n}" for n in range(3)] for batch in "abc"]

    def deliver(_channel: Any, message: Incoming) -> None:
        way.texts.append(message.content["text"])
        if batches:
            way.take_all(*batches.pop(0))

    way.inbound._deliver = deliver
    way.take_all(*batches.pop(0))
    assert way.texts == [f"{batch}{n}" for batch in "abc" for n in range(3)]


async def test_a_batch_that_was_broken_off_is_delivered_to_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By Control-C, which may come at any time; an error costs its message alone."""
    way = Way()
    errors: list[BaseException] = [KeyboardInterrupt(), ValueError()]

    def deliver(_channel: Any, message: Incoming) -> None:
        way.texts.append(message.content["text"])
        if errors:
            raise errors.pop(0)

    way.inbound._deliver = deliver
    with pytest.raises(KeyboardInterrupt):
        way.take_all("one", "two", "three")
    assert way.texts == ["one"]
    await until(lambda: way.texts == ["one", "two", "three"])
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]
    caplog.clear()
