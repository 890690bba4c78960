"""
A kernel process ends: does another one take its place, and what do its clients learn?

A process that a program asked to end has no successor. One that died has a successor if there is a
restarter and it wants to; so has one that found its ports taken. The succession does what is to be
done once, in an event loop where one runs.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..connection.waiting import Tasks
from ..state.endings import Ending, restarted, vanished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from ..client.manager_link import ManagerLink
    from .clients import Clients
    from .life import Life
    from .restarter import ConKernelRestarter

__all__ = ["Manager", "Succession"]

logger: Final = logging.getLogger(__name__)

ASK_EVERY: Final = 0.5  # seconds between two questions whether a process lives that is not ours
PORT_RETRIES: Final = 5


class Manager(Protocol):
    """What the kernel's manager can be asked for."""

    def is_alive(self) -> Awaitable[bool]:
        """Ask whether the present process lives."""
        ...

    def restart_kernel(self, now: bool = ..., newports: bool = ...) -> Coroutine[Any, Any, None]:
        """Start another process in the place of the present one."""
        ...


class Succession:
    """
    The processes of one manager's kernel, one after the other.

    Args:
        manager: The kernel's. The succession refers to it weakly, for the manager holds this.
        clients: They learn of each end.

    Attributes:
        life: The present process; None before the first one.
        loop: The last event loop that used the manager; set by the manager.
        restarter: Set when the program asks for restarts or for callbacks.
        is_restarting: Whether jupyter_client's restart is under way.
    """

    def __init__(self, manager: Manager, clients: Clients) -> None:
        self._manager = weakref.ref(manager)
        self._clients = clients
        self.life: Life | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.restarter: ConKernelRestarter | None = None
        self.is_restarting: bool = False
        self._restarts_due: int = 0  # announced to the clients, and not at their end
        self._has_begun: bool = False  # the one of them whose turn it is
        self._has_successor: bool = False  # the clients know the process that it started
        self._port_retries: int = 0
        self._settled: Life | None = None  # what was to be done at its end is done
        self._tasks: Tasks = Tasks(_complain)

    # What the manager tells

    def begin(self, life: Life, provisioner: object) -> None:
        """
        Let `life` be the present process, and watch it.

        Args:
            life: Its process has been launched.
            provisioner: Launched it.
        """
        self.life = life
        self.loop = asyncio.get_running_loop()
        if not life.watch(provisioner, weakref.WeakMethod(self.process_ended)):
            self._tasks.spawn(self._ask_for_its_life(life))

    def inform(self, link: ManagerLink) -> None:
        """Tell a client that was just made how the kernel stands."""
        life = self.life
        if life is None:
            return
        link.watch(self.kernel_vanished, life.note_answer, is_starting=not life.has_answered)
        if self._is_successor_due:
            link.announce_restart()
        elif life.is_over:
            link.end(lambda: life.ending().error())

    def expect_free_ports(self) -> None:
        """Note that a program starts the kernel: its ports may be taken a few times anew."""
        self._port_retries = 0

    @contextmanager
    def restart_due(self) -> Generator[Callable[[], None], None, None]:
        """
        Count a restart that was announced, until the body ends; gives what notes that it begins.

        One that ends before it began, as when it is cancelled, is called off.
        """
        has_begun = False

        def begin() -> None:
            nonlocal has_begun
            has_begun = self._has_begun = True
            self._has_successor = False

        self._restarts_due += 1
        try:
            yield begin
        finally:
            self._restarts_due -= 1
            if has_begun:
                self._has_begun = False
            elif not self._is_successor_due:
                self._call_off_restart()

    @contextmanager
    def restarting(self) -> Generator[None, None, None]:
        """Let the body end the present process and start its successor."""
        self.is_restarting = True
        self._has_successor = False
        try:
            yield
        except BaseException as error:
            reason = f"the kernel was being restarted, and that failed: {error!r}"
            self._clients.end(Ending(reason=reason).error)
            raise
        finally:
            self.is_restarting = False
        life = self.life
        if life is not None and life.is_over:
            self.process_ended(life)  # it was quicker than we

    def note_successor(self) -> None:
        """Note that the clients are told of the process that was started."""
        self._has_successor = True

    @property
    def _is_successor_due(self) -> bool:
        """Whether the clients will be told of a process: one that is made later would miss it."""
        is_told = self._has_begun and self._has_successor
        return self._restarts_due > is_told or (self.is_restarting and not self._has_successor)

    @property
    def is_answered(self) -> bool:
        """Whether the present process has answered a client: it is not starting any more."""
        return self.life is not None and self.life.has_answered and not self.life.is_over

    def is_own_task(self) -> bool:
        """Tell whether this runs in a task of ours, and so does what no program asked for."""
        return asyncio.current_task() in self._tasks.all

    # What the process, its stderr and the clients tell

    def process_ended(self, life: Life) -> None:
        """Do what follows from the end of its process; from any thread."""
        if self.life is not life or self.is_restarting:
            return
        if not self._call_in_loop(self._settle_end, life, may_wait=self.restarter is not None):
            self._clients.end(life.ending().error)

    def kernel_vanished(self) -> None:
        """Do what follows when the kernel closed its connections, and its process lives on."""
        if self.life is not None:
            self._call_in_loop(self._settle_vanishing, self.life)

    def port_is_taken(self, life: Life) -> None:
        """Start again with other ports; from any thread."""
        self._call_in_loop(self._choose_other_ports, life)

    async def _ask_for_its_life(self, life: Life) -> None:
        """Watch a kernel whose process is not ours to wait for: its provisioner knows."""
        manager = self._manager()
        assert manager is not None  # it just launched the process
        while self.life is life and await manager.is_alive():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(ASK_EVERY)
        if self.life is life:
            self.process_ended(life)

    # What is done, in a loop

    def _call_in_loop(
        self, function: Callable[[Life], None], life: Life, *, may_wait: bool = True
    ) -> bool:
        """
        Call `function` in a loop that runs; with `may_wait`, if none does, in the first that will.

        `function` may be called more than once. False: there is no such loop.
        """
        loops = [self.loop, *self._clients.loops()]
        is_open = [loop for loop in loops if loop is not None and not loop.is_closed()]
        running = [loop for loop in is_open if loop.is_running()]
        has_called = False
        for loop in running[:1] or (is_open if may_wait else []):
            with suppress(RuntimeError):  # it is being closed
                loop.call_soon_threadsafe(function, life)
                has_called = True
        return has_called

    def _settle_end(self, life: Life) -> None:
        """Decide whether the kernel is started again."""
        if self.life is not life or self.is_restarting or self._settled is life:
            return  # it ended on the way to its successor, or another loop was quicker
        self._settled = life
        restarter = self.restarter
        if life.is_being_ended:
            self._clients.end(life.ending().error)
        elif restarter is not None and restarter.wants_restart():
            self._revive(restarter, life.ending())
        else:
            self._clients.end(life.ending().error)
            if restarter is not None:
                restarter.tell("dead")

    def _settle_vanishing(self, life: Life) -> None:
        """Decide whether the kernel is started again; the clients know already."""
        restarter = self.restarter
        if self.life is not life or self.is_restarting or life.is_being_ended or life.is_over:
            return
        if restarter is not None and life.is_owned and restarter.wants_restart():
            life.is_being_ended = True
            self._revive(restarter, vanished())

    def _choose_other_ports(self, life: Life) -> None:
        manager = self._manager()
        if self.life is not life or manager is None or self._port_retries >= PORT_RETRIES:
            return
        if self._clients.have_received():
            return
        self._port_retries += 1
        life.is_being_ended = True
        logger.warning("the kernel found one of its ports taken: it starts again with others")
        self._clients.end(restarted, returns=True)
        self._tasks.spawn(manager.restart_kernel(now=True, newports=True))

    def _revive(self, restarter: ConKernelRestarter, ending: Ending) -> None:
        self._restarts_due += 1  # for clients that are made until it is announced
        self._clients.end(ending.error, returns=True)
        self._tasks.spawn(self._restart_unasked(restarter))

    async def _restart_unasked(self, restarter: ConKernelRestarter) -> None:
        try:
            await self._clients.until_settled()
        finally:
            self._restarts_due -= 1
        await restarter.restart()

    def _call_off_restart(self) -> None:
        """Tell the clients that nothing comes of a restart which was cancelled before its turn."""
        life = self.life
        if life is None or life.is_over:
            self._clients.end(Ending().error if life is None else life.ending().error)
        else:
            self._clients.call_off_restart()


def _complain(error: BaseException) -> None:
    logger.error("the kernel could not be restarted: %r", error, exc_info=error)
