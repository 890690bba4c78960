"""
In which order does a fake kernel carry out requests, and what ends one that is held?

Each shell (the main shell, a subshell, the control channel) carries out one request at a time, in
order. An error aborts the execute requests that wait behind it, as in ipykernel.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Protocol, assert_never, cast, final

from .actions import (
    Ask,
    Die,
    Hold,
    Publish,
    Raise,
    Reply,
    Say,
    Show,
    Silence,
    Value,
    bundle,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..protocol.messages import Content, Message
    from .actions import Action
    from .ports import FakeRequest
    from .reactor import Reactor

__all__ = ["Cell", "Host", "Shell"]

END_OF_FILE = "\x04"
LOOK_AGAIN = 0.05  # seconds from one look to the next whether a held cell has ended otherwise


class Host(Protocol):
    """What a request needs of the kernel that carries it out."""

    reactor: Reactor
    is_alive: bool
    execution_count: int

    def script(self, request: FakeRequest) -> Iterable[Action]:
        """Give what is to be done."""
        ...

    def default_reply(self, request: FakeRequest) -> Content | None:
        """Give the reply's content; None: there is none to such a request."""
        ...

    def reply(
        self,
        request: FakeRequest,
        content: Content,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        parent_id: str | None = None,
    ) -> None:
        """Send the reply to `request`; with `parent_id` it names another one."""
        ...

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: Message | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send a message to all who listen to iopub."""
        ...

    def ask(self, cell: Cell, content: Content) -> None:
        """Send a question to the client of `cell`, which goes on with the answer."""
        ...

    def drain(self) -> None:
        """Read the requests that have come."""
        ...

    def end(self) -> None:
        """Be gone."""
        ...

    def ended(self, request: FakeRequest) -> None:
        """Learn that `request` has finished."""
        ...


class _Failed(Exception):
    """The cell's error."""

    def __init__(self, error: Raise) -> None:
        self.error = error
        super().__init__(error)


