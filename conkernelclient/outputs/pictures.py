"""
How does an image that a kernel sent become one that a model takes?

Models take PNG, JPEG, GIF and WebP, below a size. With Pillow (extra `[images]`) an image is
decoded, so that a broken one is found out, and scaled down; without it its ends are looked at, and
one that is too large is told in words.
"""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .images import BLANK, pixels_of, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL.Image import Image

__all__ = ["MOST_BYTES", "MOST_PIXELS", "Picture", "bytes_of", "fitted", "picture_of"]

MOST_PIXELS: Final = 50_000_000  # more are not decoded: four bytes of memory each
MOST_BYTES: Final = 3_750_000  # of one image in a message: 5 MB in base64
# What a smaller image is saved as: the first that has few enough bytes. JPEG knows no transparency.
AS: Final[Sequence[tuple[str, str | None, Mapping[str, int]]]] = (
    ("PNG", None, {}),
    ("JPEG", "RGB", {"quality": 85}),
)
ENDS: Final = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9", "image/gif": b"\x3b"}
INSTALL: Final = "install conkernelclient[images] to have it scaled down"


class Picture(NamedTuple):
    """
    An image.

    Attributes:
        data: The file's bytes.
        mime_type: By its content, whatever the kernel called it.
        width: Pixels.
        height: Pixels.
    """

    data: bytes
    mime_type: str
    width: int
    height: int


def bytes_of(content: str) -> bytes | None:
    """Decode base64, in which white space may stand; None if it is none."""
    try:
        return base64.b64decode(BLANK.sub("", content), validate=True)
    except (binascii.Error, ValueError):
        return None


def picture_of(content: str) -> Picture | str:
    """Give the image in base64, or what is wrong with it, in words; it is not decoded."""
    data = bytes_of(content)
    if data is None:
        return "broken: no valid base64"
    mime_type = type_of(data)
    if mime_type is None:
        return "not shown: no PNG, JPEG, GIF or WebP image"
    size = pixels_of(data)
    if size is None or 0 in size:
        return "broken: it says no size"
    if size[0] * size[1] > MOST_PIXELS:
        return "not shown: too many pixels to be decoded"
    if ENDS.get(mime_type, b"") not in data[-1024:]:
        return "broken: its end is missing"
    return Picture(data, mime_type, *size)


def fitted(
    picture: Picture, max_px: int | None, max_bytes: int | None = MOST_BYTES
) -> Picture | str:
    """
    Give an image that decodes, and fits.

    Args:
        picture: What a kernel sent.
        max_px: The most pixels of a side; None: any number.
        max_bytes: The most bytes of the file; None: any number.

    Returns:
        The same one where it fits; a scaled one; or in words why there is none.

    It takes up to a second of processor time for 50 million pixels, and needs Pillow, without which
    an image that fits is given unseen.
    """
    try:
        from PIL import Image as pillow
    except ImportError:
        return picture if _fits(picture, max_px, max_bytes) else f"not shown: too large; {INSTALL}"
    kind = picture.mime_type.removeprefix("image/").upper()
    try:
        with pillow.open(io.BytesIO(picture.data), formats=[kind]) as image:
            if image.width * image.height > MOST_PIXELS:
                return "not shown: too many pixels to be decoded"
            image.load()
            seen = picture._replace(width=image.width, height=image.height)
            return seen if _fits(seen, max_px, max_bytes) else _smaller(image, max_px, max_bytes)
    except Exception as error:  # Pillow's decoders raise nearly anything for rubbish
        return f"broken: it does not decode ({type(error).__name__})"


def _fits(picture: Picture, max_px: int | None, max_bytes: int | None) -> bool:
    is_small = max_px is None or max(picture.width, picture.height) <= max_px
    return is_small and (max_bytes is None or len(picture.data) <= max_bytes)


def _smaller(image: Image, max_px: int | None, max_bytes: int | None) -> Picture | str:
    """Give the image as PNG, or as JPEG where that would have too many bytes."""
    plain: Any = image
    if image.mode.startswith("I"):  # 16 bits a pixel, of which the upper ones are seen
        plain = plain.convert("I").point(_upper_bits).convert("L")
    plain = plain.convert("RGBA" if image.has_transparency_data else "RGB")
    if max_px is not None:
        plain.thumbnail((max_px, max_px), reducing_gap=2.0)
    for kind, mode, options in AS:
        data = _saved(plain.convert(mode or plain.mode), kind, **options)
        if max_bytes is None or len(data) <= max_bytes:
            return Picture(data, f"image/{kind.lower()}", *plain.size)
    return "not shown: too many bytes for a message"


def _upper_bits(value: Any) -> Any:
    return value * (1 / 256)


def _saved(image: Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
