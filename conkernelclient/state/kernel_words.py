"""
What would a user call the state of the kernel?

`state.presence` knows nine, and what each means for a request; a user, or a front end, tells five
apart, and wants to hear of one when it changes. `WORDS` has them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .presence import State

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WORDS", "KernelState", "word_of"]

KernelState: TypeAlias = Literal["ready", "disconnected", "restarting", "starting", "dead"]

# By whether any channel is open; None: the word of before stands, for another state follows soon.
# fmt: off
WORDS: Final[Mapping[State, tuple[KernelState | None, KernelState | None]]] = {
    #                  open            closed
    State.HERE:       ("ready",        "disconnected"),
    State.UNSURE:     ("ready",        "disconnected"),  # its owner may still say that it ended
    State.SEEKING:    ("disconnected", "disconnected"),
    State.VANISHED:   ("dead",         "dead"),
    State.RESTARTING: ("restarting",   "restarting"),
    State.DYING:      (None,           None),            # first, what it had sent is read
    State.RETURNING:  ("restarting",   "restarting"),
    State.GREETING:   ("starting",     "disconnected"),
    State.GONE:       ("dead",         "dead"),
}
# fmt: on


def word_of(state: State, before: KernelState, *, is_open: bool) -> KernelState:
    """
    Give the word for `state`.

    Args:
        state: As the client knows it.
        before: The word of the state of before.
        is_open: Whether any of the client's channels is open.
    """
    return WORDS[state][0 if is_open else 1] or before
