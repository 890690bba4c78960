"""Row 1: a kernel that ends with 200 requests in flight."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from conkernelclient import ConKernelClient, ConKernelManager, Run, errors, events
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IN_FLIGHT = 200
ROUNDS = 10
MEDIAN = 0.05
WORST = 0.2
WORDS = 100

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
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
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


class Witness:
    """A socket of its own that hears what leaves the kernel."""

    def __init__(self, km: ConKernelManager) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.subscribe(b"")
        if km.curve_publickey is not None:
            self._socket.curve_secretkey = km.curve_secretkey
            self._socket.curve_publickey = km.curve_publickey
            self._socket.curve_serverkey = km.curve_publickey
        self._socket.connect(f"tcp://127.0.0.1:{km.iopub_port}")

    @classmethod
    async def of(cls, km: ConKernelManager, kc: ConKernelClient) -> Witness:
        """One that hears; ipykernel welcomes only the first of all that subscribe to the same."""
        witness = cls(km)
        while True:
            await asyncio.wait_for(kc.run("print('heard')"), LONG)
            if witness.hears(b"heard", 0.1):
                return witness

    def hears(self, word: bytes, seconds: float = LONG) -> bool:
        """Wait, and block everything, until a message with `word` comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._socket.poll(left * 1e3) and word in b"".join(self._socket.recv_multipart()):
                return True
        return False

    def close(self) -> None:
        self._socket.close(linger=0)
        self._context.term()


async def test_last_words_that_left_the_kernel_are_in_the_result(
    tmp_path: Path, measured: Callable[[str, str, str], None]
) -> None:
    """Although the loop was blocked from before they came until after the kernel's end."""
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    heard = 0
    for _ in range(WORDS):
        witness = await Witness.of(km, kc)
        assert km.provisioner is not None
        run = kc.run(
            f"print('last', 'words', flush=True); import os\nopen({str(gate)!r}).close(); os._exit(3)"
        )
        assert witness.hears(b"last words")
        gate.open("w").close()
        with suppress(ChildProcessError):  # whoever watches it may have asked for its status
            os.waitid(os.P_PID, km.provisioner.pid, os.WEXITED | os.WNOWAIT)
        witness.close()
        with pytest.raises(errors.DeadKernelError) as caught:
            await asyncio.wait_for(run, LONG)
        result: Any = caught.value.result
        heard += (caught.value.exit_code, result.stdout) == (3, "last words\n")
        await km.restart_kernel()
        await kc.wait_for_ready(timeout=LONG)
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    measured("1", f"last words that left the kernel: {WORDS} of {WORDS}", f"{heard} of {WORDS}")
    assert heard == WORDS


async def test_a_kernel_that_ends_itself_right_after_its_last_words(
    measured: Callable[[str, str, str], None],
) -> None:
    """`os._exit` ends libzmq's own thread before it has written: some never leave the kernel."""
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
    heard = witnessed = ended = 0
    for _ in range(WORDS):
        witness = await Witness.of(km, kc)
        with pytest.raises(errors.DeadKernelError) as caught:
            await asyncio.wait_for(
                kc.run("import os; print('last', 'words', flush=True); os._exit(3)"), LONG
            )
        result: Any = caught.value.result
        heard += result.stdout == "last words\n"
        ended += caught.value.exit_code == 3
        witnessed += witness.hears(b"last words", 0.05)
        witness.close()
        await km.restart_kernel()
        await kc.wait_for_ready(timeout=LONG)
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    measured(
        "1",
        f"print(..., flush=True); os._exit(3): the words in error.result, {WORDS} of {WORDS}",
        f"{heard} of {WORDS}, and {witnessed} at a plain SUB socket beside it; exit status right "
        f"{ended} of {WORDS}",
    )
    assert ended == WORDS
    assert heard > 0


async def test_an_attached_client_is_told_within_three_seconds(
    measured: Callable[[str, str, str], None],
) -> None:
    """It has no process to watch."""
    times: list[float] = []
    for _ in range(3):
        km = ConKernelManager()
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
    measured("1", "attached client: within 3 s", f"worst of 3: {max(times):.2f} s")
    assert max(times) < 3
