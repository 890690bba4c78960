"""Everything happens at once: each awaitable ends, with its own answer or a named error."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, Result, errors
from tests.clients import LONG
from tests.conftest import KERNEL

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = float(os.environ.get("CHAOS_SECONDS", share(600)))
CLIENTS = 3
CALLERS = 6
# What may come of a cell in which somebody stops, kills and interrupts the kernel.
STATUSES = {"ok", "error", "aborted", "timeout"}

pytestmark = pytest.mark.timeout(SECONDS + 240)


class Chaos:
    """Callers and breakers around one kernel; `outcomes` counts what came of the calls."""

    def __init__(self, km: ConKernelManager, seed: int) -> None:
        self.km = km
        self.dice = random.Random(seed)
        self.clients: list[ConKernelClient] = []
        self.ends_at = time.monotonic() + SECONDS
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.deeds: collections.Counter[str] = collections.Counter()
        self.number = 0

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self.ends_at

    def note(self, outcome: object) -> None:
        self.outcomes[outcome if isinstance(outcome, str) else type(outcome).__name__] += 1

    def next_number(self) -> int:
        self.number += 1
        return self.number

    # Callers

    async def call(self) -> None:
        kinds = [self.a_run, self.an_execute, self.a_completion, self.pubs, self.a_cancelled_run]
        while self.is_on:
            kc, number = self.dice.choice(self.clients), self.next_number()
            try:
                await asyncio.wait_for(self.dice.choice(kinds)(kc, number), LONG)
            except errors.ConKernelError as error:
                self.note(error)
                await asyncio.sleep(0.01)  # a kernel that is gone answers at once

    async def a_run(self, kc: ConKernelClient, number: int) -> None:
        nap = self.dice.choice([0, 0, 0.05])
        code = f"import time; print({number}); time.sleep({nap}); {number}"
        self.check(await kc.run(code, timeout=self.dice.choice([None, 20])), number)

    def check(self, result: Result, number: int) -> None:
        assert result.status in STATUSES, result
        if result.status == "ok":
            assert result.stdout == f"{number}\n", (number, result)
            assert result.data == {"text/plain": str(number)}, (number, result)
            # An interrupt that hits Python between two statements of the cell: of a weak reference.
            assert not result.stderr or result.stderr.startswith("Exception ignored"), result
        elif result.status == "error":
            assert result.error is not None, result
            assert result.error.ename == "KeyboardInterrupt", (number, result)
        self.note(result.status)

    async def an_execute(self, kc: ConKernelClient, number: int) -> None:
        reply = await kc.execute("", user_expressions={"own": str(number)}, reply=True)
        content = reply["content"]
        if content["status"] == "ok":
            own = content["user_expressions"]["own"]
            if own["status"] == "ok":
                assert own["data"]["text/plain"] == str(number)
        self.note(f"execute {content['status']}")

    async def a_completion(self, kc: ConKernelClient, number: int) -> None:
        reply = await kc.complete("pri", reply=True)
        assert reply["content"]["status"] in STATUSES, (number, reply)
        self.note("complete")

    async def pubs(self, kc: ConKernelClient, number: int) -> None:
        msg_id = kc.execute(f"print({number})")
        messages = await kc.get_pubs(msg_id)
        assert {message["parent_header"]["msg_id"] for message in messages} == {msg_id}
        self.note("pubs")

    async def a_cancelled_run(self, kc: ConKernelClient, number: int) -> None:
        run = kc.run(f"import time; time.sleep(0.2); {number}")
        await asyncio.sleep(self.dice.random() * 0.05)
        if self.dice.random() < 0.5:
            run.cancel()
        else:
            await run.interrupt()
        with contextlib.suppress(asyncio.CancelledError):
            await run
        self.note("given up")

    def call_from_a_thread(self) -> None:
        dice = random.Random(5)
        while self.is_on:
            number = self.next_number()
            with contextlib.suppress(errors.ConKernelError):
                future: Any = dice.choice(self.clients).run(f"print({number}); {number}")
                self.check(future.result(LONG), number)
            time.sleep(0.02)

    # Breakers

    async def break_things(self) -> None:
        deeds: list[Callable[[], Any]] = [
            self.restart,
            self.restart_twice,
            self.cancel_a_restart,
            self.kill,
            self.stop_and_continue,
            self.reopen,
            self.reopen,
            self.interrupt,
            self.interrupt,
            self.come_and_go,
            self.come_and_go,
        ]
        while self.is_on:
            await asyncio.sleep(self.dice.random() * 0.4)
            deed = self.dice.choice(deeds)
            self.deeds[deed.__name__] += 1
            await asyncio.wait_for(deed(), LONG)

    async def restart(self) -> None:
        await self.km.restart_kernel(now=True)

    async def restart_twice(self) -> None:
        await asyncio.gather(*(self.km.restart_kernel(now=True) for _ in range(2)))

    async def cancel_a_restart(self) -> None:
        restarting = asyncio.ensure_future(self.km.restart_kernel(now=True))
        await asyncio.sleep(self.dice.random() * 0.1)
        restarting.cancel()
        await asyncio.wait((restarting,))

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(), signal.SIGKILL)
        await asyncio.sleep(0.2)
        if self.dice.random() < 0.5:
            await self.km.restart_kernel(now=True)

    async def stop_and_continue(self) -> None:
        pid = self.pid()
        with contextlib.suppress(ProcessLookupError):  # it was killed a moment ago
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(0.3)
            finally:
                os.kill(pid, signal.SIGCONT)

    async def reopen(self) -> None:
        kc = self.dice.choice(self.clients)
        kc.stop_channels()
        if self.dice.random() < 0.5:
            await asyncio.sleep(self.dice.random() * 0.05)
        kc.start_channels()

    async def interrupt(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was killed a moment ago
            await self.km.interrupt_kernel()

    async def come_and_go(self) -> None:
        kc, number = self.km.client(), self.next_number()
        kc.start_channels()
        try:
            self.check(await asyncio.wait_for(kc.run(f"print({number}); {number}"), LONG), number)
        except errors.ConKernelError as error:
            self.note(error)
        finally:
            kc.stop_channels()

    def pid(self) -> int:
        provisioner: Any = self.km.provisioner
        return provisioner.pid


def children() -> set[int]:
    """Processes of this one, by id."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def footprint() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


