"""What a kernel publishes comes into either document as a notebook's front ends show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.outputs.notebook_widgets import STATE
from conkernelclient.sidecar.document import OutputFeed

from .documents import DOCUMENTS, Plain, Shared

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = iter(range(10**9))
documents = pytest.mark.parametrize("make", DOCUMENTS)


def message(msg_type: str, request: str, **content: Any) -> dict[str, Any]:
    """An iopub message of a request."""
    return {
        "header": {"msg_id": f"m{next(COUNT)}", "msg_type": msg_type},
        "msg_type": msg_type,
        "parent_header": {"msg_id": request},
        "metadata": {},
        "content": content,
        "buffers": [],
    }


def printed(request: str, text: str) -> dict[str, Any]:
    """Text on stdout."""
    return message("stream", request, name="stdout", text=text)


def shown(request: str, text: str, display_id: str | None = None, *, update: bool = False) -> Any:
    """A display, or the update of one."""
    kind = "update_display_data" if update else "display_data"
    transient = {"display_id": display_id} if display_id else {}
    return message(kind, request, data={"text/plain": text}, metadata={}, transient=transient)


def texts(document: Plain | Shared, place: int) -> list[str]:
    """What the cell shows, in short."""
    outputs = document.get()["cells"][place]["outputs"]
    return [one["text"] if "text" in one else one["data"]["text/plain"] for one in outputs]


@documents
def test_neighbouring_text_is_one_output_and_displays_are_updated_in_all_cells(
    make: Callable[[], Plain | Shared],
) -> None:
    """Also by a request that is no cell's."""
    document = make()
    feed = OutputFeed(document.sink)
    feed.begin("a", "r1")
    for part in (printed("r1", "1"), printed("r1", "2"), shown("r1", "old", "d")):
        assert feed.take(part) == "a"
    assert feed.flush() == ["a"]
    assert feed.flush() == []
    assert texts(document, 0) == ["12", "old"]
    feed.begin("b", "r2")
    feed.take(message("execute_input", "r2", code="", execution_count=7))
    feed.take(shown("r2", "new", "d", update=True))
    assert feed.flush() == ["a", "b"]
    assert texts(document, 0) == ["12", "new"]
    assert document.get()["cells"][1]["execution_count"] == 7
    assert feed.take(shown("another", "newest", "d", update=True)) is None
    assert feed.flush() == ["a"]
    assert texts(document, 0) == ["12", "newest"]
    nbformat.validate(document.get())


@documents
def test_what_is_cleared_goes_at_once_or_with_what_comes_next(
    make: Callable[[], Plain | Shared],
) -> None:
    """As `clear_output(wait)` says."""
    document = make()
    feed = OutputFeed(document.sink)
    feed.begin("a", "r")
    feed.take(printed("r", "1"))
    feed.take(message("clear_output", "r", wait=True))
    feed.flush()
    assert texts(document, 0) == ["1"]
    feed.take(printed("r", "2"))
    feed.flush()
    assert texts(document, 0) == ["2"]
    feed.take(message("clear_output", "r", wait=False))
    feed.flush()
    assert texts(document, 0) == []


@documents
def test_what_comes_for_a_cell_that_is_gone_hurts_nobody(
    make: Callable[[], Plain | Shared],
) -> None:
    """Deleted, run again, or forgotten."""
    document = make()
    feed = OutputFeed(document.sink)
    feed.begin("a", "r1")
    feed.begin("b", "r2")
    feed.begin("b", "r3")
    document.delete_first()
    assert feed.take(printed("r1", "x")) == "a"
    assert feed.take(printed("r2", "late")) is None
    assert feed.take(printed("r3", "x")) == "b"
    assert feed.flush() == ["b"]
    assert texts(document, 0) == ["x"]
    assert feed.take(printed("r1", "x")) is None
    feed.forget("b")
    assert feed.take(printed("r3", "y")) is None
    assert feed.flush() == []


@documents
def test_an_output_widget_takes_what_is_its_own_and_is_saved(
    make: Callable[[], Plain | Shared],
) -> None:
    """The cell does not show it, the kernel is told, and the document's metadata hold it."""
    document = make()
    feed = OutputFeed(document.sink)
    feed.write_widgets()
    assert "widgets" not in document.get()["metadata"]
    feed.begin("a", "r")
    state = {"_model_name": "OutputModel", "outputs": [], "msg_id": "r"}
    comm = {"comm_id": "w", "target_name": "jupyter.widget"}
    feed.take(message("comm_open", "r", **comm, data={"state": state}))
    assert feed.take(printed("r", "inside")) == "a"
    closing = {"method": "update", "state": {"msg_id": ""}}
    feed.take(message("comm_msg", "r", comm_id="w", data=closing))
    feed.take(printed("r", "outside"))
    feed.flush()
    assert texts(document, 0) == ["outside"]
    inside = [{"output_type": "stream", "name": "stdout", "text": "inside"}]
    (news,) = feed.widget_news()
    assert news["data"]["state"] == {"outputs": inside}
    feed.write_widgets()
    saved = document.get()["metadata"]["widgets"][STATE]["state"]["w"]
    assert saved["state"]["outputs"] == inside
    feed.take(message("comm_close", "r", comm_id="w", data={}))
    feed.write_widgets()
    assert "widgets" not in document.get()["metadata"]


requests = st.sampled_from(["r1", "r2", "foreign"])
displays = st.sampled_from([None, "d", "e"])
messages = st.one_of(
    st.builds(printed, requests, st.text(max_size=3)),
    st.builds(shown, requests, st.text(max_size=3), displays, update=st.booleans()),
    st.builds(lambda r, w: message("clear_output", r, wait=w), requests, st.booleans()),
    st.builds(lambda r: message("error", r, ename="E", evalue="", traceback=5), requests),
    st.builds(lambda r, n: message("execute_input", r, execution_count=n), requests, st.text()),
    st.builds(lambda r: message("display_data", r, data=5, transient=5), requests),
    st.builds(lambda r: message("comm_open", r, comm_id=5, data=[]), requests),
    st.builds(lambda r: message("odd", r), requests),
    st.just("flush"),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(messages, max_size=12))
def test_any_messages_leave_the_same_valid_document(steps: list[Any]) -> None:
    """Flushed when it may be, or only at the end; contents of wrong types as well."""
    plain, shared = Plain(), Shared()
    often, once = OutputFeed(plain.sink), OutputFeed(shared.sink)
    for feed in (often, once):
        feed.begin("a", "r1")
        feed.begin("b", "r2")
    for step in steps:
        if step == "flush":
            often.flush()
        else:
            assert often.take(step) == once.take(step)
    often.flush()
    once.flush()
    assert plain.get() == shared.get()
    nbformat.validate(plain.get())


def test_more_outputs_than_there_is_room_for_are_cut_with_a_marker() -> None:
    """Of each cell by itself."""
    document = Plain()
    feed = OutputFeed(document.sink, max_output_bytes=10_000)
    feed.begin("a", "r")
    for _ in range(100):
        feed.take(printed("r", "x" * 1_000))
    feed.flush()
    assert any("left out" in text for text in texts(document, 0))
    assert len("".join(texts(document, 0))) < 11_000
