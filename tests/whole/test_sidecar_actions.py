"""What kernel-sidecar promises of actions and their handlers holds here, with a real ipykernel."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import ConKernelError
from conkernelclient.sidecar import DebugHandler, Handler, Sidecar, models
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from conkernelclient import ConKernelManager
    from conkernelclient.outputs.result import Result
    from conkernelclient.sidecar import Action

# One write is one message, whenever the kernel's timer flushes.
SLEEPS = "import sys, time; sys.stdout.write('asleep'); sys.stdout.flush(); time.sleep(60)"
SHOUTS = """
kernel = get_ipython().kernel
def shout(stream, ident, parent):
    content = {"status": "ok", "shout": parent["content"]["word"].upper()}
    kernel.session.send(stream, "shout_reply", content, parent, ident)
kernel.shell_handlers["shout_request"] = shout
"""


@asynccontextmanager
async def sidecar_of(km: ConKernelManager, **options: Any) -> AsyncGenerator[Sidecar]:
    """A sidecar of a running kernel; at its end no action is left."""
    async with Sidecar(km, **options) as sidecar:
        yield sidecar
        assert sidecar.actions == []


async def counts_of(km: ConKernelManager, code: str) -> tuple[Counter[str], DebugHandler]:
    """Run code; gives how many messages of which type came, and the handler that counted."""
    debug = DebugHandler()
    async with sidecar_of(km) as sidecar:
        await sidecar.execute_request(code, handlers=[debug])
    return debug.counts, debug


def counted(**others: int) -> Counter[str]:
    """What each cell has, and others."""
    return Counter(status=2, execute_input=1, execute_reply=1, **others)


async def test_handlers_see_each_message_in_their_order(ipykernel: ConKernelManager) -> None:
    """The sidecar's own first; sync or async, classes and functions."""
    seen: list[tuple[str, str]] = []

    async def second(message: models.Message) -> None:
        seen.append(("second", message.msg_type))

    class Third(Handler):
        def unhandled_message(self, message: models.Message) -> None:
            seen.append(("third", message.msg_type))

    def first(message: models.Message) -> None:
        seen.append(("first", message.msg_type))

    async with sidecar_of(ipykernel, handlers=[first]) as sidecar:
        await sidecar.kernel_info_request(handlers=[second, Third()])
    assert len(seen) == 9
    for place in range(0, 9, 3):
        (msg_type,) = {msg_type for _, msg_type in seen[place : place + 3]}
        assert seen[place : place + 3] == [
            (name, msg_type) for name in ("first", "second", "third")
        ]


async def test_a_kernel_info_request_gets_two_statuses_and_a_reply(
    ipykernel: ConKernelManager,
) -> None:
    """And the action gives the reply."""
    debug = DebugHandler()
    async with sidecar_of(ipykernel) as sidecar:
        reply = await sidecar.kernel_info_request(handlers=[debug])
    assert debug.counts == Counter(status=2, kernel_info_reply=1)
    assert reply.content == debug.get_last_msg("kernel_info_reply").content
    assert isinstance(reply.content, models.KernelInfoOk)
    assert reply.content.language_info.name == "python"


async def test_a_cell_gets_two_statuses_its_input_its_value_and_a_reply(
    ipykernel: ConKernelManager,
) -> None:
    """One of each."""
    counts, debug = await counts_of(ipykernel, "1 + 1")
    assert counts == counted(execute_result=1)
    result: Any = debug.get_last_msg("execute_result")
    assert result.content.data == {"text/plain": "2"}


async def test_what_is_printed_comes_as_a_stream(ipykernel: ConKernelManager) -> None:
    """With its name and text."""
    counts, debug = await counts_of(ipykernel, "import sys; _ = sys.stdout.write('hello\\n')")
    assert counts == counted(stream=1)
    stream: Any = debug.get_last_msg("stream")
    assert (stream.content.name, stream.content.text) == ("stdout", "hello\n")


async def test_what_is_displayed_comes_as_display_data(ipykernel: ConKernelManager) -> None:
    """With an id if it has one."""
    counts, debug = await counts_of(ipykernel, "display('a'); _ = display('b', display_id='it')")
    assert counts == counted(display_data=2)
    display: Any = debug.get_last_msg("display_data")
    assert display.content.transient.display_id == "it"


async def test_an_updated_display_comes_as_update_display_data(
    ipykernel: ConKernelManager,
) -> None:
    """With the id of what it updates."""
    code = "display('a', display_id='other').update('b')"
    counts, debug = await counts_of(ipykernel, code)
    assert counts == counted(display_data=1, update_display_data=1)
    update: Any = debug.get_last_msg("update_display_data")
    assert update.content.transient.display_id == "other"
    assert update.content.data == {"text/plain": "'b'"}


