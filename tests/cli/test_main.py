"""The command `conkernel` shows what happens, and its exit status says how it ended."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conkernelclient import __version__
from conkernelclient.cli import main

if TYPE_CHECKING:
    from pathlib import Path

CONKERNEL = [sys.executable, "-c", "from conkernelclient.cli import main; raise SystemExit(main())"]


def conkernel(*args: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CONKERNEL, *args], input=text, capture_output=True, text=True, timeout=60, check=False
    )


def test_exec_prints_outputs_and_exits_0() -> None:
    """Each stream to its own, values and displays as text."""
    done = conkernel("exec", "import sys; print('out'); print('err', file=sys.stderr); 6 * 7")
    assert (done.returncode, done.stdout) == (0, "out\n42\n")
    assert "err\n" in done.stderr


def test_exec_reads_code_from_standard_input() -> None:
    """With `-`; the code cannot ask for input then."""
    done = conkernel("exec", "-", text="print('from stdin')\nprint('two lines')")
    assert (done.returncode, done.stdout) == (0, "from stdin\ntwo lines\n")


def test_exec_exits_1_with_the_traceback_if_the_cell_raised() -> None:
    """Without colours where nobody sees them; what was printed before stays."""
    done = conkernel("exec", "print('before'); 1 / 0")
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\x1b[" not in done.stderr


def test_exec_interrupts_after_its_timeout() -> None:
    """And says so."""
    done = conkernel("exec", "--timeout", "0.3", "print('on', flush=True)\nwhile True: pass")
    assert (done.returncode, done.stdout) == (1, "on\n")
    assert "interrupted after 0.3 s" in done.stderr


def test_exec_answers_questions_from_standard_input() -> None:
    """At its end the code gets EOFError."""
    done = conkernel("exec", "print(input('name? ').upper())", text="bob\n")
    assert done.returncode == 0
    assert "BOB\n" in done.stdout
    done = conkernel("exec", "input()", text="")
    assert done.returncode == 1
    assert "EOFError" in done.stderr


def test_outputs_come_as_they_happen() -> None:
    """The first line is there while the code goes on; on Ctrl-C the kernel ends too."""
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    process = subprocess.Popen([*CONKERNEL, "exec", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    kernel = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    process.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


def test_an_unknown_kernel_says_how_to_find_one() -> None:
    """With exit status 2, as for wrong arguments."""
    done = conkernel("exec", "1", "--kernel", "no-such-kernel")
    assert done.returncode == 2
    assert "jupyter kernelspec list" in done.stderr
    assert conkernel("exec").returncode == 2
    assert conkernel("nonsense").returncode == 2
    assert conkernel("--version").stdout == f"conkernel {__version__}\n"


def test_the_demo_ends_with_a_table_without_wrong_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Every request has its reply, and its own."""
    assert main(["demo", "--requests", "60"]) == 0
    shown = capsys.readouterr().out
    table = dict(line.rsplit(maxsplit=1) for line in shown.splitlines() if line.startswith("  "))
    table = {name.strip(): value for name, value in table.items()}
    assert (table["requests"], table["replies"], table["wrong ones"]) == ("60", "60", "0")
    assert table["still pending"] == "0"
    assert int(table["outputs"]) == 30
    assert "waiting for:" in shown


def test_the_demo_draws_over_its_line_on_a_terminal(tmp_path: Path) -> None:
    """A live display."""
    master, slave = pty.openpty()
    process = subprocess.Popen([*CONKERNEL, "demo", "--requests", "4"], stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert shown.count(b"\r\x1b[K") > 3
    assert b"wrong ones" in shown
