"""The cells of a document show what their last runs showed, and what others changed in it."""

from __future__ import annotations

from typing import Any

from conkernelclient.outputs.cells import CellOutputs, incoming_of

COUNT = iter(range(10**9))


def message(msg_type: str, request: str | None, **content: Any) -> dict[str, Any]:
    """An iopub message of a request; None: of nobody."""
    parent = {} if request is None else {"msg_id": request}
    header = {"msg_id": f"m{next(COUNT)}", "msg_type": msg_type}
    return {"header": header, "parent_header": parent, "content": content, "buffers": []} | {
        "msg_type": msg_type
    }


def shown(request: str, text: str, display_id: str) -> dict[str, Any]:
    """A display that can be updated."""
    transient = {"display_id": display_id}
    return message("display_data", request, data={"text/plain": text}, transient=transient)


def printed(request: str | None, text: str) -> dict[str, Any]:
    """Text on stdout."""
    return message("stream", request, name="stdout", text=text)


def texts(cells: CellOutputs, cell_id: str) -> list[str]:
    """What a cell shows, in short."""
    outputs = cells.outputs(cell_id)
    return [one.get("text") or one["data"]["text/plain"] for one in outputs]


def test_a_new_display_of_an_id_updates_it_in_all_cells() -> None:
    """Those cells have changed, and no others; each is told once."""
    cells = CellOutputs()
    for cell_id in "abcd":
        cells.begin(cell_id, f"r{cell_id}")
        cells.take(shown(f"r{cell_id}", cell_id, "other" if cell_id == "b" else "d"))
    assert cells.changed() == ["a", "b", "c", "d"]
    cells.take(shown("rd", "new", "d"))
    assert cells.changed() == ["a", "c", "d"]
    assert cells.changed() == []
    assert [texts(cells, one) for one in "abcd"] == [["new"], ["b"], ["new"], ["new", "new"]]


def test_what_belongs_to_no_cell_is_nobodys() -> None:
    """Without a parent, of a run before the last, of a cell that is forgotten."""
    cells = CellOutputs()
    cells.begin("a", "r1")
    cells.begin("a", "r2")
    for request in (None, "r1", "foreign"):
        assert cells.take(printed(request, "x")) is None
    assert cells.take(printed("r2", "x")) == "a"
    cells.take(message("execute_input", "r2", execution_count=3))
    assert (texts(cells, "a"), cells.execution_count("a")) == (["x"], 3)
    cells.forget("a")
    cells.forget("a")
    assert cells.take(printed("r2", "x")) is None
    assert (cells.outputs("a"), cells.execution_count("a"), cells.changed()) == ([], None, [])


def test_ten_thousand_runs_of_a_cell_keep_one() -> None:
    """Nothing is held of those before."""
    cells = CellOutputs()
    for number in range(10_000):
        cells.begin("a", f"r{number}")
        cells.take(printed(f"r{number}", "x"))
    held = (cells._cells, cells._requests, cells._cell_of, cells._changed)
    assert [len(one) for one in held] == [1, 1, 1, 1]


def test_a_message_is_what_the_client_gives() -> None:
    """Also where it lacks what is not needed."""
    made = incoming_of({"header": {"msg_type": "status"}, "parent_header": None, "content": {}})
    assert (made.msg_type, made.parent_id) == ("status", "")