@final
class Cell:
    """A request that is being carried out."""

    def __init__(self, host: Host, shell: Shell, request: FakeRequest) -> None:
        self._host = host
        self._shell = shell
        self.request: FakeRequest = request
        self.is_execute: bool = request.msg_type == "execute_request"
        self._actions: Iterator[Action] = iter(())
        self._is_answered = False  # the reply is out, or there will be none
        self._is_idle_due = True
        self._wait: object | None = None  # set while it waits for an event or an answer

    def begin(self) -> None:
        """Say that it is begun, and go on as far as the script goes."""
        host, request = self._host, self.request
        self._say_status("busy")
        content = request.content
        if self.is_execute and not content.get("silent"):
            if content.get("store_history", True):
                host.execution_count += 1
            shown = {"code": content.get("code", ""), "execution_count": host.execution_count}
            host.publish("execute_input", shown, request.message)
        try:
            self._actions = iter(host.script(request))
        except Exception as error:  # the script is the cell's code
            self._fail(Raise(type(error).__name__, str(error)))
            return
        self._go_on()

    def abort(self) -> None:
        """End without having begun."""
        self._say_status("busy")
        self._is_answered = True
        self._host.reply(self.request, {"status": "aborted"}, {"status": "aborted"})
        self._end()

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt where it waits."""
        self._resume(self._wait, error=KeyboardInterrupt())

    def answer(self, value: str) -> None:
        """Go on with the client's answer."""
        error = EOFError() if value == END_OF_FILE else None
        self._resume(self._wait, value, error)

    def _resume(
        self, wait: object | None, value: Any = None, error: BaseException | None = None
    ) -> None:
        if wait is None or wait is not self._wait or not self._host.is_alive:
            return
        self._wait = None
        self._go_on(value, error)
        self._shell.run()

    def _go_on(self, value: Any = None, error: BaseException | None = None) -> None:
        try:
            while self._host.is_alive:
                action = self._next(value, error)
                value = error = None
                if isinstance(action, Silence):
                    self._is_answered, self._is_idle_due = True, action.is_idle
                    break
                if not self._do(action):
                    return
        except StopIteration:
            pass
        except _Failed as failed:
            self._fail(failed.error)
            return
        except (Exception, KeyboardInterrupt) as raised:  # the script is the cell's code
            self._fail(Raise(type(raised).__name__, str(raised)))
            return
        self._succeed()

    def _next(self, value: Any, error: BaseException | None) -> Action:
        actions = self._actions
        if isinstance(actions, Generator):
            generator = cast("Generator[Action, Any, object]", actions)
            return generator.send(value) if error is None else generator.throw(error)
        if error is not None:
            raise error
        return next(actions)

    def _do(self, action: Action) -> bool:
        """Do one thing; tells whether the next one may follow at once."""
        host = self._host
        match action:
            case Raise():
                raise _Failed(action)
            case Reply():
                self._reply(action)
            case Ask():
                return self._ask(action)
            case Hold():
                return self._hold(action)
            case Die():
                host.end()
                return False
            case Silence():
                return False
            case Say() | Show() | Value() | Publish():
                self._publish(action)
            case _:
                assert_never(action)
        return True

    def _publish(self, action: Say | Show | Value | Publish) -> None:
        metadata: Mapping[str, Any] | None = None
        buffers: Sequence[bytes] = ()
        content: dict[str, Any]
        match action:
            case Say():
                msg_type, content = "stream", {"name": action.name, "text": action.text}
            case Show():
                msg_type = "update_display_data" if action.is_update else "display_data"
                transient = {} if action.display_id is None else {"display_id": action.display_id}
                content = {
                    "data": bundle(action.data),
                    "metadata": dict(action.metadata),
                    "transient": transient,
                }
            case Value():
                msg_type = "execute_result"
                content = {
                    "data": bundle(action.data),
                    "metadata": dict(action.metadata),
                    "execution_count": self._host.execution_count,
                }
            case Publish():
                msg_type, content = action.msg_type, dict(action.content)
                metadata, buffers = action.metadata, action.buffers
        self._host.publish(msg_type, content, self.request.message, metadata, buffers)

    def _ask(self, action: Ask) -> bool:
        if not self.request.content.get("allow_stdin"):
            raise _Failed(
                Raise("StdinNotImplementedError", "raw_input was called, but this frontend ...")
            )
        self._wait = object()
        self._host.ask(self, {"prompt": action.prompt, "password": action.password})
        return False

    def _hold(self, action: Hold) -> bool:
        if action.event is not None and action.event.is_set():
            return True
        wait = self._wait = object()
        if action.event is not None:
            threading.Thread(
                target=self._await_event,
                args=(action.event, wait),
                name="conkernel-fake-hold",
                daemon=True,
            ).start()
        return False

    def _await_event(self, event: threading.Event, wait: object) -> None:
        while not event.wait(LOOK_AGAIN):
            if wait is not self._wait or not self._host.is_alive:
                return
        self._host.reactor.call_soon_threadsafe(lambda: self._resume(wait))

    def _reply(self, action: Reply) -> None:
        if self._is_answered:
            return
        content = self._reply_content({**self._default(), **action.content})
        self._is_answered = True
        self._host.reply(self.request, content, action.metadata, action.buffers, action.parent_id)
        if content.get("status") == "error":
            self._abort_queued()

    def _default(self) -> Content:
        return {"status": "ok", **(self._host.default_reply(self.request) or {})}

    def _reply_content(self, content: Content) -> Content:
        if self.is_execute:
            content.setdefault("execution_count", self._host.execution_count)
        return content

    def _succeed(self) -> None:
        if not self._is_answered and self._host.default_reply(self.request) is not None:
            self._reply(Reply())
        self._end()

    def _fail(self, error: Raise) -> None:
        lines = error.traceback
        told = {
            "ename": error.ename,
            "evalue": error.evalue,
            "traceback": [f"{error.ename}: {error.evalue}"] if lines is None else list(lines),
        }
        if self.is_execute and not self.request.content.get("silent"):
            self._host.publish("error", told, self.request.message)
        if not self._is_answered:
            self._is_answered = True
            content: Content = {"status": "error", **told}
            if self.is_execute:
                content.update(user_expressions={}, payload=[])
            self._host.reply(self.request, self._reply_content(content))
            self._abort_queued()
        self._end()

    def _abort_queued(self) -> None:
        asked = self.request.content
        if self.is_execute and asked.get("stop_on_error", True) and not asked.get("silent"):
            self._host.drain()
            self._shell.abort_queued()

    def _say_status(self, state: str) -> None:
        self._host.publish("status", {"execution_state": state}, self.request.message)

    def _end(self) -> None:
        if self._is_idle_due:
            self._say_status("idle")
        self._shell.current = None
        self._host.ended(self.request)


@final
class Shell:
    """
    One shell of a kernel.

    Attributes:
        current: What is being carried out.
    """

    def __init__(self, host: Host) -> None:
        self.current: Cell | None = None
        self._host = host
        self._queue: deque[FakeRequest] = deque()
        self._aborted = 0  # how many at the head of the queue were there when a cell failed
        self._is_running = False

    def put(self, request: FakeRequest) -> None:
        """Carry out `request`, when those before it are through."""
        self._queue.append(request)
        self.run()

    def abort_queued(self) -> None:
        """Let the execute requests that are queued now not run."""
        self._aborted = len(self._queue)

    def interrupt(self) -> None:
        """Interrupt what is being carried out; nobody is hit if it does not wait."""
        if self.current is not None:
            self.current.interrupt()

    def run(self) -> None:
        """Carry out what is queued, as far as nothing is held."""
        if self._is_running:
            return
        self._is_running = True
        try:
            while self._queue and self.current is None and self._host.is_alive:
                cell = self.current = Cell(self._host, self, self._queue.popleft())
                is_aborted = self._aborted > 0
                self._aborted -= is_aborted
                if is_aborted and cell.is_execute:
                    cell.abort()
                else:
                    cell.begin()
        finally:
            self._is_running = False
