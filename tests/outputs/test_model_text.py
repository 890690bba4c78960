"""What a model reads is within its budget, without controls, and has how the cell ended."""

from __future__ import annotations

import base64
import re
import struct
import time
import unicodedata
import zlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conkernelclient.outputs.events import ErrorOutput
from conkernelclient.outputs.html import text_of_html
from conkernelclient.outputs.images import bytes_in_base64, pixels
from conkernelclient.outputs.result import Result
from conkernelclient.outputs.terminal import fold, visible
from conkernelclient.outputs.text import for_model

NAMES = ("ValueError", "E", "KeyboardInterrupt", "SomeRatherLongNamedErrorOfALibrary")
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


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def error(name: str, message: str, *, traceback: bool = True) -> dict[str, Any]:
    lines = ["\x1b[31m---\x1b[0m", "File x, line 1", f"\x1b[91m{name}\x1b[39m: {message}"]
    return {
        "output_type": "error",
        "ename": name,
        "evalue": message,
        "traceback": lines if traceback else [],
    }


OUTPUTS = st.lists(
    st.one_of(
        st.builds(stream, TEXT, st.sampled_from(["stdout", "stderr"])),
        st.builds(shown, DATA),
        st.builds(error, st.sampled_from(NAMES), TEXT, traceback=st.booleans()),
    ),
    max_size=6,
)


def assert_readable(text: str) -> None:
    for character in text:
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
        assert character not in "\u202a\u202b\u202d\u202e\u2066\u2067\u200b\u200d\u2060\ufeff\u2028"
        assert not 0xE0000 <= ord(character) <= 0xE0FFF


@given(
    OUTPUTS,
    st.sampled_from(["ok", "error", "timeout", "aborted", "cancelled", "running"]),
    st.integers(100, 600),
    TEXT,
)
def test_any_outputs_are_within_any_budget_and_readable(
    outputs: list[Any], status: Any, budget: int, text: str
) -> None:
    """And the name of the last exception's type is there, and the status."""
    result = Result(
        status=status,
        msg_id="m",
        code="c",
        outputs=outputs,
        started=True,
        still_running=True,
        aborted_by=text,
        error=ErrorOutput("Raised", text, []) if status == "error" else None,
    )
    whole, short = result.to_llm(), result.to_llm(max_chars=budget)
    assert len(short) <= budget
    assert_readable(whole)
    assert_readable(short)
    assert (short == whole) == (len(whole) <= budget)
    raised = [output["ename"] for output in outputs if output["output_type"] == "error"]
    last = raised[-1] if raised else "Raised" if status == "error" else ""
    assert last in short
    if status not in ("ok", "error"):
        assert {"running": "still"}.get(status, {"timeout": "timed"}.get(status, status)) in short


@given(OUTPUTS, st.integers(-5, 100))
def test_the_smallest_budgets_are_kept_as_well(outputs: list[Any], budget: int) -> None:
    """Down to nothing at all."""
    result = Result(status="timeout", msg_id="m", code="c", outputs=outputs)
    assert len(result.to_llm(max_chars=budget)) <= max(0, budget)


@pytest.mark.parametrize("budget", [100, 120, 200, 1000, 5000])
@pytest.mark.parametrize("after", [0, 10_000])
def test_a_message_that_is_too_long_itself_is_cut_behind_its_types_name(
    budget: int, after: int
) -> None:
    """Whatever was printed before and after."""
    outputs = [stream("x" * 10_000), error("ValueError", "z" * 10_000), stream("y" * after)]
    text = for_model(outputs, budget)
    assert len(text) <= budget
    assert re.search(r"^ValueError: z+…z+$", text, re.MULTILINE)


def test_the_last_line_of_an_exception_keeps_its_message_where_it_fits() -> None:
    """With the outputs cut before it, and the note of a timeout behind it."""
    result = Result(
        status="timeout",
        msg_id="m",
        code="c",
        started=True,
        outputs=[stream("line\n" * 1000), error("KeyboardInterrupt", "")],
    )
    for budget in (100, 150, 300):
        text = result.to_llm(max_chars=budget)
        assert text.endswith("KeyboardInterrupt: \n[timed out]\n")
        assert text.startswith("line")


def test_an_exception_whose_outputs_are_not_there_is_told_all_the_same() -> None:
    """Some kernels tell it in the reply alone."""
    result = Result(
        status="error", msg_id="m", code="c", error=ErrorOutput("NameError", "no x", [])
    )
    assert result.to_llm() == "NameError: no x\n"
    result.outputs.append(stream("a"))
    assert result.to_llm() == "a\nNameError: no x\n"


def test_an_exception_that_its_traceback_does_not_name_is_named() -> None:
    """Kernels of other languages write what they like there."""
    output = {"output_type": "error", "ename": "Err", "evalue": "v", "traceback": ["oops"]}
    assert for_model([output]) == "oops\nErr: v\n"


