"""Is this a valid notebook of format 4.5, and if not, what is wrong where?"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "cell_problem",
    "copied",
    "duplicate_ids",
    "first_problem",
    "line_of",
    "metadata_problem",
]

SHOWN: Final = 200  # characters of what is wrong


def first_problem(content: Mapping[str, Any]) -> str | None:
    """Give the first thing that is wrong, with its place, in one line; None if all is valid."""
    return _schema_problem(content, 0) or _id_problem(content["cells"])


def cell_problem(cell: object) -> str | None:
    """Give what is wrong with one cell, with the place in it; None if it is valid."""
    return _schema_problem(_content([cell], {}), 2)


def metadata_problem(metadata: object) -> str | None:
    """Give what is wrong with a notebook's metadata; None if they are valid."""
    return _schema_problem(_content([], metadata), 0)


def _content(cells: list[Any], metadata: Any) -> dict[str, Any]:
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _schema_problem(content: Mapping[str, Any], skipped: int) -> str | None:
    """Ask nbformat's schema; the first `skipped` steps of the way to the place are left out."""
    from nbformat import validator

    errors = cast("Any", validator).iter_validate(content, version=4, version_minor=5)
    try:
        error = next(errors, None)
    except TypeError:  # nbformat takes it for a text
        return "cell_type or output_type is no text"
    if error is None:
        return None
    steps: list[str | int] = list(error.relative_path)
    where = _place(content, steps, skipped)
    return line_of(f"{where}: {error.message}" if where else str(error.message))


def _place(content: Mapping[str, Any], steps: list[str | int], skipped: int) -> str:
    shown: list[str] = []
    for step in steps:
        if isinstance(step, int):
            shown.append(f"[{step}]")
        else:
            shown.append(f".{step}" if shown else step)
    if skipped == 0 and steps[:1] == ["cells"] and len(steps) > 1:
        cell = content["cells"][steps[1]]
        cell_id = cast("dict[str, Any]", cell).get("id") if isinstance(cell, dict) else None
        if isinstance(cell_id, str):
            shown[1] += f" ({cell_id!r})"
    return "".join(shown[skipped:]).lstrip(".")


def _id_problem(cells: Sequence[Mapping[str, Any]]) -> str | None:
    for place, before in duplicate_ids(cells):
        return f"cells[{place}]: its id {cells[place]['id']!r} is that of cells[{before}]"
    return None


def duplicate_ids(cells: Iterable[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Give (place, place of the first) of each cell whose id an earlier one has."""
    first: dict[str, int] = {}
    found = [(place, first.setdefault(cell["id"], place)) for place, cell in enumerate(cells)]
    return [(place, before) for place, before in found if place != before]


def copied(value: Any) -> Any:
    """
    Copy JSON; numbers that it has not (NaN, Infinity) become None, and keys texts.

    Raises:
        TypeError, ValueError, RecursionError: It is not JSON.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except ValueError:
        return json.loads(json.dumps(_finite(value), allow_nan=False))


def line_of(text: str) -> str:
    """Give the first line of a text, shortened."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in cast("list[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
