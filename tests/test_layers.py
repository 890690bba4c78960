"""Do imports run downwards only, and would the contract in pyproject.toml notice if one did not?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
LINT: Final = "from importlinter.cli import lint_imports_command; lint_imports_command()"

VIOLATIONS: Final = [
    # the module that breaks the rule, the line that does it, what the report says
    ("errors_too.py", "", "The following modules are not listed as layers"),
    ("protocol/x.py", "from ..outputs import reduce", "protocol is not allowed to import"),
    ("client/x.py", "from conkernelclient import ConKernelClient", "import conkernelclient:"),
    ("protocol/x.py", "import asyncio", "protocol is not allowed to import asyncio"),
    ("protocol/x.py", "from time import monotonic", "protocol is not allowed to import time"),
    ("protocol/x.py", "def f(): import importlib", "protocol is not allowed to import importlib"),
    ("outputs/x.py", "import zmq.asyncio", "outputs is not allowed to import zmq"),
    ("outputs/x.py", "from jupyter_client.session import Session", "to import jupyter_client"),
    ("outputs/x.py", "import traitlets", "outputs is not allowed to import traitlets"),
    ("transport/x.py", "from ..client import client", "transport is not allowed to import"),
    ("transport/x.py", "from ..protocol import router", "import conkernelclient.state.router"),
    ("client/x.py", "from ..manager import manager", "client is not allowed to import"),
    ("manager/x.py", "from .. import cli", "manager is not allowed to import conkernelclient.cli"),
]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the package below `root` against the contract that stands there."""
    command = [sys.executable, "-c", LINT, "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_imports_run_downwards_only() -> None:
    """The package keeps its contract."""
    report = lint_imports(ROOT)
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.mark.parametrize(("path", "line", "said"), VIOLATIONS, ids=lambda text: text or "empty")
def test_the_contract_notices(path: str, line: str, said: str, tmp_path: Path) -> None:
    """A module that breaks a rule fails the check, and the report names the rule."""
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "conkernelclient", tmp_path / "conkernelclient", ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "conkernelclient" / path).write_text(line + "\n", encoding="utf-8")
    report = lint_imports(tmp_path)
    assert report.returncode == 1, report.stderr
    assert said in " ".join(report.stdout.split())
