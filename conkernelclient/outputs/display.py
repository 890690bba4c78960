"""
What does a display show, in words?

By its content, the first of these that is there:

1. `text/plain`, unless it is only an object's repr, such as `<IPython.core.display.HTML object>`
2. `text/markdown`
3. `text/latex`
4. `application/json`
5. the text of `text/html`
6. any other text, and any other JSON
7. the object's repr

Images, sound and films follow, each with its type, its size in pixels if it is a PNG, JPEG or GIF
image, and its bytes. With an image the repr is shown, and none of 6.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from .html import text_of_html
from .images import bytes_in_base64, pixels
from .mime import JSON, joined, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["in_words", "is_binary"]

REPR: Final = re.compile(r"\s*<[^\n]*>\s*\Z")  # Python's of an object without one of its own


def in_words(data: Mapping[str, Any]) -> str:
    """Give the text of a MIME bundle for a reader who sees text alone; "" if it is empty."""
    plain = text_of(data.get("text/plain"))
    shown = [_image(mime, joined(value)) for mime, value in data.items() if is_binary(mime)]
    text = plain
    if not plain.strip() or REPR.match(plain):
        text = next(filter(str.strip, _content(data)), "")
        if not (text or shown):
            text = next(filter(str.strip, _others(data)), "")
        text = text or plain
    if text.strip():
        shown.insert(0, text)
    return "\n".join(shown or [f"[{mime}, {_bytes(value)} bytes]" for mime, value in data.items()])


def _content(data: Mapping[str, Any]) -> Iterator[str]:
    for mime in ("text/markdown", "text/latex"):
        yield text_of(data.get(mime))
    if data.get("application/json") is not None:
        yield _json(data["application/json"])
    yield text_of_html(text_of(data.get("text/html")))


def _others(data: Mapping[str, Any]) -> Iterator[str]:
    for mime, value in data.items():
        if mime.startswith("text/") and mime not in ("text/plain", "text/html"):
            yield text_of(value)
        elif JSON.match(mime):
            yield _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def is_binary(mime: str) -> bool:
    """Tell whether content of this type is nothing to read."""
    return mime.startswith(("image/", "audio/", "video/")) or mime == "application/pdf"


def _image(mime: str, content: str) -> str:
    size = pixels(content) if mime.startswith("image/") else None
    dimensions = f"{size[0]}x{size[1]} pixels, " if size else ""
    return f"[{mime}, {dimensions}{_bytes(content)} bytes]"


def _bytes(value: Any) -> int:
    text = text_of(value)
    if text.isascii() and " " not in text[:100]:  # most likely base64
        return bytes_in_base64(text)
    return len(text.encode("utf-8", "surrogatepass"))
