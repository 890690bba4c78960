"""What a cell shows, asks and sets belongs to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernels import Kernel


async def two(k: Kernel, first: str, second: str, mode: str = "task") -> tuple[Any, Any]:
    """Run two cells beside each other."""
    runs = [await k.beside(first, mode), await k.beside(second, mode)]
    return tuple(await asyncio.gather(*runs))


SLOW = "import asyncio\nfor n in range(5):\n    print({0!r}, n)\n    await asyncio.sleep(0.05)\n"
LINES = "".join


async def probe_stdout(k: Kernel) -> None:
    """What two cells print meanwhile stays apart."""
    a, b = await two(k, SLOW.format("a"), SLOW.format("b"))
    assert a.stdout == LINES(f"a {n}\n" for n in range(5)), a.stdout
    assert b.stdout == LINES(f"b {n}\n" for n in range(5)), b.stdout


async def probe_stderr(k: Kernel) -> None:
    """So does what they write to stderr."""
    code = (
        "import asyncio, sys\nfor n in range(5):\n    print({0!r}, file=sys.stderr)\n"
        "    await asyncio.sleep(0.05)\n"
    )
    a, b = await two(k, code.format("a"), code.format("b"))
    assert (a.stderr, b.stderr) == ("a\n" * 5, "b\n" * 5)


async def probe_threads_print(k: Kernel) -> None:
    """What cells print in threads of the kernel stays apart."""
    code = "import time\nfor n in range(5):\n    print({0!r})\n    time.sleep(0.05)\n"
    a, b = await two(k, code.format("a"), code.format("b"), "thread")
    assert (a.stdout, b.stdout) == ("a\n" * 5, "b\n" * 5)


async def probe_own_thread(k: Kernel) -> None:
    """What a thread prints that a cell started is that cell's."""
    code = (
        "import asyncio, threading, time\n"
        "def work():\n    time.sleep(0.2)\n    print({0!r})\n"
        "threading.Thread(target=work).start()\nawait asyncio.sleep(0.4)"
    )
    a, b = await two(k, code.format("a"), "import asyncio\nawait asyncio.sleep(0.4)\nprint('b')")
    assert (a.stdout, b.stdout) == ("a\n", "b\n")


async def probe_pool(k: Kernel) -> None:
    """So is what a pool prints."""
    code = (
        "import asyncio, time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "def work(n):\n    time.sleep(0.1)\n    print({0!r})\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    jobs = [asyncio.wrap_future(pool.submit(work, n)) for n in range(4)]\n"
        "    await asyncio.gather(*jobs)"
    )
    a, b = await two(k, code.format("a"), code.format("b"))
    # Two threads print at once, and print writes text and newline one after the other.
    assert [it.stdout.replace("\n", "") for it in (a, b)] == ["aaaa", "bbbb"]


async def probe_to_thread(k: Kernel) -> None:
    """So is what `asyncio.to_thread` prints."""
    code = "import asyncio\nfor n in range(4):\n    await asyncio.to_thread(print, {0!r})"
    a, b = await two(k, code.format("a"), code.format("b"))
    assert (a.stdout, b.stdout) == ("a\n" * 4, "b\n" * 4)


async def probe_child_task(k: Kernel) -> None:
    """So is what a task prints that a cell started."""
    code = (
        "import asyncio\nasync def work():\n    await asyncio.sleep(0.1)\n    print({0!r})\n"
        "await asyncio.gather(*(work() for _ in range(3)))"
    )
    a, b = await two(k, code.format("a"), code.format("b"))
    assert (a.stdout, b.stdout) == ("a\n" * 3, "b\n" * 3)


async def probe_callback(k: Kernel) -> None:
    """So is what a callback of the loop prints."""
    code = (
        "import asyncio\nasyncio.get_running_loop().call_later(0.1, print, {0!r})\n"
        "await asyncio.sleep(0.3)"
    )
    a, b = await two(k, code.format("a"), code.format("b"))
    assert (a.stdout, b.stdout) == ("a\n", "b\n")


async def probe_late(k: Kernel) -> None:
    """What a task prints after its cell's end is still that cell's."""
    first = k.run(
        "import asyncio\nasync def work():\n    await asyncio.sleep(0.2)\n    print('late')\n"
        "task = asyncio.create_task(work())"
    )
    await first
    second = await k.result("import asyncio\nawait asyncio.sleep(0.4)\nprint('second')")
    assert second.stdout == "second\n", second.stdout
    while not first.late:
        await asyncio.sleep(0.01)


