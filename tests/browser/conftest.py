"""One server and one browser for all tests; each opens a notebook of its own in a new page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect, sync_playwright

from .lab import Notebook, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from .lab import Lab

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
PATIENCE: Final = 30_000  # milliseconds, for what a page is to show
SIZE: Final = {"width": 920, "height": 920}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--picture", type=Path, help="where to write the documentation's picture")
    parser.addoption("--page-picture", type=Path, help="and where that of the sidecar's page")


def pytest_sessionstart() -> None:
    """Say what is missing before anything is started."""
    if not any(map(shutil.which, NAMES)):
        pytest.exit(
            f"no browser: none of {', '.join(NAMES)} is on PATH. Install one, on Debian by "
            "`apt-get install chromium`",
            returncode=1,
        )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab, whose kernelspec `conkernel` is in mode auto."""
    with serving(tmp_path_factory.mktemp("lab")) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's chromium, without a window."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, NAMES)))
        # Its sandbox is not to be had by root, nor in most containers.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(
    lab: Lab, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook of these cells."""
    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(PATIENCE)

    def opened(*cells: str, name: str = request.node.name) -> Notebook:
        return Notebook(page, lab.write(name, *cells))

    yield opened
    page.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the picture for the documentation goes."""
    return request.config.getoption("--picture") or tmp_path / "picture.png"


@pytest.fixture
def page_picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where that of the sidecar's page goes."""
    return request.config.getoption("--page-picture") or tmp_path / "page.png"
