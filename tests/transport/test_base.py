"""Whatever carries the messages, with sockets or without, keeps what the seam promises."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import zmq
import zmq.asyncio

from conkernelclient import errors
from conkernelclient.protocol.wire import DELIMITER
from conkernelclient.testing import MemoryLink
from conkernelclient.transport.base import BATCH, Transport
from conkernelclient.transport.endpoint import connected_socket
from conkernelclient.transport.zmq import ZmqTransport
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Catcher:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.sizes: list[int] = []
        self.news: list[tuple[str, str]] = []

    def received(self, _channel: str, batch: list[list[bytes]]) -> None:
        self.sizes.append(len(batch))
        self.got.extend(bytes(frames[-1]) for frames in batch)

    def connected(self, channel: str) -> None:
        self.news.append(("connected", channel))

    def disconnected(self, channel: str) -> None:
        self.news.append(("disconnected", channel))

    def lost(self, channel: str, error: Exception) -> None:
        self.news.append(("lost", channel))


class Kernel(Protocol):
    """The other end."""

    def listen(self) -> None: ...
    def hang_up(self) -> None: ...
    def receive(self, count: int) -> list[bytes]: ...
    def send(self, *texts: bytes) -> None: ...


def laid_out(text: bytes) -> list[bytes]:
    return [DELIMITER, b"signature", b"{}", b"{}", b"{}", text]


class Sockets:
    """A ROUTER."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.identity = b""
        # Kept from others until the end: whoever got it meanwhile would get what is sent early.
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port = self.place.getsockname()[1]
        self.mine = zmq.asyncio.Context()

    def transport(self, sink: Any, **bounds: int) -> Transport:
        return ZmqTransport(sink, connect=self._connect, **bounds)

    def _connect(self, channel: str) -> Any:
        url = f"tcp://127.0.0.1:{self.port}"
        return connected_socket(self.mine, channel, url, identity=None, keys=None)

    def listen(self) -> None:
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 1000
        while True:
            try:
                self.router.bind(f"tcp://127.0.0.1:{self.port}")
            except zmq.ZMQError:
                continue
            return

    def hang_up(self) -> None:
        self.router.close()

    def receive(self, count: int) -> list[bytes]:
        got = []
        while len(got) < count and self.router.poll(10_000):
            frames = self.router.recv_multipart()
            self.identity = frames[0]
            got.append(frames[-1])
        return got

    def send(self, *texts: bytes) -> None:
        for text in texts:
            self.router.send_multipart([self.identity, *laid_out(text)])

    def end(self) -> None:
        self.mine.destroy(linger=0)
        self.context.destroy(linger=0)
        self.place.close()


class Memory:
    """A memory link."""

    def __init__(self) -> None:
        self.link = MemoryLink()
        self.identity = b""

    def transport(self, sink: Any, **bounds: int) -> Transport:
        def connect(_: str) -> Any:
            raise AssertionError("it wants a socket")

        return self.link.transport(sink, connect=connect, **bounds)

    def listen(self) -> None:
        self.link.listen()

    def hang_up(self) -> None:
        self.link.hang_up()

    def receive(self, count: int) -> list[bytes]:
        got = self.link.receive("shell")
        assert len(got) <= count
        for frames in got:
            self.identity = frames[0]
        return [frames[-1] for frames in got]

    def send(self, *texts: bytes) -> None:
        for text in texts:
            self.link.send("shell", [self.identity, *laid_out(text)])

    def end(self) -> None:
        """Nothing is left."""


Opened = tuple[Transport, Catcher, Kernel]


@pytest.fixture(params=[Sockets, Memory])
def opened(request: pytest.FixtureRequest) -> Callable[..., Any]:
    @asynccontextmanager
    async def open_(*, is_there: bool = True, **bounds: int) -> AsyncIterator[Opened]:
        end = request.param()
        catcher = Catcher()
        limits = {"max_messages": 1000, "max_bytes": 10**6, **bounds}
        transport: Transport = end.transport(catcher, **limits)
        if is_there:
            end.listen()
        transport.attach(asyncio.get_running_loop())
        transport.open("shell")
        try:
            yield transport, catcher, end
        finally:
            transport.close("shell")
            transport.detach()
            end.end()

    return open_


async def greet(transport: Transport, kernel: Kernel) -> None:
    transport.send("shell", laid_out(b"hello"))
    assert kernel.receive(1) == [b"hello"]


