"""What a cell prints is its own, wherever it prints it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.outputs.events import Stream
from tests.clients import LONG, client_of

from .conftest import begun, cancelled, ended, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

MODES = ("queue", "task", "thread")

# Each prints "first" from somewhere else than the cell's own code, a while after another began.
PRINTERS = {
    "a thread": "import threading\nt = threading.Thread(target=say); t.start()\n{wait}\nt.join()",
    "a thread of a thread": "import threading\ndef outer():\n"
    "  t = threading.Thread(target=say); t.start(); t.join()\n"
    "t = threading.Thread(target=outer); t.start()\n{wait}\nt.join()",
    "a timer": "import threading\nt = threading.Timer(0, say); t.start()\n{wait}\nt.join()",
    "a pool": "from concurrent.futures import ThreadPoolExecutor\n"
    "pool = ThreadPoolExecutor(1); f = pool.submit(say)\n{wait}\nf.result(); pool.shutdown()",
    "to_thread": "import asyncio\nt = asyncio.create_task(asyncio.to_thread(say))\n{wait}\nawait t",
    "run_in_executor": "import asyncio\nloop = asyncio.get_running_loop()\n"
    "f = loop.run_in_executor(None, say)\n{wait}\nawait f",
    "a task": "import asyncio\nasync def f(): await asyncio.to_thread(gate.wait, 30); say()\n"
    "t = asyncio.create_task(f())\n{wait}\nawait t",
    "call_soon": "import asyncio\nasyncio.get_running_loop().call_soon(say, 0)\n{wait}\n",
    "call_later": "import asyncio\ndone = asyncio.Event()\n"
    "asyncio.get_running_loop().call_later(0, lambda: (say(0), done.set()))\n{wait}\n"
    "await done.wait()",
    "a callback": "import asyncio\nf = asyncio.get_running_loop().create_future()\n"
    "f.add_done_callback(lambda _: say(0)); f.set_result(1)\n{wait}\nawait asyncio.sleep(0)",
}
SAY = """
import asyncio, threading, sys
gate = threading.Event()
def say(seconds=30):
    gate.wait(seconds)
    print('first'); print('wrong', file=sys.stderr)
