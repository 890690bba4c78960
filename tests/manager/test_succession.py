"""What follows the end of a kernel process is decided once, and each client hears of it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.errors import DeadKernelError, KernelRestartedError
from conkernelclient.manager.life import Life
from conkernelclient.manager.succession import PORT_RETRIES, Succession
from tests.messages import kind

from ..clients import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient.errors import ConKernelError


class Lived(Life):
    """A process that a test ends."""

    is_over = False

    def __init__(self, *, is_owned: bool = True, can_be_watched: bool = True) -> None:
        super().__init__(
            captures_stderr=False, is_owned=is_owned, ports=(), on_port_taken=lambda: None
        )
        self._can_be_watched = can_be_watched

    def watch(self, provisioner: object, on_end: Any) -> bool:
        self.on_end = on_end
        return self._can_be_watched

    def end(self) -> None:
        self.is_over = True
        self.on_end()(self)


class Told:
    """Stands for the clients, and writes down what they are told."""

    def __init__(self) -> None:
        self.news: list[Any] = []
        self.has_received = False

    def end(self, make_error: Callable[[], ConKernelError], *, returns: bool = False) -> None:
        error = make_error()
        self.news.append((kind(error), getattr(error, "expected", None), returns))

    def call_off_restart(self) -> None:
        self.news.append("stays")

    def have_received(self) -> bool:
        return self.has_received

    async def until_settled(self) -> None:
        await asyncio.sleep(0)
        self.news.append("settled")

    def loops(self) -> list[asyncio.AbstractEventLoop | None]:
        return []


class Restarter:
    """Restarts as often as it is told."""

    def __init__(self, manager: Manager, limit: int = 1) -> None:
        self.manager = manager
        self.left = limit
        self.told: list[str] = []

    def wants_restart(self) -> bool:
        self.left -= 1
        return self.left >= 0

    async def restart(self) -> None:
        await self.manager.restart_kernel(now=True)

    def tell(self, event: str) -> None:
        self.told.append(event)


class Manager:
    """Writes down how it is asked to restart."""

    def __init__(self) -> None:
        self.clients = Told()
        self.succession = Succession(self, self.clients)  # type: ignore[arg-type]
        self.restarts: list[tuple[bool, bool]] = []
        self.lives = True
        self.was_own_task = False

    async def is_alive(self) -> bool:
        return self.lives

    async def restart_kernel(self, now: bool = False, newports: bool = False) -> None:
        self.was_own_task = self.succession.is_own_task()
        self.restarts.append((now, newports))

    def start(self, life: Life) -> None:
        self.succession.begin(life, None)


DIED = DeadKernelError, False, False
ASKED = DeadKernelError, True, False


async def test_a_death_without_a_restarter_is_told_once() -> None:
    """Whoever tells of it, and how often."""
    manager, life = Manager(), Lived()
    assert not manager.succession.is_answered
    manager.start(life)
    assert not manager.succession.is_answered
    life.note_answer()
    assert manager.succession.is_answered
    life.end()
    assert not manager.succession.is_answered
    manager.succession.process_ended(life)
    await until(lambda: bool(manager.clients.news))
    await asyncio.sleep(0)
    assert manager.clients.news == [DIED]
    assert manager.restarts == []


async def test_an_end_that_was_asked_for_has_no_successor() -> None:
    """Whatever the restarter wants."""
    manager, life = Manager(), Lived()
    manager.succession.restarter = restarter = Restarter(manager)  # type: ignore[assignment]
    manager.start(life)
    life.is_being_ended = True
    life.end()
    await until(lambda: bool(manager.clients.news))
    assert manager.clients.news == [ASKED]
    assert (restarter.left, restarter.told) == (1, [])


async def test_a_death_is_followed_by_a_restart_until_the_restarter_has_enough() -> None:
    """The clients hear that another one comes; then that none does, and so do the callbacks."""
    manager = Manager()
    manager.succession.restarter = restarter = Restarter(manager)  # type: ignore[assignment]
    first, second = Lived(), Lived()
    manager.start(first)
    first.end()
    await until(lambda: bool(manager.restarts))
    assert manager.clients.news == [(DeadKernelError, False, True), "settled"]
    assert manager.restarts == [(True, False)]
    assert manager.was_own_task
    manager.start(second)
    second.end()
    await until(lambda: restarter.told == ["dead"])
    assert manager.clients.news[2:] == [DIED]
    assert len(manager.restarts) == 1


async def test_the_end_of_a_process_that_has_a_successor_already_is_no_news() -> None:
    """Nor is one amid a restart, unless it is that of the new process."""
    manager, old, new = Manager(), Lived(), Lived()
    manager.start(old)
    with manager.succession.restarting():
        old.end()
        manager.start(new)
    old.end()
    await asyncio.sleep(0.01)
    assert manager.clients.news == []
    with manager.succession.restarting():
        new.end()
        assert manager.clients.news == []
    await until(lambda: manager.clients.news == [DIED])


async def test_a_restart_that_fails_is_told() -> None:
    """With its reason, and the caller hears it as well."""
    manager = Manager()
    manager.start(Lived())
    with pytest.raises(OSError, match="no room"), manager.succession.restarting():
        raise OSError("no room")
    assert [news[0] for news in manager.clients.news] == [DeadKernelError]
    assert not manager.succession.is_restarting


async def test_a_restart_that_is_cancelled_before_its_turn_is_called_off() -> None:
    """The clients go on with the kernel that lives, or hear that there is none."""
    manager, life = Manager(), Lived()
    succession = manager.succession
    manager.start(life)
    with pytest.raises(asyncio.CancelledError), succession.restart_due():
        raise asyncio.CancelledError
    assert manager.clients.news == ["stays"]
    with succession.restart_due() as begin:
        begin()
    assert manager.clients.news == ["stays"]
    with succession.restart_due(), succession.restart_due():
        pass  # the outer one calls it off: the inner one knows that another is due
    assert manager.clients.news == ["stays", "stays"]
    life.is_over = True
    with succession.restart_due():
        pass
    assert manager.clients.news[2:] == [DIED]


async def test_a_client_that_is_made_late_hears_how_the_kernel_stands() -> None:
    """Nothing before the first start, then whether it restarts or is over."""
    manager, life, told = Manager(), Lived(), list[Any]()

    class Link:
        def watch(self, on_vanished: Any, on_answer: Any, *, is_starting: bool) -> None:
            told.append(("watch", is_starting))
            on_answer()

        def announce_restart(self) -> None:
            told.append("restarts")

        def end(self, make_error: Any) -> None:
            told.append(kind(make_error()))

    link: Any = Link()
    manager.succession.inform(link)
    assert told == []
    manager.start(life)
    manager.succession.inform(link)
    manager.succession.inform(link)
    assert told == [("watch", True), ("watch", False)]
    with manager.succession.restart_due() as begin:
        begin()
        manager.succession.inform(link)
    life.is_over = True
    manager.succession.inform(link)
    assert told[2:] == [("watch", False), "restarts", ("watch", False), DeadKernelError]


async def test_a_client_that_is_made_after_the_successor_was_told_waits_for_none() -> None:
    """It waited for ever: the restart was not at its end, and another one was due and cancelled."""
    from conkernelclient.state.presence import State

    manager = ConKernelManager()
    await manager.start_kernel()
    succession = manager._succession
    with succession.restarting():
        early = manager.client()
        assert early._connection.presence.state is State.RESTARTING
        succession.note_successor()
        late = manager.client()
        assert late._connection.presence.state is not State.RESTARTING
        with succession.restart_due():
            waiting = manager.client()
            assert waiting._connection.presence.state is State.RESTARTING
        assert waiting._connection.presence.state is not State.RESTARTING
    await manager.shutdown_kernel(now=True)


async def test_other_ports_are_tried_a_few_times_and_anew_at_the_next_start() -> None:
    """Unless a client has heard from the kernel: then it has its ports."""
    manager = Manager()

    def complain() -> None:
        life = Lived()
        manager.start(life)
        manager.succession.port_is_taken(life)
        manager.succession.port_is_taken(Lived())  # an old one

    for _ in range(PORT_RETRIES + 2):
        complain()
        await asyncio.sleep(0.01)
    assert manager.restarts == [(True, True)] * PORT_RETRIES
    assert manager.clients.news == [(KernelRestartedError, False, True)] * PORT_RETRIES
    manager.succession.expect_free_ports()
    manager.clients.has_received = True
    complain()
    await asyncio.sleep(0.01)
    assert len(manager.restarts) == PORT_RETRIES
    manager.clients.has_received = False
    complain()
    await until(lambda: len(manager.restarts) == PORT_RETRIES + 1)


@pytest.mark.parametrize("is_owned", [True, False])
async def test_a_kernel_that_left_is_restarted_only_if_it_is_ours(is_owned: bool) -> None:
    """Its process lives on; the clients know already that it is not there."""
    manager = Manager()
    manager.succession.kernel_vanished()  # before the first start
    manager.succession.restarter = Restarter(manager)  # type: ignore[assignment]
    manager.start(Lived(is_owned=is_owned))
    manager.succession.kernel_vanished()
    manager.succession.kernel_vanished()
    await asyncio.sleep(0.01)
    assert manager.restarts == [(True, False)] * is_owned
    assert [news for news in manager.clients.news if news != "settled"] == [
        (DeadKernelError, False, True)
    ] * is_owned


async def test_a_process_that_is_not_ours_to_wait_for_is_asked_for() -> None:
    """By the manager, which its provisioner answers."""
    manager = Manager()
    manager.lives = False
    manager.start(Lived(can_be_watched=False))
    await until(lambda: manager.clients.news == [DIED])


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_death_while_no_loop_runs_is_told_at_once_or_restarted_later(is_restarted: bool) -> None:
    """To start a process takes a loop; to fail what waits does not."""
    manager, life = Manager(), Lived()
    if is_restarted:
        manager.succession.restarter = Restarter(manager)  # type: ignore[assignment]
    loop = asyncio.new_event_loop()

    async def start() -> None:
        manager.start(life)

    loop.run_until_complete(start())
    thread = threading.Thread(target=life.end)
    thread.start()
    thread.join()
    assert manager.clients.news == ([] if is_restarted else [DIED])
    loop.run_until_complete(asyncio.sleep(0.01))
    assert manager.restarts == [(True, False)] * is_restarted
    loop.close()


def test_a_death_amid_a_restart_is_no_news_while_no_loop_runs_either() -> None:
    """The restart tells what comes of it."""
    manager, life = Manager(), Lived()
    manager.succession.life = life
    with manager.succession.restarting():
        manager.succession.process_ended(life)
        assert manager.clients.news == []
    manager.succession.process_ended(life)
    assert manager.clients.news == [DIED]


@pytest.mark.parametrize("has_restarter", [False, True])
def test_a_manager_that_nobody_holds_is_gone(has_restarter: bool) -> None:
    """What it is made of holds it weakly: without a restarter no collection is needed."""
    km = ConKernelManager(autorestart=has_restarter)
    km.start_restarter()
    gone = weakref.ref(km)
    gc.collect()
    gc.disable()
    try:
        del km
        assert has_restarter or gone() is None
    finally:
        gc.enable()
    gc.collect()
    assert gone() is None
