"""What can be awaited of a client, and the ways in which programs do that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def _in_a_group(awaitable: Any) -> Any:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(awaitable)
    return task.result()


async def _first_completed(awaitable: Any) -> Any:
    return await next(iter(asyncio.as_completed([awaitable])))


AWAITABLES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "execute": lambda kc: kc.execute("1", reply=True),
    "complete": lambda kc: kc.complete("pri", reply=True),
    "inspect": lambda kc: kc.inspect("print", reply=True),
    "history": lambda kc: kc.history(reply=True),
    "is_complete": lambda kc: kc.is_complete("1", reply=True),
    "kernel_info": lambda kc: kc.kernel_info(reply=True),
    "comm_info": lambda kc: kc.comm_info(reply=True),
    "request": lambda kc: kc.request("kernel_info_request"),
    "control": lambda kc: kc.request("kernel_info_request", channel="control"),
    "run": lambda kc: kc.run("1"),
}


WAYS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "await": lambda awaitable: awaitable,
    "create_task": lambda awaitable: asyncio.create_task(awaitable),
    "TaskGroup": _in_a_group,
    "gather": lambda awaitable: asyncio.gather(awaitable),
    "ensure_future": asyncio.ensure_future,
    "wait_for": lambda awaitable: asyncio.wait_for(awaitable, LONG),
    "shield": asyncio.shield,
    "as_completed": _first_completed,
}