# What a terminal shows


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
    assert for_model([stream("a\u202eb\u2066c\u200bd\ufeffe\u00ad")]) == (
        "a\\u202eb\\u2066c\\u200bd\\ufeffe\\u00ad"
    )
    assert for_model([stream("\U000e0041\U000e0042\ud800")]) == "\\U000e0041\\U000e0042\\ud800"
    assert for_model([stream("é 日本 \u2764\ufe0f \U0001f600 עברית")]) == (
        "é 日本 \u2764\ufe0f \U0001f600 עברית"
    )
    assert for_model([stream("x\u2764\ufe0f\ufe0f\ufe01")]) == "x\u2764\ufe0f\\ufe0f\\ufe01"


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


# Displays

REPR = "<IPython.core.display.HTML object>"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"text/plain": "   a  b\n0  1  2", "text/html": "<table>"}, "   a  b\n0  1  2"),
        ({"text/plain": REPR, "text/html": "<b>bold</b> &amp; <i>more</i>"}, "bold & more"),
        ({"text/plain": REPR, "text/html": "<p>h</p>", "text/markdown": "# m"}, "# m"),
        ({"text/plain": REPR, "text/latex": "$x$", "application/json": {"a": 1}}, "$x$"),
        ({"text/plain": REPR, "application/json": {"a": ["é"]}, "text/html": "h"}, '{"a": ["é"]}'),
        ({"text/html": ["<p>a", "</p><p>b</p>"]}, "a\nb"),
        ({"text/plain": REPR, "text/csv": "a,b"}, "a,b"),
        ({"text/plain": REPR, "application/geo+json": {"type": "P"}}, '{"type": "P"}'),
        ({"text/plain": "<Figure at 0x7f>"}, "<Figure at 0x7f>"),
        ({"text/plain": REPR, "text/html": "<script>x</script>"}, REPR),
        ({"text/plain": "", "text/markdown": "m"}, "m"),
    ],
)
def test_a_display_is_shown_by_its_content_before_an_objects_repr(data: Any, text: str) -> None:
    """In the order that `conkernelclient.outputs.display` gives."""
    assert for_model([shown(data)]) == text + "\n"


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def jpeg(width: int, height: int, before: int = 70_000) -> bytes:
    app = b"\xff\xe1" + struct.pack(">H", before // 2 + 2) + bytes(before // 2)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(3)
    return b"\xff\xd8" + app + app + b"\xff" + frame + bytes(100)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.sampled_from([png, jpeg, gif]))
def test_an_image_tells_its_size_in_pixels(width: int, height: int, made: Any) -> None:
    """Read from its header, whatever comes before that, also where the base64 has lines."""
    text = base64.encodebytes(made(width, height)).decode()
    assert pixels(text) == (width, height)
    assert bytes_in_base64(text) == len(made(width, height))


def test_an_image_is_described_by_type_pixels_and_bytes() -> None:
    """With its repr, and without pixels where its header tells none."""
    image = base64.b64encode(png(640, 480)).decode()
    data = {"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": image}
    assert for_model([shown(data)]) == (
        "<Figure size 640x480 with 1 Axes>\n[image/png, 640x480 pixels, 33 bytes]\n"
    )
    assert for_model([shown({"image/webp": "UklGRg=="})]) == "[image/webp, 4 bytes]\n"
    assert for_model([shown({"image/svg+xml": "<svg é/>"})]) == "[image/svg+xml, 9 bytes]\n"


@given(st.one_of(st.binary(max_size=60), st.builds(lambda b: b"\xff\xd8" + b, st.binary())))
def test_broken_images_have_no_size_and_no_error(data: bytes) -> None:
    """Cut off anywhere, or of another kind."""
    for whole in (data, png(3, 4)[: len(data)], jpeg(3, 4)[: len(data)], gif(3, 4)[: len(data)]):
        pixels(base64.b64encode(whole).decode())
        pixels(whole.decode("latin1"))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<h1>Title</h1>text<br>more", "Title\ntext\nmore"),
        ("<style>p {}</style><SCRIPT>alert(1)</Script>seen", "seen"),
        ("<tr><th>a</th><th>b</th></tr><tr><td> 1 </td><td>2</td></tr>", "a\tb\n1\t2"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a <!-- hidden --> b", "a b"),
        ("a <!-- never ends", "a"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ('<a title="x > y" href=z>link</a>', "link"),
        ("&lt;b&gt; &#233;", "<b> é"),
        ("<!DOCTYPE html><?xml?><p>x", "x"),
        ("<script>never ends", ""),
    ],
)
def test_html_is_read_as_its_text(source: str, text: str) -> None:
    """A line for each block and row, without what a page does not show."""
    assert text_of_html(source) == text


@pytest.mark.parametrize(
    "part", ["<!--", "<a ", "<a '", '<a "', "<", "</script", "<td>", "<pre>", "&"]
)
def test_html_that_is_broken_is_read_in_time(part: str) -> None:
    """It may come from anywhere; what grows with the square takes minutes here."""
    start = time.process_time()
    for end in ("", ">", "\"'", "'>"):
        text_of_html(part * 100_000 + end)
    assert time.process_time() - start < 10


def test_controls_in_entities_of_html_are_no_controls_for_a_model() -> None:
    """They are looked for in the text that comes out."""
    text = for_model([shown({"text/html": "a&#x1b;[31mb&#x202e;c&#155;2J"})])
    assert_readable(text)
    assert text == "a[31mb\\u202ec\u203a2J\n"
