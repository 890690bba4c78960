"""What a model is told names what it can act on."""

from __future__ import annotations

import pytest

from conkernelclient.agent import words
from conkernelclient.errors import DeadKernelError, TransportError


@pytest.mark.parametrize(
    ("exit_code", "said"),
    [
        (None, "the kernel is gone"),
        (3, "exit status 3"),
        (-11, "SIGSEGV"),
        (-9, "want of memory"),
        (-63, "signal 63"),
    ],
)
def test_the_end_of_a_kernel_is_told_by_its_status(exit_code: int | None, said: str) -> None:
    """By the signal's name, where it has one."""
    assert said in words.ended_by(exit_code)


def test_a_limit_is_told_in_place_of_its_signal() -> None:
    """And a connection that is lost as such."""
    error = DeadKernelError("", exit_code=-24)
    assert words.end_of(error, lambda signum: f"limit {signum}").endswith("limit 24")
    assert "connection" in words.end_of(TransportError(""), lambda _: None)


def test_a_call_is_named_by_its_first_line() -> None:
    """The first that is not empty, cut where it is long."""
    assert words.behind("r1", "\n\n  x = 1\ny") == "r1 (x = 1)"
    assert len(words.behind("r1", "x" * 1000)) < 80
    assert words.behind("r1", "") == "r1 ()"


def test_texts_are_cut_in_their_middle() -> None:
    """Both ends stay."""
    assert words.shortened("abc", 3) == "abc"
    assert words.shortened("a" * 10 + "b" * 10, 4) == "aa\n...\nbb"


def test_a_session_without_set_up_speaks_of_none() -> None:
    """Neither to the call that was hit nor to the next one."""
    assert "set-up" not in words.lost(False) + words.fresh("x", False) + words.not_stopped(
        "x", False
    )
    assert all("set-up" in text for text in (words.lost(True), words.fresh("x", True)))
