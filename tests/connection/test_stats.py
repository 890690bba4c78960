"""The figures of a connection are those of its parts."""

from __future__ import annotations

import pytest

from conkernelclient.connection import peer
from conkernelclient.testing import FakeKernel, Hold, Say
from tests.clients import LONG, opened, until


async def test_each_figure_tells_what_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "RETURNS_WITHIN", 0.2)
    with FakeKernel([Say("x")], in_memory=True) as kernel:
        kernel.on_code("held", [Hold()])
        kc = await opened(kernel.client())
        try:
            stats = kc._connection.stats
            before = stats.figures()
            await kc.run("1")
            kc.execute("2")
            await until(lambda: len(kc._connection.inboxes["shell"]) == 1)
            held = kc.run("held")
            await until(lambda: held.started)
            after = stats.figures()
            grown = {name: after[name] - before[name] for name in after}
            assert (grown["requests"], grown["pending"], stats.pending) == (3, 1, 1)
            assert stats.received == after["received"] >= before["received"] + 9
            assert after["bytes_received"] > before["bytes_received"]
            assert 0 < after["p50"] <= after["p99"] < LONG
            assert grown["seconds"] > 0
            for name in ("orphans", "dropped", "violations", "evicted", "rejected", "too_large"):
                assert grown[name] == 0, name
            kernel.kill()
            await until(lambda: kc._connection.presence.is_lost)
            assert stats.pending == 0
        finally:
            kc.stop_channels()


async def test_what_waits_for_a_kernel_is_the_backlog() -> None:
    with FakeKernel(in_memory=True) as kernel:
        kc = await opened(kernel.client())
        try:
            kc._connection.suspend()
            kc._connection.make("x_request", {})
            kc.comms  # noqa: B018 - it is there without a message
            kc._connection.post("control", kc.session.msg("x_request", {}), None, [])
            figures = kc.stats()
            assert figures["backlog"] == 1
            assert figures["backlog_bytes"] > 100
        finally:
            kc.stop_channels()
            assert kc.stats()["backlog"] == 0
