"""
Which subshell has a request that runs beside the others, and when is one made or deleted?

Each such request, a guest, has a subshell for itself until the kernel has finished with it. Then
the subshell goes to the next one. A few are kept for those to come; a kernel waits for the cell of
a subshell that it deletes, so none is deleted before its guest has left.

With `most=1` the guests take turns in one subshell, which one that does not end leaves to the
others for another one.

Pure: it decides, its caller makes and deletes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KEPT", "MOST", "Housing"]

G = TypeVar("G")

MOST: Final = 64  # each is a thread of the kernel, with sockets of its own
KEPT: Final = 4


class Housing(Generic[G]):
    """
    The guests of one kernel, and the subshells made for them.

    Args:
        most: How many guests have a subshell at a time; more wait.
        kept: How many subshells are kept without a guest.
        in_all: How many there may be with those whose guests do not end; None: any number.
    """

    def __init__(self, most: int = MOST, kept: int = KEPT, in_all: int | None = None) -> None:
        self._in_all = in_all
        self._most = self._given_most = most  # fewer, if the kernel gives no more
        self._kept = kept
        self._waiting: dict[G, None] = {}  # oldest first
        self._taken: dict[G, str] = {}
        self._stuck: set[G] = set()  # of those, the ones that take no place
        self._free: list[str] = []
        self._making = 0

    def enter(self, guest: G) -> None:
        """Let `guest` have a subshell as soon as there is one."""
        self._waiting[guest] = None

    def withdraw(self, guest: G) -> bool:
        """Take back `guest`, unless it has a subshell; tells whether it waited."""
        is_waiting = guest in self._waiting
        self._waiting.pop(guest, None)
        return is_waiting

    def leave(self, guest: G) -> None:
        """Take back the subshell of `guest`, which has ended. Harmless if it has none."""
        subshell_id = self._taken.pop(guest, None)
        self._stuck.discard(guest)
        if subshell_id is not None:
            self._free.append(subshell_id)

    def made(self, subshell_id: str) -> None:
        """Note that a subshell was made, of those that were lacking."""
        self._making -= 1
        self._free.append(subshell_id)

    def not_made(self) -> list[G]:
        """
        Note that one could not be made.

        Those that there are have to do. If there is none, gives the guests that wait, who go.
        """
        self._making -= 1
        self._most = len(self._taken) - len(self._stuck) + self._making
        if self._most:
            return []
        waiting, self._waiting = list(self._waiting), {}
        return waiting

    def moves(self) -> Iterator[tuple[G, str]]:
        """Give the guests that get a subshell now, each with its subshell."""
        while self._waiting and self._free:
            guest = next(iter(self._waiting))
            del self._waiting[guest]
            subshell_id = self._taken[guest] = self._free.pop()
            yield guest, subshell_id

    def lacking(self) -> int:
        """Give how many are to be made now, which count as being made from then on."""
        room = self._most - (len(self._taken) - len(self._stuck)) - self._making
        if self._in_all is not None:
            room = min(room, self._in_all - len(self._taken) - self._making)
        lacking = max(0, min(len(self._waiting) - self._making, room))
        self._making += lacking
        return lacking

    def surplus(self) -> list[str]:
        """Give the subshells that are to be deleted now, which are forgotten."""
        surplus, self._free = self._free[self._kept :], self._free[: self._kept]
        return surplus

    def step_aside(self, guest: G) -> None:
        """Let another guest have a place in addition, as `guest` does not end until it leaves."""
        if guest in self._taken:
            self._stuck.add(guest)

    def ids(self) -> set[str]:
        """Give the ids of all its subshells."""
        return {*self._free, *self._taken.values()}

    def clear(self) -> tuple[list[G], list[str]]:
        """Forget all: gives the guests that waited, and the subshells without a guest."""
        waiting, free = list(self._waiting), self._free
        self._most = self._given_most
        self._waiting, self._taken, self._free, self._making = {}, {}, [], 0
        self._stuck = set()
        return waiting, free
