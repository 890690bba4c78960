"""
Who stands between a program and the kernel, so that every message finds its handlers?

The sidecar makes an action of each request, shows each message to the handlers of the action that
it belongs to, and tells in hooks of what belongs to none, and of the kernel's end and return. It
takes itself for the kernel's only client, and goes on if it is not.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self, cast

from conkernelclient.errors import (
    ChannelsClosedError,
    ConKernelError,
    DeadKernelError,
    ProtocolError,
    SessionError,
    UnparseableMessageError,
)

from . import models
from .actions.action import Action
from .actions.cells import Cells, answered_elsewhere, may_answer
from .actions.delivery import Delivery
from .actions.exchange import exchange, until_idle
from .actions.hooks import Hooks, call_safely
from .actions.requests import Requests
from .link import Link

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from conkernelclient import ConKernelClient, KernelNews
    from conkernelclient.events import InputRequest
    from conkernelclient.outputs.result import Result

    from .actions.handlers import HandlerLike
    from .link import Kernel
    from .models import Request

__all__ = ["Sidecar"]

LAST_WORDS: Final = 1.0  # seconds for handlers, when the sidecar is closed


class Sidecar(Requests, Hooks):
    """
    The one client of a kernel, for a backend with many front ends.

    Use it in `async with`, in one event loop. A subclass may override the hooks; see `Hooks`.

    Args:
        kernel: A kernel's name (it is started, and ends with the sidecar), the path of a running
            kernel's connection file, a `ConKernelClient`, or a `ConKernelManager`.
        handlers: See the messages of every action, before its own ones.
        handler_timeout: Seconds that an async handler may take for one message; then it is
            cancelled, and has failed. None: any time.
        start_timeout: Seconds in which the kernel has to be ready.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        handlers: Iterable[HandlerLike] = (),
        handler_timeout: float | None = 30.0,
        start_timeout: float | None = 60.0,
    ) -> None:
        self.handlers: list[HandlerLike] = list(handlers)
        self._handler_timeout = handler_timeout
        self._start_timeout = start_timeout
        self._link = Link(kernel)
        self._actions: dict[str, Action[Any]] = {}
        self._cells = Cells(self, lambda: self.client)
        self._is_open = False
        self._watches: list[Any] = []
        self._kernel_ended: asyncio.Future[None] | None = None

    # Its life

    async def __aenter__(self) -> Self:
        await self._link.open(self._start_timeout)
        client = self.client
        self._watches = [
            client.subscribe(self._show_unclaimed, unclaimed=True),
            client.watch_kernel(self._tell),
        ]
        self._is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """
        Leave the kernel, or end it if it was started here.

        What is queued ends unsent, with `ChannelsClosedError`; so does what was sent, unless the
        client was given with its channels open: it goes on then.
        """
        self._is_open = False
        for action in self._cells.drain():
            action.end(error=ChannelsClosedError("the sidecar was closed before it was sent"))
        try:
            await self._cells.close()
            for watch in self._watches:
                watch.close()
            sent = list(self._actions.values())
            if not self._link.owns_channels:
                sent = [action for action in sent if action.is_answered]
        finally:
            await self._link.close()
        self._fail_waiting(ChannelsClosedError("the sidecar was closed"))
        await _until_ended(sent)

    @property
    def client(self) -> ConKernelClient:
        """
        The client that it speaks through; whatever it can do may be done beside the sidecar.

        Raises:
            SessionError: The sidecar is not open.
        """
        client = getattr(self._link, "client", None)
        if client is None:
            raise SessionError("the sidecar is not open: use it in `async with Sidecar(...)`")
        return cast("ConKernelClient", client)

    @property
    def comms(self) -> Any:
        """The comms with the kernel: those of its client."""
        return self.client.comms

    @property
    def actions(self) -> list[Action[Any]]:
        """The actions that have not ended, the oldest first."""
        return list(self._actions.values())

    @property
    def running_action(self) -> Action[Result] | None:
        """The cell that the kernel runs; None if it runs none of this sidecar."""
        running = self._cells.running
        return None if running is None else self._actions.get(running.msg_id)

    # Requests

    def send(
        self,
        request: Request,
        *,
        handlers: Iterable[HandlerLike] = (),
        timeout: float | None = None,
    ) -> Action[Any]:
        """Send any request; see `Requests`."""
        if isinstance(request, models.ExecuteRequest):
            return self._execute(
                request,
                handlers,
                cell_id=None,
                timeout=timeout,
                on_stdin=None,
                max_output_bytes=None,
            )
        self._check(request)
        action: Action[Any] = self._action(request, handlers, None, self._conclude_request)
        self._post(action, timeout)
        return action

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
        self._check(request)
        action: Action[Result] = self._action(request, handlers, cell_id, self._cells.conclude)
        if on_stdin is None and any(map(may_answer, (*self.handlers, *handlers))):
            on_stdin = answered_elsewhere
        options = {
            "timeout": timeout,
            "on_stdin": on_stdin,
            "max_output_bytes": max_output_bytes,
        }
        self._cells.add(action, request, options)
        return action

    def send_stdin(self, value: str) -> None:
        """Answer the oldest open `input_request`."""
        self.client.input(value)

    async def interrupt(self) -> None:
        """
        Interrupt the cell that the kernel runs, and nothing else.

        An error it is, as a rule: what is queued behind it is aborted. Does nothing if no cell
        runs.

        Raises:
            NotInterruptibleError: It cannot be interrupted.
        """
        running = self._cells.running
        if running is not None:
            await running.interrupt()

    async def restart(self) -> None:
        """
        Restart the kernel; what was sent or is queued fails with `KernelRestartedError`.

        Raises:
            SessionError: Somebody else runs it.
        """
        manager: Any = self._link.manager
        if manager is None or not manager.owns_kernel:
            raise SessionError(
                "this kernel was not started here: who did so can restart it, or "
                "`shutdown_request(restart=True)` asks for it"
            )
        await manager.restart_kernel(now=True)

    # Inside: sending

    def _check(self, request: Request) -> None:
        if not self._is_open:
            raise SessionError("the sidecar is not open: use it in `async with Sidecar(...)`")
        if request.msg_id in self._actions:
            raise ProtocolError(
                f"a request with msg_id {request.msg_id!r} is under way: make another one"
            )

    def _action(
        self,
        request: Request,
        handlers: Iterable[HandlerLike],
        cell_id: str | None,
        conclude: Callable[[Action[Any], Any], Any],
    ) -> Action[Any]:
        delivery = Delivery(
            (*self.handlers, *handlers), self._handler_timeout, self._note_unparseable
        )
        action: Action[Any] = Action(
            request,
            delivery,
            cell_id=cell_id,
            withdraw=self._cells.withdraw,
            conclude=conclude,
            forget=self._forget,
        )
        self._actions[action.msg_id] = action
        return action

    def _forget(self, action: Action[Any]) -> None:
        self._actions.pop(action.msg_id, None)
        self._cells.forget(action)

    def _post(self, action: Action[Any], timeout: float | None) -> None:
        """Send a request that is no cell."""
        request, client = action.request, self.client
        seen = client.subscribe(action.show, msg_id=action.msg_id)
        try:
            if models.reply_type_of(request.msg_type) is None:
                self._tell_kernel(request)
                waiting: Any = until_idle(action, self._until_kernel_ends(), timeout)
            else:
                channel = request.CHANNEL
                reply = client.request(
                    request.msg_type,
                    _content_of(request),
                    "control" if channel == "control" else "shell",
                    buffers=request.buffers,
                    subshell_id=request.header.subshell_id,
                    timeout=timeout,
                    msg_id=action.msg_id,
                    metadata=request.metadata,
                )
                waiting = exchange(action, reply, seen, self._count)
        except BaseException:
            seen.close()
            self._actions.pop(action.msg_id, None)
            raise
        action.sent(asyncio.get_running_loop().create_task(waiting), seen)

    def _tell_kernel(self, request: Request) -> None:
        """Send a request to which nothing replies."""
        client: Any = self.client
        message = client.session.msg(
            request.msg_type, _content_of(request), metadata=request.metadata
        )
        message["header"]["msg_id"] = message["msg_id"] = request.msg_id
        message["buffers"] = list(request.buffers)
        client.shell_channel.send(message)

    # Inside: what comes of it

    async def _conclude_request(self, action: Action[Any], reply: Any) -> Any:
        if reply is None or action.error is not None:
            return None
        return models.parse(reply)

    def _count(self) -> float:
        return self.client.stats()["received"]

    def _until_kernel_ends(self) -> asyncio.Future[None]:
        if self._kernel_ended is None or self._kernel_ended.done():
            self._kernel_ended = asyncio.get_running_loop().create_future()
        return self._kernel_ended

    def _fail_waiting(self, error: ConKernelError) -> None:
        """Let fail what waits for an idle alone."""
        ended, self._kernel_ended = self._kernel_ended, None
        if ended is not None and not ended.done():
            ended.set_exception(error)
            ended.exception()  # nobody may wait for it

    async def _note_unparseable(
        self, message: Mapping[str, Any], error: UnparseableMessageError
    ) -> None:
        await call_safely(lambda: self.handle_unparseable(message, error))

    async def _show_unclaimed(self, message: Any) -> None:
        """Show a message that is of no action to the hook that it is for."""
        parent = message["parent_header"]
        if not parent.get("msg_id"):
            hook, default = self.handle_missing_parent, Hooks.handle_missing_parent
        elif parent.get("session") != self.client.session.session:
            hook, default = self.handle_untracked, Hooks.handle_untracked
        else:
            return  # the client's own, such as its greeting, or late output
        if getattr(hook, "__func__", None) is default:
            return
        try:
            model = models.parse(message)
        except UnparseableMessageError as error:
            await self._note_unparseable(message, error)
        else:
            await call_safely(lambda: hook(model))

    async def _tell(self, news: KernelNews) -> None:
        """Tell the hooks how the kernel stands."""
        match news.state:
            case "disconnected":
                await call_safely(lambda: self.handle_disconnect(news))
            case "restarting":
                self._fail_waiting(news.error or DeadKernelError("the kernel is restarted"))
                await call_safely(lambda: self.handle_restart(news))
            case "dead":
                self._fail_waiting(news.error or DeadKernelError("the kernel has ended"))
                await call_safely(lambda: self.handle_death(news))
            case _:
                pass


async def _until_ended(actions: Sequence[Action[Any]]) -> None:
    """Give the handlers of actions that are over a moment to see the last of them."""
    ends = [asyncio.ensure_future(action.until_ended()) for action in actions]
    if not ends:
        return
    await asyncio.wait(ends, timeout=LAST_WORDS)
    for action in actions:
        if not action.done():
            action.abandon(ChannelsClosedError("the sidecar was closed; a handler was at work"))
    await asyncio.wait(ends)


def _content_of(request: Request) -> dict[str, Any]:
    """Give what is sent."""
    content = request.content
    return content.to_wire() if isinstance(content, models.WireModel) else dict(content)
