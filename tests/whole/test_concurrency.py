"""Many requests outstanding on one real kernel: none is lost, none is crossed."""

from __future__ import annotations

import asyncio
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from conkernelclient import ConKernelManager
from tests.clients import LONG, client_of
from tests.stress.scale import share


@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", range(share(10)))
async def test_2000_replies_outstanding_at_once_each_reach_their_own_caller(
    km: ConKernelManager, turn: int
) -> None:
    """Sent in one go, gathered in one go, each with a value that only it can have."""
    async with client_of(km) as kc:
        before = kc.stats()
        replies = await asyncio.gather(
            *(
                kc.execute("", user_expressions={"v": f"{turn}, {n}"}, reply=True)
                for n in range(2000)
            )
        )
        got = [reply["content"]["user_expressions"]["v"]["data"]["text/plain"] for reply in replies]
        assert got == [f"({turn}, {n})" for n in range(2000)]
        after = kc.stats()
        assert {
            k: after[k] - before[k] for k in ("orphans", "dropped", "rejected", "violations")
        } == {
            "orphans": 0,
            "dropped": 0,
            "rejected": 0,
            "violations": 0,
        }


@pytest.mark.timeout(300)
async def test_500_concurrent_runs_each_have_their_own_outputs(km: ConKernelManager) -> None:
    """Printed text and value, both."""
    async with client_of(km) as kc:
        runs = [kc.run(f"print('run', {n}); -{n}") for n in range(500)]
        results = await asyncio.gather(*runs)
        assert [result.stdout for result in results] == [f"run {n}\n" for n in range(500)]
        assert [result.data["text/plain"] for result in results] == [f"{-n}" for n in range(500)]
        assert {result.status for result in results} == {"ok"}


async def test_500_runs_all_in_the_kernel_at_once_are_right_as_well(km: ConKernelManager) -> None:
    """With `window=None` all leave at once."""
    async with client_of(km, window=None) as kc:
        results = await asyncio.gather(*(kc.run(f"print({n})") for n in range(500)))
        assert [result.stdout for result in results] == [f"{n}\n" for n in range(500)]


async def test_requests_leave_in_the_order_of_the_calls(km: ConKernelManager) -> None:
    """`execute` behind a run waits for it, whether a reply is wanted or not."""
    async with client_of(km) as kc:
        await kc.run("order = []")
        runs: list[Any] = []
        for n in range(0, 60, 3):
            runs.append(kc.run(f"order.append({n})"))
            runs.append(kc.execute(f"order.append({n + 1})", reply=True))
            kc.execute(f"order.append({n + 2})")
        await asyncio.gather(*runs)
        assert await kc.eval("order") == list(range(60))


async def test_8_concurrent_execute_interactive_with_hooks_are_8_right(
    km: ConKernelManager,
) -> None:
    """Each hook sees the messages of its own request alone, and each its own question."""
    async with client_of(km) as kc:

        async def one(n: int) -> tuple[str, list[str]]:
            seen: list[Any] = []
            asked: list[str] = []

            def on_question(msg: Any) -> None:
                asked.append(msg["content"]["prompt"])
                kc.input(f"answer {n}")

            reply = await kc.execute_interactive(
                f"print('cell', {n}); print(input('question {n}'))",
                timeout=LONG,
                output_hook=seen.append,
                stdin_hook=on_question,
            )
            assert {msg["parent_header"]["msg_id"] for msg in seen} == {
                reply["parent_header"]["msg_id"]
            }
            text = "".join(m["content"]["text"] for m in seen if m["msg_type"] == "stream")
            return text, asked

        got = await asyncio.gather(*(one(n) for n in range(8)))
        assert got == [(f"cell {n}\nanswer {n}\n", [f"question {n}"]) for n in range(8)]


async def test_8_concurrent_recv_reply_awaited_in_reverse_are_8_right(km: ConKernelManager) -> None:
    """Replies to requests sent with `reply=False` are claimed by their ids."""
    async with client_of(km) as kc:
        ids = [kc.execute("", user_expressions={"v": str(n)}) for n in range(8)]
        waiting = [kc._async_recv_reply(msg_id, timeout=LONG) for msg_id in reversed(ids)]
        replies = await asyncio.gather(*waiting)
        got = [r["content"]["user_expressions"]["v"]["data"]["text/plain"] for r in replies]
        assert got == [str(n) for n in reversed(range(8))]
        ids = [kc.kernel_info() for _ in range(3)]
        await kc.kernel_info(reply=True)  # all three are in by now
        for msg_id in reversed(ids):
            reply = await kc._recv_reply(msg_id, timeout=LONG)
            assert reply["parent_header"]["msg_id"] == msg_id


async def test_two_notebook_clients_share_one_kernel(km: ConKernelManager) -> None:
    """Each has its own client, and its own outputs."""

    def notebook(name: str) -> nbformat.NotebookNode:
        cells = [nbformat.v4.new_code_cell(f"print('{name}', {n})") for n in range(10)]
        return nbformat.v4.new_notebook(cells=cells)

    books = [notebook("first"), notebook("second")]
    await asyncio.gather(*(NotebookClient(book, km=km).async_execute() for book in books))
    for book, name in zip(books, ("first", "second"), strict=True):
        texts = ["".join(output.text for output in cell.outputs) for cell in book.cells]
        assert texts == [f"{name} {n}\n" for n in range(10)]


async def test_two_clients_of_one_manager_lose_and_cross_nothing(km: ConKernelManager) -> None:
    """Also after one of them closed."""
    async with client_of(km) as one, client_of(km) as other:

        async def ask(kc: Any, n: int) -> None:
            reply = await kc.execute("", user_expressions={"v": str(n)}, reply=True, timeout=LONG)
            assert reply["content"]["user_expressions"]["v"]["data"]["text/plain"] == str(n)

        await asyncio.gather(*(ask(kc, n) for n in range(100) for kc in (one, other)))
        third = await km.client().start_channels()
        third.stop_channels()
        await asyncio.gather(*(ask(kc, n) for n in range(20) for kc in (one, other)))


async def test_two_clients_with_one_session_id_get_their_own_replies(km: ConKernelManager) -> None:
    """`session=` given is used as it is; the ZMQ identities differ all the same."""
    session = km.session.clone()
    async with client_of(km, session=session) as one, client_of(km, session=session) as other:
        assert one.session is other.session is session
        replies = await asyncio.gather(
            *(
                kc.execute(str(n), reply=True, timeout=LONG)
                for n in range(20)
                for kc in (one, other)
            )
        )
        assert len({reply["parent_header"]["msg_id"] for reply in replies}) == 40
