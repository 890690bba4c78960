"""What the tasks of the handlers do with events and questions, whatever the handlers do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.client.handlers import answer_questions, deliver_events
from conkernelclient.outputs.log import Cursor, EventLog

from ..clients import LONG, until
from ..messages import incoming

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient.protocol.incoming import Incoming


class Cell:
    """An execution that shows what the test lets it show."""

    def __init__(self) -> None:
        self.msg_id = "m"
        self.is_over = False
        self.answers: list[tuple[str, str]] = []
        self._log = EventLog()
        self._changed: asyncio.Future[None] | None = None

    def cursor(self) -> Cursor:
        """Give a place at the start."""
        return Cursor(self._log)

    async def changed(self, has_news: Callable[[], object]) -> None:
        """Wait for the next thing that is shown, or the end."""
        self._changed = asyncio.get_running_loop().create_future()
        self.before_waiting()
        if not has_news():
            await self._changed

    def before_waiting(self) -> None:
        """Do what another thread does meanwhile."""

    def answer(self, question: Incoming, text: str) -> None:
        """Keep an answer."""
        self.answers.append((question.content["prompt"], text))

    def show(self, message: Incoming) -> None:
        """Show something."""
        self._log.append(message)
        self._tell()

    def say(self, text: str) -> None:
        """Print."""
        self.show(incoming("stream", "m", name="stdout", text=text))

    def ask(self, prompt: str) -> None:
        """Ask for input."""
        self.show(incoming("input_request", "m", prompt=prompt, password=False))

    def end(self) -> None:
        """Be over."""
        self.is_over = True
        self._tell()

    def _tell(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


@pytest.mark.parametrize("last", ["shown", "over"])
async def test_what_another_thread_brings_between_a_look_and_the_wait_is_seen(last: str) -> None:
    """Nothing comes after it that would wake the reader."""
    cell, seen = Cell(), []

    def bring() -> None:
        if last == "shown" and not seen:
            cell._log.append(incoming("stream", "m", name="stdout", text="a"))
        else:
            cell.is_over = True

    cell.before_waiting = bring
    await asyncio.wait_for(deliver_events(cell, lambda event: seen.append(event.text)), LONG)
    assert seen == ["a"] * (last == "shown")


async def test_each_event_is_delivered_in_order_and_all_before_the_end() -> None:
    """What had come before the task began as well."""
    cell, seen = Cell(), []
    cell.say("a")
    task = asyncio.ensure_future(deliver_events(cell, lambda event: seen.append(event.text)))
    await until(lambda: seen == ["a"])
    cell.say("b")
    cell.say("c")
    cell.end()
    await asyncio.wait_for(task, LONG)
    assert seen == ["a", "b", "c"]


async def test_a_slow_handler_is_waited_for_before_the_next_event() -> None:
    """Its events come one by one; it misses none."""
    cell, begun, go_on = Cell(), [], asyncio.Event()

    async def slow(event: Any) -> None:
        begun.append(event.text)
        await go_on.wait()

    task = asyncio.ensure_future(deliver_events(cell, slow))
    cell.say("a")
    cell.say("b")
    cell.end()
    await until(lambda: begun)
    await asyncio.sleep(0)
    assert begun == ["a"]
    go_on.set()
    await asyncio.wait_for(task, LONG)
    assert begun == ["a", "b"]


async def test_a_handler_that_fails_gets_the_next_event(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is logged, and costs one event."""
    cell, seen = Cell(), []

    def fail(event: Any) -> None:
        seen.append(event.text)
        raise ValueError(event.text)

    cell.say("a")
    cell.say("b")
    cell.end()
    await asyncio.wait_for(deliver_events(cell, fail), LONG)
    assert seen == ["a", "b"]
    assert [one.getMessage().split(" at ")[0] for one in caplog.records] == [
        "on_output of run m failed"
    ] * 2
    caplog.clear()


async def answered(handler: Callable[[Any], Any], *prompts: str) -> list[tuple[str, str]]:
    """The answers that a handler gives."""
    cell = Cell()
    task = asyncio.ensure_future(answer_questions(cell, handler))
    cell.say("no question")
    for prompt in prompts:
        cell.ask(prompt)
    cell.end()
    await asyncio.wait_for(task, LONG)
    return cell.answers


async def test_each_question_is_answered_with_its_own_answer() -> None:
    """By a plain handler or an async one."""

    async def later(question: Any) -> str:
        await asyncio.sleep(0)
        return question.prompt.upper()

    both = [("a", "A"), ("b", "B")]
    assert await answered(lambda question: question.prompt.upper(), "a", "b") == both
    assert await answered(later, "a", "b") == both


async def test_none_is_no_answer() -> None:
    """It was given by `input()`."""
    assert await answered(lambda _: None, "a") == []


@pytest.mark.parametrize("given", [5, b"bytes", ValueError("no")])
async def test_what_is_no_answer_ends_the_codes_input(
    given: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The code would wait for ever otherwise; it gets EOFError."""

    def handler(_: Any) -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    assert await answered(handler, "a") == [("a", "\x04")]
    assert len(caplog.records) == 1
    assert "EOFError" in caplog.records[0].getMessage()
    caplog.clear()