async def test_messages_keep_their_order_both_ways(opened: Callable[..., Any]) -> None:
    async with opened() as (transport, catcher, kernel):
        texts = [b"%d" % number for number in range(500)]
        for text in texts:
            transport.send("shell", laid_out(text))
        assert kernel.receive(500) == texts
        kernel.send(*texts)
        await until(lambda: len(catcher.got) == 500)
        assert catcher.got == texts


async def test_they_come_in_batches_with_the_loops_other_work_between(
    opened: Callable[..., Any],
) -> None:
    async with opened() as (transport, catcher, kernel):
        await greet(transport, kernel)
        kernel.send(*[b"x"] * (3 * BATCH))
        seen: list[int] = []
        while len(catcher.got) < 3 * BATCH:
            await asyncio.sleep(0)
            seen.append(len(catcher.got))
        assert max(catcher.sizes) <= BATCH
        assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) <= (
            2 * BATCH
        )


async def test_a_kernel_that_is_not_there_gets_what_was_sent_when_it_comes(
    opened: Callable[..., Any],
) -> None:
    async with opened(is_there=False) as (transport, catcher, kernel):
        transport.send("shell", laid_out(b"early"))
        kernel.listen()
        await until(lambda: ("connected", "shell") in catcher.news)
        assert kernel.receive(1) == [b"early"]


async def test_coming_and_going_is_told_and_what_was_sent_is_read(
    opened: Callable[..., Any],
) -> None:
    async with opened() as (transport, catcher, kernel):
        await until(lambda: catcher.news == [("connected", "shell")])
        await greet(transport, kernel)
        assert not transport.is_disconnected()
        kernel.send(b"last words")
        kernel.hang_up()
        await until(transport.is_drained)
        assert transport.is_disconnected()
        await until(lambda: catcher.got == [b"last words"])
        assert catcher.news == [("connected", "shell"), ("disconnected", "shell")]


async def test_after_suspend_it_is_held_for_the_next_way(opened: Callable[..., Any]) -> None:
    async with opened() as (transport, catcher, kernel):
        await greet(transport, kernel)
        transport.suspend()
        assert transport.is_open("shell")
        assert transport.socket("shell") is None
        transport.send("shell", laid_out(b"held"))
        assert (transport.backlog, transport.backlog_bytes) == (1, len(b"".join(laid_out(b"held"))))
        transport.open("shell")
        await until(lambda: transport.backlog == 0)
        assert kernel.receive(1) == [b"held"]
        kernel.send(b"answer")
        await until(lambda: catcher.got == [b"answer"])


async def test_a_full_backlog_and_a_closed_channel_say_so(opened: Callable[..., Any]) -> None:
    async with opened(max_messages=2) as (transport, _, _):
        transport.suspend()
        transport.send("shell", laid_out(b"1"))
        transport.send("shell", laid_out(b"2"))
        with pytest.raises(errors.BacklogFullError, match="2 messages"):
            transport.send("shell", laid_out(b"3"))
        transport.close("shell")
        assert (transport.backlog, transport.backlog_bytes) == (0, 0)
        assert not transport.is_open("shell")
        with pytest.raises(errors.ChannelsClosedError, match="start_channels"):
            transport.send("shell", laid_out(b"4"))
        transport.close("shell")


async def test_without_a_loop_what_comes_waits_or_is_pumped(opened: Callable[..., Any]) -> None:
    async with opened() as (transport, catcher, kernel):
        await greet(transport, kernel)
        transport.detach()
        kernel.send(b"pumped")

        def pumped() -> bool:
            transport.pump("shell")
            return bool(catcher.got)

        await until(pumped)
        kernel.send(b"waits")
        await asyncio.sleep(0.01)
        transport.attach(asyncio.get_running_loop())
        await until(lambda: len(catcher.got) == 2)
        assert catcher.got == [b"pumped", b"waits"]


async def test_any_thread_may_send(opened: Callable[..., Any]) -> None:
    async with opened() as (transport, _, kernel):
        threads = [
            threading.Thread(target=transport.send, args=("shell", laid_out(b"%d" % number)))
            for number in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(kernel.receive(20), key=int) == [b"%d" % number for number in range(20)]


async def test_a_channel_of_which_the_kernel_speaks_first_tells_when_it_is_there(
    opened: Callable[..., Any],
) -> None:
    async with opened(is_there=False) as (transport, catcher, kernel):
        transport.open("stdin")
        assert not transport.is_connected("stdin")
        kernel.listen()
        await until(lambda: ("connected", "stdin") in catcher.news)
        assert transport.is_connected("stdin")
        transport.close("stdin")
        assert not transport.is_connected("stdin")
