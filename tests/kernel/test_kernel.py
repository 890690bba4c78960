"""Each message of a front end gets its answer, whatever else runs."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel.kernel import ConKernel
from tests.clients import LONG, client_of, until

from .conftest import asked, begun, ended, listed, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient, ConKernelManager

REQUESTS: dict[str, dict[str, Any]] = {
    "complete_request": {"code": "impor", "cursor_pos": 5},
    "inspect_request": {"code": "len", "cursor_pos": 3, "detail_level": 0},
    "is_complete_request": {"code": "for x in y:"},
    "history_request": {"hist_access_type": "tail", "n": 1, "output": False, "raw": True},
    "kernel_info_request": {},
    "connect_request": {},
    "comm_info_request": {},
}


async def answer_of(kc: ConKernelClient, msg_type: str, channel: Any = "shell") -> dict[str, Any]:
    reply = await kc.request(msg_type, REQUESTS[msg_type], channel, timeout=LONG)
    return reply["content"]


@pytest.mark.parametrize("msg_type", REQUESTS)
async def test_what_runs_no_cell_is_answered_while_a_cell_blocks(
    km: ConKernelManager, msg_type: str
) -> None:
    """On shell, in the main thread's place."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import time; gate = False")
        blocker = await begun(kc, "while not gate: time.sleep(0.001)")
        content = await answer_of(kc, msg_type)
        assert content.get("status", "ok") in ("ok", "incomplete")
        assert await listed(kc) == {blocker.msg_id: "running"}
        await raw(kc, "gate = True", run_mode="thread")
        await ended(blocker)


async def test_the_language_s_answers_are_ipython_s(km: ConKernelManager) -> None:
    """Completions know what cells have defined."""
    async with client_of(km) as kc:
        await raw(kc, "a_long_name = 5")
        content = (await kc.complete("a_long", 6, reply=True))["content"]
        assert "a_long_name" in content["matches"]
        content = await answer_of(kc, "inspect_request")
        assert content["found"] is True
        assert (await answer_of(kc, "is_complete_request"))["status"] == "incomplete"
        content = await answer_of(kc, "history_request")
        assert content["history"][-1][2] == "a_long_name = 5"


async def test_kernel_info_tells_what_the_kernel_can_do(km: ConKernelManager) -> None:
    """On both channels the same."""
    async with client_of(km) as kc:
        content = await answer_of(kc, "kernel_info_request")
        other = await answer_of(kc, "kernel_info_request", "control")
        assert {**content, "banner": ""} == {**other, "banner": ""}  # each has a tip of its own
    assert content["implementation"] == "conkernel"
    assert {"kernel subshells", "debugger", "conkernel modes"} <= set(content["supported_features"])


async def test_connect_tells_the_ports(km: ConKernelManager) -> None:
    """Those of the connection file."""
    async with client_of(km) as kc:
        content = await answer_of(kc, "connect_request")
    info = km.get_connection_info()
    for name in ("shell", "iopub", "stdin", "control", "hb"):
        assert content[f"{name}_port"] == info[f"{name}_port"]


@pytest.mark.parametrize("channel", ["shell", "control"])
async def test_a_request_of_an_unknown_type_gets_an_error(
    km: ConKernelManager, channel: Any
) -> None:
    """Where ipykernel says nothing, and its client waits for ever."""
    async with client_of(km) as kc:
        reply = await kc.request("nonsense_request", {}, channel, timeout=LONG)
        assert reply["content"]["status"] == "error"
        assert reply["content"]["ename"] == "UnknownMessage"
        assert await value_of(kc, "1") == "1"


@pytest.mark.parametrize(
    "content",
    [{"code": 5, "cursor_pos": "x"}, {}, {"code": "x", "cursor_pos": -7}, {"code": "x" * 10}],
    ids=["types", "empty", "negative", "missing"],
)
async def test_a_bad_completion_is_answered(km: ConKernelManager, content: Any) -> None:
    """By an error or by nothing to complete."""
    async with client_of(km) as kc:
        reply = await kc.request("complete_request", content, timeout=LONG)
        assert reply["content"]["status"] in ("ok", "error")
        assert "matches" in (await answer_of(kc, "complete_request"))


async def test_each_request_is_busy_once_and_idle_once_around_its_reply(
    km: ConKernelManager,
) -> None:
    """For each type, also where several run at once."""
    seen: list[Any] = []
    async with client_of(km, window=None) as kc:
        kc.subscribe(seen.append, channel="iopub", msg_type="status")
        ids: list[str] = []
        waits = []
        for _ in range(5):
            for msg_type, content in REQUESTS.items():
                ids.append(f"{msg_type} {len(ids)}")
                waits.append(kc.request(msg_type, content, msg_id=ids[-1], timeout=LONG))
            ids.append(f"task {len(ids)}")
            meta = {"run_mode": "task"}
            waits.append(kc.execute("1", reply=True, msg_id=ids[-1], metadata=meta))
        await asyncio.wait_for(asyncio.gather(*waits), LONG)

        def states(msg_id: str) -> list[str]:
            own = [it for it in seen if it["parent_header"].get("msg_id") == msg_id]
            return [it["content"]["execution_state"] for it in own]

        await until(lambda: all(len(states(it)) >= 2 for it in ids))
        assert [states(it) for it in ids] == [["busy", "idle"]] * len(ids)


