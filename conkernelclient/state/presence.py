"""
Is the kernel there, and may something be sent to it?

What a client knows of its kernel is one of nine states; what it learns, from the kernel's owner or
from its own sockets, is one of a dozen news. `TRANSITIONS` has every pair that can happen. This
module only decides: the peer feeds it the news, and acts on the change.

An owner (a manager) tells what it does with the process. A client without one, attached to a
kernel that somebody else runs, learns everything from its sockets.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..errors import ConKernelError

__all__ = ["LOST", "PAUSED", "SENDING", "TRANSITIONS", "News", "Presence", "State"]


class State(Enum):
    """Where the kernel is, as far as one client knows."""

    HERE = auto()
    UNSURE = auto()
    """It closed its connections, and its owner has not said yet that it ended."""
    SEEKING = auto()
    """It closed its connections: the client makes new ones, and asks it who it is."""
    VANISHED = auto()
    """It did not come back in time. It is still sought."""
    RESTARTING = auto()
    """Its owner starts another one in its place."""
    DYING = auto()
    """It ended, and what it had sent before is being read."""
    RETURNING = auto()
    """The same, and its owner will start another one."""
    GREETING = auto()
    """A connection to it is new: the client asks it who it is, and subscribes its iopub."""
    GONE = auto()
    """It ended."""


class News(Enum):
    """What a client learns of its kernel."""

    RESTARTS = auto()
    """The owner begins to restart it."""
    ENDED = auto()
    """The owner says that its process ended."""
    RETURNS = auto()
    """The owner says that its process ended, and that it starts another one."""
    STARTED = auto()
    """The owner has started it, maybe again."""
    CUT = auto()
    """It closed a connection, and there is no owner to say why."""
    CUT_WATCHED = auto()
    """It closed a connection, and its owner will say so if it ended."""
    SILENT = auto()
    """What was waited for did not come in time: the owner's word, or a connection."""
    CONNECTED = auto()
    """It answers on its ports."""
    ANSWERED = auto()
    """It answered, or at least its iopub is subscribed and it is known to be up."""
    READ = auto()
    """What it had sent before its end is read."""
    OPENED = auto()
    """The client has opened its channels."""


S = State
# fmt: off
_COLUMNS: Final = (
                   News.RESTARTS, News.ENDED, News.RETURNS, News.STARTED, News.CUT,    News.CUT_WATCHED, News.SILENT, News.CONNECTED, News.ANSWERED, News.READ,    News.OPENED)
_ROWS: Final[Mapping[State, tuple[State | None, ...]]] = {
    S.HERE:       (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.SEEKING,    S.UNSURE,       None,         S.HERE,        S.HERE,        None,         S.GREETING),
    S.UNSURE:     (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.UNSURE,     S.UNSURE,       S.SEEKING,    S.SEEKING,     S.UNSURE,      None,         S.GREETING),
    S.SEEKING:    (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.SEEKING,    S.SEEKING,      S.VANISHED,   S.SEEKING,     S.HERE,        None,         S.GREETING),
    S.VANISHED:   (S.RESTARTING,  S.GONE,     S.RETURNING, S.GREETING, S.VANISHED,   S.VANISHED,     None,         S.SEEKING,     None,          None,         S.GREETING),
    S.RESTARTING: (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.RESTARTING, S.RESTARTING,   None,         S.RESTARTING,  None,          None,         S.RESTARTING),
    S.DYING:      (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.DYING,      S.DYING,        None,         S.DYING,       None,          S.GONE,       S.GONE),
    S.RETURNING:  (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.RETURNING,  S.RETURNING,    None,         S.RETURNING,   None,          S.RESTARTING, S.RESTARTING),
    S.GREETING:   (S.RESTARTING,  S.DYING,    S.RETURNING, S.GREETING, S.SEEKING,    S.SEEKING,      None,         S.GREETING,    S.HERE,        None,         S.GREETING),
    S.GONE:       (S.RESTARTING,  S.GONE,     S.RETURNING, S.GREETING, S.GONE,       S.GONE,         None,         S.GONE,        None,          None,         S.GONE),
}
# fmt: on

# A pair that is missing cannot happen: an error in a test, and logged in use.
TRANSITIONS: Final[Mapping[tuple[State, News], State]] = {
    (state, news): to
    for state, row in _ROWS.items()
    for news, to in zip(_COLUMNS, row, strict=True)
    if to is not None
}

SENDING: Final = frozenset({State.HERE, State.UNSURE})
"""What is submitted is sent."""
PAUSED: Final = frozenset({State.SEEKING, State.RESTARTING, State.RETURNING, State.GREETING})
"""What is submitted waits for the kernel."""
LOST: Final = frozenset({State.VANISHED, State.DYING, State.GONE})
"""What is submitted fails."""


class Presence:
    """
    The kernel's presence, for one client.

    Args:
        unexplained: Makes the error of a kernel that is gone, as long as no news says why.

    Attributes:
        state: Where the kernel is.
        sends: Whether what is submitted is sent; looked at with each message.
    """

    __slots__ = ("_unexplained", "_why", "sends", "state")

    def __init__(self, unexplained: Callable[[], ConKernelError]) -> None:
        self._unexplained = unexplained
        self._why: Callable[[], ConKernelError] | None = None
        self.state: State = State.HERE
        self.sends: bool = True

    @property
    def pauses(self) -> bool:
        """Whether what is submitted waits for the kernel."""
        return self.state in PAUSED

    @property
    def explanation(self) -> Callable[[], ConKernelError]:
        """What makes the error that says why the kernel is gone."""
        return self._unexplained if self._why is None else self._why

    @property
    def is_explained(self) -> bool:
        """Whether news have said why the kernel is gone."""
        return self._why is not None

    @property
    def is_lost(self) -> bool:
        """Whether what is submitted fails."""
        return self.state in LOST

    def feed(self, news: News, why: Callable[[], ConKernelError] | None = None) -> State:
        """
        Take `news`; gives the state of before.

        Args:
            news: What happened.
            why: Makes the error that says so, for news of an end.

        Raises:
            KeyError: That cannot happen in this state, which stays.
        """
        before = self.state
        self.state = TRANSITIONS[before, news]
        self.sends = self.state in SENDING
        if why is not None:
            self._why = why
        elif self.sends or self.state is State.GREETING:
            self._why = None
        return before

    def check(self) -> None:
        """
        See that there is somebody to send to, now or soon.

        Raises:
            DeadKernelError: There is not.
        """
        if self.state in LOST:
            raise self.error()

    def error(self) -> ConKernelError:
        """Make the error that says why the kernel is gone."""
        return self.explanation()

    def __repr__(self) -> str:
        return f"<Presence {self.state.name.lower()}>"
