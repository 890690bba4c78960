"""The manager that servers want: what it gives to tornado's loop."""

from __future__ import annotations

import asyncio
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

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
