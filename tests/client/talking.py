"""What is said over comms, in the tests of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from tests.clients import LONG

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient
    from conkernelclient.client.comm import Comm
    from conkernelclient.testing import FakeKernel

KERNELS: Final = ("python3", "conkernel")  # both behave the same

# A target that greets with what it was opened with, sends back what it gets, and keeps the close.
ECHO = """
from comm import get_comm_manager, create_comm

def on_open(comm, opening):
    def echo(message):
        comm.send(
            {"echo": message["content"]["data"]},
            metadata={"echo": message["metadata"].get("m")},
            buffers=[bytes(one) for one in message["buffers"]],
        )

    comm.on_msg(echo)
    comm.on_close(lambda message: seen.append(
        (message["content"]["data"], message["metadata"].get("m"), message["buffers"])
    ))
    comm.send(
        {"opened": opening["content"]["data"]},
        metadata={"echo": opening["metadata"].get("m")},
        buffers=[bytes(one) for one in opening["buffers"]],
    )

seen = []
get_comm_manager().register_target("echo", on_open)
"""


async def opened(kc: ConKernelClient, **more: Any) -> Comm:
    """A comm to the target that sends back what it gets; its greeting is taken."""
    await kc.run(ECHO)
    comm = await kc.comms.open("echo", timeout=LONG, **more)
    await coming(comm)
    return comm


async def coming(comm: Comm) -> Any:
    """The next message of `comm`."""
    return await asyncio.wait_for(anext(comm), LONG)


def say(kernel: FakeKernel, comm: Comm, number: int) -> None:
    """Let the kernel send a message over `comm`."""
    kernel.publish("comm_msg", {"comm_id": comm.comm_id, "data": {"n": number}})


def numbers(messages: list[Any]) -> list[int]:
    """What `say` said."""
    return [message["content"]["data"]["n"] for message in messages]
