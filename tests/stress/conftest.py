"""Each row says what was asked and what was measured; the end of the run shows all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.conftest import KERNEL, LOOP
from tests.kernel.conftest import manager_of, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conkernelclient import ConKernelManager

ROWS: Final = pytest.StashKey[list[tuple[str, str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Note a row: its number, what is asked, what was measured."""

    def note(row: str, asked: str, figures: str) -> None:
        request.config.stash[ROWS].append((row, asked, figures))

    return note


@pytest.fixture
async def ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConKernelManager]:
    """One kernel of ours."""
    manager = manager_of(tmp_path_factory.mktemp("kernels"))
    await start(manager)
    yield manager
    await manager.shutdown_kernel(now=True)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    terminalreporter.section(f"measured on {LOOP}, with the kernel {KERNEL}")
    for row, asked, figures in rows:
        terminalreporter.write_line(f"{row:<4} asked:    {asked}")
        terminalreporter.write_line(f"     measured: {figures}")
