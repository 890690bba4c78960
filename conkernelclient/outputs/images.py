"""How many pixels has an image, and how many bytes has what a message carries in base64?"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

__all__ = ["bytes_in_base64", "pixels", "pixels_of", "type_of"]

HEAD: Final = 4096  # characters of base64 in which PNG and GIF say their size
MOST: Final = 4 * 2**20  # characters of a JPEG that are looked through for its frame: previews
# and profiles come before it

# Start-of-frame markers: 0xC0 to 0xCF without DHT, JPG and DAC (ITU T.81, table B.1).
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
STARTS: Final = (
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", b"\xff\xd8"),
    ("image/gif", b"GIF87a"),
    ("image/gif", b"GIF89a"),
)
BLANK: Final = re.compile(r"\s+")


def pixels(text: str) -> tuple[int, int] | None:
    """
    Give width and height of a PNG, JPEG, GIF or WebP image.

    Args:
        text: The image in base64.

    Returns:
        None if it is none of these, or is cut off before it says its size.
    """
    data = _decoded(text, HEAD)
    return pixels_of(_decoded(text, MOST) if type_of(data) == "image/jpeg" else data)


def type_of(data: bytes) -> str | None:
    """Give the MIME type of an image by its first bytes; None if it is none of ours."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for mime, start in STARTS if data.startswith(start)), None)


def pixels_of(data: bytes) -> tuple[int, int] | None:
    """Give width and height of a PNG, JPEG, GIF or WebP image, which may be cut off at its end."""
    match type_of(data):
        case "image/png" if data[12:16] == b"IHDR":
            return _size(data[16:20], data[20:24])
        case "image/gif":
            return _size(data[7:5:-1], data[9:7:-1])  # little-endian
        case "image/jpeg":
            return _jpeg(data)
        case "image/webp":
            return _webp(data[12:30])
        case _:
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


def _webp(data: bytes) -> tuple[int, int] | None:
    """Read the size from the first chunk behind the head of the file (RFC 9649, section 2)."""
    if len(data) < 18:
        return None
    match data[:4]:
        case b"VP8X":  # the sizes less one, in three bytes each
            width, height = int.from_bytes(data[12:15], "little"), data[15:18]
            return width + 1, int.from_bytes(height, "little") + 1
        case b"VP8 ":  # behind a frame's tag and its start code, in 14 bits each
            width, height = data[14:16], data[16:18]
            both = int.from_bytes(width, "little"), int.from_bytes(height, "little")
            return both[0] & 0x3FFF, both[1] & 0x3FFF
        case b"VP8L":  # behind a signature, less one, in 14 bits each
            bits = int.from_bytes(data[9:13], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
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