async def test_an_error_comes_as_a_message_and_in_the_reply(ipykernel: ConKernelManager) -> None:
    """Awaiting the action raises nothing."""
    counts, debug = await counts_of(ipykernel, "1 / 0")
    assert counts == counted(error=1)
    for msg_type in ("error", "execute_reply"):
        message: Any = debug.get_last_msg(msg_type)
        assert message.content.ename == "ZeroDivisionError"


async def test_a_handler_answers_what_the_code_asks(ipykernel: ConKernelManager) -> None:
    """With `send_stdin`."""

    class Answers(DebugHandler):
        def handle_input_request(self, message: models.InputRequest) -> None:
            self.unhandled_message(message)
            sidecar.send_stdin(f"answer to {message.content.prompt}")

    answers = Answers()
    async with sidecar_of(ipykernel) as sidecar:
        result = await sidecar.execute_request("print(input('who?'))", handlers=[answers])
    assert answers.counts == counted(input_request=1, stream=answers.counts["stream"])
    assert "answer to who?" in result.stdout


async def test_a_complete_request_gets_its_matches(ipykernel: ConKernelManager) -> None:
    """As a model."""
    debug = DebugHandler()
    async with sidecar_of(ipykernel) as sidecar:
        reply = await sidecar.complete_request("prin", handlers=[debug])
    assert debug.counts == Counter(status=2, complete_reply=1)
    assert isinstance(reply.content, models.CompleteOk)
    assert "print" in reply.content.matches


async def test_an_interrupt_aborts_what_is_queued_behind_the_cell(
    ipykernel: ConKernelManager,
) -> None:
    """The one that runs ends with KeyboardInterrupt, the queued one was never sent."""
    first, second = DebugHandler(), DebugHandler()
    async with sidecar_of(ipykernel) as sidecar:
        running = sidecar.execute_request(SLEEPS, handlers=[first])
        queued = sidecar.execute_request("print(1)", handlers=[second])
        await until(lambda: first.counts["stream"])
        assert sidecar.running_action is running
        assert queued.status == "waiting"
        await sidecar.interrupt()
        interrupted: Result = await running
        aborted: Result = await queued
        assert (await sidecar.execute_request("1")).status == "ok"
    assert interrupted.error is not None
    assert interrupted.error.ename == "KeyboardInterrupt"
    assert first.counts == counted(stream=1, error=1)
    assert aborted.status == "aborted"
    assert second.counts == Counter()
    assert second.is_complete


async def test_a_request_that_no_kernel_knows_ends_with_an_error(
    ipykernel: ConKernelManager,
) -> None:
    """And what is sent behind it is answered."""
    async with sidecar_of(ipykernel) as sidecar:
        with models.register("unheard_of_request", "unheard_of_reply") as registered:
            action = sidecar.send(registered.request.make())
            behind = sidecar.kernel_info_request()
            with pytest.raises(ConKernelError):
                await action
        assert (await behind).content.status == "ok"


async def test_a_request_of_ones_own_gets_its_reply(ipykernel: ConKernelManager) -> None:
    """Once both are registered."""
    debug = DebugHandler()
    async with sidecar_of(ipykernel) as sidecar:
        await sidecar.execute_request(SHOUTS)
        with models.register("shout_request", "shout_reply") as registered:
            reply = await sidecar.send(
                registered.request.make(extra={"word": "hey"}), handlers=[debug]
            )
    assert debug.counts == Counter(status=2, shout_reply=1)
    assert reply.content["shout"] == "HEY"


async def test_help_comes_as_a_page_in_the_reply(ipykernel: ConKernelManager) -> None:
    """As a typed payload."""
    counts, debug = await counts_of(ipykernel, "print?")
    assert counts == counted()
    reply: Any = debug.get_last_msg("execute_reply")
    (page,) = reply.content.payload
    assert isinstance(page, models.Page)
    assert "Docstring" in page.data["text/plain"]


async def test_a_handler_learns_once_that_its_action_is_complete(
    ipykernel: ConKernelManager,
) -> None:
    """After all messages, and before who awaits it goes on."""
    told: list[Any] = []

    class Ends(Handler):
        def unhandled_message(self, message: models.Message) -> None:
            told.append(message.msg_type)

        async def action_complete(self, action: Action[Any]) -> None:
            told.append(action)

    async with sidecar_of(ipykernel) as sidecar:
        action = sidecar.execute_request("1", handlers=[Ends()])
        await action
        assert told.pop() is action
    assert Counter(told) == counted(execute_result=1)


def test_a_kernel_without_codemirror_mode_is_known_by_its_language() -> None:
    """As evcxr, of Rust, has none."""
    language = {"name": "Rust", "version": "", "mimetype": "text/rust", "file_extension": ".rs"}
    message = {
        "header": {"msg_id": "1", "msg_type": "kernel_info_reply"},
        "parent_header": {},
        "metadata": {},
        "content": {"status": "ok", "protocol_version": "5.3", "language_info": language},
        "buffers": [],
    }
    reply: Any = models.parse(message)
    assert reply.content.language_info.codemirror_mode is None
    assert reply.content.language_info.mode_name == "Rust"
