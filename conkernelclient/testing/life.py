"""
What does a fake kernel do from its start to its death?

A life is what a process is of a real kernel: a session id, sockets, shells, a count of executions.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast, final

from jupyter_client.session import new_id

from ..errors import ProtocolError
from .actions import Raise, Reply
from .replies import DEFAULTS, SUBSHELLS
from .shells import Cell, Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..protocol.messages import Channel, Content, Frame, Message
    from .actions import Action, Script
    from .ports import Dialect, FakeRequest, Ports
    from .reactor import Reactor
    from .route import Route

__all__ = ["FakeLife"]

logger: Final = logging.getLogger(__name__)


@final
class FakeLife:
    """
    One life of a fake kernel. Everything here is for the reactor's thread.

    Args:
        reactor: Its thread.
        ports: Where it listens.
        dialect: Makes messages of bytes, and bytes of messages.
        line: What goes wrong with what it sends; None: nothing.
        features: What its kernel_info_reply says that it can do.
        script_for: Gives the script for a request; None: what the kernel does by itself.
        note: Told of each request.
        restart: Begins the next life.

    Attributes:
        is_alive: Whether it goes on.
        is_over: Whether all is closed; set after `is_alive` is taken away.
        execution_count: As in the prompts.
    """

    def __init__(
        self,
        reactor: Reactor,
        ports: Ports,
        dialect: Dialect,
        *,
        line: Route | None,
        features: Sequence[str],
        script_for: Callable[[FakeRequest], Script | None],
        note: Callable[[Message], None],
        restart: Callable[[], None],
    ) -> None:
        self.reactor: Reactor = reactor
        self.is_alive: bool = True
        self.is_over: bool = False
        self.execution_count: int = 0
        self._ports = ports
        self._dialect = dialect
        self._line = line
        self._features = list(features)
        self._script_for = script_for
        self._note = note
        self._restart = restart
        self._main = Shell(self)
        self._control = Shell(self)
        self._subshells: dict[str, Shell] = {}
        self._arrived: dict[Channel, deque[list[bytes]]] = {}  # what is read, and not yet looked at
        self._questions: dict[str, Cell] = {}  # the cells that wait for an answer, oldest first
        readers = {
            "shell": self._read_shell,
            "control": self._read_control,
            "stdin": self._read_stdin,
            "iopub": self._read_subscriptions,
            "hb": self._read_heartbeat,
        }
        ports.attach(reactor, readers)
        if line is not None:
            line.wind(reactor)
        self.publish("status", {"execution_state": "starting"})

    @property
    def session(self) -> str:
        """The session id in its headers."""
        return self._dialect.session

    def end(self, *, is_patient: bool = True) -> None:
        """Close everything; what was sent is gone too if not `is_patient`. Harmless if it ended."""
        if not self.is_alive:
            return
        self.is_alive = False
        if self._line is not None:
            self._line.wind(None)
            self._line.clear()
        self._ports.detach(self.reactor)
        self._ports.close(is_patient=is_patient)
        self.is_over = True

    def interrupt(self) -> None:
        """Interrupt the main shell, which is all that a signal reaches."""
        self._main.interrupt()

    # What comes

    def drain(self) -> None:
        """Read the requests that have come on shell."""
        self._read_shell()

    def _read_shell(self) -> None:
        for request in self._requests("shell"):
            subshell_id = request.message["header"].get("subshell_id")
            shell = self._main if subshell_id is None else self._subshells.get(subshell_id)
            if shell is None:
                self._refuse(request, f"there is no subshell {subshell_id}")
            else:
                shell.put(request)

    def _read_control(self) -> None:
        for request in self._requests("control"):
            self._control.put(request)

    def _read_stdin(self) -> None:
        for request in self._requests("stdin"):
            cell = self._asked_by(request.message["parent_header"].get("msg_id"))
            if request.msg_type == "input_reply" and cell is not None:
                cell.answer(str(request.content.get("value", "")))

    def _asked_by(self, question_id: str | None) -> Cell | None:
        """Give the cell that an answer is for: an answer without a parent is the oldest one's."""
        if question_id is None:
            question_id = next(iter(self._questions), "")
        return self._questions.pop(question_id, None)

    def _read_subscriptions(self) -> None:
        for (event,) in self._ports.receive("iopub"):
            if event[:1] == b"\1":
                topic = event[1:]
                content = {"subscription": topic.decode(errors="replace")}
                _, frames = self._dialect.write("iopub_welcome", content, to=[topic])
                self._send("iopub", "iopub_welcome", "", frames)

    def _read_heartbeat(self) -> None:
        for frames in self._ports.receive("hb"):  # a ROUTER: its identity comes first
            self._ports.send("hb", frames)

    def _requests(self, channel: Channel) -> Iterable[FakeRequest]:
        # Shared with whoever reads on while a request is carried out: they stay in order.
        arrived = self._arrived.setdefault(channel, deque())
        arrived.extend(self._ports.receive(channel))
        while arrived and self.is_alive:
            try:
                request = self._dialect.read(channel, arrived.popleft())
            except ProtocolError as error:
                logger.warning("the fake kernel rejects a message on %s: %s", channel, error)
                continue
            self._note(request.message)
            yield request

    # What is to be done

    def script(self, request: FakeRequest) -> Iterable[Action]:
        """Give what is to be done for `request`."""
        script = self._script_for(request)
        if script is None:
            return self._by_itself(request)
        return script(request.message) if callable(script) else script

    def default_reply(self, request: FakeRequest) -> Content | None:
        """Give the content of a reply that says that all went well, None if there is no reply."""
        default = DEFAULTS.get(request.msg_type)
        if default is not None:
            content = default(request.content)
            if request.msg_type == "kernel_info_request":
                content["supported_features"] = self._features
            return content
        is_known = self._script_for(request) is not None
        return {} if is_known and request.msg_type.endswith("_request") else None

    def _by_itself(self, request: FakeRequest) -> Iterable[Action]:
        if request.msg_type.endswith("_subshell_request") and SUBSHELLS not in self._features:
            return [Raise("NotSupported", "this kernel has no subshells")]
        match request.msg_type:
            case "create_subshell_request":
                subshell_id = new_id()
                self._subshells[subshell_id] = Shell(self)
                return [Reply({"subshell_id": subshell_id})]
            case "delete_subshell_request":
                subshell_id = str(request.content.get("subshell_id"))
                if self._subshells.pop(subshell_id, None) is None:
                    return [Raise("SubshellNotFound", f"there is no subshell {subshell_id}")]
            case "list_subshell_request":
                return [Reply({"subshell_id": list(self._subshells)})]
            case "interrupt_request":
                self.interrupt()
            case _:
                pass
        return []

    def ended(self, request: FakeRequest) -> None:
        """Do what a request wants to be done when it has finished."""
        if request.msg_type != "shutdown_request" or self._script_for(request) is not None:
            return
        is_restart = bool(request.content.get("restart"))
        content = {"status": "ok", "restart": is_restart}
        self.publish("shutdown_reply", content, request.message)
        if is_restart:
            self._restart()
        else:
            self.end()

    def _refuse(self, request: FakeRequest, why: str) -> None:
        told: Content = {"ename": "UnknownSubshell", "evalue": why, "traceback": []}
        self.reply(request, {"status": "error", **told})

    # What leaves

    def reply(
        self,
        request: FakeRequest,
        content: Content,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        parent_id: str | None = None,
    ) -> None:
        """Send the reply to `request`; with `parent_id` it names another one."""
        msg_type = request.msg_type.removesuffix("_request") + "_reply"
        parent = request.message
        if parent_id is not None:
            header = cast("Any", {**parent["header"], "msg_id": parent_id})
            parent = cast("Message", {**parent, "header": header})
        _, frames = self._dialect.write(
            msg_type,
            content,
            to=request.idents,
            parent=parent,
            metadata=metadata,
            buffers=buffers,
        )
        self._send(request.channel, msg_type, request.message["msg_id"], frames)

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: Message | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send a message to all who listen to iopub."""
        msg_id, frames = self._dialect.write(
            msg_type,
            content,
            to=[f"kernel.{self.session}.{msg_type}".encode()],
            parent=parent,
            metadata=metadata,
            buffers=buffers,
        )
        self._send("iopub", msg_type, msg_id if parent is None else parent["msg_id"], frames)

    def ask(self, cell: Cell, content: Content) -> None:
        """Send a question to the client of `cell`, which goes on with the answer."""
        request = cell.request
        msg_id, frames = self._dialect.write(
            "input_request", content, to=request.idents, parent=request.message
        )
        self._questions[msg_id] = cell
        self._send("stdin", "input_request", request.message["msg_id"], frames)

    def _send(self, channel: Channel, msg_type: str, parent_id: str, frames: list[Frame]) -> None:
        if not self.is_alive:
            return
        if self._line is None:
            self._ports.send(channel, frames)
            return
        self._line.put(
            (channel, False), msg_type, parent_id, lambda: self._ports.send(channel, frames)
        )
