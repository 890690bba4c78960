"""
How does an interrupt hit the run that it is meant for?

A kernel drops an interrupt that comes before it is inside the code, and lets one that comes after
it hit whatever runs next. So it is sent only between the two, as far as the messages tell, and
again while the kernel is still at it.

One that hits the kernel in its own code, right after the user's, may cost a reply: the kernel goes
idle and never sends it, or sends the first half of its frames, which the next message completes to
something that nobody can read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .connection import Connection
    from .futures import ReplyFuture
    from .run import Run

__all__ = ["ask_for_swallowed_reply", "interrupt_until_through"]

# Seconds from one interrupt to the next: they are sent after 0, 0.5, 1 and 2 s.
PAUSES: Final = (0.5, 0.5, 1.0)
PATIENCE: Final = 0.5  # seconds after the last one
NOTHING: Final[dict[str, Any]] = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


async def interrupt_until_through(run: Run, send: Callable[[], Awaitable[None]]) -> bool:
    """
    Interrupt `run` as soon as the kernel is inside its code.

    Tells whether the kernel is through with it in the end.
    """
    while not (run.is_interruptible or run.is_through or run.lacks_reply):
        await run.changed()
    for pause in (*PAUSES, PATIENCE):
        run.catch_up()
        if run.is_interruptible:
            run.note_interrupt()
            await send()
        if await _is_through_within(run, pause):
            return True
    return run.is_through


async def _is_through_within(run: Run, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not run.is_through:
                await run.changed()
    except TimeoutError:
        return False
    return True


def ask_for_swallowed_reply(run: Run, connection: Connection) -> list[ReplyFuture]:
    """
    Settle a run that is idle and has no reply.

    Silent empty requests go to the same shell: when one's reply is in, the earlier one will not
    come. There are two, because half a reply takes the next one with it.

    Returns:
        Their replies to come; whoever ends the run cancels what is left of them.
    """
    probes: list[ReplyFuture] = []
    for _ in range(2):
        with connection.lock:
            message = connection.session.msg("execute_request", dict(NOTHING))
        if run.subshell_id is not None:
            message["header"]["subshell_id"] = run.subshell_id
        probe = connection.ask("shell", message, [], None)
        probe.add_done_callback(lambda _: run.end())
        probes.append(probe)
    return probes
