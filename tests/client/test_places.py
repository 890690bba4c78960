"""A request that is to run beside the others does so by what its kernel has."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors, run_kernel
from conkernelclient.client.places import Means, means_of
from conkernelclient.testing import FakeKernel, Hold, Raise, Reply
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient

OURS = ["conkernel modes", "conkernel cancel"]
ASYNC_KERNEL = Reply({"implementation": "async-kernel"})


@asynccontextmanager
async def fake(
    features: tuple[str, ...] = ("kernel subshells",), **traits: Any
) -> AsyncIterator[tuple[FakeKernel, ConKernelClient]]:
    """A kernel with these features, in which `held` does not end, and a client of it."""
    async with FakeKernel(features=features, in_memory=True) as kernel:
        kernel.on_code("held", [Hold()])
        kernel.on_code("1 / 0", [Raise("ZeroDivisionError", "division by zero")])
        kc = await opened(kernel.client(**traits))
        try:
            yield kernel, kc
        finally:
            kc.stop_channels()


def executed(kernel: FakeKernel) -> list[Any]:
    """The execute requests that came."""
    return [it for it in kernel.requests if it["msg_type"] == "execute_request"]


def count(kernel: FakeKernel, msg_type: str) -> int:
    """How many messages of this type came."""
    return sum(it["msg_type"] == msg_type for it in kernel.requests)


def deleted(kernel: FakeKernel) -> set[str]:
    """The subshells that were to be deleted."""
    asked = [it for it in kernel.requests if it["msg_type"] == "delete_subshell_request"]
    return {it["content"]["subshell_id"] for it in asked}


@pytest.mark.parametrize(
    ("info", "means"),
    [
        ({"supported_features": ["kernel subshells", *OURS]}, Means.MODES),
        (
            {"implementation": "async-kernel", "supported_features": ["kernel subshells"]},
            Means.TAGS,
        ),
        ({"supported_features": ["kernel subshells", "debugger"]}, Means.SUBSHELLS),
        ({"supported_features": "kernel subshells"}, Means.NOTHING),
        ({}, Means.NOTHING),
    ],
)
def test_a_kernel_says_what_it_has(info: Any, means: Means) -> None:
    """In its kernel_info_reply."""
    assert means_of(info) is means


async def test_in_a_kernel_with_subshells_each_has_one_for_itself_and_leaves_it_to_others() -> None:
    """What takes its turn goes on in the main shell."""
    async with fake() as (kernel, kc):
        held = [kc.run("held", mode="task"), kc.run("held", mode="thread")]
        await until(lambda: all(run.started for run in held))
        assert {run.mode for run in held} == {"subshell"}
        assert None not in {run.subshell_id for run in held}
        assert held[0].subshell_id != held[1].subshell_id
        main = kc.run("1")
        assert (await main).status == "ok"
        assert (main.mode, main.subshell_id) == ("queue", None)
        for _ in range(3):
            await kc.run("1", mode="task")
            await kc.execute("1", reply=True, mode="task")
        assert count(kernel, "create_subshell_request") <= 4


async def test_a_burst_leaves_a_few_subshells_and_the_end_of_the_client_none() -> None:
    """None is deleted while a cell runs in it."""
    async with fake() as (kernel, kc):
        await asyncio.gather(*(kc.run("1", mode="task") for _ in range(100)))
        await until(lambda: not kc.stats()["pending"])
        assert count(kernel, "create_subshell_request") <= 64
        ids = await kc.list_subshell()
        assert len(ids) == 4
        held = kc.run("held", mode="task")
        await until(lambda: held.started)
        kc.stop_channels()
        await until(lambda: len({*ids} & deleted(kernel)) == 3)
        assert held.subshell_id not in deleted(kernel)


async def test_one_that_its_caller_gives_up_before_it_has_a_subshell_never_runs() -> None:
    """Neither a run nor an `execute`."""
    async with fake() as (kernel, kc):
        kernel.on("create_subshell_request", [Hold()])
        run, reply = kc.run("1", mode="task"), kc.execute("1", reply=True, mode="task")
        await asyncio.to_thread(kernel.wait_for, "create_subshell_request")
        assert run.mode == "queue"
        await run.interrupt()
        reply.cancel()
        await until(lambda: kc.stats()["pending"] <= 2)
        assert (run.outcome.status, run.started) == ("cancelled", False)
        await kc.run("2")
        assert [it["content"]["code"] for it in executed(kernel)] == ["2"]


async def test_one_that_does_not_end_in_time_leaves_its_subshell_when_it_does() -> None:
    """The next one has another."""
    async with fake() as (_kernel, kc):
        stuck = kc.run("held", mode="task", timeout=0.01)
        assert (await stuck).still_running
        other = kc.run("1", mode="task")
        assert (await other).status == "ok"
        assert other.subshell_id != stuck.subshell_id


async def test_where_the_kernel_gives_no_subshell_it_takes_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And is told once."""
    async with fake() as (kernel, kc):
        kernel.on("create_subshell_request", [Raise("RuntimeError", "can't start new thread")])
        runs = [kc.run("1", mode="task") for _ in range(3)]
        await asyncio.gather(*runs)
        assert {run.mode for run in runs} == {"queue"}
        assert (await kc.execute("1", reply=True, mode="task"))["content"]["status"] == "ok"
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [
        "the kernel gives no subshell (can't start new thread): what is to run beside others takes "
        "its turn"
    ]