async def test_everything_at_once(measured: Callable[[str, str, str], None]) -> None:
    """Start, restart twice at once, kill, stop, reopen, cancel, interrupt, from a thread."""
    processes = children()
    km = ConKernelManager(kernel_name=KERNEL, autorestart=True)
    await km.start_kernel()
    chaos = Chaos(km, seed=int(os.environ.get("SEED", "1")))
    chaos.clients = [km.client() for _ in range(CLIENTS)]
    for kc in chaos.clients:
        await kc.start_channels()
        await kc.wait_for_ready(timeout=LONG)
    before = footprint()
    thread = threading.Thread(target=chaos.call_from_a_thread)
    thread.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(chaos.break_things())
        for _ in range(CALLERS):
            group.create_task(chaos.call())
    await asyncio.to_thread(thread.join, LONG)
    assert not thread.is_alive()
    await asyncio.wait_for(km.restart_kernel(now=True), LONG)
    for kc in chaos.clients:
        assert (await asyncio.wait_for(kc.run("'fine'"), LONG)).text == "'fine'\n"
        assert kc.stats()["pending"] == 0
    after = footprint()
    for kc in chaos.clients:
        kc.stop_channels()
    await km.shutdown_kernel(now=True)
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 8  # asyncio's own pool of threads
    guardian_and = children() - processes
    assert len(guardian_and) <= 1, guardian_and
    measured(
        "20",
        f"chaos for {SECONDS} s: every awaitable ends, with its own answer or a named error",
        f"{sum(chaos.outcomes.values())} outcomes {dict(chaos.outcomes)}, "
        f"{sum(chaos.deeds.values())} deeds {dict(chaos.deeds)}; descriptors and threads "
        f"{before} before, {after} after",
    )
