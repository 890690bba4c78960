"""
How does a program start one kernel, restart it, end it, and get clients for it?

`ConKernelManager` takes the place of jupyter_client's `AsyncKernelManager`, and keeps the calls
between its methods, which programs override. What follows when a kernel ends is in `succession`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import signal
import weakref
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import zmq
import zmq.asyncio
from jupyter_client.connect import LocalPortCache, port_names
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.session import new_id
from traitlets import default

from ..client.client import ConKernelClient
from ..errors import ForkedError
from ..outputs.standing import standing
from ..transport.shortage import check_room, naming_shortage
from .finishing import to_its_end
from .settings import ManagerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from jupyter_client.kernelspec import KernelSpec

    from .clients import Clients
    from .ipc_directory import IpcDirectory
    from .life import Life
    from .outcome import Outcome
    from .restarter import ConKernelRestarter
    from .succession import Succession
    from .turn import Turn

__all__ = ["ConKernelManager"]

logger: Final = logging.getLogger(__name__)


class ConKernelManager(ManagerSettings):
    """
    Starts one kernel, and makes `ConKernelClient`s for it.

    Takes everything that `AsyncKernelManager` takes. Start, restart, shutdown and interrupt may be
    called from as many coroutines as you like: they take turns. A start that is cancelled leaves no
    process; a restart or shutdown that is cancelled goes on to its end first.

    The kernel's process is watched: when it ends, all that waits for it gets `DeadKernelError`.
    With it ends its process group. So it does when this process is killed, unless it was started
    with `independent=True`.

    Whether what passes over tcp is encrypted is decided by `transport_encryption`, with
    jupyter_client's default, "disabled": other clients attach to the connection file, and not all
    can do it. "auto" encrypts where the kernelspec declares it, as `run_kernel` does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # With the first manager: importing us should be quick.
        from .clients import Clients
        from .outcome import Outcome
        from .succession import Succession
        from .turn import Turn

        super().__init__(*args, **kwargs)
        self._clients: Clients = Clients()
        self._succession: Succession = Succession(self, self._clients)
        self._turn: Turn = Turn()
        self._outcome: Outcome = Outcome()
        self._is_starting = False  # what jupyter_client does after the launch is under way

    def __repr__(self) -> str:
        return standing(self, self._standing)

    def _standing(self) -> Iterable[str]:
        from .standing import told_of

        succession = self._succession
        return told_of(self, self._clients, succession.life, succession.is_restarting)

    @default("autorestart")
    def _autorestart_default(self) -> bool:
        """Leave jupyter_client's default to the classes that have its restarters."""
        return type(self).start_restarter is not ConKernelManager.start_restarter

    @property
    def kernel_spec(self) -> KernelSpec | None:
        """What starts the kernel; `conkernel` is known also where no such kernelspec is."""
        try:
            return super().kernel_spec
        except NoSuchKernel:
            from .native import NAME, native_spec

            if self.kernel_name != NAME or NAME in self.kernel_spec_manager.find_kernel_specs():
                raise
            self._kernel_spec = native_spec()
            return self._kernel_spec

    def _ip_default(self) -> str:
        """For ipc, name the sockets in a directory of their own."""
        if self.transport != "ipc":
            return super()._ip_default()
        from .ipc_directory import IpcDirectory

        self._ipc = IpcDirectory()
        return self._ipc.address

    # The directory of the ipc sockets; set when an address was made in it.
    _ipc: IpcDirectory | None = None

    def cleanup_connection_file(self) -> None:
        """Remove the connection file, and the directory of ipc sockets; not in a forked child."""
        if self._owner not in (0, os.getpid()):
            return
        super().cleanup_connection_file()
        if self._ipc is not None:
            self._ipc.remove()

    def cleanup_ipc_files(self) -> None:
        """Remove the ipc sockets; not in a forked child."""
        if self._owner in (0, os.getpid()):
            super().cleanup_ipc_files()

    # Clients

    def client(self, **kwargs: Any) -> ConKernelClient:
        """
        Make a client of this kernel, with a session id of its own and this manager's key.

        Args:
            **kwargs: Traits of the client; `session=` is used as it is.
        """
        if "session" not in kwargs:
            session = self.session.clone()
            session.session = new_id()
            kwargs["session"] = session
        made: object = super().client(**kwargs)
        client = cast("ConKernelClient", made)  # not if `client_class` was set to another one
        if isinstance(made, ConKernelClient):
            self._clients.add(client)
            self._succession.inform(client._link)
        return client

    # Start, restart, shutdown, interrupt: one at a time

    @property
    def ready(self) -> asyncio.Future[None] | concurrent.futures.Future[None]:
        """
        Done when the start, restart or shutdown that is under way has ended, as that did.

        A restart that no program asked for, as after a death, leaves it as it was: programs look
        here before they shut a kernel down, and the shutdown waits its turn by itself.
        """
        return self._outcome.ready()

    async def start_kernel(self, **kwargs: Any) -> None:
        """
        Start the kernel.

        Args:
            **kwargs: For the kernel's process: `cwd`, `env`, `extra_arguments`, `independent` ...

        Cancelled, it leaves no process.
        """
        self._check_fork()
        self._succession.expect_free_ports()
        async with self._my_turn():
            try:
                await to_its_end(self._async_start_kernel(**kwargs))
            except asyncio.CancelledError:
                await to_its_end(self._async_shutdown_kernel(now=True))
                raise

    async def restart_kernel(self, now: bool = False, newports: bool = False, **kw: Any) -> None:
        """
        Restart the kernel with the arguments that it was launched with.

        From the call on, what was sent before fails with `KernelRestartedError`, and what is sent
        waits for the new kernel. Clients need not do anything.

        Args:
            now: Kill it; otherwise it is asked to end first.
            newports: Choose new ports.
            **kw: What is to be different from the first launch.

        Raises:
            UnknownArgumentError (a TypeError): An argument is unknown; the kernel goes on.

        Cancelled, it goes on to its end.
        """
        self._check_fork()
        if kw and type(self) is ConKernelManager:  # a subclass may take others
            from .arguments import check_launch

            check_launch(self, ConKernelClient, kw, function="restart_kernel")
        self._announce_restart()
        with self._succession.restart_due() as begin:
            async with self._my_turn():
                begin()
                await to_its_end(self._async_restart_kernel(now=now, newports=newports, **kw))

    async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """
        End the kernel, with its process group. Harmless if there is none.

        Args:
            now: Kill it; otherwise it is asked to end first.
            restart: Keep the connection file.

        Cancelled, it goes on to its end. In a forked child it does nothing: the kernel is the
        parent's.
        """
        if self._is_of_parent():
            return
        async with self._my_turn():
            await to_its_end(self._async_shutdown_kernel(now=now, restart=restart))

    async def interrupt_kernel(self) -> None:
        """
        Interrupt whatever the kernel runs; `Run.interrupt` aims at one run.

        One that has to wait for a restart or shutdown is dropped: its kernel is gone.
        """
        self._check_fork()
        life, had_kernel = self._succession.life, self.has_kernel
        async with self._lock():
            is_gone = had_kernel and not self.has_kernel
            if life is None or (self._succession.life is life and not is_gone):
                self._clients.note_interrupt()
                await self._async_interrupt_kernel()

    def _is_of_parent(self) -> bool:
        """Tell whether the kernel belongs to the process that this one was forked off."""
        return self._owner not in (0, os.getpid()) and self.has_kernel

    def _check_fork(self) -> None:
        if self._is_of_parent():
            raise ForkedError(
                "this kernel belongs to the process that started it, and this one was forked off "
                "that: make a manager of its own here"
            )

    async def _async_signal_kernel(self, signum: int) -> None:
        """Send the signal `signum` to the kernel; SIGINT is an interrupt."""
        if signum == signal.SIGINT:
            self._clients.note_interrupt()
        await super()._async_signal_kernel(signum)

    async def signal_kernel(self, signum: int) -> None:
        """Send the signal `signum` to the kernel; SIGINT is an interrupt."""
        await self._async_signal_kernel(signum)

    def _lock(self) -> Turn:
        self._succession.loop = asyncio.get_running_loop()
        return self._turn

    @asynccontextmanager
    async def _my_turn(self) -> AsyncGenerator[None, None]:
        async with self._lock():
            if self._succession.is_own_task():
                yield
                return
            with self._outcome.of_what_follows():
                yield

    # What jupyter_client does in each of them

    async def _async_pre_start_kernel(
        self, *, transport_encryption: str | None = None, **kw: Any
    ) -> tuple[list[str], dict[str, Any]]:
        self._owner = os.getpid()
        self._is_cleaned_up = False
        if self._created_context and self.context.closed:  # it was, with the kernel of before
            self.set_trait("context", zmq.asyncio.Context())
        ip = self.ip  # to ask for it may make the directory
        ipc = self._ipc
        if ipc is not None and ip == ipc.address and not ipc.is_there:
            self.set_trait("ip", self._ip_default())
        return await super()._async_pre_start_kernel(
            transport_encryption=transport_encryption, **kw
        )

    _owner: int = 0  # the process that started the kernel; set when it does
    # Set when the kernel was shut down for good, until another one is started.
    _is_cleaned_up: bool = False

    @default("context")
    def _context_default(self) -> zmq.asyncio.Context:
        """Make it when a program asks; after a shutdown it is closed, as one in use would be."""
        self._created_context = True
        context = zmq.asyncio.Context()
        if self._is_cleaned_up:
            context.term()
        return context

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        self._is_cleaned_up = not restart

    async def cleanup_resources(self, restart: bool = False) -> None:
        """Let go of what the kernel's sockets and files took; with `restart` of less."""
        await self._async_cleanup_resources(restart=restart)

    async def _async_post_start_kernel(self, **kw: Any) -> None:
        self._is_starting = True
        try:
            await super()._async_post_start_kernel(**kw)
        finally:
            self._is_starting = False

    def _connect_control_socket(self) -> None:
        """
        Open the socket for requests to end, once there is one.

        It takes a ZMQ context, with its descriptors and threads.
        """
        if not self._is_starting and self._control_socket is None:
            with naming_shortage("the kernel's control channel"):
                check_room()
                super()._connect_control_socket()

    async def _async_request_shutdown(self, restart: bool = False) -> None:
        try:
            await super()._async_request_shutdown(restart=restart)
        except (OSError, zmq.ZMQError) as error:  # it will be killed
            logger.warning("the kernel could not be asked to end: %s", error)

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        is_local = isinstance(self.provisioner, LocalProvisioner)
        is_independent = bool(kw.get("independent"))
        captures = self.capture_stderr and "stderr" not in kw and not is_independent
        from .arguments import check_launch  # with the first kernel: importing us should be quick
        from .life import Life

        check_launch(self, ConKernelClient, kw)
        life = Life(
            captures_stderr=captures and is_local,
            passes_on=self.pass_on_output or not is_local,
            is_owned=is_local and not is_independent,
            paths=self._own_files(),
            ports=self.ports if self.transport == "tcp" else (),
            on_port_taken=weakref.WeakMethod(self._succession.port_is_taken),
        )
        with naming_shortage("the kernel's process"):
            await self._launch(life, kernel_cmd, kw)
        info = self.get_connection_info()
        self._succession.note_successor()
        self._clients.start(info, self._succession.kernel_vanished, life.note_answer)

    @property
    def last_words(self) -> str:
        """The last 4 KiB of the kernel's stderr, and of its stdout if that is not passed on."""
        life = self._succession.life
        return "" if life is None else life.last_words

    @property
    def exit_code(self) -> int | None:
        """
        Exit status of the last kernel's process; negative: that signal ended it.

        None as long as it runs, before there was one, and where it is not known.
        """
        life = self._succession.life
        return None if life is None else life.ending().exit_code

    def _own_files(self) -> list[str]:
        """Give what was made for the kernel, and goes with it."""
        ipc = self._ipc
        found = [ipc.path] if ipc is not None and ipc.is_there else []
        if self._connection_file_written:
            found.append(os.path.abspath(self.connection_file))
        return found

    async def _launch(self, life: Life, kernel_cmd: list[str], kw: dict[str, Any]) -> None:
        """Launch the process and watch it, or if that cannot be leave none."""
        try:
            with life.birth(kw):
                await super()._async_launch_kernel(kernel_cmd, **kw)
            self._succession.begin(life, self.provisioner)
        except BaseException:
            provisioner = self.provisioner
            if provisioner is not None and provisioner.has_process:
                await provisioner.kill()
                await provisioner.wait()
            raise

    def _announce_restart(self) -> None:
        if self._launch_args is None or not self.owns_kernel:
            return
        self._clients.announce_restart()

    async def _async_restart_kernel(
        self, now: bool = False, newports: bool = False, **kw: Any
    ) -> None:
        self._announce_restart()
        with self._succession.restarting():
            await super()._async_restart_kernel(now=now, newports=newports, **kw)

    async def _async_shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        life = self._succession.life
        if life is not None:
            life.is_being_ended = True
        if not self.owns_kernel or self.has_kernel or not self._attempted_start:
            await super()._async_shutdown_kernel(now=now, restart=restart)
        else:  # it was shut down already
            await self._async_cleanup_resources(restart=restart)
        if life is not None and not life.is_watched:
            self._succession.process_ended(life)

    async def _async_is_alive(self) -> bool:
        life = self._succession.life
        is_alive = await super()._async_is_alive()
        # While the watch asks for the exit status, Popen tells others that there is none yet.
        return is_alive and not (life is not None and life.has_ended)

    async def is_alive(self) -> bool:
        """Whether the kernel's process is there."""
        return await self._async_is_alive()

    async def _async_wait(self, pollinterval: float = 0.1) -> None:
        while await self._async_is_alive():
            life = self._succession.life
            if life is None or not await life.until_over(pollinterval):
                await asyncio.sleep(pollinterval)

    def cleanup_random_ports(self) -> None:
        """Forget the ports, so that the next start chooses others; the connection file goes."""
        provisioner = self.provisioner
        if isinstance(provisioner, LocalProvisioner) and provisioner.ports_cached:
            for name in port_names:
                LocalPortCache.instance().return_port(getattr(self, name))
                setattr(self, name, 0)
            provisioner.ports_cached = False
            self.cleanup_connection_file()
            return
        super().cleanup_random_ports()

    # Callbacks

    def start_restarter(self) -> None:
        """Restart the kernel from now on when it dies, if `autorestart` is set."""
        if self.autorestart:
            self._make_revival().start()

    def stop_restarter(self) -> None:
        """Let a kernel that dies be dead."""
        restarter = self._succession.restarter
        if restarter is not None:
            restarter.stop()

    def add_restart_callback(self, callback: Callable[..., Any], event: str = "restart") -> None:
        """
        Call `callback()`, sync or async, at an event.

        Args:
            callback: What is called.
            event: "restart": the kernel died, and is about to be started again. "dead": it died,
                and stays so.
        """
        if self._restarter is not None:  # a subclass has one of jupyter_client's
            super().add_restart_callback(callback, event)
        else:
            self._make_revival().add_callback(callback, event)

    def remove_restart_callback(self, callback: Callable[..., Any], event: str = "restart") -> None:
        """Call it no more; harmless if it was not."""
        if self._restarter is not None:
            super().remove_restart_callback(callback, event)
        elif self._succession.restarter is not None:
            self._succession.restarter.remove_callback(callback, event)

    def _make_revival(self) -> ConKernelRestarter:
        restarter = self._succession.restarter
        if restarter is None:
            from .restarter import ConKernelRestarter

            restarter = ConKernelRestarter(kernel_manager=self, parent=self, log=self.log)
            self._succession.restarter = restarter
        return restarter
