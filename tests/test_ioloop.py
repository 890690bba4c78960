"""The manager that servers want: what it gives to tornado's loop."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from conkernelclient import ioloop
from conkernelclient.ioloop import ConIOLoopKernelManager

from .clients import LONG


async def test_an_iopub_stream_looks_often_for_a_kernel_that_starts() -> None:
    """A server's stream is to be subscribed before a client of that kernel is ready, and leaves."""
    km = ConIOLoopKernelManager(transport_encryption="disabled")
    for port in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"):
        setattr(km, port, 1)  # where nobody listens
    stream: Any = km.connect_iopub()
    monitor = stream.socket.get_monitor_socket(zmq.EVENT_CONNECT_RETRIED)
    try:
        frames = await asyncio.wait_for(monitor.recv_multipart(), LONG)
        assert parse_monitor_message(frames)["value"] < 50  # milliseconds
    finally:
        stream.socket.disable_monitor()
        stream.close(linger=0)
        monitor.close(linger=0)
        km.context.destroy(linger=0)


async def test_an_iopub_stream_is_connected_once() -> None:
    """Connected a second time, it is subscribed later than a server asks its first question."""
    context = zmq.Context()
    kernel = context.socket(zmq.XPUB)
    port = kernel.bind_to_random_port("tcp://127.0.0.1")
    monitor = kernel.get_monitor_socket(zmq.EVENT_ACCEPTED)
    km = ConIOLoopKernelManager(transport_encryption="disabled")
    for name in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"):
        setattr(km, name, port)
    stream: Any = km.connect_iopub()
    try:
        assert kernel.poll(LONG * 1000)  # its subscription
        assert zmq.RECONNECT_IVL not in km.context.sockopts
        accepted = 0
        while monitor.poll(200):
            parse_monitor_message(monitor.recv_multipart())
            accepted += 1
        assert accepted == 1
    finally:
        stream.close(linger=0)
        kernel.disable_monitor()
        monitor.close(linger=0)
        km.context.destroy(linger=0)
        context.destroy(linger=0)


async def test_an_iopub_stream_of_a_kernel_that_is_up_is_subscribed_when_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server's first request goes over another socket, and may be quicker."""
    monkeypatch.setattr(ioloop, "CONNECTED_WITHIN", LONG * 1000)
    context = zmq.Context()
    kernel = context.socket(zmq.XPUB)
    port = kernel.bind_to_random_port("tcp://127.0.0.1")
    kernel.unbind(f"tcp://127.0.0.1:{port}")
    km = ConIOLoopKernelManager(transport_encryption="disabled")
    for name in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"):
        setattr(km, name, port)
    monkeypatch.setattr(km._succession, "life", SimpleNamespace(has_answered=True, is_over=False))
    late = threading.Timer(0.1, kernel.bind, (f"tcp://127.0.0.1:{port}",))
    late.start()
    stream: Any = km.connect_iopub()
    try:
        assert not late.is_alive()
        assert kernel.poll(LONG * 1000)
    finally:
        late.join()
        stream.close(linger=0)
        km.context.destroy(linger=0)
        context.destroy(linger=0)
