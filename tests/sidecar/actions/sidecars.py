"""Sidecars of real kernels, and what their tests look at."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from conkernelclient import ConKernelManager
from conkernelclient.events import ErrorOutput
from conkernelclient.outputs.result import Result
from conkernelclient.sidecar import models
from conkernelclient.sidecar.actions.handlers import Handler
from conkernelclient.sidecar.sidecar import Sidecar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


SLEEP = "import time; print('on', flush=True); time.sleep(60)"


@asynccontextmanager
async def sidecar_of(km: ConKernelManager, **options: Any) -> AsyncGenerator[Sidecar]:
    """A sidecar of a running kernel."""
    async with Sidecar(km, **options) as sidecar:
        yield sidecar
        assert sidecar.actions == []


def ok(reply: Any) -> Any:
    """The content of a reply that says "ok"; any, as each request has its own."""
    assert reply.content.status in ("ok", "incomplete")
    return reply.content


def error_of(result: Result) -> ErrorOutput:
    """What the code raised."""
    assert result.error is not None
    return result.error


class Shouts(Handler):
    """Tells when the code has printed."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def handle_stream(self, message: models.Stream) -> None:
        self.heard.set()
