"""The demo shows a race that only one client loses."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import demo, main
from tests.cli.shell import CONKERNEL

if TYPE_CHECKING:
    from pathlib import Path


def test_the_demo_ends_with_a_table_without_wrong_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Every request has its reply, and its own."""
    assert main(["demo", "--requests", "60"]) == 0
    shown = capsys.readouterr().out
    table = dict(line.rsplit(maxsplit=1) for line in shown.splitlines() if line.startswith("  "))
    table = {name.strip(): value for name, value in table.items()}
    assert (table["requests"], table["replies"], table["wrong ones"]) == ("60", "60", "0")
    assert table["still pending"] == "0"
    assert int(table["outputs"]) == 30
    assert "waiting for:" in shown


def test_a_program_gets_the_figures_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one document; the cell is a short one here."""
    monkeypatch.setattr(demo, "STEPS", 1)
    monkeypatch.setattr(demo, "LONG_CELL", "print('step 1 of 1', flush=True)")
    assert main(["demo", "--requests", "8", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["requests"], figures["replies"], figures["wrong"]) == (8, 8, 0)
    assert figures["p50_seconds"] <= figures["p99_seconds"]


def test_the_demo_draws_over_its_line_on_a_terminal(tmp_path: Path) -> None:
    """A live display."""
    master, slave = pty.openpty()
    process = subprocess.Popen([*CONKERNEL, "demo", "--requests", "4"], stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert shown.count(b"\r\x1b[K") > 3
    assert b"wrong ones" in shown
