"""
How is a request sent whose reply is a future?

Registered before it leaves; one for the shell waits for a kernel that is not there yet.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..connection.threads import call_there
from ..errors import ReplyTimeout
from ..state.router import Request, Takes
from ..state.window import Call, Entry
from .futures import ReplyFuture

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..connection.connection import Connection
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message

__all__ = ["ask", "delete_subshell", "order", "replace_subshell"]

logger: Final = logging.getLogger(__name__)


class Hanging(Entry, Protocol):
    """A run that does not end."""

    def when_finished(self, callback: Callable[[], None]) -> None:
        """Call `callback` when it has ended after all."""
        ...


def ask(
    connection: Connection,
    channel: Channel,
    message: dict[str, Any],
    buffers: list[Any],
    timeout: float | None,
    *,
    takes_turn: bool = False,
    make_entry: Callable[..., Call] = Call,
) -> ReplyFuture:
    """
    Register a request, send it, and give its reply to come.

    With `takes_turn` it is sent when the window lets it. One for the shell waits for a kernel
    that is not there yet; its timeout counts from when it is. `make_entry` makes its entry in the
    window.
    """
    loop = connection.loop_for_future()
    subshell_id = message["header"].get("subshell_id")
    future = ReplyFuture(loop, message["msg_id"], subshell_id)
    if connection.presence.is_lost:
        future.fail(connection.presence.error())
        return future
    request = Request(message["msg_id"], Takes.REPLY, owner=future, channel=channel)
    is_paused = connection.register(request, message, buffers)
    if takes_turn or is_paused:

        def send() -> None:
            future.subshell_id = message["header"].get("subshell_id")
            connection.send_request(request, message, buffers)

        def answer(reply: Incoming) -> None:
            future.receive("shell", reply)

        entry = make_entry(
            send,
            future.fail,
            subshell_id,
            msg_id=future.msg_id,
            takes_turn=takes_turn,
            on_resume=lambda: _arm(future, timeout),
            answer=answer,
        )
        connection.record(message)
        connection.submit(entry)
        future.add_done_callback(lambda _: connection.forget(request, entry))
    else:
        connection.send_request(request, message, buffers)
        future.add_done_callback(lambda _: connection.forget(request))
    if not is_paused:
        _arm(future, timeout)
    return future


def order(connection: Connection, msg_type: str, content: dict[str, Any]) -> None:
    """Send a request on control of which nobody waits for the reply, and none is counted."""
    message = connection.make(msg_type, content)
    request = Request(message["msg_id"], Takes.REPLY, channel="control")
    connection.register(request, message)
    connection.send_request(request, message, ())
    connection.give_up(request)


def replace_subshell(connection: Connection, run: Hanging, subshell_id: str) -> None:
    """Let another subshell serve this id: `run` does not end; when it has, its shell goes."""
    message = connection.make("create_subshell_request", {})

    def replace(reply: asyncio.Future[Message]) -> None:
        if not reply.cancelled() and reply.exception() is None:
            content = reply.result()["content"]
            stand_in: object = content.get("subshell_id")
            if content.get("status") == "ok" and isinstance(stand_in, str):
                retired = connection.subshells.replace(subshell_id, stand_in)
                run.when_finished(lambda: delete_subshell(connection, retired))
                connection.step_aside(run)
                return
        logger.warning("no other subshell could take the place of %s, which hangs", subshell_id)

    ask(connection, "control", message, [], None).add_done_callback(replace)


def delete_subshell(connection: Connection, subshell_id: str) -> None:
    """Delete a subshell of a kernel that is there."""
    if connection.is_open("control") and connection.presence.sends:
        order(connection, "delete_subshell_request", {"subshell_id": subshell_id})


def _arm(future: ReplyFuture, timeout: float | None) -> None:
    if timeout is not None:
        call_there(future.get_loop(), _start_timer, future, timeout)


def _start_timer(future: ReplyFuture, timeout: float) -> None:
    if not future.done():
        timer = future.get_loop().call_later(max(0.0, timeout), _time_out, future, timeout)
        future.add_done_callback(lambda _: timer.cancel())


def _time_out(future: ReplyFuture, timeout: float) -> None:
    future.fail(
        ReplyTimeout(
            f"no reply to {future.msg_id} within {timeout} s; the kernel was left alone and may "
            "still be at work: ask with a longer timeout, or interrupt it",
            msg_id=future.msg_id,
        )
    )
