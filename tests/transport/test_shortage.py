"""A process without file descriptors is told so, before libzmq ends it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from conkernelclient.transport import shortage
from conkernelclient.transport.shortage import OF_A_CONTEXT, check_room, naming_shortage

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("kind", [OSError, zmq.ZMQError])
def test_the_error_says_for_what_there_was_none_and_what_to_do(
    kind: Callable[[int, str], Exception], number: int
) -> None:
    """Of the process, and of the whole machine."""
    with (
        pytest.raises(OSError, match=r"left for a socket.*ulimit -n") as caught,
        naming_shortage("a socket"),
    ):
        raise kind(number, "no more")
    assert caught.value.errno == number


def test_other_errors_are_left_as_they_are() -> None:
    """The same object."""
    error = PermissionError(errno.EACCES, "no")
    with pytest.raises(PermissionError) as caught, naming_shortage("a socket"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("free", range(OF_A_CONTEXT + 1))
def test_there_is_room_for_a_context_or_an_error_and_nothing_stays_open(
    free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are free."""
    opened: list[int] = []
    real = os.open

    def scarce(*args: Any) -> int:
        if len(opened) == free:
            raise OSError(errno.EMFILE, "too many open files")
        opened.append(real(*args))
        return opened[-1]

    monkeypatch.setattr(shortage.os, "open", scarce)
    if free < OF_A_CONTEXT:
        with pytest.raises(OSError, match="too many"):
            check_room()
    else:
        check_room()
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
