"""Set-up cells run in each kernel; one that is of no use is told of, and never loops."""

from __future__ import annotations

from pathlib import Path

import pytest

from conkernelclient.agent import KernelSession
from conkernelclient.errors import SessionError
from tests.manager.processes import kill


async def test_a_set_up_cell_that_fails_at_the_start_is_told_once_and_no_kernel_is_left() -> None:
    """With its number and what it raised."""
    session = KernelSession(setup=["x = 1", "1/0", "y = 2"])
    with pytest.raises(SessionError, match=r"set-up cell 2 of 3 failed: ZeroDivisionError"):
        await session.__aenter__()
    assert "closed" in repr(session)


@pytest.mark.parametrize(
    ("cell", "said"),
    [("import os; os._exit(4)", "exit status 4"), ("while True: pass", "did not end within 1.5 s")],
)
async def test_a_set_up_cell_that_ends_the_kernel_or_hangs_at_the_start_is_told(
    cell: str, said: str
) -> None:
    """The second is interrupted, and that is a failure as well."""
    with pytest.raises(SessionError, match=r"set-up cell 1 of 1 failed"):
        async with KernelSession(setup=[cell], start_timeout=1.5 if "while" in cell else 60):
            pass
    assert said


async def test_a_set_up_cell_that_fails_later_is_told_and_the_others_run(tmp_path: Path) -> None:
    """Once for each kernel."""
    flag = tmp_path / "flag"
    setup = [
        "a = 1",
        f"import os; assert not os.path.exists({str(flag)!r}), 'it is there'",
        "b = 2",
    ]
    async with KernelSession(setup=setup) as session:
        flag.touch()
        await session.restart()
        result = await session.run("a + b")
        assert result.stdout == ""
        assert "3" in result.text
        text = result.to_llm()
        assert "set-up cell 2 of 3 failed" in text
        assert "AssertionError: it is there" in text
        assert "set-up cell" not in (await session.run("1")).to_llm()


@pytest.mark.parametrize("way", ["os._exit(4)", "swallow()"])
async def test_a_set_up_cell_that_ends_the_kernel_later_is_left_out_from_then_on(
    tmp_path: Path, way: str
) -> None:
    """So that there is a kernel, and no loop of starts."""
    flag, count = tmp_path / "flag", tmp_path / "count"
    cell = f"""
import os, time
def swallow():
    while True:
        try: time.sleep(99)
        except KeyboardInterrupt: pass
if os.path.exists({str(flag)!r}): {way}
"""
    counting = f"open({str(count)!r}, 'a').write('x')"
    async with KernelSession(setup=[counting, cell, "b = 2"], start_timeout=5) as session:
        flag.touch()
        await session.restart()
        result = await session.run("b")
        assert (result.text, result.restarted) == ("2\n", True)
        assert "set-up cell 2 of 3 is left out from now on" in result.to_llm()
        assert count.read_text() == "xxx"  # the first, the one that ended, and this one
        await session.restart()
        assert "left out" not in (await session.run("b")).to_llm()
        assert count.read_text() == "xxxx"


async def test_set_up_cells_are_in_the_journal(tmp_path: Path) -> None:
    """As is that there is another kernel."""
    path = tmp_path / "a.jsonl"
    async with KernelSession(setup=["a = 1"], journal=path) as session:
        kill(int((await session.run("import os; os.getpid()")).text))
        await session.run("a")
    text = path.read_text()
    assert text.count('"run": "setup1"') == 4
    assert "A fresh kernel, since the kernel" in text
