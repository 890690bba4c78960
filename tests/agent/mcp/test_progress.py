"""A client hears of each new output, not too often, and of a run that shows nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient.agent.mcp import progress as module
from conkernelclient.agent.mcp.progress import Progress, line_of
from conkernelclient.events import (
    Display,
    ErrorOutput,
    ExecuteResult,
    Started,
    Stream,
)
from tests.clients import until


class Client:
    """Takes reports."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str]] = []

    async def report(self, seconds: float, line: str) -> None:
        self.heard.append((seconds, line.partition(": ")[2]))


async def test_each_new_output_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes, if it does not come too often."""
    monkeypatch.setattr(module, "GAP", 0)
    client = Client()
    async with Progress(client.report) as progress:
        for number in range(3):
            progress.note(Stream("stdout", f"line {number}\n"))
            await until(lambda number=number: len(client.heard) > number)
    assert [line for _, line in client.heard] == ["line 0", "line 1", "line 2"]


async def test_many_outputs_are_few_reports_and_the_last_one_is_told() -> None:
    """In the order of their seconds, which always grow."""
    client = Client()
    async with Progress(client.report) as progress:
        progress.note(Stream("stdout", "first\n"))
        await until(lambda: client.heard)
        for number in range(1000):
            progress.note(Stream("stdout", f"line {number}\n"))
    assert [line for _, line in client.heard] == ["first", "line 999"]
    assert client.heard[0][0] < client.heard[1][0]


async def test_a_run_that_shows_nothing_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least every five seconds, here every hundredth of one."""
    assert module.BEAT + module.GAP < 5
    monkeypatch.setattr(module, "BEAT", 0.01)
    monkeypatch.setattr(module, "GAP", 0.001)
    client = Client()
    async with Progress(client.report):
        await until(lambda: len(client.heard) > 3)
    assert {line for _, line in client.heard} == {"starting"}


async def test_nothing_is_told_of_a_run_that_shows_nothing_and_ends() -> None:
    """There is nothing to tell."""
    client = Client()
    async with Progress(client.report):
        pass
    assert client.heard == []


async def test_a_client_that_takes_no_reports_holds_up_the_end_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And no longer."""
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    began = asyncio.Event()

    async def report(_seconds: float, _line: str) -> None:
        began.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(10), Progress(report) as progress:
        progress.note(Stream("stdout", "a"))
        await began.wait()


async def test_a_report_that_fails_costs_the_reports_alone() -> None:
    """What runs goes on."""

    async def report(_seconds: float, _line: str) -> None:
        raise BrokenPipeError

    async with Progress(report) as progress:
        progress.note(Stream("stdout", "a"))
        await until(progress._task.done)
        progress.note(Stream("stdout", "b"))


async def test_a_cancel_waits_for_no_report() -> None:
    """Who cancels is not held up."""
    with pytest.raises(asyncio.CancelledError):
        async with Progress(Client().report) as progress:
            raise asyncio.CancelledError
    await until(progress._task.done)


def image(**data: Any) -> Display:
    return Display({key.replace("_", "/"): value for key, value in data.items()}, {})


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Stream("stdout", "one\ntwo\n\n"), "two"),
        (Stream("stderr", "\x1b[31m 10%\r\x1b[32m 20%"), "20%"),
        (Stream("stdout", "x" * 5000), "x" * 199 + "…"),
        (Stream("stdout", "\n"), ""),
        (ExecuteResult({"text/plain": "42"}, {}), "42"),
        (ExecuteResult({"text/plain": ["a\n", "b"]}, {}), "b"),
        (image(image_png="AAAA", text_plain="<Figure>"), "[image/png]"),
        (image(), "[nothing]"),
        (ErrorOutput("ValueError", "no", []), "ValueError: no"),
        (Started(), ""),
    ],
)
def test_the_last_line_tells_of_an_output(event: Any, line: str) -> None:
    """Without controls, and not too long."""
    assert line_of(event) == line
