"""The kernel tells whether a cell is complete, and how a name goes on; silence costs little."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.cli.finding import attached, find
from conkernelclient.cli.helping import Helper, Match
from conkernelclient.errors import ReplyTimeout

if TYPE_CHECKING:
    from pathlib import Path


class Told:
    """A client whose kernel answers everything with `content`, or not at all."""

    def __init__(self, content: dict[str, Any] | None) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        async def answer(*_args: object, **_options: object) -> dict[str, Any]:
            if self._content is None:
                raise ReplyTimeout("no answer", msg_id="1")
            return {"content": self._content}

        return answer


def helper(content: dict[str, Any] | None) -> Helper:
    """Asks such a kernel."""
    client: Any = Told(content)
    return Helper(client)


async def test_a_real_kernel_completes_cells_and_names(running: Path) -> None:
    """And gives the history that it keeps."""
    async with attached(await find("shared")) as kc:
        told = Helper(kc, patience=30)
        assert await told.indent("for i in range(3):") == "    "
        assert await told.indent("for i in range(3):\n    i\n    ") is None
        assert await told.indent("1 +* 2") is None  # running it shows what is wrong
        assert (await kc.run("a_long_name = 1")).ok
        assert Match("a_long_name", 4, "instance") in await told.matches("x = a_lon", 9)
        assert "a_long_name = 1" in await told.history(5)


async def test_a_busy_kernel_is_not_waited_for(running: Path) -> None:
    """A line is a cell then, and nothing is completed."""
    async with attached(await find("shared")) as kc:
        run = kc.run("print('here', flush=True); import time; time.sleep(600)")
        async for _event in run:
            break
        told = Helper(kc, patience=0.05)
        began = time.monotonic()
        assert await told.indent("if x:") is None
        assert await told.indent("if x:\n    y") == ""
        assert await told.indent("if x:\n    y\n") is None
        assert await told.matches("a", 1) == []
        assert await told.history(5) == []
        assert time.monotonic() - began < 5
        await run.interrupt()
        await asyncio.wait_for(run, 60)


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"status": 7, "matches": "abc", "cursor_start": "x", "history": {}},
        {"matches": [1, None], "metadata": [], "history": [1, [], [1, 2, 3], "abc"]},
        {"matches": [], "metadata": {"_jupyter_types_experimental": [1, {}]}, "history": [None]},
    ],
)
async def test_a_kernel_that_answers_rubbish_helps_nobody_and_harms_nobody(
    content: dict[str, Any] | None,
) -> None:
    """A line is a cell."""
    told = helper(content)
    assert await told.indent("1") is None
    assert await told.matches("a", 1) == []
    assert await told.history(5) == []


async def test_matches_begin_inside_of_what_is_typed() -> None:
    """Whatever the kernel says."""
    for start, begins in ((-5, 0), (99, 1), (None, 1)):
        told = helper({"matches": ["abc"], "cursor_start": start})
        assert await told.matches("a", 1) == [Match("abc", begins)]