async def probe_display(k: Kernel) -> None:
    """A display is the cell's."""
    code = "import asyncio\nawait asyncio.sleep(0.1)\ndisplay({0!r})\nawait asyncio.sleep(0.1)"
    a, b = await two(k, code.format("a"), code.format("b"))
    assert [it.outputs[0]["data"]["text/plain"] for it in (a, b)] == ["'a'", "'b'"]


async def probe_update(k: Kernel) -> None:
    """An update of a display is the cell's."""
    code = (
        "import asyncio\nhandle = display({0!r}, display_id={0!r})\nawait asyncio.sleep(0.1)\n"
        "handle.update({0!r} + '2')"
    ).replace("handle", "handle_{0}")
    a, b = await two(k, code.format("a"), code.format("b"))
    assert [it.outputs[0]["data"]["text/plain"] for it in (a, b)] == ["'a2'", "'b2'"]


async def probe_clear(k: Kernel) -> None:
    """What a cell clears is its own."""
    a, b = await two(
        k,
        "import asyncio\nfrom IPython.display import clear_output\nprint('a')\n"
        "await asyncio.sleep(0.1)\nclear_output()\nprint('a2')",
        "import asyncio\nprint('b')\nawait asyncio.sleep(0.3)",
    )
    assert (a.stdout, b.stdout) == ("a2\n", "b\n")


async def probe_results(k: Kernel) -> None:
    """Cells that end at the same moment keep their values."""
    code = "import threading\ngate = threading.Barrier(4)"
    await k.result(code)
    runs = [await k.beside(f"_ = gate.wait(5)\n{n}", "thread") for n in range(4)]
    results = await asyncio.gather(*runs)
    values = [it.data.get("text/plain") for it in results]
    assert values == [f"{n}" for n in range(4)], values


async def probe_counts(k: Kernel) -> None:
    """Each cell has a number of its own, in its notice, its value and its reply."""
    runs = [await k.beside(f"import asyncio\nawait asyncio.sleep(0.05)\n{n}") for n in range(8)]
    results = await asyncio.gather(*runs)
    assert len({it.execution_count for it in results}) == 8
    for it in results:
        assert it.outputs[-1]["execution_count"] == it.execution_count
        assert it.reply["content"]["execution_count"] == it.execution_count


async def probe_semicolon(k: Kernel) -> None:
    """A semicolon silences its own cell, and no other."""
    code = "import asyncio\nawait asyncio.sleep(0.1)\n{0}"
    a, b = await two(k, code.format("1;"), code.format("2"))
    assert (a.data, b.data) == (None, {"text/plain": "2"})


async def probe_tracebacks(k: Kernel) -> None:
    """Each cell that fails has its own traceback."""
    code = "import asyncio\nawait asyncio.sleep(0.1)\nraise ValueError({0!r})"
    a, b = await two(k, code.format("a"), code.format("b"))
    assert [it.error.evalue for it in (a, b)] == ["a", "b"]
    assert "'a'" in "".join(a.error.traceback)


async def probe_payload(k: Kernel) -> None:
    """A payload is in the reply of its own cell."""
    code = (
        "import asyncio\nawait asyncio.sleep({1})\nget_ipython().set_next_input({0!r})\n"
        "await asyncio.sleep(0.2)"
    )
    a, b = await two(k, code.format("a", 0.1), code.format("b", 0.15))
    texts = [[p["text"] for p in it.reply["content"]["payload"]] for it in (a, b)]
    assert texts == [["a"], ["b"]], texts


async def probe_input(k: Kernel) -> None:
    """Two cells that ask at once each get their own answer."""
    runs = []
    for n in range(2):
        runs.append(
            await k.beside(f"print(input('{n}?'))", "thread", on_stdin=lambda q: q.prompt[0] * 3)
        )
    results = await asyncio.gather(*runs)
    assert [it.stdout for it in results] == ["000\n", "111\n"], [it.stdout for it in results]


async def probe_get_parent(k: Kernel) -> None:
    """`get_parent` gives the message of the cell that asks."""
    code = (
        "import asyncio\nawait asyncio.sleep(0.1)\n"
        "get_ipython().kernel.get_parent()['header']['msg_id']"
    )
    runs = [await k.beside(code) for _ in range(2)]
    for run in runs:
        assert (await run).data["text/plain"] == repr(run.msg_id)


async def probe_redirect(k: Kernel) -> None:
    """`redirect_stdout` with an await redirects its own cell alone."""
    a, b = await two(
        k,
        "import asyncio, contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as text:\n"
        "    print('a')\n    await asyncio.sleep(0.2)\n    print('a')\ntext.getvalue()",
        SLOW.format("b"),
    )
    assert a.data["text/plain"] == "'a\\na\\n'"
    assert b.stdout == LINES(f"b {n}\n" for n in range(5))


