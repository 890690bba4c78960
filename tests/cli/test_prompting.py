"""What is typed in a terminal keeps its order, whatever the kernel is asked meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from conkernelclient.cli.helping import Match
from conkernelclient.cli.prompting import END_OF_FILE, Terminal
from conkernelclient.events import InputRequest
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prompt_toolkit.input import PipeInput


class Slow:
    """A kernel that takes its time; a cell goes on until an empty line."""

    async def indent(self, code: str) -> str | None:
        for _turn in range(50):
            await asyncio.sleep(0)
        return "  " if ":" in code and code.rpartition("\n")[2].strip() else None

    async def matches(self, code: str, position: int) -> list[Match]:
        await asyncio.sleep(0)
        return [Match("alpha", position - 2, "function")] if code[:position].endswith("al") else []


@contextmanager
def typing() -> Iterator[PipeInput]:
    """Keys that a person types."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def terminal(interrupt: Any = None) -> Terminal:
    """A person at a terminal."""
    helper: Any = Slow()
    return Terminal(helper, ["old = 1"], "python", interrupt or (lambda: None))


async def test_keys_that_are_typed_ahead_keep_their_order() -> None:
    """While the kernel is asked whether the cell is complete, and between cells."""
    with typing() as keys:
        person = terminal()
        keys.send_text("if a:\rb\r\rc\r")
        assert (await person.cell(None)).splitlines() == ["if a:", "  b", "  "]
        assert await person.cell(2) == "c"
        assert person.is_terminal


async def test_a_tab_completes_the_up_key_recalls_and_a_draft_can_be_changed() -> None:
    """Ctrl-D leaves, Ctrl-C begins anew."""
    with typing() as keys:
        person = terminal()
        keys.send_text("x = al\t\r")
        assert await person.cell(1) == "x = alpha"
        keys.send_text("\x1b[A\x1b[A\r")
        assert await person.cell(2) == "old = 1"
        keys.send_text("!\r")
        assert await person.cell(3, "draft") == "draft!"
        keys.send_text("wrong\x03right\r")
        assert await person.cell(4, "draft") == "right"
        keys.send_text("\x04")
        assert await person.cell(5) is None


async def test_enter_amid_a_cell_is_a_line_and_with_escape_it_runs() -> None:
    """As where the kernel would never take it for complete."""
    with typing() as keys:
        keys.send_text("ab\x1b[D\rc\x1b\r")
        assert await terminal().cell(1) == "a\ncb"


async def test_a_question_is_answered_ended_or_interrupted() -> None:
    """By what is typed, Ctrl-D and Ctrl-C."""
    interrupts: list[bool] = []
    with typing() as keys:
        person = terminal(lambda: interrupts.append(True))
        keys.send_text("bob\r")
        assert await person.answer(InputRequest("name? ")) == "bob"
        keys.send_text("\x04")
        assert await person.answer(InputRequest("secret? ", password=True)) == END_OF_FILE
        assert not interrupts
        keys.send_text("\x03")
        assert await person.answer(InputRequest("name? ")) is None
        assert interrupts


async def test_a_question_that_nobody_waits_for_any_more_leaves_the_terminal_free() -> None:
    """As that of a cell that has ended."""
    with typing() as keys:
        person = terminal()
        asked = asyncio.create_task(person.answer(InputRequest("name? ")))
        await until(lambda: person.is_asking)
        asked.cancel()
        await asyncio.wait([asked], timeout=60)
        assert asked.cancelled()
        keys.send_text("x\r")
        assert await person.cell(1) == "x"


@pytest.mark.parametrize("language", [None, "no such language", "python"])
async def test_an_unknown_language_has_no_colours(language: str | None) -> None:
    """And is typed as any other."""
    with typing() as keys:
        helper: Any = Slow()
        keys.send_text("x\r")
        assert await Terminal(helper, [], language, lambda: None).cell(None) == "x"
