"""A client in a fixture serves tests that each have a loop of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.clients import LONG

if TYPE_CHECKING:
    from pathlib import Path


WAYS_OF_PLUGINS = {
    "pytest_asyncio": """
import pytest_asyncio
fixture = pytest_asyncio.fixture(scope="{scope}", loop_scope="{scope}")
mark = pytest.mark.asyncio
""",
    "anyio": """
fixture = pytest.fixture(scope="{scope}")
mark = pytest.mark.anyio

@fixture
def anyio_backend():
    return "asyncio", {{"debug": True}}
""",
}


TESTS_OF_PLUGINS = """
import asyncio, pytest
from conkernelclient import ConKernelManager
{way}
@fixture
async def kc({needs}):
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
    yield kc
    kc.stop_channels()
    await km.shutdown_kernel(now=True)

@mark
@pytest.mark.parametrize("n", range(3))
async def test_one(kc, n):
    task = asyncio.ensure_future(kc.execute("1", reply=True))
    assert (await kc.run(f"print({{n}})")).stdout == f"{{n}}\\n"
    assert (await task)["content"]["status"] == "ok"
"""


def run_with_plugin(folder: Path, plugin: str, way: str, needs: str = "") -> None:
    """Run these tests in a pytest of its own with this plugin and no other."""
    (folder / "test_it.py").write_text(TESTS_OF_PLUGINS.format(way=way, needs=needs))
    command = [sys.executable, "-m", "pytest", "-q", "-p", plugin, "-W", "error"]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=LONG
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.parametrize("mode", ["auto", "strict"])
@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_fixture_of_pytest_asyncio_serves_tests_with_loops_of_their_own(
    tmp_path: Path, scope: str, mode: str
) -> None:
    """Whatever its scope, and in both modes."""
    settings = {"mode": mode, "debug": "true", "default_fixture_loop_scope": "function"}
    lines = ["[pytest]", *(f"asyncio_{name} = {value}" for name, value in settings.items())]
    (tmp_path / "pytest.ini").write_text("\n".join(lines))
    way = WAYS_OF_PLUGINS["pytest_asyncio"].format(scope=scope)
    run_with_plugin(tmp_path, "pytest_asyncio.plugin", way)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_fixture_of_anyio_serves_the_tests_of_its_scope(tmp_path: Path, scope: str) -> None:
    """Its plugin keeps one loop for them."""
    way = WAYS_OF_PLUGINS["anyio"].format(scope=scope)
    run_with_plugin(tmp_path, "anyio.pytest_plugin", way, needs="anyio_backend")
