"""HTML is read as its text."""

from __future__ import annotations

import time

import pytest

from conkernelclient.outputs.html import text_of_html
from conkernelclient.outputs.text import for_model
from tests.outputs.stored import assert_readable, shown


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
    "part", ["<!--", "<a", "<a ", "<a '", '<a "', "<", "</script", "<td>", "<pre>", "&"]
)
def test_html_that_is_broken_is_read_in_time(part: str) -> None:
    """It may come from anywhere; what grows with the square takes many seconds here."""
    start = time.process_time()
    for end in ("", ">", "\"'", "'>"):
        text_of_html(part * 25_000 + end)
    assert time.process_time() - start < 2.5


def test_controls_in_entities_of_html_are_no_controls_for_a_model() -> None:
    """They are looked for in the text that comes out."""
    text = for_model([shown({"text/html": "a&#x1b;[31mb&#x202e;c&#155;2J"})])
    assert_readable(text)
    assert text == "a[31mb\\u202ec\u203a2J\n"
