"""
Who answers completions and the like while a cell blocks the main thread?

One thread, which knows the language, one request after the other. Python gives a thread its turn
only every 5 ms beside one that computes, so between two cells the main thread gives way to it.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from .answers import error_content
from .cells import CURRENT, Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .answers import Answers

__all__ = ["Language"]

log: Final = logging.getLogger(__name__)

PATIENCE: Final = 0.1  # seconds for which cells that have not begun give way to its questions
IDLE: Final = 1.0  # seconds without a question, until what the first one needs is loaded


class Language(threading.Thread):
    """
    The thread.

    Args:
        handlers: What gives a reply's content from a request's, by message type.
        warm_up: Called once, when nothing was asked for a while; False says that it wants to be
            called later.
    """

    def __init__(
        self,
        answers: Answers,
        handlers: Mapping[str, Callable[[dict[str, Any]], Any]],
        warm_up: Callable[[], bool],
    ) -> None:
        super().__init__(name="Language", daemon=True)
        self._answers = answers
        self._handlers = dict(handlers)
        self._warm_up = warm_up
        self._is_warm = False
        self._requests: queue.SimpleQueue[Cell | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unanswered = 0
        self._asked_at = 0.0  # since when there are any

    def put(self, cell: Cell) -> None:
        """Answer a request, soon."""
        with self._lock:
            if not self._unanswered:
                self._asked_at = time.monotonic()
            self._unanswered += 1
        self._requests.put(cell)

    def goes_first(self) -> bool:
        """Whether cells that have not begun are to give way: somebody waits, not yet for long."""
        return self._unanswered > 0 and time.monotonic() - self._asked_at < PATIENCE

    def end(self) -> None:
        """End the thread when what it has is answered."""
        self._requests.put(None)

    def run(self) -> None:
        """Answer until `end`."""
        while (cell := self._next()) is not None:
            contextvars.Context().run(self._answer, cell)
            with self._lock:
                self._unanswered -= 1

    def _next(self) -> Cell | None:
        while not self._is_warm:
            try:
                return self._requests.get(timeout=IDLE)
            except queue.Empty:
                try:
                    self._is_warm = self._warm_up()
                except Exception:
                    log.exception("the language's thread goes on after an error")
                    self._is_warm = True
        return self._requests.get()

    def _answer(self, cell: Cell) -> None:
        CURRENT.set(cell)
        self._answers.status(cell, "busy")
        try:
            content = self._handlers[cell.incoming.msg_type](cell.parent["content"])
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # of a user's object
            log.exception("the %s goes wrong", cell.incoming.msg_type)
            content = error_content(type(error).__name__, str(error))
        self._answers.finish(cell, content)
