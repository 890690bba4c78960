"""Which ZMQ context do the clients of a process share, and who ends it?"""

from __future__ import annotations

import copy
import errno
import gc
import os
from typing import TYPE_CHECKING

import pytest
import zmq

from conkernelclient.testing import FakeKernel
from conkernelclient.transport import context as module
from conkernelclient.transport.context import share

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient


def underlying(kc: ConKernelClient) -> int:
    return int(kc.context.underlying)


async def test_clients_share_one_context_which_the_last_one_ends() -> None:
    """Closed out of order, and with an old one opened again in between."""
    before = module._root
    with FakeKernel() as kernel:
        first, second = kernel.client(), kernel.client()
        await first.start_channels()
        await second.start_channels()
        root = module._root
        assert root is not None
        assert underlying(first) == underlying(second)
        first.stop_channels()
        assert first.context.closed
        assert not root.context.closed
        assert (await second.run("x")).status == "ok"
        await first.start_channels()
        assert underlying(first) == underlying(second)
        second.stop_channels()
        assert (await first.run("x")).status == "ok"
        first.stop_channels()
        first.stop_channels()
        assert root.context.closed or before is root


async def test_a_program_that_ends_the_context_of_one_client_ends_no_other_s() -> None:
    """Each has a view of its own: `term` and `destroy` close the sockets of one client."""
    with FakeKernel() as kernel:
        one, other = kernel.client(), kernel.client()
        await one.start_channels()
        await other.start_channels()
        one.stop_channels()
        one.context.destroy()
        one.context.term()
        assert (await other.run("x")).status == "ok"
        other.stop_channels()


async def test_a_client_that_is_dropped_gives_the_context_back() -> None:
    """Its finalizer does it."""
    gc.collect()  # clients of the tests before
    with FakeKernel() as kernel:
        keeper = share()
        assert module._root is not None
        before = module._root.holders
        kc = kernel.client()
        await kc.start_channels()
        assert module._root.holders == before + 1
        del kc
        gc.collect()
        assert module._root.holders == before
        keeper.term()


def test_a_client_that_is_never_opened_makes_no_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """So to stop it takes no descriptor, and cannot fail for want of one."""
    monkeypatch.setattr(module, "_take", lambda: pytest.fail("it took a context"))
    with FakeKernel() as kernel:
        kc = kernel.client()
        kc.stop_channels()
        del kc
        gc.collect()


def test_a_context_that_cannot_be_ended_keeps_nobody_from_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`stop_channels` never fails for it."""

    class Stubborn(zmq.Context[zmq.Socket[bytes]]):
        def term(self) -> None:
            super().term()
            raise zmq.ZMQError(errno.EMFILE)

    monkeypatch.setattr(module, "_root", None)
    monkeypatch.setattr(zmq, "Context", Stubborn)
    view = share()
    view.term()
    assert view.closed


def test_more_sockets_than_libzmq_s_own_bound_are_possible() -> None:
    """It is 1,023, and a client takes eight."""
    view = share()
    assert view.get(zmq.MAX_SOCKETS) > 10_000
    view.term()


def test_a_copy_of_the_view_ends_nothing() -> None:
    """As pyzmq's own copies."""
    view = share()
    copied = copy.copy(view)
    copied.term()
    assert not view.closed
    with view.socket(zmq.PAIR) as socket:
        assert not socket.closed
    view.term()


def test_a_forked_child_leaves_the_context_of_its_parent_and_takes_another() -> None:
    """To end it there would hang: its threads are the parent's."""
    view = share()
    root = module._root
    child = os.fork()
    if child == 0:
        code = 1
        try:
            view.destroy(linger=0)
            own = share()
            code = 0 if view.closed and module._root is not root else 2
            own.socket(zmq.PAIR).close()
            own.destroy(linger=0)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not view.closed
    view.socket(zmq.PAIR).close()
    view.term()
