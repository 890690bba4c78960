"""A request leaves with what was asked for, whoever makes it, and in whatever thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.testing import FakeKernel
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def kernel() -> Any:
    """It answers everything."""
    with FakeKernel(in_memory=True) as made:
        yield made


@pytest.fixture
async def kc(kernel: FakeKernel) -> AsyncIterator[Any]:
    """A client that is ready."""
    made = await kernel.client().start_channels()
    await made.wait_for_ready(timeout=LONG)
    yield made
    made.stop_channels()


async def test_what_is_left_out_is_the_client_s_own(kc: Any, kernel: FakeKernel) -> None:
    """Its traits; what is given counts."""
    kc.allow_stdin = False
    kc.stop_on_error = True
    await kc.execute("a", reply=True)
    await kc.execute(
        "b", allow_stdin=True, stop_on_error=False, user_expressions={"x": "1"}, reply=True
    )
    asked = [one["content"] for one in kernel.requests if one["msg_type"] == "execute_request"]
    kept = [
        (one["code"], one["allow_stdin"], one["stop_on_error"], one["user_expressions"])
        for one in asked
    ]
    assert kept == [("a", False, True, {}), ("b", True, False, {"x": "1"})]


@pytest.mark.parametrize(
    "wrong", [{"user_expressions": ["x"]}, {"user_expressions": {"x": 1}}, {"code": 5}]
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    kc: Any, kernel: FakeKernel, wrong: dict[str, Any]
) -> None:
    """And nothing is registered."""
    before = len(kernel.requests)
    with pytest.raises(errors.ProtocolError):
        kc.execute(**{"code": "1", **wrong}, reply=True)
    assert kc.stats()["pending"] == 0
    assert (await kc.kernel_info(reply=True))["content"]["status"] == "ok"
    assert len(kernel.requests) == before + 1


async def test_another_thread_gets_a_future_that_it_can_wait_for(kc: Any) -> None:
    """Its own kind; an id is an id there as well."""

    def ask() -> tuple[Any, Any]:
        return kc.execute("1"), kc.execute("1", reply=True)

    msg_id, answer = await asyncio.to_thread(ask)
    assert isinstance(msg_id, str)
    assert isinstance(answer, concurrent.futures.Future)
    reply = await asyncio.to_thread(answer.result, LONG)
    assert reply["content"]["status"] == "ok"
