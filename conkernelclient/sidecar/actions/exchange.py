"""
When is a request that is no cell done?

When the kernel's idle and the reply that it is to get are both in. A request that nothing replies
to is done at its idle. Some kernels publish no idle for what comes over control, and iopub may
lose one: when the reply is in and nothing has come from the kernel for two seconds, it is not
waited for any more.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.errors import ReplyTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .action import Action, Seen

__all__ = ["exchange", "until_idle"]

logger: Final = logging.getLogger(__name__)

IDLE_WITHIN: Final = 2.0  # seconds of silence, after the reply
ASKED: Final = 5  # times, at most: a kernel that floods is not silent


async def exchange(
    action: Action[Any],
    reply: Awaitable[Mapping[str, Any]],
    seen: Seen,
    count: Callable[[], float],
) -> Mapping[str, Any]:
    """
    Wait for the reply, and for the idle of `action`; gives the reply.

    Args:
        action: What was sent.
        reply: Its reply to come.
        seen: Its messages.
        count: Gives how many messages have come from the kernel.
    """
    answer = action.reply = await reply
    for _ in range(ASKED):
        before = count()
        try:
            async with asyncio.timeout(IDLE_WITHIN):
                await action.until_idle()
        except TimeoutError:
            await seen.until_handled()
        if action.is_idle or count() == before:
            break
    if not action.is_idle:
        logger.info("the kernel replied to %r, and published no idle", action)
    return answer


async def until_idle(
    action: Action[Any], kernel_ended: asyncio.Future[None], timeout: float | None
) -> None:
    """
    Wait for the idle of `action`, to which nothing replies.

    Args:
        action: What was sent.
        kernel_ended: Has the error that says so, when the kernel has.
        timeout: Seconds.

    Raises:
        ReplyTimeout: The idle did not come in time.
        What `kernel_ended` has.
    """
    idle = asyncio.ensure_future(action.until_idle())
    try:
        await asyncio.wait(
            (idle, kernel_ended), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        if idle.done():
            return
        if kernel_ended.done():
            kernel_ended.result()
        raise ReplyTimeout(
            f"the kernel has not come to {action.msg_id} within {timeout} s; it may be at work: "
            "ask with a longer timeout, or interrupt it",
            msg_id=action.msg_id,
        )
    finally:
        idle.cancel()
