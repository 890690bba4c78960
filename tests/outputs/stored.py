"""Outputs as they are stored, with all that is hard to read in them."""

from __future__ import annotations

import struct
import unicodedata
import zlib
from typing import Any

from hypothesis import strategies as st

CONTROLS = (
    *("\x1b", "[", "]", "P", "c", "\\", "(", "B", "K", "2J", "31m", "0;", "a", "é", "\n", "\t"),
    *(
        "\x00",
        "\x07",
        "\b",
        "\r",
        "\x18",
        "\x7f",
        "\x85",
        "\x90",
        "\x9b",
        "\x9c",
        "\x9d",
        "\x1b[2K",
    ),
    *("\u202e", "\u200b", "\u2028", "\ufeff", "\u2764\ufe0f", "\ud800", "\U000e0041"),
)


TEXT = st.one_of(
    st.lists(st.sampled_from(CONTROLS), max_size=30).map("".join),
    st.text(st.characters(codec=None), max_size=200),
    st.builds(lambda text, times: text * times, st.text(max_size=5), st.integers(0, 200)),
)


MIMES = ("text/plain", "text/html", "text/markdown", "text/latex", "application/json", "image/png",
         "image/jpeg", "application/x-thing", "text/csv", "application/vnd.a+json")  # fmt: skip


DATA = st.dictionaries(
    st.sampled_from(MIMES), st.one_of(TEXT, st.lists(TEXT, max_size=3)), max_size=4
)


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def raised(name: str, message: str, *, traceback: bool = True) -> dict[str, Any]:
    lines = ["\x1b[31m---\x1b[0m", "File x, line 1", f"\x1b[91m{name}\x1b[39m: {message}"]
    return {
        "output_type": "error",
        "ename": name,
        "evalue": message,
        "traceback": lines if traceback else [],
    }


def assert_readable(text: str) -> None:
    for character in text:
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
        assert character not in "\u202a\u202b\u202d\u202e\u2066\u2067\u200b\u200d\u2060\ufeff\u2028"
        assert not 0xE0000 <= ord(character) <= 0xE0FFF


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def jpeg(width: int, height: int, before: int = 70_000) -> bytes:
    app = b"\xff\xe1" + struct.pack(">H", before // 2 + 2) + bytes(before // 2)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(3)
    return b"\xff\xd8" + app + app + b"\xff" + frame + bytes(100)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)
