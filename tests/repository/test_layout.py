"""Has each module a test file in the room of its name, and each test file there its module?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import ROOMS_WITHOUT_KERNELS, refuse_kernels

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "conkernelclient"
TESTS: Final = ROOT / "tests"

# Modules that decide nothing by themselves, and why.
WITHOUT_TESTS: Final[dict[str, str]] = {}
# Folders that are not about the modules of one room.
OTHERS: Final = {"browser", "conformance", "repository", "stress", "typing", "whole"}


def modules(package: Path) -> set[str]:
    """What is to have a test file, as `room/module`."""
    return {
        path.relative_to(package).with_suffix("").as_posix()
        for path in package.rglob("*.py")
        if path.stem != "__init__"
    }


def that_have_tests(tests: Path) -> set[str]:
    """What has one; a file of a folder that is about no room is none."""
    files = (path.relative_to(tests) for path in tests.rglob("test_*.py"))
    return {
        (path.parent / path.stem.removeprefix("test_")).as_posix()
        for path in files
        if path.parts[0] not in OTHERS
    }


def test_each_module_has_its_test_file() -> None:
    """Whoever changes it knows where its tests are, and runs them in seconds."""
    assert len(modules(PACKAGE)) > 100
    assert modules(PACKAGE) - that_have_tests(TESTS) == WITHOUT_TESTS.keys()


def test_each_test_file_of_a_room_has_its_module() -> None:
    """What is about several is in `whole`."""
    assert that_have_tests(TESTS) - modules(PACKAGE) == set()


def test_each_module_without_tests_says_why() -> None:
    """And is there."""
    assert WITHOUT_TESTS.keys() <= modules(PACKAGE)
    assert all(WITHOUT_TESTS.values())


@pytest.mark.parametrize("room", sorted(path.name for path in TESTS.iterdir() if path.is_dir()))
def test_each_folder_is_a_room_or_one_of_the_others(room: str) -> None:
    """So that no test file is outside of what is looked at here."""
    assert room.startswith("__") or room in OTHERS or (PACKAGE / room).is_dir()


def test_the_check_can_fail(tmp_path: Path) -> None:
    """In both directions."""
    for name in ("state/a.py", "state/__init__.py", "b.py"):
        (tmp_path / "package" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / name).touch()
    for name in ("state/test_a.py", "state/test_c.py", "whole/test_d.py", "state/made.py"):
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / name).touch()
    have, are = that_have_tests(tmp_path / "tests"), modules(tmp_path / "package")
    assert (are - have, have - are) == ({"b"}, {"state/c"})


@pytest.mark.parametrize("room", ROOMS_WITHOUT_KERNELS)
def test_a_kernel_in_a_room_without_kernels_is_refused(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its process is there; other processes are not."""
    command = [sys.executable, "-m", "ipykernel_launcher", "--version"]
    monkeypatch.setenv("PYTEST_CURRENT_TEST", f"{room}test_it.py::test_it (setup)")
    with pytest.raises(AssertionError, match="no test of this room starts a kernel"):
        subprocess.Popen(command)
    subprocess.run([sys.executable, "-c", ""], check=True)
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "tests/whole/test_it.py::test_it (call)")
    refuse_kernels("subprocess.Popen", (sys.executable, command, os.curdir, None))


def test_make_quick_runs_the_rooms_without_kernels() -> None:
    """All of them, and no other."""
    (line,) = [
        line
        for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
        if line.startswith("QUICK := ")
    ]
    assert {f"tests/{room}/" for room in line.split()[2:]} == set(ROOMS_WITHOUT_KERNELS)
