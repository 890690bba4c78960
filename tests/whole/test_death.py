"""A kernel that ends tells everybody who waits for it, at once, and says how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import contextmanager
from queue import Empty
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, errors, run_kernel
from tests.clients import LONG, opened, until, until_printed
from tests.conftest import KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conkernelclient import ConKernelClient, ConKernelManager

AT_ONCE = 2.0  # seconds; what is not told waits for ever


async def outcomes(*waiting: Any) -> list[Any]:
    """What they end with, soon."""
    async with asyncio.timeout(AT_ONCE):
        return await asyncio.gather(*waiting, return_exceptions=True)


async def test_all_that_wait_fail_with_the_exit_status_and_what_had_arrived(
    mortal: ConKernelManager, tmp_path: Path
) -> None:
    """Runs in the kernel and in the window, requests, claims, records, readers that are patient."""
    kc = await mortal.client().start_channels()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run = kc.run(
        f"import os; print('last words', flush=True)\nopen({str(gate)!r}).close(); os._exit(3)"
    )
    msg_id = kc.execute("1")
    waiting = (
        kc.run("never = 1"),
        kc.execute("2", reply=True),
        kc.request("execute_request", {"code": "", "silent": True}),
        kc.get_pubs(msg_id),
        kc._async_recv_reply(msg_id),
        kc.execute_interactive("3"),
        kc.get_stdin_msg(timeout=None),
    )
    await until_printed(run)
    gate.open("w").close()
    for outcome in await outcomes(run, *waiting):
        assert isinstance(outcome, errors.DeadKernelError)
        assert "exit status 3" in str(outcome)
        assert (outcome.exit_code, outcome.signal, outcome.expected) == (3, None, False)
    error = run.exception()
    assert isinstance(error, errors.DeadKernelError)
    assert error.msg_id == run.msg_id
    assert error.result is not None
    assert (run.outcome.stdout, run.outcome.status) == ("last words\n", "error")
    assert run.outcome.error is not None
    assert run.outcome.error.ename == "DeadKernelError"
    assert kc.stats()["pending"] == 0
    kc.stop_channels()


@contextmanager
def stderr_in(path: Path) -> Iterator[None]:
    """Let what is started meanwhile write its stderr into a file."""
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


async def test_a_signal_and_the_last_of_stderr_are_said(tmp_path: Path) -> None:
    """At most 4 KiB of it; all of it is passed on to where it would have gone."""
    km = ConKernelManager(kernel_name=KERNEL)
    file = tmp_path / "stderr"
    with stderr_in(file):
        await km.start_kernel()
        kc = await opened(km.client())  # it may have started again with other ports
    code = "import os; os.write(2, b'x' * 9_999 + b'the end'); os.kill(os.getpid(), 11)"
    (error,) = await outcomes(kc.run(code))
    assert isinstance(error, errors.DeadKernelError)
    assert (error.exit_code, error.signal) == (-signal.SIGSEGV, signal.SIGSEGV)
    assert "SIGSEGV" in str(error)
    assert error.stderr.endswith("xxxthe end")
    assert len(error.stderr) == 4096
    await until(lambda: file.read_bytes().endswith(b"x" * 9_999 + b"the end"))
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_exit_ends_as_the_kernel_said(mortal: ConKernelManager) -> None:
    """Its reply was sent before its end, so it is no death for this run."""
    kc = await mortal.client().start_channels()
    result = await asyncio.wait_for(kc.run("print('bye'); exit()"), LONG)
    assert (result.status, result.stdout) == ("ok", "bye\n")
    await until(lambda: kc._connection.presence.state.name == "GONE")
    kc.stop_channels()


async def test_what_is_sent_to_a_dead_kernel_fails_at_once(mortal: ConKernelManager) -> None:
    """Awaitables fail; what would give a msg_id raises; a second farewell is harmless."""
    kc = await opened(mortal.client())
    await outcomes(kc.run("import os; os._exit(1)"))
    for outcome in await outcomes(
        kc.run("1"), kc.execute("1", reply=True), kc.complete("a", reply=True), kc.eval("1")
    ):
        assert isinstance(outcome, errors.DeadKernelError)
    for send in (lambda: kc.execute("1"), lambda: kc.kernel_info()):
        with pytest.raises(errors.DeadKernelError, match="restart_kernel"):
            send()
    with pytest.raises(errors.DeadKernelError):
        await kc.wait_for_ready(timeout=LONG)
    with pytest.raises(errors.DeadKernelError):
        await kc.execute_interactive("1")
    with pytest.raises(errors.DeadKernelError):
        await kc.get_shell_msg(timeout=None)
    while True:  # what had come stays readable, and then the time is kept
        try:
            await kc.get_iopub_msg(timeout=0.01)
        except Empty:
            break
    kc.shutdown()
    assert kc.stats()["pending"] == 0
    late = await outcomes(opened(mortal.client()))
    assert isinstance(late[0], errors.DeadKernelError)
    kc.stop_channels()


async def test_a_kernel_that_dies_while_it_starts_is_told_at_once() -> None:
    """And not when the wait for it is over."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel(extra_arguments=["--no-such-option=1", "--IPKernelApp.shell_port=x"])
    kc = km.client()
    began = time.monotonic()
    with pytest.raises(errors.DeadKernelError):
        await opened(kc)
    assert time.monotonic() - began < LONG / 2
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_a_shutdown_is_an_expected_end(mortal: ConKernelManager) -> None:
    """The error says that nothing broke."""
    kc = await mortal.client().start_channels()
    run = kc.run("import time; time.sleep(600)")
    await anext(aiter(run))
    waiting = asyncio.ensure_future(outcomes(run, kc.run("1")))
    await mortal.shutdown_kernel(now=True)
    first, second = await waiting
    assert isinstance(second, errors.DeadKernelError)
    assert second.expected
    # The manager interrupts before it kills: the first may have heard it.
    assert isinstance(first, errors.DeadKernelError) or first.status == "error"
    kc.stop_channels()


