"""A cell is queued, begins and ends, whatever the kernel publishes of that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import EditError
from conkernelclient.events import InputRequest
from conkernelclient.outputs.result import Result
from conkernelclient.sidecar.document import ChangeType, DeleteCell, MoveCell, apply
from conkernelclient.sidecar.session.feeding import Feeding
from conkernelclient.sidecar.session.ledger import Ledger
from conkernelclient.sidecar.session.running import Runner, tags_of
from conkernelclient.sidecar.session.session_events import (
    CellStateChanged,
    InputAnswered,
    InputAsked,
)
from tests.clients import until

from ..document.test_feed import message, printed
from .sessions import book

if TYPE_CHECKING:
    from collections.abc import Callable


class Action:
    """One that ends when the test says so."""

    def __init__(self, msg_id: str, options: dict[str, Any]) -> None:
        self.msg_id = msg_id
        self.options = options
        self.cell_id: str | None = options["cell_id"]
        self.status = "waiting"
        self.is_sent = False
        self.is_rewritten = False
        self.is_answered = False
        self.error: BaseException | None = None
        self.outcome: Result | None = None
        self.is_detached = False
        self.callbacks: list[Callable[[Any], object]] = []

    def detach(self) -> None:
        self.is_detached = True

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self.callbacks.append(callback)

    def send(self) -> None:
        self.status, self.is_sent = "sent", True

    def answer(self, status: Any, error: BaseException | None = None) -> None:
        self.is_answered, self.error = True, error
        self.outcome = Result(status=status, msg_id=self.msg_id, code="")

    def cancel(self) -> bool:
        if self.is_answered:
            return False
        self.answer("cancelled", asyncio.CancelledError())
        return True

    async def finish(self) -> None:
        for handler in self.options["handlers"]:
            await handler.action_complete(self)
        for callback in self.callbacks:
            callback(self)


class Bench:
    """A runner, and what it is joined to."""

    def __init__(self, **options: Any) -> None:
        self.notebook = book("1", "2", "3")
        self.actions: list[Action] = []
        self.answered: list[str] = []
        self.begun = 0
        self.handled = 0
        self.ledger = Ledger(self.notebook, "idle", None, (), lambda: None)
        self.mailbox = self.ledger.watch(1000)._mailbox
        self.mailbox.take()  # the snapshot
        self.feeding = Feeding(self.notebook, self.ledger, None, None, lambda content: None)
        sidecar: Any = self
        self.runner = Runner(
            self.notebook,
            sidecar,
            self.feeding,
            self.ledger,
            self.until_handled,
            self.begins,
            self.answered.append,
            allow_stdin=options.get("allow_stdin", True),
            max_output_bytes=None,
        )

    async def until_handled(self) -> None:
        self.handled += 1

    def begins(self) -> None:
        self.begun += 1

    def execute_request(self, code: str, **options: Any) -> Any:
        self.actions.append(Action(f"r{len(self.actions)}", {"code": code} | options))
        return self.actions[-1]

    def take(self, message: Any) -> None:
        self.runner.see(message)
        self.feeding.take(message)

    def states(self) -> list[tuple[str, str, str | None]]:
        told = iter(self.mailbox.take, None)
        return [
            (one.cell_id, one.state, one.status)
            for one in told
            if isinstance(one, CellStateChanged)
        ]


async def test_a_cell_begins_with_its_first_message_and_ends_when_all_was_handled() -> None:
    """Its action is detached, and is the one that a second call gives."""
    bench = Bench()
    action: Any = bench.runner.run("a")
    assert bench.runner.run("a") is action
    assert action.is_detached
    assert action.options["code"] == "1"
    assert action.options["stop_on_error"] is True
    action.send()
    bench.take(message("status", "r0", execution_state="busy"))
    bench.take(printed("r0", "x"))
    action.answer("ok")
    await action.finish()
    assert bench.notebook.cell("a")["outputs"][0]["text"] == "x"
    assert bench.states() == [("a", "queued", None), ("a", "running", None), ("a", "idle", "ok")]
    assert (bench.handled, bench.begun, bench.answered) == (1, 1, ["r0"])


async def test_of_a_kernel_that_publishes_nothing_a_cell_begins_and_ends() -> None:
    """Its old outputs go."""
    bench = Bench()
    bench.notebook.cell("a")["execution_count"] = 3
    action: Any = bench.runner.run("a")
    action.send()
    action.answer("ok")
    await action.finish()
    assert bench.notebook.cell("a")["execution_count"] is None
    assert bench.states()[-2:] == [("a", "running", None), ("a", "idle", "ok")]


async def test_one_that_never_began_leaves_the_outputs() -> None:
    """As one that was aborted; told also where the handlers were cancelled."""
    bench = Bench()
    bench.notebook.cell("a")["execution_count"] = 3
    action: Any = bench.runner.run("a")
    action.answer("aborted")
    for callback in action.callbacks:
        callback(action)
    assert bench.notebook.cell("a")["execution_count"] == 3
    assert bench.states() == [("a", "queued", None), ("a", "idle", "aborted")]


async def test_the_end_of_one_is_told_before_the_beginning_of_the_next() -> None:
    """Also if its handlers are still at work."""
    bench = Bench()
    first: Any = bench.runner.run("a")
    second: Any = bench.runner.run("b")
    for action, msg_id in ((first, "r0"), (second, "r1")):
        action.send()
        bench.take(message("status", msg_id, execution_state="busy"))
        action.answer("ok")
    await second.finish()
    await first.finish()
    assert bench.states()[2:] == [
        ("a", "running", None),
        ("a", "idle", "ok"),
        ("b", "running", None),
        ("b", "idle", "ok"),
    ]


@pytest.mark.parametrize("edit", [DeleteCell("a"), ChangeType("a", "raw")])
async def test_a_cell_that_is_gone_is_withdrawn_and_what_comes_for_it_is_nobodys(
    edit: Any,
) -> None:
    """Whether it waits, or was sent and has not begun."""
    bench = Bench()
    action: Any = bench.runner.run("a")
    action.send()
    apply(bench.notebook, edit)
    bench.runner.follow(edit)
    assert isinstance(action.error, asyncio.CancelledError)
    bench.take(printed("r0", "x"))
    await action.finish()
    assert bench.states() == [
        ("a", "queued", None),
        ("a", "running", None),
        ("a", "idle", "cancelled"),
    ]
    assert bench.runner.cancel("a") is False


async def test_an_edit_that_is_not_of_outputs_changes_no_run() -> None:
    """As a move."""
    bench = Bench()
    action: Any = bench.runner.run("a")
    bench.runner.follow(MoveCell("a", 1))
    assert not action.is_answered
    assert bench.runner.cancel("a") is True
    assert bench.runner.runs.cell_ids == []


async def test_a_question_is_open_until_it_is_answered_or_the_run_ends() -> None:
    """Of one cell; a second answer is refused."""
    bench = Bench()
    action: Any = bench.runner.run("a")
    action.send()
    bench.take(message("status", "r0", execution_state="busy"))
    for _ in range(2):
        asking = asyncio.ensure_future(action.options["on_stdin"](InputRequest("? ", True)))
        await until(lambda: bench.ledger.standing.question)
        bench.runner.answer("a", "x")
        assert bench.ledger.standing.question is None
        with pytest.raises(EditError, match="cell 'a' asks for no input"):
            bench.runner.answer("a", "y")
        assert await asking == "x"
    asking = asyncio.ensure_future(action.options["on_stdin"](InputRequest("? ", False)))
    await until(lambda: bench.ledger.standing.question)
    action.answer("ok")
    await action.finish()
    assert bench.ledger.standing.question is None
    asking.cancel()
    await asyncio.wait([asking])
    kinds = [type(one) for one in iter(bench.mailbox.take, None)]
    assert kinds.count(InputAsked) == kinds.count(InputAnswered) == 3
    bench = Bench(allow_stdin=False)
    silent: Any = bench.runner.run("a")
    assert silent.options["on_stdin"] is None


async def test_at_the_end_what_has_not_begun_is_withdrawn() -> None:
    """What runs goes on, and brings nothing in any more."""
    bench = Bench()
    first: Any = bench.runner.run("a")
    second: Any = bench.runner.run("b")
    first.send()
    bench.take(message("status", "r0", execution_state="busy"))
    bench.runner.close()
    assert (first.is_answered, second.is_answered) == (False, True)
    first.answer("ok")
    await first.finish()
    assert (bench.handled, bench.answered) == (0, [])
    assert bench.states()[-2:] == [("b", "idle", "cancelled"), ("a", "idle", "ok")]


def test_tags_are_a_list_or_none() -> None:
    """Whatever the metadata hold."""
    cell = book("1").cell("a")
    assert tags_of(cell) == []
    cell["metadata"]["tags"] = ["x"]
    assert tags_of(cell) == ["x"]
    cell["metadata"]["tags"] = "x"
    assert tags_of(cell) == []
