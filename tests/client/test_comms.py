"""A program and the kernel exchange messages of their own."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient import (
    ConKernelManager,
)
from tests.clients import client_of, until


async def test_comms_open_from_both_sides(km: ConKernelManager) -> None:
    """And carry data and buffers both ways."""
    async with client_of(km) as kc:
        heard: list[Any] = []
        opened: list[Any] = []
        await kc.run(
            "from comm import get_comm_manager, create_comm\n"
            "def on_open(comm, msg):\n"
            "    def echo(m):\n"
            "        comm.send({'echo': m['content']['data']}, buffers=m['buffers'])\n"
            "    comm.on_msg(echo)\n"
            "get_comm_manager().register_target('echo', on_open)"
        )
        comm = kc.comms.open("echo", {"hello": 1})
        comm.on_msg = heard.append
        comm.send({"n": 1}, buffers=[b"raw"])
        await until(lambda: heard)
        assert heard[0]["content"]["data"] == {"echo": {"n": 1}}
        assert [bytes(buffer) for buffer in heard[0]["buffers"]] == [b"raw"]
        kc.comms.register_target("mine", lambda comm, msg: opened.append((comm, msg)))
        await kc.run("c = create_comm(target_name='mine', data={'from': 'kernel'})")
        await until(lambda: opened)
        theirs, message = opened[0]
        assert message["content"]["data"] == {"from": "kernel"}
        closed: list[Any] = []
        theirs.on_close = closed.append
        await kc.run("c.close()")
        await until(lambda: closed)
        assert not theirs.is_open
        with pytest.raises(ValueError, match="closed"):
            theirs.send({})
        comm.close()
        assert list(kc.comms) == []
