"""
What does the kernel know of a cell that is being typed?

Each question has its patience: while another cell runs, a kernel that answers no sooner is not
waited for, and a person types on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import ConKernelError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from conkernelclient import ConKernelClient

__all__ = ["Helper", "Match"]

PATIENCE: Final = 1.0  # seconds
# For completions, which somebody has asked for, and which take their time in a fresh kernel: the
# first ones of an ipykernel load jedi.
TIMES: Final = 4


@dataclass(frozen=True, slots=True)
class Match:
    """
    One way to complete what is typed.

    Attributes:
        text: Takes the place of what is there from `start` to the cursor.
        start: A place in the code, in characters.
        kind: What it is, such as "function"; "" if the kernel does not say it.
    """

    text: str
    start: int
    kind: str = ""


class Helper:
    """
    Asks the kernel of `kc`.

    Args:
        kc: A client with open channels.
        patience: Seconds that each answer may take; four times that for completions.
    """

    def __init__(self, kc: ConKernelClient, patience: float = PATIENCE) -> None:
        self._kc = kc
        self._patience = patience

    async def indent(self, code: str) -> str | None:
        """
        Tell what the next line of `code` begins with; None if the code is complete.

        Code that is wrong is complete: running it shows what is wrong. A kernel that does not tell
        has one line as a cell, or several up to an empty one.
        """
        content = await self._answer(self._kc.is_complete(code, reply=True, timeout=self._patience))
        match content.get("status"):
            case "complete" | "invalid":
                return None
            case "incomplete":
                return str(content.get("indent") or "")
            case _:
                is_cell = "\n" not in code or not code.rpartition("\n")[2].strip()
                return None if is_cell else ""

    async def matches(self, code: str, position: int) -> list[Match]:
        """Give the ways to complete `code` at `position`; none if the kernel does not answer."""
        content = await self._answer(
            self._kc.complete(code, position, reply=True, timeout=TIMES * self._patience)
        )
        texts: object = content.get("matches")
        if not isinstance(texts, list):
            return []
        start: object = content.get("cursor_start")
        begins = min(start, position) if isinstance(start, int) else position
        kinds = _kinds(content)
        return [
            Match(text, max(0, begins), kinds.get(text, ""))
            for text in cast("list[object]", texts)
            if isinstance(text, str)
        ]

    async def history(self, count: int) -> list[str]:
        """Give the last `count` cells that the kernel keeps, the oldest first."""
        content = await self._answer(
            self._kc.history(
                raw=True,
                output=False,
                hist_access_type="tail",
                n=count,
                reply=True,
                timeout=self._patience,
            )
        )
        entries: object = content.get("history")
        cells: list[str] = []
        for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
            parts = cast("list[object]", entry) if isinstance(entry, list) else []
            cells.extend(cell for cell in parts[2:3] if isinstance(cell, str))
        return cells

    async def _answer(self, asked: Awaitable[Any]) -> Mapping[str, Any]:
        try:
            reply = await asked
        except ConKernelError:  # it takes too long, or is gone: running the cell will tell
            return {}
        return cast("Mapping[str, Any]", reply["content"])


def _kinds(content: Mapping[str, Any]) -> dict[str, str]:
    """Give what ipykernel says of its matches, beside the protocol."""
    metadata: object = content.get("metadata")
    entries: object = (
        cast("dict[str, object]", metadata).get("_jupyter_types_experimental")
        if isinstance(metadata, dict)
        else None
    )
    kinds: dict[str, str] = {}
    for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            named = cast("dict[str, object]", entry)
            kinds[str(named.get("text"))] = str(named.get("type") or "")
    return kinds