async def test_without_a_control_channel_it_takes_its_turn() -> None:
    """Subshells are made on control."""
    async with FakeKernel(in_memory=True) as kernel:
        kc = kernel.client()
        kc.start_channels(control=False)
        await kc.wait_for_ready()
        kc.control_channel.stop()
        kc._is_stopped = True
        run = kc.run("1", mode="task")
        assert ((await run).status, run.mode) == ("ok", "queue")
        kc.stop_channels()


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_control_channel_that_gives_no_answer_keeps_nobody_waiting(
    is_known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """For want of file descriptors it may never be connected, though shell is."""
    async with fake() as (kernel, kc):
        kc.startup_timeout = 0.1
        kernel.on("create_subshell_request", [Hold()])
        if not is_known:
            kernel.on("kernel_info_request", [Hold()])
            kc._places.means = None
        run = kc.run("1", mode="task")
        assert ((await asyncio.wait_for(run, LONG)).status, run.mode) == ("ok", "queue")
        assert (await asyncio.wait_for(kc.run("2", mode="task"), LONG)).status == "ok"
    assert "takes its turn" in caplog.text


async def test_async_kernel_is_told_by_a_tag_which_leaves_the_code_alone() -> None:
    """Each has its own place in the window."""
    async with FakeKernel(in_memory=True) as kernel:
        kernel.on("kernel_info_request", [ASYNC_KERNEL])
        kernel.on_code("held", [Hold()])
        kc = await opened(kernel.client())
        first = kc.run("held")
        task = kc.run("%%time\n1", mode="task", metadata={"tags": ["mine"]})
        thread = kc.run("1", mode="thread")
        kc.execute("1", mode="task", subshell_id=None)
        await until(lambda: len(executed(kernel)) == 4)
        assert (first.mode, task.mode, thread.mode) == ("queue", "task", "thread")
        sent = [(it["content"]["code"], it["metadata"].get("tags")) for it in executed(kernel)]
        assert sent == [
            ("held", None),
            ("%%time\n1", ["mine", "task"]),
            ("1", ["thread"]),
            ("1", ["task"]),
        ]
        kc.stop_channels()


async def test_a_subshell_that_the_caller_chose_is_where_it_takes_its_turn() -> None:
    """Its mode says so."""
    async with fake() as (_kernel, kc):
        chosen = await kc.create_subshell()
        run = kc.run("1", mode="task", subshell_id=chosen)
        await run
        assert (run.mode, run.subshell_id) == ("queue", chosen)


@pytest.mark.parametrize("features", [(), ("kernel subshells",)])
async def test_what_comes_after_others_waits_for_them_also_where_the_kernel_knows_no_order(
    features: tuple[str, ...],
) -> None:
    """If one of them fails it is aborted, unsent."""
    async with fake(features) as (kernel, kc):
        first = kc.run("1", mode="task")
        reply = kc.execute("2", reply=True)
        then = kc.run("3", mode="task", after=[first, reply])
        last = kc.execute("4", reply=True, after=[then.msg_id])
        assert (await last)["content"]["status"] == "ok"
        assert [it["content"]["code"] for it in executed(kernel)][-2:] == ["3", "4"]
        bad = kc.run("1 / 0", mode="task")
        never = kc.run("5", after=[bad, first])
        also = kc.execute("6", reply=True, after=[never])
        await asyncio.gather(bad, never)
        assert (never.outcome.status, never.started) == ("aborted", False)
        assert (await also)["content"] == {"status": "aborted"}
        quiet = kc.execute("7", after=[never])
        message = await kc.get_shell_msg(timeout=10)
        assert message["parent_header"]["msg_id"] == quiet
        assert message["content"] == {"status": "aborted"}
        assert len(executed(kernel)) == 5


async def test_what_comes_after_an_unknown_request_is_refused() -> None:
    """The client cannot keep an order that nobody knows."""
    async with fake() as (_kernel, kc):
        with pytest.raises(errors.ProtocolError, match="of 'nobody' nothing is known"):
            kc.run("1", after=["nobody"])
        assert kc.stats()["pending"] == 0


async def test_before_the_kernel_is_known_it_waits_for_that_and_keeps_its_turn() -> None:
    """What takes its turn leaves in the order of the calls."""
    async with FakeKernel(features=[], in_memory=True) as kernel:
        kc = kernel.client()
        kc._peer.is_starting = True  # as a manager tells of a kernel that it has started
        await kc.start_channels()
        first, second = kc.run("1", mode="task"), kc.run("2")
        reply = kc.execute("3", reply=True, mode="task")
        assert first.mode == "queue"
        await asyncio.gather(first, second, reply)
        assert [it["content"]["code"] for it in executed(kernel)] == ["1", "2", "3"]
        kc.stop_channels()


@pytest.mark.parametrize("restart", [True, False])
async def test_the_kernel_s_end_ends_what_waits_and_the_next_one_has_places_of_its_own(
    restart: bool,
) -> None:
    """Also if it has other means."""
    async with fake() as (kernel, kc):
        held = kc.run("held", mode="task")
        await until(lambda: held.started)
        waiting = kc.run("1", mode="task", after=[held])
        if restart:
            kernel.features = ()
            kernel.restart()
        else:
            kernel.kill()
        with pytest.raises(errors.DeadKernelError):
            await held
        if restart:
            assert (await waiting).status == "aborted"
            again = kc.run("1", mode="task")
            assert ((await again).status, again.mode) == ("ok", "queue")
        else:
            with pytest.raises(errors.DeadKernelError):
                await waiting
        await until(lambda: kc.stats()["pending"] == 0)


async def test_ipykernel_runs_cells_beside_each_other() -> None:
    """Four wait for each other, which they could not one after the other."""
    async with run_kernel("python3") as kc:
        await kc.run("import threading; all_are_there = threading.Barrier(4)")
        await kc.run("done = []")
        meet = "all_are_there.wait(60); done.append(1); print('met')"
        runs = [kc.run(meet, mode=mode) for mode in ("task", "thread")]
        calls = [kc.execute(meet, reply=True, mode="task") for _ in range(2)]
        after = kc.run("print(len(done))", after=[*runs, *calls])
        results = await asyncio.gather(*runs)
        assert [result.stdout for result in results] == ["met\n"] * 2
        assert {run.mode for run in runs} == {"subshell"}
        assert (await after).stdout == "4\n"
        with pytest.raises(errors.NotInterruptibleError):
            blocked = kc.run("threading.Event().wait(60)", mode="task")
            await until(lambda: blocked.started)
            await blocked.interrupt()
