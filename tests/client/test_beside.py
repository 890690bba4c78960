"""A request says how it is to run, and a run says how it does."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import run_kernel
from conkernelclient.client.beside import Beside, limited, metadata_of
from conkernelclient.errors import ProtocolError
from conkernelclient.testing import FakeKernel, Hold, Raise, Reply, Say
from tests.clients import opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient

FEATURES = frozenset({"conkernel modes", "conkernel cancel"})


@asynccontextmanager
async def opened_client(kernel: FakeKernel) -> AsyncIterator[ConKernelClient]:
    """A client that is ready."""
    kc = await opened(kernel.client())
    try:
        yield kc
    finally:
        kc.stop_channels()


def test_the_metadata_says_all_that_is_wanted() -> None:
    """Beside what the program put there, which stays as it is."""
    given = {"mine": 1}
    whole = metadata_of(given, Beside(mode="task", lane="a", priority=2, after=["m1", "m2"]))
    assert whole == {
        "mine": 1,
        "run_mode": "task",
        "lane": "a",
        "priority": 2,
        "after": ["m1", "m2"],
    }
    assert given == {"mine": 1}
    assert metadata_of(None, Beside()) == {}


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ({"mode": "fast"}, "mode 'fast' must be one of queue, task, thread"),
        ({"lane": 3}, "lane"),
        ({"priority": 1.5}, "priority 1.5 must be an integer"),
        ({"priority": True}, "priority True must be an integer"),
        ({"after": [3]}, "after"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_sent(beside: Any, words: str) -> None:
    """With the name of the argument."""
    with pytest.raises(ProtocolError, match=words):
        metadata_of(None, beside)


def test_an_argument_that_is_unknown_is_a_mistake_of_the_program() -> None:
    """As with every function."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'lanes'"):
        metadata_of(None, {"lanes": "a"})  # type: ignore[typeddict-unknown-key]


@pytest.mark.parametrize("features", [[], sorted(FEATURES)])
async def test_run_and_execute_send_it(features: list[str]) -> None:
    """A run may come after another run, which stands for its msg_id."""
    async with FakeKernel(features=features, in_memory=True) as kernel:
        kernel.on_code("1", [Reply()])
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready()
        first = kc.run("1", mode="thread")
        second = kc.run("1", after=[first], lane="a", priority=1)
        await second
        await kc.execute("1", reply=True, mode="task")
        kc.stop_channels()
        assert (first.mode, second.mode) == ("thread" if features else "queue", "queue")
        sent = [it["metadata"] for it in kernel.requests if it["msg_type"] == "execute_request"]
    assert sent == [
        {"run_mode": "thread"},
        {"after": [first.msg_id], "lane": "a", "priority": 1},
        {"run_mode": "task"},
    ]


def executes(kernel: FakeKernel) -> list[Any]:
    """The cells that have come to the kernel."""
    return [it for it in kernel.requests if it["msg_type"] == "execute_request"]


@pytest.mark.parametrize(
    ("traits", "sent_at_once"), [({}, 2), ({"window": 1}, 1), ({"window": None}, 2)]
)
async def test_a_window_that_is_given_stays_also_in_a_kernel_that_runs_runs_beside_each_other(
    traits: dict[str, Any], sent_at_once: int
) -> None:
    """Where none is given the kernel decides."""
    features = [*FEATURES, "kernel subshells"]
    async with FakeKernel(features=features, in_memory=True) as kernel:
        kernel.on_code("hold", [Hold()])
        kc = await kernel.client(**traits).start_channels()
        await kc.wait_for_ready()
        runs = [kc.run("hold") for _ in range(2)]
        await until(lambda: runs[0].started)
        await until(lambda: len(executes(kernel)) >= sent_at_once)
        for _ in range(20):  # steps of the loop, in which another one would come
            await asyncio.sleep(0)
        kc.stop_channels()
        assert len(executes(kernel)) == sent_at_once


@pytest.mark.parametrize(
    ("given", "features", "sent"),
    [
        (None, frozenset({"conkernel timeout"}), {"timeout": 12.0}),
        ({"mine": 1}, None, {"mine": 1, "timeout": 12.0}),
        (None, frozenset({"kernel subshells"}), None),
        ({"timeout": 3}, None, {"timeout": 3}),
    ],
)
def test_a_kernel_that_can_ends_a_cell_that_its_client_does_not(
    given: Any, features: Any, sent: Any
) -> None:
    """Unless the program has told the kernel something else."""
    assert limited(given, 10.0, features) == sent


@pytest.mark.parametrize(("timeout", "sent"), [(-1.0, {"timeout": 2.0}), (math.inf, None)])
def test_a_timeout_in_the_kernel_is_one_that_kernels_take(timeout: float, sent: Any) -> None:
    """It is over 0, and finite."""
    assert limited(None, timeout, None) == sent


async def test_a_timeout_that_the_kernel_sees_first_looks_as_that_of_the_client() -> None:
    """With what the cell had shown."""
    async with FakeKernel(features=["conkernel timeout"], in_memory=True) as kernel:
        kernel.on_code("1", [Say("x"), Raise("CellTimeoutError", "the cell ran longer than 62 s")])
        async with opened_client(kernel) as kc:
            result = await kc.run("1", timeout=60)
            assert (result.status, result.stdout, result.still_running) == ("timeout", "x", False)
            assert result.interrupted
            plain = await kc.run("1", metadata={"timeout": 62})
            assert plain.status == "error"


async def test_only_a_run_that_is_to_be_interrupted_is_ended_by_the_kernel() -> None:
    """`execute` leaves the kernel alone, and so does a run whose caller wants that."""
    async with FakeKernel(features=["conkernel timeout"], in_memory=True) as kernel:
        async with opened_client(kernel) as kc:
            await kc.run("1", timeout=10)
            await kc.run("1", timeout=10, on_timeout="leave")
            await kc.execute("1", reply=True, timeout=10)
        sent = [it["metadata"] for it in kernel.requests if it["msg_type"] == "execute_request"]
    assert sent == [{"timeout": 12.0}, {}, {}]


async def test_a_cell_ends_although_its_client_sends_no_interrupt() -> None:
    """The kernel `conkernel` does it."""
    async with run_kernel("conkernel") as kc:
        kc._connection.interrupt = _nothing
        run = kc.run("import time; time.sleep(600)", timeout=0.05)
        assert (await run).still_running
        await until(lambda: run.is_finished)


async def _nothing(_msg_id: str) -> None:
    """Interrupt nobody."""
