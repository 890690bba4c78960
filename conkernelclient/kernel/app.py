"""
How does a kernel start, and how does it end?

As ipykernel's application, with one thread for the sockets in the place of three.
"""

from __future__ import annotations

import atexit
import gc
import logging
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any, ClassVar, Final

import zmq
from traitlets import Dict, Type, Unicode, default
from zmq.eventloop.zmqstream import ZMQStream

from . import compat
from .cells import follow_threads
from .channels import Channels, Publisher, SocketOf
from .compat import KERNEL_FLAGS, ControlThread, IPKernelApp
from .debugging import load_debugger_late
from .ignored import raise_ignored_stops
from .kernel import ConKernel
from .masking import interruptible_sleep
from .shell import ConShell
from .spec import MissingTrioError
from .streams import Stream, route_by_context
from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ConKernelApp"]

log: Final = logging.getLogger(__name__)

MOST_UNSENT: Final = 100_000  # messages that wait for a front end that does not read


class ConKernelApp(IPKernelApp):
    """The application `python -m conkernelclient.kernel -f FILE`."""

    name = "conkernel"
    # Programs know ipykernel's warnings by its name, and pass over them.
    log_format: Any = Unicode("[IPKernelApp]%(highlevel)s %(message)s").tag(config=True)
    kernel_class: Any = Type("conkernelclient.kernel.kernel.ConKernel", klass=ConKernel).tag(
        config=True
    )
    outstream_class = "conkernelclient.kernel.streams.Stream"
    classes: ClassVar[list[Any]] = [ConKernel, ConShell, *IPKernelApp.classes]
    flags: Any = Dict(
        {**KERNEL_FLAGS, "trio": ({"ConKernel": {"library": "trio"}}, "Let cells await trio.")}
    )
    collects_from_code_on = False
    """Whether the garbage collector is off until a user's code can run, and then is to be on."""
    subcommands: ClassVar[dict[str, Any]] = {}  # those of the kernel are in `command`

    @default("config_files")
    def _both_config_files(self) -> list[str]:
        """What a profile has for ipykernel is for this kernel as well; its own file comes after."""
        return ["ipython_kernel_config.py", self.config_file_name]

    def initialize(self, argv: Any = None) -> None:
        """Make all that the kernel needs."""
        compat.check()
        load_debugger_late()
        super().initialize(argv)

    def init_code(self) -> None:
        """Run what the configuration names, with the garbage collector as the process has it."""
        if self.collects_from_code_on:
            gc.enable()
        super().init_code()

    def init_profile_dir(self) -> None:
        """Find or make IPython's directory; where that cannot be, one for this process."""
        base: Any = super()
        try:
            base.init_profile_dir()
        except OSError as error:
            log.warning(
                "IPython's directory cannot be written (%s): a temporary one takes its place, and "
                "the history of this kernel is lost with it",
                error,
            )
            self.ipython_dir: str = tempfile.mkdtemp(prefix="conkernel-")
            atexit.register(shutil.rmtree, self.ipython_dir, ignore_errors=True)
            base.init_profile_dir()

    def init_control(self, context: Any) -> None:
        """Make the control channel's sockets and its thread."""
        self.control_socket: Any = context.socket(zmq.ROUTER)
        self.control_socket.linger = 1000
        self._apply_curve_server_options(self.control_socket)
        self.control_port: int = self._bind_socket(self.control_socket, self.control_port)
        self.control_socket.router_handover = 1
        self.debugpy_socket: Any = context.socket(zmq.STREAM)
        self.debugpy_socket.linger = 1000
        self.debug_shell_socket: Any = context.socket(zmq.DEALER)
        self.debug_shell_socket.linger = 1000
        self._apply_curve_client_options(self.debug_shell_socket)
        self.debug_shell_socket.connect(self.shell_socket.getsockopt(zmq.LAST_ENDPOINT))
        self.control_thread: Any = ControlThread(daemon=True)

    def init_iopub(self, context: Any) -> None:
        """Make the iopub channel, and the thread of all sockets."""
        socket = context.socket(zmq.XPUB)
        socket.linger = 1000
        socket.sndhwm = MOST_UNSENT
        self._apply_curve_server_options(socket)
        self.iopub_port: int = self._bind_socket(socket, self.iopub_port)
        self.configure_tornado_logger()
        from_children = context.socket(zmq.PULL)
        from_children.linger = 0
        port = from_children.bind_to_random_port("tcp://127.0.0.1")
        self.channels: Channels = Channels(
            {
                "shell": self.shell_socket,
                "control": self.control_socket,
                "stdin": self.stdin_socket,
                "iopub": socket,
                "children": from_children,
            }
        )
        self.wire: Wire = Wire(self.session)
        self.iopub_thread: Publisher = Publisher(self.channels, socket, self.session, port)
        self.channels.read("iopub", self._welcome)
        self.channels.read("children", self.iopub_thread.take_from_child)
        self.channels.start()
        self.iopub_socket: Any = self.iopub_thread.background_socket

    def _welcome(self, frames: list[bytes]) -> None:
        """Say to a front end that its subscription is there (JEP 65)."""
        if frames[0][:1] != b"\x01":
            return
        topic = frames[0][1:]
        try:
            content = {"subscription": topic.decode()}
        except UnicodeDecodeError:
            return
        idents = [topic] if topic else []
        self.channels.post("iopub", self.wire.pack("iopub_welcome", content, idents=idents))

    def init_io(self) -> None:
        """Put our streams in the place of the process's."""
        Stream.wire = self.wire
        super().init_io()
        self._undo: list[Callable[[], None]] = [
            route_by_context(),
            interruptible_sleep(),
            raise_ignored_stops(),
        ]

    def init_kernel(self) -> None:
        """Make the kernel."""
        debugpy_stream = ZMQStream(self.debugpy_socket, self.control_thread.io_loop)
        self.control_thread.start()
        kernel: ConKernel = self.kernel_class.instance(
            parent=self,
            channels=self.channels,
            wire=self.wire,
            session=self.session,
            control_stream=SocketOf(self.channels, "control"),
            shell_stream=SocketOf(self.channels, "shell"),
            debugpy_stream=debugpy_stream,
            debug_shell_socket=self.debug_shell_socket,
            control_thread=self.control_thread,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            stdin_socket=SocketOf(self.channels, "stdin"),
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )
        if kernel.thread_output == "starter":
            self._undo.append(follow_threads())
        Stream.on_sent = staticmethod(kernel.count_output)
        kernel.record_ports({f"{name}_port": port for name, port in self._ports.items()})
        self.kernel: ConKernel = kernel
        shell: Any = kernel.shell
        self.displayhook.get_execution_count = lambda: shell.execution_count

    def start(self) -> None:
        """Serve until the kernel is shut down."""
        if self.subapp is not None:
            self.subapp.start()
            return
        if self.poller is not None:
            self.poller.start()
        try:
            self.kernel.start()
        except MissingTrioError as error:
            print(f"conkernel: {error}", file=sys.__stderr__)  # nobody reads the log
            self.exit(1)
        self.io_loop: Any = self.kernel.io_loop
        try:
            while not self._run():
                pass
        finally:
            self.kernel.end()

    def _run(self) -> bool:
        """Run the loop; whether it was stopped, and not left by an exception of a cell's task."""
        try:
            self.io_loop.start()
        except KeyboardInterrupt:
            return False
        except SystemExit:
            log.warning("a background task wanted to end the kernel; use exit() in a cell")
            return False
        return True

    def close(self) -> None:
        """Close all sockets, as far as a start that failed has made them."""
        channels: Channels | None = getattr(self, "channels", None)
        if channels is not None:
            channels.stop()
            # Before the others, since the context ends when its last socket is closed.
            channels._sockets["children"].close()
        super().close()
