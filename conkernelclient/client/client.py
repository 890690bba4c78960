"""
What does a program hold in its hands to talk to a kernel?

`ConKernelClient` takes the place of jupyter_client's `AsyncKernelClient`: the same methods, traits
and channel objects, safe from any number of coroutines at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import weakref
from binascii import hexlify
from typing import TYPE_CHECKING, Any, Final, cast

import zmq
import zmq.asyncio
from jupyter_client.channels import HBChannel
from jupyter_client.connect import channel_socket_types, port_names
from jupyter_client.manager import KernelManager
from traitlets import Float, Instance, Integer, Type

from ..errors import ChannelsClosedError, NotInterruptibleError, ProtocolError, ReplyTimeout
from ..protocol.messages import CHANNELS
from ..transport.session_patch import bind_session
from ..transport.zmq import LINGER, ConSocket
from .channels import ConChannel
from .comms import Comms
from .connection import Connection
from .interactive import Interactive
from .ready import probe_until_ready
from .values import Values
from .window import Entry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Generator, Iterable

    from jupyter_client.connect import KernelConnectionInfo

    from ..protocol.messages import Channel, Message
    from .subscribers import Subscription

__all__ = ["ConKernelClient", "Starting"]

STARTUP_TIMEOUT: Final = 60.0


class Starting:
    """
    What `start_channels()` gives: the channels run.

    Awaited, it is the client, when the kernel is ready.
    """

    def __init__(self, client: ConKernelClient) -> None:
        self._client = client

    def __await__(self) -> Generator[Any, None, ConKernelClient]:
        return self._ready().__await__()

    async def _ready(self) -> ConKernelClient:
        await self._client.wait_for_ready(timeout=self._client.startup_timeout)
        return self._client


class ConKernelClient(Values):
    """
    A client of one kernel, for many coroutines.

    Make it with `ConKernelManager.client()`, or on its own from a connection file:
    `ConKernelClient(connection_file=path)` and `load_connection_file()`. Then
    `await kc.start_channels()`.

    It serves one event loop, the first that uses it, and the next when that one is closed. Called
    from other threads, its verbs hand over to that loop.
    """

    context: Instance[zmq.asyncio.Context]  # jupyter_client's trait
    shell_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    iopub_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    stdin_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    control_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    hb_channel_class: Type[type[HBChannel], type[HBChannel]] = Type(HBChannel)

    # traitlets' own annotation says that a Float which may be None is read as `int | None`.
    startup_timeout: Float[float | None, float | None] = Float(  # pyright: ignore[reportAssignmentType]
        STARTUP_TIMEOUT,
        allow_none=True,
        config=True,
        help="Seconds that `await kc.start_channels()` waits for the kernel; None: any time.",
    )
    max_backlog_messages: Integer[int, int] = Integer(
        100_000, config=True, help="Messages that may wait for a kernel that does not read."
    )
    max_backlog_bytes: Integer[int, int] = Integer(
        256 * 2**20,
        config=True,
        help="Bytes of messages that may wait for a kernel that does not read.",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._subshells: set[str] = set()
        session = self.session
        bind_session(session)
        self._connection = Connection(
            session,
            window=self.window,
            max_messages=self.max_backlog_messages,
            max_bytes=self.max_backlog_bytes,
        )
        this = weakref.ref(self)
        self._connection.interrupt = lambda: _interrupt_kernel(this())
        self._connection.restart = lambda: _restart_kernel(this())
        self.comms: Comms = Comms(self._connection)
        self.observe(_window_changed, "window")

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is None:
            return
        connection.dispose()
        if self._hb_channel is not None and self._hb_channel.is_alive():
            self._hb_channel.stop()
        self._destroy_context()

    # Channels

    # jupyter_client's gives None, which nobody uses.
    def start_channels(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        shell: bool = True,
        iopub: bool = True,
        stdin: bool = True,
        hb: bool = True,
        control: bool = True,
    ) -> Starting:
        """
        Open the channels.

        The work is done when this returns, inside or outside an event loop; started again after
        `stop_channels()`, they are new ones.

        Returns:
            An object to await, or not: `kc = await kc.start_channels()` waits until the kernel is
            ready, at most `startup_timeout` seconds, and gives the client.

        Raises:
            ProtocolError: The connection information lacks a port.
        """
        self._connection.bind()
        self._is_stopped = False
        wanted = {"shell": shell, "iopub": iopub, "stdin": stdin, "control": control, "hb": hb}
        self._check_ports(name for name, is_wanted in wanted.items() if is_wanted)
        for name in CHANNELS:
            if wanted[name]:
                self._open_channel(name).start()
        self.allow_stdin = stdin
        if hb and not self.hb_channel.is_alive():
            self.hb_channel.start()
        return Starting(self)

    def stop_channels(self) -> None:
        """
        Close the channels. What is under way fails with `ChannelsClosedError`.

        Harmless if they are closed.
        """
        for name in CHANNELS:
            channel = getattr(self, f"_{name}_channel")
            if channel is not None:
                channel.stop()
        if self._hb_channel is not None:
            if self._hb_channel.is_alive():
                self._hb_channel.stop()
            self._hb_channel = None
        self._subshells.clear()
        self._identity = None
        self._is_stopped = True
        self._destroy_context()

    @property
    def channels_running(self) -> bool:
        """Whether any channel is open."""
        return any(map(self._connection.is_open, CHANNELS)) or bool(
            self._hb_channel is not None and self._hb_channel.is_alive()
        )

    @property
    def shell_channel(self) -> ConChannel:
        """The shell channel: replies that nobody claimed."""
        return self._open_channel("shell")

    @property
    def iopub_channel(self) -> ConChannel:
        """
        The iopub channel: what the kernel published for requests made without `run()`.

        What it published for other clients is there as well.
        """
        return self._open_channel("iopub")

    @property
    def stdin_channel(self) -> ConChannel:
        """The stdin channel: questions of requests made without `run()`."""
        return self._open_channel("stdin")

    @property
    def control_channel(self) -> ConChannel:
        """The control channel: replies that nobody claimed."""
        return self._open_channel("control")

    def _open_channel(self, name: Channel) -> ConChannel:
        channel: ConChannel | None = getattr(self, f"_{name}_channel")
        if channel is None or not (channel.is_alive() or self._is_stopped):
            self._check_ports((name,))
            if self._identity is None:
                self._identity = self.session.bsession + b"-" + hexlify(os.urandom(4))
            connect = getattr(self, f"connect_{name}")
            socket = connect() if name == "iopub" else connect(identity=self._identity)
            channel_class: type[ConChannel] = getattr(self, f"{name}_channel_class")
            channel = channel_class(socket, self.session, self.ioloop)
            channel.attach(name, self._connection)
            setattr(self, f"_{name}_channel", channel)
        return channel

    # The ZMQ identity of shell, stdin and control, by which the kernel finds the one from the
    # other. Set while they are open, and another one each time: a kernel refuses an identity that
    # it still knows.
    _identity: bytes | None = None

    def _create_connected_socket(self, channel: str, identity: bytes | None = None) -> ConSocket:
        """Create a socket that never drops what the kernel sends, connected to the kernel."""
        if self._created_context and self.context.closed:
            self.context = zmq.asyncio.Context()
        context: Any = self.context  # its stub does not say which class of socket comes out
        socket: ConSocket = context.socket(channel_socket_types[channel], socket_class=ConSocket)
        socket.linger = LINGER
        socket.rcvhwm = 0  # our own bounds are the only ones
        if identity:
            socket.identity = identity
        if self.curve_publickey is not None:
            socket.curve_secretkey = self.curve_secretkey
            socket.curve_publickey = self.curve_publickey
            socket.curve_serverkey = self.curve_publickey
        socket.connect(self._make_url(channel))
        return socket

    def _check_ports(self, names: Iterable[str]) -> None:
        missing = [f"{name}_port" for name in names if not getattr(self, f"{name}_port")]
        if missing:
            raise ProtocolError(
                f"the connection information lacks {', '.join(missing)}: start the kernel first, "
                "or load its connection file with load_connection_file()"
            )

    def load_connection_file(self, connection_file: str | None = None) -> None:
        """
        Read address, ports and key from a kernel's connection file.

        Args:
            connection_file: Its path; None: the one of the `connection_file` trait.

        Raises:
            OSError: It cannot be read.
            ProtocolError: It is not the JSON of a connection file; nothing was changed.
        """
        path = self.connection_file if connection_file is None else connection_file
        with open(path, encoding="utf-8") as file:
            try:
                loaded: object = json.load(file)
            except ValueError as error:
                raise ProtocolError(f"connection file {path!r} is not JSON: {error}") from error
        if not isinstance(loaded, dict):
            raise ProtocolError(f"connection file {path!r} holds no JSON object")
        info = cast("dict[str, Any]", loaded)
        wrong = [
            name
            for name in port_names
            if not (getattr(self, name) or (type(info.get(name)) is int and info[name] > 0))
        ]
        if wrong:
            raise ProtocolError(f"connection file {path!r} lacks {', '.join(wrong)}")
        self.load_connection_info(cast("KernelConnectionInfo", info))

    def _destroy_context(self) -> None:
        if self._created_context and not self.context.closed:
            self.context.destroy(linger=LINGER)

    # Readiness and life

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """
        Wait until the kernel answers and its iopub channel is heard.

        May be called again, also while requests are under way.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            ReadyTimeout (a RuntimeError): It is not ready in time.
            DeadKernelError (a RuntimeError): It ended.
            ChannelsClosedError: The channels are not running.
        """
        connection = self._open_connection("iopub", "shell")
        info = await probe_until_ready(connection, timeout, self._async_is_alive)
        self._handle_kernel_info_reply(cast("dict[str, Any]", info))
        features: Iterable[object] = info["content"].get("supported_features") or ()
        self._features = frozenset(map(str, features))
        if "conkernel modes" in self._features:
            connection.window.limit = None
        connection.inboxes["iopub"].discard_parentless()

    _async_wait_for_ready = wait_for_ready

    # Messages by hand. A Message is a dict with known keys, which type checkers do not take for a
    # `dict[str, Any]`; what jupyter_client has beside them gets them cast.

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
        if msg_id is None:
            return await self.iopub_channel.get_msgs()
        return [message.message for message in await connection.take_record(msg_id, timeout)]

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
            timeout: Seconds to the end of it all; None waits for ever.
            output_hook: Called with each iopub message of this request; None: shows them.
            stdin_hook: Called with each `input_request`, sync or async; None: asks on the terminal.

        Returns:
            The `execute_reply`.

        Raises:
            ReplyTimeout: It is not at its end in time.
            ChannelsClosedError: iopub, or stdin where needed, is not running.
        """
        connection = self._open_connection("shell")
        if not connection.is_open("iopub"):
            raise ChannelsClosedError("IOPub channel must be running to receive output")
        asks = self.allow_stdin if allow_stdin is None else allow_stdin
        if asks and not connection.is_open("stdin"):
            raise ChannelsClosedError("stdin channel must be running to allow input")
        content = self._execute_content(
            code, silent, store_history, user_expressions, asks, stop_on_error, "code"
        )
        message = self._message("execute_request", content)
        interactive = Interactive(connection, message["msg_id"])
        connection.router.open(interactive.request)
        entry = Entry(
            lambda: connection.send_request(interactive.request, message, []), interactive.fail
        )
        try:
            async with asyncio.timeout(timeout):
                connection.submit(entry)
                return await interactive.go_through(
                    output_hook or self._default_output_hook(),
                    stdin_hook or cast("Callable[[Message], Any]", self._stdin_hook_default),
                )
        except TimeoutError as error:
            if isinstance(error, ReplyTimeout):
                raise
            raise ReplyTimeout(
                f"Timeout waiting for output: {message['msg_id']} is not at its end within "
                f"{timeout} s; the kernel goes on",
                msg_id=message["msg_id"],
            ) from None
        finally:
            connection.forget(interactive.request, entry)

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

    # Subshells

    async def create_subshell(self, timeout: float | None = None) -> str:
        """
        Make a subshell, a thread of the kernel that runs cells beside the main shell.

        Returns:
            Its id, for `subshell_id=`.

        Raises:
            ProtocolError: The kernel has no subshells.

        Source: JEP 91.
        """
        content = await self._subshell_request("create_subshell_request", {}, timeout)
        subshell_id = str(content["subshell_id"])
        self._subshells.add(subshell_id)
        return subshell_id

    async def delete_subshell(self, subshell_id: str, timeout: float | None = None) -> None:
        """
        Delete a subshell; what it runs goes on to its end.

        Raises:
            ProtocolError: There is none of that id.
        """
        await self._subshell_request(
            "delete_subshell_request", {"subshell_id": subshell_id}, timeout
        )
        self._subshells.discard(subshell_id)

    async def list_subshell(self, timeout: float | None = None) -> list[str]:
        """Give the ids of the kernel's subshells, also those that other clients made."""
        content = await self._subshell_request("list_subshell_request", {}, timeout)
        ids = [str(subshell_id) for subshell_id in content["subshell_id"]]
        self._subshells = set(ids)
        return ids

    async def _subshell_request(
        self, msg_type: str, content: dict[str, Any], timeout: float | None
    ) -> dict[str, Any]:
        if self._features is not None and "kernel subshells" not in self._features:
            raise ProtocolError("this kernel does not support subshells (JEP 91)")
        reply = await self.request(msg_type, content, "control", timeout=timeout)
        answer = reply["content"]
        if answer.get("status") != "ok":
            raise ProtocolError(
                f"{msg_type}: {answer.get('evalue') or answer}", msg_id=reply["msg_id"]
            )
        return answer

    # What the kernel says that it can do; set when it is ready.
    _features: frozenset[str] | None = None

    # What goes on

    def subscribe(
        self,
        handler: Callable[[Message], Awaitable[None] | None],
        *,
        channel: Channel | None = None,
        msg_type: str | Collection[str] | None = None,
        msg_id: str | None = None,
    ) -> Subscription:
        """
        Call `handler`, sync or async, with each message that comes, whosever it is.

        Args:
            handler: Called in a task of its own with one message at a time.
            channel: Only those of this channel.
            msg_type: Only those of this type, or of these.
            msg_id: Only those of this request.

        Returns:
            A subscription; its `close()` ends it. A handler that is 10,000 messages behind misses
            some, which are counted.
        """
        types = (msg_type,) if isinstance(msg_type, str) else msg_type
        return self._connection.subscribers.add(handler, channel, types, msg_id)

    def stats(self) -> dict[str, int]:
        """
        Give figures of what goes on.

        Returns:
            "pending": requests that somebody waits for. "orphans": messages of requests that were
            given up. "dropped": messages that nobody read in time. "rejected": messages that were
            none (unsigned, replayed, not JSON). "violations": messages against the protocol.
            "evicted": records of `get_pubs` that had to go. "requests": messages sent. "received",
            "bytes_received": messages that came. "backlog", "backlog_bytes": messages that wait for
            a kernel that does not read.
        """
        connection = self._connection
        backlog, backlog_bytes = connection.backlog
        return {
            "pending": connection.router.pending,
            "orphans": connection.router.orphans,
            "dropped": sum(inbox.dropped for inbox in connection.inboxes.values())
            + connection.subscribers.dropped,
            "violations": connection.router.violations,
            "evicted": connection.records.evictions,
            **connection.counts,
            "backlog": backlog,
            "backlog_bytes": backlog_bytes,
        }


def _window_changed(change: Any) -> None:
    connection = change["owner"]._connection
    connection.window.limit = change["new"]
    connection.let_leave(connection.window.leaving())


async def _interrupt_kernel(client: ConKernelClient | None) -> None:
    """Interrupt the kernel: through its manager, or by a message where there is none."""
    if client is None:
        return
    manager = client.parent
    if isinstance(manager, KernelManager) and manager.has_kernel:
        await manager._async_interrupt_kernel()
        return
    reply = await client.request("interrupt_request", {}, "control")
    if reply["content"].get("status") == "error":
        raise NotInterruptibleError(f"the kernel refused: {reply['content'].get('evalue')}")


async def _restart_kernel(client: ConKernelClient | None) -> None:
    if client is None or not isinstance(client.parent, KernelManager):
        raise NotInterruptibleError("only a client of a manager can restart its kernel")
    await client.parent._async_restart_kernel(now=True)
