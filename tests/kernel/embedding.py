"""Programs with a kernel inside, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

ROOT: Final = str(Path(__file__).resolve().parents[2])

PRELUDE: Final = """
import asyncio, builtins, getpass, json, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from conkernelclient import ConKernelClient, events
from conkernelclient.kernel import EmbeddedKernel

@asynccontextmanager
async def front_end(kernel):
    kc = ConKernelClient(connection_file=kernel.connection_file)
    kc.load_connection_file()
    kc.start_channels()
    try:
        await kc.wait_for_ready(timeout=60)
        yield kc
    finally:
        kc.stop_channels()

async def has_printed(run):
    async for event in run:
        if isinstance(event, events.Stream):
            return

def interrupt(kc):
    kc.control_channel.send(kc.session.msg("interrupt_request", {}))

def tell(*facts):
    print(json.dumps(facts))

"""


def run(program: str, *, is_dev: bool = False) -> tuple[list[Any], str]:
    """Run a program; what it told, each as a list, and what it wrote to its stderr."""
    command = [sys.executable, *(["-X", "dev"] if is_dev else []), "-c", PRELUDE + dedent(program)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr
