"""A notebook shows a result as one MIME bundle."""

from __future__ import annotations

from conkernelclient.outputs.text import as_text
from conkernelclient.outputs.widgets import WIDGET_VIEW
from tests.outputs.made import (
    display,
    ended_as,
    error,
    folded,
    stream,
)


def test_a_result_of_one_display_is_shown_as_that_display() -> None:
    """In all its types, with its metadata."""
    data = {"text/html": "<b>x</b>", "text/plain": "x"}
    shown = {"output_type": "display_data", "data": data, "metadata": {"a": 1}}
    assert ended_as("ok", outputs=[shown])._repr_mimebundle_() == (data, {"a": 1})


def test_a_result_of_several_outputs_is_shown_one_below_the_other() -> None:
    """As HTML, where what is printed is text, and as what a terminal would show."""
    outputs = [
        *folded(stream("<a>\r<b>\n"), stream("warn", "stderr"), display("d"), error()).outputs,
        {"output_type": "display_data", "data": {"image/png": "iVBO\nRw0K"}, "metadata": {}},
        {
            "output_type": "display_data",
            "data": {"image/png": "iVBO", "text/plain": "<Figure>"},
            "metadata": {"image/png": {"width": 30, "height": "evil"}},
        },
        {"output_type": "display_data", "data": {"image/svg+xml": ["<svg>"]}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/html": "<i>i</i>"}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/latex": "$x<y$"}, "metadata": {}},
    ]
    data, metadata = ended_as("error", outputs=outputs)._repr_mimebundle_()
    assert metadata == {}
    assert data["text/plain"].startswith(as_text(outputs[:5]))
    assert "[image/png, 6 bytes]\n<Figure>\n" in data["text/plain"]
    assert data["text/plain"].endswith("$x<y$")
    html = data["text/html"]
    places = [
        html.index(part)
        for part in (
            "<pre>&lt;b&gt;",
            "warn</pre>",
            "<pre>d</pre>",
            "T\nb</pre>",
            '<img src="data:image/png;base64,iVBORw0K">',
            '<img src="data:image/png;base64,iVBO" width="30">',
            "<svg>",
            "<i>i</i>",
            "$x&lt;y$",
        )
    ]
    assert places == sorted(places)
    assert "\x1b" not in html


def test_a_result_without_outputs_is_shown_by_how_it_stands() -> None:
    """Something has to be seen."""
    assert ended_as("ok")._repr_mimebundle_()[0]["text/plain"] == "<Result ok>"
    assert "cancelled before it ran" in ended_as("cancelled")._repr_mimebundle_()[0]["text/html"]


def test_how_a_run_stands_is_shown_after_its_outputs() -> None:
    """Also after a single display, which would look like a run that went well."""
    outputs = folded(display("d")).outputs
    data, _ = ended_as("timeout", outputs=outputs, started=True)._repr_mimebundle_()
    assert data["text/plain"] == "d\n[timed out]"
    assert data["text/html"] == "<pre>d</pre>\n<pre>[timed out]</pre>"


def test_a_widget_is_shown_as_its_last_text() -> None:
    """Its model is in the kernel that was asked, which no front end of this notebook reaches."""
    view = {"text/plain": "W()", WIDGET_VIEW: {"model_id": "m"}}
    outputs = [{"output_type": "display_data", "data": view, "metadata": {}}]
    states = {"m": {"_model_name": "TextModel", "value": "typed"}}
    known = ended_as("ok", outputs=outputs, widgets=states)
    assert known._repr_mimebundle_()[0] == {"text/plain": "typed"}
    assert ended_as("ok", outputs=outputs)._repr_mimebundle_()[0] == {"text/plain": "W()"}
