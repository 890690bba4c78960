"""Whatever happens to the kernel, everybody who waits is told; and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.connection import peer
from conkernelclient.errors import (
    ChannelsClosedError,
    DeadKernelError,
    KernelRestartedError,
    SessionError,
)
from conkernelclient.sidecar.sidecar import Sidecar
from conkernelclient.testing import FakeKernel, Silence
from tests.clients import LONG, client_of, until
from tests.sidecar.actions.sidecars import SLEEP, Shouts, ok, sidecar_of


def _printed(sidecar: Sidecar) -> str:
    run: Any = next(iter(sidecar._cells._runs.values()))
    return run.outcome.stdout


async def test_of_a_kernel_that_dies_everybody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What runs, what is queued, what waits for an idle; a later request fails at once."""

    class Notes(Sidecar):
        def handle_death(self, news: Any) -> None:
            heard.append(news.error)

    heard: list[Any] = []
    async with Notes("python3") as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(
            "import os; print(os.getpid(), flush=True); input()",
            handlers=[shouts],
            on_stdin=lambda _: None,
        )
        queued = sidecar.execute_request("1")
        await shouts.heard.wait()
        comm = sidecar.comm_msg_request("nowhere")
        assert running.outcome is None
        pid = int(_printed(sidecar))
        os.kill(pid, signal.SIGKILL)
        for action in (running, queued):
            with pytest.raises(DeadKernelError, match="signal 9") as caught:
                await action
            assert caught.value.msg_id == action.msg_id
            assert caught.value.exit_code == -signal.SIGKILL
        with pytest.raises(DeadKernelError):
            await comm
        await until(lambda: heard)
        assert issubclass(type(heard[0]), DeadKernelError)
        for action in (sidecar.execute_request("1"), sidecar.complete_request("pri")):
            with pytest.raises(DeadKernelError):
                await action
        with pytest.raises(DeadKernelError):
            await sidecar.comm_msg_request("nowhere")
    caplog.clear()


async def test_a_restart_ends_what_was_sent_and_the_next_cell_runs() -> None:
    """The hook is told."""

    class Notes(Sidecar):
        def handle_restart(self, news: Any) -> None:
            heard.append(news.state)

    heard: list[str] = []
    async with Notes("python3") as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(SLEEP, handlers=[shouts])
        queued = sidecar.execute_request("1")
        await shouts.heard.wait()
        await sidecar.restart()
        for action in (running, queued):
            with pytest.raises(KernelRestartedError):
                await action
        assert (await sidecar.execute_request("6 * 7")).text.rstrip() == "42"
    assert heard == ["restarting"]


async def test_leaving_ends_what_waits() -> None:
    """Sent or not; a handler that is stuck does not hold it."""

    async def stuck(message: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with asyncio.timeout(LONG):
        async with Sidecar("python3") as sidecar:
            running = sidecar.execute_request("import time; time.sleep(60)")
            queued = sidecar.execute_request("1")
            held = sidecar.kernel_info_request(handlers=[stuck])
            await until(lambda: running.is_sent)
        for action in (running, queued):
            with pytest.raises((ChannelsClosedError, DeadKernelError)):
                await action
        assert held.done()
        with pytest.raises(ChannelsClosedError):
            held.result()
    with pytest.raises(SessionError, match="is not open"):
        sidecar.execute_request("1")


async def test_a_thousand_cells_leave_nothing_behind(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Actions are let go of when they have ended."""
    async with sidecar_of(km) as sidecar:
        actions = [sidecar.execute_request(f"{number}") for number in range(100)]
        others = [sidecar.complete_request("pri") for _ in range(100)]
        results = [await action for action in actions]
        assert [result.text.rstrip() for result in results] == [
            str(number) for number in range(100)
        ]
        assert all([ok(await other).matches for other in others])
        kc: Any = sidecar.client
        assert kc.stats()["pending"] == 0
        assert len(kc._connection.subscribers.all) <= 3
    assert caplog.records == []


async def test_a_kernel_that_is_lost_is_found_again_and_the_hooks_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was sent fails, also what waits for idle alone; then the sidecar serves on."""

    class Notes(Sidecar):
        def handle_disconnect(self, news: Any) -> None:
            heard.append(news.state)
            raise ValueError("a hook of my own")

        async def handle_death(self, news: Any) -> None:
            heard.append(news.state)

    monkeypatch.setattr(peer, "RETURNS_WITHIN", 0.1)
    heard: list[str] = []
    with FakeKernel([Silence(is_idle=False)]) as kernel:
        kernel.on("comm_msg", [Silence(is_idle=False)])
        async with Notes(kernel.client()) as sidecar:
            running = sidecar.execute_request("")
            comm = sidecar.comm_msg_request("nowhere")
            await until(lambda: running.is_sent)
            kernel.kill()
            for action in (running, comm):
                with pytest.raises(DeadKernelError):
                    await action
            await until(lambda: heard == ["disconnected", "dead"])
            kernel.restart()
            await until(lambda: sidecar.client.kernel_state == "ready")
            assert await sidecar.kernel_info_request()
    assert "a hook of the sidecar failed" in caplog.text
    caplog.clear()


async def test_what_a_hook_for_messages_raises_is_logged(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """And hurts nobody."""

    class Notes(Sidecar):
        def handle_untracked(self, message: Any) -> None:
            raise ValueError("a hook of my own")

    async with Notes(km) as sidecar, client_of(km) as other:
        await other.kernel_info(reply=True)
        await until(lambda: caplog.records)
        assert (await sidecar.execute_request("1")).ok
    assert "a hook of the sidecar failed" in caplog.text
    caplog.clear()
