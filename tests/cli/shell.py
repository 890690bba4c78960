"""The command line as a user has it."""

from __future__ import annotations

import subprocess
import sys

CONKERNEL = [sys.executable, "-c", "from conkernelclient.cli import main; raise SystemExit(main())"]


def conkernel(*args: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CONKERNEL, *args], input=text, capture_output=True, text=True, timeout=60, check=False
    )
