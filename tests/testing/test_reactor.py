"""A fake kernel works in a thread of its own."""

from __future__ import annotations

import zmq
from jupyter_client.session import Session

from conkernelclient.testing import (
    FakeKernel,
    echo,
)
from tests.clients import LONG


async def test_it_answers_while_the_event_loop_is_blocked() -> None:
    """Its thread is its own: a blocking client of jupyter_client's kind works beside it."""
    with FakeKernel(echo) as kernel:
        session = Session(key=kernel.connection_info["key"].encode())
        context = zmq.Context()
        with context.socket(zmq.DEALER) as shell:
            shell.linger = 0
            shell.connect(f"tcp://127.0.0.1:{kernel.connection_info['shell_port']}")
            session.send(shell, "execute_request", {"code": "x"})
            assert shell.poll(LONG * 1000)
            _, reply = session.recv(shell)
        context.term()
        assert reply is not None
        assert reply["msg_type"] == "execute_reply"
        assert len(kernel.wait_for("execute_request")) == 1
