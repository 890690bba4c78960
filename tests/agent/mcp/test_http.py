"""A server over HTTP serves on whatever it is sent, and keeps no kernel of a client that went."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from conkernelclient.agent.mcp.http import make_app, serve_http
from conkernelclient.agent.mcp.kernels import Settings
from conkernelclient.serving.guard import Rules
from tests.agent.mcp.parts import CONKERNEL, pid_of, text_of
from tests.clients import LONG, until
from tests.manager.processes import is_running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
MODERN = {**JSON, "mcp-protocol-version": "2026-07-28"}
HANGS = "import time\nprint('begun', flush=True)\ntime.sleep(99)"


@asynccontextmanager
async def server_of(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """A server's process, and what it said until it served; it ends by SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *CONKERNEL, "mcp", *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    assert process.stdout is not None
    async with asyncio.timeout(LONG):
        said = [(await process.stderr.readline()).decode().split()[-1]]
        if "0.0.0.0:0" in options:
            said.append((await process.stderr.readline()).decode().split()[-1])
        try:
            yield process, said
        finally:
            process.send_signal(signal.SIGTERM)
            rest, errors = await process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert (rest, b"Traceback" in errors) == (b"", False)


GARBAGE: list[Any] = [
    ("POST", "/mcp", JSON, b"{"),
    ("POST", "/mcp", JSON, b"\xff\xfe\x00"),
    ("POST", "/mcp", JSON, b""),
    ("POST", "/mcp", JSON, b"[" * 100_000),
    ("POST", "/mcp", JSON, b"[]"),
    ("POST", "/mcp", JSON, b'"text"'),
    ("POST", "/mcp", JSON, b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'),
    ("POST", "/mcp", JSON, b"x" * (5 << 20)),
    ("POST", "/mcp", {**JSON, "content-type": "text/plain"}, b"{}"),
    ("POST", "/mcp", {**JSON, "content-type": "multipart/form-data"}, b"{}"),
    ("POST", "/mcp", {**JSON, "accept": "text/html"}, b"{}"),
    ("POST", "/mcp", {**JSON, "mcp-session-id": "nobody"}, b"{}"),
    ("POST", "/mcp", {**JSON, "mcp-protocol-version": "1"}, b"{}"),
    ("POST", "/mcp", {**JSON, "host": "evil.example"}, b"{}"),
    ("POST", "/mcp", {**JSON, "origin": "http://evil.example"}, b"x" * (5 << 20)),
    ("POST", "/mcp", MODERN, b"{"),
    ("POST", "/mcp", MODERN, b"[1" * 100_000),
    ("POST", "/mcp", MODERN, b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}'),
    ("POST", "/mcp", MODERN, b'{"jsonrpc": "2.0", "id": [], "method": 7}'),
    ("GET", "/mcp", {}, b""),
    ("DELETE", "/mcp", {}, b""),
    ("PUT", "/mcp", JSON, b"{}"),
    ("GET", "/", {}, b""),
    ("POST", "/mcp/../../etc/passwd", JSON, b"{}"),
    ("OPTIONS", "/mcp", {"origin": "http://evil.example"}, b""),
]


async def send(url: str, method: str, path: str, headers: Any, content: bytes) -> int:
    """Send a request; gives the status."""
    async with httpx2.AsyncClient(timeout=LONG) as http:
        address = url.removesuffix("/mcp") + path
        return (await http.request(method, address, headers=headers, content=content)).status_code


async def say_nonsense(url: str) -> bytes:
    """Send what is no HTTP; gives what comes back."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    said = await reader.read()
    writer.close()
    return said


async def test_garbage_is_refused_and_the_server_goes_on(tmp_path: Path) -> None:
    """Each with a status of 400 and more; a kernel that runs meanwhile runs on."""
    gate = tmp_path / "gate"
    code = f"import os, pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists():\n"
    code += "    time.sleep(0.01)\nos.getpid()"
    async with server_of("--http", "0", "--idle-timeout", "1") as (process, (url,)):
        async with Client(url) as client:
            pid = await pid_of(client)
            run = asyncio.create_task(client.call_tool("run", {"code": code}))
            for request in GARBAGE:
                status = await send(url, *request)
                assert 400 <= status < 500, request[:3]
            assert b" 400 " in (await say_nonsense(url)).partition(b"\r\n")[0]
            gate.touch()
            assert text_of(await run) == str(pid)
            assert process.returncode is None
        await until(lambda: not is_running(pid))  # it was not used for a second
        await look_at_clients_that_go(url)


async def look_at_clients_that_go(url: str) -> None:
    """A session that is closed, and clients that go in the middle of a run without a word."""
    async with Client(url, mode="legacy") as client:
        pid = await pid_of(client)
    await until(lambda: not is_running(pid))
    for mode in ("legacy", "auto"):
        await until_gone(url, mode)


async def until_gone(url: str, mode: Any) -> None:
    """Go in the middle of a run, and wait until there is no kernel any more."""
    begun = asyncio.Event()

    async def progress(_seconds: float, _total: float | None, line: str | None) -> None:
        if line is not None and line.endswith("begun"):
            begun.set()

    async with httpx2.AsyncClient(timeout=LONG) as http:
        transport = streamable_http_client(url, http_client=http, terminate_on_close=False)
        async with Client(transport, mode=mode) as client:
            pid = await pid_of(client)
            call = client.call_tool("run", {"code": HANGS}, progress_callback=progress)
            run = asyncio.create_task(call)
            await begun.wait()
            assert is_running(pid)
    run.cancel()
    await asyncio.wait((run,))
    await until(lambda: not is_running(pid))


async def test_on_another_host_a_token_is_made_and_demanded() -> None:
    """It is printed on stderr, beside the address; nothing is on stdout."""
    async with server_of("--http", "0.0.0.0:0") as (_, (address, token)):
        url = address.replace("0.0.0.0", "127.0.0.1")
        wrong = {**JSON, "authorization": f"Bearer {token[:-1]}"}
        for headers in (JSON, wrong):
            assert await send(url, "POST", "/mcp", headers, b"{}") == 401
            assert await send(url, "GET", "/", headers, b"") == 401
        right = {"authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=right, timeout=LONG) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            assert len((await client.list_tools()).tools) == 5


async def test_the_application_serves_what_may_come_in() -> None:
    """In the same process: the rules are asked for every path, before anything else."""
    app: Any = make_app(Settings(), Rules("127.0.0.1", "sesame"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        assert (await http.get("http://localhost/nothing")).status_code == 401
        right = {"authorization": "Bearer sesame"}
        assert (await http.get("http://localhost/nothing", headers=right)).status_code == 404
        assert (await http.get("http://evil.example/mcp", headers=right)).status_code == 421


async def test_an_address_that_is_taken_is_an_error() -> None:
    """One line for the command to print."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await serve_http(Settings(), taken.getsockname()[1])
