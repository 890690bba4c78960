"""
Which subshells has the kernel, and which of them serves an id?

A subshell whose code does not end is replaced by another one, which answers to the same id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Shells"]


class Shells:
    """The subshells of one kernel, as far as they are known."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._stand_ins: dict[str, str] = {}  # who serves an id instead
        self._retired: set[str] = set()  # replaced, and at work still

    def __contains__(self, subshell_id: object) -> bool:
        return subshell_id in self._ids

    def add(self, subshell_id: str) -> None:
        """Note a subshell."""
        self._ids.add(subshell_id)

    def discard(self, subshell_id: str) -> None:
        """Note that one was deleted."""
        self._ids.discard(subshell_id)
        self._stand_ins.pop(subshell_id, None)

    def clear(self) -> None:
        """Forget all, as when the kernel is gone."""
        self._ids.clear()
        self._stand_ins.clear()
        self._retired.clear()

    def actual(self, subshell_id: str) -> str:
        """Give the subshell that serves this id."""
        return self._stand_ins.get(subshell_id, subshell_id)

    def replace(self, subshell_id: str, stand_in: str) -> str:
        """Let `stand_in` serve this id from now on; gives the one that did."""
        retired = self.actual(subshell_id)
        self._retired.add(retired)
        self._stand_ins[subshell_id] = stand_in
        return retired

    def learn(self, actual: Iterable[str]) -> list[str]:
        """Take note of the subshells that the kernel lists; gives the ids that they serve."""
        names = {stand_in: name for name, stand_in in self._stand_ins.items()}
        ids = [names.get(one, one) for one in actual if one not in self._retired]
        self._ids = set(ids)
        return ids
