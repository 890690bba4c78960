"""Where kernel-sidecar 1.0.0 fails, ours does not: what is to be seen, `sidecar_defects` says."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import select
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

import pytest

from conkernelclient.sidecar import DebugHandler, Handler, OutputHandler, Sidecar
from conkernelclient.sidecar.document import Notebook, NotebookSink, new_cell
from conkernelclient.testing import Hold
from tests.clients import LONG, until

from .sidecar_defects import DEFECTS, in_short, kernel_of_defects

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from conkernelclient.sidecar.models import Message, Stream
    from conkernelclient.testing import FakeKernel

LOOKS: Final[dict[str, Callable[[Sidecar, FakeKernel], Awaitable[dict[str, Any]]]]] = {}


def look(function: Callable[[Sidecar, FakeKernel], Awaitable[dict[str, Any]]]) -> Any:
    """Say what a program of ours sees in the situation of that name."""
    LOOKS[function.__name__] = function
    return function


@pytest.fixture(scope="module")
def kernel() -> Iterator[FakeKernel]:
    """The kernel that kernel-sidecar gets as well."""
    with kernel_of_defects() as kernel:
        yield kernel


class Seen(Handler):
    """Notes what was printed."""

    def __init__(self) -> None:
        self.text = ""

    def handle_stream(self, message: Stream) -> None:
        self.text += message.content.text


@look
async def unknown_message(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    ids, debug = list[str](), DebugHandler()

    def note(message: Message) -> None:
        ids.append(message.msg_id)

    await sidecar.execute_request("unknown_message", handlers=[note, debug])
    assert debug.counts["odd_news"] == 1
    assert debug.last["odd_news"].content == {"a": 1}
    assert len(ids) == debug.counts.total() == 6
    return {"is_given_twice": len(set(ids)) < len(ids)}


async def notebook_of(sidecar: Sidecar, code: str) -> dict[str, Any]:
    """Run one cell of code; gives the notebook with what it shows."""
    notebook = Notebook([new_cell(source=code, cell_id="cell")])
    handler = OutputHandler(NotebookSink(notebook), "cell")
    await sidecar.execute_request(code, cell_id="cell", handlers=[handler])
    return {"notebook": notebook.to_dict()}


@look
async def display_update(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    return await notebook_of(sidecar, "display_update")


@look
async def streams(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    return await notebook_of(sidecar, "streams")


@look
async def display_without_transient(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    return await notebook_of(sidecar, "display_without_transient")


@look
async def source_of_lines(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    cell = {**new_cell(cell_id="cell"), "source": ["a = 1\n", "b = 2\n", "a + b"]}
    notebook = Notebook([cell])
    written = json.loads(notebook.to_bytes())
    assert "".join(written["cells"][0]["source"]) == notebook.cell("cell")["source"]
    return {"source": notebook.cell("cell")["source"]}


@look
async def slow_handler(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    async def slow(message: Message) -> None:
        if message.msg_type == "stream":
            other = sidecar.kernel_info_request()
            await other
            seen["other_ended"] = other.done()

    seen: dict[str, Any] = {}
    await sidecar.execute_request("slow_handler", handlers=[slow])
    return seen


@look
async def actions_kept(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    references: list[Any] = []
    for _ in range(20):
        action = sidecar.execute_request("actions_kept")
        await action
        references.append(weakref.ref(action))
        del action
    await asyncio.sleep(0)  # the callbacks of the last one are called
    gc.collect()
    assert sidecar.actions == []
    return {"alive": sum(reference() is not None for reference in references)}


@look
async def busy_loop(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    gate = threading.Event()
    kernel.on_code("busy_loop", [Hold(gate)])
    first, second = DebugHandler(), DebugHandler()
    descriptor = sidecar.client.shell_channel.socket.FD
    executed = sidecar.execute_request("busy_loop", handlers=[first])
    await until(lambda: executed.status == "running")
    gate.set()
    is_signalled, _, _ = select.select([descriptor], [], [], LONG)  # the program computes
    assert is_signalled
    time.sleep(0.01)  # libzmq looks for signals in a send only after about 1 ms
    informed = sidecar.kernel_info_request(handlers=[second])
    await executed
    await informed
    return {
        "replies": [first.counts["execute_reply"] == 1, second.counts["kernel_info_reply"] == 1]
    }


@look
async def failing_handler(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    def failing(message: Message) -> None:
        raise ValueError("a mistake in a handler")

    seen = Seen()
    action = sidecar.execute_request("failing_handler", handlers=[failing, seen])
    await action
    assert {str(failure.error) for failure in action.failures} == {"a mistake in a handler"}
    return {"ended": action.done(), "text": seen.text}


@look
async def history(sidecar: Sidecar, kernel: FakeKernel) -> dict[str, Any]:
    debug = DebugHandler()
    await sidecar.history_request(handlers=[debug])
    result = await sidecar.execute_request("")
    return {"reply": debug.counts["history_reply"] == 1, "is_hearing": result.status == "ok"}


@pytest.mark.parametrize("name", DEFECTS)
async def test_ours_sees_what_is_right(
    name: str, kernel: FakeKernel, caplog: pytest.LogCaptureFixture
) -> None:
    """Where kernel-sidecar 1.0.0 does not, as `make conformance` shows."""
    async with Sidecar(kernel.client()) as sidecar:
        seen = await LOOKS[name](sidecar, kernel)
    assert in_short(seen) == DEFECTS[name].right
    logged = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == (name == "failing_handler")  # told once, whatever it fails at
    caplog.clear()


def test_what_is_right_is_not_what_theirs_sees() -> None:
    """So that a situation can fail."""
    assert all(defect.right != defect.theirs for defect in DEFECTS.values())
