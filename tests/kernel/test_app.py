"""The kernel starts, serves and ends as a program of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients import LONG, client_of

from .conftest import asked, begun, cancelled, ended, manager_of, raw, start, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_a_shutdown_ends_the_process_with_status_0(mortal: ConKernelManager) -> None:
    """And is answered first."""
    async with client_of(mortal) as kc:
        assert await value_of(kc, "1") == "1"
    await mortal.shutdown_kernel()
    assert not await mortal.is_alive()


async def test_a_shutdown_amid_cells_ends_the_process(mortal: ConKernelManager) -> None:
    """Tasks, threads, and a child that a cell has forked."""
    kc = mortal.client(window=None)
    kc.start_channels()
    await kc.wait_for_ready(timeout=LONG)
    await begun(kc, "import asyncio; await asyncio.sleep(60)", run_mode="task")
    await begun(kc, "import time; time.sleep(60)", run_mode="thread")
    pid = int(await value_of(kc, "import os; os.getpid()", run_mode="task") or 0)
    await asyncio.wait_for(mortal.shutdown_kernel(), LONG)
    kc.stop_channels()
    assert not os.path.exists(f"/proc/{pid}")


async def test_a_restart_gives_a_fresh_kernel(mortal: ConKernelManager) -> None:
    """Under the same connection."""
    async with client_of(mortal) as kc:
        await raw(kc, "x = 1")
        await mortal.restart_kernel()
        await kc.wait_for_ready(timeout=LONG)
        assert (await raw(kc, "x")).error.ename == "NameError"


async def test_the_kernel_outlives_what_background_tasks_raise(mortal: ConKernelManager) -> None:
    """SystemExit, KeyboardInterrupt, errors in callbacks and in threads; and ends when told."""
    codes = [
        "import asyncio, threading, sys\nloop = asyncio.get_running_loop()",
        "async def die(): raise SystemExit\nt = asyncio.create_task(die());",
        "async def die(): raise KeyboardInterrupt\nt = asyncio.create_task(die());",
        "loop.call_soon(lambda: 1/0);",
        "loop.call_soon(sys.exit);",
        "threading.Thread(target=sys.exit).start()",
        "threading.Thread(target=lambda: 1/0).start()",
    ]
    async with client_of(mortal) as kc:
        for code in codes:
            assert (await raw(kc, code)).status == "ok"
            assert await value_of(kc, "1") == "1"


async def test_the_configuration_of_ipykernel_holds_and_its_own_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the files in the profile."""
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    lines = "c.IPKernelApp.exec_lines = ['a, b = 1, 1']\nc.ConKernel.max_queued = 1\n"
    (profile / "ipython_kernel_config.py").write_text(lines)
    (profile / "conkernel_config.py").write_text("c.IPKernelApp.exec_lines = ['a = 2']\n")
    monkeypatch.setenv("IPYTHONDIR", str(profile.parent))
    km = manager_of(tmp_path)
    await start(km)
    try:
        async with client_of(km) as kc:
            settings = "get_ipython().kernel.max_queued, a, 'b' in globals()"
            assert await value_of(kc, settings) == "(1, 2, False)"
    finally:
        await km.shutdown_kernel(now=True)


async def test_options_of_the_command_line_reach_the_kernel(tmp_path: Path) -> None:
    """The mode of cells that do not say it, and the limits."""
    arguments = ["default_mode=auto", "max_queued=2", "max_output=1000", "max_code=200"]
    km = manager_of(tmp_path, *[f"--ConKernel.{it}" for it in arguments])
    await start(km)
    try:
        async with client_of(km, window=None) as kc:
            await raw(kc, "import asyncio, time; gate = False")
            task = await begun(kc, "while not gate: await asyncio.sleep(0.001)")
            listed = (await asked(kc, "list_requests"))["requests"]
            assert [it["mode"] for it in listed] == ["task"]
            blocker = await begun(kc, "while not gate: time.sleep(0.001)")
            runs = [kc.run("1") for _ in range(3)]
            (refused,) = await ended(runs.pop())
            assert refused.error.ename == "QueueFull"
            assert await cancelled(kc, task, blocker) == ["interrupted"] * 2
            results = await ended(*runs)
            assert {it.status for it in results} == {"ok"}
            result = await raw(kc, "while True: print('x' * 100)")
            assert result.error.ename == "OutputLimitError"
            assert (await raw(kc, "#" * 201)).error.ename == "CodeTooLargeError"
    finally:
        await km.shutdown_kernel(now=True)


