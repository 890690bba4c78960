"""
Kernels of other languages take liberties with the protocol, which a sidecar bears.

As were seen of the kernels of R (IRkernel), Rust (evcxr) and Deno, from a fake kernel.
"""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import nbformat

from conkernelclient.sidecar import DebugHandler, Handler, OutputHandler, Sidecar, models
from conkernelclient.sidecar.document import Notebook, NotebookSink, new_cell
from conkernelclient.testing import FakeKernel, Faults, Publish, Reply, Say, Silence
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from conkernelclient.errors import UnparseableMessageError
    from conkernelclient.testing import Script

RUST: Final = {
    "implementation": "evcxr_jupyter",
    "implementation_version": "0.14.2",
    "language_info": {
        "name": "Rust",
        "version": "",
        "mimetype": "text/rust",
        "file_extension": ".rs",
        "nbconvert_exporter": None,
        "evcxr": {"opt_level": 2},  # no field of the protocol
    },
    "help_links": [{"text": "Rust std docs", "url": "https://doc.rust-lang.org/std/"}],
}


class Watching(Sidecar):
    """Notes what its hooks are told."""

    def __init__(self, kernel: Any) -> None:
        super().__init__(kernel)
        self.orphans: list[models.Message] = []
        self.unparseable: list[Mapping[str, Any]] = []

    def handle_missing_parent(self, message: models.Message) -> None:
        self.orphans.append(message)

    def handle_unparseable(
        self, message: Mapping[str, Any], error: UnparseableMessageError
    ) -> None:
        self.unparseable.append(message)


class Dicts(Handler):
    """Counts messages that are no models."""

    takes = "dicts"

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def unhandled_message(self, message: Mapping[str, Any]) -> None:
        self.counts[message["msg_type"]] += 1


@asynccontextmanager
async def watching(kernel: FakeKernel) -> AsyncGenerator[Watching]:
    """A sidecar of a fake kernel; at its end no action is left."""
    async with Watching(kernel.client()) as sidecar:
        yield sidecar
        assert sidecar.actions == []


async def outputs_of(script: Script) -> list[dict[str, Any]]:
    """What the document shows of a cell for which the kernel does this."""
    notebook = Notebook([new_cell(cell_id="cell")])
    debug = DebugHandler()
    with FakeKernel(script) as kernel:
        async with watching(kernel) as sidecar:
            handler = OutputHandler(NotebookSink(notebook), "cell")
            action = sidecar.execute_request("", handlers=[handler, debug])
            result = await action
            assert action.failures == []
            assert sidecar.unparseable == []
    nbformat.validate(notebook.to_dict())
    (cell,) = notebook.cells
    assert cell["outputs"] == result.outputs
    return cell["outputs"]


async def test_a_display_without_transient_or_metadata_is_shown() -> None:
    """As R's are; a null for each is the same."""
    data = {"text/plain": "a plot"}
    script = [
        Publish("display_data", {"data": data, "metadata": {}}),
        Publish("display_data", {"data": data}),
        Publish("display_data", {"data": data, "metadata": None, "transient": None}),
    ]
    shown = {"output_type": "display_data", "data": data, "metadata": {}}
    assert await outputs_of(script) == [shown] * 3


async def test_a_value_without_metadata_is_shown() -> None:
    """With the number that the kernel gave it."""
    script = [Publish("execute_result", {"data": {"text/plain": "5"}, "execution_count": 1})]
    (shown,) = await outputs_of(script)
    assert (shown["data"], shown["execution_count"]) == ({"text/plain": "5"}, 1)


async def test_fields_that_the_protocol_does_not_name_do_no_harm() -> None:
    """They are in the messages that handlers see, and not in the notebook."""
    debug = DebugHandler()
    script = [Publish("stream", {"name": "stdout", "text": "x", "evcxr": [1]}, {"deno": True})]
    with FakeKernel(script) as kernel:
        async with watching(kernel) as sidecar:
            await sidecar.execute_request("", handlers=[debug])
    message = debug.get_last_msg("stream").to_message()
    assert message["content"]["evcxr"] == [1]
    assert message["metadata"] == {"deno": True}
    assert await outputs_of(script) == [{"output_type": "stream", "name": "stdout", "text": "x"}]


