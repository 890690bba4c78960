"""Our kernel loses no request, however many are outstanding."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.clients import LONG, client_of

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelManager

pytestmark = pytest.mark.timeout(3600)

REQUESTS: Final = share(100_000)
OUTSTANDING: Final = 200


@pytest.mark.parametrize("cancels", [False, True], ids=["plain", "with cancels"])
async def test_no_request_is_lost_of_many_outstanding(
    ours: ConKernelManager, measured: Callable[[str, str, str], None], *, cancels: bool
) -> None:
    """Each of them is answered, whether it is cancelled or not."""
    chance = random.Random(0)
    statuses: Counter[str] = Counter()
    lost = 0
    began = time.monotonic()
    async with client_of(ours, window=None) as kc:

        async def ask(number: int) -> None:
            nonlocal lost
            mode = chance.choice(("queue", "task")) if cancels else "queue"
            waiting = kc.execute(
                f"{number}",
                reply=True,
                msg_id=f"request {number}",
                stop_on_error=False,
                metadata={"run_mode": mode},
            )
            try:
                reply: Any = await asyncio.wait_for(waiting, LONG)
            except TimeoutError:
                lost += 1
            else:
                statuses[reply["content"]["status"]] += 1

        async def cancel(number: int) -> None:
            content = {"msg_ids": [f"request {number}"]}
            await kc.request("interrupt_request", content, "control", timeout=LONG)

        async def work(numbers: Any) -> None:
            for number in numbers:
                asking = asyncio.ensure_future(ask(number))
                if cancels and chance.random() < 0.05:
                    await cancel(number)
                await asking

        numbers = iter(range(REQUESTS))
        await asyncio.gather(*[work(numbers) for _ in range(OUTSTANDING)])
    seconds = time.monotonic() - began
    measured(
        "12",
        f"{REQUESTS} requests to our kernel, {OUTSTANDING} outstanding, "
        f"{'one in twenty cancelled' if cancels else 'plain'}: none is lost",
        f"{lost} lost, {dict(statuses)}, {REQUESTS / seconds:.0f} per s",
    )
    assert lost == 0
    assert statuses.total() == REQUESTS
