"""
What does each group of a client's methods find in the client, beside its own?

`client` joins the groups, which are mixins, and none imports another. What one of them takes from
the others stands here, as does the one trick of typing: for a type checker `ClientBase` is a client
with its channels, and a group that does not keep to a signature below is an error. A running
program has `object` in its place: with a class that has traits as a base of each group, traitlets
would look through all traits of a client once more for each when this is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

__all__ = ["ClientBase", "Reply"]

Reply: TypeAlias = "str | RequestFuture[Message]"  # what a verb gives: the msg_id, or an awaitable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Literal

    from traitlets import Bool, Float

    from ..protocol.messages import Channel, Message
    from .beside import Beside
    from .futures import RequestFuture
    from .lifecycle import Lifecycle
    from .run import Run, RunOptions

    class ClientBase(Lifecycle):
        """A client, as its groups of methods see it; see `ConKernelClient`."""

        # Of the client itself

        stop_on_error: Bool[bool, bool | int]
        default_timeout: Float[float | None, float | None]
        _features: frozenset[str] | None

        async def _until_greeted(self, timeout: float | None) -> None:
            """Wait until the kernel has answered, also if it is restarted meanwhile."""
            ...

        # Of `Requests`

        def _execute_content(
            self,
            code: str,
            silent: bool,
            store_history: bool,
            user_expressions: Mapping[str, str] | None,
            allow_stdin: bool | None,
            stop_on_error: bool | None,
            name: str,
        ) -> dict[str, Any]: ...
        def _ask(
            self,
            msg_type: str,
            content: dict[str, Any],
            reply: bool,
            timeout: float | None,
            subshell_id: str | None,
        ) -> Reply: ...
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
        ) -> Reply: ...
        def _hand_over(self, start: Callable[[], RequestFuture[Any]]) -> Any: ...
        def _message(
            self,
            msg_type: str,
            content: dict[str, Any],
            msg_id: str | None = None,
            subshell_id: str | None = None,
            metadata: Mapping[str, Any] | None = None,
        ) -> dict[str, Any]: ...

        # Of `Verbs`

        def input(self, string: str) -> None:
            """Answer the oldest open `input_request`; see `Verbs`."""
            ...

        def request(
            self,
            msg_type: str,
            content: Mapping[str, Any] | None = None,
            channel: Literal["shell", "control"] = "shell",
            *,
            timeout: float | None = None,
        ) -> RequestFuture[Message]:
            """Send any request; see `Verbs`."""
            ...

        def run(
            self,
            code: str,
            *,
            timeout: float | None = None,
            silent: bool = False,
            store_history: bool = True,
            user_expressions: Mapping[str, str] | None = None,
            subshell_id: str | None = None,
            msg_id: str | None = None,
            buffers: Sequence[Any] | None = None,
        ) -> Run:
            """Run `code` and gather what it shows; see `Verbs`."""
            ...

        def _beside(self, beside: Beside) -> dict[str, Any]: ...
        def _start_run(
            self,
            content: dict[str, Any],
            options: RunOptions,
            msg_id: str | None,
            subshell_id: str | None,
            metadata: Mapping[str, Any] | None,
            buffers: Sequence[Any] | None,
        ) -> Run: ...

else:
    ClientBase = object
