"""An image decodes and fits, or it is told in words why not."""

from __future__ import annotations

import base64
import io
import random
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conkernelclient.outputs.pictures import Picture, bytes_of, fitted, picture_of
from tests.outputs.stored import gif, jpeg, png


def image(width: int, height: int, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    noise = random.Random(0).randbytes(3 * width * height)
    Image.frombytes("RGB", (width, height), noise).convert(mode).save(file, kind, **options)
    return file.getvalue()


def stored(data: bytes) -> str:
    return base64.encodebytes(data).decode()


def opened(data: bytes) -> Any:
    shown = Image.open(io.BytesIO(data))
    shown.load()
    return shown


def without_pillow(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "PIL", None)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image_that_fits_stays_as_it_is(kind: str) -> None:
    """With its type by its content, and its size."""
    data = image(30, 20, kind)
    picture = picture_of(stored(data))
    assert picture == Picture(data, f"image/{kind.lower()}", 30, 20)
    assert fitted(picture, 100) == picture


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"exif": b"Exif\0\0ab"}])
def test_the_size_of_any_webp_is_read(options: dict[str, Any]) -> None:
    """It has three kinds of heads."""
    picture = picture_of(stored(image(300, 7, "WEBP", **options)))
    assert isinstance(picture, Picture)
    assert picture[2:] == (300, 7)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("PNG", "LA"),
     ("JPEG", "L"), ("JPEG", "CMYK"), ("GIF", "P"), ("WEBP", "RGBA")],
)  # fmt: skip
def test_one_that_is_too_large_is_scaled_down_in_its_proportions(kind: str, mode: str) -> None:
    """Whatever its pixels are."""
    picture = picture_of(stored(image(400, 100, kind, mode)))
    assert isinstance(picture, Picture)
    small = fitted(picture, 40)
    assert isinstance(small, Picture)
    assert (small.mime_type, small.width, small.height) == ("image/png", 40, 10)
    assert opened(small.data).size == (40, 10)


def test_one_of_sixteen_bits_keeps_its_shades() -> None:
    """A scientific plot would else be white."""
    file = io.BytesIO()
    Image.frombytes("I;16", (100, 50), b"\0\x40" * 2500 + b"\0\xc0" * 2500).save(file, "PNG")
    small = fitted(Picture(file.getvalue(), "image/png", 100, 50), 20)
    assert isinstance(small, Picture)
    darkest, lightest = opened(small.data).convert("L").getextrema()
    assert (abs(darkest - 0x40) < 5, abs(lightest - 0xC0) < 5) == (True, True)


def test_one_with_too_many_bytes_becomes_a_jpeg() -> None:
    """Or is told in words, where that has too many as well."""
    picture = Picture(image(300, 300), "image/png", 300, 300)
    small = fitted(picture, None, len(picture.data) - 1)
    assert isinstance(small, Picture)
    assert small.mime_type == "image/png" or opened(small.data).format == "JPEG"
    least = fitted(picture, None, 200_000)
    assert isinstance(least, Picture)
    assert (least.mime_type, opened(least.data).format) == ("image/jpeg", "JPEG")
    assert fitted(picture, None, 100) == "not shown: too many bytes for a message"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no base64!", "broken: no valid base64"),
        ("é", "broken: no valid base64"),
        (stored(b"<svg/>"), "not shown: no PNG, JPEG, GIF or WebP image"),
        ("", "not shown: no PNG, JPEG, GIF or WebP image"),
        (stored(b"\x89PNG\r\n\x1a\n"), "broken: it says no size"),
        (stored(b"RIFF\0\0\0\0WEBPVP8X"), "broken: it says no size"),
        (stored(b"RIFF\0\0\0\0WEBP" + b"x" * 40), "broken: it says no size"),
        (stored(png(0, 9)), "broken: it says no size"),
        (stored(png(60_000, 60_000)), "not shown: too many pixels to be decoded"),
        (stored(jpeg(40_000, 40_000)), "not shown: too many pixels to be decoded"),
        (stored(gif(65_535, 65_535)), "not shown: too many pixels to be decoded"),
        (stored(image(30, 30)[:-20]), "broken: its end is missing"),
    ],
)
def test_what_is_no_image_is_told_in_words(content: str, said: str) -> None:
    """Before anything is decoded."""
    assert picture_of(content) == said


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@given(data=st.data())
def test_one_whose_inside_is_rubbish_decodes_or_is_told(kind: str, data: st.DataObject) -> None:
    """Bytes are changed anywhere; no error and no warning comes out."""
    good = bytearray(image(20, 20, kind))
    for at in data.draw(st.lists(st.integers(0, 1000), min_size=1, max_size=4)):
        good[at % len(good)] = data.draw(st.integers(0, 255))
    picture = picture_of(stored(bytes(good)))
    shown = picture if isinstance(picture, str) else fitted(picture, 16)
    if isinstance(shown, Picture):
        assert max(opened(shown.data).size) <= 16
    else:
        assert shown


def test_without_pillow_one_that_fits_is_given_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """And of one that does not it says what to install."""
    picture = Picture(image(30, 20), "image/png", 30, 20)
    without_pillow(monkeypatch)
    assert fitted(picture, 30) == picture
    assert fitted(picture, 29) == (
        "not shown: too large; install conkernelclient[images] to have it scaled down"
    )


def test_bytes_are_read_with_white_space() -> None:
    """As notebooks store them, in lines."""
    assert bytes_of("YWJj\n  ZGVm\n") == b"abcdef"
    assert bytes_of("YWJ") is None
