"""Do imports run downwards only, and would the contract in pyproject.toml notice if one did not?"""

from __future__ import annotations

import graphlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grimp
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
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
    ("outputs/x.py", "from ..values import codec", "outputs is not allowed to import"),
    ("values/x.py", "from ..outputs import reduce", "values is not allowed to import"),
    ("values/x.py", "from .. import errors", "values is not allowed to import"),
    ("values/x.py", "import asyncio", "values is not allowed to import asyncio"),
    ("values/x.py", "from conkernelclient import ConKernelClient", "import conkernelclient:"),
    ("transport/x.py", "from ..client import client", "transport is not allowed to import"),
    ("transport/x.py", "from ..state import router", "transport is not allowed to import"),
    ("client/x.py", "from ..manager import manager", "client is not allowed to import"),
    ("state/x.py", "from ..transport import zmq", "state is not allowed to import"),
    ("connection/x.py", "from ..client import run", "connection is not allowed to import"),
    ("agent/x.py", "from ..client import run", "agent is not allowed to import"),
    ("notebook/x.py", "from ..client import run", "notebook is not allowed to import"),
    ("sidecar/document/x.py", "import asyncio", "sidecar.document is not allowed to import"),
    ("manager/x.py", "from .. import notebook", "manager is not allowed to import"),
    ("manager/x.py", "from .. import agent", "manager is not allowed to import"),
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


def circle_in(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, the first one again at the end; [] if none do."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    """Also not for their types, nor in a function."""
    graph = grimp.build_graph("conkernelclient", cache_dir=None)
    imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    assert len(imports) > 50
    assert circle_in(imports) == []
    imports["conkernelclient.errors"].add("conkernelclient.client.client")
    assert "conkernelclient.errors" in circle_in(imports)
