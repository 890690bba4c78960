"""The command line runs a cell, and ends as the cell did."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.cli.shell import CONKERNEL, conkernel


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


@pytest.mark.parametrize(
    ("code", "status", "text", "ename"),
    [
        ("print('out'); 6 * 7", "ok", "out\n42\n", None),
        ("print('out'); 1 / 0", "error", "out\n", "ZeroDivisionError"),
        ("import os; os._exit(3)", "died", "", "DeadKernelError"),
    ],
)
def test_a_program_gets_one_document_however_the_code_ends(
    code: str, status: str, text: str, ename: str | None
) -> None:
    """With outputs as in a notebook, the text, the error and how long it took."""
    done = conkernel("exec", "--json", code)
    document = json.loads(done.stdout)
    assert done.returncode == (status != "ok")
    assert document["status"] == status
    assert document["text"].startswith(text)
    shown = [each["text"] for each in document["outputs"] if each["output_type"] == "stream"]
    assert shown == (["out\n"] if text else [])
    assert (document["error"] or {}).get("ename") == ename
    assert 0 < document["timings"]["start"] < document["timings"]["all"]
    assert done.stderr == ""
