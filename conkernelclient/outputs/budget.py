"""
How does a text fit into so many characters?

What matters most of a failed cell is the last line of its exception: it keeps its place, and the
rest shares what is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Report", "fit", "fit_all", "one_line", "shorten", "shorten_all", "squeeze"]

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
    return shorten_all([text], max_chars)[0]


def shorten_all(texts: Sequence[str], max_chars: int, whereabouts: str = "") -> list[str]:
    """
    Cut `texts` down to `max_chars` characters together, from the middle of them all.

    Args:
        texts: Are read one after the other.
        max_chars: The most that they have afterwards, with the note.
        whereabouts: What the note says behind how many characters are missing, if there is room.

    Returns:
        As many texts; the note stands in the one where the cut begins.
    """
    total = sum(map(len, texts))
    if total <= max_chars:
        return list(texts)
    note = _note(total, whereabouts)
    if len(note) >= max_chars and whereabouts:
        return shorten_all(texts, max_chars)
    if len(note) >= max_chars:
        room = max_chars - len(CUT)
        return _ends(texts, (room + 1) // 2, CUT, room // 2) if room >= 0 else [""] * len(texts)
    missing = 0
    while total - missing + len(note := _note(missing, whereabouts)) > max_chars:
        missing = total + len(note) - max_chars
    room = total - missing
    return _ends(texts, room // 2, note, room - room // 2)


def _note(missing: int, whereabouts: str) -> str:
    return f"\n[... {missing} characters left out{whereabouts} ...]\n"


def _ends(texts: Sequence[str], head: int, note: str, tail: int) -> list[str]:
    """Give the first `head` characters, the note, and the last `tail` characters."""
    rest = sum(map(len, texts)) - tail
    ends: list[str] = []
    at = 0
    for text in texts:
        middle = note if at <= head < at + len(text) else ""
        ends.append(text[: max(0, head - at)] + middle + text[max(0, rest - at) :])
        at += len(text)
    return ends


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
    texts = [report.before, report.line, report.after]
    last = 1 if report.line else None
    return "".join(fit_all(texts, last, name, note, max_chars))


def fit_all(
    texts: Sequence[str],
    last: int | None,
    name: str,
    note: str,
    max_chars: int,
    whereabouts: str = "",
) -> list[str]:
    """
    Give `texts` and then `note` in at most `max_chars` characters; see `fit`.

    Args:
        texts: Are read one after the other.
        last: Which of them is the exception's last line; None if there is none.
        name: The name of the exception's type.
        note: What is to be read at the end.
        max_chars: The most that they have together.
        whereabouts: What a note says behind how many characters are missing, if there is room.

    Returns:
        As many texts, and the note.
    """
    if sum(map(len, texts)) + len(note) <= max_chars:
        return [*texts, note]
    if last is None:
        note = squeeze(note, max_chars)
        return [*shorten_all(texts, max_chars - len(note), whereabouts), note]
    line = texts[last]
    note = squeeze(note, max(max_chars // 2, max_chars - len(line)))
    room = max_chars - len(note)
    line = _fit_line(line, name, max(room // 2, min(room, OF_A_LINE)))
    room -= len(line)
    size_before = sum(map(len, texts[:last]))
    after = shorten_all(texts[last + 1 :], max(room - size_before, room // 2), whereabouts)
    if after and not (after[0].startswith("\n") or line.endswith("\n")):
        after[0] = "\n" + after[0][1:] if len(after[0]) > 1 else ""
    before = shorten_all(texts[:last], room - sum(map(len, after)), whereabouts)
    if before and before[-1] and not before[-1].endswith("\n"):
        before[-1] = before[-1][:-1] + "\n"
    return [*before, line, *after, note]


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
