"""The plugin's fixtures serve every kind of test, and what a test leaves behind fails it."""

from __future__ import annotations

import ast
import os
import socket
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pytest

from conkernelclient import ConKernelClient
from conkernelclient.testing import leaks, plugin

pytest_plugins = ["pytester"]

NAME: Final = "conkernelclient.testing.plugin"
IS_INSTALLED: Final = any(point.value == NAME for point in entry_points(group="pytest11"))
ROOT: Final = Path(__file__).resolve().parents[2]
BOUND: Final = 100  # seconds

pytestmark = pytest.mark.timeout(BOUND + 10)


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a test file with the plugin in a pytest of its own, where each warning is an error."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTHONWARNINGS", "error::ResourceWarning")
    for name in ("CI", "BUILD_NUMBER"):  # there pytest says everything twice
        monkeypatch.delenv(name, raising=False)
    return Run(pytester)


class Run:
    """A pytest of its own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def __call__(self, *sources: str, is_anyio: bool = True) -> pytest.RunResult:
        """Run the tests in the sources, each a file."""
        if is_anyio:
            start = "import pytest\npytestmark = pytest.mark.anyio\n"
            sources = tuple(start + source for source in sources)
            self._pytester.makeconftest(
                "import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
            )
        self._pytester.makepyfile(**{f"test_{n}": source for n, source in enumerate(sources)})
        own = [] if IS_INSTALLED else ["-p", NAME]
        # Hypothesis's own plugin takes a second to load.
        others = ["-p", "no:asyncio", "-p", "no:hypothesispytest"]
        return self._pytester.runpytest_subprocess(*own, "-Werror", "-q", *others, timeout=BOUND)


def test_the_module_imports_nothing_but_pytest() -> None:
    """It is loaded in every run of everybody who has the package."""
    assert plugin.__file__ is not None
    tree = ast.parse(Path(plugin.__file__).read_text(encoding="utf-8"))
    imported: set[str] = set()
    for node in tree.body:  # not what functions import, nor what only the types need
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"pytest"}


def test_the_fixtures_serve_tests_of_anyio(run: Run) -> None:
    """A started kernel, a client that is ready, a fake kernel; each test has its own."""
    result = run(
        """
async def test_manager(kernel_manager):
    assert await kernel_manager.is_alive()
    kc = await kernel_manager.client().start_channels()
    assert await kc.eval("6 * 7") == 42
    kc.stop_channels()

async def test_client(kernel_client, kernel_manager):
    assert (await kernel_client.run("print(1)")).stdout == "1\\n"
    assert kernel_client.parent is kernel_manager

async def test_the_kernel_may_be_shut_down_by_the_test(kernel_client, kernel_manager):
    kernel_client.stop_channels()
    await kernel_manager.shutdown_kernel(now=True)

async def test_fake(fake_kernel):
    kc = await fake_kernel.client().start_channels()
    assert (await kc.run("x")).status == "ok"
    kc.stop_channels()
"""
    )
    result.assert_outcomes(passed=4)


def test_the_fixtures_serve_tests_without_a_plugin(run: Run) -> None:
    """Several `asyncio.run` in turn, on one client."""
    result = run(
        """
import asyncio

def test_client(kernel_client):
    async def set(): await kernel_client.set(x=42)
    async def get(): return await kernel_client.eval("x")
    asyncio.run(set())
    assert asyncio.run(get()) == 42

def test_unused(kernel_manager): assert kernel_manager.has_kernel

def test_fake(fake_kernel):
    async def main():
        kc = await fake_kernel.client().start_channels()
        try: return await kc.run("x")
        finally: kc.stop_channels()
    assert asyncio.run(main()).status == "ok"
""",
        is_anyio=False,
    )
    result.assert_outcomes(passed=3)


def test_a_kernel_does_not_outlive_a_test_that_fails(run: Run) -> None:
    """Nor a client that cannot be made ready."""
    result = run(
        """
import os, signal

pids = []

async def test_fails(kernel_client, kernel_manager):
    pids.append(kernel_manager.provisioner.pid)
    assert False

def test_afterwards():
    assert not os.path.exists(f"/proc/{pids[0]}")
"""
    )
    result.assert_outcomes(passed=1, failed=1)


def test_a_clean_test_leaves_nothing(run: Run) -> None:
    """Whatever the order of the fixtures; what ends by itself is not left, nor what was there."""
    result = run(
        """
import asyncio, subprocess, sys

OLD = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

async def test_before(no_leaks, kernel_client):
    assert await kernel_client.eval("1 + 1") == 2

async def test_after(kernel_client, no_leaks):
    assert await kernel_client.eval("1 + 1") == 2

async def test_fake(fake_kernel, no_leaks):
    kc = await fake_kernel.client().start_channels()
    kc.execute("x", reply=True)  # answered soon
    ending = asyncio.create_task(asyncio.sleep(0.01))
    await kc.run("y")
    kc.stop_channels()

def test_sync(no_leaks, fake_kernel):
    async def main():
        async with asyncio.timeout(60):
            kc = await fake_kernel.client().start_channels()
            await kc.run("x")
            kc.stop_channels()
    asyncio.run(main())
    with open(__file__) as file: file.read()

def test_own_kernel(no_leaks):
    from conkernelclient import run_kernel
    async def main():
        async with run_kernel() as kc: await kc.run("x")
    asyncio.run(main())

