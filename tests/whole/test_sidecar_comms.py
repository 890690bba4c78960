"""What kernel-sidecar promises of comms and widgets holds here, with a real ipykernel."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import CommTargetError
from conkernelclient.sidecar import DebugHandler, Handler, Sidecar
from tests.clients import LONG

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager
    from conkernelclient.client.comm import Comm
    from conkernelclient.sidecar.models import CommOpen

ECHOES = """
def {name}(comm, opening):
    comm.on_msg(lambda message: comm.send({{"echo": message["content"]["data"]}}))
    comm.send({{"greeting": opening["content"]["data"]}})
get_ipython().kernel.comm_manager.register_target("{name}", {name})
"""
SPEAKS = """
import sys
def speaks(comm, opening):
    @comm.on_msg
    def heard(message):
        global word
        word = message["content"]["data"]["word"]
        sys.stdout.write(f"heard {word}")
get_ipython().kernel.comm_manager.register_target("speaks", speaks)
"""
PASSES_ON = """
ends = {}
def passes_on(comm, opening):
    name = opening["content"]["data"]["name"]
    ends[name] = comm
    other = {"left": "right", "right": "left"}[name]
    comm.on_msg(lambda message: ends[other].send(message["content"]["data"]))
get_ipython().kernel.comm_manager.register_target("passes_on", passes_on)
"""


async def data_over(comm: Comm) -> Any:
    """The data of the next message that the kernel sends over `comm`."""
    async with asyncio.timeout(LONG):
        return (await anext(comm))["content"]["data"]


async def test_a_target_that_the_kernel_has_not_is_an_error(ipykernel: ConKernelManager) -> None:
    """Which names it; nothing stays open."""
    async with Sidecar(ipykernel) as sidecar:
        with pytest.raises(CommTargetError, match="nowhere"):
            await sidecar.comms.open("nowhere")
        assert len(sidecar.comms) == 0


async def test_a_comm_carries_data_both_ways(ipykernel: ConKernelManager) -> None:
    """From the opening on."""
    async with Sidecar(ipykernel) as sidecar:
        await sidecar.execute_request(ECHOES.format(name="echoes"))
        comm = await sidecar.comms.open("echoes", {"a": 1})
        assert await data_over(comm) == {"greeting": {"a": 1}}
        comm.send({"b": 2})
        assert await data_over(comm) == {"echo": {"b": 2}}
        comm.close()
        reply = await sidecar.comm_info_request("echoes")
        assert reply.content.to_wire()["comms"] == {}


async def test_the_kernel_opens_a_comm_to_a_target_here(ipykernel: ConKernelManager) -> None:
    """And learns what is sent over it."""
    opened: asyncio.Future[Comm] = asyncio.get_running_loop().create_future()
    async with Sidecar(ipykernel) as sidecar:
        sidecar.comms.register_target("here", lambda comm, message: opened.set_result(comm))
        debug = DebugHandler()
        await sidecar.execute_request(
            "from comm import create_comm\n"
            "mine = create_comm('here', {'a': 1})\n"
            "heard = []\n"
            "mine.on_msg(lambda message: heard.append(message['content']['data']))",
            handlers=[debug],
        )
        assert debug.counts["comm_open"] == 1
        comm = await asyncio.wait_for(opened, LONG)
        await sidecar.comm_msg_request(comm.comm_id, {"b": 2})
        assert (await sidecar.execute_request("heard")).text.strip() == "[{'b': 2}]"
        await sidecar.execute_request("mine.close()")
        await asyncio.wait_for(closing(comm), LONG)
        assert not comm.is_open


async def closing(comm: Comm) -> None:
    """Wait until the kernel has closed `comm`."""
    async for _ in comm:
        pass


class Opened(Handler):
    """Keeps what is opened, by id."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}

    def handle_comm_open(self, message: CommOpen) -> None:
        """Note one."""
        assert message.content.target_name == "jupyter.widget"
        self.states[message.content.comm_id] = message.content.data["state"]


async def test_a_slider_opens_three_comms_and_its_value_goes_both_ways(
    ipykernel: ConKernelManager,
) -> None:
    """Layout, style and the slider itself."""
    async with Sidecar(ipykernel) as sidecar:
        opened, debug = Opened(), DebugHandler()
        code = "import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nslider"
        await sidecar.execute_request(code, handlers=[opened, debug])
        assert debug.counts["comm_open"] == 3
        names = {state["_model_name"] for state in opened.states.values()}
        assert names == {"LayoutModel", "SliderStyleModel", "IntSliderModel"}
        (slider,) = [one for one, state in opened.states.items() if "value" in state]
        assert opened.states[slider]["value"] == 3
        changed = DebugHandler()
        await sidecar.execute_request("slider.value = 5", handlers=[changed])
        update: Any = changed.get_last_msg("comm_msg")
        assert update.content.comm_id == slider
        assert update.content.data["state"] == {"value": 5}
        await sidecar.comm_msg_request(slider, {"method": "update", "state": {"value": 7}})
        assert (await sidecar.execute_request("slider.value")).text.strip() == "7"


async def test_what_a_comm_message_makes_the_kernel_do_belongs_to_its_action(
    ipykernel: ConKernelManager,
) -> None:
    """What it prints is shown to the action's handlers, and names it sets are there."""
    async with Sidecar(ipykernel) as sidecar:
        await sidecar.execute_request(SPEAKS)
        comm = await sidecar.comms.open("speaks")
        debug = DebugHandler()
        value = await sidecar.comm_msg_request(comm.comm_id, {"word": "hey"}, handlers=[debug])
        assert value is None
        assert debug.counts == Counter(status=2, stream=1)
        stream: Any = debug.get_last_msg("stream")
        assert stream.content.text.strip() == "heard hey"
        assert (await sidecar.execute_request("word")).text.strip() == "'hey'"


async def test_a_message_over_one_comm_may_be_answered_over_another(
    ipykernel: ConKernelManager,
) -> None:
    """Each comm gets what is its own."""
    async with Sidecar(ipykernel) as sidecar:
        await sidecar.execute_request(PASSES_ON)
        left = await sidecar.comms.open("passes_on", {"name": "left"})
        right = await sidecar.comms.open("passes_on", {"name": "right"})
        left.send({"to": "right"})
        right.send({"to": "left"})
        assert await data_over(right) == {"to": "right"}
        assert await data_over(left) == {"to": "left"}
