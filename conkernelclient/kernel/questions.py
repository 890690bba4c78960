"""
Whose answer is this, when several cells ask their users at the same time?

An `input_reply` names the request that it answers by its parent. Of front ends that do not say it,
the one that was asked first gets it.
"""

from __future__ import annotations

import queue
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from .masking import masked

if TYPE_CHECKING:
    from .answers import Answers
    from .cells import Cell
    from .channels import Channels
    from .wire import Incoming

__all__ = ["Questions"]

LOOK: Final = 0.05  # seconds: a stop that is thrown into a thread arrives between two waits


class Questions:
    """Input requests that wait for their answers."""

    def __init__(self, answers: Answers, channels: Channels) -> None:
        self._answers = answers
        self._channels = channels
        self._open: OrderedDict[str, tuple[Cell, queue.SimpleQueue[str]]] = OrderedDict()

    def ask(self, cell: Cell, prompt: str, *, is_password: bool) -> str:
        """
        Ask the front end of a cell, and wait for its answer. A stop ends the wait.

        Raises EOFError if the answer is an end of file.
        """
        frames = self._answers.wire.pack(
            "input_request",
            {"prompt": prompt, "password": is_password},
            cell.incoming.raw_header,
            idents=cell.incoming.idents,
        )
        msg_id: str = self._answers.wire.msg_id_of(frames)
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        try:
            with masked():
                self._answers.flush(cell)
                self._open[msg_id] = (cell, answers)
                self._channels.post("stdin", frames)
            value = wait_for(answers)
        finally:
            self._open.pop(msg_id, None)
        if value == "\x04":
            raise EOFError
        return value

    def take(self, incoming: Incoming) -> None:
        """Take an `input_reply`. In the thread of the sockets."""
        message = incoming.message
        asked = self._open.get(str(message["parent_header"].get("msg_id")))
        if asked is None:
            session = message["header"].get("session")
            waiting = list(self._open.values())
            mine = [one for one in waiting if one[0].header.get("session") == session]
            asked = next(iter(mine or waiting), None)
        if asked is not None:
            asked[1].put(str(message["content"].get("value", "")))


def wait_for(answers: queue.SimpleQueue[Any]) -> Any:
    """Wait for an answer, and let a stop arrive meanwhile."""
    while True:
        try:
            return answers.get(timeout=LOOK)
        except queue.Empty:
            continue