async def test_ten_megabytes_of_stderr_hang_nobody_while_the_loop_is_blocked(
    tmp_path: Path,
) -> None:
    """A thread reads them."""
    km = ConKernelManager(kernel_name=KERNEL)
    file = tmp_path / "stderr"
    with stderr_in(file):
        await km.start_kernel()
        kc = await opened(km.client())  # it may have started again with other ports
    run = kc.run(f"import os\nfor _ in range(160): os.write(2, b'y' * 65536)\n{flag(tmp_path)}")
    await asyncio.sleep(0)
    deadline = time.monotonic() + LONG
    while not (tmp_path / "flag").exists():  # the loop is blocked
        assert time.monotonic() < deadline
    assert (await asyncio.wait_for(run, LONG)).status == "ok"
    await until(lambda: file.read_bytes().count(b"y" * 64) == 160 * 1024)
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


def flag(folder: Path) -> str:
    """Code that makes a file."""
    return f"open({str(folder / 'flag')!r}, 'w').close()"


async def test_an_attached_client_learns_of_the_end_from_its_sockets(
    mortal: ConKernelManager,
) -> None:
    """It has no process to watch."""
    await (await mortal.client().start_channels()).eval("1")
    kc = ConKernelClient(connection_file=mortal.connection_file)
    kc.load_connection_file()
    await kc.start_channels()
    run = kc.run("print('on', flush=True); import time; time.sleep(600)")
    await anext(aiter(run))
    began = time.monotonic()
    assert mortal.provisioner is not None
    os.kill(mortal.provisioner.pid, signal.SIGKILL)
    with pytest.raises(errors.DeadKernelError) as caught:
        await asyncio.wait_for(run, LONG)
    assert time.monotonic() - began < 3.0
    assert caught.value.exit_code is None
    (after,) = await outcomes(kc.run("1"))
    assert isinstance(after, errors.DeadKernelError)
    kc.stop_channels()


