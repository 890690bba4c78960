"""What a verb gives whose reply was not asked for is a str, and says so where it is awaited."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from conkernelclient.client.msg_id import MsgId
from conkernelclient.testing import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conkernelclient import ConKernelClient

VERBS: dict[str, Callable[[ConKernelClient], Any]] = {
    "execute": lambda kc: kc.execute("1"),
    "complete": lambda kc: kc.complete("1"),
    "inspect": lambda kc: kc.inspect("1"),
    "history": lambda kc: kc.history(),
    "is_complete": lambda kc: kc.is_complete("1"),
    "kernel_info": lambda kc: kc.kernel_info(),
    "comm_info": lambda kc: kc.comm_info(),
    "shutdown": lambda kc: kc.shutdown(),
}


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    """A kernel that answers at once."""
    with FakeKernel() as fake:
        yield fake


@pytest.mark.parametrize("verb", VERBS)
async def test_awaiting_what_was_asked_without_reply_says_to_pass_reply_true(
    kernel: FakeKernel, verb: str
) -> None:
    """Python's own words, "object str can't be used in 'await'", name neither cause nor cure."""
    kc = await kernel.client().start_channels()
    msg_id = VERBS[verb](kc)
    assert isinstance(msg_id, str)
    with pytest.raises(TypeError, match="pass reply=True"):
        await msg_id
    kc.stop_channels()


def test_a_msg_id_is_a_str_for_whoever_looks() -> None:
    """Programs keep it in dicts, files and messages."""
    msg_id: Any = MsgId("a_1")
    assert msg_id == "a_1"
    assert hash(msg_id) == hash("a_1")
    assert {"a_1": 1}[msg_id] == 1
    assert json.loads(json.dumps({msg_id: msg_id})) == orjson.loads(orjson.dumps({"a_1": msg_id}))
    for same in (pickle.loads(pickle.dumps(msg_id)), copy.copy(msg_id), copy.deepcopy(msg_id)):
        assert type(same) is str
        assert same == "a_1"
    assert type(str(msg_id)) is str
    assert repr(msg_id) == "'a_1'"
    assert not hasattr(msg_id, "__dict__")


def test_programs_that_await_what_can_be_awaited_leave_a_msg_id_alone() -> None:
    """nbclient asks `inspect.isawaitable` of what `kernel_info()` gave."""
    msg_id: Any = MsgId("a_1")
    assert not inspect.isawaitable(msg_id)
    assert not isinstance(msg_id, Awaitable)
    assert not asyncio.iscoroutine(msg_id)
    assert issubclass(MsgId, str)


async def test_a_msg_id_that_is_passed_on_is_a_plain_str_in_messages(kernel: FakeKernel) -> None:
    """Only what the caller got is of another class."""
    kc = await kernel.client().start_channels()
    msg_id = kc.execute("1")
    reply = await kc._async_recv_reply(msg_id, timeout=10)
    assert reply["parent_header"]["msg_id"] == msg_id
    pubs = await kc.get_pubs(msg_id, timeout=10)
    assert pubs[-1]["content"]["execution_state"] == "idle"
    message = kc._message("execute_request", {}, MsgId("mine"))
    assert type(message["msg_id"]) is type(message["header"]["msg_id"]) is str
    answer = await kc.execute("2", msg_id=MsgId("again"), metadata={"of": msg_id}, reply=True)
    assert answer["parent_header"]["msg_id"] == "again"
    kc.stop_channels()
