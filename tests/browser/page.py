"""How is the sidecar's server started, and how is its page used, as a person uses it?"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import expect

from .lab import WITHIN, cell, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

__all__ = ["OpenPage", "Served", "serving_page"]

COMMAND: Final = "import sys; from conkernelclient.cli import main; sys.exit(main())"
SIZE: Final = {"width": 1000, "height": 900}


class OpenPage:
    """A page that is open, by itself in its browser's eyes."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.context = browser.new_context(viewport=SIZE)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.told: list[str] = []  # what the server has sent
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._hear))
        self.page.goto(url)
        self.cells = self.page.locator("section.cell")
        expect(self.page.locator("#kernel")).to_have_text("idle")

    def _hear(self, told: str | bytes) -> None:
        self.told.append(str(told))

    def source(self, number: int) -> Locator:
        """Where the source of a cell is typed."""
        return self.cells.nth(number).get_by_label("Source of the cell")

    def outputs(self, number: int) -> Locator:
        """What is shown below a cell."""
        return self.cells.nth(number).locator(".outputs > *")

    def number(self, number: int) -> Locator:
        """The kernel's number of a cell, or a star."""
        return self.cells.nth(number).locator(".number")

    def run(self, number: int) -> None:
        """Run a cell by the keyboard, and stay in it."""
        self.source(number).click()
        self.page.keyboard.press("Control+Enter")

    def push(self, name: str) -> None:
        """Push a button of the whole notebook."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def close(self) -> None:
        """Close it; it had no errors of its own."""
        self.context.close()
        assert self.errors == []


@dataclass(slots=True)
class Served:
    """A server that runs, and its notebook."""

    browser: Browser
    path: Path
    command: list[str]
    env: dict[str, str]
    process: subprocess.Popen[str]
    url: str
    pages: list[OpenPage]

    def open(self, url: str | None = None) -> OpenPage:
        """Open one more page."""
        self.pages.append(OpenPage(self.browser, url or self.url))
        return self.pages[-1]

    def stop(self) -> None:
        """End the server, and its kernel."""
        self.process.terminate()
        self.process.wait(WITHIN)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def start(self) -> None:
        """Start it again, at the same address."""
        self.process, self.url = started(self.command, self.env)


def started(command: list[str], env: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """Start a server; gives its page's address."""
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.readline()
    assert "http://" in said, said
    return process, said.split()[-1]


@contextmanager
def serving_page(browser: Browser, place: Path, *cells: str | dict[str, Any]) -> Iterator[Served]:
    """Serve a notebook of these cells; a text is one of code."""
    path = place / "analysis.ipynb"
    content = [
        cell(one, f"cell-{n}") if isinstance(one, str) else {**one, "id": f"cell-{n}"}
        for n, one in enumerate(cells)
    ]
    notebook = {"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    env = environment(place)
    command = [sys.executable, "-c", COMMAND, "sidecar", "--kernel", "python3", str(path)]
    process, url = started([*command, "--token", "sesame"], env)
    port = url.split(":")[2].partition("/")[0]
    command += ["--port", port, "--token", "sesame"]
    served = Served(browser, path, command, env, process, url, [])
    try:
        yield served
        for page in served.pages:
            page.close()
    finally:
        served.stop()
