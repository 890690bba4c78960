"""Frames get through in order, in batches, without blocking, and a full queue says so."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import warnings
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio

from conkernelclient import errors
from conkernelclient.protocol.wire import DELIMITER
from conkernelclient.transport.base import BATCH
from conkernelclient.transport.sockets import ConSocket
from conkernelclient.transport.zmq import ZmqTransport
from tests.clients import LONG, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Catcher:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[list[bytes]] = []
        self.lost_channels: list[str] = []
        self.connected_channels: list[str] = []

    def received(self, channel: str, batch: list[list[bytes]]) -> None:
        self.got.extend(batch)

    def connected(self, channel: str) -> None:
        self.connected_channels.append(channel)

    def lost(self, channel: str, error: Exception) -> None:
        self.lost_channels.append(channel)


@asynccontextmanager
async def connected(**bounds: int) -> AsyncIterator[tuple[ZmqTransport, Catcher, Any, ConSocket]]:
    """A transport whose shell channel is connected to a ROUTER of our own."""
    catcher = Catcher()
    limits = {"max_messages": 1000, "max_bytes": 10**8, **bounds}
    context = zmq.asyncio.Context()
    router = zmq.Socket(zmq.Context(context), zmq.ROUTER)
    router.linger = 0
    router.sndhwm = router.rcvhwm = 10
    port = router.bind_to_random_port("tcp://127.0.0.1")
    socket = context.socket(zmq.DEALER, socket_class=ConSocket)
    socket.sndhwm = 10
    socket.rcvhwm = 0
    socket.connect(f"tcp://127.0.0.1:{port}")
    transport = ZmqTransport(catcher, connect=lambda _: socket, **limits)
    transport.open("shell")
    transport.attach(asyncio.get_running_loop())
    try:
        yield transport, catcher, router, socket
    finally:
        transport.close("shell")
        transport.detach()
        router.close()
        context.destroy(linger=0)


def laid_out(text: bytes) -> list[bytes]:
    """Frames laid out as those of a message."""
    return [DELIMITER, b"signature", b"{}", b"{}", b"{}", text]


def read_all(router: Any, count: int) -> list[list[bytes]]:
    got = []
    while len(got) < count and router.poll(LONG * 1000):
        got.append(router.recv_multipart()[1:])
    return got


async def test_a_batch_is_bounded_and_then_the_loop_has_its_turn() -> None:
    """Nobody waits while a flood is read."""
    async with connected() as (transport, catcher, router, _):
        transport.send("shell", [b"hello"])
        identity = router.recv_multipart()[0]
        router.sndhwm = 0
        count = 4 * BATCH

        def flood() -> None:
            for number in range(count):
                router.send_multipart([identity, *laid_out(b"%d" % number)])

        await asyncio.to_thread(flood)
        most = 0
        async with asyncio.timeout(LONG):
            while len(catcher.got) < count:
                before = len(catcher.got)
                await asyncio.sleep(0)
                most = max(most, len(catcher.got) - before)
        assert catcher.got == [laid_out(b"%d" % n) for n in range(count)]
        assert most <= 2 * BATCH  # one batch for the descriptor, one for the look after it


async def test_what_the_peer_does_not_read_waits_in_order_and_without_blocking() -> None:
    """It leaves when the peer reads, with nothing else going on."""
    async with connected() as (transport, _, router, _socket):
        count = 500
        body = b"x" * 20_000  # more than the system's buffers hold
        for number in range(count):
            transport.send("shell", [b"%d" % number, body], copy=bool(number % 2))
        assert transport.backlog > 0
        got = await asyncio.to_thread(read_all, router, 50)
        rest = asyncio.create_task(asyncio.to_thread(read_all, router, count - 50))
        got += await asyncio.wait_for(rest, LONG)
        assert [frames[0] for frames in got] == [b"%d" % n for n in range(count)]
        await until(lambda: not transport.backlog)
        assert transport.backlog_bytes == 0


@pytest.mark.parametrize("bounds", [{"max_messages": 5}, {"max_bytes": 5000}])
async def test_a_full_queue_is_an_error_at_once_and_nothing_is_kept(bounds: dict[str, int]) -> None:
    """By messages and by bytes."""
    async with connected(**bounds) as (transport, _, router, _socket):
        sent = 0
        with pytest.raises(errors.BacklogFullError, match="does not read"):
            while sent < 10_000:
                transport.send("shell", [b"%d" % sent, b"x" * 1000])
                sent += 1
        backlog = transport.backlog, transport.backlog_bytes
        with pytest.raises(errors.BacklogFullError):
            transport.send("shell", [b"once more", b"x" * 1000])
        assert (transport.backlog, transport.backlog_bytes) == backlog
        got = await asyncio.to_thread(read_all, router, sent)
        assert [frames[0] for frames in got] == [b"%d" % n for n in range(sent)]


async def test_what_waits_is_a_copy_of_the_caller_s_buffer() -> None:
    """It may be written to as soon as `send` returned."""
    async with connected() as (transport, _, router, _socket):
        buffer = bytearray(b"before")
        while not transport.backlog:
            transport.send("shell", [b"fill", b"x" * 5000])
        transport.send("shell", [b"mine", buffer], copy=False)
        buffer[:] = b"after!"
        while True:
            (frames,) = await asyncio.to_thread(read_all, router, 1)
            if frames[0] == b"mine":
                assert frames[1] == b"before"
                break


async def test_sends_from_threads_do_not_interleave() -> None:
    """Each message arrives whole."""
    async with connected(max_messages=100_000) as (transport, _, router, _socket):

        def work(name: bytes) -> None:
            for number in range(200):
                transport.send("shell", [name, b"%d" % number, name])

        threads = [threading.Thread(target=work, args=(b"%d" % n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        got = await asyncio.to_thread(read_all, router, 800)
        for thread in threads:
            thread.join()
        assert len(got) == 800
        for n in range(4):
            mine = [frames for frames in got if frames[0] == b"%d" % n]
            assert [frames[1] for frames in mine] == [b"%d" % number for number in range(200)]
            assert all(frames[2] == frames[0] for frames in mine)


async def test_closing_drops_what_waits_and_a_closed_channel_says_so() -> None:
    """The figures go back to nothing."""
    async with connected() as (transport, _, _router, socket):
        while not transport.backlog:
            transport.send("shell", [b"x" * 5000])
        transport.close("shell")
        transport.close("shell")
        assert (transport.backlog, transport.backlog_bytes, socket.closed) == (0, 0, True)
        assert not transport.is_open("shell")
        assert transport.socket("shell") is None
        transport.pump("shell")
        with pytest.raises(errors.ChannelsClosedError, match="start_channels"):
            transport.send("shell", [b"x"])


async def test_a_lost_socket_ends_its_reader_and_is_told() -> None:
    """Somebody else closed it."""
    async with connected() as (transport, catcher, _router, socket):
        socket.on_touched = None
        socket.close(linger=0)
        transport.pump("shell")
        assert catcher.lost_channels == ["shell"]
        assert not transport.is_open("shell")


async def test_a_second_loop_goes_on_with_what_has_come() -> None:
    """What arrives between two loops is not lost."""
    async with connected() as (transport, catcher, router, _socket):
        transport.send("shell", [b"hello"])
        identity = router.recv_multipart()[0]
        transport.detach()
        router.send_multipart([identity, *laid_out(b"meanwhile")])
        transport.attach(asyncio.get_running_loop())
        await until(lambda: catcher.got)
        assert catcher.got == [laid_out(b"meanwhile")]


BREAKING_OFF = """
import threading, time, zmq, zmq.asyncio
from conkernelclient.transport.sockets import ConSocket
from conkernelclient.transport.zmq import ZmqTransport

