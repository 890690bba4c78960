"""
How is a request sent, whoever makes it?

Here is what all verbs share: their arguments are checked, a message is made of them, and it goes to
the connection, or is handed over to the thread of the loop that the client serves.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ProtocolError
from .base import ClientBase, Reply
from .checks import require_mapping, require_seconds, require_text
from .msg_id import MsgId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..protocol.messages import Channel, Message
    from ..state.window import Call
    from .beside import Beside
    from .futures import RequestFuture

__all__ = ["Reply", "Requests"]


class Requests(ClientBase):
    """What the requests of a client have in common; see `ConKernelClient`."""

    def _execute_content(
        self,
        code: str,
        silent: bool,
        store_history: bool,
        user_expressions: Mapping[str, str] | None,
        allow_stdin: bool | None,
        stop_on_error: bool | None,
        name: str,
    ) -> dict[str, Any]:
        expressions: dict[str, str] = {}
        if user_expressions is not None:
            require_mapping("user_expressions", user_expressions, "a dict of strings")
            for key, value in user_expressions.items():
                require_text("value of user_expressions", value)
                expressions[require_text("key of user_expressions", key)] = value
        return {
            name: require_text("code", code),
            "silent": silent,
            "store_history": store_history,
            "user_expressions": expressions,
            "allow_stdin": self.allow_stdin if allow_stdin is None else allow_stdin,
            "stop_on_error": self.stop_on_error if stop_on_error is None else stop_on_error,
        }

    def _ask(
        self,
        msg_type: str,
        content: dict[str, Any],
        reply: bool,
        timeout: float | None,
        subshell_id: str | None,
    ) -> Reply:
        return self._request(
            "shell", msg_type, content, reply=reply, timeout=timeout, subshell_id=subshell_id
        )

    def _request(
        self,
        channel: Channel,
        msg_type: str,
        content: dict[str, Any],
        *,
        reply: bool,
        timeout: float | None = None,
        msg_id: str | None = None,
        subshell_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
        beside: Beside | None = None,
    ) -> str | RequestFuture[Message]:
        """
        Send a request on its channel, or hand it over to the thread of the client's loop.

        With `beside`, which may be empty, it takes its turn, and runs so.
        """
        seconds = require_seconds("timeout", self.default_timeout if timeout is None else timeout)
        from .asking import ask  # with the first client: importing us should be quick

        connection = self._open_connection(channel)
        message = self._message(msg_type, content, msg_id, subshell_id, metadata)
        parts = list(buffers or ())
        how: dict[str, Any] = {"takes_turn": beside is not None}
        if beside and self._places.has_guest(beside):
            how["make_entry"] = self._call_guest(message, beside)

        def asked() -> RequestFuture[Message]:
            return ask(connection, channel, message, parts, seconds, **how)

        def told() -> None:
            connection.tell(channel, message, parts, **how)

        if not connection.is_foreign_thread():
            if reply:
                return asked()
            told()
        elif reply:
            return self._hand_over(asked)
        else:
            connection.call_in_loop(told)
        return MsgId(message["msg_id"])

    def _call_guest(self, message: dict[str, Any], beside: Beside) -> Callable[..., Call]:
        """Give what makes the entry of a request that the kernel may not know how to run."""
        from .guest import CallGuest

        return partial(
            CallGuest,
            connection=self._connection,
            places=self._places,
            message=message,
            mode=beside.get("mode", "queue"),
            after=beside.get("after", ()),
        )

    def _hand_over(self, start: Callable[[], RequestFuture[Any]]) -> Any:
        """Start a request in the thread of the client's loop; gives its answer in this thread."""
        from ..connection.threads import call_there

        connection = self._connection
        answer: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def begin() -> None:
            try:
                future = start()
            except BaseException as error:
                answer.set_exception(error)
                return
            connection.note_answer(answer)
            future.add_done_callback(lambda done: _copy_outcome(done, answer))
            answer.add_done_callback(
                lambda done: (
                    call_there(future.get_loop(), future.cancel) if done.cancelled() else None
                )
            )

        connection.call_in_loop(begin)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return answer
        return asyncio.wrap_future(answer)

    def _message(
        self,
        msg_type: str,
        content: dict[str, Any],
        msg_id: str | None = None,
        subshell_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if subshell_id is not None and subshell_id not in self._connection.subshells:
            raise ProtocolError(
                f"no subshell {subshell_id!r} is known: it was deleted, or not made by this "
                "client's create_subshell(); `await kc.list_subshell()` learns of others"
            )
        if metadata is not None:
            require_mapping("metadata", metadata)
        message = self._connection.make(msg_type, content, metadata)
        header = message["header"]
        if msg_id is not None:
            # A plain str, also if it is the MsgId that a request before it gave.
            header["msg_id"] = message["msg_id"] = str(require_text("msg_id", msg_id))
        if subshell_id is not None:
            header["subshell_id"] = subshell_id
        return message


def _copy_outcome(done: asyncio.Future[Any], answer: concurrent.futures.Future[Any]) -> None:
    if done.cancelled():
        answer.cancel()
    elif answer.set_running_or_notify_cancel():
        error = done.exception()
        if error is None:
            answer.set_result(done.result())
        else:
            answer.set_exception(error)
