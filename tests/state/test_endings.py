"""Who waited for a kernel that ended reads how it ended, and what to do."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from conkernelclient import errors
from conkernelclient.state import endings
from conkernelclient.state.endings import Ending

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending(exit_code=3), "with exit status 3 before it answered"),
        (Ending(exit_code=-9), "by signal 9 (SIGKILL)"),
        (Ending(exit_code=-99), "by signal 99 before"),
        (Ending(), "ended somehow before"),
        (Ending(expected=True, stderr="bye"), "was shut down before it answered"),
        (endings.vanished(), "closed its connections, did not come back, and is taken for dead"),
        (Ending(exit_code=1, stderr="  no memory\n"), "wrote on stderr:\nno memory"),
    ],
)
def test_an_end_is_told_with_its_cause(ending: Ending, words: str) -> None:
    """As an error for each request, with what is known as attributes."""
    error = ending.error()
    assert isinstance(error, errors.DeadKernelError)
    assert words in str(error)
    assert (error.exit_code, error.stderr, error.expected) == ending[:3]
    assert "start" in str(error)
    assert "stderr" not in str(error) or not ending.expected


def test_each_request_has_an_error_of_its_own() -> None:
    """They carry the id and the result of their request."""
    ending = Ending(exit_code=1)
    assert ending.error() is not ending.error()
    assert endings.restarted() is not endings.restarted()


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (endings.restarted, errors.KernelRestartedError, "send it again"),
        (endings.cut_off, errors.TransportError, "may have done what was asked"),
        (endings.closed, errors.ChannelsClosedError, "start_channels"),
        (endings.unpublished, errors.TransportError, "no busy, no idle, no output"),
        (lambda: endings.lost_reply("m"), errors.ReplyTimeout, "its reply to m will not come"),
        (
            lambda: endings.no_idle(5.0, publishes=True),
            errors.TransportError,
            "publishes, but never that it is idle",
        ),
        (
            lambda: endings.no_idle(5.0, publishes=False),
            errors.TransportError,
            "publishes nothing, not even its status, for 5 s",
        ),
    ],
)
def test_each_text_names_what_happened(
    make: Callable[[], errors.ConKernelError], kind: type[Exception], words: str
) -> None:
    """And it can be sent to another process."""
    error = make()
    assert isinstance(error, kind)
    assert words in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_lost_reply_names_its_request() -> None:
    """As every error of one request does."""
    assert endings.lost_reply("m").msg_id == "m"


def test_a_model_is_told_what_happened_without_advice_to_a_programmer() -> None:
    """Nor an id: it has neither a manager nor messages."""
    dead = endings.Ending(-11, "Fatal Python error").error()
    assert endings.in_brief(dead) == (
        "the kernel ended by signal 11 (SIGSEGV) while this ran: its variables are lost. "
        "The last that it wrote on stderr:\nFatal Python error"
    )
    assert "ended while" in endings.in_brief(endings.vanished().error())
    every = [
        endings.Ending(expected=True).error(),
        endings.restarted(),
        endings.closed(),
        endings.cut_off(),
        endings.unpublished(),
        endings.no_idle(5.0, publishes=True),
    ]
    for error in (dead, *every):
        brief = endings.in_brief(error)
        assert brief
        for advice in ("km.", "start_channels", "send it again", "run it again", "error's result"):
            assert advice not in brief
