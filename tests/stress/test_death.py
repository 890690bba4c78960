"""Row 1: a kernel that ends with 200 requests in flight."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, Run, errors, events
from tests.clients import LONG, opened
from tests.conftest import KERNEL, LOOP

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IN_FLIGHT = 200
ATTACHED = share(3)
ROUNDS = share(10, least=3)
MEDIAN = 0.05
WORST = 0.2
WORDS = share({"asyncio": 100, "uvloop": 30}[LOOP], least=5)  # a kernel each

pytestmark = pytest.mark.timeout(200)


async def ended(waiting: list[Any]) -> tuple[float, list[Any]]:
    """When the last of them ended, and with what."""
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LONG)
    return time.monotonic(), outcomes


async def shown(run: Run) -> None:
    """Wait until the cell has printed something."""
    async for event in run:
        if isinstance(event, events.Stream):
            return


def in_flight(kc: ConKernelClient) -> list[Any]:
    """All kinds of requests, behind one that does not end."""
    return [
        *(kc.run("1") for _ in range(IN_FLIGHT // 4)),
        *(kc.execute("1", reply=True) for _ in range(IN_FLIGHT // 4)),
        *(kc.complete("pri", reply=True) for _ in range(IN_FLIGHT // 4)),
        *(kc.get_pubs(kc.execute("1")) for _ in range(IN_FLIGHT // 4)),
    ]


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSEGV", "exit"])
async def test_all_in_flight_fail_at_once_with_the_right_status(
    how: str, tmp_path: Path, measured: Callable[[str, str, str], None]
) -> None:
    """From the time at which the process was killed, or was told to end itself."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    kc = await opened(km.client())
    times: list[float] = []
    for _ in range(ROUNDS):
        assert km.provisioner is not None
        pid = km.provisioner.pid
        fifo = tmp_path / "gate"
        if not fifo.exists():
            os.mkfifo(fifo)
        run = kc.run(
            f"import os, time; print('on', flush=True); open({str(fifo)!r}).close(); os._exit(1)"
        )
        waiting = [run, *in_flight(kc)]
        await shown(run)
        began = time.monotonic()
        if how == "exit":
            fifo.open("w").close()  # it opens its own end when the kernel has opened its
        else:
            os.kill(pid, getattr(signal, how))
        end, outcomes = await ended(waiting)
        times.append(end - began)
        status = 1 if how == "exit" else -getattr(signal, how)
        assert all(isinstance(outcome, errors.DeadKernelError) for outcome in outcomes)
        assert {outcome.exit_code for outcome in outcomes} == {status}
        assert kc.stats()["pending"] == 0
        await km.restart_kernel()
        assert (await asyncio.wait_for(kc.run("'next'"), LONG)).text == "'next'\n"
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    median = statistics.median(times)
    measured(
        "1",
        f"{how} with {IN_FLIGHT} in flight: all fail within {MEDIAN} s (median of {ROUNDS}), never "
        f"over {WORST} s",
        f"median {median * 1e3:.0f} ms, worst {max(times) * 1e3:.0f} ms",
    )
    assert median <= MEDIAN
    assert max(times) <= WORST


class Relay:
    """Stands between the kernel's iopub port and one client, and sees what leaves the kernel."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._target = port
        self._seen = bytearray()
        threading.Thread(target=self._serve, daemon=True).start()

    def has_seen(self, words: bytes) -> bool:
        """Whether they have left the kernel, in plain text."""
        return words in self._seen

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        self._listener.close()
        kernel = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=self._pass, args=(client, kernel), daemon=True).start()
        self._pass(kernel, client, self._seen)
        client.close()
        kernel.close()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, seen: bytearray | None = None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if seen is not None:
                    seen += data
                target.sendall(data)


STREAM = b"last words"  # which the code does not hold in one piece


@pytest.mark.parametrize("how", ["waits until they are out", "ends at once"])
async def test_last_words_that_left_the_kernel_are_in_the_result(
    how: str, tmp_path: Path, measured: Callable[[str, str, str], None]
) -> None:
    """
    Also if the loop was blocked from before they came until after the kernel's end.

    `os._exit` ends libzmq's own thread too: what that has not written by then never leaves.
    """
    km = ConKernelManager(kernel_name=KERNEL, transport_encryption="disabled")
    await km.start_kernel()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    heard = left = 0
    for _ in range(WORDS):
        first = await opened(km.client())  # the kernel listens
        first.stop_channels()
        relay = Relay(km.iopub_port)
        kc = await opened(km.client(iopub_port=relay.port))
        assert km.provisioner is not None
        waits = f"open({str(gate)!r}).close()" if how.startswith("waits") else ""
        run = kc.run(f"import os; print('last' + ' words', flush=True)\n{waits}\nos._exit(3)")
        if waits:  # and nothing else goes on here
            deadline = time.monotonic() + LONG
            while not relay.has_seen(STREAM):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            gate.open("w").close()
            with suppress(ChildProcessError):  # whoever watches it may have asked for its status
                os.waitid(os.P_PID, km.provisioner.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(errors.DeadKernelError) as caught:
            await asyncio.wait_for(run, LONG)
        result: Any = caught.value.result
        assert caught.value.exit_code == 3
        has_left = relay.has_seen(STREAM)
        left += has_left
        heard += result.stdout == "last words\n"
        assert result.stdout == ("last words\n" if has_left else "")
        kc.stop_channels()
        await km.restart_kernel()
    await km.shutdown_kernel(now=True)
    measured(
        "1",
        f"print(..., flush=True); os._exit(3), the kernel {how}: in error.result {WORDS} of "
        f"{WORDS}",
        f"{heard} of {WORDS}, of {left} that left the kernel's process",
    )
    assert heard == left
    assert not waits or heard == WORDS


async def test_an_attached_client_is_told_within_three_seconds(
    measured: Callable[[str, str, str], None],
) -> None:
    """It has no process to watch."""
    times: list[float] = []
    for _ in range(ATTACHED):
        km = ConKernelManager(kernel_name=KERNEL)
        await km.start_kernel()
        kc = ConKernelClient(connection_file=km.connection_file)
        kc.load_connection_file()
        await kc.start_channels()
        run = kc.run("import time; print('on', flush=True); time.sleep(600)")
        waiting = [run, *in_flight(kc)]
        await shown(run)
        assert km.provisioner is not None
        began = time.monotonic()
        os.kill(km.provisioner.pid, signal.SIGKILL)
        end, outcomes = await ended(waiting)
        times.append(end - began)
        assert all(isinstance(outcome, errors.DeadKernelError) for outcome in outcomes)
        kc.stop_channels()
        await km.shutdown_kernel(now=True)
    measured("1", "attached client: within 3 s", f"worst of {ATTACHED}: {max(times):.2f} s")
    assert max(times) < 3
