"""A command is read as an interpreter would; kernels share a server if they start alike."""

from __future__ import annotations

import os
from typing import Final

import pytest

from conkernelclient.forks.program import PARTS, Program, served_for

OURS: Final = Program(("/bin/python",), "conkernelclient.kernel", ("-f", "file"))


@pytest.mark.parametrize("module", PARTS)
@pytest.mark.parametrize("options", [(), ("-X", "-O"), ("-Xfrozen_modules=off",)])
def test_a_kernel_of_python_can_be_forked(module: str, options: tuple[str, ...]) -> None:
    """With the options of its interpreter, which the server gets."""
    found = Program.of(["/bin/python", *options, "-m", module, "-f", "file", "-m"])
    assert found == Program(("/bin/python", *options), module, ("-f", "file", "-m"))


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["ir"],
        ["-m", "ipykernel"],
        ["/bin/python", "-m"],
        ["/bin/python", "kernel.py", "-m", "ipykernel"],
        ["/bin/python", "-m", "other"],
        ["/bin/python", "-c", "code", "-m", "ipykernel"],
    ],
)
def test_what_is_no_kernel_of_python_cannot(command: list[str]) -> None:
    """It is started as ever."""
    assert Program.of(command) is None


def test_a_home_is_expanded() -> None:
    """As Jupyter does it."""
    found = Program.of(["~/bin/python", "-m", "ipykernel"])
    assert found is not None
    assert found.interpreter == (os.path.expanduser("~/bin/python"),)


def test_what_counts_at_a_start_makes_another_server() -> None:
    """Variables that are read then, preloads, the interpreter; nothing else does."""
    usual = served_for(OURS, ["a"], {"HOME": "/x", "JPY_SESSION_NAME": "n"}, "/")
    assert usual == served_for(OURS, ["a", "a"], {"HOME": "/y"}, "/tmp")
    others = [
        served_for(OURS, ["b"], {}, "/"),
        served_for(OURS, ["a"], {"PYTHONPATH": "/p"}, "/"),
        served_for(OURS, ["a"], {"OMP_NUM_THREADS": "1"}, "/"),
        served_for(OURS, ["a"], {"LC_ALL": "C"}, "/"),
        served_for(Program(("/bin/other",), OURS.module, ()), ["a"], {}, "/"),
        served_for(Program(OURS.interpreter, "ipykernel", ()), ["a"], {}, "/"),
    ]
    assert len({usual, *others}) == len(others) + 1


def test_relative_paths_are_those_of_the_kernel_s_directory() -> None:
    """The server has another."""
    served = served_for(OURS, [], {"PYTHONPATH": os.pathsep.join(["src", "/lib"])}, "/place")
    assert served.environment == (("PYTHONPATH", os.pathsep.join(["/place/src", "/lib"])),)
