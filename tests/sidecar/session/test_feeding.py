"""What a kernel publishes comes into the document a few times a second, and is told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.errors import DeadKernelError, EditError
from conkernelclient.outputs.notebook_widgets import STATE
from conkernelclient.sidecar.document import (
    AddCell,
    ChangeType,
    ClearOutputs,
    DeleteCell,
    EditCell,
    MoveCell,
    Notebook,
    NotebookSink,
    SetMetadata,
    SetOutputs,
    apply,
)
from conkernelclient.sidecar.session.board import Board
from conkernelclient.sidecar.session.feeding import Feeding
from conkernelclient.sidecar.session.ledger import Ledger
from conkernelclient.sidecar.session.session_events import (
    Edited,
    MetadataChanged,
    OutputsChanged,
    TextAppended,
)
from tests.clients import until

from ..document.test_feed import message, messages, printed
from .sessions import book


class Fed:
    """A document, and who is told of it."""

    def __init__(self, **options: Any) -> None:
        self.notebook = book("1", "2")
        self.ledger = Ledger(self.notebook, "idle", None, (), lambda: None)
        self.mailbox = self.ledger.watch(10_000)._mailbox
        self.mailbox.take()  # the snapshot
        self.posted: list[Any] = []
        self.feeding = Feeding(
            self.notebook,
            self.ledger,
            options.get("beside"),
            options.get("max_output_bytes"),
            options.get("post", self.posted.append),
        )

    def told(self) -> list[Any]:
        """What was told since this was asked last."""
        return list(iter(self.mailbox.take, None))


async def test_what_comes_within_a_moment_is_told_at_once() -> None:
    """A thousand lines are one output of one event."""
    fed = Fed()
    fed.feeding.begin("a", "r", "1")
    for number in range(1000):
        fed.feeding.take(printed("r", f"{number}\n"))
    await until(lambda: fed.notebook.cell("a")["outputs"])
    begun, shown = fed.told()
    assert (begun.start, begun.outputs) == (0, [])
    assert shown.start == 0
    assert shown.outputs[0]["text"].count("\n") == 1000
    fed.feeding.close()


async def test_what_is_left_is_written_when_it_is_told_to() -> None:
    """And nothing by itself when it is closed."""
    fed = Fed()
    fed.feeding.begin("a", "r", "1")
    fed.feeding.take(printed("r", "x"))
    fed.feeding.flush()
    assert fed.notebook.cell("a")["outputs"][0]["text"] == "x"
    fed.feeding.take(printed("r", "y"))
    fed.feeding.close()
    fed.feeding.close()
    await asyncio.sleep(0.06)
    assert fed.notebook.cell("a")["outputs"][0]["text"] == "x"


async def test_outputs_are_bounded_and_go_into_another_document_as_well() -> None:
    """With a marker."""
    other = book("1", "2")
    fed = Fed(max_output_bytes=10_000, beside=NotebookSink(other))
    fed.feeding.begin("a", "r", "1")
    for _ in range(100):
        fed.feeding.take(printed("r", "x" * 1000))
    fed.feeding.flush()
    text = "".join(one["text"] for one in fed.notebook.cell("a")["outputs"])
    assert "left out" in text
    assert len(text) < 11_000
    assert other.to_dict() == fed.notebook.to_dict()


async def test_the_kernel_learns_what_its_output_widgets_hold_before_the_run_ends() -> None:
    """With the message that ends the taking, or the idle; and the metadata have it."""
    fed = Fed()
    feeding = fed.feeding
    feeding.begin("a", "r", "1")
    state = {"_model_name": "OutputModel", "outputs": [], "msg_id": "r"}
    comm = {"comm_id": "w", "target_name": "jupyter.widget"}
    feeding.take(message("comm_open", "r", **comm, data={"state": state}))
    feeding.take(printed("r", "1"))
    assert fed.posted == []
    closing = {"method": "update", "state": {"msg_id": ""}}
    feeding.take(message("comm_msg", "r", comm_id="w", data=closing))
    assert fed.posted[0]["data"]["state"]["outputs"][0]["text"] == "1"
    opening = {"method": "update", "state": {"msg_id": "r"}}
    feeding.take(message("comm_msg", "r", comm_id="w", data=opening))
    feeding.take(printed("r", "2"))
    feeding.take(message("status", "r", execution_state="busy"))
    assert len(fed.posted) == 1
    feeding.take(message("status", "r", execution_state="idle"))
    assert fed.posted[1]["data"]["state"]["outputs"][0]["text"] == "12"
    feeding.write_widgets()
    feeding.write_widgets()
    feeding.close()
    changed = [one for one in fed.told() if isinstance(one, MetadataChanged)]
    assert len(changed) == 1
    (saved,) = changed[0].metadata["widgets"][STATE]["state"].values()
    assert saved["state"]["outputs"][0]["text"] == "12"


async def test_a_kernel_that_is_gone_learns_nothing() -> None:
    """And that is no error."""

    def post(content: Any) -> None:
        raise DeadKernelError

    fed = Fed(post=post)
    state = {"_model_name": "OutputModel", "msg_id": "r"}
    comm = {"comm_id": "w", "target_name": "jupyter.widget"}
    fed.feeding.take(message("comm_open", "r", **comm, data={"state": state}))
    fed.feeding.take(printed("r", "1"))
    fed.feeding.flush()


async def test_a_cell_that_was_not_run_shows_why() -> None:
    """One that is gone shows nothing."""
    fed = Fed()
    why = [{"output_type": "stream", "name": "stderr", "text": "no"}]
    fed.feeding.show("a", "1", why)
    fed.feeding.show("gone", "1", why)
    assert fed.notebook.cell("a")["outputs"] == why
    (event,) = fed.told()
    assert (event.cell_id, event.outputs) == ("a", why)


async def test_what_a_run_has_shown_is_rewritten() -> None:
    """Its number stays; another run's is not, nor by what is not valid; late text is nobody's."""
    fed = Fed()
    fed.feeding.begin("a", "r", "1")
    fed.feeding.take(message("execute_input", "r", code="1", execution_count=7))
    fed.feeding.take(printed("r", "secret"))
    with pytest.raises(EditError, match="cell 'a': outputs"):
        fed.feeding.rewrite("a", "r", [{"output_type": "unheard-of"}])
    other = [{"output_type": "stream", "name": "stdout", "text": "***"}]
    for cell_id, msg_id in (("a", "earlier"), ("b", "r"), ("gone", "r")):
        fed.feeding.rewrite(cell_id, msg_id, other)
    fed.feeding.flush()
    cell = fed.notebook.cell("a")
    assert cell["outputs"][0]["text"] == "secret"
    fed.feeding.rewrite("a", "r", other)
    fed.feeding.take(printed("r", "late"))
    fed.feeding.flush()
    assert (cell["outputs"], cell["execution_count"]) == (other, 7)
    assert [event.outputs for event in fed.told()][-1] == other
    fed.feeding.close()


cells = st.sampled_from(["a", "b", "c", "gone"])
outputs = st.just([{"output_type": "stream", "name": "stdout", "text": "set"}])
edits = st.one_of(
    st.builds(EditCell, cells, st.text(max_size=3)),
    st.builds(DeleteCell, cells),
    st.builds(AddCell, st.fixed_dictionaries({"id": cells, "source": st.text(max_size=2)})),
    st.builds(MoveCell, cells, st.integers(0, 3)),
    st.builds(ChangeType, cells, st.sampled_from(["code", "markdown"])),
    st.builds(SetOutputs, cells, outputs),
    st.builds(ClearOutputs, st.sampled_from([None, "a", "b"])),
    st.builds(SetMetadata, st.sampled_from([None, "a"]), st.just({"title": 1})),
)
steps_strategy = st.lists(
    st.one_of(
        messages,
        edits,
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["r1", "r2"])),
        st.sampled_from(["flush", "save", "read"]),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(steps_strategy, st.integers(1, 5))
def test_any_edits_messages_and_saves_leave_a_valid_notebook_that_front_ends_have(
    steps: list[Any], limit: int
) -> None:
    """One that has every event, and one that reads now and then, and misses some."""
    asyncio.run(_fold(steps, limit))


async def _fold(steps: list[Any], limit: int) -> None:
    fed = Fed()
    quick = Board(fed.ledger.snapshot())
    every, slow, boards = fed.mailbox, fed.ledger.watch(limit)._mailbox, [quick]
    for step in steps:
        _do(fed, step)
        while (told := every.take()) is not None:
            quick.take(told)
        assert quick.notebook.to_dict() == fed.notebook.to_dict()
        if step == "read" and (told := slow.take()) is not None:
            _fold_slow(boards, told)
    fed.feeding.flush()
    fed.feeding.write_widgets()
    fed.feeding.close()
    while (told := every.take()) is not None:
        quick.take(told)
    while (told := slow.take()) is not None:
        _fold_slow(boards, told)
    for board in boards:
        assert board.notebook.to_dict() == fed.notebook.to_dict()
        assert board.revision == fed.ledger.revision
    nbformat.validate(fed.notebook.to_dict())


def _fold_slow(boards: list[Board], told: Any) -> None:
    if len(boards) == 1:
        boards.append(Board(told))
    else:
        boards[1].take(told)


def _do(fed: Fed, step: Any) -> None:
    match step:
        case "read":
            pass
        case "flush":
            fed.feeding.flush()
        case "save":
            fed.feeding.flush()
            fed.feeding.write_widgets()
            saved = fed.notebook.to_bytes()
            assert Notebook.from_dict(nbformat.reads(saved.decode(), as_version=4)) is not None
        case (str() as cell_id, str() as request):
            with contextlib.suppress(EditError):
                fed.feeding.begin(cell_id, request, "x")
        case dict():
            fed.feeding.take(step)
        case _:
            try:
                changes = apply(fed.notebook, step)
            except EditError:
                return
            if changes:
                fed.ledger.tell(Edited, tuple(change.done for change in changes), None)


async def test_what_is_told_of_outputs_is_not_changed_later() -> None:
    """A watcher may read it when the cell shows something else."""
    fed = Fed()
    fed.feeding.begin("a", "r", "1")
    for text in "xyz":
        fed.feeding.take(printed("r", text))
        fed.feeding.flush()
    apply(fed.notebook, ClearOutputs())
    told = fed.told()
    outputs = [one.outputs for one in told if isinstance(one, OutputsChanged)]
    assert [[one["text"] for one in shown] for shown in outputs] == [[], ["x"]]
    appended = [(one.index, one.text) for one in told if isinstance(one, TextAppended)]
    assert appended == [(0, "y"), (0, "z")]
