"""
When are a client's channels open, and where do they lead?

This module starts and stops them, and reads the connection file, which says where the kernel is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, cast

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import HBChannel
from jupyter_client.connect import port_names
from jupyter_client.manager import KernelManager
from traitlets import Float, Instance, Type

from ..errors import ChannelsClosedError, ProtocolError
from ..protocol.messages import CHANNELS
from ..state.presence import News, State
from ..transport.context import share
from ..transport.endpoint import LINGER, CurveKeys, connected_socket, new_identity, wrong_entries
from .channels import ConChannel
from .heartbeat import ConHBChannel

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from jupyter_client.connect import KernelConnectionInfo

    from ..connection.connection import Connection
    from ..connection.peer import Peer
    from ..protocol.messages import Channel
    from ..transport.sockets import ConSocket
    from .places import Places

__all__ = ["Lifecycle", "Starting"]

C = TypeVar("C", bound="Lifecycle")

STARTUP_TIMEOUT: Final = 60.0


class Starting(Generic[C]):
    """
    What `start_channels()` gives: the channels run.

    Awaited, it is the client, at once.
    """

    def __init__(self, client: C) -> None:
        self._client = client

    def __await__(self) -> Generator[Any, None, C]:
        return self._client
        yield  # it is a generator that waits for nothing


class Lifecycle(AsyncKernelClient):
    """The channels of a client; see `ConKernelClient`."""

    context: Instance[zmq.asyncio.Context]  # jupyter_client's trait
    shell_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    iopub_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    stdin_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    control_channel_class: Type[type[ConChannel], type[ConChannel]] = Type(ConChannel)
    hb_channel_class: Type[type[HBChannel], type[HBChannel]] = Type(ConHBChannel)

    # traitlets' own annotation says that a Float which may be None is read as `int | None`.
    startup_timeout: Float[float | None, float | None] = Float(  # pyright: ignore[reportAssignmentType]
        STARTUP_TIMEOUT,
        allow_none=True,
        config=True,
        help="Seconds that a request waits for a kernel that is not ready; None: any time.",
    )

    _connection: Connection
    _peer: Peer
    _places: Places
    _wants_heartbeat: bool = False  # set by start_channels(), until they are stopped
    _is_heartbeat_started: bool = False  # the present `_hb_channel`, by us
    _is_stopped: bool = False  # set by stop_channels(), until they are started again

    # jupyter_client's gives None, which no caller uses.
    def start_channels(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        shell: bool = True,
        iopub: bool = True,
        stdin: bool = True,
        hb: bool = True,
        control: bool = True,
    ) -> Starting[Self]:
        """
        Open the channels.

        The work is done when this returns, inside or outside an event loop; started again after
        `stop_channels()`, they are new ones.

        Returns:
            An object to await, or not: `kc = await kc.start_channels()` gives the client, without
            waiting for the kernel. What is sent waits until the kernel is there and its iopub is
            subscribed, at most `startup_timeout` seconds; `wait_for_ready()` waits for that.

        Raises:
            ProtocolError: The connection information lacks a port.
            OSError: There is no file descriptor left; none of the channels was opened.
        """
        self._connection.bind()
        wanted = {"shell": shell, "iopub": iopub, "stdin": stdin, "control": control, "hb": hb}
        self._check_ports(name for name, is_wanted in wanted.items() if is_wanted)
        was_listening = self._connection.is_open("iopub")
        self._open_channels([name for name in CHANNELS if wanted[name]])
        self._is_stopped = False
        if iopub and not was_listening:
            self._peer.learn(News.OPENED)
        self.allow_stdin = stdin
        if hb:
            self._wants_heartbeat = True
            if self._hb_channel is not None:
                self.hb_channel  # noqa: B018 - it starts with that
        return Starting(self)

    def _open_channels(self, names: list[Channel]) -> None:
        """Open them all, or if one cannot be opened none."""
        closed = [name for name in names if not self._connection.is_open(name)]
        try:
            for name in names:
                self._open_channel(name, again=True).start()
        except BaseException:
            for name in closed:
                channel: ConChannel | None = getattr(self, f"_{name}_channel")
                if channel is not None:
                    channel.stop()
            if not self.channels_running:
                self._identity = None
                self._destroy_context()
            raise

    def stop_channels(self) -> None:
        """
        Close the channels. What is under way fails with `ChannelsClosedError`.

        Harmless if they are closed. Called from another thread, they are closed soon.
        """
        self._connection.hand_over(self._stop_channels)

    def _stop_channels(self) -> None:
        self._places.clean_up()
        for name in CHANNELS:
            channel = getattr(self, f"_{name}_channel")
            if channel is not None:
                channel.stop()
        self._wants_heartbeat = False
        self._stop_heartbeat()
        self._connection.subshells.clear()
        self._identity = None
        self._is_stopped = True
        self._destroy_context()

    @property
    def channels_running(self) -> bool:
        """Whether any channel is open."""
        return any(map(self._connection.is_open, CHANNELS)) or bool(
            self._wants_heartbeat or (self._hb_channel is not None and self._hb_channel.is_alive())
        )

    @property
    def shell_channel(self) -> ConChannel:
        """The shell channel: replies that have no owner."""
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
        """The control channel: replies that have no owner."""
        return self._open_channel("control")

    @property
    def hb_channel(self) -> Any:
        """
        The heartbeat channel.

        Its thread starts when a program asks for it, here or by `is_alive()`, if it was among the
        channels that `start_channels()` opened.
        """
        if self._hb_channel is None:
            self._open_context()
        channel: Any = super().hb_channel
        if self._wants_heartbeat and not self._is_heartbeat_started:
            self._is_heartbeat_started = True
            if not channel.is_alive():
                channel.start()
        return channel

    def _stop_heartbeat(self) -> bool:
        """Stop it; tells whether it ran."""
        channel: Any = self._hb_channel
        self._hb_channel = None
        self._is_heartbeat_started = False
        if channel is None or not channel.is_alive():
            return False
        channel.stop()
        return True

    async def _async_is_alive(self) -> bool:
        """
        Tell whether the kernel is alive.

        A client without a manager asks the heartbeat: the first time that takes until it answers,
        or a second.
        """
        if not isinstance(self.parent, KernelManager):
            if self._connection.presence.state in (State.GONE, State.VANISHED):
                return False
            channel = self.hb_channel if self._wants_heartbeat else self._hb_channel
            if isinstance(channel, ConHBChannel):
                await channel.until_looked()
        return await super()._async_is_alive()

    is_alive = _async_is_alive

    def _open_channel(self, name: Channel, *, again: bool = False) -> ConChannel:
        """Give the channel object; a new one if there is none yet, or (`again`) it was stopped."""
        channel: ConChannel | None = getattr(self, f"_{name}_channel")
        if channel is None or (again and not channel.is_alive()):
            self._check_ports((name,))
            channel_class: type[ConChannel] = getattr(self, f"{name}_channel_class")
            connection = self._connection
            connection.open(name)
            try:
                channel = channel_class(connection.socket(name), self.session, self.ioloop)
                channel.attach(name, connection)
            except BaseException:
                connection.close(name)
                raise
            setattr(self, f"_{name}_channel", channel)
        return channel

    def _connect(self, name: Channel) -> ConSocket:
        """Make the socket of a channel, as `connect_shell` and its like do."""
        if self._identity is None:
            self._identity = new_identity(self.session)
        connect = getattr(self, f"connect_{name}")
        socket: ConSocket = connect() if name == "iopub" else connect(identity=self._identity)
        socket.channel = name
        socket.sender = self._connection
        return socket

    def _reopen(self) -> None:
        """Give the channels that are open new sockets, to where the kernel is now."""
        self._identity = None
        for name in CHANNELS:
            channel: ConChannel | None = getattr(self, f"_{name}_channel")
            if channel is not None and channel.is_alive():
                self._connection.open(name)
        if self._stop_heartbeat():
            self._wants_heartbeat = True
            self.hb_channel  # noqa: B018 - it starts with that

    def _move(self, info: KernelConnectionInfo) -> None:
        """Note where the kernel is now."""
        for name in ("ip", "curve_publickey", "curve_secretkey", *port_names):
            value: object = info.get(name)
            if value is not None:
                is_key = name.startswith("curve") and isinstance(value, str)
                setattr(self, name, str(value).encode("ascii") if is_key else value)

    # The ZMQ identity of shell, stdin and control, by which the kernel finds the one from the
    # other. Set while they are open, and another one each time: a kernel refuses an identity that
    # it still knows.
    _identity: bytes | None = None

    def _create_connected_socket(self, channel: str, identity: bytes | None = None) -> ConSocket:
        """Create a socket that never drops what the kernel sends, connected to the kernel."""
        return connected_socket(
            self._open_context(),
            channel,
            self._make_url(channel),
            identity=identity,
            keys=None
            if self.curve_publickey is None
            else CurveKeys(self.curve_publickey, self.curve_secretkey),
        )

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
        lacking = [name for name in port_names if not (getattr(self, name) or name in info)]
        wrong = wrong_entries(info)
        if lacking:
            wrong.append(f"it lacks {', '.join(lacking)}")
        if wrong:
            raise ProtocolError(f"connection file {path!r} is wrong: {'; '.join(wrong)}")
        self.load_connection_info(cast("KernelConnectionInfo", info))

    # jupyter_client's makes a context of the client's own.
    def _context_default(self) -> zmq.asyncio.Context:
        context = share()
        self._created_context = True
        return context

    def _open_context(self) -> zmq.asyncio.Context:
        """Give the context; another one if ours was closed with the channels of before."""
        if self._created_context and self.context.closed:
            self.context = share()
        return self.context

    def _destroy_context(self) -> None:
        if self._created_context and not self.context.closed:
            self.context.destroy(linger=LINGER)

    def _open_connection(self, *channels: Channel) -> Connection:
        """
        Give the connection, with `channels` open; as in jupyter_client they need not be started.

        Raises:
            ChannelsClosedError: The client was stopped. ProtocolError: It does not know the ports.
        """
        connection = self._connection
        connection.bind()
        for channel in channels:
            if connection.is_open(channel):
                continue
            if self._is_stopped or not self._open_channel(channel).is_alive():
                raise ChannelsClosedError(
                    f"the {channel} channel was stopped: call start_channels() again"
                )
        return connection
