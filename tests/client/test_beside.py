"""A request says how it is to run, and a run says how it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient.client.beside import Beside, metadata_of, mode_of
from conkernelclient.errors import ProtocolError
from conkernelclient.testing import FakeKernel, Hold, Reply
from tests.clients import until

FEATURES = frozenset({"conkernel modes", "conkernel cancel"})


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


def test_a_kernel_without_modes_runs_everything_in_its_turn() -> None:
    """And the run says so."""
    assert mode_of(Beside(mode="task"), FEATURES) == "task"
    assert mode_of(Beside(lane="a"), FEATURES) == "queue"
    assert mode_of(Beside(mode="task"), frozenset()) == "queue"
    assert mode_of(Beside(mode="task"), None) == "queue"


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
    async with FakeKernel(features=sorted(FEATURES), in_memory=True) as kernel:
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
