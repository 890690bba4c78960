"""An error tells what went wrong, is caught as what programs look for, and can be sent on."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from conkernelclient import errors

MADE = [
    getattr(errors, name)("what happened") for name in errors.__all__ if name != "ConKernelError"
]
WITH_MORE: list[Any] = [
    errors.DeadKernelError("d", msg_id="m", exit_code=-9, stderr="s", expected=True),
    errors.ReadyTimeout("r", msg_id="m"),
    errors.ExecutionError("ValueError", "bad", ["a", "b"], msg_id="m"),
    errors.UnparseableMessageError("u", msg_id="m", msg_type="stream", problems=["text: missing"]),
    errors.EditError("gone", cell_id="c"),
    errors.CommTargetError("c", msg_id="m", target_name="t", data={"why": 1}, stderr="s"),
    errors.LostMessagesError("l", count=3),
]

BUILT_IN = {
    errors.DeadKernelError: RuntimeError,
    errors.KernelRestartedError: RuntimeError,
    errors.ChannelsClosedError: RuntimeError,
    errors.NotInterruptibleError: RuntimeError,
    errors.WrongLoopError: RuntimeError,
    errors.ForkedError: RuntimeError,
    errors.BacklogFullError: RuntimeError,
    errors.ProtocolError: ValueError,
    errors.UnparseableMessageError: ValueError,
    errors.TransportError: ConnectionError,
    errors.ReplyTimeout: TimeoutError,
    errors.ReadyTimeout: RuntimeError,
    errors.SessionError: RuntimeError,
    errors.NotebookError: ValueError,
    errors.EditError: ValueError,
    errors.CommTargetError: LookupError,
    errors.LostMessagesError: RuntimeError,
    errors.ExecutionError: Exception,
}


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_each_is_one_of_ours_and_a_built_in_one(error: Exception) -> None:
    """Whoever wrote for jupyter_client catches the latter."""
    assert isinstance(error, errors.ConKernelError)
    assert isinstance(error, BUILT_IN[type(error)])
    assert "what happened" in str(error)
    assert (error.msg_id, error.result) == (None, None)


@pytest.mark.parametrize("error", [*MADE, *WITH_MORE], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_it_keeps_what_it_says_when_it_is_copied(error: Any, again: Any) -> None:
    """As when another process gets it."""
    error.result = "what had come"
    other = again(error)
    assert type(other) is type(error)
    assert vars(other) == vars(error)


def test_only_a_signal_is_one() -> None:
    """An exit status is none, and what is not known is none."""
    signals = [errors.DeadKernelError(exit_code=code).signal for code in (-9, 0, 3, None)]
    assert signals == [9, None, None, None]
