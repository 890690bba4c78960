"""
Which cells depend on a cell, in which order are they to be run, and what is not known of that?

A cell depends on the last one above it that surely writes a name that it reads, and on those
between that may. That is how the cells run from top to bottom. What does not fit into it (a
circle, `exec`) is told, and nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .names import Names, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .notebook import Notebook

__all__ = ["Dependants", "Graph", "Problem", "dependants"]


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What is not known.

    Attributes:
        kind: "unknown" (names that are not in the text, as with `exec`), "cycle" (a cell reads
            what only cells below it write, which depend on it), "below" (it reads what only cells
            below it write), "language" (the notebook's is not Python).
        cell_ids: The cells that it is about, in the notebook's order.
        text: One line for a person.
    """

    kind: Literal["unknown", "cycle", "below", "language"]
    cell_ids: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Dependants:
    """
    The cells that depend on one, directly or by way of others.

    Attributes:
        cell_ids: In the order in which they are to be run; without the cell itself.
        problems: Why there may be more of them, or another order; empty: these are all.
    """

    cell_ids: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def dependants(notebook: Notebook, cell_id: str) -> Dependants:
    """
    Give the cells that depend on a cell.

    Raises:
        EditError: There is no such cell.
    """
    notebook.cell(cell_id)
    language = notebook.language
    if language not in (None, "python", "ipython"):
        text = f"the notebook's language is {language}: only Python can be read"
        return Dependants((), (Problem("language", (), text),))
    return Graph(notebook.cells).dependants(cell_id)


class Graph:
    """
    The dependences between the cells of a notebook, as they are when it is made.

    Args:
        cells: All its cells, in their order.

    Attributes:
        names: The names of each code cell, by its id.
        edges: By the id of each code cell, those that depend on it directly, in their order.
    """

    def __init__(self, cells: Iterable[Mapping[str, Any]]) -> None:
        self.names: dict[str, Names] = {
            cell["id"]: names_of(cell["source"]) for cell in cells if cell["cell_type"] == "code"
        }
        self._order = {cell_id: place for place, cell_id in enumerate(self.names)}
        self.edges: dict[str, list[str]] = {cell_id: [] for cell_id in self.names}
        self._writers = self._all_writers()
        self._below: list[tuple[str, str, list[str]]] = []  # (reader, name, writers below it)
        for reader in self.names:
            self._join(reader)

    def dependants(self, cell_id: str) -> Dependants:
        """Give the cells that depend on this one: none, if it is no code."""
        if cell_id not in self.names:
            return Dependants(())
        found = self._reached(cell_id)
        ordered = sorted(found - {cell_id}, key=self._order.__getitem__)
        unknown = self._unknown_from(cell_id)
        return Dependants(tuple(ordered), (*unknown, *self._upwards(found)))

    def _all_writers(self) -> dict[str, list[str]]:
        writers: dict[str, list[str]] = {}
        for cell_id, names in self.names.items():
            for name in names.writes:
                writers.setdefault(name, []).append(cell_id)
        return writers

    def _join(self, reader: str) -> None:
        """Draw the edges to a cell."""
        place = self._order[reader]
        for name in sorted(self.names[reader].reads):
            writers = self._writers.get(name, ())
            above = [writer for writer in writers if self._order[writer] < place]
            below = [writer for writer in writers if self._order[writer] > place]
            if not above and below:
                self._below.append((reader, name, below))
            for writer in self._last_of(name, above):
                if reader not in self.edges[writer]:
                    self.edges[writer].append(reader)

    def _last_of(self, name: str, writers: Sequence[str]) -> Iterator[str]:
        """Give the last cell that surely writes it, and those after it that may."""
        for writer in reversed(writers):
            yield writer
            if name in self.names[writer].certain:
                return

    def _reached(self, start: str) -> set[str]:
        reached, left = {start}, [start]
        while left:
            for reader in self.edges[left.pop()]:
                if reader not in reached:
                    reached.add(reader)
                    left.append(reader)
        return reached

    def _unknown_from(self, cell_id: str) -> list[Problem]:
        """Tell of cells, this one and those below it, whose names are not known."""
        start = self._order[cell_id]
        return [
            Problem("unknown", (other,), f"cell {other!r}: {names.unknown[0]}")
            for other, names in self.names.items()
            if names.unknown and self._order[other] >= start
        ]

    def _upwards(self, found: set[str]) -> Iterator[Problem]:
        """Tell of names that are read above the only cells that write them."""
        for reader, name, writers in self._below:
            circle = self._reached(reader) & set(writers)
            if circle and not found.isdisjoint({reader, *circle}):
                members = tuple(sorted({reader, *circle}, key=self._order.__getitem__))
                text = (
                    f"cell {reader!r} reads {name!r}, which only cells below it write, and"
                    f" {members[-1]!r}, which writes it, depends on {reader!r}"
                )
                yield Problem("cycle", members, text)
            elif not circle and not found.isdisjoint(writers):
                text = f"cell {reader!r} reads {name!r}, which only cells below it write"
                yield Problem("below", (reader, *writers), text)
