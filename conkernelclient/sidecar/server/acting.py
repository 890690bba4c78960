"""
What does each message of a front end do in the session?

What can be done at once is; what waits for the kernel or the disk is awaited, so that who asked can
ask for more meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from . import messages
from .messages import EDITS, Ok

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..actions.action import Action
    from ..session.session import NotebookSession
    from .messages import FrontEndMessage

__all__ = ["ACTS", "act"]

Outcome: TypeAlias = Ok | Coroutine[Any, Any, Ok]
Act: TypeAlias = "Callable[[NotebookSession, Any, str], Outcome]"


def act(session: NotebookSession, message: FrontEndMessage, by: str) -> Outcome:
    """
    Do what a front end asks for.

    Args:
        session: The session.
        message: Any but `Subscribe`, which is about the front end itself.
        by: Who asks, as in `by` of its edits.

    Returns:
        The answer, or a coroutine that does it and gives the answer. Cancelling that does not undo
        what has begun.

    Raises:
        ConKernelError: It cannot be done: from here, or from the coroutine.
    """
    return ACTS[type(message)](session, message, by)


def _edit(session: NotebookSession, message: messages.EditMessage, by: str) -> Ok:
    done = [change.done for change in session.apply(message.to_edit(), by=by)]
    added = [edit.cell["id"] for edit in done if edit.type == "add_cell"]
    return Ok(id=message.id, cell_ids=added or None)


def _run_cell(session: NotebookSession, message: messages.RunCell, _by: str) -> Ok:
    return _queued(message, [session.run_cell(message.cell_id)])


def _run_all(session: NotebookSession, message: messages.RunAll, _by: str) -> Ok:
    return _queued(message, session.run_all())


def _run_dependants(session: NotebookSession, message: messages.RunDependants, _by: str) -> Ok:
    return _queued(message, session.run_dependants(message.cell_id))


def _queued(message: FrontEndMessage, actions: list[Action[Any]]) -> Ok:
    return Ok(id=message.id, cell_ids=[action.cell_id or "" for action in actions])


def _cancel(session: NotebookSession, message: messages.Cancel, _by: str) -> Ok:
    if message.cell_id is None:
        was_any = bool(session.queue)
        session.cancel_all()
        return Ok(id=message.id, done=was_any)
    return Ok(id=message.id, done=session.cancel(message.cell_id))


def _answer(session: NotebookSession, message: messages.Answer, _by: str) -> Ok:
    session.answer(message.cell_id, message.text)
    return Ok(id=message.id)


async def _interrupt(session: NotebookSession, message: messages.Interrupt, _by: str) -> Ok:
    await _to_its_end(session.interrupt())
    return Ok(id=message.id)


async def _restart(session: NotebookSession, message: messages.Restart, _by: str) -> Ok:
    await _to_its_end(session.restart())
    return Ok(id=message.id)


async def _save(session: NotebookSession, message: messages.Save, _by: str) -> Ok:
    await _to_its_end(session.save(force=message.force))
    return Ok(id=message.id)


async def _complete(session: NotebookSession, message: messages.Complete, _by: str) -> Ok:
    reply = await session.sidecar.complete_request(message.code, message.cursor_pos)
    return Ok(id=message.id, reply=reply.content.to_wire())


async def _inspect(session: NotebookSession, message: messages.Inspect, _by: str) -> Ok:
    asked = session.sidecar.inspect_request(
        message.code, message.cursor_pos, detail_level=message.detail_level
    )
    reply = await asked
    return Ok(id=message.id, reply=reply.content.to_wire())


async def _to_its_end(work: Awaitable[Any]) -> None:
    """Wait for what goes on although who asked for it has gone."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_nobody_asks)
        raise


def _nobody_asks(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()  # the session has told what failed


ACTS: Final[dict[type[FrontEndMessage], Act]] = {
    **dict.fromkeys(EDITS, _edit),
    messages.RunCell: _run_cell,
    messages.RunAll: _run_all,
    messages.RunDependants: _run_dependants,
    messages.Cancel: _cancel,
    messages.Interrupt: _interrupt,
    messages.Restart: _restart,
    messages.Answer: _answer,
    messages.Save: _save,
    messages.Complete: _complete,
    messages.Inspect: _inspect,
}
"""By the message's class: what does it."""
