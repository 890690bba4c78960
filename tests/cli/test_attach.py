"""A person or a script talks to a kernel that runs, and it goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import attach, main
from conkernelclient.cli.finding import attached, find
from tests.cli.conftest import kernel_at
from tests.cli.shell import CONKERNEL, Screen, conkernel
from tests.manager.processes import is_running

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_cell_that_swallows_interrupts_can_be_left_running(running: Path, pid: int) -> None:
    """The prompt comes back, and the kernel is as it was."""
    loop = (
        "import time\nstop = False\nwhile not stop:\n    try: time.sleep(0.05)\n"
        "    except KeyboardInterrupt: print('no' + 't me')\n\n"
    )
    process = subprocess.Popen(
        [*CONKERNEL, "attach", "shared"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdin.write(f"{loop}print('begun', flush=True)\n{loop}")
        process.stdin.flush()
        process.kill()  # what is typed ahead is not run by a process that is gone
    _stop_loop(pid)


def _stop_loop(pid: int) -> None:
    """Nothing that was left is in the way of the next test."""
    assert is_running(pid)


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
        text = "import os; print('last words', flush=True); os._exit(3)\nprint('never')\n"
        done = conkernel("attach", str(path), text=text)
    assert (done.returncode, done.stdout) == (1, "last words\n")
    assert "DeadKernelError" in done.stderr
    assert main(["attach", "mortal"]) == 1
    assert "has ended" in capfd.readouterr().err
