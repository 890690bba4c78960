"""
The lost wake-up of a ZMQ socket: jupyter_client hangs on it, this client does not.

libzmq signals a socket's descriptor once. A synchronous send in between takes the signal, and the
reader that is parked on the descriptor sleeps on, for good.
"""

from __future__ import annotations

import asyncio
import select
import time
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session

import conkernelclient
from conkernelclient import ConKernelClient
from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient import ConKernelManager

ROUNDS = 30
PLAIN_ROUNDS = 5
HANGS_AFTER = 1.0  # seconds; a reply that comes takes milliseconds
TURNS = 5  # of the loop, until what lies in a socket is with its owner
WAITS = """
import os, time
while not os.path.exists({!r}):
    time.sleep(0.001)
"""


async def one_round(kc: Any, timeout: float, gate: Path) -> None:
    """
    A reader is parked; a reply lands while the loop is busy; a send comes before it looks.

    The kernel waits for the gate, and nothing touches the socket once that is open: a reply that
    came sooner could lose its signal to the send, or to the look at the socket after it.
    """
    descriptor = kc.shell_channel.socket.FD  # who asks later lets this client look
    await kc.kernel_info(reply=True, timeout=LONG)  # nor is an older reply on its way
    gate.unlink(missing_ok=True)
    reader = asyncio.create_task(kc.shell_channel.get_msg(timeout=None))
    first = kc.execute(WAITS.format(str(gate)))
    await asyncio.sleep(0)  # what is to be done after this send is done
    gate.touch()
    is_signalled, _, _ = select.select([descriptor], [], [], LONG)
    assert is_signalled
    time.sleep(
        0.01
    )  # the loop's own work; libzmq looks for signals in a send only after about 1 ms
    second = kc.execute("2")
    try:
        replies = [await asyncio.wait_for(reader, timeout)]
        replies.append(await asyncio.wait_for(kc.shell_channel.get_msg(timeout=None), LONG))
    finally:
        reader.cancel()
    assert {reply["parent_header"]["msg_id"] for reply in replies} == {first, second}


async def plain_client(km: ConKernelManager) -> AsyncKernelClient:
    """jupyter_client's own client of the same kernel."""
    info = km.get_connection_info()
    session = Session(key=km.session.key)
    kc = AsyncKernelClient(session=session)
    kc.load_connection_info(info)
    kc.start_channels(hb=False)
    kc.kernel_info()
    await kc.shell_channel.get_msg(timeout=LONG)
    return kc


async def test_jupyter_client_hangs_on_a_lost_wake_up(km: ConKernelManager, tmp_path: Path) -> None:
    """If this fails, the fault is mended there, and a part of this package is no longer needed."""
    hung = 0
    for _ in range(PLAIN_ROUNDS):
        kc = await plain_client(km)
        try:
            await one_round(kc, HANGS_AFTER, tmp_path / "gate")
        except TimeoutError:
            hung += 1
        finally:
            kc.stop_channels()
    assert hung == PLAIN_ROUNDS


async def test_this_client_never_misses_one(km: ConKernelManager, tmp_path: Path) -> None:
    """30 of 30, with the same calls."""
    async with client_of(km) as kc:
        for _ in range(ROUNDS):
            await one_round(kc, LONG, tmp_path / "gate")


async def test_the_session_patch_mends_plain_clients_and_can_be_undone(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """Applied twice it is applied once; undone twice, undone."""
    original = Session.send
    undo = conkernelclient.apply_session_patch()
    assert conkernelclient.apply_session_patch() is undo
    kc = await plain_client(km)
    try:
        for _ in range(ROUNDS):
            await one_round(kc, LONG, tmp_path / "gate")
    finally:
        kc.stop_channels()
        undo()
        undo()
    assert Session.send is original


async def test_many_tasks_that_work_between_their_sends_are_all_answered(
    km: ConKernelManager,
) -> None:
    """The natural form of the race: each task keeps the loop busy, then sends."""

    async def task(kc: ConKernelClient, n: int) -> None:
        for _ in range(5):
            deadline = time.monotonic() + 0.015
            while time.monotonic() < deadline:
                pass
            reply = await kc.execute("", user_expressions={"v": str(n)}, reply=True, timeout=LONG)
            assert reply["content"]["user_expressions"]["v"]["data"]["text/plain"] == str(n)

    async with client_of(km) as kc:
        await asyncio.gather(*(task(kc, n) for n in range(6)))


@pytest.mark.parametrize(
    "how", ["session.send", "channel.send", "foreign session", "EVENTS", "getsockopt", "poll"]
)
async def test_nothing_done_to_the_socket_by_hand_makes_the_reader_deaf(
    km: ConKernelManager, tmp_path: Path, how: str
) -> None:
    """Sends by hand go through the one door; other uses make the reader look again."""
    import zmq

    async with client_of(km) as kc:
        socket = kc.shell_channel.socket
        descriptor = socket.FD  # who asks later lets this client look
        gate = tmp_path / "gate"
        other = Session(key=km.session.key)
        await kc.kernel_info(reply=True, timeout=LONG)  # no older reply is on its way
        for _ in range(ROUNDS):
            gate.unlink(missing_ok=True)
            waiting = kc.execute(WAITS.format(str(gate)), reply=True, timeout=LONG)
            await asyncio.sleep(0)  # what is to be done after this send is done
            gate.touch()
            is_signalled, _, _ = select.select([descriptor], [], [], LONG)
            assert is_signalled
            time.sleep(0.002)
            msg = kc.session.msg("kernel_info_request")
            match how:
                case "session.send":
                    kc.session.send(socket, msg)
                case "channel.send":
                    kc.shell_channel.send(msg)
                case "foreign session":
                    other.send(socket, msg)
                case "EVENTS":
                    assert socket.get(zmq.EVENTS) & zmq.POLLIN
                case "getsockopt":
                    assert socket.getsockopt(zmq.EVENTS) & zmq.POLLIN
                case _:
                    await socket.poll(0)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert waiting.done()  # at once: a watchdog that finds it later is no reader
            reply = await waiting
            assert reply["msg_type"] == "execute_reply"
            if how not in (
                "EVENTS",
                "getsockopt",
                "poll",
            ):  # one was sent by hand as well: its reply is the channel object's
                by_hand = await kc.shell_channel.get_msg(timeout=LONG)
                assert by_hand["parent_header"]["msg_id"] == msg["msg_id"]
