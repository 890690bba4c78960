"""Each message gets to the handlers that want it, in their order, whatever others do."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from conkernelclient.errors import UnparseableMessageError
from conkernelclient.sidecar.actions.delivery import Delivery
from conkernelclient.sidecar.actions.handlers import DebugHandler, Handler
from conkernelclient.sidecar.models import RawMessage, Stream


def stream(text: str = "x") -> dict[str, Any]:
    """A message that a kernel publishes."""
    return message("stream", {"name": "stdout", "text": text})


def message(msg_type: str, content: dict[str, Any]) -> dict[str, Any]:
    """A message of any type."""
    header = {"msg_id": "1", "msg_type": msg_type, "session": "s", "username": "", "date": None}
    return {
        "header": header,
        "msg_id": "1",
        "msg_type": msg_type,
        "parent_header": {"msg_id": "0"},
        "metadata": {},
        "content": content,
        "buffers": [],
    }


class Hook:
    """Notes what does not fit its model."""

    def __init__(self) -> None:
        self.told: list[UnparseableMessageError] = []

    async def __call__(self, message: Any, error: UnparseableMessageError) -> None:
        self.told.append(error)


def delivery(*handlers: Any, timeout: float | None = None, hook: Any = None) -> Delivery:
    """A delivery to these."""
    return Delivery(handlers, timeout, hook or Hook())


async def show(to: Delivery, what: dict[str, Any]) -> None:
    """Show it, and wait if a handler does."""
    waiting = to.show(what)
    if waiting is not None:
        await waiting


async def test_each_gets_what_it_wants_in_order() -> None:
    """Methods by type, the rest to `unhandled_message`, callables all; models once for all."""
    seen: list[Any] = []

    class Streams(Handler):
        async def handle_stream(self, message: Stream) -> None:
            await asyncio.sleep(0)
            seen.append(("streams", message))

    class Dicts(Handler):
        takes = "dicts"

        def handle_stream(self, message: dict[str, Any]) -> None:
            seen.append(("dicts", message))

    debug = DebugHandler()
    to = delivery(Streams(), lambda one: seen.append(("callable", one)), Dicts(), debug)
    sent = stream()
    await show(to, sent)
    assert [name for name, _ in seen] == ["streams", "callable", "dicts"]
    assert seen[0][1] is seen[1][1] is debug.get_last_msg("stream")
    assert seen[2][1] is sent
    seen.clear()
    await show(to, message("of_ones_own", {"a": 1}))
    assert [name for name, _ in seen] == ["callable"]
    assert isinstance(seen[0][1], RawMessage)
    assert debug.counts == {"stream": 1, "of_ones_own": 1}
    with pytest.raises(KeyError, match="these did: of_ones_own, stream"):
        debug.get_last_msg("error")


async def test_where_nobody_wants_models_none_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler without a method for a type costs nothing either."""

    class Dicts(Handler):
        takes = "dicts"

        def unhandled_message(self, message: dict[str, Any]) -> None:
            seen.append(message)

    class Errors(Handler):
        def handle_error(self, message: Any) -> None:
            raise AssertionError

    seen: list[Any] = []
    to = delivery(Dicts(), Errors())
    monkeypatch.setattr("conkernelclient.sidecar.actions.delivery.parse", None)
    assert to.show(stream()) is None
    assert len(seen) == 1


async def test_what_one_raises_hurts_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """Sync, async, too slow, cancelled from within, at the end: it is kept, the first is logged."""

    def wrong(message: Any) -> None:
        raise ValueError("sync")

    async def wrong_later(message: Any) -> None:
        await asyncio.sleep(0)
        raise ValueError("async")

    async def never(message: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async def cancelled(message: Any) -> None:
        raise asyncio.CancelledError

    class AtTheEnd(Handler):
        async def action_complete(self, action: Any) -> None:
            raise ValueError("end")

    last = DebugHandler()
    to = delivery(wrong, wrong_later, never, cancelled, AtTheEnd(), last, timeout=0.05)
    with caplog.at_level(logging.ERROR):
        await show(to, stream())
        await to.complete(None)  # pyright: ignore[reportArgumentType]
    assert len(caplog.records) == 1
    caplog.clear()
    assert last.counts == {"stream": 1}
    assert last.is_complete
    assert [str(failure.error) for failure in to.failures] == [
        "sync",
        "async",
        "",
        "it was cancelled from within",
        "end",
    ]
    assert isinstance(to.failures[2].error, TimeoutError)
    assert [failure.msg_type for failure in to.failures] == ["stream"] * 4 + [None]
    assert to.failed == 5


async def test_failures_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """They are all counted."""

    def wrong(message: Any) -> None:
        raise ValueError

    to = delivery(wrong)
    for _ in range(1000):
        to.show(stream())
    caplog.clear()
    assert (len(to.failures), to.failed) == (100, 1000)


async def test_what_fits_no_model_is_told_once_and_shown_to_those_who_want_dicts() -> None:
    """And those behind them."""

    class Dicts(Handler):
        takes = "dicts"

        async def handle_stream(self, message: dict[str, Any]) -> None:
            seen.append(message)

    seen: list[Any] = []
    first, last, hook = Dicts(), Dicts(), Hook()
    to = delivery(first, seen.append, DebugHandler(), last, hook=hook)
    wrong = message("stream", {"name": 3})
    await show(to, wrong)
    assert seen == [wrong, wrong]
    assert len(hook.told) == 1
    await show(to, stream())  # the next one is not hurt
    assert len(seen) == 5


async def test_a_cancel_from_outside_goes_through() -> None:
    """It ends the handler that is at work."""
    began = asyncio.Event()

    async def never(message: Any) -> None:
        began.set()
        await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(show(delivery(never), stream()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