async def probe_redirect_stderr(k: Kernel) -> None:
    """So does `redirect_stderr`."""
    a, b = await two(
        k,
        "import asyncio, contextlib, io, sys\n"
        "with contextlib.redirect_stderr(io.StringIO()) as text:\n"
        "    print('a', file=sys.stderr)\n    await asyncio.sleep(0.2)\ntext.getvalue()",
        "import asyncio, sys\nawait asyncio.sleep(0.1)\nprint('b', file=sys.stderr)",
    )
    assert (a.data["text/plain"], b.stderr) == ("'a\\n'", "b\n")


async def probe_capture(k: Kernel) -> None:
    """`capture_output` with an await captures its own cell alone."""
    a, b = await two(
        k,
        "import asyncio\nfrom IPython.utils.capture import capture_output\n"
        "with capture_output() as seen:\n    print('a')\n    display('d')\n"
        "    await asyncio.sleep(0.2)\nseen.stdout, len(seen.outputs)",
        "import asyncio\nawait asyncio.sleep(0.1)\nprint('b')\ndisplay('e')",
    )
    assert a.data["text/plain"] == "('a\\n', 1)", a
    assert b.stdout == "b\n"
    assert len(b.outputs) == 2


async def probe_capture_magic(k: Kernel) -> None:
    """`%%capture` takes what its cell shows."""
    result = await k.result("%%capture seen\nprint('a')\ndisplay('d')")
    assert result.outputs == []
    assert await k.value("seen.stdout, len(seen.outputs)") == "('a\\n', 1)"


async def probe_capture_magic_awaits(k: Kernel) -> None:
    """`%%capture` takes what a cell shows that awaits."""
    result = await k.result("%%capture seen\nimport asyncio\nawait asyncio.sleep(0.1)\nprint('a')")
    assert (result.status, result.outputs) == ("ok", []), result
    assert await k.value("seen.stdout") == "'a\\n'"


async def probe_context_vars(k: Kernel) -> None:
    """ContextVars that a cell sets live on for the next."""
    await k.result("from contextvars import ContextVar\nvar = ContextVar('var', default=0)")
    await k.result("var.set(1);")
    assert await k.value("var.get()") == "1"


async def probe_context_vars_apart(k: Kernel) -> None:
    """Cells that run at once do not see each other's ContextVars."""
    await k.result("from contextvars import ContextVar\nvar = ContextVar('var', default=0)")
    code = "import asyncio\nvar.set({0})\nawait asyncio.sleep(0.1)\nvar.get()"
    a, b = await two(k, code.format(1), code.format(2))
    assert [it.data["text/plain"] for it in (a, b)] == ["1", "2"]


async def probe_surrogate(k: Kernel) -> None:
    """A lone surrogate is shown as a replacement character."""
    result = await k.result("print('a\\ud800b')")
    assert (result.stdout, result.stderr) == ("a\ufffdb\n", ""), result


async def probe_fork(k: Kernel) -> None:
    """What a forked child prints is seen, once."""
    result = await k.result(
        "import multiprocessing\ndef work():\n    print('child')\n"
        "child = multiprocessing.get_context('fork').Process(target=work)\n"
        "child.start()\nchild.join()\nprint('parent')"
    )
    assert sorted(result.stdout.split()) == ["child", "parent"], result.stdout


async def probe_comm(k: Kernel) -> None:
    """A comm's message is handled while a cell awaits."""
    await k.result(
        "got = []\ndef opened(comm, message):\n    comm.on_msg(lambda m: got.append(1))\n"
        "get_ipython().kernel.comm_manager.register_target('probe', opened)"
    )
    comm = k.kc.comms.open("probe", {})
    waiting = k.run("import asyncio\nwhile not got:\n    await asyncio.sleep(0.01)\nlen(got)")
    await k.began(waiting)
    comm.send({})
    assert (await waiting).data["text/plain"] == "1"


async def probe_first_print(k: Kernel) -> None:
    """The first print is seen while its cell goes on."""
    run = k.run("print('now')\nimport time\ntime.sleep(1)")
    await k.began(run)
    while not run.outcome.stdout:
        await asyncio.sleep(0.005)
    assert not run.done()
    await run


async def probe_order(k: Kernel) -> None:
    """What is printed, displayed and printed again is shown in this order."""
    result = await k.result("for n in range(20):\n    print(n)\n    display(n)")
    kinds = [it["output_type"] for it in result.outputs]
    assert kinds == ["stream", "display_data"] * 20
