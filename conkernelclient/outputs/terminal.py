"""
What does printed text read like when a terminal's controls have done their work?

The controls are read in one pass, from the left, and whatever is not read as text is left out: what
stays on both sides of a control cannot form another one. What would stay on a terminal's screen and
that nobody can see there is written as an escape.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["coloured", "fold", "strip_ansi", "visible"]

# ECMA-48: a control string ends with ST (OSC with BEL as well), and CAN and SUB break it off. One
# that does not end is left out up to its line's end or to what begins another control: rubbish that
# looks like its beginning may not take along all that follows. An introducer without its end, and
# any other control, is left out by itself.
ENDS: Final = r"\x1b\x18\x1a\x80-\x9f"
SEQUENCES: Final = rf"""
    (?: \x1b\] | \x9d )
        (?: [^\x07{ENDS}]* (?: \x07 | \x1b\\ | [\x9c\x18\x1a] ) | [^\n\x07{ENDS}]* )
  | (?: \x1b[PX^_] | [\x90\x98\x9e\x9f] )
        (?: [^{ENDS}]* (?: \x1b\\ | [\x9c\x18\x1a] ) | [^\n{ENDS}]* )
  | (?: \x1b\[ | \x9b ) (?P<parameters> [0-?]* ) [\ -/]* (?P<final> [@-~]? )
  | \x1b (?P<escape> [0-Z\\`-~] | [\ -/]+ [0-~]? )?
"""
SEQUENCE: Final = re.compile(SEQUENCES, re.VERBOSE)
CONTROL: Final = re.compile(SEQUENCES + r"  | [\x00-\x08\x0b-\x1f\x7f-\x9f]", re.VERBOSE)
ANY_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# What is done in a line, once all other controls are gone.
ERASE_REST: Final = "\x01"
ERASE_ALL: Final = "\x02"
ERASES: Final = {"": ERASE_REST, "0": ERASE_REST, "2": ERASE_ALL}  # by the parameter of EL
MOVES: Final = re.compile(r"([\r\b\x01\x02])")
NEW_LINES: Final = frozenset("\v\f\x84\x85")  # a terminal goes to the next line with each of these

# Unicode's default ignorable code points, the controls of direction, the separators that are no
# "\n", and halves of surrogate pairs: they show nothing, and a model reads them. An emoji's
# own variation selector stays, one at a time.
UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![^\ufe00-\ufe0f\\s\\x00-\\x7f])[\ufe0e\ufe0f]"
)


def strip_ansi(text: str) -> str:
    """Take colours and other terminal control sequences out of `text`."""
    return SEQUENCE.sub("", text) if ANY_CONTROL.search(text) else text


def fold(text: str) -> str:
    r"""
    Give `text` as a terminal would have it at the end, without any control but newline and tab.

    A carriage return and a backspace let what follows overwrite what is there, and "erase in line"
    erases, as progress bars do it; erasing a whole line begins it anew.
    """
    if not ANY_CONTROL.search(text):
        return text
    kept = CONTROL.sub(_kept, text.replace("\r\n", "\n"))
    if not MOVES.search(kept):
        return kept
    return "\n".join(_line(line) if MOVES.search(line) else line for line in kept.split("\n"))


def coloured(text: str) -> str:
    """
    Give `text` as `fold` and `visible` do, and with its colours: SGR is the only control besides.

    A line that overwrites itself loses them.
    """
    if not ANY_CONTROL.search(text):
        return visible(text)
    lines = CONTROL.sub(_kept_or_colour, text.replace("\r\n", "\n")).split("\n")
    plain = (_line(SEQUENCE.sub("", it)) if MOVES.search(it) else it for it in lines)
    return visible("\n".join(plain))


def _kept_or_colour(control: re.Match[str]) -> str:
    parameters = control["parameters"]
    if control["final"] == "m" and not parameters.strip("0123456789;:"):
        return f"\x1b[{parameters}m"
    return _kept(control)


def _kept(control: re.Match[str]) -> str:
    """What of a control is done later, in its line, or is a new line."""
    text = control[0]
    if text in NEW_LINES or control["escape"] in ("D", "E"):
        return "\n"
    if text in ("\r", "\b"):
        return text
    if control["final"] == "K":
        return ERASES.get(control["parameters"], "")
    if control["final"] == "G" and control["parameters"] in ("", "0", "1"):
        return "\r"
    return ""


def _line(line: str) -> str:
    cells: list[str] = []
    column = 0
    for piece in _pieces(line):
        if piece == "\r":
            column = 0
        elif piece == "\b":
            column = max(0, column - 1)
        elif piece == ERASE_REST:
            del cells[column:]
        elif piece == ERASE_ALL:
            cells.clear()
            column = 0
        else:
            cells[column : column + len(piece)] = piece
            column += len(piece)
    return "".join(cells)


def _pieces(line: str) -> Iterator[str]:
    return filter(None, MOVES.split(line))


def visible(text: str) -> str:
    r"""Give `text` with each character that shows nothing as its escape, such as "\u202e"."""
    return text if text.isascii() else UNSEEN.sub(_escaped, text)


def _escaped(unseen: re.Match[str]) -> str:
    code = ord(unseen[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
