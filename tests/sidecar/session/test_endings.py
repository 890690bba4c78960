"""How a run ended is one word, and a cell that was not run shows why."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from conkernelclient.errors import (
    ChannelsClosedError,
    DeadKernelError,
    KernelRestartedError,
)
from conkernelclient.outputs.result import Result
from conkernelclient.sidecar.actions.hooks import Refused, refusal
from conkernelclient.sidecar.session.endings import outputs_of_unsent, status_of


def ended(outcome: Any = None, error: BaseException | None = None, *, is_sent: bool = True) -> Any:
    """An action that has ended."""
    return SimpleNamespace(outcome=outcome, error=error, is_sent=is_sent)


def result(status: Any) -> Result:
    """What came of a run."""
    return Result(status=status, msg_id="m", code="")


REFUSAL = refusal(Refused("no"), "m", "")


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (ended(result("ok")), "ok"),
        (ended(result("error")), "error"),
        (ended(result("aborted"), is_sent=False), "aborted"),
        (ended(result("timeout")), "timeout"),
        (ended(REFUSAL, is_sent=False), "refused"),
        (ended(result("cancelled"), asyncio.CancelledError()), "cancelled"),
        (ended(error=KernelRestartedError()), "restarted"),
        (ended(error=DeadKernelError()), "dead"),
        (ended(error=ChannelsClosedError()), "failed"),
        (ended(result("ok"), LookupError()), "failed"),
        (ended(), "failed"),
    ],
)
def test_each_end_has_its_word(action: Any, status: str) -> None:
    """Of the result, or of the error."""
    assert status_of(action) == status


def test_what_was_refused_shows_why() -> None:
    """And what a hook raised before it was sent; others leave their cells as they are."""
    assert outputs_of_unsent(ended(REFUSAL, is_sent=False)) == REFUSAL.outputs
    (raised,) = outputs_of_unsent(ended(error=LookupError("x"), is_sent=False)) or []
    assert (raised["ename"], raised["evalue"]) == ("LookupError", "x")
    for left in (
        ended(REFUSAL),
        ended(result("aborted"), is_sent=False),
        ended(error=DeadKernelError(), is_sent=False),
        ended(error=asyncio.CancelledError(), is_sent=False),
    ):
        assert outputs_of_unsent(left) is None
