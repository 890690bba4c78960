"""Our kernel answers whatever is stopped, and each stop hits its target or finds that it ended."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.clients import LONG, client_of
from tests.kernel.conftest import asked, manager_of, start

from .scale import share

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conkernelclient import ConKernelManager

pytestmark = pytest.mark.timeout(1800)

STOPS: Final = share(10_000, least=100)
RUNNING: Final = 50
CODES: Final = (
    "await asyncio.sleep(60)",
    "while True: await asyncio.sleep(0)",
    "for i in range(10**9): print(i); await asyncio.sleep(0.001)",
    "await asyncio.sleep(random.random() / 10)",
    "x = 1",
    "1/0",
)
BLOCKING: Final = (*CODES, "time.sleep(60)", "time.sleep(random.random() / 10)")
FOUND: Final = {"interrupted", "dequeued", "ended"}


@pytest.fixture
async def ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConKernelManager]:
    """One kernel of ours."""
    manager = manager_of(tmp_path_factory.mktemp("kernels"))
    await start(manager)
    yield manager
    await manager.shutdown_kernel(now=True)


async def test_random_stops_of_cells_in_all_modes_hit_what_they_are_aimed_at(
    ours: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """One in fifty is a signal, which stops all; each request has one reply and one idle."""
    chance = random.Random(0)
    found: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    runs: list[Any] = []
    msg_ids: list[str] = []

    def note(message: Any) -> None:
        parent = message["parent_header"].get("msg_id", "")
        if message["msg_type"] == "status":
            seen[parent, message["content"]["execution_state"]] += 1
        elif message["msg_type"] == "execute_reply":
            seen[parent, "reply"] += 1

    async with client_of(ours, window=None) as kc:
        kc.subscribe(note, msg_type=("status", "execute_reply"))
        await kc.run("import asyncio, random, time")
        subshells = [await kc.create_subshell() for _ in range(2)]

        def begin() -> None:
            mode = chance.choice(("queue", "lane", "task", "thread", "subshell"))
            code = chance.choice(BLOCKING if mode in ("thread", "subshell") else CODES)
            meta = {"run_mode": mode} if mode in ("task", "thread") else {}
            if mode == "lane":
                meta = {"lane": f"lane {chance.randrange(5)}"}
            place = chance.choice(subshells) if mode == "subshell" else None
            runs.append(kc.run(code, metadata=meta, subshell_id=place))
            msg_ids.append(runs[-1].msg_id)

        def end(run: Any) -> None:
            runs.remove(run)
            ends[run.result().status] += 1

        for number in range(STOPS):
            while len(runs) < RUNNING:
                begin()
            if number % 50 == 49:
                await ours.interrupt_kernel()
                found["signal"] += 1
            else:
                target = chance.choice(runs)
                content = await asked(kc, "interrupt_request", msg_ids=[target.msg_id])
                found[content["requests"][target.msg_id]] += 1
            for run in [it for it in runs if it.done()]:
                end(run)
        while runs:
            ids = [it.msg_id for it in runs]
            content = await asked(kc, "interrupt_request", msg_ids=ids)
            assert set(content["requests"].values()) <= FOUND, content
            for run in list(runs):
                await asyncio.wait_for(asyncio.shield(run), LONG)
                end(run)
        assert (await kc.run("6 * 7")).data["text/plain"] == "42"
        for one in subshells:
            await kc.delete_subshell(one)
    wrong = {
        it: counts
        for it in msg_ids
        if (counts := [seen[it, what] for what in ("busy", "reply", "idle")]) != [1, 1, 1]
    }
    measured(
        "12",
        f"{STOPS} random stops over {RUNNING} cells of our kernel: each hits its target",
        f"{dict(found)}; {len(msg_ids)} cells ended {dict(ends)}; {len(wrong)} with other than one "
        "busy, reply and idle",
    )
    assert set(found) <= FOUND | {"signal"}
    assert not wrong
