"""Text reads like a terminal's when its controls have done their work."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conkernelclient.outputs.terminal import fold, visible
from conkernelclient.outputs.text import for_model, strip_ansi
from tests.outputs.stored import CONTROLS, assert_readable, printed


def test_ansi_sequences_of_all_kinds_go() -> None:
    """Colours, cursor moves, hyperlinks."""
    assert (
        strip_ansi("\x1b[1;31mred\x1b[0m\x1b[2K \x1b]8;;http://x\x07link\x1b]8;;\x07") == "red link"
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("abc\b\bX", "aXc"),
        ("N\bNA\bAM\bME\bE", "NAME"),
        ("\b\bx", "x"),
        ("10%\b\b\b99%", "99%"),
        ("10%\r100%\n", "100%\n"),
        ("loading...\r\x1b[Kdone", "done"),
        ("loading...\x1b[2K\rdone", "done"),
        ("loading...\x1b[1Gdone", "doneing..."),
        ("a\r\nb\r\r\n", "a\nb\n"),
        ("\x9b31mred\x9b0m", "red"),
        ("a\x00b\x7fc\x07", "abc"),
        ("a\x1bcb", "ab"),
        ("a\x1b(Bb\x1b#8c\x1b=d", "abcd"),
        ("a\x1bPbody\x1b\\b", "ab"),
        ("a\x90body\x9cb", "ab"),
        ("a\x1b]8;;http://x\x1b\\b\x1b]8;;\x07c", "abc"),
        ("a\x1b_body\nof two lines\x1b\\b", "ab"),
        ("a\x1bPtmux;\x1b\x1b]1337;x\x07\x1b\\b", "ab"),
        ("a\x1b]rubbish\nb", "a\nb"),
        ("a\x1b]rubbish\nb\x1b[0m", "a\nb"),
        ("\x1b\x1b[2J[2J", "[2J"),
        ("\x1b[\x1b[2J2J", "2J"),
        ("\x1b[3\x1b[31m1m", "1m"),
        ("\x9b\x9b2J2J", "2J"),
        ("a\vb\fc\x85d\x1bEe", "a\nb\nc\nd\ne"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b", ""),
        ("\x1b[38;2;1;2;3mcolour\x1b[m", "colour"),
    ],
)
def test_controls_do_what_they_do_in_a_terminal_and_go(text: str, plain: str) -> None:
    """None is left, and none comes out of what stays of others."""
    assert fold(text) == plain


@given(st.lists(st.sampled_from(CONTROLS), max_size=60).map("".join))
@example("\x1b\x1b[[2J2J")
def test_no_control_is_left_or_comes_to_be(text: str) -> None:
    """Reading what was read changes nothing."""
    once = fold(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", once)
    assert fold(once) == once
    assert_readable(visible(once))


def test_what_hides_text_from_people_is_shown_as_escapes() -> None:
    """Bidirectional overrides, zero-width characters, tags; letters and emoji stay."""
    assert for_model([printed("a\u202eb\u2066c\u200bd\ufeffe\u00ad")]) == (
        "a\\u202eb\\u2066c\\u200bd\\ufeffe\\u00ad"
    )
    assert for_model([printed("\U000e0041\U000e0042\ud800")]) == "\\U000e0041\\U000e0042\\ud800"
    assert for_model([printed("é 日本 \u2764\ufe0f \U0001f600 עברית")]) == (
        "é 日本 \u2764\ufe0f \U0001f600 עברית"
    )
    assert for_model([printed("x\u2764\ufe0f\ufe0f\ufe01")]) == "x\u2764\ufe0f\\ufe0f\\ufe01"


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]" * 200_000,
        "\x90" * 200_000,
        "\x1b[" * 200_000,
        "x" * 100_000 + "\b" * 100_000 + "y" * 100_000,
        "x" * 100_000 + "\x1b[2Ky" * 50_000,
        "x" * 100_000 + "\r\x1b[Ky" * 50_000,
        "\x1b" + " " * 300_000,
        "\x1b]\n" * 100_000,
    ],
)
def test_folding_takes_time_in_proportion_to_the_text(text: str) -> None:
    """However it is made; what grows with the square takes minutes here."""
    start = time.process_time()
    fold(text)
    assert time.process_time() - start < 5
