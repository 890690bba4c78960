"""News of a kernel reaches each of its clients, whatever another one does with it."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.errors import DeadKernelError
from conkernelclient.manager.clients import Clients
from tests.messages import kind


class Link:
    """Writes down what it is told."""

    def __init__(self, *, has_received: bool = False, is_broken: bool = False) -> None:
        self.told: list[Any] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.has_received = lambda: has_received
        self._is_broken = is_broken

    def _tell(self, *news: Any) -> None:
        if self._is_broken:
            raise OSError("broken")
        self.told.append(news)

    def announce_restart(self) -> None:
        self._tell("restarts")

    def call_off_restart(self) -> None:
        self._tell("stays")

    def note_interrupt(self) -> None:
        self._tell("interrupt")

    def end(self, make_error: Any, *, returns: bool) -> None:
        self._tell("ended", kind(make_error()), returns)

    def start(self, info: Any, *_: Any) -> None:
        self._tell("started", info)

    async def until_settled(self) -> None:
        await asyncio.sleep(0)
        self._tell("settled")


class Client:
    """Has a link."""

    def __init__(self, link: Link) -> None:
        self._link = link


def clients_with(*links: Link) -> tuple[Any, list[Any]]:
    """Clients that have these links, and what keeps them alive."""
    clients: Any = Clients()
    kept = [Client(link) for link in links]
    for one in kept:
        clients.add(one)
    return clients, kept


async def test_each_kind_of_news_reaches_each_client() -> None:
    """As the link of each has it."""
    links = Link(), Link()
    clients, kept = clients_with(*links)
    clients.announce_restart()
    clients.call_off_restart()
    clients.note_interrupt()
    clients.end(DeadKernelError, returns=True)
    clients.start({"ip": "::1"}, lambda: None, lambda: None)
    await clients.until_settled()
    told: list[Any] = [("restarts",), ("stays",), ("interrupt",), ("ended", DeadKernelError, True)]
    told += [("started", {"ip": "::1"}), ("settled",)]
    assert [link.told for link in links] == [told, told]
    assert len(kept) == 2


def test_a_client_that_cannot_be_told_keeps_no_other_from_the_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged; the kernel's life does not hang on it."""
    links = Link(is_broken=True), Link(), Link(is_broken=True)
    clients, kept = clients_with(*links)
    clients.announce_restart()
    assert [link.told for link in links] == [[], [("restarts",)], []]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert all("could not be told of its kernel" in line for line in said)
    caplog.clear()
    assert len(kept) == 3


def test_a_client_that_nobody_holds_any_more_is_forgotten() -> None:
    """The manager keeps no client alive."""
    clients, kept = clients_with(Link(), Link())
    assert len(list(clients)) == 2
    kept.pop()
    gc.collect()
    assert list(clients) == kept


def test_they_have_received_from_the_kernel_if_one_of_them_has() -> None:
    """So long as none has, the kernel may not have found its ports."""
    clients, kept = clients_with(Link(), Link())
    assert not clients.have_received()
    more = Client(Link(has_received=True))
    clients.add(more)
    assert clients.have_received()
    assert len(kept) == 2


def test_a_client_may_be_made_while_others_are_told() -> None:
    """By another thread as well: it hears the next news."""
    clients, kept = clients_with(Link(), Link())

    def make_one() -> None:
        kept.append(Client(Link()))
        clients.add(kept[-1])

    def tell(link: Any) -> None:
        thread = threading.Thread(target=make_one)
        thread.start()
        thread.join()
        link.announce_restart()

    clients.tell(tell)
    clients.call_off_restart()
    both: list[Any] = [("restarts",), ("stays",)]
    assert [one._link.told for one in kept] == [both, both, both[1:], both[1:]]


async def test_a_manager_tells_its_own_clients() -> None:
    """What `client()` makes is among them, with the loop that it serves."""
    km = ConKernelManager()
    one, other = km.client(), km.client()
    assert set(km._clients) == {one, other}
    assert km._clients.loops() == [None, None]
    one._connection.bind_here()
    assert set(km._clients.loops()) == {None, asyncio.get_running_loop()}
