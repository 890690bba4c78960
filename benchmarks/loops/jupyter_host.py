"""What does a contestant need that runs code in a Jupyter server? One of its own, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

STARTS_WITHIN = 60.0  # seconds


class JupyterHost:
    """A Jupyter server on this machine, in a folder of its own, with a token."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = tempfile.TemporaryDirectory()

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": self._folder.name,
            "IdentityProvider.token": self.token,
        }
        argv = [sys.executable, "-m", "jupyter_server"]
        argv += [f"--{name}={value}" for name, value in options.items()]
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            if time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"no Jupyter server within {STARTS_WITHIN:g} s")
            time.sleep(0.2)

    def _answers(self) -> bool:
        request = urllib.request.Request(
            f"{self.url}/api/status", headers={"Authorization": f"token {self.token}"}
        )
        with contextlib.suppress(urllib.error.URLError, OSError):
            return urllib.request.urlopen(request, timeout=5).status == 200
        return False

    def stop(self) -> None:
        """End it, with its kernels."""
        self._process.terminate()
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