"""
WAIT = "while not gate.is_set(): await asyncio.sleep(0.001)"


@pytest.mark.parametrize("mode", ["task", "thread"])
@pytest.mark.parametrize("name", PRINTERS)
async def test_what_a_cell_s_helpers_print_is_the_cell_s(
    km: ConKernelManager, name: str, mode: str
) -> None:
    """Although another cell began later and prints as well."""
    async with client_of(km, window=None) as kc:
        await raw(kc, SAY)
        code = PRINTERS[name].replace("{wait}", WAIT)
        first = await begun(kc, code, run_mode=mode)
        second = await begun(kc, f"{WAIT}\nprint('second')", run_mode="task")
        await raw(kc, "gate.set()")
        results = await ended(first, second)
    assert [it.stdout for it in results] == ["begun\nfirst\n", "begun\nsecond\n"]
    assert [it.stderr for it in results] == ["wrong\n", ""]


async def test_what_a_forked_child_prints_is_the_cell_s(km: ConKernelManager) -> None:
    """Of processes by fork, of a pool of them, and of a shell command."""
    async with client_of(km) as kc:
        result = await raw(
            kc,
            "import multiprocessing as mp\ndef f(): print('child')\n"
            "p = mp.get_context('fork').Process(target=f); p.start(); p.join()\nprint('parent')",
        )
        assert sorted(result.stdout.split()) == ["child", "parent"]
        result = await raw(
            kc,
            "def f(n): print('child', n); print(n, end=' at the end\\n'); print('.', end='')\n"
            "ps = [mp.get_context('fork').Process(target=f, args=(n,)) for n in range(10)]\n"
            "[p.start() for p in ps]; [p.join() for p in ps]; print(end='')",
        )
        lines = [line.lstrip(".") for line in result.stdout.splitlines()]
        wanted = [f"{it}" for n in range(10) for it in (f"child {n}", f"{n} at the end")]
        assert sorted(filter(None, lines)) == sorted(wanted)
        assert result.stdout.count(".") == 10
        assert "shell" in (await raw(kc, "!echo shell")).stdout


async def test_what_a_child_writes_to_the_process_s_output_is_published(
    km: ConKernelManager,
) -> None:
    """As ipykernel does it, by a pipe in the place of file descriptor 1."""
    async with client_of(km) as kc:
        code = "import os, time; os.system('echo from the child'); time.sleep(0.3)"
        for _ in range(20):
            if "from the child" in (await raw(kc, code)).stdout:
                return
    raise AssertionError("nothing came")


async def test_what_is_printed_comes_before_the_reply_and_idle(km: ConKernelManager) -> None:
    """All of it, in each mode, in the order in which it was printed."""
    async with client_of(km) as kc:
        for mode in MODES:
            result = await raw(kc, "for i in range(2000): print(i)", run_mode=mode)
            assert result.stdout == "".join(f"{i}\n" for i in range(2000))


async def test_many_prints_are_few_messages(km: ConKernelManager) -> None:
    """20,000 of them."""
    texts: list[Any] = []
    async with client_of(km) as kc:
        subscription = kc.subscribe(texts.append, msg_type="stream")
        result = await raw(kc, "for i in range(20_000): print(i)")
        assert len(result.stdout.splitlines()) == 20_000
        assert "".join(it["content"]["text"] for it in texts) == result.stdout
        subscription.close()
    assert len(texts) <= 50


async def test_the_first_print_is_seen_while_the_cell_runs(km: ConKernelManager) -> None:
    """It is not kept for the batch that follows."""
    seconds = []
    async with client_of(km) as kc:
        for _ in range(10):
            seen = asyncio.Event()
            began = time.monotonic()
            run = kc.run(
                "print('x')\nimport asyncio; await asyncio.sleep(60)",
                on_output=lambda event, it=seen: it.set() if isinstance(event, Stream) else None,
            )
            await asyncio.wait_for(seen.wait(), LONG)
            seconds.append(time.monotonic() - began)
            await cancelled(kc, run)
            await ended(run)
    assert min(seconds) < 0.05


async def test_output_and_errors_keep_their_order_with_displays(km: ConKernelManager) -> None:
    """A display sends what was printed before it."""
    async with client_of(km) as kc:
        result = await raw(kc, "print('a'); display(1); print('b'); display(2); print('c')\n3")
    kinds = [it["output_type"] for it in result.outputs]
    assert kinds == [
        "stream",
        "display_data",
        "stream",
        "display_data",
        "stream",
        "execute_result",
    ]


@pytest.mark.parametrize("code", ["print('a\\ud800b')", "import sys; sys.stderr.write('\\udfff')"])
async def test_a_lone_surrogate_is_shown_as_a_replacement_character(
    km: ConKernelManager, code: str
) -> None:
    """JSON has no other form for it; nothing is lost around it."""
    async with client_of(km) as kc:
        result = await raw(kc, code)
    assert result.status == "ok"
    assert "\ufffd" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


async def test_write_takes_text_alone(km: ConKernelManager) -> None:
    """As io.TextIOBase has it."""
    async with client_of(km) as kc:
        result = await raw(kc, "import sys; sys.stdout.write(b'x')")
        assert result.error.ename == "TypeError"
        assert await value_of(kc, "sys.stdout.write('abc')") == "3"
        assert await value_of(kc, "sys.stdout.isatty(), sys.stdout.writable()") == "(False, True)"


CAPTURES = {
    "redirect_stdout": "import io\nfrom contextlib import redirect_stdout\nf{i} = io.StringIO()\n"
    "with redirect_stdout(f{i}):\n  {body}\nprint(repr(f{i}.getvalue()))",
    "capture_output": "from IPython.utils.capture import capture_output\n"
    "with capture_output() as c{i}:\n  {body}\nprint(repr(c{i}.stdout))",
    "an assignment": "import io, sys\nold{i} = sys.stdout\nsys.stdout = f{i} = io.StringIO()\n"
    "{body}\nsys.stdout = old{i}\nprint(repr(f{i}.getvalue()))",
}
MEETS = "print('in {0}'); met.add({0})\n{indent}while len(met) < 2: await asyncio.sleep(0.001)"


@pytest.mark.parametrize("mode", ["task", "thread"])
@pytest.mark.parametrize("name", CAPTURES)
async def test_a_capture_is_of_its_own_cell_alone(
    km: ConKernelManager, name: str, mode: str
) -> None:
    """While it awaits, another cell prints, and captures as well."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import asyncio; met = set()")
        indent = "" if name == "an assignment" else "  "
        codes = [CAPTURES[name].format(i=i, body=MEETS.format(i, indent=indent)) for i in range(2)]
        meta = {"run_mode": mode}
        results = await ended(*[kc.run(code, metadata=meta) for code in codes])
        assert [it.stdout for it in results] == ["'in 0\\n'\n", "'in 1\\n'\n"]
        assert (await raw(kc, "print('after')\n1")).text == "after\n1\n"


