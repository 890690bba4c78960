"""A session is served until somebody ends that; the session itself goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from conkernelclient.sidecar.document import Notebook, new_cell
from conkernelclient.sidecar.server.serving import serve
from conkernelclient.sidecar.session.session import NotebookSession
from conkernelclient.sidecar.sidecar import Sidecar
from tests.clients import LONG

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

NOBODY: Any = None  # a session that is not asked


async def said(url: str) -> str:
    """What a front end is answered to `subscribe`."""
    parts = urlsplit(url)
    socket_url = f"ws://{parts.netloc}/socket?{parts.query}"
    async with connect(socket_url, proxy=None) as front_end, asyncio.timeout(LONG):
        await front_end.send('{"type": "subscribe", "id": 1}')
        return str(await front_end.recv())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_alone(km: ConKernelManager, number: int) -> None:
    """The signals mean afterwards what they meant before."""
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    urls: asyncio.Queue[str] = asyncio.Queue()
    notebook = Notebook([new_cell(cell_id="a", source="6 * 7")])
    async with Sidecar(km) as sidecar, NotebookSession(notebook, sidecar) as session:
        serving = asyncio.create_task(serve(session, token="sesame", ready=urls.put_nowait))
        url = await urls.get()
        assert url.endswith("/?token=sesame")
        assert '"ok"' in await said(url)
        os.kill(os.getpid(), number)
        async with asyncio.timeout(LONG):
            await serving
        assert (await session.run_cell("a")).text == "42\n"
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before


async def test_cancelling_ends_the_server() -> None:
    """Its port is free again when the cancellation comes back."""
    urls: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(serve(NOBODY, ready=urls.put_nowait))
    port = urlsplit(await urls.get()).port
    await asyncio.sleep(0)
    serving.cancel()
    async with asyncio.timeout(LONG):
        await asyncio.wait([serving])
    assert serving.cancelled()
    with socket.create_server(("127.0.0.1", port or 0)):
        pass


async def test_each_server_makes_a_token_of_its_own() -> None:
    """Unless it is given one."""
    tokens: set[str] = set()
    for _ in range(2):
        urls: asyncio.Queue[str] = asyncio.Queue()
        serving = asyncio.create_task(serve(NOBODY, ready=urls.put_nowait))
        tokens.add(urlsplit(await urls.get()).query)
        serving.cancel()
        await asyncio.wait([serving])
    assert len(tokens) == 2
    assert all(len(token) > len("token=") + 40 for token in tokens)


async def test_an_address_that_is_taken_is_an_error() -> None:
    """For the command to print."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await serve(NOBODY, port=taken.getsockname()[1])
