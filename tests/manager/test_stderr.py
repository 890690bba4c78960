"""What a kernel writes last on its stderr is kept, and all of it is passed on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Final

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.manager.stderr import StderrTail


@pytest.mark.parametrize(
    "options", [{"stderr": subprocess.DEVNULL}, {"independent": True}, {"capture": False}]
)
async def test_stderr_is_captured_only_where_it_is_ours(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given by the caller, or for a kernel that outlives us, it is not."""
    made: list[StderrTail] = []
    init = StderrTail.__init__
    monkeypatch.setattr(StderrTail, "__init__", lambda self: (made.append(self), init(self))[1])
    km = ConKernelManager(capture_stderr=options.pop("capture", True))
    await km.start_kernel(**options)
    assert made == []
    await km.shutdown_kernel(now=True)


# Prints what the cell showed, on the descriptor that a test gives it.
PROGRAM: Final = """
import asyncio, os, sys
from conkernelclient import ConKernelManager

CODE = '''
import os, subprocess, sys
os.write(1, b"by number")
subprocess.run(["sh", "-c", "echo child; echo child_too >&2"])
real = sys.stdout._original_stdstream_copy
os.write(real, b"past the kernel")
'''

async def main():
    km = ConKernelManager(kernel_name="python3", pass_on_output=False)
    await km.start_kernel()
    kc = await km.client().start_channels()
    result = await kc.run(CODE)
    text = result.text
    while "child_too" not in text:
        text += (await kc.run("")).text
    kc.stop_channels()
    said = km.last_words
    await km.shutdown_kernel(now=True)
    os.write(int(sys.argv[1]), (text + "|" + said).encode())

asyncio.run(asyncio.wait_for(main(), 60))
"""


def test_not_a_byte_of_the_kernel_and_its_children_reaches_a_program_that_wants_none() -> None:
    """Neither on stdout nor on stderr; the last of it is kept."""
    told, tells = os.pipe()
    environ = {name: it for name, it in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tells)],
        pass_fds=[tells],
        env=environ,
        capture_output=True,
        timeout=90,
        check=False,
    )
    os.close(tells)
    with os.fdopen(told, encoding="utf-8") as pipe:
        said = pipe.read()
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
    shown, _, kept = said.partition("|")
    assert "by number" in shown
    assert "child\n" in shown
    assert "past the kernel" in kept


async def test_a_kernel_that_is_not_read_writes_nowhere_where_nothing_is_to_be_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As one that outlives its program."""
    km = ConKernelManager(kernel_name="python3", capture_stderr=False, pass_on_output=False)
    await km.start_kernel()
    kc = await km.client().start_channels()
    await kc.run("import os; os.write(1, b'here'); os.write(2, b'there')")
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    assert capfd.readouterr() == ("", "")
    assert km.last_words == ""