async def test_a_language_without_codemirror_mode_and_pygments_lexer_is_told() -> None:
    """As Rust's kernel tells it."""
    with FakeKernel() as kernel:
        kernel.on("kernel_info_request", [Reply(RUST)])
        async with watching(kernel) as sidecar:
            reply = await sidecar.kernel_info_request()
    assert isinstance(reply.content, models.KernelInfoOk)
    language = reply.content.language_info
    assert (language.mode_name, language.pygments_lexer) == ("Rust", None)
    assert reply.content.to_wire()["language_info"] == RUST["language_info"]


async def test_an_error_without_name_text_and_traceback_is_an_error() -> None:
    """As in Rust's replies; what is queued behind it is aborted."""
    debug = DebugHandler()
    with FakeKernel([Reply({"status": "error"})]) as kernel:
        async with watching(kernel) as sidecar:
            failing = sidecar.execute_request("", handlers=[debug])
            behind = sidecar.execute_request("")
            assert (await failing).status == "error"
            assert (await behind).status == "aborted"
            assert sidecar.unparseable == []
    reply: Any = debug.get_last_msg("execute_reply")
    assert (reply.content.ename, reply.content.traceback) == ("", [])


async def test_a_status_without_a_parent_is_no_actions() -> None:
    """A hook sees it, and the cell that runs goes on."""
    debug = DebugHandler()
    with FakeKernel() as kernel:
        async with watching(kernel) as sidecar:
            for state in ("busy", "idle", "starting"):
                kernel.publish("status", {"execution_state": state})
            await sidecar.execute_request("1", handlers=[debug])
            await until(lambda: len(sidecar.orphans) >= 3)
            states = [message.content.execution_state for message in sidecar.orphans[-3:]]
    assert states == ["busy", "idle", "starting"]
    assert debug.counts == Counter(status=2, execute_input=1, execute_reply=1)


async def test_a_reply_before_busy_ends_nothing_too_early() -> None:
    """All that comes on the other channel reaches the handlers, and the action ends after it."""
    debug = DebugHandler()
    faults = Faults()
    with FakeKernel([Say("late")], faults=faults) as kernel:
        async with watching(kernel) as sidecar:
            faults.cut(channels=["iopub"])
            action = sidecar.execute_request("", handlers=[debug])
            await until(lambda: debug.counts["execute_reply"])
            assert debug.counts == Counter(execute_reply=1)
            assert not action.done()
            faults.mend()
            assert (await action).stdout == "late"
    assert debug.counts == Counter(status=2, execute_input=1, stream=1, execute_reply=1)


async def test_a_request_over_control_without_idle_ends_with_its_reply() -> None:
    """Some kernels publish no status of what comes there."""
    debug = DebugHandler()
    with FakeKernel() as kernel:
        kernel.on(
            "debug_request", [Reply({"type": "response", "success": True}), Silence(is_idle=False)]
        )
        async with watching(kernel) as sidecar:
            reply = await sidecar.debug_request("debugInfo", handlers=[debug])
            assert sidecar.unparseable == []
    assert reply.content.success
    assert debug.counts == Counter(status=1, debug_reply=1)


async def test_a_message_that_fits_no_model_costs_that_message_alone() -> None:
    """A hook is told of it, and handlers that take dicts get it."""
    debug, dicts = DebugHandler(), Dicts()
    script = [Publish("stream", {"name": "stdout", "text": 5}), Say("fine")]
    with FakeKernel(script) as kernel:
        async with watching(kernel) as sidecar:
            result = await sidecar.execute_request("", handlers=[debug, dicts])
            assert [message["content"]["text"] for message in sidecar.unparseable] == [5]
    assert result.status == "ok"
    assert debug.counts == Counter(status=2, execute_input=1, execute_reply=1, stream=1)
    assert dicts.counts == Counter(status=2, execute_input=1, execute_reply=1, stream=2)


async def test_a_type_of_message_that_is_unknown_reaches_the_handlers() -> None:
    """As Deno's `comm`-like ones of its own; it is a `RawMessage`."""
    debug = DebugHandler()
    with FakeKernel([Publish("deno_progress", {"done": 3})]) as kernel:
        async with watching(kernel) as sidecar:
            await sidecar.execute_request("", handlers=[debug])
    message = debug.get_last_msg("deno_progress")
    assert isinstance(message, models.RawMessage)
    assert message.content == {"done": 3}
