"""Loops, which a test uses one after the other."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING

import pytest

from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loops(caplog: pytest.LogCaptureFixture) -> Iterator[list[asyncio.AbstractEventLoop]]:
    """Three loops in debug mode; asyncio logs no error while they are used."""
    made = [asyncio.new_event_loop() for _ in range(3)]
    for loop in made:
        loop.set_debug(True)
        loop.slow_callback_duration = LONG
    yield made
    for loop in made:
        loop.close()
    gc.collect()  # asyncio tells of a task when it is collected
    records = [*caplog.get_records("call"), *caplog.records]  # of the test, and since then
    logged = [one for one in records if one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in logged if one.name == "asyncio"] == []
