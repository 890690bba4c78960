"""What has come of a run: each state, with each answer of the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.client.execution import Execution, Holder
from conkernelclient.client.outcome import LATE, STATUSES, result_of, status_of
from conkernelclient.errors import TransportError
from conkernelclient.outputs.result import Result
from conkernelclient.state.endings import Ending
from conkernelclient.state.run_state import RunState

from ..messages import incoming
from .line import Line, request


class Nobody:
    """A watcher that wants to know nothing."""

    def began(self) -> None:
        """Learn nothing."""

    finished = began

    def failed(self, _error: BaseException) -> None:
        """Learn nothing."""


def executed(steps: str, line: Any = None, **reply: Any) -> Execution:
    """An execution after those steps: busy, enter, reply, idle, in any order."""
    line = line or Line()
    execution = Execution(line, line.loop, Nobody(), request("m"), (), False, None)
    execution.launch()
    for step in steps.split():
        getattr(line, step)("m", **(reply if step == "reply" else {}))
    return execution


def outcome(execution: Execution, state: RunState) -> Result:
    """The result, of a run without an error of ours that nobody held up."""
    return result_of(execution, state, None, None)


def test_each_state_has_a_status_but_the_one_that_the_reply_decides() -> None:
    """The caller sees no other."""
    assert set(STATUSES) == set(RunState) - {RunState.ANSWERED}


@pytest.mark.parametrize("state", sorted(STATUSES))
@pytest.mark.parametrize("steps", ["", "enter", "enter reply", "enter reply idle"])
async def test_the_reply_changes_no_status_that_the_state_decides(
    state: RunState, steps: str
) -> None:
    """A run that timed out stays so, whatever the kernel says at last."""
    execution = executed(steps)
    assert status_of(execution, state) == outcome(execution, state).status == STATUSES[state]


@pytest.mark.parametrize(
    ("steps", "reply", "status", "ename"),
    [
        ("enter reply idle", "ok", "ok", None),
        ("enter reply idle", "error", "error", "E"),
        ("enter reply idle", "no such word", "error", None),
        ("enter idle", None, "error", "ReplyLost"),
        ("busy reply idle", "aborted", "aborted", None),  # busy is said of it all the same
        ("enter reply idle", "aborted", "error", "Aborted"),
        ("busy reply idle", "abort", "error", "Aborted"),
        ("reply idle", "abort", "aborted", None),
    ],
)
async def test_the_reply_decides_what_came_of_a_run_that_was_answered(
    steps: str, reply: str | None, status: str, ename: str | None
) -> None:
    """And what the kernel had announced, where it says that it was aborted."""
    raised = {"ename": "E", "evalue": "v", "traceback": []} if reply == "error" else {}
    execution = executed(steps, state=reply, **raised)
    if reply is None:
        execution.end()
    result = outcome(execution, RunState.ANSWERED)
    assert result.status == status
    assert (result.error.ename if result.error else None) == ename
    assert result.started == (status != "aborted")
    assert (result.duration is None) == (status == "aborted")


@pytest.mark.parametrize("steps", ["enter idle", "enter reply idle"])
async def test_an_interrupt_explains_a_lost_reply_and_an_abort(steps: str) -> None:
    """Both are how kernels answer it."""
    execution = executed(steps, state="aborted")
    execution.note_interrupt()
    execution.end()
    result = outcome(execution, RunState.ANSWERED)
    assert result.error is not None
    assert (result.error.ename, result.interrupted) == ("KeyboardInterrupt", True)


@pytest.mark.parametrize("state", RunState)
async def test_it_is_still_running_if_it_was_given_up_and_has_not_ended_in_the_kernel(
    state: RunState,
) -> None:
    """Also while a timeout settles."""
    was_given_up = state in LATE or state is RunState.CANCELLED
    for steps in ("", "enter", "enter reply", "enter idle"):
        assert outcome(executed(steps), state).still_running == was_given_up
    assert not outcome(executed("enter reply idle"), state).still_running


async def test_a_lost_reply_is_told_when_it_cannot_come_any_more() -> None:
    """Of what never began, or was given up, nothing need be explained."""
    execution = executed("enter idle")
    assert outcome(execution, RunState.OPEN).error is None
    assert outcome(execution, RunState.SETTLING).error is None
    execution.end()
    told = outcome(execution, RunState.TIMED_OUT).error
    assert told is not None
    assert told.ename == "ReplyLost"
    assert outcome(execution, RunState.CANCELLED).error is None
    never = executed("")
    never.fail(TransportError("cut"))
    assert outcome(never, RunState.TIMED_OUT).error is None


async def test_an_error_of_ours_gives_way_to_what_the_code_raised() -> None:
    """The caller is told more by that."""
    line = Line()
    execution = executed("enter", line)
    failure = TransportError("cut")
    told = result_of(execution, RunState.FAILED, failure, None).error
    assert told is not None
    assert (told.ename, told.evalue) == ("TransportError", "cut")
    raised = {"ename": "E", "evalue": "v", "traceback": ["t"]}
    line.feed("iopub", incoming("error", "m", **raised))
    told = result_of(execution, RunState.FAILED, failure, None).error
    assert told is not None
    assert (told.ename, told.evalue, told.traceback) == ("E", "v", ["t"])


async def test_the_number_of_the_cell_is_the_replys_or_what_was_announced() -> None:
    """A reply without one leaves the other."""
    assert outcome(executed(""), RunState.OPEN).execution_count is None
    assert outcome(executed("enter"), RunState.OPEN).execution_count == 1
    answered = executed("enter reply idle", execution_count=7)
    assert outcome(answered, RunState.ANSWERED).execution_count == 7
    line = Line()
    printed = executed("enter", line)
    line.say("m", "x")
    line.reply("m")
    assert outcome(printed, RunState.OPEN).execution_count == 1


async def test_only_a_run_that_was_aborted_names_the_error_before_it() -> None:
    """It is the last that any code raised."""
    line = Line()
    line.last_error = "E: v"
    aborted = executed("busy reply idle", line, state="aborted")
    assert outcome(aborted, RunState.ANSWERED).aborted_by == "E: v"
    assert outcome(aborted, RunState.CANCELLED).aborted_by is None


async def test_who_held_it_up_is_named() -> None:
    """As the run found it when its time to start was over."""
    result = result_of(executed(""), RunState.TIMED_OUT, None, Holder("other", "f()"))
    assert (result.status, result.held_by, result.started) == ("timeout", "other", False)
    assert result.held_by_code == "f()"


async def test_what_ended_it_is_told_to_a_model_without_advice() -> None:
    """It has no manager to call."""
    death = Ending(-9).error()
    result = result_of(executed(""), RunState.FAILED, death, None)
    assert result.error is not None
    assert "km.restart_kernel()" in result.error.evalue
    assert result.to_llm() == (
        "DeadKernelError: the kernel ended by signal 9 (SIGKILL) while this ran: its variables are "
        "lost\n"
    )
    assert "km." not in "".join(str(part) for part in result.parts())
