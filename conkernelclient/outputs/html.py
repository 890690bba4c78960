"""What text does a piece of HTML show?"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

__all__ = ["text_of_html"]

# Possessive, and ended by the next "<", so that what does not end is not looked through again.
TAG: Final = re.compile(r"""</?+([a-zA-Z][^\s/<>]*+)(?:"[^"]*+"|'[^']*+'|[^<>"'])*+>""")
TAG_LIKE: Final = re.compile(r"<(?=/*[a-zA-Z]|[!?])")
UNSHOWN: Final = frozenset({"script", "style", "head", "title", "template"})
LINES: Final = re.compile(
    r"address|article|aside|blockquote|body|br|caption|d[dlt]|div|fieldset|fig(caption|ure)|footer"
    r"|form|h[1-6r]|header|html|legend|li|main|nav|[ou]l|option|p|pre|section|summary"
    r"|t(able|body|foot|head|r)"
)
CELLS: Final = frozenset({"td", "th"})
SPACE: Final = re.compile(r"[ \t\r\n\f]+")
CELL_ENDS: Final = re.compile(r"\s*\t\s*")


class _Page:
    """The text that has been read."""

    def __init__(self) -> None:
        self.parts: list[str] = ["\n"]
        self.preformatted = 0

    def add(self, source: str) -> None:
        text = unescape(source)
        if not self.preformatted:
            text = SPACE.sub(" ", text)
            if self.parts[-1].endswith(("\n", "\t", " ")):
                text = text.lstrip(" ")
        if text:
            self.parts.append(text)

    def tag(self, name: str, *, is_end: bool) -> None:
        if name == "pre":
            self.preformatted = max(0, self.preformatted + (-1 if is_end else 1))
        if LINES.fullmatch(name):
            self.parts.append("\n")
        elif name in CELLS and is_end:
            self.parts.append("\t")

    def text(self) -> str:
        lines = "".join(self.parts).split("\n")
        shown = (CELL_ENDS.sub("\t", line).rstrip() for line in lines)
        return "\n".join(line for line in shown if line.strip()).strip("\n")


def text_of_html(source: str) -> str:
    """
    Give the text of `source`, a line for each block and row, with tabs between a row's cells.

    Scripts and styles are left out. It takes time in proportion to the length of `source`, however
    broken that is.
    """
    page = _Page()
    at = look = 0
    while candidate := TAG_LIKE.search(source, look):
        start = candidate.start()
        kind = source[start + 1]
        tag = None if kind in "!?" else TAG.match(source, start)
        if tag is None and kind not in "!?":
            look = start + 1  # it is text, and is added with what is around it
            continue
        page.add(source[at:start])
        at = look = _after(source, start, tag, page)
    page.add(source[at:])
    return page.text()


def _after(source: str, start: int, tag: re.Match[str] | None, page: _Page) -> int:
    """Read the tag, or the comment or declaration that begins at `start`; gives where it ends."""
    if source.startswith("<!--", start):
        return _past(source, "-->", start + 4)
    if tag is None:
        return _past(source, ">", start + 1)
    name, is_end = tag[1].lower(), tag[0].startswith("</")
    if name in UNSHOWN and not is_end:
        end = re.compile(f"</{name}", re.IGNORECASE).search(source, tag.end())
        return len(source) if end is None else _past(source, ">", end.end())
    page.tag(name, is_end=is_end)
    return tag.end()


def _past(source: str, end: str, start: int) -> int:
    """Give where `end` is over; what never ends takes the rest."""
    found = source.find(end, start)
    return len(source) if found < 0 else found + len(end)
