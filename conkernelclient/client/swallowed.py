"""
Which replies will never come, although their code is over?

An interrupt that hits the kernel in its own code, right after the user's, may cost a reply: the
kernel goes idle and never sends it, or sends the first half of its frames, which the next message
completes to something that nobody can read. Idle may also just overtake its reply, so the kernel is
asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio

    from .connection import Connection
    from .futures import ReplyFuture
    from .run import Run

__all__ = ["Idle", "ask_for_swallowed_reply"]

# Seconds from idle until the kernel is asked for a reply that is not in. The answer decides, not
# the time: most replies are in before, and nobody needs to ask.
MISSED_AFTER: Final = 0.5
NOTHING: Final[dict[str, Any]] = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


class Idle:
    """The runs of one connection that are idle and have no reply; one timer serves all of them."""

    def __init__(self) -> None:
        self._since: dict[Run, float] = {}  # in the order of their idles
        self._timer: asyncio.TimerHandle | None = None

    def add(self, run: Run) -> None:
        """Let `run` ask for its reply if that is not in soon."""
        loop = run.get_loop()
        self._since[run] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(MISSED_AFTER, self._look, loop)

    def discard(self, run: Run) -> None:
        """Forget `run`: it is over."""
        self._since.pop(run, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._since.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        missed = loop.time() - MISSED_AFTER
        for run, since in tuple(self._since.items()):
            if since > missed:
                self._timer = loop.call_later(since - missed, self._look, loop)
                return
            self.discard(run)
            run.ask_for_reply()


def ask_for_swallowed_reply(run: Run, connection: Connection) -> list[ReplyFuture]:
    """
    Settle a run that is idle and has no reply.

    Silent empty requests go to the same shell: when one's reply is in, the earlier one will not
    come. There are two, because half a reply takes the next one with it.

    Returns:
        Their replies to come; whoever ends the run cancels what is left of them.
    """
    probes: list[ReplyFuture] = []
    for _ in range(2):
        message = connection.outbound.make("execute_request", dict(NOTHING))
        if run.subshell_id is not None:
            message["header"]["subshell_id"] = run.subshell_id
        probe = connection.ask("shell", message, [], None)
        probe.add_done_callback(lambda _: run.end())
        probes.append(probe)
    return probes
