"""A terminal shows a result by rich."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from rich.console import Console

from conkernelclient.outputs.terminal import CONTROL, coloured
from tests.outputs.made import ended_as
from tests.outputs.stored import TEXT, printed, raised, shown
from tests.outputs.test_widgets import BOX, STEPS, folded, viewed


def printed_by_rich(thing: Any, *, colours: bool = False) -> str:
    file = io.StringIO()
    system: Any = "standard" if colours else None
    Console(file=file, width=60, color_system=system, force_terminal=colours).print(thing)
    return file.getvalue()


def test_outputs_are_printed_one_below_the_other() -> None:
    """Images are lines, and markup of rich is text."""
    outputs = [
        printed("10%\r100%\n[bold]no markup[/bold]\n"),
        shown({"text/plain": "   a\n0  1", "text/html": "<table>"}),
        shown({"text/plain": "<Figure>", "image/png": "AAAA"}),
        shown({"text/plain": "<IPython.core.display.Markdown object>", "text/markdown": "# Head"}),
        shown({"application/x": "AAAA"}),
        raised("ValueError", "bad"),
    ]
    text = printed_by_rich(ended_as("timeout", outputs=outputs, started=True))
    lines = [line.strip() for line in text.splitlines()]
    places = [
        lines.index(line)
        for line in (
            "100%", "[bold]no markup[/bold]", "a", "0  1", "<Figure>", "[image/png, 3 bytes]",
            "[application/x, 3 bytes]", "ValueError: bad", "[timed out]",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert any("Head" in line and "#" not in line for line in lines)


def test_colours_stay_and_other_controls_go() -> None:
    """A kernel may not set the terminal's title, nor clear it."""
    outputs = [printed("\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2Jx"), raised("E", "m")]
    text = printed_by_rich(ended_as("error", outputs=outputs), colours=True)
    assert "\x1b[31mred" in text
    assert "title" not in text
    assert "\x1b[2J" not in text


def test_without_outputs_it_says_how_it_stands() -> None:
    """Something has to be seen."""
    assert printed_by_rich(ended_as("ok")) == "<Result ok>\n"
    assert "cancelled before it ran" in printed_by_rich(ended_as("cancelled"))


def test_a_widget_is_printed_by_its_last_state() -> None:
    """As a model reads it."""
    reducer = folded(*BOX, viewed("box"), *STEPS)
    result = ended_as("ok", outputs=reducer.outputs, widgets=reducer.widgets)
    assert "50% |█████     | 2/4" in printed_by_rich(result)


@given(TEXT)
def test_in_any_text_colours_are_the_only_controls(text: str) -> None:
    """Whatever a kernel prints, and rich prints it."""
    for control in CONTROL.finditer(coloured(text)):
        assert control["final"] == "m"
        assert not control["parameters"].strip("0123456789;:")
    printed_by_rich(ended_as("ok", outputs=[printed(text)]))


@pytest.mark.parametrize("statement", ["import conkernelclient.outputs.result"])
def test_rich_is_loaded_when_rich_asks(statement: str) -> None:
    """A program without it has a result all the same."""
    program = f"{statement}; import sys; assert 'rich' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
