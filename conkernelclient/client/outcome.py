"""
What has come of a run, as it stands?

What the kernel has done is in its `Execution`, and how it ended for its callers in its state; the
two make the result, at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..outputs.events import ErrorOutput
from ..outputs.mime import count_of, lines_of
from ..outputs.result import Result
from ..state.endings import in_brief
from ..state.router import Phase
from ..state.run_state import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..outputs.result import Status
    from .execution import Execution, Holder

__all__ = ["LATE", "STATUSES", "result_of", "status_of"]

# The status of a run that the kernel's reply does not decide, or not yet.
STATUSES: Final[Mapping[RunState, Status]] = {
    RunState.OPEN: "running",
    RunState.SETTLING: "timeout",
    RunState.TIMED_OUT: "timeout",
    RunState.CANCELLED: "cancelled",
    RunState.FAILED: "error",
}
LATE: Final = frozenset({RunState.SETTLING, RunState.TIMED_OUT})
ABORTED: Final = ("aborted", "abort")  # the second is bash_kernel's
NOTHING: Final[Mapping[str, Any]] = {}
GIVEN_UP: Final = LATE | {RunState.CANCELLED}  # the kernel may still have it


def status_of(execution: Execution, state: RunState) -> Status:
    """Give the status: the state decides, and the reply of a run that was answered."""
    if state is not RunState.ANSWERED:
        return STATUSES[state]
    status = None if execution.reply is None else execution.reply.content.get("status")
    match status:
        case "ok":
            return "ok"
        case "aborted" | "abort":
            has_run = _has_run(execution, status) or execution.is_interrupted
            return "error" if has_run else "aborted"
        case _:
            return "error"


def result_of(
    execution: Execution,
    state: RunState,
    failure: BaseException | None,
    held_by: Holder | None,
) -> Result:
    """
    Give the result as it stands.

    Args:
        execution: What the kernel has done.
        state: How it stands for the callers.
        failure: The error of ours with which it ended.
        held_by: The run that held the kernel until it was withdrawn.
    """
    reply, reducer = execution.reply, execution.reducer
    content = NOTHING if reply is None else reply.content
    status = status_of(execution, state)
    replied = content.get("status")
    was_run = replied not in ABORTED or _has_run(execution, replied)
    is_unread = reducer is not None and reducer.is_behind and execution.is_finished
    result = Result(
        status=status,
        msg_id=execution.msg_id,
        code=execution.code,
        outputs=[] if is_unread or reducer is None else reducer.outputs,
        widgets=None if is_unread or reducer is None else reducer.widgets,
        execution_count=_count(execution, content),
        error=_error(execution, content, state, failure),
        reply=None if reply is None else reply.message,
        duration=execution.seconds if was_run else None,
        started=was_run and execution.began_at is not None,
        interrupted=execution.is_interrupted,
        still_running=state in GIVEN_UP and execution.request.phase is not Phase.DONE,
        aborted_by=execution.last_error if status == "aborted" else None,
    )
    if held_by is not None:
        result.held_by, result.held_by_code = held_by
    if failure is not None:
        result.ended_by = in_brief(failure)
    if is_unread and reducer is not None:
        result.read_later(reducer)
    return result


def _count(execution: Execution, content: Mapping[str, Any]) -> int | None:
    """Give the number of the cell: the reply's, which is `content`, or what was announced."""
    if "execution_count" in content:
        return count_of(content["execution_count"])
    if execution.reducer is not None:
        return execution.reducer.execution_count
    notice = execution.notice
    return None if notice is None else count_of(notice.content.get("execution_count"))


def _has_run(execution: Execution, status: str) -> bool:
    """
    Tell whether a run that was answered as aborted had begun.

    bash_kernel answers an interrupted cell with "abort". ipykernel says busy also for a cell that
    it does not run, and answers it with "aborted"; what it runs it announces.
    """
    reducer = execution.reducer
    is_announced = execution.notice is not None or (
        reducer is not None and reducer.execution_count is not None
    )
    return is_announced or (status == "abort" and execution.began_at is not None)


def _error(
    execution: Execution,
    content: Mapping[str, Any],
    state: RunState,
    failure: BaseException | None,
) -> ErrorOutput | None:
    """Give what the code raised, what the reply's `content` says, or what else ended the run."""
    raised = None if execution.reducer is None else execution.reducer.error
    source = raised or (content if content.get("status") == "error" else None)
    if source is not None:
        return ErrorOutput(
            str(source.get("ename", "")),
            str(source.get("evalue", "")),
            lines_of(source.get("traceback")),
        )
    if failure is not None:
        return ErrorOutput(type(failure).__name__, str(failure), [])
    if execution.reply is None:
        return _error_without_reply(execution, state)
    status = content.get("status")
    if status in ABORTED:
        if execution.is_interrupted:
            # A kernel that is told which request is meant drops one that waits there.
            return ErrorOutput("KeyboardInterrupt", "", [])
        if not _has_run(execution, status):
            return None
        return ErrorOutput("Aborted", f"the kernel began with it, and replied {status!r}", [])
    return None


def _error_without_reply(execution: Execution, state: RunState) -> ErrorOutput | None:
    """Tell of a reply that will not come, where the caller would else take it for one to come."""
    has_ended = state is RunState.ANSWERED or (state in LATE and execution.began_at is not None)
    if not (has_ended and execution.is_finished):
        return None
    if execution.is_interrupted:
        return ErrorOutput("KeyboardInterrupt", "the kernel sent no reply", [])
    return ErrorOutput("ReplyLost", "the kernel went idle and sent no reply", [])
