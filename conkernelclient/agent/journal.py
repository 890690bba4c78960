"""
What is kept of a session on disk?

A journal has every cell with its outputs, in the order in which they ran. It can be read at any
moment, also after the program was killed: a `.jsonl` gets whole lines at its end, and a `.ipynb` is
replaced as a whole by one that was written beside it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:
    from .results import SessionResult

__all__ = ["JsonLines", "Notebook", "Recorder", "open_journal"]

logger: Final = logging.getLogger(__name__)

KEY: Final = "conkernelclient"  # of our part of a cell's metadata


class Journal(Protocol):
    """Something that keeps what ran. Its methods raise OSError."""

    def begin(self, name: str, code: str) -> None:
        """Note that `code` begins to run as `name`."""
        ...

    def end(self, name: str, result: SessionResult) -> None:
        """Note what came of it."""
        ...

    def note(self, text: str) -> None:
        """Note what happened beside the cells."""
        ...


def open_journal(path: str | os.PathLike[str], kernel_name: str) -> Journal:
    """
    Give the journal at `path`, and go on with what is there.

    Raises:
        ValueError: The name ends neither with ".ipynb" nor with ".jsonl"; what is there is no
            notebook of format 4.
        OSError: It cannot be written.
    """
    where = Path(path).absolute()
    match where.suffix:
        case ".jsonl":
            return JsonLines(where)
        case ".ipynb":
            return Notebook(where, kernel_name)
        case suffix:
            raise ValueError(f"journal={str(path)!r} ends with {suffix!r}: use .ipynb or .jsonl")


class JsonLines:
    """
    A line of JSON for each event.

    {"event": "begin", "run": name, "at": time, "code": code}; {"event": "end", "run": name, "at":
    time, "status": status, "execution_count": number, "duration": seconds, "restarted": bool,
    "notes": [text], "outputs": [nbformat output]}; {"event": "note", "at": time, "text": text}.
    Times are ISO 8601, in UTC.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a program was killed while it wrote
                    file.write(b"\n")

    def begin(self, name: str, code: str) -> None:
        """Note that `code` begins to run as `name`."""
        self._write(event="begin", run=name, at=_now(), code=code)

    def end(self, name: str, result: SessionResult) -> None:
        """Note what came of it."""
        self._write(event="end", run=name, at=_now(), **_facts(result), outputs=result.outputs)

    def note(self, text: str) -> None:
        """Note what happened beside the cells."""
        self._write(event="note", at=_now(), text=text)

    def _write(self, **event: Any) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(event).encode() + b"\n")


class Notebook:
    """
    A notebook of format 4.5, with a code cell for each run and a markdown cell for each note.

    It is written anew with each change, which takes some 3 ms for each megabyte of it.
    """

    def __init__(self, path: Path, kernel_name: str) -> None:
        self._path = path
        self._places: dict[str, int] = {}
        self._cells: list[str] = []  # as JSON: each is made once
        self._metadata: dict[str, Any] = {
            "kernelspec": {"name": kernel_name, "display_name": kernel_name}
        }
        if path.exists() and path.stat().st_size:
            self._read()
        self._save()

    def begin(self, name: str, code: str) -> None:
        """Note that `code` begins to run as `name`."""
        self._places[name] = len(self._cells)
        self._cells.append(_code_cell(name, code, {"status": "running"}))
        self._save()

    def end(self, name: str, result: SessionResult) -> None:
        """Note what came of it."""
        place = self._places.pop(name, None)
        if place is None:
            return
        self._cells[place] = _code_cell(
            name, result.code, _facts(result), result.outputs, result.execution_count
        )
        self._save()

    def note(self, text: str) -> None:
        """Note what happened beside the cells."""
        self._cells.append(_cell("markdown", text, {}))
        self._save()

    def _read(self) -> None:
        try:
            known: Any = json.loads(self._path.read_bytes())
            is_known = known["nbformat"] == 4
            cells = [{"id": _new_id(), **cell} for cell in known["cells"]]
            self._metadata = dict(known["metadata"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self._path} is no notebook: {error!r}") from error
        if not is_known:
            raise ValueError(f"{self._path} is a notebook of another format than 4")
        self._cells = [json.dumps(cell) for cell in cells]

    def _save(self) -> None:
        head = json.dumps({"metadata": self._metadata, "nbformat": 4, "nbformat_minor": 5})
        text = f'{head[:-1]}, "cells": [\n' + ",\n".join(self._cells) + "\n]}\n"
        beside = self._path.with_name(f".{self._path.name}.part")
        try:
            beside.write_text(text, encoding="ascii")
            beside.replace(self._path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


class Recorder:
    """
    Writes a session's journal, if it has one, in a thread.

    A journal that cannot be written any more costs no run: it is said once in the log.

    Args:
        kernel_name: Name of the kernelspec.
        path: Of the journal; None: there is none.

    Attributes:
        error: Why it could not be written; None if it could.
    """

    def __init__(self, kernel_name: str, path: str | os.PathLike[str] | None) -> None:
        self.error: OSError | None = None
        self._kernel_name = kernel_name
        self._path = path
        self._journal: Journal | None = None  # set when it is opened
        self._lock = threading.Lock()

    async def open(self) -> None:
        """
        Open the journal, and go on with what is there.

        Raises:
            ValueError, OSError: See `open_journal`.
        """
        if self._path is not None:
            self._journal = await asyncio.to_thread(open_journal, self._path, self._kernel_name)

    async def begin(self, name: str, code: str) -> None:
        """Note that `code` begins to run as `name`."""
        await self._write("begin", name, code)

    async def end(self, name: str, result: SessionResult) -> None:
        """Note what came of it."""
        await self._write("end", name, result)

    async def note(self, text: str) -> None:
        """Note what happened beside the cells."""
        await self._write("note", text)

    async def _write(self, method: str, *arguments: Any) -> None:
        if self._journal is not None:
            await asyncio.to_thread(self._write_now, getattr(self._journal, method), arguments)

    def _write_now(self, write: Any, arguments: tuple[Any, ...]) -> None:
        with self._lock:
            try:
                write(*arguments)
            except OSError as error:
                if self.error is None:
                    logger.warning("the journal of a session cannot be written: %s", error)
                self.error = error


def _facts(result: SessionResult) -> dict[str, Any]:
    return {
        "status": result.status,
        "execution_count": result.execution_count,
        "duration": result.duration,
        "restarted": result.restarted,
        "notes": list(result.notes),
    }


def _code_cell(
    name: str,
    code: str,
    facts: dict[str, Any],
    outputs: list[dict[str, Any]] | None = None,
    execution_count: int | None = None,
) -> str:
    metadata = {KEY: {"run": name, "at": _now(), **facts}}
    return _cell("code", code, metadata, outputs=outputs or [], execution_count=execution_count)


def _cell(cell_type: str, source: str, metadata: dict[str, Any], **more: Any) -> str:
    cell = {"cell_type": cell_type, "id": _new_id(), "metadata": metadata, "source": source}
    return json.dumps(cast("dict[str, Any]", cell | more))


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
