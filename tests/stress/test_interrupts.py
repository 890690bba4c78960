"""Interrupts and cancels hit what they were aimed at, whenever they come."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from queue import Empty
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from conkernelclient import ConKernelManager, errors
from conkernelclient.state.router import Phase
from tests.clients import LONG, client_of, until
from tests.conftest import IS_OURS, KERNEL

from .scale import share

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from conkernelclient import ConKernelClient

pytestmark = pytest.mark.timeout(300)

T = TypeVar("T")

ENDLESS: Final = "while True: pass"
DELAYS: Final = (0, 0.001, 0.005, 0.02, 0.1)  # seconds
# How often, in the order of the tests. Our kernel ends what is interrupted at once: the first four
# are 5,000 interrupts.
TURNS: Final = share(100 if IS_OURS else 20)
SHORT: Final = share(3500 if IS_OURS else 500)
FOREIGN: Final = share(500 if IS_OURS else 50, least=10)
LAST_MOMENTS: Final = share(500 if IS_OURS else 200)
CANCELLED: Final = share(200)
SOON: Final = 10.0  # seconds in which a kernel replies, also one that is mute

# A mute kernel waits for its publishing thread twice in each request, 10 s each time.
BRIEF: Final = "import ipykernel.iostream as i; i.OutStream.flush_timeout = 0.5"


@pytest.fixture(scope="module")
async def km(anyio_backend: Any) -> AsyncIterator[ConKernelManager]:
    """A kernel that is not slow when it is mute, which ours never is."""
    manager = ConKernelManager(kernel_name=KERNEL)
    brief = [] if IS_OURS else [f"--IPKernelApp.exec_lines={BRIEF}"]
    await manager.start_kernel(extra_arguments=brief)
    yield manager
    await manager.shutdown_kernel(now=True)


async def patiently(waiting: Awaitable[T]) -> T:
    """Await it for `LONG`. It is not cancelled then, which would interrupt the kernel once more."""
    return await asyncio.wait_for(asyncio.shield(waiting), LONG)


class Deaths:
    """
    Kernels that did not survive an interrupt that hit them in ipykernel's own code.

    In orjson 3.13, which crashes when the Python code of a time zone raises (SIGSEGV). Between two
    handlers of ipykernel 7.4, which ends its loop: exit status 0, or SIGINT, or it "left", which is
    that it closed its connections and hangs in its end. Between taking a lock of Python's
    `threading` and noting that it is held: the thread that publishes waits for ever for it
    ("mute"), or the main one does ("locked"). It may show only at a later request. Nobody hangs for
    it, except in a kernel that is locked, which is like code that does not end. A client lives on
    with the next kernel.

    Our kernel survives all, and loses no reply: nothing is forgiven there.
    """

    def __init__(self, km: ConKernelManager) -> None:
        self._km = km
        self.codes: Counter[int | str | None] = Counter()

    async def survive(self, turn: Awaitable[T]) -> T | None:
        """Give what `turn` gives, or None if the kernel died in it, after a restart."""
        if IS_OURS:
            return await turn
        try:
            return await turn
        except errors.DeadKernelError as death:
            has_left = death.exit_code is None and "closed its connections" in str(death)
            self.codes["left" if has_left else death.exit_code] += 1
        except (errors.TransportError, TimeoutError) as failure:
            ill = await self._illness()
            if ill is None or (ill == "mute" and isinstance(failure, TimeoutError)):
                raise
            self.codes[ill] += 1
        await self._km.restart_kernel(now=True)
        return None

    async def _illness(self) -> str | None:
        """Ask jupyter_client's own client, which has nothing to do with ours."""
        witness: Any = AsyncKernelClient()
        witness.load_connection_info(self._km.get_connection_info())
        witness.start_channels(hb=False)
        try:
            for _ in range(2):  # before the second one it is subscribed
                witness.kernel_info()
                await witness.get_shell_msg(timeout=SOON)
            return None if await witness.iopub_channel.msg_ready() else "mute"
        except Empty:
            return "locked"
        finally:
            witness.stop_channels()

    def __str__(self) -> str:
        return f"kernels that died of it: {dict(self.codes) or 'none'}"


