"""A script's lines become cells and answers, in their order, to the end of its input."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.cli.lines import END_OF_FILE, Lines
from conkernelclient.events import InputRequest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Colons:
    """A kernel whose cells go on after a colon, to an empty line."""

    async def indent(self, code: str) -> str | None:
        return "    " if ":" in code and not code.endswith("\n") else None


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def lines_of(descriptor: int) -> Lines:
    """The lines that come there."""
    helper: Any = Colons()
    return Lines(helper, descriptor)


async def test_lines_are_gathered_into_cells_and_the_last_one_needs_no_newline(
    pipe: tuple[int, int],
) -> None:
    """Empty lines between cells are none; letters may come in two parts."""
    reading, writing = pipe
    lines = lines_of(reading)
    text = "\n\na\nif x:\n  ü\n\n\nb".encode()
    cut = text.index(b"\xc3") + 1
    os.write(writing, text[:cut])
    assert await lines.cell(None) == "a\n"
    os.write(writing, text[cut:])
    os.close(writing)
    assert [await lines.cell(1), await lines.cell(2)] == ["if x:\n  ü\n\n", "b"]
    assert await lines.cell(None) is None
    assert await lines.cell(None) is None
    assert not lines.is_terminal


async def test_a_cell_that_the_end_cuts_off_is_run_as_it_stands(pipe: tuple[int, int]) -> None:
    """The kernel tells what is wrong with it."""
    os.write(pipe[1], b"if x:\n  y\n")
    os.close(pipe[1])
    assert await lines_of(pipe[0]).cell(None) == "if x:\n  y\n"


async def test_an_answer_is_the_next_line_and_at_the_end_that_of_the_codes_input(
    pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The question is shown."""
    os.write(pipe[1], b"a\nbob\n\n")
    os.close(pipe[1])
    lines = lines_of(pipe[0])
    assert await lines.cell(None) == "a\n"
    answers = [await lines.answer(InputRequest("name? ")) for _ in range(3)]
    assert answers == ["bob", "", END_OF_FILE]
    assert capsys.readouterr().out == "name? " * 3


async def test_a_wait_that_is_given_up_loses_no_line(pipe: tuple[int, int]) -> None:
    """As at a Ctrl-C."""
    lines = lines_of(pipe[0])
    waiting = asyncio.create_task(lines.answer(InputRequest("")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    os.write(pipe[1], b"a\n")
    os.close(pipe[1])
    assert await lines.cell(None) == "a\n"