SPOILED: dict[str, Callable[[Path], object]] = {
    "a file in the place of IPython's directory": lambda path: path.write_text(""),
    "a file in the place of the profile": lambda path: (
        path.mkdir(),
        (path / "profile_default").write_text(""),
    ),
    "a history that is none": lambda path: (
        (path / "profile_default").mkdir(parents=True),
        (path / "profile_default" / "history.sqlite").write_bytes(b"none" * 10_000),
    ),
    "a directory in the place of the history": lambda path: (
        path / "profile_default" / "history.sqlite"
    ).mkdir(parents=True),
    "no directory that could be made": lambda path: path.symlink_to(path / "x" / "y"),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
async def test_a_kernel_without_a_home_to_write_works_and_says_so(
    spoil: Callable[[Path], object], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its history is kept in memory, or elsewhere."""
    spoil(tmp_path / "ipython")
    km = manager_of(tmp_path)
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    await km.start_kernel(env={**env, "IPYTHONDIR": str(tmp_path / "ipython")})
    try:
        async with client_of(km) as kc:
            assert await value_of(kc, "6 * 7") == "42"
            content = {"hist_access_type": "tail", "n": 1, "output": False, "raw": True}
            reply = await kc.request("history_request", content, timeout=LONG)
            assert reply["content"]["history"][-1][2] == "6 * 7"
    finally:
        await km.shutdown_kernel()
    told = capfd.readouterr().err.lower()
    assert "cannot be written" in told or "not a writable" in told or "history" in told


@pytest.mark.parametrize("limit", ["max_queued", "max_running"])
def test_a_limit_that_would_let_nothing_run_is_refused(limit: str, tmp_path: Path) -> None:
    """At the start, by its name, and not at each request."""
    done = subprocess.run(
        [sys.executable, "-m", "conkernelclient.kernel", f"--ConKernel.{limit}=0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 1
    assert f"'{limit}' trait" in done.stderr
    assert "less than 1" in done.stderr


def test_a_start_whose_port_is_taken_tells_that_alone(tmp_path: Path) -> None:
    """Not also what it could not close, as it was never made."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "conkernelclient.kernel"),
                *("--ip=127.0.0.1", f"--shell={other.getsockname()[1]}"),
            ],
            cwd=tmp_path,
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "AttributeError" not in done.stderr


async def test_a_signal_right_after_the_start_ends_nothing(mortal: ConKernelManager) -> None:
    """From when it can be asked on; before, the process may end as any other does."""
    async with client_of(mortal) as kc:
        pid = int(await value_of(kc, "import os; os.getpid()") or 0)
        for _ in range(20):
            os.kill(pid, signal.SIGINT)
        assert await value_of(kc, "1") == "1"


async def test_a_front_end_that_comes_later_sees_what_is_published(km: ConKernelManager) -> None:
    """It is greeted when its subscription is there."""
    async with client_of(km) as one, client_of(km) as two:
        seen = asyncio.Event()
        two.subscribe(
            lambda it: seen.set() if it["content"]["text"] == "x\n" else None, msg_type="stream"
        )
        assert (await raw(one, "print('x')")).stdout == "x\n"
        await asyncio.wait_for(seen.wait(), LONG)


MAKING = """
import gc, json, sys, tempfile
from conkernelclient.kernel import app, command
seen = []
class App(app.ConKernelApp):
    def init_kernel(self):
        seen.append(gc.isenabled())
        super().init_kernel()
    def init_code(self):
        super().init_code()
        seen.append(gc.isenabled())
    def start(self):
        late = [it for it in ("debugpy", "jedi", "matplotlib") if it in sys.modules]
        print(json.dumps([*seen, late]), file=sys.__stdout__)
        self.close()
app.ConKernelApp = App
if sys.argv[1] == "off":
    gc.disable()
with tempfile.TemporaryDirectory() as folder:
    command.main(["-f", f"{folder}/kernel.json"])
"""


@pytest.mark.parametrize("collector", ["on", "off"])
def test_a_start_loads_nothing_that_can_wait_and_collects_nothing(collector: str) -> None:
    """The garbage collector is as the process has it when a user's code can run."""
    run = [sys.executable, "-c", MAKING, collector]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=LONG)
    assert json.loads(done.stdout.splitlines()[-1]) == [False, collector == "on", []]