async def test_an_interrupt_after_any_delay_ends_the_run_as_interrupted(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Also when the kernel has not begun, or is not yet inside the code; it answers afterwards."""
    ended: list[tuple[str, str | None, bool]] = []
    slowest = 0.0
    async with client_of(km) as kc:
        for turn in range(TURNS):
            for delay in DELAYS:
                run = kc.run(ENDLESS)
                await asyncio.sleep(delay)  # what is measured, no synchronisation
                began = time.monotonic()
                assert await asyncio.wait_for(run.interrupt(), LONG)
                result = await asyncio.wait_for(run, LONG)
                slowest = max(slowest, time.monotonic() - began)
                ename = None if result.error is None else result.error.ename
                ended.append((result.status, ename, result.interrupted))
                assert await asyncio.wait_for(kc.eval(f"{turn} + 1"), LONG) == turn + 1
    right = ended.count(("error", "KeyboardInterrupt", True))
    measured(
        "3",
        f"interrupt 0, 1, 5, 20, 100 ms after sending, {TURNS} times each: all interrupted",
        f"{right} of {len(ended)}, slowest {slowest:.2f} s",
    )
    assert right == len(ended) == TURNS * len(DELAYS)


async def test_interrupts_at_the_busy_of_short_cells_let_nobody_hang(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """The kernel may be past the code, or in its own: the next run is right whatever was hit."""
    statuses: Counter[str] = Counter()
    right = 0
    slowest = 0.0
    deaths = Deaths(km)

    async def turn(kc: ConKernelClient, number: int) -> None:
        nonlocal right, slowest
        run = kc.run(f"x = {number}")
        await until(lambda: run.started or run.done())
        began = time.monotonic()
        interrupting = asyncio.ensure_future(run.interrupt())
        result = await patiently(run)
        assert await patiently(interrupting)
        slowest = max(slowest, time.monotonic() - began)
        assert not (IS_OURS and result.reply is None)
        statuses[result.status] += 1
        following = await patiently(kc.run(f"print({number})"))
        right += (following.status, following.stdout) == ("ok", f"{number}\n")

    async with client_of(km) as kc:
        for number in range(SHORT):
            await deaths.survive(turn(kc, number))
    measured(
        "3",
        f"interrupt at the busy of {SHORT} one-line cells: nobody hangs, all next runs right",
        f"{right} of {SHORT}, slowest end {slowest:.2f} s, {dict(statuses)}, {deaths}",
    )
    assert right == SHORT - deaths.codes.total()


async def test_replies_that_a_foreign_interrupt_costs_are_not_waited_for(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """`km.interrupt_kernel()` aims at nothing: at its busy, the kernel is in its own code."""
    ends: Counter[str] = Counter()
    right = 0
    slowest = 0.0
    deaths = Deaths(km)
    seen: set[str] = set()

    async def turn(kc: ConKernelClient, number: int) -> None:
        nonlocal right, slowest
        msg_id = f"turn {number}"
        # An error that stops what is queued may abort the next request, as the protocol wants it.
        replying = kc.execute(f"x = {number}", reply=True, msg_id=msg_id, stop_on_error=False)
        await until(lambda: msg_id in seen or replying.done())
        began = time.monotonic()
        await km.interrupt_kernel()
        try:
            reply = await patiently(replying)
        except errors.ReplyTimeout:
            assert not IS_OURS
            end = "ReplyTimeout"
        else:
            end = reply["content"]["status"]
        slowest = max(slowest, time.monotonic() - began)
        following = await patiently(kc.execute(f"{number}", reply=True))
        if IS_OURS and following["content"].get("ename") == "KeyboardInterrupt":
            end = "hit the next one"  # the signal came to the process after it
            following = await patiently(kc.execute(f"{number}", reply=True))
        ends[end] += 1
        right += following["content"]["status"] == "ok"

    async with client_of(km) as kc:
        kc.subscribe(lambda message: seen.add(message["parent_header"].get("msg_id", "")))
        for number in range(FOREIGN):
            await deaths.survive(turn(kc, number))
    measured(
        "3",
        f"interrupt the kernel at the busy of {FOREIGN} execute(reply=True): nobody hangs, all "
        "next are right",
        f"{right} of {FOREIGN}, slowest end {slowest:.2f} s, {dict(ends)}, {deaths}",
    )
    assert right == ends.total() == FOREIGN - deaths.codes.total()


async def test_an_interrupt_in_a_run_s_last_moments_never_hits_the_next(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """The window keeps the next run out of the kernel until the interrupted one is through."""
    chance = random.Random(0)
    lasts = 0.03  # seconds
    first: Counter[str] = Counter()
    right = 0
    deaths = Deaths(km)

    async def turn(kc: ConKernelClient, number: int) -> None:
        nonlocal right
        ending = kc.run(f"import time; time.sleep({lasts})")
        behind = kc.run(f"print({number}); {number}")
        await until(lambda: ending.is_interruptible or ending.is_finished or ending.done())
        await asyncio.sleep(lasts - chance.uniform(0, 0.01))  # the aim, no synchronisation
        interrupting = asyncio.ensure_future(ending.interrupt())
        results = await patiently(asyncio.gather(ending, behind))
        assert await patiently(interrupting)
        first[results[0].status] += 1
        got = (results[1].status, results[1].stdout, results[1].interrupted)
        right += got == ("ok", f"{number}\n", False)

    async with client_of(km) as kc:
        for number in range(LAST_MOMENTS):
            await deaths.survive(turn(kc, number))
    measured(
        "3b",
        f"interrupt A in its last 10 ms with B right behind, {LAST_MOMENTS} times: B is never hit",
        f"B right {right} of {LAST_MOMENTS}; A ended {dict(first)}; {deaths}",
    )
    assert right == LAST_MOMENTS - deaths.codes.total()


async def test_a_run_that_is_cancelled_behind_another_never_runs(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Whenever the one before it ends, from before the cancel to after it."""
    chance = random.Random(1)
    cancelled = without = 0
    deaths = Deaths(km)  # the cancel may hit a run that has just begun

    async def turn(kc: ConKernelClient) -> None:
        nonlocal cancelled, without
        await patiently(kc.run("import time; hits = []"))
        before = kc.run("time.sleep(0.01)")
        waiting = kc.run("hits.append('cancelled')")
        after = kc.run("hits.append('after')")
        await asyncio.sleep(chance.uniform(0, 0.012))  # the aim, no synchronisation
        is_waiting = waiting._execution.request.phase is Phase.WAITING
        waiting.cancel()
        for run in (before, after):
            assert (await patiently(run)).status == "ok"
        if is_waiting:
            assert (waiting.outcome.status, waiting.outcome.started) == ("cancelled", False)
            hits = await patiently(kc.eval("hits"))
            cancelled += 1
            without += hits == ["after"]

    async with client_of(km, window=1) as kc:
        while cancelled < CANCELLED:
            await deaths.survive(turn(kc))
    measured(
        "3b",
        f"cancel a run that waits behind another, {CANCELLED} times: no side effect",
        f"{without} of {cancelled} without a side effect; {deaths}",
    )
    assert without == cancelled == CANCELLED
