"""An image is put as the terminal's protocol has it, and a terminal is asked for a bounded time."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import threading
from collections.abc import Iterator

import pytest
from PIL import Image

from conkernelclient.cli.pictures import (
    as_iterm,
    as_kitty,
    as_sixel,
    drawn,
    has_sixel,
    picture_of,
    protocol_of,
)
from conkernelclient.outputs.pictures import Picture


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm-256color"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM_PROGRAM": "WezTerm", "WEZTERM_PANE": "0"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"KITTY_WINDOW_ID": "1", "TERM": "screen-256color"}, None),
        ({"TERM_PROGRAM": "WezTerm", "TMUX": "/tmp/x"}, None),
        ({}, None),
    ],
)
def test_the_environment_names_the_protocol(
    environment: dict[str, str], protocol: str | None
) -> None:
    """A multiplexer hides it, although it hands the variables on."""
    assert protocol_of(environment) == protocol


def test_iterm_and_kitty_get_the_file_whole() -> None:
    """Kitty in pieces of at most 4 KiB, all but the last of which say that there is more."""
    data = os.urandom(10_000)
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=10000:([\w+/=]+)\x07\n", as_iterm(data))
    assert found is not None
    assert base64.b64decode(found[1]) == data
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", as_kitty(data))
    assert [control for control, _ in pieces] == ["a=T,f=100,q=2,m=1", "m=1", "m=1", "m=0"]
    assert max(len(piece) for _, piece in pieces) <= 4096
    assert base64.b64decode("".join(piece for _, piece in pieces)) == data


def decode(sixels: str) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Draw sixels, as a terminal does; gives the colours of the pixels, in hundredths."""
    found = re.fullmatch(r'\x1bPq"1;1;\d+;\d+(.*)\x1b\\\n', sixels, re.DOTALL)
    assert found is not None
    colours: dict[int, tuple[int, int, int]] = {}
    pixels: dict[tuple[int, int], tuple[int, int, int]] = {}
    x = y = colour = 0
    parts = re.findall(r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|([$-])|(?:!(\d+))?([?-~])", found[1])
    for number, red, green, blue, move, times, bits in parts:
        if number:
            colour = int(number)
            if red:
                colours[colour] = int(red), int(green), int(blue)
        elif move:
            x, y = 0, y + 6 * (move == "-")
        else:
            end = x + int(times or 1)
            for place in ((at, y + bit) for at in range(x, end) for bit in range(6)):
                if (ord(bits) - 63) >> (place[1] - y) & 1:
                    assert place not in pixels
                    pixels[place] = colours[colour]
            x = end
    return pixels


def test_sixels_draw_each_pixel_once_in_its_colour() -> None:
    """What is transparent is white; the last band may be less than six rows."""
    image = Image.new("RGBA", (23, 14), (255, 0, 0, 255))
    image.paste((0, 0, 255, 255), (3, 2, 20, 9))
    image.putpixel((22, 13), (0, 0, 0, 0))
    pixels = decode(as_sixel(image))
    assert len(pixels) == 23 * 14
    assert pixels[0, 0] == (100, 0, 0)
    assert pixels[19, 8] == (0, 0, 100)
    assert pixels[22, 13] == (100, 100, 100)


def test_kitty_gets_png_whatever_the_image_was_and_large_ones_smaller() -> None:
    """A broken one is not drawn."""
    picture = picture_of(base64.b64encode(file_of(Image.new("RGB", (3000, 30)), "JPEG")).decode())
    assert isinstance(picture, Picture)
    shown = drawn(picture, "kitty")
    assert shown is not None
    data = base64.b64decode("".join(re.findall(r"\x1b_G[^;]*;([^\x1b]*)\x1b\\", shown)))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("PNG", (1200, 12))
    assert drawn(picture, "sixel") is not None
    assert drawn(Picture(picture.data[:400], *picture[1:]), "iterm") is None


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A pseudo-terminal that is ours to read: (the terminal's end, the program's end)."""
    outer, inner = pty.openpty()
    monkeypatch.setattr("os.tcgetpgrp", lambda _: os.getpgrp())
    yield outer, inner
    os.close(outer)
    os.close(inner)


def answer(outer: int, text: bytes) -> None:
    asked = b""
    while not asked.endswith(b"\x1b[c"):
        asked += os.read(outer, 64)
    os.write(outer, text)


@pytest.mark.parametrize(
    ("text", "is_drawn"),
    [(b"\x1b[?62;4;22c", True), (b"\x1b[?62;22c", False), (b"\x1b[?4c", False)],
)
def test_a_terminal_says_whether_it_draws_sixels(
    terminal: tuple[int, int], text: bytes, is_drawn: bool
) -> None:
    """By a 4 among its attributes; the first number is its class."""
    outer, inner = terminal
    thread = threading.Thread(target=answer, args=(outer, text))
    thread.start()
    assert has_sixel(inner, inner, seconds=10) is is_drawn
    thread.join()


def test_a_terminal_that_does_not_answer_is_asked_for_a_bounded_time(
    terminal: tuple[int, int],
) -> None:
    """And one where keys were typed ahead, or that is none, is not asked at all."""
    outer, inner = terminal
    assert not has_sixel(inner, inner, seconds=0.01)
    assert os.read(outer, 64) == b"\x1b[c"
    os.write(outer, b"ls\n")
    assert not has_sixel(inner, inner, seconds=10)
    assert os.read(inner, 64) == b"ls\n"
    read, write = os.pipe()
    assert not has_sixel(read, write)
    os.close(read)
    os.close(write)
