"""
Which requests can a program make of a kernel?

Every verb of jupyter_client's `AsyncKernelClient`, in its positional order. `reply=False` (the
default) gives the msg_id at once; `reply=True` an awaitable of the reply message. The request is
sent when the verb is called.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack, overload

from jupyter_client.manager import AsyncKernelManager

from ..errors import ChannelsClosedError, ProtocolError
from .base import ClientBase, Reply
from .beside import Beside, limited, metadata_of
from .checks import require_mapping, require_seconds, require_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import ModuleType

    from ..outputs.result import Event
    from ..protocol.messages import Message
    from .futures import RequestFuture
    from .handlers import StdinHandler
    from .run import OnTimeout, Run, RunOptions

__all__ = ["Verbs", "run_module"]


ON_TIMEOUT: Final = ("interrupt", "restart", "leave")


class Asking(TypedDict, total=False):
    """How a verb asks; see `Verbs.execute`."""

    timeout: float | None
    subshell_id: str | None


class Verbs(ClientBase):
    """The verbs of a client; see `ConKernelClient`."""

    @overload
    def execute(
        self,
        code: str,
        silent: bool = ...,
        store_history: bool = ...,
        user_expressions: Mapping[str, str] | None = ...,
        allow_stdin: bool | None = ...,
        stop_on_error: bool | None = ...,
        *,
        reply: Literal[False] = ...,
        timeout: float | None = ...,
        msg_id: str | None = ...,
        subshell_id: str | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        buffers: Sequence[Any] | None = ...,
        subsh_id: str | None = ...,
        cts_typ: str = ...,
        **beside: Unpack[Beside],
    ) -> str: ...
    @overload
    def execute(
        self,
        code: str,
        silent: bool = ...,
        store_history: bool = ...,
        user_expressions: Mapping[str, str] | None = ...,
        allow_stdin: bool | None = ...,
        stop_on_error: bool | None = ...,
        *,
        reply: Literal[True],
        timeout: float | None = ...,
        msg_id: str | None = ...,
        subshell_id: str | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        buffers: Sequence[Any] | None = ...,
        subsh_id: str | None = ...,
        cts_typ: str = ...,
        **beside: Unpack[Beside],
    ) -> RequestFuture[Message]: ...
    def execute(
        self,
        code: str,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: Mapping[str, str] | None = None,
        allow_stdin: bool | None = None,
        stop_on_error: bool | None = None,
        *,
        reply: bool = False,
        timeout: float | None = None,
        msg_id: str | None = None,
        subshell_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
        subsh_id: str | None = None,
        cts_typ: str = "code",
        **beside: Unpack[Beside],
    ) -> str | RequestFuture[Message]:
        """
        Run `code` in the kernel. The request is accepted, in order, when this returns.

        Args:
            code: One cell of source, any length.
            silent: Publish as little as possible, and do not count the cell.
            store_history: Keep it in the kernel's history.
            user_expressions: Expressions to evaluate afterwards, by name; their values come in the
                reply.
            allow_stdin: Whether the code may ask for input; None: the client's `allow_stdin`.
            stop_on_error: Whether an error aborts what is queued behind it; None: the client's
                `stop_on_error`.
            reply: False returns the msg_id at once; True returns an awaitable of the reply.
            timeout: Seconds from sending to the reply; None waits for ever. A timeout does not stop
                the kernel.
            msg_id: The request's id; None: a fresh one.
            subshell_id: The subshell to run in, from `create_subshell()`; None: the main shell.
            metadata: Metadata of the request.
            buffers: Binary buffers to send with it.
            subsh_id: Older name of `subshell_id`.
            cts_typ: Name under which the content carries `code`.
            beside: `mode`, `lane`, `priority`, `after`: how it is to run; see `Beside`.

        Returns:
            The msg_id, a str that says to pass `reply=True` where it is awaited; or an awaitable of
            the `execute_reply`: {"header", "parent_header", "metadata", "content", "buffers", ...},
            with content["status"] one of "ok" | "error" | "aborted". An error in the user's code is
            a reply, not an exception.

        Raises:
            ProtocolError: now, if an argument is of a wrong type or the subshell unknown.
            ChannelsClosedError, BacklogFullError: now.
            DeadKernelError, ReplyTimeout: from the awaitable.

        Cancelling the awaitable forgets the request; its late reply is counted in
        `stats()["orphans"]`.
        Source: Jupyter messaging 5.5, "Execute"; JEP 91 for subshells.
        """
        content = self._execute_content(
            code, silent, store_history, user_expressions, allow_stdin, stop_on_error, cts_typ
        )
        return self._request(
            "shell",
            "execute_request",
            content,
            reply=reply,
            timeout=timeout,
            msg_id=msg_id,
            subshell_id=subshell_id if subsh_id is None else subsh_id,
            metadata=metadata_of(metadata, beside) if beside else metadata,
            buffers=buffers,
            beside=beside,
        )

    def _can_restart(self) -> bool:
        """Tell whether the kernel is ours to restart."""
        manager = self.parent
        return isinstance(manager, AsyncKernelManager) and manager.owns_kernel

    def _options(self, options: RunOptions) -> RunOptions:
        """Check what a caller of `run()` wants."""
        if options.on_timeout not in ON_TIMEOUT:
            raise ProtocolError(
                f"on_timeout {options.on_timeout!r} must be one of {', '.join(ON_TIMEOUT)}"
            )
        if options.on_timeout == "restart" and not self._can_restart():
            raise ProtocolError(
                "on_timeout='restart' is for the manager's own clients, made by its client(): this "
                "one did not start its kernel; use 'interrupt' or 'leave'"
            )
        for name in ("on_output", "on_stdin"):
            handler = getattr(options, name)
            if handler is not None and not callable(handler):
                raise ProtocolError(f"{name} {handler!r} must be callable")
        return options._replace(
            timeout=require_seconds("timeout", options.timeout),
            start_timeout=require_seconds("start_timeout", options.start_timeout),
        )

    def _beside(self, beside: Beside) -> dict[str, Any]:
        """Give the options of a run that is to run so."""
        mode = beside.get("mode", "queue")
        if not self._places.has_guest(beside):
            return {"mode": mode}
        from .guest import RunGuest

        after = beside.get("after", ())
        return {"make": partial(RunGuest, places=self._places, mode=mode, after=after)}

    def run(
        self,
        code: str,
        *,
        timeout: float | None = None,
        start_timeout: float | None = None,
        on_timeout: OnTimeout = "interrupt",
        on_output: Callable[[Event], Awaitable[None] | None] | None = None,
        on_stdin: StdinHandler | None = None,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: Mapping[str, str] | None = None,
        subshell_id: str | None = None,
        msg_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
        max_output_bytes: int | None = None,
        **beside: Unpack[Beside],
    ) -> Run:
        """
        Run `code` and gather what it shows.

        Runs of one client take turns, in the order of the calls; in a kernel that can run them
        beside each other all are sent at once.

        Args:
            code: One cell of source, any length.
            timeout: Seconds from the kernel's busy; then see `on_timeout`. None: any time.
            start_timeout: Seconds from this call to the kernel's busy; then it is withdrawn. None:
                any time.
            on_timeout: "interrupt" ends the code and gives what it had shown, at most 1.7 s later
                (`still_running` says if the code swallowed it; in a subshell, which no interrupt
                reaches, the code runs on, and another subshell takes its place under the same id).
                "restart" restarts the kernel. "leave" lets the code run on. With "interrupt" the
                kernel `conkernel` ends the code itself, 2 s later, if this client is gone by then.
            on_output: Called with each event as it comes, sync or async, in the run's own task.
            on_stdin: Called with each `InputRequest`, sync or async; gives the answer, or None if
                it has been given by `input()`. Without it the code cannot ask for input.
            silent: Publish as little as possible, and do not count the cell.
            store_history: Keep it in the kernel's history.
            user_expressions: Expressions to evaluate afterwards, by name; their values are in
                `result.reply`.
            subshell_id: The subshell to run in, from `create_subshell()`; None: the main shell.
            msg_id: The request's id; None: a fresh one.
            metadata: Metadata of the request.
            buffers: Binary buffers to send with it.
            max_output_bytes: Bytes of outputs to keep; of the rest a marker tells. A quarter, at
                most 64 KiB, is kept free for how the code ends, its error and its value, which are
                cut where that is not enough, but have 1,000 characters in any case. What is left
                out is no event either. None: all.
            beside: `mode`, `lane`, `priority`, `after`: how it is to run; see `Beside`. The run's
                `mode` says how it does in this kernel.

        Returns:
            A `Run`: await it for its `Result`, iterate over it for its events. Called in a thread
            without an event loop, a `concurrent.futures.Future` of the result; in a thread with a
            loop of its own, an awaitable there.

        Raises:
            ProtocolError, ChannelsClosedError, BacklogFullError: now.
            DeadKernelError: from the run, with what had arrived as its `result`. An error in the
                user's code is a result with status "error".

        Cancelling the last task that awaits it cancels the run: unsent it never runs, running it is
        interrupted.
        """
        content = self._execute_content(
            code, silent, store_history, user_expressions, on_stdin is not None, False, "code"
        )
        run = run_module()
        options: RunOptions = run.PLAIN
        is_plain = timeout is start_timeout is on_output is on_stdin is max_output_bytes is None
        if not (is_plain and on_timeout == "interrupt"):
            given = timeout, start_timeout, on_timeout, on_output, on_stdin, max_output_bytes
            options = self._options(run.RunOptions(*given))
            if options.timeout is not None and on_timeout == "interrupt":
                metadata = limited(metadata, options.timeout, self._features)
        if beside:
            metadata = metadata_of(metadata, beside)
            options = options._replace(**self._beside(beside))
        return self._start_run(content, options, msg_id, subshell_id, metadata, buffers)

    def _start_run(
        self,
        content: dict[str, Any],
        options: RunOptions,
        msg_id: str | None,
        subshell_id: str | None,
        metadata: Mapping[str, Any] | None,
        buffers: Sequence[Any] | None,
    ) -> Run:
        connection = self._open_connection("shell")
        if not connection.is_open("iopub"):  # opened now, it would miss what is published
            raise ChannelsClosedError("run() needs the iopub channel: call start_channels() first")
        message = self._message("execute_request", content, msg_id, subshell_id, metadata)

        def launch() -> Run:
            parts = tuple(buffers) if buffers else ()
            loop = connection.loop_for_future()
            new: Run = run_module().Run(connection, loop, message, parts, options)
            new.launch()
            return new

        if connection.is_foreign_thread():
            return self._hand_over(launch)
        return launch()

    @overload
    def complete(
        self,
        code: str,
        cursor_pos: int | None = ...,
        *,
        reply: Literal[False] = ...,
        **asking: Unpack[Asking],
    ) -> str: ...
    @overload
    def complete(
        self,
        code: str,
        cursor_pos: int | None = ...,
        *,
        reply: Literal[True],
        **asking: Unpack[Asking],
    ) -> RequestFuture[Message]: ...
    def complete(
        self,
        code: str,
        cursor_pos: int | None = None,
        *,
        reply: bool = False,
        timeout: float | None = None,
        subshell_id: str | None = None,
    ) -> Reply:
        """
        Ask for completions of `code` at `cursor_pos` (characters from its start; None: its end).

        Returns:
            The msg_id, or an awaitable of the `complete_reply`. See `execute` for `reply`,
            `timeout` and errors.
        """
        content = {"code": require_text("code", code), "cursor_pos": _position(code, cursor_pos)}
        return self._ask("complete_request", content, reply, timeout, subshell_id)

    @overload
    def inspect(
        self,
        code: str,
        cursor_pos: int | None = ...,
        detail_level: int = ...,
        *,
        reply: Literal[False] = ...,
        **asking: Unpack[Asking],
    ) -> str: ...
    @overload
    def inspect(
        self,
        code: str,
        cursor_pos: int | None = ...,
        detail_level: int = ...,
        *,
        reply: Literal[True],
        **asking: Unpack[Asking],
    ) -> RequestFuture[Message]: ...
    def inspect(
        self,
        code: str,
        cursor_pos: int | None = None,
        detail_level: int = 0,
        *,
        reply: bool = False,
        timeout: float | None = None,
        subshell_id: str | None = None,
    ) -> Reply:
        """
        Ask what the name at `cursor_pos` in `code` is; `detail_level` 0 or 1.

        Returns:
            The msg_id, or an awaitable of the `inspect_reply`. See `execute` for `reply`, `timeout`
            and errors.
        """
        content = {
            "code": require_text("code", code),
            "cursor_pos": _position(code, cursor_pos),
            "detail_level": detail_level,
        }
        return self._ask("inspect_request", content, reply, timeout, subshell_id)

    @overload
    def history(
        self,
        raw: bool = ...,
        output: bool = ...,
        hist_access_type: str = ...,
        *,
        reply: Literal[False] = ...,
        timeout: float | None = ...,
        subshell_id: str | None = ...,
        **kwargs: Any,
    ) -> str: ...
    @overload
    def history(
        self,
        raw: bool = ...,
        output: bool = ...,
        hist_access_type: str = ...,
        *,
        reply: Literal[True],
        timeout: float | None = ...,
        subshell_id: str | None = ...,
        **kwargs: Any,
    ) -> RequestFuture[Message]: ...
    def history(
        self,
        raw: bool = True,
        output: bool = False,
        hist_access_type: str = "range",
        *,
        reply: bool = False,
        timeout: float | None = None,
        subshell_id: str | None = None,
        **kwargs: Any,
    ) -> Reply:
        """
        Ask for entries of the history.

        `hist_access_type` is "range" (with `session`, `start`, `stop`), "tail" (`n`) or "search"
        (`pattern`).

        Returns:
            The msg_id, or an awaitable of the `history_reply`. See `execute` for `reply`, `timeout`
            and errors.
        """
        if hist_access_type == "range":
            kwargs = {"session": 0, "start": 0, **kwargs}
        content = {"raw": raw, "output": output, "hist_access_type": hist_access_type, **kwargs}
        return self._ask("history_request", content, reply, timeout, subshell_id)

    @overload
    def is_complete(
        self, code: str, *, reply: Literal[False] = ..., **asking: Unpack[Asking]
    ) -> str: ...
    @overload
    def is_complete(
        self, code: str, *, reply: Literal[True], **asking: Unpack[Asking]
    ) -> RequestFuture[Message]: ...
    def is_complete(
        self,
        code: str,
        *,
        reply: bool = False,
        timeout: float | None = None,
        subshell_id: str | None = None,
    ) -> Reply:
        """
        Ask whether `code` is complete, or wants more lines.

        Returns:
            The msg_id, or an awaitable of the `is_complete_reply`. See `execute` for `reply`,
            `timeout` and errors.
        """
        content = {"code": require_text("code", code)}
        return self._ask("is_complete_request", content, reply, timeout, subshell_id)

    @overload
    def kernel_info(self, *, reply: Literal[False] = ..., **asking: Unpack[Asking]) -> str: ...
    @overload
    def kernel_info(
        self, *, reply: Literal[True], **asking: Unpack[Asking]
    ) -> RequestFuture[Message]: ...
    def kernel_info(
        self,
        *,
        reply: bool = False,
        timeout: float | None = None,
        subshell_id: str | None = None,
    ) -> Reply:
        """
        Ask what the kernel is: its language, versions, features.

        Returns:
            The msg_id, or an awaitable of the `kernel_info_reply`. See `execute` for `reply`,
            `timeout` and errors.
        """
        return self._ask("kernel_info_request", {}, reply, timeout, subshell_id)

    @overload
    def comm_info(
        self,
        target_name: str | None = ...,
        *,
        reply: Literal[False] = ...,
        **asking: Unpack[Asking],
    ) -> str: ...
    @overload
    def comm_info(
        self, target_name: str | None = ..., *, reply: Literal[True], **asking: Unpack[Asking]
    ) -> RequestFuture[Message]: ...
    def comm_info(
        self,
        target_name: str | None = None,
        *,
        reply: bool = False,
        timeout: float | None = None,
        subshell_id: str | None = None,
    ) -> Reply:
        """
        Ask which comms are open, all or those of one target.

        Returns:
            The msg_id, or an awaitable of the `comm_info_reply`. See `execute` for `reply`,
            `timeout` and errors.
        """
        content = {} if target_name is None else {"target_name": target_name}
        return self._ask("comm_info_request", content, reply, timeout, subshell_id)

    @overload
    def shutdown(
        self, restart: bool = ..., *, reply: Literal[False] = ..., timeout: float | None = ...
    ) -> str: ...
    @overload
    def shutdown(
        self, restart: bool = ..., *, reply: Literal[True], timeout: float | None = ...
    ) -> RequestFuture[Message]: ...
    def shutdown(
        self, restart: bool = False, *, reply: bool = False, timeout: float | None = None
    ) -> Reply:
        """
        Ask the kernel, on the control channel, to end itself.

        Returns:
            The msg_id, or an awaitable of the `shutdown_reply`. See `execute` for `reply`,
            `timeout` and errors.
        """
        return self._request(
            "control", "shutdown_request", {"restart": restart}, reply=reply, timeout=timeout
        )

    def input(self, string: str) -> None:
        """
        Answer the oldest open `input_request` of this client.

        If none is open, the answer goes out without a parent.

        Raises:
            ProtocolError: `string` is no str.
            ChannelsClosedError: the stdin channel is not running.
        """
        text = require_text("string", string)
        connection = self._open_connection("stdin")
        questions = connection.questions
        question = questions[next(iter(questions))] if questions else None
        if question is not None:
            connection.answer(question, text)
        else:
            connection.post_message("stdin", self._message("input_reply", {"value": text}), [])

    def request(
        self,
        msg_type: str,
        content: Mapping[str, Any] | None = None,
        channel: Literal["shell", "control"] = "shell",
        *,
        buffers: Sequence[Any] | None = None,
        subshell_id: str | None = None,
        timeout: float | None = None,
        msg_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> RequestFuture[Message]:
        """
        Send any request, such as "debug_request", and give an awaitable of its reply.

        It is sent when this is called.

        Args:
            msg_type: Type of the request.
            content: Its content, {} if None.
            channel: "shell" or "control".
            buffers: Binary buffers to send with it.
            subshell_id: The subshell that is to answer; None: the main shell.
            timeout: Seconds from sending to the reply; None waits for ever.
            msg_id: The request's id; None: a fresh one.
            metadata: Metadata of the request.

        Returns:
            An awaitable of the reply, whatever its type. Cancelling it forgets the request.

        Raises:
            ProtocolError, ChannelsClosedError, BacklogFullError: now.
            DeadKernelError, ReplyTimeout: from the awaitable.
        """
        if channel not in ("shell", "control"):
            raise ProtocolError(f"requests go over 'shell' or 'control', not {channel!r}")
        if content is not None:
            require_mapping("content", content)
        answer = self._request(
            channel,
            require_text("msg_type", msg_type),
            dict(content or {}),
            reply=True,
            timeout=timeout,
            msg_id=msg_id,
            subshell_id=subshell_id,
            metadata=metadata,
            buffers=buffers,
            beside={} if msg_type == "execute_request" else None,
        )
        assert not isinstance(answer, str)
        return answer


@cache
def run_module() -> ModuleType:
    """Give the module of runs; loaded with the first client: importing us should be quick."""
    from . import run

    return run


def _position(code: str, cursor_pos: object) -> int:
    if cursor_pos is None:
        return len(code)
    if isinstance(cursor_pos, bool) or not isinstance(cursor_pos, int):
        raise ProtocolError(f"cursor_pos {cursor_pos!r} must be a number of characters")
    return cursor_pos
