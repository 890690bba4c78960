"""Code knows which request it belongs to, in every task and thread that a request started."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from conkernelclient.kernel import cells
from conkernelclient.kernel.cells import (
    CURRENT,
    Cell,
    current,
    follow_threads,
    note_children,
    set_latest,
)
from conkernelclient.kernel.request import Request
from tests.kernel.parts import BOUND, cell

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell has begun yet."""
    monkeypatch.setattr(cells, "_latest", [None])


@pytest.fixture
def followed() -> Iterator[None]:
    undo = follow_threads()
    yield
    undo()


def seen_in_thread() -> Cell | None:
    found: list[Cell | None] = []
    thread = threading.Thread(target=lambda: found.append(CURRENT.get()))
    thread.start()
    thread.join(BOUND)
    return found[0]


def test_a_cell_is_its_message() -> None:
    """With a request of its own, unless it has another's."""
    one = cell(content={"code": "x", "allow_stdin": True})
    assert one.parent["content"]["code"] == "x"
    assert one.header == one.parent["header"]
    assert one.request.msg_id == one.incoming.msg_id
    assert one.allows_stdin
    assert not cell().allows_stdin
    request = Request("r")
    assert Cell(one.incoming, "shell", request).request is request


def test_code_of_no_request_belongs_to_the_cell_that_began_last() -> None:
    """Such as that of a thread which a library started at import."""
    assert current() is None
    first, second = cell(), cell()
    set_latest(first)
    assert current() is first
    token = CURRENT.set(second)
    assert current() is second
    CURRENT.reset(token)


@pytest.mark.usefixtures("followed")
def test_threads_and_pools_have_the_cell_of_the_code_that_started_them() -> None:
    """However deep; another's thread is not changed."""
    assert seen_in_thread() is None
    one, other = cell(), cell()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(CURRENT.get).result(BOUND) is None
        token = CURRENT.set(one)
        assert seen_in_thread() is one
        assert pool.submit(CURRENT.get).result(BOUND) is one
        assert pool.submit(seen_in_thread).result(BOUND) is one
        CURRENT.set(other)
        assert pool.submit(lambda *a, **k: (CURRENT.get(), a, k), 1, b=2).result(BOUND) == (
            other,
            (1,),
            {"b": 2},
        )
        CURRENT.reset(token)
        assert pool.submit(CURRENT.get).result(BOUND) is None


@pytest.mark.usefixtures("followed")
def test_what_a_thread_sets_is_its_own() -> None:
    """It has a copy of the context."""
    token = CURRENT.set(one := cell())
    thread = threading.Thread(target=lambda: CURRENT.set(None))
    thread.start()
    thread.join(BOUND)
    assert CURRENT.get() is one
    CURRENT.reset(token)


def test_threads_are_as_before_after_undo() -> None:
    """As the kernel ends."""
    before = threading.Thread.start, ThreadPoolExecutor.submit
    undo = follow_threads()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) != before
    assert threading.Thread.start.__name__ == "start"
    undo()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


async def test_a_cell_s_tasks_are_noted_until_they_are_done() -> None:
    """A stop reaches them; those of no cell are nobody's."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(note_children)
    try:
        await loop.create_task(asyncio.sleep(0))
        one = cell()
        context = contextvars.copy_context()
        context.run(CURRENT.set, one)
        gate = asyncio.Event()
        children = [
            loop.create_task(gate.wait(), context=context, name="child"),
            context.run(loop.create_task, gate.wait()),
        ]
        assert one.kept["children"] == {children[1]}
        gate.set()
        await asyncio.gather(*children)
        await asyncio.sleep(0)
        assert one.kept["children"] == set()
        assert children[0].get_name() == "child"
    finally:
        loop.set_task_factory(before)
