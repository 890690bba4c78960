"""
Which ZMQ context do the clients use that were given none?

One for the whole process: it has two threads and five descriptors, whatever the number of clients.
Each client has a view of it that looks like a context of its own, and the last one that lets go
ends it. A forked child does not use its parent's, and leaves it alone: it gets another one.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Final

import zmq
import zmq.asyncio

from .shortage import check_room

__all__ = ["SharedContext", "share"]


class _Root:
    """The context itself."""

    __slots__ = ("context", "holders", "is_over", "pid")

    def __init__(self) -> None:
        check_room()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        # libzmq's own bound of 1,023 would be that of some 120 clients.
        self.context.set(zmq.MAX_SOCKETS, self.context.get(zmq.SOCKET_LIMIT))
        self.context.socket(zmq.PAIR).close()  # its threads start with the first one
        self.holders = 0
        self.is_over = False
        self.pid = os.getpid()


class SharedContext(zmq.asyncio.Context):
    """
    A client's view of the context that the clients of this process share.

    To close it, by `destroy` or `term`, closes the sockets that were made with it, and no others.
    """

    _root: _Root | None = None  # set by `share`, until it is given back
    _is_closed: bool = False

    @property
    def closed(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """Whether it was closed; what it is a view of may go on."""
        return self._is_closed

    def term(self) -> None:
        """Close its sockets; if nobody else has a view, end the context itself."""
        if self._is_closed:
            return
        self._is_closed = True
        root, self._root = self._root, None
        if root is None or root.pid != os.getpid():
            return  # a copy, or in a forked child
        sockets: list[zmq.Socket[bytes]] = list(self._sockets)  # pyright: ignore[reportUnknownArgumentType]
        for socket in sockets:
            socket.close()
        _give_back(root)


def share() -> SharedContext:
    """
    Give a view of the context that the clients of this process share.

    Raises:
        OSError: There is no descriptor left for it.
    """
    root = _take()
    try:
        view = SharedContext(shadow=root.context)
        view._root = root
    except BaseException:
        _give_back(root)
        raise
    return view


def _take() -> _Root:
    global _root
    with _lock:
        root = _root
        if root is not None:
            root.holders += 1
            # Asked after that: a finalizer that ran just before may have ended it.
            if not root.is_over:
                return root
        root = _Root()
        root.holders = 1
        _root = root
        return root


def _give_back(root: _Root) -> None:
    with _lock:
        root.holders -= 1
        if root.holders or root.is_over:
            return
        root.is_over = True
    with contextlib.suppress(zmq.ZMQError):  # nothing that its last user could do about it
        root.context.term()


def _forget() -> None:
    """Leave it alone in a forked child: its threads are not there, and to end it would hang."""
    global _lock, _root
    _lock = threading.RLock()
    _of_parent.append(_root)
    _root = None


# One that the thread which has it may take again: finalizers run anywhere.
_lock = threading.RLock()
_root: _Root | None = None
_of_parent: Final[list[_Root | None]] = []  # filled in a forked child only

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
