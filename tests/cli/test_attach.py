"""A person or a script talks to a kernel that runs, and it goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import attach, main
from conkernelclient.cli.finding import attached, find
from conkernelclient.cli.interrupt import ask_for_interrupt
from tests.cli.conftest import kernel_at
from tests.cli.shell import Screen, conkernel
from tests.manager.processes import is_running

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient.events import InputRequest

SCRIPT = """
kept = 6
for i in range(2):
    print('row', i)

name = input('name? ')
bob
name * kept
import time, threading; threading.Timer(0.2, print, ['late']).start()
time.sleep(0.4)
1 / 0
print('after', flush=True)
import getpass; getpass.getpass('secret? ')
hunter2
get_ipython().payload_manager.write_payload({'source': 'page', 'data': {'text/plain': 'paged'}})
exit
print('never')
"""


def test_a_script_types_cells_and_answers_and_the_kernel_goes_on(running: Path, pid: int) -> None:
    """All its cells run; its exit status tells whether one raised."""
    done = conkernel("attach", "shared", text=SCRIPT)
    assert done.returncode == 1
    shown = done.stdout.splitlines()
    assert shown == [
        "row 0",
        "row 1",
        "name? 'bobbobbobbobbobbob'",
        "late",
        "after",
        "secret? 'hunter2'",
        "paged",
    ]
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "after" not in done.stderr
    done = conkernel("attach", text="kept\ninput()\n")
    assert (done.returncode, done.stdout) == (1, "6\n")
    assert "EOFError" in done.stderr
    assert conkernel("attach", "shared", text="kept").returncode == 0
    assert is_running(pid)


def test_a_person_has_completion_lines_history_questions_and_interrupts(
    running: Path, pid: int
) -> None:
    """In a terminal; what was typed before it was asked for is kept."""
    with closing(Screen("attach", "shared", JUPYTER_RUNTIME_DIR=str(running.parent))) as screen:
        screen.expect("Ctrl-D leaves the kernel running", "In [ ]:")
        screen.type("a_long_name = 41\r")
        screen.expect("]:", "]:")
        screen.type("a_lon\t + 1\r")  # and the tab's answer comes before what follows it
        screen.expect("42\r\n", "]:")
        screen.type("for i in range(2):\rprint('ro' + 'w', i)\r\r")
        screen.expect("row 0", "row 1", "]:")
        screen.type("import time; print('be' + 'gun'); time.sleep(600)\r")
        screen.expect("begun")
        screen.type("\x03")
        screen.expect("KeyboardInterrupt", "]:")
        screen.type("answer = input('na' + 'me')\r")
        screen.expect("name")
        screen.type("bob\r")
        screen.expect("]:")
        screen.type("answer.upper()\r")
        screen.expect("BOB", "]:")
        screen.type("input('na' + 'me')\r")
        screen.expect("name")
        screen.type("\x03")
        screen.expect("KeyboardInterrupt", "]:")
        screen.type("\x1b[A\x1b[A")
        screen.expect("upper")
        screen.type("\x03print('no' + 'newline', end='')\r")
        screen.expect("nonewline\r\n", "]:")
        screen.type("get_ipython().set_next_input('dra' + 'ft')\r")
        screen.expect("draft")
        screen.type("\x03\x04")
        assert screen.end() == 0
    assert is_running(pid)


STUBBORN = """
print('begun', flush=True)
import time
for _ in range(4):
    try: time.sleep(600)
    except KeyboardInterrupt: pass
time.sleep(600)
"""


class Once:
    """Types one cell."""

    is_terminal = False

    def __init__(self, cell: str) -> None:
        self._cells = [cell]

    async def cell(self, number: int | None, draft: str = "") -> str | None:
        return self._cells.pop() if self._cells else None

    async def answer(self, question: InputRequest) -> str | None:
        raise AssertionError(question)


async def test_a_cell_that_swallows_interrupts_is_left_running_at_the_next_one(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The prompt comes back, and the kernel goes on with it."""
    kernel = await find("shared")
    async with attached(kernel) as kc:
        talk = attach.Conversation(kc, kernel)
        going = asyncio.create_task(talk.go_on(Once(STUBBORN)))
        shown = ""
        while "begun" not in shown:
            await asyncio.sleep(0)
            shown += capsys.readouterr().out
        talk.interrupt()
        while "once more" not in shown:
            await asyncio.sleep(0)
            shown += capsys.readouterr().err
        assert not going.done()
        talk.interrupt()
        assert await asyncio.wait_for(going, 60) == 1
        assert await ask_for_interrupt(kc)
        assert (await asyncio.wait_for(kc.run("1"), 60)).ok


async def test_a_cell_that_waits_for_anothers_interrupts_nobody(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is said, and its place in the queue can be left."""
    kernel = await find("shared")
    async with attached(kernel) as other, attached(kernel) as kc:
        run = other.run("print('begun', flush=True); import time; time.sleep(600)")
        async for _event in run:
            break
        talk = attach.Conversation(kc, kernel)
        going = asyncio.create_task(talk.go_on(Once("1")))
        while talk.is_idle:
            await asyncio.sleep(0)
        talk.interrupt()
        shown = ""
        while "waits for another client's" not in shown:
            await asyncio.sleep(0)
            shown += capsys.readouterr().err
        talk.interrupt()
        assert await asyncio.wait_for(going, 60) == 1
        assert not run.done()
        await run.interrupt()
        assert (await asyncio.wait_for(run, 60)).error is not None


async def test_what_an_interrupt_hits_and_when_it_leaves(running: Path) -> None:
    """Between cells of a script it ends it, with the status of Ctrl-C."""
    reading, writing = os.pipe()
    try:
        from conkernelclient.cli.helping import Helper
        from conkernelclient.cli.lines import Lines

        kernel = await find("shared")
        async with attached(kernel) as kc:
            talk = attach.Conversation(kc, kernel)
            with attach.on_interrupt(talk.interrupt):
                going = asyncio.create_task(talk.go_on(Lines(Helper(kc), reading)))
                await asyncio.sleep(0)
                os.kill(os.getpid(), signal.SIGINT)
                assert await asyncio.wait_for(going, 60) == 130
            assert threading.current_thread() is threading.main_thread()
    finally:
        os.close(writing)
        os.close(reading)


def test_a_kernel_that_ends_amid_a_cell_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one line, with status 1; before that its last words."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / "kernel-mortal.json"
    with kernel_at(path):
        text = "print('last words')\nimport os; os._exit(3)\nprint('never')\n"
        done = conkernel("attach", str(path), text=text)
    assert (done.returncode, done.stdout) == (1, "last words\n")
    assert "conkernel: kernel mortal has ended: " in done.stderr
    assert "restart_kernel" not in done.stderr
    assert main(["attach", "mortal"]) == 1
    assert "has ended" in capfd.readouterr().err
