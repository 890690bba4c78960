"""Each message of a front end does one thing in the session."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from conkernelclient.errors import ConKernelError, EditError
from conkernelclient.sidecar.document import Notebook, apply, new_cell
from conkernelclient.sidecar.server.acting import ACTS, act
from conkernelclient.sidecar.server.messages import FROM_FRONT_ENDS, Ok, read


class Session:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.notebook = Notebook([new_cell(cell_id="a")])
        self.asked: list[Any] = []
        self.queue = ["a"]
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.sidecar: Any = SimpleNamespace(
            complete_request=lambda *args: self._replied("complete", *args),
            inspect_request=lambda *args, **more: self._replied("inspect", *args, more),
        )

    def apply(self, edit: Any, by: str) -> Any:
        self.asked.append(("apply", edit.type, by))
        return apply(self.notebook, edit)

    def run_cell(self, cell_id: str) -> Any:
        self.asked.append(("run_cell", cell_id))
        return SimpleNamespace(cell_id=cell_id)

    def run_all(self) -> Any:
        return [self.run_cell("a")]

    def run_dependants(self, cell_id: str) -> Any:
        return [self.run_cell(cell_id), self.run_cell("b")]

    def cancel(self, cell_id: str) -> bool:
        return cell_id in self.queue

    def cancel_all(self) -> None:
        self.queue.clear()

    def answer(self, cell_id: str, text: str) -> None:
        self.asked.append(("answer", cell_id, text))

    async def interrupt(self) -> None:
        await self._done("interrupt")

    async def restart(self) -> None:
        await self._done("restart")

    async def save(self, *, force: bool) -> None:
        await self._done("save", force)

    async def _done(self, *what: Any) -> None:
        await self.gate.wait()
        self.asked.append(what)
        if self.error:
            raise self.error

    async def _replied(self, *what: Any) -> Any:
        await self._done(*what)
        return SimpleNamespace(content=SimpleNamespace(to_wire=lambda: {"status": "ok"}))


async def done(session: Any, text: str) -> Ok:
    """Do what a message asks for."""
    outcome = act(session, read(text), "ann")
    return outcome if isinstance(outcome, Ok) else await outcome


def test_each_message_but_subscribe_has_its_act() -> None:
    """That one is about the front end."""
    kinds = {kind for name, kind in FROM_FRONT_ENDS.items() if name != "subscribe"}
    assert ACTS.keys() == kinds


OK = {"reply": {"status": "ok"}}
INSPECTED = ("inspect", "x", None, {"detail_level": 0})
TWO = [("run_cell", "a"), ("run_cell", "b")]
OUTCOMES: list[tuple[str, dict[str, Any], list[Any]]] = [
    ('"add_cell", "cell": {"id": "b"}', {"cell_ids": ["b"]}, [("apply", "add_cell", "ann")]),
    ('"edit_cell", "cell_id": "a", "source": "1"', {}, [("apply", "edit_cell", "ann")]),
    ('"edit_cell", "cell_id": "a", "source": ""', {}, [("apply", "edit_cell", "ann")]),
    ('"clear_outputs"', {}, [("apply", "clear_outputs", "ann")]),
    ('"run_cell", "cell_id": "a"', {"cell_ids": ["a"]}, [("run_cell", "a")]),
    ('"run_all"', {"cell_ids": ["a"]}, [("run_cell", "a")]),
    (
        '"run_dependants", "cell_id": "a"',
        {"cell_ids": ["a", "b"]},
        [("run_cell", "a"), ("run_cell", "b")],
    ),
    ('"cancel", "cell_id": "a"', {"done": True}, []),
    ('"cancel", "cell_id": "b"', {"done": False}, []),
    ('"cancel"', {"done": True}, []),
    ('"interrupt"', {}, [("interrupt",)]),
    ('"restart"', {}, [("restart",)]),
    ('"save"', {}, [("save", False)]),
    ('"save", "force": true', {}, [("save", True)]),
    ('"answer", "cell_id": "a", "text": "x"', {}, [("answer", "a", "x")]),
    (
        '"complete", "code": "x", "cursor_pos": 1',
        {"reply": {"status": "ok"}},
        [("complete", "x", 1)],
    ),
    (
        '"inspect", "code": "x"',
        {"reply": {"status": "ok"}},
        [("inspect", "x", None, {"detail_level": 0})],
    ),
]


@pytest.mark.parametrize(("said", "answer", "asked"), OUTCOMES)
async def test_a_message_does_its_act(said: str, answer: dict[str, Any], asked: list[Any]) -> None:
    """And the answer has its id."""
    session = Session()
    outcome = await done(session, f'{{"id": 5, "type": {said}}}')
    assert outcome.model_dump(exclude_none=True) == {"type": "ok", "id": 5, **answer}
    assert session.asked == asked


async def test_nothing_to_cancel_is_told() -> None:
    """Of all cells as well."""
    session = Session()
    session.queue = []
    assert (await done(session, '{"id": 5, "type": "cancel"}')).done is False


async def test_what_cannot_be_done_raises() -> None:
    """At once, or when it is awaited."""
    session = Session()
    with pytest.raises(EditError):
        act(session, read('{"id": 5, "type": "delete_cell", "cell_id": "gone"}'), "ann")  # type: ignore[arg-type]
    session.error = ConKernelError("no")
    with pytest.raises(ConKernelError, match="no"):
        await done(session, '{"id": 5, "type": "restart"}')


@pytest.mark.parametrize("kind", ["interrupt", "restart", "save"])
@pytest.mark.parametrize("error", [None, ConKernelError("no")])
async def test_what_has_begun_goes_on_without_who_asked(kind: str, error: Exception | None) -> None:
    """Also if it fails: nobody is left to be told."""
    session = Session()
    session.error = error
    session.gate.clear()
    asking = asyncio.create_task(done(session, f'{{"id": 5, "type": "{kind}"}}'))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert session.asked == []
    session.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [what[0] for what in session.asked] == [kind]


async def test_what_the_kernel_is_asked_ends_with_who_asked() -> None:
    """A completion is of no use to anybody else."""
    session = Session()
    session.gate.clear()
    asking = asyncio.create_task(done(session, '{"id": 5, "type": "complete", "code": "x"}'))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    session.gate.set()
    await asyncio.sleep(0)
    assert session.asked == []
