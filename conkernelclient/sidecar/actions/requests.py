"""
Which requests can a program make of the kernel through a sidecar?

One method for each request of the protocol, and `send` for any other. Each gives its `Action` at
once; what was sent first is first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .. import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from conkernelclient.events import InputRequest
    from conkernelclient.outputs.result import Result

    from ..models import Request
    from .action import Action
    from .handlers import HandlerLike

__all__ = ["Requests"]


class Requests:
    """
    The requests of a sidecar.

    Everywhere: `handlers` see the action's messages, after the sidecar's own ones; `timeout` are
    seconds, None: any time. A field of a wrong type raises `ProtocolError` now. From the action
    come `DeadKernelError`, `ReplyTimeout`, `UnparseableMessageError` (the reply does not fit its
    model), and `CancelledError`.
    """

    def send(
        self,
        request: Request,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[Any]:
        """
        Send any request, also one of `models.register`.

        An `ExecuteRequest` takes its turn as `execute_request` has it; see there.

        Args:
            request: The request.
            handlers: See its messages, beside the sidecar's own ones.
            timeout: Seconds.
        """
        raise NotImplementedError

    def _execute(
        self,
        request: models.ExecuteRequest,
        handlers: Iterable[HandlerLike],
        *,
        cell_id: str | None,
        timeout: float | None,
        on_stdin: Callable[[InputRequest], Awaitable[str | None] | str | None] | None,
        max_output_bytes: int | None,
    ) -> Action[Result]:
        raise NotImplementedError

    def execute_request(
        self,
        code: str,
        *,
        cell_id: str | None = None,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
        stop_on_error: bool = True,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: Mapping[str, str] | None = None,
        on_stdin: Callable[[InputRequest], Awaitable[str | None] | str | None] | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_output_bytes: int | None = None,
    ) -> Action[Result]:
        """
        Run `code`. Cells take turns, in the order of the calls.

        Args:
            code: One cell of source.
            cell_id: The cell of the document that it is, for hooks.
            handlers: See its messages.
            timeout: Seconds from the kernel's busy; then it is interrupted, its result has status
                "timeout".
            stop_on_error: Whether an error, or a timeout, aborts what is queued behind it here:
                that is never sent, its result has status "aborted". With False the next cell is
                not held back until this one has ended.
            silent: Publish as little as possible, and do not count the cell.
            store_history: Keep it in the kernel's history.
            user_expressions: Expressions to evaluate afterwards, by name.
            on_stdin: Answers what the code asks. Without it the code may ask if a handler has
                `handle_input_request`; `send_stdin` gives the answer then.
            metadata: Metadata of the request.
            max_output_bytes: Bytes of outputs that the result keeps; None: all.

        Returns:
            An action that gives a `Result`; an error of the code is one with status "error".
        """
        made = models.ExecuteRequest.make(
            code=code,
            silent=silent,
            store_history=store_history,
            user_expressions=dict(user_expressions or {}),
            stop_on_error=stop_on_error,
            metadata=metadata,
        )
        return self._execute(
            made,
            handlers,
            cell_id=cell_id,
            timeout=timeout,
            on_stdin=on_stdin,
            max_output_bytes=max_output_bytes,
        )

    def complete_request(
        self,
        code: str,
        cursor_pos: int | None = None,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[models.CompleteReply]:
        """Ask for completions at `cursor_pos`, in characters; None: at the end."""
        request = models.CompleteRequest.make(code=code, cursor_pos=cursor_pos)
        return self.send(request, handlers=handlers, timeout=timeout)

    def inspect_request(
        self,
        code: str,
        cursor_pos: int | None = None,
        detail_level: Literal[0, 1] = 0,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[models.InspectReply]:
        """Ask what the name at `cursor_pos` is, in characters; None: at the end."""
        request = models.InspectRequest.make(
            code=code, cursor_pos=cursor_pos, detail_level=detail_level
        )
        return self.send(request, handlers=handlers, timeout=timeout)

    def history_request(
        self,
        hist_access_type: Literal["range", "tail", "search"] = "range",
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
        **fields: Any,
    ) -> Action[models.HistoryReply]:
        """Ask for lines of the history; `fields` are those of `HistoryRequestContent`."""
        request = models.HistoryRequest.make(hist_access_type=hist_access_type, **fields)
        return self.send(request, handlers=handlers, timeout=timeout)

    def is_complete_request(
        self,
        code: str,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[models.IsCompleteReply]:
        """Ask whether `code` is whole, or wants more lines."""
        request = models.IsCompleteRequest.make(code=code)
        return self.send(request, handlers=handlers, timeout=timeout)

    def kernel_info_request(
        self, *, handlers: Iterable[HandlerLike] = (), timeout: float | None = None
    ) -> Action[models.KernelInfoReply]:
        """Ask which kernel it is."""
        return self.send(models.KernelInfoRequest.make(), handlers=handlers, timeout=timeout)

    def comm_info_request(
        self,
        target_name: str | None = None,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[models.CommInfoReply]:
        """Ask which comms are open, of one target or of all."""
        request = models.CommInfoRequest.make(target_name=target_name)
        return self.send(request, handlers=handlers, timeout=timeout)

    def comm_open_request(
        self,
        target_name: str,
        data: Mapping[str, Any] | None = None,
        *,
        comm_id: str | None = None,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[None]:
        """Open a comm; `sidecar.comms.open` gives a `Comm` to talk over."""
        request = models.CommOpen.make(
            target_name=target_name, data=dict(data or {}), comm_id=comm_id
        )
        return self.send(request, handlers=handlers, timeout=timeout)

    def comm_msg_request(
        self,
        comm_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        buffers: Iterable[Any] = (),
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[None]:
        """Send a message over an open comm; its action shows what the kernel does with it."""
        request = models.CommMsg.make(comm_id=comm_id, data=dict(data or {}), buffers=list(buffers))
        return self.send(request, handlers=handlers, timeout=timeout)

    def comm_close_request(
        self,
        comm_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[None]:
        """Close a comm."""
        request = models.CommClose.make(comm_id=comm_id, data=dict(data or {}))
        return self.send(request, handlers=handlers, timeout=timeout)

    def interrupt_request(
        self, *, handlers: Iterable[HandlerLike] = (), timeout: float | None = None
    ) -> Action[models.InterruptReply]:
        """Interrupt the kernel by a message; `sidecar.interrupt()` finds the way itself."""
        return self.send(models.InterruptRequest.make(), handlers=handlers, timeout=timeout)

    def shutdown_request(
        self,
        *,
        restart: bool = False,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[models.ShutdownReply]:
        """Ask the kernel to end; with `restart` its owner is expected to start another one."""
        request = models.ShutdownRequest.make(restart=restart)
        return self.send(request, handlers=handlers, timeout=timeout)

    def debug_request(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        seq: int = 1,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[models.DebugReply]:
        """Send a command to the debugger, such as "debugInfo" or "initialize"."""
        request = models.DebugRequest.make(
            command=command, arguments=dict(arguments or {}), seq=seq
        )
        return self.send(request, handlers=handlers, timeout=timeout)
