"""How long a client's requests take is told by the last of them."""

from __future__ import annotations

import time

from conkernelclient.state.latency import KEPT, Pace


def test_before_the_first_request_there_are_none_and_then_the_last_are_kept() -> None:
    """A bounded number of them."""
    pace = Pace()
    assert pace.percentile(50) == pace.percentile(99) == 0
    for _ in range(2 * KEPT):
        pace.times.append(time.monotonic())
    first = pace.percentile(0)
    assert first > 0
    assert pace.percentile(100) >= pace.percentile(50) >= first
