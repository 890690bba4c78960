"""The debugger is loaded when it is asked for, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATE = """
import sys
from conkernelclient.kernel.debugging import load_debugger_late
load_debugger_late()
from ipykernel.debugger import _is_debugpy_available
assert _is_debugpy_available
assert "debugpy" not in sys.modules
load_debugger_late()
assert "debugpy" not in sys.modules
"""
ASKED = (
    LATE
    + """
from ipykernel.debugger import Debugger
assert "debugpy" in sys.modules
assert sys.modules["ipykernel.debugger"].Debugger is Debugger
"""
)
UNKNOWN = (
    LATE
    + """
import ipykernel.debugger
try:
    sys.modules["ipykernel.debugger"].__nothing__
except AttributeError:
    assert "debugpy" not in sys.modules
else:
    raise AssertionError("it has everything")
"""
)


@pytest.mark.parametrize("program", [LATE, ASKED, UNKNOWN], ids=["late", "asked", "unknown"])
def test_what_asks_whether_it_can_be_had_does_not_load_it(program: str) -> None:
    """What asks for a class of it does, and then has ipykernel's own module."""
    done = subprocess.run(
        [sys.executable, "-Xfrozen_modules=off", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
