"""Code that awaits is timed and profiled, as IPython's magics do it for other code."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from tests.clients import client_of

from .conftest import begun, cancelled, ended, raw, value_of

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient import ConKernelManager

DEFINED = "import asyncio\nasync def f():\n await asyncio.sleep(0.01)\n return 5"


@pytest.mark.parametrize(
    "code",
    ["%time await f()", "%%time\nawait f()", "it = %time await f()\nit", "%time x = 5\nawait f()"],
)
async def test_a_time_is_told_and_the_value_is_the_cells(km: ConKernelManager, code: str) -> None:
    """In a line, in an assignment, of a cell."""
    async with client_of(km) as kc:
        await raw(kc, DEFINED)
        result = await raw(kc, code)
        assert result.data["text/plain"] == "5"
        assert re.fullmatch("CPU times: .*\nWall time: .* [mμn]?s\n", result.stdout)


async def test_an_error_is_told_after_the_time_or_shown_at_will(km: ConKernelManager) -> None:
    """A semicolon keeps the value back, and a statement beside the magic is refused."""
    async with client_of(km) as kc:
        await raw(kc, DEFINED)
        result = await raw(kc, "%time await f(); 1 / 0")
        assert (result.error.ename, "Wall time" in result.stdout) == ("ZeroDivisionError", True)
        result = await raw(kc, "%time --no-raise-error await f(); 1 / 0")
        assert (result.status, "ZeroDivisionError" in result.text) == ("ok", True)
        assert (await raw(kc, "%time await f();")).data is None
        assert (await raw(kc, "%%time f()\nawait f()")).error.ename == "UsageError"


async def test_time_is_measured_often_and_other_cells_run_meanwhile(km: ConKernelManager) -> None:
    """With the options of IPython."""
    async with client_of(km) as kc:
        await raw(kc, DEFINED)
        result = await raw(kc, "%timeit -n 3 -r 2 await f()")
        assert re.match("1[0-9.]* ms ± .* per loop .* of 2 runs, 3 loops each", result.stdout)
        result = await raw(kc, "it = %timeit -q -o -n2 -r3 await f()\nit.loops, it.repeat")
        assert (result.stdout, result.data["text/plain"]) == ("", "(2, 3)")
        code = "%%timeit -n 1 -r 1 -v it n = await f()\nassert n == 5\nawait asyncio.sleep(0)"
        assert "1 loop" in (await raw(kc, code)).stdout
        assert float(await value_of(kc, "it.best") or 1) < 0.01
        assert "loops each" in (await raw(kc, "%timeit -r 1 -c await asyncio.sleep(0)")).stdout
        assert "1 loop" in (await raw(kc, "%timeit -n1 -r1 -t await f()")).stdout
        run = await begun(kc, "%timeit -r 1 -n 1 await asyncio.sleep(60)", run_mode="task")
        assert await value_of(kc, "1") == "1"
        assert await cancelled(kc, run) == ["interrupted"]
        (result,) = await ended(run)
        assert result.error.ename == "KeyboardInterrupt"


async def test_a_profile_shows_what_the_code_does_and_no_other_cell(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """In a file, as an object, or in the front end's pager."""
    work = (
        "def {0}(): return sum(range(100))\n"
        "async def a{0}():\n for _ in range(20): {0}(); await asyncio.sleep(0)"
    )
    async with client_of(km) as kc:
        await raw(kc, "import asyncio\n" + work.format("one") + "\n" + work.format("two"))
        path = tmp_path / "profile"
        runs = [
            kc.run(
                f"%prun -q -T {path} -l 9 -s cumulative await aone()", metadata={"run_mode": "task"}
            ),
            kc.run("await atwo()", metadata={"run_mode": "task"}),
        ]
        results = await ended(*runs)
        assert [it.status for it in results] == ["ok", "ok"]
        assert "Profile printout saved" in results[0].stdout
        text = path.read_text(encoding="utf-8")
        assert "(one)" in text
        assert "Ordered by: cumulative time" in text
        assert "(two)" not in text
        assert "compile" not in text
        code = f"%%prun -q -r -l 0.5 -l one -D {path}\nx = 1\nawait aone()"
        assert "pstats.Stats" in (await value_of(kc, code) or "")
        reply = await kc.execute("%prun await aone()", reply=True)
        (payload,) = reply["content"]["payload"]
        assert "(one)" in payload["data"]["text/plain"]


async def test_a_profile_is_made_of_code_that_fails_or_exits(km: ConKernelManager) -> None:
    """An error is the cell's, an exit is told; a cancel ends it."""
    async with client_of(km) as kc:
        await raw(kc, DEFINED)
        assert (await raw(kc, "%prun -q await f(); 1/0")).error.ename == "ZeroDivisionError"
        result = await raw(kc, "%prun -q await f(); raise SystemExit")
        assert "SystemExit exception caught" in result.stdout
        code = "%prun -q await asyncio.wait_for(asyncio.Event().wait(), 0.01)"
        assert (await raw(kc, code)).error.ename == "TimeoutError"


async def test_captures_at_once_do_not_mix_in_whatever_mode(km: ConKernelManager) -> None:
    """A task, a lane, a thread, a subshell."""
    code = (
        "%%capture got{0}\nimport asyncio, sys\nmet.add({0})\nfor _ in range(20):\n"
        " print({0}); print('e{0}', file=sys.stderr); display({0})\n await asyncio.sleep(0.001)\n"
        "while len(met) < 4: await asyncio.sleep(0.001)\n"
    )
    async with client_of(km) as kc:
        await raw(kc, "met = set()")
        subshell = await kc.create_subshell()
        places = [{"run_mode": "task"}, {"lane": "a"}, {"run_mode": "thread"}, {}]
        runs = [
            kc.run(code.format(n), metadata=meta, subshell_id=None if meta else subshell)
            for n, meta in enumerate(places)
        ]
        results = await asyncio.wait_for(asyncio.gather(*runs), 60)
        assert [(it.status, it.text) for it in results] == [("ok", "")] * 4
        for n in range(4):
            look = f"set(got{n}.stdout.split()), set(got{n}.stderr.split()), len(got{n}.outputs)"
            assert await value_of(kc, look) == f"({{'{n}'}}, {{'e{n}'}}, 20)"
        await kc.delete_subshell(subshell)