context = zmq.asyncio.Context()
for turn in range(200):
    kernel = zmq.Context.instance().socket(zmq.ROUTER)
    kernel.linger, kernel.rcvhwm = 0, 10
    kernel.setsockopt(zmq.RCVBUF, 4096)
    port = kernel.bind_to_random_port("tcp://127.0.0.1")
    socket = ConSocket(context, zmq.DEALER)
    socket.sndhwm = 0
    socket.setsockopt(zmq.SNDBUF, 4096)
    socket.connect(f"tcp://127.0.0.1:{port}")
    transport = ZmqTransport(
        None, connect=lambda _: socket, max_messages=100_000, max_bytes=2**28
    )
    transport.open("shell")
    for _ in range(300):
        transport.send("shell", [b"<IDS|MSG>", b"s" * 64, b"h" * 300, b"{}", b"{}", b"c" * 700])
    time.sleep(0.003 * (turn % 4))  # the aim, no synchronisation
    ending = threading.Thread(target=kernel.close, args=(0,))
    for act in (ending.start, transport.suspend)[:: 1 if turn % 2 else -1]:
        act()
    ending.join()
    transport.close("shell")
print("alive")
"""


def test_breaking_off_while_the_kernel_goes_does_not_end_the_process() -> None:
    """A socket closed without any linger made libzmq abort when half a message had left."""
    done = subprocess.run(
        [sys.executable, "-c", BREAKING_OFF], capture_output=True, text=True, timeout=100
    )
    assert (done.stdout, done.returncode) == ("alive\n", 0), done.stderr


async def test_a_socket_that_is_closed_right_after_a_send_is_told_as_lost() -> None:
    """The look that follows a send failed in the loop, and nobody was told."""
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    async with connected() as (transport, catcher, _router, socket):
        transport.send("shell", laid_out(b"1"))
        socket.close(linger=0)
        await until(lambda: catcher.lost_channels == ["shell"])
        assert not failed


async def test_a_look_that_could_not_be_had_is_had_with_the_next_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when Control-C comes in between: all later sends went without one."""
    async with connected() as (transport, catcher, router, _socket):
        transport.send("shell", laid_out(b"1"))
        identity = router.recv_multipart()[0]
        await asyncio.sleep(0)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(asyncio.get_running_loop(), "call_soon", _interrupted)
            transport.send("shell", laid_out(b"2"))
        assert not transport._lines["shell"].is_look_due
        router.send_multipart([identity, *laid_out(b"answer")])
        await until(lambda: catcher.got == [laid_out(b"answer")])


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("ends", ["closed", "collected"])
async def test_a_socket_that_the_caller_closes_takes_along_what_tells_of_its_peer(
    ends: str, recwarn: pytest.WarningsRecorder
) -> None:
    """Or else closing it left a socket behind, with a warning for whoever had closed his."""
    context = zmq.asyncio.Context()
    socket: Any = context.socket(zmq.DEALER, socket_class=ConSocket)
    socket.monitor_peer()
    peer_events = socket.peer_events
    if ends == "closed":
        socket.close(linger=0)
        assert peer_events.closed
    del socket, peer_events
    gc.collect()
    context.term()  # it would wait for a socket that is open
    assert len(recwarn) == (ends == "collected")  # for the one that he should have closed
    recwarn.clear()


async def test_a_socket_is_closed_though_the_warning_that_nobody_did_is_an_error() -> None:
    """Or else ending its context would hang."""
    context = zmq.asyncio.Context()
    socket: Any = context.socket(zmq.DEALER, socket_class=ConSocket)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ResourceWarning):
            socket.__del__()
    assert socket.closed
    context.term()


async def test_a_loop_that_ends_while_a_socket_is_being_read_does_not_make_it_deaf() -> None:
    """The pump that the old loop had still to do was remembered as scheduled."""
    async with connected() as (transport, catcher, router, _socket):
        transport.send("shell", [b"hello"])
        identity = router.recv_multipart()[0]
        router.sndhwm = 0
        for number in range(3 * BATCH):
            router.send_multipart([identity, *laid_out(b"%d" % number)])
        await until(lambda: len(catcher.got) >= BATCH)
        transport._schedule(transport._lines["shell"])
        transport.detach()
        transport.attach(asyncio.get_running_loop())
        await until(lambda: len(catcher.got) == 3 * BATCH)
