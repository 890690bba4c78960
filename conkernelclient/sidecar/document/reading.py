"""
Which notebook is in this text, and what is wrong if there is none?

Format 4.5 is taken as it is. Formats 1 to 4.4 are upgraded by nbformat. A newer one is refused:
written back as 4.5 it would lose what is new in it.
"""

from __future__ import annotations

import json
import uuid
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import NotebookError

from .checking import copied, duplicate_ids, first_problem, line_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["Read", "fresh_id", "read", "read_file"]

LATEST: Final = (4, 5)
UPGRADE_NOTES: Final = ("orig_nbformat", "orig_nbformat_minor")  # in the metadata, by nbformat
ID_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Read:
    """
    What was read.

    Attributes:
        content: Valid nbformat 4.5, of plain dicts.
        upgraded_from: (major, minor) of its format; None if it was 4.5.
        repaired: What was mended, a line each.
    """

    content: dict[str, Any]
    upgraded_from: tuple[int, int] | None
    repaired: tuple[str, ...] = ()


def read_file(path: Path, *, repair: bool = False) -> Read:
    """Read a file; for errors see `Notebook.load`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookError(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path}: is no text in UTF-8: {error.reason}") from None
    except OSError as error:
        raise NotebookError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        return read(text, repair=repair)
    except NotebookError as error:
        raise NotebookError(f"{path}: {error}") from None


def read(text: str, *, repair: bool = False) -> Read:
    """Read the text of a notebook's file; for errors see `Notebook.load`."""
    found, version = _parsed(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbformat's, of what is looked at here
            content = copied(_as_latest(found, version))
    except Exception as error:  # nbformat raises nearly anything for JSON of another kind
        reason = line_of(f"{type(error).__name__}: {error}")
        raise NotebookError(f"this is no notebook: {reason}") from None
    spec = _dict(content.get("metadata")).get("kernelspec")
    if isinstance(spec, dict) and "name" not in spec:
        del content["metadata"]["kernelspec"]  # it names none; the schema would refuse it
    repaired = tuple(_repair_ids(content)) if repair else ()
    if problem := first_problem(content):
        raise NotebookError(f"this is no valid notebook: {problem}")
    return Read(content, None if version == LATEST else version, repaired)


def _parsed(text: str) -> tuple[dict[str, Any], tuple[int, int]]:
    """Give the JSON in the text, and the version of the format that it names."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotebookError(f"this is no notebook: it is not JSON{place}") from None
    if not isinstance(found, dict):
        raise NotebookError("this is no notebook: its JSON is no object")
    content = cast("dict[str, Any]", found)
    major, minor = content.get("nbformat"), content.get("nbformat_minor", 0)
    if type(major) is not int or type(minor) is not int:
        raise NotebookError("this is no notebook: it does not name its format as `nbformat`")
    if not (1, 0) <= (major, minor) <= LATEST:
        raise NotebookError(f"this notebook is of format {major}.{minor}; 1.0 to 4.5 can be read")
    return content, (major, minor)


def _as_latest(found: dict[str, Any], version: tuple[int, int]) -> Any:
    """Make it one of format 4.5, in which each text is one string."""
    import nbformat

    nb: Any = nbformat
    content = nb.versions[version[0]].to_notebook_json(found, minor=version[1])
    if version[0] < LATEST[0]:
        content = nb.convert(content, LATEST[0])
    content = nb.v4.upgrade(content)
    if version != LATEST:
        for note in UPGRADE_NOTES:
            content["metadata"].pop(note, None)
        for place, _ in duplicate_ids(content["cells"]):  # nbformat draws them, and looks not twice
            content["cells"][place]["id"] = fresh_id(_ids(content["cells"]))
    return content


def _repair_ids(content: dict[str, Any]) -> list[str]:
    """Give ids to cells that have none, or an earlier one's; say to which."""
    told: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(map(_dict, content.get("cells", ()))):
        cell_id = cell.get("id")
        if isinstance(cell_id, str) and cell_id not in taken:
            taken.add(cell_id)
        elif cell_id is None or isinstance(cell_id, str):
            cell["id"] = fresh_id(_ids(content["cells"]))
            taken.add(cell["id"])
            what = "had none" if cell_id is None else f"had that of an earlier one, {cell_id!r}"
            told.append(f"cells[{place}] has the new id {cell['id']!r}: it {what}")
    return told


def fresh_id(taken: Collection[object]) -> str:
    """Give an id for a cell that none of `taken` is."""
    while (made := uuid.uuid4().hex[:ID_LENGTH]) in taken:
        pass
    return made


def _ids(cells: list[Any]) -> set[object]:
    return {cell_id for cell in cells if isinstance(cell_id := _dict(cell).get("id"), str)}


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