async def test_an_attached_client_goes_on_after_its_kernel_was_restarted_by_another(
    mortal: ConKernelManager,
) -> None:
    """It knows the successor by its session id."""
    kc = ConKernelClient(connection_file=mortal.connection_file)
    kc.load_connection_file()
    await kc.start_channels()
    run = kc.run("print('on', flush=True); import time; time.sleep(600)")
    await anext(aiter(run))
    await mortal.restart_kernel(now=True)
    with pytest.raises(errors.DeadKernelError):
        await asyncio.wait_for(run, LONG)
    await kc.wait_for_ready(timeout=LONG)
    assert (await asyncio.wait_for(kc.run("'again'"), LONG)).text == "'again'\n"
    kc.stop_channels()


async def test_a_group_ends_with_its_kernel(mortal: ConKernelManager) -> None:
    """What the code had started in the background goes as well."""
    kc = await mortal.client().start_channels()
    child = await kc.eval("__import__('subprocess').Popen(['sleep', '600']).pid")
    assert os.path.exists(f"/proc/{child}")
    assert mortal.provisioner is not None
    os.kill(mortal.provisioner.pid, signal.SIGKILL)
    await outcomes(kc.run("1"))
    await until(lambda: not _is_running(child))
    kc.stop_channels()


async def test_run_kernel_leaves_nothing_when_its_kernel_dies() -> None:
    """Neither a process nor a guardian."""
    from conkernelclient.manager import guardian

    before = guardian.pid()
    with pytest.raises(errors.DeadKernelError):
        async with run_kernel(KERNEL) as kc:
            assert guardian.pid() is not None
            await kc.run("import os; os._exit(1)")
    await until(lambda: guardian.pid() == before)


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# The kernel's loop ends, as an interrupt between two of its handlers can make it end. It closes its
# sockets, and then waits for ever for one of its context, as it does where a thread still has one.
LEAVE = """
import sys, zmq
from ipykernel.kernelapp import IPKernelApp
sys.kept = IPKernelApp.instance().context.socket(zmq.PAIR)
get_ipython().kernel.io_loop.add_callback(get_ipython().kernel.io_loop.stop)
"""


async def test_a_kernel_whose_process_hangs_in_its_end_is_told_as_dead() -> None:
    """Who waited for it waited for ever, and its manager took it for alive."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    kc = await km.client().start_channels()
    assert (await kc.run(LEAVE)).status == "ok"
    waiting = kc.run("1"), kc.execute("2", reply=True), kc.complete("a", reply=True)
    for outcome in await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LONG):
        assert isinstance(outcome, errors.DeadKernelError)
        assert "closed its connections" in str(outcome)
        assert "restart_kernel" in str(outcome)
    assert await km.is_alive()  # its process is
    await km.restart_kernel(now=True)
    assert await asyncio.wait_for(kc.eval("'again'"), LONG) == "again"
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_what_its_process_ends_by_afterwards_is_said() -> None:
    """That tells more than that it closed its connections."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    kc = await km.client().start_channels()
    await kc.run(LEAVE)
    with pytest.raises(errors.DeadKernelError, match="closed its connections"):
        await asyncio.wait_for(kc.run("1"), LONG)
    assert km.provisioner is not None
    os.kill(km.provisioner.pid, signal.SIGKILL)
    await until(lambda: "SIGKILL" in str(kc.run("1").exception()))
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_it_is_restarted_where_dead_ones_are() -> None:
    """Once, however many clients have noticed; its process goes."""
    km = ConKernelManager(kernel_name=KERNEL, autorestart=True)
    heard: list[str] = []
    km.add_restart_callback(lambda: heard.append("restart"))
    km.add_restart_callback(lambda: heard.append("dead"), "dead")
    await km.start_kernel()
    one, two = [await km.client().start_channels() for _ in range(2)]
    await one.run(LEAVE)
    for outcome in await asyncio.wait_for(
        asyncio.gather(one.run("1"), two.run("2"), return_exceptions=True), LONG
    ):
        assert isinstance(outcome, errors.DeadKernelError)
    for kc in (one, two):
        await kc.wait_for_ready(timeout=LONG)
        assert (await asyncio.wait_for(kc.run("'back'"), LONG)).text == "'back'\n"
        kc.stop_channels()
    assert heard == ["restart"]
    await km.shutdown_kernel(now=True)
