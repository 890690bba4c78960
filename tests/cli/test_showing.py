"""What a run does is shown as it comes, each output where it belongs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from conkernelclient.cli import showing
from conkernelclient.cli.showing import ask, put, show
from conkernelclient.events import (
    Clear,
    Display,
    ErrorOutput,
    ExecuteResult,
    InputRequest,
    Started,
    Stream,
)


def test_text_goes_to_its_stream_displays_to_stdout_and_errors_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without colours where nobody sees them; what has no text is named by its types."""
    for event in (
        Started(1),
        Stream("stdout", "out\n"),
        Stream("stderr", "err\n"),
        Display({"text/html": "<b>", "application/x": 1}, {}),
        ExecuteResult({"text/plain": "42"}, {}),
        Clear(),
        ErrorOutput("E", "why", ["\x1b[31mE\x1b[0m: why"]),
    ):
        show(event)
    shown = capsys.readouterr()
    assert shown.out == "out\n[text/html, application/x]\n42\n"
    assert shown.err == "err\nE: why\n"


async def test_a_question_at_the_end_of_input_ends_the_codes_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Ctrl-D does; a password is asked for without showing it."""
    monkeypatch.setattr("builtins.input", lambda prompt: {"a? ": "b"}[prompt])
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"hidden {prompt}")
    assert await ask(InputRequest("a? ")) == "b"
    assert await ask(InputRequest("key ", password=True)) == "hidden key "

    def at_its_end(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", at_its_end)
    assert await ask(InputRequest("a? ")) == "\x04"


RED = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8"
    "z8DAwMDAxMDAwMDAAAANHQEDasKb6QAAAABJRU5ErkJggg=="
)


def test_an_image_is_a_file_where_it_cannot_be_drawn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by its path, and without files by its size; a broken one by what is wrong with it."""
    monkeypatch.setattr(showing, "_folder", lambda: tmp_path)
    show(Display({"image/png": RED, "text/plain": "<Figure>"}, {}))
    show(ExecuteResult({"image/svg+xml": ["<svg", "/>"], "text/plain": "<SVG>"}, {}))
    show(Display({"image/png": RED}, {}), writes_files=False)
    show(Display({"image/png": "rubbish!"}, {}))
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        f"[image/png, 2x2: {tmp_path / '1.png'}]",
        f"[image/svg+xml: {tmp_path / '2.svg'}]",
        "[image/png, 2x2]",
        "[image/png, broken: no valid base64]",
    ]
    assert (tmp_path / "1.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "2.svg").read_text() == "<svg/>"


def test_an_image_is_drawn_where_the_terminal_can(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its protocol, in the place of its text."""
    monkeypatch.setattr(showing, "_protocol", lambda: "iterm")
    show(Display({"image/png": RED, "text/plain": "<Figure>"}, {}))
    assert re.fullmatch(r"\x1b\]1337;File=[^\x07]*\x07\n", capsys.readouterr().out)


def test_text_that_the_stream_cannot_take_is_escaped() -> None:
    """Half of a character, and what a narrow encoding has not."""
    for encoding, written in (("utf-8", b"a\\ud800"), ("ascii", b"\\xfc\\ud800")):
        narrow = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        put("a\ud800" if encoding == "utf-8" else "\u00fc\ud800", narrow)
        assert narrow.buffer.getvalue() == written  # type: ignore[attr-defined]
