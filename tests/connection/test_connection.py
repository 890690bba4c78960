"""In a connection what is sent is registered, and what comes is delivered."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.state.router import Phase, Request, Takes
from conkernelclient.testing import Ask, FakeKernel, Say, echo
from tests.clients import LONG, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient.connection.connection import Connection


class Owner:
    """Notes what comes of a request."""

    subshell_id: str | None = None

    def __init__(self) -> None:
        self.came: list[tuple[str, str]] = []
        self.error: BaseException | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def receive(self, channel: str, message: Any) -> None:
        self.came.append((channel, message.msg_type))

    def end(self) -> None:
        self.came.append(("", "end"))

    def fail(self, error: BaseException) -> None:
        self.error = error


@asynccontextmanager
async def connected(kernel: FakeKernel, **traits: Any) -> AsyncIterator[tuple[Any, Connection]]:
    """A client that is ready, and its connection."""
    kc = await kernel.client(**traits).start_channels()
    await kc.wait_for_ready(timeout=LONG)
    try:
        yield kc, kc._connection
    finally:
        kc.stop_channels()


def sent(connection: Connection, code: str, takes: Takes) -> tuple[Owner, Request]:
    """An execute request, registered and sent."""
    owner = Owner()
    return owner, connection.open_request(owner, "execute_request", {"code": code}, takes)


@pytest.mark.parametrize("takes", Takes)
async def test_a_request_s_messages_go_to_its_owner_and_the_rest_to_the_channels(
    takes: Takes,
) -> None:
    """Each to one of the two."""
    with FakeKernel(echo, in_memory=True) as kernel:
        async with connected(kernel) as (kc, connection):
            await kc.iopub_channel.get_msgs()
            owner, request = sent(connection, "1", takes)
            await until(lambda: request.phase in (Phase.DONE, Phase.REPLIED))
            await until(lambda: len(owner.came) + len(connection.inboxes["iopub"]) >= 5)
            shown = [kind for channel, kind in owner.came if channel == "iopub"]
            left = [message["msg_type"] for message in await kc.iopub_channel.get_msgs()]
            whole = ["status", "execute_input", "stream", "status"]
            assert (shown, left) == ((whole, []) if request.takes_iopub else ([], whole))
            assert ("shell", "execute_reply") in owner.came
            assert request not in connection.sent_requests()


async def test_a_message_that_cannot_be_delivered_costs_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Those behind it come all the same."""

    class Failing(Owner):
        def receive(self, channel: str, message: Any) -> None:
            super().receive(channel, message)
            raise ZeroDivisionError

    with FakeKernel(in_memory=True) as kernel:
        async with connected(kernel) as (kc, connection):
            owner = Failing()
            connection.open_request(owner, "execute_request", {"code": "1"}, Takes.RUN)
            assert (await kc.run("2")).status == "ok"
            await until(lambda: len(owner.came) == 4)
    assert "could not deliver" in caplog.text
    caplog.clear()


async def test_closing_its_channels_fails_all_that_wait() -> None:
    """At once; what is sent from then on is refused."""
    with FakeKernel(in_memory=True) as kernel:
        async with connected(kernel) as (kc, connection):
            owner, _ = sent(connection, "1", Takes.RUN)
            kc.stop_channels()
            assert isinstance(owner.error, errors.ChannelsClosedError)
            assert connection.open_requests() == []
            with pytest.raises(errors.ChannelsClosedError):
                kc.execute("2")
            assert not connection.is_open("shell")


async def test_a_question_is_open_until_it_is_answered() -> None:
    """Or its code was replied to."""

    def asks(_: Any) -> Any:
        answer = yield Ask("name? ")
        yield Say(answer)

    with FakeKernel(asks, in_memory=True) as kernel:
        async with connected(kernel) as (kc, connection):
            run = kc.run("1", on_stdin=lambda _: asyncio.Event().wait())
            await until(lambda: connection.questions)
            (question,) = connection.questions.values()
            connection.answer(question, "x")
            assert not connection.questions
            assert (await run).stdout == "x"