async def test_captures_that_end_in_the_order_of_their_begin_leak_nothing(
    km: ConKernelManager,
) -> None:
    """Neither their streams nor their displays are put back in the place of the kernel's own."""
    code = (
        "from IPython.utils.capture import capture_output\nwith capture_output() as c{0}:\n"
        "  display(1); print(2)\n  begun.append(1)\n"
        "  while gate < {0}: await asyncio.sleep(0.001)\n"
        "print(len(c{0}.outputs), repr(c{0}.stdout))"
    )
    async with client_of(km, window=None) as kc:
        await raw(kc, "import asyncio; gate = 0; begun = []")
        runs = []
        for i in range(2):
            runs.append(kc.run(code.format(i + 1), metadata={"run_mode": "task"}))
            wait = f"while len(begun) < {i + 1}: await asyncio.sleep(0.001)"
            await raw(kc, wait, run_mode="task")
        for i, run in enumerate(runs):
            await raw(kc, f"gate = {i + 1}")
            (result,) = await ended(run)
            assert result.stdout == "1 '2\\n'\n"
        last = await raw(kc, "print('out'); display(1)\n5")
    kinds = [it["output_type"] for it in last.outputs]
    assert kinds == ["stream", "display_data", "execute_result"]


async def test_tasks_of_one_cell_capture_for_themselves(km: ConKernelManager) -> None:
    """Both at once, ended in the order of their begin; then the cell prints and displays."""
    code = """
import asyncio
from IPython.utils.capture import capture_output
async def f(i):
    with capture_output() as c:
        print(i); display(i)
        await asyncio.sleep(0.02 + i / 50)
    return c.stdout, len(c.outputs)
got = await asyncio.gather(f(0), f(1))
print(got); display('shown')
"""
    async with client_of(km) as kc:
        for mode in MODES:
            result = await raw(kc, code, run_mode=mode)
            assert result.stdout == "[('0\\n', 1), ('1\\n', 1)]\n"
            assert len(result.outputs) == 2


async def test_output_of_what_no_cell_started_belongs_to_the_latest(km: ConKernelManager) -> None:
    """As ipykernel has it: it is shown somewhere."""
    async with client_of(km) as kc:
        code = "get_ipython().kernel.channels.call(lambda: print('nobody')); import time\n"
        result = await raw(kc, code + "time.sleep(0.2)")
    assert result.stdout in ("nobody\n", "")


async def test_a_cell_is_sent_as_one_text_where_the_interval_is_long(km: ConKernelManager) -> None:
    """As with ipykernel, whose users set `flush_interval` so that stored outputs compare."""
    async with client_of(km) as kc:
        await raw(kc, "import sys, time\nsys.stdout.flush_interval = 60")
        printing = "for n in range(3): print(n); time.sleep(0.1)"
        run = kc.run(printing)
        events = [event async for event in run]
        await raw(kc, "del sys.stdout.flush_interval")
    assert [event.text for event in events if isinstance(event, Stream)] == ["0\n1\n2\n"]
