"""Cells run beside the main shell in subshells."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from conkernelclient import errors
from tests.clients import client_of, until

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_runs_that_answer_questions_in_two_subshells_get_their_own_answers(
    km: ConKernelManager,
) -> None:
    """The kernel has one stdin socket: they take turns."""
    async with client_of(km) as kc:
        shells = [None, await kc.create_subshell(), await kc.create_subshell()]
        results = await asyncio.gather(
            *(
                kc.run(
                    f"print(input('{n}'))", subshell_id=shell, on_stdin=lambda q: f"to {q.prompt}"
                )
                for n, shell in enumerate(shells * 3)
            )
        )
        assert [result.stdout for result in results] == [f"to {n}\n" for n in range(9)]
        for shell in shells[1:]:
            await kc.delete_subshell(shell)


async def test_subshells_run_beside_the_main_shell(km: ConKernelManager) -> None:
    """Every request may name one."""
    async with client_of(km) as kc:
        await kc.run("import threading; free = threading.Event()")
        sid = await kc.create_subshell()
        assert sid in await kc.list_subshell()
        blocked = kc.run("free.wait()")
        await until(lambda: blocked.started)
        replies = await asyncio.gather(
            kc.execute("1", reply=True, subshell_id=sid),
            kc.complete("pri", reply=True, subshell_id=sid),
            kc.inspect("print", reply=True, subshell_id=sid),
            kc.is_complete("1", reply=True, subshell_id=sid),
            kc.history(reply=True, subshell_id=sid),
            kc.comm_info(reply=True, subshell_id=sid),
            kc.kernel_info(reply=True, subshell_id=sid),
            kc.request("kernel_info_request", subshell_id=sid),
        )
        assert len(replies) == 8
        assert not blocked.done()
        await kc.eval("free.set()", subshell_id=sid)
        assert (await blocked).status == "ok"
        await kc.delete_subshell(sid)
        assert sid not in await kc.list_subshell()
        with pytest.raises(errors.ProtocolError, match="subshell"):
            await kc.delete_subshell(sid)
