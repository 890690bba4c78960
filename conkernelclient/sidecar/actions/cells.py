"""
How is a cell sent, and what is made of its run?

When it is its turn, a hook looks at it; it is sent as a run of the client, and a hook looks at the
result.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import ConKernelError, ProtocolError
from conkernelclient.outputs.result import Result

from .handlers import Handler
from .hooks import Cell, Refused, called, refusal, verdict_of
from .turns import Turn, Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelClient, Run
    from conkernelclient.events import InputRequest

    from .. import models
    from .action import Action, Answer
    from .handlers import HandlerLike
    from .hooks import Hooks

__all__ = ["Cells", "answered_elsewhere", "may_answer"]

FAILED: Final = frozenset({"error", "timeout"})


class Cells:
    """
    The cells of one sidecar that wait or run.

    Args:
        hooks: Look at each before and after it is run.
        client: Gives the client that runs them.
    """

    def __init__(self, hooks: Hooks, client: Callable[[], ConKernelClient]) -> None:
        self._hooks = hooks
        self._client = client
        self._turns = Turns(_has_failed)
        self._runs: dict[str, Run] = {}  # of those that were sent

    @property
    def running(self) -> Run | None:
        """The one that the kernel runs."""
        for run in self._runs.values():
            if run.started and not run.done():
                return run
        return None

    def add(
        self, action: Action[Result], request: models.ExecuteRequest, options: dict[str, Any]
    ) -> None:
        """Let a cell wait for its turn; `options` are the client's for its run."""

        def abort(failed: Answer) -> None:
            error = None if failed.cancelled() else failed.exception()
            if error is None:
                action.end(_aborted(action, failed))
            else:
                action.end(error=_of_its_own(error, action.msg_id))

        self._turns.add(
            Turn(
                action,
                stop_on_error=request.content.stop_on_error,
                start=lambda: self._start(action, request, options),
                abort=abort,
            )
        )

    def withdraw(self, action: Action[Any]) -> bool:
        """Take a cell out that waits; tells whether it did."""
        return self._turns.withdraw(action)

    def drain(self) -> list[Action[Any]]:
        """Take out all that wait; gives them."""
        return self._turns.drain()

    def forget(self, action: Action[Any]) -> None:
        """Let one go that has ended."""
        self._runs.pop(action.msg_id, None)

    async def close(self) -> None:
        """Send no more."""
        await self._turns.close()

    async def conclude(self, action: Action[Any], result: Any) -> Any:
        """Give what awaiting a cell's action gives, of what the client gave."""
        if not isinstance(result, Result):
            return result
        action.reply = result.reply
        if not action.is_sent:
            return result
        request = cast("models.ExecuteRequest", action.request)
        cell = Cell(request.content.code, action.cell_id, request.metadata)
        changed = await called(self._hooks.after_execute(cell, result))
        if changed is None:
            return result
        if not isinstance(changed, Result):
            raise ProtocolError(f"after_execute gave {changed!r}: give a Result or None")
        action.is_rewritten = True
        return changed

    # Inside

    async def _start(
        self, action: Action[Result], request: models.ExecuteRequest, options: dict[str, Any]
    ) -> Answer | None:
        """Prepare a cell whose turn it is, and send it, unless it is refused or was withdrawn."""
        content = request.content
        cell = Cell(content.code, action.cell_id, request.metadata)
        refused: Refused | None = None
        error: BaseException | None = None
        try:
            verdict = verdict_of(await called(self._hooks.before_execute(cell)))
        except Exception as raised:
            error = raised
        else:
            if isinstance(verdict, Refused):
                refused = verdict
            elif verdict is not None:
                content.code, request.metadata = verdict.code, verdict.metadata
        if not self.withdraw(action):
            return None  # it was cancelled meanwhile
        if error is not None or refused is not None:
            result = refused and refusal(refused, action.msg_id, content.code)
            action.end(result, error)
            return _ended(result, error)
        return self._launch(action, request, options)

    def _launch(
        self, action: Action[Result], request: models.ExecuteRequest, options: dict[str, Any]
    ) -> Answer | None:
        content, client = request.content, self._client()
        seen = action.here(lambda: client.subscribe(action.show, msg_id=action.msg_id))
        try:
            run = action.here(
                lambda: client.run(
                    content.code,
                    silent=content.silent,
                    store_history=content.store_history,
                    user_expressions=content.user_expressions,
                    subshell_id=request.header.subshell_id,
                    msg_id=action.msg_id,
                    metadata=request.metadata,
                    buffers=request.buffers,
                    **options,
                )
            )
        except Exception as error:
            seen.close()
            action.end(error=error)
            return _ended(None, error)
        self._runs[action.msg_id] = run
        action.sent(run, seen)
        return run


def may_answer(handler: HandlerLike) -> bool:
    """Tell whether a handler answers what code asks, by `send_stdin`."""
    return isinstance(handler, Handler) and hasattr(handler, "handle_input_request")


def answered_elsewhere(question: InputRequest) -> None:
    """Leave a question to a handler, which calls `send_stdin`."""


def _has_failed(answer: Answer) -> bool:
    """Whether what is queued behind it is to be aborted."""
    if answer.cancelled():
        return False
    if answer.exception() is not None:
        return True
    result = answer.result()
    return isinstance(result, Result) and result.status in FAILED


def _aborted(action: Action[Result], failed: Answer) -> Result:
    result: Result = failed.result()
    request = cast("models.ExecuteRequest", action.request)
    error = result.error
    return Result(
        status="aborted",
        msg_id=action.msg_id,
        code=request.content.code,
        aborted_by=f"{error.ename}: {error.evalue}" if error else "a timeout",
    )


def _of_its_own(error: BaseException, msg_id: str) -> BaseException:
    """Give the error of another action as that of this one, which was not sent."""
    if not isinstance(error, ConKernelError):
        return error
    own = copy.copy(error)
    own.msg_id, own.result, own.__traceback__ = msg_id, None, None
    return own


def _ended(result: Result | None, error: BaseException | None) -> Answer:
    """Give the answer of a cell that was not sent."""
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
        answer.exception()
    return answer