async def test_comms_are_opened_used_told_and_closed(km: ConKernelManager) -> None:
    """To a target that a cell has registered, while a cell awaits."""
    code = """
def target(comm, opening):
    @comm.on_msg
    def answer(message):
        comm.send({'answer': message['content']['data']['question'] + 1})
get_ipython().kernel.comm_manager.register_target('adder', target)
"""
    answers: list[Any] = []
    async with client_of(km, window=None) as kc:
        await raw(kc, code)
        await raw(kc, "import asyncio; gate = False")
        waiting = await begun(kc, "while not gate: await asyncio.sleep(0.001)")
        comm = kc.comms.open("adder")
        comm.on_msg = answers.append
        for i in range(10):
            comm.send({"question": i})
        await until(lambda: len(answers) == 10)
        assert [it["content"]["data"]["answer"] for it in answers] == list(range(1, 11))
        content = (await kc.comm_info("adder", reply=True))["content"]
        assert content["comms"] == {comm.comm_id: {"target_name": "adder"}}
        comm.close()
        await raw(kc, "gate = True", run_mode="task")
        await ended(waiting)
        content = (await kc.comm_info("adder", reply=True))["content"]
    assert content["comms"] == {}


async def test_what_a_comm_s_handler_prints_has_its_message_as_parent(
    km: ConKernelManager,
) -> None:
    """And one that raises costs nothing but its own."""
    code = """
def target(comm, opening):
    print('opened')
    @comm.on_msg
    def fail(message): 1/0
get_ipython().kernel.comm_manager.register_target('printer', target)
"""
    texts: list[Any] = []
    async with client_of(km) as kc:
        await raw(kc, code)
        kc.subscribe(texts.append, msg_type="stream")
        comm = kc.comms.open("printer")
        await until(lambda: texts)
        assert texts[0]["content"]["text"] == "opened\n"
        assert texts[0]["parent_header"]["msg_type"] == "comm_open"
        comm.send({})
        assert await value_of(kc, "1") == "1"
        comm.close()


async def test_what_is_unsigned_or_torn_is_ignored(km: ConKernelManager) -> None:
    """The kernel goes on, and answers what is signed."""
    async with client_of(km) as kc:
        socket = kc.shell_channel.socket
        for frames in (
            [b"<IDS|MSG>"],
            [b"<IDS|MSG>", b"wrong", b"{}", b"{}", b"{}", b"{}"],
            [b"<IDS|MSG>", b"wrong", b"{"],
            [b"nothing"],
            [b""] * 10,
        ):
            sent = socket.send_multipart(frames)
            if asyncio.iscoroutine(sent) or asyncio.isfuture(sent):
                await sent
        assert await value_of(kc, "6 * 7") == "42"


async def test_list_requests_tells_what_runs_and_what_waits(km: ConKernelManager) -> None:
    """With what each asked for."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import time; gate = False")
        first = await begun(kc, "while not gate: time.sleep(0.001)", lane="a", priority=3)
        second = kc.run("1", metadata={"lane": "a", "after": [first.msg_id]})
        while len(await listed(kc)) < 2:
            pass
        one, two = (await asked(kc, "list_requests"))["requests"]
        assert (one["lane"], one["priority"], one["mode"]) == ("a", 3, "queue")
        assert (two["state"], two["after"]) == ("held", [first.msg_id])
        await raw(kc, "gate = True", run_mode="thread")
        await ended(first, second)


async def test_a_debugger_answers_while_a_cell_blocks(km: ConKernelManager) -> None:
    """On control."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import time; gate = False")
        blocker = await begun(kc, "while not gate: time.sleep(0.001)")
        content = await asked(kc, "debug_request", type="request", seq=1, command="debugInfo")
        assert content["success"] is True
        await raw(kc, "gate = True", run_mode="thread")
        await ended(blocker)


@pytest.mark.parametrize(
    ("owns_process", "has_begun", "running", "done"),
    [
        (True, False, {}, ["complete", "traceback", "collect", "freeze"]),
        (True, True, {}, ["complete", "traceback"]),
        (False, False, {}, ["complete", "traceback"]),
        (True, True, {"a cell": 1}, []),
    ],
)
def test_what_an_idle_kernel_loads_is_not_looked_through_again(
    monkeypatch: pytest.MonkeyPatch,
    owns_process: bool,
    has_begun: bool,
    running: dict[str, int],
    done: list[str],
) -> None:
    """By the collector of garbage; what is a cell's own, or the program's, can be collected."""
    did: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: did.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: did.append("freeze"))
    kernel: Any = SimpleNamespace(
        owns_process=owns_process,
        jobs=SimpleNamespace(has_begun=has_begun, running=running),
        _complete=lambda _code, _place: did.append("complete"),
        shell=SimpleNamespace(warm_up=lambda: did.append("traceback")),
    )
    assert ConKernel._warm_up(kernel) is bool(done)
    assert did == done
