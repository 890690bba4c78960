"""Our kernel answers whatever is stopped, and each stop hits its target or finds that it ended."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.clients import LONG, client_of
from tests.kernel.conftest import asked

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Cells:
    """The cells that run, and what was told of each."""

    def __init__(self, kc: Any, subshells: list[str]) -> None:
        self._kc, self._subshells = kc, subshells
        self.chance = random.Random(0)
        self.runs: list[Any] = []
        self.msg_ids: list[str] = []
        self._what: dict[str, str] = {}  # mode and code of each
        self.left: list[str] = []  # those that went on
        self.found: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self._seen: Counter[tuple[str, str]] = Counter()
        kc.subscribe(self._note, msg_type=("status", "execute_reply"))

    def _note(self, message: Any) -> None:
        parent = message["parent_header"].get("msg_id", "")
        is_status = message["msg_type"] == "status"
        self._seen[parent, message["content"]["execution_state"] if is_status else "reply"] += 1

    def begin(self) -> None:
        chance = self.chance
        mode = chance.choice(("queue", "lane", "task", "thread", "subshell"))
        code = chance.choice(BLOCKING if mode in ("thread", "subshell") else CODES)
        meta = {"run_mode": mode} if mode in ("task", "thread") else {}
        if mode == "lane":
            meta = {"lane": f"lane {chance.randrange(5)}"}
        place = chance.choice(self._subshells) if mode == "subshell" else None
        self.runs.append(self._kc.run(code, metadata=meta, subshell_id=place))
        self.msg_ids.append(self.runs[-1].msg_id)
        self._what[self.msg_ids[-1]] = f"{mode}: {code}"

    def end(self, run: Any) -> None:
        self.runs.remove(run)
        self.ends[run.result().status] += 1

    async def stop_one(self) -> None:
        """Stop a cell that the kernel has read: control is read before shell."""
        target = self.chance.choice(self.runs)
        while len(self.runs) < RUNNING:
            self.begin()
        content = await asked(self._kc, "interrupt_request", msg_ids=[target.msg_id])
        found = content["requests"][target.msg_id]
        self.found[found] += 1
        if found not in FOUND:
            self.left.append(self._what[target.msg_id])

    async def stop_all(self) -> None:
        ids = [it.msg_id for it in self.runs]
        content = await asked(self._kc, "interrupt_request", msg_ids=ids)
        assert set(content["requests"].values()) <= FOUND, content
        for run in list(self.runs):
            await asyncio.wait_for(asyncio.shield(run), LONG)
            self.end(run)

    def wrong(self) -> list[str]:
        """The requests with other than one busy, one reply and one idle."""
        whats = ("busy", "reply", "idle")
        return [it for it in self.msg_ids if [self._seen[it, what] for what in whats] != [1] * 3]


async def test_random_stops_of_cells_in_all_modes_hit_what_they_are_aimed_at(
    ours: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """One in fifty is a signal, which stops all; each request has one reply and one idle."""
    async with client_of(ours, window=None) as kc:
        await kc.run("import asyncio, random, time")
        subshells = [await kc.create_subshell() for _ in range(2)]
        cells = Cells(kc, subshells)
        for number in range(STOPS):
            if not cells.runs:
                cells.begin()
            if number % 50 == 49:
                await ours.interrupt_kernel()
                cells.found["signal"] += 1
            else:
                await cells.stop_one()
            for run in [it for it in cells.runs if it.done()]:
                cells.end(run)
        while cells.runs:
            await cells.stop_all()
        assert (await kc.run("6 * 7")).data["text/plain"] == "42"
        for one in subshells:
            await kc.delete_subshell(one)
    measured(
        "12",
        f"{STOPS} random stops over {RUNNING} cells of our kernel: each hits its target",
        f"{dict(cells.found)}; {len(cells.msg_ids)} cells ended {dict(cells.ends)}; "
        f"{len(cells.wrong())} with other than one busy, reply and idle",
    )
    assert set(cells.found) <= FOUND | {"signal"}, cells.left
    assert not cells.wrong()
