"""Cells run beside each other, and in the order that is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .kernels import shortly

if TYPE_CHECKING:
    from .kernels import Kernel

NAP = "import asyncio\nawait asyncio.sleep(0.3)\n"


async def probe_tasks(k: Kernel) -> None:
    """Five cells that await at once take as long as one."""
    runs = [await k.beside(f"{NAP}{n}") for n in range(5)]
    async with shortly(1.0):
        results = await asyncio.gather(*runs)
    assert [it.data["text/plain"] for it in results] == [f"{n}" for n in range(5)], results


async def probe_threads(k: Kernel) -> None:
    """Cells that block run beside each other in threads."""
    runs = [await k.beside(f"import time\ntime.sleep(0.4)\n{n}", "thread") for n in range(4)]
    async with shortly(1.2):
        results = await asyncio.gather(*runs)
    assert [it.data["text/plain"] for it in results] == [f"{n}" for n in range(4)], results


async def probe_beside_blocking(k: Kernel) -> None:
    """A cell runs in a thread while another one blocks the main thread."""
    blocking = k.run("import time\ntime.sleep(1.5)")
    await k.began(blocking)
    async with shortly(1.0):
        assert (await (await k.beside("6 * 7", "thread"))).data["text/plain"] == "42"
    await blocking


async def probe_queue(k: Kernel) -> None:
    """Without a mode cells take turns, also those that await."""
    await k.result("seen = []")
    code = "import asyncio\nseen.append({0})\nawait asyncio.sleep(0.05)\nseen.append({0})"
    await asyncio.gather(*(k.run(code.format(n)) for n in range(5)))
    assert await k.value("seen") == "[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]"


async def probe_completion(k: Kernel) -> None:
    """A completion is answered while a cell blocks."""
    await k.kc.complete("impor", reply=True)
    blocking = k.run("import time\ntime.sleep(1.5)")
    await k.began(blocking)
    async with shortly(0.5):
        reply = await k.kc.complete("impor", reply=True)
    assert "import" in reply["content"]["matches"]
    await blocking


async def probe_inspect(k: Kernel) -> None:
    """An inspection is answered while a cell blocks."""
    await k.result("def documented():\n    'words'")
    blocking = k.run("import time\ntime.sleep(1.5)")
    await k.began(blocking)
    async with shortly(0.8):
        reply = await k.kc.inspect("documented", 3, reply=True)
    assert "words" in reply["content"]["data"]["text/plain"]
    await blocking


async def probe_history(k: Kernel) -> None:
    """The history is answered while a cell blocks."""
    await k.result("'remembered'")
    blocking = k.run("import time\ntime.sleep(1.5)")
    await k.began(blocking)
    async with shortly(0.8):
        reply = await k.kc.history(hist_access_type="tail", n=5, reply=True)
    assert "remembered" in str(reply["content"]["history"])
    await blocking


async def probe_is_complete(k: Kernel) -> None:
    """Whether code is complete is answered while a cell blocks."""
    blocking = k.run("import time\ntime.sleep(1.5)")
    await k.began(blocking)
    async with shortly(0.8):
        reply = await k.kc.is_complete("for x in y:", reply=True)
    assert reply["content"]["status"] == "incomplete"
    await blocking


async def probe_kernel_info(k: Kernel) -> None:
    """Kernel info on shell is answered while a cell blocks."""
    blocking = k.run("import time\ntime.sleep(1.5)")
    await k.began(blocking)
    async with shortly(0.8):
        await k.kc.kernel_info(reply=True)
    await blocking


async def probe_many(k: Kernel) -> None:
    """Of 500 requests at once none is lost, and each has its own answer."""
    results = await asyncio.gather(*(k.run(f"print({n})\n{n}") for n in range(500)))
    assert all(it.stdout == f"{n}\n" for n, it in enumerate(results))
    assert all(it.data.get("text/plain") == f"{n}" for n, it in enumerate(results))


async def probe_lanes(k: Kernel) -> None:
    """Cells of two lanes do not wait for each other."""
    k.need_ours()
    async with shortly(0.8):
        await asyncio.gather(*(k.run(NAP, lane=f"{n}") for n in range(4)))


async def probe_one_lane(k: Kernel) -> None:
    """Cells of one lane take turns, though other lanes go on."""
    k.need_ours()
    await k.result("seen = []")
    code = "import asyncio\nseen.append({0})\nawait asyncio.sleep(0.05)\nseen.append({0})"
    await asyncio.gather(*(k.run(code.format(n), lane="a") for n in range(4)), k.run(NAP))
    assert await k.value("seen") == "[0, 0, 1, 1, 2, 2, 3, 3]"


async def probe_priority(k: Kernel) -> None:
    """Of those that wait the higher priority is first."""
    k.need_ours()
    await k.result("seen = []")
    first = k.run("import time\ntime.sleep(0.3)")
    await k.began(first)
    rest = [k.run(f"seen.append({n})", priority=n) for n in range(4)]
    await asyncio.gather(first, *rest)
    assert await k.value("seen") == "[3, 2, 1, 0]"


async def probe_after(k: Kernel) -> None:
    """A request starts when those that it comes after have ended."""
    k.need_ours()
    first = k.run(f"{NAP}left = 'here'", mode="task")
    assert (await k.run("left", mode="task", after=[first])).data["text/plain"] == "'here'"


async def probe_after_failed(k: Kernel) -> None:
    """A request is aborted when one that it comes after has failed."""
    k.need_ours()
    first = k.run(f"{NAP}1 / 0", mode="task")
    assert (await k.run("1", mode="task", after=[first])).status == "aborted"


async def probe_after_unknown(k: Kernel) -> None:
    """A request that comes after an unknown one is an error that says so."""
    k.need_ours()
    result = await k.result("1", metadata={"after": ["nobody"]})
    assert result.error is not None
    assert "nobody" in result.error.evalue


async def probe_bad_mode(k: Kernel) -> None:
    """An unknown mode is an error, and the kernel goes on."""
    k.need_ours()
    result = await k.result("1", metadata={"run_mode": "fast"})
    assert result.status == "error"
    assert await k.value("2") == "2"


async def probe_bad_timeout(k: Kernel) -> None:
    """A timeout of -1 is an error, and the kernel goes on."""
    k.need_ours()
    assert (await k.result("1", metadata={"timeout": -1})).status == "error"
    assert await k.value("2") == "2"


async def probe_timeout_awaiting(k: Kernel) -> None:
    """A timeout in the kernel ends code that awaits."""
    k.need_ours()
    async with shortly(1.5):
        result = await k.result("import asyncio\nawait asyncio.sleep(9)", metadata={"timeout": 0.3})
    assert result.status == "error"


async def probe_timeout_blocking(k: Kernel) -> None:
    """A timeout in the kernel ends code that does not await."""
    k.need_ours()
    async with shortly(1.5):
        result = await k.result("while True: pass", metadata={"timeout": 0.3})
    assert result.status == "error"


async def probe_list(k: Kernel) -> None:
    """What runs and waits is listed."""
    k.need_ours()
    run = await k.beside(NAP)
    await k.began(run)
    waiting = k.run("1", mode="task", after=[run])
    listed: list[dict[str, str]] = []
    while len(listed) < 2:  # control is read before shell
        listed = (await k.control("list_requests", {}))["requests"]
    states = {it["msg_id"]: it["state"] for it in listed}
    assert states == {run.msg_id: "running", waiting.msg_id: "held"}
    await waiting


async def probe_abort(k: Kernel) -> None:
    """An error aborts what was sent before its reply."""
    replies = [k.kc.execute(c, reply=True, stop_on_error=True) for c in ("1 / 0", "1", "1", "1")]
    statuses = [(await it)["content"]["status"] for it in replies]
    assert statuses == ["error", "aborted", "aborted", "aborted"], statuses


async def probe_abort_ends(k: Kernel) -> None:
    """What is sent after the error's reply runs."""
    for n in range(20):
        reply = await k.kc.execute("1 / 0", reply=True, stop_on_error=True)
        assert reply["content"]["status"] == "error"
        assert await k.value(f"{n}") == f"{n}"


async def probe_subshells(k: Kernel) -> None:
    """Subshells come and go (JEP 91)."""
    ids = [await k.kc.create_subshell() for _ in range(3)]
    assert set(await k.kc.list_subshell()) == set(ids)
    for subshell in ids:
        await k.kc.delete_subshell(subshell)
    assert await k.kc.list_subshell() == []