class TestClass:
    async def test_method(self, no_leaks): assert isinstance(self, TestClass)

def test_over():
    OLD.communicate()
"""
    )
    result.assert_outcomes(passed=7)


def test_descriptors_that_a_client_from_before_gets_in_another_loop_are_no_leak(run: Run) -> None:
    """It takes the lowest numbers that are free."""
    result = run(
        """
import os

@pytest.fixture
def number():
    return os.open(os.devnull, os.O_RDONLY)

async def test(number, kernel_client, no_leaks):
    os.close(number)
    assert await kernel_client.eval("1 + 1") == 2
"""
    )
    result.assert_outcomes(passed=1)


LEAKS: Final = {
    "process": (
        """
import subprocess, sys
left = []
def test(no_leaks):
    left.append(subprocess.Popen([sys.executable, "-c", "input('held')"], stdin=subprocess.PIPE))
def test_over():
    left[0].communicate()
""",
        ["*the test left behind:*", "process [0-9]*: *input('held')*"],
    ),
    "zombie": (
        """
import os
left = []
def test(no_leaks):
    left.append(os.spawnlp(os.P_NOWAIT, "true", "true"))
def test_over():
    os.waitpid(left[0], 0)
""",
        ["process [0-9]*: it has ended; nobody waited for it"],
    ),
    "file": (
        """
left = []
def test(no_leaks, tmp_path):
    left.append(open(tmp_path / "left", "w"))
def test_over():
    left[0].close()
""",
        ["file descriptor [0-9]*: */left"],
    ),
    "client": (
        """
left = []
async def test(no_leaks, fake_kernel):
    left.append(await fake_kernel.client().start_channels())
    await left[0].wait_for_ready()
def test_over():
    left[0].stop_channels()
""",
        ["file descriptor [0-9]*: anon_inode:*"],
    ),
}


def test_what_is_left_in_the_process_is_an_error_that_names_it(run: Run) -> None:
    """It is looked for when the fixtures after `no_leaks` are gone."""
    result = run(*(source for source, _said in LEAKS.values()))
    result.assert_outcomes(passed=2 * len(LEAKS), errors=len(LEAKS))
    for _source, said in LEAKS.values():
        result.stdout.fnmatch_lines(said)


def test_a_kernel_that_is_left_is_named_and_its_guardian_is_not(
    run: Run, pytester: pytest.Pytester
) -> None:
    """The guardian is there as long as kernels are, and so is the pipe on which it waits."""
    result = run(
        """
import os
from conkernelclient import ConKernelManager
from conkernelclient.manager import guardian
left = []
async def test(no_leaks):
    left.append(ConKernelManager())
    await left[0].start_kernel()
    with open("pipe.txt", "w") as file:
        file.write(os.readlink(f"/proc/self/fd/{guardian._process.stdin.fileno()}"))
async def test_over():
    await left[0].shutdown_kernel(now=True)
"""
    )
    result.assert_outcomes(passed=2, errors=1)
    processes = [line for line in result.outlines if line.startswith("process ")]
    assert len(processes) == 1
    assert "ipykernel" in processes[0]
    assert (pytester.path / "pipe.txt").read_text() not in result.stdout.str()


def test_the_sockets_of_a_client_are_known_by_its_ports() -> None:
    """ZMQ connects when it can: a client from before a test may get its sockets during it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0] as peer:
            ends = {os.readlink(f"/proc/self/fd/{end.fileno()}") for end in (client, peer)}
            assert ends < leaks.sockets({port})
            assert ends.isdisjoint(leaks.sockets({1}))
    kc = ConKernelClient(shell_port=1, iopub_port=2, stdin_port=3, control_port=4, hb_port=5)
    assert leaks.ports_of(kc) == [1, 2, 3, 4, 5]
    assert kc in list(leaks.clients())


def test_a_task_that_is_left_fails_its_test(run: Run) -> None:
    """Before its loop is closed, which would cancel it."""
    result = run(
        """
import asyncio
left = []
async def linger(): await asyncio.Event().wait()
async def test(no_leaks):
    left.append(asyncio.create_task(linger(), name="the lingerer"))
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the test left behind:*", "task *the lingerer*linger()*"])


@pytest.mark.parametrize("order", ["no_leaks, fake_kernel", "fake_kernel, no_leaks"])
def test_a_request_that_is_left_fails_its_test(run: Run, order: str) -> None:
    """Also one whose client is stopped later, and one of a loop that is closed."""
    result = run(
        f"""
import asyncio, pytest
from conkernelclient.testing import Hold

@pytest.fixture
def kc(fake_kernel):
    fake_kernel.on_code("hold", [Hold()])
    kc = fake_kernel.client()
    yield kc
    kc.stop_channels()

async def test({order}, kc):
    await kc.start_channels()
    kc.execute("hold", reply=True)

def test_sync({order}, kc):
    async def main():
        await kc.start_channels()
        kc.run("hold")
    asyncio.run(main())
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["pending request *_* of <*ConKernelClient*"])


def test_a_test_that_fails_is_not_blamed_for_what_it_leaves(run: Run) -> None:
    """Its own failure is what counts."""
    result = run(
        """
left = []
def test(no_leaks):
    left.append(open(__file__))
    assert False, "the reason"
def test_over(): left[0].close()
"""
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*the reason*"])
