"""How many pixels has an image, and how many bytes has what a message carries in base64?"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

__all__ = ["bytes_in_base64", "pixels"]

HEAD: Final = 4096  # characters of base64 in which PNG and GIF say their size
MOST: Final = 4 * 2**20  # characters of a JPEG that are looked through for its frame: previews
# and profiles come before it

# Start-of-frame markers: 0xC0 to 0xCF without DHT, JPG and DAC (ITU T.81, table B.1).
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
BLANK: Final = re.compile(r"\s+")


def pixels(text: str) -> tuple[int, int] | None:
    """
    Give width and height of a PNG, JPEG or GIF image.

    Args:
        text: The image in base64.

    Returns:
        None if it is none of these, or is cut off before it says its size.
    """
    data = _decoded(text, HEAD)
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return _size(data[16:20], data[20:24])
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _size(data[7:5:-1], data[9:7:-1])  # little-endian
    if data.startswith(b"\xff\xd8"):
        return _jpeg(_decoded(text, MOST))
    return None


def _size(width: bytes, height: bytes) -> tuple[int, int] | None:
    if len(width) < 2 or len(width) != len(height):
        return None
    return int.from_bytes(width), int.from_bytes(height)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in BARE:
            at += 1 if marker == 0xFF else 2
        elif marker in FRAMES:
            return _size(data[at + 7 : at + 9], data[at + 5 : at + 7])
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    return None


def _decoded(text: str, characters: int) -> bytes:
    """Give the bytes of the first `characters` of `text`; b"" if it is no base64."""
    head = BLANK.sub("", text[:characters])
    try:
        return base64.b64decode(head[: len(head) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return b""


def bytes_in_base64(text: str) -> int:
    """Give how many bytes `text`, in base64, stands for, without decoding it."""
    length = len(text) - sum(map(text.count, " \t\r\n"))
    end = text[-4:].rstrip()
    return length * 3 // 4 - (len(end) - len(end.rstrip("=")))
