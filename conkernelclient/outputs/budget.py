"""
How does a text fit into so many characters?

What matters most of a failed cell is the last line of its exception: it keeps its place, and the
rest shares what is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Report", "fit", "one_line", "shorten"]

CUT: Final = "…"
OF_A_LINE: Final = 200  # characters that the last line may have before it shares the room by halves


@dataclass(slots=True)
class Report:
    """
    A text, and the exception in it that must be seen.

    Attributes:
        before: What comes before the exception's last line.
        line: That line: the name of the exception's type, and its message; "" if there is none.
        after: What comes after it.
    """

    before: str
    line: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return self.before + self.line + self.after


def shorten(text: str, max_chars: int) -> str:
    """
    Cut `text` down to `max_chars` characters, from its middle.

    A note there says how many are missing, or "…" where there is no room for it.
    """
    if len(text) <= max_chars:
        return text
    note = f"\n[... {len(text)} characters left out ...]\n"
    room = max_chars - len(note)
    if room <= 0:
        return squeeze(text, max_chars)
    missing = len(text) - room
    note = f"\n[... {missing} characters left out ...]\n"
    room = max_chars - len(note)
    head = room // 2
    return text[:head] + note + text[len(text) - (room - head) :]


def squeeze(text: str, max_chars: int) -> str:
    """Cut `text` down to `max_chars` characters, with "…" in the place of its middle."""
    if len(text) <= max_chars:
        return text
    room = max_chars - len(CUT)
    if room < 0:
        return ""
    head = (room + 1) // 2
    return text[:head] + CUT + text[len(text) - (room - head) :]


def one_line(text: str, max_chars: int) -> str:
    """Give the start of `text` on one line, with "…" if there is more."""
    start = " ".join(re.sub(r"\s+", " ", text[: 4 * max_chars]).split())
    if len(start) <= max_chars and len(text) <= 4 * max_chars:
        return start
    return start[: max_chars - len(CUT)].rstrip() + CUT


def fit(report: Report, name: str, note: str, max_chars: int) -> str:
    """
    Give `report` and then `note` in at most `max_chars` characters.

    Args:
        report: A text, and the exception in it.
        name: The name of the exception's type, with which its line begins.
        note: What is to be read at the end, whatever is cut.
        max_chars: From 100 on, the name and as much as there is room for of its message are kept,
            unless the name alone is longer than half of it.
    """
    text = report.text
    if len(text) + len(note) <= max_chars:
        return text + note
    if not report.line:
        note = squeeze(note, max_chars)
        return shorten(text, max_chars - len(note)) + note
    note = squeeze(note, max(max_chars // 2, max_chars - len(report.line)))
    room = max_chars - len(note)
    most = max(room // 2, min(room, OF_A_LINE))
    line = _fit_line(report.line, name, most)
    room -= len(line)
    after = shorten(report.after, max(room - len(report.before), room // 2))
    if after and not (after.startswith("\n") or line.endswith("\n")):
        after = "\n" + after[1:] if len(after) > 1 else ""
    before = shorten(report.before, room - len(after))
    if before and not before.endswith("\n"):
        before = before[:-1] + "\n"
    return before + line + after + note


def _fit_line(line: str, name: str, max_chars: int) -> str:
    """Cut the line in its message, behind the name."""
    if len(line) <= max_chars:
        return line
    kept = line.find(name) + len(name) + len(": ")
    if kept > max_chars:  # what stands before the name, such as its module, goes
        line, kept = line[line.find(name) :], len(name) + len(": ")
    if kept > max_chars:
        return squeeze(line, max_chars)
    return line[:kept] + squeeze(line[kept:], max_chars - kept)
