"""A fork is as a process that was started freshly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.clients import LONG

from .conftest import PROGRAM, forked

if TYPE_CHECKING:
    from pathlib import Path

SHOWN: Final = """
import json, os, signal, sys, threading
print(json.dumps({
    "argv": sys.argv[1:], "name": __name__, "directory": os.getcwd(), "first": sys.path[0],
    "environment": {it: os.environ.get(it) for it in ("OWN", "PATH", "TZ")},
    "signals": {it.name: str(signal.getsignal(it)) for it in signal.valid_signals()
        if hasattr(it, "name") and not it.name.startswith("SIGRT") and it.name != "SIGXFSZ"},
    "masked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "session": os.getsid(0) == os.getpid(), "group": os.getpgrp() == os.getpid(),
    "threads": threading.active_count(), "files": len(os.listdir("/dev/fd")),
    "original": sys.orig_argv[1:], "stdin": sys.stdin.read(),
    "buffers": [sys.stdout.line_buffering, sys.stderr.line_buffering],
    "main": sys.modules["__main__"].__dict__ is globals(), "safe": sys.flags.safe_path,
    "hour": __import__("time").localtime(0).tm_hour,
}))
"""


async def output_of(env: dict[str, str], code: str, **more: Any) -> Any:
    """What such a fork prints, as JSON."""
    process = await forked(env, code, stdout=subprocess.PIPE, **more)
    assert process.stdout is not None
    with process.stdout:
        text = await asyncio.to_thread(process.stdout.read)
    assert await asyncio.to_thread(process.wait, LONG) == 0
    return json.loads(text)


async def test_it_is_as_a_fresh_process_is(program: dict[str, str], tmp_path: Path) -> None:
    """In all that a program can see of itself, but what is loaded."""
    folder = tmp_path / "work"
    folder.mkdir()
    env = program | {"OWN": "1", "TZ": "UTC-5"}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", PROGRAM, SHOWN],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        check=True,
    )
    fresh = json.loads(done.stdout)
    found = await output_of(env, SHOWN, cwd=str(folder))
    assert found.pop("argv")[0] == fresh.pop("argv")[0]
    assert found.pop("original")[:-1] == [*fresh.pop("original")]
    assert found == fresh


async def test_what_the_program_ignores_is_ignored(program: dict[str, str]) -> None:
    """As under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        found = await output_of(program | {"PYTHONHASHSEED": "7"}, SHOWN)  # a server of its own
    finally:
        signal.signal(signal.SIGHUP, before)
    assert found["signals"]["SIGHUP"] == str(signal.SIG_IGN)


async def test_the_directory_may_be_relative(program: dict[str, str], tmp_path: Path) -> None:
    """To that of this program."""
    (tmp_path / "below").mkdir()
    relative = os.path.relpath(tmp_path / "below")
    code = "import json, os; print(json.dumps(os.getcwd()))"
    assert await output_of(program, code, cwd=relative) == str(tmp_path / "below")


async def test_a_directory_that_is_not_there_is_an_error(
    program: dict[str, str], tmp_path: Path
) -> None:
    """The one that a fresh process gives."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        await forked(program, "", cwd=str(tmp_path / "nowhere"))


async def test_each_draws_its_own_random_numbers(program: dict[str, str]) -> None:
    """Also what loaded modules draw, and the secrets of multiprocessing."""
    code = (
        "import json, random, tempfile, uuid, multiprocessing as m; print(json.dumps("
        "[random.random(), uuid.uuid4().hex, next(tempfile._get_candidate_names()),"
        " m.current_process().authkey.hex()]))"
    )
    preload = ["random", "uuid", "tempfile", "multiprocessing"]
    found = [await output_of(program, code, preload=preload) for _ in range(2)]
    assert all(one != other for one, other in zip(*found, strict=True))


async def test_a_module_s_own_seed_is_drawn_anew(program: dict[str, str]) -> None:
    """Of those that have one, as numpy's."""
    folder = program["PYTHONPATH"].split(os.pathsep)[0]
    os.mkdir(f"{folder}/numpy")
    with open(f"{folder}/numpy/__init__.py", "w") as file:
        file.write("")
    with open(f"{folder}/numpy/random.py", "w") as file:
        file.write("import os\nseeded = []\ndef seed(): seeded.append(os.getpid())\n")
    code = "import json, os, numpy.random as r; print(json.dumps(r.seeded == [os.getpid()]))"
    assert await output_of(program, code, preload=["numpy.random"])
