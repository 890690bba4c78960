"""
Which cells has the notebook, in which order, and is it valid?

It is format 4.5 exactly (nbformat, "The Notebook file format"): an older one is upgraded when it
is read, and says so. Everything in it is plain dicts, lists and texts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from conkernelclient.errors import EditError, NotebookError

from .checking import copied, first_problem
from .reading import Read, fresh_id, read, read_file
from .saving import replace_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Cell", "Notebook", "new_cell"]

Cell: TypeAlias = dict[str, Any]
"""{"id", "cell_type", "source", "metadata"}; code has "outputs" and "execution_count" as well."""

MINOR: Final = 5


def new_cell(
    cell_type: str = "code",
    source: str = "",
    *,
    cell_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Cell:
    """Make a cell: "code", "markdown" or "raw"; without `cell_id` it gets an id of its own."""
    cell: Cell = {
        "id": cell_id if cell_id is not None else fresh_id(()),
        "cell_type": cell_type,
        "metadata": dict(metadata or {}),
        "source": source,
    }
    if cell_type == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


class Notebook:
    """
    A notebook of format 4.5.

    It is changed by `edits.apply` alone, which keeps it valid; its cells and metadata are given
    out to be read. It belongs to one thread.

    Args:
        cells: Its cells, in their order.
        metadata: The notebook's own.

    Attributes:
        metadata: The notebook's own, as `kernelspec` and `language_info`.
        upgraded_from: (major, minor) of the format that it was read in; None if that was 4.5.
        repaired: What was mended when it was read with `repair=True`, a line each.

    Raises:
        NotebookError: These are no valid cells or metadata, or two cells have one id.
    """

    def __init__(
        self, cells: Iterable[Mapping[str, Any]] = (), metadata: Mapping[str, Any] | None = None
    ) -> None:
        content = {"cells": list(cells), "metadata": metadata or {}, "nbformat": 4}
        self._take(read(json.dumps({**content, "nbformat_minor": MINOR})))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], *, repair: bool = False) -> Notebook:
        """
        Make one of what is in a notebook's file, which stays as it is; for errors see `load`.

        Args:
            content: {"cells", "metadata", "nbformat", "nbformat_minor"}, or an older format.
            repair: Give new ids to cells that have none, or one that an earlier cell has.
        """
        try:
            text = json.dumps(content)
        except (TypeError, ValueError, RecursionError) as error:
            raise NotebookError(f"this is no notebook: {error}") from None
        return cls._of(read(text, repair=repair))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, repair: bool = False) -> Notebook:
        """
        Read one from a file; an older format is upgraded, see `upgraded_from`.

        Args:
            path: The file, in UTF-8.
            repair: As in `from_dict`.

        Raises:
            NotebookError: It is missing or cannot be read, is not JSON, no notebook, of a newer
                format, invalid, or has one id twice: what and where, in one line.
        """
        return cls._of(read_file(Path(path), repair=repair))

    @classmethod
    def _of(cls, found: Read) -> Notebook:
        notebook = cls.__new__(cls)
        notebook._take(found)
        return notebook

    def _take(self, found: Read) -> None:
        self.metadata: dict[str, Any] = found.content["metadata"]
        self._cells: list[Cell] = found.content["cells"]
        self._by_id = {cell["id"]: cell for cell in self._cells}
        self.upgraded_from: tuple[int, int] | None = found.upgraded_from
        self.repaired: tuple[str, ...] = found.repaired

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Its cells, in their order; to be read."""
        return tuple(self._cells)

    @property
    def ids(self) -> list[str]:
        """The ids of its cells, in their order."""
        return [cell["id"] for cell in self._cells]

    @property
    def language(self) -> str | None:
        """The name of its kernel's language, as its metadata say; None if they do not."""
        for key, name in (("language_info", "name"), ("kernelspec", "language")):
            language = self.metadata.get(key, {}).get(name)
            if isinstance(language, str) and language:
                return language
        return None

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __contains__(self, cell_id: object) -> bool:
        return cell_id in self._by_id

    def cell(self, cell_id: str) -> Cell:
        """
        Give a cell, to be read.

        Raises:
            EditError: There is no such cell: it was deleted, or never there.
        """
        try:
            return self._by_id[cell_id]
        except (KeyError, TypeError):
            raise EditError(
                f"there is no cell {cell_id!r}: it was deleted, or never there",
                cell_id=cell_id if isinstance(cast("object", cell_id), str) else None,
            ) from None

    def index(self, cell_id: str) -> int:
        """Give a cell's place, from 0. Raises EditError as `cell` does."""
        wanted = self.cell(cell_id)
        return next(place for place, cell in enumerate(self._cells) if cell is wanted)

    def insert_checked(self, index: int, cell: Cell) -> None:
        """Insert a cell that is known to be valid; for `edits`."""
        self._cells.insert(index, cell)
        self._by_id[cell["id"]] = cell

    def remove(self, cell_id: str) -> Cell:
        """Take a cell out; for `edits`."""
        cell = self._cells.pop(self.index(cell_id))
        del self._by_id[cell_id]
        return cell

    def to_dict(self) -> dict[str, Any]:
        """Give the whole as nbformat 4.5, a copy."""
        return copied(self._content())

    def validate(self) -> None:
        """
        Look whether it is valid, as it always is unless somebody wrote into its cells.

        Raises:
            NotebookError: What is wrong and where, in one line.
        """
        if problem := first_problem(self._content()):
            raise NotebookError(f"this is no valid notebook: {problem}")

    def to_bytes(self) -> bytes:
        """
        Give the content of its file, as nbformat writes it.

        Numbers that JSON has not (NaN, Infinity) are null; half of a character is an escape.
        """
        import nbformat

        content: Any = nbformat.from_dict(self.to_dict())
        text: str = nbformat.v4.writes(content)
        return (text + "\n").encode("utf-8", "backslashreplace")

    def save(self, path: str | os.PathLike[str]) -> None:
        """
        Write it to a file, which has the old content or the new at any moment; see `replace_file`.

        Blocks until the disk has it. In a loop, take `to_bytes()` there and write in a thread.

        Raises:
            NotebookError: It is not valid, or cannot be written; what was there stays.
        """
        self.validate()
        try:
            replace_file(path, self.to_bytes())
        except OSError as error:
            raise NotebookError(f"{path}: cannot be written: {error.strerror or error}") from error

    def _content(self) -> dict[str, Any]:
        return {
            "cells": self._cells,
            "metadata": self.metadata,
            "nbformat": 4,
            "nbformat_minor": MINOR,
        }

    def __repr__(self) -> str:
        return f"<Notebook of {len(self._cells)} cells>"
