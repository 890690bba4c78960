"""What a client sends is what its session would make of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.session import Session

from conkernelclient import ConKernelClient
from conkernelclient.testing import FakeKernel
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Callable


def shape(message: dict[str, Any]) -> dict[str, Any]:
    """What two messages of one session have in common."""
    header = dict(message["header"])
    assert header["msg_id"] == message["msg_id"]
    assert isinstance(header.pop("date"), datetime)
    prefix, _, number = header.pop("msg_id").rpartition("_")
    assert number.isdecimal()
    return {**message, "header": header, "msg_id": prefix}


@pytest.mark.parametrize("metadata", [None, {}, {"mine": 1}])
def test_a_message_is_the_one_that_the_session_makes(metadata: dict[str, Any] | None) -> None:
    """Key by key and in order, whatever the session's traits say by then."""
    kc = ConKernelClient(shell_port=1)
    make, session = kc._connection._outbound.make, kc.session
    for change in ({}, {"username": "somebody"}, {"session": "s2"}, {"metadata": {"all": [1]}}):
        for name, value in change.items():
            setattr(session, name, value)
        ours = make("execute_request", {"code": "1"}, metadata)
        theirs = session.msg("execute_request", {"code": "1"}, metadata=metadata)
        assert shape(ours) == shape(theirs)
        assert list(ours["header"]) == list(theirs["header"])
        numbers = [int(one["msg_id"].rpartition("_")[2]) for one in (ours, theirs)]
        assert numbers[1] == numbers[0] + 1
        ours["metadata"]["spoiled"] = True
        assert "spoiled" not in session.metadata


class Marking(Session):
    """A session of a kind of its own."""

    def msg_header(self, msg_type: str) -> dict[str, Any]:
        return {**super().msg_header(msg_type), "marked": True}


def mark_the_session(session: Session, _: pytest.MonkeyPatch) -> None:
    header = session.msg_header
    session.msg_header = lambda msg_type: {**header(msg_type), "marked": True}


def mark_its_messages(session: Session, _: pytest.MonkeyPatch) -> None:
    msg = session.msg
    session.msg = lambda *a, **kw: marked(msg(*a, **kw))


def mark_all_sessions(_: Session, patch: pytest.MonkeyPatch) -> None:
    msg = Session.msg
    patch.setattr(Session, "msg", lambda *a, **kw: marked(msg(*a, **kw)))


def marked(message: dict[str, Any]) -> dict[str, Any]:
    message["header"]["marked"] = True
    return message


@pytest.mark.parametrize("mark", [mark_the_session, mark_its_messages, mark_all_sessions])
async def test_who_makes_messages_his_own_way_goes_on_doing_so(
    monkeypatch: pytest.MonkeyPatch,
    mark: Callable[[Session, pytest.MonkeyPatch], None],
) -> None:
    """As programs do that put something into each header."""
    with FakeKernel() as kernel:
        kc = await kernel.client().start_channels()
        mark(kc.session, monkeypatch)
        reply = await kc.execute("1", reply=True, timeout=LONG)
        assert reply["parent_header"]["marked"]
        result = await kc.run("1")
        assert result.reply is not None
        assert result.reply["parent_header"]["marked"]
        kc.stop_channels()


def test_so_does_a_session_of_another_kind() -> None:
    """Its class says how."""
    kc = ConKernelClient(shell_port=1, session=Marking())
    assert kc._connection._outbound.make("execute_request", {})["header"]["marked"]
