"""What changes in a shared document is as small as what changed in the outputs."""

from __future__ import annotations

from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import Doc

from .documents import Shared

TEXT = "a long line of text\n" * 1_000


def printed(text: str) -> dict[str, Any]:
    """An output."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def test_text_that_grows_is_sent_as_what_is_new() -> None:
    """To whoever follows the document, in one transaction."""
    document, other = Shared(), YNotebook(Doc())
    updates: list[bytes] = []
    other.ydoc.apply_update(document.notebook.ydoc.get_update())
    subscription = document.notebook.ydoc.observe(lambda event: updates.append(event.update))
    for text in (TEXT, TEXT + "é\U0001f600", TEXT + "é\U0001f600 and more"):
        document.sink.set_outputs("a", [printed(text)])
    document.sink.set_outputs("a", [printed(text)])
    document.notebook.ydoc.unobserve(subscription)
    sizes = [len(update) for update in updates]
    assert len(sizes) == 3
    assert sizes[0] > len(TEXT)
    assert max(sizes[1:]) < 100
    for update in updates:
        other.ydoc.apply_update(update)
    assert other.get() == document.get()
    assert other.get()["cells"][0]["outputs"] == [printed(text)]


def test_outputs_that_stay_are_the_same_ones() -> None:
    """One that was deleted in the middle, or text that is another, is new from there on."""
    document = Shared()
    shown = {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}
    document.sink.set_outputs("a", [shown, printed("a"), shown])
    held = document.notebook.ycells[0]["outputs"]
    document.sink.set_outputs("a", [shown, printed("b"), shown])
    assert document.get()["cells"][0]["outputs"] == [shown, printed("b"), shown]
    document.sink.set_outputs("a", [shown])
    assert held.to_py() == [shown]


def test_outputs_that_another_program_set_as_plain_ones_are_taken_over() -> None:
    """A list that cannot be shared, a text that cannot grow."""
    document = Shared()
    cell = document.notebook.ycells[0]
    cell["outputs"] = [printed("a")]
    document.sink.set_outputs("a", [printed("ab")])
    cell["outputs"].clear()
    cell["outputs"].append(printed("a"))
    document.sink.set_outputs("a", [printed("ab")])
    assert document.get()["cells"][0]["outputs"] == [printed("ab")]


def test_a_document_without_metadata_takes_widgets() -> None:
    """One that is new."""
    document = Shared()
    empty = YNotebook()
    type(document.sink)(empty).set_widgets({"x": {}})  # type: ignore[call-arg]
    assert empty.get()["metadata"] == {"widgets": {"x": {}}}
