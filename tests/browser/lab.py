"""How is JupyterLab started, and how is a notebook of it used, as a person uses it?"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

__all__ = ["Lab", "Notebook", "serving"]

ROOT: Final = Path(__file__).resolve().parents[2]
DISPLAY_NAME: Final = "Python 3 (conkernel)"
WITHIN: Final = 60  # seconds, in which the server is to be there
# No news from the network. A kernel's first completion may take longer than a second on a slow
# machine, after which JupyterLab would pass it over.
SETTINGS: Final = {
    "@jupyterlab/completer-extension/manager": {"providerTimeout": 60_000},
    "@jupyterlab/apputils-extension/notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
}


@dataclass(frozen=True, slots=True)
class Lab:
    """A server that runs: where its notebooks are, and how a browser reaches it."""

    url: str
    token: str
    notebooks: Path

    def write(self, name: str, *cells: str) -> str:
        """Make a notebook of these cells for our kernel; give its address."""
        notebook = {
            "cells": [cell(source, f"cell-{n}") for n, source in enumerate(cells)],
            "metadata": {"kernelspec": {"name": "conkernel", "display_name": DISPLAY_NAME}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.notebooks / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        # A workspace of its own: no page opens the notebooks of another one.
        return f"{self.url}lab/workspaces/{name}/tree/{name}.ipynb?token={self.token}"


def cell(source: str, identity: str) -> dict[str, Any]:
    """A cell of code that has not been run."""
    made: dict[str, Any] = {"cell_type": "code", "id": identity, "source": source}
    return made | {"metadata": {}, "outputs": [], "execution_count": None}


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(address)
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")
        # In the status bar; before a notebook has its kernel, it is "No Kernel | Idle".
        expect(page.get_by_text(f"{DISPLAY_NAME} | Idle")).to_be_visible()

    def run(self, number: int) -> None:
        """Run a cell by the keyboard, and stay in it."""
        self.editor(number).click()
        self.page.keyboard.press("Control+Enter")

    def editor(self, number: int) -> Locator:
        """Where the source of a cell is edited."""
        return self.cells.nth(number).locator(".cm-content")

    def outputs(self, number: int) -> Locator:
        """What is shown below a cell."""
        return self.cells.nth(number).locator(".jp-OutputArea-output")

    def prompt(self, number: int) -> Locator:
        """The number of a cell, or a star while it waits or runs."""
        return self.cells.nth(number).locator(".jp-InputPrompt")

    def expect_running(self, *numbers: int) -> None:
        """Wait until these cells have a star."""
        for number in numbers:
            expect(self.prompt(number)).to_have_text("[*]:")

    def expect_ended(self, *numbers: int) -> None:
        """Wait until these cells have a number."""
        for number in numbers:
            expect(self.prompt(number)).to_have_text(re.compile(r"\[\d+\]:"))


@contextmanager
def serving(place: Path) -> Iterator[Lab]:
    """Serve JupyterLab for the time of the block; all its files are in `place`."""
    notebooks = place / "notebooks"
    for folder in (notebooks, place / "data", place / "runtime", place / "config"):
        folder.mkdir()
    settings = place / "settings"
    for name, values in SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    env = environment(place)
    command = [sys.executable, "-m", "conkernelclient.kernel", "install", "--mode", "auto"]
    subprocess.run([*command, "--prefix", str(place)], env=env, check=True)
    token = secrets.token_hex()
    lab = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    lab += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={notebooks}"]
    lab += [f"--LabApp.user_settings_dir={settings}", f"--LabApp.workspaces_dir={place / 'spaces'}"]
    with (place / "server.log").open("wb") as log:
        server = subprocess.Popen(lab, cwd=place, env=env, stdout=log, stderr=log)
        try:
            yield Lab(address_of(server, place), token, notebooks)
        finally:
            server.terminate()  # it shuts its kernels down
            server.wait(WITHIN)


def environment(place: Path) -> dict[str, str]:
    """Ours, without what steers Jupyter, whose files are in `place`."""
    steering = ("JUPYTER", "IPYTHON", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return kept | {
        "IPYTHONDIR": str(place / "ipython"),
        "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_DATA_DIR": str(place / "data"),
        "JUPYTER_PATH": str(place / "share" / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
        "PYTHONPATH": str(ROOT),
    }


def address_of(server: subprocess.Popen[bytes], place: Path) -> str:
    """Wait until the server has written where it is."""
    file = place / "runtime" / f"jpserver-{server.pid}.json"
    until = time.monotonic() + WITHIN
    while time.monotonic() < until and server.poll() is None:
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["url"])
        except (FileNotFoundError, json.JSONDecodeError):  # not there, or half written
            time.sleep(0.05)
    log = (place / "server.log").read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"JupyterLab did not start:\n{log[-4000:]}")
