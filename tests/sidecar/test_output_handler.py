"""What an action shows comes into the document while it comes, and all of it by its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import ChannelsClosedError, EditError
from conkernelclient.outputs.notebook_widgets import STATE
from conkernelclient.sidecar import OutputHandler, Sidecar
from conkernelclient.sidecar.document import (
    Notebook,
    NotebookSink,
    OutputFeed,
    is_stale,
    new_cell,
)
from conkernelclient.testing import FakeKernel, Hold, Publish, Say, Show
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDGET = {"comm_id": "w", "target_name": "jupyter.widget"}


@pytest.fixture
def notebook() -> Notebook:
    """Two cells."""
    return Notebook([new_cell(source=name, cell_id=name) for name in "ab"])


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    """A kernel for one test."""
    with FakeKernel() as kernel:
        yield kernel


def shown(notebook: Notebook, cell_id: str) -> list[Any]:
    """What the cell shows, in short."""
    outputs = notebook.cell(cell_id)["outputs"]
    return [one["text"] if "text" in one else one["data"]["text/plain"] for one in outputs]


async def test_the_document_has_outputs_while_the_cell_runs(
    notebook: Notebook, kernel: FakeKernel
) -> None:
    """Of its last run until the kernel begins with this one."""
    gate = threading.Event()
    kernel.on_code("a", [Say("first")])
    handler = OutputHandler(NotebookSink(notebook), "a")
    async with Sidecar(kernel.client()) as sidecar:
        await sidecar.execute_request("a", handlers=[handler])
        assert shown(notebook, "a") == ["first"]
        kernel.on_code("a", [Hold(gate), Say("second"), Hold(), Say("third")])
        action = sidecar.execute_request("a", handlers=[handler])
        assert shown(notebook, "a") == ["first"]
        gate.set()
        await until(lambda: shown(notebook, "a") == ["second"])
        assert not action.done()
        kernel.interrupt()
        await action
    assert notebook.cell("a")["execution_count"] == 2


async def test_cells_of_one_document_share_what_folds_their_messages(
    notebook: Notebook, kernel: FakeKernel
) -> None:
    """A later cell updates the display of an earlier one."""
    kernel.on_code("a", [Show("old", display_id="d")])
    kernel.on_code("b", [Show("new", display_id="d", is_update=True)])
    feed = OutputFeed(NotebookSink(notebook))
    async with Sidecar(kernel.client()) as sidecar:
        for cell_id in "ab":
            await sidecar.execute_request(cell_id, handlers=[OutputHandler(feed, cell_id)])
    assert shown(notebook, "a") == ["new"]
    assert shown(notebook, "b") == []


async def test_the_source_that_is_run_is_what_outputs_are_of(
    notebook: Notebook, kernel: FakeKernel
) -> None:
    """It may be another one than the cell has by now."""
    async with Sidecar(kernel.client()) as sidecar:
        for source, stale in ((None, False), ("another", True), ("a", False)):
            handler = OutputHandler(NotebookSink(notebook), "a", source=source)
            await sidecar.execute_request("a", handlers=[handler])
            assert is_stale(notebook.cell("a")) is stale


async def test_a_cell_that_is_not_there_is_told_in_the_failures(
    notebook: Notebook, kernel: FakeKernel, caplog: pytest.LogCaptureFixture
) -> None:
    """Once; the action goes on."""
    kernel.on_code("x", [Say("x")])
    async with Sidecar(kernel.client()) as sidecar:
        action = sidecar.execute_request("x", handlers=[OutputHandler(NotebookSink(notebook), "x")])
        assert (await action).stdout == "x"
    (failure,) = action.failures
    assert isinstance(failure.error, EditError)
    assert failure.error.cell_id == "x"
    caplog.clear()  # it is logged as well


async def test_the_kernel_is_told_what_its_output_widget_took(
    notebook: Notebook, kernel: FakeKernel
) -> None:
    """And the document keeps it."""

    def script(request: Any) -> Any:
        state = {"_model_name": "OutputModel", "outputs": [], "msg_id": request["msg_id"]}
        yield Publish("comm_open", {**WIDGET, "data": {"state": state}})
        yield Say("inside")

    kernel.on_code("a", script)
    feed = OutputFeed(NotebookSink(notebook))
    async with Sidecar(kernel.client()) as sidecar:
        handler = OutputHandler(feed, "a", sidecar=sidecar)
        await sidecar.execute_request("a", handlers=[handler])
        await until(lambda: sidecar.actions == [])
    assert shown(notebook, "a") == []
    inside = [{"output_type": "stream", "name": "stdout", "text": "inside"}]
    assert notebook.metadata["widgets"][STATE]["state"]["w"]["state"]["outputs"] == inside
    (told,) = [one["content"] for one in kernel.requests if one["msg_type"] == "comm_msg"]
    assert (told["comm_id"], told["data"]["state"]) == ("w", {"outputs": inside})


async def test_a_sidecar_that_is_closed_amid_the_cell_leaves_what_came(
    notebook: Notebook, kernel: FakeKernel
) -> None:
    """With nobody to tell what the widget took; that is no failure."""

    def script(request: Any) -> Any:
        yield Say("outside")
        state = {"_model_name": "OutputModel", "outputs": [], "msg_id": request["msg_id"]}
        yield Publish("comm_open", {**WIDGET, "data": {"state": state}})
        yield Say("inside")
        yield Hold()

    kernel.on_code("a", script)
    async with Sidecar(kernel.client()) as sidecar:
        handler = OutputHandler(NotebookSink(notebook), "a", sidecar=sidecar)
        action = sidecar.execute_request("a", handlers=[handler])
        await until(lambda: shown(notebook, "a"))
    with pytest.raises(ChannelsClosedError):
        await action
    assert action.failures == []
    assert shown(notebook, "a") == ["outside"]
