"""
How does one test against a kernel without having one?

`FakeKernel` speaks the messaging protocol, over real sockets or in memory, and does what its
scripts say.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Self, cast

from jupyter_client.session import Session, new_id

from ..client.client import ConKernelClient
from ..client.heartbeat import ConHBChannel
from .life import FakeLife
from .memory import MemoryLink
from .ports import HOST, Dialect, MemoryPorts, SocketPorts
from .reactor import Reactor
from .replies import SUBSHELLS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..protocol.messages import Message
    from .actions import Script
    from .faults import Faults
    from .ports import FakeRequest, Ports

__all__ = ["FakeKernel"]

REQUESTS_KEPT: Final = 10_000


class FakeKernel:
    """
    A kernel without a process, for tests.

        with FakeKernel() as kernel:
            kernel.on_code("1 / 0", [Raise("ZeroDivisionError", "division by zero")])
            kc = await kernel.client().start_channels()
            result = await kc.run("1 / 0")

    It answers from a thread of its own. Code that no script is for is "ok" and shows nothing; a
    user expression has its own text as its value. One request of each (sub)shell is carried out at
    a time, an error aborts what is queued behind it, and an interrupt hits what is held in the main
    shell, all as in ipykernel.

    Args:
        script: What is done for code that no other script is for.
        faults: What goes wrong with the messages that it sends.
        key: Signs the messages; None: a random one, b"": they are not signed.
        features: `supported_features` of its `kernel_info_reply`; with "kernel subshells" it has
            subshells.
        is_welcoming: Whether it sends `iopub_welcome` (JEP 65).
        max_requests: How many requests it remembers.
        in_memory: Whether its clients, made by `client()`, reach it without sockets. Then
            `connect_shell` and its like lead nowhere.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        faults: Faults | None = None,
        key: bytes | None = None,
        features: Collection[str] = (SUBSHELLS,),
        is_welcoming: bool = True,
        max_requests: int = REQUESTS_KEPT,
        in_memory: bool = False,
    ) -> None:
        self.faults: Faults | None = faults
        self.features: tuple[str, ...] = tuple(features)
        self._key = os.urandom(16).hex().encode() if key is None else key
        self._is_welcoming = is_welcoming
        self._requests: deque[Message] = deque(maxlen=max_requests)
        self._news = threading.Condition()  # notified with each request
        self._script = script
        self._by_type: dict[str, Script] = {}
        self._by_code: list[tuple[str | re.Pattern[str], Script]] = []
        self._numbers: dict[str, int] = {}  # its ports, from the first start on
        self._reactor: Reactor | None = None
        self._life: FakeLife | None = None
        self._link: MemoryLink | None = MemoryLink() if in_memory else None

    # FakeLife

    def __enter__(self) -> Self:
        reactor = self._reactor = Reactor("conkernel-fake-kernel")
        reactor.start()
        try:
            reactor.call(self._begin)
        except BaseException:
            reactor.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        reactor, self._reactor = self._reactor, None
        if reactor is not None:
            reactor.call(lambda: self._end(is_patient=False))
            reactor.stop()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        self.__exit__()

    def restart(self) -> None:
        """
        Be a new kernel at the same ports, with another session id, whether it is alive or not.

        What was under way is gone; `requests` and the scripts stay.
        """
        self._in_thread().call(self._restart)

    def kill(self) -> None:
        """Be gone, as a process that is killed: all sockets close at once. Harmless if it is."""
        self._in_thread().call(lambda: self._end(is_patient=True))

    def interrupt(self) -> None:
        """Interrupt what is held in the main shell, as a SIGINT does."""
        self._in_thread().call(lambda: self._life and self._life.interrupt())

    @property
    def is_alive(self) -> bool:
        """Whether it is there: it was started, and neither ended nor died."""
        return self._reactor is not None and self._life is not None and not self._life.is_over

    @property
    def session(self) -> str:
        """The session id in its headers; each life has another one."""
        return "" if self._life is None else self._life.session

    # What it answers

    def on(self, msg_type: str, script: Script) -> None:
        """
        Let `script` say what is done for requests of this type, such as "complete_request".

        It takes the place of what the kernel does by itself, so that an "interrupt_request" with
        the script `[]` is answered, and interrupts nothing. What comes later replaces what came
        before.
        """
        self._by_type[msg_type] = script

    def on_code(self, code: str | re.Pattern[str], script: Script) -> None:
        """
        Let `script` say what is done for an execute request.

        Args:
            code: Its code, exactly; or a pattern that is searched for in it. Of several that fit
                the last one is taken.
            script: The actions, or a function that is called with the request, in the kernel's
                thread, and gives them. It may not block: see `Hold`.
        """
        self._by_code.insert(0, (code, script))

    # What came

    @property
    def requests(self) -> list[Message]:
        """The messages that came, of all channels, oldest first."""
        with self._news:
            return list(self._requests)

    def wait_for(self, msg_type: str, count: int = 1, *, timeout: float = 10.0) -> list[Message]:
        """
        Block until `count` messages of this type have come since the start, and give them.

        In a coroutine: `await asyncio.to_thread(kernel.wait_for, "execute_request")`.

        Raises:
            TimeoutError: They did not come within `timeout` seconds.
        """

        def found() -> list[Message]:
            return [message for message in self._requests if message["msg_type"] == msg_type]

        with self._news:
            if not self._news.wait_for(lambda: len(found()) >= count, timeout):
                raise TimeoutError(
                    f"{len(found())} of {count} messages {msg_type} came within {timeout} s"
                )
            return found()

    # What it says unasked

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: Message | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send a message on iopub, as a thread of the kernel may; `parent` is a request."""

        def publish() -> None:
            if self._life is not None:
                self._life.publish(msg_type, content, parent, metadata, buffers)

        self._in_thread().call(publish)

    # Who talks to it

    @property
    def connection_info(self) -> dict[str, Any]:
        """What stands in a connection file."""
        return {
            **{f"{name}_port": number for name, number in self._numbers.items()},
            "ip": HOST,
            "transport": "tcp",
            "key": self._key.decode(),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "fake",
        }

    def client(self, **traits: Any) -> ConKernelClient:
        """
        Make a client, without a manager: `kc = await kernel.client().start_channels()`.

        Args:
            **traits: Traits of the client.
        """
        traits.setdefault("session", Session(key=self._key))
        if self._link is not None:
            traits.setdefault("transport_factory", self._link.transport)
            traits.setdefault("hb_channel_class", _heartbeat_of(self))
        kc = ConKernelClient(**traits)
        kc.load_connection_info(cast("Any", self.connection_info))
        return kc

    def __repr__(self) -> str:
        state = "alive" if self.is_alive else "not alive"
        return f"<FakeKernel {state}, {len(self._requests)} requests>"

    # In its thread

    def _in_thread(self) -> Reactor:
        if self._reactor is None:
            raise RuntimeError("the fake kernel was not started, or has ended: use `with`")
        return self._reactor

    def _begin(self) -> None:
        assert self._reactor is not None
        link, is_welcoming = self._link, self._is_welcoming
        ports: Ports = (
            SocketPorts(self._numbers, is_welcoming=is_welcoming)
            if link is None
            else MemoryPorts(link, is_welcoming=is_welcoming)
        )
        self._numbers = ports.numbers
        self._life = FakeLife(
            self._reactor,
            ports,
            Dialect(self._key, new_id()),
            line=None if self.faults is None else self.faults.line(),
            features=self.features,
            script_for=self._script_for,
            note=self._note,
            restart=self._restart,
        )

    def _end(self, *, is_patient: bool) -> None:
        if self._life is not None and self._life.is_alive:
            self._life.end(is_patient=is_patient)

    def _restart(self) -> None:
        self._end(is_patient=True)
        self._begin()

    def _note(self, message: Message) -> None:
        with self._news:
            self._requests.append(message)
            self._news.notify_all()

    def _script_for(self, request: FakeRequest) -> Script | None:
        if request.msg_type in self._by_type:
            return self._by_type[request.msg_type]
        if request.msg_type != "execute_request":
            return None
        asked = str(request.content.get("code", ""))
        for code, script in self._by_code:
            if code == asked if isinstance(code, str) else code.search(asked):
                return script
        return self._script


def _heartbeat_of(kernel: FakeKernel) -> type[ConHBChannel]:
    """Give the class of a heartbeat that needs no socket."""

    class Heartbeat(ConHBChannel):
        def start(self) -> None:
            """Begin: there is nothing to do."""

        def stop(self) -> None:
            """End: there is nothing to do."""

        def is_alive(self) -> bool:
            """Tell whether it goes on."""
            return True

        def is_beating(self) -> bool:
            """Tell whether the kernel is there."""
            return kernel.is_alive

        async def until_looked(self) -> None:
            """Wait until it has looked: it looks at once."""

    return Heartbeat
