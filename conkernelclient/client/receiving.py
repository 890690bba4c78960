"""
How does a program take messages by hand, as programs written for jupyter_client do?

What no request claimed is in the channel objects; here are the methods that read them, claim a
reply by its request's id, or give each message of a request to a hook.
"""

from __future__ import annotations

import asyncio
import sys
from getpass import getpass
from typing import TYPE_CHECKING, Any, cast

from ..errors import ChannelsClosedError
from .base import ClientBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.messages import Channel, Message

__all__ = ["ByHand"]


class ByHand(ClientBase):
    """
    The methods of a client that take messages by hand; see `ConKernelClient`.

    A Message is a dict with known keys, which type checkers do not take for a `dict[str, Any]`;
    what jupyter_client has beside them gets them cast.
    """

    async def _async_get_shell_msg(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *args: Any, **kwargs: Any
    ) -> Message:
        return await self.shell_channel.get_msg(*args, **kwargs)

    async def _async_get_iopub_msg(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *args: Any, **kwargs: Any
    ) -> Message:
        return await self.iopub_channel.get_msg(*args, **kwargs)

    async def _async_get_stdin_msg(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *args: Any, **kwargs: Any
    ) -> Message:
        return await self.stdin_channel.get_msg(*args, **kwargs)

    async def _async_get_control_msg(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *args: Any, **kwargs: Any
    ) -> Message:
        return await self.control_channel.get_msg(*args, **kwargs)

    get_shell_msg = _async_get_shell_msg
    get_iopub_msg = _async_get_iopub_msg
    get_stdin_msg = _async_get_stdin_msg
    get_control_msg = _async_get_control_msg

    async def _async_recv_reply(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, msg_id: str, timeout: float | None = None, channel: str = "shell"
    ) -> Message:
        """
        Give the reply to the request `msg_id`, sent with `reply=False`, whether it has come or not.

        Raises:
            ReplyTimeout: It does not come within `timeout` seconds; it stays claimable.
        """
        name: Channel = "control" if channel == "control" else "shell"
        connection = self._open_connection(name)
        connection.bind_here()
        connection.pump(name)
        return (await connection.inboxes[name].claim(msg_id, timeout)).message

    _recv_reply = _async_recv_reply

    async def get_pubs(
        self, msg_id: str | None = None, timeout: float | None = None
    ) -> list[Message]:
        """
        Give the iopub messages of a request made without `run()`, from its busy to its idle.

        They can be taken once.

        Args:
            msg_id: The request, one of the last 1,000; None: all that the iopub channel object
                holds, without waiting.
            timeout: Seconds to wait for idle; None waits for ever.

        Raises:
            KeyError: They were taken, or there is no such request.
            ProtocolError: They had to go to make room (64 MB).
            ReplyTimeout: The request is not idle in time; they can still be taken.
        """
        connection = self._open_connection("iopub")
        connection.bind_here()
        connection.pump("iopub")
        if msg_id is None:
            return await self.iopub_channel.get_msgs()
        return [message.message for message in await connection.recording.take(msg_id, timeout)]

    async def _async_execute_interactive(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        code: str,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: dict[str, Any] | None = None,
        allow_stdin: bool | None = None,
        stop_on_error: bool | None = None,
        timeout: float | None = None,
        output_hook: Callable[[Message], Any] | None = None,
        stdin_hook: Callable[[Message], Any] | None = None,
    ) -> Message:
        """
        Run `code`, show its output and relay its questions. Any number of these may go on at once.

        Args:
            code: As for `execute`.
            silent: As for `execute`.
            store_history: As for `execute`.
            user_expressions: As for `execute`.
            allow_stdin: As for `execute`.
            stop_on_error: As for `execute`.
            timeout: Seconds to the end of it all, from when the kernel is there; None waits for
                ever.
            output_hook: Called with each iopub message of this request; None: shows them.
            stdin_hook: Called with each `input_request`, sync or async; None: asks on the terminal.

        Returns:
            The `execute_reply`.

        Raises:
            ReplyTimeout: It is not at its end in time.
            ChannelsClosedError: iopub, or stdin where needed, is not running.
        """
        connection = self._open_connection("shell")
        connection.bind_here()
        if not connection.is_open("iopub"):
            raise ChannelsClosedError("IOPub channel must be running to receive output")
        asks = self.allow_stdin if allow_stdin is None else allow_stdin
        if asks and not connection.is_open("stdin"):
            raise ChannelsClosedError("stdin channel must be running to allow input")
        content = self._execute_content(
            code, silent, store_history, user_expressions, asks, stop_on_error, "code"
        )
        message = self._message("execute_request", content)
        from .interactive import Interactive

        return await Interactive(connection, message).run(
            output_hook or self._default_output_hook(),
            stdin_hook or cast("Callable[[Message], Any]", self._stdin_hook_default),
            timeout,
        )

    execute_interactive = _async_execute_interactive

    def _default_output_hook(self) -> Callable[[Message], Any]:
        if "IPython" in sys.modules:
            from IPython import get_ipython

            shell = get_ipython()
            if shell is not None and getattr(shell, "kernel", None):
                publisher = shell.display_pub
                return lambda msg: self._output_hook_kernel(
                    publisher.session,
                    publisher.pub_socket,
                    publisher.parent_header,
                    cast("dict[str, Any]", msg),
                )
        return cast("Callable[[Message], Any]", self._output_hook_default)

    async def _stdin_hook_default(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, msg: Message
    ) -> None:
        """Ask on the terminal, in a thread, so that the loop goes on; and answer."""
        ask = getpass if msg["content"].get("password") else input
        try:
            answer = await asyncio.to_thread(lambda: ask(str(msg["content"].get("prompt", ""))))
        except EOFError:
            answer = "\x04"
        self.input(answer)
