"""
What does a program of kernel-sidecar 1.0.0 see in the situations of `sidecar_defects.py`?

`python -I kernel_sidecar.py connection.json`, in an environment of its own, prints what it saw as
one line of JSON, by the names there. It imports nothing of this package.
"""
# ruff: noqa: T201 - a command speaks by printing

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kernel_sidecar.actions import KernelAction
from kernel_sidecar.client import KernelSidecarClient
from kernel_sidecar.handlers.base import Handler
from kernel_sidecar.models import notebook, requests
from kernel_sidecar.nb_builder import NotebookBuilder, SimpleOutputHandler

SEEN: dict[str, Callable[[KernelSidecarClient], Awaitable[dict[str, Any]]]] = {}
WITHIN = 10.0  # seconds for what ends
WAITS = 2.0  # seconds that the slow handler waits at most, so that the pump is not held for ever


def case(function: Callable[[KernelSidecarClient], Awaitable[dict[str, Any]]]) -> None:
    SEEN[function.__name__] = function


class Seen(Handler):
    """Notes the types of what it is given, and the text of what was printed."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    async def unhandled_message(self, msg: Any) -> None:
        self.types.append(msg.msg_type)
        self.ids.append(msg.header.msg_id)
        if msg.msg_type == "stream":
            self.text += msg.content.text


async def done(action: KernelAction) -> None:
    await asyncio.wait_for(action.done.wait(), WITHIN)


@case
async def unknown_message(kernel: KernelSidecarClient) -> dict[str, Any]:
    seen = Seen()
    await done(kernel.execute_request("unknown_message", handlers=[seen]))
    return {"is_given_twice": len(set(seen.ids)) < len(seen.ids)}


async def notebook_of(kernel: KernelSidecarClient, code: str) -> dict[str, Any]:
    """Run one cell of code; gives the notebook with what it shows."""
    builder = NotebookBuilder(notebook.Notebook())
    cell = builder.add_cell(code, id="cell")
    handler = SimpleOutputHandler(kernel, cell.id, builder)
    await done(kernel.execute_request(code, handlers=[handler]))
    return {"notebook": builder.nb.model_dump()}


@case
async def display_update(kernel: KernelSidecarClient) -> dict[str, Any]:
    return await notebook_of(kernel, "display_update")


@case
async def streams(kernel: KernelSidecarClient) -> dict[str, Any]:
    return await notebook_of(kernel, "streams")


@case
async def display_without_transient(kernel: KernelSidecarClient) -> dict[str, Any]:
    return await notebook_of(kernel, "display_without_transient")


@case
async def source_of_lines(_: KernelSidecarClient) -> dict[str, Any]:
    cell = {"id": "cell", "cell_type": "code", "source": ["a = 1\n", "b = 2\n", "a + b"]}
    return {"source": notebook.Notebook(cells=[cell]).cells[0].source}


class Slow(Handler):
    """Waits, at the first text, until another request has ended."""

    def __init__(self, kernel: KernelSidecarClient) -> None:
        self.kernel = kernel
        self.is_other_done: bool | None = None

    async def handle_stream(self, _: Any) -> None:
        other = self.kernel.kernel_info_request()
        try:
            await asyncio.wait_for(other.done.wait(), WAITS)
        except TimeoutError:
            self.is_other_done = False
        else:
            self.is_other_done = True


@case
async def slow_handler(kernel: KernelSidecarClient) -> dict[str, Any]:
    slow = Slow(kernel)
    await done(kernel.execute_request("slow_handler", handlers=[slow]))
    return {"other_ended": slow.is_other_done}


@case
async def actions_kept(kernel: KernelSidecarClient) -> dict[str, Any]:
    references = []
    for _ in range(20):
        action = kernel.execute_request("actions_kept")
        await done(action)
        references.append(weakref.ref(action))
        del action
    gc.collect()
    return {"alive": sum(reference() is not None for reference in references)}


@case
async def busy_loop(kernel: KernelSidecarClient) -> dict[str, Any]:
    """The first reply arrives while the loop computes; then another request is sent."""
    await asyncio.sleep(0.1)  # its readers sleep
    first, second = Seen(), Seen()
    actions = [kernel.execute_request("busy_loop", handlers=[first])]
    time.sleep(0.5)  # the program computes
    actions.append(kernel.kernel_info_request(handlers=[second]))
    for action in actions:
        await done(action)
    replies = ["execute_reply" in first.types, "kernel_info_reply" in second.types]
    return {"replies": replies}


class Failing(Handler):
    async def __call__(self, _: Any) -> None:
        raise ValueError("a mistake in a handler")


@case
async def failing_handler(kernel: KernelSidecarClient) -> dict[str, Any]:
    seen = Seen()
    action = kernel.execute_request("failing_handler", handlers=[Failing(), seen])
    await done(kernel.kernel_info_request())  # the kernel answers in order: the first has ended
    return {"ended": action.done.is_set(), "text": seen.text}


@case
async def history(kernel: KernelSidecarClient) -> dict[str, Any]:
    """The last: after it the client hears nothing."""
    seen = Seen()
    action = kernel.send(KernelAction(requests.HistoryRequest(), handlers=[seen]))
    waiting = asyncio.ensure_future(action.done.wait())
    assert kernel.mq_task is not None
    await asyncio.wait(
        [waiting, kernel.mq_task], timeout=WITHIN, return_when=asyncio.FIRST_COMPLETED
    )
    is_hearing = not kernel.mq_task.done()
    if not is_hearing:
        kernel.mq_task.exception()  # it is looked at
    waiting.cancel()
    return {"reply": "history_reply" in seen.types, "is_hearing": is_hearing}


async def ready(info: dict[str, Any]) -> KernelSidecarClient:
    """Open a client; it is heard when a request is done without the net of 3 s."""
    kernel = await KernelSidecarClient(info).__aenter__()
    while True:
        try:
            await asyncio.wait_for(kernel.kernel_info_request().done.wait(), 1)
        except TimeoutError:
            continue
        return kernel


async def main(file: str) -> None:
    info = json.loads(Path(file).read_text())
    seen: dict[str, Any] = {}
    for name, look in SEEN.items():
        kernel = await ready(info)
        try:
            seen[name] = await look(kernel)
        finally:
            await kernel.__aexit__(None, None, None)
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
