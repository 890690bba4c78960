r"""
How does a terminal show an image?

By the protocol that it has: kitty's, iTerm2's, or sixel. The first two are known by the terminal's
environment. Sixel is asked for (DA1, `ESC [ c`: a terminal that has it answers with a 4 among its
attributes), on a real terminal alone, and for a bounded time. Sources: "Terminal graphics protocol"
of kitty; "Inline images protocol" of iTerm2; "Sixel graphics" of the VT340's programmer manual.
"""

from __future__ import annotations

import base64
import io
import os
import re
import select
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from conkernelclient.outputs.pictures import Picture, fitted, picture_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Protocol",
    "as_iterm",
    "as_kitty",
    "as_sixel",
    "drawn",
    "has_sixel",
    "here",
    "picture_of",
    "protocol_of",
]

Protocol: TypeAlias = Literal["kitty", "iterm", "sixel"]

KITTY: Final = ("xterm-kitty", "xterm-ghostty")
ITERM: Final = ("iTerm.app", "WezTerm")
CHUNK: Final = 4096  # characters of base64 in one of kitty's commands
WIDEST: Final = 1200  # pixels of a side; larger images are scaled down
COLOURS: Final = 256
ANSWERS_WITHIN: Final = 0.2  # seconds
ANSWER: Final = re.compile(rb"\x1b\[\?([\d;]*)c")
RUN: Final = re.compile(rb"(.)\1{3,}")


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """Tell by the environment which protocol the terminal has; None if that is not known."""
    term = environment.get("TERM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return None  # it passes none of them on, unless told to
    program = environment.get("TERM_PROGRAM", "")
    if "KITTY_WINDOW_ID" in environment or term in KITTY or program == "ghostty":
        return "kitty"
    if program in ITERM or "WEZTERM_PANE" in environment:
        return "iterm"
    return None


def has_sixel(keyboard: int, screen: int, seconds: float = ANSWERS_WITHIN) -> bool:
    """
    Ask a terminal whether it draws sixels.

    Args:
        keyboard: Descriptor that is read from. Where keys have been typed ahead, nothing is asked.
        screen: Descriptor that is written to.
        seconds: How long to wait for its answer.

    Returns:
        False also where either is no terminal, another process has it, or no answer comes.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return False
    if not (os.isatty(keyboard) and os.isatty(screen)):
        return False
    try:
        if os.tcgetpgrp(keyboard) != os.getpgrp() or _is_ready(keyboard, 0):
            return False
        before = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard, termios.TCSANOW)
            os.write(screen, b"\x1b[c")
            return "4" in _attributes(keyboard, time.monotonic() + seconds)
        finally:
            termios.tcsetattr(keyboard, termios.TCSANOW, before)
    except (OSError, termios.error):
        return False


def _attributes(keyboard: int, until: float) -> list[str]:
    answer = b""
    while _is_ready(keyboard, until - time.monotonic()):
        answer += os.read(keyboard, 64)
        found = ANSWER.search(answer)
        if found is not None:
            return found[1].decode().split(";")[1:]
        if not answer:
            break
    return []


def _is_ready(keyboard: int, seconds: float) -> bool:
    return bool(select.select([keyboard], [], [], max(0.0, seconds))[0])


def drawn(picture: Picture, protocol: Protocol) -> str | None:
    """
    Give what makes a terminal draw the image; None if it cannot be put so.

    Kitty takes PNG alone, and sixel pixels: others are converted by Pillow (extra `[images]`).
    """
    fits = fitted(picture, WIDEST, None)
    if isinstance(fits, str):
        return None
    match protocol:
        case "iterm":
            return as_iterm(fits.data)
        case "kitty":
            data = fits.data if fits.mime_type == "image/png" else _png(fits.data)
            return None if data is None else as_kitty(data)
        case "sixel":
            image = _image(fits.data)
            return None if image is None else as_sixel(image)


def as_iterm(data: bytes) -> str:
    """Give an image's file as iTerm2 takes it."""
    text = base64.b64encode(data).decode("ascii")
    return f"\x1b]1337;File=inline=1;size={len(data)}:{text}\x07\n"


def as_kitty(data: bytes) -> str:
    """Give a PNG as kitty takes it: in pieces, for which no answer is wanted."""
    text = base64.b64encode(data).decode("ascii")
    pieces = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)] or [""]
    last = len(pieces) - 1
    return (
        "".join(
            f"\x1b_G{'a=T,f=100,q=2,' if not place else ''}m={int(place < last)};{piece}\x1b\\"
            for place, piece in enumerate(pieces)
        )
        + "\n"
    )


def as_sixel(image: Any) -> str:
    """Give an image of Pillow as sixels: bands of six rows, in each of them colour after colour."""
    flat = image.convert("RGBA")
    ground = flat.copy()
    ground.paste((255, 255, 255, 255), (0, 0, *flat.size))
    ground.alpha_composite(flat)
    plain = ground.convert("RGB").quantize(COLOURS)
    width, height = plain.size
    palette: list[int] = plain.getpalette() or []
    pixels: bytes = plain.tobytes()
    used = sorted(set(pixels))
    head = [f'\x1bPq"1;1;{width};{height}']
    for colour in used:
        red, green, blue = (round(part * 100 / 255) for part in palette[3 * colour :][:3])
        head.append(f"#{colour};2;{red};{green};{blue}")
    rows = [pixels[at : at + width] for at in range(0, width * height, width)]
    bands = ("$".join(_band(rows[at : at + 6], width)) for at in range(0, height, 6))
    return "".join(head) + "-".join(bands) + "\x1b\\\n"


def _band(rows: list[bytes], width: int) -> Iterator[str]:
    for colour in sorted(set(b"".join(rows))):
        total = int.from_bytes(b"\x3f" * width)  # "?", of which a pixel sets one bit each
        for place, row in enumerate(rows):
            if colour not in row:
                continue
            table = bytearray(256)
            table[colour] = 1 << place
            total += int.from_bytes(row.translate(table))
        line = RUN.sub(_repeated, total.to_bytes(width))
        yield f"#{colour}{line.decode('ascii')}"


def _repeated(found: re.Match[bytes]) -> bytes:
    return b"!%d%s" % (len(found[0]), found[1])


def _image(data: bytes) -> Any:
    try:
        from PIL import Image
    except ImportError:
        return None
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def _png(data: bytes) -> bytes | None:
    image = _image(data)
    if image is None:
        return None
    file = io.BytesIO()
    image.convert("RGBA").save(file, "PNG")
    return file.getvalue()


def here() -> Protocol | None:
    """Tell which protocol the terminal at stdout has; None if it is none, or has none."""
    if not sys.stdout.isatty():
        return None
    known = protocol_of(os.environ)
    if known is not None or "TMUX" in os.environ:
        return known
    try:
        is_sixel = has_sixel(sys.stdin.fileno(), sys.stdout.fileno())
    except (OSError, ValueError):  # it has no stdin
        return None
    return "sixel" if is_sixel else None
