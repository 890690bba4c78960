"""What a run does is shown as it comes, each output where it belongs."""

from __future__ import annotations

import pytest

from conkernelclient.cli.showing import ask, show
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
