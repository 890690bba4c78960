"""A stop hits what is meant, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .kernels import shortly

if TYPE_CHECKING:
    from .kernels import Kernel

SYNC = "import time\ntime.sleep(10)"
LOOP = "while True: pass"
AWAIT = "import asyncio\nawait asyncio.sleep(10)"
BOTH = "import asyncio, time\nawait asyncio.sleep(0.05)\ntime.sleep(10)"
SOON = 1.0  # seconds; the first traceback of a process costs half of it


async def interrupted(k: Kernel, run: Any) -> None:
    """Interrupt the kernel by a signal, and see that the run ends, and the next works."""
    await k.began(run)
    async with shortly(SOON):
        await k.km.interrupt_kernel()
        result = await run
    assert result.status == "error", result
    assert result.error is not None
    assert await k.value("1 + 1") == "2"


async def probe_sync(k: Kernel) -> None:
    """A signal ends `time.sleep`."""
    await interrupted(k, k.run(SYNC))


async def probe_loop(k: Kernel) -> None:
    """A signal ends a loop."""
    await interrupted(k, k.run(LOOP))


async def probe_await(k: Kernel) -> None:
    """A signal ends an await."""
    await interrupted(k, k.run(AWAIT))


async def probe_both(k: Kernel) -> None:
    """A signal ends `time.sleep` after an await."""
    await interrupted(k, k.run(BOTH))


async def probe_child(k: Kernel) -> None:
    """A signal ends a child task that blocks, and the cell that awaits it."""
    code = (
        "import asyncio, time\nasync def work():\n    time.sleep(10)\n"
        "await asyncio.create_task(work())"
    )
    await interrupted(k, k.run(code))


async def probe_gather(k: Kernel) -> None:
    """A signal ends a cell that gathers tasks."""
    await interrupted(k, k.run("import asyncio\nawait asyncio.gather(*[asyncio.sleep(10)] * 1)"))


async def probe_task(k: Kernel) -> None:
    """A signal ends a cell that runs beside others, and awaits."""
    await interrupted(k, await k.beside(AWAIT))


async def probe_thread(k: Kernel) -> None:
    """A signal ends a cell that sleeps in a thread."""
    await interrupted(k, await k.beside(SYNC, "thread"))


async def probe_thread_loop(k: Kernel) -> None:
    """A signal ends a cell that loops in a thread."""
    await interrupted(k, await k.beside(LOOP, "thread"))


async def probe_printing(k: Kernel) -> None:
    """A signal ends a cell that prints all the time, and tears no message."""
    for _ in range(5):
        await interrupted(k, k.run("while True: print('x' * 50)"))


async def probe_several(k: Kernel) -> None:
    """A signal ends several cells that run."""
    runs = [await k.beside(AWAIT) for _ in range(3)]
    for run in runs:
        await k.began(run)
    async with shortly(SOON):
        await k.km.interrupt_kernel()
        results = await asyncio.gather(*runs)
    assert {it.status for it in results} == {"error"}


async def probe_idle(k: Kernel) -> None:
    """A signal to an idle kernel hurts nobody."""
    for n in range(10):
        await k.km.interrupt_kernel()
        await asyncio.sleep(0.02)
        assert await k.value(f"{n}") == f"{n}"


async def probe_busy(k: Kernel) -> None:
    """Signals at random moments cost no reply and no idle."""
    for n in range(40):
        run = k.run("1")
        await asyncio.sleep(n % 8 * 0.001)
        await k.km.interrupt_kernel()
        await asyncio.wait_for(run, 5)
    assert await k.value("1") == "1"


async def probe_finally(k: Kernel) -> None:
    """A cell that is stopped cleans up."""
    await k.result("cleaned = []")
    run = k.run("import time\ntry:\n    time.sleep(10)\nfinally:\n    cleaned.append(1)")
    await interrupted(k, run)
    assert await k.value("cleaned") == "[1]"


async def probe_keyboard_interrupt(k: Kernel) -> None:
    """A cell that raises KeyboardInterrupt in a task fails, and the kernel goes on."""
    code = (
        "import asyncio\nasync def work():\n    raise KeyboardInterrupt\n"
        "await asyncio.create_task(work())"
    )
    result = await k.result(code)
    assert result.status == "error"
    assert await k.value("1") == "1"


async def probe_system_exit(k: Kernel) -> None:
    """SystemExit in a background task does not end the kernel."""
    await k.result(
        "import asyncio\nasync def work():\n    raise SystemExit\n"
        "task = asyncio.create_task(work())"
    )
    await asyncio.sleep(0.2)
    assert await k.value("1") == "1"


async def cancel(k: Kernel, *msg_ids: str) -> dict[str, str]:
    """Cancel requests by their msg_ids."""
    k.need_ours()
    return (await k.control("interrupt_request", {"msg_ids": list(msg_ids)}))["requests"]


async def one_of_two(k: Kernel, mode: str, code: str) -> None:
    """Cancel one of two alike, and see that the other goes on."""
    k.need_ours()
    victim, other = (
        await k.beside(code, mode),
        await k.beside("import time\ntime.sleep(0.8)\n'here'", "thread"),
    )
    await k.began(victim)
    async with shortly(SOON):
        assert await cancel(k, victim.msg_id) == {victim.msg_id: "interrupted"}
        assert (await victim).status == "error"
    assert (await other).data["text/plain"] == "'here'"


async def probe_cancel_await(k: Kernel) -> None:
    """One request that awaits is cancelled, and its neighbour goes on."""
    await one_of_two(k, "task", AWAIT)


async def probe_cancel_sync(k: Kernel) -> None:
    """One request that blocks the main thread is cancelled, and its neighbour goes on."""
    await one_of_two(k, "queue", LOOP)


async def probe_cancel_thread(k: Kernel) -> None:
    """One request in a thread is cancelled, and its neighbour goes on."""
    await one_of_two(k, "thread", LOOP)


async def probe_cancel_queued(k: Kernel) -> None:
    """A request that waits is cancelled, and never runs."""
    k.need_ours()
    await k.result("ran = []")
    first = k.run("import time\ntime.sleep(0.5)")
    second = k.run("ran.append(1)")
    await k.began(first)
    assert await cancel(k, second.msg_id) == {second.msg_id: "dequeued"}
    assert (await second).status == "aborted"
    await first
    assert await k.value("ran") == "[]"


async def probe_cancel_unknown(k: Kernel) -> None:
    """A cancel of an unknown request, and of one that has ended, says so."""
    k.need_ours()
    run = k.run("1")
    await run
    assert await cancel(k, "nobody", run.msg_id) == {"nobody": "unknown", run.msg_id: "ended"}


async def probe_uncancellable(k: Kernel) -> None:
    """Code that swallows each stop is called uncancellable, and the kernel lives."""
    k.need_ours()
    run = k.run(
        "import time\nend = time.monotonic() + 7\nwhile time.monotonic() < end:\n"
        "    try:\n        time.sleep(1)\n    except BaseException:\n        pass"
    )
    await k.began(run)
    assert await cancel(k, run.msg_id) == {run.msg_id: "uncancellable"}
    await run
    assert await k.value("1") == "1"


async def probe_subshell(k: Kernel) -> None:
    """A run in a subshell is interrupted."""
    subshell = await k.kc.create_subshell()
    run = k.run(SYNC, subshell_id=subshell)
    await k.began(run)
    async with shortly(SOON):
        if k.is_ours:
            await run.interrupt()
        else:
            await k.km.interrupt_kernel()
        assert (await run).status == "error"


async def probe_next_is_safe(k: Kernel) -> None:
    """A stop that comes as its cell ends never hits the next one."""
    for n in range(20):
        first = k.run("import time\ntime.sleep(0.02)")
        second = k.run(f"{n}")
        while not first.is_interruptible and not first.done():
            await asyncio.sleep(0)
        await asyncio.sleep(0.018)
        if k.is_ours:
            await cancel(k, first.msg_id)
        elif not first.done():
            await k.km.interrupt_kernel()
        await first
        assert (await second).data.get("text/plain") == f"{n}"
